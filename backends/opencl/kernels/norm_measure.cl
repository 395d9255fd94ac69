/* SPDX-License-Identifier: MIT
 * Mean and variance of a row of n elements; other texts take it in. The variance is taken around the mean: squares minus the
 * mean's square would cancel. A row whose squares come near the largest float is taken in a smaller unit. */
#define LARGE 1e30f
#define SMALL_UNIT 0x1p-70f

/* Of x * unit; inverse is 1 / the deviation. */
struct measured {
    R unit, mean, inverse;
};

#if defined(WIDE)
/* Scale and bias: neighbours along the row (period 0), or number row % period. */
struct norm {
    int rows, n, items, scale_period, bias_period;
};

inline float sum_of(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    return (b.s0 + b.s2) + (b.s1 + b.s3);
}

inline struct measured measure(__global const float *x, int n, float epsilon)
{
    int whole = n / 16 * 16, rest = n - whole;
    struct measured m = {1, 0, 0};
    for (int turn = 0; turn < 2; turn++) {
        float16 sums = 0, squares = 0;
        for (int i = 0; i < whole;) {
            float16 part = 0; /* few numbers each, so that a long sum does not lose what is small */
            for (int end = min(i + 1024, whole); i < end; i += 16)
                part += LOAD16(x, i) * m.unit;
            sums += part;
        }
        if (rest)
            sums += load_some16(x, whole, rest) * m.unit;
        m.mean = sum_of(sums) / (float)n;
        for (int i = 0; i < whole;) {
            float16 part = 0;
            for (int end = min(i + 1024, whole); i < end; i += 16) {
                float16 v = LOAD16(x, i) * m.unit - m.mean;
                part += v * v;
            }
            squares += part;
        }
        if (rest) {
            float16 v = load_some16(x, whole, rest) * m.unit - m.mean;
            squares += keep16(v * v, rest);
        }
        float variance = sum_of(squares) / (float)n;
        m.inverse = 1 / sqrt(variance + epsilon * m.unit * m.unit);
        if (turn == 1 || variance < LARGE)
            break;
        m.unit = SMALL_UNIT;
    }
    return m;
}
#else
/* Scale and bias are walked over by strides along x's axes, 0 where they are stretched. */
struct norm {
    int n, rank;
    int size[8], scale[8], bias[8];
};

/* By a work-group, which comes here as a whole; parts are GROUP numbers. */
#define GROUP 128
inline struct measured measure(__global const T(DX) *x, int n, float epsilon, __local R *parts)
{
    int item = get_local_id(0);
    struct measured m = {1, 0, 0};
    for (int turn = 0; turn < 2; turn++) {
        R sum = 0;
        for (int k = item; k < n;) {
            R part = 0; /* few numbers each, so that a long sum does not lose what is small */
            for (int end = min(k + 64 * GROUP, n); k < end; k += GROUP)
                part += LOAD(DX, x, k) * m.unit;
            sum += part;
        }
        parts[item] = sum;
        GROUP_FOLD(FOLD_SUM, parts, item, GROUP);
        m.mean = parts[0] / (R)n;
        barrier(CLK_LOCAL_MEM_FENCE);
        sum = 0;
        for (int k = item; k < n;) {
            R part = 0;
            for (int end = min(k + 64 * GROUP, n); k < end; k += GROUP) {
                R v = LOAD(DX, x, k) * m.unit - m.mean;
                part += v * v;
            }
            sum += part;
        }
        parts[item] = sum;
        GROUP_FOLD(FOLD_SUM, parts, item, GROUP);
        R variance = parts[0] / (R)n;
        barrier(CLK_LOCAL_MEM_FENCE);
        m.inverse = 1 / sqrt(variance + (R)epsilon * m.unit * m.unit);
        if (turn == 1 || variance < LARGE) /* the same for all items */
            break;
        m.unit = SMALL_UNIT;
    }
    return m;
}
#endif

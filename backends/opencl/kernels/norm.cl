/* SPDX-License-Identifier: MIT
 * Rows of n elements are brought to mean 0 and variance 1, then scaled and shifted (layer_norm, instance_norm). The variance is
 * taken around the mean: squares minus the mean's square would cancel. A row whose squares come near the largest float is taken
 * in a smaller unit. In place is fine. */
#define LARGE 1e30f
#define SMALL_UNIT 0x1p-70f
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

#define LINE(v, i, LOADER)                                                                                                     \
    (((v)*unit - mean) * inverse * (s.scale_period ? (float16)one_scale : LOADER(scale, i)) +                                  \
     (s.bias_period || !bias_base ? (float16)one_bias : LOADER(bias, i)))

KERNEL_OF(1)
norm_rows(SHARED_BUFFER(const float, x), CONST_BUFFER(float, scale), CONST_BUFFER(float, bias), SHARED_BUFFER(float, y),
          BUFFER(float, mean), BUFFER(float, inverse), struct norm s, float epsilon)
{
    __global const float *scale = CONST_AT(float, scale), *bias = CONST_AT(float, bias);
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows), whole = s.n / 16 * 16, rest = s.n - whole;
    for (int row = first; row < last; row++) {
        __global const float *x = CONST_AT(float, x) + row * s.n;
        __global float *y = AT(float, y) + row * s.n;
        float one_scale = s.scale_period ? scale[row % s.scale_period] : 1,
              one_bias = bias_base && s.bias_period ? bias[row % s.bias_period] : 0;
        float unit = 1;
        float16 mean = 0, inverse = 0;
        for (int turn = 0; turn < 2; turn++) {
            float16 sums = 0, squares = 0;
            for (int i = 0; i < whole;) {
                float16 part = 0; /* few numbers each, so that a long sum does not lose what is small */
                for (int end = min(i + 1024, whole); i < end; i += 16)
                    part += LOAD16(x, i) * unit;
                sums += part;
            }
            if (rest)
                sums += load_some16(x, whole, rest) * unit;
            mean = sum_of(sums) / (float)s.n;
            for (int i = 0; i < whole;) {
                float16 part = 0;
                for (int end = min(i + 1024, whole); i < end; i += 16) {
                    float16 v = LOAD16(x, i) * unit - mean;
                    part += v * v;
                }
                squares += part;
            }
            if (rest) {
                float16 v = load_some16(x, whole, rest) * unit - mean;
                squares += keep16(v * v, rest);
            }
            float variance = sum_of(squares) / (float)s.n;
            inverse = 1 / sqrt(variance + epsilon * unit * unit);
            if (turn == 1 || variance < LARGE)
                break;
            unit = SMALL_UNIT;
        }
        for (int i = 0; i < whole; i += 16) {
            float16 v = LINE(LOAD16(x, i), i, LOAD16);
            STORE16(y, i, v);
        }
        if (rest) {
#define LOAD_REST(p, i) load_some16(p, i, rest)
            float16 v = LINE(LOAD_REST(x, whole), whole, LOAD_REST);
            store_some16(y, whole, v, rest);
        }
        if (mean_base)
            AT(float, mean)[row] = mean.s0 / unit;
        if (inverse_base)
            AT(float, inverse)[row] = inverse.s0 * unit;
    }
}
#else
/* Scale and bias are walked over by strides along x's axes, 0 where they are stretched. */
struct norm {
    int n, rank;
    int size[8], scale[8], bias[8];
};

/* A work-group makes one row. */
#define GROUP 128
KERNEL_OF(GROUP)
norm_group(SHARED_BUFFER(const T(DX), x), CONST_BUFFER(T(DS), scale), CONST_BUFFER(T(DB), bias), SHARED_BUFFER(T(DX), y),
           BUFFER(T(DM), mean), BUFFER(T(DI), inverse), struct norm s, float epsilon)
{
    __local R parts[GROUP];
    int row = get_group_id(0), item = get_local_id(0), base = row * s.n;
    __global const T(DX) *x = CONST_AT(T(DX), x);
    R unit = 1, mean = 0, inverse = 0;
    for (int turn = 0; turn < 2; turn++) {
        R sum = 0;
        for (int k = item; k < s.n;) {
            R part = 0; /* few numbers each, so that a long sum does not lose what is small */
            for (int end = min(k + 64 * GROUP, s.n); k < end; k += GROUP)
                part += LOAD(DX, x, base + k) * unit;
            sum += part;
        }
        parts[item] = sum;
        GROUP_FOLD(FOLD_SUM, parts, item, GROUP);
        mean = parts[0] / (R)s.n;
        barrier(CLK_LOCAL_MEM_FENCE);
        sum = 0;
        for (int k = item; k < s.n;) {
            R part = 0;
            for (int end = min(k + 64 * GROUP, s.n); k < end; k += GROUP) {
                R v = LOAD(DX, x, base + k) * unit - mean;
                part += v * v;
            }
            sum += part;
        }
        parts[item] = sum;
        GROUP_FOLD(FOLD_SUM, parts, item, GROUP);
        R variance = parts[0] / (R)s.n;
        barrier(CLK_LOCAL_MEM_FENCE);
        inverse = 1 / sqrt(variance + (R)epsilon * unit * unit);
        if (turn == 1 || variance < LARGE) /* the same for all items */
            break;
        unit = SMALL_UNIT;
    }
    for (int k = item; k < s.n; k += GROUP) {
        int at_scale = 0, at_bias = 0, rest = base + k;
#define STEP(a)                                                                                                                \
    at_scale += rest % s.size[a] * s.scale[a];                                                                                 \
    at_bias += rest % s.size[a] * s.bias[a];                                                                                   \
    rest /= s.size[a];
        EACH_AXIS(s.rank, STEP)
#undef STEP
        R v = ((R)LOAD(DX, x, base + k) * unit - mean) * inverse * (R)LOAD(DS, CONST_AT(T(DS), scale), at_scale);
        if (bias_base)
            v += (R)LOAD(DB, CONST_AT(T(DB), bias), at_bias);
        STORE(DX, AT(T(DX), y), base + k, v);
    }
    if (item == 0 && mean_base)
        STORE(DM, AT(T(DM), mean), row, mean / unit);
    if (item == 0 && inverse_base)
        STORE(DI, AT(T(DI), inverse), row, inverse * unit);
}
#endif

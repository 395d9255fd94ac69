/* SPDX-License-Identifier: MIT
 * Tiles of sums in registers, for CPU devices: PX pixels by V vectors of 16 output channels,
 *
 *   y[p, oc] = epilogue( bias + sum over steps r, k:  x[off[r] + p * TILE_STEP + k] * w[r, k, oc] )
 *
 * One work-item is a fat piece of work; accumulators have names, because a driver may keep arrays in memory. Two things make
 * drivers that rest on LLVM keep 512-bit registers and fused operations: products are written a * b + c, since the library's
 * mad comes as two operations, and a call with a float16 stands in each function. Tiles are functions of their own (NOINLINE):
 * so each gets all registers, and compiling takes half the time. WIDEST and VECTORS say which tiles fit the registers. */
#define DY f32
#define NOINLINE __attribute__((noinline))
#define CPU_KERNEL __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

#define EACH1(F) F(0)
#define EACH2(F) EACH1(F) F(1)
#define EACH3(F) EACH2(F) F(2)
#define EACH4(F) EACH3(F) F(3)
#define EACH6(F) EACH4(F) F(4) F(5)
#define EACH7(F) EACH6(F) F(6)
#define EACH14(F) EACH7(F) F(7) F(8) F(9) F(10) F(11) F(12) F(13)

/* Where a tile reads and writes, and its epilogue. */
struct tile {
    const __global float *x;
    const __global int *off;     /* of each step, in floats */
    const __global float16 *w;
    int steps, whole, part;      /* steps from `whole` on count `part` channels, the others 16 */
    __global float16 *y;
    int y_block, y_step;         /* vectors of 16 between blocks of channels, between pixels */
    int channels;                /* real ones from the first on */
    const __global float *bias, *scale, *shift; /* at the first channel; 0: none */
    const __global float16 *residual;           /* addressed as y; 0: none */
    float a, b;
};

/* 16 numbers of which `count` are there; zeros for no pointer. */
inline float16 load16(const __global float *p, int count)
{
    if (p && count >= 16)
        return *(const __global float16 *)p;
    float16 v = 0;
    if (!p)
        return v;
    float *lanes = (float *)&v;
    for (int i = 0; i < count; i++)
        lanes[i] = p[i];
    return v;
}

inline float16 first16(float16 v, int count)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return lane < (int16)count ? v : (float16)0;
}

#if ACT == -1
/* Limits a <= b; a NaN stays. */
inline float16 clamp16(float16 v, float a, float b)
{
    v = v < (float16)a ? (float16)a : v;
    return v > (float16)b ? (float16)b : v;
}
#else
NOINLINE float16 clamp16(float16 v, float a, float b)
{
    return activate(v, a, b);
}
#endif

#define BEGIN_1(p) float16 a##p = begin0;
#define BEGIN_2(p) float16 a##p = begin0, b##p = begin1;
#define VECTORS_1(name, from) const float16 name##0 = load16(from, t->channels);
#define VECTORS_2(name, from) \
    const float16 name##0 = load16(from, 16), name##1 = load16((from) ? (from) + 16 : 0, t->channels - 16);
#define MUL_1(p) a##p = (float16)(in[(p) * TILE_STEP]) * w0 + a##p;
#define MUL_2(p)                                      \
    {                                                 \
        const float16 v = (float16)(in[(p) * TILE_STEP]); \
        a##p = v * w0 + a##p;                         \
        b##p = v * w1 + b##p;                         \
    }
#define WEIGHTS_1(i) const float16 w0 = w[i];
#define WEIGHTS_2(i) const float16 w0 = w[2 * (i)], w1 = w[2 * (i) + 1];
#define SCALE_1(p) a##p = a##p * scale0 + shift0;
#define SCALE_2(p) SCALE_1(p) b##p = b##p * scale1 + shift1;
#define RESIDUAL_1(p) a##p += residual[(p) * y_step];
#define RESIDUAL_2(p) RESIDUAL_1(p) b##p += residual[y_block + (p) * y_step];
#define CLAMP_1(p) a##p = clamp16(a##p, low, high);
#define CLAMP_2(p) CLAMP_1(p) b##p = clamp16(b##p, low, high);
#define MASK_1(p) a##p = first16(a##p, t->channels);
#define MASK_2(p) b##p = first16(b##p, t->channels - 16);
#define STORE_1(p) y[(p) * y_step] = a##p;
#define STORE_2(p) STORE_1(p) y[y_block + (p) * y_step] = b##p;

/* A step is one block of channels at one tap of the window. Unrolled by two: by more, LLVM runs out of registers. */
#define SUM_BLOCKS(PX, V)                                           \
    for (int i = 0; i < t->steps; i++) {                            \
        const __global float *x = t->x + t->off[i];                 \
        const __global float16 *w = t->w + i * (16 * V);            \
        const int depth = i < t->whole ? 16 : t->part;              \
        for (int k = 0; k < depth; k += 2, w += 2 * V) {            \
            SUM_ONE(PX, V, 0, x + k)                                \
            SUM_ONE(PX, V, 1, x + k + 1)                            \
        }                                                           \
    }
/* A step is one number of the window. */
#define SUM_TAPS(PX, V)                                             \
    for (int i = 0; i < t->steps; i++) {                            \
        const __global float16 *w = t->w + i * V;                   \
        SUM_ONE(PX, V, 0, t->x + t->off[i])                         \
    }
#define SUM_ONE(PX, V, i, from)                                     \
    {                                                               \
        const __global float *in = from;                            \
        WEIGHTS_##V(i) EACH##PX(MUL_##V)                            \
    }

/* The whole epilogue; TILE_FINISH is this, or FINISH_PLAIN where sums are stored as they are. */
#define FINISH_EPILOGUE(PX, V)                          \
    const __global float16 *residual = t->residual;     \
    const float low = t->a, high = t->b;                \
    if (t->scale) {                                     \
        VECTORS_##V(scale, t->scale)                    \
        VECTORS_##V(shift, t->shift)                    \
        EACH##PX(SCALE_##V)                             \
    }                                                   \
    if (residual) {                                     \
        EACH##PX(RESIDUAL_##V)                          \
    }                                                   \
    EACH##PX(CLAMP_##V)                                 \
    if (t->channels < 16 * V) {                         \
        EACH##PX(MASK_##V)                              \
    }
#define FINISH_PLAIN(PX, V)

#define DEFINE_TILE(PX, V)                              \
    NOINLINE void tile_##PX##_##V(const struct tile *t) \
    {                                                   \
        VECTORS_##V(begin, t->bias)                     \
        EACH##PX(BEGIN_##V)                             \
        TILE_SUM(PX, V)                                 \
        __global float16 *y = t->y;                     \
        const int y_block = t->y_block, y_step = t->y_step; \
        (void)y_block;                                  \
        TILE_FINISH(PX, V)                              \
        EACH##PX(STORE_##V)                             \
    }

/* SPDX-License-Identifier: MIT
 * Tiles of a product: y[m, n] = sum over k: a[m, k] * b[k, n], for conv, gemm and matmul alike.
 *
 * A work-group of (MT / WM) x (NT / WN) items computes MT x NT sums, an item WM x WN of them, in squares of 4 x 4 that lie
 * apart so that neighbours read neighbouring vectors of local memory. a and b pass through local memory in steps of KT. There
 * are two buffers, and what the next step needs is on its way into registers while the sums of this one are made: one barrier a
 * step.
 *
 * A_STEPS: a lies with k side by side (VA elements are read at once), else with m. B_FORM 0: b lies with n side by side, 1:
 * with k, 2: b is what the windows of a convolution see, read through a table of k, 3: the same with the parts exchanged, k
 * being the pixels of all images, in a as in b, and the table one of n. A column n is pixel n % pixels of image n / pixels;
 * with SPREAD the pixels of y lie apart. SPLIT: the sums are of one part of k and go to workspace as they are; product_sum.cl
 * makes y of them. */

struct tiles_sizes {
    int m, n, k;
    int tiles_m;        /* tiles down m; group 0 goes down first */
    int splits, part;   /* parts of k, and how long each is: a multiple of KT */
    int y_count;        /* from one part's sums to the next's */
    int a_step, b_step; /* from one line of a, b to the next */
    int a_batch, b_batch, c_batch, y_batch;
    int pixels, b_image, y_image, y_row;
    int c_row, c_column;
    int d, h, w; /* of a map of x */
    int h_out, w_out;
    int stride_d, stride_h, stride_w;
    int pad_d, pad_h, pad_w;
    int k_pixels, a_image;        /* form 3 */
    int y_first, y_line, y_pixel; /* SPREAD */
};

#define ITEMS ((MT / WM) * (NT / WN))
#define ITEMS_M (MT / WM)
#define ITEMS_N (NT / WN)
#define A_LOADS (MT * KT / VA / ITEMS)
#define B_LOADS (NT * KT / VB / ITEMS)
/* Local lines are whole vectors, one more than needed, so that columns fall into different banks. */
#define A_LINE (MT + 4)
#define B_LINE (NT + 4)

inline float4 load4_f32(__global const float *p, int i)
{
    return *(__global const float4 *)(p + i);
}
inline float4 load4_f16(__global const half *p, int i)
{
    return vload_half4(0, p + i);
}
inline float4 load4_bf16(__global const ushort *p, int i)
{
    return as_float4(convert_uint4(vload4(0, p + i)) << 16);
}
#define LOAD4(t, p, i) PASTE(load4_, t)(p, i)
inline void store4_f32(__global float *p, int i, float4 v)
{
    *(__global float4 *)(p + i) = v;
}
inline void store4_f16(__global half *p, int i, float4 v)
{
    vstore_half4_rte(v, 0, p + i);
}
inline void store4_bf16(__global ushort *p, int i, float4 v)
{
    store_bf16(p, i, v.s0);
    store_bf16(p, i + 1, v.s1);
    store_bf16(p, i + 2, v.s2);
    store_bf16(p, i + 3, v.s3);
}
#define STORE4(t, p, i, v) PASTE(store4_, t)(p, i, v)

#if VA == 4
#define A_VECTOR float4
#define A_LOAD(p, i) LOAD4(DX, p, i)
#else
#define A_VECTOR float
#define A_LOAD(p, i) LOAD(DX, p, i)
#endif
#if VB == 4
#define B_VECTOR float4
#define B_LOAD(p, i) LOAD4(DX, p, i)
#else
#define B_VECTOR float
#define B_LOAD(p, i) LOAD(DX, p, i)
#endif

#if SPLIT
#define DS f32
#else
#define DS DY
#endif

/* One number into its place in local memory, or four, which lie along k where they come along k. */
inline void put1(__local float *line, int step, float v)
{
    line[0] = v;
}
inline void put4_along(__local float *line, int step, float4 v)
{
    *(__local float4 *)line = v;
}
inline void put4_across(__local float *line, int step, float4 v)
{
    line[0] = v.s0;
    line[step] = v.s1;
    line[2 * step] = v.s2;
    line[3 * step] = v.s3;
}
#if VA == 4
#if A_STEPS
#define A_PUT put4_across
#else
#define A_PUT put4_along
#endif
#else
#define A_PUT put1
#endif
#if VB == 4
#if B_FORM & 1
#define B_PUT put4_across
#else
#define B_PUT put4_along
#endif
#else
#define B_PUT put1
#endif

/* A sum becomes element `at` of y, at row m and column n. */
#ifdef SCALED
#define SCALE_SUM(v) (v) * alpha
#else
#define SCALE_SUM(v) (v)
#endif
#ifdef WITH_C
#define ADD_C(n) +beta *LOAD(DX, CONST_AT(T(DX), c), batch *s.c_batch + m * s.c_row + (n)*s.c_column)
#else
#define ADD_C(n)
#endif
#ifdef CHANNEL_IS_COLUMN
#define CHANNEL(n) (n)
#else
#define CHANNEL(n) (batch * s.m + m)
#endif
#if SPLIT
#define FINISH(v, n, at) (v)
#else
#define FINISH(v, n, at) EPILOGUE(SCALE_SUM(v) ADD_C(n), CHANNEL(n), at)
#endif
#ifdef SPREAD
#define PIXEL(n) (s.y_first + (n) % s.pixels / s.w_out * s.y_line + (n) % s.pixels % s.w_out * s.y_pixel)
#else
#define PIXEL(n) ((n) % s.pixels)
#endif
#define STORE_ONE(v, column)                                                                                                     \
    if ((column) < s.n) {                                                                                                        \
        int at = y_at + (column) / s.pixels * s.y_image + m * s.y_row + PIXEL(column);                                           \
        STORE(DS, py, at, FINISH(v, column, at));                                                                                \
    }

#define ADD_ROW(e, s)                                                                                                            \
    _Pragma("unroll") for (int j = 0; j < WN / 4; j++) sum[i * 4 + e][j] = mad((float4)(av.s), bv[j], sum[i * 4 + e][j]);

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void product_tiles(CONST_BUFFER(T(DX), a), CONST_BUFFER(T(DX), b),
                                                                               CONST_BUFFER(T(DX), c), BUFFER(T(DS), y),
                                                                               EPILOGUE_ARGS, struct tiles_sizes s, float alpha,
                                                                               float beta, __global const int4 *restrict table)
{
    __local float4 a_local[2][KT * A_LINE / 4], b_local[2][KT * B_LINE / 4];
    int id = get_local_id(0), tile = get_group_id(0), batch = get_group_id(1) / s.splits, split = get_group_id(1) % s.splits;
    int m0 = tile % s.tiles_m * MT, n0 = tile / s.tiles_m * NT;
    int k_begin = split * s.part, k_end = min(s.k, k_begin + s.part);
    __global const T(DX) *pa = CONST_AT(T(DX), a) + batch * s.a_batch;
    __global const T(DX) *pb = CONST_AT(T(DX), b) + batch * s.b_batch;

    /* What this item reads of a: line a_m (or a_k), then every so many lines further. */
#if A_STEPS
    int a_k = id % (KT / VA) * VA, a_m = id / (KT / VA);
    int a_at = (m0 + a_m) * s.a_step + k_begin + a_k;
#define A_NEXT (ITEMS / (KT / VA))
#else
    int a_m = id % (MT / VA) * VA, a_k = id / (MT / VA);
    int a_at = (k_begin + a_k) * s.a_step + m0 + a_m;
#define A_NEXT (ITEMS / (MT / VA))
#endif
    /* And of b. */
#if B_FORM & 1
    int b_k = id % (KT / VB) * VB, b_n = id / (KT / VB);
    int b_at = (n0 + b_n) * s.b_step + k_begin + b_k;
#define B_NEXT (ITEMS / (KT / VB))
#else
    int b_n = id % (NT / VB) * VB, b_k = id / (NT / VB);
    int image = (n0 + b_n) / s.pixels, pixel = (n0 + b_n) % s.pixels;
    bool b_inside = n0 + b_n < s.n;
#define B_NEXT (ITEMS / (NT / VB))
#if B_FORM == 0
    int b_at = image * s.b_image + (k_begin + b_k) * s.b_step + pixel;
#else
    int x0 = pixel % s.w_out * s.stride_w - s.pad_w, y0 = pixel / s.w_out % s.h_out * s.stride_h - s.pad_h;
    int z0 = pixel / s.w_out / s.h_out * s.stride_d - s.pad_d;
    int b_at = image * s.b_image + (z0 * s.h + y0) * s.w + x0;
#endif
#endif

    A_VECTOR a_next[A_LOADS];
    B_VECTOR b_next[B_LOADS];
    float4 sum[WM][WN / 4];
#pragma unroll
    for (int i = 0; i < WM; i++)
#pragma unroll
        for (int j = 0; j < WN / 4; j++)
            sum[i][j] = 0;

    int m_lane = id / ITEMS_N, n_lane = id % ITEMS_N, buffer = 0;
    /* One round more than there are steps: round r fetches step r and adds step r - 1. */
    for (int k0 = k_begin; k0 < k_end + KT; k0 += KT) {
        if (k0 < k_end) {
#if B_FORM == 3
            int b_pixel = (k0 + b_k) % s.k_pixels, x0 = b_pixel % s.w_out * s.stride_w - s.pad_w;
            int y0 = b_pixel / s.w_out % s.h_out * s.stride_h - s.pad_h;
            int z0 = b_pixel / s.w_out / s.h_out * s.stride_d - s.pad_d;
            bool b_inside = k0 + b_k < s.k;
            b_at = (k0 + b_k) / s.k_pixels * s.b_image + (z0 * s.h + y0) * s.w + x0;
            a_at = (m0 + a_m) * s.a_step + (k0 + a_k) / s.k_pixels * s.a_image + (k0 + a_k) % s.k_pixels;
#endif
#pragma unroll
            for (int i = 0; i < A_LOADS; i++) {
#if A_STEPS
                bool inside = m0 + a_m + i * A_NEXT < s.m && k0 + a_k < s.k;
#else
                bool inside = m0 + a_m < s.m && k0 + a_k + i * A_NEXT < s.k;
#endif
                a_next[i] = 0;
                if (inside)
                    a_next[i] = A_LOAD(pa, a_at + i * A_NEXT * s.a_step);
            }
#pragma unroll
            for (int i = 0; i < B_LOADS; i++) {
                b_next[i] = 0;
#if B_FORM == 0
                if (b_inside && k0 + b_k + i * B_NEXT < s.k)
                    b_next[i] = B_LOAD(pb, b_at + i * B_NEXT * s.b_step);
#elif B_FORM == 1
                if (n0 + b_n + i * B_NEXT < s.n && k0 + b_k < s.k)
                    b_next[i] = B_LOAD(pb, b_at + i * B_NEXT * s.b_step);
#else
#if B_FORM == 2
                int4 tap = table[k0 + b_k + i * B_NEXT]; /* its end, beyond k, is outside of every map */
#else
                int4 tap = table[n0 + b_n + i * B_NEXT];
#endif
                bool inside = b_inside && (uint)(x0 + tap.s3) < (uint)s.w && (uint)(y0 + tap.s2) < (uint)s.h;
#if WITH_DEPTH
                inside = inside && (uint)(z0 + tap.s1) < (uint)s.d;
#endif
                if (inside)
                    b_next[i] = B_LOAD(pb, b_at + tap.s0);
#endif
            }
#if A_STEPS
            a_at += KT;
#else
            a_at += KT * s.a_step;
#endif
#if B_FORM == 0
            b_at += KT * s.b_step;
#elif B_FORM == 1
            b_at += KT;
#endif
        }
        if (k0 > k_begin) {
#pragma unroll
            for (int k = 0; k < KT; k++) {
                float4 bv[WN / 4];
#pragma unroll
                for (int j = 0; j < WN / 4; j++)
                    bv[j] = b_local[buffer][k * (B_LINE / 4) + n_lane + j * ITEMS_N];
#pragma unroll
                for (int i = 0; i < WM / 4; i++) {
                    float4 av = a_local[buffer][k * (A_LINE / 4) + m_lane + i * ITEMS_M];
                    ADD_ROW(0, s0)
                    ADD_ROW(1, s1)
                    ADD_ROW(2, s2)
                    ADD_ROW(3, s3)
                }
            }
            buffer ^= 1;
        }
        if (k0 < k_end) {
            __local float *la = (__local float *)a_local[buffer], *lb = (__local float *)b_local[buffer];
#pragma unroll
            for (int i = 0; i < A_LOADS; i++)
#if A_STEPS
                A_PUT(la + a_k * A_LINE + a_m + i * A_NEXT, A_LINE, a_next[i]);
#else
                A_PUT(la + (a_k + i * A_NEXT) * A_LINE + a_m, A_LINE, a_next[i]);
#endif
#pragma unroll
            for (int i = 0; i < B_LOADS; i++)
#if B_FORM & 1
                B_PUT(lb + b_k * B_LINE + b_n + i * B_NEXT, B_LINE, b_next[i]);
#else
                B_PUT(lb + (b_k + i * B_NEXT) * B_LINE + b_n, B_LINE, b_next[i]);
#endif
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    __global T(DS) *py = AT(T(DS), y);
    int y_at = batch * s.y_batch + split * s.y_count;
#pragma unroll
    for (int j = 0; j < WN / 4; j++) {
        int n = n0 + (n_lane + j * ITEMS_N) * 4;
#pragma unroll
        for (int i = 0; i < WM; i++) {
            int m = m0 + (m_lane + i / 4 * ITEMS_M) * 4 + i % 4;
            if (m >= s.m)
                continue;
#if VY == 4
            int at = y_at + n / s.pixels * s.y_image + m * s.y_row + n % s.pixels;
            if (n < s.n)
                STORE4(DS, py, at,
                       (float4)(FINISH(sum[i][j].s0, n, at), FINISH(sum[i][j].s1, n + 1, at + 1),
                                FINISH(sum[i][j].s2, n + 2, at + 2), FINISH(sum[i][j].s3, n + 3, at + 3)));
#else
            STORE_ONE(sum[i][j].s0, n)
            STORE_ONE(sum[i][j].s1, n + 1)
            STORE_ONE(sum[i][j].s2, n + 2)
            STORE_ONE(sum[i][j].s3, n + 3)
#endif
        }
    }
}

/* SPDX-License-Identifier: MIT
 * Winograd's F(TILE x TILE, 3 x 3): its transforms of x and of the sums. A tile of TILE x TILE outputs sees SIDE x SIDE inputs;
 * the transformed numbers lie as [SIDE * SIDE][channels][tiles], so that each of the SIDE * SIDE products is one of plain
 * matrices. */

struct winograd_sizes {
    int ic, oc; /* all groups */
    int h, w, h_out, w_out;
    int across, down; /* tiles of a map */
    int images;       /* in x; a call does `chunk` of them at most */
    int tiles, chunk; /* lines of the transformed numbers, rounded up to a multiple of 4 */
    int pad_h, pad_w;
};

#define SIDE (TILE + 2)

#if TILE == 4
/* The points 0, +-r, +-2r, infinity with r = sqrt(1/2). */
#define ROOT_HALF 0.70710678118654752f
#define ROOT_TWO 1.41421356237309505f
#define TRANSFORM_X(d, step)                                                                                                     \
    {                                                                                                                            \
        float even_a = (d)[4 * step] - 2 * (d)[2 * step], odd_a = ROOT_HALF * ((d)[3 * step] - 2 * (d)[step]);                   \
        float even_b = (d)[4 * step] - 0.5f * (d)[2 * step], odd_b = ROOT_TWO * ((d)[3 * step] - 0.5f * (d)[step]);              \
        (d)[0] += (d)[4 * step] - 2.5f * (d)[2 * step];                                                                          \
        (d)[5 * step] += (d)[step] - 2.5f * (d)[3 * step];                                                                       \
        (d)[step] = even_a + odd_a;                                                                                              \
        (d)[2 * step] = even_a - odd_a;                                                                                          \
        (d)[3 * step] = even_b + odd_b;                                                                                          \
        (d)[4 * step] = even_b - odd_b;                                                                                          \
    }
#define TRANSFORM_Y(d, step)                                                                                                     \
    {                                                                                                                            \
        float even_a = (d)[step] + (d)[2 * step], odd_a = ROOT_HALF * ((d)[step] - (d)[2 * step]);                               \
        float even_b = (d)[3 * step] + (d)[4 * step], odd_b = ROOT_TWO * ((d)[3 * step] - (d)[4 * step]);                        \
        (d)[0] += even_a + even_b;                                                                                               \
        (d)[step] = odd_a + odd_b;                                                                                               \
        (d)[2 * step] = 0.5f * even_a + 2 * even_b;                                                                              \
        (d)[3 * step] = 0.5f * odd_a + 2 * odd_b + (d)[5 * step];                                                                \
    }
#else
/* The points 0, 1, -1, infinity. */
#define TRANSFORM_X(d, step)                                                                                                     \
    {                                                                                                                            \
        float one = (d)[step], two = (d)[2 * step];                                                                              \
        (d)[0] = two - (d)[0];                                                                                                   \
        (d)[step] = two + one;                                                                                                   \
        (d)[2 * step] = two - one;                                                                                               \
        (d)[3 * step] -= one;                                                                                                    \
    }
#define TRANSFORM_Y(d, step)                                                                                                     \
    {                                                                                                                            \
        float one = (d)[step], two = (d)[2 * step];                                                                              \
        (d)[0] += one + two;                                                                                                     \
        (d)[step] = one - two + (d)[3 * step];                                                                                   \
    }
#endif

/* One item transforms one tile of one channel; tiles behind the last are zeros. */
__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void winograd_x(CONST_BUFFER(float, x), BUFFER(float, v),
                                                                         struct winograd_sizes s, int first_image)
{
    int item = get_global_id(0), tile = item % s.tiles, channel = item / s.tiles;
    if (channel >= s.ic)
        return;
    int column = tile % s.across, row = tile / s.across % s.down, in_chunk = tile / s.across / s.down,
        image = first_image + in_chunk;
    int x0 = column * TILE - s.pad_w, y0 = row * TILE - s.pad_h;
    bool inside = in_chunk < s.chunk && image < s.images;
    __global const float *px = CONST_AT(float, x);
    float d[SIDE * SIDE];
    int from = (image * s.ic + channel) * s.h * s.w + y0 * s.w + x0;
#pragma unroll
    for (int i = 0; i < SIDE; i++)
#pragma unroll
        for (int j = 0; j < SIDE; j++) {
            d[i * SIDE + j] = 0;
            if (inside && y0 + i >= 0 && y0 + i < s.h && x0 + j >= 0 && x0 + j < s.w)
                d[i * SIDE + j] = px[from + i * s.w + j];
        }
#pragma unroll
    for (int i = 0; i < SIDE; i++)
        TRANSFORM_X(d + i * SIDE, 1)
#pragma unroll
    for (int j = 0; j < SIDE; j++)
        TRANSFORM_X(d + j, SIDE)
    __global float *pv = AT(float, v) + item;
    int step = s.ic * s.tiles;
#pragma unroll
    for (int i = 0; i < SIDE * SIDE; i++)
        pv[i * step] = d[i];
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void winograd_y(CONST_BUFFER(float, sums), CONST_BUFFER(float, b),
                                                                         BUFFER(float, y), EPILOGUE_ARGS, struct winograd_sizes s,
                                                                         int first_image)
{
    int item = get_global_id(0), tile = item % s.tiles, channel = item / s.tiles;
    int column = tile % s.across, row = tile / s.across % s.down, in_chunk = tile / s.across / s.down,
        image = first_image + in_chunk;
    if (channel >= s.oc || in_chunk >= s.chunk || image >= s.images)
        return;
    __global const float *pm = CONST_AT(float, sums) + item;
    float d[SIDE * SIDE];
    int step = s.oc * s.tiles;
#pragma unroll
    for (int i = 0; i < SIDE * SIDE; i++)
        d[i] = pm[i * step];
#pragma unroll
    for (int i = 0; i < SIDE; i++)
        TRANSFORM_Y(d + i * SIDE, 1)
#pragma unroll
    for (int j = 0; j < TILE; j++)
        TRANSFORM_Y(d + j, SIDE)
    int ox = column * TILE, oy = row * TILE, at = ((image * s.oc + channel) * s.h_out + oy) * s.w_out + ox;
#ifdef WITH_BIAS
    float bias = CONST_AT(float, b)[channel];
#else
    float bias = 0;
#endif
#pragma unroll
    for (int i = 0; i < TILE; i++)
#pragma unroll
        for (int j = 0; j < TILE; j++)
            if (oy + i < s.h_out && ox + j < s.w_out)
                AT(float, y)[at + i * s.w_out + j] = EPILOGUE(d[i * SIDE + j] + bias, channel, at + i * s.w_out + j);
}

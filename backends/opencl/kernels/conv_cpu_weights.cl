/* SPDX-License-Identifier: MIT
 * dw of a convolution of NC16 tensors, or of a plain x with few channels, for CPU devices; conv_cpu_weights.c has the sizes. A
 * tile of sums in registers takes RANKS numbers of x that lie side by side (channels, or in a plain x the columns of the
 * window) times VECTORS blocks of dy,
 *
 *   part[r, oc] += sum over pixels p:  x[p * X_PIXEL + r] * dy[p, oc]
 *
 * A group has some of the pixels (group dimension 0) and some of the sums (dimension 1), and goes from piece to piece of its
 * pixels, a piece being what the first cache holds. How pixels are shared out depends on the sizes alone; a second kernel adds
 * the parts in that order. */
#include "conv_tile.cl"

#define EACH8(F) EACH7(F) F(7)

/* Columns of `table`; behind them for each step its place in x, and the first and last row and column of dy whose pixels it
 * meets. Distances in x in floats, in dy in vectors of 16. */
enum {
    PIECES, IMAGE_PIECES, PIECE_IMAGES, PIECE_ROWS, /* a piece is some images, or some rows of one */
    N, OH, OW, GROUPS, IC_BLOCKS, OC_VECTORS,       /* of a group */
    IC_PART, IC_PARTS, OC_PART, OC_PARTS,           /* blocks, and tiles, that a group of sums has; parts of each */
    STEPS, LAST_STEPS,                              /* of the last block of channels */
    X_IMAGE, X_GROUP, X_BLOCK, X_ROW, X_PIXEL, Y_IMAGE, Y_BLOCK, PART, COLUMNS
};
enum { STEP_X, STEP_TOP, STEP_BOTTOM, STEP_LEFT, STEP_RIGHT, STEP };

/* Pixels of some images: rows of px. */
struct pixels {
    const __global float *x;
    const __global float16 *y;
    __global float16 *to;
    int images, rows, px, x_image, x_row, x_pixel, y_image, y_row, y_block;
    bool add; /* to what is there */
};

/* Its argument makes compilers keep vectors of 512 bits whole. */
inline float16 begin16(float16 v, bool add)
{
    return add ? v : (float16)0;
}

#define FROM_1(r) float16 a##r = begin16(to[r], add);
#define FROM_2(r) float16 a##r = begin16(to[2 * (r)], add), b##r = begin16(to[2 * (r) + 1], add);
#define INTO_1(r) to[r] = a##r;
#define INTO_2(r) to[2 * (r)] = a##r; to[2 * (r) + 1] = b##r;
#define DY_1(p) const float16 w0 = y[p];
#define DY_2(p) const float16 w0 = y[p], w1 = y[y_block + (p)];
#define OUTER_1(r) a##r = (float16)(x[r]) * w0 + a##r;
#define OUTER_2(r)                         \
    {                                      \
        const float16 v = (float16)(x[r]); \
        a##r = v * w0 + a##r;              \
        b##r = v * w1 + b##r;              \
    }
#define DEFINE_OUTER(R, V)                                                              \
    NOINLINE void outer_##V(const struct pixels *k)                                     \
    {                                                                                   \
        __global float16 *to = k->to;                                                   \
        const bool add = k->add;                                                        \
        const int px = k->px, x_pixel = k->x_pixel, y_block = k->y_block;               \
        (void)y_block;                                                                  \
        EACH##R(FROM_##V)                                                               \
        for (int i = 0; i < k->images; i++)                                             \
            for (int row = 0; row < k->rows; row++) {                                   \
                const __global float *x = k->x + i * k->x_image + row * k->x_row;       \
                const __global float16 *y = k->y + i * k->y_image + row * k->y_row;     \
                for (int p = 0; p < px; p++, x += x_pixel, y++) {                       \
                    DY_##V(0)                                                           \
                    EACH##R(OUTER_##V)                                                  \
                }                                                                       \
            }                                                                           \
        EACH##R(INTO_##V)                                                               \
    }
#if RANKS == 8
DEFINE_OUTER(8, 1)
#elif RANKS == 4
DEFINE_OUTER(4, 1)
#else
DEFINE_OUTER(2, 1)
#endif
#if VECTORS == 2
DEFINE_OUTER(8, 2)
#endif

/* One step of a piece: clipped to the pixels of dy whose x lies inside. A struct passed by value would be the caller's on Mesa
 * 22.3. */
inline void outer_step(const __global int *s, const __global int *step, const struct pixels *piece, int row, int vectors)
{
    struct pixels k = *piece;
    const int ow = s[OW], top = max(row, step[STEP_TOP]), left = step[STEP_LEFT];
    k.rows = max(0, min(row + k.rows, step[STEP_BOTTOM]) - top);
    k.px = max(0, step[STEP_RIGHT] - left);
    k.x += step[STEP_X] + top * s[X_ROW] + left * s[X_PIXEL];
    k.y += top * ow + left;
    k.x_row = s[X_ROW];
    k.y_row = ow;
    if (k.px == ow && k.x_row == ow * k.x_pixel) { /* one long row */
        k.px *= k.rows;
        k.rows = min(k.rows, 1);
    }
#if VECTORS == 2
    if (vectors == 2)
        outer_2(&k);
    else
#endif
        outer_1(&k);
}

CPU_KERNEL void conv_weights(CONST_BUFFER(float, x), CONST_BUFFER(float16, y), BUFFER(float16, part), CONST_BUFFER(int, table))
{
    const __global int *s = CONST_AT(int, table);
    const int first_piece = s[PIECES] * (int)get_group_id(0) / (int)get_num_groups(0);
    const int last_piece = s[PIECES] * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    const int sums = get_group_id(1), group = sums / (s[IC_PARTS] * s[OC_PARTS]);
    const int ic0 = sums % s[IC_PARTS] * s[IC_PART], ic1 = min(s[IC_BLOCKS], ic0 + s[IC_PART]);
    const int tiles = (s[OC_VECTORS] + VECTORS - 1) / VECTORS;
    const int oc0 = sums / s[IC_PARTS] % s[OC_PARTS] * s[OC_PART], oc1 = min(tiles, oc0 + s[OC_PART]);
    for (int piece = first_piece; piece < last_piece; piece++) {
        const int image = piece / s[IMAGE_PIECES] * s[PIECE_IMAGES], row = piece % s[IMAGE_PIECES] * s[PIECE_ROWS];
        struct pixels k = {.images = min(s[PIECE_IMAGES], s[N] - image), .rows = min(s[PIECE_ROWS], s[OH] - row),
                           .x_image = s[X_IMAGE], .y_image = s[Y_IMAGE], .x_pixel = s[X_PIXEL], .y_block = s[Y_BLOCK],
                           .add = piece != first_piece};
        for (int i = ic0; i < ic1; i++)
            for (int t = oc0; t < oc1; t++) {
                const int vectors = min(VECTORS, s[OC_VECTORS] - t * VECTORS);
                const int steps = i == s[IC_BLOCKS] - 1 ? s[LAST_STEPS] : s[STEPS];
                k.x = CONST_AT(float, x) + image * s[X_IMAGE] + group * s[X_GROUP] + i * s[X_BLOCK];
                k.y = CONST_AT(float16, y) + image * s[Y_IMAGE] + (group * s[OC_VECTORS] + t * VECTORS) * s[Y_BLOCK];
                k.to = AT(float16, part) + (long)get_group_id(0) * s[PART] +
                       ((group * tiles + t) * s[IC_BLOCKS] + i) * s[STEPS] * (RANKS * VECTORS);
                for (int step = 0; step < steps; step++, k.to += RANKS * vectors)
                    outer_step(s, s + COLUMNS + step * STEP, &k, row, vectors);
            }
    }
}

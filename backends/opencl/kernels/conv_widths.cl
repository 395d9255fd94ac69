/* SPDX-License-Identifier: MIT
 * Tiles of every width, and lines of pixels that are cut into them. */
#if WIDEST == 14
#define WIDTHS(F, V) F(14, V) F(7, V) F(4, V) F(2, V) F(1, V)
#elif WIDEST == 6
#define WIDTHS(F, V) F(6, V) F(3, V) F(1, V)
#else
#define WIDTHS(F, V) F(2, V) F(1, V)
#endif
WIDTHS(DEFINE_TILE, 1)
#if VECTORS == 2
WIDTHS(DEFINE_TILE, 2)
#endif

/* The next tile of a line with `left` of px pixels to go: a wider one that reaches back is better than two. */
inline int width_of(int left, int px)
{
#if WIDEST == 14
    if (left >= 12 && px >= 14)
        return 14;
    if (left >= 5 && px >= 7)
        return 7;
    if (left >= 3 && px >= 4)
        return 4;
    return left >= 2 ? 2 : 1;
#elif WIDEST == 6
    if (left >= 5 && px >= 6)
        return 6;
    return left >= 2 && px >= 3 ? 3 : 1;
#else
    return left >= 2 ? 2 : 1;
#endif
}

inline void tile_any(int px, int vectors, const struct tile *t)
{
#define WIDTH(PX, V)        \
    case 16 * PX + V:       \
        tile_##PX##_##V(t); \
        break;
    switch (16 * px + vectors) {
        WIDTHS(WIDTH, 1)
#if VECTORS == 2
        WIDTHS(WIDTH, 2)
#endif
    }
}

/* `left` pixels from pixel `at` on of a line of px pixels; x, y and residual are the line's. */
inline void tile_line(struct tile *t, const __global float *x, __global float16 *y, const __global float16 *residual, int at,
                      int left, int px, int vectors)
{
    while (left > 0) {
        const int wide = width_of(left, px), from = min(at, px - wide);
        t->x = x + from * TILE_STEP;
        t->y = y + from * t->y_step;
        t->residual = residual ? residual + from * t->y_step : 0;
        tile_any(wide, vectors, t);
        left -= from + wide - at;
        at = from + wide;
    }
}

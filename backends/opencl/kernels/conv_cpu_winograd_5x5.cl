/* SPDX-License-Identifier: MIT
 * F(4x2, 5x5): the transforms of one tile, 4x2 outputs from 8x6 inputs. */

/* Of one column of inputs numbers 0, 1, 2 of its transform, or 3, 4, 7, or 5, 6. */
#define LOW(j)                                                                                          \
    {                                                                                                   \
        const float16 x1 = PIXEL(1, j), x2 = PIXEL(2, j), x3 = PIXEL(3, j), x4 = PIXEL(4, j), x5 = PIXEL(5, j), x6 = PIXEL(6, j); \
        const float16 even = x2 + x6 - 4.25f * x4, odd = x1 + x5 - 4.25f * x3;                          \
        a##j = x6 - PIXEL(0, j) + 5.25f * (x2 - x4);                                                    \
        b##j = even + odd;                                                                              \
        c##j = even - odd;                                                                              \
    }
#define MIDDLE(j)                                                                                       \
    {                                                                                                   \
        const float16 x1 = PIXEL(1, j), x2 = PIXEL(2, j), x3 = PIXEL(3, j), x4 = PIXEL(4, j), x5 = PIXEL(5, j), x6 = PIXEL(6, j); \
        const float16 even = x6 + 0.25f * x2 - 1.25f * x4, odd = x5 + 0.25f * x1 - 1.25f * x3;          \
        a##j = even + 2.0f * odd;                                                                       \
        b##j = even - 2.0f * odd;                                                                       \
        c##j = PIXEL(7, j) - x1 + 5.25f * (x3 - x5);                                                    \
    }
#define HIGH(j)                                                                                         \
    {                                                                                                   \
        const float16 x1 = PIXEL(1, j), x2 = PIXEL(2, j), x3 = PIXEL(3, j), x4 = PIXEL(4, j), x5 = PIXEL(5, j), x6 = PIXEL(6, j); \
        const float16 even = x6 + 4.0f * x2 - 5.0f * x4, odd = x5 + 4.0f * x1 - 5.0f * x3;              \
        a##j = even + 0.5f * odd;                                                                       \
        b##j = even - 0.5f * odd;                                                                       \
    }

NOINLINE void input_tile(const __global float16 *x, int row_step, __global float16 *v, int xi_step, const float16 root)
{
    {
        FOR_COLUMNS(DECLARE)
        FOR_COLUMNS(LOW)
        LINE(a, 0)
        LINE(b, 1)
        LINE(c, 2)
    }
    {
        FOR_COLUMNS(DECLARE)
        FOR_COLUMNS(MIDDLE)
        LINE(a, 3)
        LINE(b, 4)
        LINE(c, 7)
    }
    {
        FOR_COLUMNS(DECLARE_2)
        FOR_COLUMNS(HIGH)
        LINE(a, 5)
        LINE(b, 6)
    }
}

#define OUT_COLUMN(j)                                                                                                          \
    {                                                                                                                          \
        const __global float16 *m = o->m + (j) * step;                                                                         \
        const float16 x1 = m[6 * step], x2 = m[12 * step], x3 = m[18 * step], x4 = m[24 * step], x5 = m[30 * step], x6 = m[36 * step]; \
        const float16 even = x1 + x2, odd = x1 - x2, even2 = x3 + x4, odd2 = x3 - x4, even3 = x5 + x6, odd3 = x5 - x6;         \
        p##j = (m[0] + even) + (even2 + even3);                                                                                \
        q##j = odd + 2.0f * odd2 + 0.5f * odd3;                                                                                \
        r##j = even + 4.0f * even2 + 0.25f * even3;                                                                            \
        s##j = (odd + m[42 * step]) + 8.0f * odd2 + 0.125f * odd3;                                                             \
    }
#define OUT_LINE(i, x)                                                                                \
    {                                                                                                 \
        const float16 even = x##1 + x##2, odd = x##1 - x##2, even2 = x##3 + x##4, odd2 = x##3 - x##4; \
        STORE_OUT(i, 0, (x##0 + (even + even2)))                                                      \
        STORE_OUT(i, 1, (x##5 + root * (odd + 2.0f * odd2)))                                          \
    }

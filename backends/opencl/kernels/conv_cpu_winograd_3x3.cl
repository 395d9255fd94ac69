/* SPDX-License-Identifier: MIT
 * F(4x4, 3x3): the transforms of one tile, 4x4 outputs from 6x6 inputs. */

/* Of one column of inputs the first three numbers of its transform, or the last three. */
#define LOW(j)                                                                               \
    {                                                                                        \
        const float16 x0 = PIXEL(0, j), x1 = PIXEL(1, j), x2 = PIXEL(2, j), x3 = PIXEL(3, j), x4 = PIXEL(4, j); \
        const float16 even = x4 - 2.0f * x2, odd = x3 - 2.0f * x1;                           \
        a##j = x0 + x4 - 2.5f * x2;                                                          \
        b##j = even + root * odd;                                                            \
        c##j = even - root * odd;                                                            \
    }
#define HIGH(j)                                                                              \
    {                                                                                        \
        const float16 x1 = PIXEL(1, j), x2 = PIXEL(2, j), x3 = PIXEL(3, j), x4 = PIXEL(4, j), x5 = PIXEL(5, j); \
        const float16 even = x4 - 0.5f * x2, odd = x3 - 0.5f * x1;                           \
        a##j = even + ROOT2 * odd;                                                           \
        b##j = even - ROOT2 * odd;                                                           \
        c##j = x1 + x5 - 2.5f * x3;                                                          \
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
        FOR_COLUMNS(HIGH)
        LINE(a, 3)
        LINE(b, 4)
        LINE(c, 5)
    }
}

#define OUT_COLUMN(j)                                                                                           \
    {                                                                                                           \
        const __global float16 *m = o->m + (j) * step;                                                         \
        const float16 x0 = m[0], x1 = m[6 * step], x2 = m[12 * step], x3 = m[18 * step], x4 = m[24 * step], x5 = m[30 * step]; \
        const float16 even = x1 + x2, odd = x1 - x2, even2 = x3 + x4, odd2 = x3 - x4;                           \
        p##j = x0 + (even + even2);                                                                             \
        q##j = root * (odd + 2.0f * odd2);                                                                      \
        r##j = 0.5f * even + 2.0f * even2;                                                                      \
        s##j = x5 + root * (0.5f * odd + 4.0f * odd2);                                                          \
    }
#define OUT_LINE(i, x)                                                                                \
    {                                                                                                 \
        const float16 even = x##1 + x##2, odd = x##1 - x##2, even2 = x##3 + x##4, odd2 = x##3 - x##4; \
        STORE_OUT(i, 0, (x##0 + (even + even2)))                                                          \
        STORE_OUT(i, 1, (root * (odd + 2.0f * odd2)))                                                     \
        STORE_OUT(i, 2, (0.5f * even + 2.0f * even2))                                                     \
        STORE_OUT(i, 3, (x##5 + root * (0.5f * odd + 4.0f * odd2)))                                       \
    }

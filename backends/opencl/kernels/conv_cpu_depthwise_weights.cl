/* SPDX-License-Identifier: MIT
 * dw of a depthwise convolution of NC16 tensors for CPU devices: part[group of images][block][tap][16]. A row of dy meets the
 * rows of x that its window covers; both stay in the first cache while all taps go over them. */
#define CPU_KERNEL __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

/* Columns of `table`. */
enum { N, BLOCKS, H, W, OH, OW, KH, KW, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W, TOP, LEFT };

/* Its argument makes compilers keep vectors of 512 bits whole. */
inline float16 product(float16 a, float16 b, float16 sum)
{
    return a * b + sum;
}

/* The sum of `count` pixels' products, four at a time. */
__attribute__((noinline)) float16 tap_sum(const __global float16 *x, int step, const __global float16 *y, int count)
{
    float16 a = 0, b = 0, c = 0, d = 0;
    int p = 0;
    for (; p + 4 <= count; p += 4, x += 4 * step) {
        a = product(x[0], y[p], a);
        b = product(x[step], y[p + 1], b);
        c = product(x[2 * step], y[p + 2], c);
        d = product(x[3 * step], y[p + 3], d);
    }
    for (; p < count; p++, x += step)
        a = product(x[0], y[p], a);
    return (a + b) + (c + d);
}

CPU_KERNEL void depthwise_weights(CONST_BUFFER(float16, x), CONST_BUFFER(float16, y), BUFFER(float16, part),
                                  CONST_BUFFER(int, table))
{
    const __global int *s = CONST_AT(int, table);
    const int blocks = s[BLOCKS], block = get_group_id(1), kh = s[KH], kw = s[KW], stride = s[STRIDE_W], w = s[W], ow = s[OW];
    const int begin = s[N] * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = s[N] * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    __global float16 *sums = AT(float16, part) + ((int)get_group_id(0) * blocks + block) * kh * kw;
    for (int i = 0; i < kh * kw; i++)
        sums[i] = 0;
    for (int line = begin * s[OH]; line < end * s[OH]; line++) {
        const int map = line / s[OH] * blocks + block, top = line % s[OH] * s[STRIDE_H] - s[TOP];
        const __global float16 *y = CONST_AT(float16, y) + (map * s[OH] + line % s[OH]) * ow;
        for (int i = 0; i < kh; i++) {
            const int row = top + i * s[DILATION_H];
            for (int k = 0; row >= 0 && row < s[H] && k < kw; k++) {
                const int from = k * s[DILATION_W] - s[LEFT];
                /* Outputs low .. high - 1 read inside. */
                const int low = from < 0 ? (stride - 1 - from) / stride : 0;
                const int high = w > from ? min(ow, (w - 1 - from) / stride + 1) : 0;
                const __global float16 *x = CONST_AT(float16, x) + (map * s[H] + row) * w + from + low * stride;
                if (low < high)
                    sums[i * kw + k] += tap_sum(x, stride, y + low, high - low);
            }
        }
    }
}

/* SPDX-License-Identifier: MIT
 * x / (k + alpha / window * sum of squares over neighbouring channels)^beta; any layout. */
struct lrn {
    int count, before, after;
};

#if defined(WIDE)
/* Blocks of sixteen channels: items of `pixels` pixels of an image, block by block. At most sixteen channels before and after.
 */
KERNEL_OF(1)
lrn_blocked(CONST_BUFFER(float, x), BUFFER(float, y), struct lrn s, struct channels c, int pixels, float k, float factor,
            float beta)
{
    int map = c.inner / 16, per_image = (map + pixels - 1) / pixels, image = get_global_id(0) / per_image;
    int first = get_global_id(0) % per_image * pixels, last = min(first + pixels, map);
    __global const float *x = CONST_AT(float, x) + image * c.blocks * c.inner;
    __global float *y = AT(float, y) + image * c.blocks * c.inner;
    float squares[48]; /* of the block before, this one, the one behind */
    for (int pixel = first; pixel < last; pixel++) {
        float16 v = LOAD16(x, pixel * 16);
        vstore16((float16)0, 0, squares);
        vstore16(v * v, 1, squares);
        for (int block = 0; block < c.blocks; block++) {
            int at = block * c.inner + pixel * 16;
            float16 next = block + 1 < c.blocks ? LOAD16(x, at + c.inner) : (float16)0, sum = 0;
            vstore16(next * next, 2, squares);
            for (int i = 16 - s.before; i <= 16 + s.after; i++)
                sum += vload16(0, squares + i);
            float16 result = keep16(v / pow(k + factor * sum, (float16)beta), c.count - block * 16);
            STORE16(y, at, result);
            vstore16(vload16(1, squares), 0, squares);
            vstore16(next * next, 1, squares);
            v = next;
        }
    }
}
#else
KERNEL_OF(64) lrn(CONST_BUFFER(T(DX), x), BUFFER(T(DX), y), struct lrn s, struct channels c, float k, float factor, float beta)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int channel = channel_of(c, i), pixel = i / (c.inner * c.blocks) * (c.inner * c.blocks) + i % c.inner / c.block * c.block;
    __global const T(DX) *x = CONST_AT(T(DX), x);
    R sum = 0;
    for (int near = max(channel - s.before, 0); near <= min(channel + s.after, c.count - 1); near++) {
        R v = LOAD(DX, x, pixel + near / c.block * c.inner + near % c.block);
        sum += v * v;
    }
    R v = LOAD(DX, x, i) / pow((R)k + (R)factor * sum, (R)beta);
    STORE(DX, AT(T(DX), y), i, channel < c.count ? v : (R)0);
}
#endif

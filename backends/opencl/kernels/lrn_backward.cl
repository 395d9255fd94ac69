/* SPDX-License-Identifier: MIT
 * The gradient of lrn, in any layout. With s = k + alpha / window * the squares of a window, an element has dy / s^beta from
 * itself and, from each window that holds it, a share of that one's term dy * x / s^(beta + 1). Both are made first. */
struct lrn {
    int count, window, before, after;
};

/* Element i's pixel, at its first channel. */
inline int pixel_of(struct channels c, int i)
{
    return i / (c.inner * c.blocks) * (c.inner * c.blocks) + i % c.inner / c.block * c.block;
}

inline int place_of(struct channels c, int pixel, int channel)
{
    return pixel + channel / c.block * c.inner + channel % c.block;
}

KERNEL_OF(64)
lrn_terms(CONST_BUFFER(T(DX), dy), CONST_BUFFER(T(DX), x), BUFFER(R, direct), BUFFER(R, terms), struct lrn s, struct channels c,
          float k, float alpha, float beta)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int channel = channel_of(c, i), pixel = pixel_of(c, i);
    __global const T(DX) *x = CONST_AT(T(DX), x);
    R squares = 0;
    for (int near = max(channel - s.before, 0); near <= min(channel + s.after, c.count - 1); near++) {
        R v = LOAD(DX, x, place_of(c, pixel, near));
        squares += v * v;
    }
    R base = (R)k + (R)alpha / (R)s.window * squares, own = LOAD(DX, CONST_AT(T(DX), dy), i) / pow(base, (R)beta);
    AT(R, direct)[i] = own;
    AT(R, terms)[i] = own * LOAD(DX, x, i) / base;
}

KERNEL_OF(64)
lrn_gather(CONST_BUFFER(T(DX), x), BUFFER(T(DX), dx), CONST_BUFFER(R, direct), CONST_BUFFER(R, terms), struct lrn s,
           struct channels c, float k, float alpha, float beta)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int channel = channel_of(c, i), pixel = pixel_of(c, i);
    R sum = 0;
    for (int near = max(channel - s.after, 0); near <= min(channel + s.before, c.count - 1); near++)
        sum += CONST_AT(R, terms)[place_of(c, pixel, near)];
    R v = CONST_AT(R, direct)[i] - 2 * (R)alpha * (R)beta / (R)s.window * LOAD(DX, CONST_AT(T(DX), x), i) * sum;
    STORE(DX, AT(T(DX), dx), i, channel < c.count ? v : (R)0);
}

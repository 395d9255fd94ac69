/* SPDX-License-Identifier: MIT
 * A window slides over each map: KIND 0 maximum, 1 mean, 2 Lp norm. */
#if defined(WIDE)
/* Blocks of sixteen channels, one or two dimensions. `rows` are those of all maps of y. */
struct window {
    int rows, items, h, w, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int counted_h, counted_w; /* where counting of pixels for the mean ends: the map, or its padding too */
    int count_pad;
};

KERNEL_OF(1) pool_blocked(CONST_BUFFER(float, x), BUFFER(float, y), struct window s, struct channels c)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows);
    for (int row = first; row < last; row++) {
        int map = row / s.oh, from_h = row % s.oh * s.stride_h - s.top;
        int kh0 = from_h < 0 ? (-from_h + s.dilation_h - 1) / s.dilation_h : 0;
        int kh1 = min(s.kh, (s.h - from_h + s.dilation_h - 1) / s.dilation_h);
        int all_h = min(s.kh, (s.counted_h - from_h + s.dilation_h - 1) / s.dilation_h);
        int step_h = s.dilation_h * s.w * 16, step_w = s.dilation_w * 16, left = c.count - map % c.blocks * 16;
        __global const float *x = CONST_AT(float, x) + map * s.h * s.w * 16 + (from_h + kh0 * s.dilation_h) * s.w * 16;
        __global float *y = AT(float, y) + row * s.ow * 16;
        for (int column = 0; column < s.ow; column++, y += 16) {
            int from_w = column * s.stride_w - s.left;
            int kw0 = 0, kw1 = s.kw;
            if (from_w < 0)
                kw0 = (-from_w + s.dilation_w - 1) / s.dilation_w;
            if (from_w + (s.kw - 1) * s.dilation_w >= s.w)
                kw1 = s.w > from_w ? (s.w - from_w + s.dilation_w - 1) / s.dilation_w : 0;
            __global const float *p = x + (from_w + kw0 * s.dilation_w) * 16;
#if KIND == 0
            float16 v = -(float16)INFINITY;
            for (int i = kh0; i < kh1; i++, p += step_h) {
                __global const float *q = p;
                for (int k = kw0; k < kw1; k++, q += step_w) {
                    float16 u = LOAD16(q, 0);
                    v = FOLD_MAX(v, u);
                }
            }
#else
            float16 v = 0;
            for (int i = kh0; i < kh1; i++, p += step_h) {
                __global const float *q = p;
                float16 part = 0;
                for (int k = kw0; k < kw1; k++, q += step_w)
                    part += LOAD16(q, 0);
                v += part;
            }
            int pixels = (kh1 - kh0) * (kw1 - kw0);
            if (s.count_pad)
                pixels = all_h * min(s.kw, (s.counted_w - from_w + s.dilation_w - 1) / s.dilation_w);
            v = kh1 > kh0 && kw1 > kw0 ? v / (float)pixels : (float16)0;
#endif
            STORE16(y, 0, keep16(v, left));
        }
    }
}
#else
/* Any device and type, one element each; absent dimensions have size 1. */
struct window {
    int count, in[3], out[3], size[3], stride[3], dilation[3], begin[3], end[3];
    int count_pad, column_major, p;
};

#ifdef WHOLE
#define V long
#else
#define V R
#endif

KERNEL_OF(64)
pool(CONST_BUFFER(T(DX), x), BUFFER(T(DX), y),
#ifdef INDICES
     BUFFER(long, indices),
#endif
     struct window s)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int map = i / s.out[2] / s.out[1] / s.out[0], in_map = s.in[0] * s.in[1] * s.in[2];
    int o[3] = {i / s.out[2] / s.out[1] % s.out[0], i / s.out[2] % s.out[1], i % s.out[2]};
    int from[3], first[3], last[3], all = 1, pixels = 1;
    for (int k = 0; k < 3; k++) {
        from[k] = o[k] * s.stride[k] - s.begin[k];
        int room = s.in[k] - from[k], counted = room + s.end[k], d = s.dilation[k];
        first[k] = from[k] < 0 ? (-from[k] + d - 1) / d : 0;
        last[k] = room > 0 ? min(s.size[k], (room + d - 1) / d) : 0;
        all *= min(s.size[k], (counted + d - 1) / d);
        pixels *= max(last[k] - first[k], 0);
    }
    __global const T(DX) *x = CONST_AT(T(DX), x) + map * in_map;
    V v = 0;
#ifdef INDICES
    long place = -1;
#endif
#if KIND == 0
    bool seen = false;
    v = LEAST;
#endif
    for (int kz = first[0]; kz < last[0]; kz++)
        for (int ky = first[1]; ky < last[1]; ky++) {
            int z = from[0] + kz * s.dilation[0], row = from[1] + ky * s.dilation[1];
            V part = 0;
            for (int kx = first[2]; kx < last[2]; kx++) {
                int column = from[2] + kx * s.dilation[2];
                V u = LOAD(DX, x, (z * s.in[1] + row) * s.in[2] + column);
#if KIND == 0
                if (!seen || u > v || (u != u && v == v)) { /* the first of equals, the first NaN */
                    v = u;
                    seen = true;
#ifdef INDICES
                    place = (long)map * in_map +
                            (s.column_major ? (column * s.in[1] + row) * s.in[0] + z : (z * s.in[1] + row) * s.in[2] + column);
#endif
                }
#elif KIND == 1
                part += u;
#else
                part += s.p == 2 ? u * u : s.p == 1 ? fabs(u) : pow(fabs(u), (V)s.p);
#endif
            }
#if KIND != 0
            v += part;
#endif
        }
#if KIND == 1
    v = pixels ? v / (V)(s.count_pad ? all : pixels) : (V)0;
#elif KIND == 2
    v = s.p == 2 ? sqrt(v) : s.p == 1 ? v : pow(v, (V)1 / (V)s.p);
#endif
    STORE(DX, AT(T(DX), y), i, v);
#ifdef INDICES
    if (indices_base)
        AT(long, indices)[i] = place;
#endif
}
#endif

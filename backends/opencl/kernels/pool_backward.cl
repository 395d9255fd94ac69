/* SPDX-License-Identifier: MIT
 * The gradient of a sliding window: KIND 0 maximum, 1 mean, 2 Lp norm. */
#if defined(WIDE)
/* Blocks of sixteen channels, one or two dimensions: an item goes over the windows of a map and adds to dx. */
struct window {
    int rows, items, h, w, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int counted_h, counted_w;
    int count_pad;
};

/* Pixels kh0 .. kh1 - 1 by kw0 .. kw1 - 1 of a window, from p on. */
#define EACH_PIXEL(p, at, number)                                                                                              \
    for (int i_ = kh0, number = 0, line_ = (p); i_ < kh1; i_++, line_ += step_h)                                               \
        for (int k_ = kw0, at = line_; k_ < kw1; k_++, at += step_w, number++)

inline void clear_rows(__global float *dx, int from, int to, int w)
{
    for (int i = from * w * 16; i < to * w * 16; i += 16)
        STORE16(dx, i, (float16)0);
}

KERNEL_OF(1)
pool_blocked_backward(CONST_BUFFER(float, dy), CONST_BUFFER(float, x), BUFFER(float, dx), struct window s, int maps)
{
    int map = get_global_id(0), cleared = 0;
    if (map >= maps)
        return;
    int step_h = s.dilation_h * s.w * 16, step_w = s.dilation_w * 16;
    __global const float *x = CONST_AT(float, x) + map * s.h * s.w * 16, *dy = CONST_AT(float, dy) + map * s.oh * s.ow * 16;
    __global float *dx = AT(float, dx) + map * s.h * s.w * 16;
    for (int row = 0; row < s.oh; row++) {
        int from_h = row * s.stride_h - s.top;
        int kh0 = from_h < 0 ? (-from_h + s.dilation_h - 1) / s.dilation_h : 0;
        int kh1 = min(s.kh, (s.h - from_h + s.dilation_h - 1) / s.dilation_h);
        int all_h = min(s.kh, (s.counted_h - from_h + s.dilation_h - 1) / s.dilation_h);
        int touched = clamp(from_h + (s.kh - 1) * s.dilation_h + 1, cleared, s.h);
        clear_rows(dx, cleared, touched, s.w);
        cleared = touched;
        for (int column = 0; column < s.ow; column++, dy += 16) {
            int from_w = column * s.stride_w - s.left;
            int kw0 = 0, kw1 = s.kw;
            if (from_w < 0)
                kw0 = (-from_w + s.dilation_w - 1) / s.dilation_w;
            if (from_w + (s.kw - 1) * s.dilation_w >= s.w)
                kw1 = s.w > from_w ? (s.w - from_w + s.dilation_w - 1) / s.dilation_w : 0;
            if (kh1 <= kh0 || kw1 <= kw0)
                continue;
            int begin = ((from_h + kh0 * s.dilation_h) * s.w + from_w + kw0 * s.dilation_w) * 16;
            float16 g = LOAD16(dy, 0);
#if KIND == 0
            float16 best = LOAD16(x, begin);
            int16 place = 0;
            EACH_PIXEL(begin, at, number)
            {
                float16 v = LOAD16(x, at);
                int16 higher = ~(v <= best) & (best == best); /* the first of equals, the first NaN */
                best = select(best, v, higher);
                place = select(place, (int16)number, higher);
            }
            EACH_PIXEL(begin, at, number)
            {
                float16 sum = LOAD16(dx, at) + select((float16)0, g, place == (int16)number);
                STORE16(dx, at, sum);
            }
#else
            int pixels = (kh1 - kh0) * (kw1 - kw0);
            if (s.count_pad)
                pixels = all_h * min(s.kw, (s.counted_w - from_w + s.dilation_w - 1) / s.dilation_w);
            g /= (float)pixels;
            EACH_PIXEL(begin, at, number)
            {
                float16 sum = LOAD16(dx, at) + g;
                STORE16(dx, at, sum);
            }
#endif
        }
    }
    clear_rows(dx, cleared, s.h, s.w);
}
#else
/* Any device and floating type: first what each window found (the place of its maximum in the map, its norm), then each pixel
 * asks the windows that it is in. Absent dimensions have size 1. */
struct window {
    int count, in[3], out[3], size[3], stride[3], dilation[3], begin[3], end[3];
    int count_pad, column_major, p;
};

#if KIND == 2
#define FOUND R
#else
#define FOUND int
#endif

/* Along one axis: the first and the last of a window's pixels that are in the map, and how many are in the map or its padding.
 */
struct reach {
    int from, first, last, all;
};

inline struct reach reach_of(int o, int in, int size, int stride, int dilation, int begin, int end)
{
    struct reach r;
    r.from = o * stride - begin;
    int room = in - r.from;
    r.first = r.from < 0 ? (-r.from + dilation - 1) / dilation : 0;
    r.last = room > 0 ? min(size, (room + dilation - 1) / dilation) : 0;
    r.all = min(size, (room + end + dilation - 1) / dilation);
    return r;
}
#define REACH(k, o) reach_of(o, s.in[k], s.size[k], s.stride[k], s.dilation[k], s.begin[k], s.end[k])

#if KIND != 1
KERNEL_OF(64) pool_find(CONST_BUFFER(T(DX), x), BUFFER(FOUND, found), struct window s, int windows)
{
    int i = get_global_id(0);
    if (i >= windows)
        return;
    struct reach z = REACH(0, i / s.out[2] / s.out[1] % s.out[0]), y = REACH(1, i / s.out[2] % s.out[1]),
                 x = REACH(2, i % s.out[2]);
    __global const T(DX) *map = CONST_AT(T(DX), x) + i / s.out[2] / s.out[1] / s.out[0] * (s.in[0] * s.in[1] * s.in[2]);
    int place = -1;
    R v = 0;
    for (int kz = z.first; kz < z.last; kz++)
        for (int ky = y.first; ky < y.last; ky++)
            for (int kx = x.first; kx < x.last; kx++) {
                int at = ((z.from + kz * s.dilation[0]) * s.in[1] + y.from + ky * s.dilation[1]) * s.in[2] + x.from +
                         kx * s.dilation[2];
                R u = LOAD(DX, map, at);
#if KIND == 0
                if (place < 0 || u > v || (u != u && v == v)) { /* the first of equals, the first NaN */
                    v = u;
                    place = at;
                }
#else
                v += pow(fabs(u), (R)s.p);
#endif
            }
#if KIND == 0
    AT(int, found)[i] = place;
#else
    AT(R, found)[i] = pow(v, (R)1 / (R)s.p);
#endif
}
#endif

/* Windows along one axis that a pixel may be in: first .. last. */
#define FIRST_WINDOW(k, i) max(0, ((i) + s.begin[k] - (s.size[k] - 1) * s.dilation[k] + s.stride[k] - 1) / s.stride[k])
#define LAST_WINDOW(k, i) min(s.out[k] - 1, ((i) + s.begin[k]) / s.stride[k])
#define IS_IN(k, o, i) (((i) + s.begin[k] - (o)*s.stride[k]) % s.dilation[k] == 0)

KERNEL_OF(64)
pool_share(CONST_BUFFER(T(DX), dy), CONST_BUFFER(T(DX), x), CONST_BUFFER(FOUND, found), BUFFER(T(DX), dx), struct window s)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int in_map = s.in[0] * s.in[1] * s.in[2], place = i % in_map, iz = place / s.in[2] / s.in[1],
        iy = place / s.in[2] % s.in[1], ix = place % s.in[2];
    int base = i / in_map * (s.out[0] * s.out[1] * s.out[2]);
    R sum = 0;
    for (int z = FIRST_WINDOW(0, iz); z <= LAST_WINDOW(0, iz); z++)
        for (int y = FIRST_WINDOW(1, iy); y <= LAST_WINDOW(1, iy); y++)
            for (int x = FIRST_WINDOW(2, ix); x <= LAST_WINDOW(2, ix); x++) {
                if (!IS_IN(0, z, iz) || !IS_IN(1, y, iy) || !IS_IN(2, x, ix))
                    continue;
                int window = base + (z * s.out[1] + y) * s.out[2] + x;
                R g = LOAD(DX, CONST_AT(T(DX), dy), window);
#if KIND == 0
                sum += CONST_AT(int, found)[window] == place ? g : 0;
#elif KIND == 1
                struct reach a = REACH(0, z), b = REACH(1, y), c = REACH(2, x);
                int pixels = s.count_pad ? a.all * b.all * c.all : (a.last - a.first) * (b.last - b.first) * (c.last - c.first);
                sum += g / (R)pixels;
#else
                R u = LOAD(DX, CONST_AT(T(DX), x), i), slope = pow(fabs(u) / CONST_AT(R, found)[window], (R)(s.p - 1));
                sum += u == 0 ? 0 : g * (u < 0 ? -slope : slope);
#endif
            }
    STORE(DX, AT(T(DX), dx), i, sum);
}
#endif

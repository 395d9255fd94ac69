/* SPDX-License-Identifier: MIT
 * conv and conv_transpose of any kind: one item computes LANES output channels of a group at one pixel. */

/* Output o and tap (kernel pixel) k of an axis read input pixel (o * scale + k * step + origin) / divisor, if that is whole and
 * inside. */
struct conv_axis {
    int in, out, taps, scale, step, origin, divisor;
};
struct conv_shape {
    struct conv_axis d, h, w;
    int groups, ic, oc;        /* channels of one group */
    int w_group, w_ic, w_oc;   /* how far apart the weights of neighbours are */
    int pixels, blocks, count; /* of a map of y, of LANES channels in a group, of items */
};

/* -1: a zero */
inline int source(struct conv_axis a, int o, int k)
{
    int at = o * a.scale + k * a.step + a.origin;
#ifdef TRANSPOSED
    int whole = at / a.divisor;
    return at < 0 || whole * a.divisor != at || whole >= a.in ? -1 : whole;
#else
    return at >= 0 && at < a.in ? at : -1;
#endif
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void conv_generic(CONST_BUFFER(T(DX), x), CONST_BUFFER(T(DX), w),
                                                                           CONST_BUFFER(T(DX), b), BUFFER(T(DY), y),
                                                                           EPILOGUE_ARGS, struct conv_shape s)
{
    int item = get_global_id(0);
    if (item >= s.count)
        return;
    int pixel = item % s.pixels, rest = item / s.pixels;
    int block = rest % s.blocks, group = rest / s.blocks % s.groups, image = rest / s.blocks / s.groups;
    int ox = pixel % s.w.out, oy = pixel / s.w.out % s.h.out, oz = pixel / s.w.out / s.h.out;
    int map = s.d.in * s.h.in * s.w.in, channel = block * LANES, weights[LANES];
    C(DX) sum[LANES];
    __global const T(DX) *px = CONST_AT(T(DX), x);
    __global const T(DX) *pw = CONST_AT(T(DX), w);
#pragma unroll
    for (int j = 0; j < LANES; j++) {
        sum[j] = 0;
        weights[j] = group * s.w_group + min(channel + j, s.oc - 1) * s.w_oc;
    }
    for (int ic = 0; ic < s.ic; ic++) {
        int from = ((image * s.groups + group) * s.ic + ic) * map, tap = ic * s.w_ic;
        for (int kz = 0; kz < s.d.taps; kz++) {
            int iz = source(s.d, oz, kz);
            for (int ky = 0; ky < s.h.taps; ky++, tap += s.w.taps) {
                int iy = source(s.h, oy, ky);
                if (iz < 0 || iy < 0)
                    continue;
                int row = from + (iz * s.h.in + iy) * s.w.in;
                for (int kx = 0; kx < s.w.taps; kx++) {
                    int ix = source(s.w, ox, kx);
                    if (ix < 0)
                        continue;
                    C(DX) value = LOAD(DX, px, row + ix);
#pragma unroll
                    for (int j = 0; j < LANES; j++)
                        sum[j] += value * LOAD(DX, pw, weights[j] + tap + kx);
                }
            }
        }
    }
#pragma unroll
    for (int j = 0; j < LANES; j++) {
        if (channel + j < s.oc) {
            int c = group * s.oc + channel + j, i = (image * s.groups * s.oc + c) * s.pixels + pixel;
#ifdef WITH_BIAS
            sum[j] += LOAD(DX, CONST_AT(T(DX), b), c);
#endif
            STORE(DY, AT(T(DY), y), i, EPILOGUE(sum[j], c, i));
        }
    }
}

/* SPDX-License-Identifier: MIT
 * dw and db of conv and conv_transpose of any kind: a work-group sums the pixels of one weight, or of one channel of dy, always
 * in the same order. */
#define GROUP 64

/* One axis: output o of a window reads o * stride + k * dilation - pad. */
struct weights_axis {
    int x, y, taps, stride, dilation, pad;
};
struct weights_shape {
    struct weights_axis d, h, w;
    int n, groups, ic, oc; /* channels of a group: ic of x, oc of y */
};

#ifdef ONLY_generic_weights
KERNEL_OF(GROUP) generic_weights(CONST_BUFFER(T(DX), x), CONST_BUFFER(T(DX), y), BUFFER(T(DX), dw), struct weights_shape s)
{
    __local C(DX) scratch[GROUP];
    int i = get_group_id(0), item = get_local_id(0);
    int kw = i % s.w.taps, kh = i / s.w.taps % s.h.taps, kd = i / s.w.taps / s.h.taps % s.d.taps;
    int pair = i / s.w.taps / s.h.taps / s.d.taps, oc = pair / s.ic, ic = oc / s.oc * s.ic + pair % s.ic;
    int pixels = s.d.y * s.h.y * s.w.y;
    C(DX) sum = 0;
    for (int p = item; p < s.n * pixels; p += GROUP) {
        int image = p / pixels, w = p % s.w.y * s.w.stride + kw * s.w.dilation - s.w.pad;
        int h = p / s.w.y % s.h.y * s.h.stride + kh * s.h.dilation - s.h.pad;
        int d = p / s.w.y / s.h.y % s.d.y * s.d.stride + kd * s.d.dilation - s.d.pad;
        if ((uint)w < (uint)s.w.x && (uint)h < (uint)s.h.x && (uint)d < (uint)s.d.x)
            sum += LOAD(DX, CONST_AT(T(DX), x), (((image * s.groups * s.ic + ic) * s.d.x + d) * s.h.x + h) * s.w.x + w) *
                   LOAD(DX, CONST_AT(T(DX), y), (image * s.groups * s.oc + oc) * pixels + p % pixels);
    }
    scratch[item] = sum;
    GROUP_FOLD(FOLD_SUM, scratch, item, GROUP);
    if (item == 0)
        STORE(DX, AT(T(DX), dw), i, scratch[0]);
}
#endif

#ifdef ONLY_generic_bias
KERNEL_OF(GROUP) generic_bias(CONST_BUFFER(T(DX), y), BUFFER(T(DX), db), int n, int channels, int pixels)
{
    __local C(DX) scratch[GROUP];
    int channel = get_group_id(0), item = get_local_id(0);
    C(DX) sum = 0;
    for (int p = item; p < n * pixels; p += GROUP)
        sum += LOAD(DX, CONST_AT(T(DX), y), (p / pixels * channels + channel) * pixels + p % pixels);
    scratch[item] = sum;
    GROUP_FOLD(FOLD_SUM, scratch, item, GROUP);
    if (item == 0)
        STORE(DX, AT(T(DX), db), channel, scratch[0]);
}
#endif

/* SPDX-License-Identifier: MIT
 * The weights of a transposed convolution as those of a convolution, [group][oc][ic][tap], of some of the window's taps. */

/* Steps in the weights as they are; taps_h lines of taps_w taps. */
struct turn_sizes {
    int count, oc, ic, taps_h, taps_w;
    int group_step, oc_step, ic_step, tap, tap_h, tap_w;
};

KERNEL_OF(64) conv_turn(CONST_BUFFER(T(DX), w), BUFFER(T(DX), to), struct turn_sizes s)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int w = i % s.taps_w, h = i / s.taps_w % s.taps_h, rest = i / s.taps_w / s.taps_h;
    int ic = rest % s.ic, oc = rest / s.ic % s.oc, group = rest / s.ic / s.oc;
    int from = group * s.group_step + oc * s.oc_step + ic * s.ic_step + s.tap + h * s.tap_h + w * s.tap_w;
    AT(T(DX), to)[i] = CONST_AT(T(DX), w)[from];
}

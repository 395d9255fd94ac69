/* SPDX-License-Identifier: MIT
 * conv with one input channel a group: one item computes OUT neighbours of a row of y, from registers alone. */

struct depthwise_sizes {
    int h, w, h_out, w_out;
    int channels, multiplier; /* of y; output channels of an input channel */
    int blocks, count;        /* of OUT outputs in a row, of items */
    int pad_h, pad_w, stride_h, dilation_h;
};

/* Columns of x that OUT outputs see. */
#define SPAN ((OUT - 1) * STRIDE + (KW - 1) * DILATION + 1)

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void conv_depthwise(CONST_BUFFER(T(DX), x), CONST_BUFFER(T(DX), w),
                                                                             CONST_BUFFER(T(DX), b), BUFFER(T(DY), y),
                                                                             EPILOGUE_ARGS, struct depthwise_sizes s)
{
    int item = get_global_id(0);
    if (item >= s.count)
        return;
    int block = item % s.blocks, rest = item / s.blocks;
    int oy = rest % s.h_out, map = rest / s.h_out, channel = map % s.channels;
    int ox = block * OUT, x0 = ox * STRIDE - s.pad_w, y0 = oy * s.stride_h - s.pad_h;
    int from = map / s.multiplier * s.h * s.w + x0; /* maps of all images in a row: multiplier neighbours share a map of x */
    bool whole = x0 >= 0 && x0 + SPAN <= s.w;
    __global const T(DX) *px = CONST_AT(T(DX), x);
    __global const T(DX) *pw = CONST_AT(T(DX), w) + channel * (KH * KW);
    float sum[OUT];
#pragma unroll
    for (int o = 0; o < OUT; o++)
        sum[o] = 0;
#pragma unroll
    for (int ky = 0; ky < KH; ky++) {
        int iy = y0 + ky * s.dilation_h;
        float row[SPAN];
        if (iy >= 0 && iy < s.h && whole) {
#pragma unroll
            for (int i = 0; i < SPAN; i++)
                row[i] = LOAD(DX, px, from + iy * s.w + i);
        } else {
#pragma unroll
            for (int i = 0; i < SPAN; i++) {
                row[i] = 0;
                if (iy >= 0 && iy < s.h && x0 + i >= 0 && x0 + i < s.w)
                    row[i] = LOAD(DX, px, from + iy * s.w + i);
            }
        }
#pragma unroll
        for (int kx = 0; kx < KW; kx++) {
            float weight = LOAD(DX, pw, ky * KW + kx);
#pragma unroll
            for (int o = 0; o < OUT; o++)
                sum[o] = mad(weight, row[o * STRIDE + kx * DILATION], sum[o]);
        }
    }
    int at = (map * s.h_out + oy) * s.w_out + ox;
#pragma unroll
    for (int o = 0; o < OUT; o++) {
        if (ox + o < s.w_out) {
#ifdef WITH_BIAS
            sum[o] += LOAD(DX, CONST_AT(T(DX), b), channel);
#endif
            STORE(DY, AT(T(DY), y), at + o, EPILOGUE(sum[o], channel, at + o));
        }
    }
}

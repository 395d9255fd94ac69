/* SPDX-License-Identifier: MIT
 * Shape rules of the ops whose windows slide over pixels: conv, conv_transpose and pool. */
#include "rules.h"

#define MOST 2147483647
#define PAST INT64_C(2147483648)

/* ---- conv: 4 channels of 8x8, 6 filters of 3x3 unless a row says otherwise -------------------------------------------- */

#define IMAGE X(1, 4, 8, 8)
#define FILTERS X(6, 4, 3, 3)
#define C(...) P(conv, __VA_ARGS__)

static const struct rule_case conv_rows[] = {
    /* ranks and types */
    MISFIT("input a number", NULL, "scalar, 0 axes|1 to 3 spatial axes", SCALAR(CVK_F32), FILTERS),
    MISFIT("input a matrix", NULL, "4x8, 2 axes|1 to 3 spatial axes", X(4, 8), FILTERS),
    MISFIT("input of 6 axes", NULL, "1x1x2x2x2x2, 6 axes", X(1, 1, 2, 2, 2, 2), FILTERS),
    MISFIT("weights of 3 axes", NULL, "weights are 6x4x3, 3 axes|need 4", IMAGE, X(6, 4, 3)),
    MISFIT("weights of 5 axes", NULL, "weights are 6x4x1x3x3, 5 axes|need 4", IMAGE, X(6, 4, 1, 3, 3)),
    MISFIT("weights a number", NULL, "weights are scalar, 0 axes", IMAGE, SCALAR(CVK_F32)),
    MISFIT("input of i32", NULL, "input is i32|f32, f64, f16 or bf16", OF(CVK_I32, 1, 4, 8, 8), OF(CVK_I32, 6, 4, 3, 3)),
    MISFIT("input of bool", NULL, "input is bool", OF(CVK_BOOL, 1, 4, 8, 8), FILTERS),
    MISFIT("weights of f64", NULL, "weights of type f64|input of f32", IMAGE, OF(CVK_F64, 6, 4, 3, 3)),
    MISFIT("bias of f16", NULL, "biases of type f16|input of f32", IMAGE, FILTERS, OF(CVK_F16, 6)),
    /* depths */
    MISFIT("kernel depth 5 on RGB", NULL, "input has 3 channels|depth of 3|1x5x5x5|depth of 5", X(1, 3, 32, 32), X(1, 5, 5, 5)),
    MISFIT("kernel depth without the group", C(.group = 2), "group 2|depth of 2|depth of 4", IMAGE, FILTERS),
    MISFIT("group does not divide the input", C(.group = 3), "group 3|4 input channels|6 filters", IMAGE, FILTERS),
    MISFIT("group does not divide the filters", C(.group = 4), "group 4|4 input channels|6 filters", IMAGE, X(6, 1, 3, 3)),
    MISFIT("group beyond the channels", C(.group = 8), "group 8|4 input channels|8 filters", IMAGE, X(8, 1, 3, 3)),
    MISFIT("group of all ones", C(.group = 0xffffffff), "group 4294967295|4 input channels", IMAGE, FILTERS),
    MISFIT("bias too long", NULL, "bias is 7|6 filters", IMAGE, FILTERS, X(7)),
    MISFIT("bias of one", NULL, "bias is 1|6 filters", IMAGE, FILTERS, X(1)),
    MISFIT("bias a matrix", NULL, "bias is 6x1|6 filters", IMAGE, FILTERS, X(6, 1)),
    MISFIT("bias a number", NULL, "bias is scalar|6 filters", IMAGE, FILTERS, SCALAR(CVK_F32)),
    /* kernel, stride, dilation, padding */
    BAD("kernel against the weights", C(.kernel = {3, 5}), "kernel is 5 in width|6x4x3x3 say 3", IMAGE, FILTERS),
    BAD("kernel negative", C(.kernel = {-3, 3}), "kernel is -3 in height", IMAGE, FILTERS),
    BAD("weights without pixels", NULL, "kernel size in height is 0|at least 1", IMAGE, X(6, 4, 0, 3)),
    BAD("stride negative", C(.stride = {1, -2}), "stride in width is -2|at least 1", IMAGE, FILTERS),
    BAD("stride the least", C(.stride = {INT64_MIN, 1}), "stride in height is -9223372036854775808", IMAGE, FILTERS),
    BAD("stride past 2^31", C(.stride = {PAST, 1}), "stride in height is 2147483648|at most 2147483647", IMAGE, FILTERS),
    BAD("stride the most", C(.stride = {1, INT64_MAX}), "stride in width is 9223372036854775807", IMAGE, FILTERS),
    BAD("dilation negative", C(.dilation = {-1, 1}), "dilation in height is -1|at least 1", IMAGE, FILTERS),
    BAD("dilation past 2^31", C(.dilation = {1, PAST}), "dilation in width is 2147483648|at most", IMAGE, FILTERS),
    BAD("window past 2^31", C(.dilation = {1, MOST}), "window in width is 4294967295|kernel 3, dilation 2147483647|at most",
        IMAGE,
        FILTERS),
    BAD("window one past 2^31", C(.dilation = {1, MOST}), "window in width is 2147483648|kernel 2, dilation", IMAGE,
        X(6, 4, 3, 2)),
    BAD("pad negative", C(.pad_begin = {-1, 0}), "padding at the beginning in height is -1|at least 0", IMAGE, FILTERS),
    BAD("pad at the end negative", C(.pad_end = {0, -1}), "padding at the end in width is -1|at least 0", IMAGE, FILTERS),
    BAD("pads that wrap", C(.pad_begin = {INT64_MAX, 0}, .pad_end = {INT64_MAX, 0}), "padding at the beginning in height|at most",
        IMAGE, FILTERS),
    BAD("pad past 2^31", C(.pad_end = {PAST, 0}), "padding at the end in height is 2147483648", IMAGE, FILTERS),
    BAD("input past 2^31", NULL, "size of the input in length is 2147483648", X(1, 1, PAST), X(1, 1, 3)),
    BAD("auto_pad unknown", C(.auto_pad = 4), "auto_pad is 4|0 (explicit) to 3 (valid)", IMAGE, FILTERS),
    BAD("auto_pad of all ones", C(.auto_pad = 0xffffffff), "auto_pad is 4294967295", IMAGE, FILTERS),
    BAD("same and pads", C(.auto_pad = CVK_PAD_SAME_UPPER, .pad_end = {0, 1}), "0 and 1 in width|auto_pad 1|one or the other",
        IMAGE, FILTERS),
    BAD("valid and pads", C(.auto_pad = CVK_PAD_VALID, .pad_begin = {2}), "2 and 0 in height|auto_pad 3", IMAGE, FILTERS),
    BAD("rounding up", C(.rounding = CVK_ROUND_CEIL), "rounding is 2|down (0)|strict (1)", IMAGE, FILTERS),
    BAD("rounding of all ones", C(.rounding = 0xffffffff), "rounding is 4294967295", IMAGE, FILTERS),
    /* no output */
    MISFIT("window larger than the map", NULL,
           "window of 9 pixels|height 8 with its padding of 0 + 0|height of 9 would fit|1 more pixel of",
           IMAGE, X(6, 4, 9, 9)),
    MISFIT("dilated window larger", C(.dilation = {1, 4}), "window of 9 pixels (kernel 3, dilation 4)|width 8|width of 9", IMAGE,
           FILTERS),
    MISFIT("window larger in spite of padding", C(.pad_begin = {1}, .pad_end = {1}),
           "padding of 1 + 1|height of 10|2 more pixels", IMAGE,
           X(6, 4, 12, 1)),
    MISFIT("map without pixels", NULL, "larger than height 0", X(1, 4, 0, 8), FILTERS),
    TOO_BIG("result past the limit", C(.pad_begin = {MOST, 1000}, .pad_end = {MOST, 0}), "the limit is 17592186044416", IMAGE,
            FILTERS),
    TOO_BIG("result past 2^63", NULL, "result|2^63", X(HUGE_SIZE / 4, 1, 1, 1), X(1024, 1, 1, 1)),

    /* P1: strides 1 to 4 over 12 pixels, 3x3, padding 1 */
    FITS("stride 1", C(.pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x6x12x12", X(1, 4, 12, 12), FILTERS),
    FITS("stride 2", C(.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x6x6x6", X(1, 4, 12, 12), FILTERS),
    FITS("stride 3", C(.stride = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x6x4x4", X(1, 4, 12, 12), FILTERS),
    FITS("stride 4", C(.stride = {4, 4}, .pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x6x3x3", X(1, 4, 12, 12), FILTERS),
    FITS("a stride of its own for each axis", C(.stride = {1, 4}), "f32 1x6x10x3", X(1, 4, 12, 12), FILTERS),
    /* P2: zero padding of 1 keeps the size under 3x3 */
    FITS("264 stays 264", C(.pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x1x264x264", X(1, 3, 264, 264), X(1, 3, 3, 3)),
    FITS("56 stays 56", C(.pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x32x56x56", X(1, 3, 56, 56), X(32, 3, 3, 3)),
    FITS("same keeps 264", C(.auto_pad = CVK_PAD_SAME_UPPER), "f32 1x1x264x264", X(1, 3, 264, 264), X(1, 3, 3, 3)),
    /* P3: valid */
    FITS("264 valid gives 262", C(.auto_pad = CVK_PAD_VALID), "f32 1x1x262x262", X(1, 3, 264, 264), X(1, 3, 3, 3)),
    FITS("valid drops the remainder", C(.auto_pad = CVK_PAD_VALID, .stride = {2, 3}), "f32 1x1x131x88", X(1, 3, 264, 264),
         X(1, 3, 3, 3)),
    FITS("5x5x3 over 32x32x3", NULL, "f32 1x6x28x28", X(1, 3, 32, 32), X(6, 3, 5, 5), X(6)),
    /* P6 */
    FITS("same upper, ceil of the quotient", C(.auto_pad = CVK_PAD_SAME_UPPER, .stride = {2, 3}), "f32 1x6x4x3", X(1, 4, 7, 8),
         FILTERS),
    FITS("same lower, ceil of the quotient", C(.auto_pad = CVK_PAD_SAME_LOWER, .stride = {2, 3}), "f32 1x6x4x3", X(1, 4, 7, 8),
         FILTERS),
    FITS("same, window below the stride", C(.auto_pad = CVK_PAD_SAME_LOWER, .stride = {3, 4}), "f32 1x6x2x1", X(1, 4, 5, 4),
         X(6, 4, 1, 1)),
    FITS("same, window beyond the map", C(.auto_pad = CVK_PAD_SAME_UPPER), "f32 1x6x2x3", X(1, 4, 2, 3), X(6, 4, 9, 9)),
    FITS("same, dilated", C(.auto_pad = CVK_PAD_SAME_UPPER, .dilation = {3, 2}), "f32 1x6x8x8", IMAGE, FILTERS),
    FITS("asymmetric pads", C(.pad_begin = {2, 0}, .pad_end = {1, 3}, .stride = {2, 1}), "f32 1x6x5x9", IMAGE, FILTERS),
    FITS("dilation", C(.dilation = {2, 3}), "f32 1x6x4x2", IMAGE, FILTERS),
    FITS("groups", C(.group = 2), "f32 1x6x6x6", IMAGE, X(6, 2, 3, 3)),
    FITS("depthwise", C(.group = 4), "f32 1x8x6x6", IMAGE, X(8, 1, 3, 3), X(8)),
    FITS("the given kernel agrees", C(.kernel = {3, 3}), "f32 1x6x6x6", IMAGE, FILTERS),
    FITS("strict and whole", C(.rounding = CVK_ROUND_STRICT, .stride = {2, 5}, .pad_end = {1}), "f32 1x6x4x2", IMAGE, FILTERS),
    FITS("6 channels to 7", NULL, "f32 1x7x6x6", X(1, 6, 8, 8), X(7, 6, 3, 3), X(7)),
    FITS("1D", C(.stride = {2}), "f32 2x5x7", X(2, 3, 16), X(5, 3, 3)),
    FITS("3D", C(.stride = {1, 2, 3}, .pad_begin = {1}), "f32 1x5x4x3x2", X(1, 2, 4, 6, 6), X(5, 2, 2, 2, 3)),
    FITS("f16", NULL, "f16 1x6x6x6", OF(CVK_F16, 1, 4, 8, 8), OF(CVK_F16, 6, 4, 3, 3)),
    FITS("no images", NULL, "f32 0x6x6x6", X(0, 4, 8, 8), FILTERS),
    FITS("no filters", NULL, "f32 1x0x6x6", IMAGE, X(0, 4, 3, 3)),
    FITS("bias left out", NULL, "f32 1x6x6x6", IMAGE, FILTERS, NONE),
};
RULE_TEST(CONV, conv)

/* ---- conv_transpose: 4 channels of 5x5, each to 3 filters of 3x3 ------------------------------------------------------- */

#define SMALL X(1, 4, 5, 5)
#define SPREAD X(4, 3, 3, 3)
#define T(...) P(conv_transpose, __VA_ARGS__)

static const struct rule_case conv_transpose_rows[] = {
    MISFIT("input a matrix", NULL, "4x5, 2 axes|1 to 3 spatial axes", X(4, 5), SPREAD),
    MISFIT("input of 6 axes", NULL, "6 axes", X(1, 4, 1, 1, 1, 1), SPREAD),
    MISFIT("weights of 3 axes", NULL, "weights are 4x3x3, 3 axes|need 4", SMALL, X(4, 3, 3)),
    MISFIT("input of u8", NULL, "input is u8", OF(CVK_U8, 1, 4, 5, 5), SPREAD),
    MISFIT("weights of bf16", NULL, "weights of type bf16|input of f32", SMALL, OF(CVK_BF16, 4, 3, 3, 3)),
    MISFIT("bias of f64", NULL, "biases of type f64", SMALL, SPREAD, OF(CVK_F64, 3)),
    MISFIT("depths differ", NULL, "input has 4 channels|for 5|5x3x3x3", SMALL, X(5, 3, 3, 3)),
    MISFIT("group does not divide", T(.group = 3), "group 3|4 input channels", SMALL, SPREAD),
    MISFIT("group of all ones", T(.group = 0xffffffff), "group 4294967295|4 input channels", SMALL, SPREAD),
    MISFIT("filters times groups past 2^63", T(.group = 0xffffffff), "288230376151711744 filters|4294967295 groups",
           OF(CVK_F32, 1, 0, 5, 5), OF(CVK_F32, 0, HUGE_SIZE / 16, 1, 1)),
    MISFIT("bias too short", T(.group = 2), "bias is 3|6 output channels", SMALL, SPREAD, X(3)),
    MISFIT("bias a matrix", NULL, "bias is 3x1|3 output channels", SMALL, SPREAD, X(3, 1)),
    MISFIT("map without pixels", NULL, "width is 0|at least one pixel", X(1, 4, 5, 0), SPREAD),
    BAD("kernel against the weights", T(.kernel = {2, 3}), "kernel is 2 in height|4x3x3x3 say 3", SMALL, SPREAD),
    BAD("weights without pixels", NULL, "kernel size in width is 0", SMALL, X(4, 3, 3, 0)),
    BAD("stride negative", T(.stride = {-1, 1}), "stride in height is -1|at least 1", SMALL, SPREAD),
    BAD("stride past 2^31", T(.stride = {1, PAST}), "stride in width is 2147483648|at most", SMALL, SPREAD),
    BAD("dilation negative", T(.dilation = {1, INT64_MIN}), "dilation in width is -9223372036854775808", SMALL, SPREAD),
    BAD("window past 2^31", T(.dilation = {MOST, 1}), "window in height is 4294967295", SMALL, SPREAD),
    BAD("pad the least", T(.pad_begin = {INT64_MIN, 0}), "padding at the beginning in height|at least -2147483647", SMALL,
        SPREAD),
    BAD("pad the most", T(.pad_end = {0, INT64_MAX}), "padding at the end in width|at most 2147483647", SMALL, SPREAD),
    BAD("auto_pad unknown", T(.auto_pad = 0xffffffff), "auto_pad is 4294967295|0 (explicit) to 3 (valid)", SMALL, SPREAD),
    BAD("same and pads", T(.auto_pad = CVK_PAD_SAME_LOWER, .pad_begin = {0, 1}), "1 and 0 in width|auto_pad 2", SMALL, SPREAD),
    BAD("valid and pads", T(.auto_pad = CVK_PAD_VALID, .pad_end = {2, 0}), "0 and 2 in height|auto_pad 3", SMALL, SPREAD),
    BAD("output_pad negative", T(.output_pad = {0, -1}), "output_pad is -1 in width|at least 0", SMALL, SPREAD),
    BAD("output_pad not below the stride", T(.stride = {2, 2}, .output_pad = {2, 0}),
        "output_pad is 2 in height|stride 2|dilation 1",
        SMALL, SPREAD),
    BAD("output_size negative", T(.output_size = {-6, 6}), "output_size is -6 in height", SMALL, SPREAD),
    BAD("output_size past 2^31", T(.output_size = {6, PAST}), "output_size is 2147483648 in width", SMALL, SPREAD),
    MISFIT("padding cuts all away", T(.pad_begin = {4, 0}, .pad_end = {3, 0}),
           "height 5 at stride 1 with a window of 3 makes 7 pixels|4 + 3|at most 6", SMALL, SPREAD),
    TOO_BIG("result past the limit", T(.stride = {MOST, 500}), "the limit is 17592186044416", SMALL, SPREAD),

    FITS("plain", NULL, "f32 1x3x7x7", SMALL, SPREAD, X(3)),
    FITS("padding that leaves one pixel", T(.pad_begin = {3, 0}, .pad_end = {3, 0}), "f32 1x3x1x7", SMALL, SPREAD),
    FITS("stride and output_pad", T(.stride = {2, 3}, .output_pad = {1, 2}), "f32 1x3x12x17", SMALL, SPREAD),
    FITS("output_pad below the dilation", T(.dilation = {2, 1}, .output_pad = {1, 0}), "f32 1x3x10x7", SMALL, SPREAD),
    FITS("twice the size", T(.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), "f32 1x3x10x10", SMALL, X(4, 3, 4, 4)),
    FITS("groups", T(.group = 4), "f32 1x12x7x7", SMALL, SPREAD, X(12)),
    FITS("same gives in times stride", T(.auto_pad = CVK_PAD_SAME_UPPER, .stride = {2, 3}), "f32 1x3x10x15", SMALL, SPREAD),
    FITS("same, window below the stride", T(.auto_pad = CVK_PAD_SAME_LOWER, .stride = {4, 4}), "f32 1x3x20x20", SMALL,
         X(4, 3, 2, 2)),
    FITS("a wished size", T(.stride = {2, 2}, .output_size = {10, 9}), "f32 1x3x10x9", SMALL, SPREAD),
    FITS("a wished size beyond what there is", T(.output_size = {9, 7}), "f32 1x3x9x7", SMALL, SPREAD),
    FITS("1D", T(.stride = {3}), "f32 2x4x15", X(2, 3, 5), X(3, 4, 3)),
    FITS("no images", NULL, "f32 0x3x7x7", X(0, 4, 5, 5), SPREAD),
};
RULE_TEST(CONV_TRANSPOSE, conv_transpose)

/* ---- pool -------------------------------------------------------------------------------------------------------------- */

#define L(...) P(pool, __VA_ARGS__)
#define MAPS X(1, 3, 5, 5)

static const struct rule_case pool_rows[] = {
    MISFIT("input a number", L(.kernel = {2}), "scalar, 0 axes|1 to 3 spatial axes", SCALAR(CVK_F32)),
    MISFIT("input a matrix", L(.kernel = {2}), "3x5, 2 axes", X(3, 5)),
    MISFIT("input of 6 axes", L(.kernel = {1, 1, 1}), "6 axes", X(1, 1, 1, 1, 1, 1)),
    MISFIT("max of bool", L(.kernel = {2, 2}), "max pooling of bool|f32, f64, f16, bf16 and whole numbers",
           OF(CVK_BOOL, 1, 3, 5, 5)),
    MISFIT("max of i64", L(.kernel = {2, 2}), "max pooling of i64|up to 32 bits", OF(CVK_I64, 1, 3, 5, 5)),
    MISFIT("avg of i32", L(.kind = CVK_POOL_AVG, .kernel = {2, 2}), "avg pooling of i32|f32, f64, f16, bf16",
           OF(CVK_I32, 1, 3, 5, 5)),
    MISFIT("global lp of u8", L(.kind = CVK_POOL_LP, .global = 1), "global_lp pooling of u8", OF(CVK_U8, 1, 3, 5, 5)),
    BAD("kind unknown", L(.kind = 3, .kernel = {2, 2}), "kind is 3|0 (max), 1 (avg) and 2 (lp)", MAPS),
    BAD("kind of all ones", L(.kind = 0xffffffff, .kernel = {2, 2}), "kind is 4294967295", MAPS),
    BAD("rounding unknown", L(.rounding = 3, .kernel = {2, 2}), "rounding is 3|0 (floor), 1 (strict) and 2 (ceil)", MAPS),
    BAD("rounding of all ones", L(.rounding = 0xffffffff, .kernel = {2, 2}), "rounding is 4294967295", MAPS),
    BAD("auto_pad unknown", L(.auto_pad = 4, .kernel = {2, 2}), "auto_pad is 4|0 (explicit) to 3 (valid)", MAPS),
    BAD("auto_pad unknown, global", L(.global = 1, .auto_pad = 0xffffffff), "auto_pad is 4294967295", MAPS),
    BAD("storage order unknown", L(.storage_order = 2, .kernel = {2, 2}), "storage_order is 2|0 (row-major) and 1", MAPS),
    BAD("p negative", L(.kind = CVK_POOL_LP, .p = -1, .kernel = {2, 2}), "p is -1|at least 1", MAPS),
    BAD("no kernel", NULL, "kernel size in height is 0|at least 1", MAPS),
    BAD("kernel for one axis only", L(.kernel = {2}), "kernel size in width is 0", MAPS),
    BAD("kernel negative", L(.kernel = {2, -2}), "kernel size in width is -2", MAPS),
    BAD("kernel past 2^31", L(.kernel = {PAST, 2}), "kernel size in height is 2147483648|at most", MAPS),
    BAD("stride negative", L(.kernel = {2, 2}, .stride = {2, -2}), "stride in width is -2", MAPS),
    BAD("stride past 2^31", L(.kernel = {2, 2}, .stride = {INT64_MAX, 1}), "stride in height is 9223372036854775807", MAPS),
    BAD("dilation negative", L(.kernel = {2, 2}, .dilation = {-1}), "dilation in height is -1", MAPS),
    BAD("window past 2^31", L(.kernel = {3, 2}, .dilation = {MOST}), "window in height is 4294967295|at most", MAPS),
    BAD("pad negative", L(.kernel = {2, 2}, .pad_end = {-1, 0}), "padding at the end in height is -1|at least 0", MAPS),
    BAD("pads that wrap", L(.kernel = {2, 2}, .pad_begin = {0, INT64_MAX}, .pad_end = {0, INT64_MAX}),
        "padding at the beginning in width is 9223372036854775807|at most", MAPS),
    BAD("pad of a whole window", L(.kernel = {2, 2}, .pad_begin = {2, 0}), "padding 2 + 0 in height|below the window of 2", MAPS),
    BAD("pad of a whole window at the end", L(.kernel = {3, 3}, .pad_end = {0, 3}),
        "padding 0 + 3 in width|below the window of 3", MAPS),
    BAD("pad of a whole window, strict", L(.kernel = {1, 1}, .stride = {2, 2}, .pad_end = {1, 0}, .rounding = CVK_ROUND_STRICT),
        "padding 0 + 1 in height|below the window of 1", MAPS),
    BAD("same and pads", L(.kernel = {2, 2}, .auto_pad = CVK_PAD_SAME_UPPER, .pad_end = {1}), "0 and 1 in height|auto_pad 1",
        MAPS),
    MISFIT("window larger than the map", L(.kernel = {6, 2}),
           "window of 6 pixels|height 5|height of 6 would fit|1 more pixel of padding",
           MAPS),
    MISFIT("map without pixels", L(.kernel = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), "height is 0|at least one pixel",
           X(1, 3, 0, 5)),
    MISFIT("map without pixels, same", L(.kernel = {2, 2}, .auto_pad = CVK_PAD_SAME_LOWER), "width is 0|at least one pixel",
           X(1, 3, 5, 0)),
    MISFIT("map without pixels, global", L(.global = 1), "width is 0|at least one pixel", X(1, 3, 5, 0)),
    {.label = "indices of avg", .params = L(.kind = CVK_POOL_AVG, .kernel = {2, 2}), .inputs = {MAPS}, .output_count = 2,
     .want = "only max pooling has indices|avg", .status = CVK_E_ARG},
    TOO_BIG("result past the limit", L(.kernel = {1, 1}), "the limit is 17592186044416", X(1, 1, 1 << 22, 1 << 22)),

    /* P5: 5x5 to 2x2 by two windows, each in the policies that give it */
    FITS("5x5 by 2x2/2", L(.kernel = {2, 2}, .stride = {2, 2}), "f32 1x3x2x2", MAPS),
    FITS("5x5 by 3x3/2", L(.kernel = {3, 3}, .stride = {2, 2}), "f32 1x3x2x2", MAPS),
    FITS("5x5 by 3x3/2, strict", L(.kernel = {3, 3}, .stride = {2, 2}, .rounding = CVK_ROUND_STRICT), "f32 1x3x2x2", MAPS),
    FITS("5x5 by 2x2/2, up", L(.kernel = {2, 2}, .stride = {2, 2}, .rounding = CVK_ROUND_CEIL), "f32 1x3x3x3", MAPS),
    FITS("5x5 by 3x3/2, up", L(.kernel = {3, 3}, .stride = {2, 2}, .rounding = CVK_ROUND_CEIL), "f32 1x3x2x2", MAPS),
    FITS("halves height and width", L(.kernel = {2, 2}, .stride = {2, 2}, .rounding = CVK_ROUND_STRICT), "f32 1x3x14x14",
         X(1, 3, 28, 28)),
    FITS("12x12 by 3x3/3", L(.kernel = {3, 3}, .stride = {3, 3}), "f32 1x10x4x4", X(1, 10, 12, 12)),
    /* a last window that would begin in the padding is dropped: one that begins on the last pixel is not */
    FITS("up, last window in the padding",
         L(.kernel = {3}, .stride = {3}, .pad_begin = {1}, .pad_end = {1}, .rounding = CVK_ROUND_CEIL),
         "f32 1x1x1", X(1, 1, 2)),
    FITS("up, last window on the last pixel",
         L(.kernel = {3}, .stride = {3}, .pad_begin = {1}, .pad_end = {1}, .rounding = CVK_ROUND_CEIL),
         "f32 1x1x2", X(1, 1, 3)),
    FITS("up, stride beyond the window", L(.kernel = {1}, .stride = {4}, .rounding = CVK_ROUND_CEIL), "f32 1x1x2", X(1, 1, 7)),
    FITS("up, padding at the end alone", L(.kernel = {2}, .stride = {2}, .pad_end = {1}, .rounding = CVK_ROUND_CEIL),
         "f32 1x1x2", X(1, 1, 4)),
    FITS("asymmetric pads", L(.kernel = {3, 4}, .stride = {1, 2}, .pad_begin = {2, 0}, .pad_end = {0, 3}), "f32 1x3x5x3", MAPS),
    FITS("same upper", L(.kernel = {2, 3}, .stride = {2, 3}, .auto_pad = CVK_PAD_SAME_UPPER), "f32 1x3x3x2", MAPS),
    FITS("same lower", L(.kernel = {2, 3}, .stride = {2, 3}, .auto_pad = CVK_PAD_SAME_LOWER), "f32 1x3x3x2", MAPS),
    FITS("valid", L(.kernel = {2, 3}, .stride = {2, 1}, .auto_pad = CVK_PAD_VALID), "f32 1x3x2x3", MAPS),
    FITS("dilation", L(.kernel = {3, 2}, .dilation = {2, 3}), "f32 1x3x1x2", MAPS),
    FITS("indices", L(.kernel = {2, 2}), "f32 1x3x4x4|i64 1x3x4x4", MAPS),
    FITS("global", L(.kind = CVK_POOL_AVG, .global = 1), "f32 2x64x1x1", X(2, 64, 7, 5)),
    FITS("global 3D", L(.global = 1, .kernel = {9, 9, 9}), "f32 1x2x1x1x1", X(1, 2, 3, 4, 5)),
    FITS("maxima of bytes", L(.kernel = {2, 2}, .stride = {2, 2}), "u8 1x3x2x2", OF(CVK_U8, 1, 3, 5, 5)),
    FITS("no images", L(.kernel = {2, 2}), "f32 0x3x4x4", X(0, 3, 5, 5)),
    FITS("no channels", L(.kernel = {2, 2}), "f32 1x0x4x4", X(1, 0, 5, 5)),
};
RULE_TEST(POOL, pool)

/* The rule is a formula: over many sizes the outputs are what counting the windows gives, and conv_transpose leads back. */
static void check_sizes(int64_t in, int64_t k, int64_t s, int64_t d, int64_t begin, int64_t end)
{
    struct cvk_graph *g = NULL;
    int64_t window = d * (k - 1) + 1, floor_count = 0, ceil_count = 0;
    assert_int_equal(cvk_graph_create("sizes", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 3, (int64_t[]){1, 1, in});
    cvk_value w = cvk_input(g, "w", CVK_F32, 3, (int64_t[]){1, 1, k});
    struct cvk_conv_params c = {.stride = {s}, .dilation = {d}, .pad_begin = {begin}, .pad_end = {end}};
    struct cvk_conv_transpose_params t = {.stride = {s}, .dilation = {d}, .output_size = {in}};
    struct cvk_pool_params p = {.kernel = {k}, .stride = {s}, .dilation = {d}, .pad_begin = {begin}, .pad_end = {end}};
    p.rounding = CVK_ROUND_CEIL;
    cvk_value y = cvk_conv(g, x, w, 0, &c), z = cvk_pool(g, x, &p, NULL), back = cvk_conv_transpose(g, y, w, 0, &t);
    for (int64_t at = -begin; at + window <= in + end; at += s)
        floor_count++; /* windows that lie inside */
    for (int64_t at = -begin; at < in && at + window - s < in + end; at += s)
        ceil_count++; /* windows that begin on a pixel, the last one reaching over the end */
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("in %d kernel %d stride %d dilation %d padding %d + %d: %s", (int)in, (int)k, (int)s, (int)d, (int)begin,
                 (int)end, cvk_graph_error(g));
    assert_int_equal(cvk_graph_desc(g, y)->dims[2], floor_count);
    assert_int_equal(cvk_graph_desc(g, z)->dims[2], ceil_count);
    assert_int_equal(cvk_graph_desc(g, back)->dims[2], in);
    cvk_graph_destroy(g);
}

static void test_sizes_follow_the_formula(void **state)
{
    (void)state;
    uint32_t made = 0;
    for (int64_t in = 1; in <= 9; in++)
        for (int64_t k = 1; k <= 4; k++)
            for (int64_t s = 1; s <= 4; s++)
                for (int64_t d = 1; d <= 2; d++)
                    for (int64_t pads = 0; pads <= 3; pads++) {
                        int64_t window = d * (k - 1) + 1, begin = pads / 2, end = pads - begin;
                        if (in + pads < window || end >= window)
                            continue;
                        check_sizes(in, k, s, d, begin, end);
                        made++;
                    }
    assert_true(made > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_sizes_follow_the_formula),
    };
    return cmocka_run_group_tests_name("rules of windows", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * Cases of conv_transpose. */
#include "short.h"

#define P(...)                                                                                                                   \
    .params = &(const struct cvk_conv_transpose_params)                                                                          \
    {                                                                                                                            \
        __VA_ARGS__                                                                                                              \
    }

/* Rows of w pixels: the tiles of vector kernels in all their widths. */
#define ROW(w)                                                                                                                   \
    {"stride_1_row_of_" #w, SUM_TOLERANCE, P(.pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 2,                          \
     .inputs = {X(1, 3, 2, w), W(3, 5, 3, 3)}},                                                                                  \
        {"stride_2_row_of_" #w, SUM_TOLERANCE, P(.stride = {2, 2}, .pad_begin = {1, 0}, .pad_end = {0, 1}), .input_count = 2,    \
         .inputs = {X(1, 5, 2, w), W(5, 17, 3, 4)},                                                                              \
         .epilogue = {.parts = CVK_EPI_BIAS | CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_CLIP, 0.25f, 6)}},                   \
        {"stride_3_dilation_2_row_of_" #w, SUM_TOLERANCE,                                                                        \
         P(.stride = {2, 3}, .dilation = {2, 2}, .pad_begin = {2, 4}, .pad_end = {1, 2}), .input_count = 2,                      \
         .inputs = {X(2, 2, 3, w), W(2, 3, 2, 4)}, .epilogue = {.parts = CVK_EPI_RESIDUAL, .axis = 1}}

static const struct cvk_case cases[] = {
    {"plain_3x3", SUM_TOLERANCE, .input_count = 2, .inputs = {X(1, 1, 3, 3), W(1, 2, 3, 3)}},
    {"bias", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3, 5, 6), W(3, 4, 3, 3), W(4)}},
    {"bias_not_constant", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3, 4, 4), X(3, 4, 2, 3), X(4)}},
    {"stride_2", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 2, .inputs = {X(1, 3, 4, 5), W(3, 2, 3, 3)}},
    {"stride_2_pad_1", SUM_TOLERANCE, P(.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 3,
     .inputs = {X(1, 8, 5, 5), W(8, 4, 4, 4), W(4)}},
    {"stride_2_kernel_2", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 3, .inputs = {X(1, 16, 7, 7), W(16, 8, 2, 2), W(8)}},
    {"stride_beyond_kernel", SUM_TOLERANCE, P(.stride = {4, 3}), .input_count = 3,
     .inputs = {X(1, 2, 3, 4), W(2, 3, 2, 2), W(3)}},
    {"stride_3_2", SUM_TOLERANCE, P(.stride = {3, 2}), .input_count = 2, .inputs = {X(1, 1, 3, 3), W(1, 2, 3, 3)}},
    {"pad_asymmetric", SUM_TOLERANCE, P(.stride = {3, 2}, .pad_begin = {1, 2}, .pad_end = {2, 0}), .input_count = 2,
     .inputs = {X(1, 2, 4, 5), W(2, 3, 4, 3)}},
    {"pad_negative", SUM_TOLERANCE, P(.stride = {2, 1}, .pad_begin = {-1, 0}, .pad_end = {0, -2}), .input_count = 3,
     .inputs = {X(1, 2, 3, 4), W(2, 3, 3, 3), W(3)}},
    {"output_pad", SUM_TOLERANCE, P(.stride = {3, 2}, .output_pad = {2, 1}), .input_count = 2,
     .inputs = {X(1, 2, 3, 3), W(2, 3, 3, 3)}},
    {"output_pad_dilated", SUM_TOLERANCE, P(.dilation = {2, 3}, .output_pad = {1, 2}), .input_count = 2,
     .inputs = {X(1, 2, 3, 3), W(2, 3, 2, 3)}},
    {"output_size", SUM_TOLERANCE, P(.stride = {3, 2}, .output_size = {10, 8}), .input_count = 2,
     .inputs = {X(1, 1, 3, 3), W(1, 2, 3, 3)}},
    {"output_size_odd_cut", SUM_TOLERANCE, P(.stride = {2, 2}, .output_size = {6, 4}), .input_count = 2,
     .inputs = {X(1, 2, 3, 3), W(2, 2, 3, 3)}},
    {"output_size_same_upper", SUM_TOLERANCE, P(.auto_pad = CVK_PAD_SAME_UPPER, .stride = {2, 2}, .output_size = {6, 4}),
     .input_count = 2, .inputs = {X(1, 2, 3, 3), W(2, 2, 3, 3)}},
    {"same_upper", SUM_TOLERANCE, P(.auto_pad = CVK_PAD_SAME_UPPER, .stride = {2, 2}), .input_count = 2,
     .inputs = {X(1, 1, 3, 3), W(1, 2, 3, 3)}},
    {"same_lower", SUM_TOLERANCE, P(.auto_pad = CVK_PAD_SAME_LOWER, .stride = {2, 2}), .input_count = 2,
     .inputs = {X(1, 1, 3, 3), W(1, 2, 3, 3)}},
    {"valid", SUM_TOLERANCE, P(.auto_pad = CVK_PAD_VALID, .stride = {2, 2}), .input_count = 2,
     .inputs = {X(1, 2, 3, 3), W(2, 2, 3, 3)}},
    {"dilation_2", SUM_TOLERANCE, P(.dilation = {2, 2}), .input_count = 2, .inputs = {X(1, 1, 3, 3), W(1, 1, 2, 2)}},
    {"dilation_stride", SUM_TOLERANCE, P(.dilation = {3, 2}, .stride = {2, 3}, .pad_begin = {1, 2}, .pad_end = {0, 1}),
     .input_count = 2, .inputs = {X(2, 3, 4, 5), W(3, 2, 3, 3)}},
    {"tiles_5x5", SUM_TOLERANCE, P(.pad_begin = {2, 1}, .pad_end = {2, 3}), .input_count = 2,
     .inputs = {X(2, 18, 7, 9), W(18, 33, 5, 5)},
     .epilogue = {.parts = CVK_EPI_BIAS | CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_RELU, 0, 0)}},
    {"kernel_1x1", SUM_TOLERANCE, .input_count = 2, .inputs = {X(1, 17, 5, 5), W(17, 9, 1, 1)}},
    {"groups_2", SUM_TOLERANCE, P(.group = 2, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 3,
     .inputs = {X(2, 6, 4, 5), W(6, 2, 3, 3), W(4)}},
    {"depthwise", SUM_TOLERANCE, P(.group = 7, .stride = {2, 2}), .input_count = 3,
     .inputs = {X(1, 7, 4, 4), W(7, 1, 4, 4), W(7)}},
    {"one_dimension", SUM_TOLERANCE, P(.stride = {3}, .pad_begin = {1}), .input_count = 3,
     .inputs = {X(2, 3, 9), W(3, 4, 5), W(4)}},
    {"three_dimensions", SUM_TOLERANCE, P(.stride = {2, 1, 3}, .pad_begin = {1, 0, 1}, .pad_end = {0, 1, 0}), .input_count = 3,
     .inputs = {X(1, 2, 3, 4, 3), W(2, 3, 3, 2, 3), W(3)}},
    {"row_of_66", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 2, .inputs = {X(1, 2, 2, 33), W(2, 3, 2, 2)}},
    ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15), ROW(16),
    ROW(17), ROW(29),
    {"channels_33_to_65", SUM_TOLERANCE, P(.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 2,
     .inputs = {X(2, 33, 5, 15), W(33, 65, 4, 4)}, .epilogue = {.parts = CVK_EPI_BIAS, .axis = 1}},
    {"groups_of_16_to_48", SUM_TOLERANCE, P(.group = 3, .stride = {2, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}),
     .input_count = 2, .inputs = {X(2, 48, 3, 16), W(48, 48, 3, 3)},
     .epilogue = {.parts = CVK_EPI_BIAS | CVK_EPI_SCALE, .axis = 1}},
    {"weights_not_constant", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 2, .inputs = {X(2, 18, 3, 9), X(18, 17, 3, 3)}},
    {"pad_beyond_kernel", SUM_TOLERANCE, P(.stride = {2, 2}, .pad_begin = {4, 5}, .pad_end = {5, 4}), .input_count = 2,
     .inputs = {X(1, 3, 9, 8), W(3, 5, 3, 2)}},
    {"pad_negative_far", SUM_TOLERANCE, P(.stride = {2, 3}, .pad_begin = {-3, -4}, .pad_end = {-5, -7}), .input_count = 2,
     .inputs = {X(1, 3, 2, 3), W(3, 5, 3, 2)}},
    {"height_1", SUM_TOLERANCE, P(.stride = {2, 2}, .output_pad = {1, 1}), .input_count = 2,
     .inputs = {X(2, 1, 1, 18), W(1, 1, 2, 3)}},
    {"stride_5", SUM_TOLERANCE, P(.stride = {5, 5}, .dilation = {2, 3}), .input_count = 2,
     .inputs = {X(1, 15, 3, 15), W(15, 16, 3, 3)}},
    {"filters_33", SUM_TOLERANCE, .input_count = 2, .inputs = {X(1, 5, 3, 3), W(5, 33, 3, 3)}},
    {"size_1", .input_count = 2, .inputs = {X(1, 1, 1, 1), W(1, 1, 1, 1)}},
    {"one_pixel", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 2, .inputs = {X(1, 20, 1, 1), W(20, 6, 4, 4)}},
    {"batch_0", .input_count = 2, .inputs = {X(0, 2, 3, 3), W(2, 2, 3, 3)}},
    {"special_values", P(.stride = {2, 2}), .input_count = 2,
     .inputs = {{DIMS(1, 1, 3, 9), .fill = CVK_FILL_SPECIAL}, W(1, 2, 1, 1)}},
    {"f64", P(.stride = {2, 2}), .rtol = 1e-12, .atol = 1e-13, .input_count = 3,
     .inputs = {TYPED(CVK_F64, 1, 3, 4, 4), TYPED(CVK_F64, 3, 2, 3, 3), TYPED(CVK_F64, 2)}},
    {"f16", P(.stride = {2, 2}), F16_TOLERANCE, .input_count = 2,
     .inputs = {TYPED(CVK_F16, 1, 3, 4, 4), TYPED(CVK_F16, 3, 2, 3, 3)}},
    {"epilogue_bias", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 2, .inputs = {X(2, 3, 4, 4), W(3, 5, 3, 3)},
     .epilogue = {.parts = CVK_EPI_BIAS, .axis = 1}},
    {"epilogue_bias_relu", SUM_TOLERANCE, P(.stride = {2, 2}), .input_count = 2, .inputs = {X(1, 3, 4, 4), W(3, 5, 2, 2)},
     .epilogue = {.parts = CVK_EPI_BIAS | CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_RELU, 0, 0)}},
    {"epilogue_residual", SUM_TOLERANCE, .input_count = 2, .inputs = {X(1, 3, 4, 4), W(3, 5, 3, 3)},
     .epilogue = {.parts = CVK_EPI_RESIDUAL, .axis = 1}},
    {"epilogue_scale_groups", SUM_TOLERANCE, P(.group = 3), .input_count = 2, .inputs = {X(1, 6, 4, 4), W(6, 2, 3, 3)},
     .epilogue = {.parts = CVK_EPI_SCALE, .axis = 1}},
    {"epilogue_all_tanh", SUM_TOLERANCE, P(.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 2,
     .inputs = {X(2, 3, 4, 5), W(3, 5, 4, 4)}, .epilogue = {.parts = ALL_PARTS, .axis = 1, ACTIVATION(CVK_TANH, 0, 0)}},
    {"epilogue_all_clip_groups", SUM_TOLERANCE, P(.group = 2, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}),
     .input_count = 2, .inputs = {X(2, 32, 4, 5), W(32, 16, 4, 4)},
     .epilogue = {.parts = ALL_PARTS, .axis = 1, ACTIVATION(CVK_CLIP, -1, 1)}},
    {"bench_up_2x", P(.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .rtol = 1e-3, .atol = 1e-3, .bench = 1,
     .input_count = 2, .inputs = {X(1, 64, 28, 28), W(64, 32, 4, 4)}},
};

const struct cvk_case_table cvk_cases_conv_transpose = {CVK_OP_CONV_TRANSPOSE, cases, COUNT(cases)};

/* SPDX-License-Identifier: MIT
 * Cases of pool. */
#include "short.h"

#define P(...)                                                                                                                   \
    .params = &(const struct cvk_pool_params)                                                                                    \
    {                                                                                                                            \
        __VA_ARGS__                                                                                                              \
    }

/* Rows of w pixels: beginnings, middles and ends of the tiles of vector kernels, in all their widths. */
#define ROW(w)                                                                                                                   \
    {"max_3x3_row_of_" #w, P(.kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,                        \
     .inputs = {X(1, 17, 3, w)}},                                                                                                \
        {"max_3x3_stride_2_row_of_" #w, P(.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}),           \
         .input_count = 1, .inputs = {X(1, 5, 4, w)}},                                                                           \
        {"max_2x2_stride_2_ceil_row_of_" #w,                                                                                     \
         P(.kernel = {2, 2}, .stride = {2, 2}, .pad_begin = {1, 1}, .rounding = CVK_ROUND_CEIL),                                 \
         .input_count = 1, .inputs = {X(1, 3, 5, w)}},                                                                           \
        {"avg_3x3_row_of_" #w, P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}),                \
         .input_count = 1, .inputs = {X(1, 33, 2, w)}},                                                                          \
        {"avg_3x3_stride_2_row_of_" #w,                                                                                          \
         P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 2},                     \
           .count_include_pad = 1),                                                                                              \
         .input_count = 1, .inputs = {X(1, 4, 3, w)}},                                                                           \
        {"avg_2x2_row_of_" #w, P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .pad_begin = {1, 1}), .input_count = 1,                 \
         .inputs = {X(1, 4, 1, w)}},                                                                                             \
        {"max_5x4_dilation_row_of_" #w,                                                                                          \
         P(.kernel = {5, 4}, .dilation = {1, 2}, .stride = {3, 1}, .pad_begin = {4, 3}, .pad_end = {4, 3}), .input_count = 1,    \
         .inputs = {X(1, 3, 6, w)}}

static const struct cvk_case cases[] = {
    /* max */
    {"max_2x2", P(.kernel = {2, 2}, .stride = {2, 2}), .input_count = 1, .inputs = {X(2, 3, 8, 6)}},
    {"max_2x2_half_pixel", P(.kernel = {2, 2}, .stride = {2, 2}), .input_count = 1, .inputs = {X(1, 3, 7, 9)}},
    {"max_2x2_ceil", P(.kernel = {2, 2}, .stride = {2, 2}, .rounding = CVK_ROUND_CEIL), .input_count = 1,
     .inputs = {X(1, 3, 7, 9)}},
    {"max_2x2_strict", P(.kernel = {2, 2}, .stride = {2, 2}, .rounding = CVK_ROUND_STRICT), .input_count = 1,
     .inputs = {X(1, 3, 8, 10)}},
    {"max_3x3_stride_2_pad_1", P(.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .inputs = {X(1, 17, 14, 13)}},
    {"max_3x3_stride_2_ceil", P(.kernel = {3, 3}, .stride = {2, 2}, .rounding = CVK_ROUND_CEIL), .input_count = 1,
     .inputs = {X(1, 4, 12, 14)}},
    {"max_stride_1", P(.kernel = {2, 3}), .input_count = 1, .inputs = {X(1, 2, 5, 6)}},
    {"max_stride_beyond_kernel", P(.kernel = {2, 2}, .stride = {3, 4}), .input_count = 1, .inputs = {X(1, 2, 11, 10)}},
    {"max_pad_asymmetric", P(.kernel = {3, 4}, .stride = {1, 2}, .pad_begin = {2, 0}, .pad_end = {0, 3}), .input_count = 1,
     .inputs = {X(1, 2, 5, 6)}},
    {"max_negative_with_padding", P(.kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .inputs = {{DIMS(1, 2, 4, 4), .lo = -9, .hi = -1}}},
    {"max_dilation", P(.kernel = {2, 2}, .dilation = {2, 3}), .input_count = 1, .inputs = {X(1, 2, 6, 7)}},
    {"max_dilation_pad", P(.kernel = {3, 3}, .dilation = {2, 2}, .stride = {2, 2}, .pad_begin = {2, 2}, .pad_end = {2, 2}),
     .input_count = 1, .inputs = {X(1, 2, 7, 8)}},
    {"max_same_upper", P(.kernel = {2, 2}, .auto_pad = CVK_PAD_SAME_UPPER), .input_count = 1, .inputs = {X(1, 2, 5, 5)}},
    {"max_same_lower_stride_2", P(.kernel = {3, 3}, .stride = {2, 2}, .auto_pad = CVK_PAD_SAME_LOWER), .input_count = 1,
     .inputs = {X(1, 2, 6, 7)}},
    {"max_valid", P(.kernel = {3, 3}, .stride = {2, 2}, .auto_pad = CVK_PAD_VALID), .input_count = 1, .inputs = {X(1, 2, 6, 7)}},
    {"max_whole_map", P(.kernel = {5, 4}), .input_count = 1, .inputs = {X(2, 3, 5, 4)}},
    {"max_1x1_stride_2", P(.kernel = {1, 1}, .stride = {2, 2}), .input_count = 1, .inputs = {X(1, 5, 7, 7)}},
    {"max_global", P(.global = 1), .input_count = 1, .inputs = {X(2, 5, 7, 6)}},
    {"max_1d", P(.kernel = {3}, .stride = {2}, .pad_begin = {1}), .input_count = 1, .inputs = {X(2, 3, 16)}},
    {"max_3d", P(.kernel = {2, 3, 2}, .stride = {2, 1, 2}, .pad_begin = {1, 0, 1}, .pad_end = {0, 2, 1}), .input_count = 1,
     .inputs = {X(1, 2, 5, 6, 7)}},
    {"max_3d_global", P(.global = 1), .input_count = 1, .inputs = {X(1, 3, 3, 4, 5)}},
    {"max_special_values", P(.kernel = {2, 2}), .input_count = 1, .inputs = {{DIMS(1, 2, 5, 9), .fill = CVK_FILL_SPECIAL}}},
    /* the window meets padding alone */
    {"max_dilation_beyond_map", P(.kernel = {2, 2}, .dilation = {2, 3}, .pad_begin = {1, 1}, .pad_end = {1, 2}), .input_count = 1,
     .output_count = 2, .inputs = {X(1, 2, 1, 2)}},
    {"avg_dilation_beyond_map",
     P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .dilation = {2, 3}, .pad_begin = {1, 1}, .pad_end = {1, 2}), .input_count = 1,
     .inputs = {X(1, 2, 1, 2)}},
    {"lp_dilation_beyond_map",
     P(.kind = CVK_POOL_LP, .kernel = {2, 2}, .dilation = {2, 3}, .pad_begin = {1, 1}, .pad_end = {1, 2}), .input_count = 1,
     .inputs = {X(1, 2, 1, 2)}},
    {"max_i8_dilation_beyond_map", P(.kernel = {2}, .dilation = {2}, .pad_begin = {1}, .pad_end = {1}), .input_count = 1,
     .inputs = {TYPED(CVK_I8, 1, 2, 1)}},
    /* indices; where equals meet the first one counts */
    {"max_indices", P(.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .output_count = 2, .inputs = {X(2, 3, 7, 8)}},
    {"max_indices_ties", P(.kernel = {3, 2}, .stride = {1, 2}), .input_count = 1, .output_count = 2,
     .inputs = {{DIMS(1, 2, 6, 6), .fill = CVK_FILL_TIES}}},
    {"max_indices_column_major", P(.kernel = {2, 2}, .stride = {2, 1}, .storage_order = 1), .input_count = 1, .output_count = 2,
     .inputs = {X(2, 2, 5, 6)}},
    {"max_indices_1d", P(.kernel = {3}, .stride = {2}), .input_count = 1, .output_count = 2, .inputs = {X(2, 2, 9)}},
    {"max_indices_3d_column_major", P(.kernel = {2, 2, 2}, .storage_order = 1), .input_count = 1, .output_count = 2,
     .inputs = {X(1, 2, 3, 4, 5)}},
    {"max_indices_nan", P(.kernel = {2, 2}), .input_count = 1, .output_count = 2,
     .inputs = {{DIMS(1, 1, 4, 9), .fill = CVK_FILL_SPECIAL}}},
    /* avg */
    {"avg_2x2", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .stride = {2, 2}), .input_count = 1, .inputs = {X(2, 3, 8, 6)}},
    {"avg_3x3_pad", P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .inputs = {X(1, 3, 5, 6)}},
    {"avg_3x3_count_pad",
     P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .pad_begin = {2, 1}, .pad_end = {1, 2}, .count_include_pad = 1), .input_count = 1,
     .inputs = {X(1, 3, 5, 6)}},
    {"avg_ceil", P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .stride = {2, 2}, .rounding = CVK_ROUND_CEIL), .input_count = 1,
     .inputs = {X(1, 2, 6, 8)}},
    {"avg_ceil_count_pad",
     P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1},
       .rounding = CVK_ROUND_CEIL, .count_include_pad = 1),
     .input_count = 1, .inputs = {X(1, 2, 6, 8)}},
    {"avg_ceil_last_window_in_padding",
     P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .stride = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1},
       .rounding = CVK_ROUND_CEIL, .count_include_pad = 1),
     .input_count = 1, .inputs = {X(1, 3, 2, 2)}},
    {"avg_dilation", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .dilation = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}),
     .input_count = 1, .inputs = {X(1, 2, 6, 7)}},
    {"avg_dilation_count_pad",
     P(.kind = CVK_POOL_AVG, .kernel = {2, 3}, .dilation = {2, 2}, .pad_begin = {2, 1}, .pad_end = {1, 3},
       .count_include_pad = 1),
     .input_count = 1, .inputs = {X(1, 2, 6, 7)}},
    {"avg_same_upper", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .auto_pad = CVK_PAD_SAME_UPPER), .input_count = 1,
     .inputs = {X(1, 2, 5, 6)}},
    {"avg_same_lower", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .auto_pad = CVK_PAD_SAME_LOWER, .count_include_pad = 1),
     .input_count = 1, .inputs = {X(1, 2, 5, 6)}},
    {"avg_global", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 33, 7, 7)}},
    {"avg_global_one_pixel", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 5, 1, 1)}},
    {"avg_global_1d", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 5, 11)}},
    {"avg_1d", P(.kind = CVK_POOL_AVG, .kernel = {4}, .stride = {3}, .pad_begin = {2}, .pad_end = {1}), .input_count = 1,
     .inputs = {X(2, 3, 14)}},
    {"avg_3d", P(.kind = CVK_POOL_AVG, .kernel = {2, 2, 3}, .stride = {1, 2, 2}, .pad_end = {1, 1, 2}), .input_count = 1,
     .inputs = {X(1, 2, 4, 5, 6)}},
    {"avg_special_values", P(.kind = CVK_POOL_AVG, .kernel = {1, 1}), .input_count = 1,
     .inputs = {{DIMS(1, 2, 5, 9), .fill = CVK_FILL_SPECIAL}}},
    /* lp */
    {"lp_default", P(.kind = CVK_POOL_LP, .kernel = {2, 2}, .stride = {2, 2}), .input_count = 1, .inputs = {X(1, 3, 6, 8)}},
    {"lp_1", P(.kind = CVK_POOL_LP, .p = 1, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .inputs = {X(1, 3, 6, 7)}},
    {"lp_3_dilation", P(.kind = CVK_POOL_LP, .p = 3, .kernel = {2, 2}, .dilation = {2, 2}), .input_count = 1,
     .inputs = {X(1, 3, 6, 7)}, .rtol = 1e-4},
    {"lp_global", P(.kind = CVK_POOL_LP, .global = 1), .input_count = 1, .inputs = {X(2, 3, 5, 5)}},
    {"lp_1d", P(.kind = CVK_POOL_LP, .kernel = {3}, .stride = {2}), .input_count = 1, .inputs = {X(2, 3, 9)}},
    {"lp_3d", P(.kind = CVK_POOL_LP, .kernel = {2, 2, 2}), .input_count = 1, .inputs = {X(1, 2, 3, 4, 5)}},
    /* the tiles of vector kernels */
    ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15),
    ROW(16), ROW(17), ROW(30),
    {"max_row_of_nan", P(.kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .inputs = {{DIMS(2, 17, 5, 17), .fill = CVK_FILL_SPECIAL}}},
    {"max_stride_2_nan", P(.kernel = {2, 2}, .stride = {2, 2}), .input_count = 1,
     .inputs = {{DIMS(2, 5, 6, 18), .fill = CVK_FILL_SPECIAL}}},
    {"max_5x5_nan", P(.kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}), .input_count = 1,
     .inputs = {{DIMS(1, 3, 6, 19), .fill = CVK_FILL_SPECIAL}}},
    {"max_global_nan", P(.global = 1), .input_count = 1, .inputs = {{DIMS(2, 18, 3, 7), .fill = CVK_FILL_SPECIAL}}},
    {"max_padding_alone_17", P(.kernel = {2, 2}, .dilation = {3, 4}, .pad_begin = {1, 1}, .pad_end = {2, 3}), .input_count = 1,
     .inputs = {X(1, 17, 1, 1)}},
    {"max_13x13", P(.kernel = {13, 13}, .pad_begin = {6, 6}, .pad_end = {6, 6}), .input_count = 1, .inputs = {X(1, 9, 7, 20)}},
    {"max_stride_3", P(.kernel = {3, 3}, .stride = {3, 3}, .pad_begin = {2, 2}, .pad_end = {2, 2}), .input_count = 1,
     .inputs = {X(2, 15, 9, 23)}},
    {"max_height_1", P(.kernel = {3, 3}, .pad_begin = {2, 2}, .pad_end = {2, 2}), .input_count = 1, .inputs = {X(2, 16, 1, 9)}},
    {"avg_height_2", P(.kind = CVK_POOL_AVG, .kernel = {3, 3}, .pad_begin = {2, 2}, .pad_end = {2, 2}), .input_count = 1,
     .inputs = {X(2, 1, 2, 16)}},
    {"avg_channels_33", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}, .stride = {2, 2}), .input_count = 1,
     .inputs = {X(2, 33, 5, 31)}},
    {"avg_7x7_count_pad",
     P(.kind = CVK_POOL_AVG, .kernel = {7, 7}, .stride = {2, 3}, .pad_begin = {3, 6}, .pad_end = {6, 3}, .count_include_pad = 1),
     .input_count = 1, .inputs = {X(2, 17, 9, 26)}},
    {"avg_global_17", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 17, 5, 9)}},
    {"avg_global_15_pixels", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 17, 3, 5)}},
    {"avg_global_one_channel", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 1, 2, 3)}},
    {"avg_global_3d", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 5, 3, 2, 4)}},
    /* sizes and types */
    {"size_1", P(.kernel = {1, 1}), .input_count = 1, .inputs = {X(1, 1, 1, 1)}},
    {"batch_0", P(.kernel = {2, 2}), .input_count = 1, .inputs = {X(0, 3, 4, 4)}},
    {"channels_0", P(.kind = CVK_POOL_AVG, .global = 1), .input_count = 1, .inputs = {X(2, 0, 4, 4)}},
    {"max_f64", P(.kernel = {2, 2}), .input_count = 1, .inputs = {TYPED(CVK_F64, 1, 2, 5, 5)}},
    {"max_f16", P(.kernel = {2, 2}), .input_count = 1, .inputs = {TYPED(CVK_F16, 1, 2, 5, 5)}},
    {"max_i8", P(.kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .input_count = 1,
     .inputs = {TYPED(CVK_I8, 1, 2, 5, 5)}},
    {"max_u8", P(.kernel = {2, 2}, .stride = {2, 2}), .input_count = 1, .output_count = 2, .inputs = {TYPED(CVK_U8, 1, 2, 5, 5)}},
    {"avg_f16", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}), F16_TOLERANCE, .input_count = 1,
     .inputs = {TYPED(CVK_F16, 1, 2, 5, 5)}},
    {"avg_bf16", P(.kind = CVK_POOL_AVG, .kernel = {2, 2}), BF16_TOLERANCE, .input_count = 1,
     .inputs = {TYPED(CVK_BF16, 1, 2, 5, 5)}},
    {"lp_f64", P(.kind = CVK_POOL_LP, .kernel = {2, 2}), .input_count = 1, .inputs = {TYPED(CVK_F64, 1, 2, 5, 5)}},
    {"bench_max_resnet", P(.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}), .bench = 1,
     .input_count = 1, .inputs = {X(1, 64, 112, 112)}},
    {"bench_avg_global", P(.kind = CVK_POOL_AVG, .global = 1), .bench = 1, .input_count = 1, .inputs = {X(8, 2048, 7, 7)}},
};

const struct cvk_case_table cvk_cases_pool = {CVK_OP_POOL, cases, COUNT(cases)};

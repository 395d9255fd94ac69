/* SPDX-License-Identifier: MIT
 * Cases of gemm. */
#include "short.h"

#define P(...)                                                                                                                   \
    .params = &(const struct cvk_gemm_params)                                                                                    \
    {                                                                                                                            \
        __VA_ARGS__                                                                                                              \
    }

static const struct cvk_case cases[] = {
    {"plain", SUM_TOLERANCE, .input_count = 2, .inputs = {X(3, 5), X(5, 4)}},
    {"trans_a", SUM_TOLERANCE, P(.trans_a = 1), .input_count = 2, .inputs = {X(5, 3), X(5, 4)}},
    {"trans_b", SUM_TOLERANCE, P(.trans_b = 1), .input_count = 2, .inputs = {X(3, 5), W(4, 5)}},
    {"trans_both", SUM_TOLERANCE, P(.trans_a = 1, .trans_b = 1), .input_count = 2, .inputs = {X(5, 3), X(4, 5)}},
    {"trans_any_not_zero", SUM_TOLERANCE, P(.trans_a = 7, .trans_b = 2), .input_count = 2, .inputs = {X(5, 3), X(4, 5)}},
    {"alpha", SUM_TOLERANCE, P(.scaled = 1, .alpha = 0.5f), .input_count = 2, .inputs = {X(3, 5), X(5, 4)}},
    {"alpha_beta", SUM_TOLERANCE, P(.scaled = 1, .alpha = 0.25f, .beta = 0.35f, .trans_a = 1, .trans_b = 1), .input_count = 3,
     .inputs = {X(4, 3), X(5, 4), X(1, 5)}},
    {"alpha_beta_bias_constant", SUM_TOLERANCE, P(.scaled = 1, .alpha = 2, .beta = -3, .trans_b = 1), .input_count = 3,
     .inputs = {X(4, 3), W(5, 3), W(5)}},
    {"alpha_beta_zero", P(.scaled = 1), .input_count = 3, .inputs = {X(3, 2), X(2, 4), X(4)}},
    {"not_scaled", SUM_TOLERANCE, P(.alpha = 5, .beta = 7), .input_count = 3, .inputs = {X(3, 2), X(2, 4), X(4)}},
    {"c_number", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3), X(3, 4), {.rank = 0}}},
    {"c_one", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3), X(3, 4), X(1)}},
    {"c_row", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3), X(3, 4), W(4)}},
    {"c_row_2d", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3), X(3, 4), X(1, 4)}},
    {"c_column", SUM_TOLERANCE, .input_count = 3, .inputs = {X(3, 4), X(4, 2), X(3, 1)}},
    {"c_column_square", SUM_TOLERANCE, .input_count = 3, .inputs = {X(4, 2), W(2, 4), W(4, 1)}},
    {"c_full", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3), X(3, 4), X(2, 4)}},
    {"c_one_by_one", SUM_TOLERANCE, .input_count = 3, .inputs = {X(2, 3), X(3, 4), X(1, 1)}},
    {"dense", SUM_TOLERANCE, P(.trans_b = 1), .input_count = 3, .inputs = {X(2, 256), W(120, 256), W(120)}},
    {"dense_one_image", SUM_TOLERANCE, P(.trans_b = 1), .input_count = 3, .inputs = {X(1, 147), W(10, 147), W(10)}},
    {"blocks_and_rests", SUM_TOLERANCE, .input_count = 2, .inputs = {X(17, 65), X(65, 67)}},
    {"blocks_and_rests_trans", SUM_TOLERANCE, P(.trans_a = 1, .trans_b = 1), .input_count = 2, .inputs = {X(33, 35), X(131, 33)}},
    {"size_1", .input_count = 3, .inputs = {X(1, 1), X(1, 1), X(1)}},
    {"rows_0", .input_count = 2, .inputs = {X(0, 3), X(3, 4)}},
    {"columns_0", .input_count = 2, .inputs = {X(2, 3), X(3, 0)}},
    {"depth_0", .input_count = 3, .inputs = {X(2, 0), X(0, 3), X(3)}},
    {"special_values", P(.trans_b = 1), .input_count = 2, .inputs = {{DIMS(18, 1), .fill = CVK_FILL_SPECIAL}, W(3, 1)}},
    {"f64", P(.trans_b = 1), .rtol = 1e-12, .atol = 1e-13, .input_count = 3,
     .inputs = {TYPED(CVK_F64, 3, 20), TYPED(CVK_F64, 4, 20), TYPED(CVK_F64, 4)}},
    {"f16", F16_TOLERANCE, .input_count = 3, .inputs = {TYPED(CVK_F16, 3, 20), TYPED(CVK_F16, 20, 4), TYPED(CVK_F16, 4)}},
    {"bf16", BF16_TOLERANCE, P(.trans_a = 1), .input_count = 2, .inputs = {TYPED(CVK_BF16, 20, 3), TYPED(CVK_BF16, 20, 4)}},
    {"epilogue_bias", SUM_TOLERANCE, P(.trans_b = 1), .input_count = 2, .inputs = {X(3, 20), W(70, 20)},
     .epilogue = {.parts = CVK_EPI_BIAS, .axis = 1}},
    {"epilogue_bias_relu", SUM_TOLERANCE, P(.trans_b = 1), .input_count = 2, .inputs = {X(2, 20), W(7, 20)},
     .epilogue = {.parts = CVK_EPI_BIAS | CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_RELU, 0, 0)}},
    {"epilogue_scale", SUM_TOLERANCE, .input_count = 2, .inputs = {X(3, 20), W(20, 7)},
     .epilogue = {.parts = CVK_EPI_SCALE, .axis = 1}},
    {"epilogue_residual", SUM_TOLERANCE, .input_count = 2, .inputs = {X(3, 20), W(20, 71)},
     .epilogue = {.parts = CVK_EPI_RESIDUAL, .axis = 1}},
    {"epilogue_all_elu", SUM_TOLERANCE, P(.scaled = 1, .alpha = 0.5f, .trans_b = 1), .input_count = 2,
     .inputs = {X(19, 9), W(7, 9)}, .epilogue = {.parts = ALL_PARTS, .axis = 1, ACTIVATION(CVK_ELU, 1, 0)}},
    {"c_and_epilogue", SUM_TOLERANCE, P(.scaled = 1, .alpha = 2, .beta = 0.5f), .input_count = 3,
     .inputs = {X(3, 9), W(9, 7), X(3, 7)},
     .epilogue = {.parts = CVK_EPI_BIAS | CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_SIGMOID, 0, 0)}},
    {"bench_dense_2048_1000", P(.trans_b = 1), .rtol = 1e-3, .atol = 1e-3, .bench = 1, .input_count = 3,
     .inputs = {X(1, 2048), W(1000, 2048), W(1000)}},
    {"bench_square_512", .rtol = 1e-3, .atol = 1e-3, .bench = 1, .input_count = 2, .inputs = {X(512, 512), W(512, 512)}},
};

const struct cvk_case_table cvk_cases_gemm = {CVK_OP_GEMM, cases, COUNT(cases)};

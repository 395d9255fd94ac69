/* SPDX-License-Identifier: MIT
 * Cases of resize. */
#include "short.h"

#define P(m, c, ...) .params = &(const struct cvk_resize_params){.mode = CVK_RESIZE_##m, .coord = CVK_COORD_##c, __VA_ARGS__}
/* Sizes or scales come from inputs. */
#define LATER .count = 0
#define ROUND(n) .nearest = CVK_NEAREST_##n
#define SCALE(...) .count = sizeof((double[]){__VA_ARGS__}) / sizeof(double), .scale = {__VA_ARGS__}
#define SIZE(...) .count = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dims = {__VA_ARGS__}
#define ROI(b0, b1, b2, b3, e0, e1, e2, e3) .roi_begin = {b0, b1, b2, b3}, .roi_end = {e0, e1, e2, e3}
/* Weights and places in float instead of double. */
#define SOFT .rtol = 1e-4, .atol = 1e-5
#define ONE(...) .input_count = 1, .inputs = {X(__VA_ARGS__)}
#define KNOWN(type, array) {type, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double scales_2d[] = {1, 1, 2, 1.5}, sizes_2d[] = {1, 2, 7, 3}, roi_2d[] = {0, 0, 0.4, 0.6, 1, 1, 0.6, 0.8};

static const struct cvk_case cases[] = {
    /* nearest: coordinates, and how they are rounded */
    {"nearest_twice", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), ONE(2, 3, 4, 5)},
    {"nearest_thrice", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 3, 3)), ONE(1, 2, 3, 3)},
    {"nearest_half", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 0.5, 0.5)), ONE(1, 2, 6, 8)},
    {"nearest_0_6", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 0.6, 0.7)), ONE(1, 2, 10, 10)},
    {"nearest_third", P(NEAREST, ASYMMETRIC, ROUND(FLOOR), SCALE(1, 1, 1 / 3.0, 1 / 3.0)), ONE(1, 1, 9, 12)},
    {"nearest_up_sizes", P(NEAREST, HALF_PIXEL, SIZE(1, 2, 7, 11)), ONE(1, 2, 3, 4)},
    {"nearest_down_sizes", P(NEAREST, HALF_PIXEL, SIZE(1, 2, 3, 2)), ONE(1, 2, 7, 5)},
    {"nearest_prefer_floor_ties", P(NEAREST, HALF_PIXEL, ROUND(ROUND_PREFER_FLOOR), SIZE(1, 1, 3, 5)), ONE(1, 1, 6, 10)},
    {"nearest_prefer_ceil_ties", P(NEAREST, HALF_PIXEL, ROUND(ROUND_PREFER_CEIL), SIZE(1, 1, 3, 5)), ONE(1, 1, 6, 10)},
    {"nearest_floor", P(NEAREST, HALF_PIXEL, ROUND(FLOOR), SIZE(1, 1, 8, 9)), ONE(1, 1, 4, 4)},
    {"nearest_ceil", P(NEAREST, HALF_PIXEL, ROUND(CEIL), SIZE(1, 1, 8, 9)), ONE(1, 1, 4, 4)},
    {"nearest_asymmetric_floor", P(NEAREST, ASYMMETRIC, ROUND(FLOOR), SIZE(1, 1, 7, 10)), ONE(1, 1, 3, 4)},
    {"nearest_asymmetric_prefer_ceil", P(NEAREST, ASYMMETRIC, ROUND(ROUND_PREFER_CEIL), SIZE(1, 1, 8, 8)), ONE(1, 1, 4, 4)},
    {"nearest_asymmetric_prefer_floor", P(NEAREST, ASYMMETRIC, SIZE(1, 1, 8, 8)), ONE(1, 1, 4, 4)},
    {"nearest_align_floor", P(NEAREST, ALIGN_CORNERS, ROUND(FLOOR), SIZE(1, 1, 8, 7)), ONE(1, 1, 4, 4)},
    {"nearest_align_prefer_floor", P(NEAREST, ALIGN_CORNERS, SIZE(1, 1, 7, 1)), ONE(1, 1, 4, 4)},
    {"nearest_pytorch", P(NEAREST, PYTORCH_HALF_PIXEL, SIZE(1, 1, 1, 7)), ONE(1, 1, 5, 4)},
    {"nearest_tf_half_pixel", P(NEAREST, TF_HALF_PIXEL_FOR_NN, ROUND(FLOOR), SIZE(1, 1, 3, 9)), ONE(1, 1, 4, 4)},
    {"nearest_crop", P(NEAREST, TF_CROP_AND_RESIZE, SIZE(1, 1, 3, 3), ROI(0, 0, 0.2, 0.3, 1, 1, 0.7, 0.9)), ONE(1, 1, 6, 6)},
    {"nearest_every_axis", P(NEAREST, HALF_PIXEL, SCALE(2, 3, 0.5, 2)), ONE(2, 2, 4, 3)},
    {"nearest_channels_16", P(NEAREST, ASYMMETRIC, ROUND(FLOOR), SCALE(1, 1, 2, 2)), ONE(1, 16, 3, 3)},
    {"nearest_channels_21", P(NEAREST, HALF_PIXEL, SIZE(2, 21, 5, 9)), ONE(2, 21, 3, 4)},
    {"nearest_rank_1", P(NEAREST, HALF_PIXEL, SCALE(2.5)), ONE(5)},
    {"nearest_rank_3", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2)), ONE(2, 3, 5)},
    {"nearest_rank_5", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 1, 2)), ONE(1, 2, 2, 3, 2)},
    {"nearest_rank_8", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 1, 2, 1, 1, 1, 2)), ONE(1, 2, 1, 2, 1, 2, 1, 2)},
    {"nearest_scalar", .input_count = 1, .inputs = {{.rank = 0}}},
    {"nearest_unchanged", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 1, 1)), ONE(1, 2, 3, 4)},
    {"nearest_batch_0", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), ONE(0, 2, 3, 4)},
    {"nearest_special_values", P(NEAREST, HALF_PIXEL, SCALE(1, 2)), .input_count = 1,
     .inputs = {{DIMS(2, 32), .fill = CVK_FILL_SPECIAL}}},
    /* linear */
    {"linear_twice", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2)), SOFT, ONE(2, 3, 4, 5)},
    {"linear_half", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 0.5, 0.5)), SOFT, ONE(1, 2, 6, 8)},
    {"linear_0_6", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 0.6, 0.7)), SOFT, ONE(1, 2, 10, 10)},
    {"linear_sizes", P(LINEAR, HALF_PIXEL, SIZE(1, 2, 7, 3)), SOFT, ONE(1, 2, 3, 5)},
    {"linear_asymmetric", P(LINEAR, ASYMMETRIC, SIZE(1, 2, 7, 3)), SOFT, ONE(1, 2, 3, 5)},
    {"linear_align_corners", P(LINEAR, ALIGN_CORNERS, SCALE(1, 1, 2, 2)), SOFT, ONE(1, 2, 3, 4)},
    {"linear_align_corners_down", P(LINEAR, ALIGN_CORNERS, SCALE(1, 1, 0.6, 0.6)), SOFT, ONE(1, 1, 2, 4)},
    {"linear_align_corners_to_1", P(LINEAR, ALIGN_CORNERS, SIZE(1, 1, 1, 1)), SOFT, ONE(1, 1, 3, 4)},
    {"linear_pytorch", P(LINEAR, PYTORCH_HALF_PIXEL, SIZE(1, 1, 3, 1)), SOFT, ONE(1, 1, 4, 4)},
    {"linear_crop", P(LINEAR, TF_CROP_AND_RESIZE, SIZE(1, 1, 3, 3), ROI(0, 0, 0.4, 0.6, 1, 1, 0.6, 0.8)), SOFT,
     ONE(1, 1, 4, 4)},
    {"linear_crop_outside",
     P(LINEAR, TF_CROP_AND_RESIZE, .extrapolation = 10, SIZE(1, 1, 4, 3), ROI(0, 0, 0.4, -0.5, 1, 1, 1.2, 0.8)), SOFT,
     ONE(1, 1, 4, 4)},
    {"linear_crop_to_1", P(LINEAR, TF_CROP_AND_RESIZE, SIZE(1, 1, 1, 3), ROI(0, 0, 0.2, 0, 1, 1, 0.7, 1)), SOFT, ONE(1, 1, 5, 4)},
    {"linear_crop_whole", P(LINEAR, TF_CROP_AND_RESIZE, SIZE(1, 2, 6, 3)), SOFT, ONE(1, 2, 4, 4)},
    {"linear_crop_scaled", P(LINEAR, TF_CROP_AND_RESIZE, SCALE(1, 1, 2, 3), ROI(0, 0, 0, 0.5, 1, 1, 0.5, 1)), SOFT,
     ONE(1, 1, 6, 8)},
    {"linear_exclude_outside", P(LINEAR, HALF_PIXEL, .exclude_outside = 1, SIZE(1, 1, 7, 3)), SOFT, ONE(1, 1, 3, 5)},
    {"linear_from_1", P(LINEAR, HALF_PIXEL, SIZE(1, 2, 5, 5)), SOFT, ONE(1, 2, 1, 1)},
    {"linear_channels_21", P(LINEAR, HALF_PIXEL, SIZE(2, 21, 5, 9)), SOFT, ONE(2, 21, 3, 4)},
    {"linear_channels_rank_3", P(LINEAR, HALF_PIXEL, SIZE(2, 18, 11)), SOFT, ONE(2, 18, 7)},
    {"linear_many_rows", P(LINEAR, ALIGN_CORNERS, SIZE(1, 19, 80, 81)), SOFT, ONE(1, 19, 40, 41)},
    {"linear_special_values", P(LINEAR, ASYMMETRIC, SCALE(1, 1, 1, 2)), .rtol = 1e-4, .atol = 1e-5, .input_count = 1,
     .inputs = {{DIMS(1, 2, 4, 8), .fill = CVK_FILL_SPECIAL}}},
    {"linear_rank_1", P(LINEAR, HALF_PIXEL, SCALE(1.7)), SOFT, ONE(6)},
    {"linear_rank_2", P(LINEAR, HALF_PIXEL, SCALE(2, 2)), SOFT, ONE(3, 4)},
    {"linear_rank_3", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 3)), SOFT, ONE(2, 3, 4)},
    {"linear_rank_5", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2, 2)), SOFT, ONE(1, 2, 2, 3, 2)},
    {"linear_unchanged", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 1, 1)), ONE(1, 2, 3, 4)},
    {"linear_large_values", P(LINEAR, ALIGN_CORNERS, SIZE(1, 1, 5, 7)), .rtol = 1e-4, .atol = 1, .input_count = 1,
     .inputs = {{DIMS(1, 1, 4, 4), .lo = -1e6, .hi = 1e6}}},
    /* cubic */
    {"cubic_twice", P(CUBIC, HALF_PIXEL, SCALE(1, 1, 2, 2)), SOFT, ONE(1, 2, 4, 5)},
    {"cubic_0_8", P(CUBIC, HALF_PIXEL, SCALE(1, 1, 0.8, 0.8)), SOFT, ONE(1, 1, 6, 6)},
    {"cubic_sizes", P(CUBIC, HALF_PIXEL, SIZE(1, 1, 9, 3)), SOFT, ONE(1, 1, 4, 7)},
    {"cubic_a_half", P(CUBIC, HALF_PIXEL, .cubic_a = -0.5f, SCALE(1, 1, 2, 2)), SOFT, ONE(1, 1, 4, 4)},
    {"cubic_exclude_outside", P(CUBIC, HALF_PIXEL, .cubic_a = -0.5f, .exclude_outside = 1, SCALE(1, 1, 2, 0.8)), SOFT,
     ONE(1, 1, 4, 4)},
    {"cubic_align_corners", P(CUBIC, ALIGN_CORNERS, SCALE(1, 1, 2, 2)), SOFT, ONE(1, 1, 4, 4)},
    {"cubic_align_corners_down", P(CUBIC, ALIGN_CORNERS, SCALE(1, 1, 0.8, 0.8)), SOFT, ONE(1, 1, 4, 4)},
    {"cubic_asymmetric", P(CUBIC, ASYMMETRIC, SCALE(1, 1, 2, 2)), SOFT, ONE(1, 1, 4, 4)},
    {"cubic_pytorch", P(CUBIC, PYTORCH_HALF_PIXEL, SIZE(1, 1, 7, 1)), SOFT, ONE(1, 1, 4, 5)},
    {"cubic_crop", P(CUBIC, TF_CROP_AND_RESIZE, .extrapolation = -3, SIZE(1, 1, 5, 3), ROI(0, 0, 0.1, 0.5, 1, 1, 0.9, 1.3)), SOFT,
     ONE(1, 1, 5, 5)},
    {"cubic_small_map", P(CUBIC, HALF_PIXEL, SIZE(1, 1, 5, 6)), SOFT, ONE(1, 1, 2, 1)},
    {"cubic_rank_3", P(CUBIC, HALF_PIXEL, SCALE(1, 1, 2)), SOFT, ONE(2, 3, 5)},
    /* sizes from inputs */
    {"scales_as_input", P(LINEAR, HALF_PIXEL, LATER), SOFT, .input_count = 3,
     .inputs = {X(1, 2, 3, 4), ABSENT, KNOWN(CVK_F32, scales_2d)}},
    {"sizes_as_input", P(NEAREST, ASYMMETRIC, ROUND(FLOOR)), .input_count = 4,
     .inputs = {X(1, 2, 3, 4), ABSENT, ABSENT, KNOWN(CVK_I64, sizes_2d)}},
    {"roi_as_input", P(LINEAR, TF_CROP_AND_RESIZE, LATER), SOFT, .input_count = 4,
     .inputs = {X(1, 2, 5, 5), KNOWN(CVK_F32, roi_2d), ABSENT, KNOWN(CVK_I64, sizes_2d)}},
    {"empty_roi_as_input", P(CUBIC, HALF_PIXEL, LATER), SOFT, .input_count = 3,
     .inputs = {X(1, 2, 3, 4), {DIMS(0), .constant = 1}, KNOWN(CVK_F32, scales_2d)}},
    /* other types */
    {"nearest_f16", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), .input_count = 1, .inputs = {TYPED(CVK_F16, 1, 2, 3, 3)}},
    {"nearest_u8", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), .input_count = 1, .inputs = {TYPED(CVK_U8, 1, 3, 3, 3)}},
    {"nearest_i16", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), .input_count = 1, .inputs = {TYPED(CVK_I16, 1, 3, 3, 3)}},
    {"nearest_i32", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), .input_count = 1, .inputs = {TYPED(CVK_I32, 1, 3, 3, 3)}},
    {"nearest_i64_ends", P(NEAREST, HALF_PIXEL, SCALE(2)), .input_count = 1,
     .inputs = {{CVK_I64, DIMS(20), .fill = CVK_FILL_SPECIAL}}},
    {"nearest_bool", P(NEAREST, HALF_PIXEL, SCALE(1, 1, 2, 2)), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 1, 3, 3, 3)}},
    {"linear_f64", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2)), SOFT, .input_count = 1, .inputs = {TYPED(CVK_F64, 1, 2, 3, 3)}},
    {"linear_f16", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2)), F16_TOLERANCE, .input_count = 1,
     .inputs = {TYPED(CVK_F16, 1, 2, 3, 3)}},
    {"linear_bf16", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2)), BF16_TOLERANCE, .input_count = 1,
     .inputs = {TYPED(CVK_BF16, 1, 2, 3, 3)}},
    {"linear_u8", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2)), .input_count = 1, .inputs = {{CVK_U8, DIMS(1, 3, 3, 3), .hi = 255}}},
    {"cubic_i32", P(CUBIC, ASYMMETRIC, SCALE(1, 1, 2, 2)), .input_count = 1,
     .inputs = {{CVK_I32, DIMS(1, 2, 3, 3), .lo = -1000, .hi = 1000}}},
    {"bench_linear", P(LINEAR, HALF_PIXEL, SCALE(1, 1, 2, 2)), SOFT, .bench = 1, ONE(1, 32, 112, 112)},
    {"bench_nearest", P(NEAREST, ASYMMETRIC, ROUND(FLOOR), SCALE(1, 1, 2, 2)), .bench = 1, ONE(1, 128, 52, 52)},
};

const struct cvk_case_table cvk_cases_resize = {CVK_OP_RESIZE, cases, COUNT(cases)};

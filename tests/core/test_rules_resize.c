/* SPDX-License-Identifier: MIT
 * Shape rules of the ops whose sizes are asked for: resize and fill, and of shape, which tells them. */
#include "rules.h"

#define A4 X(1, 3, 4, 5)
#define NUMBER SCALAR(CVK_F32)
#define NOT_A_NUMBER __builtin_nan("")
#define INFINITE __builtin_inf()

/* ---- resize ------------------------------------------------------------------------------------------------------------ */

#define R(...) P(resize, __VA_ARGS__)
#define CROP .coord = CVK_COORD_TF_CROP_AND_RESIZE
#define TWICE .count = 4, .scale = {1, 1, 2, 2}

static const struct rule_case resize_rows[] = {
    BAD("mode unknown", R(.mode = 3, TWICE), "mode 3 is not known (0 nearest, 1 linear, 2 cubic)", A4),
    BAD("mode of all ones", R(.mode = 0xffffffff, TWICE), "mode 4294967295", A4),
    BAD("coordinates unknown", R(.coord = 6, TWICE), "coordinate mode 6 is not known (0 to 5 are)", A4),
    BAD("coordinates of all ones", R(.coord = 0xffffffff, TWICE), "coordinate mode 4294967295", A4),
    BAD("nearest unknown", R(.nearest = 4, TWICE), "nearest mode 4 is not known (0 to 3 are)", A4),
    BAD("nearest of all ones", R(.nearest = 0xffffffff, TWICE), "nearest mode 4294967295", A4),
    BAD("9 axes", R(.count = 9), "9 axes are given, a tensor has at most 8", A4),
    BAD("axes of all ones", R(.count = 0xffffffff), "4294967295 axes", A4),
    BAD("cubic coefficient NaN", R(.mode = CVK_RESIZE_CUBIC, .cubic_a = __builtin_nanf(""), TWICE), "cubic coefficient is nan",
        A4),
    BAD("nothing given", NULL, "of 0 axes are given, but x has 4", A4),
    BAD("two of four axes", R(.count = 2, .scale = {2, 2}), "of 2 axes are given, but x has 4", A4),
    BAD("scale 0 and no size", R(.count = 4, .scale = {1, 1, 0, 2}), "axis 2 has neither a size nor a scale above 0", A4),
    BAD("scale negative", R(.count = 4, .scale = {1, 1, 2, -2}), "scale of axis 3 is -2, it must be above 0", A4),
    BAD("scale infinite", R(.count = 4, .scale = {1, 1, INFINITE, 1}), "scale of axis 2 is inf", A4),
    BAD("scale minus infinity", R(.count = 4, .scale = {1, 1, -INFINITE, 1}), "scale of axis 2 is -inf", A4),
    BAD("scale NaN", R(.count = 4, .scale = {NOT_A_NUMBER, 1, 1, 1}), "scale of axis 0 is nan", A4),
    BAD("scale NaN beside a size", R(.count = 4, .scale = {1, 1, 1, NOT_A_NUMBER}, .dims = {1, 3, 4, 5}),
        "scale of axis 3 is nan", A4),
    BAD("size negative", R(.count = 4, .dims = {1, 3, -8, 10}), "size -8 of axis 2 is negative", A4),
    MISFIT("scale that leaves nothing", R(.count = 4, .scale = {1, 1, 0.1, 1}),
           "scale 0.1 leaves nothing of the 4 elements of axis 2|at least 1/4",
           A4),
    MISFIT("scale past all sizes", R(.count = 4, .scale = {1, 1, 1e300, 1}), "axis 2: 4 elements times 1e+300 pass 2^62", A4),
    MISFIT("something of nothing", R(.count = 2, .dims = {1, 7}), "axis 1 has no elements to make 7 of", X(1, 0)),
    MISFIT("between bools", R(.mode = CVK_RESIZE_LINEAR, TWICE), "linear cannot interpolate between bools; nearest would fit",
           OF(CVK_BOOL, 1, 3, 4, 5)),
    TOO_BIG("result past 2^63", R(.count = 4, .dims = {HUGE_SIZE, 2, 2, 2}), "result|2^63", A4),
    TOO_BIG("result past the limit", R(.count = 4, .scale = {1, 1, 1e6, 1e7}), "the limit is", A4),
    /* roi */
    BAD("roi NaN", R(CROP, TWICE, .roi_begin = {0, 0, NOT_A_NUMBER}), "roi of axis 2 is nan to 0", A4),
    BAD("roi infinite", R(CROP, TWICE, .roi_end = {0, 0, 0, INFINITE}), "roi of axis 3 is 0 to inf", A4),
    MISFIT("roi turned over", R(CROP, TWICE, .roi_begin = {0, 0, 1, 0}, .roi_end = {1, 1, 0, 1}),
           "scale 2 leaves nothing of a roi of -1 times the 4",
           A4),
    MISFIT("roi past all sizes", R(CROP, TWICE, .roi_begin = {0, 0, -1e308, 0}, .roi_end = {1, 1, 1e308, 1}),
           "axis 2: 4 elements times inf", A4),
    /* from inputs */
    BAD("3 scales", NULL, "3 scales where 4 are needed", A4, NONE, FLOATS(1, 2, 2)),
    BAD("5 sizes", NULL, "5 sizes where 4 are needed", A4, NONE, NONE, INTS(1, 3, 8, 8, 1)),
    BAD("6 numbers in roi", R(CROP), "6 numbers in roi where 8 are needed", A4, FLOATS(0, 0, 0, 1, 1, 1), FLOATS(1, 1, 2, 2)),
    BAD("scales and sizes", NULL, "scales and sizes are both given", A4, NONE, FLOATS(1, 1, 2, 2), INTS(1, 3, 8, 10)),
    BAD("input scale 0", NULL, "axis 2 has neither a size nor a scale above 0", A4, NONE, FLOATS(1, 1, 0, 1)),
    BAD("input scale NaN", NULL, "scale of axis 1 is nan", A4, NONE, FLOATS(1, __builtin_nanf(""), 1, 1)),
    BAD("input scale negative", NULL, "scale of axis 3 is -0.5", A4, NONE, FLOATS(1, 1, 1, -0.5f)),
    BAD("input size 0", NULL, "size 0 of axis 2 is below 1", A4, NONE, NONE, INTS(1, 3, 0, 5)),
    BAD("input size the least", NULL, "size -9223372036854775808 of axis 3", A4, NONE, NONE, INTS(1, 3, 4, INT64_MIN)),
    MISFIT("sizes of f32", NULL, "input 3 must hold whole numbers, not f32", A4, NONE, NONE, FLOATS(1, 3, 8, 10)),
    MISFIT("9 scales", NULL, "input 2 has 9 elements; at most 8", A4, NONE, FLOATS(1, 1, 1, 1, 1, 1, 1, 1, 1)),
    FITS("scales", R(TWICE), "f32 1x3x8x10", A4),
    FITS("floor of the product", R(.count = 2, .scale = {0.7, 0.3}), "f32 7x2", X(10, 7)),
    FITS("1/4 of 4", R(.count = 4, .scale = {1, 1, 0.25, 1}), "f32 1x3x1x5", A4),
    FITS("sizes", R(.mode = CVK_RESIZE_CUBIC, .count = 4, .dims = {1, 3, 2, 50}), "f32 1x3x2x50", A4),
    FITS("some by scale, some by size", R(.count = 4, .scale = {1, 0, 3, 0}, .dims = {0, 3, 0, 1}), "f32 1x3x12x1", A4),
    FITS("input scales", R(.count = 4, .dims = {9, 9, 9, 9}), "u8 1x3x8x10", OF(CVK_U8, 1, 3, 4, 5), NONE, FLOATS(1, 1, 2, 2)),
    FITS("input scales, empty roi and sizes", NULL, "f32 1x3x7x9", A4, NO_INTS, FLOATS(1, 1, 1.75f, 1.8f), NO_INTS),
    FITS("input sizes, empty scales", NULL, "f32 1x3x8x10", A4, NONE, NO_INTS, INTS(1, 3, 8, 10)),
    FITS("half of the roi", R(CROP, TWICE, .roi_begin = {0, 0, 0.25, 0}, .roi_end = {1, 1, 0.75, 1}), "f32 1x3x4x10", A4),
    FITS("no images", R(.count = 2, .scale = {2, 2}), "f32 0x6", X(0, 3)),
    FITS("a number", NULL, "f32 scalar", NUMBER),
};
RULE_TEST(RESIZE, resize)

/* "at least 1/n would fit": it does. */
static void test_the_least_scale_fits(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 300; n++) {
        struct cvk_graph *g = NULL;
        assert_int_equal(cvk_graph_create("least", &g), CVK_OK);
        cvk_value y = cvk_resize(g, cvk_input(g, "x", CVK_F32, 1, &n), R(.count = 1, .scale = {1.0 / (double)n}));
        if (!y)
            fail_msg("%s", cvk_graph_error(g));
        assert_int_equal(cvk_graph_desc(g, y)->dims[0], 1);
        cvk_graph_destroy(g);
    }
}

/* ---- fill -------------------------------------------------------------------------------------------------------------- */

#define F(...) P(fill, __VA_ARGS__)

static const struct rule_case fill_rows[] = {
    BAD("type unknown", F(.dtype = 14), "no element type 14|1 (f32) to 13 (bool)", NONE),
    BAD("type of all ones", F(.dtype = 0xffffffff), "no element type 4294967295", NONE),
    BAD("9 sizes", F(.count = 9), "9 sizes are given; a tensor has at most 8 axes", NONE),
    BAD("sizes of all ones", F(.count = 0xffffffff), "4294967295 sizes", NONE),
    MISFIT("size negative", F(.count = 2, .dims = {2, -3}), "size 1 of the shape is -3|at least 0", NONE),
    MISFIT("size the least", NULL, "size 0 of the shape is -9223372036854775808", INTS(INT64_MIN)),
    MISFIT("9 sizes as input", NULL, "input 0 has 9 elements; at most 8", INTS(1, 1, 1, 1, 1, 1, 1, 1, 1)),
    MISFIT("sizes of f32", NULL, "input 0 must hold whole numbers, not f32", FLOATS(2, 3)),
    TOO_BIG("product past 2^63", F(.count = 3, .dims = {HUGE_SIZE, 2, 2}), "result|4611686018427387904x2x2 in f32|2^63", NONE),
    TOO_BIG("product past 2^63 beside 0", F(.count = 3, .dims = {HUGE_SIZE, HUGE_SIZE, 0}), "result|2^63", NONE),
    TOO_BIG("past the limit", F(.count = 1, .dims = {HUGE_SIZE / 1024}), "the limit is 17592186044416", NONE),
    FITS("sizes", F(.dtype = CVK_I64, .count = 2, .dims = {2, 3}), "i64 2x3", NONE),
    FITS("the default is one f32", NULL, "f32 scalar", NONE),
    FITS("from an input", F(.dtype = CVK_BOOL, .count = 1, .dims = {9}), "bool 4x0x1", LIST(CVK_I32, int32_t, 4, 0, 1)),
    FITS("a number by an input", NULL, "f32 scalar", NO_INTS),
};
RULE_TEST(FILL, fill)

/* ---- shape ------------------------------------------------------------------------------------------------------------- */

#define S(...) P(shape, __VA_ARGS__)

static const struct rule_case shape_rows[] = {
    BAD("kind unknown", S(.kind = 2), "no shape kind 2|0, dims, and 1, count", A4),
    BAD("kind of all ones", S(.kind = 0xffffffff), "no shape kind 4294967295", A4),
    FITS("all", NULL, "i64 4", A4),
    FITS("count", S(.kind = CVK_SHAPE_COUNT), "i64 scalar", A4),
    FITS("from 1 to before the last", S(.start = 1, .end = -1, .end_given = 1), "i64 2", A4),
    FITS("past both ends", S(.start = INT32_MIN, .end = INT32_MAX, .end_given = 1), "i64 4", A4),
    FITS("end before the start", S(.start = 3, .end = INT32_MIN, .end_given = 1), "i64 0", A4),
    FITS("of a number", NULL, "i64 0", NUMBER),
};
RULE_TEST(SHAPE, shape)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_the_least_scale_fits),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_shape),
    };
    return cmocka_run_group_tests_name("rules of sizes asked for", tests, NULL, NULL);
}

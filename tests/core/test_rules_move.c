/* SPDX-License-Identifier: MIT
 * Shape rules of the ops that move elements: join, cut, pad, reshape, repeat, pick, resize, fill. */
#include "rules.h"

#define A4 X(2, 3, 4, 5)
#define NUMBER SCALAR(CVK_F32)
#define AXIS_OF_4 "the tensor has 4 axes: -4 to 3 would fit"

/* ---- concat ------------------------------------------------------------------------------------------------------------ */

#define C(...) P(concat, __VA_ARGS__)
static const struct rule_case concat_rows[] = {
    BAD("axis too large", C(.axis = 4), "axis is 4|" AXIS_OF_4, A4, A4),
    BAD("axis too small", C(.axis = -5), "axis is -5|" AXIS_OF_4, A4, A4),
    BAD("axis the least", C(.axis = INT32_MIN), "axis is -2147483648", A4, A4),
    BAD("numbers have no axis", NULL, "axis is 0|single number without axes", NUMBER, NUMBER),
    BAD("one in the middle left out", NULL, "input 1 of 3 is left out", A4, NONE, A4),
    {.label = "the last one left out", .inputs = {A4}, .input_count = 2, .want = "input 1 of 2 is left out", .status = CVK_E_ARG},
    {.label = "the last of three left out", .inputs = {A4, A4}, .input_count = 3, .want = "input 2 of 3 is left out",
     .status = CVK_E_ARG},
    MISFIT("types differ", NULL, "input 1 is i32 and input 0 is f32|cast", A4, OF(CVK_I32, 2, 3, 4, 5)),
    MISFIT("ranks differ", NULL, "input 1 is 2x3x4 and input 0 is 2x3x4x5|axis 0 only", A4, X(2, 3, 4)),
    MISFIT("other sizes differ", C(.axis = 1), "input 2 is 2x3x4x6 and input 0 is 2x3x4x5|axis 1 only", A4, A4, X(2, 3, 4, 6)),
    MISFIT("no broadcasting", C(.axis = -1), "input 1 is 1x3x4x5|2x3x4x5|axis 3 only", A4, X(1, 3, 4, 5)),
    MISFIT("sizes past 2^63", NULL, "axis 0|2^63", OF(CVK_U8, HUGE_SIZE), OF(CVK_U8, HUGE_SIZE)),
    TOO_BIG("result past the limit", C(.axis = 0), "bytes; the limit is", OF(CVK_U8, HUGE_SIZE / 2), OF(CVK_U8, HUGE_SIZE / 2)),
    FITS("two", C(.axis = 1), "f32 2x10x4x5", A4, X(2, 7, 4, 5)),
    FITS("three from the end", C(.axis = -1), "f32 2x3x4x11", A4, X(2, 3, 4, 1), A4),
    FITS("one", NULL, "f32 2x3x4x5", A4),
    FITS("nothing to something", NULL, "bool 4x3", OF(CVK_BOOL, 0, 3), OF(CVK_BOOL, 4, 3)),
};
RULE_TEST(CONCAT, concat)

/* ---- split ------------------------------------------------------------------------------------------------------------- */

#define S(...) P(split, __VA_ARGS__)
#define CUT(text, p, parts, words, code, ...) \
    {.label = (text), .params = (p), .inputs = {__VA_ARGS__}, .output_count = (parts), .want = (words), .status = (code)}
static const struct rule_case split_rows[] = {
    CUT("axis too large", S(.axis = 4), 2, "axis is 4|" AXIS_OF_4, CVK_E_ARG, A4),
    CUT("number has no axis", NULL, 2, "axis is 0|single number without axes", CVK_E_ARG, NUMBER),
    CUT("does not divide", S(.axis = 1), 2, "3 elements do not split into 2 equal parts|2 or 4 elements would", CVK_E_SHAPE, A4),
    CUT("ragged with too many parts", S(.axis = 3, .ragged = 1), 4, "5 elements do not fill 3 parts of 2", CVK_E_SHAPE, A4),
    CUT("fewer sizes than outputs", S(.axis = 1), 2, "1 sizes for 2 outputs", CVK_E_ARG, A4, INTS(3)),
    CUT("more sizes than outputs", S(.axis = 1), 2, "input 1 has 3 elements; at most 2", CVK_E_SHAPE, A4, INTS(1, 1, 1)),
    CUT("sum too small", S(.axis = 3), 2, "2 sizes sum up to 4|axis has 5 elements", CVK_E_SHAPE, A4, INTS(3, 1)),
    CUT("sum too large", S(.axis = 3), 2, "parts 0 to 1 sum up to more than the 5 elements", CVK_E_SHAPE, A4, INTS(3, 3)),
    CUT("sum that wraps", S(.axis = 3), 3, "sum up to more than the 5 elements", CVK_E_SHAPE, A4, INTS(INT64_MAX, INT64_MAX, 7)),
    CUT("size negative", S(.axis = 3), 2, "size -1 of part 1 is negative", CVK_E_ARG, A4, INTS(5, -1)),
    CUT("sizes of f32", S(.axis = 3), 2, "input 1 must hold whole numbers, not f32", CVK_E_SHAPE, A4, FLOATS(2, 3)),
    FITS("equal", S(.axis = -2), "f32 2x3x2x5|f32 2x3x2x5", A4),
    FITS("ragged", S(.axis = 3, .ragged = 1), "f32 2x3x4x2|f32 2x3x4x2|f32 2x3x4x1", A4),
    FITS("given", S(.axis = 3), "f32 2x3x4x4|f32 2x3x4x0|f32 2x3x4x1", A4, INTS(4, 0, 1)),
    FITS("given as i32", S(.axis = 0), "f32 2x3x4x5", A4, LIST(CVK_I32, int32_t, 2)),
    FITS("nothing", NULL, "i8 0x2|i8 0x2", OF(CVK_I8, 0, 2)),
};
RULE_TEST(SPLIT, split)

/* ---- slice ------------------------------------------------------------------------------------------------------------- */

#define L(...) P(slice, __VA_ARGS__)
static const struct rule_case slice_rows[] = {
    BAD("9 axes named", L(.count = 9), "9 axes are named|at most 8", A4),
    BAD("all ones axes named", L(.count = 0xffffffff), "4294967295 axes are named", A4),
    BAD("more axes than there are", L(.count = 5, .end = {1, 1, 1, 1, 1}), "5 axes are named, but x has 4", A4),
    BAD("axis of a number", L(.count = 1), "1 axes are named, but x has 0", NUMBER),
    BAD("axis too large", L(.count = 1, .axes_given = 1, .axes = {4}), "axis is 4|" AXIS_OF_4, A4),
    BAD("axis the least", L(.count = 1, .axes_given = 1, .axes = {INT32_MIN}), "axis is -2147483648", A4),
    BAD("axis twice", L(.count = 2, .axes_given = 1, .axes = {1, -3}), "axis 1 is named twice", A4),
    BAD("starts without ends", NULL, "starts and ends are given both or not at all", A4, INTS(0)),
    BAD("ends without starts", NULL, "starts and ends are given both or not at all", A4, NONE, INTS(1)),
    BAD("fewer ends than starts", NULL, "1 ends for 2 starts", A4, INTS(0, 0), INTS(1)),
    BAD("more axes than starts", NULL, "2 axes for 1 starts", A4, INTS(0), INTS(1), INTS(0, 1)),
    BAD("fewer steps than starts", NULL, "0 steps for 1 starts", A4, INTS(0), INTS(1), NONE, NO_INTS),
    BAD("step 0", NULL, "the step on axis 2 is 0", A4, INTS(0), INTS(1), INTS(2), INTS(0)),
    BAD("input axis too large", NULL, "axis is 9223372036854775807", A4, INTS(0), INTS(1), INTS(INT64_MAX)),
    MISFIT("starts of f64", NULL, "input 1 must hold whole numbers, not f64", A4, LIST(CVK_F64, double, 0), INTS(1)),
    MISFIT("9 starts", NULL, "input 1 has 9 elements; at most 8", A4, INTS(0, 0, 0, 0, 0, 0, 0, 0, 0), INTS(1)),
    FITS("nothing named", NULL, "f32 2x3x4x5", A4),
    FITS("middle", L(.count = 2, .axes_given = 1, .axes = {2, -1}, .start = {1, 1}, .end = {3, -1}), "f32 2x3x2x3", A4),
    FITS("bounds past the size are cut", L(.count = 4, .start = {-9, 1, 99, INT64_MIN}, .end = {99, INT64_MAX, 100, INT64_MAX}),
         "f32 2x2x0x5", A4),
    FITS("end before the start", L(.count = 1, .start = {1}, .end = {0}), "f32 0x3x4x5", A4),
    FITS("steps", L(.count = 4, .end = {2, 3, 4, 5}, .step = {1, 2, 3, 9}), "f32 2x2x2x1", A4),
    FITS("backwards", L(.count = 1, .axes_given = 1, .axes = {3}, .start = {-1}, .end = {INT64_MIN}, .step = {-2}),
         "f32 2x3x4x3", A4),
    FITS("backwards the least step", L(.count = 1, .axes_given = 1, .axes = {3}, .start = {INT64_MAX}, .end = {INT64_MIN},
                                       .step = {INT64_MIN}), "f32 2x3x4x1", A4),
    FITS("backwards out of nothing", L(.count = 1, .start = {5}, .end = {INT64_MIN}, .step = {-1}), "f32 0x2", X(0, 2)),
    FITS("from inputs", NULL, "f32 1x3x4x2", A4, INTS(1, 3), INTS(2, 0), INTS(0, 3), LIST(CVK_I32, int32_t, 1, -2)),
};
RULE_TEST(SLICE, slice)

/* ---- pad --------------------------------------------------------------------------------------------------------------- */

#define Q(...) P(pad, __VA_ARGS__)
static const struct rule_case pad_rows[] = {
    BAD("mode unknown", Q(.mode = 4), "mode 4 is not known (0 constant, 1 reflect, 2 edge, 3 wrap)", A4),
    BAD("mode of all ones", Q(.mode = 0xffffffff), "mode 4294967295", A4),
    MISFIT("cuts more than there is", Q(.begin = {0, -2}, .end = {0, -2}), "pads -2 and -2 on axis 1|its 3 elements", A4),
    MISFIT("cuts first, then adds", Q(.begin = {9, 0}, .end = {-3, 0}), "pads 9 and -3 on axis 0|its 2 elements", A4),
    MISFIT("the least", Q(.begin = {INT64_MIN}, .end = {INT64_MIN}), "axis 0 cut more than its 2", A4),
    MISFIT("pads that wrap", Q(.begin = {0, 0, INT64_MAX}, .end = {0, 0, INT64_MAX}), "on axis 2: the size passes 2^63", A4),
    MISFIT("nothing to mirror", Q(.mode = CVK_PAD_REFLECT, .begin = {1}), "axis 0 has no element that mode reflect", X(0, 3)),
    MISFIT("all cut, nothing to repeat", Q(.mode = CVK_PAD_EDGE, .begin = {-2}, .end = {1}),
           "axis 0 has no element that mode edge", A4),
    BAD("odd number of pads", NULL, "7 pads for 4 axes: 8 are needed", A4, INTS(0, 0, 0, 0, 0, 0, 0)),
    BAD("pads for other axes", NULL, "8 pads for 1 axes: 2 are needed", A4, INTS(0, 0, 0, 0, 0, 0, 0, 0), NONE, INTS(1)),
    BAD("axis too large", NULL, "axis is 4|" AXIS_OF_4, A4, INTS(1, 1), NONE, INTS(4)),
    BAD("axis twice", NULL, "axis 3 is named twice", A4, INTS(1, 1, 1, 1), NONE, INTS(3, -1)),
    BAD("axes without pads", NULL, "axes are given without pads", A4, NONE, NONE, INTS(1)),
    MISFIT("pads of f32", NULL, "input 1 must hold whole numbers, not f32", A4, FLOATS(1, 1, 1, 1, 1, 1, 1, 1)),
    MISFIT("two values", NULL, "input 2 has 2 elements; at most 1", A4, INTS(0, 0, 0, 0, 0, 0, 0, 0), FLOATS(1, 2)),
    MISFIT("17 pads", NULL, "input 1 has 17 elements; at most 16", A4, INTS(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    TOO_BIG("result past the limit", Q(.begin = {HUGE_SIZE / 1024}), "the limit is", A4),
    FITS("fields", Q(.begin = {0, 0, 1, 2}, .end = {0, 0, 3, -4}), "f32 2x3x8x3", A4),
    FITS("cut to nothing", Q(.begin = {-1}, .end = {-1}), "f32 0x3x4x5", A4),
    FITS("from inputs", Q(.begin = {9, 9, 9, 9}), "f32 2x3x4x10", A4, INTS(2, 3), FLOATS(7), LIST(CVK_I32, int32_t, -1)),
    FITS("wrap more than once round", Q(.mode = CVK_PAD_WRAP, .begin = {7}), "f32 9x3x4x5", A4),
    FITS("constant around nothing", Q(.end = {2}), "f32 2x3", X(0, 3)),
    FITS("a number", NULL, "bool scalar", SCALAR(CVK_BOOL)),
};
RULE_TEST(PAD, pad)

/* ---- reshape and kin --------------------------------------------------------------------------------------------------- */

#define R(...) P(reshape, __VA_ARGS__)
static const struct rule_case reshape_rows[] = {
    BAD("kind unknown", R(.kind = 5), "kind 5 is not known (0 reshape to 4 identity are)", A4),
    BAD("kind of all ones", R(.kind = 0xffffffff), "kind 4294967295", A4),
    BAD("9 sizes", R(.count = 9), "9 entries in dims|at most 8 axes", A4),
    BAD("all ones sizes", R(.count = 0xffffffff), "4294967295 entries", A4),
    BAD("two -1", R(.count = 3, .dims = {-1, 6, -1}), "axes 0 and 2 are both -1|only one", A4),
    BAD("size negative", R(.count = 2, .dims = {60, -2}), "size -2 of axis 1 is negative", A4),
    BAD("size the least", R(.count = 1, .dims = {INT64_MIN}), "size -9223372036854775808 of axis 0", A4),
    BAD("0 where x has no axis", R(.count = 5, .dims = {2, 3, 4, 5, 0}), "0 on axis 4|x has 4 axes", A4),
    MISFIT("too few elements", R(.count = 2, .dims = {11, 11}), "2x3x4x5 holds 120 elements and 11x11 would hold 121", A4),
    MISFIT("to nothing", R(.count = 1, .allow_zero = 1, .dims = {0}), "2x3x4x5 holds 120|0 would hold 0", A4),
    MISFIT("to a number", R(.count = 0), "2x3x4x5 holds 120|scalar would hold 1", A4),
    MISFIT("-1 that does not divide", R(.count = 2, .dims = {-1, 7}), "-1 on axis 0|120 elements (2x3x4x5) over 7", A4),
    MISFIT("-1 beside nothing", R(.count = 2, .dims = {0, -1}), "-1 on axis 1|0 elements (0x3) over 0", X(0, 3)),
    MISFIT("product past 2^63", R(.count = 3, .dims = {HUGE_SIZE, 2, 1}), "up to axis 1|2^63", A4),
    MISFIT("-1 and product past 2^63", R(.count = 3, .dims = {-1, HUGE_SIZE, 4}), "up to axis 2|2^63", A4),
    MISFIT("sizes of f32", NULL, "input 1 must hold whole numbers, not f32", A4, FLOATS(120)),
    MISFIT("9 sizes as input", NULL, "input 1 has 9 elements; at most 8", A4, INTS(2, 3, 4, 5, 1, 1, 1, 1, 1)),
    BAD("flatten of two axes", R(.kind = CVK_FLATTEN, .count = 2, .dims = {1, 2}), "one axis, not 2", A4),
    BAD("flatten axis too large", R(.kind = CVK_FLATTEN, .count = 1, .dims = {5}), "axis is 5|4 axes: -4 to 4 would fit", A4),
    BAD("flatten axis the least", R(.kind = CVK_FLATTEN, .count = 1, .dims = {INT64_MIN}), "axis is -9223372036854775808", A4),
    BAD("flatten a number at 1", R(.kind = CVK_FLATTEN), "axis is 1|0 axes: 0 to 0 would fit", NUMBER),
    BAD("flatten with an input", R(.kind = CVK_FLATTEN), "flatten takes no second input", A4, INTS(1)),
    BAD("identity with an input", R(.kind = CVK_IDENTITY), "identity takes no second input", A4, INTS(1)),
    MISFIT("squeeze of 3", R(.kind = CVK_SQUEEZE, .count = 1, .dims = {1}), "axis 1 has size 3|size 1", A4),
    BAD("squeeze axis too large", R(.kind = CVK_SQUEEZE, .count = 1, .dims = {4}), "an axis is 4|" AXIS_OF_4, A4),
    BAD("squeeze axis twice", R(.kind = CVK_SQUEEZE, .count = 2, .dims = {0, -2}), "axis 0 is named twice", X(1, 3)),
    BAD("squeeze a number", R(.kind = CVK_SQUEEZE, .count = 1), "an axis is 0|single number without axes", NUMBER),
    MISFIT("unsqueeze to 9 axes", R(.kind = CVK_UNSQUEEZE, .count = 5, .dims = {0, 1, 2, 3, 4}), "4 axes and 5 new ones|8", A4),
    BAD("unsqueeze axis too large", R(.kind = CVK_UNSQUEEZE, .count = 1, .dims = {5}), "an axis is 5|5 axes: -5 to 4 would fit",
        A4),
    BAD("unsqueeze axis twice", R(.kind = CVK_UNSQUEEZE, .count = 2, .dims = {0, -6}), "axis 0 is named twice", A4),
    FITS("-1", R(.count = 2, .dims = {0, -1}), "f32 2x60", A4),
    FITS("copied sizes", R(.count = 4, .dims = {0, 0, 0, 0}), "f32 2x3x4x5", A4),
    FITS("a literal 0", R(.count = 2, .allow_zero = 1, .dims = {3, 0}), "f32 3x0", X(0, 7)),
    FITS("to a number", R(.count = 0), "f32 scalar", X(1, 1, 1)),
    FITS("-1 of a number", R(.count = 1, .dims = {-1}), "f32 1", NUMBER),
    FITS("from an input", NULL, "f32 5x24", A4, INTS(5, -1)),
    FITS("to a number by an input", NULL, "f32 scalar", X(1), NO_INTS),
    FITS("3x3x64 gives 576", R(.kind = CVK_FLATTEN), "f32 1x576", X(1, 3, 3, 64)),
    FITS("flatten at the end", R(.kind = CVK_FLATTEN, .count = 1, .dims = {4}), "f32 120x1", A4),
    FITS("flatten at 0", R(.kind = CVK_FLATTEN, .count = 1, .dims = {-4}), "f32 1x120", A4),
    FITS("flatten huge sizes of nothing", R(.kind = CVK_FLATTEN, .count = 1, .dims = {3}), "u8 0x1",
         OF(CVK_U8, HUGE_SIZE, 1, 0, 1)),
    FITS("flatten no images", R(.kind = CVK_FLATTEN), "f32 0x12", X(0, 3, 4)),
    FITS("squeeze all", R(.kind = CVK_SQUEEZE), "f32 3x0", X(1, 3, 1, 0)),
    FITS("squeeze one", R(.kind = CVK_SQUEEZE), "f32 1x3", X(1, 3, 1), INTS(-1)),
    FITS("unsqueeze", R(.kind = CVK_UNSQUEEZE, .count = 2, .dims = {-1, 0}), "f32 1x2x3x4x5x1", A4),
    FITS("identity", R(.kind = CVK_IDENTITY), "f32 2x3x4x5", A4),
};
RULE_TEST(RESHAPE, reshape)

/* ---- transpose, expand, tile ------------------------------------------------------------------------------------------- */

#define T(...) P(transpose, __VA_ARGS__)
static const struct rule_case transpose_rows[] = {
    BAD("too few", T(.count = 3, .perm = {0, 1, 2}), "perm has 3 entries, but x has 4 axes", A4),
    BAD("all ones", T(.count = 0xffffffff), "perm has 4294967295 entries", A4),
    BAD("perm of a number", T(.count = 1), "perm has 1 entries, but x has 0 axes", NUMBER),
    BAD("entry too large", T(.count = 4, .perm = {0, 1, 2, 4}), "an entry of perm is 4|" AXIS_OF_4, A4),
    BAD("entry the least", T(.count = 4, .perm = {0, 1, INT32_MIN, 2}), "an entry of perm is -2147483648", A4),
    BAD("entry twice", T(.count = 4, .perm = {0, 1, 2, -2}), "perm names axis 2 twice", A4),
    FITS("reversed", NULL, "f32 5x4x3x2", A4),
    FITS("to channels last", T(.count = 4, .perm = {0, 2, 3, 1}), "f32 2x4x5x3", A4),
    FITS("a number", NULL, "f32 scalar", NUMBER),
    FITS("nothing", T(.count = 2, .perm = {1, 0}), "f32 4x0", X(0, 4)),
};
RULE_TEST(TRANSPOSE, transpose)

#define E(...) P(expand, __VA_ARGS__)
static const struct rule_case expand_rows[] = {
    BAD("9 sizes", E(.count = 9), "9 sizes are given|at most 8", A4),
    BAD("all ones sizes", E(.count = 0xffffffff), "4294967295 sizes", A4),
    BAD("size negative", E(.count = 1, .dims = {-1}), "size -1 of axis 0 is negative", A4),
    MISFIT("does not broadcast", E(.count = 2, .dims = {4, 6}), "4x6|2x3x4x5|axis 3 has 6 and 5, and neither is 1", A4),
    MISFIT("nothing against 5", E(.count = 1, .dims = {0}), "sizes 0 and 2x3x4x5|axis 3 has 0 and 5", A4),
    MISFIT("sizes of bool and 9 of them", NULL, "input 1 has 9 elements; at most 8", A4, INTS(1, 1, 1, 1, 1, 1, 1, 1, 1)),
    MISFIT("sizes of f16", NULL, "input 1 must hold whole numbers, not f16", A4, LIST(CVK_F16, uint16_t, 1)),
    TOO_BIG("result past 2^63", E(.count = 2, .dims = {HUGE_SIZE, 2}), "result|2^63", NUMBER),
    TOO_BIG("result past the limit", E(.count = 1, .dims = {HUGE_SIZE / 1024}), "the limit is", NUMBER),
    FITS("both ways", E(.count = 3, .dims = {3, 1, 5}), "f32 2x3x4x5", X(2, 1, 4, 1)),
    FITS("to nothing", E(.count = 2, .dims = {0, 3}), "f32 0x3", X(1, 3)),
    FITS("from an input", NULL, "f32 8x3x2x2", X(3, 1, 1), INTS(8, 1, 2, 2)),
    FITS("as it is", NULL, "f32 2x3x4x5", A4),
};
RULE_TEST(EXPAND, expand)

#define I(...) P(tile, __VA_ARGS__)
static const struct rule_case tile_rows[] = {
    BAD("too few", I(.count = 3, .repeats = {1, 1, 1}), "3 repeats, but x has 4 axes", A4),
    BAD("all ones", I(.count = 0xffffffff), "4294967295 repeats", A4),
    BAD("too few as input", NULL, "1 repeats, but x has 4 axes", A4, INTS(2)),
    BAD("negative", I(.count = 4, .repeats = {1, -1, 1, 1}), "axis 1 is to be repeated -1 times|at least 0", A4),
    BAD("the least", I(.count = 4, .repeats = {INT64_MIN, 1, 1, 1}), "axis 0 is to be repeated -9223372036854775808", A4),
    MISFIT("past 2^63", I(.count = 4, .repeats = {1, 1, HUGE_SIZE, 1}), "axis 2: 4 elements repeated 4611686018427387904 times",
           A4),
    MISFIT("repeats of f32", NULL, "input 1 must hold whole numbers, not f32", A4, FLOATS(1, 1, 1, 1)),
    TOO_BIG("result past the limit", I(.count = 4, .repeats = {1, 1, 1, HUGE_SIZE / 4096}), "the limit is", A4),
    FITS("fields", I(.count = 4, .repeats = {1, 2, 0, 3}), "f32 2x6x0x15", A4),
    FITS("from an input", NULL, "f32 4x3", X(2, 3), LIST(CVK_I32, int32_t, 2, 1)),
    FITS("nothing given", NULL, "f32 2x3x4x5", A4),
    FITS("nothing repeated often", I(.count = 1, .repeats = {HUGE_SIZE}), "f32 0", X(0)),
};
RULE_TEST(TILE, tile)

/* ---- gather ------------------------------------------------------------------------------------------------------------ */

#define G(...) P(gather, __VA_ARGS__)
#define IDX(...) OF(CVK_I64, __VA_ARGS__)
static const struct rule_case gather_rows[] = {
    BAD("kind unknown", G(.kind = 3), "no gather kind 3|2, 'nd'", A4, IDX(2)),
    BAD("kind of all ones", G(.kind = 0xffffffff), "no gather kind 4294967295", A4, IDX(2)),
    MISFIT("indices of f32", NULL, "indices are f32|i64 or i32", A4, X(2)),
    MISFIT("indices of u8", G(.kind = CVK_GATHER_ND), "indices are u8|i64 or i32", A4, OF(CVK_U8, 2)),
    MISFIT("out of a number", NULL, "single number without axes", NUMBER, IDX(2)),
    BAD("axis too large", G(.axis = 4), "axis is 4|" AXIS_OF_4, A4, IDX(2)),
    BAD("axis the least", G(.axis = INT32_MIN), "axis is -2147483648", A4, IDX(2)),
    MISFIT("9 axes come out", NULL, "input has 4 axes and the indices 6|9|at most 8", A4, IDX(1, 1, 1, 1, 1, 1)),
    MISFIT("elements: ranks differ", G(.kind = CVK_GATHER_ELEMENTS), "input has 4 axes and the indices 3", A4, IDX(2, 3, 4)),
    MISFIT("elements: indices beyond", G(.kind = CVK_GATHER_ELEMENTS, .axis = 1),
           "2x9x5x5|2x3x4x5|axis 2 has 4 places, asked for 5", A4,
           IDX(2, 9, 5, 5)),
    MISFIT("nd: a single index", G(.kind = CVK_GATHER_ND), "indices are a single number", A4, SCALAR(CVK_I64)),
    BAD("nd: batch axes of all ones", G(.kind = CVK_GATHER_ND, .batch_dims = 0xffffffff), "batch_dims is 4294967295|below both",
        A4, IDX(2, 2)),
    BAD("nd: batch axes beyond the indices", G(.kind = CVK_GATHER_ND, .batch_dims = 2),
        "batch_dims is 2|4 axes and the indices 2", A4,
        IDX(2, 3)),
    MISFIT("nd: batch sizes differ", G(.kind = CVK_GATHER_ND, .batch_dims = 1), "batch axis 0 has 2 places in the input and 3",
           A4, IDX(3, 1)),
    MISFIT("nd: tuple too long", G(.kind = CVK_GATHER_ND, .batch_dims = 1),
           "tuples of 4; with 3 axes behind 1 batch axes 1 to 3 fit", A4,
           IDX(2, 4)),
    MISFIT("nd: tuple of none", G(.kind = CVK_GATHER_ND), "tuples of 0|1 to 4 fit", A4, IDX(2, 0)),
    MISFIT("nd: tuple huge", G(.kind = CVK_GATHER_ND), "tuples of 2147483647", A4, IDX(2, INT32_MAX)),
    MISFIT("nd: 9 axes come out", G(.kind = CVK_GATHER_ND), "nd: the result would have 9 axes|at most 8", A4,
           IDX(1, 1, 1, 1, 1, 1, 1)),
    TOO_BIG("result past the limit", NULL, "the limit is", A4, IDX(HUGE_SIZE / 1024)),
    FITS("slices", G(.axis = 1), "f32 2x7x6x4x5", A4, IDX(7, 6)),
    FITS("one slice", G(.axis = -1), "f32 2x3x4", A4, SCALAR(CVK_I32)),
    FITS("no slices", NULL, "f32 0x3x4x5", A4, IDX(0)),
    FITS("elements", G(.kind = CVK_GATHER_ELEMENTS, .axis = 1), "f32 1x9x4x5", A4, IDX(1, 9, 4, 5)),
    FITS("nd", G(.kind = CVK_GATHER_ND), "f32 7x5", A4, IDX(7, 3)),
    FITS("nd with batch", G(.kind = CVK_GATHER_ND, .batch_dims = 1), "f32 2x6x4x5", A4, IDX(2, 6, 1)),
};
RULE_TEST(GATHER, gather)

/* ---- depth_space, reorder ---------------------------------------------------------------------------------------------- */

#define D(...) P(depth_space, __VA_ARGS__)
static const struct rule_case depth_space_rows[] = {
    BAD("kind unknown", D(.kind = 2, .block = 2), "kind 2 is not known (0 depth to space, 1 space to depth)", X(1, 4, 2, 2)),
    BAD("kind of all ones", D(.kind = 0xffffffff, .block = 2), "kind 4294967295", X(1, 4, 2, 2)),
    BAD("mode unknown", D(.mode = 2, .block = 2), "mode 2 is not known (0 DCR, 1 CRD)", X(1, 4, 2, 2)),
    BAD("block 0", NULL, "block is 0, 1 to 32767 would fit", X(1, 4, 2, 2)),
    BAD("block of all ones", D(.block = 0xffffffff), "block is 4294967295", X(1, 4, 2, 2)),
    BAD("block past the limit", D(.block = 32768), "block is 32768", X(1, 4, 2, 2)),
    MISFIT("3 axes", D(.block = 2), "x is 4x2x2, 3 axes; 4 are needed: N, C, H, W", X(4, 2, 2)),
    MISFIT("5 axes", D(.block = 2), "x is 1x4x2x2x2, 5 axes", X(1, 4, 2, 2, 2)),
    MISFIT("channels do not divide", D(.block = 2), "6 channels do not divide by block * block = 4", X(1, 6, 2, 2)),
    MISFIT("map does not divide", D(.kind = CVK_SPACE_TO_DEPTH, .block = 2), "map of 4x5|blocks of 2x2", X(1, 3, 4, 5)),
    MISFIT("height past 2^63", D(.block = 32767), "height 4611686018427387904 or width 1 times block 32767",
           OF(CVK_U8, 1, 0, HUGE_SIZE, 1)),
    MISFIT("channels past 2^63", D(.kind = CVK_SPACE_TO_DEPTH, .block = 2), "4611686018427387904 channels times 4",
           OF(CVK_U8, 1, HUGE_SIZE, 0, 0)),
    FITS("depth to space", D(.block = 2), "f32 1x3x10x14", X(1, 12, 5, 7)),
    FITS("space to depth", D(.kind = CVK_SPACE_TO_DEPTH, .block = 3), "f32 2x18x2x3", X(2, 2, 6, 9)),
    FITS("block 1", D(.block = 1), "f32 2x3x4x5", A4),
    FITS("no pixels", D(.kind = CVK_SPACE_TO_DEPTH, .block = 2), "f32 1x12x0x2", X(1, 3, 0, 4)),
};
RULE_TEST(DEPTH_SPACE, depth_space)

#define O(...) P(reorder, __VA_ARGS__)
static const struct rule_case reorder_rows[] = {
    BAD("layout unknown", O(.layout = 5), "layout 5 is not known (0 NCHW to 4 NC16 are)", A4),
    BAD("layout of all ones", O(.layout = 0xffffffff), "layout 4294967295", A4),
    MISFIT("blocks of a vector", O(.layout = CVK_LAYOUT_NC16), "layout NC16 needs a batch and a channel axis|1 axes", X(7)),
    MISFIT("channels of a number", O(.layout = CVK_LAYOUT_NHWC), "layout NHWC|0 axes", NUMBER),
    FITS("sizes stay", O(.layout = CVK_LAYOUT_NC8), "f32 2x3x4x5", A4),
    FITS("plain number", NULL, "f32 scalar", NUMBER),
};
RULE_TEST(REORDER, reorder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concat),    cmocka_unit_test(test_split),       cmocka_unit_test(test_slice),
        cmocka_unit_test(test_pad),       cmocka_unit_test(test_reshape),     cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_expand),    cmocka_unit_test(test_tile),        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_depth_space), cmocka_unit_test(test_reorder),
    };
    return cmocka_run_group_tests_name("rules of moves", tests, NULL, NULL);
}

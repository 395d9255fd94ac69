/* SPDX-License-Identifier: MIT
 * Cases of binary: every kind on equal sizes and broadcast, all pairs of special numbers, other types. */
#include <math.h>

#include "short.h"

#define P(binary_kind) .params = &(const struct cvk_binary_params){.kind = binary_kind}
#define TWO(...) .input_count = 2, .inputs = {__VA_ARGS__}
#define RANGE(from, to, ...) {DIMS(__VA_ARGS__), .lo = from, .hi = to}
#define TIES(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .fill = CVK_FILL_TIES}
#define ANY(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .fill = CVK_FILL_SPECIAL}

/* Numbers whose every pair has a result without doubt; no denormal ones, which devices may flush to zero. */
static const double pairs[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 0.0, -0.0, 1, -1, 0.5, 2, -2, 3, -7.75, 100, 1e20, -1e20};
static const double exponents[] = {0, 1, 2, 3, 5};
static const double negative_exponents[] = {-1, -2, -3, 0};
static const double bases[] = {0, 1, -1, 2, -3, 7};
static const double divisors[] = {3, -3, 0, 7, -1, 1};
static const double unsigned_divisors[] = {3, 0, 7, 1};

/* Equal sizes, with a number of channels that fills no block, and one channel-wise broadcast. */
#define KIND(name, kind)                                                                                \
    {name, P(kind), TWO(X(2, 5, 3, 7), X(2, 5, 3, 7))}, {name "_channel", P(kind), TWO(X(2, 5, 3, 7), X(5, 1, 1))}
/* All pairs, made by broadcasting a column over a row. */
#define PAIRS(name, kind) {name "_pairs", P(kind), TWO({DIMS(15, 1), VALUES(pairs)}, {DIMS(15), VALUES(pairs)})}
#define WHOLE(name, kind, type) {name, P(kind), TWO(TYPED(type, 2, 5, 3), TYPED(type, 2, 5, 3))}
/* Ends of the type's range against each other: what does not fit wraps. */
#define ENDS(name, kind, type) {name, P(kind), TWO(ANY(type, 10, 1), ANY(type, 10))}
#define SHORT_TYPE(name, kind, type, tolerance) {name, tolerance, P(kind), TWO(TYPED(type, 2, 5, 3, 3), TYPED(type, 5, 1, 1))}

static const struct cvk_case cases[] = {
    KIND("add", CVK_ADD),
    KIND("sub", CVK_SUB),
    KIND("mul", CVK_MUL),
    KIND("min", CVK_MIN),
    KIND("max", CVK_MAX),
    KIND("prelu", CVK_PRELU),
    {"div", P(CVK_DIV), TWO(X(2, 5, 3, 7), RANGE(0.5, 4, 2, 5, 3, 7))},
    {"div_row", P(CVK_DIV), TWO(X(2, 5, 3, 7), RANGE(-4, -0.5, 7))},
    {"pow", P(CVK_POW), .rtol = 1e-4, TWO(RANGE(0.1, 4, 2, 5, 3, 7), RANGE(-3, 3, 2, 5, 3, 7))},
    {"pow_square", P(CVK_POW), TWO(RANGE(-4, 4, 2, 5, 3), {DIMS(1), .lo = 2, .hi = 2, .constant = 1})},
    {"pow_whole_exponents", P(CVK_POW), .rtol = 1e-4, TWO(RANGE(-4, 4, 7, 1), {DIMS(5), VALUES(exponents)})},
    {"mod", P(CVK_MOD), TWO(RANGE(-9, 9, 2, 5, 3), RANGE(1, 4, 2, 5, 3))},
    {"mod_negative", P(CVK_MOD), TWO(RANGE(-9, 9, 2, 5, 3), RANGE(-4, -1, 3))},
    {"fmod", P(CVK_FMOD), TWO(RANGE(-9, 9, 2, 5, 3), RANGE(1, 4, 2, 5, 3))},
    {"fmod_negative", P(CVK_FMOD), TWO(RANGE(-9, 9, 2, 5, 3), RANGE(-4, -1, 3))},
    {"equal", P(CVK_EQUAL), TWO(TIES(CVK_F32, 2, 5, 3), TIES(CVK_F32, 2, 5, 3))},
    {"less", P(CVK_LESS), TWO(TIES(CVK_F32, 2, 5, 3), TIES(CVK_F32, 2, 5, 3))},
    {"less_equal", P(CVK_LESS_EQUAL), TWO(TIES(CVK_F32, 2, 5, 3), TIES(CVK_F32, 5, 1))},
    {"greater", P(CVK_GREATER), TWO(TIES(CVK_F32, 2, 5, 3), TIES(CVK_F32, 3))},
    {"greater_equal", P(CVK_GREATER_EQUAL), TWO(TIES(CVK_F32, 2, 5, 3), TIES(CVK_F32, 2, 1, 1))},
    {"equal_blocks", P(CVK_EQUAL), TWO(TIES(CVK_F32, 1, 3, 4, 4), TIES(CVK_F32, 1, 3, 4, 4))},
    {"and", P(CVK_AND), TWO(TYPED(CVK_BOOL, 2, 5, 3), TYPED(CVK_BOOL, 2, 5, 3))},
    {"or", P(CVK_OR), TWO(TYPED(CVK_BOOL, 2, 5, 3), TYPED(CVK_BOOL, 5, 3))},
    {"xor", P(CVK_XOR), TWO(TYPED(CVK_BOOL, 2, 5, 3), TYPED(CVK_BOOL, 2, 1, 3))},
    {"equal_bool", P(CVK_EQUAL), TWO(TYPED(CVK_BOOL, 4, 5), TYPED(CVK_BOOL, 4, 5))},
    PAIRS("add", CVK_ADD),
    PAIRS("sub", CVK_SUB),
    PAIRS("mul", CVK_MUL),
    PAIRS("div", CVK_DIV),
    PAIRS("min", CVK_MIN),
    PAIRS("max", CVK_MAX),
    PAIRS("equal", CVK_EQUAL),
    PAIRS("less", CVK_LESS),
    PAIRS("less_equal", CVK_LESS_EQUAL),
    PAIRS("greater", CVK_GREATER),
    PAIRS("greater_equal", CVK_GREATER_EQUAL),
    PAIRS("fmod", CVK_FMOD),
    {"prelu_pairs", P(CVK_PRELU), TWO({DIMS(15, 15), .fill = CVK_FILL_SPECIAL}, {DIMS(15, 1), VALUES(pairs)})},

    /* broadcasting */
    {"scalar_b", P(CVK_ADD), TWO(X(2, 3, 4, 5), {.rank = 0})},
    {"scalar_a", P(CVK_SUB), TWO({.rank = 0}, X(2, 3, 4, 5))},
    {"one_element_b", P(CVK_MUL), TWO(X(2, 3, 4, 5), W(1, 1, 1, 1))},
    {"both_stretch", P(CVK_SUB), TWO(X(4, 1, 5), X(3, 1))},
    {"lower_rank_a", P(CVK_SUB), TWO(X(5), X(2, 3, 4, 5))},
    {"middle_axis", P(CVK_MUL), TWO(X(2, 3, 4, 5), X(1, 3, 1, 5))},
    {"alternate_axes", P(CVK_ADD), TWO(X(2, 1, 4, 1), X(1, 3, 1, 5))},
    {"squeeze_excite", P(CVK_MUL), TWO(X(2, 6, 4, 5), X(2, 6, 1, 1))},
    {"column", P(CVK_ADD), TWO(X(1, 7), X(300, 1))},
    {"rank_8", P(CVK_ADD), TWO(X(2, 1, 2, 1, 3, 1, 2, 1), X(1, 3, 1, 2, 1, 2, 1, 2))},
    {"prelu_one_slope", P(CVK_PRELU), TWO(X(2, 3, 4, 5), W(1))},
    {"prelu_channels", P(CVK_PRELU), TWO(RANGE(-3, 3, 2, 3, 4, 5), W(3, 1, 1))},
    {"prelu_every_element", P(CVK_PRELU), TWO(X(2, 3, 4), W(3, 4))},
    {"empty", P(CVK_ADD), TWO(X(2, 0, 3), X(2, 0, 3))},
    {"empty_stretch", P(CVK_ADD), TWO(X(2, 0, 3), X(1, 3))},
    {"empty_from_one", P(CVK_MUL), TWO(X(2, 1, 3), X(2, 0, 3))},
    {"numbers", P(CVK_SUB), TWO({.rank = 0}, {.rank = 0})},
    {"constant_b", P(CVK_ADD), TWO(X(2, 5, 3, 3), W(2, 5, 3, 3))},
    {"odd_row", P(CVK_ADD), TWO(X(1037), X(1037))},
    {"sixteen_channels", P(CVK_ADD), TWO(X(2, 16, 3, 3), X(2, 16, 3, 3))},
    {"div_tail", P(CVK_DIV), TWO(X(1, 3, 4, 4), RANGE(1, 2, 1, 3, 4, 4))},

    /* an operand with one number for each channel, pixel or image, the other in blocks or not, in several pieces of work */
    {"channels_last_block", P(CVK_SUB), TWO(X(2, 19, 5, 7), X(1, 19, 1, 1))},
    {"channels_rank_3", P(CVK_DIV), TWO(X(2, 19, 5, 7), RANGE(1, 2, 19, 1, 1))},
    {"channels_constant", P(CVK_MUL), TWO(X(2, 19, 5, 7), W(19, 1, 1))},
    {"channels_first", P(CVK_SUB), TWO(X(1, 19, 1, 1), X(2, 19, 5, 7))},
    {"channels_large", P(CVK_MUL), TWO(X(3, 19, 23, 29), X(3, 19, 1, 1))},
    {"channels_large_first", P(CVK_DIV), TWO(X(3, 33, 1, 1), RANGE(1, 2, 3, 33, 23, 29))},
    {"images", P(CVK_ADD), TWO(X(3, 19, 5, 7), X(3, 1, 1, 1))},
    {"images_first", P(CVK_SUB), TWO(X(3, 1, 1, 1), X(3, 19, 5, 7))},
    {"pixels", P(CVK_MUL), TWO(X(3, 19, 5, 7), X(3, 1, 5, 7))},
    {"pixels_one_image", P(CVK_ADD), TWO(X(3, 19, 5, 7), X(1, 1, 5, 7))},
    {"pixels_rank_2", P(CVK_ADD), TWO(X(3, 19, 5, 7), X(5, 7))},
    {"pixels_first", P(CVK_SUB), TWO(X(3, 1, 5, 7), X(3, 19, 5, 7))},
    {"pixels_large", P(CVK_ADD), TWO(X(3, 19, 23, 29), X(3, 1, 23, 29))},
    {"pixels_of_channels", P(CVK_ADD), TWO(X(3, 19, 5, 7), X(1, 19, 5, 7))},
    {"some_pixels", P(CVK_ADD), TWO(X(3, 19, 5, 7), X(3, 1, 5, 1))},
    {"one_pixel", P(CVK_DIV), TWO(X(3, 19, 1, 1), RANGE(1, 2, 1, 19, 1, 1))},
    {"number_over_blocks", P(CVK_ADD), TWO(X(3, 19, 5, 7), W(1))},
    {"number_power", P(CVK_POW), .rtol = 1e-4,
     TWO(RANGE(0.1, 4, 3, 19, 5, 7), {.rank = 0, .lo = -0.5, .hi = -0.5, .constant = 1})},
    {"number_cube", P(CVK_POW), TWO(RANGE(-4, 4, 3, 19, 5, 7), {.rank = 0, .lo = 3, .hi = 3, .constant = 1})},
    {"rows_max", P(CVK_MAX), TWO(X(700, 19), X(19))},
    {"number_max", P(CVK_MAX), TWO(X(3, 19, 23, 29), {.rank = 0, .lo = 0.25, .hi = 0.25})},
    {"series_channels", P(CVK_MUL), TWO(X(2, 21, 40), X(21, 1))},
    {"volume_channels", P(CVK_ADD), TWO(X(2, 6, 3, 4, 5), X(6, 1, 1, 1))},
    {"empty_channels", P(CVK_ADD), TWO(X(0, 19, 5, 7), X(19, 1, 1))},
    {"no_pixels", P(CVK_DIV), TWO(X(2, 19, 0, 7), X(1, 19, 1, 1))},
    {"tail_div", P(CVK_DIV), TWO(X(3, 19, 23, 29), RANGE(1, 2, 3, 19, 23, 29))},
    {"tail_pow", P(CVK_POW), .rtol = 1e-4, TWO(RANGE(0.5, 2, 1, 5, 3, 3), RANGE(-2, 2, 1, 5, 3, 3))},
    {"length_15", P(CVK_ADD), TWO(X(15), X(15))},
    {"length_16", P(CVK_MUL), TWO(X(16), X(1))},
    {"length_17", P(CVK_SUB), TWO(X(1), X(17))},
    {"rows_of_17", P(CVK_MUL), TWO(X(5, 17), X(5, 1))},
    {"row_over_rows", P(CVK_ADD), TWO(X(701, 33), X(33))},
    {"long_rows", P(CVK_MUL), TWO(X(3, 20011), X(3, 1))},
    {"long_row_over_rows", P(CVK_SUB), TWO(X(20011), X(3, 1))},
    {"add_special", P(CVK_ADD), TWO(ANY(CVK_F32, 19, 1), ANY(CVK_F32, 19))},
    {"max_special", P(CVK_MAX), TWO(ANY(CVK_F32, 19, 1), ANY(CVK_F32, 19))},
    {"min_special", P(CVK_MIN), TWO(ANY(CVK_F32, 19), ANY(CVK_F32, 19, 1))},

    /* whole numbers */
    WHOLE("add_i32", CVK_ADD, CVK_I32),
    WHOLE("sub_i64", CVK_SUB, CVK_I64),
    WHOLE("mul_i16", CVK_MUL, CVK_I16),
    WHOLE("min_u32", CVK_MIN, CVK_U32),
    WHOLE("max_i8", CVK_MAX, CVK_I8),
    WHOLE("prelu_i32", CVK_PRELU, CVK_I32),
    WHOLE("equal_i32", CVK_EQUAL, CVK_I32),
    ENDS("add_u8_ends", CVK_ADD, CVK_U8),
    ENDS("sub_u8_ends", CVK_SUB, CVK_U8),
    ENDS("mul_u16_ends", CVK_MUL, CVK_U16),
    ENDS("add_i64_ends", CVK_ADD, CVK_I64),
    ENDS("mul_i32_ends", CVK_MUL, CVK_I32),
    ENDS("div_u8_ends", CVK_DIV, CVK_U8),
    ENDS("div_i8_ends", CVK_DIV, CVK_I8),
    ENDS("div_i32_ends", CVK_DIV, CVK_I32),
    ENDS("div_i64_ends", CVK_DIV, CVK_I64),
    ENDS("div_u64_ends", CVK_DIV, CVK_U64),
    ENDS("mod_i8_ends", CVK_MOD, CVK_I8),
    ENDS("mod_i64_ends", CVK_MOD, CVK_I64),
    ENDS("mod_u64_ends", CVK_MOD, CVK_U64),
    ENDS("fmod_i32_ends", CVK_FMOD, CVK_I32),
    ENDS("min_u64_ends", CVK_MIN, CVK_U64),
    ENDS("max_u64_ends", CVK_MAX, CVK_U64),
    ENDS("max_i64_ends", CVK_MAX, CVK_I64),
    ENDS("less_u64_ends", CVK_LESS, CVK_U64),
    ENDS("less_i64_ends", CVK_LESS, CVK_I64),
    ENDS("less_equal_u64_ends", CVK_LESS_EQUAL, CVK_U64),
    ENDS("less_equal_i8_ends", CVK_LESS_EQUAL, CVK_I8),
    ENDS("greater_i64_ends", CVK_GREATER, CVK_I64),
    ENDS("greater_equal_u32_ends", CVK_GREATER_EQUAL, CVK_U32),
    ENDS("equal_i64_ends", CVK_EQUAL, CVK_I64),
    {"div_i32", P(CVK_DIV), TWO(TYPED(CVK_I32, 19, 1), {.dtype = CVK_I32, DIMS(6), VALUES(divisors)})},
    {"mod_i32", P(CVK_MOD), TWO(TYPED(CVK_I32, 19, 1), {.dtype = CVK_I32, DIMS(6), VALUES(divisors)})},
    {"mod_i16", P(CVK_MOD), TWO(TYPED(CVK_I16, 19, 1), {.dtype = CVK_I16, DIMS(6), VALUES(divisors)})},
    {"mod_u8", P(CVK_MOD), TWO(TYPED(CVK_U8, 19, 1), {.dtype = CVK_U8, DIMS(4), VALUES(unsigned_divisors)})},
    {"fmod_i64", P(CVK_FMOD), TWO(TYPED(CVK_I64, 19, 1), {.dtype = CVK_I64, DIMS(6), VALUES(divisors)})},
    {"pow_i32", P(CVK_POW), TWO({.dtype = CVK_I32, DIMS(6, 1), VALUES(bases)}, {.dtype = CVK_I32, DIMS(5), VALUES(exponents)})},
    {"pow_i64_negative", P(CVK_POW),
     TWO({.dtype = CVK_I64, DIMS(6, 1), VALUES(bases)}, {.dtype = CVK_I64, DIMS(4), VALUES(negative_exponents)})},
    {"pow_f32_i32", P(CVK_POW), .rtol = 1e-4, TWO(RANGE(-3, 3, 7, 1), {.dtype = CVK_I32, DIMS(5), VALUES(exponents)})},
    {"pow_f32_u64", P(CVK_POW), .rtol = 1e-4, TWO(RANGE(-3, 3, 7, 1), {.dtype = CVK_U64, DIMS(5), VALUES(exponents)})},
    {"pow_i32_f32", P(CVK_POW), TWO({.dtype = CVK_I32, DIMS(6, 1), VALUES(bases)}, {DIMS(5), VALUES(exponents)})},

    /* other floating-point types */
    {"add_f64", P(CVK_ADD), .rtol = 1e-14, TWO(TYPED(CVK_F64, 3, 5), TYPED(CVK_F64, 3, 5))},
    {"div_f64", P(CVK_DIV), .rtol = 1e-14, TWO(TYPED(CVK_F64, 3, 5), {.dtype = CVK_F64, DIMS(5), .lo = 1, .hi = 2})},
    SHORT_TYPE("add_f16", CVK_ADD, CVK_F16, F16_TOLERANCE),
    SHORT_TYPE("mul_f16", CVK_MUL, CVK_F16, F16_TOLERANCE),
    SHORT_TYPE("max_f16", CVK_MAX, CVK_F16, F16_TOLERANCE),
    SHORT_TYPE("add_bf16", CVK_ADD, CVK_BF16, BF16_TOLERANCE),
    SHORT_TYPE("less_f16", CVK_LESS, CVK_F16, F16_TOLERANCE),

    {"bench_add", P(CVK_ADD), TWO(X(8, 64, 56, 56), X(8, 64, 56, 56)), .bench = 1},
    {"bench_mul_channels", P(CVK_MUL), TWO(X(8, 64, 56, 56), X(8, 64, 1, 1)), .bench = 1},
};

const struct cvk_case_table cvk_cases_binary = {CVK_OP_BINARY, cases, COUNT(cases)};

/* SPDX-License-Identifier: MIT
 * Cases of cast: every type to every type, ordinary and special numbers, rounding at ties. */
#include <math.h>

#include "short.h"

#define P(type) .params = &(const struct cvk_cast_params){.to = type}
#define ONE(...) .input_count = 1, .inputs = {__VA_ARGS__}

/* In f16 and bf16 these lie on and beside the middle between two numbers, or beyond the largest one. */
static const double ties[] = {1.00048828125, 1.00146484375, 1.0004883, 2049, 2051, 65519, 65520, 65504, 6.0e-8, 2.9e-8, 3.1e-8,
                              1.00390625, 1.01171875, 1.0039064, 257, 259, 3.39e38, -1.00146484375, 0.0, -0.0};
/* Ends of the integer types as floats, and beyond. */
static const double ends[] = {127, 127.9, 128, -128, -128.9, -129, 255, 256, -0.9, -1, 65535, 65536, 2147483520, 2147483648.0,
                              -2147483648.0, 4294967040.0, 4294967296.0, 0x1p63, -0x1p63, 0x1p64, 1e30, -1e30, HUGE_VAL,
                              -HUGE_VAL, (double)NAN, 0.5};

#define FROM(name, from, to, to_type)                                                                         \
    {name "_to_" to, P(to_type), ONE({.dtype = from, DIMS(2, 5, 3), .lo = 0, .hi = 100})},                    \
    {name "_to_" to "_special", P(to_type), ONE({.dtype = from, DIMS(1, 3, 20), .fill = CVK_FILL_SPECIAL})}
#define FROM_TO_ALL(name, from)                                                                               \
    FROM(name, from, "f32", CVK_F32), FROM(name, from, "f64", CVK_F64), FROM(name, from, "f16", CVK_F16),     \
    FROM(name, from, "bf16", CVK_BF16), FROM(name, from, "i8", CVK_I8), FROM(name, from, "u8", CVK_U8),       \
    FROM(name, from, "i16", CVK_I16), FROM(name, from, "u16", CVK_U16), FROM(name, from, "i32", CVK_I32),     \
    FROM(name, from, "u32", CVK_U32), FROM(name, from, "i64", CVK_I64), FROM(name, from, "u64", CVK_U64),     \
    FROM(name, from, "bool", CVK_BOOL)

static const struct cvk_case cases[] = {
    FROM_TO_ALL("f32", CVK_F32),
    FROM_TO_ALL("f64", CVK_F64),
    FROM_TO_ALL("f16", CVK_F16),
    FROM_TO_ALL("bf16", CVK_BF16),
    FROM_TO_ALL("i8", CVK_I8),
    FROM_TO_ALL("u8", CVK_U8),
    FROM_TO_ALL("i16", CVK_I16),
    FROM_TO_ALL("u16", CVK_U16),
    FROM_TO_ALL("i32", CVK_I32),
    FROM_TO_ALL("u32", CVK_U32),
    FROM_TO_ALL("i64", CVK_I64),
    FROM_TO_ALL("u64", CVK_U64),
    FROM_TO_ALL("bool", CVK_BOOL),
    {"ties_to_f16", P(CVK_F16), .rtol = 1e-12, .atol = 1e-12, ONE({DIMS(20), VALUES(ties)})},
    {"ties_to_bf16", P(CVK_BF16), .rtol = 1e-12, .atol = 1e-12, ONE({DIMS(20), VALUES(ties)})},
    {"f64_ties_to_f16", P(CVK_F16), .rtol = 1e-12, .atol = 1e-12, ONE({.dtype = CVK_F64, DIMS(20), VALUES(ties)})},
    {"f32_ends_to_i8", P(CVK_I8), ONE({DIMS(26), VALUES(ends)})},
    {"f32_ends_to_u8", P(CVK_U8), ONE({DIMS(26), VALUES(ends)})},
    {"f32_ends_to_i16", P(CVK_I16), ONE({DIMS(26), VALUES(ends)})},
    {"f32_ends_to_i32", P(CVK_I32), ONE({DIMS(26), VALUES(ends)})},
    {"f32_ends_to_u32", P(CVK_U32), ONE({DIMS(26), VALUES(ends)})},
    {"f32_ends_to_i64", P(CVK_I64), ONE({DIMS(26), VALUES(ends)})},
    {"f32_ends_to_u64", P(CVK_U64), ONE({DIMS(26), VALUES(ends)})},
    {"f64_ends_to_i64", P(CVK_I64), ONE({.dtype = CVK_F64, DIMS(26), VALUES(ends)})},
    {"blocks", P(CVK_F16), F16_TOLERANCE, ONE(X(1, 3, 4, 5))},
    {"number", P(CVK_I32), ONE({.rank = 0, .lo = 5, .hi = 9})},
    {"empty", P(CVK_I32), ONE(X(3, 0))},
    {"odd_row", P(CVK_F64), ONE(X(1037))},
    {"bench_f32_to_f16", P(CVK_F16), F16_TOLERANCE, ONE(X(8, 64, 56, 56)), .bench = 1},
};

const struct cvk_case_table cvk_cases_cast = {CVK_OP_CAST, cases, COUNT(cases)};

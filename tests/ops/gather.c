/* SPDX-License-Identifier: MIT
 * Cases of gather: the three kinds, both index types, negative indices, elements of each size, indices out of range. */
#include "short.h"

#define P(...) .params = &(const struct cvk_gather_params){__VA_ARGS__}
#define TWO(...) .input_count = 2, .inputs = {__VA_ARGS__}
#define INDICES(type, from, to, ...) {.dtype = type, DIMS(__VA_ARGS__), .lo = from, .hi = to}
#define NUMBER(from) {.dtype = CVK_I64, .rank = 0, .lo = from, .hi = from}

static const double too_large[] = {0, 1, 3};
static const double too_small[] = {0, -4, 1};
static const double far_away[] = {0, 0x1p62};
static const double tuple_too_large[] = {0, 0, 1, 4};

static const struct cvk_case cases[] = {
    /* slices */
    {"axis_0", P(.axis = 0), TWO(X(5, 3, 4), INDICES(CVK_I64, 0, 4, 7))},
    {"axis_1", P(.axis = 1), TWO(X(2, 5, 3), INDICES(CVK_I64, 0, 4, 7))},
    {"last_axis", P(.axis = -1), TWO(X(2, 3, 5), INDICES(CVK_I64, 0, 4, 7))},
    {"matrix_of_indices", P(.axis = 1), TWO(X(2, 5, 3), INDICES(CVK_I64, 0, 4, 3, 4))},
    {"indices_are_a_number", P(.axis = 1), TWO(X(2, 5, 3), NUMBER(3))},
    {"negative_indices", P(.axis = 0), TWO(X(5, 3), INDICES(CVK_I64, -5, 4, 11))},
    {"negative_number", P(.axis = 0), TWO(X(5, 3), NUMBER(-1))},
    {"i32_indices", P(.axis = 0), TWO(X(5, 3), INDICES(CVK_I32, -5, 4, 11))},
    {"vector", P(.axis = 0), TWO(X(9), INDICES(CVK_I64, 0, 8, 4))},
    {"constant_indices", P(.axis = 1), TWO(X(2, 5, 3), {.dtype = CVK_I64, DIMS(4), .lo = 0, .hi = 4, .constant = 1})},
    {"constant_table", P(.axis = 0), TWO(W(50, 8), INDICES(CVK_I64, 0, 49, 2, 6))},
    {"no_indices", P(.axis = 1), TWO(X(2, 5, 3), TYPED(CVK_I64, 0))},
    {"empty_slices", P(.axis = 0), TWO(X(5, 0), INDICES(CVK_I64, 0, 4, 3))},
    {"rank_8", P(.axis = 2), TWO(X(2, 1, 3, 1, 2, 1), INDICES(CVK_I64, 0, 2, 1, 2, 2))},
    {"f64", P(.axis = 0), TWO(TYPED(CVK_F64, 5, 3), INDICES(CVK_I64, 0, 4, 4))},
    {"f16", P(.axis = 1), TWO(TYPED(CVK_F16, 5, 3), INDICES(CVK_I64, 0, 2, 4))},
    {"i8", P(.axis = 1), TWO(TYPED(CVK_I8, 5, 3), INDICES(CVK_I64, 0, 2, 4))},
    {"i32", P(.axis = 1), TWO(TYPED(CVK_I32, 5, 3), INDICES(CVK_I64, 0, 2, 4))},
    {"i64", P(.axis = 0), TWO({.dtype = CVK_I64, DIMS(5, 3), .fill = CVK_FILL_SPECIAL}, INDICES(CVK_I64, 0, 4, 4))},
    {"bool", P(.axis = 1), TWO(TYPED(CVK_BOOL, 5, 3), INDICES(CVK_I64, 0, 2, 4))},
    {"special", P(.axis = 0), TWO({DIMS(30), .fill = CVK_FILL_SPECIAL}, INDICES(CVK_I64, 0, 29, 50))},

    /* elements */
    {"elements_axis_0", P(.kind = CVK_GATHER_ELEMENTS, .axis = 0), TWO(X(4, 3), INDICES(CVK_I64, 0, 3, 6, 3))},
    {"elements_axis_1", P(.kind = CVK_GATHER_ELEMENTS, .axis = 1), TWO(X(2, 5, 3), INDICES(CVK_I64, -5, 4, 2, 2, 3))},
    {"elements_last", P(.kind = CVK_GATHER_ELEMENTS, .axis = -1), TWO(X(2, 3, 5), INDICES(CVK_I64, -5, 4, 2, 3, 7))},
    {"elements_fewer", P(.kind = CVK_GATHER_ELEMENTS, .axis = 1), TWO(X(4, 5, 3), INDICES(CVK_I64, 0, 4, 2, 5, 2))},
    {"elements_i32_indices", P(.kind = CVK_GATHER_ELEMENTS, .axis = 0), TWO(X(4, 3), INDICES(CVK_I32, -4, 3, 4, 3))},
    {"elements_vector", P(.kind = CVK_GATHER_ELEMENTS, .axis = 0), TWO(X(9), INDICES(CVK_I64, 0, 8, 20))},
    {"elements_none", P(.kind = CVK_GATHER_ELEMENTS, .axis = 0), TWO(X(4, 3), TYPED(CVK_I64, 0, 3))},
    {"elements_i8", P(.kind = CVK_GATHER_ELEMENTS, .axis = 1), TWO(TYPED(CVK_I8, 4, 3), INDICES(CVK_I64, 0, 2, 4, 3))},
    {"elements_f64", P(.kind = CVK_GATHER_ELEMENTS, .axis = 1), TWO(TYPED(CVK_F64, 4, 3), INDICES(CVK_I64, 0, 2, 4, 3))},

    /* tuples */
    {"nd_elements", P(.kind = CVK_GATHER_ND), TWO(X(3, 3), INDICES(CVK_I64, 0, 2, 5, 2))},
    {"nd_rows", P(.kind = CVK_GATHER_ND), TWO(X(4, 3), INDICES(CVK_I64, 0, 3, 5, 1))},
    {"nd_slices", P(.kind = CVK_GATHER_ND), TWO(X(3, 3, 4, 2), INDICES(CVK_I64, -3, 2, 2, 3, 2))},
    {"nd_one_tuple", P(.kind = CVK_GATHER_ND), TWO(X(3, 3, 4), INDICES(CVK_I64, -3, 2, 2))},
    {"nd_batch_1", P(.kind = CVK_GATHER_ND, .batch_dims = 1), TWO(X(2, 3, 4), INDICES(CVK_I64, -3, 2, 2, 5, 1))},
    {"nd_batch_1_pairs", P(.kind = CVK_GATHER_ND, .batch_dims = 1), TWO(X(2, 3, 3), INDICES(CVK_I64, 0, 2, 2, 5, 2))},
    {"nd_batch_1_one_each", P(.kind = CVK_GATHER_ND, .batch_dims = 1), TWO(X(3, 4, 2), INDICES(CVK_I64, 0, 3, 3, 1))},
    {"nd_batch_2", P(.kind = CVK_GATHER_ND, .batch_dims = 2), TWO(X(2, 3, 4, 2), INDICES(CVK_I64, 0, 3, 2, 3, 2, 1))},
    {"nd_i32_indices", P(.kind = CVK_GATHER_ND), TWO(X(3, 3), INDICES(CVK_I32, -3, 2, 5, 2))},
    {"nd_none", P(.kind = CVK_GATHER_ND), TWO(X(3, 3), TYPED(CVK_I64, 0, 2))},
    {"nd_i8", P(.kind = CVK_GATHER_ND), TWO(TYPED(CVK_I8, 3, 3), INDICES(CVK_I64, 0, 2, 5, 2))},
    {"nd_i64", P(.kind = CVK_GATHER_ND), TWO(TYPED(CVK_I64, 3, 3), INDICES(CVK_I64, 0, 2, 5, 1))},

    /* indices out of range: an error of the run, told before anything is read */
    {"too_large", P(.axis = 0), TWO(X(3, 2), {.dtype = CVK_I64, DIMS(3), VALUES(too_large)}), .fails = 1},
    {"too_small", P(.axis = 0), TWO(X(3, 2), {.dtype = CVK_I64, DIMS(3), VALUES(too_small)}), .fails = 1},
    {"too_large_i32", P(.axis = 1), TWO(X(2, 3), {.dtype = CVK_I32, DIMS(3), VALUES(too_large)}), .fails = 1},
    {"far_away", P(.axis = 0), TWO(X(3, 2), {.dtype = CVK_I64, DIMS(2), VALUES(far_away)}), .fails = 1},
    {"elements_too_large", P(.kind = CVK_GATHER_ELEMENTS, .axis = 0), TWO(X(3), {.dtype = CVK_I64, DIMS(3), VALUES(too_large)}),
     .fails = 1},
    {"nd_too_large", P(.kind = CVK_GATHER_ND), TWO(X(3, 4), {.dtype = CVK_I64, DIMS(2, 2), VALUES(tuple_too_large)}), .fails = 1},

    {"bench_rows", P(.axis = 0), TWO(W(10000, 256), INDICES(CVK_I64, 0, 9999, 4096)), .bench = 1},
};

const struct cvk_case_table cvk_cases_gather = {CVK_OP_GATHER, cases, COUNT(cases)};

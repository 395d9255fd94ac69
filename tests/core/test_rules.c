/* SPDX-License-Identifier: MIT
 * What all ops have in common: how many inputs and outputs they take, values that are not there, limits of tensors, and the first
 * failure that stays. */
#include "rules.h"

/* ---- inputs and outputs ------------------------------------------------------------------------------------------------ */

#define ANY 0xffffffff

static const struct {
    uint32_t op;
    const char *name;
    uint32_t least, most, most_outputs;
    const char *takes, *gives;
} ops[] = {
    {CVK_OP_CONV, "conv", 2, 3, 1, "2 to 3", "1"},
    {CVK_OP_CONV_TRANSPOSE, "conv_transpose", 2, 3, 1, "2 to 3", "1"},
    {CVK_OP_POOL, "pool", 1, 1, 2, "1", "1 to 2"},
    {CVK_OP_GEMM, "gemm", 2, 3, 1, "2 to 3", "1"},
    {CVK_OP_MATMUL, "matmul", 2, 2, 1, "2", "1"},
    {CVK_OP_UNARY, "unary", 1, 1, 1, "1", "1"},
    {CVK_OP_BINARY, "binary", 2, 2, 1, "2", "1"},
    {CVK_OP_WHERE, "where", 3, 3, 1, "3", "1"},
    {CVK_OP_REDUCE, "reduce", 1, 2, 1, "1 to 2", "1"},
    {CVK_OP_SOFTMAX, "softmax", 1, 1, 1, "1", "1"},
    {CVK_OP_BATCH_NORM, "batch_norm", 5, 5, 5, "5", "1 to 5"},
    {CVK_OP_INSTANCE_NORM, "instance_norm", 3, 3, 1, "3", "1"},
    {CVK_OP_LAYER_NORM, "layer_norm", 2, 3, 3, "2 to 3", "1 to 3"},
    {CVK_OP_LRN, "lrn", 1, 1, 1, "1", "1"},
    {CVK_OP_DROPOUT, "dropout", 1, 2, 2, "1 to 2", "1 to 2"},
    {CVK_OP_CONCAT, "concat", 1, ANY, 1, "at least 1", "1"},
    {CVK_OP_SPLIT, "split", 1, 2, ANY, "1 to 2", "at least 1"},
    {CVK_OP_SLICE, "slice", 1, 5, 1, "1 to 5", "1"},
    {CVK_OP_PAD, "pad", 1, 4, 1, "1 to 4", "1"},
    {CVK_OP_RESHAPE, "reshape", 1, 2, 1, "1 to 2", "1"},
    {CVK_OP_TRANSPOSE, "transpose", 1, 1, 1, "1", "1"},
    {CVK_OP_EXPAND, "expand", 1, 2, 1, "1 to 2", "1"},
    {CVK_OP_TILE, "tile", 1, 2, 1, "1 to 2", "1"},
    {CVK_OP_GATHER, "gather", 2, 2, 1, "2", "1"},
    {CVK_OP_CAST, "cast", 1, 1, 1, "1", "1"},
    {CVK_OP_FILL, "fill", 0, 1, 1, "0 to 1", "1"},
    {CVK_OP_SHAPE, "shape", 1, 1, 1, "1", "1"},
    {CVK_OP_RESIZE, "resize", 1, 4, 1, "1 to 4", "1"},
    {CVK_OP_DEPTH_SPACE, "depth_space", 1, 1, 1, "1", "1"},
    {CVK_OP_ARG, "arg", 1, 1, 1, "1", "1"},
    {CVK_OP_TOPK, "topk", 1, 2, 2, "1 to 2", "1 to 2"},
    {CVK_OP_ONE_HOT, "one_hot", 1, 3, 1, "1 to 3", "1"},
    {CVK_OP_REORDER, "reorder", 1, 1, 1, "1", "1"},
    {CVK_OP_LOSS, "loss", 2, 3, 1, "2 to 3", "1"},
    {CVK_OP_OPTIMIZE, "optimize", 3, 6, 3, "3 to 6", "1 to 3"},
};

/* Adds the op with so many inputs, all of them the same value but for one; the sentence must be the given one. */
static void refused_call(uint32_t op, uint32_t inputs, uint32_t odd, cvk_value odd_one, uint32_t outputs, const char *sentence)
{
    struct cvk_graph *g = NULL;
    cvk_value given[8], made[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    assert_int_equal(cvk_graph_create("calls", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 1, 1, 1});
    for (uint32_t i = 0; i < inputs; i++)
        given[i] = i == odd ? odd_one : x;
    assert_int_equal(cvk_graph_add(g, op, NULL, given, inputs, made, outputs), CVK_E_ARG);
    assert_string_equal(cvk_graph_error(g), sentence);
    for (uint32_t i = 0; i < outputs; i++)
        assert_int_equal(made[i], 0);
    cvk_graph_destroy(g);
}

static void test_inputs_and_outputs(void **state)
{
    (void)state;
    char text[128];
    assert_int_equal(COUNT(ops), 35);
    for (size_t k = 0; k < COUNT(ops); k++) {
        const uint32_t op = ops[k].op, least = ops[k].least, most = ops[k].most;
        const char *name = ops[k].name;
        if (least > 0) {
            snprintf(text, sizeof text, "%s: %u input%s, but it takes %s", name, least - 1, least == 2 ? "" : "s", ops[k].takes);
            refused_call(op, least - 1, 9, 0, 1, text);
        }
        if (most != ANY) {
            snprintf(text, sizeof text, "%s: %u inputs, but it takes %s", name, most + 1, ops[k].takes);
            refused_call(op, most + 1, 9, 0, 1, text);
        }
        for (uint32_t i = 0; i < least; i++) {
            snprintf(text, sizeof text, "%s: input %u is missing", name, i);
            refused_call(op, least, i, 0, 1, text);
        }
        const cvk_value strange[] = {2, 999, INT32_MAX, -1, INT32_MIN};
        for (size_t i = 0; i < COUNT(strange) && least > 0; i++) {
            snprintf(text, sizeof text, "%s: input %u is no value of this graph (%d)", name, least - 1, strange[i]);
            refused_call(op, least, least - 1, strange[i], 1, text);
        }
        snprintf(text, sizeof text, "%s: 0 outputs, but it gives %s", name, ops[k].gives);
        refused_call(op, least, 9, 0, 0, text);
        if (ops[k].most_outputs != ANY) {
            snprintf(text, sizeof text, "%s: %u outputs, but it gives %s", name, ops[k].most_outputs + 1, ops[k].gives);
            refused_call(op, least, 9, 0, ops[k].most_outputs + 1, text);
        }
    }
}

static void test_unknown_ops(void **state)
{
    (void)state;
    const uint32_t unknown[] = {0, 1999, 1000, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        char text[128];
        snprintf(text, sizeof text, "cvk_graph_add: no op %u, or inputs or outputs are NULL", unknown[i]);
        refused_call(unknown[i], 1, 9, 0, 1, text);
    }
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("null", &g), CVK_OK);
    cvk_value y = 7;
    assert_int_equal(cvk_graph_add(g, CVK_OP_UNARY, NULL, NULL, 1, &y, 1), CVK_E_ARG);
    assert_int_equal(y, 0);
    cvk_graph_destroy(g);
    assert_int_equal(cvk_graph_add(NULL, CVK_OP_UNARY, NULL, &y, 1, &y, 1), CVK_E_ARG);
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------ */

static void test_illegal_tensors(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        uint32_t dtype, rank;
        int64_t dims[9];
        int32_t status;
        const char *words; /* of both sentences, but for the one of too many axes */
    } rows[] = {
        {"9 axes", CVK_F32, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, CVK_E_ARG, "at most 8"},
        {"axes of all ones", CVK_F32, 0xffffffff, {1}, CVK_E_ARG, "at most 8"},
        {"no type", 0, 1, {1}, CVK_E_ARG, "unknown element type 0"},
        {"unknown type", 14, 1, {1}, CVK_E_ARG, "unknown element type 14"},
        {"type of all ones", 0xffffffff, 1, {1}, CVK_E_ARG, "unknown element type 4294967295"},
        {"size negative", CVK_F32, 2, {3, -2}, CVK_E_SHAPE, "size -2 of axis 1 is negative"},
        {"size the least", CVK_F32, 1, {INT64_MIN}, CVK_E_SHAPE, "size -9223372036854775808 of axis 0"},
        {"size the most", CVK_I8, 1, {INT64_MAX}, CVK_E_LIMIT, "9223372036854775807 in i8 has more than 2^63"},
        {"product past 2^64", CVK_I8, 3, {1 << 30, 1 << 30, 1 << 30}, CVK_E_LIMIT, "1073741824x1073741824x1073741824"},
        {"product that wraps to 0", CVK_F32, 2, {HUGE_SIZE, 4}, CVK_E_LIMIT, "more than 2^63"},
        {"product past 2^63 beside 0", CVK_F32, 3, {HUGE_SIZE, HUGE_SIZE, 0}, CVK_E_LIMIT, "more than 2^63"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (uint32_t constant = 0; constant < 2; constant++) {
            struct cvk_graph *g = NULL;
            float data = 0;
            assert_int_equal(cvk_graph_create("tensors", &g), CVK_OK);
            cvk_value v = constant ? cvk_constant(g, "v", rows[i].dtype, rows[i].rank, rows[i].dims, &data)
                                   : cvk_input(g, "v", rows[i].dtype, rows[i].rank, rows[i].dims);
            assert_int_equal(v, 0);
            assert_int_equal(cvk_graph_status(g), rows[i].status);
            rule_is_sentence(rows[i].label, cvk_graph_error(g));
            rule_has_words(rows[i].label, cvk_graph_error(g), rows[i].words);
            rule_has_words(rows[i].label, cvk_graph_error(g), constant ? "constant 'v': " : "input 'v': ");
            cvk_graph_destroy(g);
        }
    }
}

/* ---- the first failure stays ------------------------------------------------------------------------------------------- */

static void test_the_first_failure_stays(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    char first[256];
    assert_int_equal(cvk_graph_create("first", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 3, 8, 8});
    cvk_value w = cvk_input(g, "w", CVK_F32, 4, (int64_t[]){5, 4, 3, 3});
    cvk_value y = cvk_conv(g, x, w, 0, NULL);
    assert_int_equal(y, 0);
    snprintf(first, sizeof first, "%s", cvk_graph_error(g));
    rule_has_words("depths", first, "3 channels|depth of 3|depth of 4");
    y = cvk_pool(g, cvk_relu(g, y), &(struct cvk_pool_params){.kind = 9}, NULL);
    assert_int_equal(y, 0);
    assert_int_equal(cvk_relu(g, x), 0);
    assert_int_equal(cvk_input(g, "z", CVK_F32, 0, NULL), 0);
    assert_int_equal(cvk_output(g, x, "x"), CVK_E_SHAPE);
    cvk_value out = 7;
    assert_int_equal(cvk_graph_add(g, 0xffffffff, NULL, &x, 1, &out, 1), CVK_E_SHAPE);
    assert_int_equal(out, 0);
    assert_string_equal(cvk_graph_error(g), first);
    assert_int_equal(cvk_graph_status(g), CVK_E_SHAPE);
    cvk_graph_destroy(g);
}

/* A caller's struct may be older or newer than the library's: only what it has is read. */
static void test_sizes_of_parameters(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("sizes", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 3, (int64_t[]){1, 1, 8}), w = cvk_input(g, "w", CVK_F32, 3, (int64_t[]){1, 1, 3});
    struct cvk_conv_params p = {.stride = {2}, .pad_begin = {-7}};
    p.size = offsetof(struct cvk_conv_params, pad_begin); /* its maker knew no padding */
    assert_int_equal(cvk_graph_desc(g, cvk_conv(g, x, w, 0, &p))->dims[2], 3);
    p = (struct cvk_conv_params){.size = 0xffffffff, .stride = {2}};
    assert_int_equal(cvk_graph_desc(g, cvk_conv(g, x, w, 0, &p))->dims[2], 3);
    for (p.size = 1; p.size < sizeof p.size; p.size++)
        assert_int_equal(cvk_graph_desc(g, cvk_conv(g, x, w, 0, &p))->dims[2], 6);
    cvk_graph_destroy(g);
}

/* ---- costs past 2^64 ---------------------------------------------------------------------------------------------------- */

/* Each of these would take 2^64 multiply-adds or more: a product that wraps would pass every limit. */
static void test_costs_do_not_wrap(void **state)
{
    (void)state;
    const struct {
        uint32_t op;
        const void *params;
        struct rule_input a, b;
    } rows[] = {
        {CVK_OP_CONV, P(conv, .pad_end = {63, 63}), X(1, 4096, 1 << 20, 1 << 20), X(1, 4096, 64, 64)},
        {CVK_OP_CONV_TRANSPOSE, NULL, X(1, 4096, 1 << 15, 1 << 15), X(4096, 1, 2048, 2048)},
        {CVK_OP_GEMM, NULL, X(1 << 21, 1 << 23), X(1 << 23, 1 << 21)},
        {CVK_OP_MATMUL, NULL, X(1 << 21, 1 << 23), X(1 << 23, 1 << 21)},
    };
    struct cvk_context *ctx = NULL;
    assert_int_equal(cvk_context_create(NULL, &ctx), CVK_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cvk_graph *g = NULL;
        struct cvk_session *s = NULL;
        cvk_value y;
        assert_int_equal(cvk_graph_create("costs", &g), CVK_OK);
        cvk_value x = cvk_input(g, "a", CVK_F32, rows[i].a.rank, rows[i].a.dims);
        cvk_value w = cvk_input(g, "b", CVK_F32, rows[i].b.rank, rows[i].b.dims);
        if (cvk_graph_add(g, rows[i].op, rows[i].params, (cvk_value[]){x, w}, 2, &y, 1) != CVK_OK)
            fail_msg("%s", cvk_graph_error(g));
        assert_int_equal(cvk_output(g, y, "y"), CVK_OK);
        const struct cvk_session_params p = {.device = "ref", .flags = CVK_SESSION_PLAN_ONLY, .macs_limit = UINT64_MAX - 1};
        assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_E_LIMIT);
        rule_has_words("costs", cvk_error_text(), "multiply-adds|the limit is 18446744073709551614");
        cvk_graph_destroy(g);
    }
    cvk_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs_and_outputs),
        cmocka_unit_test(test_unknown_ops),
        cmocka_unit_test(test_illegal_tensors),
        cmocka_unit_test(test_the_first_failure_stays),
        cmocka_unit_test(test_sizes_of_parameters),
        cmocka_unit_test(test_costs_do_not_wrap),
    };
    return cmocka_run_group_tests_name("rules of all ops", tests, NULL, NULL);
}

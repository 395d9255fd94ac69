/* SPDX-License-Identifier: MIT
 * Random hostile calls of every op: a legal call with a few numbers, sizes and types changed, or nothing but noise. Each must end
 * in a sound result, which a session can plan, or in a sentence; the sanitizers watch the arithmetic. */
#include "rules.h"

#include "convoke/rng.h"

#define ROUNDS 800
#define PARAMS(op, ...) P(op, __VA_ARGS__), sizeof(struct cvk_##op##_params)
#define I64(...) OF(CVK_I64, __VA_ARGS__)

static const struct {
    const char *name;
    uint32_t op, outputs; /* at most */
    const void *params;
    size_t param_bytes;
    struct rule_input inputs[RULE_INPUTS];
} calls[] = {
    {"conv", CVK_OP_CONV, 1, PARAMS(conv, .stride = {2, 1}, .pad_begin = {1, 1}), {X(1, 4, 8, 8), X(6, 4, 3, 3), X(6)}},
    {"conv_transpose", CVK_OP_CONV_TRANSPOSE, 1, PARAMS(conv_transpose, .stride = {2, 3}, .pad_end = {1, 0}),
     {X(1, 4, 5, 5), X(4, 3, 3, 3), X(3)}},
    {"pool", CVK_OP_POOL, 2, PARAMS(pool, .kernel = {3, 2}, .stride = {2, 2}, .pad_begin = {1, 1}), {X(1, 3, 9, 8)}},
    {"gemm", CVK_OP_GEMM, 1, PARAMS(gemm, .trans_b = 1), {X(2, 3), X(4, 3), X(4)}},
    {"matmul", CVK_OP_MATMUL, 1, PARAMS(matmul, .size = 0), {X(5, 2, 3), X(3, 4)}},
    {"unary", CVK_OP_UNARY, 1, PARAMS(unary, .kind = CVK_CLIP, .a = 1), {X(2, 3)}},
    {"binary", CVK_OP_BINARY, 1, PARAMS(binary, .kind = CVK_PRELU), {X(2, 3, 4), X(3, 1)}},
    {"where", CVK_OP_WHERE, 1, PARAMS(where, .size = 0), {OF(CVK_BOOL, 2, 1), X(3), X(2, 3)}},
    {"reduce", CVK_OP_REDUCE, 1, PARAMS(reduce, .kind = CVK_REDUCE_MAX, .keep_dims = 1), {X(2, 3, 4), INTS(1, -1)}},
    {"softmax", CVK_OP_SOFTMAX, 1, PARAMS(softmax, .axis = 1), {X(2, 3, 4)}},
    {"batch_norm", CVK_OP_BATCH_NORM, 1, PARAMS(batch_norm, .epsilon = 1), {X(2, 3, 4), X(3), X(3), X(3), X(3)}},
    {"instance_norm", CVK_OP_INSTANCE_NORM, 1, PARAMS(instance_norm, .epsilon = 1), {X(2, 3, 4), X(3), X(3)}},
    {"layer_norm", CVK_OP_LAYER_NORM, 3, PARAMS(layer_norm, .axis = 1, .epsilon = 1), {X(2, 3, 4), X(4), X(3, 4)}},
    {"lrn", CVK_OP_LRN, 1, PARAMS(lrn, .window = 5), {X(2, 3, 4)}},
    {"dropout", CVK_OP_DROPOUT, 2, PARAMS(dropout, .training = 1, .drop = 0.5f), {X(2, 3, 4)}},
    {"concat", CVK_OP_CONCAT, 1, PARAMS(concat, .axis = 1), {X(2, 3, 4), X(2, 1, 4), X(2, 5, 4)}},
    {"split", CVK_OP_SPLIT, 4, PARAMS(split, .axis = 1, .ragged = 1), {X(2, 12, 4)}},
    {"split", CVK_OP_SPLIT, 4, PARAMS(split, .axis = 1), {X(2, 12, 4), INTS(2, 3, 3, 4)}},
    {"slice", CVK_OP_SLICE, 1,
     PARAMS(slice, .count = 2, .axes_given = 1, .axes = {2, 0}, .start = {1, -1}, .end = {9, 7}, .step = {2, -1}),
     {X(2, 3, 4)}},
    {"slice", CVK_OP_SLICE, 1, PARAMS(slice, .size = 0), {X(2, 3, 4), INTS(1, 0), INTS(3, -1), INTS(2, 1), INTS(1, 2)}},
    {"pad", CVK_OP_PAD, 1, PARAMS(pad, .mode = CVK_PAD_REFLECT, .begin = {0, 2, -1}, .end = {1, 0, 3}), {X(2, 3, 4)}},
    {"pad", CVK_OP_PAD, 1, PARAMS(pad, .size = 0), {X(2, 3, 4), INTS(1, 1, -1, 2), FLOATS(3), INTS(0, -1)}},
    {"reshape", CVK_OP_RESHAPE, 1, PARAMS(reshape, .count = 3, .dims = {0, -1, 6}), {X(2, 3, 4)}},
    {"reshape", CVK_OP_RESHAPE, 1, PARAMS(reshape, .kind = CVK_UNSQUEEZE), {X(2, 3, 4), INTS(0, -1, 3)}},
    {"transpose", CVK_OP_TRANSPOSE, 1, PARAMS(transpose, .count = 3, .perm = {2, 0, 1}), {X(2, 3, 4)}},
    {"expand", CVK_OP_EXPAND, 1, PARAMS(expand, .count = 3, .dims = {2, 3, 1}), {X(3, 4)}},
    {"expand", CVK_OP_EXPAND, 1, PARAMS(expand, .size = 0), {X(3, 1), INTS(2, 3, 4)}},
    {"tile", CVK_OP_TILE, 1, PARAMS(tile, .count = 3, .repeats = {1, 2, 3}), {X(2, 3, 4)}},
    {"gather", CVK_OP_GATHER, 1, PARAMS(gather, .axis = 1), {X(2, 3, 4), I64(5, 6)}},
    {"gather", CVK_OP_GATHER, 1, PARAMS(gather, .kind = CVK_GATHER_ND, .batch_dims = 1), {X(2, 3, 4), I64(2, 5, 1)}},
    {"gather", CVK_OP_GATHER, 1, PARAMS(gather, .kind = CVK_GATHER_ELEMENTS, .axis = 2), {X(2, 3, 4), I64(2, 3, 9)}},
    {"cast", CVK_OP_CAST, 1, PARAMS(cast, .to = CVK_I8), {X(2, 3, 4)}},
    {"fill", CVK_OP_FILL, 1, PARAMS(fill, .count = 3, .value = 2, .dims = {2, 3, 4}), {NONE}},
    {"fill", CVK_OP_FILL, 1, PARAMS(fill, .dtype = CVK_I32), {INTS(2, 3, 4)}},
    {"shape", CVK_OP_SHAPE, 1, PARAMS(shape, .start = 1, .end = -1, .end_given = 1), {X(2, 3, 4)}},
    {"resize", CVK_OP_RESIZE, 1, PARAMS(resize, .mode = CVK_RESIZE_CUBIC, .count = 4, .scale = {1, 1, 2, 0.5}), {X(1, 3, 4, 8)}},
    {"resize", CVK_OP_RESIZE, 1, PARAMS(resize, .mode = CVK_RESIZE_LINEAR), {X(1, 3, 4, 8), NONE, NONE, INTS(1, 3, 9, 9)}},
    {"resize", CVK_OP_RESIZE, 1,
     PARAMS(resize, .coord = CVK_COORD_TF_CROP_AND_RESIZE, .count = 2, .dims = {3, 0}, .scale = {0, 2}, .roi_end = {1, 0.5}),
     {X(4, 8)}},
    {"depth_space", CVK_OP_DEPTH_SPACE, 1, PARAMS(depth_space, .block = 2), {X(1, 8, 3, 4)}},
    {"depth_space", CVK_OP_DEPTH_SPACE, 1, PARAMS(depth_space, .kind = CVK_SPACE_TO_DEPTH, .block = 3), {X(1, 2, 6, 9)}},
    {"arg", CVK_OP_ARG, 1, PARAMS(arg, .axis = 1), {X(2, 3, 4)}},
    {"topk", CVK_OP_TOPK, 2, PARAMS(topk, .axis = 1, .k = 2), {X(2, 3, 4)}},
    {"topk", CVK_OP_TOPK, 2, PARAMS(topk, .axis = 2), {X(2, 3, 4), INTS(2)}},
    {"one_hot", CVK_OP_ONE_HOT, 1, PARAMS(one_hot, .axis = -1, .depth = 10), {I64(2, 3), NONE, X(2)}},
    {"one_hot", CVK_OP_ONE_HOT, 1, PARAMS(one_hot, .axis = 1), {I64(2, 3), INTS(10), X(2)}},
    {"reorder", CVK_OP_REORDER, 1, PARAMS(reorder, .layout = CVK_LAYOUT_NC8), {X(1, 9, 3, 4)}},
};

/* ---- dice --------------------------------------------------------------------------------------------------------------- */

struct dice {
    uint64_t seed, thrown;
};

static uint64_t throw_below(struct dice *d, uint64_t n)
{
    return cvk_rng_bits(d->seed, 1, d->thrown++) % n;
}

/* Mostly small, sometimes at one of the edges of integers. */
static int64_t number(struct dice *d)
{
    static const int64_t pool[] = {0,         1,         2,         3,    4,   6,   -1,  -2,
                                   -5,        8,         9,         255,  511, 33,  127, 65536,
                                   INT32_MAX, INT32_MIN, HUGE_SIZE, INT64_MAX, INT64_MIN, INT64_MIN + 1, INT64_MAX - 1,
                                   INT64_C(1) << 31, INT64_C(1) << 32, INT64_C(0xffffffff), INT64_C(1) << 61};
    return pool[throw_below(d, throw_below(d, 2) ? 7 : COUNT(pool))];
}

static uint32_t type(struct dice *d)
{
    return throw_below(d, 3) ? CVK_F32 : 1 + (uint32_t)throw_below(d, 13);
}

static void noise_input(struct dice *d, struct rule_input *in, int64_t *numbers)
{
    uint32_t rank = (uint32_t)throw_below(d, throw_below(d, 4) ? 6 : 9);
    *in = (struct rule_input){.dtype = throw_below(d, 6) ? type(d) : 0, .rank = rank};
    for (uint32_t i = 0; i < in->rank; i++)
        in->dims[i] = throw_below(d, 30) ? (int64_t)throw_below(d, 5) : number(d);
    if (throw_below(d, 4) == 0) { /* numbers that decide sizes */
        *in = (struct rule_input){.dtype = CVK_I64, .rank = 1, .dims = {(int64_t)throw_below(d, 10)}, .content = numbers};
        for (int64_t i = 0; i < in->dims[0]; i++)
            numbers[i] = number(d);
    }
}

static void change_input(struct dice *d, struct rule_input *in, int64_t *numbers)
{
    switch (throw_below(d, 8)) {
    case 0: in->dtype = type(d); in->content = NULL; break;
    case 1: in->rank = (uint32_t)throw_below(d, 9); in->content = NULL; break;
    case 2: noise_input(d, in, numbers); break;
    default:
        if (in->content && in->dtype == CVK_I64 && in->dims[0] > 0) {
            memcpy(numbers, in->content, (size_t)in->dims[0] * sizeof *numbers);
            numbers[throw_below(d, (uint64_t)in->dims[0])] = number(d);
            in->content = numbers;
        } else if (in->rank > 0 && !in->content) {
            in->dims[throw_below(d, in->rank)] = number(d);
        }
    }
}

static void change_params(struct dice *d, char *params, size_t bytes)
{
    int64_t n = number(d);
    int32_t half = (int32_t)n;
    if (bytes >= 2 * sizeof n && throw_below(d, 2))
        memcpy(params + sizeof n * (1 + throw_below(d, bytes / sizeof n - 1)), &n, sizeof n);
    else if (bytes > sizeof half)
        memcpy(params + sizeof half * (1 + throw_below(d, bytes / sizeof half - 1)), &half, sizeof half);
}

/* ---- results ------------------------------------------------------------------------------------------------------------ */

static void check_result(const struct cvk_graph *g, const cvk_value *outputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct cvk_tensor_desc *desc = cvk_graph_desc(g, outputs[i]);
        if (!desc)
            continue; /* its sizes come from a content that is not known yet */
        assert_true(desc->rank <= CVK_MAX_RANK && cvk_dtype_bytes(desc->dtype) > 0);
        assert_true(desc->bytes <= UINT64_C(1) << 48); /* 16 TiB, in blocks of 16 channels */
        for (uint32_t k = 0; k < desc->rank; k++)
            assert_true(desc->dims[k] >= 0);
    }
}

/* The session asks the same rule again, plans the node and works out its costs. */
static bool plan_it(struct cvk_context *ctx, struct cvk_graph *g, cvk_value y)
{
    struct cvk_session *s = NULL;
    struct cvk_node_report report;
    assert_int_equal(cvk_output(g, y, "y"), CVK_OK);
    const struct cvk_session_params p = {.device = "ref", .flags = CVK_SESSION_PLAN_ONLY};
    int32_t status = cvk_session_create(ctx, g, &p, &s);
    if (status != CVK_OK)
        rule_is_sentence("session", cvk_error_text());
    for (uint32_t i = 0; s && i < cvk_session_node_count(s); i++)
        assert_int_equal(cvk_session_node(s, i, &report), CVK_OK);
    cvk_session_destroy(s);
    return status == CVK_OK;
}

/* One call in a graph of its own; counts what came of it. */
static void call(struct cvk_context *ctx, size_t k, const struct rule_input *inputs, const void *params, uint32_t wanted,
                 uint32_t counts[3])
{
    struct cvk_graph *g = NULL;
    cvk_value given[RULE_INPUTS] = {0}, outputs[4];
    uint32_t count = 0;
    char name[8];
    assert_int_equal(cvk_graph_create("random", &g), CVK_OK);
    for (uint32_t i = 0; i < RULE_INPUTS; i++) {
        const struct rule_input *in = &inputs[i];
        snprintf(name, sizeof name, "in%u", i);
        if (in->dtype && in->content)
            given[i] = cvk_constant(g, name, in->dtype, in->rank, in->dims, in->content);
        else if (in->dtype)
            given[i] = cvk_input(g, name, in->dtype, in->rank, in->dims);
        count = in->dtype ? i + 1 : count;
    }
    bool inputs_fine = cvk_graph_status(g) == CVK_OK;
    int32_t status = cvk_graph_add(g, calls[k].op, params, given, count, outputs, wanted);
    if (status == CVK_OK) {
        check_result(g, outputs, wanted);
        counts[0]++;
        counts[1] += plan_it(ctx, g, outputs[0]);
    } else {
        assert_true(status == CVK_E_ARG || status == CVK_E_SHAPE || status == CVK_E_LIMIT);
        rule_is_sentence(calls[k].name, cvk_graph_error(g));
        if (inputs_fine)
            rule_has_words(calls[k].name, cvk_graph_error(g), calls[k].name);
        for (uint32_t i = 0; i < wanted; i++)
            assert_int_equal(outputs[i], 0);
        counts[2]++;
    }
    cvk_graph_destroy(g);
}

static void test_random_calls(void **state)
{
    bool seen[34] = {false};
    for (size_t k = 0; k < COUNT(calls); k++) {
        struct dice d = {.seed = k};
        uint32_t counts[3] = {0}; /* accepted, planned, refused */
        seen[calls[k].op] = true;
        call(*state, k, calls[k].inputs, calls[k].params, calls[k].outputs, counts);
        if (counts[0] != 1 || counts[1] != 1)
            fail_msg("%s, call %zu: the legal call is refused: %s", calls[k].name, k, cvk_error_text());
        for (uint32_t round = 0; round < ROUNDS; round++) {
            struct rule_input inputs[RULE_INPUTS];
            int64_t numbers[RULE_INPUTS][16];
            uint64_t params[64] = {0};
            uint32_t present = 0;
            assert_true(calls[k].param_bytes <= sizeof params);
            memcpy(inputs, calls[k].inputs, sizeof inputs);
            memcpy(params, calls[k].params, calls[k].param_bytes);
            while (present < RULE_INPUTS && (inputs[present].dtype || (present + 1 < RULE_INPUTS && inputs[present + 1].dtype)))
                present++;
            for (uint32_t i = 0; i < present && round % 4 == 0; i++)
                noise_input(&d, &inputs[i], numbers[i]);
            for (uint64_t i = 1 + throw_below(&d, 3); i > 0; i--) {
                uint32_t at = (uint32_t)throw_below(&d, present + 1u);
                if (throw_below(&d, 2))
                    change_params(&d, (char *)params, calls[k].param_bytes);
                else if (at < present)
                    change_input(&d, &inputs[at], numbers[at]);
            }
            call(*state, k, inputs, params, 1 + (uint32_t)throw_below(&d, calls[k].outputs), counts);
        }
        if (counts[0] < ROUNDS / 40 || counts[2] < ROUNDS / 40)
            fail_msg("%s, call %zu: the dice are bad: %u accepted, %u planned, %u refused", calls[k].name, k, counts[0],
                     counts[1], counts[2]);
    }
    for (uint32_t op = 1; op < COUNT(seen); op++)
        assert_true(seen[op]);
}

static int set_up(void **state)
{
    setenv("CONVOKE_MEMORY_LIMIT", "1M", 1); /* what is constant is worked out at once, however large it would be */
    return cvk_context_create(NULL, (struct cvk_context **)state);
}

static int tear_down(void **state)
{
    cvk_context_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_calls)};
    return cmocka_run_group_tests_name("rules under random calls", tests, set_up, tear_down);
}

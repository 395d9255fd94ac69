/* SPDX-License-Identifier: MIT
 * Nets from text, and the layers with fresh weights that they are made of: sizes, parameter counts, weights, errors. */
#include "base/base.h"
#include "convoke/rng.h"
#include "graph/ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* last: it defines a macro fail() */

static struct cvk_graph *net(const char *text, uint64_t seed)
{
    struct cvk_graph *g = NULL;
    int32_t status = cvk_graph_from_text(text, seed, &g);
    if (status != CVK_OK)
        print_error("%s: %s\n", text, cvk_error_text());
    assert_int_equal(status, CVK_OK);
    assert_non_null(g);
    return g;
}

static const float *weights(const struct cvk_graph *g, const char *name)
{
    const struct cvk__value *v = cvk__value_at(g, cvk_graph_find(g, name));
    assert_non_null(v);
    assert_non_null(v->blob);
    return v->blob->data;
}

/* Sizes of the output and the number of all weights. */
static void check(const char *text, const char *shape, uint64_t parameters)
{
    char got[CVK_SHAPE_TEXT];
    struct cvk_graph *g = net(text, 1);
    assert_int_equal(cvk_graph_output_count(g), 1);
    const struct cvk_tensor_desc *y = cvk_graph_desc(g, cvk_graph_find(g, "output"));
    assert_non_null(y);
    assert_string_equal(cvk_shape_text(y->rank, y->dims, got), shape);
    uint64_t count = 0;
    for (uint32_t i = 0; i < g->value_count; i++)
        count += g->values[i].blob ? cvk_tensor_desc_count(&g->values[i].desc) : 0;
    assert_int_equal(count, parameters);
    cvk_graph_destroy(g);
}

static void good_nets(void **state)
{
    (void)state;
    check("3x32x32: 1c5", "1x1x28x28", 76);    /* C1: 75 products and a bias */
    check("3x32x32: 6c5", "1x6x28x28", 456);   /* C2 */
    check("3x56x56: 32c3p1", "1x32x56x56", 896); /* C6 */
    check("6x8x8: 7c3", "1x7x6x6", 385);       /* T6 */
    check("1x12x12: 10c3p1-mp3", "1x10x4x4", 100); /* R1: the pool's stride is its size */
    check("64x3x3: flat", "1x576", 0);         /* D5 */
    check("64x3x3: 1n", "1x1", 577);           /* D6 */
    check("64x3x3: 1000n-10n", "1x10", 577000 + 10010);
    check("1x28x28: 8c5-relu-mp2-16c5-relu-mp2-flat-120n-relu-10n-softmax", "1x10",
          208 + 3216 + (256 * 120 + 120) + 1210);
    check("1x5x5:mp2", "1x1x2x2", 0);
    check("1x5x5:mp3s2", "1x1x2x2", 0);
    check("4x16: 8c3s2p1-gap", "1x8x1", 104);             /* one spatial axis */
    check("1x8x8x8: 2c3-ap2", "1x2x3x3x3", 56);           /* three */
    check("784: 30n-sigmoid-10n", "1x10", 784 * 30 + 30 + 310);
    check("8x9x9: dw3p1-bn-relu-16c1-gmp", "1x16x1x1", 80 + 4 * 8 + 144);
    check("8x9x9: 16c3g4d2-lrn-drop0.5-tanh-ap3s1p1", "1x16x5x5", 16 * 2 * 9 + 16);
    check("  3x8x8 :  4c3 -\thard_swish - gelu_tanh  ", "1x4x6x6", 112);
}

/* Parameters that the shapes above do not show. */
static void resolved(void **state)
{
    (void)state;
    struct cvk_graph *g = net("8x9x9: 16c3s2p1d2g4-drop0.25-lrn-mp3s1p1d2-tanh-gap", 1);
    assert_int_equal(g->node_count, 6);
    const struct cvk_conv_params *conv = g->nodes[0].params;
    assert_int_equal(conv->group, 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(conv->kernel[i], 3);
        assert_int_equal(conv->stride[i], 2);
        assert_int_equal(conv->dilation[i], 2);
        assert_int_equal(conv->pad_begin[i], 1);
        assert_int_equal(conv->pad_end[i], 1);
    }
    assert_float_equal(((const struct cvk_dropout_params *)g->nodes[1].params)->drop, 0.25f, 0);
    assert_int_equal(((const struct cvk_lrn_params *)g->nodes[2].params)->window, 5);
    const struct cvk_pool_params *pool = g->nodes[3].params;
    assert_int_equal(pool->kind, CVK_POOL_MAX);
    assert_int_equal(pool->stride[1], 1);
    assert_int_equal(pool->dilation[1], 2);
    assert_int_equal(pool->pad_end[1], 1);
    assert_int_equal(((const struct cvk_unary_params *)g->nodes[4].params)->kind, CVK_TANH);
    assert_int_equal(((const struct cvk_pool_params *)g->nodes[5].params)->global, 1);
    assert_int_equal(((const struct cvk_pool_params *)g->nodes[5].params)->kind, CVK_POOL_AVG);
    const struct cvk__value *x = cvk__value_at(g, cvk_graph_input(g, 0));
    assert_string_equal(x->name, "input");
    assert_int_equal(x->open_dims, 1); /* the batch */
    cvk_graph_destroy(g);
}

static void fresh_weights(void **state)
{
    (void)state;
    const char *text = "3x16x16: 16c3-16c3-bn-50n";
    struct cvk_graph *a = net(text, 7), *b = net(text, 7), *other = net(text, 8);
    assert_string_equal(a->nodes[0].name, "conv1");
    assert_string_equal(a->nodes[1].name, "conv2");
    assert_string_equal(a->nodes[2].name, "bn1");
    assert_string_equal(a->nodes[4].name, "dense1");
    /* 144 inputs: standard deviation sqrt(2/144), drawn from stream 1 because conv1 was stream 0. */
    const float *w = weights(a, "conv2.w");
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < 16 * 144; i++) {
        assert_float_equal(w[i], sqrt(2.0 / 144) * (double)cvk_rng_normal(7, 1, i), 1e-6);
        sum += (double)w[i];
        squares += (double)w[i] * (double)w[i];
    }
    assert_true(fabs(sum / 2304) < 0.01);
    assert_float_equal(squares / 2304, 2.0 / 144, 2.0 / 144 * 0.1);
    assert_memory_equal(w, weights(b, "conv2.w"), 2304 * sizeof(float));
    assert_memory_not_equal(w, weights(other, "conv2.w"), 2304 * sizeof(float));
    assert_memory_not_equal(w, weights(a, "conv1.w"), 16 * 27 * sizeof(float));
    for (int i = 0; i < 16; i++) {
        assert_float_equal(weights(a, "conv1.b")[i], 0, 0);
        assert_float_equal(weights(a, "bn1.scale")[i], 1, 0);
        assert_float_equal(weights(a, "bn1.bias")[i], 0, 0);
        assert_float_equal(weights(a, "bn1.mean")[i], 0, 0);
        assert_float_equal(weights(a, "bn1.var")[i], 1, 0);
    }
    assert_float_equal(weights(a, "dense1.b")[49], 0, 0);
    cvk_graph_destroy(a);
    cvk_graph_destroy(b);
    cvk_graph_destroy(other);
}

static void layers_by_call(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("calls", &g), CVK_OK);
    cvk_graph_seed(g, 7);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 3, 16, 16});
    cvk_constant(g, "conv2.w", CVK_F32, 1, (int64_t[]){1}, &(float){0}); /* a name in the way */
    cvk_value y = cvk_layer_conv(g, x, 16, 3);
    struct cvk_conv_params wide = {.kernel = {1, 5}, .group = 2, .pad_begin = {0, 2}, .pad_end = {0, 2}};
    y = cvk_layer_conv_with(g, y, 8, &wide);
    assert_int_equal(cvk_graph_status(g), CVK_OK);
    assert_string_equal(g->nodes[1].name, "conv3");
    const struct cvk_tensor_desc *w = cvk_graph_desc(g, cvk_graph_find(g, "conv3.w"));
    char text[CVK_SHAPE_TEXT];
    assert_string_equal(cvk_shape_text(w->rank, w->dims, text), "8x8x1x5");
    assert_string_equal(cvk_shape_text(4, cvk_graph_desc(g, y)->dims, text), "1x8x14x14");
    struct cvk_graph *same = net("3x16x16: 16c3", 7);
    assert_memory_equal(weights(g, "conv1.w"), weights(same, "conv1.w"), 432 * sizeof(float));
    cvk_graph_destroy(same);

    assert_int_equal(cvk_layer_dense(g, y, 10), 0); /* maps: not flattened here */
    assert_int_equal(cvk_graph_status(g), CVK_E_SHAPE);
    assert_non_null(strstr(cvk_graph_error(g), "cvk_flatten"));
    assert_int_equal(cvk_layer_conv(g, x, 1, 1), 0); /* quiet after the first failure */
    cvk_graph_destroy(g);
    cvk_graph_seed(NULL, 1);
    assert_int_equal(cvk_layer_conv(NULL, 1, 1, 1), 0);
    assert_int_equal(cvk_layer_dense(NULL, 1, 1), 0);
}

/* What a layer must refuse before it allocates. */
static void bad_layers(void **state)
{
    (void)state;
    static const struct {
        int64_t filters;
        struct cvk_conv_params p;
        int32_t status;
        const char *says;
    } cases[] = {
        {0, {.kernel = {3, 3}}, CVK_E_SHAPE, "0 filters"},
        {-4, {.kernel = {3, 3}}, CVK_E_SHAPE, "-4 filters"},
        {4, {.kernel = {3, 0}}, CVK_E_ARG, "the kernel's size 1 is 0"},
        {4, {.kernel = {-3, 3}}, CVK_E_ARG, "the kernel's size 0 is -3"},
        {4, {.kernel = {3, 3}, .group = 2}, CVK_E_SHAPE, "3 channels in 2 groups"},
        {1ll << 40, {.kernel = {3, 3}}, CVK_E_LIMIT, "are more than"},
        {INT64_MAX, {.kernel = {INT64_MAX, INT64_MAX}}, CVK_E_LIMIT, "are more than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvk_graph *g = NULL;
        assert_int_equal(cvk_graph_create("bad", &g), CVK_OK);
        cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 3, 8, 8});
        assert_int_equal(cvk_layer_conv_with(g, x, cases[i].filters, &cases[i].p), 0);
        assert_int_equal(cvk_graph_status(g), cases[i].status);
        if (!strstr(cvk_graph_error(g), cases[i].says))
            fail_msg("case %zu: %s", i, cvk_graph_error(g));
        cvk_graph_destroy(g);
    }
}

static void bad_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t status;
        const char *says; /* with the column */
    } cases[] = {
        {"", CVK_E_FORMAT, "column 1: a number is missing"},
        {"relu", CVK_E_FORMAT, "column 1: a number is missing"},
        {"3x32x32", CVK_E_FORMAT, "column 8: after the input's sizes"},
        {"3x: 1n", CVK_E_FORMAT, "column 3: a number is missing"},
        {"3x0x3: 1n", CVK_E_FORMAT, "column 3: a size of the input is 0"},
        {"1x2x3x4x5: 1n", CVK_E_FORMAT, "column 9: the input has more than four sizes"},
        {"99999999999x2: 1n", CVK_E_FORMAT, "column 1: the size of the input has more than 9 digits"},
        {"999999999x999999999x999999999: relu", CVK_E_LIMIT, "column 1"},
        {"-3x4: 1n", CVK_E_FORMAT, "column 1"},
        {"3x8x8:", CVK_E_FORMAT, "column 7: a layer is missing"},
        {"3x8x8: relu-", CVK_E_FORMAT, "column 13: a layer is missing"},
        {"3x8x8: relu--relu", CVK_E_FORMAT, "column 13: a layer is missing"},
        {"3x8x8: q5", CVK_E_FORMAT, "column 8: 'q5' is no layer"},
        {"3x8x8: 4c3-rellu", CVK_E_FORMAT, "column 12: 'rellu' is no layer; did you mean 'relu'?"},
        {"3x8x8: 4C3", CVK_E_FORMAT, "column 9: '4C3': after a number comes c (filters), t (filters of a transposed convolution) or n (units)"},
        {"3x8x8: 4c", CVK_E_FORMAT, "column 10: a number is missing: the kernel's size"},
        {"3x8x8: 0c3", CVK_E_FORMAT, "column 8: the count before the layer is 0"},
        {"3x8x8: 4c0", CVK_E_FORMAT, "column 10: the kernel's size is 0"},
        {"3x8x8: 4c3s0", CVK_E_FORMAT, "column 12: the stride is 0"},
        {"3x8x8: 4c3s", CVK_E_FORMAT, "column 12: a number is missing: the stride"},
        {"3x8x8: 4c3s1s2", CVK_E_FORMAT, "column 13: 's' stands twice"},
        {"3x8x8: 4c3x1", CVK_E_FORMAT, "column 11: 'x' in '4c3x1' is none of the letters"},
        {"3x8x8: mp2g2", CVK_E_FORMAT, "column 11: 'g'"},
        {"3x8x8: mp", CVK_E_FORMAT, "column 10: a number is missing: the window's size"},
        {"3x8x8: 10n5", CVK_E_FORMAT, "column 11: '10n5' goes on after its end"},
        {"3x8x8: relu5", CVK_E_FORMAT, "column 8: 'relu5' is no layer"},
        {"3x8x8: elu", CVK_E_FORMAT, "column 8: 'elu' needs parameters"},
        {"3x8x8: drop1", CVK_E_FORMAT, "column 12"},
        {"3x8x8: drop", CVK_E_FORMAT, "column 12"},
        {"3x8x8: drop.", CVK_E_FORMAT, "column 12"},
        {"3x8x8: drop0.5.5", CVK_E_FORMAT, "column 12"},
        {"3x8x8: drop99999999999999999999999999999", CVK_E_FORMAT, "column 12"},
        {"3x8x8: \x01\xff", CVK_E_FORMAT, "column 8: '\\x01\\xff' is no layer"},
        {"3x8x8: 4c9", CVK_E_SHAPE, "column 8, '4c9': conv"},
        {"3x8x8: 4c3-5c3g3", CVK_E_SHAPE, "column 12, '5c3g3': conv2"},
        {"3x8x8: flat-4c3", CVK_E_SHAPE, "column 13, '4c3': conv1"},
        {"3x8x8: flat-mp2", CVK_E_SHAPE, "column 13, 'mp2': pool"},
        {"3x8x8: 4c999999999p999999999", CVK_E_LIMIT, "column 8: with '4c999999999p999999999' the net has"},
        {"3x8x8: 999999999n", CVK_E_LIMIT, "column 8: with '999999999n'"},
        {"1000: 2000n-134000n", CVK_E_LIMIT, "column 13: with '134000n'"}, /* only both together are too much */
        {"3x8x8: hard_swishhard_swishhard_swishhard_swish0", CVK_E_FORMAT, "column 8: a layer of 41 characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvk_graph *g = (struct cvk_graph *)&g;
        int32_t status = cvk_graph_from_text(cases[i].text, 1, &g);
        if (status != cases[i].status || !strstr(cvk_error_text(), cases[i].says))
            fail_msg("'%s' gave %s: %s", cases[i].text, cvk_status_name(status), cvk_error_text());
        assert_null(g);
    }
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_from_text(NULL, 1, &g), CVK_E_ARG);
    assert_int_equal(cvk_graph_from_text("1: 1n", 1, NULL), CVK_E_ARG);
}

static void long_texts(void **state)
{
    (void)state;
    size_t bytes = 1u << 20;
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    struct cvk_graph *g = NULL;
    memset(text, ' ', bytes);
    text[bytes] = 0;
    memcpy(text, "4:relu", 6);
    assert_int_equal(cvk_graph_from_text(text, 1, &g), CVK_E_LIMIT);
    assert_non_null(strstr(cvk_error_text(), "16384 characters"));

    size_t at = (size_t)sprintf(text, "4:");
    for (int i = 0; i < 1024; i++)
        at += (size_t)sprintf(text + at, "%srelu", i ? "-" : "");
    assert_int_equal(cvk_graph_from_text(text, 1, &g), CVK_OK);
    assert_int_equal(g->node_count, 1024);
    cvk_graph_destroy(g);
    sprintf(text + at, "-relu");
    assert_int_equal(cvk_graph_from_text(text, 1, &g), CVK_E_FORMAT);
    assert_non_null(strstr(cvk_error_text(), "more than 1024 layers"));
    assert_null(g);

    at = (size_t)sprintf(text, "1x8x8:"); /* 152 layers */
    for (int i = 0; i < 152; i++)
        at += (size_t)sprintf(text + at, "%s4c3p1", i ? "-" : "");
    check(text, "1x4x8x8", 40 + 151 * 148);
    free(text);
}

/* Every allocation may fail: nothing leaks, nothing crashes, the status says memory. */
static void no_memory(void **state)
{
    (void)state;
    const char *text = "3x8x8: 4c3-bn-relu-drop0.5-lrn-mp2-5n-softmax";
    uint64_t before = cvk__alloc_calls();
    cvk_graph_destroy(net(text, 1));
    int64_t calls = (int64_t)(cvk__alloc_calls() - before);
    assert_true(calls > 20);
    for (int64_t n = 0; n < calls; n++) {
        struct cvk_graph *g = NULL;
        cvk__alloc_fail_after(n);
        int32_t status = cvk_graph_from_text(text, 1, &g);
        cvk__alloc_fail_never();
        if (status != CVK_E_MEMORY)
            fail_msg("call %lld of %lld: %s: %s", (long long)n, (long long)calls, cvk_status_name(status), cvk_error_text());
        assert_null(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_nets), cmocka_unit_test(resolved), cmocka_unit_test(fresh_weights),
        cmocka_unit_test(layers_by_call), cmocka_unit_test(bad_layers), cmocka_unit_test(bad_texts),
        cmocka_unit_test(long_texts), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * What ONNX says in other words than we do: each such op is written in both opsets, read back, and must give the same numbers.
 * The ops that both have are covered by the official tests, which run once more after having been written (run_official
 * --opset).
 */
#include "written.h"

static struct cvk_context *ctx;
static struct cvk_graph *g;

static cvk_value start(uint32_t dtype, uint32_t rank, const int64_t *dims)
{
    assert_int_equal(cvk_graph_create("ops", &g), CVK_OK);
    return cvk_input(g, "x", dtype, rank, dims);
}

/* Makes y the output and compares. */
static void check(cvk_value y, double tolerance)
{
    cvk_output(g, y, "y");
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s", cvk_graph_error(g));
    for (uint32_t opset = 13; opset <= 17; opset += 4) {
        struct cvk_graph *again = written(g, opset, 0);
        expect_same(ctx, g, again, 3, tolerance);
        cvk_graph_destroy(again);
    }
    cvk_graph_destroy(g);
}

static const int64_t maps[4] = {CVK_BATCH, 4, 5, 6};

static void test_unary(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < CVK_UNARY_KINDS; kind++) {
        bool logic = kind == CVK_NOT;
        cvk_value x = start(logic ? CVK_BOOL : CVK_F32, 4, maps);
        check(cvk_unary(g, x, &(struct cvk_unary_params){.kind = kind, .a = 0.75f, .b = 1.5f}), 2e-6);
    }
    for (uint32_t dtype = CVK_I8; dtype <= CVK_U64; dtype++) { /* whole numbers, bounds that are none */
        cvk_value x = start(dtype, 4, maps);
        check(cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_CLIP, .a = -1.5f, .b = 2.5f}), 0);
        x = start(dtype, 4, maps);
        check(cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_RELU}), 0);
    }
    cvk_value x = start(CVK_F64, 4, maps);
    check(cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_CLIP, .a = -1.5f, .b = 2.5f}), 0);
    x = start(CVK_F64, 4, maps);
    check(cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_GELU}), 1e-12);
}

static void test_binary(void **state)
{
    (void)state;
    for (uint32_t kind = CVK_MOD; kind <= CVK_FMOD; kind++)
        for (uint32_t dtype = CVK_F32; dtype <= CVK_I32; dtype += CVK_I32 - CVK_F32) {
            cvk_value x = start(dtype, 4, maps), by = cvk_input(g, "by", dtype, 4, maps);
            check(cvk_binary(g, kind, x, by), 0);
        }
}

static void test_reduce(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < CVK_REDUCE_KINDS; kind++) {
        cvk_value x = start(CVK_F32, 4, maps);
        check(cvk_reduce(g, x, &(struct cvk_reduce_params){.kind = kind, .noop_empty = 1}), 1e-6);
        x = start(CVK_F32, 4, maps);
        check(cvk_reduce(g, x, &(struct cvk_reduce_params){.kind = kind, .axis_count = 2, .axes = {-1, 1}}), 1e-6);
        x = start(CVK_F32, 4, maps);
        cvk_value in[2] = {x, cvk_constant(g, "axes", CVK_I64, 1, (const int64_t[]){2}, (const int64_t[]){3, -2})}, y;
        cvk_graph_add(g, CVK_OP_REDUCE, &(struct cvk_reduce_params){.kind = kind, .keep_dims = 1}, in, 2, &y, 1);
        check(y, 1e-6);
        x = start(CVK_F32, 4, maps);
        check(cvk_reduce(g, x, &(struct cvk_reduce_params){.kind = kind}), 1e-6);
    }
}

static void test_norms(void **state)
{
    (void)state;
    static const float numbers[120] = {0.5f, -1, 2, 0.25f, 3, -0.125f, 1, 7};
    for (int32_t axis = -2; axis < 4; axis++)
        for (uint32_t kind = 0; kind < 3; kind++) {
            cvk_value x = start(CVK_F32, 4, maps);
            check(cvk_softmax(g, x, &(struct cvk_softmax_params){.kind = kind, .axis = axis, .flatten = 1}), 1e-6);
        }
    static const int64_t sizes[3][3] = {{6, 1, 1}, {5, 6, 1}, {1, 1, 6}};
    for (uint32_t i = 0; i < 3; i++) { /* scales of the axes' sizes, of fewer axes, of size 1 */
        const uint32_t rank = i == 0 ? 1 : i == 1 ? 2 : 3;
        cvk_value x = start(CVK_F32, 4, maps);
        cvk_value scale = cvk_constant(g, "scale", CVK_F32, rank, sizes[i], numbers), mean, deviation;
        const struct cvk_layer_norm_params p = {.axis = i == 1 ? -2 : 3, .epsilon = 1e-3f};
        cvk_value y = cvk_layer_norm(g, x, scale, i ? scale : 0, &p, &mean, &deviation);
        cvk_output(g, mean, "mean");
        cvk_output(g, deviation, "deviation");
        check(y, 2e-6);
    }
    cvk_value x = start(CVK_F32, 4, maps);
    check(cvk_dropout(g, x, &(struct cvk_dropout_params){.drop = 0.25f, .seed = 3}, NULL), 0);
}

static void test_move(void **state)
{
    (void)state;
    cvk_value x = start(CVK_F32, 4, (const int64_t[]){CVK_BATCH, 3, 4, 6});
    check(cvk_depth_space(g, x, &(struct cvk_depth_space_params){.kind = CVK_SPACE_TO_DEPTH, .mode = CVK_MODE_CRD, .block = 2}),
          0);
    cvk_value parts[3];
    x = start(CVK_F32, 4, maps);
    cvk_split(g, x, 0, &(struct cvk_split_params){.axis = -2, .ragged = 1}, 3, parts);
    cvk_output(g, parts[2], "last");
    check(parts[0], 0);
    cvk_value inputs[4];
    x = start(CVK_F32, 4, maps);
    inputs[0] = x;
    inputs[1] = cvk_constant(g, "pads", CVK_I64, 1, (const int64_t[]){4}, (const int64_t[]){1, 0, 2, 3});
    inputs[2] = cvk_constant(g, "by", CVK_F32, 0, NULL, (const float[]){7});
    inputs[3] = cvk_constant(g, "axes", CVK_I64, 1, (const int64_t[]){2}, (const int64_t[]){-1, 1});
    cvk_graph_add(g, CVK_OP_PAD, NULL, inputs, 4, parts, 1);
    check(parts[0], 0);
    x = start(CVK_I32, 4, maps);
    check(cvk_pad(g, x, &(struct cvk_pad_params){.begin = {0, 1}, .end = {0, 0, -2}, .value = -3}), 0);
    x = start(CVK_F32, 4, maps);
    check(cvk_slice(g, x,
                    &(struct cvk_slice_params){.count = 4, .start = {0, 1, -1}, .end = {9, 3, -9, 5}, .step = {0, 0, -2, 2}}),
          0);
    for (uint32_t to = CVK_I8; to <= CVK_U16; to++) { /* beyond the ends: the nearest one */
        x = start(CVK_F32, 4, maps);
        cvk_value far = cvk_constant(g, NULL, CVK_F32, 0, NULL, (const float[]){30000});
        check(cvk_cast(g, cvk_mul(g, x, far), &(struct cvk_cast_params){.to = to}), 0);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    for (uint32_t dtype = CVK_F32; dtype <= CVK_BOOL; dtype++) {
        start(CVK_F32, 4, maps);
        check(
            cvk_fill(g, 0, &(struct cvk_fill_params){.dtype = dtype, .count = 2, .dims = {2, 3}, .value = 1.5, .integer = -1}),
            0);
    }
    cvk_value x = start(CVK_F32, 4, maps);
    check(cvk_shape(g, x, &(struct cvk_shape_params){.start = -3, .end = -1, .end_given = 1}), 0);
    x = start(CVK_F32, 4, maps);
    cvk_value wanted = cvk_shape(g, x, &(struct cvk_shape_params){.end = 1, .end_given = 1});
    wanted =
        cvk_concat(g, (cvk_value[]){wanted, cvk_constant(g, NULL, CVK_I64, 1, (const int64_t[]){1}, (const int64_t[]){-1})}, 2,
                   &(struct cvk_concat_params){0});
    cvk_value flat;
    cvk_graph_add(g, CVK_OP_RESHAPE, NULL, (cvk_value[]){x, wanted}, 2, &flat, 1);
    check(cvk_relu(g, flat), 0); /* sizes that only a session knows */
    x = start(CVK_F32, 4, maps);
    check(cvk_reshape(g, x, &(struct cvk_reshape_params){.count = 3, .dims = {0, -1, 6}}), 0);
    x = start(CVK_F32, 4, (const int64_t[]){CVK_BATCH, 1, 5, 1});
    x = cvk_reshape(g, x, &(struct cvk_reshape_params){.kind = CVK_SQUEEZE, .count = 2, .dims = {1, -1}});
    check(cvk_reshape(g, x, &(struct cvk_reshape_params){.kind = CVK_UNSQUEEZE, .count = 1, .dims = {-1}}), 0);
    x = start(CVK_F32, 4, maps);
    check(cvk_tile(g, x, &(struct cvk_tile_params){0}), 0);
    struct cvk_resize_params p = {.mode = CVK_RESIZE_CUBIC, .count = 4, .scale = {1, 1, 2, 0}, .dims = {0, 0, 0, 9}};
    x = start(CVK_F32, 4, maps);
    check(cvk_resize(g, x, &p), 2e-6); /* 9 of 6 is a scale */
    p = (struct cvk_resize_params){.mode = CVK_RESIZE_LINEAR, .count = 4, .dims = {3, 4, 8, 5}};
    x = start(CVK_F32, 4, (const int64_t[]){3, 4, 5, 6});
    check(cvk_resize(g, x, &p), 0);
    p = (struct cvk_resize_params){.mode = CVK_RESIZE_LINEAR,
                                   .coord = CVK_COORD_TF_CROP_AND_RESIZE,
                                   .count = 4,
                                   .dims = {3, 4, 3, 3},
                                   .roi_end = {1, 1, 0.5, 2},
                                   .extrapolation = 9};
    x = start(CVK_F32, 4, (const int64_t[]){3, 4, 5, 6});
    check(cvk_resize(g, x, &p), 0);
}

static void test_index(void **state)
{
    (void)state;
    cvk_value x = start(CVK_F32, 2, (const int64_t[]){CVK_BATCH, 9}), indices;
    cvk_value best = cvk_topk(g, x, &(struct cvk_topk_params){.axis = 1, .k = 3, .smallest = 1}, &indices);
    cvk_output(g, indices, "indices");
    check(best, 0);
    x = start(CVK_I32, 1, (const int64_t[]){CVK_BATCH});
    cvk_value values = cvk_constant(g, NULL, CVK_F32, 1, (const int64_t[]){2}, (const float[]){-1, 2});
    check(cvk_one_hot(g, x, 0, values, &(struct cvk_one_hot_params){.axis = -1, .depth = 5}), 0);
    x = start(CVK_F32, 2, (const int64_t[]){3, 9});
    cvk_value at = cvk_constant(g, "at", CVK_I32, 2, (const int64_t[]){2, 2}, (const int32_t[]){0, 8, 2, -1});
    check(cvk_gather(g, x, at, &(struct cvk_gather_params){.kind = CVK_GATHER_ND}), 0);
}

static void test_layers(void **state)
{
    (void)state;
    static const float numbers[144] = {0.5f, -1, 2, 0.25f, 3, -0.125f, 1, 7, 0.5f};
    cvk_value x = start(CVK_F32, 4, maps);
    cvk_value w = cvk_constant(g, "w", CVK_F32, 4, (const int64_t[]){4, 2, 3, 3}, numbers);
    check(cvk_conv_transpose(g, x, w, 0,
                             &(struct cvk_conv_transpose_params){.stride = {2, 2}, .output_size = {10, 12}, .group = 2}),
          0);
    x = start(CVK_F32, 4, maps);
    w = cvk_constant(g, "w", CVK_F32, 4, (const int64_t[]){4, 2, 3, 3}, numbers);
    check(cvk_conv_transpose(g, x, w, 0,
                             &(struct cvk_conv_transpose_params){
                                 .stride = {2, 3}, .pad_begin = {1}, .output_pad = {1, 2}, .auto_pad = CVK_PAD_EXPLICIT}),
          0);
    x = start(CVK_F32, 4, maps);
    w = cvk_constant(g, "w", CVK_F32, 4, (const int64_t[]){4, 2, 3, 3}, numbers);
    check(cvk_conv(g, x, w, 0,
                   &(struct cvk_conv_params){.stride = {2, 1}, .dilation = {1, 2}, .group = 2, .auto_pad = CVK_PAD_SAME_LOWER}),
          0);
    cvk_value places;
    x = start(CVK_F32, 4, maps);
    cvk_value y = cvk_pool(g, x,
                           &(struct cvk_pool_params){.kernel = {2, 3},
                                                     .stride = {2, 2},
                                                     .dilation = {1, 2},
                                                     .storage_order = 1,
                                                     .rounding = CVK_ROUND_CEIL,
                                                     .pad_begin = {1, 1}},
                           &places);
    cvk_output(g, places, "places");
    check(y, 0);
    for (uint32_t include = 0; include < 2; include++) {
        x = start(CVK_F32, 4, maps);
        check(cvk_pool(g, x,
                       &(struct cvk_pool_params){
                           .kind = CVK_POOL_AVG, .kernel = {3, 2}, .pad_begin = {1, 1}, .count_include_pad = include},
                       NULL),
              0);
    }
    x = start(CVK_F32, 4, maps);
    check(cvk_pool(g, x, &(struct cvk_pool_params){.kind = CVK_POOL_LP, .p = 3, .global = 1}, NULL), 1e-6);
    x = start(CVK_F32, 2, (const int64_t[]){4, 3});
    w = cvk_constant(g, "w", CVK_F32, 2, (const int64_t[]){5, 4}, numbers);
    y = cvk_constant(g, "c", CVK_F32, 1, (const int64_t[]){1}, numbers);
    check(cvk_gemm(g, x, w, y, &(struct cvk_gemm_params){.trans_a = 1, .trans_b = 1, .scaled = 1, .alpha = 0.5f, .beta = 3}),
          0);
}

/* A loss is read back as the ops it is made of. */
static void test_losses(void **state)
{
    (void)state;
    for (uint32_t kind = CVK_LOSS_SOFTMAX_CROSS_ENTROPY; kind <= CVK_LOSS_L1; kind++)
        for (uint32_t reduction = 0; reduction < 3 && kind != CVK_LOSS_SIGMOID_CROSS_ENTROPY; reduction++) {
            const bool classes = kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY;
            cvk_value x = start(CVK_F32, 3, (const int64_t[]){classes ? 3 : CVK_BATCH, 4, 2}), target, weights = 0;
            if (classes) {
                target = cvk_constant(g, "classes", CVK_I64, 2, (const int64_t[]){3, 2}, (const int64_t[]){0, 3, 1, 2, 2, 3});
                weights = cvk_constant(g, "weights", CVK_F32, 1, (const int64_t[]){4}, (const float[]){1, 2, 0.5f, 4});
            } else {
                target = cvk_input(g, "target", CVK_F32, 3, (const int64_t[]){CVK_BATCH, 4, 2});
            }
            const struct cvk_loss_params p = {.kind = kind, .reduction = reduction, .ignores = classes, .ignore_index = 1};
            check(cvk_loss(g, x, target, weights, &p), 2e-6);
        }
}

static int set_up(void **state)
{
    (void)state;
    return cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx) == CVK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary), cmocka_unit_test(test_binary), cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_norms), cmocka_unit_test(test_move),   cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_index), cmocka_unit_test(test_layers), cmocka_unit_test(test_losses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

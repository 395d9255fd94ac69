/* SPDX-License-Identifier: MIT
 * The gradient of a linear op is its adjoint: <A(x), y> = <x, A'(y)>, summed in double precision, at sizes that nets have and
 * that differences would take too long for. Products are linear in both factors, so that each has its own equation.
 * The devices are the argument, "ref" or "simd+ref"; ref alone, whose kernels are slow, leaves the large cases out. */
#include "op_net.h"
#include "ops/short.h"

#define DY_STREAM 32
/* Of the product of both norms: a few roundings of f32. An element of n that is wrong by its own size shows as 1/n. */
#define TOLERANCE 1e-6

#define P(type, ...)                                                                                                             \
    .params = &(const struct type)                                                                                               \
    {                                                                                                                            \
        __VA_ARGS__                                                                                                              \
    }
#define CONV(...) P(cvk_conv_params, __VA_ARGS__), .input_count = 2
#define UP(...) P(cvk_conv_transpose_params, __VA_ARGS__), .input_count = 2
#define AVG(...) P(cvk_pool_params, .kind = CVK_POOL_AVG, __VA_ARGS__), .input_count = 1
#define RESIZE(...) P(cvk_resize_params, .count = 4, __VA_ARGS__), .input_count = 1
#define ONE(type, ...) P(type, __VA_ARGS__), .input_count = 1
#define IN(...) .inputs = {__VA_ARGS__}
#define PAD(n) .pad_begin = {n, n}, .pad_end = {n, n}
#define LARGE .bench = 1

static const double indices[] = {3, 0, 4, 1, 1, 0, 2};

static const struct {
    uint32_t op;
    struct cvk_case c;
} cases[] = {
    {CVK_OP_CONV, {"3x3", CONV(PAD(1)), IN(X(2, 16, 20, 19), X(32, 16, 3, 3))}},
    {CVK_OP_CONV, {"3x3_stride_2", CONV(PAD(1), .stride = {2, 2}), IN(X(2, 32, 17, 18), X(48, 32, 3, 3))}},
    {CVK_OP_CONV, {"3x3_odd_channels", CONV(PAD(1)), IN(X(3, 17, 13, 11), X(33, 17, 3, 3))}},
    {CVK_OP_CONV, {"3x3_dilated", CONV(PAD(2), .dilation = {2, 2}), IN(X(1, 16, 15, 16), X(16, 16, 3, 3))}},
    {CVK_OP_CONV, {"pointwise", CONV(0), IN(X(3, 48, 14, 14), X(80, 48, 1, 1))}},
    {CVK_OP_CONV, {"pointwise_stride_2", CONV(.stride = {2, 2}), IN(X(2, 32, 15, 14), X(64, 32, 1, 1))}},
    {CVK_OP_CONV, {"stem", CONV(PAD(3), .stride = {2, 2}), IN(X(2, 3, 40, 41), X(16, 3, 7, 7))}},
    {CVK_OP_CONV, {"stem_one_channel", CONV(0), IN(X(4, 1, 28, 28), X(6, 1, 5, 5))}},
    {CVK_OP_CONV, {"depthwise", CONV(PAD(1), .group = 32), IN(X(2, 32, 19, 21), X(32, 1, 3, 3))}},
    {CVK_OP_CONV, {"depthwise_stride_2", CONV(PAD(2), .group = 24, .stride = {2, 2}), IN(X(2, 24, 19, 21), X(24, 1, 5, 5))}},
    {CVK_OP_CONV, {"groups", CONV(PAD(1), .group = 4), IN(X(2, 64, 9, 10), X(32, 16, 3, 3))}},
    {CVK_OP_CONV,
     {"uneven_padding", CONV(.pad_begin = {2, 0}, .pad_end = {1, 3}, .stride = {3, 2}), IN(X(2, 8, 16, 17), X(9, 8, 4, 5))}},
    {CVK_OP_CONV, {"one_dimension", CONV(.stride = {2}), IN(X(3, 16, 101), X(24, 16, 5))}},
    {CVK_OP_CONV, {"three_dimensions", CONV(0), IN(X(1, 4, 7, 8, 9), X(6, 4, 3, 2, 3))}},
    {CVK_OP_CONV, {"large_3x3", LARGE, CONV(PAD(1)), IN(X(4, 64, 28, 28), X(64, 64, 3, 3))}},
    {CVK_OP_CONV, {"large_pointwise", LARGE, CONV(0), IN(X(4, 64, 28, 28), X(256, 64, 1, 1))}},
    {CVK_OP_CONV, {"large_stem", LARGE, CONV(PAD(3), .stride = {2, 2}), IN(X(2, 3, 112, 112), X(64, 3, 7, 7))}},
    {CVK_OP_CONV, {"large_depthwise", LARGE, CONV(PAD(1), .group = 144), IN(X(2, 144, 56, 56), X(144, 1, 3, 3))}},
    {CVK_OP_CONV_TRANSPOSE, {"4x4_stride_2", UP(PAD(1), .stride = {2, 2}), IN(X(2, 32, 9, 10), X(32, 16, 4, 4))}},
    {CVK_OP_CONV_TRANSPOSE, {"3x3", UP(PAD(1)), IN(X(2, 16, 11, 12), X(16, 24, 3, 3))}},
    {CVK_OP_CONV_TRANSPOSE,
     {"output_pad", UP(PAD(1), .stride = {3, 2}, .output_pad = {1, 1}), IN(X(2, 17, 5, 6), X(17, 5, 3, 3))}},
    {CVK_OP_CONV_TRANSPOSE, {"groups", UP(.stride = {2, 2}, .group = 2), IN(X(1, 32, 7, 7), X(32, 8, 2, 2))}},
    {CVK_OP_CONV_TRANSPOSE, {"large", LARGE, UP(PAD(1), .stride = {2, 2}), IN(X(2, 64, 28, 28), X(64, 32, 4, 4))}},
    {CVK_OP_POOL, {"avg_2x2", AVG(.kernel = {2, 2}, .stride = {2, 2}), IN(X(2, 33, 21, 22))}},
    {CVK_OP_POOL, {"avg_3x3", AVG(.kernel = {3, 3}, .stride = {2, 2}, PAD(1)), IN(X(2, 16, 21, 22))}},
    {CVK_OP_POOL, {"avg_padding_counts", AVG(.kernel = {3, 3}, .count_include_pad = 1, PAD(1)), IN(X(2, 16, 13, 12))}},
    {CVK_OP_POOL, {"avg_global", AVG(.global = 1), IN(X(5, 40, 7, 7))}},
    {CVK_OP_RESIZE, {"nearest_2x", RESIZE(.scale = {1, 1, 2, 2}), IN(X(2, 16, 9, 10))}},
    {CVK_OP_RESIZE, {"linear_2x", RESIZE(.mode = CVK_RESIZE_LINEAR, .scale = {1, 1, 2, 2}), IN(X(2, 16, 9, 10))}},
    {CVK_OP_RESIZE, {"linear_down", RESIZE(.mode = CVK_RESIZE_LINEAR, .scale = {1, 1, 0.4, 0.7}), IN(X(2, 5, 19, 20))}},
    {CVK_OP_RESIZE,
     {"linear_corners", RESIZE(.mode = CVK_RESIZE_LINEAR, .coord = CVK_COORD_ALIGN_CORNERS, .dims = {2, 5, 17, 31}),
      IN(X(2, 5, 9, 12))}},
    {CVK_OP_RESIZE, {"cubic", RESIZE(.mode = CVK_RESIZE_CUBIC, .scale = {1, 1, 1.7, 2}), IN(X(2, 5, 9, 12))}},
    {CVK_OP_PAD, {"zeros", ONE(cvk_pad_params, .begin = {0, 0, 1, 2}, .end = {0, 0, 3, 1}), IN(X(2, 17, 9, 8))}},
    {CVK_OP_PAD,
     {"reflect", ONE(cvk_pad_params, .mode = CVK_PAD_REFLECT, .begin = {0, 0, 3, 2}, .end = {0, 0, 1, 4}), IN(X(2, 17, 9, 8))}},
    {CVK_OP_PAD,
     {"edge", ONE(cvk_pad_params, .mode = CVK_PAD_EDGE, .begin = {0, 0, 3, 2}, .end = {0, 0, 1, 4}), IN(X(2, 16, 9, 8))}},
    {CVK_OP_GEMM, {"plain", P(cvk_gemm_params, 0), .input_count = 2, IN(X(33, 70), X(70, 50))}},
    {CVK_OP_GEMM, {"trans_a", P(cvk_gemm_params, .trans_a = 1), .input_count = 2, IN(X(70, 33), X(70, 50))}},
    {CVK_OP_GEMM, {"trans_b", P(cvk_gemm_params, .trans_b = 1), .input_count = 2, IN(X(64, 256), X(100, 256))}},
    {CVK_OP_GEMM,
     {"trans_both_alpha", P(cvk_gemm_params, .trans_a = 1, .trans_b = 1, .scaled = 1, .alpha = 0.5f, .beta = 1), .input_count = 2,
      IN(X(70, 33), X(50, 70))}},
    {CVK_OP_GEMM, {"large", LARGE, P(cvk_gemm_params, .trans_b = 1), .input_count = 2, IN(X(128, 784), X(512, 784))}},
    {CVK_OP_MATMUL, {"stacks", .input_count = 2, IN(X(3, 2, 17, 30), X(3, 2, 30, 19))}},
    {CVK_OP_MATMUL, {"broadcast", .input_count = 2, IN(X(4, 17, 30), X(30, 19))}},
    {CVK_OP_MATMUL, {"vector", .input_count = 2, IN(X(4, 17, 30), X(30))}},
    {CVK_OP_REDUCE,
     {"sum", ONE(cvk_reduce_params, .kind = CVK_REDUCE_SUM, .axis_count = 3, .axes = {0, 2, 3}), IN(X(4, 33, 14, 15))}},
    {CVK_OP_REDUCE,
     {"mean", ONE(cvk_reduce_params, .kind = CVK_REDUCE_MEAN, .axis_count = 2, .axes = {2, 3}, .keep_dims = 1),
      IN(X(4, 33, 14, 15))}},
    {CVK_OP_SLICE,
     {"step_1", ONE(cvk_slice_params, .count = 2, .axes_given = 1, .axes = {1, 3}, .start = {3, 1}, .end = {20, 9}),
      IN(X(2, 32, 9, 10))}},
    {CVK_OP_SLICE,
     {"step_3",
      ONE(cvk_slice_params, .count = 2, .axes_given = 1, .axes = {1, 3}, .start = {1, 0}, .end = {30, 10}, .step = {2, 3}),
      IN(X(2, 32, 9, 10))}},
    {CVK_OP_TRANSPOSE, {"channels_last", ONE(cvk_transpose_params, .count = 4, .perm = {0, 2, 3, 1}), IN(X(2, 19, 9, 10))}},
    {CVK_OP_TILE, {"maps", ONE(cvk_tile_params, .count = 4, .repeats = {1, 2, 1, 3}), IN(X(2, 9, 5, 6))}},
    {CVK_OP_EXPAND, {"rows", ONE(cvk_expand_params, .count = 4, .dims = {4, 9, 7, 6}), IN(X(9, 1, 6))}},
    {CVK_OP_DEPTH_SPACE, {"to_space", ONE(cvk_depth_space_params, .kind = CVK_DEPTH_TO_SPACE, .block = 2), IN(X(2, 36, 5, 6))}},
    {CVK_OP_GATHER,
     {"rows", P(cvk_gather_params, .axis = 0), .input_count = 2, IN(X(6, 40), {.dtype = CVK_I64, DIMS(7), VALUES(indices)})}},
    {CVK_OP_DROPOUT, {"half", ONE(cvk_dropout_params, .training = 1, .seed = 3, .drop = 0.5f), IN(X(5, 17, 9, 10))}},
};

static struct cvk_context *ctx;
static const char *device;

static double inner(const struct cvk_tensor *a, const struct cvk_tensor *b)
{
    const float *x = cvk_tensor_data(a), *y = cvk_tensor_data(b);
    double sum = 0;
    for (uint64_t i = 0; i < cvk_tensor_count(a); i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* The op and its gradients as one net: outputs 0 y, then the gradient of each real input. */
static struct cvk_graph *build(uint32_t op, const struct cvk_case *c, struct cvk_tensor **x, struct cvk_tensor **dy)
{
    struct cvk_graph *g = NULL;
    cvk_value in[CVK_CASE_INPUTS] = {0}, grads[CVK_CASE_INPUTS], y;
    uint32_t real = 0;
    char name[16];
    ok(op, c, cvk_graph_create("adjoint", &g), "graph");
    for (uint32_t i = 0; i < c->input_count; i++) {
        const struct cvk_case_tensor *t = &c->inputs[i];
        void *data = NULL;
        ok(op, c, cvk__draw(t, op, i, &data), "data");
        snprintf(name, sizeof name, "x%u", i);
        in[i] = cvk_input(g, name, t->dtype ? t->dtype : CVK_F32, t->rank, t->dims);
        x[i] = tensor_of(g, in[i], data);
        cvk__free(data);
        real += !t->dtype;
    }
    ok(op, c, cvk_graph_add(g, op, c->params, in, c->input_count, &y, 1), "op");
    ok(op, c, cvk__graph_infer(g, NULL), "sizes");
    const struct cvk_tensor_desc *d = &cvk__value_at(g, y)->desc;
    struct cvk_case_tensor like = {.rank = d->rank};
    memcpy(like.dims, d->dims, sizeof like.dims);
    void *data = NULL;
    ok(op, c, cvk__draw(&like, op, DY_STREAM, &data), "data");
    *dy = tensor_of(g, y, data);
    cvk__free(data);
    cvk_value seed = cvk_input(g, "d0", CVK_F32, like.rank, like.dims);
    ok(op, c, cvk__autodiff(g, y, seed, in, real, NULL, grads), "gradients");
    cvk_output(g, y, "y");
    for (uint32_t i = 0; i < real; i++) {
        snprintf(name, sizeof name, "g%u", i);
        cvk_output(g, grads[i], name);
    }
    return g;
}

/* Which kernels were there, for whoever reads the log. */
static void tell_kernels(uint32_t op, const struct cvk_case *c, const struct cvk_session *s)
{
    print_message("%s/%s:", cvk__op_name(op), c->name);
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        struct cvk_node_report r;
        if (cvk_session_node(s, i, &r) == CVK_OK)
            print_message(" %s %s:%s", r.op, r.device, r.kernel);
    }
    print_message("\n");
}

static void check_case(uint32_t op, const struct cvk_case *c)
{
    struct cvk_tensor *x[CVK_CASE_INPUTS] = {0}, *dy = NULL, *y = NULL, *dx = NULL;
    struct cvk_session *s = NULL;
    struct cvk_graph *g = build(op, c, x, &dy);
    ok(op, c, cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device}, &s), "session");
    tell_kernels(op, c, s);
    for (uint32_t i = 0; i < c->input_count; i++)
        write_input(s, 'x', i, x[i]);
    write_input(s, 'd', 0, dy);
    ok(op, c, cvk_session_run(s), "run");
    y = tensor_of(g, g->outputs[0], NULL);
    ok(op, c, cvk_session_read(s, 0, y), "y");
    double wanted = inner(y, dy), allowed = TOLERANCE * sqrt(inner(y, y) * inner(dy, dy));
    assert_true(allowed > 0);
    for (uint32_t i = 0; i + 1 < g->output_count; i++) {
        dx = tensor_of(g, g->outputs[i + 1], NULL);
        ok(op, c, cvk_session_read(s, i + 1, dx), "gradient");
        double got = inner(x[i], dx);
        if (!(fabs(got - wanted) <= allowed))
            fail_msg("%s/%s: input %u: <x, A'(y)> = %.9g, but <A(x), y> = %.9g; they may differ by %.3g", cvk__op_name(op),
                     c->name, i, got, wanted, allowed);
        cvk_tensor_destroy(dx);
    }
    for (uint32_t i = 0; i < c->input_count; i++)
        cvk_tensor_destroy(x[i]);
    cvk_tensor_destroy(y);
    cvk_tensor_destroy(dy);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

static void gradients_of_linear_ops_are_their_adjoints(void **state)
{
    uint32_t count = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].c.bench && strcmp(device, "ref") == 0)
            continue;
        check_case(cases[i].op, &cases[i].c);
        count++;
    }
    assert_true(count > 40);
    cvk__draw_trim();
}

/* That ref does what the device does not is said by the kernels' names. */
static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static int make_context(void **state)
{
    (void)state;
    return cvk_context_create(&(struct cvk_context_params){.log = drop_log}, &ctx) == CVK_OK ? 0 : -1;
}

static int destroy_context(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_of_linear_ops_are_their_adjoints)};
    device = argc > 1 ? argv[1] : "ref";
    return cmocka_run_group_tests(tests, make_context, destroy_context);
}

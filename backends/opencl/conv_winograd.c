/* SPDX-License-Identifier: MIT
 * conv of windows of 3 x 3 at stride 1 by Winograd's F(2 x 2) and F(4 x 4): x is transformed, the transformed numbers are
 * multiplied as 16 or 36 products in tiles, the sums are transformed back. Weights that are known are transformed once, in
 * double, others by the device at each run. dx is the convolution of dy with the windows turned around. A batch that would take
 * too much workspace is done in several chunks. */
#include <math.h>

#include "conv.h"
#include "kernel_sources.h"
#include "product_tiles.h"

#define MOST_WORKSPACE (256ull << 20)
#define MOST_SIDE 6

/* The struct of kernels/conv_winograd.cl. */
struct winograd_sizes {
    int32_t ic, oc, h, w, h_out, w_out, across, down, images, tiles, chunk, pad_h, pad_w;
};

/* The struct of kernels/conv_winograd_weights.cl: steps in the weights as they are. */
struct weights_sizes {
    int32_t pairs, oc, ic; /* channels of a group */
    int32_t oc_step, ic_step, first, step;
};

struct state {
    struct winograd_sizes s;
    struct ocl_call w, x, y; /* w is empty where the weights are known */
    struct ocl_tiles_calls products;
    cl_mem weights, bias;
};

/* What plan finds, in plan->user: the shape of tiles, images of a chunk, the parts of workspace. */
enum { NOTE_SHAPE, NOTE_CHUNK, NOTE_V, NOTE_SUMS, NOTE_WEIGHTS };

static uint64_t lines_of(const struct winograd_sizes *s, uint64_t chunk)
{
    return ocl_round_up((uint64_t)s->across * (uint64_t)s->down * chunk, 4);
}

static struct winograd_sizes sizes_of(const struct cvk_node *node, uint32_t tile, uint64_t chunk)
{
    const struct cvk_tensor_desc *x = node->inputs[0], *y = node->outputs[0];
    struct ocl_conv c = ocl_conv_of(node);
    struct winograd_sizes s = {.ic = (int32_t)x->dims[1],
                               .oc = (int32_t)y->dims[1],
                               .h = (int32_t)x->dims[2],
                               .w = (int32_t)x->dims[3],
                               .h_out = (int32_t)y->dims[2],
                               .w_out = (int32_t)y->dims[3],
                               .across = (int32_t)ocl_ceil_div((uint64_t)y->dims[3], tile),
                               .down = (int32_t)ocl_ceil_div((uint64_t)y->dims[2], tile),
                               .images = (int32_t)x->dims[0],
                               .chunk = (int32_t)chunk,
                               .pad_h = (int32_t)c.pad_top,
                               .pad_w = (int32_t)c.pad_left};
    s.tiles = (int32_t)lines_of(&s, chunk);
    return s;
}

/* The products of one chunk: u [xi][oc][ic of a group] times v [xi][ic][tiles]; groups are a part of the batch. */
static struct ocl_tiles products_of(const struct cvk_node *node, const struct winograd_sizes *s, uint32_t xis)
{
    int32_t group = (int32_t)ocl_window_of(node).group, oc = s->oc / group, ic = s->ic / group;
    struct ocl_tiles t = {
        .batch = (int64_t)xis * group, .a_steps = true, .b = OCL_B_LINES, .dtype = CVK_F32, .raw = true, .alpha = 1};
    t.s = (struct ocl_tiles_sizes){.m = oc,
                                   .n = s->tiles,
                                   .k = ic,
                                   .y_count = s->oc * s->tiles,
                                   .a_step = ic,
                                   .b_step = s->tiles,
                                   .a_batch = oc * ic,
                                   .b_batch = ic * s->tiles,
                                   .y_batch = oc * s->tiles,
                                   .pixels = s->tiles,
                                   .y_row = s->tiles};
    return t;
}

/* Images of a chunk: as many as fit in the workspace, shared out evenly; 0 where one does not fit. */
static uint64_t chunk_of(const struct ocl_device *d, const struct winograd_sizes *s, uint32_t xis)
{
    uint64_t limit = d->max_alloc_bytes && d->max_alloc_bytes / 2 < MOST_WORKSPACE ? d->max_alloc_bytes / 2 : MOST_WORKSPACE;
    uint64_t numbers = limit / sizeof(float) / xis / (uint64_t)(s->ic + s->oc);
    uint64_t each = (uint64_t)s->across * (uint64_t)s->down, images = (uint64_t)s->images,
             most = numbers < 4 ? 0 : (numbers - 3) / each;
    if (most == 0)
        return 0;
    return ocl_ceil_div(images, ocl_ceil_div(images, most));
}

static int32_t refuse(const struct cvk_query *q)
{
    const struct ocl_window p = ocl_window_of(q->node);
    OCL_TRY(ocl_fits(q));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    if (q->node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only two dimensions");
    for (uint32_t i = 0; i < 2; i++)
        if (p.kernel[i] != 3 || p.stride[i] != 1 || p.dilation[i] != 1)
            return cvk_refuse(q, "only windows of 3 x 3 at stride 1");
    if (ocl_flat_count(q->node->outputs[0]) == 0 || ocl_flat_count(q->node->inputs[1]) == 0)
        return cvk_refuse(q, "an empty sum or result");
    return ocl_conv_tiles_fit(q);
}

static int32_t plan_tile(const struct cvk_query *q, struct cvk_plan *plan, uint32_t tile)
{
    const struct ocl_device *d = ocl_asked(q);
    uint32_t xis = (tile + 2) * (tile + 2);
    OCL_TRY(refuse(q));
    struct winograd_sizes s = sizes_of(q->node, tile, 0);
    uint64_t chunk = chunk_of(d, &s, xis);
    if (chunk == 0)
        return cvk_refuse(q, "its transformed numbers take more than %llu MB for one image", MOST_WORKSPACE >> 20);
    s.chunk = (int32_t)chunk;
    s.tiles = (int32_t)lines_of(&s, chunk);
    struct ocl_tiles t = products_of(q->node, &s, xis);
    struct ocl_tiles_choice choice = {0};
    if (t.batch > UINT16_MAX)
        return cvk_refuse(q, "%lld products; 65535 go into one call", (long long)t.batch);
    if (!ocl_tiles_choose(d, &t, cvk_choose(q, plan, 1 + ocl_tiles_shapes), &choice))
        return cvk_refuse(q, "its tiles take more local memory or items than the device has");
    double v = 4.0 * xis * s.ic * s.tiles, sums = 4.0 * xis * s.oc * s.tiles, weights = 4.0 * xis * s.oc * t.s.k;
    double parts = (double)ocl_ceil_div((uint64_t)s.images, chunk), bytes = (v + sums + weights) / ocl_model_bytes(d);
    double products = choice.cost_ns > bytes ? choice.cost_ns : bytes;
    plan->cost_ns = parts * (products + (v + sums) / ocl_model_bytes(d) + 2 * OCL_MODEL_LAUNCH_NS) +
                    ocl_model_operands(q->node) / ocl_model_bytes(d);
    plan->user[NOTE_SHAPE] = choice.shape;
    plan->user[NOTE_CHUNK] = chunk;
    plan->user[NOTE_V] = cvk_book(plan, (uint64_t)v);
    plan->user[NOTE_SUMS] = cvk_book(plan, (uint64_t)sums);
    if (ocl_conv_packs_at_run(q->node)) {
        plan->cost_ns += weights / ocl_model_bytes(d) + OCL_MODEL_LAUNCH_NS;
        plan->user[NOTE_WEIGHTS] = cvk_book(plan, (uint64_t)weights);
    }
    return CVK_OK;
}

/* ---- weights
 * ------------------------------------------------------------------------------------------------------------------
 */

/* Lines of G: a kernel's values at the points 0, 1, -1 or 0, +-sqrt(1/2), +-sqrt(2), each divided by the product of its
 * distances from the others, and at infinity. */
static void make_lines(uint32_t tile, double (*g)[3])
{
    const double small[] = {0, 1, -1}, large[] = {0, M_SQRT1_2, -M_SQRT1_2, M_SQRT2, -M_SQRT2};
    const double *points = tile == 2 ? small : large;
    uint32_t finite = tile + 1;
    for (uint32_t i = 0; i < finite; i++) {
        double distances = 1;
        for (uint32_t j = 0; j < finite; j++)
            distances *= j == i ? 1 : points[i] - points[j];
        g[i][0] = 1 / distances;
        g[i][1] = points[i] / distances;
        g[i][2] = points[i] * points[i] / distances;
    }
    g[finite][0] = g[finite][1] = 0;
    g[finite][2] = 1;
}

static struct weights_sizes weights_of(const struct cvk_node *node)
{
    struct ocl_conv c = ocl_conv_of(node);
    int32_t oc = (int32_t)(c.oc / c.group), ic = (int32_t)(c.ic / c.group);
    return (struct weights_sizes){.pairs = (int32_t)(c.oc * (uint64_t)ic),
                                  .oc = oc,
                                  .ic = ic,
                                  .oc_step = c.flipped ? 9 : 9 * ic,
                                  .ic_step = c.flipped ? 9 * oc : 9,
                                  .first = c.flipped ? 8 : 0,
                                  .step = c.flipped ? -1 : 1};
}

struct transform {
    const float *w;
    float *u;
    struct weights_sizes s; /* a pair is a window of 3 x 3 */
    uint32_t side;
    double g[MOST_SIDE][3];
};

static void transform_weights(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct transform *t = arg;
    (void)worker;
    for (uint64_t pair = begin; pair < end; pair++) {
        int64_t ic = (int64_t)pair % t->s.ic, oc = (int64_t)pair / t->s.ic, group = oc / t->s.oc, step = t->s.step;
        const float *w = t->w + group * t->s.oc * t->s.ic * 9 + oc % t->s.oc * t->s.oc_step + ic * t->s.ic_step + t->s.first;
        double rows[MOST_SIDE][3];
        for (uint32_t i = 0; i < t->side; i++)
            for (int64_t j = 0; j < 3; j++)
                rows[i][j] = t->g[i][0] * (double)w[j * step] + t->g[i][1] * (double)w[(3 + j) * step] +
                             t->g[i][2] * (double)w[(6 + j) * step];
        for (uint32_t i = 0; i < t->side; i++)
            for (uint32_t j = 0; j < t->side; j++)
                t->u[(i * t->side + j) * (uint64_t)t->s.pairs + pair] =
                    (float)(rows[i][0] * t->g[j][0] + rows[i][1] * t->g[j][1] + rows[i][2] * t->g[j][2]);
    }
}

static int32_t make_weights(struct cvk_exec *e, uint32_t tile, cl_mem *weights)
{
    struct transform t = {.w = e->node->constants[1], .s = weights_of(e->node), .side = tile + 2};
    uint64_t pairs = (uint64_t)t.s.pairs, bytes = sizeof(float) * pairs * t.side * t.side;
    make_lines(tile, t.g);
    t.u = e->host->alloc(e->host, bytes, 0);
    if (!t.u)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for transformed weights (%llu bytes)", (unsigned long long)bytes);
    e->host->parallel(e->host, 0, pairs, transform_weights, &t);
    int32_t status = ocl_memory(ocl_device_of(e), bytes, t.u, weights);
    e->host->free(e->host, t.u);
    return status;
}

/* The same on the device. */
static int32_t init_weights(struct cvk_exec *e, uint32_t tile, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    struct weights_sizes s = weights_of(e->node);
    char options[OCL_OPTION_BYTES] = "";
    ocl_option(options, sizeof options, "-DTILE=%u%s", tile, d->fp64 ? " -DWITH_F64" : "");
    OCL_TRY(ocl_call_init(d, call, &ocl_source_conv_winograd_weights, "winograd_w", options));
    ocl_call_items(call, (uint64_t)s.pairs, 64);
    return ocl_arg(d, call, 4, &s, sizeof s);
}

/* ---- build, run
 * ----------------------------------------------------------------------------------------------------------------- */

static bool has_bias(const struct cvk_node *node)
{
    return node->input_count > 2 && node->inputs[2];
}

/* Where the arguments by value begin. */
#define X_SIZES 4
#define Y_SIZES (6 + OCL_EPILOGUE_ARGS)

static int32_t build_transforms(struct cvk_exec *e, struct state *s, uint32_t tile)
{
    struct ocl_device *d = ocl_device_of(e);
    char options[OCL_OPTION_BYTES] = "-cl-mad-enable";
    ocl_option_type(options, sizeof options, "DY", CVK_F32);
    ocl_option(options, sizeof options, "-DTILE=%u", tile);
    OCL_TRY(ocl_call_init(d, &s->x, &ocl_source_conv_winograd, "winograd_x", options));
    ocl_call_items(&s->x, (uint64_t)s->s.ic * (uint64_t)s->s.tiles, 64);
    OCL_TRY(ocl_arg(d, &s->x, X_SIZES, &s->s, sizeof s->s));
    if (has_bias(e->node))
        ocl_option(options, sizeof options, "-DWITH_BIAS");
    ocl_epilogue_options(e->node, options, sizeof options);
    OCL_TRY(ocl_call_init(d, &s->y, &ocl_source_conv_winograd, "winograd_y", options));
    ocl_call_items(&s->y, (uint64_t)s->s.oc * (uint64_t)s->s.tiles, 64);
    OCL_TRY(ocl_epilogue_args(d, &s->y, 6, e->node));
    return ocl_arg(d, &s->y, Y_SIZES, &s->s, sizeof s->s);
}

static void finish(struct cvk_exec *e)
{
    struct state *s = e->state;
    ocl_call_finish(&s->w);
    ocl_call_finish(&s->x);
    ocl_call_finish(&s->y);
    ocl_tiles_finish(&s->products);
    ocl_memory_free(s->weights);
    ocl_memory_free(s->bias);
    ocl_state_free(e);
}

static int32_t build_parts(struct cvk_exec *e, struct state *s, uint32_t tile)
{
    struct ocl_tiles_choice choice = {.shape = (uint32_t)e->plan->user[NOTE_SHAPE], .splits = 1};
    s->s = sizes_of(e->node, tile, e->plan->user[NOTE_CHUNK]);
    struct ocl_tiles t = products_of(e->node, &s->s, (tile + 2) * (tile + 2));
    OCL_TRY(ocl_tiles_build(e, &t, &choice, &s->products));
    OCL_TRY(build_transforms(e, s, tile));
    if (has_bias(e->node) && e->node->constants[2]) /* the host may drop it */
        OCL_TRY(ocl_memory(ocl_device_of(e), e->node->inputs[2]->bytes, e->node->constants[2], &s->bias));
    return ocl_conv_packs_at_run(e->node) ? init_weights(e, tile, &s->w) : make_weights(e, tile, &s->weights);
}

static int32_t build_tile(struct cvk_exec *e, uint32_t tile)
{
    struct state *s = ocl_state(e, sizeof *s);
    if (!s)
        return CVK_E_MEMORY;
    int32_t status = build_parts(e, s, tile);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t bind(struct cvk_exec *e, struct state *s)
{
    struct ocl_device *d = ocl_device_of(e);
    const uint64_t v = e->plan->user[NOTE_V], sums = e->plan->user[NOTE_SUMS];
    struct ocl_call *p = &s->products.product;
    OCL_TRY(ocl_bind(d, &s->x, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind_at(d, &s->x, 2, e->workspace, v));
    if (s->w.kernel) {
        OCL_TRY(ocl_bind(d, &s->w, 0, &e->inputs[1]));
        OCL_TRY(ocl_bind_at(d, &s->w, 2, e->workspace, e->plan->user[NOTE_WEIGHTS]));
        OCL_TRY(ocl_bind_at(d, p, 0, e->workspace, e->plan->user[NOTE_WEIGHTS]));
    } else {
        OCL_TRY(ocl_bind_memory(d, p, 0, s->weights));
    }
    OCL_TRY(ocl_bind_at(d, p, 2, e->workspace, v));
    OCL_TRY(ocl_bind(d, p, 4, NULL));
    OCL_TRY(ocl_bind_at(d, p, 6, e->workspace, sums));
    for (uint32_t i = 0; i < 8; i += 2) /* its epilogue is none */
        OCL_TRY(ocl_bind(d, p, 8 + i, NULL));
    OCL_TRY(ocl_bind_at(d, &s->y, 0, e->workspace, sums));
    if (s->bias)
        OCL_TRY(ocl_bind_memory(d, &s->y, 2, s->bias));
    else
        OCL_TRY(ocl_bind(d, &s->y, 2, has_bias(e->node) ? &e->inputs[2] : NULL));
    OCL_TRY(ocl_bind(d, &s->y, 4, &e->outputs[0]));
    return ocl_epilogue_bind(d, &s->y, 6, e);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *s = e->state;
    OCL_TRY(bind(e, s));
    if (s->w.kernel)
        OCL_TRY(ocl_enqueue(d, &s->w));
    for (int32_t image = 0; image < s->s.images; image += s->s.chunk) {
        OCL_TRY(ocl_arg_int(d, &s->x, X_SIZES + 1, image));
        OCL_TRY(ocl_arg_int(d, &s->y, Y_SIZES + 1, image));
        OCL_TRY(ocl_enqueue(d, &s->x));
        OCL_TRY(ocl_enqueue(d, &s->products.product));
        OCL_TRY(ocl_enqueue(d, &s->y));
    }
    return CVK_OK;
}

static int32_t plan_f2(const struct cvk_query *q, struct cvk_plan *plan)
{
    return plan_tile(q, plan, 2);
}

static int32_t plan_f4(const struct cvk_query *q, struct cvk_plan *plan)
{
    return plan_tile(q, plan, 4);
}

static int32_t build_f2(struct cvk_exec *e)
{
    return build_tile(e, 2);
}

static int32_t build_f4(struct cvk_exec *e)
{
    return build_tile(e, 4);
}

#define ROW(OP, PASS, tile, row_flags)                                                                                         \
    {                                                                                                                          \
        OCL_ROW(OP, "winograd_f" #tile "_plain"), .pass = CVK_PASS_##PASS, .flags = row_flags, .dtypes = OCL_F32,              \
                                                  .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS,               \
                                                  .plan = plan_f##tile, .build = build_f##tile, .run = run, .finish = finish   \
    }
#define ROWS(OP, PASS, row_flags) ROW(OP, PASS, 4, row_flags), ROW(OP, PASS, 2, row_flags)

const struct cvk_kernel ocl_conv_winograd_rows[] = {ROWS(CONV, FORWARD, OCL_PACKS), ROWS(CONV, BACKWARD_DATA, 0),
                                                    ROWS(CONV_TRANSPOSE, FORWARD, OCL_PACKS),
                                                    ROWS(CONV_TRANSPOSE, BACKWARD_DATA, 0)};
const uint32_t ocl_conv_winograd_row_count = OCL_COUNT(ocl_conv_winograd_rows);

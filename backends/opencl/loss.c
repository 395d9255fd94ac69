/* SPDX-License-Identifier: MIT
 * loss and its gradient: an item does a span of positions (softmax cross-entropy) or elements (the others), and what spans add
 * up to is added in their order. */
#include "arith.h"
#include "fault.h"

#define SPANS 1024       /* at most: one item adds them up */
#define ITEM_FLOATS 4096 /* of x, on CPU devices */
#define WEIGHT_SPANS 256 /* every item of a gradient adds them up */

/* As in kernels/loss.cl. */
struct sizes {
    cl_int items, classes, pixels, span, parts, mean, each, ignores, id;
};

/* Forward: spans, then their sum. Backward: weights of the classes, then the gradient. A call may be empty. */
struct state {
    struct ocl_checker checker;
    struct ocl_call first, second;
    const struct cvk_node *node;
};

/* x: the input that it is, behind which target and weights stand. */
static uint32_t x_of(const struct cvk_node *node)
{
    return node->pass == CVK_PASS_FORWARD ? 0 : 1;
}

static bool by_positions(const struct cvk_node *node)
{
    return ((const struct cvk_loss_params *)node->params)->kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY;
}

static bool is_indexed(const struct cvk_node *node)
{
    return !ocl_is_float(node->inputs[x_of(node) + 1]->dtype);
}

static int32_t tell(const struct ocl_device *d, const struct ocl_checker *c, cl_int place, cl_int smallest, cl_int largest)
{
    const struct cvk_node *node = ((const struct state *)c)->node;
    return cvk_fail(d->host, CVK_E_ARG,
                    "loss '%s': the class at position %d of the target is none (wrong ones are from %d to %d); x has %lld",
                    node->name ? node->name : "", place, smallest, largest, (long long)node->inputs[x_of(node)]->dims[1]);
}

static bool has_weights(const struct cvk_node *node)
{
    uint32_t w = x_of(node) + 2;
    return w < node->input_count && node->inputs[w];
}

static uint64_t lanes_of(const struct ocl_device *d, const struct cvk_node *node)
{
    return d->cpu_form && node->inputs[x_of(node)]->dtype == CVK_F32 ? 16 : 1;
}

static void set_spans(struct sizes *s, uint64_t span, uint64_t lanes)
{
    s->span = (cl_int)ocl_round_up(span ? span : 1, lanes);
    s->parts = (cl_int)ocl_ceil_div((uint64_t)s->items, (uint64_t)s->span);
}

static struct sizes sizes_of(const struct ocl_device *d, const struct cvk_node *node)
{
    const struct cvk_loss_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[x_of(node)];
    uint64_t count = ocl_flat_count(x), classes = (uint64_t)x->dims[1];
    struct sizes s = {.items = (cl_int)(by_positions(node) ? count / classes : count),
                      .classes = (cl_int)classes,
                      .pixels = (cl_int)ocl_product(x, 2, x->rank),
                      .mean = p->reduction == CVK_LOSS_MEAN,
                      .each = p->reduction == CVK_LOSS_NONE,
                      .ignores = p->ignores != 0};
    uint64_t fat = d->cpu_form ? ocl_ceil_div(ITEM_FLOATS, by_positions(node) ? classes : 1) : 1,
             least = node->pass == CVK_PASS_FORWARD ? ocl_ceil_div((uint64_t)s.items, SPANS) : 1;
    set_spans(&s, fat > least ? fat : least, lanes_of(d, node));
    return s;
}

/* The weights of a gradient's mean. */
static struct sizes weight_sizes(const struct ocl_device *d, const struct cvk_node *node)
{
    struct sizes s = sizes_of(d, node);
    uint64_t span = ocl_ceil_div((uint64_t)s.items, WEIGHT_SPANS);
    set_spans(&s, span < 64 && d->cpu_form ? 64 : span, lanes_of(d, node));
    return s;
}

static uint64_t real_bytes(const struct cvk_node *node)
{
    return node->inputs[x_of(node)]->dtype == CVK_F64 ? sizeof(cl_double) : sizeof(cl_float);
}

static int32_t real_arg(struct ocl_device *d, struct ocl_call *call, uint32_t *index, const struct cvk_node *node, double v)
{
    cl_double number = v;
    uint32_t i = (*index)++;
    return real_bytes(node) == sizeof number ? ocl_arg(d, call, i, &number, sizeof number)
                                             : ocl_arg_float(d, call, i, (float)v);
}

/* Argument `index` and those behind it: sizes and numbers. */
static int32_t set_args(struct cvk_exec *e, struct ocl_call *call, uint32_t index, const struct sizes *s, bool numbers)
{
    const struct cvk_loss_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    double smoothing = (double)p->smoothing;
    cl_long ignored = p->ignore_index;
    OCL_TRY(ocl_arg(d, call, index++, s, sizeof *s));
    if (by_positions(e->node))
        OCL_TRY(ocl_arg(d, call, index++, &ignored, sizeof ignored));
    if (numbers) {
        OCL_TRY(real_arg(d, call, &index, e->node, 1 - smoothing));
        OCL_TRY(real_arg(d, call, &index, e->node, smoothing / (by_positions(e->node) ? (double)s->classes : 2)));
        if (!by_positions(e->node))
            OCL_TRY(real_arg(d, call, &index, e->node, (double)p->delta));
    }
    ocl_call_items(call, ocl_ceil_div((uint64_t)s->items, (uint64_t)s->span), d->cpu_form ? 1 : 64);
    return CVK_OK;
}

static void type_options(const struct cvk_exec *e, char *options, uint32_t bytes)
{
    const struct cvk_node *node = e->node;
    const struct ocl_device *d = ocl_device_of(e);
    uint32_t x = x_of(node);
    ocl_option_type(options, bytes, "DX", node->inputs[x]->dtype);
    if (is_indexed(node)) {
        ocl_option(options, bytes, "-DINDEXED");
        ocl_option_type(options, bytes, "DT", node->inputs[x + 1]->dtype);
    }
    if (node->inputs[x]->dtype == CVK_F64)
        ocl_option(options, bytes, "-DR=double");
    if (has_weights(node))
        ocl_option(options, bytes, "-DWEIGHTS");
    ocl_option(options, bytes, "-DKIND=%u -DLANES=%u -DGROUP=%u", ((const struct cvk_loss_params *)node->params)->kind,
               (unsigned)lanes_of(d, node), d->cpu_form ? 1 : 64);
}

static void finish(struct cvk_exec *e)
{
    struct state *s = e->state;
    ocl_checker_leave(ocl_device_of(e), &s->checker);
    ocl_call_finish(&s->first);
    ocl_call_finish(&s->second);
    ocl_state_free(e);
}

/* Makes the state; `calls` builds what it holds. */
static int32_t build_state(struct cvk_exec *e, int32_t (*calls)(struct cvk_exec *e, struct state *state))
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    state->node = e->node;
    state->checker.tell = tell;
    int32_t status = ocl_checker_join(ocl_device_of(e), &state->checker);
    if (status == CVK_OK)
        status = calls(e, state);
    if (status != CVK_OK)
        finish(e);
    return status;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static int32_t build_calls(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    struct sizes s = sizes_of(d, e->node);
    bool positions = by_positions(e->node);
    s.id = state->checker.id;
    const char *name = positions ? "loss_positions" : "loss_elements";
    char options[OCL_OPTION_BYTES] = "";
    type_options(e, options, sizeof options);
    ocl_option(options, sizeof options, "-DONLY_%s", name);
    OCL_TRY(ocl_call_init(d, &state->first, &ocl_source_loss, name, options));
    OCL_TRY(set_args(e, &state->first, positions ? 12 : 10, &s, true));
    if (s.each)
        return CVK_OK;
    OCL_TRY(ocl_call_init(d, &state->second, &ocl_source_loss, "loss_sum", options));
    ocl_call_items(&state->second, 1, d->cpu_form ? 1 : 64);
    return ocl_arg(d, &state->second, 4, &s, sizeof s);
}

static int32_t build(struct cvk_exec *e)
{
    return build_state(e, build_calls);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *s = e->state;
    for (uint32_t i = 0; i < 3; i++)
        OCL_TRY(ocl_bind(d, &s->first, 2 * i, i < e->node->input_count ? &e->inputs[i] : NULL));
    OCL_TRY(ocl_bind(d, &s->first, 6, &e->outputs[0]));
    OCL_TRY(ocl_bind(d, &s->first, 8, e->workspace));
    if (by_positions(e->node))
        OCL_TRY(ocl_checker_bind(d, &s->first, 10));
    OCL_TRY(ocl_enqueue(d, &s->first));
    if (!s->second.kernel)
        return CVK_OK;
    OCL_TRY(ocl_bind(d, &s->second, 0, e->workspace));
    OCL_TRY(ocl_bind(d, &s->second, 2, &e->outputs[0]));
    return ocl_enqueue(d, &s->second);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static bool wants_sum(const struct cvk_node *node)
{
    return is_indexed(node) && ((const struct cvk_loss_params *)node->params)->reduction == CVK_LOSS_MEAN;
}

static int32_t build_backward_calls(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    bool positions = by_positions(e->node);
    struct sizes s = sizes_of(d, e->node), weights = weight_sizes(d, e->node);
    const char *name = positions ? "loss_positions_backward" : "loss_elements_backward";
    char options[OCL_OPTION_BYTES] = "";
    type_options(e, options, sizeof options);
    ocl_option(options, sizeof options,
               wants_sum(e->node) ? "-DBACKWARD -DONLY_%s -DONLY_loss_weights" : "-DBACKWARD -DONLY_%s", name);
    OCL_TRY(ocl_call_init(d, &state->second, &ocl_source_loss, name, options));
    s.parts = weights.parts;
    s.id = weights.id = state->checker.id;
    OCL_TRY(set_args(e, &state->second, positions ? 14 : 10, &s, true));
    if (!wants_sum(e->node))
        return CVK_OK;
    OCL_TRY(ocl_call_init(d, &state->first, &ocl_source_loss, "loss_weights", options));
    return set_args(e, &state->first, 8, &weights, false);
}

static int32_t build_backward(struct cvk_exec *e)
{
    return build_state(e, build_backward_calls);
}

static int32_t run_backward(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *s = e->state;
    const struct cvk_binding *w = has_weights(e->node) ? &e->inputs[3] : NULL;
    if (s->first.kernel) {
        OCL_TRY(ocl_bind(d, &s->first, 0, &e->inputs[2]));
        OCL_TRY(ocl_bind(d, &s->first, 2, w));
        OCL_TRY(ocl_bind(d, &s->first, 4, e->workspace));
        OCL_TRY(ocl_checker_bind(d, &s->first, 6));
        OCL_TRY(ocl_enqueue(d, &s->first));
    }
    for (uint32_t i = 0; i < 3; i++)
        OCL_TRY(ocl_bind(d, &s->second, 2 * i, &e->inputs[i]));
    OCL_TRY(ocl_bind(d, &s->second, 6, w));
    OCL_TRY(ocl_bind(d, &s->second, 8, &e->outputs[0]));
    if (by_positions(e->node)) {
        OCL_TRY(ocl_bind(d, &s->second, 10, e->workspace));
        OCL_TRY(ocl_checker_bind(d, &s->second, 12));
    }
    return ocl_enqueue(d, &s->second);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_loss_params *p = q->node->params;
    const struct ocl_device *d = ocl_asked(q);
    OCL_TRY(ocl_fits(q));
    if (p->kind >= CVK_LOSS_KINDS)
        return cvk_refuse(q, "loss %u is newer than this backend", p->kind);
    if (q->node->inputs[x_of(q->node)]->dims[1] == 0)
        return cvk_refuse(q, "no classes");
    if (q->node->pass != CVK_PASS_FORWARD)
        cvk_book(plan, wants_sum(q->node) ? (uint64_t)weight_sizes(d, q->node).parts * real_bytes(q->node) : 0);
    else if (p->reduction != CVK_LOSS_NONE)
        cvk_book(plan, 2 * (uint64_t)sizes_of(d, q->node).parts * real_bytes(q->node));
    return CVK_OK;
}

const struct cvk_kernel ocl_loss_rows[] = {
    {OCL_ROW(LOSS, "spans"), .dtypes = OCL_FLOATS, .plan = plan, .build = build, .run = run, .finish = finish},
    {OCL_ROW(LOSS, "spans"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .plan = plan, .build = build_backward,
     .run = run_backward, .finish = finish},
};
const uint32_t ocl_loss_row_count = OCL_COUNT(ocl_loss_rows);

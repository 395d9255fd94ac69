/* SPDX-License-Identifier: MIT
 * The gradients of gather and topk: dx is cut into lines that share no element, and these into buckets of places; each item reads
 * all indices of its line and adds up what falls into its bucket, so that the order of a sum is that of the indices. */
#include "arith.h"
#include "gather.h"

#define GPU_ITEMS 16384 /* that keep a GPU busy */
#define GPU_BUCKETS 64  /* of a line at most: every one reads all the indices */
#define CPU_BUCKETS 8
#define CPU_LANES 256

/* As in kernels/gather_backward.cl. */
struct scatter {
    cl_int id, wide, elements, lines, places, count, dx_step, dy_step, buckets, bucket;
    cl_int slice, lanes, groups, outer_indices, tuple, rank;
    cl_int dim[8], stride[8], line[8], line_dx[8], line_dy[8], limit[8];
};

struct state {
    struct ocl_checker checker;
    struct ocl_call call;
    const struct cvk_node *node;
};

static int32_t tell(const struct ocl_device *d, const struct ocl_checker *c, cl_int place, cl_int smallest, cl_int largest)
{
    const struct cvk_node *node = ((const struct state *)c)->node;
    if (node->op == CVK_OP_TOPK)
        return cvk_fail(d->host, CVK_E_ARG, "topk '%s': place %d of the indices names no element", node->name, place);
    return ocl_gather_tell(d, node, node->outputs[0], place, smallest, largest);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static void set_slices(const struct ocl_device *d, struct scatter *s, const struct cvk_node *node)
{
    const struct cvk_gather_params *p = node->params;
    const struct cvk_tensor_desc *dx = node->outputs[0], *indices = node->inputs[1];
    bool nd = p->kind == CVK_GATHER_ND;
    uint32_t tuple, first = ocl_gather_addressed(node, &tuple);
    uint64_t slice = ocl_product(dx, first + tuple, dx->rank), outer = ocl_product(dx, 0, first), lanes = slice;
    lanes = !d->cpu_form ? 1 : lanes > CPU_LANES ? CPU_LANES : lanes ? lanes : 1;
    s->tuple = (cl_int)tuple;
    s->places = 1;
    for (uint32_t i = 0; i < tuple; i++) { /* from the last axis on */
        s->dim[i] = (cl_int)dx->dims[first + tuple - 1 - i];
        s->stride[i] = s->places;
        s->places *= s->dim[i];
    }
    s->count = (cl_int)(nd ? ocl_product(indices, p->batch_dims, indices->rank - 1) : ocl_product(indices, 0, indices->rank));
    s->outer_indices = nd ? s->count * s->tuple : 0;
    s->slice = s->dx_step = s->dy_step = (cl_int)slice;
    s->lanes = (cl_int)lanes;
    s->groups = (cl_int)ocl_ceil_div(slice, lanes);
    s->lines = (cl_int)outer * s->groups;
}

static void set_elements(struct scatter *s, const struct cvk_node *node, uint32_t axis)
{
    const struct cvk_tensor_desc *dx = node->outputs[0], *indices = node->inputs[1];
    s->elements = s->tuple = s->lines = s->stride[0] = 1;
    s->places = s->dim[0] = (cl_int)dx->dims[axis];
    s->count = (cl_int)indices->dims[axis];
    s->dx_step = (cl_int)ocl_product(dx, axis + 1, dx->rank);
    s->dy_step = (cl_int)ocl_product(indices, axis + 1, dx->rank);
    for (uint32_t i = 0; i < dx->rank; i++) {
        if (i == axis)
            continue;
        s->line[s->rank] = (cl_int)dx->dims[i];
        s->line_dx[s->rank] = (cl_int)ocl_product(dx, i + 1, dx->rank);
        s->line_dy[s->rank] = (cl_int)ocl_product(indices, i + 1, dx->rank);
        s->limit[s->rank++] = (cl_int)indices->dims[i];
        s->lines *= (cl_int)dx->dims[i];
    }
}

static struct scatter scatter_of(const struct ocl_device *d, const struct cvk_node *node)
{
    const struct cvk_gather_params *p = node->op == CVK_OP_GATHER ? node->params : NULL;
    struct scatter s = {.wide = node->inputs[1]->dtype == CVK_I64};
    if (!p)
        set_elements(&s, node, (uint32_t)((const struct cvk_topk_params *)node->params)->axis);
    else if (p->kind == CVK_GATHER_ELEMENTS)
        set_elements(&s, node, (uint32_t)p->axis);
    else
        set_slices(d, &s, node);
    uint64_t wanted = ocl_ceil_div(d->cpu_form ? 4 * d->compute_units : GPU_ITEMS, s.lines > 0 ? (uint64_t)s.lines : 1),
             most = d->cpu_form ? CPU_BUCKETS : GPU_BUCKETS;
    wanted = wanted < most ? wanted : most;
    s.bucket = s.places > 0 ? (cl_int)ocl_ceil_div((uint64_t)s.places, wanted) : 1;
    s.buckets = s.places > 0 ? (cl_int)ocl_ceil_div((uint64_t)s.places, (uint64_t)s.bucket) : 1;
    return s;
}

/* ---- the row ----------------------------------------------------------------------------------------------------- */

static bool rounds(const struct cvk_node *node)
{
    return node->outputs[0]->dtype == CVK_F16 || node->outputs[0]->dtype == CVK_BF16;
}

static int32_t build_scatter(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    struct scatter s = scatter_of(d, e->node);
    uint32_t dtype = e->node->outputs[0]->dtype;
    char options[OCL_OPTION_BYTES] = "";
    s.id = state->checker.id;
    ocl_option_type(options, sizeof options, "DX", dtype);
    if (rounds(e->node))
        ocl_option(options, sizeof options, "-DROUNDS");
    else if (dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    OCL_TRY(ocl_call_init(d, &state->call, &ocl_source_gather_backward, "gather_backward", options));
    ocl_call_items(&state->call, s.places > 0 ? (uint64_t)s.lines * (uint64_t)s.buckets : 0, 64);
    return ocl_arg(d, &state->call, 10, &s, sizeof s);
}

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_checker_leave(ocl_device_of(e), &state->checker);
    ocl_call_finish(&state->call);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    state->node = e->node;
    state->checker.tell = tell;
    int32_t status = ocl_checker_join(ocl_device_of(e), &state->checker);
    if (status != CVK_OK) {
        ocl_state_free(e);
        return status;
    }
    status = build_scatter(e, state);
    if (status != CVK_OK)
        finish(e);
    return status;
}

/* Inputs dy, indices (topk: where the elements were). */
static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call = &((struct state *)e->state)->call;
    OCL_TRY(ocl_bind(d, call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, 2, &e->inputs[1]));
    OCL_TRY(ocl_bind(d, call, 4, &e->outputs[0]));
    OCL_TRY(ocl_bind(d, call, 6, e->workspace));
    OCL_TRY(ocl_checker_bind(d, call, 8));
    return ocl_enqueue(d, call);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *dx = q->node->outputs[0];
    OCL_TRY(ocl_fits(q));
    if (rounds(q->node))
        cvk_book(plan, ocl_product(dx, 0, dx->rank) * sizeof(cl_float));
    return CVK_OK;
}

static int32_t plan_gather(const struct cvk_query *q, struct cvk_plan *out)
{
    const struct cvk_gather_params *p = q->node->params;
    return p->kind <= CVK_GATHER_ND ? plan(q, out) : cvk_refuse(q, "gather kind %u is newer than this backend", p->kind);
}

#define REST .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .build = build, .run = run, .finish = finish
const struct cvk_kernel ocl_gather_backward_rows[] = {
    {OCL_ROW(GATHER, "plain"), .plan = plan_gather, REST},
    {OCL_ROW(TOPK, "plain"), .plan = plan, REST},
};
const uint32_t ocl_gather_backward_row_count = OCL_COUNT(ocl_gather_backward_rows);

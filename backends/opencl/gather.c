/* SPDX-License-Identifier: MIT
 * gather: slices by numbers or by tuples of numbers, and single elements. Indices out of range write zeros and are told to
 * fault.c. */
#include "gather.h"

#include "kernel_sources.h"
#include "move.h"

/* What the kernels take (move.cl). */
struct slices_args {
    cl_int id, wide, tuples, per_batch, tuple, batch_stride, dim[CVK_MAX_RANK], stride[CVK_MAX_RANK];
};

struct elements_args {
    cl_int id, wide, rank, x_run, axis_dim, axis_stride, dim[CVK_MAX_RANK], x[CVK_MAX_RANK];
};

struct state {
    struct ocl_checker checker;
    struct ocl_call call;
    const struct cvk_node *node;
};

/* Product of sizes first .. last - 1. */
static int64_t product(const int64_t *dims, uint32_t first, uint32_t last)
{
    int64_t n = 1;
    for (uint32_t i = first; i < last; i++)
        n *= dims[i];
    return n;
}

uint32_t ocl_gather_addressed(const struct cvk_node *node, uint32_t *tuple)
{
    const struct cvk_gather_params *p = node->params;
    const struct cvk_tensor_desc *indices = node->inputs[1];
    *tuple = p->kind == CVK_GATHER_ND ? (uint32_t)indices->dims[indices->rank - 1] : 1;
    return p->kind == CVK_GATHER_ND ? p->batch_dims : (uint32_t)p->axis;
}

int32_t ocl_gather_tell(const struct ocl_device *d, const struct cvk_node *node, const struct cvk_tensor_desc *x, cl_int place,
                        cl_int smallest, cl_int largest)
{
    uint32_t tuple, axis = ocl_gather_addressed(node, &tuple);
    axis += (uint32_t)place % tuple;
    return cvk_fail(d->host, CVK_E_ARG,
                    "gather '%s': the index at place %d of the indices is out of range (wrong ones are from %d to %d); axis %u "
                    "of the input has %lld places",
                    node->name, place, smallest, largest, axis, (long long)x->dims[axis]);
}

static int32_t tell(const struct ocl_device *d, const struct ocl_checker *c, cl_int place, cl_int smallest, cl_int largest)
{
    const struct cvk_node *node = ((const struct state *)c)->node;
    return ocl_gather_tell(d, node, node->inputs[0], place, smallest, largest);
}

static int32_t build_slices(struct cvk_exec *e, struct state *s)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_gather_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *indices = e->node->inputs[1];
    uint32_t tuple, first = ocl_gather_addressed(e->node, &tuple), bytes = ocl_dtype_bytes(x->dtype);
    bool nd = p->kind == CVK_GATHER_ND;
    int64_t rows, width = product(x->dims, first + tuple, x->rank), count = product(indices->dims, 0, indices->rank);
    struct slices_args args = {.id = s->checker.id, .wide = indices->dtype == CVK_I64, .tuple = (cl_int)tuple};
    char options[OCL_OPTION_BYTES] = "";
    rows = nd ? count / tuple : product(x->dims, 0, first) * count;
    args.tuples = (cl_int)(nd ? rows : count);
    args.per_batch = (cl_int)(nd ? product(indices->dims, p->batch_dims, indices->rank - 1) : count);
    args.batch_stride = 1;
    for (uint32_t i = 0; i < tuple; i++) { /* from the last axis on */
        args.dim[i] = (cl_int)x->dims[first + tuple - 1 - i];
        args.stride[i] = args.batch_stride;
        args.batch_stride *= args.dim[i];
    }
    for (; width > 0 && width % 2 == 0 && bytes < ocl_max_word(d); bytes *= 2)
        width /= 2;
    ocl_option_word(options, sizeof options, bytes);
    ocl_option_group(d, options, sizeof options);
    OCL_TRY(ocl_call_init(d, &s->call, &ocl_source_move, "gather_slices", options));
    struct ocl_work work = ocl_cut(d, &s->call, (uint64_t)rows, (uint64_t)width, bytes);
    OCL_TRY(ocl_arg(d, &s->call, 8, &work, sizeof work));
    return ocl_arg(d, &s->call, 9, &args, sizeof args);
}

static int32_t build_elements(struct cvk_exec *e, struct state *s)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0], *indices = e->node->inputs[1];
    uint32_t tuple, axis = ocl_gather_addressed(e->node, &tuple), last = x->rank - 1, bytes = ocl_dtype_bytes(x->dtype);
    int64_t dims[OCL_MAX_AXES], strides[OCL_MAX_AXES];
    struct elements_args args = {.id = s->checker.id, .wide = indices->dtype == CVK_I64, .rank = (cl_int)last};
    char options[OCL_OPTION_BYTES] = "";
    ocl_memory_axes(x, dims, strides);
    args.axis_dim = (cl_int)dims[axis];
    args.axis_stride = (cl_int)strides[axis];
    strides[axis] = 0;
    args.x_run = (cl_int)strides[last];
    for (uint32_t i = 0; i < last; i++) {
        args.dim[i] = (cl_int)indices->dims[i];
        args.x[i] = (cl_int)strides[i];
    }
    ocl_option_word(options, sizeof options, bytes);
    ocl_option_group(d, options, sizeof options);
    OCL_TRY(ocl_call_init(d, &s->call, &ocl_source_move, "gather_elements", options));
    int64_t rows = product(indices->dims, 0, last);
    struct ocl_work work = ocl_cut(d, &s->call, (uint64_t)rows, (uint64_t)indices->dims[last], bytes);
    OCL_TRY(ocl_arg(d, &s->call, 8, &work, sizeof work));
    return ocl_arg(d, &s->call, 9, &args, sizeof args);
}

static void finish(struct cvk_exec *e)
{
    struct state *s = e->state;
    ocl_checker_leave(ocl_device_of(e), &s->checker);
    ocl_call_finish(&s->call);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_gather_params *p = e->node->params;
    struct state *s = ocl_state(e, sizeof *s);
    if (!s)
        return CVK_E_MEMORY;
    s->node = e->node;
    s->checker.tell = tell;
    int32_t status = ocl_checker_join(ocl_device_of(e), &s->checker);
    if (status != CVK_OK) {
        ocl_state_free(e);
        return status;
    }
    status = p->kind == CVK_GATHER_ELEMENTS ? build_elements(e, s) : build_slices(e, s);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *s = e->state;
    OCL_TRY(ocl_bind(d, &s->call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, &s->call, 2, &e->inputs[1]));
    OCL_TRY(ocl_bind(d, &s->call, 4, &e->outputs[0]));
    OCL_TRY(ocl_checker_bind(d, &s->call, 6));
    return ocl_enqueue(d, &s->call);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_gather_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits_moved(q));
    return p->kind <= CVK_GATHER_ND ? CVK_OK : cvk_refuse(q, "gather kind %u is newer than this backend", p->kind);
}

const struct cvk_kernel ocl_gather_rows[] = {
    {OCL_ROW(GATHER, "any"), .dtypes = OCL_ALL, .plan = plan, .build = build, .run = run, .finish = finish},
};
const uint32_t ocl_gather_row_count = OCL_COUNT(ocl_gather_rows);

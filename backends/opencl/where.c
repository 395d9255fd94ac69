/* SPDX-License-Identifier: MIT
 * where: elements of any type chosen by a truth value, the three operands repeated as they must; axes that are one in all of
 * them are joined. */
#include "kernel_sources.h"
#include "move.h"

#define OPERANDS 3 /* condition, a, b */

/* What the kernel takes (move.cl). */
struct where_args {
    cl_int rank, run[OPERANDS], dim[CVK_MAX_RANK], stride[OPERANDS][CVK_MAX_RANK];
};

struct axes {
    uint32_t rank;
    int64_t dims[CVK_MAX_RANK], strides[OPERANDS][CVK_MAX_RANK];
};

/* Stride of `x` on axis i of a result with `rank` axes; 0 where it repeats. */
static int64_t stride_of(const struct cvk_tensor_desc *x, uint32_t rank, uint32_t i)
{
    uint32_t missing = rank - x->rank;
    int64_t step = 1;
    if (i < missing || x->dims[i - missing] == 1)
        return 0;
    for (uint32_t k = i - missing + 1; k < x->rank; k++)
        step *= x->dims[k];
    return step;
}

static struct axes axes_of(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *y = node->outputs[0];
    struct axes a = {.rank = 0};
    for (uint32_t i = 0; i < y->rank; i++) {
        uint32_t last = a.rank - 1;
        bool joins = a.rank > 0;
        int64_t own[OPERANDS];
        if (y->dims[i] == 1)
            continue;
        for (uint32_t k = 0; k < OPERANDS; k++) {
            own[k] = stride_of(node->inputs[k], y->rank, i);
            joins = joins && a.strides[k][last] == own[k] * y->dims[i];
        }
        uint32_t at = joins ? last : a.rank++;
        a.dims[at] = joins ? a.dims[at] * y->dims[i] : y->dims[i];
        for (uint32_t k = 0; k < OPERANDS; k++)
            a.strides[k][at] = own[k];
    }
    if (a.rank == 0)
        a.dims[a.rank++] = 1;
    return a;
}

static int32_t set_up(struct cvk_exec *e, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    struct axes a = axes_of(e->node);
    uint32_t last = a.rank - 1, next = ocl_args_after(e);
    struct where_args args = {.rank = (cl_int)last};
    uint64_t rows = 1;
    for (uint32_t k = 0; k < OPERANDS; k++) {
        args.run[k] = (cl_int)a.strides[k][last];
        for (uint32_t i = 0; i < last; i++)
            args.stride[k][i] = (cl_int)a.strides[k][i];
    }
    for (uint32_t i = 0; i < last; i++) {
        args.dim[i] = (cl_int)a.dims[i];
        rows *= (uint64_t)a.dims[i];
    }
    struct ocl_work work = ocl_cut(d, call, rows, (uint64_t)a.dims[last], ocl_dtype_bytes(e->node->outputs[0]->dtype));
    OCL_TRY(ocl_arg(d, call, next, &work, sizeof work));
    return ocl_arg(d, call, next + 1, &args, sizeof args);
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_word(options, sizeof options, ocl_dtype_bytes(e->node->outputs[0]->dtype));
    ocl_option_group(d, options, sizeof options);
    OCL_TRY(ocl_build_call(e, &ocl_source_move, "where", options, &call));
    int32_t status = set_up(e, call);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return ocl_fits_moved(q);
}

const struct cvk_kernel ocl_where_rows[] = {
    {OCL_ROW(WHERE, "any"), .dtypes = CVK_DTYPE_BIT(CVK_BOOL), .plan = plan, .build = build, .run = ocl_run_call,
     .finish = ocl_finish_call},
};
const uint32_t ocl_where_row_count = OCL_COUNT(ocl_where_rows);

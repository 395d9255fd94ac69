/* SPDX-License-Identifier: MIT
 * layer_norm and instance_norm: rows with a mean and a variance each; they differ in where a row's scale and bias are. */
#include "arith.h"

#define GROUP 128        /* as in kernels/norm.cl */
#define ITEM_FLOATS 4096 /* of an item on CPU devices, at least */

/* As in kernels/norm.cl. */
struct norm_rows {
    cl_int rows, n, items, scale_period, bias_period;
};
struct norm_group {
    cl_int n, rank;
    cl_int size[8], scale[8], bias[8];
};

/* What the two ops have in common. */
struct norm {
    float epsilon;
    uint64_t rows, n;
    struct norm_group group;
    bool has_periods; /* the next two hold */
    struct norm_rows row;
};

static bool binds(const struct cvk_node *node, uint32_t input)
{
    return input < node->input_count && node->inputs[input];
}

/* The period of an operand of layer_norm: one number, or as many as a row has; else false. */
static bool period_of(const struct cvk_tensor_desc *d, const struct cvk_tensor_desc *x, uint32_t axis, cl_int *period)
{
    bool row = ocl_product(d, 0, d->rank) == ocl_product(x, axis, x->rank);
    for (uint32_t i = axis; i < x->rank; i++) {
        uint32_t skipped = x->rank - d->rank;
        row = row && x->dims[i] == (i < skipped ? 1 : d->dims[i - skipped]);
    }
    *period = row ? 0 : 1;
    return row || ocl_product(d, 0, d->rank) == 1;
}

static struct norm layer_norm_of(const struct cvk_node *node)
{
    const struct cvk_layer_norm_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0], *scale = node->inputs[1],
                                 *bias = binds(node, 2) ? node->inputs[2] : NULL;
    struct norm w = {
        .epsilon = p->epsilon, .rows = ocl_product(x, 0, (uint32_t)p->axis), .n = ocl_product(x, (uint32_t)p->axis, x->rank)};
    w.group.n = (cl_int)w.n;
    w.group.rank = (cl_int)x->rank;
    for (uint32_t i = 0; i < x->rank; i++) {
        w.group.size[i] = (cl_int)x->dims[i];
        w.group.scale[i] = (cl_int)ocl_stride_on(scale, x, i);
        w.group.bias[i] = bias ? (cl_int)ocl_stride_on(bias, x, i) : 0;
    }
    w.has_periods = period_of(scale, x, (uint32_t)p->axis, &w.row.scale_period) &&
                    (!bias || period_of(bias, x, (uint32_t)p->axis, &w.row.bias_period));
    return w;
}

/* A row is a map; its scale and bias are the channel's. */
static struct norm instance_norm_of(const struct cvk_node *node)
{
    const struct cvk_instance_norm_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0];
    struct norm w = {.epsilon = p->epsilon, .rows = ocl_product(x, 0, 2), .n = ocl_product(x, 2, x->rank), .has_periods = true};
    cl_int channels = (cl_int)x->dims[1];
    w.group = (struct norm_group){.n = (cl_int)w.n,
                                  .rank = 3,
                                  .size = {(cl_int)x->dims[0], channels, (cl_int)w.n},
                                  .scale = {0, 1, 0},
                                  .bias = {0, 1, 0}};
    w.row.scale_period = w.row.bias_period = channels;
    return w;
}

static struct norm norm_of(const struct cvk_node *node)
{
    return node->op == CVK_OP_LAYER_NORM ? layer_norm_of(node) : instance_norm_of(node);
}

/* The operands in the kernels' order, and what their types are called there; they are all there in layer_norm with statistics.
 */
static const struct cvk_tensor_desc *operand(const struct cvk_node *node, uint32_t i)
{
    const uint32_t input = i < 3 ? i : UINT32_MAX, output = i < 3 ? UINT32_MAX : i - 3;
    if (input < node->input_count)
        return node->inputs[input];
    return output < node->output_count ? node->outputs[output] : NULL;
}
static const char *const type_names[6] = {"DX", "DS", "DB", "DY", "DM", "DI"};

static int32_t set_args(struct cvk_exec *e, struct ocl_call *call, struct norm *w, bool wide)
{
    struct ocl_device *d = ocl_device_of(e);
    uint64_t local = GROUP;
    if (wide) {
        w->row.rows = (cl_int)w->rows;
        w->row.n = (cl_int)w->n;
        w->row.items = (cl_int)ocl_ceil_div(ITEM_FLOATS, w->n ? w->n : 1);
        OCL_TRY(ocl_arg(d, call, 12, &w->row, sizeof w->row));
        ocl_call_items(call, ocl_ceil_div(w->rows, (uint64_t)w->row.items), 1);
    } else {
        OCL_TRY(ocl_arg(d, call, 12, &w->group, sizeof w->group));
        ocl_call_size(call, 1, &w->rows, &local);
    }
    return ocl_arg_float(d, call, 13, w->epsilon);
}

static int32_t build(struct cvk_exec *e)
{
    struct norm w = norm_of(e->node);
    bool wide = ocl_device_of(e)->cpu_form && w.has_periods, doubles = false;
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    for (uint32_t i = 0; i < 6; i++) {
        const struct cvk_tensor_desc *t = operand(e->node, i);
        uint32_t dtype = t ? t->dtype : e->node->inputs[0]->dtype;
        ocl_option_type(options, sizeof options, type_names[i], dtype);
        wide = wide && dtype == CVK_F32;
        doubles = doubles || dtype == CVK_F64;
    }
    if (wide) {
        options[0] = 0;
        ocl_option(options, sizeof options, "-DWIDE");
    } else if (doubles) {
        ocl_option(options, sizeof options, "-DR=double");
    }
    OCL_TRY(ocl_build_call(e, &ocl_source_norm, wide ? "norm_rows" : "norm_group", options, &call));
    int32_t status = set_args(e, call, &w, wide);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    for (uint32_t i = 0; i < 3; i++) {
        OCL_TRY(ocl_bind(d, e->state, 2 * i, binds(e->node, i) ? &e->inputs[i] : NULL));
        OCL_TRY(ocl_bind(d, e->state, 6 + 2 * i, operand(e->node, 3 + i) ? &e->outputs[i] : NULL));
    }
    return ocl_enqueue(d, e->state);
}

#define REST                                                                                                                   \
    .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .plan = ocl_plan_any, .build = build, .run = run,                      \
    .finish = ocl_finish_call
const struct cvk_kernel ocl_norm_rows[] = {
    {OCL_ROW(LAYER_NORM, "rows"), REST},
    {OCL_ROW(INSTANCE_NORM, "rows"), REST},
};
const uint32_t ocl_norm_row_count = OCL_COUNT(ocl_norm_rows);

/* SPDX-License-Identifier: MIT
 * layer_norm and instance_norm: rows with a mean and a variance each; they differ in where a row's scale and bias are. */
#include "norm.h"

#define ITEM_FLOATS 4096 /* of an item on CPU devices, at least */

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

static struct ocl_norm layer_norm_of(const struct cvk_layer_norm_params *p, const struct cvk_tensor_desc *x,
                                     const struct cvk_tensor_desc *scale, const struct cvk_tensor_desc *bias)
{
    struct ocl_norm w = {
        .epsilon = p->epsilon, .rows = ocl_product(x, 0, (uint32_t)p->axis), .n = ocl_product(x, (uint32_t)p->axis, x->rank)};
    w.group.n = (cl_int)w.n;
    w.group.rank = (cl_int)x->rank;
    for (uint32_t i = 0; i < x->rank; i++) {
        w.group.size[i] = (cl_int)x->dims[i];
        w.group.scale[i] = scale ? (cl_int)ocl_stride_on(scale, x, i) : 0;
        w.group.bias[i] = bias ? (cl_int)ocl_stride_on(bias, x, i) : 0;
    }
    w.has_periods = (!scale || period_of(scale, x, (uint32_t)p->axis, &w.row.scale_period)) &&
                    (!bias || period_of(bias, x, (uint32_t)p->axis, &w.row.bias_period));
    return w;
}

/* A row is a map; its scale and bias are the channel's. */
static struct ocl_norm instance_norm_of(const struct cvk_instance_norm_params *p, const struct cvk_tensor_desc *x)
{
    struct ocl_norm w = {
        .epsilon = p->epsilon, .rows = ocl_product(x, 0, 2), .n = ocl_product(x, 2, x->rank), .has_periods = true};
    cl_int channels = (cl_int)x->dims[1];
    w.group = (struct ocl_norm_group){
        .n = (cl_int)w.n, .rank = 3, .size = {(cl_int)x->dims[0], channels, (cl_int)w.n}, .scale = {0, 1, 0}, .bias = {0, 1, 0}};
    w.row.scale_period = w.row.bias_period = channels;
    return w;
}

struct ocl_norm ocl_norm_of(const struct cvk_node *node, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *scale,
                            const struct cvk_tensor_desc *bias)
{
    return node->op == CVK_OP_LAYER_NORM ? layer_norm_of(node->params, x, scale, bias) : instance_norm_of(node->params, x);
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

int32_t ocl_norm_args(struct ocl_device *d, struct ocl_call *call, uint32_t index, struct ocl_norm *w, bool wide)
{
    uint64_t local = OCL_NORM_GROUP;
    if (wide) {
        w->row.rows = (cl_int)w->rows;
        w->row.n = (cl_int)w->n;
        w->row.items = (cl_int)ocl_ceil_div(ITEM_FLOATS, w->n ? w->n : 1);
        OCL_TRY(ocl_arg(d, call, index, &w->row, sizeof w->row));
        ocl_call_items(call, ocl_ceil_div(w->rows, (uint64_t)w->row.items), 1);
    } else {
        OCL_TRY(ocl_arg(d, call, index, &w->group, sizeof w->group));
        ocl_call_size(call, 1, &w->rows, &local);
    }
    return ocl_arg_float(d, call, index + 1, w->epsilon);
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_node *node = e->node;
    struct ocl_norm w = ocl_norm_of(node, node->inputs[0], node->inputs[1], binds(node, 2) ? node->inputs[2] : NULL);
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
    int32_t status = ocl_norm_args(ocl_device_of(e), call, 12, &w, wide);
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

#define REST                                                                                                                     \
    .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .plan = ocl_plan_any, .build = build, .run = run,                        \
    .finish = ocl_finish_call
const struct cvk_kernel ocl_norm_rows[] = {
    {OCL_ROW(LAYER_NORM, "rows"), REST},
    {OCL_ROW(INSTANCE_NORM, "rows"), REST},
};
const uint32_t ocl_norm_row_count = OCL_COUNT(ocl_norm_rows);

/* SPDX-License-Identifier: MIT
 * arg and topk: elements are compared by whole numbers in their order, so every type has one way. */
#include "kernel_sources.h"
#include "move.h"

#define NUMBERS (OCL_ALL & ~CVK_DTYPE_BIT(CVK_BOOL))
#define GROUP 64
#define LONG_ROW 128        /* from here on a group does one row of arg */
#define ITEM_ELEMENTS 4096  /* on CPU devices: what one item of arg looks at */

/* Rows along an axis. */
struct rows {
    uint64_t count;
    int64_t n, inner;
};

static struct rows rows_of(const struct cvk_tensor_desc *x, uint32_t axis)
{
    struct rows r = {.count = 1, .n = x->dims[axis], .inner = 1};
    for (uint32_t i = 0; i < x->rank; i++)
        r.count *= i == axis ? 1 : (uint64_t)x->dims[i];
    for (uint32_t i = axis + 1; i < x->rank; i++)
        r.inner *= x->dims[i];
    return r;
}

static void order_options(const struct ocl_device *d, uint32_t dtype, char *options, uint32_t bytes)
{
    static const char *const infinite[] = {[CVK_F32] = "0x7f800000u", [CVK_F64] = "0x7ff0000000000000UL", [CVK_F16] = "0x7c00",
                                           [CVK_BF16] = "0x7f80"};
    uint32_t width = ocl_dtype_bytes(dtype);
    bool is_signed = dtype == CVK_I8 || dtype == CVK_I16 || dtype == CVK_I32 || dtype == CVK_I64;
    ocl_option_word(options, bytes, width);
    ocl_option(options, bytes, "-DWIDTH=%u", width);
    if (OCL_FLOATS >> dtype & 1)
        ocl_option(options, bytes, "-DORDER=2 -DINFINITE=%s", infinite[dtype]);
    else
        ocl_option(options, bytes, "-DORDER=%d", !is_signed);
    ocl_option_group(d, options, bytes);
}

/* Sets `count` numbers from argument `index` on. */
static int32_t set_ints(struct ocl_device *d, struct ocl_call *call, uint32_t index, const int64_t *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        OCL_TRY(ocl_arg_int(d, call, index + i, numbers[i]));
    return CVK_OK;
}

/* ---- arg ----------------------------------------------------------------------------------------------------------------- */

static int32_t build_arg(struct cvk_exec *e)
{
    const struct cvk_arg_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call;
    struct rows r = rows_of(e->node->inputs[0], (uint32_t)p->axis);
    bool together = !d->cpu_form && r.inner == 1 && r.n >= LONG_ROW;
    int64_t least = p->kind == CVK_ARG_MIN, span = d->cpu_form && r.n > 0 && r.n < ITEM_ELEMENTS ? ITEM_ELEMENTS / r.n : 1;
    const int64_t by_group[] = {r.n, least, p->select_last != 0};
    const int64_t by_item[] = {(int64_t)r.count, r.n, r.inner, least, p->select_last != 0, span};
    char options[OCL_OPTION_BYTES] = "";
    order_options(d, e->node->inputs[0]->dtype, options, sizeof options);
    OCL_TRY(ocl_build_only(e, &ocl_source_order, together ? "arg_row" : "arg", options, sizeof options, &call));
    if (together)
        ocl_call_items(call, r.count * GROUP, GROUP);
    else
        ocl_call_items(call, ocl_ceil_div(r.count, (uint64_t)span), d->cpu_form ? 1 : GROUP);
    int32_t status = together ? set_ints(d, call, 4, by_group, OCL_COUNT(by_group))
                              : set_ints(d, call, 4, by_item, OCL_COUNT(by_item));
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan_arg(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return ocl_fits_moved(q);
}

/* ---- topk ---------------------------------------------------------------------------------------------------------------- */

static bool wants_places(const struct cvk_node *node)
{
    return node->output_count > 1 && node->outputs[1];
}

static int32_t build_topk(struct cvk_exec *e)
{
    const struct cvk_topk_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call;
    struct rows r = rows_of(e->node->inputs[0], (uint32_t)p->axis);
    uint64_t items = d->cpu_form ? r.count : r.count * (uint64_t)r.n;
    const int64_t numbers[] = {(int64_t)items, r.n, r.inner, p->k, p->smallest != 0};
    char options[OCL_OPTION_BYTES] = "";
    order_options(d, e->node->inputs[0]->dtype, options, sizeof options);
    if (wants_places(e->node))
        ocl_option(options, sizeof options, "-DWITH_PLACES");
    OCL_TRY(ocl_build_only(e, &ocl_source_order, d->cpu_form ? "topk_heap" : "topk_count", options, sizeof options, &call));
    ocl_call_items(call, items, d->cpu_form ? 1 : GROUP);
    int32_t status = set_ints(d, call, d->cpu_form ? 8 : 6, numbers, OCL_COUNT(numbers));
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t run_topk(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call = e->state;
    OCL_TRY(ocl_bind(d, call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, 2, &e->outputs[0]));
    OCL_TRY(ocl_bind(d, call, 4, wants_places(e->node) ? &e->outputs[1] : NULL));
    if (d->cpu_form)
        OCL_TRY(ocl_bind(d, call, 6, e->workspace));
    return ocl_enqueue(d, call);
}

static int32_t plan_topk(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_topk_params *p = q->node->params;
    struct rows r = rows_of(q->node->inputs[0], (uint32_t)p->axis);
    OCL_TRY(ocl_fits_moved(q));
    if (ocl_asked(q)->cpu_form)
        cvk_book(plan, r.count * (uint64_t)p->k * sizeof(cl_int));
    return CVK_OK;
}

const struct cvk_kernel ocl_order_rows[] = {
    {OCL_ROW(ARG, "any"), .dtypes = NUMBERS, .plan = plan_arg, .build = build_arg, .run = ocl_run_call,
     .finish = ocl_finish_call},
    {OCL_ROW(TOPK, "any"), .dtypes = NUMBERS, .plan = plan_topk, .build = build_topk, .run = run_topk,
     .finish = ocl_finish_call},
};
const uint32_t ocl_order_row_count = OCL_COUNT(ocl_order_rows);

/* SPDX-License-Identifier: MIT
 * The rows of one kernel that takes x w b y, an epilogue and sizes. */
#include "product.h"

static bool has(const struct cvk_node *node, uint32_t input)
{
    return input < node->input_count && node->inputs[input];
}

bool ocl_product_options(const struct cvk_node *node, char *options, uint32_t bytes)
{
    uint32_t dtype = node->inputs[0]->dtype;
    ocl_option_type(options, bytes, "DX", dtype);
    ocl_option_type(options, bytes, "DY", node->outputs[0]->dtype);
    if (dtype == CVK_F64)
        ocl_option(options, bytes, "-DR=double");
    ocl_option(options, bytes, "-cl-mad-enable");
    ocl_epilogue_options(node, options, bytes);
    return has(node, 2);
}

int32_t ocl_product_bind(struct cvk_exec *e, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_bind(d, call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, 2, &e->inputs[1]));
    OCL_TRY(ocl_bind(d, call, 4, has(e->node, 2) ? &e->inputs[2] : NULL));
    OCL_TRY(ocl_bind(d, call, 6, &e->outputs[0]));
    return ocl_epilogue_bind(d, call, 8, e);
}

int32_t ocl_product_run(struct cvk_exec *e)
{
    OCL_TRY(ocl_product_bind(e, e->state));
    return ocl_enqueue(ocl_device_of(e), e->state);
}

int32_t ocl_product_call(struct cvk_exec *e, const struct ocl_source *source, const char *kernel, const char *options,
                         const void *sizes, uint64_t sizes_bytes, uint64_t items, struct ocl_call **call)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_build_call(e, source, kernel, options, call));
    int32_t status = ocl_epilogue_args(d, *call, 8, e->node);
    if (status == CVK_OK)
        status = ocl_arg(d, *call, OCL_PRODUCT_SIZES, sizes, sizes_bytes);
    ocl_call_items(*call, items, 64);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

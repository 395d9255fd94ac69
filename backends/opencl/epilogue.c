/* SPDX-License-Identifier: MIT
 * The host's side of EPILOGUE in kernels/common.cl. */
#include "ocl.h"

void ocl_epilogue_options(const struct cvk_node *node, char *options, uint32_t bytes)
{
    uint32_t parts = node->epilogue ? node->epilogue->parts : 0;
    if (parts & CVK_EPI_BIAS)
        ocl_option(options, bytes, "-DEPI_BIAS");
    if (parts & CVK_EPI_SCALE)
        ocl_option(options, bytes, "-DEPI_SCALE");
    if (parts & CVK_EPI_RESIDUAL)
        ocl_option(options, bytes, "-DEPI_RESIDUAL");
    if (parts & CVK_EPI_ACTIVATION)
        ocl_option(options, bytes, "-DACT=%u", node->epilogue->activation);
}

int32_t ocl_epilogue_args(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_node *node)
{
    OCL_TRY(ocl_arg_float(d, call, index + 8, node->epilogue ? node->epilogue->a : 0));
    return ocl_arg_float(d, call, index + 9, node->epilogue ? node->epilogue->b : 0);
}

int32_t ocl_epilogue_bind(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_exec *e)
{
    OCL_TRY(ocl_bind(d, call, index, e->bias));
    OCL_TRY(ocl_bind(d, call, index + 2, e->scale));
    OCL_TRY(ocl_bind(d, call, index + 4, e->shift));
    return ocl_bind(d, call, index + 6, e->residual);
}

/* SPDX-License-Identifier: MIT
 * What the rows for sums of products (conv, conv_transpose, gemm, matmul) share. */
#ifndef OCL_PRODUCT_H
#define OCL_PRODUCT_H

#include "ocl.h"

/* ---- rows of one kernel with the arguments x w b y, epilogue, sizes (product.c) ------------------------------------------ */

/* Where the arguments by value begin. */
#define OCL_PRODUCT_SIZES (8 + OCL_EPILOGUE_ARGS)
/* The options that all of them have: DX, DY, R, the epilogue, WITH_F64; true if there is a third input. */
bool ocl_product_options(const struct cvk_node *node, char *options, uint32_t bytes);
/* In build: state is one struct ocl_call; sizes becomes argument OCL_PRODUCT_SIZES, `items` work-items in groups of 64. On a
 * later failure of build: ocl_drop_call. */
int32_t ocl_product_call(struct cvk_exec *e, const struct ocl_source *source, const char *kernel, const char *options,
                         const void *sizes, uint64_t sizes_bytes, uint64_t items, struct ocl_call **call);
int32_t ocl_product_run(struct cvk_exec *e);
/* Binds x, w, b, y and the epilogue's operands. */
int32_t ocl_product_bind(struct cvk_exec *e, struct ocl_call *call);

/* ---- conv and conv_transpose of any kind (conv_generic.c) ------------------------------------------------------------------
 */

/* The structs of kernels/conv_generic.cl. */
struct ocl_conv_axis {
    int32_t in, out, kernel, scale, step, origin, divisor;
};
struct ocl_conv_shape {
    struct ocl_conv_axis axis[3]; /* d, h, w */
    int32_t groups, ic, oc, w_group, w_ic, w_oc;
    int32_t pixels, blocks, count;
};
/* Refuses what leaves 32 bits on its way. */
int32_t ocl_conv_generic_plan(const struct cvk_query *q, struct cvk_plan *plan);
int32_t ocl_conv_generic_build(struct cvk_exec *e);

#endif

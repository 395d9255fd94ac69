/* SPDX-License-Identifier: MIT
 * Products in tiles of local memory (kernels/product_tiles.cl): what conv, gemm, matmul and Winograd's transforms ask of it. */
#ifndef OCL_PRODUCT_TILES_H
#define OCL_PRODUCT_TILES_H

#include "product.h"

/* The struct of kernels/product_tiles.cl. */
struct ocl_tiles_sizes {
    int32_t m, n, k;
    int32_t tiles_m;
    int32_t splits, part;
    int32_t y_count;
    int32_t a_step, b_step;
    int32_t a_batch, b_batch, c_batch, y_batch;
    int32_t pixels, b_image, y_image, y_row;
    int32_t c_row, c_column;
    int32_t d, h, w;
    int32_t h_out, w_out;
    int32_t stride_d, stride_h, stride_w;
    int32_t pad_d, pad_h, pad_w;
    int32_t k_pixels, a_image;
    int32_t y_first, y_line, y_pixel;
};

enum ocl_tiles_b {
    OCL_B_LINES = 0,   /* n side by side */
    OCL_B_COLUMNS = 1, /* k side by side */
    OCL_B_WINDOWS = 2, /* what windows see: n are pixels, k numbers of a window */
    OCL_B_PIXELS = 3   /* what windows see: k are pixels, n numbers of a window; a has the pixels of a map side by side */
};

/* A product, or `batch` of them. tiles_m, splits, part are filled by the functions below. */
struct ocl_tiles {
    struct ocl_tiles_sizes s;
    int64_t batch;
    bool a_steps;                   /* a has k side by side, else m */
    uint32_t b;                     /* enum ocl_tiles_b */
    uint32_t dtype;                 /* of a and b */
    bool with_depth;                /* windows: three dimensions */
    int64_t kernel[3], dilation[3]; /* windows: d, h, w */
    int32_t map;                    /* windows: pixels of a map of x */
    bool channel_is_column;         /* for the epilogue */
    bool raw;                       /* y is f32 and the sums go there as they are: no c, no epilogue */
    bool spread;                    /* y's pixels lie apart: y_first, y_line, y_pixel, two dimensions at most */
    float alpha, beta;
};

/* A shape of tiles and the parts of k. */
struct ocl_tiles_choice {
    uint32_t shape;
    uint32_t splits;
    double cost_ns;
};
/* How many shapes there are. */
extern const uint32_t ocl_tiles_shapes;
/* The best shape by the model; or, from 1 on, shape `wanted` - 1. False where the device has no room for it. */
bool ocl_tiles_choose(const struct ocl_device *d, const struct ocl_tiles *t, uint32_t wanted, struct ocl_tiles_choice *choice);
/* Workspace for the parts' sums; 0 for one part. */
uint64_t ocl_tiles_bytes(const struct ocl_tiles *t, const struct ocl_tiles_choice *choice);

/* The calls of one product. */
struct ocl_tiles_calls {
    struct ocl_call product, sum; /* sum is empty where there is one part */
    cl_mem table;                 /* windows: what each k adds to the place that is read */
};
/* In build. A failure leaves nothing. */
int32_t ocl_tiles_build(struct cvk_exec *e, const struct ocl_tiles *t, const struct ocl_tiles_choice *choice,
                        struct ocl_tiles_calls *calls);
void ocl_tiles_finish(struct ocl_tiles_calls *calls);
/* Binds and starts them: parts' sums are in workspace at `sums`. */
int32_t ocl_tiles_run(struct cvk_exec *e, struct ocl_tiles_calls *calls, const struct cvk_binding *a,
                      const struct cvk_binding *b, uint64_t sums);
/* The call that makes y of the sums of `parts` parts in workspace (kernels/product_sum.cl): arguments 0 sums, 2 c, 4 y, 6
 * epilogue. */
int32_t ocl_tiles_build_sum(struct cvk_exec *e, const struct ocl_tiles *t, uint32_t parts, struct ocl_call *call);
int32_t ocl_tiles_run_sum(struct cvk_exec *e, struct ocl_call *call, uint64_t workspace_offset);

/* The product that a node is (conv_igemm.c, gemm.c). */
struct ocl_tiles ocl_conv_tiles(const struct cvk_node *node);
struct ocl_tiles ocl_gemm_tiles(const struct cvk_node *node);
/* A refusal where conv's products leave 32-bit indexes. */
int32_t ocl_conv_tiles_fit(const struct cvk_query *q);

/* The rows whose whole work is one product: a, b, c are inputs `a`, 1 - `a`, 2. plan notes the choice in plan->user, build
 * keeps the calls in e->state. */
int32_t ocl_tiles_plan_row(const struct cvk_query *q, struct cvk_plan *plan, const struct ocl_tiles *t);
int32_t ocl_tiles_build_row(struct cvk_exec *e, const struct ocl_tiles *t, uint32_t a);
int32_t ocl_tiles_run_row(struct cvk_exec *e);
void ocl_tiles_finish_row(struct cvk_exec *e);

/* ---- times by a model (product_model.c) -------------------------------------------------------------------------------------
 */

/* Guesses for a GPU with so many compute units, in numbers a nanosecond. */
double ocl_model_flops(const struct ocl_device *d);
double ocl_model_bytes(const struct ocl_device *d);
#define OCL_MODEL_LAUNCH_NS 4000.0 /* what one more kernel costs */
/* Bytes of all operands of a node. */
double ocl_model_operands(const struct cvk_node *node);

#endif

/* SPDX-License-Identifier: MIT
 * Sizes and strides for the rows of arithmetic ops. */
#include "arith.h"

static uint32_t block_of(uint32_t layout)
{
    return layout == CVK_LAYOUT_NC4 ? 4 : layout == CVK_LAYOUT_NC8 ? 8 : layout == CVK_LAYOUT_NC16 ? 16 : 1;
}

struct ocl_channels ocl_channels_of(const struct cvk_tensor_desc *d)
{
    uint64_t channels = d->rank > 1 ? (uint64_t)d->dims[1] : 1, pixels = ocl_product(d, 2, d->rank),
             block = block_of(d->layout);
    if (channels == 0 || pixels == 0) /* nothing is computed then; divisors must not be 0 */
        return (struct ocl_channels){1, 1, 1, 1};
    if (d->layout == CVK_LAYOUT_NHWC)
        block = channels;
    uint64_t blocks = ocl_ceil_div(channels, block);
    return (struct ocl_channels){(cl_int)(pixels * block), (cl_int)blocks, (cl_int)block, (cl_int)channels};
}

bool ocl_has_padding(const struct cvk_tensor_desc *d)
{
    return d->rank > 1 && (uint64_t)d->dims[1] % block_of(d->layout) != 0;
}

bool ocl_same_sizes(const struct cvk_tensor_desc *a, const struct cvk_tensor_desc *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

bool ocl_is_float(uint32_t dtype)
{
    return OCL_FLOATS >> dtype & 1;
}

bool ocl_has_sign(uint32_t dtype)
{
    return dtype == CVK_I8 || dtype == CVK_I16 || dtype == CVK_I32 || dtype == CVK_I64;
}

uint64_t ocl_highest(uint32_t dtype)
{
    uint32_t bits = dtype == CVK_BOOL ? 1 : 8 * ocl_dtype_bytes(dtype);
    return UINT64_MAX >> (64 - bits + ocl_has_sign(dtype));
}

uint64_t ocl_product(const struct cvk_tensor_desc *d, uint32_t first, uint32_t last)
{
    uint64_t product = 1;
    for (uint32_t i = first; i < last; i++)
        product *= (uint64_t)d->dims[i];
    return product;
}

uint64_t ocl_stride_on(const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y, uint32_t axis)
{
    uint32_t skipped = y->rank - x->rank;
    if (axis < skipped || x->dims[axis - skipped] == 1)
        return 0;
    return ocl_product(x, axis - skipped + 1, x->rank);
}

int32_t ocl_blocked(const struct cvk_query *q)
{
    const struct cvk_tensor_desc *x = q->node->inputs[0];
    if (!ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "blocks of channels are for CPU devices");
    if (x->dtype != CVK_F32)
        return cvk_refuse(q, "in blocks only f32");
    if (x->rank < 3)
        return cvk_refuse(q, "blocks need three axes, not %u", x->rank);
    return CVK_OK;
}

void ocl_option_cut(char *options, uint32_t bytes, uint32_t dtype)
{
    unsigned long long highest = ocl_highest(dtype);
    ocl_option(options, bytes,
               ocl_has_sign(dtype) ? "-DCUT -DHIGHEST=%lluL -DLOWEST=(-%lluL-1)" : "-DCUT -DHIGHEST=%lluUL -DLOWEST=0", highest,
               highest);
}

uint64_t ocl_piece(const struct ocl_device *d, uint64_t count)
{
    uint64_t piece = ocl_ceil_div(count, (uint64_t)d->compute_units * 8);
    piece = piece < 4096 ? 4096 : piece > 65536 ? 65536 : piece;
    return ocl_round_up(piece, 16);
}

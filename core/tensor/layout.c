/* SPDX-License-Identifier: MIT
 * Layouts: their names, and copies from one to another. */
#include "../base/base.h"
#include "convoke/tensor.h"

const char *cvk_layout_name(uint32_t layout)
{
    static const char *const names[] = {"NCHW", "NHWC", "NC4", "NC8", "NC16"};
    return layout < sizeof names / sizeof names[0] ? names[layout] : "?";
}

uint32_t cvk_layout_block(uint32_t layout)
{
    switch (layout) {
    case CVK_LAYOUT_NC4:
        return 4;
    case CVK_LAYOUT_NC8:
        return 8;
    case CVK_LAYOUT_NC16:
        return 16;
    default:
        return 1;
    }
}

/* A tensor as [N][C][all pixels]. */
struct plane_sizes {
    uint64_t n, c, pixels;
};

/* Where the pixels of one channel of one image begin, in elements. */
static uint64_t first_pixel(uint32_t layout, const struct plane_sizes *s, uint64_t n, uint64_t c)
{
    uint64_t cb = cvk_layout_block(layout);
    if (layout == CVK_LAYOUT_PLAIN)
        return (n * s->c + c) * s->pixels;
    if (layout == CVK_LAYOUT_NHWC)
        return n * s->pixels * s->c + c;
    return ((n * ((s->c + cb - 1) / cb) + c / cb) * s->pixels) * cb + c % cb;
}

/* Elements from one pixel of a channel to the next. */
static uint64_t pixel_step(uint32_t layout, const struct plane_sizes *s)
{
    return layout == CVK_LAYOUT_NHWC ? s->c : cvk_layout_block(layout);
}

/* Copies count elements of `bytes` bytes with a step on each side; a constant size makes memcpy one load and one store. */
static void copy_steps(uint32_t bytes, uint64_t count, char *dst, uint64_t dst_step, const char *src, uint64_t src_step)
{
    for (uint64_t i = 0; i < count; i++, dst += dst_step * bytes, src += src_step * bytes) {
        switch (bytes) {
        case 1:
            *dst = *src;
            break;
        case 2:
            memcpy(dst, src, 2);
            break;
        case 4:
            memcpy(dst, src, 4);
            break;
        default:
            memcpy(dst, src, 8);
            break;
        }
    }
}

/* Checks a caller's descriptor by making it anew. */
static int32_t check_desc(const struct cvk_tensor_desc *d, const void *data, const char *which)
{
    struct cvk_tensor_desc again;
    if (!d || (d->bytes > 0 && !data))
        return cvk__fail(CVK_E_ARG, "cvk_tensor_reorder: %s is NULL", which);
    int32_t status = cvk_tensor_desc_init(&again, d->dtype, d->layout, d->rank, d->dims);
    if (status != CVK_OK)
        return cvk__fail_in(status, "cvk_tensor_reorder: %s: ", which);
    if (again.bytes != d->bytes)
        return cvk__fail(CVK_E_ARG, "cvk_tensor_reorder: %s has %llu bytes, its sizes need %llu", which,
                         (unsigned long long)d->bytes, (unsigned long long)again.bytes);
    return CVK_OK;
}

int32_t cvk_tensor_reorder(const struct cvk_tensor_desc *src_desc, const void *src, const struct cvk_tensor_desc *dst_desc,
                           void *dst)
{
    CVK__TRY(check_desc(src_desc, src, "the source"));
    CVK__TRY(check_desc(dst_desc, dst, "the destination"));
    if (src_desc->dtype != dst_desc->dtype || src_desc->rank != dst_desc->rank ||
        memcmp(src_desc->dims, dst_desc->dims, src_desc->rank * sizeof src_desc->dims[0]) != 0) {
        char a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
        return cvk__fail(CVK_E_SHAPE, "cvk_tensor_reorder: the source is %s %s and the destination %s %s; they must be the same",
                         cvk_dtype_name(src_desc->dtype), cvk_shape_text(src_desc->rank, src_desc->dims, a),
                         cvk_dtype_name(dst_desc->dtype), cvk_shape_text(dst_desc->rank, dst_desc->dims, b));
    }
    if (src_desc->bytes == 0)
        return CVK_OK;
    if (src_desc->layout == dst_desc->layout) {
        memcpy(dst, src, (size_t)src_desc->bytes);
        return CVK_OK;
    }
    /* The layouts differ, so the rank is at least 2. */
    struct plane_sizes s = {(uint64_t)src_desc->dims[0], (uint64_t)src_desc->dims[1], 1};
    for (uint32_t i = 2; i < src_desc->rank; i++)
        s.pixels *= (uint64_t)src_desc->dims[i];
    uint32_t bytes = cvk_dtype_bytes(src_desc->dtype);
    if (dst_desc->bytes != cvk_tensor_desc_count(dst_desc) * bytes)
        memset(dst, 0, (size_t)dst_desc->bytes);
    uint64_t src_step = pixel_step(src_desc->layout, &s), dst_step = pixel_step(dst_desc->layout, &s);
    for (uint64_t n = 0; n < s.n; n++)
        for (uint64_t c = 0; c < s.c; c++)
            copy_steps(bytes, s.pixels, (char *)dst + first_pixel(dst_desc->layout, &s, n, c) * bytes, dst_step,
                       (const char *)src + first_pixel(src_desc->layout, &s, n, c) * bytes, src_step);
    return CVK_OK;
}

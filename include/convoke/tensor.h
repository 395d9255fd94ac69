/* SPDX-License-Identifier: MIT
 * Tensors: element types, layouts, shapes, and host tensors with their file form (.npy).
 *
 * Axes are named N (batch), C (channels), D, H, W. The plain layout is row-major in that order: NCHW, so an
 * RGB image of 28x28 pixels is 3x28x28 and a batch of N of them Nx3x28x28. NHWC puts the channels last
 * ("28*28*3"). NC4/NC8/NC16 split C in blocks of 4/8/16: [N][ceil(C/cb)][spatial...][cb], the tail of the last
 * block holds zeros.
 *
 * Memory promise, for every buffer that the library makes and every buffer that it hands to a kernel on a
 * host-memory device: the first byte is aligned to CVK_ALIGN_BYTES, and CVK_TAIL_BYTES after the last byte can be
 * read (not written; their content is unspecified).
 *
 * Threads: a tensor may be read by many threads; who writes it must be alone.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int main(void)
 * {
 *     struct cvk_tensor *t = NULL;
 *     int64_t dims[4] = {1, 3, 28, 28};
 *     if (cvk_tensor_create(CVK_F32, 4, dims, &t) != CVK_OK) {
 *         fprintf(stderr, "%s\n", cvk_error_text());
 *         return 1;
 *     }
 *     float *x = cvk_tensor_data(t);
 *     x[0] = 0.5f;
 *     char text[CVK_SHAPE_TEXT];
 *     printf("%s, %llu bytes\n", cvk_shape_text(4, dims, text), (unsigned long long)cvk_tensor_bytes(t));
 *     cvk_tensor_destroy(t);
 *     return 0;
 * }
 * @endcode
 */
#ifndef CONVOKE_TENSOR_H
#define CONVOKE_TENSOR_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CVK_MAX_RANK 8
#define CVK_ALIGN_BYTES 64
#define CVK_TAIL_BYTES 64
#define CVK_SHAPE_TEXT 200 /* bytes that cvk_shape_text needs at most */

/* Element types. Values are fixed for ever; unknown ones may come from newer plugins. */
enum cvk_dtype {
    CVK_F32 = 1,
    CVK_F64 = 2,
    CVK_F16 = 3,
    CVK_BF16 = 4,
    CVK_I8 = 5,
    CVK_U8 = 6,
    CVK_I16 = 7,
    CVK_U16 = 8,
    CVK_I32 = 9,
    CVK_U32 = 10,
    CVK_I64 = 11,
    CVK_U64 = 12,
    CVK_BOOL = 13 /* one byte, 0 or 1 */
};
#define CVK_DTYPE_BIT(d) (1u << (d))

enum cvk_layout {
    CVK_LAYOUT_PLAIN = 0, /* row-major, NCHW for images */
    CVK_LAYOUT_NHWC = 1,
    CVK_LAYOUT_NC4 = 2,
    CVK_LAYOUT_NC8 = 3,
    CVK_LAYOUT_NC16 = 4
};
#define CVK_LAYOUT_BIT(l) (1u << (l))

/* What the library and a kernel know of a tensor: its type and sizes, not its memory. Append only. */
struct cvk_tensor_desc {
    uint32_t size;   /* bytes of this struct as its maker knew it */
    uint32_t dtype;  /* enum cvk_dtype */
    uint32_t layout; /* enum cvk_layout */
    uint32_t rank;   /* 0 (a single number) to CVK_MAX_RANK */
    int64_t dims[CVK_MAX_RANK]; /* logical sizes in plain order (N, C, spatial...), whatever the layout */
    uint64_t bytes;  /* memory it takes in this layout, padding of blocks included */
};

/* A handle of a value in a graph: positive; 0 means none (an optional input left out, or a failed builder call). */
typedef int32_t cvk_value;
struct cvk_graph;

/* A dense host tensor in plain layout. */
struct cvk_tensor;

/* Bytes of one element, 0 for an unknown type. */
CVK_API uint32_t cvk_dtype_bytes(uint32_t dtype);
/* "f32", "i64", ...; "?" for an unknown type. Owns: static text. */
CVK_API const char *cvk_dtype_name(uint32_t dtype);
/* "NCHW", "NHWC", "NC16", ...; "?" for an unknown one. Owns: static text. */
CVK_API const char *cvk_layout_name(uint32_t layout);
/* Channels in a block: 4, 8 or 16 for the blocked layouts, 1 otherwise. */
CVK_API uint32_t cvk_layout_block(uint32_t layout);
/* Writes "1x3x28x28" ("scalar" for rank 0, "?" for an unknown size) into text[CVK_SHAPE_TEXT]; returns text. */
CVK_API const char *cvk_shape_text(uint32_t rank, const int64_t *dims, char *text);
/* Fills a descriptor with checked sizes. Errors: CVK_E_ARG (rank, dtype, layout), CVK_E_SHAPE (negative size), CVK_E_LIMIT (overflow). */
CVK_API int32_t cvk_tensor_desc_init(struct cvk_tensor_desc *desc, uint32_t dtype, uint32_t layout, uint32_t rank,
                                     const int64_t *dims);
/* Product of the sizes; 1 for rank 0, 0 if a size is 0. */
CVK_API uint64_t cvk_tensor_desc_count(const struct cvk_tensor_desc *desc);

/* Makes a tensor filled with zeros. Owns: the caller, who calls cvk_tensor_destroy. */
CVK_API int32_t cvk_tensor_create(uint32_t dtype, uint32_t rank, const int64_t *dims, struct cvk_tensor **out);
/* Makes a tensor around memory that stays the caller's and must outlive it; `bytes` must be exactly what the sizes need. */
CVK_API int32_t cvk_tensor_wrap(uint32_t dtype, uint32_t rank, const int64_t *dims, void *data, uint64_t bytes,
                                struct cvk_tensor **out);
CVK_API void cvk_tensor_destroy(struct cvk_tensor *tensor); /* NULL is fine */
CVK_API void *cvk_tensor_data(const struct cvk_tensor *tensor);
CVK_API uint64_t cvk_tensor_bytes(const struct cvk_tensor *tensor);
CVK_API uint64_t cvk_tensor_count(const struct cvk_tensor *tensor);
/* Borrows: valid as long as the tensor. */
CVK_API const struct cvk_tensor_desc *cvk_tensor_get_desc(const struct cvk_tensor *tensor);
/* Gives the same elements other sizes of the same count. Errors: CVK_E_SHAPE. */
CVK_API int32_t cvk_tensor_reshape(struct cvk_tensor *tensor, uint32_t rank, const int64_t *dims);
/* Element i as a double, whatever the type (64-bit integers above 2^53 lose digits). i must be below the count. */
CVK_API double cvk_tensor_at(const struct cvk_tensor *tensor, uint64_t i);

/* Copies elements between two layouts of the same logical sizes and type; padding in blocks becomes zero.
 * src and dst are descriptors with their memory and must not overlap. Errors: CVK_E_ARG, CVK_E_SHAPE. */
CVK_API int32_t cvk_tensor_reorder(const struct cvk_tensor_desc *src_desc, const void *src,
                                   const struct cvk_tensor_desc *dst_desc, void *dst);

/* Reads a NumPy .npy file (format 1.0 to 3.0, little-endian, C or Fortran order, no objects; NumPy's "NPY format"
 * page). limit_bytes 0 means the default of 4 GiB. Errors name the file and the place: CVK_E_IO, CVK_E_FORMAT, CVK_E_LIMIT. */
CVK_API int32_t cvk_tensor_read_npy(const char *path, uint64_t limit_bytes, struct cvk_tensor **out);
/* Writes a .npy file (format 1.0); an existing file is replaced only when the new one is whole. */
CVK_API int32_t cvk_tensor_write_npy(const char *path, const struct cvk_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif

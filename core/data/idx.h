/* SPDX-License-Identifier: MIT
 * IDX files, the form in which MNIST and Fashion-MNIST come, plain or packed with gzip. */
#ifndef CVK__IDX_H
#define CVK__IDX_H

#include "file.h"

#define CVK__IDX_MAX_BYTES (1ull << 30) /* of content, unpacked */
#define CVK__MD5_BYTES 16

struct cvk__idx {
    uint32_t rank;
    uint32_t dims[4]; /* images: count, height, width; labels: count */
    uint8_t *data;    /* the product of dims, within `memory` */
    uint8_t *memory;
    uint8_t md5[CVK__MD5_BYTES]; /* of the file as it lies there, where it was asked for */
};

bool cvk__idx_known(const uint8_t *data, uint64_t bytes, const char *path); /* by its first bytes, or gzip and the name */
/* Only unsigned bytes, ranks 1 to 4. */
int32_t cvk__idx_read(const char *path, bool with_md5, struct cvk__idx *out);
void cvk__idx_free(struct cvk__idx *idx);
int32_t cvk__idx_write(const char *path, uint32_t rank, const uint32_t *dims, const uint8_t *data);

/* MD5 as published checksums of data sets have it (RFC 1321); no protection against those who forge. */
void cvk__md5(const uint8_t *data, uint64_t bytes, uint8_t out[CVK__MD5_BYTES]);

#endif

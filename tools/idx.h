/* SPDX-License-Identifier: MIT
 * IDX files, the form in which MNIST and Fashion-MNIST come, plain or packed with gzip. */
#ifndef CONVOKE_IDX_H
#define CONVOKE_IDX_H

#include "tool.h"

#define IDX_MAX_BYTES (1ull << 30) /* of content, unpacked */

struct idx {
    uint32_t rank;
    uint32_t dims[4]; /* images: count, height, width; labels: count */
    uint8_t *data;    /* the product of dims */
};

bool idx_known(const uint8_t *data, uint64_t bytes, const char *path); /* by its first bytes, or gzip and the name */
/* Only unsigned bytes, ranks 1 to 4. TOOL_GO_ON, or the exit code. */
int idx_read(const char *path, struct idx *out);
void idx_free(struct idx *idx);

#endif

/* SPDX-License-Identifier: MIT
 * The safetensors container: 8 bytes with the length of a JSON header, the header, and the tensors one behind the other. */
#ifndef CVK__SAFETENSORS_H
#define CVK__SAFETENSORS_H

#include "../base/base.h"
#include "convoke/tensor.h"

/* What a reader takes at most; JSON takes a multiple of its bytes in memory. */
#define CVK__SAFETENSORS_HEADER_BYTES (16u << 20)
#define CVK__SAFETENSORS_VALUES 2000000u /* in the header */
#define CVK__SAFETENSORS_NESTING 4u

struct cvk__safetensors_entry {
    const char *name;
    struct cvk_tensor_desc desc;
    uint64_t begin; /* from the end of the header */
};
struct cvk__safetensors_text {
    const char *key, *text;
};

/* Writes the file as a whole or not at all. `fill` puts the content of entry i into memory of its size; `begin` of the entries
 * is filled in. Larger elements come first, so that all are aligned. */
int32_t cvk__safetensors_write(const char *path, struct cvk__safetensors_entry *entries, uint32_t count,
                               const struct cvk__safetensors_text *texts, uint32_t text_count,
                               int32_t (*fill)(void *arg, uint32_t i, void *data), void *arg);

struct cvk__safetensors;
/* Reads the header of a file and checks all of it; contents stay in the file. Errors: CVK_E_IO, CVK_E_FORMAT, CVK_E_LIMIT. */
int32_t cvk__safetensors_open(const char *path, struct cvk__safetensors **out);
void cvk__safetensors_close(struct cvk__safetensors *s); /* NULL is fine */
uint32_t cvk__safetensors_count(const struct cvk__safetensors *s);
/* In the order of the file's contents. */
const struct cvk__safetensors_entry *cvk__safetensors_at(const struct cvk__safetensors *s, uint32_t i);
const struct cvk__safetensors_entry *cvk__safetensors_find(const struct cvk__safetensors *s, const char *name);
/* NULL if there is none. */
const char *cvk__safetensors_text(const struct cvk__safetensors *s, const char *key);
/* Copies a content of desc.bytes bytes. */
int32_t cvk__safetensors_read(struct cvk__safetensors *s, const struct cvk__safetensors_entry *e, void *data);

/* "F32" for CVK_F32. */
const char *cvk__safetensors_type(uint32_t dtype);

#endif

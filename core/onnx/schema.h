/* SPDX-License-Identifier: MIT
 * The messages of onnx.proto as the pre-scan sees them: field numbers and wire kinds. */
#ifndef CVK__ONNX_SCHEMA_H
#define CVK__ONNX_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

enum cvk__wire_kind {
    CVK__WIRE_INT64,  /* varint */
    CVK__WIRE_INT32,  /* varint that fits 32 bits, enums too */
    CVK__WIRE_FLOAT,  /* 4 bytes */
    CVK__WIRE_DOUBLE, /* 8 bytes */
    CVK__WIRE_NAME,   /* text with a limit and without NUL */
    CVK__WIRE_TEXT,   /* text without NUL, of any length */
    CVK__WIRE_BYTES,
    CVK__WIRE_MESSAGE
};

/* What the scan counts or sums up besides. */
enum cvk__wire_role {
    CVK__ROLE_NONE,
    CVK__ROLE_TENSOR, /* its data must be as long as its dims say */
    CVK__ROLE_NODE,   /* counted against limits.nodes; at most 64 attributes */
};

struct cvk__wire_message;

struct cvk__wire_field {
    uint32_t number;
    uint8_t kind; /* enum cvk__wire_kind */
    bool repeated;
    const char *name;
    const struct cvk__wire_message *message;
};

#define CVK__WIRE_FIELDS 20 /* of one message, at most */

struct cvk__wire_message {
    const struct cvk__wire_field *fields;
    uint32_t count;
    uint32_t role; /* enum cvk__wire_role */
};

extern const struct cvk__wire_message cvk__wire_model, cvk__wire_tensor;

#endif

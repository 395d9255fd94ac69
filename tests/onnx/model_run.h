/* SPDX-License-Identifier: MIT
 * Running a model on given inputs and comparing with wanted outputs, for the programs that check models. */
#ifndef CVK_TEST_MODEL_RUN_H
#define CVK_TEST_MODEL_RUN_H

#include "convoke/convoke.h"

#include <stddef.h>

enum verdict { VERDICT_PASS, VERDICT_UNSUPPORTED, VERDICT_FAIL };

#define MODEL_FILES 64 /* inputs or outputs of one test, at most */

struct model_case {
    struct cvk_context *ctx;
    const char *device;
    double rtol, atol; /* for floating-point outputs; all others must be equal */
    struct cvk_tensor *inputs[MODEL_FILES], *wanted[MODEL_FILES];
    uint32_t input_count, wanted_count;
    uint32_t opset; /* 13 or 17: the model is written in this opset, and what is read back is run; 0: it is run as it is */
};

/* Loads the model and runs the case, whose inputs may be brought into the model's form. Tells in `why` what was not as it should
 * be. */
enum verdict model_check(const char *path, struct model_case *m, char *why, size_t capacity);
/* Reads folder/input_0.pb, ... and folder/output_0.pb, ... into m. */
enum verdict model_read_set(const char *folder, struct model_case *m, char *why, size_t capacity);
void model_free_set(struct model_case *m);
/* The verdict for a status, with the library's sentence in `why`. */
enum verdict model_verdict(int32_t status, const char *where, char *why, size_t capacity);

#endif

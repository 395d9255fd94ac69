/* SPDX-License-Identifier: MIT
 * What the tests of the importer expect of a failure: its status and words of its sentence. */
#ifndef CVK_TEST_EXPECT_H
#define CVK_TEST_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"
#include "pbwrite.h"

static inline void expect_text(const char *words)
{
    if (!strstr(cvk_error_text(), words))
        fail_msg("'%s' is not in: %s", words, cvk_error_text());
}

/* Loads a model, frees it, and expects a failure whose sentence has both words (NULL: any). */
static inline void expect_failure(struct pb model, const struct cvk_onnx_limits *limits, int32_t status, const char *a,
                                  const char *b)
{
    struct cvk_graph *g = (struct cvk_graph *)&model;
    int32_t got = cvk_onnx_load_memory(model.data, model.bytes, limits, &g);
    pb_free(&model);
    if (got != status)
        fail_msg("%s instead of %s: %s", cvk_status_name(got), cvk_status_name(status), got == CVK_OK ? "" : cvk_error_text());
    assert_null(g);
    if (a)
        expect_text(a);
    if (b)
        expect_text(b);
}

static inline struct cvk_graph *expect_model(struct pb model)
{
    struct cvk_graph *g = NULL;
    int32_t got = cvk_onnx_load_memory(model.data, model.bytes, NULL, &g);
    pb_free(&model);
    if (got != CVK_OK)
        fail_msg("%s: %s", cvk_status_name(got), cvk_error_text());
    assert_non_null(g);
    return g;
}

#endif

/* SPDX-License-Identifier: MIT
 * Tables for the shape rules of ops: what is refused, with which status and which words in the sentence, and what comes out of
 * legal calls. Everything goes through the public builder calls. */
#ifndef TESTS_RULES_H
#define TESTS_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"
#include "convoke/plugin.h" /* the ops' numbers */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RULE_INPUTS 6
#define RULE_OUTPUTS 4

/* One input of an op: left out, known by type and sizes alone, or a constant. */
struct rule_input {
    uint32_t dtype; /* 0: left out */
    uint32_t rank;
    int64_t dims[CVK_MAX_RANK];
    const void *content; /* NULL: an input of the net */
};

#define RULE_DIMS(...) .rank = COUNT(((int64_t[]){__VA_ARGS__})), .dims = {__VA_ARGS__}
#define OF(type, ...) {.dtype = (type), RULE_DIMS(__VA_ARGS__)}
#define X(...) OF(CVK_F32, __VA_ARGS__)
#define SCALAR(type) {.dtype = (type)}
#define NONE {.dtype = 0}
#define LIST(type, c, ...) \
    {.dtype = (type), .rank = 1, .dims = {COUNT(((c[]){__VA_ARGS__}))}, .content = (const c[]){__VA_ARGS__}}
#define INTS(...) LIST(CVK_I64, int64_t, __VA_ARGS__)
#define FLOATS(...) LIST(CVK_F32, float, __VA_ARGS__)
#define NO_INTS {.dtype = CVK_I64, .rank = 1, .content = ""}
#define P(op, ...) (&(const struct cvk_##op##_params){__VA_ARGS__})
#define HUGE_SIZE (INT64_C(1) << 62)

struct rule_case {
    const char *label;
    const void *params;
    struct rule_input inputs[RULE_INPUTS]; /* up to the last that is not left out, or input_count */
    const char *want; /* refused: words, "group 3|4 input channels"; legal: types and sizes of the outputs, "f32 1x4|i64 1x4" */
    int32_t status;
    uint32_t input_count;  /* 0: see inputs */
    uint32_t output_count; /* 0: as many as `want` has for legal calls, else 1 */
};

#define ROW(text, p, words, code, ...) \
    {.label = (text), .params = (p), .inputs = {__VA_ARGS__}, .want = (words), .status = (code)}
#define FITS(text, p, outputs, ...) ROW(text, p, outputs, CVK_OK, __VA_ARGS__)
#define BAD(text, p, words, ...) ROW(text, p, words, CVK_E_ARG, __VA_ARGS__)
#define MISFIT(text, p, words, ...) ROW(text, p, words, CVK_E_SHAPE, __VA_ARGS__)
#define TOO_BIG(text, p, words, ...) ROW(text, p, words, CVK_E_LIMIT, __VA_ARGS__)

static inline uint32_t rule_inputs(struct cvk_graph *g, const struct rule_case *r, cvk_value *inputs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RULE_INPUTS; i++) {
        const struct rule_input *in = &r->inputs[i];
        char name[32];
        snprintf(name, sizeof name, "in%u", i);
        inputs[i] = 0;
        if (in->dtype && in->content)
            inputs[i] = cvk_constant(g, name, in->dtype, in->rank, in->dims, in->content);
        else if (in->dtype)
            inputs[i] = cvk_input(g, name, in->dtype, in->rank, in->dims);
        if (in->dtype)
            count = i + 1;
    }
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s: the inputs are wrong already: %s", r->label, cvk_graph_error(g));
    return r->input_count ? r->input_count : count;
}

/* Every part of `words` between '|' must be in the sentence. */
static inline void rule_has_words(const char *label, const char *sentence, const char *words)
{
    for (const char *at = words; *at;) {
        size_t bytes = strcspn(at, "|");
        char word[160];
        assert_true(bytes > 0 && bytes < sizeof word);
        memcpy(word, at, bytes);
        word[bytes] = '\0';
        if (!strstr(sentence, word))
            fail_msg("%s: no '%s' in: %s", label, word, sentence);
        at += bytes + (at[bytes] == '|');
    }
}

/* One line of plain words, and nothing in it that a failed format leaves behind. */
static inline void rule_is_sentence(const char *label, const char *sentence)
{
    if (!sentence)
        fail_msg("%s: no sentence", label);
    else if (strlen(sentence) < 10 || strlen(sentence) > 700 || strchr(sentence, '\n') || strchr(sentence, '%') ||
             strstr(sentence, "(null)") || strstr(sentence, "  "))
        fail_msg("%s: not a clear sentence: %s", label, sentence);
}

static inline void rule_refused(uint32_t op, const char *op_name, const struct rule_case *r)
{
    struct cvk_graph *g = NULL;
    cvk_value inputs[RULE_INPUTS], outputs[RULE_OUTPUTS] = {7, 7, 7, 7};
    char prefix[64];
    assert_int_equal(cvk_graph_create("rules", &g), CVK_OK);
    uint32_t input_count = rule_inputs(g, r, inputs), output_count = r->output_count ? r->output_count : 1;
    assert_true(output_count <= RULE_OUTPUTS);
    int32_t status = cvk_graph_add(g, op, r->params, inputs, input_count, outputs, output_count);
    if (status != r->status)
        fail_msg("%s, %s: status %s instead of %s: %s", op_name, r->label, cvk_status_name(status), cvk_status_name(r->status),
                 status ? cvk_graph_error(g) : "accepted");
    assert_int_equal(cvk_graph_status(g), status);
    for (uint32_t i = 0; i < output_count; i++)
        assert_int_equal(outputs[i], 0);
    const char *sentence = cvk_graph_error(g);
    assert_string_equal(sentence, cvk_error_text());
    snprintf(prefix, sizeof prefix, "%s '%s_0': ", op_name, op_name);
    if (strncmp(sentence, prefix, strlen(prefix)) != 0)
        fail_msg("%s: does not begin with \"%s\": %s", r->label, prefix, sentence);
    rule_is_sentence(r->label, sentence);
    rule_has_words(r->label, sentence, r->want);
    cvk_graph_destroy(g);
}

static inline void rule_accepted(uint32_t op, const char *op_name, const struct rule_case *r)
{
    struct cvk_graph *g = NULL;
    cvk_value inputs[RULE_INPUTS], outputs[RULE_OUTPUTS] = {0};
    char text[CVK_SHAPE_TEXT], have[512] = "";
    uint32_t output_count = r->output_count ? r->output_count : 1;
    for (const char *at = r->want; (at = strchr(at, '|')) && !r->output_count; at++)
        output_count++;
    assert_int_equal(cvk_graph_create("rules", &g), CVK_OK);
    uint32_t input_count = rule_inputs(g, r, inputs);
    assert_true(output_count <= RULE_OUTPUTS);
    if (cvk_graph_add(g, op, r->params, inputs, input_count, outputs, output_count) != CVK_OK)
        fail_msg("%s, %s: refused: %s", op_name, r->label, cvk_graph_error(g));
    for (uint32_t i = 0; i < output_count; i++) {
        const struct cvk_tensor_desc *d = cvk_graph_desc(g, outputs[i]);
        assert_non_null(d);
        snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s %s", i ? "|" : "", cvk_dtype_name(d->dtype),
                 cvk_shape_text(d->rank, d->dims, text));
    }
    if (strcmp(have, r->want) != 0)
        fail_msg("%s, %s: gives %s, not %s", op_name, r->label, have, r->want);
    cvk_graph_destroy(g);
}

/* Rows with a status must be refused, rows without one accepted. */
static inline void rule_table(uint32_t op, const char *op_name, const struct rule_case *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (rows[i].status ? rule_refused : rule_accepted)(op, op_name, &rows[i]);
}

/* A cmocka test over a table named after its op. */
#define RULE_TEST(NAME, name)                                                \
    static void test_##name(void **state)                                    \
    {                                                                        \
        (void)state;                                                         \
        rule_table(CVK_OP_##NAME, #name, name##_rows, COUNT(name##_rows));   \
    }

#endif

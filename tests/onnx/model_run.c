/* SPDX-License-Identifier: MIT
 * Running a model on given inputs and comparing with wanted outputs. */
#include "model_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum verdict model_verdict(int32_t status, const char *where, char *why, size_t capacity)
{
    if (status == CVK_OK)
        return VERDICT_PASS;
    if (status == CVK_E_UNSUPPORTED)
        snprintf(why, capacity, "%s", cvk_error_text());
    else
        snprintf(why, capacity, "%s: %s: %s", where, cvk_status_name(status), cvk_error_text());
    return status == CVK_E_UNSUPPORTED ? VERDICT_UNSUPPORTED : VERDICT_FAIL;
}

static int is_float(uint32_t dtype)
{
    return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

static int is_near(double got, double wanted, double rtol, double atol)
{
    if (isnan(got) || isnan(wanted))
        return isnan(got) && isnan(wanted);
    if (isinf(got) || isinf(wanted))
        return got == wanted;
    return fabs(got - wanted) <= atol + rtol * fabs(wanted);
}

/* The number of elements that differ; *first is the first of them. */
static uint64_t count_wrong(const struct cvk_tensor *got, const struct cvk_tensor *wanted, const struct model_case *m,
                            uint64_t *first)
{
    uint32_t dtype = cvk_tensor_get_desc(got)->dtype, each = cvk_dtype_bytes(dtype);
    const char *x = cvk_tensor_data(got), *y = cvk_tensor_data(wanted);
    /* bf16 has 8 bits, and the official files were cut where we round: one step is allowed. */
    double rtol = dtype == CVK_BF16 ? 0x1p-7 : m->rtol;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < cvk_tensor_count(got); i++) {
        int same = is_float(dtype) ? is_near(cvk_tensor_at(got, i), cvk_tensor_at(wanted, i), rtol, m->atol)
                                   : !memcmp(x + i * each, y + i * each, each);
        if (!same && !wrong++)
            *first = i;
    }
    return wrong;
}

static enum verdict compare(const struct cvk_tensor *got, const struct cvk_tensor *wanted, uint32_t output,
                            const struct model_case *m, char *why, size_t capacity)
{
    const struct cvk_tensor_desc *g = cvk_tensor_get_desc(got), *w = cvk_tensor_get_desc(wanted);
    char a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
    int bits = g->dtype == CVK_BF16 && w->dtype == CVK_U16; /* how the files write bf16 */
    if ((g->dtype != w->dtype && !bits) || g->rank != w->rank || memcmp(g->dims, w->dims, g->rank * sizeof g->dims[0])) {
        snprintf(why, capacity, "output %u is %s %s, wanted %s %s", output, cvk_dtype_name(g->dtype),
                 cvk_shape_text(g->rank, g->dims, a), cvk_dtype_name(w->dtype), cvk_shape_text(w->rank, w->dims, b));
        return VERDICT_FAIL;
    }
    struct cvk_tensor *view = NULL;
    int32_t status = cvk_tensor_wrap(g->dtype, w->rank, w->dims, cvk_tensor_data(wanted), cvk_tensor_bytes(wanted), &view);
    if (status != CVK_OK)
        return model_verdict(status, "comparing", why, capacity);
    uint64_t first = 0, wrong = count_wrong(got, view, m, &first);
    if (wrong)
        snprintf(why, capacity, "output %u: %llu of %llu elements differ; element %llu is %.9g, wanted %.9g", output,
                 (unsigned long long)wrong, (unsigned long long)cvk_tensor_count(got), (unsigned long long)first,
                 cvk_tensor_at(got, first), cvk_tensor_at(view, first));
    cvk_tensor_destroy(view);
    return wrong ? VERDICT_FAIL : VERDICT_PASS;
}

static enum verdict compare_all(struct cvk_session *s, const struct model_case *m, char *why, size_t capacity)
{
    if (cvk_session_output_count(s) != m->wanted_count) {
        snprintf(why, capacity, "%u outputs, wanted %u", cvk_session_output_count(s), m->wanted_count);
        return VERDICT_FAIL;
    }
    for (uint32_t i = 0; i < m->wanted_count; i++) {
        const struct cvk_tensor_desc *d = cvk_session_output_desc(s, i);
        struct cvk_tensor *got = NULL;
        int32_t status = cvk_tensor_create(d->dtype, d->rank, d->dims, &got);
        if (status == CVK_OK)
            status = cvk_session_read(s, i, got);
        enum verdict v = model_verdict(status, "reading an output", why, capacity);
        if (v == VERDICT_PASS)
            v = compare(got, m->wanted[i], i, m, why, capacity);
        cvk_tensor_destroy(got);
        if (v != VERDICT_PASS)
            return v;
    }
    return VERDICT_PASS;
}

/* Some official files do not fit their model: bf16 is written as u16 with the same bits, and an input of many elements, of which
 * only the type matters, with one element. *tensor is replaced by what the model declares. */
static int32_t fit(const struct cvk_tensor_desc *declared, struct cvk_tensor **tensor)
{
    const struct cvk_tensor_desc *d = cvk_tensor_get_desc(*tensor);
    if (!declared || (d->dtype == declared->dtype && !(d->rank == 1 && d->dims[0] == 1)))
        return CVK_OK;
    int one = cvk_tensor_count(*tensor) == 1;
    if (d->dtype != declared->dtype && !(d->dtype == CVK_U16 && declared->dtype == CVK_BF16))
        return CVK_OK;
    struct cvk_tensor *fitted = NULL;
    int32_t status = cvk_tensor_create(declared->dtype, one ? declared->rank : d->rank, one ? declared->dims : d->dims, &fitted);
    if (status != CVK_OK)
        return status;
    uint32_t each = cvk_dtype_bytes(declared->dtype);
    for (uint64_t i = 0; i < cvk_tensor_count(fitted); i++)
        memcpy((char *)cvk_tensor_data(fitted) + i * each, (const char *)cvk_tensor_data(*tensor) + (one ? 0 : i * each), each);
    cvk_tensor_destroy(*tensor);
    *tensor = fitted;
    return CVK_OK;
}

static enum verdict run(struct cvk_graph *g, struct model_case *m, char *why, size_t capacity)
{
    struct cvk_session_input inputs[MODEL_FILES];
    memset(inputs, 0, sizeof inputs);
    if (cvk_graph_input_count(g) != m->input_count) {
        snprintf(why, capacity, "%u inputs, but %u files", cvk_graph_input_count(g), m->input_count);
        return VERDICT_FAIL;
    }
    for (uint32_t i = 0; i < m->input_count; i++) {
        int32_t status = fit(cvk_graph_desc(g, cvk_graph_input(g, i)), &m->inputs[i]);
        if (status != CVK_OK)
            return model_verdict(status, "fitting an input", why, capacity);
        const struct cvk_tensor_desc *d = cvk_tensor_get_desc(m->inputs[i]);
        inputs[i].rank = d->rank;
        inputs[i].dims = d->dims;
        inputs[i].content = cvk_tensor_data(m->inputs[i]);
    }
    const struct cvk_session_params params = {.device = m->device, .input_count = m->input_count, .inputs = inputs};
    struct cvk_session *s = NULL;
    enum verdict v = model_verdict(cvk_session_create(m->ctx, g, &params, &s), "session", why, capacity);
    for (uint32_t i = 0; i < m->input_count && v == VERDICT_PASS; i++)
        v = model_verdict(cvk_session_write(s, i, m->inputs[i]), "writing an input", why, capacity);
    if (v == VERDICT_PASS)
        v = model_verdict(cvk_session_run(s), "run", why, capacity);
    if (v == VERDICT_PASS)
        v = compare_all(s, m, why, capacity);
    cvk_session_destroy(s);
    return v;
}

/* Replaces the graph by what comes back from a model that is written of it. */
static int32_t write_and_read(struct cvk_graph **g, uint32_t opset)
{
    struct cvk_tensor *bytes = NULL;
    struct cvk_graph *again = NULL;
    int32_t status = cvk_onnx_save_memory(*g, &(struct cvk_onnx_save_params){.opset = opset}, &bytes);
    if (status == CVK_OK)
        status = cvk_onnx_load_memory(cvk_tensor_data(bytes), cvk_tensor_bytes(bytes), NULL, &again);
    cvk_tensor_destroy(bytes);
    if (status == CVK_OK) {
        cvk_graph_destroy(*g);
        *g = again;
    }
    return status;
}

enum verdict model_check(const char *path, struct model_case *m, char *why, size_t capacity)
{
    struct cvk_graph *g = NULL;
    enum verdict v = model_verdict(cvk_onnx_load(path, NULL, &g), "load", why, capacity);
    if (v == VERDICT_PASS && m->opset)
        v = model_verdict(write_and_read(&g, m->opset), "writing the model", why, capacity);
    if (v == VERDICT_PASS)
        v = run(g, m, why, capacity);
    cvk_graph_destroy(g);
    return v;
}

static enum verdict read_files(const char *folder, const char *kind, struct cvk_tensor **out, uint32_t *count, char *why,
                               size_t capacity)
{
    for (*count = 0; *count < MODEL_FILES; (*count)++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s_%u.pb", folder, kind, *count);
        if (access(path, F_OK))
            break;
        enum verdict v = model_verdict(cvk_onnx_read_tensor(path, NULL, &out[*count], NULL), "reading test data", why, capacity);
        if (v != VERDICT_PASS)
            return v;
    }
    return VERDICT_PASS;
}

enum verdict model_read_set(const char *folder, struct model_case *m, char *why, size_t capacity)
{
    enum verdict v = read_files(folder, "input", m->inputs, &m->input_count, why, capacity);
    return v == VERDICT_PASS ? read_files(folder, "output", m->wanted, &m->wanted_count, why, capacity) : v;
}

void model_free_set(struct model_case *m)
{
    for (uint32_t i = 0; i < MODEL_FILES; i++) {
        cvk_tensor_destroy(m->inputs[i]);
        cvk_tensor_destroy(m->wanted[i]);
        m->inputs[i] = m->wanted[i] = NULL;
    }
    m->input_count = m->wanted_count = 0;
}

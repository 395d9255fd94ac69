/* SPDX-License-Identifier: MIT
 * A net and what comes back from a model that is written of it, side by side. */
#ifndef CVK_TEST_WRITTEN_H
#define CVK_TEST_WRITTEN_H

#include <math.h>

#include "convoke/rng.h"
#include "expect.h"
#include "graph/ir.h"

#define WRITTEN_OUTPUTS 8

static inline struct cvk_graph *written(const struct cvk_graph *g, uint32_t opset, uint32_t fold_norms)
{
    const struct cvk_onnx_save_params params = {.opset = opset, .fold_norms = fold_norms};
    struct cvk_tensor *bytes = NULL;
    struct cvk_graph *again = NULL;
    if (cvk_onnx_save_memory(g, &params, &bytes) != CVK_OK)
        fail_msg("writing: %s", cvk_error_text());
    if (cvk_onnx_load_memory(cvk_tensor_data(bytes), cvk_tensor_bytes(bytes), NULL, &again) != CVK_OK)
        fail_msg("reading what was written: %s", cvk_error_text());
    cvk_tensor_destroy(bytes);
    return again;
}

/* Numbers between -4 and 4 for broken types, small ones around 0 (from 0 on without a sign) for whole ones. */
static inline void fill_input(struct cvk_tensor *t, uint64_t stream)
{
    const struct cvk_tensor_desc *d = cvk_tensor_get_desc(t);
    unsigned char *data = cvk_tensor_data(t);
    uint32_t each = cvk_dtype_bytes(d->dtype);
    for (uint64_t i = 0; i < cvk_tensor_count(t); i++) {
        float value = 8 * cvk_rng_uniform(9, stream, i) - 4;
        double wide = (double)value;
        int64_t whole = (int64_t)value;
        if (d->dtype == CVK_BOOL)
            whole = whole > 0;
        else if (d->dtype == CVK_U8 || d->dtype == CVK_U16 || d->dtype == CVK_U32 || d->dtype == CVK_U64)
            whole = whole < 0 ? -whole : whole;
        assert_true(d->dtype != CVK_F16 && d->dtype != CVK_BF16);
        memcpy(data + i * each,
               d->dtype == CVK_F32   ? (void *)&value
               : d->dtype == CVK_F64 ? (void *)&wide
                                     : (void *)&whole,
               each);
    }
}

/* Runs the net on ref; outputs are the caller's. */
static inline void run_net(struct cvk_context *ctx, const struct cvk_graph *g, int64_t batch, struct cvk_tensor **out)
{
    struct cvk_session *s = NULL;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .batch = batch}, &s) != CVK_OK)
        fail_msg("session: %s", cvk_error_text());
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
        const struct cvk_tensor_desc *d = cvk_session_input_desc(s, i);
        struct cvk_tensor *x = NULL;
        assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &x), CVK_OK);
        fill_input(x, i);
        assert_int_equal(cvk_session_write(s, i, x), CVK_OK);
        cvk_tensor_destroy(x);
    }
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("run: %s", cvk_error_text());
    assert_true(cvk_session_output_count(s) <= WRITTEN_OUTPUTS);
    for (uint32_t i = 0; i < cvk_session_output_count(s); i++) {
        const struct cvk_tensor_desc *d = cvk_session_output_desc(s, i);
        assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &out[i]), CVK_OK);
        assert_int_equal(cvk_session_read(s, i, out[i]), CVK_OK);
    }
    cvk_session_destroy(s);
}

/* Both nets give the same: bit for bit where tolerance is 0, else within so much of 1 and of the number. */
static inline void expect_same(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_graph *again, int64_t batch,
                               double tolerance)
{
    struct cvk_tensor *a[WRITTEN_OUTPUTS] = {0}, *b[WRITTEN_OUTPUTS] = {0};
    assert_int_equal(cvk_graph_input_count(g), cvk_graph_input_count(again));
    assert_int_equal(cvk_graph_output_count(g), cvk_graph_output_count(again));
    run_net(ctx, g, batch, a);
    run_net(ctx, again, batch, b);
    for (uint32_t i = 0; i < cvk_graph_output_count(g); i++) {
        const struct cvk_tensor_desc *x = cvk_tensor_get_desc(a[i]), *y = cvk_tensor_get_desc(b[i]);
        assert_int_equal(x->dtype, y->dtype);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->dims, y->dims, x->rank * sizeof x->dims[0]);
        if (tolerance == 0)
            assert_memory_equal(cvk_tensor_data(a[i]), cvk_tensor_data(b[i]), x->bytes);
        for (uint64_t k = 0; k < cvk_tensor_count(a[i]); k++) {
            double p = cvk_tensor_at(a[i], k), q = cvk_tensor_at(b[i], k);
            if (!(fabs(p - q) <= tolerance * (1 + fabs(p))) && !(isnan(p) && isnan(q)) && p != q)
                fail_msg("output %u, element %llu: %.9g, and %.9g after writing", i, (unsigned long long)k, p, q);
        }
        cvk_tensor_destroy(a[i]);
        cvk_tensor_destroy(b[i]);
    }
}

#endif

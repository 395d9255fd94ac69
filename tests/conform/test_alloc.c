/* SPDX-License-Identifier: MIT
 * Every allocation of the library fails in turn, from making a context to running a net: each time a status and a sentence,
 * never a crash, and (under a sanitizer) never a leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "convoke/convoke.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

/* A net with every kind of thing that is allocated: weights, names, a branch, a fused epilogue, a view, two outputs. */
static int32_t build(struct cvk_graph **out)
{
    int32_t status = cvk_graph_create("net", out);
    struct cvk_graph *g = *out;
    if (status != CVK_OK)
        return status;
    cvk_value x = cvk_input(g, "image", CVK_F32, 4, (int64_t[]){CVK_BATCH, 1, 12, 12});
    cvk_value y = cvk_relu(g, cvk_layer_conv(g, x, 4, 3));
    y = cvk_name(g, cvk_pool(g, y, &(struct cvk_pool_params){.kernel = {2, 2}, .stride = {2, 2}}, NULL), "pool");
    y = cvk_add(g, y, cvk_sigmoid(g, y));
    y = cvk_layer_dense(g, cvk_flatten(g, y), 5);
    cvk_output(g, y, "logits");
    cvk_output(g, cvk_softmax(g, y, &(struct cvk_softmax_params){.axis = 1}), "prob");
    return cvk_graph_status(g);
}

static int32_t run(struct cvk_session *s)
{
    struct cvk_tensor *image = NULL, *prob = NULL;
    int32_t status = cvk_tensor_create(CVK_F32, 4, (int64_t[]){2, 1, 12, 12}, &image);
    if (status == CVK_OK)
        status = cvk_tensor_create(CVK_F32, 2, (int64_t[]){2, 5}, &prob);
    if (status == CVK_OK)
        status = cvk_session_write(s, 0, image);
    if (status == CVK_OK)
        status = cvk_session_run(s);
    if (status == CVK_OK)
        status = cvk_session_read(s, 1, prob);
    if (status == CVK_OK) {
        double sum = 0;
        for (uint64_t i = 0; i < 5; i++)
            sum += cvk_tensor_at(prob, i);
        assert_true(sum > 0.999 && sum < 1.001);
    }
    cvk_tensor_destroy(image);
    cvk_tensor_destroy(prob);
    return status;
}

/* All of it; the status of the first step that fails. */
static int32_t everything(void)
{
    struct cvk_context *ctx = NULL;
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    const struct cvk_context_params params = {.threads = 2, .log = drop_log};
    int32_t status = cvk_context_create(&params, &ctx);
    if (status == CVK_OK)
        status = build(&g);
    if (status == CVK_OK)
        status = cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .batch = 2}, &s);
    if (status == CVK_OK)
        status = run(s);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
    return status;
}

static void each_failed_allocation_gives_a_status(void **state)
{
    (void)state;
    if (everything() != CVK_OK)
        fail_msg("without failures: %s", cvk_error_text());
    uint64_t before = cvk__alloc_calls();
    assert_int_equal(everything(), CVK_OK);
    uint64_t total = cvk__alloc_calls() - before, failed = 0;
    assert_true(total > 50);
    for (uint64_t n = 0; n < total; n++) {
        cvk__fail(CVK_OK, "no sentence");
        cvk__alloc_fail_after((int64_t)n);
        int32_t status = everything();
        cvk__alloc_fail_never();
        assert_true(status <= 0);
        failed += status != CVK_OK;
        if (status != CVK_OK && (!cvk_error_text()[0] || strcmp(cvk_error_text(), "no sentence") == 0))
            fail_msg("allocation %llu of %llu: %s without a sentence", (unsigned long long)n, (unsigned long long)total,
                     cvk_status_name(status));
    }
    /* Everything behind a failed allocation fails as well, so hardly any run may claim success. */
    assert_true(failed * 100 >= total * 95);
    assert_int_equal(everything(), CVK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_failed_allocation_gives_a_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

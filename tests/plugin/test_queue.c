/* SPDX-License-Identifier: MIT
 * The host's use of what a device may offer beyond the least: a queue, marks, mapping, a clock, opaque memory, blocked layouts.
 * The plugin works only when somebody waits for it, so a wait that is forgotten is a wrong number. */
#include "async_plugin.h"
#include "convoke/session.h"
#include "device/backend.h"
#include "plugin_test.h"

static struct cvk_context *with_async(void)
{
    struct cvk_context *ctx = test_context(NULL);
    if (cvk_plugin_load(ctx, PLUGINS_DIR "/async.so") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

static struct cvk__device *open_one(struct cvk_context *ctx, const char *spec, struct cvk__device_list *list)
{
    if (cvk__device_list_open(ctx, spec, list) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return list->devices[0];
}

static const struct async_counts *counts_of(const struct cvk__device *d)
{
    const struct async_counts *counts = d->backend->api.get_interface(d->handle, "test.counts", 1);
    assert_non_null(counts);
    return counts;
}

static void test_interfaces(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_async();
    struct cvk__device_list list;
    struct cvk__device *d = open_one(ctx, "async:1", &list);
    assert_non_null(d->queue);
    assert_non_null(d->event_api);
    assert_non_null(d->map_api);
    assert_non_null(d->profile_api);
    assert_false(d->host_memory);
    assert_int_equal(d->info.offset_align, 256);
    assert_int_equal(counts_of(d)->queues, 1);
    cvk__device_list_close(&list);
    d = open_one(ctx, "ref", &list);
    assert_true(d->host_memory);
    assert_null(d->queue);
    assert_null(d->map_api);
    cvk__device_list_close(&list);
    cvk_context_destroy(ctx);
}

/* Write, copy, read: on the host's memory, on opaque memory through the host, and through a map. */
static void test_buffers(void **state)
{
    (void)state;
    static const char *const specs[] = {"ref", "async:1", "async:2"};
    enum { BYTES = 3 << 20 }; /* more than the piece that the host copies at once */
    struct cvk_context *ctx = with_async();
    unsigned char *in = malloc(BYTES), *out = malloc(BYTES);
    assert_true(in && out);
    for (uint32_t i = 0; i < BYTES; i++)
        in[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
        struct cvk__device_list list;
        struct cvk__device *d = open_one(ctx, specs[s], &list);
        void *a = NULL, *b = NULL;
        assert_int_equal(cvk__buffer_alloc(d, BYTES, &a), CVK_OK);
        assert_int_equal(cvk__buffer_alloc(d, BYTES + 10, &b), CVK_OK);
        assert_int_equal(cvk__buffer_write(d, a, 0, in, BYTES), CVK_OK);
        assert_int_equal(cvk__buffer_copy(d, a, 5, b, 10, BYTES - 5), CVK_OK);
        assert_int_equal(cvk__buffer_write(d, b, 20, "hello", 5), CVK_OK);
        assert_int_equal(cvk__buffer_read(d, b, 10, out, BYTES - 5), CVK_OK);
        assert_memory_equal(out + 10, "hello", 5);
        memcpy(out + 10, in + 15, 5);
        assert_memory_equal(out, in + 5, BYTES - 5);
        assert_int_equal(cvk__buffer_write(d, a, 0, in, 0), CVK_OK);
        assert_int_equal(cvk__device_finish(d), CVK_OK);
        if (s > 0) {
            assert_int_equal(counts_of(d)->buffers, 2);
            assert_int_equal(counts_of(d)->maps, 0);
            assert_int_equal(counts_of(d)->mapped > 0, s == 2); /* only where host and device share memory */
        } else {
            assert_int_equal((uintptr_t)a % CVK_ALIGN_BYTES, 0);
            volatile unsigned char tail = ((unsigned char *)a)[BYTES + CVK_TAIL_BYTES - 1];
            (void)tail;
        }
        cvk__buffer_free(d, a);
        cvk__buffer_free(d, b);
        cvk__buffer_free(d, NULL);
        cvk__device_list_close(&list);
    }
    free(in);
    free(out);
    cvk_context_destroy(ctx);
}

/* No memory on the device: the driver's word, its number and its advice reach the caller. */
static void test_no_memory(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_async();
    struct cvk__device_list list;
    struct cvk__device *d = open_one(ctx, "async:0(fail=alloc)", &list);
    void *buffer = ctx;
    assert_int_equal(cvk__buffer_alloc(d, 100, &buffer), CVK_E_MEMORY);
    assert_null(buffer);
    test_words(cvk_error_text(),
               "100 bytes|async:0(fail=alloc): the device is full (MEM_OBJECT_ALLOCATION_FAILURE, -4); use a smaller batch");
    assert_int_equal(cvk__buffer_alloc(d, (uint64_t)2 << 30, &buffer), CVK_E_MEMORY);
    test_words(cvk_error_text(), "larger than the device's limit of 1073741824");
    cvk__device_list_close(&list);

    assert_int_equal(cvk_plugin_load(ctx, PLUGINS_DIR "/bad_ALLOC_FAILS.so"), CVK_OK);
    d = open_one(ctx, "bad", &list);
    assert_int_equal(cvk__buffer_alloc(d, 100, &buffer), CVK_E_MEMORY);
    test_words(cvk_error_text(), "100 bytes|bad:0: allocating a buffer failed (CVK_E_MEMORY) and the plugin gave no reason");
    assert_int_equal(cvk__buffer_write(d, ctx, 0, "x", 1), CVK_E_DEVICE);
    test_words(cvk_error_text(), "bad:0: writing to a buffer failed with the unknown code 12345");
    cvk__device_list_close(&list);
    cvk_context_destroy(ctx);
}

/* conv without bias, so that the plugin's row takes it: weights from fixed numbers. */
static struct cvk_graph *make_net(void)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("net", &g), CVK_OK);
    float w[12 * 8 * 9];
    for (size_t i = 0; i < sizeof w / sizeof w[0]; i++)
        w[i] = (float)((int)(i * 37 % 23) - 11) / 16;
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 6, 9, 9});
    cvk_value w1 = cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){8, 6, 3, 3}, w);
    cvk_value w2 = cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){12, 8, 3, 3}, w);
    cvk_value y = cvk_relu(g, cvk_conv(g, x, w1, 0, NULL));
    y = cvk_conv(g, y, w2, 0, &(struct cvk_conv_params){.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}});
    cvk_output(g, cvk_sigmoid(g, cvk_relu(g, y)), "y");
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s", cvk_graph_error(g));
    return g;
}

static void run(struct cvk_session *s, int32_t seed, float **values, uint64_t *count)
{
    struct cvk_tensor *x = NULL, *y = NULL;
    const struct cvk_tensor_desc *xd = cvk_session_input_desc(s, 0), *yd = cvk_session_output_desc(s, 0);
    assert_int_equal(cvk_tensor_create(CVK_F32, xd->rank, xd->dims, &x), CVK_OK);
    assert_int_equal(cvk_tensor_create(CVK_F32, yd->rank, yd->dims, &y), CVK_OK);
    for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
        ((float *)cvk_tensor_data(x))[i] = (float)((int32_t)(i * 29 % 31) - 15 + seed) / 8;
    if (cvk_session_write(s, 0, x) != CVK_OK || cvk_session_run(s) != CVK_OK || cvk_session_read(s, 0, y) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    *count = cvk_tensor_count(y);
    *values = malloc(*count * sizeof **values);
    assert_non_null(*values);
    memcpy(*values, cvk_tensor_data(y), *count * sizeof **values);
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
}

/* The same net on the reference alone and shared with the queue device, twice each: blocked layouts, copies, waits. */
static void test_session(void **state)
{
    (void)state;
    static const char *const devices[] = {"async:0+ref", "async:2+ref", "async:0+async:1+ref"};
    struct cvk_context *ctx = with_async();
    struct cvk_graph *g = make_net();
    struct cvk_session *truth = NULL;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .batch = 2}, &truth), CVK_OK);
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        struct cvk_session *s = NULL;
        const struct cvk_session_params params = {
            .device = devices[i], .batch = 2, .flags = CVK_SESSION_NO_FUSE | (i == 1 ? CVK_SESSION_PROFILE : 0)};
        if (cvk_session_create(ctx, g, &params, &s) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        for (int32_t seed = 0; seed < 2; seed++) {
            float *want, *got;
            uint64_t count, count_again;
            run(truth, seed, &want, &count);
            run(s, seed, &got, &count_again);
            assert_int_equal(count, count_again);
            for (uint64_t k = 0; k < count; k++)
                if (!(got[k] - want[k] < 1e-4f && want[k] - got[k] < 1e-4f))
                    fail_msg("%s: element %llu is %g, not %g", devices[i], (unsigned long long)k, (double)got[k],
                             (double)want[k]);
            free(want);
            free(got);
        }
        uint32_t blocked = 0;
        for (uint32_t n = 0; n < cvk_session_node_count(s); n++) {
            struct cvk_node_report r;
            assert_int_equal(cvk_session_node(s, n, &r), CVK_OK);
            if (strcmp(r.kernel, "blocked") != 0)
                continue;
            blocked++;
            assert_int_equal(r.inputs[0]->layout, CVK_LAYOUT_NC8);
            assert_true(strncmp(r.device, "async:", 6) == 0);
            if (i == 1)
                assert_true(r.time_ns == 1000); /* the device's own clock, one job */
        }
        assert_int_equal(blocked, 2);
        struct cvk_session_report report;
        assert_int_equal(cvk_session_get_report(s, &report), CVK_OK);
        assert_true(report.copies >= 1 && report.reorders >= 2);
        cvk_session_destroy(s);
    }
    cvk_session_destroy(truth);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* A device without memory fails the session with its own words, and nothing stays behind. */
static void test_session_fails(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_async();
    struct cvk_graph *g = make_net();
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "async(fail=alloc)+ref"}, &s),
                     CVK_E_MEMORY);
    assert_null(s);
    test_words(cvk_error_text(), "the device is full|MEM_OBJECT_ALLOCATION_FAILURE, -4");
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interfaces), cmocka_unit_test(test_buffers),       cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_session),    cmocka_unit_test(test_session_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

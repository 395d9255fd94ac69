/* SPDX-License-Identifier: MIT
 * The contents of tensors, which are left where they are until their place in memory is known: right bytes from files and from
 * memory, whatever the file does meanwhile, and once in memory. */
#include "base/base.h"
#include "expect.h"
#include "graph/ir.h"
#include "temp_file.h"

#include <errno.h>
#include <sys/syscall.h>

/* ---- pread of this program: what a file can do while it is read ---- */

static struct {
    uint64_t calls;
    uint64_t event_at; /* number of the call before which something happens; 0: never */
    uint64_t cut_to;   /* the file gets this length then; UINT64_MAX: its bytes change */
    uint64_t most;     /* bytes that one call gives; 0: all */
    bool interrupts;   /* every second call ends with EINTR */
} file_does;

static void happen(void)
{
    if (file_does.cut_to != UINT64_MAX) {
        assert_int_equal(truncate(path, (off_t)file_does.cut_to), 0);
        return;
    }
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long bytes = ftell(f);
    rewind(f);
    for (long i = 0; i < bytes; i++)
        fputc(0xFF, f);
    fclose(f);
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
    file_does.calls++;
    if (file_does.calls == file_does.event_at)
        happen();
    if (file_does.interrupts && file_does.calls % 2) {
        errno = EINTR;
        return -1;
    }
    if (file_does.most && bytes > file_does.most)
        bytes = file_does.most;
    return syscall(SYS_pread64, fd, data, bytes, offset);
}

/* ---- models of many tensors, all of them outputs ---- */

static unsigned char byte_of(uint32_t tensor, size_t i)
{
    return (unsigned char)((i * 2654435761u >> 13) + tensor * 31u + i);
}

/* A U8 tensor called "t<number>" with its own bytes; behind it, its name as an output. */
static void add_tensor(struct pb *graph, uint32_t number, size_t bytes)
{
    char name[16];
    snprintf(name, sizeof name, "t%u", number);
    unsigned char *raw = malloc(bytes ? bytes : 1);
    assert_non_null(raw);
    for (size_t i = 0; i < bytes; i++)
        raw[i] = byte_of(number, i);
    pb_child(graph, GRAPH_TENSOR, pb_tensor(name, DT_UINT8, 1, (const int64_t[]){(int64_t)bytes}, raw, bytes));
    pb_child(graph, GRAPH_OUTPUT, pb_value(name, DT_UINT8, 1, (const int64_t[]){(int64_t)bytes}));
    free(raw);
}

static struct pb model_of(uint32_t count, const size_t *bytes)
{
    struct pb g = {0};
    for (uint32_t i = 0; i < count; i++)
        add_tensor(&g, i, bytes[i]);
    return pb_model(g, 13);
}

static void expect_content(const struct cvk_graph *g, uint32_t number, size_t bytes)
{
    char name[16];
    snprintf(name, sizeof name, "t%u", number);
    const struct cvk__value *v = cvk__value_at(g, cvk_graph_find(g, name));
    assert_non_null(v);
    assert_non_null(v->blob);
    assert_int_equal(v->blob->bytes, bytes);
    assert_int_equal((uintptr_t)v->blob->data % CVK_ALIGN_BYTES, 0);
    const unsigned char *data = v->blob->data;
    for (size_t i = 0; i < bytes; i++)
        if (data[i] != byte_of(number, i))
            fail_msg("tensor %u of %zu bytes: byte %zu is %u instead of %u", number, bytes, i, data[i], byte_of(number, i));
}

/* Loads the model from memory and from a file and expects all contents. */
static void expect_contents(struct pb m, uint32_t count, const size_t *bytes)
{
    write_file(m.data, m.bytes);
    for (int from_file = 0; from_file < 2; from_file++) {
        struct cvk_graph *g = NULL;
        int32_t status = from_file ? cvk_onnx_load(path, NULL, &g) : cvk_onnx_load_memory(m.data, m.bytes, NULL, &g);
        if (status != CVK_OK)
            fail_msg("%s: %s", from_file ? "file" : "memory", cvk_error_text());
        for (uint32_t i = 0; i < count; i++)
            expect_content(g, i, bytes[i]);
        cvk_graph_destroy(g);
    }
}

/* Around the length from which contents are left out, around the lengths where a length takes a byte more, and around the size of
 * the window. */
static void test_lengths(void **state)
{
    (void)state;
    static const size_t near[] = {0, 64, 128, 16384, 32768};
    enum { EACH = 25 };
    size_t bytes[5 * EACH];
    uint32_t count = 0;
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < EACH; k++)
            if (near[i] + k >= EACH / 2)
                bytes[count++] = near[i] + k - EACH / 2;
    struct pb m = model_of(count, bytes);
    expect_contents(m, count, bytes);
    pb_free(&m);
    const size_t large[] = {5000003, 2 << 20, (2 << 20) - 1};
    m = model_of(3, large);
    expect_contents(m, 3, large);
    pb_free(&m);
    for (uint32_t i = 0; i < count; i++) { /* alone, so that the messages around it have such lengths too */
        m = model_of(1, &bytes[i]);
        expect_contents(m, 1, &bytes[i]);
        pb_free(&m);
    }
}

/* Whatever lies across the end of a window: a text in front pushes everything on, byte by byte. */
static void test_windows(void **state)
{
    (void)state;
    enum { WINDOW = 16384 };
    static char text[WINDOW + 1];
    const size_t bytes[] = {3, 100, 64};
    memset(text, 'a', WINDOW);
    for (size_t length = WINDOW - 400; length <= WINDOW; length++) {
        struct pb m = {0}, rest = model_of(3, bytes);
        pb_block(&m, 6, text, length);
        pb_raw(&m, rest.data, rest.bytes);
        pb_free(&rest);
        expect_contents(m, 3, bytes);
        pb_free(&m);
    }
}

/* Numbers in lists, packed and one by one, and texts: what they hold is checked across the end of a window as well. */
static void test_lists(void **state)
{
    (void)state;
    enum { COUNT = 7000 }; /* two bytes and more each */
    struct pb t = pb_tensor_head("l", DT_INT64, 1, (const int64_t[]){2 * COUNT}), list = {0};
    for (int i = 0; i < COUNT; i++)
        pb_varint(&list, (uint64_t)i * 1000003);
    pb_block(&t, 7, list.data, list.bytes);
    pb_free(&list);
    for (int i = COUNT; i < 2 * COUNT; i++)
        pb_int(&t, 7, (int64_t)i * 1000003);
    write_file(t.data, t.bytes);
    pb_free(&t);
    struct cvk_tensor *read = NULL;
    assert_int_equal(cvk_onnx_read_tensor(path, NULL, &read, NULL), CVK_OK);
    for (int i = 0; i < 2 * COUNT; i++)
        assert_true(((const int64_t *)cvk_tensor_data(read))[i] == (int64_t)i * 1000003);
    cvk_tensor_destroy(read);

    static const size_t places[] = {0, 16000, 16383, 16384, 32767, 39999};
    static char text[40000];
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct pb m = {0}, rest = model_of(1, &places[0]);
        memset(text, 'a', sizeof text);
        text[places[i]] = 0;
        pb_block(&m, 6, text, sizeof text);
        pb_raw(&m, rest.data, rest.bytes);
        pb_free(&rest);
        write_file(m.data, m.bytes);
        pb_free(&m);
        struct cvk_graph *g = NULL;
        assert_int_equal(cvk_onnx_load(path, NULL, &g), CVK_E_FORMAT);
        expect_text("text with a NUL character in it");
    }
}

/* The last raw_data counts, long or short. */
static void test_twice(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 8, 63, 64, 200};
    unsigned char raw[200], wrong[200];
    memset(wrong, 0xEE, sizeof wrong);
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = byte_of(0, i);
    for (int first = 0; first < 5; first++)
        for (int last = 1; last < 5; last++) {
            struct pb g = {0}, t = pb_tensor_head("t0", DT_UINT8, 1, (const int64_t[]){(int64_t)lengths[last]});
            pb_block(&t, 9, wrong, lengths[first]);
            pb_block(&t, 9, raw, lengths[last]);
            pb_child(&g, GRAPH_TENSOR, t);
            pb_child(&g, GRAPH_OUTPUT, pb_value("t0", DT_UINT8, -1, NULL));
            struct pb m = pb_model(g, 13);
            expect_contents(m, 1, &lengths[last]);
            pb_free(&m);
            /* The other way round the length is wrong, or there is none. */
            g = (struct pb){0};
            t = pb_tensor_head("t0", DT_UINT8, 1, (const int64_t[]){(int64_t)lengths[last]});
            pb_block(&t, 9, raw, lengths[last]);
            pb_block(&t, 9, wrong, lengths[first]);
            pb_child(&g, GRAPH_TENSOR, t);
            pb_child(&g, GRAPH_OUTPUT, pb_value("t0", DT_UINT8, -1, NULL));
            if (first != last)
                expect_failure(pb_model(g, 13), NULL, CVK_E_FORMAT, "graph.initializer[0]", NULL);
            else
                pb_free(&g);
        }
}

/* Contents in attributes, and behind them what follows in the node. */
static void test_attribute(void **state)
{
    (void)state;
    unsigned char raw[5000];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = byte_of(7, i);
    struct pb g = {0}, node = {0};
    pb_attr_tensor(&node, "value", pb_tensor("inner", DT_UINT8, 1, (const int64_t[]){sizeof raw}, raw, sizeof raw));
    pb_text(&node, 2, "t7");
    pb_text(&node, 4, "Constant");
    pb_child(&g, GRAPH_NODE, node);
    pb_child(&g, GRAPH_NODE, pb_node("Identity", NULL, "t7", "y"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_UINT8, -1, NULL));
    struct cvk_graph *graph = expect_model(pb_model(g, 13));
    expect_content(graph, 7, sizeof raw);
    cvk_graph_destroy(graph);
}

/* The same status and sentence from memory and from the file, but for the file's name. */
static int32_t expect_same(const struct pb *m)
{
    char text[2000], prefix[500];
    struct cvk_graph *a = NULL, *b = NULL;
    write_file(m->data, m->bytes);
    int32_t status = cvk_onnx_load_memory(m->data, m->bytes, NULL, &a);
    snprintf(text, sizeof text, "%s", status == CVK_OK ? "" : cvk_error_text());
    int32_t other = cvk_onnx_load(path, NULL, &b);
    snprintf(prefix, sizeof prefix, "file '%s': ", path);
    if (status != other)
        fail_msg("%s from memory, %s from the file: %s / %s", cvk_status_name(status), cvk_status_name(other), text,
                 cvk_error_text());
    if (status != CVK_OK &&
        (strncmp(cvk_error_text(), prefix, strlen(prefix)) || strcmp(cvk_error_text() + strlen(prefix), text)))
        fail_msg("'%s' from memory, '%s' from the file", text, cvk_error_text());
    cvk_graph_destroy(a);
    cvk_graph_destroy(b);
    return status;
}

static void test_cut_files(void **state)
{
    (void)state;
    const size_t bytes[] = {100, 7, 300};
    struct pb m = model_of(3, bytes);
    size_t whole = m.bytes;
    for (m.bytes = 0; m.bytes < whole; m.bytes++)
        assert_int_equal(expect_same(&m), CVK_E_FORMAT);
    assert_int_equal(expect_same(&m), CVK_OK);
    pb_free(&m);
}

static void test_damaged_files(void **state)
{
    (void)state;
    static const unsigned char values[] = {0x00, 0x01, 0x3F, 0x7F, 0x80, 0xFF};
    const size_t bytes[] = {64, 130};
    struct pb m = model_of(2, bytes);
    unsigned failures = 0;
    for (size_t i = 0; i < m.bytes; i++)
        for (size_t k = 0; k < sizeof values; k++) {
            unsigned char old = m.data[i];
            m.data[i] = values[k];
            failures += expect_same(&m) != CVK_OK;
            m.data[i] = old;
        }
    assert_true(failures > m.bytes / 4);
    pb_free(&m);
}

/* Short reads and interrupted ones change nothing. */
static void test_slow_files(void **state)
{
    (void)state;
    const size_t bytes[] = {64, 5, 40000};
    struct pb m = model_of(3, bytes);
    static const uint64_t most[] = {1, 7, 4096, 0};
    for (size_t i = 0; i < 8; i++) {
        file_does.most = most[i % 4];
        file_does.interrupts = i >= 4;
        expect_contents(m, 3, bytes);
    }
    memset(&file_does, 0, sizeof file_does);
    pb_free(&m);
}

/* A file that becomes shorter is an error and not a signal; one whose bytes change is a model or an error. */
static void test_changing_files(void **state)
{
    (void)state;
    const size_t bytes[] = {1000, 50000, 1000};
    struct pb m = model_of(3, bytes);
    for (int changes = 0; changes < 2; changes++)
        for (uint64_t at = 1;; at++) {
            struct cvk_graph *g = NULL;
            memset(&file_does, 0, sizeof file_does);
            write_file(m.data, m.bytes);
            file_does.event_at = at;
            file_does.cut_to = changes ? UINT64_MAX : m.bytes % (at * 100);
            int32_t status = cvk_onnx_load(path, NULL, &g);
            bool happened = file_does.calls >= at;
            cvk_graph_destroy(g);
            if (!happened) {
                assert_int_equal(status, CVK_OK);
                assert_true(at > 4); /* the scan and each of the contents */
                break;
            }
            if (!changes) {
                assert_int_equal(status, CVK_E_IO);
                expect_text("the file ended after");
            }
        }
    memset(&file_does, 0, sizeof file_does);
    pb_free(&m);
}

/* Loading takes the memory of the contents, and little besides. */
static void test_peak(void **state)
{
    (void)state;
    enum { COUNT = 40, BYTES = 256 << 10 };
    size_t bytes[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        bytes[i] = BYTES;
    struct pb m = model_of(COUNT, bytes);
    write_file(m.data, m.bytes);
    for (int from_file = 0; from_file < 2; from_file++) {
        struct cvk_graph *g = NULL;
        uint64_t before = cvk__alloc_held();
        (void)cvk__alloc_held_most();
        int32_t status = from_file ? cvk_onnx_load(path, NULL, &g) : cvk_onnx_load_memory(m.data, m.bytes, NULL, &g);
        uint64_t most = cvk__alloc_held_most() - before, kept = cvk__alloc_held() - before;
        assert_int_equal(status, CVK_OK);
        assert_true(kept >= (uint64_t)COUNT * BYTES);
        if (most > (uint64_t)COUNT * BYTES / 100 * 103)
            fail_msg("%llu bytes at most for %d bytes of contents", (unsigned long long)most, COUNT * BYTES);
        cvk_graph_destroy(g);
        assert_int_equal(cvk__alloc_held(), before);
    }
    pb_free(&m);
}

/* Every allocation fails once: an error each time, and nothing is lost (the count, and a sanitizer). */
static void test_memory(void **state)
{
    (void)state;
    const size_t bytes[] = {8, 64, 20000};
    struct pb m = model_of(3, bytes);
    write_file(m.data, m.bytes);
    pb_free(&m);
    int32_t status = CVK_E_MEMORY;
    uint64_t before = cvk__alloc_held();
    for (int n = 0; status != CVK_OK; n++) {
        struct cvk_graph *g = NULL;
        cvk__alloc_fail_after(n);
        status = cvk_onnx_load(path, NULL, &g);
        cvk__alloc_fail_never();
        if (status != CVK_OK && (status != CVK_E_MEMORY || g))
            fail_msg("allocation %d: %s: %s", n, cvk_status_name(status), cvk_error_text());
        cvk_graph_destroy(g);
        assert_int_equal(cvk__alloc_held(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),       cmocka_unit_test(test_windows),    cmocka_unit_test(test_lists),
        cmocka_unit_test(test_twice),         cmocka_unit_test(test_attribute),  cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_damaged_files), cmocka_unit_test(test_slow_files), cmocka_unit_test(test_changing_files),
        cmocka_unit_test(test_peak),          cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

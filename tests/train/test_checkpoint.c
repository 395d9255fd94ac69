/* SPDX-License-Identifier: MIT
 * Checkpoints: the container, files that lie, training that goes on as if nothing had happened, kills, full disks and no
 * memory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../onnx/temp_file.h"
#include "base/base.h"
#include "convoke/convoke.h"
#include "convoke/rng.h"
#include "train/safetensors.h"

static struct cvk_context *ctx;

static void expect_text(const char *words)
{
    if (!strstr(cvk_error_text(), words))
        fail_msg("'%s' is not in: %s", words, cvk_error_text());
}

/* Number of files in the folder. */
static int count_files(void)
{
    DIR *dir = opendir(folder);
    int count = -2; /* . and .. */
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* ---- the container ---- */

/* Element i of a content is i plus the entry's number, as bytes. */
static int32_t fill(void *arg, uint32_t i, void *data)
{
    const struct cvk__safetensors_entry *entries = arg;
    for (uint64_t k = 0; k < entries[i].desc.bytes; k++)
        ((unsigned char *)data)[k] = (unsigned char)(k + i);
    return CVK_OK;
}

static void describe(struct cvk__safetensors_entry *e, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims)
{
    *e = (struct cvk__safetensors_entry){.name = name};
    assert_int_equal(cvk_tensor_desc_init(&e->desc, dtype, CVK_LAYOUT_PLAIN, rank, dims), CVK_OK);
}

static void test_container(void **state)
{
    (void)state;
    static const char *const names[CVK_BOOL] = {"a", "b.c/d", "\xc3\xa4 \"quoted\" \\", "d", "e", "f", "g", "h", "i", "j", "k",
                                                "l", "empty"};
    struct cvk__safetensors_entry entries[CVK_BOOL + 1];
    const struct cvk__safetensors_text texts[2] = {{"key", "a text\nof two lines"}, {"empty", ""}};
    struct cvk__safetensors *s = NULL;
    unsigned char data[64];
    for (uint32_t t = 0; t < CVK_BOOL; t++) /* every type, ranks 0 to 2, one without elements */
        describe(&entries[t], names[t], t + 1, t % 3, (const int64_t[]){t + 1 == CVK_BOOL ? 0 : 3, 2});
    entries[CVK_BOOL - 1].desc.rank = 1;
    describe(&entries[CVK_BOOL - 1], "empty", CVK_BOOL, 1, (const int64_t[]){0});
    describe(&entries[CVK_BOOL], "flags", CVK_BOOL, 1, (const int64_t[]){3});
    assert_int_equal(cvk__safetensors_write(path, entries, CVK_BOOL + 1, texts, 2, fill, entries), CVK_OK);
    assert_int_equal(cvk__safetensors_open(path, &s), CVK_OK);
    assert_int_equal(cvk__safetensors_count(s), CVK_BOOL + 1);
    for (uint32_t i = 0; i <= CVK_BOOL; i++) {
        const struct cvk__safetensors_entry *e = cvk__safetensors_find(s, entries[i].name);
        assert_non_null(e);
        assert_string_equal(e->name, entries[i].name);
        assert_memory_equal(&e->desc, &entries[i].desc, sizeof e->desc);
        assert_int_equal(e->begin % cvk_dtype_bytes(e->desc.dtype), 0);
        assert_int_equal(cvk__safetensors_read(s, e, data), CVK_OK);
        for (uint64_t k = 0; k < e->desc.bytes; k++)
            assert_int_equal(data[k], (unsigned char)(k + i));
    }
    assert_null(cvk__safetensors_find(s, "none"));
    assert_null(cvk__safetensors_find(s, "__metadata__"));
    assert_string_equal(cvk__safetensors_text(s, "key"), "a text\nof two lines");
    assert_string_equal(cvk__safetensors_text(s, "empty"), "");
    assert_null(cvk__safetensors_text(s, "none"));
    cvk__safetensors_close(s);
    /* What cannot be written: a name twice, a name that is no UTF-8, the name of the texts. */
    describe(&entries[1], "a", CVK_F32, 0, NULL);
    assert_int_equal(cvk__safetensors_write(path, entries, 2, NULL, 0, fill, entries), CVK_E_ARG);
    describe(&entries[1], "\xff", CVK_F32, 0, NULL);
    assert_int_equal(cvk__safetensors_write(path, entries, 2, NULL, 0, fill, entries), CVK_E_ARG);
    describe(&entries[1], "__metadata__", CVK_F32, 0, NULL);
    assert_int_equal(cvk__safetensors_write(path, entries, 2, NULL, 0, fill, entries), CVK_E_ARG);
    assert_int_equal(cvk__safetensors_open(path, &s), CVK_OK); /* the good one is still there */
    cvk__safetensors_close(s);
}

/* Writes a header and so many bytes behind it. length 0: the true one. */
static void write_raw(const char *header, uint64_t length, size_t data_bytes)
{
    static unsigned char bytes[4096];
    size_t header_bytes = strlen(header);
    memset(bytes, 0, sizeof bytes);
    length = length ? length : header_bytes;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, header_bytes);
    write_file(bytes, 8 + header_bytes + data_bytes);
}

static void test_broken(void **state)
{
    (void)state;
#define X(name, begin, end) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" begin "," end "]}"
    static const struct {
        const char *header;
        uint64_t length;
        size_t data_bytes;
        int32_t status;
        const char *words;
    } files[] = {
        {"{" X("a", "0", "8") "}", 0, 8, CVK_OK, NULL},
        {"{" X("a", "0", "8") "}   ", 0, 8, CVK_OK, NULL},
        {"{}", 0, 0, CVK_OK, NULL},
        {"{}", 1ull << 40, 0, CVK_E_LIMIT, "1099511627776 bytes"},
        {"{}", UINT64_MAX, 0, CVK_E_LIMIT, "the limit is"},
        {"{}", 3, 0, CVK_E_FORMAT, "the file has 10"},
        {"{}", 1, 0, CVK_E_FORMAT, "header"},
        {"[]", 0, 0, CVK_E_FORMAT, "does not begin with '{'"},
        {" {}", 0, 0, CVK_E_FORMAT, "does not begin with '{'"},
        {"{}{}", 0, 0, CVK_E_FORMAT, "of the header"},
        {"{" X("a", "0", "8"), 0, 8, CVK_E_FORMAT, "of the header"},
        {"{" X("a", "0", "8") "}", 0, 7, CVK_E_FORMAT, "has 7 for all"},
        {"{" X("a", "0", "8") "}", 0, 9, CVK_E_FORMAT, "1 bytes behind the last"},
        {"{" X("a", "0", "8") "," X("a", "8", "16") "}", 0, 16, CVK_E_FORMAT, "duplicate"},
        {"{" X("a", "0", "8") "," X("b", "4", "12") "}", 0, 12, CVK_E_FORMAT, "begins at byte 4"},
        {"{" X("a", "0", "8") "," X("b", "0", "8") "}", 0, 8, CVK_E_FORMAT, "begins at byte 0"},
        {"{" X("a", "0", "8") "," X("b", "9", "17") "}", 0, 17, CVK_E_FORMAT, "begins at byte 9"},
        {"{" X("a", "8", "0") "}", 0, 8, CVK_E_FORMAT, "bytes 8 to 0"},
        {"{" X("a", "-8", "0") "}", 0, 8, CVK_E_FORMAT, "bytes -8 to 0"},
        {"{" X("a", "0", "9223372036854775807") "}", 0, 8, CVK_E_FORMAT, "9223372036854775807"},
        {"{" X("a", "0", "9223372036854775808") "}", 0, 8, CVK_E_FORMAT, "of the header"},
        {"{" X("a", "0", "8.0") "}", 0, 8, CVK_E_FORMAT, "data_offsets"},
        {"{" X("a", "0", "12") "}", 0, 12, CVK_E_FORMAT, "it needs 8"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 0, 2, CVK_E_UNSUPPORTED, "F8_E4M3"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 0, 8, CVK_E_FORMAT, "size 0 is no"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,8]}}", 0, 8, CVK_E_FORMAT, "size 0 is no"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 0, 8, CVK_E_FORMAT, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 0, 8, CVK_E_FORMAT, "at most 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, 0, CVK_E_LIMIT, "tensor 'a'"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 0, 8, CVK_E_FORMAT, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 0, 8, CVK_E_FORMAT, "not just"},
        {"{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 0, 8, CVK_E_FORMAT, "dtype"},
        {"{\"a\":[]}", 0, 0, CVK_E_FORMAT, "tensor 'a'"},
        {"{\"__metadata__\":[]}", 0, 0, CVK_E_FORMAT, "no object"},
        {"{\"__metadata__\":{\"x\":1}}", 0, 0, CVK_E_FORMAT, "text 'x'"},
        {"{\"a\":{\"b\":[[{}]]}}", 0, 0, CVK_E_LIMIT, "nested deeper"},
        {"{\"a\\u0000b\":{}}", 0, 0, CVK_E_FORMAT, "of the header"},
        {"{\"\xff\":{}}", 0, 0, CVK_E_FORMAT, "of the header"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct cvk__safetensors *s = NULL;
        write_raw(files[i].header, files[i].length, files[i].data_bytes);
        int32_t status = cvk__safetensors_open(path, &s);
        if (status != files[i].status)
            fail_msg("%s: %s instead of %s: %s", files[i].header, cvk_status_name(status), cvk_status_name(files[i].status),
                     cvk_error_text());
        if (files[i].words)
            expect_text(files[i].words);
        assert_true((s != NULL) == (status == CVK_OK));
        cvk__safetensors_close(s);
    }
    struct cvk__safetensors *s = NULL;
    assert_int_equal(cvk__safetensors_open("/dev/null", &s), CVK_E_IO);
    assert_int_equal(cvk__safetensors_open("/none", &s), CVK_E_IO);
}

/* More values in the header than any net has: refused before the parser makes memory of them. */
static void test_many_values(void **state)
{
    (void)state;
    size_t bytes = 5u << 20;
    char *text = malloc(bytes);
    struct cvk__safetensors *s = NULL;
    uint64_t length = bytes - 8;
    assert_non_null(text);
    memset(text, ',', bytes);
    for (size_t i = 8; i < bytes; i += 2)
        text[i] = '0';
    memcpy(text, &length, 8);
    memcpy(text + 8, "{\"a\":[0", 7);
    write_file(text, bytes);
    free(text);
    assert_int_equal(cvk__safetensors_open(path, &s), CVK_E_LIMIT);
    expect_text("values");
}

/* ---- training ---- */

#define NET "2x6x6: 4c3p1-bn-relu-mp2-flat-drop0.25-6n-bn-relu-3n-softmax"

static struct cvk_trainer *new_trainer(const char *text, uint32_t optimizer)
{
    struct cvk_graph *g = NULL;
    struct cvk_trainer *t = NULL;
    const struct cvk_trainer_params p = {
        .device = "ref", .batch = 4, .learning_rate = 0.01f, .optimizer = cvk_optimizer_defaults(optimizer), .seed = 3};
    if (cvk_graph_from_text(text, 5, &g) != CVK_OK || cvk_trainer_create(ctx, g, &p, &t) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    cvk_graph_destroy(g);
    return t;
}

static double step(struct cvk_trainer *t)
{
    const struct cvk_tensor_desc *d = cvk_trainer_input_desc(t);
    struct cvk_tensor *x = NULL, *classes = NULL;
    struct cvk_step_result r = {0};
    assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &x), CVK_OK);
    assert_int_equal(cvk_tensor_create(CVK_I64, 1, (const int64_t[]){4}, &classes), CVK_OK);
    for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
        ((float *)cvk_tensor_data(x))[i] = cvk_rng_uniform(1, cvk_trainer_steps(t), i) - 0.5f;
    for (uint64_t i = 0; i < 4; i++)
        ((int64_t *)cvk_tensor_data(classes))[i] = (int64_t)(i % 3);
    if (cvk_trainer_step(t, x, classes, &r) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(classes);
    return r.loss;
}

/* All states, one behind the other. */
static unsigned char *states_of(struct cvk_trainer *t, uint64_t *bytes)
{
    unsigned char *all = NULL;
    *bytes = 0;
    for (uint32_t i = 0; i < cvk_trainer_state_count(t); i++) {
        const struct cvk_tensor_desc *d = cvk_trainer_state_desc(t, i);
        struct cvk_tensor *v = NULL;
        assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &v), CVK_OK);
        assert_int_equal(cvk_trainer_state_read(t, i, v), CVK_OK);
        all = realloc(all, *bytes + d->bytes);
        assert_non_null(all);
        memcpy(all + *bytes, cvk_tensor_data(v), d->bytes);
        *bytes += d->bytes;
        cvk_tensor_destroy(v);
    }
    return all;
}

static void test_go_on(void **state)
{
    (void)state;
    for (uint32_t optimizer = CVK_SGD; optimizer <= CVK_ADAM; optimizer++) {
        struct cvk_trainer *t = new_trainer(NET, optimizer), *again = new_trainer(NET, optimizer);
        const struct cvk_note_text notes[2] = {{"rate", "0.01"}, {"place", "epoch 1, image 12"}};
        struct cvk_checkpoint *c = NULL;
        uint64_t a_bytes, b_bytes;
        for (int i = 0; i < 3; i++)
            step(t);
        if (cvk_trainer_save(t, path, notes, 2) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        assert_int_equal(count_files(), 1);
        if (cvk_trainer_restore(again, path) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        assert_int_equal(cvk_trainer_steps(again), 3);
        for (int i = 0; i < 3; i++)
            assert_true(step(t) == step(again));
        unsigned char *a = states_of(t, &a_bytes), *b = states_of(again, &b_bytes);
        assert_int_equal(a_bytes, b_bytes);
        assert_memory_equal(a, b, a_bytes);
        free(a);
        free(b);
        assert_int_equal(cvk_checkpoint_open(path, &c), CVK_OK);
        assert_string_equal(cvk_checkpoint_text(c, "place"), "epoch 1, image 12");
        assert_string_equal(cvk_checkpoint_text(c, "convoke.steps"), "3");
        assert_null(cvk_checkpoint_text(c, "none"));
        cvk_checkpoint_destroy(c);
        cvk_trainer_destroy(t);
        cvk_trainer_destroy(again);
    }
}

/* The net in the file is the trained one: its weights are the states. */
static void test_net(void **state)
{
    (void)state;
    struct cvk_trainer *t = new_trainer(NET, CVK_SGD);
    struct cvk_checkpoint *c = NULL;
    struct cvk_graph *g = NULL, *now = NULL;
    step(t);
    assert_int_equal(cvk_trainer_save(t, path, NULL, 0), CVK_OK);
    assert_int_equal(cvk_checkpoint_open(path, &c), CVK_OK);
    int32_t status = cvk_checkpoint_graph(c, &g);
    cvk_checkpoint_destroy(c);
    if (strstr(cvk_missing_features(), "onnx")) { /* then the file says why the net is not there */
        assert_int_equal(status, CVK_E_NOT_FOUND);
        expect_text("built without ONNX");
        cvk_trainer_destroy(t);
        return;
    }
    if (status != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_trainer_graph(t, &now), CVK_OK);
    struct cvk_tensor *bytes[2] = {NULL, NULL};
    assert_int_equal(cvk_onnx_save_memory(g, NULL, &bytes[0]), CVK_OK);
    assert_int_equal(cvk_onnx_save_memory(now, NULL, &bytes[1]), CVK_OK);
    assert_int_equal(cvk_tensor_bytes(bytes[0]), cvk_tensor_bytes(bytes[1]));
    assert_true(cvk_graph_find(g, "conv1.w") != 0);
    cvk_tensor_destroy(bytes[0]);
    cvk_tensor_destroy(bytes[1]);
    cvk_graph_destroy(g);
    cvk_graph_destroy(now);
    cvk_trainer_destroy(t);
}

static void expect_unchanged(struct cvk_trainer *t, int32_t status, const char *words)
{
    uint64_t before_bytes, after_bytes, steps = cvk_trainer_steps(t);
    unsigned char *before = states_of(t, &before_bytes);
    assert_int_equal(cvk_trainer_restore(t, path), status);
    expect_text(words);
    unsigned char *after = states_of(t, &after_bytes);
    assert_memory_equal(before, after, before_bytes);
    assert_int_equal(cvk_trainer_steps(t), steps);
    free(before);
    free(after);
    cvk_trainer_destroy(t);
}

static void test_refused(void **state)
{
    (void)state;
    struct cvk_trainer *t = new_trainer(NET, CVK_SGD),
                       *other = new_trainer("2x6x6: 4c3p1-bn-relu-mp2-flat-drop0.25-7n-bn-relu-3n", CVK_SGD);
    step(t);
    assert_int_equal(cvk_trainer_save(t, path, NULL, 0), CVK_OK);
    expect_unchanged(other, CVK_E_SHAPE, "and the trainer's is f32 7x36");
    expect_unchanged(new_trainer(NET, CVK_ADAM), CVK_E_ARG, "s1' is missing");
    expect_unchanged(new_trainer("2x6x6: 4c3p1-bn-relu-mp2-flat-6n", CVK_SGD), CVK_E_ARG, "states, and the trainer");
    write_raw("{\"__metadata__\":{\"convoke.format\":\"checkpoint 2\"}}", 0, 0);
    expect_unchanged(new_trainer(NET, CVK_SGD), CVK_E_FORMAT, "'checkpoint 2'");
    write_raw("{\"__metadata__\":{\"convoke.format\":\"checkpoint 1\",\"convoke.steps\":\"-1\"}}", 0, 0);
    expect_unchanged(new_trainer(NET, CVK_SGD), CVK_E_FORMAT, "convoke.steps is no number");
    write_raw("{}", 0, 0);
    expect_unchanged(new_trainer(NET, CVK_SGD), CVK_E_FORMAT, "'missing'");
    assert_int_equal(cvk_trainer_save(t, path, (const struct cvk_note_text[]){{"convoke.x", ""}}, 1), CVK_E_ARG);
    assert_int_equal(cvk_trainer_save(t, path, (const struct cvk_note_text[]){{"x", "1"}, {"x", "2"}}, 2), CVK_E_ARG);
    assert_int_equal(cvk_trainer_save(t, path, (const struct cvk_note_text[]){{"x", "\xff"}}, 1), CVK_E_ARG);
    cvk_trainer_destroy(t);
}

/* A good checkpoint cut at every byte of its header and at many of its contents: never a crash, never a change. */
static void test_truncated(void **state)
{
    (void)state;
    struct cvk_trainer *t = new_trainer("3: 2n", CVK_SGD);
    static unsigned char bytes[1 << 16];
    assert_int_equal(cvk_trainer_save(t, path, NULL, 0), CVK_OK);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t count = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(count > 300 && count < sizeof bytes);
    for (size_t n = 0; n < count; n++) {
        struct cvk_checkpoint *c = NULL;
        write_file(bytes, n);
        assert_true(cvk_checkpoint_open(path, &c) != CVK_OK);
        assert_true(cvk_error_text()[0] != 0);
    }
    cvk_trainer_destroy(t);
}

/* ---- trouble ---- */

struct constant {
    unsigned char byte;
    uint32_t pieces;
};

static int32_t fill_constant(void *arg, uint32_t i, void *data)
{
    (void)i;
    memset(data, ((struct constant *)arg)->byte, 64 << 10);
    return CVK_OK;
}

/* A file of so many pieces of 64 KiB, each full of the same byte, which is also its text. */
static int32_t save_constant(unsigned char byte, uint32_t pieces)
{
    struct cvk__safetensors_entry entries[8];
    char names[8][4], text[2] = {(char)byte, 0};
    struct constant arg = {byte, pieces};
    for (uint32_t i = 0; i < pieces; i++) {
        snprintf(names[i], sizeof names[i], "p%u", i);
        entries[i] = (struct cvk__safetensors_entry){.name = names[i]};
        cvk_tensor_desc_init(&entries[i].desc, CVK_U8, CVK_LAYOUT_PLAIN, 1, (const int64_t[]){64 << 10});
    }
    return cvk__safetensors_write(path, entries, pieces, &(struct cvk__safetensors_text){"byte", text}, 1, fill_constant, &arg);
}

static void check_constant(void)
{
    static unsigned char data[64 << 10];
    struct cvk__safetensors *s = NULL;
    if (cvk__safetensors_open(path, &s) != CVK_OK)
        fail_msg("after a kill: %s", cvk_error_text());
    const char *text = cvk__safetensors_text(s, "byte");
    for (uint32_t i = 0; i < cvk__safetensors_count(s); i++) {
        assert_int_equal(cvk__safetensors_read(s, cvk__safetensors_at(s, i), data), CVK_OK);
        for (size_t k = 0; k < sizeof data; k++)
            assert_int_equal(data[k], (unsigned char)text[0]);
    }
    cvk__safetensors_close(s);
}

/* Removes what killed writers have left beside the file. */
static int clean(void)
{
    char name[700];
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        if (strncmp(e->d_name, "t.", 2) == 0 && unlink(name) == 0)
            count++;
    }
    closedir(dir);
    return count;
}

static void save_for_ever(void)
{
    for (unsigned char byte = 'a';; byte = byte == 'z' ? 'a' : byte + 1)
        if (save_constant(byte, 8) != CVK_OK)
            _exit(1);
}

static void test_kill(void **state)
{
    (void)state;
    int left = 0;
    assert_int_equal(save_constant('a', 8), CVK_OK);
    for (uint64_t round = 0; round < 40; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            save_for_ever();
        usleep((useconds_t)(cvk_rng_bits(11, round, 0) % 12000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        check_constant();
        left += clean();
    }
    assert_true(left > 0); /* else no kill came in the middle, and nothing was tested */
}

/* The disk is full (here: files may not grow beyond 100 KiB): an error, the old file, and nothing beside it. */
static void test_full(void **state)
{
    (void)state;
    struct rlimit old;
    assert_int_equal(save_constant('o', 1), CVK_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100 << 10, old.rlim_max}), 0);
    int32_t status = save_constant('n', 4);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, CVK_E_IO);
    expect_text("File too large");
    assert_int_equal(count_files(), 1);
    check_constant();
}

static void test_memory(void **state)
{
    (void)state;
    struct cvk_trainer *t = new_trainer("3: 2n", CVK_SGD);
    uint64_t held = cvk__alloc_held();
    int32_t status = CVK_E_MEMORY;
    unlink(path);
    for (int64_t n = 0; status != CVK_OK; n++) {
        cvk__alloc_fail_after(n);
        status = cvk_trainer_save(t, path, NULL, 0);
        cvk__alloc_fail_never();
        assert_true(status == CVK_OK || status == CVK_E_MEMORY);
        assert_int_equal(cvk__alloc_held(), held);
        assert_int_equal(count_files(), status == CVK_OK);
    }
    status = CVK_E_MEMORY;
    for (int64_t n = 0; status != CVK_OK; n++) {
        cvk__alloc_fail_after(n);
        status = cvk_trainer_restore(t, path);
        cvk__alloc_fail_never();
        assert_true(status == CVK_OK || status == CVK_E_MEMORY);
        assert_int_equal(cvk__alloc_held(), held);
    }
    cvk_trainer_destroy(t);
}

static int set_up_all(void **state)
{
    if (cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx) != CVK_OK)
        return -1;
    return set_up(state);
}

static int tear_down_all(void **state)
{
    cvk_context_destroy(ctx);
    return tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container), cmocka_unit_test(test_broken), cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_go_on),     cmocka_unit_test(test_net),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_kill),   cmocka_unit_test(test_full),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

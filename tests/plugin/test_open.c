/* SPDX-License-Identifier: MIT
 * Choosing and opening devices: filters, lists, sharing, options, auto, and the sentence for everything that does not open. */
#include "device/grammar.h"
#include "plugin_test.h"

static struct cvk_context *with_async(void)
{
    struct cvk_context *ctx = test_context(NULL);
    if (cvk_plugin_load(ctx, PLUGINS_DIR "/async.so") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

static const struct {
    const char *text, *devices; /* "+" between them; NULL: fails */
    int32_t status;
    const char *words;
} cases[] = {
    {"async", "async:0", 0, NULL},
    {"async:1", "async:1", 0, NULL},
    {"async:gpu", "async:1", 0, NULL},
    {"async:gpu:1", "async:2", 0, NULL},
    {"async:quick:0", "async:1", 0, NULL},
    {"async:NORTHERN", "async:2", 0, NULL},
    {"async:cpu", "async:0", 0, NULL},
    {"async:uuid=00112233445566778899AABBCCDDEE01", "async:1", 0, NULL},
    {"async:uuid=00112233-4455-6677-8899-aabbccddee02", "async:2", 0, NULL},
    {"async:pci=0000:03:00.0", "async:2", 0, NULL},
    {"async:pci=02:00.0", "async:1", 0, NULL},
    {"async:0+async:1+ref", "async:0+async:1+ref:0", 0, NULL},
    {"async(speed=slow)", "async:0(speed=slow)", 0, NULL},
    {"ref", "ref:0", 0, NULL},
    {"nothing,ref", "ref:0", 0, NULL},
    {"nothing+ref,async:9,async:2+ref", "async:2+ref:0", 0, NULL},
    {"async(fail=open),ref", "ref:0", 0, NULL},
    {"nothing", NULL, CVK_E_NOT_FOUND, "no device could be opened: nothing -> no backend 'nothing'|(there is|async|ref"},
    {"asinc", NULL, CVK_E_NOT_FOUND, "no backend 'asinc', did you mean 'async'?"},
    {"async:3", NULL, CVK_E_NOT_FOUND, "no device with index 3: async has 3: async:0 (Slow One), async:1 (Quick Two), async:2"},
    {"async:gpu:2", NULL, CVK_E_NOT_FOUND, "no device with index 2: async has 2 left by the filters before it: async:1"},
    {"async:accel", NULL, CVK_E_NOT_FOUND, "no device matches 'accel'"},
    {"async:uuid=00", NULL, CVK_E_NOT_FOUND, "no device matches 'uuid=00'"},
    {"async:pci=00.0", NULL, CVK_E_NOT_FOUND, "no device matches 'pci=00.0'"},
    {"async(sped=slow)", NULL, CVK_E_ARG, "backend 'async' has no option 'sped', did you mean 'speed'?; it has fail, speed"},
    {"async(sped=slow),ref", NULL, CVK_E_ARG, "no option 'sped'"}, /* a typing error is no reason to run elsewhere */
    {"async(speed=medium),ref", NULL, CVK_E_ARG, "option speed is 'medium'"},
    {"ref(treads=4)", NULL, CVK_E_ARG, "backend 'ref' has no option 'treads'"},
    {"async(fail=open)", NULL, CVK_E_DEVICE,
     "async:0 -> async:0(fail=open): the device is asleep|async:1 -> |async:2 -> async:2(fail=open): the device is asleep"},
    {"async:1(fail=open)", NULL, CVK_E_DEVICE, "async:1 -> async:1(fail=open): the device is asleep|!async:2"},
    {"async:0+async:cpu", NULL, CVK_E_ARG, "'async:cpu' means async:0, which this choice already has"},
    {"nothing,async:7", NULL, CVK_E_NOT_FOUND, "nothing -> no backend|async:7 -> no device with index 7"},
    {"help", NULL, CVK_E_ARG, "'help' asks a question"},
    {"list", NULL, CVK_E_ARG, "'list' asks a question"},
    {"async:", NULL, CVK_E_FORMAT, "empty filter"},
};

static void join(const struct cvk__device_list *list, struct cvk__text *t)
{
    for (uint32_t i = 0; i < list->count; i++)
        cvk__text_add(t, "%s%s", i ? "+" : "", list->devices[i]->spec);
}

static void test_cases(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_async();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvk__device_list list;
        int32_t status = cvk__device_list_open(ctx, cases[i].text, &list);
        if (status != cases[i].status)
            fail_msg("'%s': %s, wanted %s: %s", cases[i].text, cvk_status_name(status), cvk_status_name(cases[i].status),
                     cvk_error_text());
        if (status == CVK_OK) {
            struct cvk__text t = {0};
            join(&list, &t);
            assert_string_equal(t.data, cases[i].devices);
            assert_false(list.automatic);
            cvk__text_finish(&t);
        } else {
            assert_null(cases[i].devices);
            assert_int_equal(list.count, 0);
            test_words(cvk_error_text(), cases[i].words);
        }
        cvk__device_list_close(&list);
    }
    cvk_context_destroy(ctx);
}

/* Every name that the list prints opens exactly the device that it stands for. */
static void test_names_are_accepted(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_async();
    uint32_t count = cvk_device_count(ctx);
    assert_true(count >= 4);
    int32_t rank = INT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        struct cvk_device_entry e;
        struct cvk__device_list list;
        assert_int_equal(cvk_device_get(ctx, i, &e), CVK_OK);
        if (strcmp(e.backend, "opencl") == 0) { /* no drivers here: named, with the reason, and refused */
            assert_int_equal(e.status, CVK_E_NOT_FOUND);
            assert_non_null(e.reason);
            assert_int_equal(cvk__device_list_open(ctx, e.spec, &list), CVK_E_NOT_FOUND);
            continue;
        }
        assert_int_equal(e.status, CVK_OK);
        assert_int_equal(cvk__device_list_open(ctx, e.spec, &list), CVK_OK);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.devices[0]->spec, e.spec);
        assert_string_equal(list.devices[0]->info.name, e.info.name);
        assert_true(list.devices[0]->backend->plugin.rank <= rank); /* sorted */
        rank = list.devices[0]->backend->plugin.rank;
        cvk__device_list_close(&list);
    }
    struct cvk_device_entry e;
    assert_int_equal(cvk_device_get(ctx, count, &e), CVK_E_NOT_FOUND);
    assert_int_equal(cvk_device_get(NULL, 0, &e), CVK_E_ARG);
    cvk_context_destroy(ctx);
}

/* ---- a backend that is linked in, to play all ranks and kinds ---- */

static int32_t fake_rank;
static uint32_t fake_kind, fake_opened;
static int32_t fake_status;

static int32_t fake_info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host;
    (void)index;
    out->kind = fake_kind;
    out->caps = CVK_CAP_HOST_MEMORY;
    strcpy(out->name, "fake");
    return CVK_OK;
}

static int32_t fake_open(const struct cvk_host *host, uint32_t index, void **device)
{
    (void)host;
    (void)index;
    *device = NULL;
    fake_opened++;
    return fake_status; /* without a word */
}

static const struct cvk_device_api fake_device = {.size = sizeof fake_device, .info = fake_info, .open = fake_open};

static int32_t fake_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    struct cvk_plugin self = {CVK_PLUGIN_HEAD,  .name = "fake",    .version = "1",
                              .license = "MIT", .rank = fake_rank, .device = &fake_device};
    return cvk_plugin_answer(host, out, &self);
}

static char log_text[4096];

static void keep_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg;
    (void)level;
    if (strcmp(category, "select") == 0)
        snprintf(log_text, sizeof log_text, "%s", text);
}

static struct cvk_context *with_fake(int32_t rank, uint32_t kind, int32_t status)
{
    struct cvk_context *ctx = NULL;
    fake_rank = rank;
    fake_kind = kind;
    fake_status = status;
    fake_opened = 0;
    log_text[0] = 0;
    setenv("CONVOKE_LOG", "info", 1);
    assert_int_equal(cvk_context_create(&(struct cvk_context_params){.threads = 1, .plugin_path = "", .log = keep_log}, &ctx),
                     CVK_OK);
    unsetenv("CONVOKE_LOG");
    if (cvk_plugin_register(ctx, fake_query, "fake") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

static void open_auto(struct cvk_context *ctx, const char *first, const char *log_words)
{
    struct cvk__device_list list;
    assert_int_equal(cvk__device_list_open(ctx, "auto", &list), CVK_OK);
    assert_true(list.automatic);
    assert_string_equal(list.devices[0]->backend->plugin.name, first);
    assert_true(list.devices[list.count - 1]->backend->plugin.flags & CVK_PLUGIN_REFERENCE);
    test_words(log_text, log_words);
    cvk__device_list_close(&list);
}

/* A device that is named touches no other backend: drivers that nobody asked for stay asleep. */
static void test_named_alone_is_asked(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_fake(200, CVK_DEVICE_GPU, CVK_OK);
    struct cvk__device_list list;
    const struct cvk__backend *fake = ctx->plugins[ctx->plugin_count - 1].backend;
    assert_string_equal(fake->plugin.name, "fake");
    assert_int_equal(cvk__device_list_open(ctx, "ref", &list), CVK_OK);
    cvk__device_list_close(&list);
    assert_false(fake->scanned);
    assert_int_equal(cvk__device_list_open(ctx, "fake", &list), CVK_OK);
    cvk__device_list_close(&list);
    assert_true(fake->scanned);
    cvk_context_destroy(ctx);
}

/* The highest rank that opens, the reference behind it; one line says what was taken and why. */
static void test_auto(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_fake(9999, CVK_DEVICE_GPU, CVK_OK);
    open_auto(ctx, "fake", "auto took fake+ref, the best by rank");
    assert_int_equal(fake_opened, 1);
    struct cvk__device_list list;
    setenv("CONVOKE_DEVICE", "ref", 1);
    assert_int_equal(cvk__device_list_open(ctx, NULL, &list), CVK_OK);
    assert_string_equal(list.spec, "ref");
    cvk__device_list_close(&list);
    setenv("CONVOKE_DEVICE", "", 1);
    assert_int_equal(cvk__device_list_open(ctx, NULL, &list), CVK_OK);
    assert_string_equal(list.spec, "fake+ref");
    cvk__device_list_close(&list);
    unsetenv("CONVOKE_DEVICE");
    cvk_context_destroy(ctx);

    ctx = with_fake(9999, CVK_DEVICE_GPU, CVK_E_DEVICE);
    assert_int_equal(cvk__device_list_open(ctx, "auto", &list), CVK_OK);
    assert_true(strcmp(list.devices[0]->backend->plugin.name, "fake") != 0);
    test_words(log_text, "auto took|fake:0 -> fake:0: opening failed (CVK_E_DEVICE) and the plugin gave no reason");
    cvk__device_list_close(&list);
    cvk_context_destroy(ctx);
}

/* A CPU that a GPU backend offers is no GPU. */
static void test_auto_demotes(void **state)
{
    (void)state;
    struct cvk__rank *order;
    uint32_t count;
    struct cvk_context *ctx = with_fake(200, CVK_DEVICE_CPU, CVK_OK);
    assert_int_equal(cvk__auto_order(ctx, &order, &count), CVK_OK);
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(order[i].backend->plugin.name, "fake") == 0) {
            assert_int_equal(order[i].rank, 99);
            found = true;
        }
    assert_true(found);
    cvk__free(order);
    cvk_context_destroy(ctx);
}

static void test_explain(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } questions[] = {
        {"async:gpu,ref", "async:gpu -> yes: async:1 (Quick Two), else async:2 (Quick Three)|ref -> yes: ref:0|would take "
                          "'async:gpu', the first choice"},
        {"other:gpu+async", "other:gpu -> no: no backend 'other' (there is|async -> yes: async:0 (Slow One)|would fail"},
        {"other", "would fail: the device that is named is not there"},
        {"other+async,other", "async -> yes: async:0 (Slow One)|would fail: no choice has all its devices"},
        {"async(sped=1),ref", "ref -> yes: ref:0|would fail: 'async(sped=1)' is a mistake"},
        {"ref,async(sped=1)", "would take 'ref', the first choice"},
        {"ref:0+ref:cpu,ref", "ref:cpu -> no: it means ref:0, which|would fail: 'ref:0+ref:cpu' is a mistake"},
        {"async(sped=1)", "async(sped=1) -> no: backend 'async' has no option 'sped'"},
        {"ref", "ref -> yes: ref:0|would take 'ref', which is there"},
        {"help", "spec   := choice|pci=01:00.0"},
        {"list", "async:2  Quick Three|ref:0"},
        {"auto", "auto -> behind it: ref:0"},
    };
    struct cvk_context *ctx = with_async();
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        char *text = NULL;
        assert_int_equal(cvk_device_explain(ctx, questions[i].text, &text), CVK_OK);
        test_words(text, questions[i].words);
        cvk_text_free(text);
    }
    char *text = NULL;
    assert_int_equal(cvk_device_explain(ctx, "ref,,", &text), CVK_E_FORMAT);
    assert_null(text);
    assert_int_equal(cvk_device_explain(NULL, "ref", &text), CVK_E_ARG);
    cvk_text_free(NULL);
    cvk_context_destroy(ctx);
}

/* Options are the plugin's to read while it opens, and no longer. */
static void test_options(void **state)
{
    (void)state;
    struct cvk_context *ctx = with_async();
    struct cvk__device_list list;
    assert_int_equal(cvk__device_list_open(ctx, "async(speed=slow)", &list), CVK_OK);
    assert_null(list.devices[0]->host.config(&list.devices[0]->host, "speed"));
    cvk__device_list_close(&list);
    struct cvk__device *d = NULL;
    const struct cvk__backend *b = ctx->plugins[ctx->plugin_count - 1].backend;
    assert_int_equal(cvk__device_open(ctx, b, 1, "speed=fast", &d), CVK_OK);
    assert_string_equal(d->spec, "async:1(speed=fast)");
    cvk__device_close(d);
    assert_int_equal(cvk__device_open(ctx, b, 1, "speed=none", &d), CVK_E_ARG);
    assert_int_equal(cvk__device_open(ctx, b, 1, "fats=1", &d), CVK_E_ARG);
    assert_int_equal(cvk__device_open(ctx, b, 3, NULL, &d), CVK_E_NOT_FOUND);
    assert_null(d);
    cvk_context_destroy(ctx);
}

/* A refused plugin answers for the backend that it would have been. */
static void test_refused_backend(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    struct cvk__device_list list;
    assert_int_equal(cvk_plugin_load(ctx, PLUGINS_DIR "/bad_MAJOR.so"), CVK_E_ABI);
    assert_int_equal(cvk__device_list_open(ctx, "bad", &list), CVK_E_NOT_FOUND);
    test_words(cvk_error_text(), "no backend 'bad'|/bad_MAJOR.so was refused at stage abi|version 2.2|newer Convoke");
    cvk_context_destroy(ctx);
}

/* What a plugin tells through fail arrives whole. */
static void test_fail_text(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
    } files[] = {{"OPEN_TELLS",
                  "bad:0: kernel relu does not compile (CL_BUILD_PROGRAM_FAILURE, -11); update the driver|line 7: no semicolon"},
                 {"OPEN_SILENT", "bad:0: opening failed (CVK_E_DEVICE) and the plugin gave no reason"}};
    for (size_t i = 0; i < 2; i++) {
        struct cvk_context *ctx = test_context(NULL);
        struct cvk__device_list list;
        char path[512];
        snprintf(path, sizeof path, PLUGINS_DIR "/bad_%s.so", files[i].file);
        assert_int_equal(cvk_plugin_load(ctx, path), CVK_OK);
        assert_int_equal(cvk__device_list_open(ctx, "bad", &list), CVK_E_DEVICE);
        test_words(cvk_error_text(), files[i].words);
        cvk_context_destroy(ctx);
    }
}

static void test_context_params(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *value, *words;
    } wrong[] = {{"CONVOKE_THREADS", "many", "CONVOKE_THREADS='many'|1 to 1024"},
                 {"CONVOKE_THREADS", "0", "CONVOKE_THREADS='0'"},
                 {"CONVOKE_MEMORY_LIMIT", "-5", "CONVOKE_MEMORY_LIMIT='-5'"},
                 {"CONVOKE_LOG", "loud", "CONVOKE_LOG|loud"}};
    struct cvk_context *ctx;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv(wrong[i].variable, wrong[i].value, 1);
        assert_int_equal(cvk_context_create(NULL, &ctx), CVK_E_ARG);
        assert_null(ctx);
        test_words(cvk_error_text(), wrong[i].words);
        unsetenv(wrong[i].variable);
    }
    setenv("CONVOKE_THREADS", "3", 1);
    setenv("CONVOKE_MEMORY_LIMIT", "2G", 1);
    assert_int_equal(cvk_context_create(NULL, &ctx), CVK_OK);
    assert_int_equal(cvk_context_threads(ctx), 3);
    assert_true(ctx->memory_limit_bytes == (uint64_t)2 << 30);
    cvk_context_destroy(ctx);
    unsetenv("CONVOKE_THREADS");
    unsetenv("CONVOKE_MEMORY_LIMIT");
    assert_int_equal(cvk_context_create(&(struct cvk_context_params){.threads = 2}, &ctx), CVK_OK);
    assert_int_equal(cvk_context_threads(ctx), 2);
    cvk_context_destroy(ctx);
    assert_int_equal(cvk_context_create(&(struct cvk_context_params){.threads = 5000}, &ctx), CVK_E_LIMIT);
    assert_int_equal(cvk_context_create(NULL, NULL), CVK_E_ARG);
    cvk_context_destroy(NULL);
}

static void add_one(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        ((uint32_t *)arg)[i]++;
}

/* The services of the host, as a plugin meets them. */
static void test_host(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    const struct cvk_host *host = &ctx->host;
    for (uint64_t align = 0; align <= 4096; align = align ? align * 4 : 1) {
        unsigned char *memory = host->alloc(host, 1000, align);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % (align > CVK_ALIGN_BYTES ? align : CVK_ALIGN_BYTES), 0);
        memset(memory, 1, 1000);
        volatile unsigned char tail = memory[1000 + CVK_TAIL_BYTES - 1];
        (void)tail;
        host->free(host, memory);
    }
    assert_null(host->alloc(host, UINT64_MAX, 0));
    assert_null(host->alloc(host, UINT64_MAX - 64, 4096));
    assert_null(host->alloc(host, 10, 3));
    host->free(host, NULL);
    uint32_t counts[1000] = {0};
    assert_int_equal(host->workers(host), 2);
    host->parallel(host, 0, 1000, add_one, counts);
    host->parallel(host, 1, 1000, add_one, counts);
    host->parallel(host, 0, 0, add_one, counts);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(counts[i], 2);
    assert_null(host->config(host, "threads"));
    assert_int_equal(cvk_fail(host, CVK_E_MEMORY, "%d apples", 3), CVK_E_MEMORY);
    assert_string_equal(cvk_error_text(), "3 apples");
    struct cvk_failure tiny = {.size = 8, .status = CVK_E_ARG};
    assert_int_equal((host->fail)(host, &tiny), CVK_E_DEVICE); /* cmocka has a macro of that name */
    assert_int_equal((host->fail)(host, NULL), CVK_E_DEVICE);
    host->log(host, 77, "no such category", NULL);
    host->trace(host, 'B', "span");
    char answer[256];
    struct cvk_query q = {.size = sizeof q, .host = host, .answer = answer};
    assert_int_equal(cvk_refuse(&q, "stride %d > 1", 2), CVK_E_UNSUPPORTED);
    assert_string_equal(answer, "stride 2 > 1");
    cvk_context_destroy(ctx);
}

/* Any allocation may fail on the way: a sentence, and nothing lost. */
static void test_memory(void **state)
{
    (void)state;
    setenv("CONVOKE_PROBE", "off", 1); /* a child would count for itself */
    bool done = false;
    for (int64_t n = 0; n < 500 && !done; n++) {
        struct cvk_context *ctx = NULL;
        struct cvk__device_list list = {0};
        cvk__alloc_fail_after(n);
        int32_t status =
            cvk_context_create(&(struct cvk_context_params){.threads = 1, .plugin_path = PLUGINS_DIR "/async.so"}, &ctx);
        if (status == CVK_OK)
            status = cvk__device_list_open(ctx, "async:gpu(speed=slow)+ref,ref", &list);
        cvk__alloc_fail_never();
        done = status == CVK_OK && list.count == 2;
        cvk__device_list_close(&list);
        cvk_context_destroy(ctx);
    }
    assert_true(done);
    unsetenv("CONVOKE_PROBE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),     cmocka_unit_test(test_names_are_accepted), cmocka_unit_test(test_named_alone_is_asked),
        cmocka_unit_test(test_auto),      cmocka_unit_test(test_auto_demotes),
        cmocka_unit_test(test_explain),   cmocka_unit_test(test_refused_backend),
        cmocka_unit_test(test_fail_text), cmocka_unit_test(test_context_params),
        cmocka_unit_test(test_host),      cmocka_unit_test(test_memory),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

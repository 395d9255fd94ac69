/* SPDX-License-Identifier: MIT
 * The boundary's layout against the golden file, and plugins of the past and the future against today's host. */
#include <dlfcn.h>

#include "abi_pins.h"
#include "base/base.h"
#include "device/backend.h"
#include "graph/kernel.h"
#include "plugin_test.h"

static void compare_line(char **at, const char *line)
{
    char *end = strchr(*at, '\n');
    assert_non_null(end);
    *end = 0;
    if (strcmp(*at, line) != 0)
        fail_msg("abi_golden.txt says '%s', the headers say '%s'", *at, line);
    *at = end + 1;
}

/* Every struct, member, op id and code that crosses the boundary stands where it stood in version 1.0. */
static void test_golden(void **state)
{
    (void)state;
    if (UINTPTR_MAX != UINT64_MAX)
        skip();
    size_t bytes;
    char *golden = (char *)test_read(ABI_GOLDEN, &bytes), *at = golden, line[200];
#define ABI_STRUCT(name, pinned)                                                                                                 \
    snprintf(line, sizeof line, #name " %zu", sizeof(struct name));                                                              \
    compare_line(&at, line);
#define ABI_MEMBER(name, member, offset, pinned)                                                                                 \
    snprintf(line, sizeof line, #name "." #member " %zu %zu", offsetof(struct name, member),                                     \
             sizeof(((struct name *)0)->member));                                                                                \
    compare_line(&at, line);
#include "abi.def"
#undef ABI_STRUCT
#undef ABI_MEMBER
#define CVK_OP(id, NAME, op)                                                                                                     \
    snprintf(line, sizeof line, "op " #op " %d", CVK_OP_##NAME);                                                                 \
    compare_line(&at, line);
#include "convoke/ops.def"
#undef CVK_OP
    assert_string_equal(at, "");
    free(golden);
}

/* A member that was appended to a struct but not to abi.def would leave a hole at the struct's end. */
static void test_nothing_unlisted(void **state)
{
    (void)state;
    if (UINTPTR_MAX != UINT64_MAX)
        skip();
    const char *name = NULL;
    size_t end = 0, bytes = 0;
#define ABI_STRUCT(struct_name, pinned)                                                                                          \
    if (name && (end + 7) / 8 * 8 < bytes)                                                                                       \
        fail_msg("struct %s has members after byte %zu that abi.def does not list", name, end);                                  \
    name = #struct_name;                                                                                                         \
    bytes = sizeof(struct struct_name);
#define ABI_MEMBER(struct_name, member, offset, pinned) end = (offset) + (pinned);
#include "abi.def"
    ABI_STRUCT(cvk_binding, 24)
#undef ABI_STRUCT
#undef ABI_MEMBER
}

static void test_codes(void **state)
{
    (void)state;
    assert_int_equal(CVK_E_ARG, -1);
    assert_int_equal(CVK_E_UNSUPPORTED, -5);
    assert_int_equal(CVK_E_NOT_FOUND, -10);
    assert_int_equal(CVK_F32, 1);
    assert_int_equal(CVK_BOOL, 13);
    assert_int_equal(CVK_LAYOUT_NC16, 4);
    assert_int_equal(CVK_PASS_UPDATE, 3);
    assert_int_equal(CVK_EPI_ACTIVATION, 8);
    assert_int_equal(CVK_NODE_ACCUMULATE, 2);
    assert_int_equal(CVK_KERNEL_ANY_LAYOUT, 2);
    assert_int_equal(CVK_DEVICE_ACCEL, 3);
    assert_int_equal(CVK_CAP_UNIFIED_MEMORY, 32);
    assert_int_equal(CVK_CAP_SELF_TEST, 64);
}

/* Runs row 0 of a plugin that was taken, on one float. */
static float run_row(const struct cvk_context *ctx, uint32_t record, uint32_t row)
{
    const struct cvk_plugin *plugin = ctx->plugins[record].backend ? &ctx->plugins[record].backend->plugin : NULL;
    assert_non_null(plugin);
    float x = 5, y = 0;
    struct cvk_binding in = {&x, 0, sizeof x}, out = {&y, 0, sizeof y};
    struct cvk_node node = {.size = sizeof node, .op = CVK_OP_UNARY, .input_count = 1, .output_count = 1};
    struct cvk_exec e = {.size = sizeof e, .host = &ctx->host, .node = &node, .inputs = &in, .outputs = &out};
    assert_int_equal(plugin->kernels[row].run(&e), CVK_OK);
    return y;
}

static void load(struct cvk_context *ctx, const char *path)
{
    if (cvk_plugin_load(ctx, path) != CVK_OK)
        fail_msg("%s", cvk_error_text());
}

/* What an older plugin lacks is NULL in the host's copies. */
static void test_old_plugin(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    load(ctx, PLUGINS_DIR "/old.so");
    struct cvk_plugin_entry e = test_last(ctx);
    assert_string_equal(e.name, "old");
    assert_int_equal(e.plugin->size, sizeof *e.plugin);
    assert_int_equal(e.plugin->kernel_stride, sizeof(struct cvk_kernel));
    assert_int_equal(e.plugin->kernels[0].size, sizeof(struct cvk_kernel));
    assert_null(e.plugin->kernels[0].finish);
    assert_null(e.plugin->device);
    assert_true(run_row(ctx, cvk_plugin_count(ctx) - 1, 0) == 10);
    struct cvk__device *d = NULL;
    assert_int_equal(cvk__device_open(ctx, ctx->plugins[ctx->plugin_count - 1].backend, 0, NULL, &d), CVK_OK);
    assert_true(d->host_memory);
    cvk__device_close(d);
    cvk_context_destroy(ctx);
}

static void test_old_device(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    load(ctx, PLUGINS_DIR "/old_device.so");
    struct cvk_plugin_entry e = test_last(ctx);
    assert_non_null(e.plugin->device);
    assert_null(e.plugin->device->get_interface);
    assert_null(e.plugin->device->alloc);
    char *text = NULL;
    assert_int_equal(cvk_device_explain(ctx, "old:0", &text), CVK_OK);
    test_words(text, "old:0 -> yes|a device of the past");
    cvk_text_free(text);
    cvk_context_destroy(ctx);
}

static void test_new_plugin(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    load(ctx, PLUGINS_DIR "/new.so");
    struct cvk_plugin_entry e = test_last(ctx);
    assert_string_equal(e.name, "new");
    assert_int_equal(e.plugin->size, sizeof *e.plugin);
    assert_int_equal(e.plugin->abi_minor, CVK_ABI_MINOR + 7);
    assert_int_equal(e.plugin->kernel_count, 1); /* the later op and pass are left out */
    assert_string_equal(e.plugin->kernels[0].name, "triple");
    assert_int_equal(e.plugin->option_count, 2);
    assert_string_equal(e.plugin->options[1].key, "depth");
    assert_int_equal(e.plugin->device->size, sizeof(struct cvk_device_api));
    assert_true(run_row(ctx, cvk_plugin_count(ctx) - 1, 0) == 15);
    char *text = NULL;
    assert_int_equal(cvk_device_explain(ctx, "new(speed=fast)", &text), CVK_OK);
    test_words(text, "new:0|nnnnnnnn|yes");
    cvk_text_free(text);
    struct cvk_device_entry d = {0};
    for (uint32_t i = 0; i < cvk_device_count(ctx) && (!d.backend || strcmp(d.backend, "new") != 0); i++)
        assert_int_equal(cvk_device_get(ctx, i, &d), CVK_OK);
    assert_string_equal(d.backend, "new");
    assert_int_equal(d.info.kind, 1000);
    assert_int_equal(strnlen(d.info.name, sizeof d.info.name), sizeof d.info.name - 1); /* the host ended it */
    cvk_context_destroy(ctx);
}

static int32_t query_short(const struct cvk_host *host, struct cvk_plugin *out)
{
    (void)host;
    memset(&out->options, 0x77, sizeof *out - offsetof(struct cvk_plugin, options));
    struct cvk_plugin self = {CVK_PLUGIN_HEAD, .name = "short", .version = "1", .license = "MIT"};
    memcpy(out, &self, offsetof(struct cvk_plugin, options));
    out->size = offsetof(struct cvk_plugin, options);
    return CVK_OK;
}

/* What lies behind the size that a plugin gives does not count, whatever it is. */
static void test_size_counts(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    if (cvk_plugin_register(ctx, query_short, "short") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    struct cvk_plugin_entry e = test_last(ctx);
    assert_null(e.plugin->device);
    assert_int_equal(e.plugin->option_count, 0);
    cvk_context_destroy(ctx);
}

/* Today's plugin, asked by a host of a shorter, older boundary: writes no byte beyond what that host gave. */
static void test_old_host(void **state)
{
    (void)state;
    static const char *const files[] = {PLUGINS_DIR "/async.so", PLUGINS_DIR "/new.so"};
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        void *library = dlopen(files[f], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            fail_msg("%s", dlerror());
        cvk_plugin_query_fn query;
        void *symbol = dlsym(library, "cvk_plugin_query");
        memcpy(&query, &symbol, sizeof symbol);
        for (uint32_t bytes = offsetof(struct cvk_plugin, options); bytes <= sizeof(struct cvk_plugin); bytes += 8) {
            struct cvk_host host = {.size = offsetof(struct cvk_host, log), .abi_major = CVK_ABI_MAJOR, .abi_minor = 0};
            union {
                struct cvk_plugin plugin;
                unsigned char bytes[sizeof(struct cvk_plugin) + 64];
            } room;
            memset(&room, 0x5A, sizeof room);
            memset(&room, 0, bytes);
            room.plugin.size = bytes;
            assert_int_equal(query(&host, &room.plugin), CVK_OK);
            assert_int_equal(room.plugin.size, bytes);
            assert_non_null(room.plugin.kernels);
            for (size_t i = bytes; i < sizeof room; i++)
                assert_int_equal(room.bytes[i], 0x5A);
        }
    }
}

/* A plugin of before 1.2 would take a batch norm that trains, or a dropout with a step, for the form that it knows. */
static void test_younger_forms(void **state)
{
    (void)state;
    struct cvk__backend backend = {.plugin = {.abi_major = CVK_ABI_MAJOR}};
    struct cvk__device device = {.backend = &backend};
    const struct cvk_kernel rows[] = {{.size = sizeof rows[0], .op = CVK_OP_BATCH_NORM, .name = "norm"},
                                      {.size = sizeof rows[0], .op = CVK_OP_DROPOUT, .name = "drop"}};
    const struct cvk_batch_norm_params norms[] = {{.size = sizeof norms[0]}, {.size = sizeof norms[0], .training = 1}};
    const struct cvk_dropout_params drop = {.size = sizeof drop};
    struct cvk_tensor_desc desc;
    assert_int_equal(cvk_tensor_desc_init(&desc, CVK_F32, CVK_LAYOUT_PLAIN, 1, (int64_t[]){3}), CVK_OK);
    const struct cvk_tensor_desc *operands[5] = {&desc, &desc, &desc, &desc, &desc};
    const void *no_content[5] = {NULL};
    for (uint16_t minor = 1; minor <= 2; minor++)
        for (uint32_t form = 0; form < 2; form++) {
            const struct cvk_node nodes[] = {
                {.size = sizeof nodes[0], .op = CVK_OP_BATCH_NORM, .params = &norms[form], .input_count = 5, .output_count = 1,
                 .inputs = operands, .outputs = operands, .constants = no_content},
                {.size = sizeof nodes[0], .op = CVK_OP_DROPOUT, .params = &drop, .input_count = 1 + form, .output_count = 1,
                 .inputs = operands, .outputs = operands, .constants = no_content}};
            backend.plugin.abi_minor = minor;
            for (uint32_t i = 0; i < 2; i++) {
                struct cvk_plan plan;
                char reason[CVK__REASON_BYTES];
                int32_t status = cvk__kernel_ask(&device, &rows[i], &nodes[i], CVK_LAYOUT_PLAIN, CVK_LAYOUT_PLAIN, &plan, reason);
                assert_int_equal(status, minor == 1 && form ? CVK_E_UNSUPPORTED : CVK_OK);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),      cmocka_unit_test(test_nothing_unlisted), cmocka_unit_test(test_codes),
        cmocka_unit_test(test_old_plugin),  cmocka_unit_test(test_old_device),       cmocka_unit_test(test_new_plugin),
        cmocka_unit_test(test_size_counts), cmocka_unit_test(test_old_host),         cmocka_unit_test(test_younger_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

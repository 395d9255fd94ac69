/* SPDX-License-Identifier: MIT
 * `convoke devices`: what there is to run on, under the names that CONVOKE_DEVICE accepts, and why the rest is not. */
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "model.h"

static const char *kind_name(uint32_t kind)
{
    return kind == CVK_DEVICE_GPU ? "gpu" : kind == CVK_DEVICE_ACCEL ? "accel" : "cpu";
}

static bool get(struct cvk_context *ctx, uint32_t i, struct cvk_device_entry *d)
{
    if (cvk_device_get(ctx, i, d) == CVK_OK)
        return true;
    tool_fail_library("");
    return false;
}

void devices_print_list(struct cvk_context *ctx)
{
    uint32_t count = cvk_device_count(ctx), usable = 0;
    struct table *t = table_create("lllrrl");
    table_add(t, "name"), table_add(t, "kind"), table_add(t, "device"), table_add(t, "units"), table_add(t, "memory"),
        table_add(t, "driver");
    struct cvk_device_entry d;
    for (uint32_t i = 0; i < count; i++) {
        if (!get(ctx, i, &d) || d.status != CVK_OK)
            continue;
        char bytes[28];
        usable++;
        table_add(t, "%s", d.spec);
        table_add(t, "%s", kind_name(d.info.kind));
        table_add(t, "%s%s%s%s", d.info.name[0] ? d.info.name : d.backend, d.info.vendor[0] ? " (" : "", d.info.vendor,
                  d.info.vendor[0] ? ")" : "");
        if (d.info.compute_units)
            table_add(t, "%u", d.info.compute_units);
        else
            table_add(t, "-");
        table_add(t, "%s", d.info.memory_bytes ? tool_bytes(d.info.memory_bytes, bytes) : "-");
        table_add(t, "%s%s%s", d.info.driver, d.info.driver[0] && d.info.platform[0] ? ", " : "",
                  d.info.driver[0] || d.info.platform[0] ? d.info.platform : "-");
    }
    if (usable)
        table_print(t, stdout);
    else
        printf("no device can be used\n");
    if (usable < count)
        printf("%u more cannot be used: convoke devices --why tells the reasons\n", count - usable);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < cvk_plugin_count(ctx); i++) {
        struct cvk_plugin_entry p;
        refused += cvk_plugin_get(ctx, i, &p) == CVK_OK && p.status != CVK_OK;
    }
    if (refused)
        printf("%u plugin file%s or folder%s not taken: convoke devices --why tells the reason%s\n", refused,
               refused > 1 ? "s" : "", refused > 1 ? "s were" : " was", refused > 1 ? "s" : "");
    table_destroy(t);
}

static void print_escaped(const char *label, const char *text)
{
    char safe[2048];
    if (text && text[0])
        printf("    %s%s\n", label, tool_escape(text, safe, sizeof safe));
}

/* Text of several lines from the library, each escaped. */
static void print_lines(const char *text)
{
    char *copy = tool_copy(text), *rest = copy;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char safe[2048];
        if (line[0])
            printf("  %s\n", tool_escape(line, safe, sizeof safe));
    }
    free(copy);
}

static void print_why(struct cvk_context *ctx)
{
    const char *good = tool_colour(TOOL_GREEN), *bad = tool_colour(TOOL_RED), *end = tool_colour(TOOL_PLAIN);
    char safe[2048];
    printf("\nPlugins\n");
    if (cvk_plugin_count(ctx) == 0)
        printf("  none found: put the folder that holds them into CONVOKE_PLUGIN_PATH\n");
    for (uint32_t i = 0; i < cvk_plugin_count(ctx); i++) {
        struct cvk_plugin_entry p;
        if (cvk_plugin_get(ctx, i, &p) != CVK_OK)
            continue;
        printf("  %s%s%s  %s\n", p.status == CVK_OK ? good : bad, p.status == CVK_OK ? "taken  " : "refused", end,
               tool_escape(p.path, safe, sizeof safe));
        if (p.name) {
            printf("    %s ", tool_escape(p.name, safe, sizeof safe));
            printf("%s", p.version ? tool_escape(p.version, safe, sizeof safe) : "");
            if (p.plugin)
                printf(", rank %d, ABI %u.%u, %u kernels%s%s", p.plugin->rank, p.plugin->abi_major, p.plugin->abi_minor,
                       p.plugin->kernel_count, CVK_HAS(p.plugin, license) ? ", " : "",
                       CVK_HAS(p.plugin, license) ? tool_escape(p.plugin->license, safe, sizeof safe) : "");
            printf("\n");
            if (p.plugin && CVK_HAS(p.plugin, summary))
                print_escaped("", p.plugin->summary);
        }
        if (p.status != CVK_OK) {
            printf("    at stage '%s' (%s)\n", p.stage ? p.stage : "?", cvk_status_name(p.status));
            print_escaped("", p.reason);
            print_escaped("what to do: ", p.fix);
        }
        for (uint32_t o = 0; p.plugin && CVK_HAS(p.plugin, options) && o < p.plugin->option_count; o++) {
            const struct cvk_option *option =
                (const struct cvk_option *)((const char *)p.plugin->options + (size_t)o * p.plugin->option_stride);
            printf("    option %s: ", tool_escape(option->key, safe, sizeof safe));
            printf("%s\n", option->help ? tool_escape(option->help, safe, sizeof safe) : "");
        }
    }
    printf("\nDevices\n");
    for (uint32_t i = 0; i < cvk_device_count(ctx); i++) {
        struct cvk_device_entry d;
        if (!get(ctx, i, &d))
            continue;
        printf("  %s%s%s  %s  ", d.status == CVK_OK ? good : bad, d.status == CVK_OK ? "usable " : "refused", end,
               tool_escape(d.spec, safe, sizeof safe));
        printf("%s\n", tool_escape(d.info.name, safe, sizeof safe));
        if (d.status != CVK_OK)
            print_escaped("", d.reason);
        print_escaped("uuid=", d.info.uuid);
        print_escaped("pci=", d.info.pci);
    }
}

/* The library's lines as a list of texts. */
static void put_lines(struct json *list, const char *text)
{
    char *copy = tool_copy(text ? text : ""), *rest = copy;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (line[0])
            json_item_text(list, line);
    free(copy);
}

static void put_json(struct cvk_context *ctx, const char *choice, bool why)
{
    struct json *root = json_create(), *list = json_list_in(root, "devices");
    for (uint32_t i = 0; i < cvk_device_count(ctx); i++) {
        struct cvk_device_entry d;
        if (!get(ctx, i, &d) || (d.status != CVK_OK && !why))
            continue;
        struct json *o = json_item(list);
        json_text(o, "name", d.spec);
        json_text(o, "backend", d.backend);
        json_text(o, "kind", kind_name(d.info.kind));
        json_text(o, "device", d.info.name);
        json_text(o, "vendor", d.info.vendor);
        json_text(o, "driver", d.info.driver);
        json_text(o, "platform", d.info.platform);
        json_text(o, "uuid", d.info.uuid);
        json_text(o, "pci", d.info.pci);
        json_count(o, "memory_bytes", d.info.memory_bytes);
        json_count(o, "compute_units", d.info.compute_units);
        json_bool(o, "usable", d.status == CVK_OK);
        json_text(o, "reason", d.status == CVK_OK ? NULL : d.reason);
    }
    put_lines(json_list_in(root, "choice"), choice);
    list = why ? json_list_in(root, "plugins") : NULL;
    for (uint32_t i = 0; why && i < cvk_plugin_count(ctx); i++) {
        struct cvk_plugin_entry p;
        if (cvk_plugin_get(ctx, i, &p) != CVK_OK)
            continue;
        struct json *o = json_item(list);
        json_text(o, "path", p.path);
        json_text(o, "name", p.name);
        json_text(o, "version", p.version);
        json_bool(o, "taken", p.status == CVK_OK);
        json_text(o, "status", cvk_status_name(p.status));
        json_text(o, "stage", p.stage);
        json_text(o, "reason", p.reason);
        json_text(o, "fix", p.fix);
    }
    json_finish(root);
}

/* Whether a device text that was asked for holds what it promises: its devices are opened, for the smallest of nets. */
static int try_to_open(struct cvk_context *ctx, const char *device)
{
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    int32_t status = cvk_graph_from_text("1: relu", 1, &g);
    if (status == CVK_OK)
        status = cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .flags = CVK_SESSION_PLAN_ONLY}, &s);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    /* A backend without this op has opened all the same. */
    return status == CVK_OK || status == CVK_E_UNSUPPORTED ? TOOL_GO_ON : tool_fail_library("");
}

int cvk_tool_devices(int argc, char **argv)
{
    struct setup setup = {0};
    bool why = false;
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"why", OPTION_FLAG, &why, NULL, "every plugin file and every device, and why it was or was not taken", 0, 0},
        {"device", OPTION_TEXT, &setup.device, "SPEC", "say what this text would choose; `help` prints the grammar", 0, 0},
    };
    const struct command command = {
        .name = "devices",
        .summary = "list the devices under the names that CONVOKE_DEVICE accepts",
        .usage = "[--why] [--json] [--device SPEC]",
        .about = "The first column is what CONVOKE_DEVICE and --device accept. Without either, `auto` takes the best by rank. "
                 "With --device the device is opened, and the exit code is 1 if that fails.",
        .examples =
            "convoke devices\nconvoke devices --why\nconvoke devices --device 'opencl:gpu,simd'\nCONVOKE_DEVICE=help convoke",
        ARGS_OPTIONS_OF(options),
        .shared = shared,
        .shared_count = setup_options(&setup, SETUP_JSON, shared)};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    args_free(&rest);
    struct cvk_context *ctx = NULL;
    if (code == TOOL_GO_ON)
        code = setup_start(&setup, &ctx);
    if (code != TOOL_GO_ON)
        return code;
    char *choice = NULL;
    int32_t status = cvk_device_explain(ctx, setup.device, &choice);
    char *sentence = status == CVK_OK ? NULL : tool_copy(cvk_error_text()); /* other calls follow */
    if (setup.json)
        put_json(ctx, choice, why);
    else {
        if (!setup.device || why)
            devices_print_list(ctx);
        if (why)
            print_why(ctx);
        if (choice && choice[0]) {
            const char *asked = setup.device ? setup.device : getenv("CONVOKE_DEVICE");
            char safe[TOOL_TEXT];
            printf("%s%s\n", !setup.device || why ? "\nChoice for " : "choice for ",
                   asked && asked[0] ? tool_escape(asked, safe, sizeof safe) : "auto");
            print_lines(choice);
        }
    }
    if (status != CVK_OK)
        code = tool_fail(TOOL_FAILED, "%s", sentence);
    else
        code = setup.device ? try_to_open(ctx, setup.device) : TOOL_GO_ON;
    free(sentence);
    cvk_text_free(choice);
    cvk_context_destroy(ctx);
    return code == TOOL_GO_ON ? TOOL_OK : code;
}

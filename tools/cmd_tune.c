/* SPDX-License-Identifier: MIT
 * `convoke tune`: measures which kernels are the fastest for a model on a device; later sessions use them. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "tune_file.h"

struct tune {
    struct setup setup;
    const char *level, *export_path, *import_path;
    double budget;
    bool again, force;
    struct text_list inputs;
    struct model model;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* The first Ctrl-C ends the measuring, the second one the program. */
static void listen_for_stop(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = stop;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
}

static int32_t tell(void *arg, const struct cvk_tune_progress *p)
{
    (void)arg;
    char best[120] = "", left[40] = "";
    if (p->best_ns > 0)
        snprintf(best, sizeof best, ", best %s %.3g ms", p->best, p->best_ns / 1e6);
    if (p->left_s >= 0)
        snprintf(left, sizeof left, ", %.0f s left", p->left_s);
    tool_progress("%u of %u: %s %s, kernel %u of %u%s%s", p->node + 1, p->node_count, p->op, p->name, p->tried + 1, p->ways, best,
                  left);
    return stopped ? CVK_E_ARG : CVK_OK;
}

/* ---- results ------------------------------------------------------------------------------------------------------------ */

/* "direct", "direct/2" with a parameter set, "direct/2 NCHW>NC16" if the layouts are not those of `usual`. */
static const char *way_text(const struct cvk_tune_way *w, const struct cvk_tune_way *usual, char *out, size_t bytes)
{
    char set[16] = "", layouts[40] = "";
    if (w->variant)
        snprintf(set, sizeof set, "/%u", w->variant);
    if (w->layout_x != usual->layout_x || w->layout_y != usual->layout_y)
        snprintf(layouts, sizeof layouts, " %s>%s", cvk_layout_name(w->layout_x), cvk_layout_name(w->layout_y));
    snprintf(out, bytes, "%s%s%s", w->kernel, set, layouts);
    return out;
}

struct totals {
    double untuned_ns, chosen_ns; /* of all nodes that were measured */
    uint32_t kinds, measured, remembered, wrong;
};

static struct totals add_up(const struct cvk_tune_result *r)
{
    struct totals t = {.kinds = cvk_tune_result_count(r)};
    for (uint32_t i = 0; i < t.kinds; i++) {
        struct cvk_tune_node n;
        if (cvk_tune_result_node(r, i, &n) != CVK_OK || !n.measured)
            continue;
        /* Where the untuned kernel could not be measured there is nothing to compare. */
        t.untuned_ns += n.count * (n.untuned.time_ns > 0 ? n.untuned.time_ns : n.chosen.time_ns);
        t.chosen_ns += n.count * n.chosen.time_ns;
        t.measured++;
        t.remembered += n.remembered;
        t.wrong += n.wrong;
    }
    return t;
}

static const char *ms_text(double ns, char out[32])
{
    if (ns > 0)
        snprintf(out, 32, "%.3f", ns / 1e6);
    else
        snprintf(out, 32, "-");
    return out;
}

static void print_table(const struct cvk_tune_result *r)
{
    struct table *t = table_create("llrlrlrr");
    const char *const heads[] = {"node", "op", "times", "untuned", "ms", "chosen", "ms", "gain"};
    for (uint32_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_add(t, "%s", heads[i]);
    for (uint32_t i = 0; i < cvk_tune_result_count(r); i++) {
        struct cvk_tune_node n;
        char untuned[120], chosen[120], before[32], after[32], shape[CVK_SHAPE_TEXT];
        if (cvk_tune_result_node(r, i, &n) != CVK_OK)
            continue;
        table_add(t, "%s", n.name);
        table_add(t, "%s %s", n.op, tool_shape(n.output, shape));
        table_add(t, "%u", n.count);
        table_add(t, "%s", way_text(&n.untuned, &n.untuned, untuned, sizeof untuned));
        table_add(t, "%s", ms_text(n.untuned.time_ns, before));
        table_add(t, "%s", n.measured ? way_text(&n.chosen, &n.untuned, chosen, sizeof chosen) : "not measured");
        table_add(t, "%s", ms_text(n.chosen.time_ns, after));
        if (n.measured && n.untuned.time_ns > 0)
            table_add(t, "%.2fx", n.untuned.time_ns / n.chosen.time_ns);
        else
            table_add(t, "-");
    }
    table_print(t, stdout);
    table_destroy(t);
}

static const char *end_text(uint32_t end)
{
    return end == CVK_TUNE_STOPPED ? "stopped" : end == CVK_TUNE_BUDGET ? "budget" : "done";
}

static void print_results(const struct cvk_tune_result *r)
{
    struct totals t = add_up(r);
    if (!t.kinds) {
        printf("nothing to measure: all of it runs on the reference, or moves nothing\n");
        return;
    }
    print_table(r);
    if (t.measured)
        printf("sum of what was measured: %.3f ms untuned, %.3f ms tuned, %.2fx\n", t.untuned_ns / 1e6, t.chosen_ns / 1e6,
               t.untuned_ns / t.chosen_ns);
    printf("%u of %u kinds of nodes measured", t.measured, t.kinds);
    if (t.remembered)
        printf(", %u of them earlier", t.remembered);
    if (t.wrong)
        printf("; %u kernel%s gave wrong results or failed", t.wrong, t.wrong > 1 ? "s" : "");
    if (cvk_tune_result_end(r) != CVK_TUNE_DONE)
        printf("; %s: the same command goes on from here",
               cvk_tune_result_end(r) == CVK_TUNE_STOPPED ? "stopped" : "the time was over (--budget)");
    printf("\n");
}

static void put_way(struct json *o, const char *key, const struct cvk_tune_way *w)
{
    struct json *way = json_object_in(o, key);
    json_text(way, "kernel", w->kernel);
    json_count(way, "variant", w->variant);
    json_text(way, "layout_in", cvk_layout_name(w->layout_x));
    json_text(way, "layout_out", cvk_layout_name(w->layout_y));
    json_number(way, "ms", w->time_ns > 0 ? w->time_ns / 1e6 : 0.0 / 0.0);
}

static void put_results(struct json *root, const struct tune *t, const struct cvk_tune_result *r)
{
    struct totals sum = add_up(r);
    json_text(root, "model", t->model.text);
    json_text(root, "level", t->level);
    json_text(root, "end", end_text(cvk_tune_result_end(r)));
    struct json *nodes = json_list_in(root, "nodes");
    for (uint32_t i = 0; i < cvk_tune_result_count(r); i++) {
        struct cvk_tune_node n;
        if (cvk_tune_result_node(r, i, &n) != CVK_OK)
            continue;
        struct json *o = json_item(nodes);
        json_text(o, "name", n.name);
        json_text(o, "op", n.op);
        json_text(o, "device", n.device);
        if (n.input)
            json_shape(o, "input", n.input);
        json_shape(o, "output", n.output);
        json_count(o, "count", n.count);
        json_count(o, "ways", n.ways);
        json_count(o, "tried", n.tried);
        json_count(o, "wrong", n.wrong);
        json_bool(o, "measured", n.measured != 0);
        json_bool(o, "remembered", n.remembered != 0);
        put_way(o, "untuned", &n.untuned);
        put_way(o, "chosen", &n.chosen);
    }
    json_number(root, "untuned_ms", sum.untuned_ns / 1e6);
    json_number(root, "tuned_ms", sum.chosen_ns / 1e6);
}

/* ---- the work ----------------------------------------------------------------------------------------------------------- */

static int measure(struct tune *t, struct cvk_context *ctx, const char *text, struct json *json)
{
    struct cvk_tune_result *r = NULL;
    struct input_set set = {0};
    int code = model_load(text, t->setup.seed, &t->model);
    if (code != TOOL_GO_ON)
        return code;
    struct cvk_session_params session = setup_params(&t->setup);
    input_set_create(t->model.graph, &set);
    code = input_set_read(&set, t->model.graph, &t->inputs);
    session.input_count = set.count;
    session.inputs = set.sizes;
    const struct cvk_tune_params p = {.session = &session,
                                      .level = strcmp(t->level, "full") == 0 ? CVK_TUNE_FULL : CVK_TUNE_QUICK,
                                      .again = t->again,
                                      .budget_seconds = t->budget,
                                      .progress = tell};
    listen_for_stop();
    if (code == TOOL_GO_ON && cvk_tune(ctx, t->model.graph, &p, &r) != CVK_OK)
        code = tool_fail_library(text);
    tool_progress_done();
    if (code == TOOL_GO_ON && json)
        put_results(json, t, r);
    else if (code == TOOL_GO_ON)
        print_results(r);
    if (code == TOOL_GO_ON && cvk_tune_result_end(r) == CVK_TUNE_STOPPED)
        code = TOOL_FAILED;
    cvk_tune_result_destroy(r);
    input_set_free(&set);
    return code;
}

/* What was found lasts only for this call on devices that keep nothing. */
static void tell_if_lost(const struct tune *t, struct cvk_context *ctx)
{
    struct cvk_device_info info;
    const char *backend;
    uint32_t lasting;
    if (cvk_tune_device(ctx, t->setup.device, &info, &backend, &lasting) == CVK_OK && !lasting)
        tool_warn(
            "'%s' keeps nothing beyond a process: other programs will not see these choices (CONVOKE_TUNE=quick measures in each "
            "of them)",
            backend);
}

static int run_all(struct tune *t, struct cvk_context *ctx, const char *model, struct json *json)
{
    uint32_t count = 0;
    int code = TOOL_GO_ON, measured = TOOL_GO_ON;
    if (t->import_path) {
        code = tune_file_read(ctx, t->setup.device, t->import_path, t->force, &count);
        if (code == TOOL_GO_ON && !json)
            printf("%u choices taken from %s\n", count, t->import_path);
    }
    if (code == TOOL_GO_ON && model)
        measured = measure(t, ctx, model, json);
    if (code == TOOL_GO_ON && t->export_path) { /* what was measured before a stop, too */
        code = tune_file_write(ctx, t->setup.device, t->export_path, &count);
        if (code == TOOL_GO_ON && !json)
            printf("%u choices written to %s\n", count, t->export_path);
    }
    if (code == TOOL_GO_ON && (model || t->import_path))
        tell_if_lost(t, ctx);
    return code == TOOL_GO_ON ? measured : code;
}

static int do_tune(struct tune *t, const struct text_list *rest)
{
    struct cvk_context *ctx = NULL;
    if (strcmp(t->level, "quick") != 0 && strcmp(t->level, "full") != 0)
        return tool_fail(TOOL_USAGE, "--level is quick or full, not '%s'", t->level);
    if (t->budget < 0)
        return tool_fail(TOOL_USAGE, "--budget must be above 0");
    if (!rest->count && !t->export_path && !t->import_path)
        return tool_fail(TOOL_USAGE, "tune wants a MODEL, or a file to --import or --export");
    int code = setup_start(&t->setup, &ctx);
    if (code != TOOL_GO_ON)
        return code;
    struct json *json = t->setup.json ? json_create() : NULL;
    code = run_all(t, ctx, rest->count ? rest->items[0] : NULL, json);
    if (json && (code == TOOL_GO_ON || stopped)) {
        int printed = json_finish(json);
        code = code == TOOL_GO_ON ? printed : code;
    } else {
        json_free(json);
    }
    model_free(&t->model);
    cvk_context_destroy(ctx);
    return code == TOOL_GO_ON ? TOOL_OK : code;
}

int cvk_tool_tune(int argc, char **argv)
{
    struct tune t = {.level = "quick"};
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"level", OPTION_TEXT, &t.level, "quick|full", "the likeliest kernels in about 0.3 s a node (default), or all", 0, 0},
        {"budget", OPTION_NUMBER, &t.budget, "S", "seconds for all (default: 10 for quick, no end for full)", 0, 0},
        {"again", OPTION_FLAG, &t.again, NULL, "measure what is remembered, too", 0, 0},
        {"export", OPTION_TEXT, &t.export_path, "FILE", "write what the device remembers, after measuring, to a file", 0, 0},
        {"import", OPTION_TEXT, &t.import_path, "FILE", "take such a file first", 0, 0},
        {"force", OPTION_FLAG, &t.force, NULL, "with --import: although it is of another device or driver", 0, 0},
        {"input", OPTION_EACH, &t.inputs, "[NAME=]FILE", "a tensor whose sizes (and content, where sizes hang on it) are used", 0,
         0},
    };
    const struct command command = {
        .name = "tune",
        .summary = "measure which kernels are the fastest for a model; later runs use them",
        .usage = "MODEL [OPTION...] | --import FILE | --export FILE",
        .model = model_help,
        .about =
            "Every kind of node is run by the kernels that take it, in their layouts and with their parameter sets, on random "
            "data; what differs from `ref` is never chosen. Times include the reorders that another layout costs. The choices "
            "are kept where the device keeps notes (the OpenCL backend: its cache) until its driver changes. What is "
            "remembered is not measured again, so a call that was stopped, with Ctrl-C or by --budget, is taken up where it "
            "ended. CONVOKE_KERNEL comes before measured choices.",
        .examples = "convoke tune resnet50.onnx --device opencl:gpu\n"
                    "convoke tune resnet50.onnx --batch 16 --level full --export a100.json\n"
                    "convoke tune --import a100.json --device opencl:gpu",
        ARGS_OPTIONS_OF(options),
        .shared = shared,
        .shared_count = setup_options(&t.setup, SETUP_ALL, shared),
        .rest_name = "MODEL",
        .rest_max = 1,
    };
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = do_tune(&t, &rest);
    args_free(&rest);
    args_free(&t.inputs);
    return code;
}

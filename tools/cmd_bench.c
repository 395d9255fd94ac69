/* SPDX-License-Identifier: MIT
 * `convoke bench`: how long a model takes, told only after its result was found right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "compare.h"
#include "measure.h"

struct bench {
    struct setup setup;
    struct text_list inputs;
    struct measure_rule rule;
    bool per_op, no_check;

    struct cvk_context *ctx;
    struct model model;
    struct input_set set;
    struct cvk_session *session;
    struct cvk_session_report report;
    struct timing timing;
    double create_ms, first_run_ms;
    bool checked;
    char verdict[700];
    double *op_ms; /* per node, median */
};

static int make_session(struct bench *b, const char *device, uint32_t flags, struct cvk_session **out)
{
    struct cvk_session_params p = setup_params(&b->setup);
    p.device = device;
    p.flags = flags;
    p.input_count = b->set.count;
    p.inputs = b->set.sizes;
    return cvk_session_create(b->ctx, b->model.graph, &p, out) == CVK_OK ? TOOL_GO_ON : tool_fail_library(b->model.text);
}

static int read_output(struct cvk_session *s, uint32_t i, struct cvk_tensor **out)
{
    const struct cvk_tensor_desc *d = cvk_session_output_desc(s, i);
    if (cvk_tensor_create(d->dtype, d->rank, d->dims, out) != CVK_OK || cvk_session_read(s, i, *out) != CVK_OK)
        return tool_fail_library("");
    return TOOL_GO_ON;
}

static int compare_output(struct bench *b, struct cvk_session *ref, uint32_t i)
{
    struct cvk_tensor *got = NULL, *want = NULL;
    int code = read_output(b->session, i, &got);
    if (code == TOOL_GO_ON)
        code = read_output(ref, i, &want);
    if (code == TOOL_GO_ON) {
        /* Random weights give outputs of any scale, so the absolute part follows the largest value. */
        struct tensor_stats s = tensor_stats(want);
        double size = s.count > s.bad ? fmax(fabs(s.min), fabs(s.max)) : 0, atol = 1e-4 * size, rtol = 1e-3;
        struct comparison c = compare_tensors(got, want, rtol, atol);
        compare_text(&c, got, want, rtol, atol, b->verdict, sizeof b->verdict);
        if (!c.same_shape || c.different)
            code = tool_fail(TOOL_MISMATCH, "wrong result on %s, so no times: output '%s' %s", b->report.device,
                             cvk_session_output_name(b->session, i), b->verdict);
    }
    cvk_tensor_destroy(got);
    cvk_tensor_destroy(want);
    return code;
}

static bool is_reference(const struct bench *b)
{
    return strcmp(b->report.device, "ref") == 0 || strncmp(b->report.device, "ref:", 4) == 0;
}

static int check(struct bench *b)
{
    if (b->no_check) {
        snprintf(b->verdict, sizeof b->verdict, "not checked (--no-check)");
        return TOOL_GO_ON;
    }
    if (is_reference(b) && !strchr(b->report.device, '+')) {
        snprintf(b->verdict, sizeof b->verdict, "not checked: this is the reference");
        return TOOL_GO_ON;
    }
    tool_progress("checking the result against ref (slow; --no-check leaves it out)");
    struct cvk_session *ref = NULL;
    double ms;
    int code = make_session(b, "ref", 0, &ref);
    if (code == TOOL_GO_ON)
        code = measure_once(ref, &b->set, &ms);
    for (uint32_t i = 0; i < cvk_session_output_count(b->session) && code == TOOL_GO_ON; i++)
        code = compare_output(b, ref, i);
    cvk_session_destroy(ref);
    tool_progress_done();
    b->checked = code == TOOL_GO_ON;
    return code;
}

/* Times every node in a session of its own: the clock between nodes costs a little. */
static int time_nodes(struct bench *b)
{
    enum { RUNS = 15 };
    struct cvk_session *s = NULL;
    double ms, budget = tool_now_ms() + b->rule.seconds * 1e3;
    int code = make_session(b, b->setup.device, CVK_SESSION_PROFILE, &s);
    uint32_t nodes = code == TOOL_GO_ON ? cvk_session_node_count(s) : 0, runs = 0;
    double *all = tool_alloc((size_t)nodes * RUNS, sizeof *all);
    if (code == TOOL_GO_ON)
        code = measure_once(s, &b->set, &ms);
    for (; runs < RUNS && code == TOOL_GO_ON && (runs < 3 || tool_now_ms() < budget); runs++) {
        code = measure_once(s, &b->set, &ms);
        for (uint32_t i = 0; i < nodes && code == TOOL_GO_ON; i++) {
            struct cvk_node_report n;
            if (cvk_session_node(s, i, &n) != CVK_OK)
                code = tool_fail_library("");
            all[(size_t)i * RUNS + runs] = n.time_ns / 1e6;
        }
    }
    b->op_ms = tool_alloc(nodes, sizeof *b->op_ms);
    for (uint32_t i = 0; i < nodes && code == TOOL_GO_ON; i++) {
        struct timing t;
        measure_summary(&all[(size_t)i * RUNS], runs, &t);
        b->op_ms[i] = t.median_ms;
    }
    free(all);
    cvk_session_destroy(s);
    return code;
}

static uint64_t process_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static int put_json(const struct bench *b)
{
    const struct timing *t = &b->timing;
    struct json *o = json_create();
    json_text(o, "model", b->model.text);
    json_text(o, "device", b->report.device);
    json_count(o, "threads", cvk_context_threads(b->ctx));
    json_count(o, "batch", b->setup.batch ? b->setup.batch : 1);
    json_number(o, "median_ms", t->median_ms);
    json_number(o, "min_ms", t->min_ms);
    json_number(o, "p90_ms", t->p90_ms);
    json_number(o, "spread", t->spread);
    json_number(o, "median_low_ms", t->low_ms);
    json_number(o, "median_high_ms", t->high_ms);
    json_count(o, "runs", t->runs);
    json_count(o, "warmup_runs", t->warmup_runs);
    json_bool(o, "steady", t->steady);
    json_number(o, "load_ms", b->model.load_ms);
    json_number(o, "plan_ms", b->create_ms);
    json_number(o, "first_run_ms", b->first_run_ms);
    json_count(o, "macs", b->report.macs);
    json_number(o, "gflops", (double)b->report.flops / t->median_ms / 1e6);
    json_count(o, "peak_memory_bytes", b->report.peak_bytes);
    json_count(o, "process_peak_bytes", process_peak_bytes());
    json_bool(o, "checked", b->checked);
    json_text(o, "verdict", b->verdict);
    struct json *list = b->op_ms ? json_list_in(o, "per_op") : NULL;
    for (uint32_t i = 0; list && i < cvk_session_node_count(b->session); i++) {
        struct cvk_node_report n;
        if (cvk_session_node(b->session, i, &n) != CVK_OK)
            continue;
        struct json *item = json_item(list);
        json_text(item, "name", n.name);
        json_text(item, "op", n.op);
        json_text(item, "kind", n.kind);
        json_text(item, "device", n.device);
        json_text(item, "kernel", n.kernel);
        json_number(item, "median_ms", b->op_ms[i]);
        json_count(item, "flops", n.flops);
        json_count(item, "bytes", n.bytes);
    }
    return json_finish(o);
}

static void print_nodes(const struct bench *b)
{
    double sum = 0;
    uint32_t count = cvk_session_node_count(b->session);
    for (uint32_t i = 0; i < count; i++)
        sum += b->op_ms[i];
    struct table *t = table_create("lllrrrr");
    static const char *const names[] = {"node", "op", "device/kernel", "ms", "share", "GFLOP/s", "GB/s"};
    for (uint32_t i = 0; i < 7; i++)
        table_add(t, "%s", names[i]);
    for (uint32_t i = 0; i < count; i++) {
        struct cvk_node_report n;
        if (cvk_session_node(b->session, i, &n) != CVK_OK)
            continue;
        double ms = b->op_ms[i];
        table_add(t, "%s", n.name);
        bool kind = n.kind[0] && strcmp(n.kind, n.op) != 0;
        table_add(t, "%s%s%s", n.op, kind ? " " : "", kind ? n.kind : "");
        table_add(t, "%s/%s", n.device, n.kernel);
        table_add(t, "%.4f", ms);
        table_add(t, "%.1f %%", sum > 0 ? 100 * ms / sum : 0);
        if (ms > 0 && n.flops) {
            table_add(t, "%.1f", (double)n.flops / ms / 1e6);
            table_add(t, "%.1f", (double)n.bytes / ms / 1e6);
        } else {
            table_add(t, "-");
            table_add(t, "-");
        }
    }
    printf("\n");
    table_print(t, stdout);
    table_destroy(t);
}

static void print_text(const struct bench *b)
{
    const struct timing *t = &b->timing;
    char safe[TOOL_TEXT], a[28], c[28], macs[28];
    printf("%s%s%s\n", tool_colour(TOOL_BOLD), tool_escape(b->model.text, safe, sizeof safe), tool_colour(TOOL_PLAIN));
    printf("  on       %s, %u thread%s, batch %llu\n", tool_escape(b->report.device, safe, sizeof safe),
           cvk_context_threads(b->ctx), cvk_context_threads(b->ctx) == 1 ? "" : "s",
           (unsigned long long)(b->setup.batch ? b->setup.batch : 1));
    printf("  result   %s\n", b->verdict);
    printf("  %smedian   %.4g ms%s (95 %% interval %.4g to %.4g), least %.4g, P90 %.4g, spread %.1f %%\n", tool_colour(TOOL_BOLD),
           t->median_ms, tool_colour(TOOL_PLAIN), t->low_ms, t->high_ms, t->min_ms, t->p90_ms, 100 * t->spread);
    printf("  runs     %u timed after %u to warm up%s\n", t->runs, t->warmup_runs,
           t->steady ? "" : "; the times had not become steady, so take them with care");
    printf("  before   load %.3g ms, plan and build %.3g ms, first run %.3g ms\n", b->model.load_ms, b->create_ms,
           b->first_run_ms);
    printf("  work     %s multiply-adds, %.1f GFLOP/s\n", tool_count(b->report.macs, macs),
           (double)b->report.flops / t->median_ms / 1e6);
    printf("  memory   %s planned, %s at most in the process\n", tool_bytes(b->report.peak_bytes, a),
           tool_bytes(process_peak_bytes(), c));
    if (b->op_ms)
        print_nodes(b);
}

static int do_bench(struct bench *b, const char *text)
{
    if (b->rule.seconds <= 0)
        return tool_fail(TOOL_USAGE, "--seconds must be above 0");
    if (b->rule.precision <= 0)
        return tool_fail(TOOL_USAGE, "--precision must be above 0");
    int code = setup_start(&b->setup, &b->ctx);
    if (code == TOOL_GO_ON)
        code = model_load(text, b->setup.seed, &b->model);
    if (code != TOOL_GO_ON)
        return code;
    input_set_create(b->model.graph, &b->set);
    code = input_set_read(&b->set, b->model.graph, &b->inputs);
    double begin = tool_now_ms();
    if (code == TOOL_GO_ON)
        code = make_session(b, b->setup.device, 0, &b->session);
    b->create_ms = tool_now_ms() - begin;
    if (code == TOOL_GO_ON && cvk_session_get_report(b->session, &b->report) != CVK_OK)
        code = tool_fail_library("");
    for (uint32_t i = 0; i < b->set.count && code == TOOL_GO_ON; i++)
        if (!b->set.tensors[i])
            code = tensor_fill(cvk_session_input_desc(b->session, i), FILL_RANDOM, b->setup.seed, i, &b->set.tensors[i]);
    if (code == TOOL_GO_ON)
        code = measure_once(b->session, &b->set, &b->first_run_ms);
    if (code == TOOL_GO_ON)
        code = check(b);
    if (code == TOOL_GO_ON)
        code = measure_session(b->session, &b->set, &b->rule, &b->timing);
    if (code == TOOL_GO_ON && b->per_op)
        code = time_nodes(b);
    if (code != TOOL_GO_ON)
        return code;
    if (b->setup.json)
        return put_json(b);
    print_text(b);
    return TOOL_OK;
}

int cvk_tool_bench(int argc, char **argv)
{
    struct bench b = {.rule = {.precision = 0.01, .seconds = 10}};
    const struct option options[] = {
        {"runs", OPTION_COUNT, &b.rule.runs, "N", "time exactly N runs", 1, 100000},
        {"seconds", OPTION_NUMBER, &b.rule.seconds, "S", "most time for the timed runs (default 10)", 0, 0},
        {"precision", OPTION_NUMBER, &b.rule.precision, "P",
         "stop when the median is known to this share of itself (default 0.01)", 0, 0},
        {"per-op", OPTION_FLAG, &b.per_op, NULL, "time every node as well", 0, 0},
        {"no-check", OPTION_FLAG, &b.no_check, NULL, "do not compare the result with the reference first", 0, 0},
        {"input", OPTION_EACH, &b.inputs, "[NAME=]FILE", "a tensor, .npy or .pb (default: normal random numbers)", 0, 0},
        SETUP_BATCH(&b.setup, "what an open batch becomes (default 1)"),
        SETUP_DEVICE(&b.setup),
        SETUP_THREADS(&b.setup),
        SETUP_SEED(&b.setup),
        SETUP_LIMITS(&b.setup),
        SETUP_JSON(&b.setup),
    };
    const struct command command = {
        .name = "bench",
        .summary = "how long a model takes, after its result was found right",
        .usage = "MODEL [OPTION...]",
        .model = model_help,
        .about = "The result is compared with `ref` before any time is told (exit code 3 if it is wrong). Warm-up lasts until "
                 "the median of a window of runs is within 3 % of the window before. Timed is the run alone, not the copying in "
                 "of inputs. The median is told with its 95 % interval; spread is the distance between the quartiles as a share "
                 "of the median.",
        .examples =
            "convoke bench squeezenet.onnx\nconvoke bench \"3x224x224: 64c7s2p3-relu-mp2-64c3p1-relu-gap-1000n\" --per-op\n"
            "convoke bench model.onnx --device opencl:gpu --batch 16 --json",
        ARGS_OPTIONS_OF(options),
        .rest_name = "a MODEL",
        .rest_min = 1,
        .rest_max = 1};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = do_bench(&b, rest.items[0]);
    free(b.op_ms);
    cvk_session_destroy(b.session);
    input_set_free(&b.set);
    model_free(&b.model);
    cvk_context_destroy(b.ctx);
    args_free(&rest);
    args_free(&b.inputs);
    return code;
}

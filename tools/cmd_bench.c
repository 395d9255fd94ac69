/* SPDX-License-Identifier: MIT
 * `convoke bench`: how long a model takes, told only after its result was found right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "compare.h"

#define MOST_DEVICES 16

int bench_session(struct bench *b, const struct bench_case *c, const char *device, uint32_t flags, struct cvk_session **out)
{
    struct cvk_session_params p = setup_params(&b->setup);
    p.device = device;
    p.batch = (int64_t)c->batch;
    p.flags = flags;
    p.input_count = c->set->count;
    p.inputs = c->set->sizes;
    int32_t status;
    if (b->one_session) {
        status = cvk_session_create_taking(c->ctx, b->model.graph, &p, out);
        b->model.graph = NULL;
    } else
        status = cvk_session_create(c->ctx, b->model.graph, &p, out);
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library(b->model.text);
}

static int read_output(struct cvk_session *s, uint32_t i, struct cvk_tensor **out)
{
    const struct cvk_tensor_desc *d = cvk_session_output_desc(s, i);
    if (cvk_tensor_create(d->dtype, d->rank, d->dims, out) != CVK_OK || cvk_session_read(s, i, *out) != CVK_OK)
        return tool_fail_library("");
    return TOOL_GO_ON;
}

static int compare_output(struct bench_case *c, struct cvk_session *ref, uint32_t i)
{
    struct cvk_tensor *got = NULL, *want = NULL;
    int code = read_output(c->session, i, &got);
    if (code == TOOL_GO_ON)
        code = read_output(ref, i, &want);
    if (code == TOOL_GO_ON) {
        /* Random weights give outputs of any scale, so the absolute part follows the largest value. */
        struct tensor_stats s = tensor_stats(want);
        double size = s.count > s.bad ? fmax(fabs(s.min), fabs(s.max)) : 0, atol = 1e-4 * size, rtol = 1e-3;
        struct comparison d = compare_tensors(got, want, rtol, atol);
        compare_text(&d, got, want, rtol, atol, c->verdict, sizeof c->verdict);
        if (!d.same_shape || d.different)
            code = tool_fail(TOOL_MISMATCH, "wrong result on %s, so no times: output '%s' %s", c->device,
                             cvk_session_output_name(c->session, i), c->verdict);
    }
    cvk_tensor_destroy(got);
    cvk_tensor_destroy(want);
    return code;
}

static bool is_reference(const char *device)
{
    /* Behind the name stands the end of the text, which strchr finds too, an index or options. */
    return strncmp(device, "ref", 3) == 0 && strchr(":(", device[3]) && !strchr(device, '+');
}

/* *ref: the reference's session, made for the first case that needs it and kept for the others of the same batch. */
static int check(struct bench *b, struct bench_case *c, struct cvk_session **ref)
{
    if (b->no_check) {
        snprintf(c->verdict, sizeof c->verdict, "not checked (--no-check)");
        return TOOL_GO_ON;
    }
    if (is_reference(c->device)) {
        snprintf(c->verdict, sizeof c->verdict, "not checked: this is the reference");
        return TOOL_GO_ON;
    }
    int code = TOOL_GO_ON;
    if (!*ref) {
        double ms;
        tool_progress("checking the result against ref (slow; --no-check leaves it out)");
        code = bench_session(b, c, "ref", 0, ref);
        if (code == TOOL_GO_ON)
            code = measure_once(*ref, c->set, &ms);
    }
    for (uint32_t i = 0; i < cvk_session_output_count(c->session) && code == TOOL_GO_ON; i++)
        code = compare_output(c, *ref, i);
    tool_progress_done();
    c->checked = code == TOOL_GO_ON;
    return code;
}

/* The context's threads, or the fewer of "simd(threads=N)"; of several devices the first counts. */
static uint32_t threads_of(const char *device, uint32_t all)
{
    const char *at = strstr(device, "threads="), *next = strchr(device, '+');
    unsigned long n = at && (!next || at < next) ? strtoul(at + strlen("threads="), NULL, 10) : 0;
    return n && n < all ? (uint32_t)n : all;
}

/* Plans, runs once and checks. */
static int prepare(struct bench *b, struct bench_case *c, struct input_set *set, struct cvk_session **ref)
{
    double begin = tool_now_ms();
    int code = bench_session(b, c, c->asked, 0, &c->session);
    c->create_ms = tool_now_ms() - begin;
    if (code == TOOL_GO_ON && cvk_session_get_report(c->session, &c->report) != CVK_OK)
        code = tool_fail_library("");
    if (code != TOOL_GO_ON)
        return code;
    c->device = tool_copy(c->report.device);
    c->threads = threads_of(c->device, cvk_context_threads(c->ctx));
    for (uint32_t i = 0; i < set->count && code == TOOL_GO_ON; i++)
        if (!set->tensors[i])
            code = tensor_fill(cvk_session_input_desc(c->session, i), FILL_RANDOM, b->setup.seed, i, &set->tensors[i]);
    if (code == TOOL_GO_ON)
        code = measure_once(c->session, set, &c->first_run_ms);
    return code == TOOL_GO_ON ? check(b, c, ref) : code;
}

static uint64_t process_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static void set_ratio(struct bench_case *c, const struct measured *m, const struct measured *first)
{
    c->ratio = m->timing.median_ms / first->timing.median_ms;
    c->ratio_low = c->ratio_high = m->round_ms[0] / first->round_ms[0];
    for (uint32_t i = 1; i < m->timing.rounds && i < first->timing.rounds; i++) {
        double ratio = m->round_ms[i] / first->round_ms[i];
        c->ratio_low = ratio < c->ratio_low ? ratio : c->ratio_low;
        c->ratio_high = ratio > c->ratio_high ? ratio : c->ratio_high;
    }
}

/* Times the cases of one batch and number of threads in turn, and tells their results. */
static int run_group(struct bench *b, struct bench_case *cases, uint32_t count, struct input_set *set, struct cvk_session **ref)
{
    struct measured m[MOST_DEVICES] = {{.session = NULL}};
    int code = TOOL_GO_ON;
    for (uint32_t i = 0; i < count && code == TOOL_GO_ON; i++) {
        code = prepare(b, &cases[i], set, ref);
        m[i].session = cases[i].session;
        m[i].set = set;
    }
    if (code == TOOL_GO_ON)
        code = measure_sessions(m, count, &b->rule);
    for (uint32_t i = 0; i < count && code == TOOL_GO_ON; i++) {
        cases[i].timing = m[i].timing;
        cases[i].process_peak_bytes = process_peak_bytes(); /* before the roof's measurement takes memory of its own */
        if (b->compare)
            set_ratio(&cases[i], &m[i], &m[0]);
        if (b->per_op)
            code = bench_time_nodes(b, &cases[i]);
    }
    for (uint32_t i = 0; i < count; i++)
        free(m[i].round_ms);
    for (uint32_t i = 0; i < count && code == TOOL_GO_ON; i++) {
        if (b->json)
            bench_put_case(b->list ? json_item(b->list) : b->json, b, &cases[i]);
        else
            bench_print_case(b, &cases[i]);
    }
    for (uint32_t i = 0; i < count; i++) { /* they would only take memory from those that follow */
        cvk_session_destroy(cases[i].session);
        free(cases[i].nodes);
        cases[i].session = NULL;
        cases[i].nodes = NULL;
    }
    return code;
}

/* Each batch with each number of threads. */
static int run_cases(struct bench *b, struct bench_case *cases, char *const *devices, uint32_t device_count,
                     struct cvk_context *const *contexts, uint32_t context_count)
{
    int code = TOOL_GO_ON;
    struct bench_case *next = cases;
    for (uint32_t i = 0; i < (b->batches.count ? b->batches.count : 1) && code == TOOL_GO_ON; i++) {
        struct input_set set;
        struct cvk_session *ref = NULL;
        input_set_create(b->model.graph, &set);
        code = input_set_read(&set, b->model.graph, &b->inputs);
        for (uint32_t k = 0; k < context_count && code == TOOL_GO_ON; k++) {
            for (uint32_t d = 0; d < device_count; d++)
                next[d] = (struct bench_case){
                    .asked = devices[d], .batch = b->batches.count ? b->batches.items[i] : 1, .ctx = contexts[k], .set = &set};
            code = run_group(b, next, device_count, &set, &ref);
            next += device_count;
        }
        cvk_session_destroy(ref);
        input_set_free(&set);
    }
    return code;
}

static int run_all(struct bench *b, char *const *devices, uint32_t device_count)
{
    struct cvk_context *contexts[NUMBER_LIST] = {NULL};
    uint32_t context_count = b->threads.count ? b->threads.count : 1, batch_count = b->batches.count ? b->batches.count : 1;
    uint32_t count = context_count * batch_count * device_count;
    struct bench_case *cases = tool_alloc(count, sizeof *cases);
    b->one_session = count == 1 && b->no_check && !b->per_op;
    int code = TOOL_GO_ON;
    for (uint32_t i = 0; i < context_count && code == TOOL_GO_ON; i++) {
        b->setup.threads = b->threads.count ? b->threads.items[i] : 0;
        code = setup_start(&b->setup, &contexts[i]);
    }
    if (code == TOOL_GO_ON && b->setup.json) {
        b->json = json_create();
        b->list = count > 1 ? json_list_in(b->json, "results") : NULL;
    }
    if (code == TOOL_GO_ON)
        code = run_cases(b, cases, devices, device_count, contexts, context_count);
    if (code == TOOL_GO_ON && !b->json && count > 1)
        bench_print_summary(b, cases, count);
    for (uint32_t i = 0; i < count; i++)
        free(cases[i].device);
    free(cases);
    for (uint32_t i = 0; i < context_count; i++)
        cvk_context_destroy(contexts[i]);
    return code;
}

/* The device texts between commas; those inside of parentheses belong to a device. Cuts the copy. */
static uint32_t split_devices(char *copy, char *out[MOST_DEVICES + 1])
{
    uint32_t count = 0, depth = 0;
    out[count++] = copy;
    for (char *s = copy; *s; s++) {
        depth += *s == '(';
        depth -= *s == ')' && depth;
        if (*s == ',' && !depth && count <= MOST_DEVICES) {
            *s = '\0';
            out[count++] = s + 1;
        }
    }
    return count;
}

static int run_model(struct bench *b, const char *text)
{
    char *devices[MOST_DEVICES + 1] = {(char *)(uintptr_t)b->setup.device}, *copy = b->compare ? tool_copy(b->compare) : NULL;
    uint32_t count = copy ? split_devices(copy, devices) : 1;
    int code = TOOL_GO_ON;
    if (copy && (count < 2 || count > MOST_DEVICES))
        code = tool_fail(TOOL_USAGE, "--compare wants 2 to %d devices with commas between, such as ref,opencl:gpu", MOST_DEVICES);
    if (code == TOOL_GO_ON)
        code = model_load(text, b->setup.seed, &b->model);
    if (code == TOOL_GO_ON)
        code = b->train ? bench_train(b, devices, count) : run_all(b, devices, count);
    free(copy);
    return code;
}

/* The machine's roof alone, by default with one thread and with all. */
static int run_probe(struct bench *b)
{
    struct cvk_context *ctx = NULL;
    int code = setup_start(&b->setup, &ctx);
    if (code != TOOL_GO_ON)
        return code;
    uint32_t all = cvk_context_threads(ctx);
    cvk_context_destroy(ctx);
    if (!b->threads.count)
        b->threads = (struct count_list){{1, all}, all > 1 ? 2 : 1};
    struct roof_rates rates;
    for (uint32_t i = 0; i < b->threads.count && code == TOOL_GO_ON; i++)
        code = bench_roof(b, (uint32_t)b->threads.items[i], &rates);
    if (code != TOOL_GO_ON)
        return code;
    if (b->setup.json) {
        b->json = json_create();
        roof_put_json(b->json, &b->roof, b->rates, b->rate_count);
    } else
        roof_print(&b->roof, b->rates, b->rate_count);
    return TOOL_GO_ON;
}

static int do_bench(struct bench *b, const struct text_list *rest)
{
    if (b->rule.seconds <= 0)
        return tool_fail(TOOL_USAGE, "--seconds must be above 0");
    if (b->rule.precision <= 0)
        return tool_fail(TOOL_USAGE, "--precision must be above 0");
    if (b->rule.runs && b->rule.rounds)
        return tool_fail(TOOL_USAGE, "--runs and --rounds exclude each other");
    if (b->compare && b->setup.device)
        return tool_fail(TOOL_USAGE, "--compare and --device exclude each other");
    if (b->probe && rest->count)
        return tool_fail(TOOL_USAGE, "--probe measures the machine, not a MODEL; --per-op shows both");
    if (!b->probe && !rest->count)
        return tool_fail(TOOL_USAGE, "bench wants a MODEL: convoke bench MODEL [OPTION...]");
    b->per_op = b->per_op || b->top;
    int code = b->probe ? run_probe(b) : run_model(b, rest->items[0]);
    if (code == TOOL_GO_ON && b->json) {
        code = json_finish(b->json);
        b->json = NULL;
    }
    return code == TOOL_GO_ON ? TOOL_OK : code;
}

int cvk_tool_bench(int argc, char **argv)
{
    struct bench b = {.rule = {.precision = 0.01, .seconds = 10}};
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"per-op", OPTION_FLAG, &b.per_op, NULL, "time every node as well, beside what the CPU can do at most", 0, 0},
        {"top", OPTION_COUNT, &b.top, "N", "the same for the N slowest nodes alone, slowest first", 1, 0},
        {"probe", OPTION_FLAG, &b.probe, NULL, "no MODEL: only measure what the CPU can do at most", 0, 0},
        {"train", OPTION_FLAG, &b.train, NULL, "time steps of training: forward, backward, update (default batch 16)", 0, 0},
        {"compare", OPTION_TEXT, &b.compare, "SPEC,SPEC...", "time devices in turn and print the ratios of their medians", 0, 0},
        {"batch", OPTION_COUNTS, &b.batches, "N[,N...]", "what a batch that the model leaves open becomes (default 1), in turn",
         1, SETUP_MOST_BATCH},
        {"threads", OPTION_COUNTS, &b.threads, "N[,N...]", "threads for CPU devices (default: CONVOKE_THREADS, else all CPUs)", 1,
         SETUP_MOST_THREADS},
        {"runs", OPTION_COUNT, &b.rule.runs, "N", "time exactly N runs", 1, 100000},
        {"rounds", OPTION_COUNT, &b.rule.rounds, "N", "exactly N rounds, each of a block of runs on every device", 1, 10000},
        {"seconds", OPTION_NUMBER, &b.rule.seconds, "S", "most time for the timed runs of a device (default 10)", 0, 0},
        {"precision", OPTION_NUMBER, &b.rule.precision, "P",
         "stop when the median is known to this share of itself (default 0.01)", 0, 0},
        {"no-check", OPTION_FLAG, &b.no_check, NULL, "do not compare the result with the reference first", 0, 0},
        {"input", OPTION_EACH, &b.inputs, "[NAME=]FILE", "a tensor, .npy or .pb (default: normal random numbers)", 0, 0},
    };
    const struct command command = {
        .name = "bench",
        .summary = "how long a model takes, after its result was found right",
        .usage = "MODEL [OPTION...] | --probe",
        .model = model_help,
        .about = "The result is compared with `ref` before any time is told (exit code 3 if it is wrong). Warm-up lasts until "
                 "the median of a window of runs is within 3 % of the window before. Timed is the run alone, not the copying in "
                 "of inputs. The median is told with its 95 % interval; spread is the distance between the quartiles as a share "
                 "of the median. % FMA is the share of the multiply-adds per second that this CPU was found to do, in the same "
                 "call and with as many threads as the device uses.",
        .examples =
            "convoke bench squeezenet.onnx\nconvoke bench \"3x224x224: 64c7s2p3-relu-mp2-64c3p1-relu-gap-1000n\" --per-op\n"
            "convoke bench model.onnx --device opencl:gpu --batch 16 --json\nconvoke bench model.onnx --compare ref,opencl:gpu\n"
            "convoke bench model.onnx --batch 1,16 --threads 1,2\nconvoke bench --probe",
        ARGS_OPTIONS_OF(options),
        .shared = shared,
        .shared_count = setup_options(&b.setup, SETUP_ALL & ~(SETUP_BATCH | SETUP_THREADS), shared),
        .rest_max = 1};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = do_bench(&b, &rest);
    json_free(b.json);
    roof_close(&b.roof);
    free(b.rates);
    model_free(&b.model);
    args_free(&rest);
    args_free(&b.inputs);
    return code;
}

/* SPDX-License-Identifier: MIT
 * `convoke bench --per-op`: the time of every node beside what the machine could do at most. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* The rates of one node, or of all of them together. */
struct speed {
    double ms, gflops, gb_per_s;
    double fma_percent, dram_percent; /* of the roof; below 0: there is none */
};

static struct speed speed_of(const struct bench_case *c, double ms, uint64_t flops, uint64_t bytes, bool on_cpu)
{
    struct speed s = {.ms = ms, .fma_percent = -1, .dram_percent = -1};
    if (ms <= 0)
        return s;
    s.gflops = (double)flops / ms / 1e6;
    s.gb_per_s = (double)bytes / ms / 1e6;
    if (c->roof.threads && on_cpu) {
        s.fma_percent = 100 * s.gflops / c->roof.fma_gflops;
        s.dram_percent = 100 * s.gb_per_s / c->roof.gb_per_s[ROOF_DRAM];
    }
    return s;
}

static struct speed node_speed(const struct bench_case *c, uint32_t i)
{
    const struct node_time *n = &c->nodes[i];
    return speed_of(c, n->ms, n->report.flops, n->report.bytes, n->on_cpu);
}

static double sum_ms(const struct bench_case *c)
{
    double sum = 0;
    for (uint32_t i = 0; i < c->node_count; i++)
        sum += c->nodes[i].ms;
    return sum;
}

static struct speed total_speed(const struct bench_case *c)
{
    uint64_t flops = 0, bytes = 0;
    bool on_cpu = true;
    for (uint32_t i = 0; i < c->node_count; i++) {
        flops += c->nodes[i].report.flops;
        bytes += c->nodes[i].ms > 0 ? c->nodes[i].report.bytes : 0; /* a view moves nothing */
        on_cpu = on_cpu && (c->nodes[i].on_cpu || c->nodes[i].ms <= 0);
    }
    return speed_of(c, sum_ms(c), flops, bytes, on_cpu);
}

/* The options in parentheses behind a node's device are not part of the list's names. */
static bool find_device(struct cvk_context *ctx, const char *spec, struct cvk_device_entry *out)
{
    size_t length = strcspn(spec, "(");
    for (uint32_t i = 0; i < cvk_device_count(ctx); i++)
        if (cvk_device_get(ctx, i, out) == CVK_OK && strlen(out->spec) == length && memcmp(out->spec, spec, length) == 0)
            return true;
    return false;
}

int bench_roof(struct bench *b, uint32_t threads, struct roof_rates *out)
{
    for (uint32_t i = 0; i < b->rate_count; i++)
        if (b->rates[i].threads == threads) {
            *out = b->rates[i];
            return TOOL_GO_ON;
        }
    tool_progress("measuring what the CPU can do at most with %u threads", threads);
    int code = b->roof.isa_count ? TOOL_GO_ON : roof_open(&b->roof);
    if (code == TOOL_GO_ON)
        code = roof_measure(&b->roof, threads, out);
    tool_progress_done();
    if (code != TOOL_GO_ON)
        return code;
    b->rates = tool_grow(b->rates, b->rate_count + 1, sizeof *b->rates);
    b->rates[b->rate_count++] = *out;
    return TOOL_GO_ON;
}

/* Fills the medians from a session of its own: the clock between nodes costs a little. */
static int run_profile(struct bench *b, struct bench_case *c, struct cvk_session *s)
{
    enum { WARM = 2, RUNS = 15 };
    double ms, budget = tool_now_ms() + b->rule.seconds * 1e3;
    uint32_t runs = 0;
    double *all = tool_alloc((size_t)c->node_count * RUNS, sizeof *all);
    int code = TOOL_GO_ON;
    for (uint32_t i = 0; i < WARM && code == TOOL_GO_ON; i++)
        code = measure_once(s, c->set, &ms);
    for (; runs < RUNS && code == TOOL_GO_ON && (runs < 3 || tool_now_ms() < budget); runs++) {
        tool_progress("timing the nodes: %u of %d", runs + 1, RUNS);
        code = measure_once(s, c->set, &ms);
        for (uint32_t i = 0; i < c->node_count && code == TOOL_GO_ON; i++) {
            struct cvk_node_report n;
            if (cvk_session_node(s, i, &n) != CVK_OK)
                code = tool_fail_library("");
            else
                all[(size_t)i * RUNS + runs] = n.time_ns / 1e6;
        }
    }
    tool_progress_done();
    for (uint32_t i = 0; i < c->node_count && code == TOOL_GO_ON; i++) {
        struct timing t;
        measure_summary(&all[(size_t)i * RUNS], runs, &t);
        c->nodes[i].ms = t.median_ms;
    }
    free(all);
    return code;
}

int bench_time_nodes(struct bench *b, struct bench_case *c)
{
    struct cvk_session *s = NULL;
    int code = bench_session(b, c, c->asked, CVK_SESSION_PROFILE, &s);
    if (code != TOOL_GO_ON)
        return code;
    c->node_count = cvk_session_node_count(s);
    c->nodes = tool_alloc(c->node_count, sizeof *c->nodes);
    code = run_profile(b, c, s);
    uint32_t threads = 0;
    for (uint32_t i = 0; i < c->node_count && code == TOOL_GO_ON; i++) {
        struct cvk_device_entry d;
        struct node_time *n = &c->nodes[i];
        if (cvk_session_node(c->session, i, &n->report) != CVK_OK)
            code = tool_fail_library("");
        else if (find_device(c->ctx, n->report.device, &d) && d.info.kind == CVK_DEVICE_CPU) {
            n->on_cpu = true;
            /* A CPU device with memory of its own, such as OpenCL's, has its own threads as well. */
            bool own = !(d.info.caps & CVK_CAP_HOST_MEMORY) && d.info.compute_units;
            threads = threads ? threads : own ? d.info.compute_units : c->threads;
        }
    }
    cvk_session_destroy(s);
    if (code == TOOL_GO_ON && threads)
        code = bench_roof(b, threads, &c->roof);
    return code;
}

static void add_number(struct table *t, double value, const char *unit)
{
    if (value > 0)
        table_add(t, value < 10 ? "%.2f%s" : "%.1f%s", value, unit);
    else
        table_add(t, "-");
}

static void add_speed(struct table *t, const struct bench_case *c, const struct speed *s)
{
    table_add(t, "%.4f", s->ms);
    table_add(t, "%.1f %%", sum_ms(c) > 0 ? 100 * s->ms / sum_ms(c) : 0);
    add_number(t, s->gflops, "");
    if (c->roof.threads)
        add_number(t, s->fma_percent, " %");
    add_number(t, s->gb_per_s, "");
}

static int by_time(const void *a, const void *b)
{
    const struct node_time *x = *(const struct node_time *const *)a, *y = *(const struct node_time *const *)b;
    return x->ms != y->ms ? (x->ms < y->ms ? 1 : -1) : (x > y) - (x < y);
}

/* The nodes to show, in the order of execution, or the slowest ones first. */
static const struct node_time **nodes_shown(const struct bench *b, const struct bench_case *c, uint32_t *count)
{
    const struct node_time **list = tool_alloc(c->node_count, sizeof *list);
    for (uint32_t i = 0; i < c->node_count; i++)
        list[i] = &c->nodes[i];
    *count = c->node_count;
    if (b->top) {
        qsort(list, c->node_count, sizeof *list, by_time);
        *count = b->top < c->node_count ? (uint32_t)b->top : c->node_count;
    }
    return list;
}

static void print_legend(const struct bench *b, const struct bench_case *c)
{
    double sum = sum_ms(c);
    printf("  nodes    %.4g ms together, the whole run %.4g ms (%+.1f %%: the clock between nodes, and noise)\n", sum,
           c->timing.median_ms, 100 * (sum / c->timing.median_ms - 1));
    if (c->roof.threads) {
        printf("  %% FMA    of %.1f GFLOP/s, measured with %s on %u thread%s; a layer counts with the operations of its\n"
               "           definition, so kernels that need fewer (Winograd) may pass 100 %%\n",
               c->roof.fma_gflops, b->roof.loops->isa, c->roof.threads, c->roof.threads == 1 ? "" : "s");
        printf("  GB/s     inputs, weights and outputs once each; DRAM gives %.1f", c->roof.gb_per_s[ROOF_DRAM]);
        for (uint32_t i = ROOF_L2; i <= ROOF_L3; i++)
            if (c->roof.gb_per_s[i] > 0)
                printf(", %s %.1f", i == ROOF_L2 ? "L2" : "L3", c->roof.gb_per_s[i]);
        printf("\n");
    } else
        printf("  %% FMA    left out: only the roof of this CPU is measured, and nothing ran on it\n");
}

void bench_print_nodes(const struct bench *b, const struct bench_case *c)
{
    uint32_t count;
    const struct node_time **shown = nodes_shown(b, c, &count);
    struct table *t = table_create(c->roof.threads ? "rlllrrrrr" : "rlllrrrr");
    static const char *const names[] = {"#", "node", "op", "device/kernel", "ms", "share", "GFLOP/s", "% FMA", "GB/s"};
    for (uint32_t i = 0; i < 9; i++)
        if (i != 7 || c->roof.threads)
            table_add(t, "%s", names[i]);
    double shown_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct cvk_node_report *n = &shown[i]->report;
        uint32_t number = (uint32_t)(shown[i] - c->nodes);
        bool kind = n->kind[0] && strcmp(n->kind, n->op) != 0;
        struct speed s = node_speed(c, number);
        shown_ms += s.ms;
        table_add(t, "%u", number + 1);
        table_add(t, "%s", n->name);
        table_add(t, "%s%s%s", n->op, kind ? " " : "", kind ? n->kind : "");
        table_add(t, "%s/%s", n->device, n->kernel);
        add_speed(t, c, &s);
    }
    struct speed all = total_speed(c);
    table_add(t, " ");
    table_add(t, "all %u nodes", c->node_count);
    table_add(t, " ");
    table_add(t, " ");
    add_speed(t, c, &all);
    printf("\n");
    table_print(t, stdout);
    table_destroy(t);
    free(shown);
    printf("\n");
    if (count < c->node_count)
        printf("  shown    the %u slowest of %u nodes, %.1f %% of their time\n", count, c->node_count,
               all.ms > 0 ? 100 * shown_ms / all.ms : 0);
    print_legend(b, c);
}

static void put_speed(struct json *o, const struct speed *s)
{
    json_number(o, "gflops", s->gflops);
    json_number(o, "gb_per_s", s->gb_per_s);
    if (s->fma_percent >= 0) {
        json_number(o, "percent_of_fma", s->fma_percent);
        json_number(o, "percent_of_dram", s->dram_percent);
    }
}

void bench_put_nodes(struct json *o, const struct bench *b, const struct bench_case *c)
{
    uint32_t count;
    const struct node_time **shown = nodes_shown(b, c, &count);
    struct speed all = total_speed(c);
    struct json *list = json_list_in(o, "per_op");
    for (uint32_t i = 0; i < count; i++) {
        const struct cvk_node_report *n = &shown[i]->report;
        uint32_t number = (uint32_t)(shown[i] - c->nodes);
        struct speed s = node_speed(c, number);
        struct json *item = json_item(list);
        json_count(item, "number", number + 1);
        json_text(item, "name", n->name);
        json_text(item, "op", n->op);
        json_text(item, "kind", n->kind);
        json_text(item, "device", n->device);
        json_text(item, "kernel", n->kernel);
        json_text(item, "epilogue", n->epilogue);
        json_number(item, "median_ms", s.ms);
        json_number(item, "share", all.ms > 0 ? s.ms / all.ms : 0);
        json_count(item, "flops", n->flops);
        json_count(item, "bytes", n->bytes);
        put_speed(item, &s);
    }
    free(shown);
    struct json *total = json_object_in(o, "per_op_total");
    json_count(total, "nodes", c->node_count);
    json_number(total, "ms", all.ms);
    json_number(total, "overhead", all.ms / c->timing.median_ms - 1);
    put_speed(total, &all);
    if (c->roof.threads)
        roof_put_json(json_object_in(o, "roof"), &b->roof, &c->roof, 1);
}

/* SPDX-License-Identifier: MIT
 * `convoke bench --train`: how long a step of training takes, forward, backward and update, after its losses were found right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define CHECK_BATCH 2
#define CHECK_STEPS 2
#define CHECK_SHARE 0.01 /* of the loss: sums of many terms in another order, twice */

struct lesson {
    struct cvk_trainer *trainer;
    struct cvk_tensor *x, *target;
};

static void end_lesson(struct lesson *l)
{
    cvk_trainer_destroy(l->trainer);
    cvk_tensor_destroy(l->x);
    cvk_tensor_destroy(l->target);
}

/* Random pictures; classes in turn, or random numbers. */
static int begin_lesson(const struct bench *b, struct cvk_context *ctx, const char *device, uint64_t batch, uint32_t flags,
                        struct lesson *l)
{
    const struct cvk_graph *g = b->model.graph;
    const struct cvk_tensor_desc *y = cvk_graph_desc(g, cvk_graph_output(g, 0));
    const struct cvk_trainer_params p = {
        .device = device,
        .batch = (int64_t)batch,
        .learning_rate = 1e-3f,
        .loss = {.kind = y && y->rank > 1 && y->dims[1] > 1 ? CVK_LOSS_SOFTMAX_CROSS_ENTROPY : CVK_LOSS_MSE},
        .optimizer = cvk_optimizer_defaults(CVK_SGD),
        .memory_limit_bytes = b->setup.memory_limit,
        .macs_limit = b->setup.macs_limit,
        .flags = flags};
    *l = (struct lesson){0};
    if (cvk_trainer_create(ctx, g, &p, &l->trainer) != CVK_OK)
        return tool_fail_library("bench --train");
    uint64_t seed = b->setup.seed ? b->setup.seed : 1;
    const struct cvk_tensor_desc *t = cvk_trainer_target_desc(l->trainer), *out = cvk_trainer_prediction_desc(l->trainer);
    int code = tensor_fill(cvk_trainer_input_desc(l->trainer), FILL_RANDOM, seed, 1, &l->x);
    if (code == TOOL_GO_ON && t->dtype == CVK_F32)
        return tensor_fill(t, FILL_RANDOM, seed, 2, &l->target);
    if (code == TOOL_GO_ON && cvk_tensor_create(t->dtype, t->rank, t->dims, &l->target) != CVK_OK)
        return tool_fail_library("bench --train");
    for (uint64_t i = 0; code == TOOL_GO_ON && i < cvk_tensor_count(l->target); i++)
        ((int64_t *)cvk_tensor_data(l->target))[i] = (int64_t)(i * 7 % (uint64_t)out->dims[1]);
    return code;
}

static int take_step(struct lesson *l, double *ms, double *loss)
{
    struct cvk_step_result r = {.size = sizeof r};
    double begin = tool_now_ms();
    if (cvk_trainer_step(l->trainer, l->x, l->target, &r) != CVK_OK)
        return tool_fail_library("bench --train");
    *ms = tool_now_ms() - begin;
    *loss = r.loss;
    return TOOL_GO_ON;
}

/* The losses of the first steps on the device against those on the reference, for a small batch. */
static int check(const struct bench *b, struct cvk_context *ctx, const char *device, uint64_t batch)
{
    double loss[2][CHECK_STEPS], ms;
    const struct cvk_tensor_desc *x = cvk_graph_desc(b->model.graph, cvk_graph_input(b->model.graph, 0));
    bool fixed = x && x->rank && x->dims[0] > 1; /* such a net takes no other batch */
    batch = batch < CHECK_BATCH || fixed ? batch : CHECK_BATCH;
    for (int k = 0; k < 2; k++) {
        struct lesson l;
        tool_progress("%s: the losses are compared with the reference", device ? device : "device");
        int code = begin_lesson(b, ctx, k ? "ref" : device, batch, 0, &l);
        for (int i = 0; i < CHECK_STEPS && code == TOOL_GO_ON; i++)
            code = take_step(&l, &ms, &loss[k][i]);
        end_lesson(&l);
        if (code != TOOL_GO_ON)
            return code;
    }
    tool_progress_done();
    for (int i = 0; i < CHECK_STEPS; i++)
        if (!(fabs(loss[0][i] - loss[1][i]) <= CHECK_SHARE * fabs(loss[1][i]) + 1e-4))
            return tool_fail(TOOL_MISMATCH, "bench --train: the loss of step %d is %.6g on %s and %.6g on the reference", i,
                             loss[0][i], device ? device : "the device", loss[1][i]);
    return TOOL_GO_ON;
}

static int by_time(const void *a, const void *b)
{
    const struct cvk_node_report *p = a, *q = b;
    return (p->time_ns < q->time_ns) - (p->time_ns > q->time_ns);
}

/* The nodes of one step, with --top the slowest of them. */
static void print_nodes(const struct bench *b, const struct cvk_session *s)
{
    uint32_t count = cvk_session_node_count(s), rows = b->top && b->top < count ? (uint32_t)b->top : count;
    struct cvk_node_report *n = tool_alloc(count + 1u, sizeof *n);
    struct table *t = table_create("llllrr");
    const char *const heads[] = {"node", "op", "kernel", "device", "ms", "GFLOP/s"};
    for (uint32_t i = 0; i < 6; i++)
        table_add(t, "%s", heads[i]);
    for (uint32_t i = 0; i < count; i++)
        cvk_session_node(s, i, &n[i]);
    if (b->top)
        qsort(n, count, sizeof *n, by_time);
    for (uint32_t i = 0; i < rows; i++) {
        table_add(t, "%.40s", n[i].name);
        table_add(t, "%s:%s %s", n[i].op, n[i].pass, n[i].kind);
        table_add(t, "%s%s%s", n[i].kernel, n[i].epilogue[0] ? " " : "", n[i].epilogue);
        table_add(t, "%s", n[i].device);
        table_add(t, "%.3f", n[i].time_ns / 1e6);
        table_add(t, "%.1f", n[i].time_ns > 0 ? (double)n[i].flops / n[i].time_ns : 0);
    }
    table_print(t, stdout);
    table_destroy(t);
    free(n);
}

/* Steps until there are as many as were asked for, or time is up. */
static int time_steps(const struct bench *b, struct lesson *l, struct timing *t)
{
    uint32_t most = b->rule.runs ? (uint32_t)b->rule.runs : 200, count = 0;
    double *ms = tool_alloc(most, sizeof *ms), loss, begin = tool_now_ms(), warm;
    int code = take_step(l, &warm, &loss);
    if (code == TOOL_GO_ON)
        code = take_step(l, &warm, &loss);
    while (code == TOOL_GO_ON && count < most && (b->rule.runs || count < 3 || tool_now_ms() - begin < 1e3 * b->rule.seconds)) {
        tool_progress("step %u", count + 1);
        code = take_step(l, &ms[count++], &loss);
    }
    tool_progress_done();
    if (code == TOOL_GO_ON)
        measure_summary(ms, count, t);
    free(ms);
    return code;
}

static int run_case(struct bench *b, struct cvk_context *ctx, const char *device, uint64_t batch, struct table *table)
{
    struct lesson l;
    struct timing t = {0};
    struct cvk_session_report r = {0};
    char peak[28];
    uint32_t flags = b->per_op || b->top ? CVK_TRAIN_PROFILE : 0;
    int code = b->no_check ? TOOL_GO_ON : check(b, ctx, device, batch);
    if (code == TOOL_GO_ON)
        code = begin_lesson(b, ctx, device, batch, flags, &l);
    else
        return code;
    if (code == TOOL_GO_ON)
        code = time_steps(b, &l, &t);
    if (code == TOOL_GO_ON && cvk_session_get_report(cvk_trainer_session(l.trainer), &r) != CVK_OK)
        code = tool_fail_library("bench --train");
    double speed = t.median_ms > 0 ? (double)batch / t.median_ms * 1e3 : 0,
           rate = t.median_ms > 0 ? (double)r.flops / t.median_ms / 1e6 : 0;
    if (code == TOOL_GO_ON && b->list) {
        struct json *item = json_item(b->list);
        json_text(item, "device", r.device);
        json_count(item, "batch", batch);
        json_count(item, "steps", t.runs);
        json_number(item, "median_ms", t.median_ms);
        json_number(item, "low_ms", t.low_ms);
        json_number(item, "high_ms", t.high_ms);
        json_number(item, "pictures_per_second", speed);
        json_number(item, "gflops", rate);
        json_count(item, "peak_memory_bytes", r.peak_bytes);
        json_bool(item, "checked", !b->no_check);
    } else if (code == TOOL_GO_ON) {
        table_add(table, "%s", r.device);
        table_add(table, "%llu", (unsigned long long)batch);
        table_add(table, "%.3f", t.median_ms);
        table_add(table, "%.3f-%.3f", t.low_ms, t.high_ms);
        table_add(table, "%.0f", speed);
        table_add(table, "%.1f", rate);
        table_add(table, "%s", tool_bytes(r.peak_bytes, peak));
        if (flags)
            print_nodes(b, cvk_trainer_session(l.trainer));
    }
    end_lesson(&l);
    return code;
}

int bench_train(struct bench *b, char *const *devices, uint32_t device_count)
{
    static const char *const heads[] = {"device", "batch", "median ms", "95 % interval", "pictures/s", "GFLOP/s", "memory"};
    struct cvk_context *ctx = NULL;
    const struct count_list usual = {{16}, 1}, *batches = b->batches.count ? &b->batches : &usual;
    struct table *table = table_create("lrrrrrr");
    for (uint32_t i = 0; i < 7; i++)
        table_add(table, "%s", heads[i]);
    int code = setup_start(&b->setup, &ctx);
    if (code == TOOL_GO_ON && b->setup.json) {
        b->json = json_create();
        b->list = json_list_in(b->json, "results");
    }
    for (uint32_t d = 0; d < device_count && code == TOOL_GO_ON; d++)
        for (uint32_t i = 0; i < batches->count && code == TOOL_GO_ON; i++)
            code = run_case(b, ctx, devices[d], batches->items[i], table);
    if (code == TOOL_GO_ON && !b->list) {
        printf("one step of training (forward, backward, update) of %s:\n", b->model.text);
        table_print(table, stdout);
    }
    table_destroy(table);
    cvk_context_destroy(ctx);
    return code;
}

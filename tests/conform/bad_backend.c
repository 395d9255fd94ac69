/* SPDX-License-Identifier: MIT
 * A plugin whose rows each break the contract in one way, most of them in relu, to show that the conformance test notices. */
#include <signal.h>
#include <unistd.h>

#include <convoke/plugin_cpu.h>

static int32_t plan_relu(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = (const struct cvk_unary_params *)q->node->params;
    (void)plan;
    return p->kind == CVK_RELU ? CVK_OK : cvk_refuse(q, "only relu, not kind %u", p->kind);
}

static uint64_t count_of(const struct cvk_exec *e)
{
    return e->outputs[0].bytes / sizeof(float);
}

static int32_t run_good(struct cvk_exec *e)
{
    const float *x = cvk_cpu_input(e, 0);
    float *y = cvk_cpu_output(e, 0);
    for (uint64_t i = 0; i < count_of(e); i++)
        y[i] = x[i] <= 0 ? 0 : x[i];
    return CVK_OK;
}

static int32_t run_past_end(struct cvk_exec *e)
{
    float *y = cvk_cpu_output(e, 0);
    y[count_of(e)] = 0;
    return run_good(e);
}

static int32_t run_wrong(struct cvk_exec *e)
{
    float *y = cvk_cpu_output(e, 0);
    run_good(e);
    if (count_of(e))
        y[count_of(e) - 1] += 0.01f;
    return CVK_OK;
}

/* Leaves the last element to what was there before. */
static int32_t run_forgets(struct cvk_exec *e)
{
    float *y = cvk_cpu_output(e, 0);
    uint64_t count = count_of(e);
    float before = count ? y[count - 1] : 0;
    run_good(e);
    if (count)
        y[count - 1] = before;
    return CVK_OK;
}

static int32_t plan_workspace(const struct cvk_query *q, struct cvk_plan *plan)
{
    cvk_book(plan, sizeof(float));
    return plan_relu(q, plan);
}

static int32_t run_workspace(struct cvk_exec *e)
{
    const float *sum = cvk_cpu_pointer(e->workspace); /* never set to 0 */
    float *y = cvk_cpu_output(e, 0);
    run_good(e);
    if (count_of(e))
        y[0] += *sum;
    return CVK_OK;
}

static int32_t run_changes_input(struct cvk_exec *e)
{
    float *x = cvk_cpu_pointer(&e->inputs[0]);
    run_good(e);
    if (count_of(e))
        x[0] += 1;
    return CVK_OK;
}

/* Right within the tolerance, but with other bits for other numbers of workers. */
static int32_t run_workers(struct cvk_exec *e)
{
    float *y = cvk_cpu_output(e, 0);
    run_good(e);
    for (uint64_t i = 0; i < count_of(e); i++)
        y[i] += 1e-8f * (float)e->host->workers(e->host);
    return CVK_OK;
}

static int32_t run_second_time(struct cvk_exec *e)
{
    static uint32_t calls;
    float *y = cvk_cpu_output(e, 0);
    run_good(e);
    calls++;
    for (uint64_t i = 0; i < count_of(e); i++)
        y[i] += 1e-9f * (float)(calls % 7);
    return CVK_OK;
}

static int32_t build_state(struct cvk_exec *e)
{
    e->state = e->host->alloc(e->host, 100, 0);
    return e->state ? CVK_OK : cvk_fail(e->host, CVK_E_MEMORY, "no memory for 100 bytes");
}

/* Never freed, but always reachable: a leak checker is to leave it to the conformance test. */
static int32_t build_leak(struct cvk_exec *e)
{
    static void *kept;
    void **block = e->host->alloc(e->host, 100, 0);
    if (!block)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for 100 bytes");
    *block = kept;
    kept = block;
    return CVK_OK;
}

__attribute__((no_sanitize("undefined"))) static int32_t build_unchecked(struct cvk_exec *e)
{
    float *state = e->host->alloc(e->host, 100, 0);
    state[0] = 1;
    e->state = state;
    return CVK_OK;
}

static void finish_state(struct cvk_exec *e)
{
    e->host->free(e->host, e->state);
}

static int32_t run_allocates(struct cvk_exec *e)
{
    void *scratch = e->host->alloc(e->host, 100, 0);
    if (!scratch)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for 100 bytes");
    e->host->free(e->host, scratch);
    return run_good(e);
}

/* Reads further behind its input than is promised. */
static int32_t run_reads_on(struct cvk_exec *e)
{
    const volatile char *x = cvk_cpu_input(e, 0);
    (void)x[e->inputs[0].bytes + 2 * CVK_TAIL_BYTES];
    return run_good(e);
}

static void fail_in_worker(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    (void)begin, (void)end;
    if (worker)
        raise(SIGSEGV); /* to this thread */
    sleep(1);           /* until another one has come */
    (void)arg;
}

/* Crashes in a thread of the host's. */
static int32_t run_in_worker(struct cvk_exec *e)
{
    e->host->parallel(e->host, 2, 2, fail_in_worker, e);
    return run_good(e);
}

/* Wrong as soon as the output is the input. */
static int32_t run_in_place(struct cvk_exec *e)
{
    const float *x = cvk_cpu_input(e, 0);
    float *y = cvk_cpu_output(e, 0);
    for (uint64_t i = 0; i < count_of(e); i++)
        y[i] = 0;
    for (uint64_t i = 0; i < count_of(e); i++)
        y[i] = x[i] <= 0 ? 0 : x[i];
    return CVK_OK;
}

static int32_t run_padding(struct cvk_exec *e)
{
    float *y = cvk_cpu_output(e, 0);
    run_good(e);
    if (count_of(e) > cvk_cpu_count(e->node->outputs[0]))
        y[count_of(e) - 1] = 1;
    return CVK_OK;
}

static int32_t run_gives_up(struct cvk_exec *e)
{
    return cvk_fail(e->host, CVK_E_DEVICE, "the queue is lost");
}

static int32_t plan_changes_its_mind(const struct cvk_query *q, struct cvk_plan *plan)
{
    static uint32_t calls;
    if (++calls % 2)
        cvk_book(plan, 256);
    return plan_relu(q, plan);
}

/* The gradient of relu, from dy and y, without a look at y. */
static int32_t run_wrong_gradient(struct cvk_exec *e)
{
    memcpy(cvk_cpu_output(e, 0), cvk_cpu_input(e, 0), e->outputs[0].bytes);
    return CVK_OK;
}

static int32_t plan_momentum(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_optimize_params *p = (const struct cvk_optimize_params *)q->node->params;
    (void)plan;
    return p->kind == CVK_SGD && p->momentum != 0 && !p->nesterov && p->dampening == 0 && p->l1 == 0 && p->l2 == 0 &&
                   q->node->input_count == 4
               ? CVK_OK
               : cvk_refuse(q, "only momentum");
}

/* Works the momentum out a second time when its memory holds the next one already. */
static int32_t run_reads_late(struct cvk_exec *e)
{
    const struct cvk_optimize_params *p = (const struct cvk_optimize_params *)e->node->params;
    const float *w = cvk_cpu_input(e, 0), *dw = cvk_cpu_input(e, 1), *hyper = cvk_cpu_input(e, 2), *s0 = cvk_cpu_input(e, 3);
    float *next_w = cvk_cpu_output(e, 0), *next_s0 = cvk_cpu_output(e, 1);
    for (uint64_t i = 0; i < count_of(e); i++)
        next_s0[i] = p->momentum * s0[i] + dw[i];
    for (uint64_t i = 0; i < count_of(e); i++)
        next_w[i] = w[i] - hyper[0] * (p->momentum * s0[i] + dw[i]);
    return CVK_OK;
}

static int32_t plan_never(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return cvk_refuse(q, "never");
}

#define ROW(row_name, ...)                                                                                                       \
    {                                                                                                                            \
        .size = sizeof(struct cvk_kernel), .op = CVK_OP_UNARY, .name = row_name, .plan = plan_relu, __VA_ARGS__                  \
    }

#pragma GCC diagnostic ignored "-Woverride-init"
#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
static const struct cvk_kernel rows[] = {
    ROW("good", .run = run_good, .flags = CVK_KERNEL_IN_PLACE, .build = build_state, .finish = finish_state),
    ROW("past_end", .run = run_past_end),
    ROW("wrong", .run = run_wrong),
    ROW("forgets", .run = run_forgets),
    ROW("workspace", .run = run_workspace, .plan = plan_workspace),
    ROW("changes_input", .run = run_changes_input),
    ROW("workers", .run = run_workers),
    ROW("second_time", .run = run_second_time),
    ROW("leaks", .run = run_good, .build = build_leak),
    ROW("unchecked", .run = run_good, .build = build_unchecked, .finish = finish_state),
    ROW("allocates", .run = run_allocates),
    ROW("reads_on", .run = run_reads_on),
    ROW("in_worker", .run = run_in_worker),
    ROW("in_place", .run = run_in_place, .flags = CVK_KERNEL_IN_PLACE),
    ROW("padding", .run = run_padding, .layouts_x = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8), .layouts_y = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8)),
    ROW("gives_up", .run = run_gives_up),
    ROW("changes_its_mind", .run = run_good, .plan = plan_changes_its_mind),
    ROW("wrong_gradient", .run = run_wrong_gradient, .pass = CVK_PASS_BACKWARD_DATA),
    ROW("reads_late", .run = run_reads_late, .op = CVK_OP_OPTIMIZE, .pass = CVK_PASS_UPDATE, .plan = plan_momentum),
    ROW("none", .run = run_good, .op = CVK_OP_SOFTMAX, .plan = plan_never),
};

static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,
                                         .name = "bad",
                                         .version = "1.0.0",
                                         .license = "MIT",
                                         .kernels = rows,
                                         .kernel_count = sizeof rows / sizeof rows[0],
                                         .kernel_stride = sizeof rows[0]};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &plugin);
}

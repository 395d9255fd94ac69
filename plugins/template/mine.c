/* SPDX-License-Identifier: MIT
 * The smallest backend plugin that is of use: one op on host memory. Copy it, rename it, and read README.md beside it.
 *
 *   cc -std=c11 -O2 -shared -fPIC -fvisibility=hidden -o mine.so mine.c
 *   CONVOKE_PLUGIN_PATH=$PWD CONVOKE_DEVICE=mine+ref convoke ...
 */
#include <convoke/plugin_cpu.h>

/* Can this row run the node? Whatever is refused here runs on the next device of the user's list. */
static int32_t plan_relu(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind == CVK_RELU ? CVK_OK : cvk_refuse(q, "only relu, not kind %u", p->kind);
}

/* A yes of plan is a promise: sizes and types are checked, memory is there. */
static int32_t run_relu(struct cvk_exec *e)
{
    const float *x = cvk_cpu_input(e, 0);
    float *y = cvk_cpu_output(e, 0);
    uint64_t count = e->outputs[0].bytes / sizeof *y;
    for (uint64_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
    return CVK_OK;
}

static const struct cvk_kernel rows[] = {
    {.size = sizeof rows[0], .op = CVK_OP_UNARY, .pass = CVK_PASS_FORWARD, .name = "relu", .plan = plan_relu, .run = run_relu},
};

static const struct cvk_plugin plugin = {
    CVK_PLUGIN_HEAD,
    .name = "mine",
    .version = "1.0",
    .license = "MIT",
    .summary = "relu, to begin with",
    .kernels = rows,
    .kernel_count = sizeof rows / sizeof rows[0],
    .kernel_stride = sizeof rows[0],
};

int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &plugin);
}

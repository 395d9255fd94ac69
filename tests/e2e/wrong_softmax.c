/* SPDX-License-Identifier: MIT
 * A backend whose softmax gives every class the same share, on a device that says it is a GPU: what the command does about a
 * device that computes nonsense, and about one that is not this CPU, is tested with it. */
#include <convoke/plugin_cpu.h>

static int32_t run_softmax(struct cvk_exec *e)
{
    float *y = cvk_cpu_output(e, 0);
    uint64_t count = e->outputs[0].bytes / sizeof *y;
    for (uint64_t i = 0; i < count; i++)
        y[i] = 0.25f;
    return CVK_OK;
}

static const struct cvk_kernel rows[] = {
    {.size = sizeof rows[0], .op = CVK_OP_SOFTMAX, .pass = CVK_PASS_FORWARD, .name = "wrong", .run = run_softmax},
};

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host, (void)index;
    out->kind = CVK_DEVICE_GPU;
    out->caps = CVK_CAP_HOST_MEMORY;
    return CVK_OK;
}

static const struct cvk_device_api device = {.size = sizeof device, .info = info};

static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,  .name = "wrong", .version = "1.0",  .license = "MIT",
                                         .rank = -1,       .kernels = rows, .kernel_count = 1, .kernel_stride = sizeof rows[0],
                                         .device = &device};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &plugin);
}

/* SPDX-License-Identifier: MIT
 * A plugin from the future: a later minor, longer structs, flags and ops that nobody here knows. It must load and run. */
#include "convoke/plugin_cpu.h"

struct new_kernel {
    struct cvk_kernel now;
    uint64_t later[5];
};

struct new_device_api {
    struct cvk_device_api now;
    void *later[4];
};

struct new_option {
    struct cvk_option now;
    uint64_t later;
};

struct new_plugin {
    struct cvk_plugin now;
    uint64_t later[20];
};

static int32_t run_triple(struct cvk_exec *e)
{
    const float *x = cvk_cpu_input(e, 0);
    float *y = cvk_cpu_output(e, 0);
    for (uint64_t i = 0; i < e->outputs[0].bytes / sizeof *y; i++)
        y[i] = 3 * x[i];
    return CVK_OK;
}

static const struct new_kernel rows[] = {
    {.now = {.size = sizeof rows[0], .op = 60000, .name = "later_op", .run = run_triple}, .later = {1, 2, 3, 4, 5}},
    {.now = {.size = sizeof rows[0], .op = CVK_OP_UNARY, .name = "triple", .run = run_triple}, .later = {1, 2, 3, 4, 5}},
    {.now = {.size = sizeof rows[0], .op = CVK_OP_UNARY, .pass = 99, .name = "triple", .run = run_triple}},
};

static const struct new_option options[] = {
    {.now = {.size = sizeof options[0], .key = "speed", .help = "fast or slow"}, .later = 7},
    {.now = {.size = sizeof options[0], .key = "depth"}, .later = 7},
};

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host;
    (void)index;
    out->kind = 1000;                         /* a kind of device that was not invented yet */
    memset(out->name, 'n', sizeof out->name); /* without an end */
    return CVK_OK;
}

static const struct new_device_api device = {.now = {.size = sizeof device, .info = info}, .later = {(void *)&device}};

static const struct new_plugin self = {
    .now = {.size = sizeof self,
            .abi_major = CVK_ABI_MAJOR,
            .abi_minor = CVK_ABI_MINOR + 7,
            .flags = 1u << 31,
            .rank = -20,
            .name = "new",
            .version = "9.0",
            .license = "MIT",
            .kernels = &rows[0].now,
            .kernel_count = 3,
            .kernel_stride = sizeof rows[0],
            .options = &options[0].now,
            .option_count = 2,
            .option_stride = sizeof options[0],
            .device = &device.now},
    .later = {1, 2, 3},
};

int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &self.now);
}

/* SPDX-License-Identifier: MIT
 * A right plugin with one op and no more, as a stranger begins: reshape, which copies. */
#include <convoke/plugin_cpu.h>

static int32_t run_copy(struct cvk_exec *e)
{
    memcpy(cvk_cpu_output(e, 0), cvk_cpu_input(e, 0), e->outputs[0].bytes);
    return CVK_OK;
}

static const struct cvk_kernel rows[] = {
    {.size = sizeof rows[0], .op = CVK_OP_RESHAPE, .name = "copy", .dtypes = 0xffffffff, .run = run_copy},
};

static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD, .name = "one_op", .version = "1.0.0", .license = "MIT", .kernels = rows,
                                         .kernel_count = 1, .kernel_stride = sizeof rows[0]};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &plugin);
}

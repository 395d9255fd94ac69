/* SPDX-License-Identifier: MIT
 * Small helpers for plugins whose device computes on host memory.
 *
 * Example:
 * @code
 * #include <convoke/plugin_cpu.h>
 * struct job { const float *x; float *y; };
 * static void twice(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
 * {
 *     const struct job *j = (const struct job *)arg;
 *     (void)worker;
 *     for (uint64_t i = begin; i < end; i++)
 *         j->y[i] = 2 * j->x[i];
 * }
 * int32_t run_twice(struct cvk_exec *e)
 * {
 *     struct job j = {(const float *)cvk_cpu_input(e, 0), (float *)cvk_cpu_output(e, 0)};
 *     e->host->parallel(e->host, 0, e->outputs[0].bytes / sizeof(float), twice, &j);
 *     return CVK_OK;
 * }
 * @endcode
 */
#ifndef CONVOKE_PLUGIN_CPU_H
#define CONVOKE_PLUGIN_CPU_H

#include "plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The memory behind a binding; NULL for NULL or an operand left out. */
static inline void *cvk_cpu_pointer(const struct cvk_binding *b)
{
    return b && b->buffer ? (void *)((char *)b->buffer + b->offset) : NULL;
}

static inline const void *cvk_cpu_input(const struct cvk_exec *e, uint32_t i)
{
    return i < e->node->input_count ? cvk_cpu_pointer(&e->inputs[i]) : NULL;
}

static inline void *cvk_cpu_output(const struct cvk_exec *e, uint32_t i)
{
    return i < e->node->output_count ? cvk_cpu_pointer(&e->outputs[i]) : NULL;
}

/* Number of elements of a descriptor in plain order. */
static inline uint64_t cvk_cpu_count(const struct cvk_tensor_desc *d)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < d->rank; i++)
        n *= (uint64_t)d->dims[i];
    return n;
}

#ifdef __cplusplus
}
#endif
#endif

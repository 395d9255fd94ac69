/* SPDX-License-Identifier: MIT
 * reshape and its kin where the memory cannot be shared: a copy. */
#include "ref.h"

struct job {
    const char *src;
    char *dst;
};

static void copy(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    memcpy(j->dst + begin, j->src + begin, end - begin);
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {cvk_cpu_input(e, 0), cvk_cpu_output(e, 0)};
    if (j.src != j.dst)
        ref_parallel(e, e->node->outputs[0]->bytes, copy, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_reshape_rows[] = {
    {REF_ROW(RESHAPE, "plain"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = REF_ALL, .run = run}};
const uint32_t ref_reshape_row_count = REF_COUNT(ref_reshape_rows);

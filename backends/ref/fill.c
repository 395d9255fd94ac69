/* SPDX-License-Identifier: MIT
 * fill on the reference: the first element is made and the others are copies of it. */
#include "ref_flat.h"
#include "ref_move.h"

struct job {
    char *y;
    uint64_t count;
    uint32_t bytes;
};

static void run_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * REF_CHUNK < j->count ? end * REF_CHUNK : j->count;
    (void)worker;
    for (uint64_t i = begin ? begin * REF_CHUNK : 1; i < last; i++)
        ref_copy(j->y, (int64_t)i, j->y, 0, j->bytes);
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_fill_params *p = e->node->params;
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct job j = {cvk_cpu_output(e, 0), cvk_cpu_count(y), ref_dtype_bytes(y->dtype)};
    if (j.count == 0)
        return CVK_OK;
    if (ref_is_float(y->dtype))
        ref_store(j.y, y->dtype, 0, p->value);
    else
        ref_store_int(j.y, y->dtype, 0, p->integer);
    ref_parallel(e, ref_chunks(j.count), run_chunks, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_fill_rows[] = {{REF_ROW(FILL, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_fill_row_count = REF_COUNT(ref_fill_rows);

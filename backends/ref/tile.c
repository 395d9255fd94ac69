/* SPDX-License-Identifier: MIT
 * tile: element `index` of y is element `index` modulo the sizes of x. */
#include "ref_move.h"

struct job {
    const struct cvk_tensor_desc *x, *y;
    const char *src;
    char *dst;
    uint32_t bytes;
};

static void tile(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk w;
    int64_t strides[CVK_MAX_RANK] = {0};
    (void)worker;
    ref_strides(j->x->rank, j->x->dims, strides);
    ref_walk_init(&w, j->y->rank, j->y->dims);
    ref_walk_seek(&w, begin);
    for (uint64_t i = begin; i < end; i++) {
        int64_t from = 0;
        for (uint32_t k = 0; k < w.rank; k++)
            from += w.index[k] % j->x->dims[k] * strides[k];
        ref_copy(j->dst, (int64_t)i, j->src, from, j->bytes);
        ref_walk_next(&w);
    }
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {e->node->inputs[0], e->node->outputs[0], cvk_cpu_input(e, 0), cvk_cpu_output(e, 0),
                    ref_dtype_bytes(e->node->inputs[0]->dtype)};
    ref_parallel(e, cvk_cpu_count(j.y), tile, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_tile_rows[] = {{REF_ROW(TILE, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_tile_row_count = REF_COUNT(ref_tile_rows);

/* SPDX-License-Identifier: MIT
 * tile: element `index` of y is element `index` modulo the sizes of x; backward all of these are summed. */
#include "ref_move.h"
#include "ref_shrink.h"

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

static double element(const void *arg, const int64_t *at)
{
    const struct cvk_exec *e = arg;
    return ref_load(cvk_cpu_input(e, 0), e->node->inputs[0]->dtype, (uint64_t)at[0]);
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0], *dx = e->node->outputs[0];
    int64_t repeats[CVK_MAX_RANK] = {0}, inside[CVK_MAX_RANK] = {0}, across[CVK_MAX_RANK] = {0};
    struct ref_shrink s = {.steps = 1};
    if (cvk_cpu_count(dx) == 0)
        return CVK_OK;
    ref_strides(dy->rank, dy->dims, inside);
    for (uint32_t i = 0; i < dx->rank; i++) {
        repeats[i] = dy->dims[i] / dx->dims[i];
        across[i] = inside[i] * dx->dims[i];
        s.steps *= (uint64_t)repeats[i];
    }
    ref_walk_init(&s.kept, dx->rank, dx->dims);
    ref_walk_init(&s.folded, dx->rank, repeats);
    ref_walk_add_strides(&s.kept, inside);
    ref_walk_add_strides(&s.folded, across);
    ref_shrink_run(e, 0, &s, element, e);
    return CVK_OK;
}

const struct cvk_kernel ref_tile_rows[] = {
    {REF_ROW(TILE, "plain"), .dtypes = REF_ALL, .run = run},
    {REF_ROW(TILE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward},
};
const uint32_t ref_tile_row_count = REF_COUNT(ref_tile_rows);

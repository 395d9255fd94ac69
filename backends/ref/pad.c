/* SPDX-License-Identifier: MIT
 * pad: each element of y looks up where it comes from, axis by axis. */
#include "ref_move.h"

struct job {
    const struct cvk_pad_params *p;
    const struct cvk_tensor_desc *x, *y;
    const char *src;
    char *dst;
    uint32_t bytes;
    char value[8]; /* the constant, as an element */
};

/* Index among the m kept elements of place i, which may lie before or behind them; -1: the constant. */
static int64_t source(uint32_t mode, int64_t i, int64_t m)
{
    if (i >= 0 && i < m)
        return i;
    int64_t period = mode == CVK_PAD_WRAP ? m : 2 * (m - 1), at;
    switch (mode) {
    case CVK_PAD_EDGE: return i < 0 ? 0 : m - 1;
    case CVK_PAD_REFLECT:
    case CVK_PAD_WRAP:
        if (m == 1)
            return 0;
        at = (i % period + period) % period;
        return at < m ? at : period - at;
    default: return -1;
    }
}

static void pad(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk w;
    int64_t strides[CVK_MAX_RANK] = {0}, cut[CVK_MAX_RANK] = {0}, kept[CVK_MAX_RANK] = {0};
    (void)worker;
    ref_strides(j->x->rank, j->x->dims, strides);
    for (uint32_t k = 0; k < j->x->rank; k++) { /* negative pads cut first; the modes see what is left */
        cut[k] = j->p->begin[k] < 0 ? -j->p->begin[k] : 0;
        kept[k] = j->x->dims[k] - cut[k] + (j->p->end[k] < 0 ? j->p->end[k] : 0);
    }
    ref_walk_init(&w, j->y->rank, j->y->dims);
    ref_walk_seek(&w, begin);
    for (uint64_t i = begin; i < end; i++) {
        int64_t from = 0;
        for (uint32_t k = 0; k < w.rank && from >= 0; k++) {
            int64_t at = source(j->p->mode, w.index[k] - (j->p->begin[k] > 0 ? j->p->begin[k] : 0), kept[k]);
            from = at < 0 ? -1 : from + (at + cut[k]) * strides[k];
        }
        if (from < 0)
            ref_copy(j->dst, (int64_t)i, j->value, 0, j->bytes);
        else
            ref_copy(j->dst, (int64_t)i, j->src, from, j->bytes);
        ref_walk_next(&w);
    }
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {.p = e->node->params,
                    .x = e->node->inputs[0],
                    .y = e->node->outputs[0],
                    .src = cvk_cpu_input(e, 0),
                    .dst = cvk_cpu_output(e, 0),
                    .bytes = ref_dtype_bytes(e->node->inputs[0]->dtype)};
    uint64_t element = 0; /* aligned for every type */
    ref_store(&element, j.x->dtype, 0, j.p->value);
    memcpy(j.value, &element, sizeof j.value);
    ref_parallel(e, cvk_cpu_count(j.y), pad, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_pad_rows[] = {{REF_ROW(PAD, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_pad_row_count = REF_COUNT(ref_pad_rows);

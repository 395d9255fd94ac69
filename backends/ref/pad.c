/* SPDX-License-Identifier: MIT
 * pad: each element of y looks up where it comes from, axis by axis. */
#include "ref_adjoint.h"
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

/* Index on an axis of x, of `in` elements, that index i of y shows; -1: the constant. Negative pads cut first; the modes see
 * what is left. */
static int64_t source_on(const struct cvk_pad_params *p, uint32_t axis, int64_t i, int64_t in)
{
    int64_t begin = p->begin[axis], cut = begin < 0 ? -begin : 0, kept = in - cut + (p->end[axis] < 0 ? p->end[axis] : 0);
    int64_t at = source(p->mode, i - (begin > 0 ? begin : 0), kept);
    return at < 0 ? -1 : at + cut;
}

static void pad(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
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
        for (uint32_t k = 0; k < w.rank && from >= 0; k++) {
            int64_t at = source_on(j->p, k, w.index[k], j->x->dims[k]);
            from = at < 0 ? -1 : from + at * strides[k];
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

static struct ref_taps taps_of(const void *params, uint32_t axis, int64_t i, int64_t in, int64_t out)
{
    int64_t at = source_on(params, axis, i, in);
    (void)out;
    return (struct ref_taps){.count = at >= 0, .at = {at}, .weight = {1}};
}

static int32_t run_backward(struct cvk_exec *e)
{
    return ref_adjoint_run(e, taps_of);
}

const struct cvk_kernel ref_pad_rows[] = {
    {REF_ROW(PAD, "plain"), .dtypes = REF_ALL, .run = run},
    {REF_ROW(PAD, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = ref_adjoint_plan,
     .run = run_backward},
};
const uint32_t ref_pad_row_count = REF_COUNT(ref_pad_rows);

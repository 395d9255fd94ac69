/* SPDX-License-Identifier: MIT
 * dropout on the reference: a copy in inference, else each element's fate is drawn from its place in plain order. The gradient
 * does to dy what the forward pass does to x, with the same inputs at the same places, so the rows are the same. */
#include "convoke/rng.h"
#include "ref_flat.h"

struct job {
    const struct cvk_dropout_params *p;
    const void *x;
    void *y;
    uint8_t *mask; /* NULL: not wanted */
    uint64_t count;
    uint32_t dtype, step;
};

static void draw_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * REF_CHUNK < j->count ? end * REF_CHUNK : j->count;
    float drop = j->p->training ? j->p->drop : 0;
    double keep = 1 - (double)drop;
    (void)worker;
    for (uint64_t i = begin * REF_CHUNK; i < last; i++) {
        int kept = cvk_rng_uniform(j->p->seed, j->step, i) >= drop;
        ref_store(j->y, j->dtype, i, kept ? ref_load(j->x, j->dtype, i) / keep : 0);
        if (j->mask)
            j->mask[i] = (uint8_t)kept;
    }
}

static int32_t run_draw(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    const int64_t *step = cvk_cpu_input(e, 1);
    struct job j = {e->node->params,  cvk_cpu_input(e, 0), cvk_cpu_output(e, 0), cvk_cpu_output(e, 1),
                    cvk_cpu_count(x), x->dtype,            step ? (uint32_t)*step : 0};
    ref_parallel(e, ref_chunks(j.count), draw_chunks, &j);
    return CVK_OK;
}

static int32_t run_copy(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    const void *from = cvk_cpu_input(e, 0);
    void *y = cvk_cpu_output(e, 0), *mask = cvk_cpu_output(e, 1);
    if (y != from)
        memcpy(y, from, x->bytes);
    if (mask) {
        memset(mask, 1, ref_flat_count(x));
        ref_zero_tail(e->node->outputs[1], mask);
    }
    return CVK_OK;
}

static int32_t plan_copy(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_dropout_params *p = q->node->params;
    (void)plan;
    return p->training ? cvk_refuse(q, "training draws elements by their place in plain order") : CVK_OK;
}

#define COPY(p) \
    {REF_ROW(DROPOUT, "copy"), .pass = (p), .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .dtypes = REF_FLOATS, \
     .plan = plan_copy, .run = run_copy}
#define DRAW(p) {REF_ROW(DROPOUT, "plain"), .pass = (p), .flags = CVK_KERNEL_IN_PLACE, .dtypes = REF_FLOATS, .run = run_draw}
const struct cvk_kernel ref_dropout_rows[] = {
    COPY(CVK_PASS_FORWARD),
    DRAW(CVK_PASS_FORWARD),
    COPY(CVK_PASS_BACKWARD_DATA),
    DRAW(CVK_PASS_BACKWARD_DATA),
};
const uint32_t ref_dropout_row_count = REF_COUNT(ref_dropout_rows);

/* SPDX-License-Identifier: MIT
 * optimize on the reference: element by element in doubles, so that results may lie in the memory of what they replace. */
#include "ref_flat.h"

struct job {
    const struct cvk_optimize_params *p;
    const void *w, *dw, *s0, *s1;       /* states NULL where the kind has none */
    void *new_w, *new_s0, *new_s1;
    double rate, t, factor;
    uint32_t dtype;
    uint64_t count;
};

/* Weight and state of one element, old, then new. */
struct element {
    double w, s0, s1;
};

static void sgd(const struct job *j, struct element *v, double g)
{
    double momentum = (double)j->p->momentum, dampening = j->p->dampening != 0 ? (double)j->p->dampening : 1;
    if (momentum == 0) {
        v->w -= j->rate * g;
        return;
    }
    v->s0 = momentum * v->s0 + (j->t > 0 ? dampening : 1) * g;
    v->w -= j->rate * (j->p->nesterov ? g + momentum * v->s0 : v->s0);
}

/* adamw with `decay`, adam without. */
static void adam(const struct job *j, struct element *v, double g, double decay)
{
    double beta1 = (double)j->p->beta1, beta2 = (double)j->p->beta2;
    v->s0 = beta1 * v->s0 + (1 - beta1) * g;
    v->s1 = beta2 * v->s1 + (1 - beta2) * g * g;
    double rate = j->t > 0 ? j->rate * sqrt(1 - pow(beta2, j->t)) / (1 - pow(beta1, j->t)) : j->rate;
    v->w -= j->rate * decay * v->w;
    v->w = (v->w - rate * v->s0 / (sqrt(v->s1) + (double)j->p->epsilon)) * (1 - (double)j->p->post_decay);
}

static void rmsprop(const struct job *j, struct element *v, double g)
{
    double beta2 = (double)j->p->beta2, momentum = (double)j->p->momentum;
    v->s0 = beta2 * v->s0 + (1 - beta2) * g * g;
    double step = g / (sqrt(v->s0) + (double)j->p->epsilon);
    if (momentum != 0)
        step = v->s1 = momentum * v->s1 + step;
    v->w -= j->rate * step;
}

static void adagrad(const struct job *j, struct element *v, double g)
{
    v->s0 += g * g;
    v->w -= j->rate / (1 + j->t * (double)j->p->lr_decay) * g / (sqrt(v->s0) + (double)j->p->epsilon);
}

static void update(const struct job *j, struct element *v, double dw)
{
    double sign = v->w > 0 ? 1 : v->w < 0 ? -1 : v->w;
    double g = j->factor * dw + (double)j->p->l2 * v->w + (double)j->p->l1 * sign;
    switch (j->p->kind) {
    case CVK_SGD: sgd(j, v, g); break;
    case CVK_ADAM: adam(j, v, g, 0); break;
    case CVK_ADAMW: adam(j, v, g, (double)j->p->decay); break;
    case CVK_RMSPROP: rmsprop(j, v, g); break;
    default: adagrad(j, v, g); break;
    }
}

static void do_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin * REF_CHUNK; i < end * REF_CHUNK && i < j->count; i++) {
        struct element v = {ref_load(j->w, j->dtype, i), j->s0 ? ref_load(j->s0, j->dtype, i) : 0,
                            j->s1 ? ref_load(j->s1, j->dtype, i) : 0};
        update(j, &v, ref_load(j->dw, j->dtype, i));
        ref_store(j->new_w, j->dtype, i, v.w);
        if (j->new_s0)
            ref_store(j->new_s0, j->dtype, i, v.s0);
        if (j->new_s1)
            ref_store(j->new_s1, j->dtype, i, v.s1);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const float *hyper = cvk_cpu_input(e, 2), *factor = cvk_cpu_input(e, 5);
    struct job j = {.p = e->node->params,
                    .w = cvk_cpu_input(e, 0),
                    .dw = cvk_cpu_input(e, 1),
                    .s0 = cvk_cpu_input(e, 3),
                    .s1 = cvk_cpu_input(e, 4),
                    .new_w = cvk_cpu_output(e, 0),
                    .new_s0 = cvk_cpu_output(e, 1),
                    .new_s1 = cvk_cpu_output(e, 2),
                    .rate = (double)hyper[0],
                    .t = (double)hyper[1],
                    .factor = factor ? (double)*factor : 1,
                    .dtype = e->node->inputs[0]->dtype,
                    .count = cvk_cpu_count(e->node->inputs[0])};
    ref_parallel(e, ref_chunks(j.count), do_chunks, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_optimize_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_OPTIMIZER_KINDS ? CVK_OK : cvk_refuse(q, "optimiser %u is newer than this backend", p->kind);
}

const struct cvk_kernel ref_optimize_rows[] = {
    {REF_ROW(OPTIMIZE, "plain"), .pass = CVK_PASS_UPDATE, .flags = CVK_KERNEL_IN_PLACE, .dtypes = REF_FLOATS, .plan = plan,
     .run = run},
};
const uint32_t ref_optimize_row_count = REF_COUNT(ref_optimize_rows);

/* SPDX-License-Identifier: MIT
 * optimize.h over the vectors of vec.h. */
#include "math.h"

#include "convoke/op/optimize.h"
#include "optimize.h"

/* One element's weight and state. */
struct element {
    V w, s0, s1;
};

/* The numbers of a step in registers. */
struct numbers {
    V factor, l1, l2, rate, first, first_rest, second, second_rest, epsilon, shrink;
};

SIMD_INLINE V gradient(const struct numbers *o, V w, V dw)
{
    return v_fma(o->l1, v_sign(w), v_fma(o->l2, w, v_mul(o->factor, dw)));
}

SIMD_INLINE void sgd(const struct numbers *o, struct element *e, V g, const int momentum, const int nesterov)
{
    if (momentum) {
        e->s0 = v_fma(o->first, e->s0, v_mul(o->first_rest, g));
        g = nesterov ? v_fma(o->first, e->s0, g) : e->s0;
    }
    e->w = v_fnma(o->rate, g, e->w);
}

SIMD_INLINE void adam(const struct numbers *o, struct element *e, V g, const int decoupled)
{
    e->s0 = v_fma(o->first, e->s0, v_mul(o->first_rest, g));
    e->s1 = v_fma(o->second, e->s1, v_mul(o->second_rest, v_mul(g, g)));
    const V move = v_div(v_mul(o->rate, e->s0), v_add(v_sqrt(e->s1), o->epsilon));
    e->w = decoupled ? v_sub(v_mul(e->w, o->shrink), move) : v_mul(v_sub(e->w, move), o->shrink);
}

SIMD_INLINE void rmsprop(const struct numbers *o, struct element *e, V g, const int momentum)
{
    e->s0 = v_fma(o->second, e->s0, v_mul(o->second_rest, v_mul(g, g)));
    V move = v_div(g, v_add(v_sqrt(e->s0), o->epsilon));
    if (momentum)
        e->s1 = move = v_fma(o->first, e->s1, move);
    e->w = v_fnma(o->rate, move, e->w);
}

SIMD_INLINE void adagrad(const struct numbers *o, struct element *e, V g)
{
    e->s0 = v_fma(g, g, e->s0);
    e->w = v_fnma(o->rate, v_div(g, v_add(v_sqrt(e->s0), o->epsilon)), e->w);
}

/* What is in the arrays of a call; states that a kind does not have are neither read nor written. */
struct arrays {
    const float *w, *dw, *s0, *s1;
    float *w_out, *s0_out, *s1_out;
};

SIMD_INLINE void step_lanes(const struct numbers *n, const struct arrays *a, uint64_t i, const uint32_t lanes,
                            const uint32_t kind, const int momentum, const int nesterov, const int states)
{
    struct element e = {.w = v_load_lanes(a->w + i, lanes)};
    const V g = gradient(n, e.w, v_load_lanes(a->dw + i, lanes));
    if (states > 0)
        e.s0 = v_load_lanes(a->s0 + i, lanes);
    if (states > 1)
        e.s1 = v_load_lanes(a->s1 + i, lanes);
    if (kind == CVK_SGD)
        sgd(n, &e, g, momentum, nesterov);
    else if (kind == CVK_ADAGRAD)
        adagrad(n, &e, g);
    else if (kind == CVK_RMSPROP)
        rmsprop(n, &e, g, momentum);
    else
        adam(n, &e, g, kind == CVK_ADAMW);
    v_store_lanes(a->w_out + i, e.w, lanes);
    if (states > 0)
        v_store_lanes(a->s0_out + i, e.s0, lanes);
    if (states > 1)
        v_store_lanes(a->s1_out + i, e.s1, lanes);
}

SIMD_INLINE void step_of(const struct numbers *n, const struct arrays *a, uint64_t count, const uint32_t kind,
                         const int momentum, const int nesterov, const int states)
{
    uint64_t i = 0;
    for (; i + V_LEN <= count; i += V_LEN)
        step_lanes(n, a, i, V_LEN, kind, momentum, nesterov, states);
    if (i < count)
        step_lanes(n, a, i, (uint32_t)(count - i), kind, momentum, nesterov, states);
}

static void step(const struct simd_optimizer *o, const float *w, const float *dw, const float *s0, const float *s1,
                 float *w_out, float *s0_out, float *s1_out, uint64_t count)
{
    const struct arrays a = {w, dw, s0, s1, w_out, s0_out, s1_out};
    const struct numbers n = {v_set1(o->factor),  v_set1(o->l1),         v_set1(o->l2),     v_set1(o->rate),
                              v_set1(o->first),   v_set1(o->first_rest), v_set1(o->second), v_set1(o->second_rest),
                              v_set1(o->epsilon), v_set1(o->shrink)};
    switch (o->kind) {
    case CVK_SGD:
        if (!o->momentum)
            step_of(&n, &a, count, CVK_SGD, 0, 0, 0);
        else if (o->nesterov)
            step_of(&n, &a, count, CVK_SGD, 1, 1, 1);
        else
            step_of(&n, &a, count, CVK_SGD, 1, 0, 1);
        break;
    case CVK_ADAM: step_of(&n, &a, count, CVK_ADAM, 0, 0, 2); break;
    case CVK_ADAMW: step_of(&n, &a, count, CVK_ADAMW, 0, 0, 2); break;
    case CVK_RMSPROP:
        if (o->momentum)
            step_of(&n, &a, count, CVK_RMSPROP, 1, 0, 2);
        else
            step_of(&n, &a, count, CVK_RMSPROP, 0, 0, 1);
        break;
    default: step_of(&n, &a, count, CVK_ADAGRAD, 0, 0, 1);
    }
}

const struct simd_optimize_fns SIMD_FN(simd_optimize_fns) = {.step = step};

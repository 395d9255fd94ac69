/* SPDX-License-Identifier: MIT
 * loss.h over the vectors of vec.h. Sums are made in two vectors, these joined in double. */
#include "math.h"

#include "convoke/op/loss.h"
#include "loss.h"

/* The first `count` lanes. */
SIMD_INLINE double sum_lanes(V x, uint32_t count)
{
    float lanes[V_LEN];
    double sum = 0;
    v_store(lanes, x);
    for (uint32_t i = 0; i < count; i++)
        sum += (double)lanes[i];
    return sum;
}

/* ---- softmax cross-entropy ---------------------------------------------------------------------------------------- */

/* w * label of the classes from c on */
SIMD_INLINE V share(const struct simd_loss_row *r, uint64_t c, uint32_t lanes)
{
    const V floor = v_set1(r->floor);
    const V label = r->q ? v_fma(v_set1(r->keep), v_load_lanes(r->q + c, lanes), floor) : floor;
    return r->w ? v_mul(v_load_lanes(r->w + c, lanes), label) : label;
}

/* share * log(p); an impossible class that nobody asks for costs nothing. */
SIMD_INLINE V log_share(const struct simd_loss_row *r, uint64_t c, uint32_t lanes)
{
    const V log_p = v_sub(v_sub(v_load_lanes(r->x + c, lanes), v_set1(r->top)), v_set1(r->log_sum)), part = share(r, c, lanes);
    const VM impossible = v_eq(log_p, v_set1(-INFINITY));
    return v_select(v_eq(part, v_zero()), v_select(impossible, v_zero(), v_mul(part, log_p)), v_mul(part, log_p));
}

#define SUM_ROW(name, part)                                                          \
    static double name(const struct simd_loss_row *r)                                \
    {                                                                                \
        V sum[2] = {v_zero(), v_zero()};                                             \
        double rest = 0;                                                             \
        uint64_t c = 0;                                                              \
        for (; c + 2 * V_LEN <= r->n; c += 2 * V_LEN) {                              \
            sum[0] = v_add(sum[0], part(r, c, V_LEN));                               \
            sum[1] = v_add(sum[1], part(r, c + V_LEN, V_LEN));                       \
        }                                                                            \
        for (; c < r->n; c += V_LEN) {                                               \
            const uint32_t lanes = r->n - c < V_LEN ? (uint32_t)(r->n - c) : V_LEN;  \
            rest += sum_lanes(part(r, c, lanes), lanes);                             \
        }                                                                            \
        return sum_lanes(v_add(sum[0], sum[1]), V_LEN) + rest;                       \
    }
SUM_ROW(labels, share)
SUM_ROW(log_likelihood, log_share)

static void softmax_backward(const struct simd_loss_row *r, float total, float factor, float *dx)
{
    const V top = v_set1(r->top), scale = v_set1(r->inverse), all = v_set1(total), by = v_set1(factor);
    for (uint64_t c = 0; c < r->n; c += V_LEN) {
        const uint32_t lanes = r->n - c < V_LEN ? (uint32_t)(r->n - c) : V_LEN;
        const V p = v_mul(v_exp(v_sub(v_load_lanes(r->x + c, lanes), top)), scale);
        v_store_lanes(dx + c, v_mul(by, v_sub(v_mul(p, all), share(r, c, lanes))), lanes);
    }
}

/* ---- elements ----------------------------------------------------------------------------------------------------- */

SIMD_INLINE V loss_of(const uint32_t kind, V x, V q, V delta)
{
    const V off = v_sub(x, q), size = v_abs(off), half = v_set1(0.5f);
    switch (kind) {
    case CVK_LOSS_SIGMOID_CROSS_ENTROPY:
        return v_add(v_fnma(x, q, v_max(v_zero(), x)), v_log1p_unit(v_exp(v_neg(v_abs(x)))));
    case CVK_LOSS_MSE: return v_mul(off, off);
    case CVK_LOSS_L1: return size;
    default: return v_below(delta, size, v_mul(delta, v_fnma(half, delta, size)), v_mul(v_mul(half, off), off)); /* huber */
    }
}

SIMD_INLINE V slope_of(const uint32_t kind, V x, V q, V delta)
{
    const V off = v_sub(x, q);
    switch (kind) {
    case CVK_LOSS_SIGMOID_CROSS_ENTROPY: return v_sub(v_sigmoid(x), q);
    case CVK_LOSS_MSE: return v_add(off, off);
    case CVK_LOSS_L1: return v_sign(off);
    default: return v_below(delta, v_abs(off), v_copysign(delta, off), off); /* huber */
    }
}

/* What an element's loss or slope is made of: x, its label, and its weight. */
struct operands {
    V x, q, w;
};

SIMD_INLINE struct operands operands_of(const struct simd_loss_elements *e, const uint32_t kind, uint64_t i, uint32_t lanes)
{
    struct operands o = {v_load_lanes(e->x + i, lanes), v_load_lanes(e->q + i, lanes), v_zero()};
    if (kind == CVK_LOSS_SIGMOID_CROSS_ENTROPY) { /* the others have neither smoothing nor weights */
        o.q = v_fma(v_set1(e->keep), o.q, v_set1(e->floor));
        o.w = e->w_step ? v_load_lanes(e->w + i, lanes) : v_set1(*e->w);
    }
    return o;
}

SIMD_INLINE V weighted(const struct simd_loss_elements *e, const uint32_t kind, uint64_t i, uint32_t lanes, const int slope)
{
    const struct operands o = operands_of(e, kind, i, lanes);
    const V value = slope ? slope_of(kind, o.x, o.q, v_set1(e->delta)) : loss_of(kind, o.x, o.q, v_set1(e->delta));
    return kind == CVK_LOSS_SIGMOID_CROSS_ENTROPY ? v_mul(o.w, value) : value;
}

SIMD_INLINE double elements_of(const struct simd_loss_elements *e, const uint32_t kind, float *y)
{
    V sum[2] = {v_zero(), v_zero()};
    double rest = 0;
    uint64_t i = 0;
    for (; i + 2 * V_LEN <= e->n; i += 2 * V_LEN)
#pragma GCC unroll 2
        for (uint32_t k = 0; k < 2; k++) {
            const V loss = weighted(e, kind, i + k * V_LEN, V_LEN, 0);
            sum[k] = v_add(sum[k], loss);
            if (y)
                v_store(y + i + k * V_LEN, loss);
        }
    for (; i < e->n; i += V_LEN) {
        const uint32_t lanes = e->n - i < V_LEN ? (uint32_t)(e->n - i) : V_LEN;
        const V loss = weighted(e, kind, i, lanes, 0);
        rest += sum_lanes(loss, lanes);
        if (y)
            v_store_lanes(y + i, loss, lanes);
    }
    return sum_lanes(v_add(sum[0], sum[1]), V_LEN) + rest;
}

SIMD_INLINE void backward_of(const struct simd_loss_elements *e, const uint32_t kind, float *dx)
{
    const V factor = v_set1(e->factor);
    for (uint64_t i = 0; i < e->n; i += V_LEN) {
        const uint32_t lanes = e->n - i < V_LEN ? (uint32_t)(e->n - i) : V_LEN;
        const V dy = e->dy_step ? v_load_lanes(e->dy + i, lanes) : v_set1(*e->dy);
        v_store_lanes(dx + i, v_mul(v_mul(dy, factor), weighted(e, kind, i, lanes, 1)), lanes);
    }
}

static double elements(const struct simd_loss_elements *e, float *y)
{
    switch (e->kind) {
    case CVK_LOSS_SIGMOID_CROSS_ENTROPY: return elements_of(e, CVK_LOSS_SIGMOID_CROSS_ENTROPY, y);
    case CVK_LOSS_MSE: return elements_of(e, CVK_LOSS_MSE, y);
    case CVK_LOSS_L1: return elements_of(e, CVK_LOSS_L1, y);
    default: return elements_of(e, CVK_LOSS_HUBER, y);
    }
}

static void elements_backward(const struct simd_loss_elements *e, float *dx)
{
    switch (e->kind) {
    case CVK_LOSS_SIGMOID_CROSS_ENTROPY: backward_of(e, CVK_LOSS_SIGMOID_CROSS_ENTROPY, dx); break;
    case CVK_LOSS_MSE: backward_of(e, CVK_LOSS_MSE, dx); break;
    case CVK_LOSS_L1: backward_of(e, CVK_LOSS_L1, dx); break;
    default: backward_of(e, CVK_LOSS_HUBER, dx);
    }
}

const struct simd_loss_fns SIMD_FN(simd_loss_fns) = {.labels = labels,
                                                     .log_likelihood = log_likelihood,
                                                     .softmax_backward = softmax_backward,
                                                     .elements = elements,
                                                     .elements_backward = elements_backward};

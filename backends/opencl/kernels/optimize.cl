/* SPDX-License-Identifier: MIT
 * One step of an optimiser on flat elements: KIND as in op/optimize.h, -DMOMENTUM with a nonzero one. Results may lie in the
 * memory of what they replace: an element's are made of that element alone. */
#ifdef WIDE
#define V float16
#else
#define V R
#endif

/* The same for all elements; S: float, or double with elements of that type. log1 and log2 are the logarithms of the betas. */
struct rates {
    S momentum, dampening, beta1, rest1, log1, beta2, rest2, log2, epsilon, l1, l2, decay, lr_decay, keep;
    S rate, t, factor, step;
};

struct element {
    V w, s0, s1;
};

inline struct element update(struct element v, V dw, struct rates r)
{
    V g = dw * r.factor + v.w * r.l2 + (v.w > 0 ? (V)r.l1 : v.w < 0 ? (V)-r.l1 : v.w * r.l1);
#if KIND == 0
#ifdef MOMENTUM
    v.s0 = v.s0 * r.momentum + g * r.dampening;
#ifdef NESTEROV
    g += v.s0 * r.momentum;
#else
    g = v.s0;
#endif
#endif
    v.w -= g * r.rate;
#elif KIND == 1 || KIND == 2
    v.s0 = v.s0 * r.beta1 + g * r.rest1;
    v.s1 = v.s1 * r.beta2 + g * g * r.rest2;
    v.w = ((v.w - v.w * r.decay) - v.s0 * r.step / (sqrt(v.s1) + r.epsilon)) * r.keep;
#elif KIND == 3
    v.s0 = v.s0 * r.beta2 + g * g * r.rest2;
    g = g / (sqrt(v.s0) + r.epsilon);
#ifdef MOMENTUM
    v.s1 = v.s1 * r.momentum + g;
    g = v.s1;
#endif
    v.w -= g * r.rate;
#else
    v.s0 += g * g;
    v.w -= g * r.step / (sqrt(v.s0) + r.epsilon);
#endif
    return v;
}

/* What follows from the step count. 1 - beta^t as expm1, which cancels nothing. */
inline struct rates rates_now(struct rates r, float rate, float t, float factor)
{
    r.rate = rate;
    r.t = t;
    r.factor = factor;
    r.dampening = t > 0 ? r.dampening : 1;
    r.decay *= r.rate;
    r.step = r.rate;
#if KIND == 1 || KIND == 2
    if (t > 0)
        r.step = r.rate * sqrt(-expm1(r.t * r.log2)) / -expm1(r.t * r.log1);
#elif KIND == 4
    r.step = r.rate / (1 + r.t * r.lr_decay);
#endif
    return r;
}

#ifdef WIDE
#define GET(p, i) (left >= 16 ? LOAD16(p, i) : load_some16(p, i, left))
#define PUT(p, i, v)                                                                                                           \
    if (left >= 16) {                                                                                                          \
        STORE16(p, i, v);                                                                                                      \
    } else {                                                                                                                   \
        store_some16(p, i, v, left);                                                                                           \
    }
#define GROUP 1
#define STEP 16
#else
#define GET(p, i) LOAD(DX, p, i)
#define PUT(p, i, v) STORE(DX, p, i, v);
#define GROUP 64
#define STEP 1
#endif

KERNEL_OF(GROUP)
optimize(SHARED_BUFFER(const T(DX), w), SHARED_BUFFER(const T(DX), dw), SHARED_BUFFER(const float, hyper),
         SHARED_BUFFER(const T(DX), s0), SHARED_BUFFER(const T(DX), s1), SHARED_BUFFER(const float, factor),
         SHARED_BUFFER(T(DX), new_w), SHARED_BUFFER(T(DX), new_s0), SHARED_BUFFER(T(DX), new_s1), int count, int piece,
         S momentum, S dampening, S beta1, S rest1, S log1, S beta2, S rest2, S log2, S epsilon, S l1, S l2, S decay,
         S lr_decay, S keep)
{
    struct rates r = {momentum, dampening, beta1, rest1,    log1, beta2, rest2, log2, epsilon,
                      l1,       l2,        decay, lr_decay, keep, 0,     0,     0,    0};
    __global const float *hyper = CONST_AT(float, hyper);
    r = rates_now(r, hyper[0], hyper[1], factor_base ? CONST_AT(float, factor)[0] : 1);
    int begin = get_global_id(0) * piece, end = min(begin + piece, count);
    for (int i = begin; i < end; i += STEP) {
#ifdef WIDE
        int left = end - i;
#endif
        struct element v = {GET(CONST_AT(T(DX), w), i), 0, 0};
#if STATES > 0
        v.s0 = GET(CONST_AT(T(DX), s0), i);
#endif
#if STATES > 1
        v.s1 = GET(CONST_AT(T(DX), s1), i);
#endif
        v = update(v, GET(CONST_AT(T(DX), dw), i), r);
        PUT(AT(T(DX), new_w), i, v.w)
#if STATES > 0
        PUT(AT(T(DX), new_s0), i, v.s0)
#endif
#if STATES > 1
        PUT(AT(T(DX), new_s1), i, v.s1)
#endif
    }
}

/* SPDX-License-Identifier: MIT
 * loss (op/loss.h) and its gradient: KIND 0 softmax cross-entropy, 1 sigmoid cross-entropy, 2 squared, 3 absolute, 4 Huber.
 * LANES positions or elements are worked out together; a sum goes over `parts`, pairs of a loss and a weight, always in the
 * same order. */
#if LANES == 16
typedef float16 V;
typedef int16 I;
#define COUNTING LANES16
#else
typedef R V;
typedef int I;
#define COUNTING 0
#endif
typedef union {
    V all;
    R one[LANES];
} lanes;
typedef union {
    I all;
    int one[LANES];
} places;

/* Positions of softmax cross-entropy: class c of one is at place + c * pixels. `items`: positions, or elements. */
struct sizes {
    int items, classes, pixels, span, parts, mean, each, ignores, id;
};

inline V gather(__global const T(DX) *p, const places *at)
{
    lanes v;
    for (int k = 0; k < LANES; k++)
        v.one[k] = LOAD(DX, p, at->one[k]);
    return v.all;
}

/* A sum with what its roundings lost beside it. */
struct sum {
    R total, lost;
};

inline struct sum sum_add(struct sum s, R v)
{
    R next = s.total + v, back = next - s.total;
    s.lost += (s.total - (next - back)) + (v - back);
    s.total = next;
    return s;
}

inline R sum_end(struct sum s)
{
    return isfinite(s.total) ? s.total + s.lost : s.total;
}

/* What a lane adds: `count` of them are real. */
inline struct sum sum_lanes(struct sum s, V v, int count)
{
    lanes u;
    u.all = v;
    for (int k = 0; k < LANES; k++)
        if (k < count)
            s = sum_add(s, u.one[k]);
    return s;
}

#ifdef INDEXED
#include "indices.cl"

/* The class of each lane, 0 where there is none; its weight, 0 where ignored, NaN where the class is none. */
struct classes {
    places class;
    lanes weight, counts; /* counts: 0 where ignored */
};

inline struct classes classes_of(__global const T(DT) *target, __global const T(DX) *w, int first, struct sizes s,
                                 long ignored, __global volatile int *fault)
{
    struct classes c;
    for (int k = 0; k < LANES; k++) {
        long t = LOAD(DT, target, min(first + k, s.items - 1));
        bool none = s.ignores && t == ignored, bad = !none && (t < 0 || t >= s.classes);
        if (bad && first + k < s.items)
            tell(fault, s.id, first + k, t);
        c.class.one[k] = none || bad ? 0 : (int)t;
        c.counts.one[k] = none ? 0 : 1;
#ifdef WEIGHTS
        c.weight.one[k] = none ? 0 : bad ? (R)NAN : (R)LOAD(DX, w, c.class.one[k]);
#else
        c.weight.one[k] = none ? 0 : bad ? (R)NAN : (R)1;
#endif
    }
    return c;
}

#define TARGET T(DT)
#else
#define TARGET T(DX)
#endif

#if KIND == 0
/* Places of class 0 of LANES positions; behind the last one its own again. */
inline places places_of(int first, struct sizes s)
{
    places at;
    for (int k = 0; k < LANES; k++) {
        int position = min(first + k, s.items - 1);
        at.one[k] = position / s.pixels * s.classes * s.pixels + position % s.pixels;
    }
    return at;
}

struct softmax {
    V top, sum;
};

inline struct softmax softmax_of(__global const T(DX) *x, places at, struct sizes s)
{
    struct softmax m = {gather(x, &at), 0};
    places from = at;
    for (int c = 1; c < s.classes; c++) {
        from.all += s.pixels;
        V v = gather(x, &from);
        m.top = v > m.top ? v : m.top;
    }
    from.all = at.all; /* at stays as it is: some compilers hand over the caller's own */
    for (int c = 0; c < s.classes; c += 32) { /* sums of sums round less */
        V part = 0;
        int end = min(c + 32, s.classes);
        for (int k = c; k < end; k++, from.all += s.pixels)
            part += exp(gather(x, &from) - m.top);
        m.sum += part;
    }
    return m;
}

#ifdef WEIGHTS
#define WEIGHT(c) ((R)LOAD(DX, w, c))
#else
#define WEIGHT(c) ((R)1)
#endif
/* What class c weighs in each lane: weight times label. */
#ifdef INDEXED
#define FACTOR(c) (WEIGHT(c) * ((classes.class.all == (I)(c) ? (V)keep : (V)0) + low))
#else
#define FACTOR(c) (WEIGHT(c) * (gather(target, &at) * keep + low))
#endif

#ifdef ONLY_loss_positions
/* Losses of span positions, a multiple of LANES, and their sum. */
KERNEL_OF(GROUP)
loss_positions(CONST_BUFFER(T(DX), x), CONST_BUFFER(TARGET, target), CONST_BUFFER(T(DX), w), BUFFER(T(DX), y), BUFFER(R, parts),
               BUFFER(volatile int, fault), struct sizes s, long ignored, R keep, R low)
{
    int item = get_global_id(0), begin = item * s.span, end = min(begin + s.span, s.items);
    __global const T(DX) *x = CONST_AT(T(DX), x), *w = CONST_AT(T(DX), w);
    __global const TARGET *target = CONST_AT(TARGET, target);
    struct sum loss = {0, 0}, weight = {0, 0};
    for (int first = begin; first < end; first += LANES) {
        places at = places_of(first, s);
        struct softmax m = softmax_of(x, at, s);
        V log_sum = log(m.sum), v = 0;
#ifdef INDEXED
        struct classes classes = classes_of(target, w, first, s, ignored, AT(volatile int, fault));
#endif
        for (int c = 0; c < s.classes; c += 32) {
            V part = 0;
            int end_c = min(c + 32, s.classes);
            for (int k = c; k < end_c; k++, at.all += s.pixels) {
                V factor = FACTOR(k), log_p = gather(x, &at) - m.top - log_sum;
                part += factor != 0 || log_p != (V)-INFINITY ? factor * log_p : (V)0; /* impossible, and nobody asks for it */
            }
            v -= part;
        }
#ifdef INDEXED
        v = classes.counts.all == 0 ? (V)0 : classes.weight.all != classes.weight.all ? classes.weight.all : v;
        weight = sum_lanes(weight, classes.weight.all, end - first);
#endif
        loss = sum_lanes(loss, v, end - first);
        if (s.each) {
            lanes u;
            u.all = v;
            for (int k = 0; k < min(LANES, end - first); k++)
                STORE(DX, AT(T(DX), y), first + k, u.one[k]);
        }
    }
    if (!s.each && begin < s.items) {
        AT(R, parts)[2 * item] = sum_end(loss);
        AT(R, parts)[2 * item + 1] = sum_end(weight);
    }
}
#endif

#ifdef ONLY_loss_weights
/* Sums of the weights of span positions, for the mean's gradient. */
KERNEL_OF(GROUP)
loss_weights(CONST_BUFFER(TARGET, target), CONST_BUFFER(T(DX), w), BUFFER(R, parts), BUFFER(volatile int, fault),
             struct sizes s, long ignored)
{
    int item = get_global_id(0), begin = item * s.span, end = min(begin + s.span, s.items);
    struct sum weight = {0, 0};
    for (int first = begin; first < end; first += LANES)
        weight = sum_lanes(
            weight,
            classes_of(CONST_AT(T(DT), target), CONST_AT(T(DX), w), first, s, ignored, AT(volatile int, fault)).weight.all,
            end - first);
    if (begin < s.items)
        AT(R, parts)[item] = sum_end(weight);
}
#endif

#ifdef ONLY_loss_positions_backward
/* With f = weight * label: dx = factor * (p * sum(f) - f). */
KERNEL_OF(GROUP)
loss_positions_backward(CONST_BUFFER(T(DX), dy), CONST_BUFFER(T(DX), x), CONST_BUFFER(TARGET, target), CONST_BUFFER(T(DX), w),
                        BUFFER(T(DX), dx), CONST_BUFFER(R, parts), BUFFER(volatile int, fault), struct sizes s, long ignored,
                        R keep, R low)
{
    int begin = get_global_id(0) * s.span, end = min(begin + s.span, s.items);
    __global const T(DX) *x = CONST_AT(T(DX), x), *w = CONST_AT(T(DX), w);
    __global const TARGET *target = CONST_AT(TARGET, target);
    __global T(DX) *dx = AT(T(DX), dx);
    R divisor = s.mean ? (R)s.items : (R)1;
#ifdef INDEXED
    if (s.mean) {
        struct sum weights = {0, 0};
        for (int k = 0; k < s.parts; k++)
            weights = sum_add(weights, CONST_AT(R, parts)[k]);
        divisor = sum_end(weights);
    }
#endif
    for (int first = begin; first < end; first += LANES) {
        places start = places_of(first, s), at = start;
        struct softmax m = softmax_of(x, start, s);
        V total = 0, factor;
#ifdef INDEXED
        struct classes classes = classes_of(target, w, first, s, ignored, AT(volatile int, fault));
#endif
        if (s.each) {
            places dy_at;
            dy_at.all = min((I)(s.items - 1), first + COUNTING);
            factor = gather(CONST_AT(T(DX), dy), &dy_at);
        } else {
            factor = (R)LOAD(DX, CONST_AT(T(DX), dy), 0) / divisor;
        }
        for (int c = 0; c < s.classes; c++, at.all += s.pixels)
            total += FACTOR(c);
        at = start;
        V inverse = 1 / m.sum;
        for (int c = 0; c < s.classes; c++, at.all += s.pixels) {
            lanes v;
            v.all = factor * (exp(gather(x, &at) - m.top) * inverse * total - FACTOR(c));
#ifdef INDEXED
            v.all = classes.counts.all == 0 ? (V)0 : classes.weight.all != classes.weight.all ? classes.weight.all : v.all;
#endif
            for (int k = 0; k < min(LANES, end - first); k++)
                STORE(DX, dx, at.one[k], v.one[k]);
        }
    }
}
#endif
#else

/* ---- elements ---------------------------------------------------------------------------------------------------- */

/* The loss of LANES elements, or its derivative in x. */
inline V element(V x, V q, V w, R keep, R low, R delta, bool derivative)
{
    V off = x - q, size = fabs(off);
#if KIND == 1
    V e = exp(-fabs(x)), label = q * keep + low;
    return derivative ? w * ((x >= 0 ? 1 / (1 + e) : e / (1 + e)) - label)
                      : w * (x != x ? x : (x > 0 ? x : (V)0) + log1p(e) - x * label);
#elif KIND == 2
    return derivative ? 2 * off : off * off;
#elif KIND == 3
    return !derivative ? size : off > 0 ? (V)1 : off < 0 ? (V)-1 : off;
#else
    return derivative ? (size > (V)delta ? (off > 0 ? (V)delta : (V)-delta) : off)
                      : (size > (V)delta ? delta * (size - delta / 2) : off * off / 2);
#endif
}

#ifdef ONLY_loss_elements_backward
#define DERIVATIVE true
KERNEL_OF(GROUP)
loss_elements_backward(CONST_BUFFER(T(DX), dy), CONST_BUFFER(T(DX), x), CONST_BUFFER(TARGET, target), CONST_BUFFER(T(DX), w),
                       BUFFER(T(DX), y), struct sizes s, R keep, R low, R delta)
#else
#define DERIVATIVE false
KERNEL_OF(GROUP)
loss_elements(CONST_BUFFER(T(DX), x), CONST_BUFFER(TARGET, target), CONST_BUFFER(T(DX), w), BUFFER(T(DX), y), BUFFER(R, parts),
              struct sizes s, R keep, R low, R delta)
#endif
{
    int item = get_global_id(0), begin = item * s.span, end = min(begin + s.span, s.items);
    struct sum loss = {0, 0};
    for (int first = begin; first < end; first += LANES) {
        places at;
        lanes v;
        V w = 1;
        at.all = min((I)(s.items - 1), first + COUNTING);
#ifdef WEIGHTS
        places channel;
        channel.all = at.all / s.pixels % s.classes;
        w = gather(CONST_AT(T(DX), w), &channel);
#endif
        v.all = element(gather(CONST_AT(T(DX), x), &at), gather(CONST_AT(T(DX), target), &at), w, keep, low, delta, DERIVATIVE);
#ifdef ONLY_loss_elements_backward
        if (s.each)
            v.all *= gather(CONST_AT(T(DX), dy), &at);
        else
            v.all *= (R)LOAD(DX, CONST_AT(T(DX), dy), 0) / (s.mean ? (R)s.items : (R)1);
#else
        loss = sum_lanes(loss, v.all, end - first);
        if (!s.each)
            continue;
#endif
        for (int k = 0; k < min(LANES, end - first); k++)
            STORE(DX, AT(T(DX), y), first + k, v.one[k]);
    }
#ifndef ONLY_loss_elements_backward
    if (!s.each && begin < s.items)
        AT(R, parts)[2 * item] = sum_end(loss);
#endif
}
#endif

#ifndef BACKWARD
/* All parts in their order: the loss, divided by the weights or the number of items. */
KERNEL_OF(GROUP) loss_sum(CONST_BUFFER(R, parts), BUFFER(T(DX), y), struct sizes s)
{
    if (get_global_id(0) > 0)
        return;
    struct sum loss = {0, 0}, weight = {0, 0};
    for (int k = 0; k < s.parts; k++) {
        loss = sum_add(loss, CONST_AT(R, parts)[2 * k]);
#ifdef INDEXED
        weight = sum_add(weight, CONST_AT(R, parts)[2 * k + 1]);
#endif
    }
    R divisor = (R)s.items;
#ifdef INDEXED
    divisor = sum_end(weight);
#endif
    STORE(DX, AT(T(DX), y), 0, s.mean ? sum_end(loss) / divisor : sum_end(loss));
}
#endif

/* SPDX-License-Identifier: MIT
 * The gradients of gather and topk: dx is zero, then dy is added where it came from, in the order of the indices. With -DROUNDS
 * the sums are kept apart from dx, whose type would lose what is small. */
#include "indices.cl"

/* dx is `lines` with `places` each; `count` indices, or tuples of them, belong to a line. Slices: a line is some lanes of an
 * outer number. Elements: it has its own indices, `line` tells where; beyond `limit` there are none. */
struct scatter {
    int id, wide, elements, lines, places, count, dx_step, dy_step, buckets, bucket;
    int slice, lanes, groups, outer_indices, tuple, rank;
    int dim[8], stride[8], line[8], line_dx[8], line_dy[8], limit[8];
};

/* Which place of the line index j names; -1: none, which is told. */
inline int place_of(__global const int *indices, struct scatter s, int at, __global volatile int *fault)
{
    int place = 0;
    bool wrong = false;
#define STEP(k)                                                                                                                \
    {                                                                                                                          \
        const long index = index_at(indices, s.wide, at), n = s.dim[k];                                                        \
        if (index < -n || index >= n) {                                                                                        \
            wrong = true;                                                                                                      \
            tell(fault, s.id, at, index);                                                                                      \
        } else {                                                                                                               \
            place += (int)(index < 0 ? index + n : index) * s.stride[k];                                                       \
        }                                                                                                                      \
        at++;                                                                                                                  \
    }
    EACH_AXIS(s.tuple, STEP)
#undef STEP
    return wrong ? -1 : place;
}

/* An item has the places of a bucket in a line. */
KERNEL_OF(64)
gather_backward(CONST_BUFFER(T(DX), dy), CONST_BUFFER(int, indices), BUFFER(T(DX), dx), BUFFER(R, sums),
                BUFFER(volatile int, fault), struct scatter s)
{
    int item = get_global_id(0), line = item / s.buckets, rest = line, lanes = 1, count = s.count;
    int first = item % s.buckets * s.bucket, last = min(first + s.bucket, s.places), dx_at = 0, dy_at = 0, indices_at = 0;
    if (line >= s.lines)
        return;
    if (s.elements) {
#define STEP(k)                                                                                                                \
    dx_at += rest % s.line[k] * s.line_dx[k];                                                                                  \
    dy_at += rest % s.line[k] * s.line_dy[k];                                                                                  \
    count = rest % s.line[k] < s.limit[k] ? count : 0;                                                                         \
    rest /= s.line[k];
        EACH_AXIS(s.rank, STEP)
#undef STEP
        indices_at = dy_at;
    } else {
        int outer = line / s.groups, lane = line % s.groups * s.lanes;
        lanes = min(s.lanes, s.slice - lane);
        dx_at = outer * s.places * s.slice + lane;
        dy_at = outer * count * s.slice + lane;
        indices_at = outer * s.outer_indices;
    }
#ifdef ROUNDS
    __global R *sums = AT(R, sums) + dx_at;
#else
    __global R *sums = AT(R, dx) + dx_at;
#endif
    for (int p = first; p < last; p++)
        for (int k = 0; k < lanes; k++)
            sums[p * s.dx_step + k] = 0;
    for (int j = 0; j < count; j++) {
        int at = indices_at + j * (s.elements ? s.dy_step : s.tuple);
        int p = place_of(CONST_AT(int, indices), s, at, AT(volatile int, fault));
        if (p >= first && p < last)
            for (int k = 0; k < lanes; k++)
                sums[p * s.dx_step + k] += LOAD(DX, CONST_AT(T(DX), dy), dy_at + j * s.dy_step + k);
    }
#ifdef ROUNDS
    for (int p = first; p < last; p++)
        for (int k = 0; k < lanes; k++)
            STORE(DX, AT(T(DX), dx), dx_at + p * s.dx_step + k, sums[p * s.dx_step + k]);
#endif
}

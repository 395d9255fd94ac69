/* SPDX-License-Identifier: MIT
 * Elements moved without being looked at. W is a word of one or several of them; GROUP is the size of a work-group: 1 for CPU
 * devices, where an item moves long runs, else every item moves one word. */

/* `rows` rows of `width` words, cut into items: `span` words of a row, or row_step whole rows. */
struct work { int rows, width, pieces, span, row_step; };

#define ITEM_ROWS(w)                                                                                                     \
    const int item_ = get_global_id(0), begin = item_ % (w).pieces * (w).span, end = min(begin + (w).span, (w).width),  \
              first_row = item_ / (w).pieces * (w).row_step, last_row = min(first_row + (w).row_step, (w).rows)
#define KERNEL __kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void

#define MAX_AXES 16

/* ---- strided copies ---- */

/* The axes of the rows, and the strides of a row's words. */
struct strided { int rank, x_first, y_first, x_run, y_run, dim[MAX_AXES], x[MAX_AXES], y[MAX_AXES]; };

KERNEL strided(CONST_BUFFER(W, x), BUFFER(W, y), struct work w, struct strided s)
{
    ITEM_ROWS(w);
    for (int row = first_row; row < last_row; row++) {
        int rest = row, from = s.x_first, to = s.y_first;
#define STEP(a) from += rest % s.dim[a] * s.x[a]; to += rest % s.dim[a] * s.y[a]; rest /= s.dim[a];
        EACH_AXIS_OF_16(s.rank, STEP)
#undef STEP
        __global const W *in = CONST_AT(W, x) + from;
        __global W *out = AT(W, y) + to;
        if (s.x_run == 1 && s.y_run == 1)
            for (int i = begin; i < end; i++)
                out[i] = in[i];
        else
            for (int i = begin; i < end; i++)
                out[i * s.y_run] = in[i * s.x_run];
    }
}

/* ---- pad ---- */

/* Of y's last axis, then of the axes of the rows: sizes of y; how much lies before what is kept of x; what is cut off x; how
 * much is kept; strides of x. */
struct pad { int rank, mode, before_run, cut_run, kept_run, dim[8], before[8], cut[8], kept[8], stride[8]; };

/* Which of m kept places stands at place i before, in or behind them; -1: the constant. */
inline int pad_source(int mode, int i, int m)
{
    if (i >= 0 && i < m)
        return i;
    if (mode == 0)
        return -1;
    if (mode == 2 || m == 1)
        return i < 0 || m == 1 ? 0 : m - 1;
    long period = mode == 3 ? m : 2 * ((long)m - 1), at = i % period;
    at += at < 0 ? period : 0;
    return (int)(at < m ? at : period - at);
}

KERNEL pad(CONST_BUFFER(W, x), BUFFER(W, y), ulong value, struct work w, struct pad p)
{
    ITEM_ROWS(w);
    const int kept_begin = clamp(p.before_run, begin, end), kept_end = clamp(p.before_run + p.kept_run, kept_begin, end);
    for (int row = first_row; row < last_row; row++) {
        int rest = row, from = p.cut_run, source;
        bool constant_row = false;
#define STEP(a)                                                                    \
    source = pad_source(p.mode, rest % p.dim[a] - p.before[a], p.kept[a]);         \
    rest /= p.dim[a];                                                              \
    constant_row = constant_row || source < 0;                                     \
    from += (source + p.cut[a]) * p.stride[a];
        EACH_AXIS(p.rank, STEP)
#undef STEP
        __global W *out = AT(W, y) + row * w.width;
        if (constant_row) {
            for (int i = begin; i < end; i++)
                out[i] = (W)value;
            continue;
        }
        __global const W *in = CONST_AT(W, x) + from;
        for (int i = kept_begin; i < kept_end; i++)
            out[i] = in[i - p.before_run];
        /* What lies before and behind. */
        for (int i = begin == kept_begin ? kept_end : begin; i < end; i = i + 1 == kept_begin ? kept_end : i + 1) {
            source = pad_source(p.mode, i - p.before_run, p.kept_run);
            out[i] = source < 0 ? (W)value : in[source];
        }
    }
}

/* ---- where ---- */

/* The axes of the rows with each operand's strides, 0 where it repeats, and the strides within a row. */
struct where { int rank, c_run, a_run, b_run, dim[8], c[8], a[8], b[8]; };

KERNEL where(CONST_BUFFER(uchar, c), CONST_BUFFER(W, a), CONST_BUFFER(W, b), BUFFER(W, y), struct work w, struct where s)
{
    ITEM_ROWS(w);
    for (int row = first_row; row < last_row; row++) {
        int rest = row, c_at = 0, a_at = 0, b_at = 0;
#define STEP(k)                      \
    c_at += rest % s.dim[k] * s.c[k]; \
    a_at += rest % s.dim[k] * s.a[k]; \
    b_at += rest % s.dim[k] * s.b[k]; \
    rest /= s.dim[k];
        EACH_AXIS(s.rank, STEP)
#undef STEP
        __global W *out = AT(W, y) + row * w.width;
        for (int i = begin; i < end; i++)
            out[i] = CONST_AT(uchar, c)[c_at + i * s.c_run] ? CONST_AT(W, a)[a_at + i * s.a_run]
                                                            : CONST_AT(W, b)[b_at + i * s.b_run];
    }
}

/* ---- gather ---- */

#include "indices.cl"

/* Row t of y is the slice of x that tuple t % tuples names, in batch t / per_batch. The last number of a tuple addresses axis
 * 0 here, in whose slices the strides count. */
struct slices { int id, wide, tuples, per_batch, tuple, batch_stride, dim[8], stride[8]; };

KERNEL gather_slices(CONST_BUFFER(W, x), CONST_BUFFER(int, indices), BUFFER(W, y), BUFFER(volatile int, fault),
                     struct work w, struct slices s)
{
    ITEM_ROWS(w);
    for (int row = first_row; row < last_row; row++) {
        int from = row / s.per_batch * s.batch_stride, place = row % s.tuples * s.tuple;
        bool wrong = false;
#define STEP(k)                                                                                        \
    {                                                                                                  \
        const long index = index_at(CONST_AT(int, indices), s.wide, place), n = s.dim[k];              \
        if (index < -n || index >= n) {                                                                \
            wrong = true;                                                                              \
            if (begin == 0)                                                                            \
                tell(AT(volatile int, fault), s.id, place, index);                                     \
        } else {                                                                                       \
            from += (int)(index < 0 ? index + n : index) * s.stride[k];                                \
        }                                                                                              \
        place++;                                                                                       \
    }
        EACH_AXIS(s.tuple, STEP)
#undef STEP
        __global const W *in = CONST_AT(W, x) + from * w.width;
        __global W *out = AT(W, y) + row * w.width;
        for (int i = begin; i < end; i++)
            out[i] = wrong ? (W)0 : in[i];
    }
}

/* The axes of the rows with x's strides, the strides within a row; places on the axis that the indices address, their
 * distance. */
struct elements { int id, wide, rank, x_run, axis_dim, axis_stride, dim[8], x[8]; };

KERNEL gather_elements(CONST_BUFFER(W, x), CONST_BUFFER(int, indices), BUFFER(W, y), BUFFER(volatile int, fault),
                       struct work w, struct elements s)
{
    ITEM_ROWS(w);
    for (int row = first_row; row < last_row; row++) {
        int rest = row, from = 0;
#define STEP(k) from += rest % s.dim[k] * s.x[k]; rest /= s.dim[k];
        EACH_AXIS(s.rank, STEP)
#undef STEP
        for (int i = begin; i < end; i++) {
            int at = row * w.width + i;
            long index = index_at(CONST_AT(int, indices), s.wide, at), n = s.axis_dim;
            bool wrong = index < -n || index >= n;
            if (wrong)
                tell(AT(volatile int, fault), s.id, at, index);
            const int along = wrong ? 0 : (int)(index < 0 ? index + n : index);
            AT(W, y)[at] = wrong ? (W)0 : CONST_AT(W, x)[from + i * s.x_run + along * s.axis_stride];
        }
    }
}

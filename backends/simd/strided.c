/* SPDX-License-Identifier: MIT
 * strided.h: axes that lie one behind the other in both views are joined first; then runs are copied whole, planes whose rows
 * are columns on the other side are transposed in registers, and what is left goes element by element. */
#include "strided.h"

#include "isa/move.h"

#define PIECE_BYTES 16384 /* of a long run: what one item of parallel work copies */
#define PIECE_COLUMNS 16  /* of a transposed plane: a cache line of x */

uint32_t simd_dtype_bytes(uint32_t dtype)
{
    switch (dtype) {
    case CVK_F64:
    case CVK_I64:
    case CVK_U64:
        return 8;
    case CVK_F32:
    case CVK_I32:
    case CVK_U32:
        return 4;
    case CVK_F16:
    case CVK_BF16:
    case CVK_I16:
    case CVK_U16:
        return 2;
    default:
        return 1;
    }
}

void simd_strided_add(struct simd_strided *s, uint64_t dim, int64_t x_stride, int64_t y_stride)
{
    s->dims[s->rank] = dim;
    s->x_stride[s->rank] = x_stride;
    s->y_stride[s->rank++] = y_stride;
}

uint32_t simd_memory_axes(const struct cvk_tensor_desc *d, uint64_t dims[SIMD_MAX_AXES], int64_t strides[SIMD_MAX_AXES])
{
    uint32_t rank = d->rank;
    for (uint32_t i = 0; i < rank; i++)
        dims[i] = (uint64_t)d->dims[i];
    if (d->layout != CVK_LAYOUT_PLAIN) {
        uint64_t block = d->layout == CVK_LAYOUT_NC16 ? 16 : d->layout == CVK_LAYOUT_NC8 ? 8 : 4;
        dims[1] = simd_ceil_div(dims[1], block);
        dims[rank++] = block;
    }
    uint64_t step = 1;
    for (uint32_t i = rank; i-- > 0;) {
        strides[i] = (int64_t)step;
        step *= dims[i];
    }
    return rank;
}

/* Drops axes of one element and joins neighbours that are one axis in both views. */
static void join_axes(struct simd_strided *s)
{
    uint32_t rank = s->rank;
    s->rank = 0;
    for (uint32_t i = 0; i < rank; i++) {
        if (s->dims[i] == 1)
            continue;
        uint32_t last = s->rank - 1;
        int64_t dim = (int64_t)s->dims[i];
        if (s->rank && s->x_stride[last] == s->x_stride[i] * dim && s->y_stride[last] == s->y_stride[i] * dim) {
            s->dims[last] *= s->dims[i];
            s->x_stride[last] = s->x_stride[i];
            s->y_stride[last] = s->y_stride[i];
        } else {
            simd_strided_add(s, s->dims[i], s->x_stride[i], s->y_stride[i]);
        }
    }
    if (s->rank == 0)
        simd_strided_add(s, 1, 1, 1);
}

struct job {
    struct simd_strided s; /* the axes in front of the ones that a piece covers */
    const struct simd_move_fns *move;
    uint64_t pieces;         /* of one index of those axes */
    uint64_t run, columns;   /* elements of a run; of a plane: rows in `run` */
    int64_t x_row, y_column; /* strides of a plane, of the last axis elsewhere */
    int64_t y_row;
};

/* Where index `i` of the axes in front begins, in elements. */
static void seek(const struct simd_strided *s, uint64_t i, int64_t *x, int64_t *y)
{
    *x = *y = 0;
    for (uint32_t a = s->rank; a-- > 0;) {
        *x += (int64_t)(i % s->dims[a]) * s->x_stride[a];
        *y += (int64_t)(i % s->dims[a]) * s->y_stride[a];
        i /= s->dims[a];
    }
}

/* Short runs: the last axis in front is walked without dividing. */
static void copy_runs(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_strided *s = &j->s;
    uint64_t each = s->rank ? s->dims[s->rank - 1] : 1, bytes = j->run * s->bytes;
    int64_t x_step = s->rank ? s->x_stride[s->rank - 1] * s->bytes : 0,
            y_step = s->rank ? s->y_stride[s->rank - 1] * s->bytes : 0;
    (void)worker;
    while (begin < end) {
        int64_t x, y;
        seek(s, begin, &x, &y);
        const char *from = (const char *)s->x + x * s->bytes;
        char *to = (char *)s->y + y * s->bytes;
        uint64_t left = each - begin % each, count = end - begin < left ? end - begin : left;
        begin += count;
        for (; count > 0; count--, from += x_step, to += y_step)
            memcpy(to, from, bytes);
    }
}

static void copy_long_runs(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        int64_t x, y;
        seek(&j->s, i / j->pieces, &x, &y);
        uint64_t size = j->run * j->s.bytes, first = i % j->pieces * PIECE_BYTES;
        memcpy((char *)j->s.y + (uint64_t)y * j->s.bytes + first, (const char *)j->s.x + (uint64_t)x * j->s.bytes + first,
               size - first < PIECE_BYTES ? size - first : PIECE_BYTES);
    }
}

static void transpose_planes(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        int64_t x, y;
        seek(&j->s, i / j->pieces, &x, &y);
        uint64_t first = i % j->pieces * PIECE_COLUMNS, columns = j->columns - first;
        j->move->transpose((const float *)j->s.x + x + first, (uint64_t)j->x_row, j->run,
                           columns < PIECE_COLUMNS ? columns : PIECE_COLUMNS,
                           (float *)j->s.y + y + (int64_t)first * j->y_column, (uint64_t)j->y_column);
    }
}

static void copy_elements(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint32_t bytes = j->s.bytes;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        int64_t x, y;
        seek(&j->s, i, &x, &y);
        const char *from = (const char *)j->s.x + x * bytes;
        char *to = (char *)j->s.y + y * bytes;
        if (bytes == 4)
            for (uint64_t k = 0; k < j->run; k++, from += j->x_row * 4, to += j->y_row * 4)
                memcpy(to, from, 4);
        else
            for (uint64_t k = 0; k < j->run; k++, from += j->x_row * bytes, to += j->y_row * bytes)
                memcpy(to, from, bytes);
    }
}

static void remove_axis(struct simd_strided *s, uint32_t axis)
{
    s->rank--;
    for (uint32_t i = axis; i < s->rank; i++) {
        s->dims[i] = s->dims[i + 1];
        s->x_stride[i] = s->x_stride[i + 1];
        s->y_stride[i] = s->y_stride[i + 1];
    }
}

void simd_strided_copy(struct cvk_exec *e, struct simd_strided s)
{
    uint64_t bytes = 2 * s.bytes, outer = 1;
    for (uint32_t i = 0; i < s.rank; i++)
        bytes *= s.dims[i];
    if (bytes == 0)
        return;
    join_axes(&s);
    uint32_t last = s.rank - 1, plane = last; /* the axis along which a plane's rows lie in x */
    for (uint32_t i = 0; i < last && s.bytes == sizeof(float) && s.y_stride[last] == 1 && s.x_stride[last] > 1; i++)
        if (s.x_stride[i] == 1 && s.dims[i] >= 4)
            plane = i;
    struct job j = {.move = simd_device_of(e)->isa->move,
                    .pieces = 1,
                    .run = s.dims[last],
                    .x_row = s.x_stride[last],
                    .y_row = s.y_stride[last]};
    bool runs = s.x_stride[last] == 1 && s.y_stride[last] == 1;
    cvk_task_fn fn = copy_elements;
    remove_axis(&s, last);
    if (runs) {
        j.pieces = simd_ceil_div(j.run * s.bytes, PIECE_BYTES);
        fn = j.pieces > 1 ? copy_long_runs : copy_runs;
    } else if (plane != last) {
        j.columns = s.dims[plane];
        j.y_column = s.y_stride[plane];
        j.pieces = simd_ceil_div(j.columns, PIECE_COLUMNS);
        remove_axis(&s, plane);
        fn = transpose_planes;
    }
    for (uint32_t i = 0; i < s.rank; i++)
        outer *= s.dims[i];
    j.s = s;
    simd_parallel_bytes(e, bytes, outer * j.pieces, fn, &j);
}

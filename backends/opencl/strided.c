/* SPDX-License-Identifier: MIT
 * Copies between strided views: neighbouring axes that are one in both views are joined, elements that move together become
 * wider words, and planes whose rows are columns on the other side are turned over in squares; what is left goes word by word.
 * */
#include "kernel_sources.h"
#include "move.h"

#define SQUARE 16
#define CPU_SQUARES 16 /* SPAN of planes.cl */

/* What the kernels take (move.cl, planes.cl). */
struct axes {
    cl_int dim[OCL_MAX_AXES], x[OCL_MAX_AXES], y[OCL_MAX_AXES];
};

struct rows_args {
    cl_int rank, x_first, y_first, x_run, y_run;
    struct axes axes;
};

struct planes_args {
    cl_int rank, x_first, y_first, rows, filled, columns, x_row, y_row, row_tiles, pieces;
    struct axes axes;
};

void ocl_strided_add(struct ocl_strided *s, int64_t dim, int64_t x_stride, int64_t y_stride)
{
    s->dims[s->rank] = dim;
    s->x[s->rank] = x_stride;
    s->y[s->rank++] = y_stride;
}

uint32_t ocl_memory_axes(const struct cvk_tensor_desc *d, int64_t *dims, int64_t *strides)
{
    uint32_t rank = d->rank;
    int64_t block = ocl_layout_block(d->layout), step = 1;
    memcpy(dims, d->dims, rank * sizeof *dims);
    if (block > 1) {
        dims[1] = (dims[1] + block - 1) / block;
        dims[rank++] = block;
    }
    for (uint32_t i = rank; i-- > 0;) {
        strides[i] = step;
        step *= dims[i];
    }
    return rank;
}

/* Drops axes of one element and joins neighbours that are one axis in both views. */
static void join_axes(struct ocl_strided *s)
{
    uint32_t rank = s->rank;
    s->rank = 0;
    for (uint32_t i = 0; i < rank; i++) {
        uint32_t last = s->rank - 1;
        int64_t dim = s->dims[i];
        if (dim == 1)
            continue;
        if (s->rank && s->x[last] == s->x[i] * dim && s->y[last] == s->y[i] * dim) {
            s->dims[last] *= dim;
            s->x[last] = s->x[i];
            s->y[last] = s->y[i];
        } else {
            ocl_strided_add(s, dim, s->x[i], s->y[i]);
        }
    }
    if (s->rank == 0)
        ocl_strided_add(s, 1, 1, 1);
}

static bool halves(const struct ocl_strided *s)
{
    uint32_t last = s->rank - 1;
    bool even = s->x[last] == 1 && s->y[last] == 1 && s->dims[last] % 2 == 0 && s->x_first % 2 == 0 && s->y_first % 2 == 0;
    for (uint32_t i = 0; i < last && even; i++)
        even = s->x[i] % 2 == 0 && s->y[i] % 2 == 0;
    return even;
}

/* Two neighbours become one word as long as all that is moved consists of such pairs. */
static void widen(struct ocl_strided *s, uint32_t max_bytes)
{
    while (s->bytes < max_bytes && halves(s)) {
        uint32_t last = s->rank - 1;
        s->bytes *= 2;
        s->dims[last] /= 2;
        s->x_first /= 2;
        s->y_first /= 2;
        for (uint32_t i = 0; i < last; i++) {
            s->x[i] /= 2;
            s->y[i] /= 2;
        }
    }
    join_axes(s);
}

static void remove_axis(struct ocl_strided *s, uint32_t axis)
{
    s->rank--;
    for (uint32_t i = axis; i < s->rank; i++) {
        s->dims[i] = s->dims[i + 1];
        s->x[i] = s->x[i + 1];
        s->y[i] = s->y[i + 1];
    }
}

static struct axes axes_of(const struct ocl_strided *s)
{
    struct axes a = {{0}, {0}, {0}};
    for (uint32_t i = 0; i < s->rank; i++) {
        a.dim[i] = (cl_int)s->dims[i];
        a.x[i] = (cl_int)s->x[i];
        a.y[i] = (cl_int)s->y[i];
    }
    return a;
}

static uint64_t product(const struct ocl_strided *s)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < s->rank; i++)
        n *= (uint64_t)s->dims[i];
    return n;
}

/* The axis along which x lies word by word where y's last axis strides through x; the last axis if there is none. */
static uint32_t plane_axis(const struct ocl_device *d, const struct ocl_strided *s)
{
    uint32_t last = s->rank - 1, plane = last;
    int64_t least = d->cpu_form ? 4 : SQUARE / 2; /* below it most of a square is empty */
    if (!ocl_turns(d, s->bytes) || s->y[last] != 1 || s->x[last] <= 1 || s->dims[last] < least)
        return last;
    for (uint32_t i = 0; i < last; i++)
        if (s->x[i] == 1 && s->dims[i] >= least)
            plane = i;
    return plane;
}

bool ocl_turns(const struct ocl_device *d, uint32_t bytes)
{
    return bytes <= 4 && (d->cpu_form || d->max_group >= SQUARE * SQUARE);
}

/* The last axis and axis `plane` are turned over; `filled` words of each row of y are written. */
static int32_t planes_call(struct ocl_device *d, struct ocl_call *call, struct ocl_strided *s, uint32_t plane, int64_t filled)
{
    uint32_t last = s->rank - 1;
    struct planes_args p = {.x_first = (cl_int)s->x_first,
                            .y_first = (cl_int)s->y_first,
                            .rows = (cl_int)s->dims[last],
                            .filled = (cl_int)filled,
                            .columns = (cl_int)s->dims[plane],
                            .x_row = (cl_int)s->x[last],
                            .y_row = (cl_int)s->y[plane]};
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_word(options, sizeof options, s->bytes);
    ocl_option_group(d, options, sizeof options);
    remove_axis(s, last);
    remove_axis(s, plane);
    p.rank = (cl_int)s->rank;
    p.axes = axes_of(s);
    p.row_tiles = (p.filled + SQUARE - 1) / SQUARE;
    p.pieces = (cl_int)ocl_ceil_div((uint64_t)p.columns, d->cpu_form ? SQUARE * CPU_SQUARES : SQUARE);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_planes, "planes", options));
    uint64_t items = product(s) * (uint64_t)p.row_tiles * (uint64_t)p.pieces, group = d->cpu_form ? 1 : SQUARE * SQUARE;
    ocl_call_size(call, 1, &items, &group);
    return ocl_arg(d, call, 4, &p, sizeof p);
}

/* On CPU devices an item's inner loop should be long: where the last axis is short, a longer one takes its place. */
static void lengthen_run(const struct ocl_device *d, struct ocl_strided *s)
{
    uint32_t last = s->rank - 1, longest = last;
    for (uint32_t i = 0; i < last; i++)
        longest = s->dims[i] > s->dims[longest] ? i : longest;
    if (!d->cpu_form || s->dims[last] >= 8 || s->dims[longest] < 4 * s->dims[last])
        return;
    int64_t dim = s->dims[longest], x = s->x[longest], y = s->y[longest];
    remove_axis(s, longest);
    ocl_strided_add(s, dim, x, y);
}

static int32_t rows_call(struct ocl_device *d, struct ocl_call *call, struct ocl_strided *s)
{
    lengthen_run(d, s);
    uint32_t last = s->rank - 1;
    uint64_t width = (uint64_t)s->dims[last];
    struct rows_args r = {.x_first = (cl_int)s->x_first,
                          .y_first = (cl_int)s->y_first,
                          .x_run = (cl_int)s->x[last],
                          .y_run = (cl_int)s->y[last]};
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_word(options, sizeof options, s->bytes);
    ocl_option_group(d, options, sizeof options);
    remove_axis(s, last);
    r.rank = (cl_int)s->rank;
    r.axes = axes_of(s);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_move, "strided", options));
    struct ocl_work work = ocl_cut(d, call, product(s), width, s->bytes);
    OCL_TRY(ocl_arg(d, call, 4, &work, sizeof work));
    return ocl_arg(d, call, 5, &r, sizeof r);
}

int32_t ocl_strided_call(struct ocl_device *d, struct ocl_call *call, struct ocl_strided s)
{
    int32_t status;
    join_axes(&s);
    widen(&s, ocl_max_word(d));
    uint32_t plane = plane_axis(d, &s);
    status = plane < s.rank - 1 ? planes_call(d, call, &s, plane, s.dims[s.rank - 1]) : rows_call(d, call, &s);
    if (status != CVK_OK)
        ocl_call_finish(call);
    return status;
}

int32_t ocl_filled_call(struct ocl_device *d, struct ocl_call *call, struct ocl_strided s, int64_t filled)
{
    int32_t status = planes_call(d, call, &s, s.rank - 2, filled);
    if (status != CVK_OK)
        ocl_call_finish(call);
    return status;
}

/* SPDX-License-Identifier: MIT
 * pad, all modes: for each axis a table tells which index of x an index of y takes; a row is a copied run with borders. In
 * blocks rows and columns may grow, not the channels. */
#include <math.h>

#include "strided.h"

#define CONSTANT (-1)

struct job {
    const char *x;
    char *y;
    uint32_t rank, bytes; /* of the pixels: in blocks an element is the channels of one pixel */
    uint64_t dims[SIMD_MAX_AXES];
    int64_t x_stride[SIMD_MAX_AXES]; /* elements */
    const int64_t *source[SIMD_MAX_AXES];
    uint64_t run_begin, run_end; /* of the last axis: indices of y that take neighbours of x */
    const char *value;           /* an element of the constant */
};

/* Which index of x an index of y takes, the places that negative pads cut left out. */
static int64_t source_of(uint32_t mode, int64_t i, int64_t begin, int64_t end, int64_t size)
{
    int64_t cut = begin < 0 ? -begin : 0, kept = size - cut + (end < 0 ? end : 0), at = i - (begin > 0 ? begin : 0);
    if (at >= 0 && at < kept)
        return cut + at;
    if (mode == CVK_PAD_CONSTANT)
        return CONSTANT;
    if (mode == CVK_PAD_EDGE || kept == 1)
        return cut + (at < 0 ? 0 : kept - 1);
    int64_t period = mode == CVK_PAD_WRAP ? kept : 2 * (kept - 1);
    at = (at % period + period) % period;
    return cut + (at < kept ? at : period - at);
}

#define MAX_ELEMENT 64 /* bytes: sixteen channels of four bytes */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_pad_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0], *y = q->node->outputs[0];
    uint64_t indices = 0;
    if (x->rank == 0)
        return cvk_refuse(q, "no axes");
    if (p->mode > CVK_PAD_WRAP)
        return cvk_refuse(q, "mode %u is not known here", p->mode);
    bool zeros = p->mode != CVK_PAD_CONSTANT || (p->value == 0 && !signbit(p->value));
    if (!zeros && x->dtype != CVK_F32)
        return cvk_refuse(q, "a constant other than 0 only in f32");
    if (q->layout_x != CVK_LAYOUT_PLAIN) {
        SIMD_TRY(simd_blocked(q, q->layout_x));
        if (p->begin[1] || p->end[1])
            return cvk_refuse(q, "channels grow in the plain layout only");
        if (simd_dtype_bytes(x->dtype) != sizeof(float))
            return cvk_refuse(q, "blocks only of types of four bytes");
        if (!zeros && x->dims[1] % simd_asked(q)->isa->block)
            return cvk_refuse(q, "the constant %g would go into the padding of a block", p->value);
    }
    for (uint32_t i = 0; i < y->rank; i++)
        indices += (uint64_t)y->dims[i];
    cvk_book(plan, MAX_ELEMENT + indices * sizeof(int64_t));
    return CVK_OK;
}

static void fill(char *to, const struct job *j, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        memcpy(to + i * j->bytes, j->value, j->bytes);
}

static void border(const struct job *j, const char *from, char *to, uint64_t begin, uint64_t end)
{
    const int64_t *source = j->source[j->rank - 1];
    for (uint64_t i = begin; i < end; i++)
        memcpy(to + i * j->bytes, source[i] < 0 ? j->value : from + source[i] * j->bytes, j->bytes);
}

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t width = j->dims[j->rank - 1];
    (void)worker;
    for (uint64_t row = begin; row < end; row++) {
        int64_t from = 0;
        uint64_t rest = row;
        bool constant = false;
        for (uint32_t a = j->rank - 1; a-- > 0; rest /= j->dims[a]) {
            int64_t at = j->source[a][rest % j->dims[a]];
            constant |= at < 0;
            from += at * j->x_stride[a];
        }
        char *to = j->y + row * width * j->bytes;
        if (constant) {
            fill(to, j, width);
            continue;
        }
        const char *x = j->x + from * j->bytes;
        border(j, x, to, 0, j->run_begin);
        if (j->run_end > j->run_begin)
            memcpy(to + j->run_begin * j->bytes, x + j->source[j->rank - 1][j->run_begin] * j->bytes,
                   (j->run_end - j->run_begin) * j->bytes);
        border(j, x, to, j->run_end, width);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_pad_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct job j = {.x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0), .bytes = simd_dtype_bytes(x->dtype)};
    uint64_t x_dims[SIMD_MAX_AXES], rows = 1, element = 1;
    int64_t y_stride[SIMD_MAX_AXES];
    char *memory = cvk_cpu_pointer(e->workspace);
    if (y->bytes == 0)
        return CVK_OK;
    simd_memory_axes(x, x_dims, j.x_stride);
    j.rank = simd_memory_axes(y, j.dims, y_stride);
    if (j.rank > y->rank) { /* the channels of a block */
        element = j.dims[--j.rank];
        for (uint32_t i = 0; i < j.rank; i++)
            j.x_stride[i] /= (int64_t)element;
    }
    const float value = (float)p->value;
    memset(memory, 0, MAX_ELEMENT);
    for (uint64_t i = 0; i < element && x->dtype == CVK_F32; i++)
        memcpy(memory + i * sizeof value, &value, sizeof value);
    j.value = memory;
    j.bytes *= (uint32_t)element;
    int64_t *table = (int64_t *)(memory + MAX_ELEMENT);
    for (uint32_t a = 0; a < j.rank; a++) {
        j.source[a] = table;
        for (uint64_t i = 0; i < j.dims[a]; i++)
            *table++ = a == 1 && element > 1 ? (int64_t)i : source_of(p->mode, (int64_t)i, p->begin[a], p->end[a], x->dims[a]);
    }
    uint32_t last = j.rank - 1;
    j.run_begin = p->begin[last] > 0 ? (uint64_t)p->begin[last] : 0;
    j.run_begin = j.run_begin < j.dims[last] ? j.run_begin : j.dims[last];
    j.run_end = j.run_begin;
    while (j.run_end < j.dims[last] && j.source[last][j.run_end] >= 0 &&
           j.source[last][j.run_end] - j.source[last][j.run_begin] == (int64_t)(j.run_end - j.run_begin))
        j.run_end++;
    for (uint32_t a = 0; a < last; a++)
        rows *= j.dims[a];
    simd_parallel_bytes(e, x->bytes + y->bytes, rows, run_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_pad_rows[] = {
    {SIMD_ROW(PAD, "runs"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .layouts_x = SIMD_PLAIN | SIMD_BLOCKED,
     .layouts_y = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan, .run = run},
};
const uint32_t simd_pad_row_count = SIMD_COUNT(simd_pad_rows);

/* SPDX-License-Identifier: MIT
 * where on the reference: moves elements of any type, with broadcasting; backward dy goes to the one that was chosen. */
#include "ref_move.h"
#include "ref_shrink.h"

struct job {
    const uint8_t *condition;
    const char *a, *b;
    char *y;
    uint64_t count;
    uint32_t bytes;
    struct ref_walk walk; /* operands: condition, a, b */
};

static void run_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk walk = j->walk;
    uint64_t last = end * REF_CHUNK < j->count ? end * REF_CHUNK : j->count;
    (void)worker;
    ref_walk_seek(&walk, begin * REF_CHUNK);
    for (uint64_t i = begin * REF_CHUNK; i < last; i++, ref_walk_next(&walk)) {
        if (j->condition[walk.offset[0]])
            ref_copy(j->y, (int64_t)i, j->a, walk.offset[1], j->bytes);
        else
            ref_copy(j->y, (int64_t)i, j->b, walk.offset[2], j->bytes);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct job j = {
        .condition = cvk_cpu_input(e, 0), .a = cvk_cpu_input(e, 1), .b = cvk_cpu_input(e, 2), .y = cvk_cpu_output(e, 0)};
    j.count = cvk_cpu_count(y);
    j.bytes = ref_dtype_bytes(y->dtype);
    ref_walk_init(&j.walk, y->rank, y->dims);
    for (uint32_t i = 0; i < 3; i++)
        ref_walk_add(&j.walk, e->node->inputs[i]);
    ref_parallel(e, ref_chunks(j.count), run_chunks, &j);
    return CVK_OK;
}

/* Whose gradient is made: of the one that is taken where the condition is `when`. */
struct back_job {
    const void *dy;
    const uint8_t *condition;
    uint32_t dtype;
    int when;
};

static double element(const void *arg, const int64_t *at)
{
    const struct back_job *j = arg;
    return !j->condition[at[1]] == !j->when ? ref_load(j->dy, j->dtype, (uint64_t)at[0]) : 0;
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0];
    for (uint32_t i = 0; i < 2; i++) {
        struct back_job j = {cvk_cpu_input(e, 0), cvk_cpu_input(e, 1), dy->dtype, i == 0};
        if (!cvk_cpu_output(e, i))
            continue;
        struct ref_shrink s = ref_shrink_of(dy->rank, dy->dims, e->node->outputs[i]);
        ref_shrink_add(&s, dy);
        ref_shrink_add(&s, e->node->inputs[1]);
        ref_shrink_run(e, i, &s, element, &j);
    }
    return CVK_OK;
}

const struct cvk_kernel ref_where_rows[] = {
    {REF_ROW(WHERE, "plain"), .dtypes = CVK_DTYPE_BIT(CVK_BOOL), .run = run},
    {REF_ROW(WHERE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward},
};
const uint32_t ref_where_row_count = REF_COUNT(ref_where_rows);

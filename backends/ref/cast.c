/* SPDX-License-Identifier: MIT
 * cast on the reference: whole numbers to whole numbers bit by bit, everything else through double. Backward dy is cast to the
 * type of x, so both passes are one: the descriptors tell. */
#include "ref_flat.h"

struct job {
    const void *x;
    void *y;
    uint32_t from, to;
    uint64_t count;
};

/* A double that rounds to the same float as the exact number does: what does not fit in 53 bits leaves an odd last bit, so that a
 * second rounding to fewer bits still sees on which side of a tie it was. */
static double wide_int(int64_t x, uint32_t dtype, uint32_t to)
{
    int negative = x < 0 && dtype != CVK_U64;
    uint64_t size = negative ? 0 - (uint64_t)x : (uint64_t)x;
    if (to != CVK_F64 && size >> 53)
        size = (size & ~UINT64_C(0xfff)) | (size & 0xfff ? 0x800 : 0);
    return negative ? -(double)size : (double)size;
}

static void one(const struct job *j, uint64_t i)
{
    if (ref_is_float(j->from)) {
        double value = ref_load(j->x, j->from, i);
        ref_store(j->y, j->to, i, value);
        return;
    }
    int64_t whole = ref_load_int(j->x, j->from, i);
    if (ref_is_float(j->to))
        ref_store(j->y, j->to, i, wide_int(whole, j->from, j->to));
    else
        ref_store_int(j->y, j->to, i, whole);
}

static void run_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * REF_CHUNK < j->count ? end * REF_CHUNK : j->count;
    (void)worker;
    for (uint64_t i = begin * REF_CHUNK; i < last; i++)
        one(j, i);
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct job j = {cvk_cpu_input(e, 0), cvk_cpu_output(e, 0), x->dtype, y->dtype, ref_flat_count(y)};
    ref_parallel(e, ref_chunks(j.count), run_chunks, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_cast_rows[] = {
    {REF_ROW(CAST, "plain"), .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .dtypes = REF_ALL, .run = run},
    {REF_ROW(CAST, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE,
     .dtypes = REF_FLOATS, .run = run},
};
const uint32_t ref_cast_row_count = REF_COUNT(ref_cast_rows);

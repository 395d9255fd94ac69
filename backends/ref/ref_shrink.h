/* SPDX-License-Identifier: MIT
 * Sums over what broadcasting has stretched: for gradients of operands that were smaller than the result. */
#ifndef REF_SHRINK_H
#define REF_SHRINK_H

#include "ref_flat.h"

/* Element i of the small tensor belongs to `steps` places of the large one. Operands, tensors that broadcast to the large one,
 * have at each of these the element kept.offset + folded.offset. */
struct ref_shrink {
    struct ref_walk kept;   /* over the small tensor */
    struct ref_walk folded; /* over the places of one of its elements, in their order */
    uint64_t steps;
};

/* Without operands yet. `small` broadcasts to rank/dims. */
static inline struct ref_shrink ref_shrink_of(uint32_t rank, const int64_t *dims, const struct cvk_tensor_desc *small)
{
    int64_t kept[CVK_MAX_RANK], folded[CVK_MAX_RANK];
    struct ref_shrink s;
    for (uint32_t i = 0; i < rank; i++) {
        int stretched = i + small->rank < rank || small->dims[i + small->rank - rank] != dims[i];
        kept[i] = stretched ? 1 : dims[i];
        folded[i] = stretched ? dims[i] : 1;
    }
    ref_walk_init(&s.kept, rank, kept);
    ref_walk_init(&s.folded, rank, folded);
    s.steps = ref_product(folded, 0, rank);
    return s;
}

static inline void ref_shrink_add(struct ref_shrink *s, const struct cvk_tensor_desc *operand)
{
    ref_walk_add(&s->kept, operand);
    ref_walk_add(&s->folded, operand);
}

/* What one place adds, given the elements' offsets. */
typedef double (*ref_shrink_fn)(const void *arg, const int64_t *at);

/* The sum for the element that s->kept is at. */
static inline double ref_shrink_sum(struct ref_shrink *s, ref_shrink_fn fn, const void *arg)
{
    double sum = 0;
    if (s->steps > 0)
        ref_walk_seek(&s->folded, 0);
    for (uint64_t step = 0; step < s->steps; step++, ref_walk_next(&s->folded)) {
        int64_t at[REF_WALK_OPERANDS];
        for (uint32_t k = 0; k < s->kept.operand_count; k++)
            at[k] = s->kept.offset[k] + s->folded.offset[k];
        sum += fn(arg, at);
    }
    return sum;
}

struct ref_shrink_job {
    struct ref_shrink shrink;
    ref_shrink_fn fn;
    const void *arg;
    void *out;
    uint32_t dtype;
};

static inline void ref_shrink_task(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct ref_shrink_job *j = arg;
    struct ref_shrink s = j->shrink;
    (void)worker;
    ref_walk_seek(&s.kept, begin);
    for (uint64_t i = begin; i < end; i++, ref_walk_next(&s.kept))
        ref_store(j->out, j->dtype, i, ref_shrink_sum(&s, j->fn, j->arg));
}

/* Fills output `index`, if that is wanted, with the sums. */
static inline void ref_shrink_run(struct cvk_exec *e, uint32_t index, const struct ref_shrink *s, ref_shrink_fn fn,
                                  const void *arg)
{
    struct ref_shrink_job j = {.shrink = *s, .fn = fn, .arg = arg, .out = cvk_cpu_output(e, index)};
    if (!j.out)
        return;
    j.dtype = e->node->outputs[index]->dtype;
    ref_parallel(e, cvk_cpu_count(e->node->outputs[index]), ref_shrink_task, &j);
}

#endif

/* SPDX-License-Identifier: MIT
 * See ref_adjoint.h. For each axis the workspace has a list of links, sorted by the index of x and then by that of y, and where
 * the links of each index begin. */
#include "ref_adjoint.h"

/* Output index `to` has read with this weight. */
struct link {
    int64_t to;
    double weight;
};

struct axis {
    uint64_t *begin; /* per index of x, and the end */
    struct link *links;
};

struct job {
    struct axis axis[CVK_MAX_RANK];
    const struct cvk_tensor_desc *dx;
    int64_t strides[CVK_MAX_RANK]; /* of dy */
    const void *dy;
    void *out;
};

/* The sum over the axes from `axis` on, at element `offset` of the axes before. */
static double gather(const struct job *j, const int64_t *index, uint32_t axis, int64_t offset)
{
    if (axis == j->dx->rank)
        return ref_load(j->dy, j->dx->dtype, (uint64_t)offset);
    const struct axis *a = &j->axis[axis];
    double sum = 0;
    for (uint64_t k = a->begin[index[axis]]; k < a->begin[index[axis] + 1]; k++)
        sum += a->links[k].weight * gather(j, index, axis + 1, offset + a->links[k].to * j->strides[axis]);
    return sum;
}

static void do_elements(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk w;
    (void)worker;
    ref_walk_init(&w, j->dx->rank, j->dx->dims);
    ref_walk_seek(&w, begin);
    for (uint64_t i = begin; i < end; i++, ref_walk_next(&w))
        ref_store(j->out, j->dx->dtype, i, gather(j, w.index, 0, 0));
}

/* Sorts the links by counting: first how many each index has, then where they begin, then each into its place. */
static void fill_axis(const struct axis *a, ref_taps_fn taps, const void *params, uint32_t axis, int64_t in, int64_t out)
{
    memset(a->begin, 0, ((uint64_t)in + 1) * sizeof *a->begin);
    for (int64_t o = 0; o < out; o++) {
        struct ref_taps t = taps(params, axis, o, in, out);
        for (int32_t k = 0; k < t.count; k++)
            a->begin[t.at[k]]++;
    }
    uint64_t links = 0;
    for (int64_t i = 0; i <= in; i++) { /* now the end of each index's links, from which they are filled */
        links += i < in ? a->begin[i] : 0;
        a->begin[i] = links;
    }
    for (int64_t o = out; o-- > 0;) {
        struct ref_taps t = taps(params, axis, o, in, out);
        for (int32_t k = t.count; k-- > 0;)
            a->links[--a->begin[t.at[k]]] = (struct link){o, t.weight[k]};
    }
}

int32_t ref_adjoint_plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *dy = q->node->inputs[0], *dx = q->node->outputs[0];
    for (uint32_t i = 0; i < dx->rank; i++) {
        cvk_book(plan, ((uint64_t)dx->dims[i] + 1) * sizeof(uint64_t));
        cvk_book(plan, (uint64_t)dy->dims[i] * REF_TAPS * sizeof(struct link));
    }
    return CVK_OK;
}

int32_t ref_adjoint_run(struct cvk_exec *e, ref_taps_fn taps)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0], *dx = e->node->outputs[0];
    struct job j = {.dx = dx, .dy = cvk_cpu_input(e, 0), .out = cvk_cpu_output(e, 0)};
    struct cvk_plan places = {.size = sizeof places}; /* booked once more in the same order, for the offsets */
    char *workspace = cvk_cpu_pointer(e->workspace);
    if (dx->bytes == 0)
        return CVK_OK;
    ref_strides(dy->rank, dy->dims, j.strides);
    for (uint32_t i = 0; i < dx->rank; i++) {
        j.axis[i].begin = (uint64_t *)(workspace + cvk_book(&places, ((uint64_t)dx->dims[i] + 1) * sizeof(uint64_t)));
        j.axis[i].links =
            (struct link *)(workspace + cvk_book(&places, (uint64_t)dy->dims[i] * REF_TAPS * sizeof(struct link)));
        fill_axis(&j.axis[i], taps, e->node->params, i, dx->dims[i], dy->dims[i]);
    }
    ref_parallel(e, cvk_cpu_count(dx), do_elements, &j);
    return CVK_OK;
}

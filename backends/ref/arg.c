/* SPDX-License-Identifier: MIT
 * arg on the reference: elements are compared by their order keys, up to REF_LANES neighbouring rows together. */
#include "ref_flat.h"

struct job {
    const struct cvk_arg_params *p;
    const void *x;
    int64_t *y;
    uint32_t dtype;
    uint64_t n, inner, tiles; /* elements of a row, their distance, tiles of REF_LANES rows in inner */
};

/* Larger is better; NaN is best both ways. */
static int64_t key_of(const struct job *j, uint64_t i)
{
    int64_t key = ref_order_key(j->x, j->dtype, i);
    if (j->p->kind == CVK_ARG_MAX || (key == INT64_MAX && ref_is_float(j->dtype)))
        return key;
    return ~key;
}

static void run_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t outer = item / j->tiles, lane = item % j->tiles * REF_LANES;
        uint64_t lanes = j->inner - lane < REF_LANES ? j->inner - lane : REF_LANES, base = outer * j->n * j->inner + lane;
        int64_t best[REF_LANES], *place = j->y + outer * j->inner + lane;
        for (uint64_t k = 0; k < j->n; k++) {
            for (uint64_t i = 0; i < lanes; i++) {
                int64_t key = key_of(j, base + k * j->inner + i);
                if (k == 0 || key > best[i] || (key == best[i] && j->p->select_last)) {
                    best[i] = key;
                    place[i] = (int64_t)k;
                }
            }
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job j = {.p = e->node->params, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0), .dtype = x->dtype};
    uint32_t axis = (uint32_t)j.p->axis;
    j.n = (uint64_t)x->dims[axis];
    j.inner = ref_product(x->dims, axis + 1, x->rank);
    j.tiles = (j.inner + REF_LANES - 1) / REF_LANES;
    ref_parallel(e, ref_product(x->dims, 0, axis) * j.tiles, run_tiles, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_arg_rows[] = {{REF_ROW(ARG, "plain"), .dtypes = REF_NUMBERS, .run = run}};
const uint32_t ref_arg_row_count = REF_COUNT(ref_arg_rows);

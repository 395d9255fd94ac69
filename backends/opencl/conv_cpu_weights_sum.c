/* SPDX-License-Identifier: MIT
 * conv_cpu_weights.h */
#include "conv_cpu_weights.h"
#include "kernel_sources.h"

#define MOST_PARTS 16

uint64_t ocl_weights_part(const struct ocl_weights_sums *s)
{
    uint64_t tiles = ocl_ceil_div(s->group_vectors, s->tile_vectors);
    return s->groups * tiles * s->ic_blocks * s->numbers * s->tile_vectors * OCL_BLOCK;
}

uint64_t ocl_weights_parts(uint64_t sums, uint64_t most)
{
    uint64_t parts = ocl_ceil_div(MOST_PARTS, sums);
    return parts < most ? parts : most;
}

/* What db is summed over: input 0, in blocks. */
static uint64_t bias_parts(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *dy = node->inputs[0];
    return ocl_weights_parts(ocl_ceil_div((uint64_t)dy->dims[1], OCL_BLOCK), (uint64_t)dy->dims[0]);
}

static const struct cvk_tensor_desc *bias_of(const struct cvk_node *node)
{
    return node->output_count > 1 ? node->outputs[1] : NULL;
}

uint64_t ocl_weights_book_bias(const struct cvk_node *node, struct cvk_plan *plan)
{
    uint64_t channels = ocl_round_up((uint64_t)node->inputs[0]->dims[1], OCL_BLOCK);
    return cvk_book(plan, bias_of(node) ? bias_parts(node) * channels * sizeof(float) : 0);
}

static int32_t init_bias(struct cvk_exec *e, struct ocl_weights_ends *ends)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *dy = e->node->inputs[0];
    int64_t parts = (int64_t)bias_parts(e->node), blocks = (dy->dims[1] + OCL_BLOCK - 1) / OCL_BLOCK, pixels = 1;
    for (uint32_t i = 2; i < dy->rank; i++)
        pixels *= dy->dims[i];
    OCL_TRY(ocl_call_init(d, &ends->bias_part, &ocl_source_conv_cpu_weights_sum, "bias_part", ""));
    OCL_TRY(ocl_arg_int(d, &ends->bias_part, 4, dy->dims[0]));
    OCL_TRY(ocl_arg_int(d, &ends->bias_part, 5, blocks));
    OCL_TRY(ocl_arg_int(d, &ends->bias_part, 6, pixels));
    ocl_cpu_size(&ends->bias_part, (uint64_t)parts, (uint64_t)blocks);
    OCL_TRY(ocl_call_init(d, &ends->bias_sum, &ocl_source_conv_cpu_weights_sum, "bias_sum", ""));
    OCL_TRY(ocl_arg_int(d, &ends->bias_sum, 4, parts));
    OCL_TRY(ocl_arg_int(d, &ends->bias_sum, 5, dy->dims[1]));
    ocl_cpu_size(&ends->bias_sum, 1, 1);
    return CVK_OK;
}

/* As the enumeration of kernels/conv_cpu_weights_sum.cl has them; the places follow. */
static int32_t upload_table(struct cvk_exec *e, struct ocl_weights_ends *ends, const struct ocl_weights_sums *s)
{
    uint64_t items = s->groups * ocl_ceil_div(s->group_vectors, s->tile_vectors) * s->ic_blocks;
    const uint64_t head[] = {items,
                             s->parts,
                             ocl_weights_part(s) / OCL_BLOCK,
                             s->ic_blocks,
                             s->numbers,
                             s->tile_vectors,
                             s->group_vectors,
                             s->group_oc,
                             s->filter,
                             s->block_step};
    uint64_t count = OCL_COUNT(head) + s->numbers;
    int32_t *table = e->host->alloc(e->host, count * sizeof *table, 0);
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu places", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++)
        table[i] = i < OCL_COUNT(head) ? (int32_t)head[i] : s->places[i - OCL_COUNT(head)];
    int32_t status = ocl_memory(ocl_device_of(e), count * sizeof *table, table, &ends->table);
    e->host->free(e->host, table);
    ocl_cpu_size(&ends->sum, ocl_cpu_groups(ocl_device_of(e), items), 1);
    return status;
}

int32_t ocl_weights_init(struct cvk_exec *e, struct ocl_weights_ends *ends, const struct ocl_weights_sums *s)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_call_init(d, &ends->sum, &ocl_source_conv_cpu_weights_sum, "weights_sum", ""));
    OCL_TRY(upload_table(e, ends, s));
    OCL_TRY(ocl_bind_memory(d, &ends->sum, 4, ends->table));
    return bias_of(e->node) ? init_bias(e, ends) : CVK_OK;
}

int32_t ocl_weights_run(struct cvk_exec *e, struct ocl_weights_ends *ends, uint64_t parts, uint64_t bias)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_bind_at(d, &ends->sum, 0, e->workspace, parts));
    OCL_TRY(ocl_bind(d, &ends->sum, 2, &e->outputs[0]));
    OCL_TRY(ocl_enqueue(d, &ends->sum));
    if (!ends->bias_part.kernel)
        return CVK_OK;
    OCL_TRY(ocl_bind(d, &ends->bias_part, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind_at(d, &ends->bias_part, 2, e->workspace, bias));
    OCL_TRY(ocl_enqueue(d, &ends->bias_part));
    OCL_TRY(ocl_bind_at(d, &ends->bias_sum, 0, e->workspace, bias));
    OCL_TRY(ocl_bind(d, &ends->bias_sum, 2, &e->outputs[1]));
    return ocl_enqueue(d, &ends->bias_sum);
}

void ocl_weights_release(struct ocl_weights_ends *ends)
{
    ocl_call_finish(&ends->sum);
    ocl_call_finish(&ends->bias_part);
    ocl_call_finish(&ends->bias_sum);
    ocl_memory_free(ends->table);
}

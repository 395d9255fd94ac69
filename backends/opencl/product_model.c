/* SPDX-License-Identifier: MIT
 * Guesses of a device's speed, so that rows can be compared before anything was measured. Only their ratios matter. */
#include "product_tiles.h"

/* A compute unit of a GPU: 128 sums of products at 1.5 GHz. */
double ocl_model_flops(const struct ocl_device *d)
{
    return 384.0 * d->compute_units;
}

/* Memory grows with the compute units: about 25 GB/s for each. */
double ocl_model_bytes(const struct ocl_device *d)
{
    return 25.0 * d->compute_units;
}

double ocl_model_operands(const struct cvk_node *node)
{
    double bytes = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        bytes += node->inputs[i] ? (double)node->inputs[i]->bytes : 0;
    for (uint32_t i = 0; i < node->output_count; i++)
        bytes += node->outputs[i] ? (double)node->outputs[i]->bytes : 0;
    return bytes;
}

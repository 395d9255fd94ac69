/* SPDX-License-Identifier: MIT
 * What a node costs, in either direction. */
#include "dtype_sets.h"

const struct cvk_tensor_desc *cvk__node_result(const struct cvk_node *node)
{
    for (uint32_t o = 0; o < node->output_count; o++)
        if (node->outputs[o])
            return node->outputs[o];
    return NULL;
}

/* The gradient of a sum has as many multiply-adds as the sum: each weight meets each element of the dense side once. */
static uint64_t backward_macs(const struct cvk_node *node)
{
    bool weights = node->pass == CVK_PASS_BACKWARD_WEIGHTS;
    const struct cvk_tensor_desc *w = weights ? node->outputs[0] : node->inputs[1];
    const struct cvk_tensor_desc *many = node->inputs[0]; /* dy */
    if (node->op == CVK_OP_CONV_TRANSPOSE)
        many = weights ? node->inputs[1] : node->outputs[0]; /* x, dx */
    else if (node->op != CVK_OP_CONV)
        return 0;
    if (!w || !many)
        return 0;
    uint64_t each = 1;
    for (uint32_t i = 1; i < w->rank; i++)
        each = cvk__cost_mul(each, (uint64_t)w->dims[i]);
    return cvk__cost_mul(cvk_tensor_desc_count(many), each);
}

void cvk__node_cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk__op_def *def = cvk__op_find(node->op);
    const struct cvk_tensor_desc *result = cvk__node_result(node);
    *cost = (struct cvk__cost){0};
    if (!def || def->view || !result)
        return;
    if (node->pass == def->pass && def->cost) {
        def->cost(node, cost);
        return;
    }
    if (node->pass != def->pass)
        cost->macs = backward_macs(node);
    cost->flops = cvk__cost_flops(cost->macs, cvk_tensor_desc_count(result));
}

/* SPDX-License-Identifier: MIT
 * Element types of values whose sizes are not known yet: they follow from the nodes that make them. */
#include "import.h"

#define MAX_STEPS 1000 /* back along the nodes */

static uint32_t binary_type(uint32_t kind)
{
    return kind >= CVK_EQUAL && kind <= CVK_XOR ? CVK_BOOL : 0;
}

/* The type that a node's output has by its op alone; 0: the type of input *follow. */
static uint32_t own_type(const struct cvk__node *n, uint32_t output, uint32_t *follow)
{
    *follow = 0;
    switch (n->op) {
    case CVK_OP_CAST:
        return ((const struct cvk_cast_params *)n->params)->to;
    case CVK_OP_FILL: {
        uint32_t dtype = ((const struct cvk_fill_params *)n->params)->dtype;
        return dtype ? dtype : CVK_F32;
    }
    case CVK_OP_SHAPE:
    case CVK_OP_ARG:
        return CVK_I64;
    case CVK_OP_POOL:
    case CVK_OP_TOPK:
        return output == 1 ? CVK_I64 : 0;
    case CVK_OP_DROPOUT:
        return output == 1 ? CVK_BOOL : 0;
    case CVK_OP_BINARY:
        return binary_type(((const struct cvk_binary_params *)n->params)->kind);
    case CVK_OP_UNARY: {
        uint32_t kind = ((const struct cvk_unary_params *)n->params)->kind;
        return kind == CVK_NOT || kind == CVK_IS_NAN || kind == CVK_IS_INF ? CVK_BOOL : 0;
    }
    case CVK_OP_WHERE:
        *follow = 1;
        return 0;
    case CVK_OP_ONE_HOT:
        *follow = 2;
        return 0;
    default:
        return 0;
    }
}

uint32_t cvk__onnx_value_type(const struct cvk_graph *g, cvk_value v)
{
    for (uint32_t step = 0; step < MAX_STEPS; step++) {
        const struct cvk__value *value = cvk__value_at(g, v);
        if (!value)
            return 0;
        if (value->desc.size)
            return value->desc.dtype;
        if (value->producer < 0)
            return 0;
        const struct cvk__node *n = &g->nodes[value->producer];
        uint32_t follow, type = own_type(n, value->producer_output, &follow);
        if (type)
            return type;
        v = follow < n->input_count ? n->inputs[follow] : 0;
    }
    return 0;
}

uint32_t cvk__onnx_type(const struct cvk__onnx *c, cvk_value v)
{
    return cvk__onnx_value_type(c->g, v);
}

int32_t cvk__onnx_need_type(const struct cvk__onnx *c, uint32_t i, uint32_t *dtype)
{
    char shown[100];
    *dtype = cvk__onnx_type(c, cvk__onnx_in(c, i));
    if (*dtype)
        return CVK_OK;
    return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "the type of input %u ('%s') is not known while the model is read", i,
                          cvk__text_escape(i < c->node->n_input ? c->node->input[i] : "", shown, sizeof shown));
}

/* SPDX-License-Identifier: MIT
 * Removes what changes nothing (identity, dropout outside training) and what nobody reads. */
#include "session_impl.h"

uint32_t *cvk__count_uses(const struct cvk_graph *g)
{
    uint32_t *uses = cvk__alloc_array(CVK__TAG_SESSION, g->value_count + 1u, sizeof *uses);
    if (!uses)
        return NULL;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct cvk__node *n = &g->nodes[i];
        if (n->dead)
            continue;
        for (uint32_t k = 0; k < n->input_count; k++)
            if (n->inputs[k])
                uses[n->inputs[k] - 1]++;
        const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
        for (uint32_t k = 0; k < 4; k++)
            if (extra[k])
                uses[extra[k] - 1]++;
    }
    for (uint32_t i = 0; i < g->output_count; i++)
        uses[g->outputs[i] - 1]++;
    for (uint32_t i = 0; i < g->value_count; i++)
        if (g->values[i].becomes)
            uses[g->values[i].becomes - 1]++;
    return uses;
}

static bool is_output(const struct cvk_graph *g, cvk_value v)
{
    for (uint32_t i = 0; i < g->output_count; i++)
        if (g->outputs[i] == v)
            return true;
    return false;
}

/* True if the node hands its first input on and nothing else of it is read. */
static bool is_identity(const struct cvk__node *n, const uint32_t *uses)
{
    if (n->pass != CVK_PASS_FORWARD)
        return false;
    if (n->op == CVK_OP_DROPOUT && !((const struct cvk_dropout_params *)n->params)->training)
        return n->output_count < 2 || !n->outputs[1] || !uses[n->outputs[1] - 1];
    return n->op == CVK_OP_RESHAPE && ((const struct cvk_reshape_params *)n->params)->kind == CVK_IDENTITY;
}

/* An identity whose result is an output of the net must stay: as a view, which every device can do. */
static int32_t make_view(struct cvk__node *n)
{
    struct cvk_reshape_params p = {.size = sizeof p, .kind = CVK_IDENTITY};
    void *params = cvk__alloc(CVK__TAG_SESSION, sizeof p);
    if (!params)
        return cvk__fail_memory(sizeof p, "a node");
    memcpy(params, &p, sizeof p);
    cvk__free(n->params);
    n->params = params;
    n->op = CVK_OP_RESHAPE;
    n->input_count = n->output_count = 1;
    return CVK_OK;
}

static int32_t remove_identities(struct cvk_graph *g, const uint32_t *uses)
{
    cvk_value *instead = cvk__alloc_array(CVK__TAG_SESSION, g->value_count + 1u, sizeof *instead);
    if (!instead)
        return cvk__fail_memory(g->value_count * sizeof *instead, "a plan");
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < g->node_count && status == CVK_OK; i++) {
        struct cvk__node *n = &g->nodes[i];
        if (n->dead)
            continue;
        for (uint32_t k = 0; k < n->input_count; k++)
            if (n->inputs[k] && instead[n->inputs[k] - 1])
                n->inputs[k] = instead[n->inputs[k] - 1];
        if (!is_identity(n, uses))
            continue;
        if (is_output(g, n->outputs[0])) {
            status = make_view(n);
        } else {
            instead[n->outputs[0] - 1] = n->inputs[0];
            n->dead = true;
        }
    }
    cvk__free(instead);
    return status;
}

static void remove_unread(struct cvk_graph *g, uint32_t *uses)
{
    for (uint32_t i = g->node_count; i-- > 0;) {
        struct cvk__node *n = &g->nodes[i];
        if (n->dead)
            continue;
        bool read = false;
        for (uint32_t k = 0; k < n->output_count; k++)
            read |= n->outputs[k] && uses[n->outputs[k] - 1];
        if (read)
            continue;
        n->dead = true;
        for (uint32_t k = 0; k < n->input_count; k++)
            if (n->inputs[k])
                uses[n->inputs[k] - 1]--;
    }
}

int32_t cvk__simplify(struct cvk_graph *g)
{
    uint32_t *uses = cvk__count_uses(g);
    int32_t status = uses ? remove_identities(g, uses) : CVK_E_MEMORY;
    cvk__free(uses);
    uses = status == CVK_OK ? cvk__count_uses(g) : NULL;
    if (uses)
        remove_unread(g, uses);
    else if (status == CVK_OK)
        status = CVK_E_MEMORY;
    cvk__free(uses);
    return status == CVK_E_MEMORY ? cvk__fail_memory(g->value_count * sizeof *uses, "a plan") : status;
}

/* SPDX-License-Identifier: MIT
 * Which sizes follow the batch: the graph is built a second time with a batch of 2 where it counts as 1, and what differs does.
 */
#include "export.h"

static int32_t copy_values(struct cvk_graph *to, const struct cvk_graph *from, cvk_value *map)
{
    for (uint32_t i = 0; i < from->value_count; i++) {
        const struct cvk__value *v = &from->values[i];
        if (v->producer >= 0)
            continue;
        map[i] = cvk__graph_new_value(to, NULL);
        if (!map[i])
            return cvk__fail_memory(sizeof *v, "an ONNX model");
        struct cvk__value *copy = &to->values[map[i] - 1];
        copy->desc = v->desc;
        for (uint32_t k = 0; k < v->desc.rank; k++)
            if (v->open_dims >> k & 1)
                copy->desc.dims[k] = 2;
        CVK__TRY(cvk_tensor_desc_init(&copy->desc, v->desc.dtype, CVK_LAYOUT_PLAIN, v->desc.rank, copy->desc.dims));
        copy->blob = cvk__blob_ref(v->blob);
    }
    return CVK_OK;
}

/* A node that cannot take this batch leaves everything behind it without sizes. */
static int32_t copy_nodes(struct cvk_graph *to, const struct cvk_graph *from, cvk_value *map)
{
    for (uint32_t i = 0; i < from->node_count; i++) {
        const struct cvk__node *n = &from->nodes[i];
        if (n->dead)
            continue; /* its output may be another node's by now */
        bool known = true;
        cvk_value *ends = cvk__alloc_array(CVK__TAG_ONNX, n->input_count + (uint64_t)n->output_count + 1, sizeof *ends);
        if (!ends)
            return cvk__fail_memory(n->input_count * sizeof *ends, "an ONNX model");
        cvk_value *out = ends + n->input_count;
        for (uint32_t k = 0; k < n->input_count; k++) {
            ends[k] = n->inputs[k] ? map[n->inputs[k] - 1] : 0;
            known = known && (!n->inputs[k] || (ends[k] && to->values[ends[k] - 1].desc.size));
        }
        if (known)
            cvk_graph_add(to, n->op, n->params, ends, n->input_count, out, n->output_count);
        for (uint32_t k = 0; k < n->output_count; k++)
            if (n->outputs[k])
                map[n->outputs[k] - 1] = out[k];
        cvk__free(ends);
        int32_t status = to->status;
        if (status == CVK_E_MEMORY)
            return status;
        to->status = CVK_OK;
        cvk__free(to->error);
        to->error = NULL;
    }
    return CVK_OK;
}

static int32_t probe(struct cvk__export *e, struct cvk_graph *twice, cvk_value *map)
{
    CVK__TRY(copy_values(twice, e->g, map));
    CVK__TRY(copy_nodes(twice, e->g, map));
    for (uint32_t i = 0; i < e->g->value_count; i++) {
        const struct cvk_tensor_desc *one = &e->g->values[i].desc;
        const struct cvk_tensor_desc *two = map[i] ? &twice->values[map[i] - 1].desc : NULL;
        e->sized[i] = one->size && two && two->size && one->rank == two->rank;
        for (uint32_t k = 0; e->sized[i] && k < one->rank; k++)
            if (one->dims[k] != two->dims[k])
                e->open[i] |= 1u << k;
    }
    return CVK_OK;
}

int32_t cvk__export_probe(struct cvk__export *e)
{
    struct cvk_graph *twice = NULL;
    cvk_value *map = cvk__alloc_array(CVK__TAG_ONNX, e->g->value_count + 1ull, sizeof *map);
    if (!map)
        return cvk__fail_memory(e->g->value_count * sizeof *map, "an ONNX model");
    int32_t status = cvk_graph_create("", &twice);
    if (status == CVK_OK)
        status = probe(e, twice, map);
    cvk_graph_destroy(twice);
    cvk__free(map);
    return status;
}

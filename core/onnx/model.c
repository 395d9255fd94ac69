/* SPDX-License-Identifier: MIT
 * The model's head: versions, domains, and what beside the graph is ignored or refused. */
#include "import.h"

static bool is_default_domain(const char *domain)
{
    return !domain || !domain[0] || !strcmp(domain, "ai.onnx");
}

/* The opset of the default domain; other domains matter only if a node uses them, and are refused there. */
static int32_t find_opset(const Onnx__ModelProto *m, int64_t *opset)
{
    *opset = 0;
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *id = m->opset_import[i];
        int64_t version = id->has_version ? id->version : 0;
        if (!is_default_domain(id->domain))
            continue;
        if (*opset && *opset != version)
            return cvk__fail(CVK_E_FORMAT, "ONNX model: opset_import names versions %lld and %lld of the default domain",
                             (long long)*opset, (long long)version);
        if (version < 1)
            return cvk__fail(CVK_E_FORMAT, "ONNX model: opset_import[%zu] has version %lld", i, (long long)version);
        *opset = version;
    }
    /* Before IR version 3 there was no such list; other domains alone need none. */
    if (!*opset && (m->n_opset_import || (m->has_ir_version && m->ir_version < 3)))
        *opset = 1;
    if (!*opset)
        return cvk__fail(CVK_E_FORMAT, "ONNX model: opset_import is missing");
    if (*opset > CVK__ONNX_LAST)
        return cvk__fail(CVK_E_UNSUPPORTED,
                         "ONNX model: opset %lld; opsets up to %d are supported (export the model with an older one)",
                         (long long)*opset, CVK__ONNX_LAST);
    return CVK_OK;
}

int32_t cvk__onnx_build(const Onnx__ModelProto *m, const struct cvk__onnx_source *source, struct cvk_graph **out)
{
    struct cvk__onnx c = {.source = *source, .graph = m->graph};
    if (!m->has_ir_version || m->ir_version < 1)
        return cvk__fail(CVK_E_FORMAT, "ONNX model: ir_version is %s",
                         m->has_ir_version ? "below 1" : "missing (is this an ONNX file?)");
    if (!m->graph)
        return cvk__fail(CVK_E_FORMAT, "ONNX model: there is no graph");
    CVK__TRY(find_opset(m, &c.opset));
    /* training_info describes other graphs, and functions matter only to nodes of their own domain: both stay aside. */
    char name[256];
    CVK__TRY(cvk_graph_create(cvk__text_escape(m->graph->name ? m->graph->name : "", name, sizeof name), &c.g));
    int32_t status = cvk__onnx_import_graph(&c);
    cvk__free(c.names);
    cvk__free(c.live);
    if (status != CVK_OK) {
        cvk_graph_destroy(c.g);
        return status;
    }
    *out = c.g;
    return CVK_OK;
}

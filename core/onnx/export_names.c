/* SPDX-License-Identifier: MIT
 * Names of a model that is written: those of the graph are kept, and made unique and valid UTF-8 where they are not, as ONNX
 * has one name for one value. Graphs made for nothing else hold them, because a graph has an index of names. */
#include "export.h"

#include "../ops/op_def.h"

/* Protobuf wants UTF-8 (RFC 3629); our names may be anything. */
static bool is_utf8(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        uint32_t more = *s < 0x80 ? 0 : *s >= 0xC2 && *s < 0xE0 ? 1 : (*s & 0xF0) == 0xE0 ? 2 : *s >= 0xF0 && *s < 0xF5 ? 3 : 9;
        if (more == 9 || (*s == 0xE0 && s[1] < 0xA0) || (*s == 0xED && s[1] > 0x9F) || (*s == 0xF0 && s[1] < 0x90) ||
            (*s == 0xF4 && s[1] > 0x8F))
            return false;
        for (s++; more; more--, s++)
            if ((*s & 0xC0) != 0x80)
                return false;
    }
    return true;
}

static const char *add(struct cvk__export *e, struct cvk_graph *set, const char *wanted, uint32_t dtype)
{
    char shown[512], numbered[4200];
    if (e->status != CVK_OK)
        return "";
    if (!is_utf8(wanted))
        wanted = cvk__text_escape(wanted, shown, sizeof shown);
    const char *name = wanted[0] ? wanted : "value";
    while (cvk__graph_named(set, name)) {
        snprintf(numbered, sizeof numbered, "%.4000s_%llu", wanted, (unsigned long long)++e->serial);
        name = numbered;
    }
    cvk_value v = cvk__graph_new_value(set, name);
    if (!v) {
        e->status = cvk__fail_memory(strlen(name), "a name");
        return "";
    }
    set->values[v - 1].desc.dtype = dtype;
    return set->values[v - 1].name;
}

const char *cvk__export_new_name(struct cvk__export *e, const char *wanted, uint32_t dtype)
{
    return add(e, e->value_names, wanted, dtype);
}

const char *cvk__export_node_name(struct cvk__export *e, const char *wanted)
{
    return add(e, e->node_names, wanted, 0);
}

const char *cvk__export_temp(struct cvk__export *e, const char *part)
{
    char wanted[300];
    snprintf(wanted, sizeof wanted, "%.200s/%s", e->node->name, part);
    return cvk__export_new_name(e, wanted, 0);
}

uint32_t cvk__export_name_type(const struct cvk__export *e, const char *name)
{
    cvk_value v = name[0] ? cvk__graph_named(e->value_names, name) : 0;
    return v ? e->value_names->values[v - 1].desc.dtype : 0;
}

/* What a constant without a name is called after: "conv1.w". */
static const char *part_of(uint32_t op, uint32_t input, char text[16])
{
    static const char *const norm[] = {"", "scale", "bias", "mean", "var"};
    bool sum = op == CVK_OP_CONV || op == CVK_OP_CONV_TRANSPOSE || op == CVK_OP_GEMM || op == CVK_OP_MATMUL;
    bool is_norm = op == CVK_OP_BATCH_NORM || op == CVK_OP_INSTANCE_NORM || op == CVK_OP_LAYER_NORM;
    if (sum && input > 0 && input < 3)
        return input == 1 ? "w" : "b";
    if (is_norm && input > 0 && input < 5)
        return norm[input];
    snprintf(text, 16, "input%u", input);
    return text;
}

static void name_value(struct cvk__export *e, cvk_value v, const char *wanted)
{
    if (!e->names[v - 1])
        e->names[v - 1] = cvk__export_new_name(e, wanted, cvk__onnx_value_type(e->g, v));
}

void cvk__export_name_values(struct cvk__export *e)
{
    const struct cvk_graph *g = e->g;
    for (uint32_t i = 0; i < g->input_count; i++)
        name_value(e, g->inputs[i], g->values[g->inputs[i] - 1].name);
    /* An output that is an input, a constant or another output as well gets its name by an Identity. */
    for (uint32_t i = 0; i < g->output_count; i++)
        if (g->values[g->outputs[i] - 1].producer >= 0)
            name_value(e, g->outputs[i], g->output_names[i]);
    for (uint32_t v = 0; v < g->value_count; v++)
        if (e->wanted[v] && g->values[v].name)
            name_value(e, (cvk_value)v + 1, g->values[v].name);
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct cvk__node *n = &g->nodes[i];
        char text[300], part[16];
        for (uint32_t k = 0; e->live[i] && k < n->input_count; k++) {
            if (!n->inputs[k] || g->values[n->inputs[k] - 1].producer >= 0)
                continue;
            snprintf(text, sizeof text, "%.200s.%s", n->name, part_of(n->op, k, part));
            name_value(e, n->inputs[k], text);
        }
        for (uint32_t k = 0; e->live[i] && k < n->output_count; k++) {
            if (!n->outputs[k])
                continue;
            snprintf(text, sizeof text, k ? "%.200s:%u" : "%.200s", n->name, k);
            name_value(e, n->outputs[k], text);
        }
    }
}

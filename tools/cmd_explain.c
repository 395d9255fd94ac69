/* SPDX-License-Identifier: MIT
 * `convoke explain`: a model layer by layer, without running it. */
#include <stdlib.h>
#include <string.h>

#include "explain.h"

static void put_axes(struct json *o, const char *key, uint32_t rank, const double *values)
{
    struct json *list = json_list_in(o, key);
    for (uint32_t i = 0; i < rank; i++)
        json_item_number(list, values[i]);
}

static void put_sizes(struct json *o, const char *key, uint32_t rank, const int64_t *values)
{
    struct json *list = json_list_in(o, key);
    for (uint32_t i = 0; i < rank; i++)
        json_item_number(list, (double)values[i]);
}

static void put_nodes(struct json *list, const struct plan_view *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        const struct cvk_node_report *n = &v->nodes[i];
        uint32_t rank = n->spatial_rank > 3 ? 3 : n->spatial_rank;
        struct json *o = json_item(list);
        json_text(o, "name", n->name);
        json_text(o, "op", n->op);
        json_text(o, "kind", n->kind);
        if (n->output_count && n->outputs[0]) {
            json_shape(o, "output", n->outputs[0]);
            json_text(o, "dtype", cvk_dtype_name(n->outputs[0]->dtype));
            json_text(o, "layout", cvk_layout_name(n->outputs[0]->layout));
        }
        json_count(o, "parameters", n->params);
        json_count(o, "macs", n->macs);
        json_count(o, "flops", n->flops);
        json_count(o, "bytes", n->bytes);
        json_count(o, "workspace_bytes", n->workspace_bytes);
        put_sizes(o, "window", rank, n->window);
        put_sizes(o, "stride", rank, v->strides[i]);
        put_sizes(o, "field", rank, n->field);
        put_axes(o, "step", rank, n->jump);
        put_axes(o, "offset", rank, n->offset);
        if (rank)
            json_bool(o, "field_aligned", n->field_aligned != 0);
        if (n->dense_weights) {
            json_count(o, "weights", plan_kernel_weights(n));
            json_count(o, "full_connection_weights", n->dense_weights);
        }
        json_text(o, "device", n->device);
        json_text(o, "kernel", n->kernel);
        json_text(o, "epilogue", n->epilogue);
        json_text(o, "note", n->note);
    }
}

void explain_put_json(struct json *root, const struct plan_view *written, const struct plan_view *real)
{
    put_nodes(json_list_in(root, "layers"), written);
    put_nodes(json_list_in(root, "nodes"), real);
    const struct cvk_session_report *r = &real->report;
    struct json *t = json_object_in(root, "totals");
    json_count(t, "parameters", written->report.params);
    json_count(t, "macs", written->report.macs);
    json_count(t, "flops", r->flops);
    json_count(t, "weight_bytes", r->weight_bytes);
    json_count(t, "arena_bytes", r->arena_bytes);
    json_count(t, "arena_naive_bytes", r->arena_naive_bytes);
    json_count(t, "workspace_bytes", r->workspace_bytes);
    json_count(t, "peak_memory_bytes", r->peak_bytes);
    json_count(t, "copies", r->copies);
    json_count(t, "copy_bytes", r->copy_bytes);
    json_count(t, "reorders", r->reorders);
    json_number(t, "plan_ms", r->plan_ns / 1e6);
}

/* Quoted text of the DOT language: quotes and backslashes are the two that matter after escaping. */
static void dot_text(const char *text)
{
    char safe[TOOL_TEXT];
    for (const char *s = tool_escape(text, safe, sizeof safe); *s; s++) {
        if (*s == '"' || *s == '\\')
            putchar('\\');
        putchar(*s);
    }
}

/* Where the node runs, by which kernel, and what was joined to it. */
static void dot_place(const struct cvk_node_report *n)
{
    printf("\\n");
    dot_text(n->device);
    printf(" ");
    dot_text(n->kernel);
    if (n->epilogue[0]) {
        printf(", then ");
        dot_text(n->epilogue);
    }
}

void explain_print_dot(const struct plan_view *v, const char *name)
{
    printf("digraph \"");
    dot_text(name);
    printf("\" {\n    node [shape=box, fontname=\"sans-serif\"];\n");
    for (uint32_t i = 0; i < v->count; i++) {
        char what[120], shape[CVK_SHAPE_TEXT];
        const struct cvk_node_report *n = &v->nodes[i];
        printf("    n%u [label=\"", i);
        dot_text(n->name);
        printf("\\n");
        dot_text(plan_what(v, i, what, sizeof what));
        if (n->output_count && n->outputs[0])
            printf("\\n%s", tool_shape(n->outputs[0], shape));
        dot_place(n);
        printf("\"];\n");
        for (uint32_t k = 0; k < n->input_count; k++) {
            if (!n->inputs[k] || n->input_ids[k] < 0)
                continue;
            uint32_t from = plan_maker(v, n->input_ids[k]);
            if (from != UINT32_MAX)
                printf("    n%u -> n%u;\n", from, i);
            else if (k == 0) /* what nobody makes is an input of the net, or weights, which would only crowd the picture */
                printf("    v%d [label=\"%s\", shape=ellipse];\n    v%d -> n%u;\n", n->input_ids[k],
                       tool_shape(n->inputs[k], shape), n->input_ids[k], i);
        }
    }
    printf("}\n");
}

static int parse_parts(const char *text, uint32_t *parts)
{
    static const char *const names[] = {"written", "fused", "field", "sharing"};
    char *copy = tool_copy(text), *rest = copy;
    int code = TOOL_GO_ON;
    for (char *word = strsep(&rest, ","); word && code == TOOL_GO_ON; word = strsep(&rest, ",")) {
        uint32_t i = 0;
        while (i < 4 && strcmp(word, names[i]) != 0)
            i++;
        if (i == 4) {
            const char *near = tool_nearest(word, names, 4);
            code = tool_fail(TOOL_USAGE, "--only knows written, fused, field and sharing, not '%s'%s%s%s", word,
                             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        } else
            *parts |= 1u << i;
    }
    free(copy);
    return code;
}

static int do_explain(const struct setup *setup, const char *text, const char *only, bool dot, bool fused)
{
    uint32_t parts = fused ? EXPLAIN_FUSED : 0;
    int code = only ? parse_parts(only, &parts) : TOOL_GO_ON;
    struct cvk_context *ctx = NULL;
    struct model m = {0};
    struct plan_view written = {0}, real = {0};
    if (code == TOOL_GO_ON && setup->json && dot)
        code = tool_fail(TOOL_USAGE, "--json and --dot exclude each other");
    if (code == TOOL_GO_ON)
        code = setup_start(setup, &ctx);
    if (code == TOOL_GO_ON)
        code = model_load(text, setup->seed, &m);
    if (code == TOOL_GO_ON)
        code = plan_view_create(ctx, &m, setup, 0, &real);
    if (code == TOOL_GO_ON) {
        struct setup plain = setup_as_written(setup, ctx);
        code = plan_view_create(ctx, &m, &plain, CVK_SESSION_NO_FUSE, &written);
    }
    if (code == TOOL_GO_ON && setup->json) {
        struct json *root = json_create();
        json_text(root, "model", text);
        json_text(root, "device", real.report.device);
        json_count(root, "batch", setup->batch ? setup->batch : 1);
        explain_put_json(root, &written, &real);
        code = json_finish(root);
    } else if (code == TOOL_GO_ON && dot) {
        explain_print_dot(fused ? &real : &written, text);
    } else if (code == TOOL_GO_ON) {
        char safe[TOOL_TEXT], shape[CVK_SHAPE_TEXT];
        printf("%s%s%s\n", tool_colour(TOOL_BOLD), tool_escape(text, safe, sizeof safe), tool_colour(TOOL_PLAIN));
        for (uint32_t i = 0; i < cvk_session_input_count(real.session); i++) {
            const struct cvk_tensor_desc *d = cvk_session_input_desc(real.session, i);
            printf("input '%s': %s %s\n", tool_escape(cvk_session_input_name(real.session, i), safe, sizeof safe),
                   cvk_dtype_name(d->dtype), tool_shape(d, shape));
        }
        explain_print_text(&written, &real, parts ? parts : EXPLAIN_WRITTEN | EXPLAIN_FUSED | EXPLAIN_FIELD | EXPLAIN_SHARING);
    }
    plan_view_free(&written);
    plan_view_free(&real);
    model_free(&m);
    cvk_context_destroy(ctx);
    return code == TOOL_GO_ON ? TOOL_OK : code;
}

int cvk_tool_explain(int argc, char **argv)
{
    struct setup setup = {0};
    const char *only = NULL;
    bool dot = false, fused = false;
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"fused", OPTION_FLAG, &fused, NULL, "only what really runs, with kernels and devices (also for --dot)", 0, 0},
        {"only", OPTION_TEXT, &only, "PART,...", "parts to print: written, fused, field, sharing (default: all)", 0, 0},
        {"dot", OPTION_FLAG, &dot, NULL, "print the graph in Graphviz' language", 0, 0},
    };
    const struct command command = {
        .name = "explain",
        .summary = "a model layer by layer: sizes, parameters, work, receptive field, what runs where",
        .usage = "MODEL [OPTION...]",
        .model = model_help,
        .about = "Sizes are in the order N x C x H x W; an RGB picture of 28 x 28 pixels, \"28*28*3\" in the order H x W x C, is "
                 "3x28x28. \"Receptive field\" is said of two things: the window under a filter (here: the sizes in \"what it "
                 "is\") and the part of the original input that an output sees through all layers before it (here: \"field\").",
        .examples = "convoke explain \"3x32x32: 6c5\"\nconvoke explain \"1x12x12: 10c3p1-mp3-1c2\" --only field\n"
                    "convoke explain model.onnx --device ref --batch 8\nconvoke explain model.onnx --dot | dot -Tsvg > model.svg",
        ARGS_OPTIONS_OF(options),
        .shared = shared,
        .shared_count = setup_options(&setup, SETUP_ALL, shared),
        .rest_name = "a MODEL",
        .rest_min = 1,
        .rest_max = 1};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = do_explain(&setup, rest.items[0], only, dot, fused);
    args_free(&rest);
    return code;
}

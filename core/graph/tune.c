/* SPDX-License-Identifier: MIT
 * Tuning a net: its distinct nodes, those with the most work first, within a budget of time; and the public calls. */
#include "tune.h"

#include <stdlib.h>

#include "../ops/op_def.h"

#define QUICK_SECONDS 10

struct cvk_tune_result {
    struct cvk__tune *tune;
};

struct cvk__tune *cvk__tune_create(const struct cvk_tune_params *params)
{
    struct cvk__tune *t = cvk__alloc(CVK__TAG_SESSION, sizeof *t);
    if (!t)
        return NULL;
    t->params = *params;
    t->params.session = NULL;
    t->params.level = params->level ? params->level : CVK_TUNE_QUICK;
    if (t->params.budget_seconds <= 0 && t->params.level == CVK_TUNE_QUICK)
        t->params.budget_seconds = QUICK_SECONDS;
    return t;
}

void cvk__tune_destroy(struct cvk__tune *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->count; i++) {
        cvk__free(t->nodes[i].name);
        cvk__free(t->nodes[i].device);
    }
    cvk__free(t->nodes);
    cvk__free(t->reorders);
    cvk__free(t);
}

bool cvk__tune_goes_on(struct cvk__tune *t, const struct cvk_tune_progress *told)
{
    struct cvk_tune_progress p = *told;
    double budget = t->params.budget_seconds;
    p.node = t->order;
    p.node_count = t->count;
    p.spent_s = (cvk__now_ns() - t->start_ns) * 1e-9;
    p.left_s = budget > 0 ? budget - p.spent_s : -1;
    if (t->end != CVK_TUNE_DONE)
        return false;
    if (t->params.progress && t->params.progress(t->params.progress_arg, &p) != CVK_OK)
        t->end = CVK_TUNE_STOPPED;
    else if (budget > 0 && p.spent_s > budget)
        t->end = CVK_TUNE_BUDGET;
    return t->end == CVK_TUNE_DONE;
}

/* ---- the nodes of a net ------------------------------------------------------------------------------------------------- */

static bool wants_tuning(const struct cvk_session *s, const struct cvk__step *step)
{
    const struct cvk__device *d = s->devices.devices[step->device];
    return step->kind == CVK__STEP_RUN && s->g->nodes[step->node].op != CVK_OP_REORDER &&
           !(d->backend->plugin.flags & CVK_PLUGIN_REFERENCE);
}

static int by_kind(const void *a, const void *b)
{
    const struct cvk__tuned *p = a, *q = b;
    if (p->hash != q->hash)
        return p->hash < q->hash ? -1 : 1;
    return (p->step > q->step) - (p->step < q->step);
}

static int by_weight(const void *a, const void *b)
{
    const struct cvk__tuned *p = a, *q = b;
    if (p->weight != q->weight)
        return p->weight > q->weight ? -1 : 1;
    return (p->step > q->step) - (p->step < q->step);
}

static int by_place(const void *a, const void *b)
{
    const struct cvk__tuned *p = a, *q = b;
    return (p->step > q->step) - (p->step < q->step);
}

static int32_t look_at(struct cvk_session *s, uint32_t step, struct cvk__tuned *out)
{
    const struct cvk__node *n = &s->g->nodes[s->steps[step].node];
    struct cvk__node_view view;
    struct cvk__cost cost;
    char key[CVK_NOTE_KEY_BYTES];
    CVK__TRY(cvk__node_view_init(&view, s->g, n, s->node_flags));
    const struct cvk__op_def *def = cvk__op_find(n->op);
    cvk__choice_key(s->devices.devices[s->steps[step].device], &view.node, key);
    const struct cvk_tensor_desc *result = cvk__node_result(&view.node);
    cvk__node_cost(&view.node, &cost);
    *out = (struct cvk__tuned){.hash = cvk__hash(s->steps[step].device + 1, key, strlen(key)), .step = step};
    out->weight = (double)cost.flops + 8 * (double)cvk_tensor_desc_count(result);
    out->output = *result;
    if (n->input_count && view.node.inputs[0])
        out->input = *view.node.inputs[0];
    out->report = (struct cvk_tune_node){.op = def->name, .count = 1};
    cvk__node_view_finish(&view);
    return CVK_OK;
}

/* One entry per kind of node, with the work of all of its kind. */
static int32_t find_nodes(struct cvk__tune *t, struct cvk_session *s)
{
    uint32_t found = 0;
    t->nodes = cvk__alloc_array(CVK__TAG_SESSION, s->step_count + 1u, sizeof *t->nodes);
    if (!t->nodes)
        return cvk__fail_memory(s->step_count * sizeof *t->nodes, "tuning");
    for (uint32_t i = 0; i < s->step_count; i++)
        if (wants_tuning(s, &s->steps[i]))
            CVK__TRY(look_at(s, i, &t->nodes[found++]));
    qsort(t->nodes, found, sizeof *t->nodes, by_kind);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found; i++) {
        if (kept && t->nodes[i].hash == t->nodes[kept - 1].hash) {
            t->nodes[kept - 1].weight += t->nodes[i].weight;
            t->nodes[kept - 1].report.count++;
        } else {
            t->nodes[kept++] = t->nodes[i];
        }
    }
    qsort(t->nodes, kept, sizeof *t->nodes, by_weight);
    t->count = kept; /* from here on destroy frees the names */
    for (uint32_t i = 0; i < kept; i++) {
        struct cvk__tuned *node = &t->nodes[i];
        const struct cvk__step *step = &s->steps[node->step];
        node->name = cvk__strdup(CVK__TAG_SESSION, s->g->nodes[step->node].name);
        node->device = cvk__strdup(CVK__TAG_SESSION, s->devices.devices[step->device]->spec);
        if (!node->name || !node->device)
            return cvk__fail_memory(64, "tuning");
    }
    return CVK_OK;
}

static void tell_node(const struct cvk__tune *t, const struct cvk_session *s, const struct cvk__tuned *node)
{
    const struct cvk_tune_node *r = &node->report;
    const char *how = r->remembered ? "remembered" : r->measured ? "measured" : "not measured";
    cvk__log(&s->ctx->log, CVK_LOG_INFO, "tune", "%u of %u: %s '%s' on %s: %s %.3g ms, untuned %s %.3g ms (%s, %u of %u tried)",
             t->order + 1, t->count, r->op, CVK__SHOW(node->name), node->device, r->chosen.kernel, r->chosen.time_ns * 1e-6,
             r->untuned.kernel, r->untuned.time_ns * 1e-6, how, r->tried, r->ways);
}

/* Where there was no time, the untuned kernel stands for the chosen one. */
static void fill_reports(struct cvk__tune *t, const struct cvk_session *s)
{
    qsort(t->nodes, t->count, sizeof *t->nodes, by_place);
    for (uint32_t i = 0; i < t->count; i++) {
        struct cvk__tuned *node = &t->nodes[i];
        const struct cvk__step *step = &s->steps[node->step];
        node->report.name = node->name;
        node->report.device = node->device;
        node->report.input = node->input.size ? &node->input : NULL;
        node->report.output = &node->output;
        if (!node->report.untuned.kernel) {
            uint32_t x = node->input.size ? node->input.layout : (uint32_t)CVK_LAYOUT_PLAIN;
            node->report.untuned = (struct cvk_tune_way){step->row->name, step->variant, x, node->output.layout, 0};
            node->report.chosen = node->report.untuned;
        }
    }
}

int32_t cvk__tune_run(struct cvk__tune *t, struct cvk_session *s)
{
    if (!s->evaluator)
        return cvk__fail(CVK_E_NOT_FOUND, "tuning compares with the reference backend, and there is none");
    t->start_ns = cvk__now_ns();
    CVK__TRY(find_nodes(t, s));
    uint32_t measured = 0;
    for (t->order = 0; t->order < t->count && t->end == CVK_TUNE_DONE; t->order++) {
        struct cvk__tuned *node = &t->nodes[t->order];
        int32_t status = cvk__tune_node(t, s, node);
        if (status != CVK_OK)
            return cvk__fail_in(status, "tuning node '%s': ", CVK__SHOW(node->name));
        tell_node(t, s, node);
        measured += node->report.measured;
    }
    fill_reports(t, s);
    if (!t->count)
        return CVK_OK;
    cvk__log(&s->ctx->log, CVK_LOG_INFO, "tune", "%u of %u kinds of nodes are measured, %.1f s%s", measured, t->count,
             (cvk__now_ns() - t->start_ns) * 1e-9,
             t->end == CVK_TUNE_BUDGET    ? "; the time was over"
             : t->end == CVK_TUNE_STOPPED ? "; stopped"
                                          : "");
    return CVK_OK;
}

/* ---- public ------------------------------------------------------------------------------------------------------------- */

int32_t cvk_tune(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_tune_params *params,
                 struct cvk_tune_result **out)
{
    static const struct cvk_tune_params defaults = {0};
    const struct cvk_tune_params *p = params ? params : &defaults;
    if (!ctx || !g || !out)
        return cvk__fail(CVK_E_ARG, "cvk_tune: context, graph or out is NULL");
    *out = NULL;
    if (p->level > CVK_TUNE_FULL)
        return cvk__fail(CVK_E_ARG, "cvk_tune: there is no level %u", p->level);
    struct cvk_session_params session = p->session ? *p->session : (struct cvk_session_params){0};
    session.flags |= CVK_SESSION_PLAN_ONLY;
    struct cvk_tune_result *r = cvk__alloc(CVK__TAG_SESSION, sizeof *r);
    if (!r || !(r->tune = cvk__tune_create(p))) {
        cvk__free(r);
        return cvk__fail_memory(sizeof *r, "tuning");
    }
    struct cvk_session *s = NULL;
    int32_t status = cvk__session_create_tuned(ctx, g, &session, r->tune, &s);
    cvk_session_destroy(s);
    if (status != CVK_OK) {
        cvk_tune_result_destroy(r);
        return status;
    }
    *out = r;
    return CVK_OK;
}

void cvk_tune_result_destroy(struct cvk_tune_result *r)
{
    if (!r)
        return;
    cvk__tune_destroy(r->tune);
    cvk__free(r);
}

uint32_t cvk_tune_result_count(const struct cvk_tune_result *r)
{
    return r ? r->tune->count : 0;
}

uint32_t cvk_tune_result_end(const struct cvk_tune_result *r)
{
    return r ? r->tune->end : (uint32_t)CVK_TUNE_DONE;
}

int32_t cvk_tune_result_node(const struct cvk_tune_result *r, uint32_t i, struct cvk_tune_node *out)
{
    if (!r || !out || i >= r->tune->count)
        return cvk__fail(CVK_E_ARG, "cvk_tune_result_node: no node %u", i);
    *out = r->tune->nodes[i].report;
    return CVK_OK;
}

int32_t cvk_tune_export(struct cvk_context *ctx, const char *device, int32_t (*fn)(void *arg, const char *key, const char *text),
                        void *arg)
{
    struct cvk__device_list list;
    if (!ctx || !fn)
        return cvk__fail(CVK_E_ARG, "cvk_tune_export: context or function is NULL");
    CVK__TRY(cvk__device_list_open(ctx, device, &list));
    int32_t status = cvk__note_each(list.devices[0], CVK__CHOICES, fn, arg);
    cvk__device_list_close(&list);
    return status;
}

int32_t cvk_tune_import(struct cvk_context *ctx, const char *device, const char *key, const char *text)
{
    struct cvk__device_list list;
    struct cvk__choice_note note;
    if (!ctx || !key || !text)
        return cvk__fail(CVK_E_ARG, "cvk_tune_import: context, key or text is NULL");
    if (strncmp(key, CVK__CHOICES, strlen(CVK__CHOICES)) != 0 || strlen(key) >= CVK_NOTE_KEY_BYTES ||
        !cvk__choice_parse(text, &note))
        return cvk__fail(CVK_E_FORMAT, "'%s' with '%s' is no measured choice", CVK__SHOW(key), CVK__SHOW(text));
    for (const char *at = key; *at; at++)
        if (*at < ' ' || *at > '~')
            return cvk__fail(CVK_E_FORMAT, "'%s' is no measured choice", CVK__SHOW(key));
    CVK__TRY(cvk__device_list_open(ctx, device, &list));
    int32_t status = cvk__note_keep(list.devices[0], key, text);
    cvk__device_list_close(&list);
    return status;
}

int32_t cvk_tune_device(struct cvk_context *ctx, const char *device, struct cvk_device_info *info, const char **backend,
                        uint32_t *lasting)
{
    struct cvk__device_list list;
    if (!ctx || !info || !backend || !lasting)
        return cvk__fail(CVK_E_ARG, "cvk_tune_device: context or a place for an answer is NULL");
    CVK__TRY(cvk__device_list_open(ctx, device, &list));
    *info = list.devices[0]->info;
    *backend = list.devices[0]->backend->plugin.name;
    *lasting = list.devices[0]->notes_api != NULL;
    cvk__device_list_close(&list);
    return CVK_OK;
}

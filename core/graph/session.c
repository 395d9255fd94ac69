/* SPDX-License-Identifier: MIT
 * Making and ending a session: the passes in their order. */
#include "../ops/op_def.h"
#include "segment.h"
#include "tune.h"

/* ---- input sizes ---------------------------------------------------------------------------------------------------- */

/* What the caller said about input i; NULL if nothing. */
static const struct cvk_session_input *find_input(const struct cvk_session_params *p, const char *name, uint32_t i)
{
    for (uint32_t k = 0; k < p->input_count; k++) {
        const struct cvk_session_input *in = &p->inputs[k];
        if (in->name ? !strcmp(in->name, name) : k == i)
            return in;
    }
    return NULL;
}

static int32_t check_input_names(const struct cvk_graph *g, const struct cvk_session_params *p)
{
    if (p->input_count && !p->inputs)
        return cvk__fail(CVK_E_ARG, "session: %u inputs are announced, but the list is NULL", p->input_count);
    for (uint32_t k = 0; k < p->input_count; k++) {
        bool known = p->inputs[k].name ? false : k < g->input_count;
        for (uint32_t i = 0; !known && p->inputs[k].name && i < g->input_count; i++)
            known = !strcmp(cvk__value_at(g, g->inputs[i])->name, p->inputs[k].name);
        if (!known) {
            char shown[96];
            return cvk__fail(CVK_E_NOT_FOUND, "session: the net has no input '%s' (it has %u)",
                             cvk__text_escape(p->inputs[k].name ? p->inputs[k].name : "", shown, sizeof shown), g->input_count);
        }
    }
    return CVK_OK;
}

static int32_t size_input(struct cvk__value *v, const struct cvk_session_input *in, int64_t batch)
{
    char shown[96], have[CVK_SHAPE_TEXT], want[CVK_SHAPE_TEXT];
    cvk__text_escape(v->name, shown, sizeof shown);
    int64_t dims[CVK_MAX_RANK];
    for (uint32_t i = 0; i < v->desc.rank; i++)
        dims[i] = v->open_dims >> i & 1 ? batch : v->desc.dims[i];
    if (in && in->dims) {
        bool fits = in->rank == v->desc.rank;
        for (uint32_t i = 0; fits && i < in->rank; i++) {
            fits = v->open_dims >> i & 1 || in->dims[i] == v->desc.dims[i];
            dims[i] = in->dims[i];
        }
        if (!fits)
            return cvk__fail(CVK_E_SHAPE, "input '%s' is %s in the net%s; %s does not fit", shown,
                             cvk_shape_text(v->desc.rank, v->desc.dims, want), v->open_dims ? " (1 where the size is open)" : "",
                             in->rank <= CVK_MAX_RANK ? cvk_shape_text(in->rank, in->dims, have) : "the given rank");
    }
    int32_t status = cvk_tensor_desc_init(&v->desc, v->desc.dtype, CVK_LAYOUT_PLAIN, v->desc.rank, dims);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "input '%s': ", shown);
}

static int32_t fix_content(struct cvk__value *v)
{
    void *copy = cvk__alloc_buffer(CVK__TAG_SESSION, v->desc.bytes);
    if (!copy)
        return cvk__fail_memory(v->desc.bytes, "an input's content");
    memcpy(copy, v->content, v->desc.bytes);
    v->blob = cvk__blob_create(copy, v->desc.bytes);
    return v->blob ? CVK_OK : cvk__fail_memory(v->desc.bytes, "an input's content");
}

#define MAX_WALKED                                                                                                               \
    10000000ull /* nodes, all walks together: many inputs that decide sizes, one behind the other, in a large net */

/* The working copy with concrete sizes and resolved parameters. A shape rule may ask for the content of inputs that the caller
 * gave: they are fixed and the walk begins again. */
static int32_t infer_all(struct cvk_session *s, const struct cvk_graph *g, const struct cvk_session_params *p)
{
    bool *fixed = cvk__alloc_array(CVK__TAG_SESSION, g->input_count + 1u, sizeof *fixed);
    int32_t status = fixed ? CVK__UNKNOWN : cvk__fail_memory(g->input_count, "a session");
    int64_t batch = p->batch ? p->batch : 1;
    uint64_t walked = 0;
    for (bool again = true; again && status == CVK__UNKNOWN;) {
        again = false;
        cvk_graph_destroy(s->g);
        s->g = NULL;
        if ((walked += g->node_count) > MAX_WALKED) {
            status =
                cvk__fail(CVK_E_LIMIT, "too many inputs decide sizes, one behind the other, in a net of %u nodes", g->node_count);
            break;
        }
        status = cvk__graph_clone(g, &s->g);
        if (status == CVK_OK)
            s->g->macs_limit = p->macs_limit;
        for (uint32_t i = 0; i < g->input_count && status == CVK_OK; i++) {
            struct cvk__value *v = cvk__value_at(s->g, s->g->inputs[i]);
            const struct cvk_session_input *in = find_input(p, v->name, i);
            status = size_input(v, in, batch);
            v->content = in ? in->content : NULL;
            if (status == CVK_OK && fixed[i])
                status = fix_content(v);
        }
        if (status == CVK_OK)
            status = cvk__graph_infer(s->g, s->evaluator);
        for (uint32_t i = 0; i < g->input_count && status == CVK__UNKNOWN; i++)
            if (cvk__value_at(s->g, s->g->inputs[i])->fix_wanted && !fixed[i])
                fixed[i] = again = true;
    }
    cvk__free(fixed);
    if (status == CVK__UNKNOWN)
        status =
            cvk__fail(CVK_E_SHAPE, "the sizes cannot be worked out before the run: a shape depends on content that is not known "
                                   "(is the reference backend there to evaluate constants?)");
    return status;
}

/* ---- limits ----------------------------------------------------------------------------------------------------------- */

static int32_t check_macs(struct cvk_session *s, uint64_t limit)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < s->g->node_count && limit; i++) {
        if (s->g->nodes[i].dead)
            continue;
        struct cvk__node_view view;
        struct cvk__cost cost;
        CVK__TRY(cvk__node_view_init(&view, s->g, &s->g->nodes[i], 0));
        cvk__node_cost(&view.node, &cost);
        cvk__node_view_finish(&view);
        if (!cvk__add_u64(total, cost.macs, &total))
            total = UINT64_MAX;
        if (total > limit)
            return cvk__fail(CVK_E_LIMIT, "one run needs more than %llu multiply-adds (at node '%s'); the limit is %llu",
                             (unsigned long long)total, CVK__SHOW(s->g->nodes[i].name), (unsigned long long)limit);
    }
    return CVK_OK;
}

/* ---- creation --------------------------------------------------------------------------------------------------------- */

/* Segments, and memory for everything: as wished, or if that is above the limit with the smallest pieces, or without segments. */
static int32_t place(struct cvk_session *s, uint64_t limit)
{
    int32_t status = CVK_E_LIMIT;
    for (uint32_t mode = CVK__SEGMENTS_WISHED; mode <= CVK__SEGMENTS_NONE && status == CVK_E_LIMIT; mode++) {
        CVK__TRY(cvk__segments_find(s, (enum cvk__segment_mode)mode));
        status = cvk__plan_memory(s, limit);
        if (!s->segment_count)
            break;
    }
    return status;
}

/* taken: NULL, or the caller's graph g, which ends as soon as the working copy stands: what the passes and the builds replace
 * is then held by nobody else. */
static int32_t plan(struct cvk_session *s, const struct cvk_graph *g, struct cvk_graph **taken,
                    const struct cvk_session_params *p)
{
    CVK__TRY(check_input_names(g, p));
    CVK__TRY(infer_all(s, g, p));
    if (taken) {
        cvk_graph_destroy(*taken);
        *taken = NULL;
    }
    CVK__TRY(check_macs(s, p->macs_limit));
    bool fuse = !(s->flags & CVK_SESSION_NO_FUSE);
    cvk__assign_domains(s);
    if (fuse) {
        CVK__TRY(cvk__simplify(s->g));
        CVK__TRY(cvk__fold_norms(s->g));
    }
    CVK__TRY(cvk__settle(s, fuse));
    uint64_t limit = p->memory_limit_bytes ? p->memory_limit_bytes : s->ctx->memory_limit_bytes;
    CVK__TRY(place(s, limit));
    return cvk__report_init(s);
}

static int32_t create(struct cvk_session *s, const struct cvk_graph *g, struct cvk_graph **taken,
                      const struct cvk_session_params *p)
{
    double start = cvk__now_ns();
    CVK__TRY(cvk__force_parse(p->kernels ? p->kernels : cvk__getenv("CONVOKE_KERNEL"), &s->force));
    CVK__TRY(cvk__device_list_open(s->ctx, p->device, &s->devices));
    for (uint32_t d = 0; d < s->devices.count; d++)
        if (s->node_flags & CVK_NODE_DETERMINISTIC && !(s->devices.devices[d]->info.caps & CVK_CAP_DETERMINISTIC))
            return cvk__fail(CVK_E_UNSUPPORTED, "device '%s' does not promise the same bits on every run",
                             s->devices.devices[d]->spec);
    const struct cvk__backend *reference = cvk__backend_reference(s->ctx);
    /* Without the reference nothing is folded; shape rules then say what they miss. */
    if (reference)
        CVK__TRY(cvk__device_open(s->ctx, reference, 0, NULL, &s->evaluator));
    int32_t status = plan(s, g, taken, p);
    cvk__device_close(s->evaluator);
    s->evaluator = NULL;
    if (status != CVK_OK)
        return status;
    s->report.plan_ns = cvk__now_ns() - start;
    if (s->flags & CVK_SESSION_PLAN_ONLY)
        return CVK_OK;
    start = cvk__now_ns();
    s->written = cvk__alloc_array(CVK__TAG_SESSION, s->g->input_count + 1u, sizeof *s->written);
    if (!s->written)
        return cvk__fail_memory(s->g->input_count, "a session");
    CVK__TRY(cvk__prepare(s));
    s->report.build_ns = cvk__now_ns() - start;
    s->ready = true;
    return CVK_OK;
}

static int32_t create_from(struct cvk_context *ctx, const struct cvk_graph *g, struct cvk_graph **taken,
                           const struct cvk_session_params *params, struct cvk__tune *tune, struct cvk_session **out)
{
    static const struct cvk_session_params defaults = {0};
    if (!ctx || !g || !out)
        return cvk__fail(CVK_E_ARG, "cvk_session_create: context, graph or out is NULL");
    *out = NULL;
    if (g->status != CVK_OK)
        return cvk__fail(g->status, "the graph was not built whole: %s", cvk_graph_error(g));
    if (!g->output_count)
        return cvk__fail(CVK_E_ARG, "the graph '%s' has no output; name one with cvk_output", CVK__SHOW(g->name));
    const struct cvk_session_params *p = params ? params : &defaults;
    if (p->batch < 0)
        return cvk__fail(CVK_E_ARG, "session: the batch must be positive, not %lld", (long long)p->batch);
    const char *check = cvk__getenv("CONVOKE_CHECK");
    if (check && check[0] && strcmp(check, "nan"))
        return cvk__fail(CVK_E_ARG, "CONVOKE_CHECK='%s' is no check; there is nan", CVK__SHOW(check));
    struct cvk_session *s = cvk__alloc(CVK__TAG_SESSION, sizeof *s);
    if (!s)
        return cvk__fail_memory(sizeof *s, "a session");
    s->ctx = ctx;
    s->flags = p->flags;
    s->node_flags = p->flags & CVK_SESSION_DETERMINISTIC ? CVK_NODE_DETERMINISTIC : 0;
    s->check_nan = check && check[0];
    s->tune = tune;
    int32_t status = cvk__segments_wish(s);
    if (status == CVK_OK)
        status = cvk__settle_wish(s);
    if (status == CVK_OK)
        status = create(s, g, taken, p);
    if (status != CVK_OK) {
        cvk_session_destroy(s);
        return status;
    }
    *out = s;
    return CVK_OK;
}

int32_t cvk_session_create(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_session_params *params,
                           struct cvk_session **out)
{
    return create_from(ctx, g, NULL, params, NULL, out);
}

int32_t cvk__session_create_tuned(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_session_params *params,
                                  struct cvk__tune *tune, struct cvk_session **out)
{
    return create_from(ctx, g, NULL, params, tune, out);
}

int32_t cvk_session_create_taking(struct cvk_context *ctx, struct cvk_graph *g, const struct cvk_session_params *params,
                                  struct cvk_session **out)
{
    int32_t status = create_from(ctx, g, &g, params, NULL, out);
    cvk_graph_destroy(g); /* NULL if the working copy was made */
    return status;
}

void cvk_session_destroy(struct cvk_session *s)
{
    if (!s)
        return;
    cvk__report_finish(s);
    cvk__unprepare(s);
    if (s->tune_owned)
        cvk__tune_destroy(s->tune);
    cvk__device_close(s->evaluator);
    cvk__device_list_close(&s->devices);
    cvk__free(s->written);
    cvk_graph_destroy(s->g);
    cvk__free(s);
}

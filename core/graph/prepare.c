/* SPDX-License-Identifier: MIT
 * Makes a planned session ready: memory, constants, packed weights; and gives all of it back. */
#include "segment.h"

static int32_t allocate_domain(struct cvk__domain *d)
{
    if (!d->device)
        return CVK_OK;
    uint64_t bytes = d->arena_bytes ? d->arena_bytes : CVK_ALIGN_BYTES;
    CVK__TRY(cvk__buffer_alloc(d->device, bytes, &d->arena));
    if (d->host)
        memset(d->arena, 0, bytes);
    return d->workspace_bytes ? cvk__buffer_alloc(d->device, d->workspace_bytes, &d->workspace) : CVK_OK;
}

/* True for kernels that take constants from the host's memory at build and never again. */
static bool packs_on_host(const struct cvk__step *step)
{
    const uint32_t both = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_HOST_CONSTANTS;
    return step->kind == CVK__STEP_RUN && (step->row->flags & both) == both;
}

/* Marks the values that some step reads where they lie in the device's memory; wanted[v - 1]. */
static void find_wanted(const struct cvk_session *s, bool *wanted)
{
    for (uint32_t t = 0; t < s->step_count; t++) {
        const struct cvk__node *n = &s->g->nodes[s->steps[t].node];
        const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
        for (uint32_t i = packs_on_host(&s->steps[t]) ? n->input_count : 0; i < n->input_count + 4; i++) {
            cvk_value v = i < n->input_count ? n->inputs[i] : extra[i - n->input_count];
            if (v)
                wanted[v - 1] = true;
        }
    }
}

static int32_t upload(struct cvk_session *s, const bool *wanted)
{
    for (uint32_t i = 0; i < s->g->value_count; i++) {
        const struct cvk__value *v = &s->g->values[i];
        struct cvk__place *p = &s->places[i];
        if (!v->blob || !p->homed || p->last < 0)
            continue;
        struct cvk__domain *d = &s->domains[p->domain];
        if (d->host) {
            p->buffer = v->blob->data;
            continue;
        }
        if (!wanted[i])
            continue;
        CVK__TRY(cvk__buffer_alloc(d->device, v->desc.bytes ? v->desc.bytes : 1, &p->buffer));
        if (v->desc.bytes)
            CVK__TRY(cvk__buffer_write(d->device, p->buffer, 0, v->blob->data, v->desc.bytes));
    }
    return CVK_OK;
}

/* Host memory uses the constant where it is; a device gets a copy of what its kernels read there. */
static int32_t upload_constants(struct cvk_session *s)
{
    bool *wanted = cvk__alloc_array(CVK__TAG_SESSION, s->g->value_count + 1u, sizeof *wanted);
    if (!wanted)
        return cvk__fail_memory(s->g->value_count, "a plan");
    find_wanted(s, wanted);
    int32_t status = upload(s, wanted);
    cvk__free(wanted);
    return status;
}

/* What states hold before the first run. */
static int32_t write_states(struct cvk_session *s)
{
    for (uint32_t i = 0; i < s->g->value_count; i++) {
        const struct cvk__value *v = &s->g->values[i];
        const struct cvk__place *p = &s->places[i];
        if (!v->initial || !p->homed || !p->in_arena || !v->desc.bytes)
            continue;
        struct cvk_binding b = cvk__binding(s, (cvk_value)(i + 1));
        CVK__TRY(cvk__buffer_write(s->domains[p->domain].device, b.buffer, b.offset, v->initial->data, v->desc.bytes));
    }
    return CVK_OK;
}

static const float *host_content(const struct cvk_session *s, cvk_value v)
{
    const struct cvk__value *value = cvk__value_at(s->g, v);
    return value && value->blob ? value->blob->data : NULL;
}

/* Fills the bindings of constants, or of all operands. */
static void fill_bindings(const struct cvk_session *s, const struct cvk__step *step, bool constants_only)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    uint32_t in = n->input_count, out = n->output_count;
    const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
    for (uint32_t i = 0; i < in + out + 4; i++) {
        cvk_value v = i < in ? n->inputs[i] : i < in + out ? n->outputs[i - in] : extra[i - in - out];
        bool constant = v && cvk__value_at(s->g, v)->blob;
        if (constant || !constants_only)
            step->bindings[i] = cvk__binding(s, v);
    }
    if (!constants_only)
        step->bindings[in + out + 4].buffer = s->domains[s->domain_of[step->device]].workspace;
}

/* Bindings and the exec structure of one step, as build sees it: constants alone are bound. */
static int32_t bind_step(struct cvk_session *s, struct cvk__step *step)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    struct cvk__device *device = s->devices.devices[step->device];
    if (step->segment)
        CVK__TRY(cvk__segment_view(s, step, s->segments[step->segment - 1].images, &step->view, &step->descs));
    else
        CVK__TRY(cvk__node_view_init(&step->view, s->g, n, s->node_flags));
    uint32_t in = n->input_count, out = n->output_count;
    struct cvk_binding *b = cvk__alloc_array(CVK__TAG_SESSION, in + out + 5u, sizeof *b);
    if (!b)
        return cvk__fail_memory(sizeof *b, "a plan");
    step->bindings = b;
    fill_bindings(s, step, true);
    struct cvk_binding *e = b + in + out;
    e[4].bytes = step->plan.workspace_bytes;
    step->exec = (struct cvk_exec){.size = sizeof step->exec,
                                   .host = &device->host,
                                   .device = device->handle,
                                   .queue = device->queue,
                                   .node = &step->view.node,
                                   .plan = &step->plan,
                                   .inputs = b,
                                   .outputs = b + in,
                                   .bias = n->bias ? &e[0] : NULL,
                                   .scale = n->scale ? &e[1] : NULL,
                                   .shift = n->shift ? &e[2] : NULL,
                                   .residual = n->residual ? &e[3] : NULL,
                                   .workspace = step->plan.workspace_bytes ? &e[4] : NULL,
                                   .bias_host = host_content(s, n->bias),
                                   .scale_host = host_content(s, n->scale),
                                   .shift_host = host_content(s, n->shift)};
    return CVK_OK;
}

static int32_t build_step(struct cvk_session *s, struct cvk__step *step)
{
    CVK__TRY(bind_step(s, step));
    if (step->kind != CVK__STEP_RUN) {
        fill_bindings(s, step, false);
        return CVK_OK;
    }
    if (step->plan.packed_bytes) {
        step->exec.packed = cvk__alloc_buffer(CVK__TAG_SESSION, step->plan.packed_bytes);
        if (!step->exec.packed)
            return cvk__fail_memory(step->plan.packed_bytes, "packed weights");
    }
    if (step->row->build) {
        struct cvk__device *d = s->devices.devices[step->device];
        cvk__log(&s->ctx->log, CVK_LOG_DEBUG, "compile", "node '%s': building kernel %s on %s",
                 CVK__SHOW(s->g->nodes[step->node].name), step->row->name, d->spec);
        cvk__plugin_enter();
        int32_t status = cvk__plugin_leave(d, step->row->build(&step->exec), "building a kernel");
        if (status != CVK_OK)
            return cvk__fail_in(status, "node '%s', kernel %s on %s: ", CVK__SHOW(s->g->nodes[step->node].name), step->row->name,
                                d->spec);
    }
    step->built = true;
    fill_bindings(s, step, false);
    return CVK_OK;
}

#define KEPT INT32_MAX

/* Fills last[] for each value: the last step whose build reads it; KEPT if more than builds does; -1 if nothing does. */
static void find_last_builds(const struct cvk_session *s, int32_t *last)
{
    for (uint32_t i = 0; i < s->g->value_count; i++)
        last[i] = -1;
    for (uint32_t t = 0; t < s->step_count; t++) {
        const struct cvk__step *step = &s->steps[t];
        const struct cvk__node *n = &s->g->nodes[step->node];
        bool packs = step->kind == CVK__STEP_RUN && step->row->flags & CVK_KERNEL_KEEPS_CONSTANTS;
        const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
        for (uint32_t i = 0; i < n->input_count + 4; i++) {
            cvk_value v = i < n->input_count ? n->inputs[i] : extra[i - n->input_count];
            /* The epilogue's vectors are small and read at run; what build saw are the inputs. */
            if (v && last[v - 1] != KEPT)
                last[v - 1] = packs && i < n->input_count ? (int32_t)t : KEPT;
        }
    }
    for (uint32_t i = 0; i < s->g->output_count; i++)
        last[s->g->outputs[i] - 1] = KEPT;
}

static void drop_constant(struct cvk_session *s, uint32_t i)
{
    struct cvk__value *v = &s->g->values[i];
    struct cvk__place *p = &s->places[i];
    if (!v->blob || v->is_input)
        return;
    if (p->buffer && !s->domains[p->domain].host)
        cvk__buffer_free(s->domains[p->domain].device, p->buffer);
    p->buffer = NULL;
    cvk__blob_unref(v->blob);
    v->blob = NULL;
}

/* Takes from a built step the constants that it packed, and drops those that no later build wants. */
static void drop_packed(struct cvk_session *s, uint32_t t, const int32_t *last)
{
    struct cvk__step *step = &s->steps[t];
    const struct cvk__node *n = &s->g->nodes[step->node];
    for (uint32_t i = 0; i < n->input_count; i++) {
        cvk_value v = n->inputs[i];
        if (!v || !step->view.constants[i] || last[v - 1] == KEPT)
            continue;
        step->bindings[i].buffer = NULL;
        step->view.constants[i] = NULL;
        if (last[v - 1] == (int32_t)t)
            drop_constant(s, v - 1);
    }
}

/* Builds the steps in order. A constant that only packing kernels read goes with the last of them, so that the weights and
 * their packed copies are never all in memory together. */
static int32_t build_steps(struct cvk_session *s)
{
    int32_t *last = cvk__alloc_array(CVK__TAG_SESSION, s->g->value_count + 1u, sizeof *last), status = CVK_OK;
    if (!last)
        return cvk__fail_memory(s->g->value_count, "a plan");
    find_last_builds(s, last);
    for (uint32_t i = 0; i < s->g->value_count; i++)
        if (last[i] < 0)
            drop_constant(s, i);
    for (uint32_t t = 0; t < s->step_count && status == CVK_OK; t++) {
        status = build_step(s, &s->steps[t]);
        if (status == CVK_OK)
            drop_packed(s, t, last);
    }
    cvk__free(last);
    return status;
}

int32_t cvk__prepare(struct cvk_session *s)
{
    for (uint32_t d = 0; d < s->domain_count; d++)
        CVK__TRY(allocate_domain(&s->domains[d]));
    CVK__TRY(upload_constants(s));
    CVK__TRY(build_steps(s));
    CVK__TRY(write_states(s));
    return cvk__lanes_prepare(s);
}

void cvk__unprepare(struct cvk_session *s)
{
    for (uint32_t t = 0; t < s->step_count; t++) {
        struct cvk__step *step = &s->steps[t];
        if (step->built && step->row->finish)
            step->row->finish(&step->exec);
        cvk__free(step->exec.packed);
        cvk__free(step->bindings);
        cvk__free(step->note);
        cvk__node_view_finish(&step->view);
        cvk__free(step->descs);
        cvk__free(step->cut);
    }
    cvk__segments_finish(s);
    for (uint32_t i = 0; s->g && i < s->g->value_count && i < s->place_capacity; i++) {
        struct cvk__place *p = &s->places[i];
        if (p->buffer && p->homed && !s->domains[p->domain].host)
            cvk__buffer_free(s->domains[p->domain].device, p->buffer);
    }
    for (uint32_t d = 0; d < s->domain_count; d++) {
        if (s->domains[d].arena)
            cvk__buffer_free(s->domains[d].device, s->domains[d].arena);
        if (s->domains[d].workspace)
            cvk__buffer_free(s->domains[d].device, s->domains[d].workspace);
    }
    cvk__free(s->steps);
    cvk__free(s->places);
}

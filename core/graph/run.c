/* SPDX-License-Identifier: MIT
 * Filling the inputs, running the steps, reading the outputs. */
#include <math.h>

#include "../ops/op_def.h"
#include "segment.h"

uint32_t cvk_session_input_count(const struct cvk_session *s)
{
    return s ? s->g->input_count : 0;
}

uint32_t cvk_session_output_count(const struct cvk_session *s)
{
    return s ? s->g->output_count : 0;
}

const char *cvk_session_input_name(const struct cvk_session *s, uint32_t i)
{
    return s && i < s->g->input_count ? cvk__value_at(s->g, s->g->inputs[i])->name : NULL;
}

const char *cvk_session_output_name(const struct cvk_session *s, uint32_t i)
{
    return s && i < s->g->output_count ? s->g->output_names[i] : NULL;
}

const struct cvk_tensor_desc *cvk_session_input_desc(const struct cvk_session *s, uint32_t i)
{
    return s && i < s->g->input_count ? &cvk__value_at(s->g, s->g->inputs[i])->desc : NULL;
}

const struct cvk_tensor_desc *cvk_session_output_desc(const struct cvk_session *s, uint32_t i)
{
    return s && i < s->g->output_count ? &cvk__value_at(s->g, s->g->outputs[i])->desc : NULL;
}

static int32_t check_tensor(const char *what, const char *name, const struct cvk_tensor_desc *want,
                            const struct cvk_tensor *tensor)
{
    char shown[96], a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
    const struct cvk_tensor_desc *have = tensor ? cvk_tensor_get_desc(tensor) : NULL;
    cvk__text_escape(name, shown, sizeof shown);
    if (!have)
        return cvk__fail(CVK_E_ARG, "%s '%s': the tensor is NULL", what, shown);
    if (have->dtype != want->dtype || have->rank != want->rank || memcmp(have->dims, want->dims, want->rank * sizeof *want->dims))
        return cvk__fail(CVK_E_SHAPE, "%s '%s' is %s %s; the tensor is %s %s", what, shown, cvk_dtype_name(want->dtype),
                         cvk_shape_text(want->rank, want->dims, a), cvk_dtype_name(have->dtype),
                         cvk_shape_text(have->rank, have->dims, b));
    return CVK_OK;
}

static int32_t check_ready(const struct cvk_session *s)
{
    if (!s)
        return cvk__fail(CVK_E_ARG, "the session is NULL");
    if (!s->ready)
        return cvk__fail(CVK_E_ARG, "the session was made with CVK_SESSION_PLAN_ONLY and cannot run");
    return CVK_OK;
}

int32_t cvk_session_write(struct cvk_session *s, uint32_t i, const struct cvk_tensor *tensor)
{
    CVK__TRY(check_ready(s));
    if (i >= s->g->input_count)
        return cvk__fail(CVK_E_ARG, "there is no input %u; the net has %u", i, s->g->input_count);
    cvk_value v = s->g->inputs[i];
    const struct cvk__value *value = cvk__value_at(s->g, v);
    CVK__TRY(check_tensor("input", value->name, &value->desc, tensor));
    s->written[i] = true;
    uint64_t bytes = value->desc.bytes;
    if (value->blob) {
        char shown[96];
        if (bytes && memcmp(value->blob->data, cvk_tensor_data(tensor), bytes))
            return cvk__fail(
                CVK_E_ARG, "input '%s' decides sizes and was fixed when the session was made; other content needs a new session",
                cvk__text_escape(value->name, shown, sizeof shown));
        return CVK_OK;
    }
    const struct cvk__place *place = &s->places[v - 1];
    if (!place->homed || !bytes)
        return CVK_OK; /* nobody reads it */
    struct cvk_binding b = cvk__binding(s, v);
    return cvk__buffer_write(s->domains[place->domain].device, b.buffer, b.offset, cvk_tensor_data(tensor), bytes);
}

int32_t cvk_session_read(struct cvk_session *s, uint32_t i, struct cvk_tensor *tensor)
{
    CVK__TRY(check_ready(s));
    if (i >= s->g->output_count)
        return cvk__fail(CVK_E_ARG, "there is no output %u; the net has %u", i, s->g->output_count);
    cvk_value v = s->g->outputs[i];
    const struct cvk__value *value = cvk__value_at(s->g, v);
    CVK__TRY(check_tensor("output", s->g->output_names[i], &value->desc, tensor));
    if (!value->desc.bytes)
        return CVK_OK;
    if (value->blob) {
        memcpy(cvk_tensor_data(tensor), value->blob->data, value->desc.bytes);
        return CVK_OK;
    }
    struct cvk_binding b = cvk__binding(s, v);
    return cvk__buffer_read(s->domains[s->places[v - 1].domain].device, b.buffer, b.offset, cvk_tensor_data(tensor), b.bytes);
}

/* ---- running ----------------------------------------------------------------------------------------------------------- */

static int32_t copy_between(struct cvk_session *s, const struct cvk__step *step)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    struct cvk_binding from = step->exec.inputs[0], to = step->exec.outputs[0];
    struct cvk__domain *a = &s->domains[s->places[n->inputs[0] - 1].domain],
                       *b = &s->domains[s->places[n->outputs[0] - 1].domain];
    if (!from.bytes)
        return CVK_OK;
    if (a->host)
        return cvk__buffer_write(b->device, to.buffer, to.offset, (char *)from.buffer + from.offset, from.bytes);
    if (b->host)
        return cvk__buffer_read(a->device, from.buffer, from.offset, (char *)to.buffer + to.offset, from.bytes);
    /* Device to device goes through the host, in pieces so that staging stays small. */
    enum { PIECE = 1 << 16 };
    char staging[PIECE];
    for (uint64_t done = 0; done < from.bytes; done += PIECE) {
        uint64_t bytes = from.bytes - done < PIECE ? from.bytes - done : PIECE;
        CVK__TRY(cvk__buffer_read(a->device, from.buffer, from.offset + done, staging, bytes));
        CVK__TRY(cvk__buffer_write(b->device, to.buffer, to.offset + done, staging, bytes));
    }
    return CVK_OK;
}

/* CONVOKE_CHECK=nan: fails at the first step whose result holds one. */
static int32_t check_nan(struct cvk_session *s, const struct cvk__step *step)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    struct cvk__device *device = s->devices.devices[step->device];
    for (uint32_t o = 0; o < n->output_count; o++) {
        const struct cvk__value *v = cvk__value_at(s->g, n->outputs[o]);
        if (!v || v->desc.dtype != CVK_F32)
            continue;
        struct cvk_binding b = step->exec.outputs[o];
        float piece[1024];
        for (uint64_t done = 0; done < b.bytes; done += sizeof piece) {
            uint64_t bytes = b.bytes - done < sizeof piece ? b.bytes - done : sizeof piece;
            CVK__TRY(cvk__buffer_read(device, b.buffer, b.offset + done, piece, bytes));
            for (uint64_t i = 0; i < bytes / sizeof *piece; i++)
                if (isnan(piece[i]))
                    return cvk__fail(CVK_E_DEVICE,
                                     "CONVOKE_CHECK=nan: node '%s' (%s, kernel %s on %s) made a NaN, the first at element "
                                     "%llu of output %u",
                                     CVK__SHOW(n->name), cvk__op_find(n->op)->name, step->row->name, device->spec,
                                     (unsigned long long)(done / sizeof *piece + i), o);
        }
    }
    return CVK_OK;
}

/* Waits until a device's work is visible to others: by a mark in its queue where it has them, else for all its work. */
static int32_t hand_over(struct cvk__device *d)
{
    if (!d->queue)
        return CVK_OK;
    if (!d->event_api)
        return cvk__device_finish(d);
    void *event = NULL;
    cvk__plugin_enter();
    CVK__TRY(cvk__plugin_leave(d, d->event_api->record(d->handle, d->queue, &event), "marking the queue"));
    int32_t status = cvk__plugin_leave(d, d->event_api->wait(d->handle, event), "waiting for a mark");
    d->event_api->release(d->handle, event);
    return status;
}

static int32_t run_kernel(struct cvk__device *d, struct cvk__step *step, bool profile)
{
    const struct cvk_profile_api *api = profile ? d->profile_api : NULL;
    uint64_t elapsed = 0;
    double start = profile ? cvk__now_ns() : 0;
    cvk__plugin_enter();
    if (api)
        CVK__TRY(cvk__plugin_leave(d, api->begin(d->handle, d->queue), "starting the clock"));
    CVK__TRY(cvk__plugin_leave(d, step->row->run(&step->exec), "running a kernel"));
    if (api)
        CVK__TRY(cvk__plugin_leave(d, api->end(d->handle, d->queue, &elapsed), "reading the clock"));
    else if (profile)
        CVK__TRY(cvk__device_finish(d));
    if (profile)
        step->time_ns = api ? (double)elapsed : cvk__now_ns() - start;
    return CVK_OK;
}

static int32_t run_step(struct cvk_session *s, struct cvk__step *step)
{
    struct cvk__device *d = s->devices.devices[step->device];
    bool profile = s->flags & CVK_SESSION_PROFILE;
    int32_t status;
    if (profile)
        step->start_ns = cvk__now_ns() - s->run_start_ns;
    if (step->kind == CVK__STEP_COPY) {
        double start = profile ? cvk__now_ns() : 0;
        status = copy_between(s, step);
        step->time_ns = profile ? cvk__now_ns() - start : 0;
    } else {
        status = run_kernel(d, step, profile);
    }
    if (status == CVK_OK && s->check_nan && step->kind == CVK__STEP_RUN)
        return check_nan(s, step);
    if (status != CVK_OK)
        return cvk__fail_in(status, "node '%s', %s on %s: ", CVK__SHOW(s->g->nodes[step->node].name),
                            step->row ? step->row->name : "copy", d->spec);
    return CVK_OK;
}

/* Work is handed over where another device comes next, and before a copy into the host's memory, which goes past all queues. */
static int32_t run_steps(struct cvk_session *s)
{
    struct cvk__device *last = NULL;
    for (uint32_t t = 0; t < s->step_count; t++) {
        struct cvk__step *step = &s->steps[t];
        if (step->segment) {
            if (last)
                CVK__TRY(hand_over(last));
            last = NULL; /* devices of a segment have no queue */
            CVK__TRY(cvk__segment_run(s, &s->segments[step->segment - 1]));
            t = s->segments[step->segment - 1].last;
            continue;
        }
        if (step->kind == CVK__STEP_VIEW)
            continue;
        struct cvk__device *d = s->devices.devices[step->device];
        if (last && (last != d || (step->kind == CVK__STEP_COPY && d->host_memory)))
            CVK__TRY(hand_over(last));
        last = d;
        CVK__TRY(run_step(s, step));
    }
    return CVK_OK;
}

int32_t cvk_session_run(struct cvk_session *s)
{
    CVK__TRY(check_ready(s));
    for (uint32_t i = 0; i < s->g->input_count; i++)
        if (!s->written[i] && !cvk__value_at(s->g, s->g->inputs[i])->blob && s->places[s->g->inputs[i] - 1].homed) {
            char shown[96];
            return cvk__fail(CVK_E_ARG, "input '%s' was not written before the run",
                             cvk__text_escape(cvk__value_at(s->g, s->g->inputs[i])->name, shown, sizeof shown));
        }
    s->run_start_ns = cvk__now_ns();
    int32_t status = run_steps(s);
    char first[4096] = "";
    if (status != CVK_OK)
        snprintf(first, sizeof first, "%s", cvk_error_text());
    /* After a failure, too, nothing may still be running: the next run would meet it. The first failure is the one that is told.
     */
    for (uint32_t d = 0; d < s->devices.count; d++) {
        int32_t finished = cvk__device_finish(s->devices.devices[d]);
        if (status == CVK_OK && finished != CVK_OK) {
            status = cvk__fail_in(finished, "device %s: ", s->devices.devices[d]->spec);
            snprintf(first, sizeof first, "%s", cvk_error_text());
        }
    }
    return status == CVK_OK ? CVK_OK : cvk__fail(status, "%s", first);
}

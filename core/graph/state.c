/* SPDX-License-Identifier: MIT
 * What a session keeps from run to run: that the plan does keep it, and reading and writing it. */
#include "session_impl.h"

/* ---- does the plan keep them? -------------------------------------------------------------------------------------------------
 */

/* For each value the memory that it lies in holds: how often that was replaced when the value was made. */
struct ages {
    uint32_t *of_value, *of_memory;
};

static cvk_value memory_of(const struct cvk_session *s, cvk_value v)
{
    return s->places[v - 1].root;
}

static int32_t check_reads(const struct cvk_session *s, const struct cvk__node *n, const struct ages *a)
{
    const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
    for (uint32_t i = 0; i < n->input_count + 4; i++) {
        cvk_value v = i < n->input_count ? n->inputs[i] : extra[i - n->input_count];
        if (v && a->of_value[v - 1] != a->of_memory[memory_of(s, v) - 1])
            return cvk__fail(CVK_E_UNSUPPORTED, "node '%s' reads what an earlier node has replaced", CVK__SHOW(n->name));
    }
    return CVK_OK;
}

static int32_t check_steps(const struct cvk_session *s, const struct ages *a)
{
    for (uint32_t t = 0; t < s->step_count; t++) {
        const struct cvk__node *n = &s->g->nodes[s->steps[t].node];
        CVK__TRY(check_reads(s, n, a));
        for (uint32_t o = 0; o < n->output_count; o++) {
            cvk_value y = n->outputs[o], root = y ? memory_of(s, y) : 0;
            if (!y || !cvk__value_at(s->g, root)->initial)
                continue;
            a->of_memory[root - 1] += s->steps[t].kind == CVK__STEP_RUN;
            a->of_value[y - 1] = a->of_memory[root - 1];
        }
    }
    for (uint32_t i = 0; i < s->g->output_count; i++) {
        cvk_value y = s->g->outputs[i];
        if (a->of_value[y - 1] != a->of_memory[memory_of(s, y) - 1])
            return cvk__fail(CVK_E_UNSUPPORTED, "output '%s' is something that the run itself replaces",
                             CVK__SHOW(s->g->output_names[i]));
    }
    for (uint32_t i = 0; i < s->g->value_count; i++) {
        cvk_value next = s->g->values[i].becomes;
        if (next && s->g->values[i].initial &&
            (memory_of(s, next) != (cvk_value)(i + 1) || a->of_value[next - 1] != a->of_memory[i]))
            return cvk__fail(CVK_E_UNSUPPORTED,
                             "what a run leaves for the next one is made in another memory than that of device '%s'",
                             s->domains[s->places[i].domain].device->spec);
    }
    return CVK_OK;
}

int32_t cvk__check_states(const struct cvk_session *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->g->value_count && !any; i++)
        any = s->g->values[i].initial != NULL;
    if (!any)
        return CVK_OK;
    struct ages a = {cvk__alloc_array(CVK__TAG_SESSION, s->g->value_count, sizeof *a.of_value),
                     cvk__alloc_array(CVK__TAG_SESSION, s->g->value_count, sizeof *a.of_memory)};
    int32_t status =
        a.of_value && a.of_memory ? check_steps(s, &a) : cvk__fail_memory(s->g->value_count * sizeof *a.of_value, "a plan");
    cvk__free(a.of_value);
    cvk__free(a.of_memory);
    return status;
}

/* ---- reading and writing
 * ------------------------------------------------------------------------------------------------------- */

/* True if the state lies in a memory; one that no node reads is what it was. */
static bool lies(const struct cvk_session *s, cvk_value v)
{
    const struct cvk__place *p = &s->places[v - 1];
    return p->homed && p->in_arena && cvk__value_at(s->g, v)->desc.bytes > 0;
}

int32_t cvk__session_state_read(struct cvk_session *s, cvk_value v, void *data)
{
    const struct cvk__value *value = cvk__value_at(s->g, v);
    if (!lies(s, v)) {
        memcpy(data, value->initial->data, value->desc.bytes);
        return CVK_OK;
    }
    struct cvk_binding b = cvk__binding(s, v);
    return cvk__buffer_read(s->domains[s->places[v - 1].domain].device, b.buffer, b.offset, data, value->desc.bytes);
}

int32_t cvk__session_state_write(struct cvk_session *s, cvk_value v, const void *data)
{
    struct cvk__value *value = cvk__value_at(s->g, v);
    if (!lies(s, v)) {
        void *copy = cvk__alloc_buffer(CVK__TAG_SESSION, value->desc.bytes);
        if (!copy)
            return cvk__fail_memory(value->desc.bytes, "a state");
        memcpy(copy, data, value->desc.bytes);
        struct cvk__blob *blob = cvk__blob_create(copy, value->desc.bytes);
        if (!blob)
            return cvk__fail_memory(value->desc.bytes, "a state");
        cvk__blob_unref(value->initial);
        value->initial = blob;
        return CVK_OK;
    }
    struct cvk_binding b = cvk__binding(s, v);
    return cvk__buffer_write(s->domains[s->places[v - 1].domain].device, b.buffer, b.offset, data, value->desc.bytes);
}

/* SPDX-License-Identifier: MIT
 * Reading and writing what a session keeps from run to run. */
#include "session_impl.h"

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
    const struct cvk__value *value = cvk__value_at(s->g, v);
    if (!lies(s, v))
        return CVK_OK;
    struct cvk_binding b = cvk__binding(s, v);
    return cvk__buffer_write(s->domains[s->places[v - 1].domain].device, b.buffer, b.offset, data, value->desc.bytes);
}

/* SPDX-License-Identifier: MIT
 * One value may be wanted in several layouts and memories: its variants, and the copies and reorders that make them. */
#include "session_impl.h"

struct cvk__place *cvk__place(struct cvk_session *s, cvk_value v)
{
    if ((uint32_t)v > s->place_capacity) {
        uint64_t capacity = s->place_capacity ? s->place_capacity : 64;
        while (capacity < (uint32_t)v || capacity < s->g->value_count)
            capacity *= 2;
        struct cvk__place *grown = cvk__realloc(CVK__TAG_SESSION, s->places, capacity * sizeof *grown);
        if (!grown) {
            cvk__fail_memory(capacity * sizeof *grown, "a plan");
            return NULL;
        }
        memset(grown + s->place_capacity, 0, (capacity - s->place_capacity) * sizeof *grown);
        s->places = grown;
        s->place_capacity = (uint32_t)capacity;
    }
    return &s->places[v - 1];
}

struct cvk__step *cvk__step_new(struct cvk_session *s, enum cvk__step_kind kind, uint32_t node, uint32_t device)
{
    if (s->step_count == s->step_capacity) {
        uint64_t capacity = s->step_capacity ? s->step_capacity * 2ull : 64;
        struct cvk__step *grown = cvk__realloc(CVK__TAG_SESSION, s->steps, capacity * sizeof *grown);
        if (!grown) {
            cvk__fail_memory(capacity * sizeof *grown, "a plan");
            return NULL;
        }
        s->steps = grown;
        s->step_capacity = (uint32_t)capacity;
    }
    struct cvk__step *step = &s->steps[s->step_count++];
    memset(step, 0, sizeof *step);
    step->kind = kind;
    step->node = node;
    step->device = device;
    return step;
}

/* A device of the domain with a reorder kernel for these two descriptors. */
static const struct cvk_kernel *find_reorder(struct cvk_session *s, const struct cvk_tensor_desc *from,
                                             const struct cvk_tensor_desc *to, uint32_t domain, uint32_t *device,
                                             struct cvk_plan *plan)
{
    struct cvk_reorder_params params = {.size = sizeof params, .layout = to->layout};
    const void *no_content = NULL;
    struct cvk_node node = {.size = sizeof node,
                            .op = CVK_OP_REORDER,
                            .flags = s->node_flags,
                            .name = "reorder",
                            .params = &params,
                            .input_count = 1,
                            .output_count = 1,
                            .inputs = &from,
                            .outputs = &to,
                            .constants = &no_content};
    char reason[CVK__REASON_BYTES];
    for (uint32_t d = 0; d < s->devices.count; d++) {
        const struct cvk__backend *backend = s->devices.devices[d]->backend;
        for (uint32_t r = 0; s->domain_of[d] == domain && r < backend->plugin.kernel_count; r++)
            if (cvk__kernel_ask(s->devices.devices[d], &backend->kernels[r], &node, from->layout, to->layout, plan, reason) ==
                CVK_OK) {
                *device = d;
                return &backend->kernels[r];
            }
    }
    return NULL;
}

bool cvk__can_reorder(struct cvk_session *s, const struct cvk_tensor_desc *from, uint32_t layout, uint32_t domain)
{
    struct cvk_tensor_desc to;
    struct cvk_plan plan;
    uint32_t device;
    return cvk_tensor_desc_init(&to, from->dtype, layout, from->rank, from->dims) == CVK_OK &&
           find_reorder(s, from, &to, domain, &device, &plan);
}

/* A new value that is a variant of v. */
static cvk_value add_variant(struct cvk_session *s, cvk_value v, const struct cvk_tensor_desc *desc, uint32_t domain)
{
    cvk_value made = cvk__graph_new_value(s->g, NULL);
    if (!made || !cvk__place(s, made)) {
        cvk__fail_memory(sizeof(struct cvk__value), "a plan");
        return 0;
    }
    cvk__value_at(s->g, made)->desc = *desc;
    *cvk__place(s, made) = (struct cvk__place){.homed = true, .domain = domain, .next = cvk__place(s, v)->next};
    cvk__place(s, v)->next = made;
    return made;
}

/* A constant in another layout or memory: done now, costs no step. */
static int32_t constant_variant(struct cvk_session *s, cvk_value v, const struct cvk_tensor_desc *to, uint32_t domain, cvk_value *out)
{
    struct cvk__blob *blob;
    struct cvk_tensor_desc from = cvk__value_at(s->g, v)->desc;
    if (from.layout == to->layout) {
        blob = cvk__blob_ref(cvk__value_at(s->g, v)->blob);
    } else {
        void *data = cvk__alloc_buffer(CVK__TAG_SESSION, to->bytes);
        int32_t status = data ? cvk_tensor_reorder(&from, cvk__value_at(s->g, v)->blob->data, to, data)
                              : cvk__fail_memory(to->bytes, "a constant in another layout");
        if (status != CVK_OK) {
            cvk__free(data);
            return status;
        }
        if (!(blob = cvk__blob_create(data, to->bytes)))
            return cvk__fail_memory(to->bytes, "a constant in another layout");
    }
    if (!(*out = add_variant(s, v, to, domain))) {
        cvk__blob_unref(blob);
        return CVK_E_MEMORY;
    }
    cvk__value_at(s->g, *out)->blob = blob;
    return CVK_OK;
}

/* A node of the working graph from one value to another, with a step. */
static int32_t add_move(struct cvk_session *s, uint32_t op, const void *params, cvk_value from, cvk_value to, uint32_t device,
                        const struct cvk_kernel *row, const struct cvk_plan *plan)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%u", op == CVK__OP_COPY ? "copy" : "reorder", s->step_count);
    if (!cvk__graph_new_node(s->g, op, params, name, &from, 1, &to, 1))
        return cvk__fail_memory(sizeof(struct cvk__node), "a plan");
    struct cvk__step *step =
        cvk__step_new(s, op == CVK__OP_COPY ? CVK__STEP_COPY : CVK__STEP_RUN, s->g->node_count - 1, device);
    if (!step)
        return CVK_E_MEMORY;
    step->row = row;
    if (plan)
        step->plan = *plan;
    return CVK_OK;
}

static int32_t reorder_variant(struct cvk_session *s, cvk_value v, cvk_value from, uint32_t layout, cvk_value *out)
{
    struct cvk_tensor_desc desc = cvk__value_at(s->g, from)->desc, to;
    uint32_t domain = cvk__place(s, from)->domain, device = 0;
    CVK__TRY(cvk_tensor_desc_init(&to, desc.dtype, layout, desc.rank, desc.dims));
    struct cvk_plan plan;
    const struct cvk_kernel *row = find_reorder(s, &desc, &to, domain, &device, &plan);
    if (!row)
        return cvk__fail(CVK_E_UNSUPPORTED, "no device turns %s into %s", cvk_layout_name(desc.layout), cvk_layout_name(layout));
    if (!(*out = add_variant(s, v, &to, domain)))
        return CVK_E_MEMORY;
    const struct cvk_reorder_params params = {.size = sizeof params, .layout = layout};
    return add_move(s, CVK_OP_REORDER, &params, from, *out, device, row, &plan);
}

static int32_t copy_variant(struct cvk_session *s, cvk_value v, cvk_value from, uint32_t domain, cvk_value *out)
{
    struct cvk_tensor_desc desc = cvk__value_at(s->g, from)->desc;
    if (!(*out = add_variant(s, v, &desc, domain)))
        return CVK_E_MEMORY;
    uint32_t device = 0;
    while (device < s->devices.count && s->domain_of[device] != domain)
        device++;
    return add_move(s, CVK__OP_COPY, NULL, from, *out, device, NULL, NULL);
}

int32_t cvk__variant(struct cvk_session *s, cvk_value v, uint32_t layout, uint32_t domain, cvk_value *out)
{
    struct cvk__place *place = cvk__place(s, v);
    if (!place)
        return CVK_E_MEMORY;
    if (!place->homed) {
        place->homed = true;
        place->domain = domain;
    }
    cvk_value same_domain = 0, same_layout = 0;
    for (cvk_value u = v; u; u = cvk__place(s, u)->next) {
        bool here = cvk__place(s, u)->domain == domain, fits = cvk__value_at(s->g, u)->desc.layout == layout;
        if (here && fits) {
            *out = u;
            return CVK_OK;
        }
        same_domain = here ? u : same_domain;
        same_layout = fits ? u : same_layout;
    }
    struct cvk_tensor_desc to = cvk__value_at(s->g, v)->desc;
    if (cvk__value_at(s->g, v)->blob) {
        CVK__TRY(cvk_tensor_desc_init(&to, to.dtype, layout, to.rank, to.dims));
        return constant_variant(s, v, &to, domain, out);
    }
    if (!same_domain)
        CVK__TRY(copy_variant(s, v, same_layout ? same_layout : v, domain, &same_domain));
    if (cvk__value_at(s->g, same_domain)->desc.layout == layout) {
        *out = same_domain;
        return CVK_OK;
    }
    return reorder_variant(s, v, same_domain, layout, out);
}

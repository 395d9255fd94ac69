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
        for (uint32_t r = 0; s->domain_of[d] == domain && r < backend->plugin.kernel_count; r++) {
            const struct cvk_kernel *row = &backend->kernels[r];
            if (row->op != CVK_OP_REORDER || !cvk__force_allows(&s->force, row->op, row->pass, row->name))
                continue;
            if (cvk__kernel_ask(s->devices.devices[d], row, &node, from->layout, to->layout, plan, reason) == CVK_OK) {
                *device = d;
                return row;
            }
        }
    }
    return NULL;
}

/* ---- ways from one layout and memory to another ---------------------------------------------------------------------------- */

/* A state is a domain and a layout; a reorder changes the layout, a copy the domain. */
#define LAYOUTS (CVK_LAYOUT_NC16 + 1u)
#define STATES ((CVK__MAX_DEVICES + 1) * LAYOUTS)
#define FAR 0xffffu
#define REORDER_COST 1
#define COPY_COST 2 /* leaves the memory, so it is the dearer one */

struct ways {
    struct cvk_tensor_desc descs[LAYOUTS];
    bool possible[LAYOUTS];
    uint32_t cost[STATES], before[STATES]; /* from the nearest begin, and the state that it goes over */
};

static uint32_t state_of(uint32_t domain, uint32_t layout)
{
    return domain * LAYOUTS + layout;
}

static void ways_init(struct ways *w, const struct cvk_tensor_desc *d)
{
    for (uint32_t l = 0; l < LAYOUTS; l++)
        w->possible[l] = (l == CVK_LAYOUT_PLAIN || d->rank >= 3) &&
                         cvk_tensor_desc_init(&w->descs[l], d->dtype, l, d->rank, d->dims) == CVK_OK;
    for (uint32_t i = 0; i < STATES; i++)
        w->cost[i] = FAR;
}

/* Cost of one step between two states, FAR if there is none. */
static uint32_t step_cost(struct cvk_session *s, const struct ways *w, uint32_t a, uint32_t b)
{
    uint32_t layout_a = a % LAYOUTS, layout_b = b % LAYOUTS, domain = b / LAYOUTS, device;
    struct cvk_plan plan;
    if (layout_a == layout_b)
        return s->domains[domain].device ? COPY_COST : FAR;
    if (a / LAYOUTS != domain || !w->possible[layout_b])
        return FAR;
    return find_reorder(s, &w->descs[layout_a], &w->descs[layout_b], domain, &device, &plan) ? REORDER_COST : FAR;
}

/* The cheapest way from the states whose cost the caller has set to 0; false if there is none. */
static bool find_way(struct cvk_session *s, struct ways *w, uint32_t target)
{
    bool changed = w->cost[target] != 0;
    uint32_t states = s->domain_count * LAYOUTS;
    while (changed) {
        changed = false;
        for (uint32_t a = 0; a < states; a++)
            for (uint32_t b = 0; b < states; b++) {
                uint32_t least = w->cost[a] + REORDER_COST;
                if (w->cost[a] == FAR || least >= w->cost[b] || least >= w->cost[target])
                    continue;
                uint32_t cost = step_cost(s, w, a, b);
                if (cost == FAR || w->cost[a] + cost >= w->cost[b])
                    continue;
                w->cost[b] = w->cost[a] + cost;
                w->before[b] = a;
                changed = true;
            }
    }
    return w->cost[target] != FAR;
}

/* Begins at every variant of v that there is; a value without a home has one in `domain`. */
static void ways_from(struct cvk_session *s, struct ways *w, cvk_value v, uint32_t domain)
{
    ways_init(w, &cvk__value_at(s->g, v)->desc);
    if ((uint32_t)v > s->place_capacity || !s->places[v - 1].homed) {
        w->cost[state_of(domain, cvk__value_at(s->g, v)->desc.layout)] = 0;
        return;
    }
    for (cvk_value u = v; u; u = s->places[u - 1].next)
        w->cost[state_of(s->places[u - 1].domain, cvk__value_at(s->g, u)->desc.layout)] = 0;
}

bool cvk__reachable(struct cvk_session *s, cvk_value v, uint32_t layout, uint32_t domain)
{
    const struct cvk__value *value = cvk__value_at(s->g, v);
    if (value->blob || value->desc.layout == layout)
        return true; /* constants are turned here; a copy is always possible */
    struct ways w;
    ways_from(s, &w, v, domain);
    return find_way(s, &w, state_of(domain, layout));
}

bool cvk__leaves_layout(struct cvk_session *s, const struct cvk_tensor_desc *desc, uint32_t domain)
{
    if (desc->layout == CVK_LAYOUT_PLAIN)
        return true;
    struct ways w;
    ways_init(&w, desc);
    w.cost[state_of(domain, desc->layout)] = 0;
    return find_way(s, &w, state_of(domain, CVK_LAYOUT_PLAIN));
}

/* ---- making variants ------------------------------------------------------------------------------------------------------- */

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
static int32_t constant_variant(struct cvk_session *s, cvk_value v, const struct cvk_tensor_desc *to, uint32_t domain,
                                cvk_value *out)
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
    struct cvk__step *step = cvk__step_new(s, op == CVK__OP_COPY ? CVK__STEP_COPY : CVK__STEP_RUN, s->g->node_count - 1, device);
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

/* The variant in this state; 0 if there is none. */
static cvk_value variant_at(struct cvk_session *s, cvk_value v, uint32_t state)
{
    for (cvk_value u = v; u; u = cvk__place(s, u)->next)
        if (state_of(cvk__place(s, u)->domain, cvk__value_at(s->g, u)->desc.layout) == state)
            return u;
    return 0;
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
    uint32_t target = state_of(domain, layout), path[STATES], steps = 0;
    if ((*out = variant_at(s, v, target)))
        return CVK_OK;
    struct cvk_tensor_desc to = cvk__value_at(s->g, v)->desc;
    if (cvk__value_at(s->g, v)->blob) {
        CVK__TRY(cvk_tensor_desc_init(&to, to.dtype, layout, to.rank, to.dims));
        return constant_variant(s, v, &to, domain, out);
    }
    struct ways w;
    ways_from(s, &w, v, domain);
    if (!find_way(s, &w, target))
        return cvk__fail(CVK_E_UNSUPPORTED, "no device turns %s into %s", cvk_layout_name(to.layout), cvk_layout_name(layout));
    for (uint32_t state = target; w.cost[state]; state = w.before[state])
        path[steps++] = state;
    cvk_value from = variant_at(s, v, w.before[path[steps - 1]]);
    while (steps-- > 0) {
        if (cvk__value_at(s->g, from)->desc.layout == path[steps] % LAYOUTS)
            CVK__TRY(copy_variant(s, v, from, path[steps] / LAYOUTS, out));
        else
            CVK__TRY(reorder_variant(s, v, from, path[steps] % LAYOUTS, out));
        from = *out;
    }
    return CVK_OK;
}

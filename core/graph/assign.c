/* SPDX-License-Identifier: MIT
 * Who runs what: for every node the first device of the list that takes it, there the first kernel (or the cheapest by estimate),
 * and the layouts that need the fewest reorders. */
#include "../ops/op_def.h"
#include "session_impl.h"

/* Layouts tried for one kernel: the present one first. For its results (`keep`) a present one that it can write stays. */
static uint32_t layouts_of(const struct cvk_kernel *row, uint32_t mask, uint32_t present, bool keep, uint32_t *out)
{
    uint32_t count = 0;
    if (row->flags & CVK_KERNEL_ANY_LAYOUT) {
        out[count++] = present;
        if (present != CVK_LAYOUT_PLAIN)
            out[count++] = CVK_LAYOUT_PLAIN;
        return count;
    }
    mask = mask ? mask : CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN);
    if (mask & CVK_LAYOUT_BIT(present))
        out[count++] = present;
    if (keep && count)
        return count;
    for (uint32_t l = CVK_LAYOUT_PLAIN; l <= CVK_LAYOUT_NC16; l++)
        if (mask & CVK_LAYOUT_BIT(l) && l != present)
            out[count++] = l;
    return count;
}

/* A node's descriptors under other layouts. */
struct layout_trial {
    struct cvk__node_view view;
    struct cvk_tensor_desc *descs; /* inputs, then outputs */
};

static int32_t trial_init(struct layout_trial *t, struct cvk_session *s, const struct cvk__node *n)
{
    CVK__TRY(cvk__node_view_init(&t->view, s->g, n, s->node_flags));
    t->descs = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + n->output_count + 1u, sizeof *t->descs);
    if (t->descs)
        return CVK_OK;
    cvk__node_view_finish(&t->view);
    return cvk__fail_memory(sizeof *t->descs, "a plan");
}

static void trial_finish(struct layout_trial *t)
{
    cvk__free(t->descs);
    cvk__node_view_finish(&t->view);
}

/* Puts the layouts into the view's descriptors; false if a tensor cannot have one. */
static bool trial_set(struct layout_trial *t, const struct cvk_graph *g, const struct cvk__node *n, const struct cvk_kernel *row,
                      uint32_t layout_x, uint32_t layout_y)
{
    for (uint32_t i = 0; i < n->input_count + n->output_count; i++) {
        bool is_input = i < n->input_count;
        const struct cvk__value *v = cvk__value_at(g, is_input ? n->inputs[i] : n->outputs[i - n->input_count]);
        if (!v)
            continue;
        uint32_t layout = is_input ? cvk__input_layout(row, i, v->desc.rank, layout_x)
                                   : cvk__output_layout(row, i - n->input_count, v->desc.rank, layout_y);
        if (layout != CVK_LAYOUT_PLAIN && v->desc.rank < 3)
            return false;
        if (cvk_tensor_desc_init(&t->descs[i], v->desc.dtype, layout, v->desc.rank, v->desc.dims) != CVK_OK)
            return false;
        if (is_input)
            t->view.inputs[i] = &t->descs[i];
        else
            t->view.outputs[i - n->input_count] = &t->descs[i];
    }
    return true;
}

/* True if all inputs can be brought into the layouts that this choice needs. A value that lies elsewhere in that layout is
 * copied. */
static bool reachable(struct cvk_session *s, const struct cvk__node *n, const struct cvk_kernel *row, uint32_t layout_x,
                      uint32_t layout_y, uint32_t domain)
{
    for (uint32_t i = 0; i <= n->input_count; i++) {
        cvk_value v = i < n->input_count ? n->inputs[i] : n->residual;
        const struct cvk__value *value = cvk__value_at(s->g, v);
        uint32_t rank = value ? value->desc.rank : 0;
        uint32_t layout = i < n->input_count ? cvk__input_layout(row, i, rank, layout_x) : layout_y;
        if (value && !cvk__reachable(s, v, layout, domain))
            return false;
    }
    return true;
}

/* True if whoever wants the results in the plain layout can have them. */
static bool returnable(struct cvk_session *s, const struct cvk__node *n, const struct layout_trial *t, uint32_t domain)
{
    for (uint32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && !cvk__leaves_layout(s, t->view.outputs[i], domain))
            return false;
    return true;
}

struct choice {
    const struct cvk_kernel *row;
    struct cvk_plan plan;
    uint32_t layout_x, layout_y, variant;
};

/* Asks one row under one pair of layouts. */
static bool ask_layouts(struct cvk_session *s, uint32_t device, const struct cvk__node *n, struct layout_trial *t,
                        struct choice *c, char *reason)
{
    if (!trial_set(t, s->g, n, c->row, c->layout_x, c->layout_y)) {
        snprintf(reason, CVK__REASON_BYTES, "needs at least 3 axes for %s to %s", cvk_layout_name(c->layout_x),
                 cvk_layout_name(c->layout_y));
        return false;
    }
    if (cvk__kernel_ask_variant(s->devices.devices[device], c->row, &t->view.node, c->layout_x, c->layout_y, c->variant, &c->plan,
                                reason) != CVK_OK)
        return false;
    if (!reachable(s, n, c->row, c->layout_x, c->layout_y, s->domain_of[device])) {
        snprintf(reason, CVK__REASON_BYTES, "needs %s, and nothing turns the input into it", cvk_layout_name(c->layout_x));
        return false;
    }
    if (!returnable(s, n, t, s->domain_of[device])) {
        snprintf(reason, CVK__REASON_BYTES, "writes %s, and nothing turns that into the plain layout",
                 cvk_layout_name(c->layout_y));
        return false;
    }
    return true;
}

/* Asks one row under its layouts, the present one of input 0 first. */
static bool ask_row(struct cvk_session *s, uint32_t device, const struct cvk_kernel *row, const struct cvk__node *n,
                    struct layout_trial *t, struct choice *choice, char *reason)
{
    const struct cvk__value *x = n->input_count ? cvk__value_at(s->g, n->inputs[0]) : NULL;
    uint32_t present = x ? x->desc.layout : CVK_LAYOUT_PLAIN, xs[8], ys[8];
    snprintf(reason, CVK__REASON_BYTES, "reads or writes no layout that there is");
    uint32_t x_count = layouts_of(row, row->layouts_x, present, false, xs);
    for (uint32_t i = 0; i < x_count; i++) {
        uint32_t y_count = layouts_of(row, row->layouts_y, xs[i], true, ys);
        for (uint32_t k = 0; k < y_count; k++) {
            if (row->flags & CVK_KERNEL_ANY_LAYOUT && ys[k] != xs[i])
                continue;
            *choice = (struct choice){.row = row, .layout_x = xs[i], .layout_y = ys[k]};
            if (ask_layouts(s, device, n, t, choice, reason))
                return true;
        }
    }
    return false;
}

/* The kernel that was measured to be the best for this node, if there is such a note and the kernel still says yes. */
static bool find_measured(struct cvk_session *s, uint32_t device, const struct cvk__node *n, struct layout_trial *t,
                          struct choice *best)
{
    struct cvk__device *d = s->devices.devices[device];
    char key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES], reason[CVK__REASON_BYTES];
    struct cvk__choice_note note;
    if (s->no_choices || !cvk__notes_choices(d))
        return false;
    cvk__choice_key(d, &t->view.node, key);
    if (!cvk__note_known(d, key, text) || !cvk__choice_parse(text, &note))
        return false;
    for (uint32_t r = 0; r < d->backend->plugin.kernel_count; r++) {
        const struct cvk_kernel *row = &d->backend->kernels[r];
        if (row->op != n->op || row->pass != n->pass || strcmp(row->name, note.row) != 0)
            continue;
        *best = (struct choice){.row = row, .layout_x = note.layout_x, .layout_y = note.layout_y, .variant = note.variant};
        return cvk__force_allows(&s->force, row->op, row->pass, row->name) &&
               cvk__row_allows(row, note.layout_x, note.layout_y) && ask_layouts(s, device, n, t, best, reason);
    }
    return false;
}

/* The kernel that a device would use; false with the reasons in `reasons` (may be NULL). */
static bool find_kernel(struct cvk_session *s, uint32_t device, const struct cvk__node *n, struct layout_trial *t,
                        struct choice *best, struct cvk__text *reasons)
{
    const struct cvk__backend *backend = s->devices.devices[device]->backend;
    char reason[CVK__REASON_BYTES];
    uint32_t asked = 0;
    if (find_measured(s, device, n, t, best))
        return true;
    best->row = NULL;
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++) {
        const struct cvk_kernel *row = &backend->kernels[r];
        if (row->op != n->op || row->pass != n->pass)
            continue;
        asked++;
        if (!cvk__force_allows(&s->force, row->op, row->pass, row->name)) {
            if (reasons)
                cvk__text_add(reasons, "%s%s: not among the kernels chosen by name", reasons->bytes ? "; " : "", row->name);
            continue;
        }
        struct choice choice;
        if (!ask_row(s, device, row, n, t, &choice, reason)) {
            if (reasons)
                cvk__text_add(reasons, "%s%s: %s", reasons->bytes ? "; " : "", row->name, reason);
            continue;
        }
        if (!best->row || (best->plan.cost_ns > 0 && choice.plan.cost_ns > 0 && choice.plan.cost_ns < best->plan.cost_ns))
            *best = choice;
    }
    if (!asked && reasons)
        cvk__text_add(reasons, "%s has no kernel for it", backend->plugin.name);
    return best->row != NULL;
}

int32_t cvk__assign_find(struct cvk_session *s, const struct cvk__node *n, struct cvk__text *reasons, int32_t *device)
{
    struct layout_trial t;
    *device = -1;
    CVK__TRY(trial_init(&t, s, n));
    bool failed = false;
    for (uint32_t d = 0; d < s->devices.count && *device < 0; d++) {
        struct choice choice;
        struct cvk__text why = {0};
        if (find_kernel(s, d, n, &t, &choice, reasons ? &why : NULL))
            *device = (int32_t)d;
        else if (reasons)
            cvk__text_add(reasons, "%s%s: %s", reasons->bytes ? " | " : "", s->devices.devices[d]->spec,
                          why.data ? why.data : "no");
        failed = failed || why.failed || (reasons && reasons->failed);
        cvk__text_finish(&why);
    }
    trial_finish(&t);
    return failed ? cvk__fail_memory(CVK__REASON_BYTES, "the reasons of a refusal") : CVK_OK;
}

/* ---- first walk: a device for every node --------------------------------------------------------------------------- */

static const char *op_name(uint32_t op)
{
    const struct cvk__op_def *def = cvk__op_find(op);
    return def ? def->name : "copy";
}

/* The device for each node, or one failure that names all nodes nobody takes. */
static int32_t find_devices(struct cvk_session *s, int32_t *device_of, char **notes)
{
    struct cvk__text failed = {0}, elsewhere = {0};
    uint32_t failures = 0, moved = 0;
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < s->g->node_count && status == CVK_OK; i++) {
        const struct cvk__node *n = &s->g->nodes[i];
        if (n->dead || cvk__op_find(n->op)->view)
            continue;
        struct cvk__text why = {0};
        status = cvk__assign_find(s, n, &why, &device_of[i]);
        char shown[96];
        cvk__text_escape(n->name, shown, sizeof shown);
        bool forward = n->pass == cvk__op_find(n->op)->pass;
        const char *colon = forward ? "" : ":", *pass = forward ? "" : cvk__pass_name(n->pass);
        if (device_of[i] < 0 && ++failures <= 8)
            cvk__text_add(&failed, "%s%s%s%s '%s' (%s)", failures > 1 ? ", " : "", op_name(n->op), colon, pass, shown,
                          why.data ? why.data : "");
        if (device_of[i] > 0 && ++moved <= 8)
            cvk__text_add(&elsewhere, "%s%s%s%s '%s' on %s (%s)", moved > 1 ? ", " : "", op_name(n->op), colon, pass, shown,
                          s->devices.devices[device_of[i]]->spec, why.data ? why.data : "");
        if (device_of[i] > 0 && why.data && status == CVK_OK && !(notes[i] = cvk__strdup(CVK__TAG_SESSION, why.data)))
            status = cvk__fail_memory(why.bytes, "a plan");
        cvk__text_finish(&why);
    }
    if (status != CVK_OK) {
        cvk__text_finish(&failed);
        cvk__text_finish(&elsewhere);
        return status;
    }
    if (failures) {
        cvk__fail(CVK_E_UNSUPPORTED, "%u node%s cannot run on '%s': %s%s. ", failures, failures > 1 ? "s" : "", s->devices.spec,
                  failed.data ? failed.data : "", failures > 8 ? ", ..." : "");
        const struct cvk__backend *reference = cvk__backend_reference(s->ctx);
        bool has_reference = false;
        for (uint32_t d = 0; d < s->devices.count; d++)
            has_reference |= s->devices.devices[d]->backend == reference;
        if (s->force.count)
            cvk__fail_more("Kernels are forced or banned by name (CONVOKE_KERNEL): lift that, or name rows that take the node");
        else if (reference && !has_reference)
            cvk__fail_more("Let another device take what it lacks, as in CONVOKE_DEVICE=%s+%s", s->devices.spec,
                           reference->plugin.name);
        else
            cvk__fail_more("No other device is known that could take it; `convoke devices --why` tells what was found");
        status = CVK_E_UNSUPPORTED;
    } else if (moved) {
        /* A plan that is only looked at tells by its report; a warning is for what will run. */
        bool quiet = s->devices.automatic || s->flags & CVK_SESSION_PLAN_ONLY;
        cvk__log(&s->ctx->log, quiet ? CVK_LOG_INFO : CVK_LOG_WARN, "select", "shared: %u node%s behind '%s': %s%s", moved,
                 moved > 1 ? "s run" : " runs", s->devices.devices[0]->spec, elsewhere.data ? elsewhere.data : "",
                 moved > 8 ? ", ..." : "");
    }
    cvk__text_finish(&failed);
    cvk__text_finish(&elsewhere);
    return status;
}

/* ---- second walk: kernels, layouts, steps ------------------------------------------------------------------------------ */

static int32_t emit_view(struct cvk_session *s, uint32_t index)
{
    struct cvk__node *n = &s->g->nodes[index];
    struct cvk__place *place = cvk__place(s, n->inputs[0]);
    if (!place)
        return CVK_E_MEMORY;
    uint32_t domain = place->homed ? place->domain : s->domain_of[0];
    cvk_value x;
    CVK__TRY(cvk__variant(s, n->inputs[0], CVK_LAYOUT_PLAIN, domain, &x));
    n = &s->g->nodes[index];
    n->inputs[0] = x;
    place = cvk__place(s, n->outputs[0]);
    if (!place)
        return CVK_E_MEMORY;
    place->homed = true;
    place->domain = domain;
    uint32_t device = 0;
    while (device + 1 < s->devices.count && s->domain_of[device] != domain)
        device++;
    return cvk__step_new(s, CVK__STEP_VIEW, index, device) ? CVK_OK : CVK_E_MEMORY;
}

/* Brings the operands of a node into their layouts and memory. */
static int32_t fetch_operands(struct cvk_session *s, uint32_t index, const struct choice *choice, uint32_t domain)
{
    uint32_t input_count = s->g->nodes[index].input_count;
    for (uint32_t i = 0; i < input_count + 4; i++) {
        struct cvk__node *n = &s->g->nodes[index];
        cvk_value *extra[] = {&n->bias, &n->scale, &n->shift, &n->residual};
        cvk_value *slot = i < input_count ? &n->inputs[i] : extra[i - input_count];
        cvk_value v = *slot;
        if (!v)
            continue;
        uint32_t rank = cvk__value_at(s->g, v)->desc.rank;
        uint32_t layout = i < input_count         ? cvk__input_layout(choice->row, i, rank, choice->layout_x)
                          : i == input_count + 3u ? choice->layout_y
                                                  : CVK_LAYOUT_PLAIN;
        CVK__TRY(cvk__variant(s, v, layout, domain, &v));
        /* The array of nodes may have moved. */
        n = &s->g->nodes[index];
        cvk_value *again[] = {&n->bias, &n->scale, &n->shift, &n->residual};
        *(i < input_count ? &n->inputs[i] : again[i - input_count]) = v;
    }
    return CVK_OK;
}

static int32_t emit_run(struct cvk_session *s, uint32_t index, uint32_t device, char *note)
{
    struct layout_trial t;
    struct choice choice;
    struct cvk__text reasons = {0};
    CVK__TRY(trial_init(&t, s, &s->g->nodes[index]));
    bool found = find_kernel(s, device, &s->g->nodes[index], &t, &choice, &reasons);
    trial_finish(&t);
    int32_t status = CVK_OK;
    if (!found)
        status = cvk__fail(CVK_E_UNSUPPORTED, "node '%s': no layout fits on '%s': %s", CVK__SHOW(s->g->nodes[index].name),
                           s->devices.devices[device]->spec, reasons.data ? reasons.data : "");
    cvk__text_finish(&reasons);
    uint32_t domain = s->domain_of[device];
    if (status == CVK_OK)
        status = fetch_operands(s, index, &choice, domain);
    struct cvk__node *n = &s->g->nodes[index];
    for (uint32_t i = 0; i < n->output_count && status == CVK_OK; i++) {
        struct cvk__value *y = cvk__value_at(s->g, n->outputs[i]);
        struct cvk__place *place = y ? cvk__place(s, n->outputs[i]) : NULL;
        if (!y)
            continue;
        if (!place)
            return CVK_E_MEMORY;
        place->homed = true;
        place->domain = domain;
        uint32_t layout = cvk__output_layout(choice.row, i, y->desc.rank, choice.layout_y);
        status = cvk_tensor_desc_init(&y->desc, y->desc.dtype, layout, y->desc.rank, y->desc.dims);
    }
    struct cvk__step *step = status == CVK_OK ? cvk__step_new(s, CVK__STEP_RUN, index, device) : NULL;
    if (!step)
        return status == CVK_OK ? CVK_E_MEMORY : status;
    step->row = choice.row;
    step->variant = choice.variant;
    step->plan = choice.plan;
    cvk__log(&s->ctx->log, CVK_LOG_DEBUG, "support", "node '%s': kernel %s on %s, %s to %s", CVK__SHOW(s->g->nodes[index].name),
             choice.row->name, s->devices.devices[device]->spec, cvk_layout_name(choice.layout_x), cvk_layout_name(choice.layout_y));
    if (note && !(step->note = cvk__strdup(CVK__TAG_SESSION, note)))
        return cvk__fail_memory(strlen(note), "a plan");
    return CVK_OK;
}

/* Host-memory devices share the host's. */
void cvk__assign_domains(struct cvk_session *s)
{
    s->domain_count = 1;
    s->domains[0].host = true;
    for (uint32_t d = 0; d < s->devices.count; d++) {
        struct cvk__device *device = s->devices.devices[d];
        s->domain_of[d] = device->host_memory ? 0 : s->domain_count;
        if (device->host_memory) {
            if (!s->domains[0].device)
                s->domains[0].device = device;
        } else {
            s->domains[s->domain_count++].device = device;
        }
    }
}

/* Outputs leave in plain layout. */
static int32_t finish_outputs(struct cvk_session *s)
{
    for (uint32_t i = 0; i < s->g->output_count; i++) {
        struct cvk__place *place = cvk__place(s, s->g->outputs[i]);
        if (!place)
            return CVK_E_MEMORY;
        uint32_t domain = place->homed ? place->domain : s->domain_of[0];
        cvk_value v = s->g->outputs[i];
        CVK__TRY(cvk__variant(s, v, CVK_LAYOUT_PLAIN, domain, &v));
        s->g->outputs[i] = v;
    }
    return CVK_OK;
}

/* A state lives where the node runs that gives it its next content; one that never changes, where it is read first. */
static int32_t home_states(struct cvk_session *s, const int32_t *device_of)
{
    for (uint32_t i = 0; i < s->g->node_count; i++) {
        const struct cvk__node *n = &s->g->nodes[i];
        const struct cvk__op_def *def = cvk__op_find(n->op);
        for (uint32_t o = 0; !n->dead && def->replaces && n->pass == def->pass && o < n->output_count; o++) {
            cvk_value x = n->outputs[o] && def->replaces[o] >= 0 ? n->inputs[def->replaces[o]] : 0;
            if (!x || !cvk__value_at(s->g, x)->initial)
                continue;
            struct cvk__place *place = cvk__place(s, x);
            if (!place)
                return CVK_E_MEMORY;
            place->homed = true;
            place->domain = s->domain_of[device_of[i]];
        }
    }
    return CVK_OK;
}

int32_t cvk__assign(struct cvk_session *s)
{
    uint32_t count = s->g->node_count; /* nodes added on the way are copies and reorders, placed already */
    int32_t *device_of = cvk__alloc_array(CVK__TAG_SESSION, count + 1u, sizeof *device_of);
    char **notes = cvk__alloc_array(CVK__TAG_SESSION, count + 1u, sizeof *notes);
    int32_t status = device_of && notes ? CVK_OK : cvk__fail_memory(count * sizeof *notes, "a plan");
    if (status == CVK_OK)
        status = find_devices(s, device_of, notes);
    if (status == CVK_OK)
        status = home_states(s, device_of);
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        const struct cvk__node *n = &s->g->nodes[i];
        if (n->dead)
            continue;
        if (cvk__op_find(n->op)->view)
            status = emit_view(s, i);
        else
            status = emit_run(s, i, (uint32_t)device_of[i], notes[i]);
    }
    if (status == CVK_OK)
        status = finish_outputs(s);
    for (uint32_t i = 0; notes && i < count; i++)
        cvk__free(notes[i]);
    cvk__free(notes);
    cvk__free(device_of);
    return status;
}

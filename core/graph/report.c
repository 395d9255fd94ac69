/* SPDX-License-Identifier: MIT
 * What a session tells of itself: per step the shapes, costs, receptive field, device and kernel; and the totals. */
#include "../ops/op_def.h"
#include "receptive.h"
#include "segment.h"

struct cvk__node_notes {
    struct cvk__node_view view;
    struct cvk_node_report report;
    char *epilogue, *note;
    int32_t *ids; /* inputs (with epilogue operands that are values), then outputs */
};

static const char *activation_name(const struct cvk_epilogue *e)
{
    const char *name = cvk_unary_name(e->activation);
    return name ? name : "activation";
}

static char *epilogue_text(const struct cvk_epilogue *e)
{
    struct cvk__text t = {0};
    static const struct {
        uint32_t part;
        const char *name;
    } parts[] = {{CVK_EPI_BIAS, "bias"}, {CVK_EPI_SCALE, "scale"}, {CVK_EPI_RESIDUAL, "residual"}};
    for (uint32_t i = 0; i < 3; i++)
        if (e->parts & parts[i].part)
            cvk__text_add(&t, "%s%s", t.bytes ? "+" : "", parts[i].name);
    if (e->parts & CVK_EPI_ACTIVATION)
        cvk__text_add(&t, "%s%s", t.bytes ? "+" : "", activation_name(e));
    if (!t.data)
        cvk__text_add(&t, "%s", "");
    return t.data;
}

/* Weights of a node: its constant floating-point inputs and epilogue vectors. */
static uint64_t count_params(const struct cvk_graph *g, const struct cvk__node *n)
{
    uint64_t count = 0;
    const cvk_value extra[] = {n->bias, n->scale, n->shift};
    for (uint32_t i = 0; i < n->input_count + 3; i++) {
        const struct cvk__value *v = cvk__value_at(g, i < n->input_count ? n->inputs[i] : extra[i - n->input_count]);
        if (v && v->blob && (v->desc.dtype == CVK_F32 || v->desc.dtype == CVK_F64 || v->desc.dtype == CVK_F16))
            count += cvk_tensor_desc_count(&v->desc);
    }
    return count;
}

/* Elements of a tensor without its batch. */
static uint64_t per_item(const struct cvk_tensor_desc *d)
{
    uint64_t count = 1;
    for (uint32_t i = 1; i < d->rank; i++)
        if (!cvk__mul_u64(count, (uint64_t)d->dims[i], &count))
            return UINT64_MAX;
    return count;
}

static void fill_costs(const struct cvk_graph *g, const struct cvk__node *n, const struct cvk_node *node, struct cvk_node_report *r)
{
    struct cvk__cost cost;
    cvk__node_cost(node, &cost);
    r->macs = cost.macs;
    r->flops = cost.flops;
    r->params = count_params(g, n);
    for (uint32_t i = 0; i < node->input_count; i++)
        r->bytes += node->inputs[i] ? node->inputs[i]->bytes : 0;
    for (uint32_t i = 0; i < node->output_count; i++)
        r->bytes += node->outputs[i] ? node->outputs[i]->bytes : 0;
    const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
    for (uint32_t i = 0; i < 4; i++)
        if (extra[i])
            r->bytes += cvk__value_at(g, extra[i])->desc.bytes;
    if (n->op == CVK_OP_CONV && n->pass == CVK_PASS_FORWARD) {
        uint64_t a = per_item(node->inputs[0]), b = per_item(node->outputs[0]);
        if (!cvk__mul_u64(a, b, &r->dense_weights))
            r->dense_weights = UINT64_MAX;
    }
}

static int32_t fill_texts(struct cvk_session *s, const struct cvk__step *step, const struct cvk__node *n, struct cvk__node_notes *notes)
{
    struct cvk_node_report *r = &notes->report;
    const struct cvk__op_def *def = cvk__op_find(n->op);
    struct cvk__text note = {0};
    if (n->note)
        cvk__text_add(&note, "%s", n->note);
    if (step->note)
        cvk__text_add(&note, "%snot on %s", note.bytes ? "; " : "", step->note);
    if (!note.data)
        cvk__text_add(&note, "%s", "");
    notes->note = note.data;
    notes->epilogue = epilogue_text(&n->epilogue);
    if (!notes->note || !notes->epilogue)
        return cvk__fail_memory(64, "a report");
    const char *kind = def && def->kind ? def->kind(n->params) : "";
    r->name = n->name;
    r->op = def ? def->name : "copy";
    r->kind = kind ? kind : "";
    r->pass = cvk__pass_name(n->pass);
    r->device = s->devices.devices[step->device]->spec;
    r->kernel = step->kind == CVK__STEP_VIEW ? "view" : step->kind == CVK__STEP_COPY ? "copy" : step->row->name;
    r->epilogue = notes->epilogue;
    r->note = notes->note;
    return CVK_OK;
}

static int32_t fill_operands(const struct cvk__node *n, struct cvk__node_notes *notes)
{
    struct cvk_node_report *r = &notes->report;
    notes->ids = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + n->output_count + 1u, sizeof *notes->ids);
    if (!notes->ids)
        return cvk__fail_memory(n->input_count * sizeof *notes->ids, "a report");
    for (uint32_t i = 0; i < n->input_count; i++)
        notes->ids[i] = n->inputs[i] ? n->inputs[i] : -1;
    for (uint32_t i = 0; i < n->output_count; i++)
        notes->ids[n->input_count + i] = n->outputs[i] ? n->outputs[i] : -1;
    /* A residual that came from another node is an edge of the drawing, too. */
    notes->ids[n->input_count + n->output_count] = n->residual ? n->residual : -1;
    r->input_count = n->input_count;
    r->output_count = n->output_count;
    r->inputs = notes->view.inputs;
    r->outputs = notes->view.outputs;
    r->input_ids = notes->ids;
    r->output_ids = notes->ids + n->input_count;
    r->residual_id = notes->ids[n->input_count + n->output_count];
    return CVK_OK;
}

static int32_t fill_field(const struct cvk__node *n, struct cvk__node_notes *notes, struct cvk__field *fields)
{
    if (n->pass != CVK_PASS_FORWARD)
        return CVK_OK;
    const struct cvk__op_def *def = cvk__op_find(n->op);
    const struct cvk__field **in = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + 1u, sizeof *in);
    if (!in)
        return cvk__fail_memory(n->input_count * sizeof *in, "a report");
    for (uint32_t i = 0; i < n->input_count; i++)
        in[i] = n->inputs[i] ? &fields[n->inputs[i] - 1] : NULL;
    struct cvk__field f;
    cvk__field_of_node(&notes->view.node, def, in, &f);
    if (n->residual && fields[n->residual - 1].spatial_rank && f.spatial_rank)
        cvk__field_join(&f, &fields[n->residual - 1]);
    cvk__free(in);
    for (uint32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i])
            fields[n->outputs[i] - 1] = f;
    struct cvk_node_report *r = &notes->report;
    r->spatial_rank = f.spatial_rank;
    r->field_aligned = f.aligned;
    memcpy(r->field, f.size, sizeof r->field);
    memcpy(r->jump, f.jump, sizeof r->jump);
    memcpy(r->offset, f.offset, sizeof r->offset);
    cvk__window_of_node(&notes->view.node, def, f.spatial_rank, r->window);
    return CVK_OK;
}

static int32_t fill_step(struct cvk_session *s, uint32_t t, struct cvk__field *fields)
{
    const struct cvk__step *step = &s->steps[t];
    const struct cvk__node *n = &s->g->nodes[step->node];
    struct cvk__node_notes *notes = &s->notes[t];
    CVK__TRY(cvk__node_view_init(&notes->view, s->g, n, s->node_flags));
    CVK__TRY(fill_texts(s, step, n, notes));
    CVK__TRY(fill_operands(n, notes));
    fill_costs(s->g, n, &notes->view.node, &notes->report);
    notes->report.workspace_bytes = step->plan.workspace_bytes;
    notes->report.segment = step->segment;
    if (step->segment) {
        notes->report.micro_batch = s->segments[step->segment - 1].images;
        notes->report.segment_threads = s->segments[step->segment - 1].lanes;
    }
    CVK__TRY(fill_field(n, notes, fields));
    struct cvk_session_report *total = &s->report;
    total->params += notes->report.params;
    total->macs += notes->report.macs;
    total->flops += notes->report.flops;
    if (step->kind == CVK__STEP_COPY) {
        total->copies++;
        total->copy_bytes += notes->view.outputs[0]->bytes;
    }
    total->reorders += n->op == CVK_OP_REORDER;
    return CVK_OK;
}

int32_t cvk__report_init(struct cvk_session *s)
{
    s->notes = cvk__alloc_array(CVK__TAG_SESSION, s->step_count + 1u, sizeof *s->notes);
    struct cvk__field *fields = cvk__alloc_array(CVK__TAG_SESSION, s->g->value_count + 1u, sizeof *fields);
    int32_t status = s->notes && fields ? CVK_OK : cvk__fail_memory(s->step_count * sizeof *s->notes, "a report");
    for (uint32_t i = 0; i < s->g->input_count && status == CVK_OK; i++)
        cvk__field_of_input(&cvk__value_at(s->g, s->g->inputs[i])->desc, &fields[s->g->inputs[i] - 1]);
    for (uint32_t t = 0; t < s->step_count && status == CVK_OK; t++)
        status = fill_step(s, t, fields);
    cvk__free(fields);
    s->report.device = s->devices.spec;
    s->report.segments = s->segment_count;
    return status;
}

void cvk__report_finish(struct cvk_session *s)
{
    for (uint32_t t = 0; s->notes && t < s->step_count; t++) {
        cvk__node_view_finish(&s->notes[t].view);
        cvk__free(s->notes[t].epilogue);
        cvk__free(s->notes[t].note);
        cvk__free(s->notes[t].ids);
    }
    cvk__free(s->notes);
    s->notes = NULL;
}

uint32_t cvk_session_node_count(const struct cvk_session *s)
{
    return s ? s->step_count : 0;
}

int32_t cvk_session_node(const struct cvk_session *s, uint32_t i, struct cvk_node_report *out)
{
    if (!s || !out || i >= s->step_count)
        return cvk__fail(CVK_E_ARG, "cvk_session_node: no node %u", i);
    *out = s->notes[i].report;
    out->time_ns = s->steps[i].time_ns;
    out->start_ns = s->steps[i].start_ns;
    return CVK_OK;
}

int32_t cvk_session_get_report(const struct cvk_session *s, struct cvk_session_report *out)
{
    if (!s || !out)
        return cvk__fail(CVK_E_ARG, "cvk_session_get_report: session or out is NULL");
    *out = s->report;
    return CVK_OK;
}

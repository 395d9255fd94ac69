/* SPDX-License-Identifier: MIT
 * One row on one problem: its memory, build, runs, results. Like a step of a session, with buffers of its own. */
#include "problem.h"

#define PIECE_BYTES ((uint64_t)4 << 20)  /* of poison at a time */
#define PROFILED_MOST 10u                /* runs that are timed by the device, each of which is waited for */

static uint32_t operand_count(const struct cvk__problem *p)
{
    return p->input_count + p->output_count + CVK__EPILOGUE_COUNT;
}

static bool is_output(const struct cvk__problem *p, uint32_t i)
{
    return i >= p->input_count && i < p->input_count + p->output_count;
}

/* Descriptors in the row's layouts; CVK_E_UNSUPPORTED if a tensor cannot have one. */
static int32_t set_layouts(const struct cvk__problem *p, const struct cvk__way *way, struct cvk_tensor_desc *descs)
{
    uint32_t behind = p->input_count + p->output_count;
    for (uint32_t i = 0; i < operand_count(p); i++) {
        const struct cvk_tensor_desc *d = &p->operands[i].desc;
        bool as_y = i == behind + CVK__RESIDUAL_OPERAND;
        uint32_t layout = i < p->input_count ? cvk__input_layout(way->row, i, d->rank, way->layout_x)
                          : is_output(p, i)  ? cvk__output_layout(way->row, i - p->input_count, d->rank, way->layout_y)
                          : as_y             ? way->layout_y
                                             : (uint32_t)CVK_LAYOUT_PLAIN;
        if (!d->size)
            continue;
        if ((layout != CVK_LAYOUT_PLAIN && d->rank < 3) ||
            cvk_tensor_desc_init(&descs[i], d->dtype, layout, d->rank, d->dims) != CVK_OK)
            return CVK_E_UNSUPPORTED;
    }
    return CVK_OK;
}

/* The node in the boundary's form, pointing into descs. */
static int32_t view_init(struct cvk__node_view *view, const struct cvk__problem *p, const struct cvk_tensor_desc *descs)
{
    uint32_t in = p->input_count, out = p->output_count;
    memset(view, 0, sizeof *view);
    view->inputs = cvk__alloc_array(CVK__TAG_SESSION, in + 1u, sizeof *view->inputs);
    view->outputs = cvk__alloc_array(CVK__TAG_SESSION, out + 1u, sizeof *view->outputs);
    view->constants = cvk__alloc_array(CVK__TAG_SESSION, in + 1u, sizeof *view->constants);
    if (!view->inputs || !view->outputs || !view->constants) {
        cvk__node_view_finish(view);
        return cvk__fail_memory(in * sizeof *view->inputs, "a test");
    }
    for (uint32_t i = 0; i < in; i++) {
        view->inputs[i] = p->operands[i].desc.size ? &descs[i] : NULL;
        view->constants[i] = p->operands[i].known ? p->operands[i].data : NULL;
    }
    for (uint32_t i = 0; i < out; i++)
        view->outputs[i] = p->operands[in + i].desc.size ? &descs[in + i] : NULL;
    view->epilogue = p->epilogue;
    view->node = (struct cvk_node){.size = sizeof view->node,
                                   .op = p->op,
                                   .pass = p->pass,
                                   .flags = p->flags,
                                   .name = p->name,
                                   .params = p->params,
                                   .input_count = in,
                                   .output_count = out,
                                   .inputs = view->inputs,
                                   .outputs = view->outputs,
                                   .constants = view->constants,
                                   .epilogue = p->epilogue.parts ? &view->epilogue : NULL};
    return CVK_OK;
}

static int32_t describe(const struct cvk__problem *p, const struct cvk__way *way, struct cvk_tensor_desc **descs,
                        struct cvk__node_view *view)
{
    *descs = cvk__alloc_array(CVK__TAG_SESSION, operand_count(p), sizeof **descs);
    int32_t status = *descs ? set_layouts(p, way, *descs) : cvk__fail_memory(sizeof **descs, "a test");
    if (status == CVK_OK)
        status = view_init(view, p, *descs);
    if (status != CVK_OK) {
        cvk__free(*descs);
        *descs = NULL;
    }
    return status;
}

int32_t cvk__drive_ask(struct cvk__device *d, const struct cvk__problem *p, const struct cvk__way *way, struct cvk_plan *plan,
                       char *reason)
{
    struct cvk_tensor_desc *descs;
    struct cvk__node_view view;
    snprintf(reason, CVK__REASON_BYTES, "needs at least 3 axes");
    CVK__TRY(describe(p, way, &descs, &view));
    int32_t status = cvk__kernel_ask_variant(d, way->row, &view.node, way->layout_x, way->layout_y, way->variant, plan, reason);
    cvk__node_view_finish(&view);
    cvk__free(descs);
    return status;
}

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

/* Fills what no kernel may read before it was written. */
static int32_t poison(struct cvk__device *d, const struct cvk_binding *b)
{
    uint64_t piece = b->bytes < PIECE_BYTES ? b->bytes : PIECE_BYTES;
    if (d->host_memory && !d->backend->api.write) {
        memset(b->buffer, 0xff, b->bytes);
        return CVK_OK;
    }
    void *pattern = cvk__alloc_buffer(CVK__TAG_SESSION, piece);
    if (!pattern)
        return cvk__fail_memory(piece, "a test");
    memset(pattern, 0xff, piece);
    int32_t status = CVK_OK;
    for (uint64_t done = 0; done < b->bytes && status == CVK_OK; done += piece)
        status = cvk__buffer_write(d, b->buffer, done, pattern, b->bytes - done < piece ? b->bytes - done : piece);
    cvk__free(pattern);
    return status;
}

static int32_t write_operand(struct cvk__drive *w, uint32_t i)
{
    const struct cvk__operand *o = &w->problem->operands[i];
    if (w->descs[i].layout == CVK_LAYOUT_PLAIN)
        return cvk__buffer_write(w->device, w->bindings[i].buffer, 0, o->data, o->desc.bytes);
    void *turned = cvk__alloc_buffer(CVK__TAG_SESSION, w->descs[i].bytes);
    int32_t status = turned ? cvk_tensor_reorder(&o->desc, o->data, &w->descs[i], turned)
                            : cvk__fail_memory(w->descs[i].bytes, "the data of a test");
    if (status == CVK_OK)
        status = cvk__buffer_write(w->device, w->bindings[i].buffer, 0, turned, w->descs[i].bytes);
    cvk__free(turned);
    return status;
}

/* Memory for operand i, with its content; outputs and workspace poisoned. */
static int32_t place(struct cvk__drive *w, uint32_t i, uint64_t bytes, bool fill)
{
    struct cvk_binding *b = &w->bindings[i];
    const struct cvk__operand *o = i < operand_count(w->problem) ? &w->problem->operands[i] : NULL;
    b->bytes = bytes;
    if (fill && w->device->host_memory && w->descs[i].layout == CVK_LAYOUT_PLAIN) {
        b->buffer = o->data; /* kernels do not write to their inputs */
        return CVK_OK;
    }
    CVK__TRY(cvk__buffer_alloc(w->device, bytes ? bytes : 1, &b->buffer));
    w->owned[i] = true;
    if (fill)
        return write_operand(w, i);
    return b->bytes ? poison(w->device, b) : CVK_OK;
}

static int32_t place_all(struct cvk__drive *w)
{
    const struct cvk__problem *p = w->problem;
    for (uint32_t i = 0; i < operand_count(p); i++)
        if (p->operands[i].desc.size)
            CVK__TRY(place(w, i, w->descs[i].bytes, !is_output(p, i)));
    if (w->plan.workspace_bytes)
        CVK__TRY(place(w, operand_count(p), w->plan.workspace_bytes, false));
    if (w->plan.packed_bytes && !(w->exec.packed = cvk__alloc_buffer(CVK__TAG_SESSION, w->plan.packed_bytes)))
        return cvk__fail_memory(w->plan.packed_bytes, "packed weights");
    return CVK_OK;
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

static const float *known_floats(const struct cvk__operand *o)
{
    return o->known ? o->data : NULL;
}

static void fill_exec(struct cvk__drive *w, const struct cvk_binding *bindings)
{
    const struct cvk__problem *p = w->problem;
    const struct cvk_binding *e = bindings + p->input_count + p->output_count;
    const struct cvk__operand *o = p->operands + p->input_count + p->output_count;
    void *packed = w->exec.packed, *state = w->exec.state;
    w->exec = (struct cvk_exec){.size = sizeof w->exec,
                                .host = &w->device->host,
                                .device = w->device->handle,
                                .queue = w->device->queue,
                                .node = &w->view.node,
                                .plan = &w->plan,
                                .inputs = bindings,
                                .outputs = bindings + p->input_count,
                                .bias = o[CVK__BIAS_OPERAND].desc.size ? &e[CVK__BIAS_OPERAND] : NULL,
                                .scale = o[CVK__SCALE_OPERAND].desc.size ? &e[CVK__SCALE_OPERAND] : NULL,
                                .shift = o[CVK__SHIFT_OPERAND].desc.size ? &e[CVK__SHIFT_OPERAND] : NULL,
                                .residual = o[CVK__RESIDUAL_OPERAND].desc.size ? &e[CVK__RESIDUAL_OPERAND] : NULL,
                                .workspace = w->plan.workspace_bytes ? &e[CVK__EPILOGUE_COUNT] : NULL,
                                .packed = packed,
                                .state = state,
                                .bias_host = known_floats(&o[CVK__BIAS_OPERAND]),
                                .scale_host = known_floats(&o[CVK__SCALE_OPERAND]),
                                .shift_host = known_floats(&o[CVK__SHIFT_OPERAND])};
}

/* build sees the constants alone. */
static int32_t build(struct cvk__drive *w)
{
    uint32_t count = operand_count(w->problem) + 1u;
    struct cvk_binding *constants = cvk__alloc_array(CVK__TAG_SESSION, count, sizeof *constants);
    if (!constants)
        return cvk__fail_memory(count * sizeof *constants, "a test");
    for (uint32_t i = 0; i + 1 < count; i++)
        if (w->problem->operands[i].known)
            constants[i] = w->bindings[i];
    constants[count - 1].bytes = w->plan.workspace_bytes;
    fill_exec(w, constants);
    int32_t status = CVK_OK;
    if (w->way.row->build) {
        cvk__plugin_enter();
        status = cvk__plugin_leave(w->device, w->way.row->build(&w->exec), "building a kernel");
    }
    w->built = status == CVK_OK;
    fill_exec(w, w->bindings);
    cvk__free(constants);
    return status;
}

int32_t cvk__drive_begin(struct cvk__drive *w, struct cvk__device *d, const struct cvk__problem *p, const struct cvk__way *way)
{
    char reason[CVK__REASON_BYTES];
    *w = (struct cvk__drive){.device = d, .problem = p, .way = *way};
    CVK__TRY(describe(p, way, &w->descs, &w->view));
    uint32_t count = operand_count(p) + 1u;
    w->bindings = cvk__alloc_array(CVK__TAG_SESSION, count, sizeof *w->bindings);
    w->owned = cvk__alloc_array(CVK__TAG_SESSION, count, sizeof *w->owned);
    int32_t status = w->bindings && w->owned ? CVK_OK : cvk__fail_memory(count * sizeof *w->bindings, "a test");
    if (status == CVK_OK) {
        status =
            cvk__kernel_ask_variant(d, way->row, &w->view.node, way->layout_x, way->layout_y, way->variant, &w->plan, reason);
        if (status != CVK_OK)
            cvk__fail(status, "%s", reason);
    }
    if (status == CVK_OK)
        status = place_all(w);
    if (status == CVK_OK)
        status = build(w);
    if (status != CVK_OK)
        cvk__drive_end(w);
    return status;
}

int32_t cvk__drive_run(struct cvk__drive *w)
{
    cvk__plugin_enter();
    CVK__TRY(cvk__plugin_leave(w->device, w->way.row->run(&w->exec), "running a kernel"));
    return cvk__device_finish(w->device);
}

/* By the device's own clock, which times one run at a time. */
static int32_t time_on_device(struct cvk__drive *w, uint32_t runs, double *ns)
{
    struct cvk__device *d = w->device;
    uint64_t elapsed = 0, sum = 0;
    for (uint32_t i = 0; i < runs; i++, sum += elapsed) {
        cvk__plugin_enter();
        CVK__TRY(cvk__plugin_leave(d, d->profile_api->begin(d->handle, d->queue), "timing a kernel"));
        int32_t status = cvk__plugin_leave(d, w->way.row->run(&w->exec), "running a kernel");
        int32_t ended = cvk__plugin_leave(d, d->profile_api->end(d->handle, d->queue, &elapsed), "timing a kernel");
        if (status != CVK_OK || ended != CVK_OK)
            return status != CVK_OK ? status : ended;
    }
    *ns = (double)sum / runs;
    return CVK_OK;
}

int32_t cvk__drive_time(struct cvk__drive *w, uint32_t runs, double *ns)
{
    struct cvk__device *d = w->device;
    if (d->profile_api)
        return time_on_device(w, runs < PROFILED_MOST ? runs : PROFILED_MOST, ns);
    double start = cvk__now_ns();
    cvk__plugin_enter();
    for (uint32_t i = 0; i < runs; i++)
        CVK__TRY(cvk__plugin_leave(d, w->way.row->run(&w->exec), "running a kernel"));
    CVK__TRY(cvk__device_finish(d));
    *ns = (cvk__now_ns() - start) / runs;
    return CVK_OK;
}

/* Bytes that are not zero outside of the elements of `plain`; -0 counts as zero. */
static bool spare_is_zero(const struct cvk_tensor_desc *d, const unsigned char *got, const unsigned char *wanted)
{
    uint32_t each = cvk_dtype_bytes(d->dtype);
    bool floats = d->dtype == CVK_F32 || d->dtype == CVK_F64 || d->dtype == CVK_F16 || d->dtype == CVK_BF16;
    if (!memcmp(got, wanted, d->bytes))
        return true;
    for (uint64_t i = 0; i < d->bytes; i++)
        if (got[i] != wanted[i] && !(floats && i % each == each - 1 && got[i] == 0x80 && !wanted[i]))
            return false;
    return true;
}

int32_t cvk__drive_read(struct cvk__drive *w, uint32_t i, void **data, bool *clean)
{
    uint32_t at = w->problem->input_count + i;
    const struct cvk_tensor_desc *plain = &w->problem->operands[at].desc, *raw = &w->descs[at];
    char *got = cvk__alloc_buffer(CVK__TAG_SESSION, raw->bytes), *turned = NULL, *back = NULL;
    *clean = true;
    *data = NULL;
    int32_t status = got ? CVK_OK : cvk__fail_memory(raw->bytes, "the results of a test");
    if (status == CVK_OK)
        status = cvk__buffer_read(w->device, w->bindings[at].buffer, 0, got, raw->bytes);
    if (status == CVK_OK && raw->layout == CVK_LAYOUT_PLAIN) {
        *data = got;
        return CVK_OK;
    }
    if (status == CVK_OK) {
        turned = cvk__alloc_buffer(CVK__TAG_SESSION, plain->bytes);
        back = cvk__alloc_buffer(CVK__TAG_SESSION, raw->bytes);
        status =
            turned && back ? cvk_tensor_reorder(raw, got, plain, turned) : cvk__fail_memory(raw->bytes, "the results of a test");
    }
    if (status == CVK_OK)
        status = cvk_tensor_reorder(plain, turned, raw, back);
    if (status == CVK_OK) {
        *clean = spare_is_zero(raw, (unsigned char *)got, (unsigned char *)back);
        *data = turned;
        turned = NULL;
    }
    cvk__free(got);
    cvk__free(turned);
    cvk__free(back);
    return status;
}

void cvk__drive_end(struct cvk__drive *w)
{
    if (w->built && w->way.row->finish)
        w->way.row->finish(&w->exec);
    cvk__free(w->exec.packed);
    for (uint32_t i = 0; w->bindings && w->owned && i < operand_count(w->problem) + 1u; i++)
        if (w->owned[i])
            cvk__buffer_free(w->device, w->bindings[i].buffer);
    cvk__free(w->bindings);
    cvk__free(w->owned);
    cvk__free(w->descs);
    cvk__node_view_finish(&w->view);
    memset(w, 0, sizeof *w);
}

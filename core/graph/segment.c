/* SPDX-License-Identifier: MIT
 * Finds the segments of a session: stretches of steps whose batch can be cut, the cuts with the least estimated time in them,
 * and the kernels planned again for one piece. Values that only one segment knows become its own. */
#include "segment.h"

#include <stdlib.h>

#include "../ops/op_def.h"

/* ---- the caller's wish ------------------------------------------------------------------------------------------------- */

int32_t cvk__segments_wish(struct cvk_session *s)
{
    const char *text = cvk__getenv("CONVOKE_SEGMENTS");
    uint64_t images = 0;
    s->segment_wish = 0;
    if (text && *text && strcmp(text, "auto") != 0 && strcmp(text, "off") != 0 &&
        (!cvk__parse_u64(text, &images) || images < 1 || images > INT32_MAX))
        return cvk__fail(CVK_E_ARG, "CONVOKE_SEGMENTS='%s': wanted is off, auto, or how many images a piece shall have",
                         CVK__SHOW(text));
    bool off = text && strcmp(text, "off") == 0;
    /* Kept values have memory for the whole batch; a search for NaN wants one step after the other. */
    if (off || s->flags & (CVK_SESSION_NO_SEGMENTS | CVK_SESSION_KEEP_VALUES) || s->check_nan)
        s->segment_wish = -1;
    else if (images)
        s->segment_wish = (int64_t)images;
    return CVK_OK;
}

/* The number that the user gave a device as option `threads`, "simd:0(isa=avx2,threads=1)"; 0: none. */
static uint64_t threads_option(const char *spec)
{
    const char *at = spec;
    while ((at = strstr(at, "threads=")) && at > spec && at[-1] != '(' && at[-1] != ',')
        at++;
    return at ? strtoull(at + strlen("threads="), NULL, 10) : 0;
}

/* Workers of the pool, as far as the user lets the devices have them. */
static uint32_t count_workers(const struct cvk_session *s)
{
    uint64_t workers = cvk__pool_workers(s->ctx->pool);
    for (uint32_t d = 0; d < s->devices.count; d++) {
        uint64_t given = threads_option(s->devices.devices[d]->spec);
        workers = given && given < workers ? given : workers;
    }
    return (uint32_t)workers;
}

/* ---- operands ------------------------------------------------------------------------------------------------------------ */

cvk_value cvk__step_operand(const struct cvk_session *s, const struct cvk__step *step, uint32_t i)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
    if (i < n->input_count)
        return n->inputs[i];
    i -= n->input_count;
    return i < n->output_count ? n->outputs[i] : extra[i - n->output_count];
}

static uint32_t operand_count(const struct cvk_session *s, const struct cvk__step *step)
{
    return s->g->nodes[step->node].input_count + s->g->nodes[step->node].output_count + 4;
}

bool cvk__step_cuts(const struct cvk_session *s, const struct cvk__step *step, uint32_t i)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    uint32_t sums = n->input_count + n->output_count; /* bias, scale, shift; then the residual, of the output's sizes */
    return i < n->input_count ? step->cut[i] : i < sums || i == sums + 3;
}

uint64_t cvk__piece_bytes(const struct cvk_session *s, const struct cvk__segment *segment, cvk_value v)
{
    return cvk__value_at(s->g, v)->desc.bytes / segment->pieces;
}

bool cvk__step_stages(const struct cvk_session *s, const struct cvk__step *step, uint32_t i)
{
    cvk_value v = cvk__step_operand(s, step, i);
    if (!v || step->kind != CVK__STEP_RUN || !cvk__step_cuts(s, step, i) || s->places[v - 1].segment)
        return false;
    return cvk__piece_bytes(s, &s->segments[step->segment - 1], v) % CVK_ALIGN_BYTES != 0;
}

int32_t cvk__segment_view(const struct cvk_session *s, const struct cvk__step *step, int64_t images, struct cvk__node_view *view,
                          struct cvk_tensor_desc **descs)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    CVK__TRY(cvk__node_view_init(view, s->g, n, s->node_flags));
    *descs = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + n->output_count + 1u, sizeof **descs);
    int32_t status = *descs ? CVK_OK : cvk__fail_memory(sizeof **descs, "a plan");
    for (uint32_t i = 0; i < n->input_count + n->output_count && status == CVK_OK; i++) {
        const struct cvk_tensor_desc **slot = i < n->input_count ? &view->inputs[i] : &view->outputs[i - n->input_count];
        if (!*slot || !cvk__step_cuts(s, step, i))
            continue;
        struct cvk_tensor_desc *d = &(*descs)[i];
        int64_t dims[CVK_MAX_RANK];
        memcpy(dims, (*slot)->dims, sizeof dims);
        dims[0] = images;
        status = cvk_tensor_desc_init(d, (*slot)->dtype, (*slot)->layout, (*slot)->rank, dims);
        *slot = d;
    }
    if (status != CVK_OK) {
        cvk__free(*descs);
        *descs = NULL;
        cvk__node_view_finish(view);
    }
    return status;
}

/* Asks a step's kernel about pieces of so many images, 0: about the whole batch. *takes is false if it refuses. */
static int32_t ask_kernel(struct cvk_session *s, const struct cvk__step *step, int64_t images, struct cvk_plan *plan, bool *takes)
{
    struct cvk__node_view view;
    struct cvk_tensor_desc *descs = NULL;
    char reason[CVK__REASON_BYTES];
    *takes = true;
    if (step->kind != CVK__STEP_RUN)
        return CVK_OK;
    if (images)
        CVK__TRY(cvk__segment_view(s, step, images, &view, &descs));
    else
        CVK__TRY(cvk__node_view_init(&view, s->g, &s->g->nodes[step->node], s->node_flags));
    const struct cvk_node *node = &view.node;
    uint32_t layout_x = node->input_count && node->inputs[0] ? node->inputs[0]->layout : (uint32_t)CVK_LAYOUT_PLAIN;
    *takes = cvk__kernel_ask_variant(s->devices.devices[step->device], step->row, node, layout_x, node->outputs[0]->layout,
                                     step->variant, plan, reason) == CVK_OK;
    cvk__node_view_finish(&view);
    cvk__free(descs);
    return CVK_OK;
}

/* ---- which steps can be cut ---------------------------------------------------------------------------------------------- */

/* True if the value lies in whole images, `batch` of them. */
static bool has_images(const struct cvk__value *v, int64_t batch)
{
    return v->desc.rank > 0 && v->desc.dims[0] == batch && v->desc.bytes > 0;
}

/* Sets step->cut, and *batch to the images that the step works on, 0 if its batch cannot be cut. `images`: of a piece for which
 * its kernel is asked. */
static int32_t look_at(struct cvk_session *s, struct cvk__step *step, int64_t wish, int64_t *batch)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    const struct cvk__op_def *def = cvk__op_find(n->op);
    const struct cvk__device *d = s->devices.devices[step->device];
    *batch = 0;
    cvk__free(step->cut);
    step->cut = NULL;
    if (step->kind == CVK__STEP_COPY || n->pass != CVK_PASS_FORWARD || !def || !def->separable || !n->input_count || !n->inputs[0] || !n->outputs[0])
        return CVK_OK;
    if (step->kind == CVK__STEP_RUN && (!d->host_memory || d->queue || !(step->row->flags & CVK_KERNEL_CONCURRENT)))
        return CVK_OK;
    int64_t images = cvk__value_at(s->g, n->outputs[0])->desc.rank ? cvk__value_at(s->g, n->outputs[0])->desc.dims[0] : 0;
    uint32_t vectors = CVK_EPI_BIAS | CVK_EPI_SCALE;
    if (images < 2 || (n->epilogue.parts & vectors && n->epilogue.axis == 0))
        return CVK_OK;
    step->cut = cvk__alloc_array(CVK__TAG_SESSION, n->input_count, sizeof *step->cut);
    struct cvk__node_view view;
    if (!step->cut)
        return cvk__fail_memory(n->input_count, "a plan");
    CVK__TRY(cvk__node_view_init(&view, s->g, n, s->node_flags));
    bool fits = def->separable(&view.node, step->cut);
    cvk__node_view_finish(&view);
    for (uint32_t i = 0; fits && i < operand_count(s, step); i++) {
        const struct cvk__value *v = cvk__value_at(s->g, cvk__step_operand(s, step, i));
        /* A kernel may have looked at an input's whole content when it was built. */
        if (v && cvk__step_cuts(s, step, i))
            fits = has_images(v, images) && !(v->blob && i < n->input_count);
    }
    struct cvk_plan plan;
    if (fits)
        CVK__TRY(ask_kernel(s, step, cvk__divisor(images, wish > 0 ? wish : 1), &plan, &fits));
    *batch = fits ? images : 0;
    return CVK_OK;
}

/* ---- what the choice is told --------------------------------------------------------------------------------------------- */

struct finder {
    struct cvk_session *s;
    int64_t *batch;         /* per step: its images, 0 if it cannot be cut */
    uint32_t *writer;       /* per value: the step that makes it + 1 */
    uint32_t *first, *last; /* per value: steps between which its memory is in use, those outside the stretch at its ends */
    cvk_value *memory;      /* per value: the one whose memory it lies in, by views */
    bool *leaves;           /* per value: an output of the net */
    uint32_t *counted;      /* per value: the stretch (its first step + 1) whose loads hold it */
    struct cvk__load *loads;
    struct cvk__cut *cuts;
    struct cvk__machine machine;
    int64_t forced;
};

static int32_t finder_init(struct finder *f, struct cvk_session *s)
{
    uint32_t values = s->g->value_count + 1u, steps = s->step_count + 1u;
    *f = (struct finder){.s = s,
                         .batch = cvk__alloc_array(CVK__TAG_SESSION, steps, sizeof *f->batch),
                         .writer = cvk__alloc_array(CVK__TAG_SESSION, values, sizeof *f->writer),
                         .first = cvk__alloc_array(CVK__TAG_SESSION, values, sizeof *f->first),
                         .last = cvk__alloc_array(CVK__TAG_SESSION, values, sizeof *f->last),
                         .memory = cvk__alloc_array(CVK__TAG_SESSION, values, sizeof *f->memory),
                         .leaves = cvk__alloc_array(CVK__TAG_SESSION, values, sizeof *f->leaves),
                         .counted = cvk__alloc_array(CVK__TAG_SESSION, values, sizeof *f->counted),
                         .loads = cvk__alloc_array(CVK__TAG_SESSION, steps, sizeof *f->loads),
                         .cuts = cvk__alloc_array(CVK__TAG_SESSION, steps, sizeof *f->cuts)};
    if (!f->batch || !f->writer || !f->first || !f->last || !f->memory || !f->leaves || !f->counted || !f->loads ||
        !f->cuts)
        return cvk__fail_memory(steps * sizeof *f->loads, "a plan");
    return CVK_OK;
}

static void finder_finish(struct finder *f)
{
    cvk__free(f->batch);
    cvk__free(f->writer);
    cvk__free(f->first);
    cvk__free(f->last);
    cvk__free(f->memory);
    cvk__free(f->leaves);
    cvk__free(f->counted);
    cvk__free(f->loads);
    cvk__free(f->cuts);
}

/* Who makes each value, in whose memory it lies, and until when it is read. */
static void find_uses(struct finder *f)
{
    struct cvk_session *s = f->s;
    for (uint32_t i = 0; i < s->g->value_count; i++)
        f->memory[i] = (cvk_value)(i + 1);
    for (uint32_t t = 0; t < s->step_count; t++) {
        const struct cvk__step *step = &s->steps[t];
        const struct cvk__node *n = &s->g->nodes[step->node];
        for (uint32_t i = 0; i < n->output_count; i++)
            if (n->outputs[i])
                f->writer[n->outputs[i] - 1] = t + 1;
        if (step->kind == CVK__STEP_VIEW)
            f->memory[n->outputs[0] - 1] = f->memory[n->inputs[0] - 1];
        else
            for (uint32_t i = 0; i < n->output_count; i++)
                if (n->outputs[i])
                    f->first[n->outputs[i] - 1] = t;
        for (uint32_t i = 0; i < operand_count(s, step); i++)
            if (cvk__step_operand(s, step, i))
                f->last[f->memory[cvk__step_operand(s, step, i) - 1] - 1] = t;
    }
    for (uint32_t i = 0; i < s->g->output_count; i++)
        f->leaves[f->memory[s->g->outputs[i] - 1] - 1] = true;
}

/* Bytes of one image of a value join the loads of the steps at which it is in use; once for each value. */
static void add_life(struct finder *f, cvk_value v, uint32_t begin, uint32_t count, int64_t batch)
{
    cvk_value m = f->memory[v - 1];
    const struct cvk__value *value = cvk__value_at(f->s->g, m);
    uint64_t bytes = value->desc.bytes / (uint64_t)batch;
    uint32_t end = begin + count, writer = f->writer[m - 1];
    bool outside = !writer || writer - 1 < begin;
    uint32_t first = outside ? begin : f->first[m - 1];
    uint32_t last = f->leaves[m - 1] || f->last[m - 1] >= end ? end : f->last[m - 1];
    /* As differences; summed up by sum_lives. */
    f->loads[first - begin].live_bytes += bytes;
    if (last < end)
        f->loads[last + 1 - begin].live_bytes -= bytes;
    f->loads[outside ? 0 : first + 1 - begin].crossing_bytes += bytes;
    if (last < end)
        f->loads[last + 1 - begin].crossing_bytes -= bytes;
}

static void sum_lives(struct finder *f, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        f->loads[i].live_bytes += f->loads[i - 1].live_bytes;
        f->loads[i].crossing_bytes += f->loads[i - 1].crossing_bytes;
    }
}

static double flops_of(const struct cvk_session *s, const struct cvk__step *step, struct cvk__node_view *view)
{
    struct cvk__cost cost;
    (void)s;
    if (step->kind != CVK__STEP_RUN)
        return 0;
    cvk__node_cost(&view->node, &cost);
    return (double)cost.flops;
}

static int32_t load_step(struct finder *f, uint32_t t, uint32_t begin, uint32_t count)
{
    struct cvk_session *s = f->s;
    const struct cvk__step *step = &s->steps[t];
    struct cvk__load *load = &f->loads[t - begin];
    int64_t batch = f->batch[begin];
    struct cvk__node_view view;
    CVK__TRY(cvk__node_view_init(&view, s->g, &s->g->nodes[step->node], s->node_flags));
    load->flops = flops_of(s, step, &view) / (double)batch;
    cvk__node_view_finish(&view);
    for (uint32_t i = 0; i < operand_count(s, step); i++) {
        cvk_value v = cvk__step_operand(s, step, i);
        if (!v)
            continue;
        uint64_t bytes = cvk__value_at(s->g, v)->desc.bytes;
        bool cut = cvk__step_cuts(s, step, i);
        if (!cut) {
            load->weight_bytes += bytes;
            if (f->writer[v - 1] > begin)
                load->lowest = f->writer[v - 1] - begin; /* it must be there whole */
            continue;
        }
        load->moved_bytes += step->kind == CVK__STEP_RUN ? bytes / (uint64_t)batch : 0;
        if (f->counted[f->memory[v - 1] - 1] != begin + 1) {
            f->counted[f->memory[v - 1] - 1] = begin + 1;
            add_life(f, v, begin, count, batch);
        }
    }
    if (step->kind == CVK__STEP_RUN && step->plan.packed_bytes > load->weight_bytes)
        load->weight_bytes = step->plan.packed_bytes; /* transformed weights may be larger */
    return CVK_OK;
}

/* ---- making segments ------------------------------------------------------------------------------------------------------- */

/* Plans the kernels of a segment for its pieces; a kernel that refuses now leaves the segment undone. */
static int32_t add_segment(struct finder *f, uint32_t begin, const struct cvk__cut *cut)
{
    struct cvk_session *s = f->s;
    struct cvk__segment *segment = &s->segments[s->segment_count];
    uint32_t first = begin + cut->first, last = begin + cut->last;
    uint64_t pieces = (uint64_t)(f->batch[first] / cut->images);
    if (pieces > UINT32_MAX || pieces < 2)
        return CVK_OK;
    for (uint32_t t = first; t <= last; t++) {
        struct cvk_plan plan;
        bool takes;
        CVK__TRY(ask_kernel(s, &s->steps[t], cut->images, &plan, &takes));
        for (uint32_t back = first; !takes && back < t; back++)
            CVK__TRY(ask_kernel(s, &s->steps[back], 0, &s->steps[back].plan, &(bool){false}));
        if (!takes)
            return CVK_OK;
        if (s->steps[t].kind == CVK__STEP_RUN)
            s->steps[t].plan = plan;
    }
    uint32_t workers = f->machine.workers;
    *segment = (struct cvk__segment){.first = first,
                                     .last = last,
                                     .images = cut->images,
                                     .pieces = (uint32_t)pieces,
                                     .lanes = pieces < workers ? (uint32_t)pieces : workers};
    s->segment_count++;
    for (uint32_t t = first; t <= last; t++) {
        s->steps[t].segment = s->segment_count;
        segment->weight_bytes += f->loads[t - begin].weight_bytes;
        uint64_t live = f->loads[t - begin].live_bytes * (uint64_t)cut->images;
        segment->live_bytes = live > segment->live_bytes ? live : segment->live_bytes;
    }
    return CVK_OK;
}

/* Steps begin..begin+count-1 can all be cut, and have the same batch. */
static int32_t cut_stretch(struct finder *f, uint32_t begin, uint32_t count)
{
    struct cvk_session *s = f->s;
    memset(f->loads, 0, (count + 1) * sizeof *f->loads);
    for (uint32_t t = begin; t < begin + count; t++)
        CVK__TRY(load_step(f, t, begin, count));
    sum_lives(f, count);
    uint32_t cut_count;
    CVK__TRY(cvk__choose_cuts(f->loads, count, f->batch[begin], &f->machine, f->forced, f->cuts, &cut_count));
    if (!cut_count)
        return CVK_OK;
    struct cvk__segment *grown =
        cvk__realloc(CVK__TAG_SESSION, s->segments, (s->segment_count + (uint64_t)cut_count) * sizeof *grown);
    if (!grown)
        return cvk__fail_memory(cut_count * sizeof *grown, "a plan");
    s->segments = grown;
    for (uint32_t i = 0; i < cut_count; i++)
        CVK__TRY(add_segment(f, begin, &f->cuts[i]));
    return CVK_OK;
}

/* ---- whose a value is ------------------------------------------------------------------------------------------------------ */

/* A value is a segment's own if one of its steps makes it and nobody else reads it; views and what they show are of one kind. */
static void find_owners(struct finder *f)
{
    struct cvk_session *s = f->s;
    for (uint32_t i = 0; i < s->g->value_count; i++)
        s->places[i].segment = f->writer[i] ? s->steps[f->writer[i] - 1].segment : 0;
    for (uint32_t t = 0; t < s->step_count; t++)
        for (uint32_t i = 0; i < operand_count(s, &s->steps[t]); i++) {
            cvk_value v = cvk__step_operand(s, &s->steps[t], i);
            if (v && s->places[v - 1].segment != s->steps[t].segment)
                s->places[v - 1].segment = 0;
        }
    for (uint32_t i = 0; i < s->g->output_count; i++)
        s->places[s->g->outputs[i] - 1].segment = 0;
    /* A value's memory is whole if any view of it is. */
    for (uint32_t i = 0; i < s->g->value_count; i++)
        if (!s->places[i].segment)
            s->places[f->memory[i] - 1].segment = 0;
    for (uint32_t i = 0; i < s->g->value_count; i++)
        if (!s->places[f->memory[i] - 1].segment)
            s->places[i].segment = 0;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------------------- */

void cvk__segments_finish(struct cvk_session *s)
{
    for (uint32_t i = 0; i < s->segment_count; i++)
        cvk__lanes_finish(&s->segments[i]);
    cvk__free(s->segments);
    s->segments = NULL;
    s->segment_count = 0;
}

/* Undoes what an earlier choice has changed. */
static int32_t begin_anew(struct cvk_session *s)
{
    for (uint32_t t = 0; t < s->step_count; t++) {
        struct cvk__step *step = &s->steps[t];
        if (step->kind == CVK__STEP_VIEW && step->row)
            step->kind = CVK__STEP_RUN; /* a concat or split that need not move */
        if (step->segment)
            CVK__TRY(ask_kernel(s, step, 0, &step->plan, &(bool){false}));
        step->segment = 0;
    }
    for (uint32_t i = 0; i < s->place_capacity; i++)
        s->places[i].segment = 0;
    cvk__segments_finish(s);
    return CVK_OK;
}

static void tell(const struct cvk_session *s)
{
    for (uint32_t i = 0; i < s->segment_count; i++) {
        const struct cvk__segment *g = &s->segments[i];
        cvk__log(&s->ctx->log, CVK_LOG_DEBUG, "mem",
                 "segment %u: steps %u to %u of %u ('%s' to '%s'), %u pieces of %lld image%s on %u thread%s; %llu bytes of weights, "
                 "%llu in use for a piece",
                 i + 1, g->first + 1, g->last + 1, s->step_count, CVK__SHOW(s->g->nodes[s->steps[g->first].node].name),
                 CVK__SHOW(s->g->nodes[s->steps[g->last].node].name), g->pieces, (long long)g->images, g->images > 1 ? "s" : "",
                 g->lanes, g->lanes > 1 ? "s" : "", (unsigned long long)g->weight_bytes, (unsigned long long)g->live_bytes);
    }
}

static int32_t find(struct finder *f)
{
    struct cvk_session *s = f->s;
    for (uint32_t t = 0; t < s->step_count; t++)
        CVK__TRY(look_at(s, &s->steps[t], f->forced, &f->batch[t]));
    find_uses(f);
    for (uint32_t t = 0, count; t < s->step_count; t += count) {
        count = 1;
        while (f->batch[t] && t + count < s->step_count && f->batch[t + count] == f->batch[t])
            count++;
        if (f->batch[t])
            CVK__TRY(cut_stretch(f, t, count));
    }
    find_owners(f);
    return CVK_OK;
}

int32_t cvk__segments_find(struct cvk_session *s, enum cvk__segment_mode mode)
{
    struct finder f;
    CVK__TRY(begin_anew(s));
    if (s->segment_wish < 0 || mode == CVK__SEGMENTS_NONE || !s->step_count)
        return CVK_OK;
    if (s->g->value_count && !cvk__place(s, (cvk_value)s->g->value_count))
        return CVK_E_MEMORY;
    int32_t status = finder_init(&f, s);
    f.machine = (struct cvk__machine){.workers = count_workers(s), .caches = cvk__cpu_caches()};
    f.forced = mode == CVK__SEGMENTS_SMALLEST ? 1 : s->segment_wish;
    if (status == CVK_OK)
        status = find(&f);
    finder_finish(&f);
    if (status == CVK_OK)
        tell(s);
    return status;
}

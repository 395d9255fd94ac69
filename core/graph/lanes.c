/* SPDX-License-Identifier: MIT
 * Running a segment: every lane is one worker of the pool with bindings and memory of its own; it takes its pieces of the batch
 * one after the other through all steps. Kernels share what was built for their step. */
#include <stdatomic.h>

#include "segment.h"

#define ERROR_BYTES 4096

/* An operand of which a piece sees its place in whole memory. */
struct cvk__window {
    uint32_t step, operand;
    struct cvk_binding whole;
    uint64_t bytes;        /* of a piece */
    uint64_t stage_offset; /* in the lane's memory */
    bool staged, written;
};

struct cvk__lane {
    struct cvk_exec *execs;       /* per step of the segment */
    struct cvk_binding *bindings; /* of all steps, one behind the other */
    double *times_ns;             /* per step, of the last run */
    int32_t status;
    char *error;
};

struct run {
    struct cvk_session *s;
    struct cvk__segment *segment;
    atomic_bool failed;
};

static uint32_t binding_count(const struct cvk_session *s, uint32_t t)
{
    const struct cvk__node *n = &s->g->nodes[s->steps[t].node];
    return n->input_count + n->output_count + 5;
}

/* ---- preparing ----------------------------------------------------------------------------------------------------------- */

void cvk__lanes_finish(struct cvk__segment *segment)
{
    for (uint32_t l = 0; segment->lane && l < segment->lanes; l++) {
        cvk__free(segment->lane[l].execs);
        cvk__free(segment->lane[l].bindings);
        cvk__free(segment->lane[l].times_ns);
        cvk__free(segment->lane[l].error);
    }
    cvk__free(segment->lane);
    cvk__free(segment->windows);
    segment->lane = NULL;
    segment->windows = NULL;
}

/* Lists the operands of step t that are whole. */
static uint32_t list_windows(const struct cvk_session *s, const struct cvk__segment *segment, uint32_t t, struct cvk__window *out)
{
    const struct cvk__step *step = &s->steps[t];
    const struct cvk__node *n = &s->g->nodes[step->node];
    uint32_t count = 0;
    uint64_t stage = step->stage_offset;
    for (uint32_t i = 0; i + 1 < binding_count(s, t) && step->kind == CVK__STEP_RUN; i++) {
        cvk_value v = cvk__step_operand(s, step, i);
        if (!v || !cvk__step_cuts(s, step, i) || s->places[v - 1].segment)
            continue;
        struct cvk__window w = {.step = t,
                                .operand = i,
                                .whole = cvk__binding(s, v),
                                .bytes = cvk__piece_bytes(s, segment, v),
                                .staged = cvk__step_stages(s, step, i),
                                .written = i >= n->input_count && i < n->input_count + n->output_count};
        if (w.staged) {
            w.stage_offset = stage;
            stage += cvk__round_up(w.bytes, CVK_ALIGN_BYTES);
        }
        if (out)
            out[count] = w;
        count++;
    }
    return count;
}

/* A segment's own value in a lane. */
static struct cvk_binding own_binding(const struct cvk_session *s, const struct cvk__segment *segment, uint64_t lane_offset,
                                      cvk_value v)
{
    struct cvk_binding b = {.buffer = s->domains[0].arena, .offset = lane_offset, .bytes = cvk__piece_bytes(s, segment, v)};
    for (; s->places[v - 1].root != v; v = s->places[v - 1].root)
        b.offset += s->places[v - 1].offset;
    b.offset += s->places[v - 1].arena_offset;
    return b;
}

/* The exec of a step, for one lane: the step's own with other bindings. */
static void bind_lane(struct cvk_session *s, const struct cvk__segment *segment, uint32_t number, uint32_t t,
                      struct cvk_binding *b, struct cvk_exec *e)
{
    const struct cvk__step *step = &s->steps[t];
    uint32_t in = step->view.node.input_count, count = binding_count(s, t);
    uint64_t lane_offset = segment->arena_offset + number * segment->lane_bytes;
    memcpy(b, step->bindings, count * sizeof *b);
    for (uint32_t i = 0; i + 1 < count; i++) {
        cvk_value v = cvk__step_operand(s, step, i);
        if (v && s->places[v - 1].segment)
            b[i] = own_binding(s, segment, lane_offset, v);
    }
    struct cvk_binding *workspace = &b[count - 1], *extra = workspace - 4;
    workspace->offset = number * segment->workspace_bytes;
    *e = step->exec;
    e->inputs = b;
    e->outputs = b + in;
    e->bias = e->bias ? &extra[0] : NULL;
    e->scale = e->scale ? &extra[1] : NULL;
    e->shift = e->shift ? &extra[2] : NULL;
    e->residual = e->residual ? &extra[3] : NULL;
    e->workspace = e->workspace ? workspace : NULL;
}

static int32_t prepare_lane(struct cvk_session *s, struct cvk__segment *segment, uint32_t number, uint64_t bindings)
{
    struct cvk__lane *lane = &segment->lane[number];
    uint32_t steps = segment->last - segment->first + 1;
    lane->execs = cvk__alloc_array(CVK__TAG_SESSION, steps, sizeof *lane->execs);
    lane->bindings = cvk__alloc_array(CVK__TAG_SESSION, bindings, sizeof *lane->bindings);
    lane->times_ns = cvk__alloc_array(CVK__TAG_SESSION, steps, sizeof *lane->times_ns);
    lane->error = cvk__alloc(CVK__TAG_SESSION, ERROR_BYTES);
    if (!lane->execs || !lane->bindings || !lane->times_ns || !lane->error)
        return cvk__fail_memory(bindings * sizeof *lane->bindings, "a segment");
    struct cvk_binding *b = lane->bindings;
    for (uint32_t t = segment->first; t <= segment->last; t++) {
        bind_lane(s, segment, number, t, b, &lane->execs[t - segment->first]);
        b += binding_count(s, t);
    }
    for (uint32_t i = 0; i < segment->window_count; i++) {
        const struct cvk__window *w = &segment->windows[i];
        struct cvk_binding *at = (struct cvk_binding *)lane->execs[w->step - segment->first].inputs + w->operand;
        *at = w->whole;
        at->bytes = w->bytes;
        if (w->staged) {
            at->buffer = s->domains[0].arena;
            at->offset = segment->arena_offset + number * segment->lane_bytes + w->stage_offset;
        }
    }
    return CVK_OK;
}

static int32_t prepare_segment(struct cvk_session *s, struct cvk__segment *segment)
{
    uint64_t bindings = 0;
    uint32_t windows = 0;
    for (uint32_t t = segment->first; t <= segment->last; t++) {
        bindings += binding_count(s, t);
        windows += list_windows(s, segment, t, NULL);
    }
    segment->windows = cvk__alloc_array(CVK__TAG_SESSION, windows + 1ull, sizeof *segment->windows);
    segment->lane = cvk__alloc_array(CVK__TAG_SESSION, segment->lanes, sizeof *segment->lane);
    if (!segment->windows || !segment->lane)
        return cvk__fail_memory(windows * sizeof *segment->windows, "a segment");
    for (uint32_t t = segment->first; t <= segment->last; t++)
        segment->window_count += list_windows(s, segment, t, segment->windows + segment->window_count);
    for (uint32_t l = 0; l < segment->lanes; l++)
        CVK__TRY(prepare_lane(s, segment, l, bindings));
    return CVK_OK;
}

int32_t cvk__lanes_prepare(struct cvk_session *s)
{
    for (uint32_t i = 0; i < s->segment_count; i++)
        CVK__TRY(prepare_segment(s, &s->segments[i]));
    return CVK_OK;
}

/* ---- running --------------------------------------------------------------------------------------------------------------- */

static char *address(const struct cvk_binding *b)
{
    return (char *)b->buffer + b->offset;
}

/* Before a step (written false): shows the kernel its place in whole values, or brings their piece. After it: takes away what it
 * has made. */
static void move_windows(const struct cvk__window *w, const struct cvk__window *end, struct cvk_exec *e, uint64_t piece,
                         bool after)
{
    for (uint32_t step = w->step; w < end && w->step == step; w++) {
        struct cvk_binding *b = (struct cvk_binding *)e->inputs + w->operand; /* the lane's own */
        char *whole = address(&w->whole) + piece * w->bytes;
        if (!w->staged)
            b->offset = w->whole.offset + piece * w->bytes;
        else if (w->written && after)
            memcpy(whole, address(b), w->bytes);
        else if (!w->written && !after)
            memcpy(address(b), whole, w->bytes);
    }
}

static int32_t run_kernel(struct cvk_session *s, const struct cvk__step *step, struct cvk_exec *e)
{
    struct cvk__device *d = s->devices.devices[step->device];
    cvk__plugin_enter();
    int32_t status = cvk__plugin_leave(d, step->row->run(e), "running a kernel");
    if (status != CVK_OK)
        return cvk__fail_in(status, "node '%s', %s on %s: ", CVK__SHOW(s->g->nodes[step->node].name), step->row->name, d->spec);
    return CVK_OK;
}

static int32_t run_piece(struct run *r, struct cvk__lane *lane, uint64_t piece)
{
    const struct cvk__segment *segment = r->segment;
    const struct cvk__window *w = segment->windows, *end = w + segment->window_count;
    bool profile = r->s->flags & CVK_SESSION_PROFILE;
    for (uint32_t t = segment->first; t <= segment->last; t++) {
        const struct cvk__step *step = &r->s->steps[t];
        struct cvk_exec *e = &lane->execs[t - segment->first];
        if (step->kind != CVK__STEP_RUN)
            continue;
        if (atomic_load_explicit(&r->failed, memory_order_relaxed))
            return CVK_OK;
        double start = profile ? cvk__now_ns() : 0;
        bool any = w < end && w->step == t;
        if (any)
            move_windows(w, end, e, piece, false);
        CVK__TRY(run_kernel(r->s, step, e));
        if (any)
            move_windows(w, end, e, piece, true);
        while (w < end && w->step == t)
            w++;
        if (profile)
            lane->times_ns[t - segment->first] += cvk__now_ns() - start;
    }
    return CVK_OK;
}

static void run_lane(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    struct run *r = arg;
    struct cvk__lane *lane = &r->segment->lane[worker];
    for (uint64_t piece = begin; piece < end; piece++) {
        lane->status = run_piece(r, lane, piece);
        if (lane->status == CVK_OK)
            continue;
        snprintf(lane->error, ERROR_BYTES, "%s", cvk_error_text()); /* the sentence belongs to this thread */
        atomic_store(&r->failed, true);
        return;
    }
}

int32_t cvk__segment_run(struct cvk_session *s, struct cvk__segment *segment)
{
    struct run r = {.s = s, .segment = segment};
    uint32_t steps = segment->last - segment->first + 1;
    bool profile = s->flags & CVK_SESSION_PROFILE;
    double start = cvk__now_ns() - s->run_start_ns;
    atomic_init(&r.failed, false);
    for (uint32_t l = 0; l < segment->lanes; l++) {
        segment->lane[l].status = CVK_OK;
        if (profile)
            memset(segment->lane[l].times_ns, 0, steps * sizeof *segment->lane[l].times_ns);
    }
    cvk__pool_run(s->ctx->pool, segment->lanes, segment->pieces, run_lane, &r);
    for (uint32_t t = 0; t < steps && profile; t++) {
        double sum = 0;
        for (uint32_t l = 0; l < segment->lanes; l++)
            sum += segment->lane[l].times_ns[t];
        s->steps[segment->first + t].time_ns = sum / segment->lanes;
        s->steps[segment->first + t].start_ns = start;
        start += sum / segment->lanes;
    }
    for (uint32_t l = 0; l < segment->lanes; l++)
        if (segment->lane[l].status != CVK_OK)
            return cvk__fail(segment->lane[l].status, "%s", segment->lane[l].error);
    return CVK_OK;
}

/* SPDX-License-Identifier: MIT
 * Where every value lives: lifetimes, sharing (views, in place, concat and split without moving), one arena for each memory. */
#include "arena.h"

#include "../ops/op_def.h"
#include "segment.h"

#define FOREVER INT32_MAX

/* The value that owns the memory of v, and the place of v in it. What lies on the way is tied to the root itself, so that deep
 * trees (a concat of a concat of ...) are climbed once. */
static cvk_value root_of(struct cvk_session *s, cvk_value v, uint64_t *offset)
{
    uint64_t sum = 0;
    cvk_value root = v;
    for (; s->places[root - 1].root != root; root = s->places[root - 1].root)
        sum += s->places[root - 1].offset;
    if (offset)
        *offset = sum;
    while (v != root) {
        struct cvk__place *p = &s->places[v - 1];
        uint64_t step = p->offset;
        v = p->root;
        p->root = root;
        p->offset = sum;
        sum -= step;
    }
    return root;
}

/* Of its memory: a segment's own value has room for one piece. */
static uint64_t bytes_of(const struct cvk_session *s, cvk_value v)
{
    uint32_t segment = s->places[v - 1].segment;
    return segment ? cvk__piece_bytes(s, &s->segments[segment - 1], v) : cvk__value_at(s->g, v)->desc.bytes;
}

/* Makes `child` (a root) part of `parent`'s memory. */
static void share(struct cvk_session *s, cvk_value child, cvk_value parent, uint64_t offset)
{
    struct cvk__place *c = &s->places[child - 1], *p = &s->places[parent - 1];
    c->root = parent;
    c->offset = offset;
    p->first = c->first < p->first ? c->first : p->first;
    p->last = c->last > p->last ? c->last : p->last;
}

/* Step t uses v. A whole value is in use all the time that a segment runs which reads or writes it: its pieces are at different
 * steps. */
static void use(struct cvk_session *s, cvk_value v, uint32_t t, bool writes)
{
    if (!v)
        return;
    struct cvk__place *p = &s->places[v - 1];
    uint32_t segment = p->segment ? 0 : s->steps[t].segment;
    int32_t first = (int32_t)(segment ? s->segments[segment - 1].first : t);
    int32_t last = (int32_t)(segment ? s->segments[segment - 1].last : t);
    if (writes)
        p->first = first;
    if (p->last < last)
        p->last = last;
}

static void find_lifetimes(struct cvk_session *s)
{
    for (uint32_t i = 0; i < s->g->value_count; i++) {
        s->places[i].root = (cvk_value)(i + 1);
        s->places[i].seen = 0;
        s->places[i].in_arena = false;
        bool state = s->g->values[i].initial != NULL;
        s->places[i].first = s->g->values[i].is_input || state ? -1 : FOREVER;
        s->places[i].last = state ? FOREVER : -1;
    }
    for (uint32_t t = 0; t < s->step_count; t++) {
        const struct cvk__node *n = &s->g->nodes[s->steps[t].node];
        for (uint32_t i = 0; i < n->input_count; i++)
            use(s, n->inputs[i], t, false);
        use(s, n->bias, t, false);
        use(s, n->scale, t, false);
        use(s, n->shift, t, false);
        use(s, n->residual, t, false);
        for (uint32_t i = 0; i < n->output_count; i++) {
            use(s, n->outputs[i], t, true);
            if (n->outputs[i] && s->flags & CVK_SESSION_KEEP_VALUES)
                s->places[n->outputs[i] - 1].last = FOREVER;
        }
    }
    for (uint32_t i = 0; i < s->g->output_count; i++)
        s->places[s->g->outputs[i] - 1].last = FOREVER;
}

/* ---- sharing ----------------------------------------------------------------------------------------------------------- */

static bool is_constant(const struct cvk_session *s, cvk_value v)
{
    return cvk__value_at(s->g, v)->blob != NULL;
}

/* A root that only this whole value fills, made during the run. */
static bool owns_alone(struct cvk_session *s, cvk_value v, cvk_value *root)
{
    uint64_t offset;
    *root = root_of(s, v, &offset);
    return !is_constant(s, *root) && offset == 0 && bytes_of(s, *root) == bytes_of(s, v);
}

/* In a segment only its own values share memory: pieces of whole ones are at different steps. */
static bool of_one_kind(const struct cvk_session *s, const struct cvk__step *step, cvk_value v)
{
    return s->places[v - 1].segment == step->segment;
}

/* What a step leaves in a state is made where the state lies. */
static void replace_states(struct cvk_session *s, const struct cvk__node *n)
{
    const int8_t *replaces = cvk__op_find(n->op)->replaces;
    for (uint32_t o = 0; replaces && n->pass == cvk__op_find(n->op)->pass && o < n->output_count; o++) {
        cvk_value y = n->outputs[o], x = replaces[o] >= 0 && y ? n->inputs[replaces[o]] : 0;
        cvk_value root = x ? root_of(s, x, NULL) : 0;
        if (root && cvk__value_at(s->g, root)->initial)
            share(s, y, root, 0);
    }
}

static void try_in_place(struct cvk_session *s, const struct cvk__step *step, const struct cvk__node *n, int32_t t)
{
    cvk_value root;
    if (!(step->row->flags & CVK_KERNEL_IN_PLACE) || !n->input_count || !n->inputs[0] || s->flags & CVK_SESSION_KEEP_VALUES)
        return;
    cvk_value x = n->inputs[0], y = n->outputs[0];
    if (!y || s->places[y - 1].root != y)
        return;
    if (!of_one_kind(s, step, x) || !of_one_kind(s, step, y))
        return;
    if (!owns_alone(s, x, &root) || s->places[root - 1].last != t || bytes_of(s, x) != bytes_of(s, y))
        return;
    for (uint32_t i = 1; i < n->input_count; i++)
        if (n->inputs[i] && root_of(s, n->inputs[i], NULL) == root)
            return;
    const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
    for (uint32_t i = 0; i < 4; i++)
        if (extra[i] && root_of(s, extra[i], NULL) == root)
            return;
    share(s, y, root, 0);
}

/* True if the slices of this tensor along the axis lie one behind the other in memory. */
static bool contiguous_slices(const struct cvk_session *s, const struct cvk__step *step, const struct cvk_tensor_desc *whole,
                              int32_t axis)
{
    for (int32_t i = 0; i < axis; i++)
        if ((i == 0 && step->segment ? s->segments[step->segment - 1].images : whole->dims[i]) != 1)
            return false;
    return whole->layout == CVK_LAYOUT_PLAIN || (axis == 1 && cvk_layout_block(whole->layout) > 1);
}

/* A slice may lie inside the whole if its blocks are full and its place is aligned. */
static bool slice_fits(const struct cvk_tensor_desc *part, int32_t axis, uint64_t offset, uint64_t align)
{
    uint32_t block = cvk_layout_block(part->layout);
    return part->bytes > 0 && offset % align == 0 && part->dims[axis] % block == 0;
}

static uint64_t align_of(const struct cvk_session *s, uint32_t domain)
{
    const struct cvk__device *d = s->domains[domain].device;
    uint64_t align = d ? d->info.offset_align : 0;
    return align > CVK_ALIGN_BYTES ? align : CVK_ALIGN_BYTES;
}

/* Concat without moving: its inputs are made where they belong in the result. */
static void try_concat_view(struct cvk_session *s, struct cvk__step *step, const struct cvk__node *n, int32_t t)
{
    cvk_value y = n->outputs[0], root;
    const struct cvk_tensor_desc *whole = &cvk__value_at(s->g, y)->desc;
    int32_t axis = ((const struct cvk_concat_params *)n->params)->axis;
    uint64_t offset = 0, align = align_of(s, s->places[y - 1].domain);
    if (!contiguous_slices(s, step, whole, axis) || !of_one_kind(s, step, y) || s->flags & CVK_SESSION_KEEP_VALUES)
        return;
    for (uint32_t i = 0; i < n->input_count; i++) {
        const struct cvk_tensor_desc *part = &cvk__value_at(s->g, n->inputs[i])->desc;
        if (!of_one_kind(s, step, n->inputs[i]) || !owns_alone(s, n->inputs[i], &root) || s->places[root - 1].first < 0 ||
            s->places[root - 1].last == FOREVER || part->layout != whole->layout || !slice_fits(part, axis, offset, align) ||
            s->places[root - 1].seen == (uint32_t)t + 1)
            return;
        s->places[root - 1].seen = (uint32_t)t + 1; /* what is joined with itself cannot lie in two places */
        offset += bytes_of(s, n->inputs[i]);
    }
    offset = 0;
    for (uint32_t i = 0; i < n->input_count; i++) {
        share(s, root_of(s, n->inputs[i], NULL), y, offset);
        offset += bytes_of(s, n->inputs[i]);
    }
    step->kind = CVK__STEP_VIEW;
}

/* Split without moving: its outputs are places in the input. */
static void try_split_view(struct cvk_session *s, struct cvk__step *step, const struct cvk__node *n)
{
    const struct cvk_tensor_desc *whole = &cvk__value_at(s->g, n->inputs[0])->desc;
    int32_t axis = ((const struct cvk_split_params *)n->params)->axis;
    uint64_t base, align = align_of(s, s->places[n->inputs[0] - 1].domain);
    cvk_value root = root_of(s, n->inputs[0], &base);
    if (is_constant(s, root) || !contiguous_slices(s, step, whole, axis) || !of_one_kind(s, step, n->inputs[0]) ||
        s->flags & CVK_SESSION_KEEP_VALUES)
        return;
    uint64_t offset = base;
    for (uint32_t i = 0; i < n->output_count; i++) {
        if (!n->outputs[i] || !of_one_kind(s, step, n->outputs[i]))
            return;
        const struct cvk_tensor_desc *part = &cvk__value_at(s->g, n->outputs[i])->desc;
        if (part->layout != whole->layout || !slice_fits(part, axis, offset, align))
            return;
        offset += bytes_of(s, n->outputs[i]);
    }
    offset = base;
    for (uint32_t i = 0; i < n->output_count; i++) {
        share(s, n->outputs[i], root, offset);
        offset += bytes_of(s, n->outputs[i]);
    }
    step->kind = CVK__STEP_VIEW;
}

/* Afterwards every value is tied to its root itself. */
static void share_memory(struct cvk_session *s)
{
    for (uint32_t t = 0; t < s->step_count; t++) {
        struct cvk__step *step = &s->steps[t];
        const struct cvk__node *n = &s->g->nodes[step->node];
        uint64_t offset;
        if (step->kind == CVK__STEP_VIEW) {
            cvk_value root = root_of(s, n->inputs[0], &offset);
            share(s, n->outputs[0], root, offset);
        } else if (step->kind == CVK__STEP_RUN) {
            replace_states(s, n);
            if (n->op == CVK_OP_CONCAT)
                try_concat_view(s, step, n, (int32_t)t);
            else if (n->op == CVK_OP_SPLIT)
                try_split_view(s, step, n);
            else
                try_in_place(s, step, n, (int32_t)t);
        }
    }
    for (uint32_t i = 0; i < s->g->value_count; i++)
        root_of(s, (cvk_value)(i + 1), NULL);
}

/* ---- arenas ------------------------------------------------------------------------------------------------------------- */

/* Sums that stay at the largest number instead of wrapping: they are compared with limits. */
static void add_bytes(uint64_t *sum, uint64_t bytes)
{
    if (!cvk__add_u64(*sum, bytes, sum))
        *sum = UINT64_MAX;
}

static bool needs_arena(const struct cvk_session *s, cvk_value v, uint32_t domain)
{
    const struct cvk__place *p = &s->places[v - 1];
    return p->homed && p->domain == domain && p->root == v && !is_constant(s, v) && p->first != FOREVER && !p->segment;
}

/* Operands that a step of a segment moves through its lane's memory, together. */
static uint64_t stage_bytes(const struct cvk_session *s, const struct cvk__step *step)
{
    const struct cvk__node *n = &s->g->nodes[step->node];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n->input_count + n->output_count + 4; i++)
        if (cvk__step_stages(s, step, i))
            add_bytes(&sum, cvk__round_up(cvk__piece_bytes(s, &s->segments[step->segment - 1], cvk__step_operand(s, step, i)),
                                          CVK_ALIGN_BYTES));
    return sum;
}

/* What a lane of the segment holds: the values that are the segment's own, and what goes through it. */
static uint32_t lane_blocks(const struct cvk_session *s, const struct cvk__segment *segment, struct cvk__block *blocks)
{
    uint32_t count = 0;
    for (uint32_t t = segment->first; t <= segment->last; t++) {
        const struct cvk__node *n = &s->g->nodes[s->steps[t].node];
        int32_t now = (int32_t)(t - segment->first), first = (int32_t)segment->first;
        uint64_t staged = stage_bytes(s, &s->steps[t]);
        if (staged)
            blocks[count++] = (struct cvk__block){.bytes = staged, .first = now, .last = now, .tag = s->g->value_count + t};
        for (uint32_t i = 0; i < n->output_count; i++) {
            const struct cvk__place *p = n->outputs[i] ? &s->places[n->outputs[i] - 1] : NULL;
            if (p && p->segment && p->root == n->outputs[i])
                blocks[count++] = (struct cvk__block){.bytes = bytes_of(s, n->outputs[i]),
                                                      .first = p->first - first,
                                                      .last = p->last - first,
                                                      .tag = (uint32_t)n->outputs[i] - 1};
        }
    }
    return count;
}

#define LANE_ALIGN 4096 /* lanes share no page, and no line that one core fetches for the neighbour of another */

/* Memory of one lane, of which the arena will hold as many as there are. */
static int32_t plan_lane(struct cvk_session *s, struct cvk__segment *segment)
{
    uint64_t most = 0;
    for (uint32_t t = segment->first; t <= segment->last; t++)
        most += s->g->nodes[s->steps[t].node].output_count + 1ull;
    struct cvk__block *blocks = cvk__alloc_array(CVK__TAG_SESSION, most, sizeof *blocks);
    if (!blocks)
        return cvk__fail_memory(most * sizeof *blocks, "planning memory");
    uint32_t count = lane_blocks(s, segment, blocks);
    int32_t steps = (int32_t)(segment->last - segment->first + 1);
    int32_t status = cvk__arena_plan(blocks, count, steps, CVK_ALIGN_BYTES, &segment->lane_bytes);
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        if (blocks[i].tag < s->g->value_count)
            s->places[blocks[i].tag].arena_offset = blocks[i].offset;
        else
            s->steps[blocks[i].tag - s->g->value_count].stage_offset = blocks[i].offset;
    }
    cvk__free(blocks);
    if (status == CVK_OK && !cvk__add_u64(segment->lane_bytes, LANE_ALIGN, &segment->lane_bytes))
        return cvk__fail(CVK_E_LIMIT, "a piece of the batch takes more than 2^64 bytes");
    segment->lane_bytes = (segment->lane_bytes - 1) / LANE_ALIGN * LANE_ALIGN;
    return status;
}

static int32_t plan_domain(struct cvk_session *s, uint32_t domain)
{
    struct cvk__domain *d = &s->domains[domain];
    struct cvk__block *blocks = cvk__alloc_array(CVK__TAG_SESSION, s->g->value_count + s->segment_count + 1ull, sizeof *blocks);
    if (!blocks)
        return cvk__fail_memory(s->g->value_count * sizeof *blocks, "planning memory");
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->g->value_count; i++) {
        cvk_value v = (cvk_value)(i + 1);
        const struct cvk__place *p = &s->places[i];
        if (p->homed && p->domain == domain && !is_constant(s, v) && s->g->values[i].desc.size)
            add_bytes(&d->naive_bytes, cvk__round_up(s->g->values[i].desc.bytes, CVK_ALIGN_BYTES));
        if (needs_arena(s, v, domain))
            blocks[count++] = (struct cvk__block){.bytes = bytes_of(s, v), .first = p->first, .last = p->last, .tag = i};
    }
    for (uint32_t k = 0; k < s->segment_count && d->host; k++) {
        const struct cvk__segment *segment = &s->segments[k];
        uint64_t bytes;
        if (!cvk__mul_u64(segment->lane_bytes, segment->lanes, &bytes))
            bytes = UINT64_MAX / 2;
        blocks[count++] = (struct cvk__block){
            .bytes = bytes, .first = (int32_t)segment->first, .last = (int32_t)segment->last, .tag = s->g->value_count + k};
    }
    int32_t status = cvk__arena_plan(blocks, count, (int32_t)s->step_count, align_of(s, domain), &d->arena_bytes);
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        if (blocks[i].tag >= s->g->value_count) {
            s->segments[blocks[i].tag - s->g->value_count].arena_offset = blocks[i].offset;
            continue;
        }
        s->places[blocks[i].tag].in_arena = true;
        s->places[blocks[i].tag].arena_offset = blocks[i].offset;
    }
    cvk__free(blocks);
    return status;
}

/* Workspace, constants and packed weights of all steps. */
static void count_other_bytes(struct cvk_session *s)
{
    for (uint32_t t = 0; t < s->step_count; t++) {
        const struct cvk__step *step = &s->steps[t];
        struct cvk__domain *d = &s->domains[s->domain_of[step->device]];
        uint64_t *workspace = step->segment ? &s->segments[step->segment - 1].workspace_bytes : &d->workspace_bytes;
        if (step->kind == CVK__STEP_RUN && step->plan.workspace_bytes > *workspace)
            *workspace = step->plan.workspace_bytes;
        add_bytes(&s->packed_bytes, step->kind == CVK__STEP_RUN ? step->plan.packed_bytes : 0);
    }
    for (uint32_t k = 0; k < s->segment_count; k++) {
        uint64_t *of_lane = &s->segments[k].workspace_bytes, bytes;
        *of_lane = *of_lane < UINT64_MAX - CVK_ALIGN_BYTES ? cvk__round_up(*of_lane, CVK_ALIGN_BYTES) : UINT64_MAX;
        if (!cvk__mul_u64(*of_lane, s->segments[k].lanes, &bytes))
            bytes = UINT64_MAX;
        if (bytes > s->domains[0].workspace_bytes)
            s->domains[0].workspace_bytes = bytes;
    }
    for (uint32_t i = 0; i < s->g->value_count; i++)
        if (s->g->values[i].blob && s->places[i].homed && s->places[i].last >= 0)
            add_bytes(&s->domains[s->places[i].domain].constant_bytes, s->g->values[i].desc.bytes);
}

int32_t cvk__plan_memory(struct cvk_session *s, uint64_t limit_bytes)
{
    if (s->g->value_count && !cvk__place(s, (cvk_value)s->g->value_count))
        return CVK_E_MEMORY;
    struct cvk_session_report *r = &s->report;
    r->arena_bytes = r->arena_naive_bytes = r->workspace_bytes = r->weight_bytes = r->peak_bytes = s->packed_bytes = 0;
    for (uint32_t d = 0; d < s->domain_count; d++)
        s->domains[d].arena_bytes = s->domains[d].naive_bytes = s->domains[d].workspace_bytes = s->domains[d].constant_bytes = 0;
    find_lifetimes(s);
    share_memory(s);
    CVK__TRY(cvk__check_states(s));
    for (uint32_t k = 0; k < s->segment_count; k++)
        CVK__TRY(plan_lane(s, &s->segments[k]));
    for (uint32_t d = 0; d < s->domain_count; d++)
        CVK__TRY(plan_domain(s, d));
    count_other_bytes(s);
    for (uint32_t d = 0; d < s->domain_count; d++) {
        add_bytes(&r->arena_bytes, s->domains[d].arena_bytes);
        add_bytes(&r->arena_naive_bytes, s->domains[d].naive_bytes);
        add_bytes(&r->workspace_bytes, s->domains[d].workspace_bytes);
        add_bytes(&r->weight_bytes, s->domains[d].constant_bytes);
    }
    add_bytes(&r->weight_bytes, s->packed_bytes);
    const uint64_t parts[] = {r->arena_bytes, r->workspace_bytes, r->weight_bytes};
    for (uint32_t i = 0; i < 3; i++)
        add_bytes(&r->peak_bytes, parts[i]);
    if (limit_bytes && r->peak_bytes > limit_bytes && !(s->flags & CVK_SESSION_PLAN_ONLY))
        return cvk__fail(CVK_E_LIMIT,
                         "the session needs %llu bytes (%llu activations, %llu workspace, %llu weights); the limit is %llu. "
                         "Take a smaller batch or raise CONVOKE_MEMORY_LIMIT",
                         (unsigned long long)r->peak_bytes, (unsigned long long)r->arena_bytes,
                         (unsigned long long)r->workspace_bytes, (unsigned long long)r->weight_bytes,
                         (unsigned long long)limit_bytes);
    cvk__log(&s->ctx->log, CVK_LOG_DEBUG, "mem", "planned %llu bytes: %llu activations (%llu without sharing), %llu workspace, %llu weights",
             (unsigned long long)r->peak_bytes, (unsigned long long)r->arena_bytes, (unsigned long long)r->arena_naive_bytes,
             (unsigned long long)r->workspace_bytes, (unsigned long long)r->weight_bytes);
    return CVK_OK;
}

struct cvk_binding cvk__binding(const struct cvk_session *s, cvk_value v)
{
    struct cvk_binding b = {0};
    if (!v)
        return b;
    uint64_t offset = 0;
    b.bytes = bytes_of(s, v);
    while (s->places[v - 1].root != v) {
        offset += s->places[v - 1].offset;
        v = s->places[v - 1].root;
    }
    const struct cvk__place *p = &s->places[v - 1];
    b.buffer = p->in_arena ? s->domains[p->domain].arena : p->buffer;
    b.offset = (p->in_arena ? p->arena_offset : 0) + offset;
    return b;
}

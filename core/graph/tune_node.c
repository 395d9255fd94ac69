/* SPDX-License-Identifier: MIT
 * All ways to run one node: who says yes, is right, and is the fastest where the neighbours' layouts are what they are. */
#include <stdlib.h>

#include "tune.h"

#include "../ops/op_def.h"

#define QUICK_NODE_NS 0.3e9
#define WORTH 0.97 /* another kernel is chosen only if it takes at most this share of the untuned one's time */
#define MOST_VARIANTS 256u

struct way {
    struct cvk__way way;
    double cost_ns; /* the row's own estimate; 0: none */
    double reorder_ns;
    uint32_t rank; /* in order of the rows */
};

struct ways {
    struct way *items;
    uint32_t count, capacity;
};

/* The node under measurement. */
struct bench {
    struct cvk__tune *t;
    struct cvk_session *s;
    struct cvk__tuned *node;
    const struct cvk__step *step;
    struct cvk__device *d;
    struct cvk__node_view view; /* as planned without notes */
    struct cvk__check check;
    struct cvk__way untuned;
    struct ways ways;
    double start_ns;
    struct way best;
    double best_ns;
    uint32_t tried;
    bool complete;
};

static bool same_way(const struct cvk__way *a, const struct cvk__way *b)
{
    return a->row == b->row && a->variant == b->variant && a->layout_x == b->layout_x && a->layout_y == b->layout_y;
}

static int32_t add_way(struct ways *ways, const struct way *way)
{
    if (ways->count == ways->capacity) {
        uint32_t capacity = ways->capacity ? 2 * ways->capacity : 32;
        struct way *grown = cvk__realloc(CVK__TAG_SESSION, ways->items, capacity * sizeof *grown);
        if (!grown)
            return cvk__fail_memory(capacity * sizeof *grown, "tuning");
        ways->items = grown;
        ways->capacity = capacity;
    }
    ways->items[ways->count++] = *way;
    return CVK_OK;
}

static void verdict_key(const struct bench *b, const struct cvk__way *way, char *key)
{
    cvk__verdict_key(b->d, way->row, way->variant, &b->view.node, way->layout_x, way->layout_y, key);
}

/* True if it is known from earlier that this way is wrong. */
static bool known_wrong(struct bench *b, const struct cvk__way *way)
{
    char key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES];
    verdict_key(b, way, key);
    if (!b->d->heeds_verdicts || !cvk__verdict_recall(b->s, b->d, key, text) ||
        strncmp(text, CVK__WRONG, strlen(CVK__WRONG)) != 0)
        return false;
    cvk__notes_refused(b->d);
    return true;
}

/* One row under one pair of layouts, with all its parameter sets. */
static int32_t add_pair(struct bench *b, const struct cvk_kernel *row, uint32_t x, uint32_t y)
{
    struct way way = {.way = {.row = row, .layout_x = x, .layout_y = y}};
    const struct cvk__problem *p = &b->check.whole;
    char reason[CVK__REASON_BYTES];
    struct cvk_plan plan;
    double before = 0, behind = 0;
    if (cvk__drive_ask(b->d, p, &way.way, &plan, reason) != CVK_OK)
        return CVK_OK;
    if (p->input_count && p->operands[0].desc.size && !p->operands[0].known)
        CVK__TRY(cvk__tune_reorder(b->t, b->s, b->d, &p->operands[0].desc, b->untuned.layout_x, x, &before));
    CVK__TRY(cvk__tune_reorder(b->t, b->s, b->d, &p->operands[p->input_count].desc, y, b->untuned.layout_y, &behind));
    if (before < 0 || behind < 0)
        return CVK_OK; /* nobody could bring the input or take the result */
    way.reorder_ns = before + behind;
    uint32_t variants = plan.variant_count > MOST_VARIANTS ? MOST_VARIANTS : plan.variant_count;
    for (uint32_t v = 0; v == 0 || v < variants; v++) {
        way.way.variant = v;
        way.rank = b->ways.count;
        if ((v && cvk__drive_ask(b->d, p, &way.way, &plan, reason) != CVK_OK) || known_wrong(b, &way.way))
            continue;
        way.cost_ns = plan.cost_ns;
        CVK__TRY(add_way(&b->ways, &way));
    }
    return CVK_OK;
}

static int32_t add_row(struct bench *b, const struct cvk_kernel *row)
{
    bool any = row->flags & CVK_KERNEL_ANY_LAYOUT;
    for (uint32_t x = CVK_LAYOUT_PLAIN; x <= CVK_LAYOUT_NC16; x++)
        for (uint32_t y = CVK_LAYOUT_PLAIN; y <= CVK_LAYOUT_NC16; y++) {
            /* A row that takes any layout is worth a look in those that are there already. */
            bool looks = !any || x == CVK_LAYOUT_PLAIN || x == b->untuned.layout_x;
            if (looks && cvk__row_allows(row, x, y))
                CVK__TRY(add_pair(b, row, x, y));
        }
    return CVK_OK;
}

/* By estimate, what is unknown in the order of the rows. */
static int by_likelihood(const void *a, const void *b)
{
    const struct way *p = a, *q = b;
    double c = p->cost_ns + p->reorder_ns, d = q->cost_ns + q->reorder_ns;
    if (p->cost_ns > 0 && q->cost_ns > 0 && c != d)
        return c < d ? -1 : 1;
    if ((p->cost_ns > 0) != (q->cost_ns > 0))
        return p->cost_ns > 0 ? -1 : 1;
    return (p->rank > q->rank) - (p->rank < q->rank);
}

static int32_t find_ways(struct bench *b)
{
    for (uint32_t r = 0; r < b->d->backend->plugin.kernel_count; r++) {
        const struct cvk_kernel *row = &b->d->backend->kernels[r];
        if (row->op == b->check.whole.op && row->pass == b->check.whole.pass &&
            cvk__force_allows(&b->s->force, row->op, row->pass, row->name))
            CVK__TRY(add_row(b, row));
    }
    if (b->ways.count)
        qsort(b->ways.items, b->ways.count, sizeof *b->ways.items, by_likelihood);
    for (uint32_t i = 1; i < b->ways.count; i++) /* the untuned one is what the others have to beat */
        if (same_way(&b->ways.items[i].way, &b->untuned)) {
            struct way first = b->ways.items[i];
            memmove(b->ways.items + 1, b->ways.items, i * sizeof first);
            b->ways.items[0] = first;
        }
    return CVK_OK;
}

static struct cvk_tune_way told(const struct cvk__way *way, double ns)
{
    return (struct cvk_tune_way){
        .kernel = way->row->name, .variant = way->variant, .layout_x = way->layout_x, .layout_y = way->layout_y, .time_ns = ns};
}

/* Keeps what a trial showed about a kernel, as a self-test would. */
static int32_t keep_finding(struct bench *b, const struct cvk__way *way, enum cvk__finding_kind found, const char *text)
{
    char key[CVK_NOTE_KEY_BYTES], sentence[CVK_NOTE_TEXT_BYTES];
    if (found == CVK__REFUSED || (found == CVK__RIGHT && !(b->d->info.caps & CVK_CAP_SELF_TEST)))
        return CVK_OK;
    verdict_key(b, way, key);
    if (found == CVK__RIGHT)
        return cvk__note_known(b->d, key, sentence) ? CVK_OK : cvk__verdict_keep(b->s, b->d, way->row, key, false, "");
    snprintf(sentence, sizeof sentence, "%s in tuning on this driver (%s)",
             found == CVK__BROKEN ? "failed" : "gave wrong results", text);
    b->node->report.wrong++;
    return cvk__verdict_keep(b->s, b->d, way->row, key, true, sentence);
}

/* Runs one way; its time counts if it is right. */
static int32_t try_way(struct bench *b, const struct way *way)
{
    struct cvk__drive drive;
    enum cvk__finding_kind found;
    char text[CVK__REASON_BYTES];
    double ns = 0, rest = b->best_ns - way->reorder_ns;
    bool untuned = same_way(&way->way, &b->untuned);
    if (b->best_ns > 0 && rest <= 0 && !untuned)
        return CVK_OK; /* the reorders alone take longer */
    int32_t status = cvk__check_way(&b->check, b->d, &way->way, &drive, &found, text);
    if (status == CVK_E_MEMORY)
        return CVK_OK; /* too large to try beside the data is no choice */
    if (status != CVK_OK)
        return status;
    if (found == CVK__RIGHT) {
        status = cvk__tune_measure(&drive, b->t->params.level == CVK_TUNE_FULL, untuned || b->best_ns <= 0 ? 0 : rest, &ns);
        cvk__drive_end(&drive);
        if (status != CVK_OK)
            return status;
    }
    b->tried++;
    b->node->report.tried = b->tried;
    CVK__TRY(keep_finding(b, &way->way, found, text));
    if (found != CVK__RIGHT)
        return CVK_OK;
    ns += way->reorder_ns;
    if (untuned)
        b->node->report.untuned.time_ns = ns;
    double bar = same_way(&b->best.way, &b->untuned) ? WORTH * b->best_ns : b->best_ns;
    if (b->best_ns <= 0 || ns < bar) {
        b->best = *way;
        b->best_ns = ns;
    }
    return CVK_OK;
}

static int32_t try_ways(struct bench *b)
{
    bool quick = b->t->params.level != CVK_TUNE_FULL;
    b->node->report.ways = b->ways.count;
    for (uint32_t i = 0; i < b->ways.count; i++) {
        const struct cvk_tune_progress progress = {.tried = i,
                                                   .ways = b->ways.count,
                                                   .name = b->node->name,
                                                   .op = b->node->report.op,
                                                   .best = b->best_ns > 0 ? b->best.way.row->name : "",
                                                   .untuned_ns = b->node->report.untuned.time_ns,
                                                   .best_ns = b->best_ns};
        if (!cvk__tune_goes_on(b->t, &progress))
            return CVK_OK;
        if (quick && b->best_ns > 0 && cvk__now_ns() - b->start_ns > QUICK_NODE_NS)
            break;
        CVK__TRY(try_way(b, &b->ways.items[i]));
    }
    b->complete = true;
    return CVK_OK;
}

/* Nothing is kept of a node whose measuring was broken off: the next call begins it again. */
static int32_t keep_best(struct bench *b, const char *key)
{
    struct cvk_tune_node *r = &b->node->report;
    char text[CVK_NOTE_TEXT_BYTES];
    if (b->best_ns <= 0 || !b->complete)
        return CVK_OK;
    r->chosen = told(&b->best.way, b->best_ns);
    r->measured = 1;
    struct cvk__choice_note note = {.variant = b->best.way.variant,
                                    .layout_x = b->best.way.layout_x,
                                    .layout_y = b->best.way.layout_y,
                                    .ns = b->best_ns,
                                    .untuned_ns = r->untuned.time_ns,
                                    .full = b->t->params.level == CVK_TUNE_FULL};
    snprintf(note.row, sizeof note.row, "%s", b->best.way.row->name);
    cvk__choice_write(&note, text);
    return cvk__note_keep(b->d, key, text);
}

/* What an earlier call has found; false if it is to be measured. */
static bool remembered(struct bench *b, const char *key)
{
    struct cvk_tune_node *r = &b->node->report;
    char text[CVK_NOTE_TEXT_BYTES];
    struct cvk__choice_note note;
    bool full = b->t->params.level == CVK_TUNE_FULL;
    if (b->t->params.again || !cvk__note_recall(b->d, key, text) || !cvk__choice_parse(text, &note) || (full && !note.full))
        return false;
    for (uint32_t i = 0; i < b->d->backend->plugin.kernel_count; i++) {
        const struct cvk_kernel *row = &b->d->backend->kernels[i];
        if (row->op != b->step->row->op || row->pass != b->step->row->pass || strcmp(row->name, note.row) != 0)
            continue;
        r->chosen = (struct cvk_tune_way){row->name, note.variant, note.layout_x, note.layout_y, note.ns};
        r->untuned.time_ns = note.untuned_ns;
        r->remembered = r->measured = 1;
        return true;
    }
    return false;
}

static int32_t measure(struct bench *b, const struct cvk__node *n, const char *key)
{
    int32_t status = cvk__check_init(&b->check, b->s, n);
    if (status == CVK_OK)
        status = cvk__check_solve(&b->check, b->s->evaluator);
    if (status == CVK_E_UNSUPPORTED || status == CVK_E_MEMORY)
        return CVK_OK; /* nobody to compare with: it stays as it is */
    if (status == CVK_OK)
        status = find_ways(b);
    if (status == CVK_OK)
        status = try_ways(b);
    return status == CVK_OK ? keep_best(b, key) : status;
}

int32_t cvk__tune_node(struct cvk__tune *t, struct cvk_session *s, struct cvk__tuned *node)
{
    struct bench b = {.t = t, .s = s, .node = node, .step = &s->steps[node->step], .start_ns = cvk__now_ns()};
    const struct cvk__node *n = &s->g->nodes[b.step->node];
    char key[CVK_NOTE_KEY_BYTES];
    b.d = s->devices.devices[b.step->device];
    CVK__TRY(cvk__node_view_init(&b.view, s->g, n, s->node_flags));
    const struct cvk_tensor_desc *x = b.view.node.input_count ? b.view.inputs[0] : NULL;
    b.untuned = (struct cvk__way){.row = b.step->row,
                                  .variant = b.step->variant,
                                  .layout_x = x ? x->layout : (uint32_t)CVK_LAYOUT_PLAIN,
                                  .layout_y = cvk__node_result(&b.view.node)->layout};
    node->report.untuned = node->report.chosen = told(&b.untuned, 0);
    cvk__choice_key(b.d, &b.view.node, key);
    int32_t status = remembered(&b, key) ? CVK_OK : measure(&b, n, key);
    cvk__check_finish(&b.check);
    cvk__free(b.ways.items);
    cvk__node_view_finish(&b.view);
    return status;
}

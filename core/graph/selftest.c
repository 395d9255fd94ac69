/* SPDX-License-Identifier: MIT
 * First use: where kernels come through a driver's compiler, each that a plan uses is run once and compared with the reference.
 * What was found out is remembered for the device and its driver. */
#include <stdlib.h>

#include "problem.h"

#include "../ops/op_def.h"

/* A kernel that nobody knows yet, with the least node that it is used for. */
struct candidate {
    uint64_t hash; /* of the verdict's key */
    double cost;
    uint32_t step;
};

static int by_hash_and_cost(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    if (p->hash != q->hash)
        return p->hash < q->hash ? -1 : 1;
    return p->cost != q->cost ? (p->cost < q->cost ? -1 : 1) : (p->step > q->step) - (p->step < q->step);
}

static int by_step(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    return (p->step > q->step) - (p->step < q->step);
}

static struct cvk__way way_of(const struct cvk__step *step, const struct cvk_node *node)
{
    uint32_t x = node->input_count && node->inputs[0] ? node->inputs[0]->layout : (uint32_t)CVK_LAYOUT_PLAIN;
    return (struct cvk__way){.row = step->row, .variant = step->variant, .layout_x = x, .layout_y = cvk__node_result(node)->layout};
}

static int32_t key_of(struct cvk_session *s, const struct cvk__step *step, char *key, double *cost)
{
    struct cvk__node_view view;
    struct cvk__cost work;
    CVK__TRY(cvk__node_view_init(&view, s->g, &s->g->nodes[step->node], s->node_flags));
    struct cvk__way way = way_of(step, &view.node);
    cvk__verdict_key(s->devices.devices[step->device], way.row, way.variant, &view.node, way.layout_x, way.layout_y, key);
    cvk__node_cost(&view.node, &work);
    *cost = (double)work.macs + (double)cvk_tensor_desc_count(cvk__node_result(&view.node));
    cvk__node_view_finish(&view);
    return CVK_OK;
}

static bool wants_test(const struct cvk_session *s, const struct cvk__step *step)
{
    const struct cvk__device *d = s->devices.devices[step->device];
    return step->kind == CVK__STEP_RUN && d->info.caps & CVK_CAP_SELF_TEST && !(d->backend->plugin.flags & CVK_PLUGIN_REFERENCE);
}

static bool is_wrong(const char *text)
{
    return !strncmp(text, CVK__WRONG, strlen(CVK__WRONG));
}

bool cvk__verdict_recall(struct cvk_session *s, struct cvk__device *d, const char *key, char *text)
{
    return s->selftest == CVK__SELFTEST_ALWAYS ? cvk__note_known(d, key, text) : cvk__note_recall(d, key, text);
}

int32_t cvk__verdict_keep(struct cvk_session *s, struct cvk__device *d, const struct cvk_kernel *row, const char *key, bool wrong,
                          const char *text)
{
    char note[CVK_NOTE_TEXT_BYTES], told[CVK_NOTE_KEY_BYTES], had[CVK_NOTE_TEXT_BYTES];
    if (!wrong)
        return cvk__note_keep(d, key, "ok");
    snprintf(note, sizeof note, CVK__WRONG "%s", text);
    CVK__TRY(cvk__note_keep(d, key, note));
    cvk__notes_refused(d);
    /* One warning for each kernel, whatever it was tried on. */
    snprintf(told, sizeof told, "told|%u|%u|%.64s", row->op, row->pass, row->name);
    bool again = cvk__note_known(d, told, had);
    cvk__log(&s->ctx->log, again ? CVK_LOG_INFO : CVK_LOG_WARN, "select", "%s: kernel %s:%s=%s %s; it is not used for such nodes",
             d->spec, cvk__op_find(row->op)->name, cvk__pass_name(row->pass), row->name, text);
    return again ? CVK_OK : cvk__note_mark(d, told, "yes");
}

/* Runs the kernel of a step. What is no fault of the kernel leaves it untested. */
static int32_t test_step(struct cvk_session *s, const struct cvk__step *step, const char *key, bool *refused)
{
    struct cvk__device *d = s->devices.devices[step->device];
    const struct cvk__node *n = &s->g->nodes[step->node];
    struct cvk__check check;
    enum cvk__finding_kind found = CVK__RIGHT;
    char text[CVK__REASON_BYTES] = "", sentence[CVK_NOTE_TEXT_BYTES];
    struct cvk__node_view view;
    CVK__TRY(cvk__node_view_init(&view, s->g, n, s->node_flags));
    struct cvk__way way = way_of(step, &view.node);
    cvk__node_view_finish(&view);
    int32_t status = cvk__check_init(&check, s, n);
    if (status == CVK_OK)
        status = cvk__check_solve(&check, s->evaluator);
    bool known = status == CVK_OK;
    if (known)
        status = cvk__check_way(&check, d, &way, NULL, &found, text);
    cvk__check_finish(&check);
    if (status == CVK_E_MEMORY || (status != CVK_OK && !known) || found == CVK__REFUSED) {
        cvk__log(&s->ctx->log, CVK_LOG_INFO, "select", "%s: kernel %s is not tested with node '%s': %s", d->spec, step->row->name,
                 CVK__SHOW(n->name), found == CVK__REFUSED ? text : cvk_error_text());
        return cvk__note_mark(d, key, "untested");
    }
    if (status != CVK_OK)
        return cvk__fail_in(status, "self-test of kernel %s with node '%s': ", step->row->name, CVK__SHOW(n->name));
    *refused = found != CVK__RIGHT;
    snprintf(sentence, sizeof sentence, "%s in the self-test on this driver (%s)",
             found == CVK__BROKEN ? "failed" : "gave wrong results", text);
    return cvk__verdict_keep(s, d, step->row, key, *refused, sentence);
}

/* Recalls or tests one candidate. */
static int32_t judge(struct cvk_session *s, const struct cvk__step *step, uint32_t *tested, uint32_t *refused)
{
    struct cvk__device *d = s->devices.devices[step->device];
    char key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES];
    double cost;
    bool wrong = false;
    CVK__TRY(key_of(s, step, key, &cost));
    if (cvk__verdict_recall(s, d, key, text)) {
        if (is_wrong(text)) {
            cvk__log(&s->ctx->log, CVK_LOG_INFO, "select", "%s: kernel %s %s", d->spec, step->row->name,
                     text + strlen(CVK__WRONG));
            cvk__notes_refused(d);
            ++*refused;
        }
        return CVK_OK;
    }
    if (!s->evaluator || s->flags & CVK_SESSION_PLAN_ONLY)
        return CVK_OK;
    CVK__TRY(test_step(s, step, key, &wrong));
    ++*tested;
    *refused += wrong;
    return CVK_OK;
}

/* Unknown kernels, each once. */
static int32_t find_candidates(struct cvk_session *s, struct candidate *all, uint32_t *count)
{
    char key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES];
    uint32_t found = 0, kept = 0;
    for (uint32_t t = 0; t < s->step_count; t++) {
        double cost;
        if (!wants_test(s, &s->steps[t]))
            continue;
        CVK__TRY(key_of(s, &s->steps[t], key, &cost));
        if (!cvk__note_known(s->devices.devices[s->steps[t].device], key, text))
            all[found++] = (struct candidate){cvk__hash(s->steps[t].device + 1, key, strlen(key)), cost, t};
    }
    qsort(all, found, sizeof *all, by_hash_and_cost);
    for (uint32_t i = 0; i < found; i++)
        if (!i || all[i].hash != all[kept - 1].hash)
            all[kept++] = all[i];
    qsort(all, kept, sizeof *all, by_step);
    *count = kept;
    return CVK_OK;
}

int32_t cvk__selftest(struct cvk_session *s, bool *again)
{
    double start = cvk__now_ns();
    uint32_t count = 0, tested = 0, refused = 0;
    bool wanted = false;
    for (uint32_t t = 0; t < s->step_count && !wanted; t++)
        wanted = wants_test(s, &s->steps[t]);
    if (!wanted || s->selftest == CVK__SELFTEST_OFF)
        return CVK_OK;
    struct candidate *all = cvk__alloc_array(CVK__TAG_SESSION, s->step_count, sizeof *all);
    if (!all)
        return cvk__fail_memory(s->step_count * sizeof *all, "a self-test");
    int32_t status = find_candidates(s, all, &count);
    for (uint32_t i = 0; i < count && status == CVK_OK; i++)
        status = judge(s, &s->steps[all[i].step], &tested, &refused);
    cvk__free(all);
    if (count && !s->evaluator)
        cvk__log(&s->ctx->log, CVK_LOG_INFO, "select", "kernels are not tested: there is no reference backend to compare with");
    if (tested)
        cvk__log(&s->ctx->log, CVK_LOG_INFO, "select", "self-test of %u kernel%s took %.2f s; %u refused", tested,
                 tested > 1 ? "s" : "", (cvk__now_ns() - start) * 1e-9, refused);
    *again = refused > 0;
    return status;
}

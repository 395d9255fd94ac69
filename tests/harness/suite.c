/* SPDX-License-Identifier: MIT
 * A backend on all cases: every row that may take a case runs it, and the whole is held against expect.txt. */
#include <fnmatch.h>
#include <stdarg.h>

#include "graph/force.h"
#include "harness.h"
#include "ops/op_def.h"

/* What the walk over the cases carries along. */
struct walk {
    const struct cvk__suite_params *p;
    struct cvk__suite *s;
    struct cvk__device *device, *reference;
    const char *pass;
};

const char *cvk__op_name(uint32_t op)
{
    const struct cvk__op_def *def = cvk__op_find(op);
    return def ? def->name : "?";
}

static bool matches(const char *pattern, const char *name)
{
    return !pattern || fnmatch(pattern, name, 0) == 0;
}

/* Some of the cases were asked for, so that what is missing says nothing. */
static bool partial(const struct cvk__suite_params *p)
{
    return p->op || p->row || p->case_name;
}

static int32_t CVK_PRINTF(3, 4) add_finding(struct walk *w, struct cvk__finding finding, const char *format, ...)
{
    struct cvk__suite *s = w->s;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct cvk__finding *list = cvk__realloc(CVK__TAG_MISC, s->findings, (s->finding_count + 1u) * sizeof *list);
    if (list)
        s->findings = list;
    finding.text = cvk__strdup(CVK__TAG_MISC, text);
    if (!list || !finding.text) {
        cvk__free(finding.text);
        return cvk__fail_memory(sizeof *list, "a finding");
    }
    list[s->finding_count++] = finding;
    s->failures += !finding.listed;
    return CVK_OK;
}

static int32_t add_tally(struct walk *w, uint32_t op, const char *row, bool no_cases)
{
    struct cvk__suite *s = w->s;
    struct cvk__tally *list = cvk__realloc(CVK__TAG_MISC, s->tallies, (s->tally_count + 1u) * sizeof *list);
    if (!list)
        return cvk__fail_memory(sizeof *list, "the table of rows");
    s->tallies = list;
    list[s->tally_count++] = (struct cvk__tally){.op = op, .row = row, .no_cases = no_cases};
    return CVK_OK;
}

static bool is_wanted_row(const struct walk *w, const struct cvk_kernel *row, uint32_t op)
{
    return row->op == op && row->pass == CVK_PASS_FORWARD && matches(w->p->row, row->name);
}

/* What became of one case, over all rows. */
struct verdict {
    uint32_t passed, failed, refused; /* rows */
    char reason[CVK__REASON_BYTES];   /* of the last row that refused */
};

static int32_t run_rows(struct walk *w, struct cvk__trial *t, struct cvk__tally *tallies, const struct cvk__expect_line *line,
                        struct verdict *v)
{
    const struct cvk__backend *backend = w->p->backend;
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++) {
        const struct cvk_kernel *row = &backend->kernels[r];
        if (!is_wanted_row(w, row, t->op))
            continue;
        struct cvk__outcome out;
        t->tolerance = cvk__expect_tolerance(w->p->expect, cvk__op_name(t->op), row->name);
        if (w->p->progress)
            w->p->progress(w->p->progress_arg, cvk__op_name(t->op), t->c->name, row->name);
        int32_t status = cvk__check(t, w->device, row, &out);
        w->s->cycles += out.cycles;
        struct cvk__finding finding = {.op = t->op, .case_name = t->c->name, .row = row->name};
        if (status == CVK_OK && out.fault.bytes) {
            v->failed++;
            tallies->failed++;
            finding.listed = line && line->verdict == CVK__FAILS;
            status = add_finding(w, finding, "%s", out.fault.data);
        } else if (out.executed) {
            v->passed++;
            tallies->passed++;
        } else {
            v->refused++;
            tallies->refused++;
            memcpy(v->reason, out.reason, sizeof v->reason);
        }
        cvk__text_finish(&out.fault);
        CVK__TRY(status);
        tallies++;
    }
    return CVK_OK;
}

/* Holds what became of a case against what expect.txt says of it. */
static int32_t judge(struct walk *w, const struct cvk__trial *t, struct cvk__expect_line *line, const struct verdict *v)
{
    struct cvk__finding finding = {.op = t->op, .case_name = t->c->name};
    uint32_t is = v->failed ? CVK__FAILS : v->passed ? CVK__PASSES : CVK__UNSUPPORTED;
    w->s->executed += v->failed || v->passed;
    w->s->unsupported += is == CVK__UNSUPPORTED;
    if (line && line->verdict == is) {
        line->matched++;
        finding.listed = finding.refusal = true;
        return is == CVK__UNSUPPORTED ? add_finding(w, finding, "refused, as listed (%s): %s", line->reason, v->reason) : CVK_OK;
    }
    if (is == CVK__UNSUPPORTED) {
        finding.refusal = true;
        finding.listed = w->p->row != NULL; /* a single row may refuse: others may take the case */
        return add_finding(w, finding, "refused: %s", v->reason[0] ? v->reason : "no reason given");
    }
    if (is == CVK__PASSES && line && !w->p->row)
        return add_finding(w, finding, "passes, but line %u of expect.txt says that it %s (%s)", line->number,
                           line->verdict == CVK__FAILS ? "fails" : "is unsupported", line->reason);
    return CVK_OK; /* wrong rows have been told already */
}

static int32_t run_case(struct walk *w, uint32_t op, const struct cvk_case *c, uint32_t first_tally)
{
    struct cvk__trial t;
    struct cvk__expect_line *line = cvk__expect_find(w->p->expect, cvk__op_name(op), c->name, w->pass);
    struct verdict v = {0};
    struct cvk__finding finding = {.op = op, .case_name = c->name};
    bool deterministic = w->device->info.caps & CVK_CAP_DETERMINISTIC;
    if (cvk__trial_init(&t, op, c, deterministic) != CVK_OK)
        return add_finding(w, finding, "the case cannot be built: %s", cvk_error_text());
    int32_t status = CVK_OK;
    if (w->p->progress)
        w->p->progress(w->p->progress_arg, cvk__op_name(op), c->name, NULL);
    if (t.folded)
        status = add_finding(w, finding, "the case is worked out while planning: nothing is left to run");
    else if (cvk__trial_solve(&t, w->reference) != CVK_OK)
        status = add_finding(w, finding, "there is nothing to compare with: %s", cvk_error_text());
    else
        status = run_rows(w, &t, &w->s->tallies[first_tally], line, &v);
    if (status == CVK_OK && v.passed + v.failed + v.refused)
        status = judge(w, &t, line, &v);
    cvk__trial_finish(&t);
    return status;
}

static int32_t note_absent(struct walk *w, const struct cvk_case_table *table)
{
    if (w->p->row) /* other rows may be there */
        return CVK_OK;
    CVK__TRY(add_tally(w, table->op, NULL, table->count == 0));
    if (table->count == 0) /* worked out while planning: there is nothing to offer */
        return CVK_OK;
    struct cvk__finding finding = {.op = table->op, .refusal = true};
    struct cvk__expect_line *line = cvk__expect_find(w->p->expect, cvk__op_name(table->op), NULL, NULL);
    w->s->unsupported += table->count;
    finding.listed = line || w->p->lenient;
    if (line)
        line->matched++;
    return add_finding(w, finding, "not offered%s%s%s", line ? ", as listed (" : "", line ? line->reason : "", line ? ")" : "");
}

static int32_t run_table(struct walk *w, const struct cvk_case_table *table)
{
    const struct cvk__backend *backend = w->p->backend;
    uint32_t first_tally = w->s->tally_count;
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++)
        if (is_wanted_row(w, &backend->kernels[r], table->op))
            CVK__TRY(add_tally(w, table->op, backend->kernels[r].name, false));
    if (w->s->tally_count == first_tally)
        return note_absent(w, table);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cvk_case *c = &table->cases[i];
        if (!matches(w->p->case_name, c->name))
            continue;
        if (c->bench && !w->p->all && !w->p->case_name) {
            struct cvk__expect_line *line = cvk__expect_find(w->p->expect, cvk__op_name(table->op), c->name, w->pass);
            if (line) /* left out, so nothing is known against it */
                line->matched++;
            continue;
        }
        CVK__TRY(run_case(w, table->op, c, first_tally));
    }
    return CVK_OK;
}

static int32_t find_unmatched(struct walk *w)
{
    const struct cvk__expect *e = w->p->expect;
    for (uint32_t i = 0; i < e->count && !partial(w->p); i++) {
        struct cvk__finding finding = {.op = 0};
        if (e->lines[i].matched == 0)
            CVK__TRY(add_finding(w, finding, "line %u of expect.txt, '%s %s', fits nothing that was run: remove it or mend it",
                                 e->lines[i].number, e->lines[i].pattern,
                                 e->lines[i].tolerance > 0 ? "tolerance" : cvk__verdict_name(e->lines[i].verdict)));
    }
    if (w->s->executed == 0) {
        struct cvk__finding finding = {.op = 0};
        CVK__TRY(add_finding(w, finding, "no case was run"));
    }
    return CVK_OK;
}

int32_t cvk__suite_run(const struct cvk__suite_params *params, struct cvk__suite *out)
{
    struct walk w = {.p = params, .s = out, .pass = cvk__pass_name(CVK_PASS_FORWARD)};
    memset(out, 0, sizeof *out);
    const struct cvk__backend *reference = cvk__backend_reference(params->ctx);
    if (!reference)
        return cvk__fail(CVK_E_NOT_FOUND, "there is no reference backend to compare with (looked for a plugin flagged "
                                          "CVK_PLUGIN_REFERENCE)");
    CVK__TRY(cvk__device_open(params->ctx, reference, 0, NULL, &w.reference));
    int32_t status = cvk__device_open(params->ctx, params->backend, params->device_index, params->options, &w.device);
    for (uint32_t i = 0; i < params->table_count && status == CVK_OK; i++)
        if (matches(params->op, cvk__op_name(params->tables[i]->op)))
            status = run_table(&w, params->tables[i]);
    if (status == CVK_OK)
        status = find_unmatched(&w);
    cvk__device_close(w.device);
    cvk__device_close(w.reference);
    if (status != CVK_OK)
        cvk__suite_finish(out);
    return status;
}

void cvk__suite_finish(struct cvk__suite *s)
{
    for (uint32_t i = 0; i < s->finding_count; i++)
        cvk__free(s->findings[i].text);
    cvk__free(s->findings);
    cvk__free(s->tallies);
    memset(s, 0, sizeof *s);
}

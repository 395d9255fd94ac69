/* SPDX-License-Identifier: MIT
 * A backend on all cases: every row that may take a case runs it, and the whole is held against expect.txt. */
#include <fnmatch.h>
#include <stdarg.h>

#include "graph/force.h"
#include "harness.h"

/* What the walk over the cases carries along. */
struct walk {
    const struct cvk__suite_params *p;
    struct cvk__suite *s;
    struct cvk__device *device, *reference;
    uint32_t pass;
    uint32_t first_tally; /* of the op's rows for the pass */
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
    return p->op || p->pass || p->row || p->case_name;
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

static struct cvk__finding case_finding(const struct walk *w, uint32_t op, const struct cvk__form *form)
{
    struct cvk__finding finding = {.op = op, .pass = w->pass};
    snprintf(finding.case_name, sizeof finding.case_name, "%s", form->name);
    return finding;
}

static int32_t add_tally(struct walk *w, uint32_t op, const char *row, bool no_cases)
{
    struct cvk__suite *s = w->s;
    struct cvk__tally *list = cvk__realloc(CVK__TAG_MISC, s->tallies, (s->tally_count + 1u) * sizeof *list);
    if (!list)
        return cvk__fail_memory(sizeof *list, "the table of rows");
    s->tallies = list;
    list[s->tally_count++] = (struct cvk__tally){.op = op, .pass = w->pass, .row = row, .no_cases = no_cases};
    return CVK_OK;
}

static bool is_wanted_row(const struct walk *w, const struct cvk_kernel *row, uint32_t op)
{
    return row->op == op && row->pass == w->pass && matches(w->p->row, row->name);
}

/* What became of one case, over all rows. */
struct verdict {
    uint32_t passed, failed, refused; /* rows */
    char reason[CVK__REASON_BYTES];   /* of the last row that refused */
};

static int32_t run_rows(struct walk *w, struct cvk__trial *t, const struct cvk__expect_line *line, struct verdict *v)
{
    const struct cvk__backend *backend = w->p->backend;
    const char *pass = cvk__pass_name(w->pass);
    struct cvk__tally *tallies = &w->s->tallies[w->first_tally];
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++) {
        const struct cvk_kernel *row = &backend->kernels[r];
        if (!is_wanted_row(w, row, t->op))
            continue;
        struct cvk__outcome out;
        t->tolerance = cvk__expect_tolerance(w->p->expect, cvk__op_name(t->op), pass, row->name);
        if (w->p->progress)
            w->p->progress(w->p->progress_arg, cvk__op_name(t->op), pass, t->form->name, row->name);
        int32_t status = cvk__check(t, w->device, row, &out);
        w->s->cycles += out.cycles;
        struct cvk__finding finding = case_finding(w, t->op, t->form);
        finding.row = row->name;
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
    struct cvk__finding finding = case_finding(w, t->op, t->form);
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

/* A pass that the reference does not do: its own expectations answer for that. */
static int32_t note_unsolved(struct walk *w, const struct cvk__trial *t, int32_t status, struct verdict *v)
{
    struct cvk__finding finding = case_finding(w, t->op, t->form);
    if (status != CVK_E_UNSUPPORTED || w->pass == CVK_PASS_FORWARD)
        return add_finding(w, finding, "there is nothing to compare with: %s", cvk_error_text());
    if (w->p->backend == w->reference->backend) {
        v->refused = 1;
        snprintf(v->reason, sizeof v->reason, "%s", cvk_error_text());
        return CVK_OK;
    }
    finding.listed = finding.refusal = true;
    w->s->unsupported++;
    return add_finding(w, finding, "there is nothing to compare with: %s", cvk_error_text());
}

static bool is_too_large(const struct walk *w, const struct cvk__trial *t)
{
    return t->large && !w->p->all && !w->p->case_name;
}

/* Makes the trial and the reference's results; *ready is false where there is nothing to run, and that has been told. */
static int32_t prepare(struct walk *w, struct cvk__trial *t, uint32_t op, const struct cvk_case *c,
                       const struct cvk__form *form, struct verdict *v, bool *ready)
{
    bool deterministic = w->device->info.caps & CVK_CAP_DETERMINISTIC;
    *ready = false;
    if (w->p->progress)
        w->p->progress(w->p->progress_arg, cvk__op_name(op), cvk__pass_name(w->pass), form->name, NULL);
    if (cvk__trial_init(t, op, c, form, deterministic, w->reference) != CVK_OK)
        return add_finding(w, case_finding(w, op, form), "the case cannot be built: %s", cvk_error_text());
    bool gradient = w->pass != cvk__op_find(op)->pass;
    if (t->void_gradient || (gradient && (t->folded || is_too_large(w, t))))
        return CVK_OK;
    if (t->folded)
        return add_finding(w, case_finding(w, op, form), "the case is worked out while planning: nothing is left to run");
    int32_t solved = cvk__trial_solve(t, w->reference);
    if (solved != CVK_OK)
        return note_unsolved(w, t, solved, v);
    *ready = true;
    return CVK_OK;
}

static int32_t run_forms(struct walk *w, uint32_t op, const struct cvk_case *c, const struct cvk__form *forms, uint32_t count)
{
    struct cvk__trial t;
    bool ready = false;
    int32_t status = CVK_OK;
    memset(&t, 0, sizeof t);
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        struct verdict v = {0};
        if (i > 0 && ready && forms[i].trained && w->pass == cvk__op_find(op)->pass) {
            ready = !is_too_large(w, &t);
            cvk__trial_train(&t, &forms[i]);
        } else {
            cvk__trial_finish(&t);
            status = prepare(w, &t, op, c, &forms[i], &v, &ready);
        }
        struct cvk__expect_line *line =
            cvk__expect_find(w->p->expect, cvk__op_name(op), forms[i].name, cvk__pass_name(w->pass));
        if (status == CVK_OK && ready)
            status = run_rows(w, &t, line, &v);
        if (status == CVK_OK && v.passed + v.failed + v.refused)
            status = judge(w, &t, line, &v);
    }
    cvk__trial_finish(&t);
    return status;
}

/* Says that there is no row for the pass; with `whole` for no pass at all. */
static int32_t note_absent(struct walk *w, const struct cvk_case_table *table, bool whole)
{
    if (w->p->row) /* other rows may be there */
        return CVK_OK;
    CVK__TRY(add_tally(w, table->op, NULL, table->count == 0));
    if (table->count == 0) /* worked out while planning: there is nothing to offer */
        return CVK_OK;
    struct cvk__finding finding = {.op = table->op, .pass = w->pass, .refusal = true};
    struct cvk__expect_line *line =
        cvk__expect_find_op(w->p->expect, cvk__op_name(table->op), whole ? NULL : cvk__pass_name(w->pass));
    w->s->unsupported += table->count;
    finding.listed = line || w->p->lenient;
    if (line)
        line->matched++;
    return add_finding(w, finding, "not offered%s%s%s", line ? ", as listed (" : "", line ? line->reason : "", line ? ")" : "");
}

/* Whether a node of this pass can come of any of the cases: gradients that are made of other ops need no row. */
static bool has_pass(struct walk *w, const struct cvk_case_table *table)
{
    struct cvk__form forms[CVK__CASE_FORMS];
    if (w->pass == cvk__op_find(table->op)->pass)
        return true;
    bool any = false;
    for (uint32_t i = 0; i < table->count && !any; i++)
        if (!table->cases[i].bench && cvk__forms(table->op, &table->cases[i], w->pass, forms)) {
            struct cvk__trial t;
            /* One that lacks the reference's results cannot be made, and is there all the same. */
            any = cvk__trial_init(&t, table->op, &table->cases[i], &forms[0], false, w->reference) != CVK_OK ||
                  !(t.void_gradient || t.folded);
            cvk__trial_finish(&t);
        }
    return any;
}

static bool has_rows(const struct walk *w, uint32_t op)
{
    const struct cvk__backend *backend = w->p->backend;
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++)
        if (backend->kernels[r].op == op && matches(w->p->row, backend->kernels[r].name))
            return true;
    return false;
}

static int32_t run_case(struct walk *w, uint32_t op, const struct cvk_case *c)
{
    struct cvk__form forms[CVK__CASE_FORMS];
    uint32_t count = cvk__forms(op, c, w->pass, forms), wanted = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!matches(w->p->case_name, c->name) && !matches(w->p->case_name, forms[i].name))
            continue;
        if (c->bench && !w->p->all && !w->p->case_name) {
            struct cvk__expect_line *line =
                cvk__expect_find(w->p->expect, cvk__op_name(op), forms[i].name, cvk__pass_name(w->pass));
            if (line) /* left out, so nothing is known against it */
                line->matched++;
            continue;
        }
        forms[wanted++] = forms[i];
    }
    return run_forms(w, op, c, forms, wanted);
}

static int32_t run_pass(struct walk *w, const struct cvk_case_table *table)
{
    const struct cvk__backend *backend = w->p->backend;
    w->first_tally = w->s->tally_count;
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++)
        if (is_wanted_row(w, &backend->kernels[r], table->op))
            CVK__TRY(add_tally(w, table->op, backend->kernels[r].name, false));
    if (w->s->tally_count == w->first_tally)
        return has_pass(w, table) ? note_absent(w, table, false) : CVK_OK;
    for (uint32_t i = 0; i < table->count; i++)
        CVK__TRY(run_case(w, table->op, &table->cases[i]));
    return CVK_OK;
}

static int32_t run_table(struct walk *w, const struct cvk_case_table *table)
{
    if (!has_rows(w, table->op)) {
        w->pass = cvk__op_find(table->op)->pass;
        return matches(w->p->pass, cvk__pass_name(w->pass)) ? note_absent(w, table, true) : CVK_OK;
    }
    for (w->pass = 0; w->pass < CVK__PASSES_KNOWN; w->pass++)
        if (matches(w->p->pass, cvk__pass_name(w->pass)))
            CVK__TRY(run_pass(w, table));
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
    struct walk w = {.p = params, .s = out};
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
    cvk__memory_trim();
    cvk__draw_trim();
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

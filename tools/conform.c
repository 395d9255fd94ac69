/* SPDX-License-Identifier: MIT
 * `convoke conform`: every row of a backend on every case, under watch, compared with the reference. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "harness/harness.h"
#include "graph/force.h"
#include "json_out.h"
#include "ops/all.h"

struct conform {
    const char *op, *row, *case_name, *pass, *expect_path;
    bool all, json, verbose;
    const char *target; /* as the user wrote it; NULL: every backend */
    bool from_file;
    const char *options; /* of the device; NULL: none */
    char option_text[256], target_text[1024], shown[1300];
    struct cvk_context *ctx;
    struct json *report, *backends; /* NULL: text */
};

/* One backend of a run. */
struct subject {
    char *name; /* that this command accepts */
    const struct cvk__backend *backend;
    uint32_t device_index;
    const char *options;
    char *expect_path; /* "" if there is none */
};

/* ---- a crash must tell where --------------------------------------------------------------------------------------------- */

static char crash_line[1024] = "\nconvoke conform: crashed before the first case\n";

static void on_crash(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, crash_line, strlen(crash_line));
    (void)written; /* there is nobody left to tell */
    _exit(TOOL_FAILED);
}

static void watch_for_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_crash;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

static void show_progress(void *arg, const char *op, const char *pass, const char *case_name, const char *row)
{
    const struct subject *s = arg;
    snprintf(crash_line, sizeof crash_line,
             "\nconvoke conform %s --op %s --pass %s --case %s%s%s  # crashed: the %s reads or writes memory that is not its own, "
             "uses an allocation that failed, or gives up the process\n", s->name, op, pass, case_name,
             row ? " --row " : "", row ? row : "", row ? "row" : "reference");
    tool_progress("%s %s/%s/%s", s->name, op, case_name, pass);
}

/* ---- output --------------------------------------------------------------------------------------------------------------- */

/* The finding as a command that repeats it, with the sentence as its comment. */
static void print_finding(const struct subject *s, const struct cvk__finding *f)
{
    char safe[2048];
    printf("convoke conform %s", s->name);
    if (f->op)
        printf(" --op %s", cvk__op_name(f->op));
    if (f->op && f->pass != CVK_PASS_FORWARD)
        printf(" --pass %s", cvk__pass_name(f->pass));
    if (f->case_name[0])
        printf(" --case %s", f->case_name);
    if (f->row)
        printf(" --row %s", f->row);
    printf("  # %s%s\n", f->listed ? "" : "FAIL: ", tool_escape(f->text, safe, sizeof safe));
}

static void print_matrix(const struct cvk__suite *suite)
{
    struct table *t = table_create("llrrrl");
    table_add(t, "op"), table_add(t, "row"), table_add(t, "passed"), table_add(t, "failed"), table_add(t, "refused");
    table_add(t, " ");
    for (uint32_t i = 0; i < suite->tally_count; i++) {
        const struct cvk__tally *tally = &suite->tallies[i];
        bool again = i > 0 && suite->tallies[i - 1].op == tally->op && suite->tallies[i - 1].pass == tally->pass;
        table_add(t, "%s%s%s", again ? "" : cvk__op_name(tally->op), again ? "" : ":", again ? "" : cvk__pass_name(tally->pass));
        table_add(t, "%s", tally->row ? tally->row : "-");
        if (tally->row) {
            table_add(t, "%u", tally->passed), table_add(t, "%u", tally->failed), table_add(t, "%u", tally->refused);
            table_add(t, "%s", tally->failed ? "FAIL" : "");
        } else {
            table_add(t, "-"), table_add(t, "-"), table_add(t, "-");
            table_add(t, "%s", tally->no_cases ? "no cases" : "not offered");
        }
    }
    table_print(t, stdout);
    table_destroy(t);
}

static void print_text(const struct conform *c, const struct subject *s, const struct cvk__suite *suite)
{
    const struct cvk_plugin *plugin = &s->backend->plugin;
    char safe[TOOL_TEXT];
    printf("%s %s", s->name, tool_escape(plugin->version, safe, sizeof safe));
    printf(", %u rows, expectations: %s\n", plugin->kernel_count,
           s->expect_path[0] ? tool_escape(s->expect_path, safe, sizeof safe) : "none");
    print_matrix(suite);
    for (uint32_t i = 0; i < suite->finding_count; i++)
        if (!suite->findings[i].listed || c->verbose || (c->row && c->case_name))
            print_finding(s, &suite->findings[i]);
    char cycles[28];
    printf("%s: %u cases in %s cycles, %u unsupported, %s%u failure%s%s\n", s->name, suite->executed,
           tool_count(suite->cycles, cycles), suite->unsupported, tool_colour(suite->failures ? TOOL_RED : TOOL_GREEN),
           suite->failures, suite->failures == 1 ? "" : "s", tool_colour(TOOL_PLAIN));
}

static void put_json(const struct conform *c, const struct subject *s, const struct cvk__suite *suite)
{
    struct json *o = json_item(c->backends);
    json_text(o, "name", s->name);
    json_text(o, "version", s->backend->plugin.version);
    json_text(o, "expectations", s->expect_path[0] ? s->expect_path : NULL);
    json_count(o, "executed", suite->executed);
    json_count(o, "cycles", suite->cycles);
    json_count(o, "unsupported", suite->unsupported);
    json_count(o, "failures", suite->failures);
    struct json *rows = json_list_in(o, "rows");
    for (uint32_t i = 0; i < suite->tally_count; i++) {
        struct json *row = json_item(rows);
        json_text(row, "op", cvk__op_name(suite->tallies[i].op));
        json_text(row, "pass", cvk__pass_name(suite->tallies[i].pass));
        json_text(row, "row", suite->tallies[i].row);
        json_bool(row, "offered", suite->tallies[i].row != NULL);
        json_count(row, "passed", suite->tallies[i].passed);
        json_count(row, "failed", suite->tallies[i].failed);
        json_count(row, "refused", suite->tallies[i].refused);
    }
    struct json *findings = json_list_in(o, "findings");
    for (uint32_t i = 0; i < suite->finding_count; i++) {
        const struct cvk__finding *f = &suite->findings[i];
        struct json *finding = json_item(findings);
        json_text(finding, "op", f->op ? cvk__op_name(f->op) : NULL);
        json_text(finding, "pass", f->op ? cvk__pass_name(f->pass) : NULL);
        json_text(finding, "case", f->case_name[0] ? f->case_name : NULL);
        json_text(finding, "row", f->row);
        json_bool(finding, "listed", f->listed);
        json_bool(finding, "refusal", f->refusal);
        json_text(finding, "text", f->text);
    }
}

/* ---- what is tested ------------------------------------------------------------------------------------------------------- */

/* DIR/NAME.expect.txt beside the plugin's file, if it is there. */
static char *find_expect(const struct conform *c, const struct cvk_plugin_entry *entry)
{
    if (c->expect_path)
        return tool_copy(c->expect_path);
    const char *slash = strrchr(entry->path, '/');
    size_t capacity = strlen(entry->path) + strlen(entry->name) + 32;
    char *path = tool_alloc(1, capacity);
    if (slash)
        snprintf(path, capacity, "%.*s/%s.expect.txt", (int)(slash - entry->path), entry->path, entry->name);
    if (access(path, R_OK) != 0)
        path[0] = '\0';
    return path;
}

static int run_subject(const struct conform *c, struct subject *s, uint32_t *failures)
{
    struct cvk__expect expect = {0};
    struct cvk__suite suite;
    if (s->expect_path[0] && cvk__expect_read(&expect, s->expect_path) != CVK_OK)
        return tool_fail_library("conform");
    const struct cvk__suite_params params = {.ctx = c->ctx,
                                             .backend = s->backend,
                                             .device_index = s->device_index,
                                             .options = s->options,
                                             .tables = cvk_case_tables,
                                             .table_count = cvk_case_table_count,
                                             .op = c->op,
                                             .pass = c->pass,
                                             .row = c->row,
                                             .case_name = c->case_name,
                                             .all = c->all,
                                             .lenient = c->from_file && !s->expect_path[0],
                                             .expect = &expect,
                                             .progress = show_progress,
                                             .progress_arg = s};
    int32_t status = cvk__suite_run(&params, &suite);
    tool_progress_done();
    cvk__expect_finish(&expect);
    if (status != CVK_OK)
        return tool_fail_library(s->name);
    if (c->report)
        put_json(c, s, &suite);
    else
        print_text(c, s, &suite);
    *failures += suite.failures;
    cvk__suite_finish(&suite);
    return TOOL_GO_ON;
}

/* Tests device `index` of a plugin that was taken. */
static int run_entry(const struct conform *c, const struct cvk_plugin_entry *entry, const char *name, uint32_t index,
                     uint32_t *failures)
{
    struct subject s = {.name = tool_copy(c->options ? c->shown : name), .device_index = index, .options = c->options, .expect_path = find_expect(c, entry)};
    for (uint32_t i = 0; i < c->ctx->plugin_count; i++)
        if (c->ctx->plugins[i].backend && strcmp(c->ctx->plugins[i].backend->plugin.name, entry->name) == 0)
            s.backend = c->ctx->plugins[i].backend;
    int code = run_subject(c, &s, failures);
    free(s.name);
    free(s.expect_path);
    return code;
}

static int fail_refused(const struct cvk_plugin_entry *entry)
{
    char path[TOOL_TEXT];
    return tool_fail(TOOL_FAILED, "%s was refused at stage '%s': %s%s%s", tool_escape(entry->path, path, sizeof path),
                     entry->stage ? entry->stage : "?", entry->reason ? entry->reason : "no reason", entry->fix ? "; " : "",
                     entry->fix ? entry->fix : "");
}

/* A plugin's file: loaded with the usual checks. The search path may have brought the same file before, so it is found by its
 * path. */
static int run_file(const struct conform *c, uint32_t *failures)
{
    if (cvk_plugin_load(c->ctx, c->target) != CVK_OK)
        return tool_fail_library("conform");
    char *real = realpath(c->target, NULL);
    struct cvk_plugin_entry entry;
    bool found = false;
    for (uint32_t i = cvk_plugin_count(c->ctx); real && !found && i-- > 0;)
        found = cvk_plugin_get(c->ctx, i, &entry) == CVK_OK && strcmp(entry.path, real) == 0;
    free(real);
    if (!found)
        return tool_fail(TOOL_FAILED, "conform: %s was not taken", c->target);
    return entry.status != CVK_OK ? fail_refused(&entry) : run_entry(c, &entry, c->target, 0, failures);
}

/* NAME or NAME:INDEX, or every backend that was taken. */
static int run_backends(const struct conform *c, uint32_t *failures)
{
    const char *colon = c->target ? strchr(c->target, ':') : NULL;
    uint64_t index = 0;
    size_t length = c->target ? strcspn(c->target, ":") : 0;
    if (colon && (!args_count(colon + 1, &index) || index > UINT32_MAX))
        return tool_fail(TOOL_USAGE, "conform: '%s' is not the index of a device", colon + 1);
    const char *known[64];
    uint32_t known_count = 0;
    int code = TOOL_GO_ON;
    bool found = false;
    for (uint32_t i = 0; i < cvk_plugin_count(c->ctx) && code == TOOL_GO_ON; i++) {
        struct cvk_plugin_entry entry;
        if (cvk_plugin_get(c->ctx, i, &entry) != CVK_OK || !entry.name)
            continue;
        bool wanted = !c->target || (strlen(entry.name) == length && memcmp(entry.name, c->target, length) == 0);
        if (entry.status != CVK_OK) {
            if (wanted && c->target)
                return fail_refused(&entry);
            continue;
        }
        if (known_count < 64)
            known[known_count++] = entry.name;
        if (!wanted)
            continue;
        found = true;
        code = run_entry(c, &entry, c->target ? c->target : entry.name, (uint32_t)index, failures);
    }
    if (found || code != TOOL_GO_ON)
        return code;
    const char *near = c->target ? tool_nearest(c->target, known, known_count) : NULL;
    return tool_fail(TOOL_FAILED, "conform: there is no backend '%s'%s%s%s; `convoke devices --why` tells what was found",
                     c->target ? c->target : "", near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The library's log would stand between the lines of the report. */
static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static int check_words(const struct conform *c)
{
    const char *ops[64];
    uint32_t count = 0;
    bool known = !c->pass;
    for (uint32_t i = 0; i < CVK__PASSES_KNOWN && !known; i++)
        known = strcmp(c->pass, cvk__pass_name(i)) == 0;
    if (!known)
        return tool_fail(TOOL_USAGE, "conform: there is no pass '%s': fwd, bwd_data, bwd_weights, update", c->pass);
    for (uint32_t i = 0; i < cvk_case_table_count && count < 64; i++)
        ops[count++] = cvk__op_name(cvk_case_tables[i]->op);
    if (!c->op || strpbrk(c->op, "*?["))
        return TOOL_GO_ON;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(ops[i], c->op) == 0)
            return TOOL_GO_ON;
    const char *near = tool_nearest(c->op, ops, count);
    return tool_fail(TOOL_USAGE, "conform: there is no op '%s'%s%s%s", c->op, near ? "; did you mean '" : "", near ? near : "",
                     near ? "'?" : "");
}

static int run(struct conform *c)
{
    const struct cvk_context_params params = {.threads = CVK__CONFORM_WORKERS, .log = c->verbose ? NULL : drop_log};
    if (cvk_context_create(&params, &c->ctx) != CVK_OK)
        return tool_fail_library("conform");
    if (c->json) {
        c->report = json_create();
        c->backends = json_list_in(c->report, "backends");
    }
    watch_for_crashes();
    uint32_t failures = 0;
    int code = c->from_file ? run_file(c, &failures) : run_backends(c, &failures);
    if (c->report) {
        json_bool(c->report, "passed", code == TOOL_GO_ON && failures == 0);
        json_finish(c->report);
    }
    cvk_context_destroy(c->ctx);
    return code != TOOL_GO_ON ? code : failures ? TOOL_FAILED : TOOL_OK;
}

/* Takes the device's options, "(isa=avx2)", off the target's end. */
static int take_options(struct conform *c)
{
    const char *open = c->target ? strchr(c->target, '(') : NULL;
    size_t length = open ? strlen(open) : 0;
    if (!open)
        return TOOL_GO_ON;
    if (open[length - 1] != ')')
        return tool_fail(TOOL_USAGE, "conform: '%s' has no ')' at its end", c->target);
    snprintf(c->option_text, sizeof c->option_text, "%.*s", (int)length - 2, open + 1);
    snprintf(c->target_text, sizeof c->target_text, "%.*s", (int)(open - c->target), c->target);
    snprintf(c->shown, sizeof c->shown, "'%s'", c->target);
    c->options = c->option_text;
    c->target = c->target_text;
    return TOOL_GO_ON;
}

int cvk_tool_conform(int argc, char **argv)
{
    struct conform c = {0};
    const struct option options[] = {
        {"op", OPTION_TEXT, &c.op, "NAME", "only this op (a pattern with * is fine, as for the next two)", 0, 0},
        {"row", OPTION_TEXT, &c.row, "NAME", "only this row; what it refuses does not count", 0, 0},
        {"case", OPTION_TEXT, &c.case_name, "NAME", "only this case", 0, 0},
        {"pass", OPTION_TEXT, &c.pass, "NAME", "only this pass: fwd, bwd_data, bwd_weights, update", 0, 0},
        {"all", OPTION_FLAG, &c.all, NULL, "the big cases too, which are there for timing", 0, 0},
        {"expect", OPTION_TEXT, &c.expect_path, "FILE", "what the backend is known not to do (default: NAME.expect.txt beside\n"
                                                        "the plugin's file)", 0, 0},
        {"json", OPTION_FLAG, &c.json, NULL, "print one JSON object instead of text", 0, 0},
        {"verbose", OPTION_FLAG, &c.verbose, NULL, "what was expected too, and the log", 0, 0},
    };
    const struct command command = {
        .name = "conform", .summary = "test every kernel of a backend against the reference",
        .usage = "[PLUGIN.so | BACKEND[:INDEX][(OPTION=VALUE,...)]] [--op NAME] [--pass NAME] [--row NAME] [--case NAME] [--all] [--json] [--expect FILE]",
        .about = "Every row runs every case that it does not refuse, in every layout that it names, on guarded and poisoned\n"
                 "memory, with 1, 2 and 3 workers, and with every allocation failing in turn. Each failure is one line: the\n"
                 "command that repeats it, and what was wrong. What a backend is known not to do stands in its expectations;\n"
                 "docs/conformance.md tells their form. Without a name, every backend that is found is tested.\n",
        .examples = "convoke conform\nconvoke conform ref --op conv\nconvoke conform ./mine.so\n"
                    "convoke conform 'simd(isa=avx2)' --op conv --case k3 --row direct",
        .rest_name = "a plugin's file or a backend's name", .rest_max = 1, ARGS_OPTIONS_OF(options)};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON && rest.count)
        c.target = rest.items[0];
    args_free(&rest);
    code = code == TOOL_GO_ON ? take_options(&c) : code;
    c.from_file = c.target && (strchr(c.target, '/') || tool_ends_with(c.target, ".so"));
    if (code == TOOL_GO_ON && c.expect_path && !c.target)
        code = tool_fail(TOOL_USAGE, "conform --expect needs the backend that it is for");
    if (code == TOOL_GO_ON && c.json)
        code = json_available();
    if (code == TOOL_GO_ON)
        code = check_words(&c);
    return code == TOOL_GO_ON ? run(&c) : code;
}

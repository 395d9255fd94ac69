/* SPDX-License-Identifier: MIT
 * expect.txt: what a backend is known not to do, a line each: pattern, verdict, reason. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "harness.h"

#define LINE_BYTES 512
#define MAX_LINES 4096
#define MAX_TOLERANCE 100000

static const char *const verdict_names[] = {"passes", "unsupported", "fails"};

const char *cvk__verdict_name(uint32_t verdict)
{
    return verdict <= CVK__FAILS ? verdict_names[verdict] : "?";
}

/* The next word of *text, NUL-terminated in place; NULL at the end. */
static char *next_word(char **text)
{
    *text += strspn(*text, " \t\r\n");
    if (!**text)
        return NULL;
    char *word = *text;
    *text += strcspn(*text, " \t\r\n");
    if (**text)
        *(*text)++ = '\0';
    return word;
}

/* "op:row tolerance FACTOR reason", from the factor on. */
static int32_t parse_tolerance(struct cvk__expect_line *line, char *text, const char *path, uint32_t number)
{
    char *factor = next_word(&text), *end = NULL;
    line->tolerance = factor ? strtod(factor, &end) : 0;
    line->number = number;
    text += strspn(text, " \t\r\n");
    text[strcspn(text, "\r\n")] = '\0';
    if (!factor || *end || !(line->tolerance >= 1 && line->tolerance <= MAX_TOLERANCE) || !*text)
        return cvk__fail(CVK_E_FORMAT, "%s:%u: after 'tolerance' come a factor from 1 to %d and a reason", path, number, MAX_TOLERANCE);
    line->reason = cvk__strdup(CVK__TAG_MISC, text);
    return line->reason ? CVK_OK : cvk__fail_memory(LINE_BYTES, "expect.txt");
}

static int32_t parse_line(struct cvk__expect_line *line, char *text, const char *path, uint32_t number)
{
    char *pattern = next_word(&text), *verdict = next_word(&text);
    if (pattern && verdict && strchr(pattern, ':') && strcmp(verdict, "tolerance") == 0) {
        line->pattern = cvk__strdup(CVK__TAG_MISC, pattern);
        return line->pattern ? parse_tolerance(line, text, path, number) : cvk__fail_memory(LINE_BYTES, "expect.txt");
    }
    char *reason = text + strspn(text, " \t\r\n");
    reason[strcspn(reason, "\r\n")] = '\0';
    if (!verdict || !*reason)
        return cvk__fail(CVK_E_FORMAT, "%s:%u: a line is 'op/case/pass verdict reason', and the reason is part of it", path,
                         number);
    while (line->verdict <= CVK__FAILS && strcmp(verdict, verdict_names[line->verdict]) != 0)
        line->verdict++;
    if (line->verdict > CVK__FAILS)
        return cvk__fail(CVK_E_FORMAT, "%s:%u: unknown verdict '%.40s': unsupported, fails or passes", path, number, verdict);
    line->op_only = !strchr(pattern, '/');
    if (line->op_only && line->verdict != CVK__UNSUPPORTED)
        return cvk__fail(CVK_E_FORMAT, "%s:%u: '%.80s' names ops or passes without rows, which can only be unsupported; write "
                                       "op/case/pass", path, number, pattern);
    line->number = number;
    line->pattern = cvk__strdup(CVK__TAG_MISC, pattern);
    line->reason = cvk__strdup(CVK__TAG_MISC, reason);
    return line->pattern && line->reason ? CVK_OK : cvk__fail_memory(LINE_BYTES, "expect.txt");
}

static int32_t read_lines(struct cvk__expect *e, FILE *file, const char *path)
{
    char text[LINE_BYTES];
    for (uint32_t number = 1; fgets(text, sizeof text, file); number++) {
        if (!strchr(text, '\n') && !feof(file))
            return cvk__fail(CVK_E_LIMIT, "%s:%u: the line has more than %d characters", path, number, LINE_BYTES - 2);
        size_t blank = strspn(text, " \t\r\n");
        if (!text[blank] || text[blank] == '#')
            continue;
        if (e->count == MAX_LINES)
            return cvk__fail(CVK_E_LIMIT, "%s:%u: more than %d lines", path, number, MAX_LINES);
        struct cvk__expect_line *lines = cvk__realloc(CVK__TAG_MISC, e->lines, (e->count + 1u) * sizeof *lines);
        if (!lines)
            return cvk__fail_memory((e->count + 1u) * sizeof *lines, "expect.txt");
        e->lines = lines;
        memset(&lines[e->count], 0, sizeof *lines);
        CVK__TRY(parse_line(&lines[e->count++], text, path, number));
    }
    return ferror(file) ? cvk__fail(CVK_E_IO, "%s: %s", path, strerror(errno)) : CVK_OK;
}

int32_t cvk__expect_read(struct cvk__expect *e, const char *path)
{
    memset(e, 0, sizeof *e);
    FILE *file = fopen(path, "r");
    if (!file)
        return cvk__fail(CVK_E_IO, "%s: %s", path, strerror(errno));
    int32_t status = read_lines(e, file, path);
    fclose(file);
    if (status != CVK_OK)
        cvk__expect_finish(e);
    return status;
}

void cvk__expect_finish(struct cvk__expect *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        cvk__free(e->lines[i].pattern);
        cvk__free(e->lines[i].reason);
    }
    cvk__free(e->lines);
    memset(e, 0, sizeof *e);
}

struct cvk__expect_line *cvk__expect_find(const struct cvk__expect *e, const char *op, const char *case_name, const char *pass)
{
    char form[LINE_BYTES], name[LINE_BYTES];
    snprintf(form, sizeof form, "%s/%s/%s", op, case_name, pass);
    snprintf(name, sizeof name, "%s/%.*s/%s", op, (int)strcspn(case_name, "+"), case_name, pass);
    for (uint32_t i = 0; i < e->count; i++) {
        const struct cvk__expect_line *line = &e->lines[i];
        if (line->tolerance == 0 && !line->op_only && (!fnmatch(line->pattern, form, 0) || !fnmatch(line->pattern, name, 0)))
            return &e->lines[i];
    }
    return NULL;
}

struct cvk__expect_line *cvk__expect_find_op(const struct cvk__expect *e, const char *op, const char *pass)
{
    char name[LINE_BYTES];
    snprintf(name, sizeof name, pass ? "%s:%s" : "%s", op, pass);
    for (uint32_t i = 0; i < e->count; i++) {
        const struct cvk__expect_line *line = &e->lines[i];
        if (line->tolerance == 0 && line->op_only && !strchr(line->pattern, ':') == !pass && !fnmatch(line->pattern, name, 0))
            return &e->lines[i];
    }
    return NULL;
}

double cvk__expect_tolerance(struct cvk__expect *e, const char *op, const char *pass, const char *row)
{
    char any[LINE_BYTES], name[LINE_BYTES];
    snprintf(any, sizeof any, "%s:%s", op, row);
    snprintf(name, sizeof name, "%s:%s:%s", op, pass, row);
    for (uint32_t i = 0; i < e->count; i++)
        if (e->lines[i].tolerance > 0 && (!fnmatch(e->lines[i].pattern, any, 0) || !fnmatch(e->lines[i].pattern, name, 0))) {
            e->lines[i].matched++;
            return e->lines[i].tolerance;
        }
    return 1;
}

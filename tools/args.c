/* SPDX-License-Identifier: MIT
 * The parser of options and its help text. */
#include "args.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const exit_codes =
    "Exit codes: 0 all well; 1 the work failed; 2 wrong use of the command; 3 a check found a wrong result.\n";

/* Breaks a paragraph into lines that fit a terminal, wherever its author broke it. */
static void print_wrapped(const char *text)
{
    enum { WIDTH = 100 };
    char *copy = tool_copy(text), *rest = copy;
    size_t column = 0;
    for (char *word = strsep(&rest, " \n"); word; word = strsep(&rest, " \n")) {
        size_t length = strlen(word);
        if (length == 0)
            continue;
        bool fits = column && column + 1 + length <= WIDTH;
        printf("%s%s", fits ? " " : "\n", word);
        column = fits ? column + 1 + length : length;
    }
    putchar('\n');
    free(copy);
}

static uint32_t option_total(const struct command *c)
{
    return c->option_count + c->shared_count;
}

static const struct option *option_at(const struct command *c, uint32_t i)
{
    return i < c->option_count ? &c->options[i] : &c->shared[i - c->option_count];
}

static void print_help(const struct command *c)
{
    printf("convoke %s - %s\n\nUsage: convoke %s %s\n", c->name, c->summary, c->name, c->usage);
    printf("\nOptions:\n");
    for (uint32_t i = 0; i < option_total(c); i++) {
        const struct option *o = option_at(c, i);
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        /* Help of several lines keeps its column. */
        const char *line = o->help;
        for (bool first = true; line; first = false) {
            const char *end = strchr(line, '\n');
            printf("  %-26s %.*s\n", first ? left : "", end ? (int)(end - line) : (int)strlen(line), line);
            line = end ? end + 1 : NULL;
        }
    }
    printf("  %-26s %s\n", "--help", "this text");
    printf("  %-26s %s\n", "--version", "the version, and what was left out of this build");
    if (c->model)
        printf("\n%s", c->model);
    if (c->about)
        print_wrapped(c->about);
    printf("\nExamples:\n");
    for (const char *line = c->examples; line && *line;) {
        const char *end = strchr(line, '\n');
        printf("  %.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
        line = end ? end + 1 : NULL;
    }
    printf("\n%s", exit_codes);
}

bool args_count(const char *text, uint64_t *out)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    uint64_t unit = 1;
    if (*end == 'K' || *end == 'M' || *end == 'G')
        unit = *end == 'K' ? 1024 : *end == 'M' ? 1024 * 1024 : 1024 * 1024 * 1024, end++;
    return errno == 0 && *end == '\0' && !__builtin_mul_overflow((uint64_t)n, unit, out);
}

static bool plain_number(const char *text, char **end, double *out)
{
    *out = strtod(text, end);
    return *end != text && isfinite(*out);
}

bool args_number(const char *text, double *out)
{
    char *end;
    double below;
    if (!plain_number(text, &end, out))
        return false;
    if (*end == '/') {
        if (!plain_number(end + 1, &end, &below) || below == 0)
            return false;
        *out /= below;
    }
    return *end == '\0';
}

static bool parse_numbers(const char *text, struct number_list *out)
{
    out->count = 0;
    char *copy = tool_copy(text);
    bool good = true;
    for (char *item = copy; item && good;) {
        char *comma = strchr(item, ',');
        if (comma)
            *comma = '\0';
        good = out->count < NUMBER_LIST && args_number(item, &out->items[out->count]);
        out->count += good;
        item = comma ? comma + 1 : NULL;
    }
    free(copy);
    return good;
}

static int take_count(const struct command *c, const struct option *o, const char *value, uint64_t *out)
{
    uint64_t n;
    if (!args_count(value, &n))
        return tool_fail(TOOL_USAGE, "%s --%s wants a whole number, not '%s'", c->name, o->name, value);
    if (n < o->min || (o->max && n > o->max)) {
        char least[28], most[28];
        return tool_fail(TOOL_USAGE, "%s --%s is %s; it must be at least %s%s%s", c->name, o->name, value,
                         tool_count(o->min, least), o->max ? " and at most " : "", o->max ? tool_count(o->max, most) : "");
    }
    *out = n;
    return TOOL_GO_ON;
}

static int take_counts(const struct command *c, const struct option *o, const char *value, struct count_list *out)
{
    char *copy = tool_copy(value), *rest = copy;
    int go_on = TOOL_GO_ON;
    out->count = 0;
    for (char *item = strsep(&rest, ","); item && go_on == TOOL_GO_ON; item = strsep(&rest, ","))
        if (out->count == NUMBER_LIST)
            go_on = tool_fail(TOOL_USAGE, "%s --%s takes %d numbers at most", c->name, o->name, NUMBER_LIST);
        else
            go_on = take_count(c, o, item, &out->items[out->count++]);
    free(copy);
    return go_on;
}

static void list_add(struct text_list *list, const char *text)
{
    list->items = tool_grow(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = text;
}

void args_free(struct text_list *list)
{
    free(list->items);
    *list = (struct text_list){NULL, 0};
}

static int unknown_option(const struct command *c, const char *name, size_t length)
{
    char word[80];
    const char *words[64];
    uint32_t count = 0;
    snprintf(word, sizeof word, "%.*s", length > 79 ? 79 : (int)length, name);
    for (uint32_t i = 0; i < option_total(c) && count < 62; i++)
        words[count++] = option_at(c, i)->name;
    words[count++] = "help";
    words[count++] = "version";
    const char *near = tool_nearest(word, words, count);
    if (near)
        return tool_fail(TOOL_USAGE, "%s has no option --%s; did you mean --%s?", c->name, word, near);
    return tool_fail(TOOL_USAGE, "%s has no option --%s; see convoke %s --help", c->name, word, c->name);
}

static int take_value(const struct command *c, const struct option *o, const char *value)
{
    switch (o->kind) {
    case OPTION_TEXT:
        *(const char **)o->target = value;
        return TOOL_GO_ON;
    case OPTION_EACH:
    case OPTION_MANY:
        list_add(o->target, value);
        return TOOL_GO_ON;
    case OPTION_COUNT:
        return take_count(c, o, value, o->target);
    case OPTION_COUNTS:
        return take_counts(c, o, value, o->target);
    case OPTION_NUMBER:
        if (!args_number(value, o->target))
            return tool_fail(TOOL_USAGE, "%s --%s wants a number such as 0.5 or 1/255, not '%s'", c->name, o->name, value);
        return TOOL_GO_ON;
    case OPTION_NUMBERS:
        if (!parse_numbers(value, o->target))
            return tool_fail(TOOL_USAGE, "%s --%s wants numbers with commas between, such as 104,117,123 (%d at most), not '%s'",
                             c->name, o->name, NUMBER_LIST, value);
        return TOOL_GO_ON;
    case OPTION_FLAG:
        break;
    }
    return tool_fail(TOOL_USAGE, "%s --%s takes no value", c->name, o->name);
}

/* Takes the option in argv[*at] and its values, leaving *at on the last word taken. */
static int take_option(const struct command *c, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *o = NULL;
    for (uint32_t i = 0; i < option_total(c); i++)
        if (strlen(option_at(c, i)->name) == length && memcmp(option_at(c, i)->name, name, length) == 0)
            o = option_at(c, i);
    if (!o)
        return unknown_option(c, name, length);
    if (equals)
        return take_value(c, o, equals + 1);
    if (o->kind == OPTION_FLAG) {
        *(bool *)o->target = true;
        return TOOL_GO_ON;
    }
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
        return tool_fail(TOOL_USAGE, "%s --%s wants a value: --%s %s", c->name, o->name, o->name, o->value);
    int go_on = take_value(c, o, argv[++*at]);
    while (go_on == TOOL_GO_ON && o->kind == OPTION_MANY && *at + 1 < argc && argv[*at + 1][0] != '-')
        go_on = take_value(c, o, argv[++*at]);
    return go_on;
}

int args_parse(const struct command *c, int argc, char **argv, struct text_list *rest)
{
    bool options = true;
    for (int i = 1; i < argc; i++) { /* help wins over whatever else is wrong */
        if (strcmp(argv[i], "--") == 0)
            break;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(c);
            return TOOL_OK;
        }
    }
    for (int i = 1; i < argc; i++) {
        int go_on = TOOL_GO_ON;
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && strncmp(argv[i], "--", 2) == 0)
            go_on = take_option(c, argc, argv, &i);
        else if (options && argv[i][0] == '-' && argv[i][1])
            go_on = tool_fail(TOOL_USAGE, "%s has no option %s; options begin with two dashes, see convoke %s --help", c->name,
                              argv[i], c->name);
        else
            list_add(rest, argv[i]);
        if (go_on != TOOL_GO_ON)
            return go_on;
    }
    if (rest->count > c->rest_max)
        return tool_fail(TOOL_USAGE, "%s does not know what to do with '%s'; usage: convoke %s %s", c->name,
                         rest->items[c->rest_max], c->name, c->usage);
    if (rest->count < c->rest_min)
        return tool_fail(TOOL_USAGE, "%s wants %s: convoke %s %s", c->name, c->rest_name, c->name, c->usage);
    return TOOL_GO_ON;
}

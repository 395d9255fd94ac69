/* SPDX-License-Identifier: MIT
 * The log: levels, categories, and one line at a time to a sink or to stderr. */
#include "base.h"

#include <pthread.h>
#include <stdarg.h>

#include "convoke/plugin.h"

#define LINE_BYTES 2048

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
static const char *const category_names[] = {"load", "select", "support", "compile", "tune", "exec", "mem"};
#define LEVEL_COUNT ((uint32_t)(sizeof level_names / sizeof level_names[0]))
#define CATEGORY_COUNT ((uint32_t)(sizeof category_names / sizeof category_names[0]))

/* Lines stay whole and sinks need no lock of their own; recursive, since a sink may call the library. */
static pthread_mutex_t line_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

/* Index of the word in names, or count. */
static uint32_t find_word(const char *const *names, uint32_t count, const char *word, size_t length)
{
    uint32_t i = 0;
    while (i < count && (strlen(names[i]) != length || memcmp(names[i], word, length) != 0))
        i++;
    return i;
}

static int32_t fail_word(const char *word, size_t length)
{
    char name[64], shown[160];
    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : (int)sizeof name - 1, word);
    return cvk__fail(CVK_E_ARG,
                     "CONVOKE_LOG: '%s' is neither a level (error, warn, info, debug, trace) nor a category (load, select, "
                     "support, compile, tune, exec, mem)",
                     cvk__text_escape(name, shown, sizeof shown));
}

int32_t cvk__log_init(struct cvk__log *log, const char *spec)
{
    *log = (struct cvk__log){.level = CVK_LOG_WARN, .categories = UINT32_MAX};
    if (!spec || !*spec)
        return CVK_OK;
    uint32_t level = UINT32_MAX, categories = 0;
    for (const char *word = spec;;) {
        size_t length = strcspn(word, ",");
        uint32_t l = find_word(level_names, LEVEL_COUNT, word, length);
        uint32_t c = find_word(category_names, CATEGORY_COUNT, word, length);
        if (l < LEVEL_COUNT)
            level = l;
        else if (c < CATEGORY_COUNT)
            categories |= 1u << c;
        else
            return fail_word(word, length);
        if (!word[length])
            break;
        word += length + 1;
    }
    log->level = level != UINT32_MAX ? level : CVK_LOG_DEBUG; /* who names categories alone wants to see them */
    log->categories = categories ? categories : UINT32_MAX;
    return CVK_OK;
}

/* Categories thin out what is told on request only: errors and warnings always pass, as do unknown categories if all are on. */
static bool wanted(const struct cvk__log *log, uint32_t level, const char *category)
{
    if (level > (log ? log->level : CVK_LOG_WARN))
        return false;
    if (!log || level <= CVK_LOG_WARN || log->categories == UINT32_MAX)
        return true;
    uint32_t c = find_word(category_names, CATEGORY_COUNT, category, strlen(category));
    return c < CATEGORY_COUNT && (log->categories & 1u << c);
}

void cvk__log(const struct cvk__log *log, uint32_t level, const char *category, const char *format, ...)
{
    if (!category)
        category = "";
    if (!wanted(log, level, category))
        return;
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* One line, and nothing that a terminal would obey. */
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    pthread_mutex_lock(&line_lock);
    if (log && log->sink)
        log->sink(log->arg, level, category, text);
    else
        fprintf(stderr, "convoke: %s: %s: %s\n", level < LEVEL_COUNT ? level_names[level] : "trace", category, text);
    pthread_mutex_unlock(&line_lock);
}

/* SPDX-License-Identifier: MIT
 * Tables of text whose columns are as wide as their widest cell. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct table {
    char align[32];
    uint32_t columns;
    char **cells;
    uint32_t count, capacity;
};

struct table *table_create(const char *align)
{
    struct table *t = tool_alloc(1, sizeof *t);
    snprintf(t->align, sizeof t->align, "%s", align);
    t->columns = (uint32_t)strlen(t->align);
    return t;
}

void table_add(struct table *t, const char *format, ...)
{
    char text[1024], safe[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->cells = tool_grow(t->cells, t->capacity, sizeof *t->cells);
    }
    t->cells[t->count++] = tool_copy(tool_escape(text, safe, sizeof safe));
}

/* Characters, not bytes: the bytes that do not continue a UTF-8 character. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

void table_print(const struct table *t, FILE *to)
{
    int widths[sizeof t->align] = {0};
    for (uint32_t i = 0; i < t->count; i++) {
        int w = width_of(t->cells[i]);
        if (w > widths[i % t->columns])
            widths[i % t->columns] = w;
    }
    const char *bold = to == stdout ? tool_colour(TOOL_BOLD) : "", *plain = to == stdout ? tool_colour(TOOL_PLAIN) : "";
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t column = i % t->columns;
        int pad = widths[column] - width_of(t->cells[i]);
        bool last = column == t->columns - 1, right = t->align[column] == 'r';
        fprintf(to, "%s%*s%s", i == 0 ? bold : column ? "  " : "", right ? pad : 0, "", t->cells[i]);
        if (!right && !last)
            fprintf(to, "%*s", pad, "");
        if (last)
            fprintf(to, "%s\n", i == t->columns - 1 ? plain : "");
    }
}

void table_destroy(struct table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

/* SPDX-License-Identifier: MIT
 * Text: a string that grows, names made safe to show, and the distance between words. */
#include "base.h"

#include <stdarg.h>

void cvk__text_add(struct cvk__text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        t->failed = true;
        return;
    }
    uint64_t needed = t->bytes + (uint64_t)length + 1;
    if (needed > t->capacity) {
        uint64_t capacity = t->capacity ? t->capacity : 128;
        while (capacity < needed)
            capacity *= 2;
        char *data = cvk__realloc(CVK__TAG_MISC, t->data, capacity);
        if (!data) {
            t->failed = true;
            return;
        }
        t->data = data;
        t->capacity = capacity;
    }
    va_start(args, format);
    vsnprintf(t->data + t->bytes, (size_t)length + 1, format, args);
    va_end(args);
    t->bytes += (uint64_t)length;
}

void cvk__text_finish(struct cvk__text *t)
{
    cvk__free(t->data);
    *t = (struct cvk__text){0};
}

/* Reads one UTF-8 character; returns its bytes, 0 if it is malformed, overlong, a surrogate or above U+10FFFF. */
static uint32_t utf8_read(const unsigned char *s, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (length <= 1) {
        *code = s[0];
        return length;
    }
    *code = s[0] & (0x7Fu >> length);
    for (uint32_t i = 1; i < length; i++) { /* the NUL at the end is no continuation byte and stops the loop */
        if (s[i] >> 6 != 2)
            return 0;
        *code = *code << 6 | (s[i] & 0x3F);
    }
    bool bad = *code < smallest[length] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF);
    return bad ? 0 : length;
}

/* Characters that would end a quotation, drive a terminal, or turn the direction of the text around them. */
static bool unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == '"' || code == '\'' || code == '\\' || code == 0x200E ||
           code == 0x200F || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

const char *cvk__text_escape(const char *name, char *out, size_t capacity)
{
    if (capacity == 0)
        return "";
    size_t used = 0, fits_dots = 0; /* the longest prefix after which "..." still fits */
    for (const unsigned char *s = (const unsigned char *)(name ? name : ""); *s;) {
        uint32_t code, length = utf8_read(s, &code);
        bool escape = length == 0 || unsafe(code);
        if (length == 0)
            length = 1;
        char piece[20];
        size_t piece_bytes = 0;
        for (uint32_t i = 0; i < length; i++)
            piece_bytes += (size_t)snprintf(piece + piece_bytes, sizeof piece - piece_bytes, escape ? "\\x%02x" : "%c", s[i]);
        if (used + piece_bytes >= capacity) {
            size_t dots = capacity - 1 - fits_dots < 3 ? capacity - 1 - fits_dots : 3;
            memcpy(out + fits_dots, "...", dots);
            used = fits_dots + dots;
            break;
        }
        memcpy(out + used, piece, piece_bytes);
        used += piece_bytes;
        if (used + 3 < capacity)
            fits_dots = used;
        s += length;
    }
    out[used] = 0;
    return out;
}

/* Levenshtein's distance, row by row. Words longer than a name ever is count as wholly different. */
uint32_t cvk__text_distance(const char *a, const char *b)
{
    enum { LONGEST = 127 };
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST)
        return (uint32_t)(rows > columns ? rows : columns);
    uint32_t row[LONGEST + 1];
    for (size_t j = 0; j <= columns; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 1; i <= rows; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= columns; j++) {
            uint32_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[columns];
}

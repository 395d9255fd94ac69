/* SPDX-License-Identifier: MIT
 * Status names and the sentence that each thread keeps of its last failure. */
#include "base.h"

#include <stdarg.h>

/* Fixed, so that telling of a failed allocation needs no memory. */
#define TEXT_BYTES 4096

static _Thread_local char last_text[TEXT_BYTES];

const char *cvk_status_name(int32_t status)
{
    static const char *const names[] = {
        "CVK_OK",       "CVK_E_ARG", "CVK_E_SHAPE", "CVK_E_FORMAT", "CVK_E_LIMIT",     "CVK_E_UNSUPPORTED",
        "CVK_E_MEMORY", "CVK_E_IO",  "CVK_E_ABI",   "CVK_E_DEVICE", "CVK_E_NOT_FOUND",
    };
    if (status > 0 || status <= -(int32_t)(sizeof names / sizeof names[0]))
        return "CVK_E_?";
    return names[-status];
}

const char *cvk_error_text(void)
{
    return last_text;
}

/* Replaces the sentence by head followed by tail; what does not fit ends in "...", never inside a UTF-8 character. */
static void record(const char *head, const char *tail)
{
    char joined[TEXT_BYTES];
    int needed = snprintf(joined, sizeof joined, "%s%s", head, tail);
    if (needed >= (int)sizeof joined) {
        size_t end = sizeof joined - sizeof "...";
        while (end > 0 && ((unsigned char)joined[end] & 0xC0) == 0x80)
            end--;
        memcpy(joined + end, "...", sizeof "...");
    }
    memcpy(last_text, joined, strlen(joined) + 1);
}

/* The arguments may point into the recorded sentence, so they are printed aside before it is replaced. */
int32_t cvk__fail(int32_t status, const char *format, ...)
{
    char text[TEXT_BYTES + 1]; /* one more, so that record() sees that it was cut */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    record(text, "");
    return status;
}

int32_t cvk__fail_in(int32_t status, const char *format, ...)
{
    char text[TEXT_BYTES + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    record(text, last_text);
    return status;
}

void cvk__fail_more(const char *format, ...)
{
    char text[TEXT_BYTES + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    record(last_text, text);
}

/* SPDX-License-Identifier: MIT
 * Errors, memory and text for people: escapes, thousands separators, colours, nearest words. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/whole_file.h"
#include "tool.h"

/* Bytes of the UTF-8 character at s if it is whole, minimal and harmless to a terminal; 0 if it must be escaped. */
static size_t plain_bytes(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7F;
    size_t n = s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : 0;
    if (n == 0)
        return 0;
    uint32_t code = s[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3F);
    }
    if ((n == 3 && (code < 0x800 || (code >= 0xD800 && code < 0xE000))) || (n == 4 && (code < 0x10000 || code > 0x10FFFF)))
        return 0;
    bool control = code < 0xA0; /* C1, which terminals obey */
    bool direction = (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
                     (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF; /* would make a name look like another */
    return control || direction ? 0 : n;
}

const char *tool_escape(const char *text, char *out, size_t capacity)
{
    size_t at = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = plain_bytes(s), need = n ? n : 4;
        if (at + need + 4 > capacity) {
            memcpy(out + at, "...", 4);
            return out;
        }
        if (n) {
            memcpy(out + at, s, n);
            s += n;
        } else {
            static const char digits[] = "0123456789ABCDEF";
            out[at] = '\\';
            out[at + 1] = 'x';
            out[at + 2] = digits[*s >> 4];
            out[at + 3] = digits[*s & 15];
            s++;
        }
        at += need;
    }
    out[at] = '\0';
    return out;
}

static bool progress_shown;

/* Escapes all but line ends, which the library's longer sentences have. */
static void print_lines(const char *lead, const char *text)
{
    tool_progress_done();
    fflush(stdout);
    fputs(lead, stderr);
    char *copy = tool_copy(text);
    for (char *line = copy; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        size_t room = 4 * strlen(line) + 8;
        char *safe = tool_alloc(room, 1);
        fprintf(stderr, "%s\n", tool_escape(line, safe, room));
        free(safe);
        line = end && end[1] ? end + 1 : NULL;
    }
    free(copy);
}

static void print_formatted(const char *lead, const char *format, va_list args)
{
    char text[4096];
    vsnprintf(text, sizeof text, format, args);
    print_lines(lead, text);
}

int tool_fail(int exit_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_formatted("convoke: ", format, args);
    va_end(args);
    return exit_code;
}

int tool_fail_library(const char *what)
{
    const char *why = cvk_error_text();
    if (what && what[0])
        return tool_fail(TOOL_FAILED, "%s: %s", what, why);
    return tool_fail(TOOL_FAILED, "%s", why);
}

void tool_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_formatted("convoke: note: ", format, args);
    va_end(args);
}

void tool_progress(const char *format, ...)
{
    if (!isatty(2))
        return;
    char text[200], safe[200];
    struct winsize size;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tool_escape(text, safe, sizeof safe);
    /* A line that wraps could not be taken back. The bytes of a character that is not ASCII count each. */
    if (ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && strlen(safe) >= size.ws_col) {
        size_t end = size.ws_col - 1u;
        while (end && ((unsigned char)safe[end] & 0xC0) == 0x80)
            end--;
        safe[end] = 0;
    }
    fprintf(stderr, "\r\033[K%s", safe);
    fflush(stderr);
    progress_shown = true;
}

void tool_progress_done(void)
{
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
}

static void *checked(void *memory, size_t count, size_t bytes_each)
{
    if (!memory) {
        fprintf(stderr, "convoke: no memory for %zu times %zu bytes\n", count, bytes_each);
        exit(TOOL_FAILED);
    }
    return memory;
}

void *tool_alloc(size_t count, size_t bytes_each)
{
    return checked(calloc(count ? count : 1, bytes_each ? bytes_each : 1), count, bytes_each);
}

void *tool_grow(void *memory, size_t count, size_t bytes_each)
{
    size_t bytes;
    return checked(__builtin_mul_overflow(count, bytes_each, &bytes) ? NULL : realloc(memory, bytes ? bytes : 1), count,
                   bytes_each);
}

char *tool_copy(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(tool_alloc(bytes, 1), text, bytes);
}

const char *tool_count(uint64_t n, char *out)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *tool_bytes(uint64_t n, char *out)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)n;
    uint32_t unit = 0;
    while (value >= 1024 && unit < 6) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(out, 28, "%llu bytes", (unsigned long long)n);
    else
        snprintf(out, 28, value < 10 ? "%.2f %s" : "%.1f %s", value, units[unit]);
    return out;
}

uint32_t tool_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    uint32_t row[65];
    if (la > 64 || lb > 64)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= lb; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= la; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= lb; j++) {
            uint32_t replace = diagonal + (a[i - 1] != b[j - 1]), other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < other ? replace : other;
        }
    }
    return row[lb];
}

const char *tool_nearest(const char *word, const char *const *words, uint32_t count)
{
    const char *best = NULL;
    uint32_t best_distance = (uint32_t)(strlen(word) / 3 + 2);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = tool_distance(word, words[i]);
        /* A beginning is meant more often than another word of the same distance. */
        if (strlen(word) >= 3 && strncmp(word, words[i], strlen(word)) == 0)
            d = 1;
        if (d < best_distance && d < strlen(words[i])) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}

const char *tool_shape(const struct cvk_tensor_desc *desc, char *text)
{
    return cvk_shape_text(desc->rank, desc->dims, text);
}

bool tool_ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

const char *tool_colour(enum tool_colour colour)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"};
    const char *no = getenv("NO_COLOR");
    return isatty(1) && !(no && no[0]) ? codes[colour] : "";
}

double tool_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int tool_make_folder(const char *folder)
{
    struct stat st;
    char safe[TOOL_TEXT];
    bool there = mkdir(folder, 0777) == 0 || (errno == EEXIST && stat(folder, &st) == 0 && S_ISDIR(st.st_mode));
    if (!there)
        return tool_fail(TOOL_FAILED, "%s: the folder cannot be made: %s", tool_escape(folder, safe, sizeof safe),
                         strerror(errno));
    if (access(folder, W_OK | X_OK) != 0) /* not after the first epoch */
        return tool_fail(TOOL_FAILED, "%s: nothing can be written there: %s", tool_escape(folder, safe, sizeof safe),
                         strerror(errno));
    return TOOL_GO_ON;
}

int tool_save(const char *path, const char *text)
{
    struct cvk__whole_file f;
    if (cvk__whole_file_create(&f, path) != CVK_OK)
        return tool_fail_library("");
    cvk__whole_file_write(&f, text, strlen(text));
    return cvk__whole_file_finish(&f, CVK_OK) == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

/* SPDX-License-Identifier: MIT
 * Whole files and lists of folders, with limits that hold whatever the file system offers. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/whole_file.h"

int32_t cvk__fail_file(int32_t status, const char *path, const char *format, ...)
{
    char text[1024], shown[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cvk__fail(status, "%s '%s': %s", cvk__folder_exists(path) ? "folder" : "file",
                     cvk__text_escape(path, shown, sizeof shown), text);
}

static int32_t read_all(const char *path, int fd, uint64_t limit, uint8_t **data, uint64_t *bytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return cvk__fail_file(CVK_E_IO, path, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode)) /* a pipe or a device could give bytes for ever */
        return cvk__fail_file(CVK_E_IO, path, "not a regular file");
    uint64_t size = (uint64_t)st.st_size;
    if (size > limit)
        return cvk__fail_file(CVK_E_LIMIT, path, "%llu bytes; the limit is %llu", (unsigned long long)size,
                              (unsigned long long)limit);
    *data = cvk__alloc(CVK__TAG_DATA, size + 1);
    if (!*data)
        return cvk__fail_memory(size + 1, "the content of a file");
    while (*bytes < size) {
        ssize_t n = read(fd, *data + *bytes, (size_t)(size - *bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cvk__fail_file(CVK_E_IO, path, "%s after %llu of %llu bytes", n < 0 ? strerror(errno) : "it ends",
                                  (unsigned long long)*bytes, (unsigned long long)size);
        *bytes += (uint64_t)n;
    }
    return CVK_OK;
}

int32_t cvk__file_read(const char *path, uint64_t limit, uint8_t **data, uint64_t *bytes)
{
    *data = NULL;
    *bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* O_NONBLOCK: opening a FIFO must not hang */
    if (fd < 0)
        return cvk__fail_file(CVK_E_IO, path, "%s", strerror(errno));
    int32_t status = read_all(path, fd, limit, data, bytes);
    close(fd);
    if (status != CVK_OK) {
        cvk__free(*data);
        *data = NULL;
    }
    return status;
}

uint64_t cvk__file_peek(const char *path, uint8_t *head, uint64_t room)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, head, room) : 0;
    if (fd >= 0)
        close(fd);
    return n > 0 ? (uint64_t)n : 0;
}

bool cvk__file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool cvk__folder_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int32_t cvk__file_write(const char *path, const void *head, uint64_t head_bytes, const void *data, uint64_t bytes)
{
    struct cvk__whole_file f;
    CVK__TRY(cvk__whole_file_create(&f, path));
    cvk__whole_file_write(&f, head, head_bytes);
    cvk__whole_file_write(&f, data, bytes);
    return cvk__whole_file_finish(&f, CVK_OK);
}

char *cvk__path_join(const char *folder, const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = cvk__alloc(CVK__TAG_DATA, bytes);
    if (path)
        snprintf(path, bytes, "%s%s%s", folder, folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/", name);
    return path;
}

/* ---- lists ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int cvk__name_order(const char *a, const char *b)
{
    const char *p = a, *q = b;
    while (*p && *q) {
        if (!is_digit(*p) || !is_digit(*q)) {
            if (*p != *q)
                return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
            p++;
            q++;
            continue;
        }
        while (*p == '0')
            p++;
        while (*q == '0')
            q++;
        size_t m = strspn(p, "0123456789"), n = strspn(q, "0123456789");
        int order = m != n ? (m < n ? -1 : 1) : strncmp(p, q, m);
        if (order)
            return order;
        p += m;
        q += n;
    }
    return *p || *q ? (*p ? 1 : -1) : strcmp(a, b); /* "01" and "1" differ as texts */
}

static int by_name(const void *a, const void *b)
{
    return cvk__name_order(*(const char *const *)a, *(const char *const *)b);
}

/* What an entry is, where the folder's list does not say it or it is a link. */
static uint32_t kind_of(DIR *dir, const struct dirent *e)
{
    struct stat st;
    if (e->d_type == DT_REG || e->d_type == DT_DIR)
        return e->d_type == DT_REG ? CVK__ENTRY_FILES : CVK__ENTRY_FOLDERS;
    if ((e->d_type != DT_LNK && e->d_type != DT_UNKNOWN) || fstatat(dirfd(dir), e->d_name, &st, 0) != 0)
        return 0;
    return S_ISREG(st.st_mode) ? CVK__ENTRY_FILES : S_ISDIR(st.st_mode) ? CVK__ENTRY_FOLDERS : 0;
}

/* Collects the names one behind the other in `text`, each with its NUL. */
static int32_t collect(DIR *dir, const char *folder, uint32_t kinds, struct cvk__text *text, uint32_t *count)
{
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e)
            return errno ? cvk__fail_file(CVK_E_IO, folder, "%s", strerror(errno)) : CVK_OK;
        if (e->d_name[0] == '.' || !(kind_of(dir, e) & kinds))
            continue;
        if (++*count > CVK__NAMES_MAX)
            return cvk__fail_file(CVK_E_LIMIT, folder, "more than %u entries", CVK__NAMES_MAX);
        cvk__text_add(text, "%s%c", e->d_name, 0);
        if (text->failed)
            return cvk__fail_memory(text->bytes, "the names in a folder");
    }
}

int32_t cvk__names_list(const char *folder, uint32_t kinds, struct cvk__names *out)
{
    *out = (struct cvk__names){0};
    DIR *dir = opendir(folder);
    if (!dir)
        return cvk__fail_file(CVK_E_IO, folder, "%s", strerror(errno));
    struct cvk__text text = {0};
    int32_t status = collect(dir, folder, kinds, &text, &out->count);
    closedir(dir);
    if (status == CVK_OK) {
        out->items = cvk__alloc_array(CVK__TAG_DATA, out->count, sizeof *out->items);
        if (!out->items)
            status = cvk__fail_memory(out->count * sizeof *out->items, "the names in a folder");
    }
    if (status != CVK_OK) {
        cvk__text_finish(&text);
        *out = (struct cvk__names){0};
        return status;
    }
    const char *at = text.data;
    for (uint32_t i = 0; i < out->count; i++, at += strlen(at) + 1)
        out->items[i] = at;
    qsort(out->items, out->count, sizeof *out->items, by_name);
    out->text = text.data;
    return CVK_OK;
}

void cvk__names_finish(struct cvk__names *names)
{
    cvk__free(names->items);
    cvk__free(names->text);
    *names = (struct cvk__names){0};
}

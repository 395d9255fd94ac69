/* SPDX-License-Identifier: MIT
 * External data: the one function that opens a file because a model names it. It must be a plain file with one name, at or below
 * the model's folder, reached without any symbolic link; its bytes are read, never mapped. */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct place {
    const char *location;
    uint64_t offset, length;
    bool has_length;
};

/* A whole number in decimal without sign or blanks; strtoull takes too much. */
static bool parse_number(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (!text[0])
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || !cvk__mul_u64(value, 10, &value) ||
            !cvk__add_u64(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static int32_t read_place(const Onnx__TensorProto *t, struct place *p)
{
    char shown[96];
    for (size_t i = 0; i < t->n_external_data; i++) {
        const char *key = t->external_data[i]->key ? t->external_data[i]->key : "";
        const char *value = t->external_data[i]->value ? t->external_data[i]->value : "";
        bool offset = !strcmp(key, "offset");
        if (!strcmp(key, "location")) {
            if (p->location)
                return cvk__fail(CVK_E_FORMAT, "external data: two locations");
            p->location = value;
        } else if (offset || !strcmp(key, "length")) {
            if (!parse_number(value, offset ? &p->offset : &p->length))
                return cvk__fail(CVK_E_FORMAT, "external data: %s '%s' is no whole number", key,
                                 cvk__text_escape(value, shown, sizeof shown));
            p->has_length |= !offset;
        } else if (strcmp(key, "checksum") && strcmp(key, "basepath")) {
            return cvk__fail(CVK_E_FORMAT, "external data: unknown key '%s'", cvk__text_escape(key, shown, sizeof shown));
        }
    }
    if (!p->location || !p->location[0])
        return cvk__fail(CVK_E_FORMAT, "external data: no location");
    return CVK_OK;
}

static int32_t open_below(int dir, const char *location, int *fd)
{
    char shown[160];
    cvk__text_escape(location, shown, sizeof shown);
    if (location[0] == '/')
        return cvk__fail(CVK_E_FORMAT, "external data '%s': an absolute path; it must be relative to the model's folder", shown);
    /* O_NONBLOCK: a FIFO must not stop us before fstat has seen what it is. */
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long result = syscall(SYS_openat2, dir, location, &how, sizeof how);
    if (result >= 0) {
        *fd = (int)result;
        return CVK_OK;
    }
    if (errno == EXDEV)
        return cvk__fail(CVK_E_FORMAT, "external data '%s': the path leaves the model's folder", shown);
    if (errno == ELOOP)
        return cvk__fail(CVK_E_FORMAT, "external data '%s': a symbolic link in the path", shown);
    if (errno == ENOSYS)
        return cvk__fail(CVK_E_UNSUPPORTED,
                         "external data '%s': this system has no openat2 (Linux 5.6), so the path cannot be checked", shown);
    return cvk__fail(CVK_E_IO, "external data '%s': %s", shown, strerror(errno));
}

static int32_t check_file(int fd, const struct place *p, uint64_t bytes, const char *shown)
{
    struct stat st;
    uint64_t end;
    if (fstat(fd, &st))
        return cvk__fail(CVK_E_IO, "external data '%s': %s", shown, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return cvk__fail(CVK_E_FORMAT, "external data '%s': not a regular file", shown);
    if (st.st_nlink != 1)
        return cvk__fail(CVK_E_FORMAT, "external data '%s': the file has %llu hard links; it must have one name only", shown,
                         (unsigned long long)st.st_nlink);
    if (!cvk__add_u64(p->offset, bytes, &end) || end > (uint64_t)st.st_size)
        return cvk__fail(CVK_E_FORMAT, "external data '%s': %llu bytes at offset %llu, but the file has %llu", shown,
                         (unsigned long long)bytes, (unsigned long long)p->offset, (unsigned long long)st.st_size);
    return CVK_OK;
}

int32_t cvk__onnx_external_read(const struct cvk__onnx_source *source, const Onnx__TensorProto *t, uint64_t bytes, void **data)
{
    *data = NULL;
    struct place p = {0};
    CVK__TRY(read_place(t, &p));
    char shown[160];
    cvk__text_escape(p.location, shown, sizeof shown);
    if (!source->limits.external_data)
        return cvk__fail(CVK_E_UNSUPPORTED,
                         "its data is in the file '%s', and reading files that a model names is off "
                         "(cvk_onnx_limits.external_data turns it on)",
                         shown);
    if (source->dir < 0)
        return cvk__fail(CVK_E_UNSUPPORTED, "its data is in the file '%s', but a model from memory has no folder", shown);
    if (p.has_length && p.length != bytes)
        return cvk__fail(CVK_E_FORMAT, "external data '%s': length %llu, but the dims need %llu bytes", shown,
                         (unsigned long long)p.length, (unsigned long long)bytes);
    int fd = -1;
    CVK__TRY(open_below(source->dir, p.location, &fd));
    int32_t status = check_file(fd, &p, bytes, shown);
    if (status == CVK_OK && !(*data = cvk__alloc_buffer(CVK__TAG_ONNX, bytes)))
        status = cvk__fail_memory(bytes, "external data");
    if (status == CVK_OK && (status = cvk__onnx_read_at(fd, p.offset, *data, bytes)) != CVK_OK)
        cvk__fail_in(status, "external data '%s': ", shown);
    close(fd);
    return status;
}

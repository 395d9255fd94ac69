/* SPDX-License-Identifier: MIT
 * The bytes of a model, in memory or in a file, without a copy of the whole.
 *
 * A file is read, never mapped: a program that shortens a mapped file while we look at it would end us with SIGBUS, and one that
 * changes it could show other bytes after the check than before. So the scan reads everything but the contents of tensors once,
 * through a small window, and keeps what it has checked (struct cvk__onnx_stream.out) for protobuf-c; contents, of which only the
 * length matters, are read later, straight to where they stay. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"

int32_t cvk__onnx_input_open(const char *path, uint64_t limit, struct cvk__onnx_input *out)
{
    char shown[200];
    cvk__text_escape(path, shown, sizeof shown);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* O_NONBLOCK: opening a FIFO must not hang */
    if (fd < 0)
        return cvk__fail(CVK_E_IO, "file '%s': %s", shown, strerror(errno));
    struct stat st;
    int32_t status = CVK_OK;
    if (fstat(fd, &st))
        status = cvk__fail(CVK_E_IO, "file '%s': %s", shown, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = cvk__fail(CVK_E_IO, "file '%s': not a regular file", shown);
    else if ((uint64_t)st.st_size > limit)
        status = cvk__fail(CVK_E_LIMIT, "file '%s': %llu bytes; the limit is %llu", shown, (unsigned long long)st.st_size,
                           (unsigned long long)limit);
    if (status != CVK_OK) {
        close(fd);
        return status;
    }
    *out = (struct cvk__onnx_input){.fd = fd, .bytes = (uint64_t)st.st_size};
    return CVK_OK;
}

void cvk__onnx_input_close(struct cvk__onnx_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
}

int32_t cvk__onnx_read_at(int fd, uint64_t offset, void *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n = pread(fd, (char *)data + done, (size_t)(bytes - done), (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cvk__fail(CVK_E_IO, "%s after %llu of %llu bytes", n < 0 ? strerror(errno) : "the file ended",
                             (unsigned long long)done, (unsigned long long)bytes);
        done += (uint64_t)n;
    }
    return CVK_OK;
}

int32_t cvk__onnx_input_read(const struct cvk__onnx_input *in, uint64_t offset, void *data, uint64_t bytes)
{
    if (offset > in->bytes || bytes > in->bytes - offset)
        return cvk__fail(CVK_E_FORMAT, "%llu bytes at byte %llu, but the model has %llu", (unsigned long long)bytes,
                         (unsigned long long)offset, (unsigned long long)in->bytes);
    if (in->fd < 0) {
        if (bytes)
            memcpy(data, in->memory + offset, (size_t)bytes);
        return CVK_OK;
    }
    int32_t status = cvk__onnx_read_at(in->fd, offset, data, bytes);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "reading at byte %llu: ", (unsigned long long)offset);
}

/* ---- the window and the checked copy ---- */

int32_t cvk__onnx_stream_see(struct cvk__onnx_stream *s, uint64_t offset, uint64_t bytes, const uint8_t **out)
{
    if (s->in->fd < 0) {
        *out = s->in->memory + offset;
        return CVK_OK;
    }
    if (offset < s->begin || offset + bytes > s->end) {
        uint64_t left = s->in->bytes - offset, n = left < sizeof s->window ? left : sizeof s->window;
        s->begin = s->end = 0;
        CVK__TRY(cvk__onnx_input_read(s->in, offset, s->window, n));
        s->begin = offset;
        s->end = offset + n;
    }
    *out = s->window + (offset - s->begin);
    return CVK_OK;
}

int32_t cvk__onnx_stream_put(struct cvk__onnx_stream *s, const void *data, uint64_t bytes)
{
    if (bytes > s->out_capacity - s->out_bytes) {
        uint64_t wanted = s->out_bytes + bytes, capacity = s->out_capacity * 2 > wanted ? s->out_capacity * 2 : wanted + 4096;
        uint8_t *grown = cvk__realloc(CVK__TAG_ONNX, s->out, capacity);
        if (!grown)
            return cvk__fail_memory(capacity, "a model without the contents of its tensors");
        s->out = grown;
        s->out_capacity = capacity;
    }
    if (bytes)
        memcpy(s->out + s->out_bytes, data, (size_t)bytes);
    s->out_bytes += bytes;
    return CVK_OK;
}

int32_t cvk__onnx_stream_pass(struct cvk__onnx_stream *s, uint64_t offset, uint64_t bytes, bool *has_nul)
{
    bool found = false;
    for (uint64_t done = 0; done < bytes;) {
        uint64_t left = bytes - done, n = left < CVK__ONNX_WINDOW ? left : CVK__ONNX_WINDOW;
        const uint8_t *piece;
        /* What is in sight already goes first: a new window would read it again. */
        if (s->in->fd >= 0 && offset + done >= s->begin && offset + done < s->end && n > s->end - (offset + done))
            n = s->end - (offset + done);
        CVK__TRY(cvk__onnx_stream_see(s, offset + done, n, &piece));
        found = found || memchr(piece, 0, (size_t)n);
        CVK__TRY(cvk__onnx_stream_put(s, piece, n));
        done += n;
    }
    if (has_nul)
        *has_nul = found;
    return CVK_OK;
}

void cvk__onnx_stream_finish(struct cvk__onnx_stream *s)
{
    cvk__free(s->out);
    s->out = NULL;
}

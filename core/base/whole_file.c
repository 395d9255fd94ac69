/* SPDX-License-Identifier: MIT
 * A file that is there as a whole or not at all: write beside it, flush, rename, flush the folder. */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int32_t fail_file(const struct cvk__whole_file *f, int error)
{
    char shown[200];
    return cvk__fail(CVK_E_IO, "file '%s': cannot be written: %s", cvk__text_escape(f->path, shown, sizeof shown), strerror(error));
}

/* mkostemps makes files for their owner alone; the permissions shall be those that open would have given. */
static mode_t usual_mode(void)
{
    mode_t mask = 022;
    FILE *f = fopen("/proc/self/status", "re"); /* umask(2) can only be asked by changing it, for all threads */
    char line[128];
    unsigned number;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Umask: %o", &number) == 1)
            mask = (mode_t)number;
    if (f)
        fclose(f);
    return 0666 & ~mask;
}

/* A link is followed, so that its target changes; a device or a pipe has no place that a file could take. */
static int32_t find_place(struct cvk__whole_file *f, mode_t *mode)
{
    struct stat st;
    char *target = NULL;
    *mode = usual_mode();
    if (stat(f->path, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return fail_file(f, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
        *mode = st.st_mode & 0777;
        target = realpath(f->path, NULL);
    }
    f->place = cvk__strdup(CVK__TAG_MISC, target ? target : f->path);
    free(target);
    size_t bytes = f->place ? strlen(f->place) + sizeof ".XXXXXX" CVK__WHOLE_FILE_PART : 0;
    f->beside = cvk__alloc(CVK__TAG_MISC, bytes);
    f->buffer = cvk__alloc(CVK__TAG_MISC, CVK__WHOLE_FILE_BUFFER);
    if (!f->place || !f->beside || !f->buffer)
        return cvk__fail_memory(CVK__WHOLE_FILE_BUFFER, "writing a file");
    snprintf(f->beside, bytes, "%s.XXXXXX" CVK__WHOLE_FILE_PART, f->place);
    return CVK_OK;
}

static void free_file(struct cvk__whole_file *f)
{
    cvk__free(f->place);
    cvk__free(f->beside);
    cvk__free(f->buffer);
}

int32_t cvk__whole_file_create(struct cvk__whole_file *f, const char *path)
{
    mode_t mode;
    *f = (struct cvk__whole_file){.fd = -1, .path = path};
    int32_t status = find_place(f, &mode);
    if (status == CVK_OK) {
        f->fd = mkostemps(f->beside, sizeof CVK__WHOLE_FILE_PART - 1, O_CLOEXEC);
        status = f->fd < 0 ? fail_file(f, errno) : CVK_OK;
    }
    if (status == CVK_OK)
        (void)!fchmod(f->fd, mode);
    else
        free_file(f);
    return status;
}

static void put(struct cvk__whole_file *f, const unsigned char *data, uint64_t bytes)
{
    while (bytes && f->status == CVK_OK) {
        ssize_t n = write(f->fd, data, bytes > (1u << 30) ? 1u << 30 : (size_t)bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            f->status = CVK_E_IO;
            f->error = n < 0 ? errno : ENOSPC;
            return;
        }
        data += n;
        bytes -= (uint64_t)n;
    }
}

void cvk__whole_file_write(struct cvk__whole_file *f, const void *data, uint64_t bytes)
{
    if (bytes > CVK__WHOLE_FILE_BUFFER - f->used) {
        put(f, f->buffer, f->used);
        f->used = 0;
    }
    if (bytes > CVK__WHOLE_FILE_BUFFER) {
        put(f, data, bytes);
    } else if (bytes) {
        memcpy(f->buffer + f->used, data, (size_t)bytes);
        f->used += (uint32_t)bytes;
    }
}

/* So that the new name survives a loss of power; some file systems cannot, which is no failure. */
static void flush_folder(const struct cvk__whole_file *f)
{
    char *slash = strrchr(f->beside, '/');
    if (slash)
        slash[slash == f->beside] = 0;
    int dir = open(slash ? f->beside : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    fsync(dir);
    close(dir);
}

int32_t cvk__whole_file_finish(struct cvk__whole_file *f, int32_t status)
{
    put(f, f->buffer, f->used);
    if (status == CVK_OK && f->status != CVK_OK)
        status = fail_file(f, f->error);
    if (status == CVK_OK && fsync(f->fd))
        status = fail_file(f, errno);
    if (close(f->fd) && status == CVK_OK)
        status = fail_file(f, errno);
    if (status == CVK_OK && rename(f->beside, f->place))
        status = fail_file(f, errno);
    if (status != CVK_OK)
        unlink(f->beside);
    else
        flush_folder(f);
    free_file(f);
    return status;
}

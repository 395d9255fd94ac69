/* SPDX-License-Identifier: MIT
 * Reading through pointers that a stranger gave: the kernel copies, so a bad pointer is an answer and not a crash. */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gate.h"

/* Where a container forbids process_vm_readv: write() to a pipe reports unreadable memory as well. */
static bool copy_through_pipe(char *dst, const char *src, uint64_t bytes)
{
    enum { PIECE = 4096 }; /* always fits into a pipe */
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    bool good = true;
    for (uint64_t done = 0; good && done < bytes; done += PIECE) {
        size_t piece = bytes - done < PIECE ? (size_t)(bytes - done) : PIECE;
        good = write(ends[1], src + done, piece) == (ssize_t)piece && read(ends[0], dst + done, piece) == (ssize_t)piece;
    }
    close(ends[0]);
    close(ends[1]);
    return good;
}

bool cvk__memory_copy(void *dst, const void *src, uint64_t bytes)
{
    if (!src || (uintptr_t)src > UINTPTR_MAX - bytes)
        return false;
    struct iovec local = {dst, (size_t)bytes}, remote = {(void *)(uintptr_t)src, (size_t)bytes};
    ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS))
        return copy_through_pipe(dst, src, bytes);
    return got == (ssize_t)bytes;
}

bool cvk__memory_code(const void *code)
{
    char byte;
    return cvk__memory_copy(&byte, code, 1);
}

enum cvk__memory_text cvk__memory_text(char *dst, uint64_t capacity, const char *src)
{
    enum { PIECE = 64 }; /* divides a page, so an aligned piece is readable as a whole or not at all */
    uint64_t used = 0;
    for (;;) {
        char piece[PIECE];
        uint64_t bytes = PIECE - ((uintptr_t)src + used) % PIECE;
        if (!cvk__memory_copy(piece, src + used, bytes))
            return CVK__TEXT_UNREADABLE;
        for (uint64_t i = 0; i < bytes; i++) {
            if (!piece[i]) {
                dst[used] = 0;
                return CVK__TEXT_OK;
            }
            if ((unsigned char)piece[i] < 0x20 || piece[i] == 0x7f)
                return CVK__TEXT_CONTROL;
            if (used + 1 >= capacity)
                return CVK__TEXT_LONG;
            dst[used++] = piece[i];
        }
    }
}

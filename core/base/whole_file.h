/* SPDX-License-Identifier: MIT
 * Writing a file so that its name never stands for half of it: the bytes go to a file beside it, which takes its place when
 * they are on the disk. */
#ifndef CVK__WHOLE_FILE_H
#define CVK__WHOLE_FILE_H

#include "base.h"

#define CVK__WHOLE_FILE_BUFFER (64u << 10)
#define CVK__WHOLE_FILE_PART ".part" /* the name beside is the file's, a dot, six characters and this */

struct cvk__whole_file {
    int fd;
    int32_t status; /* the first failure of a write */
    int error;      /* its errno */
    uint32_t used;
    const char *path; /* as given, for messages; borrowed */
    char *place;      /* where the file will be, links resolved */
    char *beside;     /* the file that is being written */
    unsigned char *buffer;
};

/* Errors: CVK_E_IO, CVK_E_MEMORY; then there is nothing to finish. */
int32_t cvk__whole_file_create(struct cvk__whole_file *f, const char *path);
/* A failure is told by finish. */
void cvk__whole_file_write(struct cvk__whole_file *f, const void *data, uint64_t bytes);
/* With status CVK_OK the file is flushed to the disk and put in its place; otherwise, and after a failure, it is removed.
 * Returns the status, or what went wrong here. */
int32_t cvk__whole_file_finish(struct cvk__whole_file *f, int32_t status);

#endif

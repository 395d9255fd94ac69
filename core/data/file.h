/* SPDX-License-Identifier: MIT
 * Files and folders of data sets: whole files under a limit, names in an order that people expect, failures that name the
 * file.
 */
#ifndef CVK__FILE_H
#define CVK__FILE_H

#include "../base/base.h"

/* cvk__fail with "file 'PATH': " or "folder 'PATH': " in front, the path made safe to show. */
int32_t cvk__fail_file(int32_t status, const char *path, const char *format, ...) CVK_PRINTF(3, 4);

/* Reads a whole regular file of at most `limit` bytes; a NUL stands behind it. *data is freed with cvk__free. */
int32_t cvk__file_read(const char *path, uint64_t limit, uint8_t **data, uint64_t *bytes);
/* The first bytes of a regular file, at most `room`; how many there are, 0 for whatever cannot be read. */
uint64_t cvk__file_peek(const char *path, uint8_t *head, uint64_t room);
bool cvk__file_exists(const char *path); /* a file, not a folder */
bool cvk__folder_exists(const char *path);
/* Writes a file, head and data one behind the other, whole or not at all. */
int32_t cvk__file_write(const char *path, const void *head, uint64_t head_bytes, const void *data, uint64_t bytes);

/* "folder/name", freed with cvk__free; NULL when there is no memory. */
char *cvk__path_join(const char *folder, const char *name);

#define CVK__NAMES_MAX 10000000u /* entries of one folder */

struct cvk__names {
    const char **items; /* sorted by cvk__name_order */
    uint32_t count;
    char *text; /* where they stand */
};
enum cvk__entry { CVK__ENTRY_FILES = 1, CVK__ENTRY_FOLDERS = 2 };
/* The entries of a folder of these kinds whose names do not begin with a dot. Links count as what they lead to. */
int32_t cvk__names_list(const char *folder, uint32_t kinds, struct cvk__names *out);
void cvk__names_finish(struct cvk__names *names);
/* Numbers in names count as numbers: "cat2" comes before "cat10". */
int cvk__name_order(const char *a, const char *b);

#endif

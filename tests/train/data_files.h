/* SPDX-License-Identifier: MIT
 * What tests of data sets share: a folder of their own, files in it, and sentences of failures. */
#ifndef CVK__DATA_FILES_H
#define CVK__DATA_FILES_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "convoke/convoke.h"

#include <cmocka.h> /* last: it defines a macro fail() */

static char folder[300];

static inline int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/convoke-data-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "folder/NAME" in memory that the next four calls leave alone. */
static inline const char *in_folder(const char *name)
{
    static char paths[5][600];
    static int next;
    char *path = paths[next++ % 5];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Makes a file, and the folders above it. */
static inline void put_file(const char *name, const void *data, size_t bytes)
{
    char path[600];
    snprintf(path, sizeof path, "%s", in_folder(name));
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(path, 0777);
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static inline struct cvk_data *open_data(const char *spec, const char *part)
{
    struct cvk_data *d = NULL;
    if (cvk_data_open(spec, part, &d) != CVK_OK)
        fail_msg("%s: %s", spec, cvk_error_text());
    return d;
}

static inline struct cvk_data_info info_of(const struct cvk_data *d)
{
    struct cvk_data_info info = {0};
    assert_int_equal(cvk_data_get_info(d, &info), CVK_OK);
    return info;
}

/* The set cannot be opened, and the sentence holds `words`. */
static inline void refuse(const char *spec, int32_t status, const char *words)
{
    struct cvk_data *d = NULL;
    int32_t got = cvk_data_open(spec, "train", &d);
    if (got != status || !strstr(cvk_error_text(), words))
        fail_msg("%s: %s, \"%s\"; expected %s and \"%s\"", spec, cvk_status_name(got), cvk_error_text(), cvk_status_name(status),
                 words);
    assert_null(d);
}

static inline int has_feature(const char *name)
{
    return !strstr(cvk_missing_features(), name);
}

#endif

/* SPDX-License-Identifier: MIT
 * What the plugin tests share: contexts without surprises, temporary folders, files copied and damaged. */
#ifndef CONVOKE_TEST_PLUGIN_TEST_H
#define CONVOKE_TEST_PLUGIN_TEST_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "convoke/device.h"

/* A context that finds only what the test gives it, and the backends of the build tree. */
static inline struct cvk_context *test_context(const char *plugin_path)
{
    struct cvk_context *ctx = NULL;
    struct cvk_context_params params = {.threads = 2, .plugin_path = plugin_path ? plugin_path : ""};
    if (cvk_context_create(&params, &ctx) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

/* A folder that only we can write to. */
static inline void test_folder(char path[64])
{
    snprintf(path, 64, "/tmp/convoke-test-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static inline unsigned char *test_read(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    long length = ftell(f);
    rewind(f);
    unsigned char *data = malloc((size_t)length + 1);
    assert_non_null(data);
    *bytes = fread(data, 1, (size_t)length, f);
    data[*bytes] = 0;
    fclose(f);
    return data;
}

static inline void test_write(const char *path, const void *data, size_t bytes)
{
    unlink(path); /* a library that is loaded must not be cut short under its program */
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0)
        fail_msg("cannot write %s", path);
    assert_int_equal(chmod(path, 0755), 0);
}

static inline void test_copy(const char *from, const char *to)
{
    size_t bytes;
    unsigned char *data = test_read(from, &bytes);
    test_write(to, data, bytes);
    free(data);
}

/* The last plugin that the context looked at. */
static inline struct cvk_plugin_entry test_last(const struct cvk_context *ctx)
{
    struct cvk_plugin_entry entry = {0};
    assert_true(cvk_plugin_count(ctx) > 0);
    assert_int_equal(cvk_plugin_get(ctx, cvk_plugin_count(ctx) - 1, &entry), CVK_OK);
    return entry;
}

/* Each word must stand in the text, or must not if it begins with '!'; words are separated by '|'. */
static inline void test_words(const char *text, const char *words)
{
    char list[512];
    snprintf(list, sizeof list, "%s", words);
    for (char *word = strtok(list, "|"); word; word = strtok(NULL, "|"))
        if (!text || (*word == '!' ? strstr(text, word + 1) != NULL : !strstr(text, word)))
            fail_msg("'%s' does not hold for: %s", word, text ? text : "(null)");
}

/* Loads a file that must be refused at this stage, with this status, and with these words in the reason or the fix. */
static inline void test_refused(struct cvk_context *ctx, const char *path, int32_t status, const char *stage, const char *words)
{
    uint32_t before = cvk_plugin_count(ctx);
    int32_t got = cvk_plugin_load(ctx, path);
    if (cvk_plugin_count(ctx) != before + 1)
        fail_msg("%s: no record was added (%s)", path, cvk_error_text());
    struct cvk_plugin_entry entry = test_last(ctx);
    if (got == CVK_OK)
        fail_msg("%s was taken", path);
    if (!entry.stage || strcmp(entry.stage, stage) != 0 || got != status || entry.status != status)
        fail_msg("%s: stage %s, %s; wanted %s, %s: %s", path, entry.stage, cvk_status_name(got), stage, cvk_status_name(status),
                 entry.reason);
    char all[2400];
    snprintf(all, sizeof all, "%s [%s]", entry.reason, entry.fix ? entry.fix : "");
    test_words(all, words);
    test_words(cvk_error_text(), stage);
    assert_null(entry.plugin);
}

#endif

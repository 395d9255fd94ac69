/* SPDX-License-Identifier: MIT
 * What the files of the `convoke` command share: exit codes, sub-commands, errors, text for people. */
#ifndef CONVOKE_TOOL_H
#define CONVOKE_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "convoke/convoke.h"

enum tool_exit {
    TOOL_OK = 0,
    TOOL_FAILED = 1,   /* the work could not be done */
    TOOL_USAGE = 2,    /* the command line is wrong */
    TOOL_MISMATCH = 3, /* --check found another result than expected */
    TOOL_GO_ON = -1    /* not an exit code: nothing to report yet */
};

/* Sub-commands. argv[0] is the sub-command's name; the result is the exit code. */
int cvk_tool_bench(int argc, char **argv);
int cvk_tool_conform(int argc, char **argv);
int cvk_tool_demo(int argc, char **argv);
int cvk_tool_devices(int argc, char **argv);
int cvk_tool_eval(int argc, char **argv);
int cvk_tool_explain(int argc, char **argv);
int cvk_tool_info(int argc, char **argv);
int cvk_tool_run(int argc, char **argv);
int cvk_tool_train(int argc, char **argv);
int cvk_tool_tune(int argc, char **argv);

/* ---- errors (text.c): one sentence on stderr, untrusted text in it shown escaped ---- */
int tool_fail(int exit_code, const char *format, ...) CVK_PRINTF(2, 3); /* returns exit_code */
/* "what: the library's sentence". Returns TOOL_FAILED. */
int tool_fail_library(const char *what);
void tool_warn(const char *format, ...) CVK_PRINTF(1, 2);
/* Progress for people who watch: on stderr, and only if that is a terminal. */
void tool_progress(const char *format, ...) CVK_PRINTF(1, 2);
void tool_progress_done(void); /* clears the line */

/* ---- memory (text.c): zeroed; ends the program with a sentence and TOOL_FAILED when there is none ---- */
void *tool_alloc(size_t count, size_t bytes_each);
void *tool_grow(void *memory, size_t count, size_t bytes_each);
char *tool_copy(const char *text);

/* ---- text (text.c) ---- */
#define TOOL_TEXT 512 /* room for one escaped name */
/* Copies text with control characters, bad UTF-8 and direction marks as \xNN; cut with "..." at capacity; returns out. */
const char *tool_escape(const char *text, char *out, size_t capacity);
/* 14450688 as "14,450,688"; out has at least 28 bytes; returns out. */
const char *tool_count(uint64_t n, char *out);
/* 35120000 as "33.5 MiB"; out has at least 28 bytes; returns out. */
const char *tool_bytes(uint64_t n, char *out);
/* Smallest number of single-character edits from one word to the other. */
uint32_t tool_distance(const char *a, const char *b);
/* The word of the list nearest to `word`, or NULL if none is near enough to be meant. */
const char *tool_nearest(const char *word, const char *const *words, uint32_t count);
/* "1x3x28x28" for a descriptor. text has CVK_SHAPE_TEXT bytes; returns text. */
const char *tool_shape(const struct cvk_tensor_desc *desc, char *text);
bool tool_ends_with(const char *text, const char *end);
/* Makes a folder that files can be written to, unless it is there. TOOL_GO_ON, or TOOL_FAILED after saying why not. */
int tool_make_folder(const char *folder);
/* Writes a file, which takes the place of an older one when it is whole. TOOL_GO_ON, or TOOL_FAILED after saying why not. */
int tool_save(const char *path, const char *text);

enum tool_colour { TOOL_PLAIN, TOOL_BOLD, TOOL_DIM, TOOL_RED, TOOL_GREEN, TOOL_YELLOW };
/* The escape sequence of a colour if stdout is a terminal and NO_COLOR is not set, else "". */
const char *tool_colour(enum tool_colour colour);

/* ---- tables (table.c): columns as wide as their widest cell ---- */
struct table;
/* One letter per column: 'l' left, 'r' right. */
struct table *table_create(const char *align);
void table_add(struct table *t, const char *format, ...) CVK_PRINTF(2, 3); /* the next cell; the text is escaped */
void table_print(const struct table *t, FILE *to);                         /* the first row is the heading */
void table_destroy(struct table *t);

/* ---- clock (text.c) ---- */
double tool_now_ms(void);

#endif

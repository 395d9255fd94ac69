/* SPDX-License-Identifier: MIT
 * The way of a plugin from a file to the list of backends: search, loader, probe, gate. Each can refuse, in words. */
#ifndef CVK__GATE_H
#define CVK__GATE_H

#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../device/backend.h"

/* Who named the file. Files that a user names are inspected in a child process first. */
enum cvk__plugin_source {
    CVK__SOURCE_PATH,      /* CONVOKE_PLUGIN_PATH or cvk_context_params.plugin_path */
    CVK__SOURCE_CALL,      /* cvk_plugin_load */
    CVK__SOURCE_INSTALLED, /* the installed folder */
    CVK__SOURCE_BUILD      /* the build tree that the running object lies in */
};

/* Why a plugin is not taken. Flat, so that a child process can send it through a pipe. */
struct cvk__refusal {
    int32_t status; /* CVK_OK: not refused */
    char stage[16]; /* as in cvk_plugin_entry.stage */
    char reason[1200];
    char fix[400]; /* "" if there is none to offer */
    char name[40]; /* "" until the plugin told */
    char version[72];
};
/* Fills r and returns status; fix may be NULL. */
int32_t cvk__refuse(struct cvk__refusal *r, int32_t status, const char *stage, const char *fix, const char *format, ...)
    CVK_PRINTF(5, 6);

/* ---- search.c ---- */
/* Folder of the build tree's backends if the running object lies in one, else false. reference gets the object's own stat. */
bool cvk__build_backends(char folder[PATH_MAX], struct stat *object);

/* ---- loader.c: files ---- */
struct cvk__plugin_file {
    int folder;          /* descriptor of the checked folder */
    char path[PATH_MAX]; /* real and absolute */
    const char *name;    /* in path */
    struct stat stat;
};
/* Makes the path real, checks owner and mode of folder and file, opens the folder. */
int32_t cvk__plugin_file_open(const char *path, enum cvk__plugin_source source, struct cvk__plugin_file *file,
                              struct cvk__refusal *r);
void cvk__plugin_file_close(struct cvk__plugin_file *file);
/* Checks owner and mode of a folder alone. */
int32_t cvk__plugin_folder_check(const char *path, enum cvk__plugin_source source, struct cvk__refusal *r);
/* Loads the checked file and finds cvk_plugin_query. The library stays loaded for ever. */
int32_t cvk__plugin_file_load(const struct cvk__plugin_file *file, void **library, cvk_plugin_query_fn *query,
                              struct cvk__refusal *r);

/* ---- elf.c ---- */
/* Looks at the file's head without running anything: not ELF, not a shared object, other machine. */
int32_t cvk__elf_check(int fd, const char *path, struct cvk__refusal *r);

/* ---- probe.c ---- */
/* Loads, asks and checks the plugin in a child process. CVK_OK: it may be loaded here. */
int32_t cvk__plugin_probe(struct cvk_context *ctx, const struct cvk__plugin_file *file, struct cvk__refusal *r);

/* ---- memory.c: pointers that a stranger gave ---- */
/* Copies if all of src can be read, else returns false; never faults. */
bool cvk__memory_copy(void *dst, const void *src, uint64_t bytes);
/* True if a function may start there. */
bool cvk__memory_code(const void *code);
enum cvk__memory_text { CVK__TEXT_OK, CVK__TEXT_UNREADABLE, CVK__TEXT_LONG, CVK__TEXT_CONTROL };
/* Copies a text of at most capacity - 1 bytes. */
enum cvk__memory_text cvk__memory_text(char *dst, uint64_t capacity, const char *src);

/* ---- gate.c, tables.c ---- */
/* Asks the plugin and copies what it answers into host-sized tables after checking it. */
int32_t cvk__gate_take(struct cvk_context *ctx, cvk_plugin_query_fn query, struct cvk__backend **out, struct cvk__refusal *r);
void cvk__backend_destroy(struct cvk__backend *backend);
int32_t cvk__gate_rows(struct cvk__backend *b, const struct cvk_plugin *plugin, struct cvk__refusal *r);
int32_t cvk__gate_options(struct cvk__backend *b, const struct cvk_plugin *plugin, struct cvk__refusal *r);
int32_t cvk__gate_device(struct cvk__backend *b, const struct cvk_plugin *plugin, struct cvk__refusal *r);

/* ---- records.c ---- */
/* Takes a file, or records why not. Fails only for lack of memory; *status, if wanted, gets the plugin's fate. */
int32_t cvk__plugin_take(struct cvk_context *ctx, const char *path, enum cvk__plugin_source source, int32_t *fate);
/* Records a path that never became a file. */
int32_t cvk__plugin_record_refusal(struct cvk_context *ctx, const char *path, const struct cvk__refusal *r);

#endif

/* SPDX-License-Identifier: MIT
 * Where plugins are looked for: CONVOKE_PLUGIN_PATH, then the build tree of an uninstalled program or the installed folder.
 * Never the working folder, and nothing relative to it. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include "gate.h"

#define MAX_FILES 256 /* in one folder */
#define MAX_PATH_PARTS 64
#define MAX_PATH_BYTES (256u << 10)
#define BUILD_LEVELS 5 /* folders between a test program and the top of its build tree */
#define JOINED_BYTES (PATH_MAX + NAME_MAX + 2)
#define BUILD_MARK "core/plugin/convoke-build-tree"

/* The file that this code runs from: the library, or a program that it is linked into. */
static bool running_object(char path[PATH_MAX])
{
    Dl_info info;
    void *here, *map = NULL;
    bool (*self)(char[PATH_MAX]) = running_object;
    memcpy(&here, &self, sizeof here);
    if (!dladdr1(here, &info, &map, RTLD_DL_LINKMAP) || !map)
        return false;
    const char *name = ((const struct link_map *)map)->l_name;
    if (!name || !*name) { /* the program itself; what the loader calls it comes from argv[0] and proves nothing */
        ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
        if (length <= 0 || length >= PATH_MAX - 1)
            return false;
        path[length] = 0;
        return path[0] == '/';
    }
    return name[0] == '/' && realpath(name, path);
}

bool cvk__build_backends(char folder[PATH_MAX], struct stat *object)
{
    char path[PATH_MAX], mark[PATH_MAX + sizeof BUILD_MARK];
    if (!running_object(path) || stat(path, object) != 0)
        return false;
    for (uint32_t level = 0; level < BUILD_LEVELS; level++) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return false;
        *slash = 0;
        struct stat st;
        snprintf(mark, sizeof mark, "%s/" BUILD_MARK, path);
        /* A stranger must not be able to turn a folder above us into "our build tree". */
        if (lstat(mark, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
            !(st.st_mode & S_IWOTH)) {
            return snprintf(folder, PATH_MAX, "%s/backends", path) < PATH_MAX;
        }
    }
    return false;
}

static int wanted(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static int32_t note(struct cvk_context *ctx, const char *path, int32_t status, const char *fix, const char *reason)
{
    struct cvk__refusal r = {0};
    cvk__refuse(&r, status, "path", fix, "%s", reason);
    return cvk__plugin_record_refusal(ctx, path, &r);
}

/* All *.so of a folder, in the order of their names. */
static int32_t scan_folder(struct cvk_context *ctx, const char *folder, enum cvk__plugin_source source)
{
    struct cvk__refusal r = {0};
    if (cvk__plugin_folder_check(folder, source, &r) != CVK_OK)
        return cvk__plugin_record_refusal(ctx, folder, &r);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, wanted, alphasort);
    if (count < 0)
        return note(ctx, folder, CVK_E_IO, NULL, strerror(errno));
    int32_t status = CVK_OK;
    for (int i = 0; i < count; i++) {
        char path[JOINED_BYTES];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (status == CVK_OK && i < MAX_FILES)
            status = cvk__plugin_take(ctx, path, source, NULL);
        free(entries[i]); /* scandir's own */
    }
    free(entries);
    if (status == CVK_OK && count > MAX_FILES)
        status = note(ctx, folder, CVK_E_LIMIT, "name the files themselves",
                      "holds more than 256 shared objects; the rest was not looked at");
    return status;
}

/* One part of the path: a folder, or a file. */
static int32_t take_part(struct cvk_context *ctx, const char *part)
{
    if (!*part) /* "$UNSET:/my/folder": elsewhere it would mean the working folder, here it means nothing */
        return CVK_OK;
    if (part[0] != '/')
        return note(ctx, part, CVK_E_ARG, "write full paths in CONVOKE_PLUGIN_PATH, with ':' between them",
                    "is relative, and the working folder is never searched");
    char real[PATH_MAX];
    struct stat st;
    if (realpath(part, real) && stat(real, &st) == 0 && S_ISDIR(st.st_mode))
        return scan_folder(ctx, real, CVK__SOURCE_PATH);
    return cvk__plugin_take(ctx, part, CVK__SOURCE_PATH, NULL);
}

static int32_t scan_path(struct cvk_context *ctx, const char *plugin_path)
{
    if (strlen(plugin_path) > MAX_PATH_BYTES)
        return note(ctx, "CONVOKE_PLUGIN_PATH", CVK_E_LIMIT, "shorten it", "is longer than 256 KiB and was not read");
    uint32_t parts = 0;
    for (const char *at = plugin_path;; at++) {
        char part[PATH_MAX];
        size_t length = strcspn(at, ":");
        int32_t status = CVK_OK;
        if (++parts > MAX_PATH_PARTS)
            return note(ctx, "CONVOKE_PLUGIN_PATH", CVK_E_LIMIT, "use fewer",
                        "has more than 64 parts; the rest was not looked at");
        if (length >= sizeof part) {
            status = note(ctx, "CONVOKE_PLUGIN_PATH", CVK_E_LIMIT, "shorten it", "has a part that is longer than a path can be");
        } else {
            snprintf(part, sizeof part, "%.*s", (int)length, at);
            status = take_part(ctx, part);
        }
        at += length;
        if (status != CVK_OK || !*at)
            return status;
    }
}

/* The build's backends folder has one folder per backend. */
static int32_t scan_build(struct cvk_context *ctx, const char *backends)
{
    struct dirent **entries = NULL;
    int count = scandir(backends, &entries, NULL, alphasort);
    if (count < 0)
        return note(ctx, backends, CVK_E_IO, "build the backends", strerror(errno));
    int32_t status = CVK_OK;
    for (int i = 0; i < count; i++) {
        char folder[JOINED_BYTES];
        struct stat st;
        snprintf(folder, sizeof folder, "%s/%s", backends, entries[i]->d_name);
        if (status == CVK_OK && entries[i]->d_name[0] != '.' && lstat(folder, &st) == 0 && S_ISDIR(st.st_mode))
            status = scan_folder(ctx, folder, CVK__SOURCE_BUILD);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* Beside the library ("libdir/convoke/backends-1"), or where that lies as seen from the command, both of which a moved
 * installation still has; else where the build put it. */
static int32_t scan_installed(struct cvk_context *ctx)
{
    char object[PATH_MAX], beside[PATH_MAX + sizeof CVK__PLUGINS_FROM_COMMAND + 32], real[PATH_MAX] = "", compiled[PATH_MAX];
    if (running_object(object)) {
        *strrchr(object, '/') = 0;
        snprintf(beside, sizeof beside, "%s/convoke/backends-%d", object, CVK_ABI_MAJOR);
        bool found = realpath(beside, real) != NULL;
        if (!found) {
            snprintf(beside, sizeof beside, "%s/%s", object, CVK__PLUGINS_FROM_COMMAND);
            found = realpath(beside, real) != NULL;
        }
        if (found)
            CVK__TRY(scan_folder(ctx, real, CVK__SOURCE_INSTALLED));
        else
            real[0] = 0;
    }
    if (realpath(CVK__PLUGINS_DIR, compiled))
        return strcmp(real, compiled) == 0 ? CVK_OK : scan_folder(ctx, compiled, CVK__SOURCE_INSTALLED);
    if (real[0])
        return CVK_OK;
    return note(ctx, CVK__PLUGINS_DIR, CVK_E_NOT_FOUND, "install Convoke, or name a folder of plugins in CONVOKE_PLUGIN_PATH",
                "the folder of installed backends does not exist");
}

void cvk__plugins_tell_refused(const struct cvk_context *ctx)
{
    uint32_t refused = 0;
    const struct cvk__plugin_record *first = NULL;
    for (uint32_t i = 0; i < ctx->path_plugin_count; i++)
        if (ctx->plugins[i].status != CVK_OK && ++refused == 1)
            first = &ctx->plugins[i];
    if (refused == 1)
        cvk__log(&ctx->log, CVK_LOG_WARN, "load", "of CONVOKE_PLUGIN_PATH, %s was refused: %s", first->path, first->reason);
    else if (refused)
        cvk__log(&ctx->log, CVK_LOG_WARN, "load", "of CONVOKE_PLUGIN_PATH, %s and %u more were refused; `convoke devices --why` tells why",
                 first->path, refused - 1);
}

int32_t cvk__plugins_scan(struct cvk_context *ctx, const char *plugin_path)
{
    if (!plugin_path)
        plugin_path = cvk__getenv("CONVOKE_PLUGIN_PATH");
    if (plugin_path && *plugin_path) {
        CVK__TRY(scan_path(ctx, plugin_path));
        ctx->path_plugin_count = ctx->plugin_count;
    }
    char backends[PATH_MAX];
    struct stat object;
    return cvk__build_backends(backends, &object) ? scan_build(ctx, backends) : scan_installed(ctx);
}

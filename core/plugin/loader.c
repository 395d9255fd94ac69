/* SPDX-License-Identifier: MIT
 * From a path to a loaded library: owner and mode, then dlopen through the descriptor of the folder that was checked.
 *
 * Loading by /proc/PID/fd/FOLDER/NAME closes the gap between check and use: only root or the user can write to that folder, and
 * nobody can put another folder in its place any more. The folder's descriptor and not the file's, so that $ORIGIN works in a
 * plugin; and it stays open, so that debuggers and sanitizers find the plugin's symbols. Libraries are never closed: their
 * threads and destructors would outlive their code. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "gate.h"

/* Folders that plugins were loaded from, open as long as the process lives; what does not fit is closed after loading. */
#define KEPT_FOLDERS 32
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    dev_t dev;
    ino_t ino;
    int fd;
} kept[KEPT_FOLDERS];
static uint32_t kept_count;

/* Nobody but root and the user may change it. In a build tree the group may, if it may change the running program as well. */
static int32_t check_owner(const char *path, const struct stat *st, enum cvk__plugin_source source, struct cvk__refusal *r)
{
    char fix[300];
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        snprintf(fix, sizeof fix, "copy it to a folder of your own, or have it installed by root");
        return cvk__refuse(r, CVK_E_IO, "path", fix, "%s belongs to user %u, neither to root nor to you (user %u)", path,
                           (unsigned)st->st_uid, (unsigned)geteuid());
    }
    mode_t loose = st->st_mode & (S_IWGRP | S_IWOTH);
    struct stat object;
    char folder[PATH_MAX];
    if (loose == S_IWGRP && source == CVK__SOURCE_BUILD && cvk__build_backends(folder, &object) && object.st_mode & S_IWGRP &&
        object.st_gid == st->st_gid)
        loose = 0;
    if (!loose)
        return CVK_OK;
    snprintf(fix, sizeof fix, "chmod go-w '%.250s'", path);
    return cvk__refuse(r, CVK_E_IO, "path", fix,
                       "%s can be written by %s (mode %04o): whoever can write there could run code as you", path,
                       loose & S_IWOTH ? "everyone" : "its whole group", (unsigned)(st->st_mode & 07777));
}

int32_t cvk__plugin_folder_check(const char *path, enum cvk__plugin_source source, struct cvk__refusal *r)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return cvk__refuse(r, CVK_E_IO, "path", NULL, "%s: %s", path, strerror(errno));
    return check_owner(path, &st, source, r);
}

static int32_t real_path(const char *path, char *real, struct cvk__refusal *r)
{
    if (!strchr(path, '/')) /* dlopen would look for such a name in the system's folders */
        return cvk__refuse(r, CVK_E_ARG, "path", "write the path: /full/path/to/the/plugin.so, or ./plugin.so",
                           "'%s' is a bare name, not a path", path);
    if (realpath(path, real))
        return CVK_OK;
    bool absent = errno == ENOENT || errno == ENOTDIR;
    real[0] = 0; /* realpath leaves the part that it could follow */
    return cvk__refuse(r, absent ? CVK_E_NOT_FOUND : CVK_E_IO, "path", absent ? "correct the path, or build the plugin" : NULL,
                       absent ? "%s does not exist (%s)" : "%s cannot be reached: %s", path, strerror(errno));
}

int32_t cvk__plugin_file_open(const char *path, enum cvk__plugin_source source, struct cvk__plugin_file *file,
                              struct cvk__refusal *r)
{
    memset(file, 0, sizeof *file);
    file->folder = -1;
    if (real_path(path, file->path, r) != CVK_OK)
        return r->status;
    char folder[PATH_MAX];
    char *slash = strrchr(file->path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash > file->path ? (int)(slash - file->path) : 1, file->path);
    file->name = slash + 1;
    file->folder = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (file->folder < 0 || fstat(file->folder, &st) != 0)
        return cvk__refuse(r, CVK_E_IO, "path", NULL, "folder %s cannot be opened: %s", folder, strerror(errno));
    if (check_owner(folder, &st, source, r) != CVK_OK)
        return r->status;
    if (fstatat(file->folder, file->name, &file->stat, AT_SYMLINK_NOFOLLOW) != 0)
        return cvk__refuse(r, CVK_E_IO, "path", NULL, "%s cannot be reached: %s", file->path, strerror(errno));
    if (!S_ISREG(file->stat.st_mode))
        return cvk__refuse(r, CVK_E_IO, "path", NULL, "%s is no ordinary file", file->path);
    return check_owner(file->path, &file->stat, source, r);
}

void cvk__plugin_file_close(struct cvk__plugin_file *file)
{
    if (file->folder >= 0)
        close(file->folder);
    file->folder = -1;
}

/* The descriptor to load through: one for each folder, kept. *temporary tells that the caller closes it after loading. */
static int keep_folder(int fd, bool *temporary)
{
    struct stat st, now;
    *temporary = false;
    if (fstat(fd, &st) != 0)
        return -1;
    pthread_mutex_lock(&kept_lock);
    int found = -1;
    for (uint32_t i = 0; i < kept_count && found < 0; i++) {
        /* A program may have closed descriptors that it did not know: what stands there now may be something else. */
        if (kept[i].dev == st.st_dev && kept[i].ino == st.st_ino && fstat(kept[i].fd, &now) == 0 && now.st_dev == st.st_dev &&
            now.st_ino == st.st_ino)
            found = kept[i].fd;
    }
    if (found < 0) {
        found = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        *temporary = found >= 0 && kept_count == KEPT_FOLDERS;
        if (found >= 0 && !*temporary) {
            kept[kept_count].dev = st.st_dev;
            kept[kept_count].ino = st.st_ino;
            kept[kept_count++].fd = found;
        }
    }
    pthread_mutex_unlock(&kept_lock);
    return found;
}

/* The loader takes a known name for a known library without looking, and descriptors are used again: so every load spells the
 * same path in its own way, with the bits of a counter as "./" and ".//". */
static void unique_path(char *text, size_t capacity, int folder, const char *name)
{
    static atomic_uint loads;
    uint32_t number = atomic_fetch_add(&loads, 1);
    size_t used = (size_t)snprintf(text, capacity, "/proc/%d/fd/%d/", (int)getpid(), folder);
    for (uint32_t bit = 0; bit < 32; bit++)
        used += (size_t)snprintf(text + used, capacity - used, number >> bit & 1 ? ".//" : "./");
    snprintf(text + used, capacity - used, "%s", name);
}

/* Puts the path that people know in place of the one that was loaded, and keeps to one line. */
static void readable(char *out, size_t capacity, const char *text, const char *loaded, const char *path)
{
    const char *at = strstr(text, loaded);
    if (at)
        snprintf(out, capacity, "%.*s%.900s%s", (int)(at - text), text, path, at + strlen(loaded));
    else
        snprintf(out, capacity, "%s", text);
}

/* Tells a missing dependency, which the loader names first, from every other reason. */
static int32_t refuse_dlopen(const struct cvk__plugin_file *file, const char *text, struct cvk__refusal *r)
{
    static const char *const absent[] = {": cannot open shared object file", ": cannot open: No such file"};
    static const char musl[] = "Error loading shared library ";
    const char *name = text, *end = NULL;
    for (uint32_t i = 0; i < sizeof absent / sizeof absent[0] && !end; i++)
        end = strstr(text, absent[i]);
    if (strncmp(text, musl, sizeof musl - 1) == 0) {
        name = text + sizeof musl - 1;
        end = strchr(name, ':');
    }
    if (end && strncmp(name, file->path, strlen(file->path)) != 0) {
        char fix[400];
        snprintf(fix, sizeof fix,
                 "install what provides %.*s, or put it where the loader looks ('ldd %.200s' lists what is missing)",
                 (int)(end - name > 100 ? 100 : end - name), name, file->path);
        return cvk__refuse(r, CVK_E_IO, "dlopen", fix, "missing dependency: %.*s, which the plugin %s needs, was not found (%s)",
                           (int)(end - name), name, file->path, text);
    }
    if (strstr(text, "undefined symbol") || strstr(text, "symbol not found"))
        return cvk__refuse(r, CVK_E_IO, "dlopen",
                           "link the plugin with -Wl,-z,defs and everything it uses; the library exports nothing to it",
                           "unresolved symbol: %s", text);
    return cvk__refuse(r, CVK_E_IO, "dlopen", NULL, "the loader refuses %s: %s", file->path, text);
}

int32_t cvk__plugin_file_load(const struct cvk__plugin_file *file, void **library, cvk_plugin_query_fn *query,
                              struct cvk__refusal *r)
{
    int fd = openat(file->folder, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int32_t status =
            cvk__refuse(r, CVK_E_IO, "path", "make the file readable", "%s cannot be opened: %s", file->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    bool same = st.st_dev == file->stat.st_dev && st.st_ino == file->stat.st_ino;
    int32_t status = same ? cvk__elf_check(fd, file->path, r)
                          : cvk__refuse(r, CVK_E_IO, "path", NULL, "%s was replaced while it was being checked", file->path);
    close(fd);
    if (status != CVK_OK)
        return status;

    bool temporary;
    int folder = keep_folder(file->folder, &temporary);
    if (folder < 0)
        return cvk__refuse(r, CVK_E_IO, "dlopen", NULL, "no file descriptor for %s: %s", file->path, strerror(errno));
    char loaded[PATH_MAX + 160], text[1024];
    unique_path(loaded, sizeof loaded, folder, file->name);
    *library = dlopen(loaded, RTLD_NOW | RTLD_LOCAL);
    if (!*library) {
        const char *why = dlerror();
        readable(text, sizeof text, why ? why : "no reason given", loaded, file->path);
        status = access("/proc/self/fd", X_OK) != 0
                     ? cvk__refuse(r, CVK_E_IO, "dlopen", "mount /proc",
                                   "plugins are loaded through /proc, which is not there: %s", text)
                     : refuse_dlopen(file, text, r);
    }
    if (temporary)
        close(folder);
    if (status != CVK_OK)
        return status;

    void *symbol = dlsym(*library, "cvk_plugin_query");
    memcpy(query, &symbol, sizeof symbol); /* C has no cast from an object pointer to a function pointer */
    if (!symbol)
        return cvk__refuse(
            r, CVK_E_ABI, "symbol",
            "if it is a plugin, define CVK_EXPORT int32_t cvk_plugin_query(...) in C; if not, take it out of the path",
            "%s is a shared object but exports no cvk_plugin_query", file->path);
    return CVK_OK;
}

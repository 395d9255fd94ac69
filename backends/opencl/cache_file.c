/* SPDX-License-Identifier: MIT
 * Finding, checking, making and mending the cache's database file.
 *
 * The journal is SQLite's rollback journal: write-ahead logging needs memory shared between processes, which network folders do not
 * have, and cannot read from a folder that it cannot write to. Nothing waits for the disk: what a power failure tears is noticed by
 * SQLite or by the checksum of each entry, and can be made again. A damaged file of ours is emptied in place, under SQLite's locks:
 * were it deleted while others use it, their journal could be taken for that of the new file. */
#include "cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 0x43564b43 /* "CVKC" */
#define SCHEMA_VERSION 1
/* Programs have many pages each; room that is given up goes back to the system. */
#define SHAPE "PRAGMA page_size = 16384; PRAGMA auto_vacuum = FULL;"
#define TEXT(number) TEXT_(number)
#define TEXT_(number) #number
#define PATIENCE_NS 2000000000ull
#define HURRY_NS 60000000000ull

/* What is in the file. */
enum content { OURS, EMPTY, OTHER_VERSION, DAMAGED, NOT_SQLITE, FOREIGN, UNREADABLE };

static const char schema[] =
    SHAPE "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS programs(key TEXT PRIMARY KEY NOT NULL, bytes INTEGER NOT NULL, hash INTEGER NOT NULL,"
    " used INTEGER NOT NULL, binary BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS programs_by_age ON programs(used, bytes);"
    "CREATE TABLE IF NOT EXISTS notes(scope TEXT NOT NULL, key TEXT NOT NULL, hash INTEGER NOT NULL, text TEXT NOT NULL,"
    " PRIMARY KEY(scope, key)) WITHOUT ROWID;"
    "PRAGMA application_id = " TEXT(APPLICATION_ID) ";"
    "PRAGMA user_version = " TEXT(SCHEMA_VERSION) ";"
    "COMMIT";

/* A file that is being made or mended by one thread is not looked at by another. SQLite's locks are the process's, so closing a file
 * that was opened by other means would drop them. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

void ocl_cache_tell(struct ocl_cache_file *f, enum ocl_cache_cause cause, uint32_t level, const char *format, ...)
{
    if (f->told & 1u << cause)
        return;
    f->told |= 1u << cause;
    char text[PATH_MAX + 512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    f->host->log(f->host, level, "compile", text);
}

#define REFUSE(f, level, ...) (ocl_cache_tell(f, OCL_CACHE_LOCATION, level, "no program cache: " __VA_ARGS__), false)

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

/* Makes the folder and those above it. */
static bool make_folder(struct ocl_cache_file *f, char *path, uint32_t level)
{
    struct stat above = {0}, st;
    if (stat(path, &st) == 0)
        return true;
    for (char *at = path; at; ) {
        at = strchr(at + 1, '/');
        if (at)
            *at = 0;
        bool made = stat(path, &st) == 0;
        /* In somebody's home, root would make what its owner cannot use later. */
        if (!made && geteuid() == 0 && above.st_uid != 0)
            return REFUSE(f, level, "%s is missing, and root makes no folder in that of user %u", path, (unsigned)above.st_uid);
        if (!made && mkdir(path, 0700) != 0 && errno != EEXIST)
            return REFUSE(f, level, "%s cannot be made (%s); CONVOKE_CACHE_DIR can name another folder", path, strerror(errno));
        if (!made && stat(path, &st) != 0)
            return REFUSE(f, level, "%s: %s", path, strerror(errno));
        above = st;
        if (at)
            *at = '/';
    }
    return true;
}

/* What is loaded from there runs as code: nobody but the user and root may have put it there. */
static bool trusted(struct ocl_cache_file *f, const char *path, const struct stat *st)
{
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return REFUSE(f, CVK_LOG_WARN, "%s belongs to user %u, neither to root nor to you (user %u)", path, (unsigned)st->st_uid,
                      (unsigned)geteuid());
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return REFUSE(f, CVK_LOG_WARN, "%s can be written by %s (mode %04o): chmod go-w", path,
                      st->st_mode & S_IWOTH ? "everyone" : "its whole group", (unsigned)(st->st_mode & 07777));
    return true;
}

/* Sets f->folder and f->path. A folder that the user named and that cannot be had is a warning, the usual place is not. */
static bool find_folder(struct ocl_cache_file *f)
{
    const char *named = secure_getenv("CONVOKE_CACHE_DIR"), *base = secure_getenv("XDG_CACHE_HOME"), *below = "/convoke";
    char wanted[PATH_MAX];
    struct stat st;
    uint32_t level = named && *named ? CVK_LOG_WARN : CVK_LOG_INFO;
    if (named && strcmp(named, "off") == 0)
        return REFUSE(f, CVK_LOG_DEBUG, "CONVOKE_CACHE_DIR=off");
    if (named && *named) {
        if (*named != '/')
            return REFUSE(f, level, "CONVOKE_CACHE_DIR=%s is no full path", named);
        base = named;
        below = "";
    } else if (!base || *base != '/') { /* as the XDG rules have it, what is relative counts as unset */
        base = secure_getenv("HOME");
        below = "/.cache/convoke";
        if (!base || *base != '/' || stat(base, &st) != 0) /* many a service has a home that is not to be */
            return REFUSE(f, level, "HOME names no folder; CONVOKE_CACHE_DIR can name one");
    }
    if (snprintf(wanted, sizeof wanted, "%s%s", base, below) >= (int)sizeof wanted)
        return REFUSE(f, level, "the name of its folder has more than %d bytes", PATH_MAX - 1);
    if (!make_folder(f, wanted, level))
        return false;
    if (!realpath(wanted, f->folder) || stat(f->folder, &st) != 0)
        return REFUSE(f, level, "%s: %s", wanted, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return REFUSE(f, level, "%s is no folder", wanted);
    snprintf(f->path, sizeof f->path, "%s/opencl.db", f->folder);
    return trusted(f, f->folder, &st);
}

/* ---- the file -------------------------------------------------------------------------------------------------------- */

/* SQLite would make it readable for others. */
static bool make_file(struct ocl_cache_file *f)
{
    int fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == EEXIST;
}

static bool find_file(struct ocl_cache_file *f)
{
    struct stat st;
    f->read_only = faccessat(AT_FDCWD, f->folder, W_OK | X_OK, AT_EACCESS) != 0;
    if (lstat(f->path, &st) != 0) {
        if (errno != ENOENT || f->read_only || !make_file(f) || lstat(f->path, &st) != 0)
            return REFUSE(f, CVK_LOG_INFO, "%s: %s", f->path, errno == ENOENT ? "the folder can only be read" : strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return REFUSE(f, CVK_LOG_WARN, "%s is no plain file", f->path);
    f->read_only = f->read_only || faccessat(AT_FDCWD, f->path, W_OK, AT_EACCESS) != 0;
    return trusted(f, f->path, &st);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A process that was stopped while it wrote must not cost two seconds for each program: after a wait in vain there is none for a while. */
static int wait_for_others(void *arg, int times)
{
    struct ocl_cache_file *f = arg;
    uint64_t now = now_ns();
    if (times == 0)
        f->wait_ns = now;
    if (f->no_wait || now < f->hurry_ns)
        return 0;
    if (now - f->wait_ns >= PATIENCE_NS) {
        f->hurry_ns = now + HURRY_NS;
        return 0;
    }
    struct timespec pause = {.tv_nsec = 250000l << (times < 6 ? times : 6)};
    nanosleep(&pause, NULL);
    return 1;
}

static int connect_file(struct ocl_cache_file *f)
{
    int flags = (f->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_NOFOLLOW;
    int rc = sqlite3_open_v2(f->path, &f->db, flags, "unix");
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(f->db, 1);
    sqlite3_busy_handler(f->db, wait_for_others, f);
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return SQLITE_OK;
}

/* Takes effect only where the schema can be read. A file that is mapped and that somebody shortens would be a signal. */
static int configure(struct ocl_cache_file *f)
{
    return sqlite3_exec(f->db, "PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA cell_size_check=ON;"
                               "PRAGMA secure_delete=OFF", NULL, NULL, NULL);
}

static int read_number(sqlite3 *db, const char *sql, int64_t *number)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        *number = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    int end = sqlite3_finalize(s);
    return rc == SQLITE_OK ? end : rc;
}

/* What the first bytes say of a file that SQLite refuses. Read through SQLite's own descriptor (see `opening`). */
static enum content read_head(sqlite3 *db)
{
    unsigned char head[100] = {0};
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file || !file->pMethods)
        return UNREADABLE;
    int rc = file->pMethods->xRead(file, head, sizeof head, 0);
    if (rc == SQLITE_IOERR_SHORT_READ || (rc == SQLITE_OK && memcmp(head, "SQLite format 3", 16) != 0))
        return NOT_SQLITE;
    if (rc != SQLITE_OK)
        return UNREADABLE;
    uint32_t application = (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 | head[71];
    return application == APPLICATION_ID ? DAMAGED : FOREIGN;
}

static enum content look(struct ocl_cache_file *f, int *rc)
{
    int64_t application = 0, version = 0, objects = 0;
    *rc = connect_file(f);
    if (*rc == SQLITE_OK) /* all of it from one moment: another process may be making the file */
        *rc = sqlite3_exec(f->db, "BEGIN", NULL, NULL, NULL);
    if (*rc == SQLITE_OK)
        *rc = read_number(f->db, "PRAGMA application_id", &application);
    if (*rc == SQLITE_OK)
        *rc = read_number(f->db, "PRAGMA user_version", &version);
    if (*rc == SQLITE_OK && application == 0)
        *rc = read_number(f->db, "SELECT count(*) FROM sqlite_schema", &objects);
    sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL);
    if (*rc == SQLITE_OK)
        *rc = configure(f);
    if (*rc == SQLITE_NOTADB || (*rc & 0xff) == SQLITE_CORRUPT)
        return read_head(f->db);
    if (*rc != SQLITE_OK)
        return UNREADABLE;
    if (application == APPLICATION_ID)
        return version == SCHEMA_VERSION ? OURS : OTHER_VERSION;
    return application || version || objects ? FOREIGN : EMPTY;
}

/* Empties a file of ours, whatever is left of it. Without a journal: there is nothing to go back to. */
static int empty_file(struct ocl_cache_file *f)
{
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
    configure(f);
    sqlite3_exec(f->db, SHAPE "PRAGMA journal_mode=OFF", NULL, NULL, NULL);
    int rc = sqlite3_exec(f->db, "VACUUM", NULL, NULL, NULL);
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
    sqlite3_exec(f->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    return rc;
}

/* Renames what is no database, since it may be somebody's own file. The lock is for several that find it at once. */
static bool move_aside(struct ocl_cache_file *f)
{
    char other[sizeof f->path + 16];
    int rc, folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool moved = false;
    if (folder < 0 || (flock(folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK))
        goto end;
    ocl_cache_file_close(f);
    if (look(f, &rc) == NOT_SQLITE) {
        ocl_cache_file_close(f);
        snprintf(other, sizeof other, "%s.damaged", f->path);
        moved = rename(f->path, other) == 0;
        snprintf(other, sizeof other, "%s-journal", f->path);
        unlink(other);
    } else {
        moved = true; /* by another process */
    }
    moved = moved && make_file(f);
end:
    ocl_cache_file_close(f);
    if (folder >= 0)
        close(folder);
    return moved;
}

/* Opens the file and brings it into order. */
static bool take_file(struct ocl_cache_file *f, bool damaged)
{
    int rc;
    enum content content = look(f, &rc);
    if (content == OURS && damaged)
        content = DAMAGED;
    if (content == NOT_SQLITE && !f->read_only) {
        ocl_cache_tell(f, OCL_CACHE_DAMAGED, CVK_LOG_WARN, "program cache: %s is no database: it is now %s.damaged, a new one is made",
                       f->path, f->path);
        content = move_aside(f) ? look(f, &rc) : UNREADABLE;
    }
    if ((content == DAMAGED || content == OTHER_VERSION) && !f->read_only) {
        ocl_cache_tell(f, OCL_CACHE_DAMAGED, content == DAMAGED ? CVK_LOG_WARN : CVK_LOG_INFO, "program cache: %s is %s: begun anew",
                       f->path, content == DAMAGED ? "damaged" : "of another version of Convoke");
        rc = empty_file(f);
        content = rc == SQLITE_OK ? EMPTY : UNREADABLE;
    }
    if (content == EMPTY && !f->read_only) {
        rc = sqlite3_exec(f->db, schema, NULL, NULL, NULL);
        content = rc == SQLITE_OK ? OURS : UNREADABLE;
    }
    if (content == OURS)
        return true;
    ocl_cache_file_close(f);
    static const char *const reasons[UNREADABLE + 1] = {
        [EMPTY] = "it is empty and can only be read", [OTHER_VERSION] = "it is of another version of Convoke and can only be read",
        [DAMAGED] = "it is damaged and can only be read", [NOT_SQLITE] = "it is no database and can only be read",
        [FOREIGN] = "it is a database of another program and left alone; delete it, or let CONVOKE_CACHE_DIR name another folder"};
    return REFUSE(f, content == FOREIGN ? CVK_LOG_WARN : CVK_LOG_INFO, "%s: %s", f->path,
                  reasons[content] ? reasons[content] : sqlite3_errstr(rc));
}

bool ocl_cache_file_open(struct ocl_cache_file *f)
{
    pthread_mutex_lock(&opening);
    bool taken = find_folder(f) && find_file(f) && take_file(f, false);
    pthread_mutex_unlock(&opening);
    return taken;
}

void ocl_cache_file_rebuild(struct ocl_cache_file *f)
{
    pthread_mutex_lock(&opening);
    ocl_cache_file_close(f);
    take_file(f, true);
    pthread_mutex_unlock(&opening);
}

void ocl_cache_file_close(struct ocl_cache_file *f)
{
    sqlite3_close(f->db);
    f->db = NULL;
}

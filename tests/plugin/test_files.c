/* SPDX-License-Identifier: MIT
 * What the loader says of paths and files: absent, damaged, foreign, of doubtful owners; and which places are searched. */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/wait.h>

#include "plugin_test.h"

#define GOOD PLUGINS_DIR "/async.so"

struct place {
    char folder[64], file[96];
    struct cvk_context *ctx;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    test_folder(p->folder);
    snprintf(p->file, sizeof p->file, "%s/mine.so", p->folder);
    p->ctx = test_context(NULL);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    cvk_context_destroy(p->ctx);
    unlink(p->file);
    rmdir(p->folder);
    free(p);
    return 0;
}

static void test_good(void **state)
{
    struct place *p = *state;
    test_copy(GOOD, p->file);
    if (cvk_plugin_load(p->ctx, p->file) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    struct cvk_plugin_entry e = test_last(p->ctx);
    assert_string_equal(e.path, p->file);
    assert_string_equal(e.name, "async");
    assert_string_equal(e.version, "1.0");
    assert_int_equal(e.status, CVK_OK);
    assert_null(e.stage);
    assert_null(e.reason);
    assert_int_equal(e.plugin->kernel_count, 5);
}

static void test_paths(void **state)
{
    struct place *p = *state;
    test_refused(p->ctx, p->file, CVK_E_NOT_FOUND, "path", "mine.so|does not exist");
    test_refused(p->ctx, "mine.so", CVK_E_ARG, "path", "bare name|./plugin.so");
    test_refused(p->ctx, "/dev/null/mine.so", CVK_E_NOT_FOUND, "path", "does not exist");
    test_refused(p->ctx, p->folder, CVK_E_IO, "path", "can be written by everyone|/tmp"); /* its folder is /tmp */
    assert_int_equal(mkfifo(p->file, 0600), 0);
    test_refused(p->ctx, p->file, CVK_E_IO, "path", "no ordinary file");
    assert_int_equal(cvk_plugin_load(p->ctx, NULL), CVK_E_ARG);
    assert_int_equal(cvk_plugin_load(NULL, p->file), CVK_E_ARG);
    assert_int_equal(cvk_plugin_load(p->ctx, ""), CVK_E_ARG);
}

/* Up to where the loader maps the file; what follows are names and debug information. */
static size_t loaded_bytes(const unsigned char *data)
{
    const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)data;
    const ElfW(Phdr) *parts = (const ElfW(Phdr) *)(data + head->e_phoff);
    size_t end = 0;
    for (uint32_t i = 0; i < head->e_phnum; i++)
        if (parts[i].p_type == PT_LOAD && parts[i].p_offset + parts[i].p_filesz > end)
            end = parts[i].p_offset + parts[i].p_filesz;
    return end;
}

static void test_damaged(void **state)
{
    struct place *p = *state;
    test_write(p->file, "", 0);
    test_refused(p->ctx, p->file, CVK_E_FORMAT, "dlopen", "not an ELF file|0 bytes");
    test_write(p->file, "#!/bin/sh\nexit 0 # and so on\n", 29);
    test_refused(p->ctx, p->file, CVK_E_FORMAT, "dlopen", "not an ELF file");
    size_t bytes;
    unsigned char *data = test_read(GOOD, &bytes);
    /* Cut short anywhere, it is refused or, where only the sections' names are gone, taken: it never kills the program. */
    for (size_t cut = 1; cut < bytes; cut += bytes / 23) {
        test_write(p->file, data, cut);
        struct cvk_context *ctx = test_context(p->file);
        cvk_context_destroy(ctx);
    }
    test_write(p->file, data, 64);
    test_refused(p->ctx, p->file, CVK_E_FORMAT, "dlopen", "damaged ELF file|copy the plugin again");
    test_write(p->file, data, loaded_bytes(data) - 1);
    test_refused(p->ctx, p->file, CVK_E_FORMAT, "dlopen", "damaged ELF file|past its end");
    free(data);
}

static void test_foreign(void **state)
{
    struct place *p = *state;
    size_t bytes;
    unsigned char *data = test_read(GOOD, &bytes);
    ElfW(Ehdr) *head = (ElfW(Ehdr) *)data;
    uint16_t machine = head->e_machine;
    head->e_machine = machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    test_write(p->file, data, bytes);
    test_refused(p->ctx, p->file, CVK_E_UNSUPPORTED, "dlopen", "wrong architecture|aarch64|x86-64|for this machine");
    head->e_machine = machine;
    head->e_type = ET_REL;
    test_write(p->file, data, bytes);
    test_refused(p->ctx, p->file, CVK_E_FORMAT, "dlopen", "not a shared object|-shared");
    free(data);
}

/* Turns the name of a library that the plugin is linked with into one that nobody has. */
static void test_missing_dependency(void **state)
{
    struct place *p = *state;
    size_t bytes;
    unsigned char *data = test_read(PLUGINS_DIR "/needs.so", &bytes);
    uint32_t changed = 0;
    for (size_t i = 0; i + 10 < bytes; i++)
        if (memcmp(data + i, "libm.so.", 8) == 0) {
            memcpy(data + i, "libq.so.", 8);
            changed++;
        }
    assert_true(changed > 0);
    test_write(p->file, data, bytes);
    free(data);
    test_refused(p->ctx, p->file, CVK_E_IO, "dlopen", "missing dependency: libq.so.|needs|install what provides libq.so.|ldd");
}

static void test_symbols(void **state)
{
    struct place *p = *state;
    test_refused(p->ctx, PLUGINS_DIR "/no_symbol.so", CVK_E_ABI, "symbol", "exports no cvk_plugin_query");
    test_refused(p->ctx, PLUGINS_DIR "/unresolved.so", CVK_E_IO, "dlopen", "unresolved symbol|nobody_has_this|-Wl,-z,defs");
}

static void test_owner(void **state)
{
    struct place *p = *state;
    test_copy(GOOD, p->file);
    chmod(p->file, 0757);
    test_refused(p->ctx, p->file, CVK_E_IO, "path", "mine.so can be written by everyone|0757|chmod go-w");
    chmod(p->file, 0775);
    test_refused(p->ctx, p->file, CVK_E_IO, "path", "mine.so can be written by its whole group|0775");
    chmod(p->file, 0755);
    chmod(p->folder, 0777);
    test_refused(p->ctx, p->file, CVK_E_IO, "path", "can be written by everyone|0777|chmod go-w");
    chmod(p->folder, 0770);
    test_refused(p->ctx, p->file, CVK_E_IO, "path", "can be written by its whole group");
    chmod(p->folder, 0700);
    if (geteuid() == 0) {
        assert_int_equal(chown(p->file, 12345, 0), 0);
        test_refused(p->ctx, p->file, CVK_E_IO, "path", "belongs to user 12345, neither to root nor to you");
        assert_int_equal(chown(p->file, 0, 0), 0);
        assert_int_equal(chown(p->folder, 12345, 0), 0);
        test_refused(p->ctx, p->file, CVK_E_IO, "path", "belongs to user 12345");
        assert_int_equal(chown(p->folder, 0, 0), 0);
    }
    assert_int_equal(cvk_plugin_load(p->ctx, p->file), CVK_OK);
}

/* A link is judged by what it leads to. */
static void test_link(void **state)
{
    struct place *p = *state;
    char far[64], target[96];
    test_folder(far);
    snprintf(target, sizeof target, "%s/target.so", far);
    test_copy(GOOD, target);
    assert_int_equal(symlink(target, p->file), 0);
    chmod(far, 0777);
    test_refused(p->ctx, p->file, CVK_E_IO, "path", "can be written by everyone|0777");
    chmod(far, 0700);
    assert_int_equal(cvk_plugin_load(p->ctx, p->file), CVK_OK);
    assert_string_equal(test_last(p->ctx).path, target);
    unlink(target);
    rmdir(far);
}

static const struct cvk_plugin_entry *find(struct cvk_context *ctx, const char *path, struct cvk_plugin_entry *e)
{
    for (uint32_t i = 0; i < cvk_plugin_count(ctx); i++)
        if (cvk_plugin_get(ctx, i, e) == CVK_OK && strcmp(e->path, path) == 0)
            return e;
    return NULL;
}

/* The path: folders and files in their order, each refusal a record and no failure; the working folder is never looked at. */
static void test_search(void **state)
{
    struct place *p = *state;
    char path[600], bad[96], here[PATH_MAX];
    struct cvk_plugin_entry e;
    test_copy(GOOD, p->file);
    snprintf(bad, sizeof bad, "%s/garbage.so", p->folder);
    test_write(bad, "garbage", 7);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(p->folder), 0);
    snprintf(path, sizeof path, ":mine.so:.:/nowhere/x.so:%s:%s", p->folder, PLUGINS_DIR "/old.so");
    struct cvk_context *ctx = test_context(path);
    assert_int_equal(chdir(here), 0);
    assert_non_null(find(ctx, "mine.so", &e));
    assert_string_equal(e.stage, "path");
    test_words(e.reason, "relative|working folder is never searched");
    assert_non_null(find(ctx, ".", &e));
    assert_int_equal(e.status, CVK_E_ARG);
    assert_non_null(find(ctx, "/nowhere/x.so", &e));
    test_words(e.reason, "does not exist");
    assert_non_null(find(ctx, bad, &e));
    assert_string_equal(e.stage, "dlopen");
    assert_non_null(find(ctx, p->file, &e));
    assert_int_equal(e.status, CVK_OK);
    assert_string_equal(e.name, "async");
    assert_non_null(find(ctx, PLUGINS_DIR "/old.so", &e));
    assert_int_equal(e.status, CVK_OK);
    cvk_context_destroy(ctx);
    unlink(bad);

    setenv("CONVOKE_PLUGIN_PATH", p->file, 1);
    assert_int_equal(cvk_context_create(NULL, &ctx), CVK_OK);
    assert_non_null(find(ctx, p->file, &e));
    cvk_context_destroy(ctx);
    unsetenv("CONVOKE_PLUGIN_PATH");
    assert_int_equal(cvk_context_create(NULL, &ctx), CVK_OK);
    assert_null(find(ctx, p->file, &e));
    cvk_context_destroy(ctx);

    chmod(p->folder, 0777);
    ctx = test_context(p->folder);
    assert_null(find(ctx, p->file, &e));
    assert_non_null(find(ctx, p->folder, &e));
    test_words(e.reason, "can be written by everyone");
    cvk_context_destroy(ctx);
    chmod(p->folder, 0700);
}

/* A text without end, and one with too many parts. */
static void test_long_path(void **state)
{
    struct place *p = *state;
    size_t bytes = 1 << 20;
    char *path = malloc(bytes + 1);
    assert_non_null(path);
    for (size_t i = 0; i < bytes; i++)
        path[i] = i % 3 == 2 ? ':' : i % 3 == 0 ? '/' : 'x';
    path[bytes] = 0;
    struct cvk_context *ctx = test_context(path);
    struct cvk_plugin_entry e;
    assert_non_null(find(ctx, "CONVOKE_PLUGIN_PATH", &e));
    test_words(e.reason, "longer than 256 KiB");
    cvk_context_destroy(ctx);
    path[3000] = 0;
    ctx = test_context(path);
    assert_non_null(find(ctx, "CONVOKE_PLUGIN_PATH", &e));
    test_words(e.reason, "more than 64 parts");
    cvk_context_destroy(ctx);
    memset(path, 'y', 10000);
    path[0] = '/';
    path[10000] = 0;
    ctx = test_context(path);
    assert_non_null(find(ctx, "CONVOKE_PLUGIN_PATH", &e));
    test_words(e.reason, "longer than a path can be");
    cvk_context_destroy(ctx);
    free(path);
    (void)p;
}

/* A program in a build tree finds the tree's own backends, without any variable. */
static void test_build_tree(void **state)
{
    struct place *p = *state;
    struct cvk_plugin_entry e;
    bool found = false;
    for (uint32_t i = 0; i < cvk_plugin_count(p->ctx); i++)
        if (cvk_plugin_get(p->ctx, i, &e) == CVK_OK && e.name && strcmp(e.name, "ref") == 0)
            found = e.status == CVK_OK && strstr(e.path, "/backends/ref/ref.so");
    assert_true(found);
}

/* The same library loads in context after context, and loading leaks no descriptors. */
static void test_again(void **state)
{
    struct place *p = *state;
    test_copy(GOOD, p->file);
    int first = -1;
    for (int i = 0; i < 20; i++) {
        struct cvk_context *ctx = test_context(p->file);
        struct cvk_plugin_entry e;
        assert_non_null(find(ctx, p->file, &e));
        assert_int_equal(e.status, CVK_OK);
        cvk_context_destroy(ctx);
        int fd = open("/dev/null", O_RDONLY);
        close(fd);
        if (first < 0)
            first = fd;
        assert_int_equal(fd, first);
    }
}

/* The loader knows libraries by the text of their path: files of one name in many folders, behind descriptors that are used
 * again, must not be taken for one another. */
static void test_same_names(void **state)
{
    struct place *p = *state;
    static const char *const plugins[] = {"async", "old", "new"};
    for (int i = 0; i < 60; i++) {
        char folder[96], file[128], from[512];
        snprintf(folder, sizeof folder, "%s/%d", p->folder, i);
        snprintf(file, sizeof file, "%s/mine.so", folder);
        snprintf(from, sizeof from, PLUGINS_DIR "/%s.so", plugins[i % 3]);
        assert_int_equal(mkdir(folder, 0700), 0);
        test_copy(from, file);
        struct cvk_context *ctx = test_context(file);
        struct cvk_plugin_entry e;
        assert_non_null(find(ctx, file, &e));
        assert_string_equal(e.name, plugins[i % 3]);
        cvk_context_destroy(ctx);
        unlink(file);
        rmdir(folder);
    }
}

/* Asked by test_set_uid in a program with other rights: does the path count? */
static int answer_set_uid(void)
{
    struct cvk_context *ctx = NULL;
    struct cvk_plugin_entry e;
    if (geteuid() == getuid() || cvk_context_create(NULL, &ctx) != CVK_OK)
        return 77;
    int found = find(ctx, getenv("CONVOKE_PLUGIN_PATH"), &e) != NULL;
    cvk_context_destroy(ctx);
    return found;
}

/* A set-uid program does not look where its caller's environment points. */
static void test_set_uid(void **state)
{
    struct place *p = *state;
    char program[96], self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (geteuid() != 0 || length <= 0)
        skip();
    self[length] = 0;
    test_copy(GOOD, p->file);
    snprintf(program, sizeof program, "%s/program", p->folder);
    test_copy(self, program);
    assert_int_equal(chmod(program, 04755), 0);
    assert_int_equal(chmod(p->folder, 0755), 0);
    setenv("CONVOKE_PLUGIN_PATH", p->file, 1);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(12345) != 0 || setuid(12345) != 0)
            _exit(77);
        execl(program, program, "--set-uid", (char *)NULL);
        _exit(77);
    }
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    unsetenv("CONVOKE_PLUGIN_PATH");
    unlink(program);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 77)
        skip(); /* such programs have no other rights here (nosuid) */
    assert_int_equal(how, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--set-uid") == 0)
        return answer_set_uid();
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_again), /* first, while no folder is known */
        TEST(test_good),       TEST(test_paths),   TEST(test_damaged),    TEST(test_foreign), TEST(test_missing_dependency),
        TEST(test_symbols),    TEST(test_owner),   TEST(test_link),       TEST(test_search),  TEST(test_long_path),
        TEST(test_build_tree), TEST(test_set_uid), TEST(test_same_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

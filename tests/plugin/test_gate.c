/* SPDX-License-Identifier: MIT
 * Every fault of bad_plugins.h is refused at its stage with its sentence, and the host lives on. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "bad_plugins.h"
#include "plugin/gate.h"
#include "plugin_test.h"

static const struct fault {
    const char *name;
    int32_t status;
    const char *stage, *words;
} faults[] = {
#define X(name, status, stage, words) {#name, status, stage, words},
    BAD_PLUGINS(X)
#undef X
};

static void test_faults(void **state)
{
    (void)state;
    setenv("CONVOKE_PROBE", "1", 1); /* seconds that the endless one may take */
    struct cvk_context *ctx = test_context(NULL);
    uint32_t before = cvk_device_count(ctx);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, PLUGINS_DIR "/bad_%s.so", faults[i].name);
        test_refused(ctx, path, faults[i].status, faults[i].stage, faults[i].words);
    }
    assert_int_equal(cvk_device_count(ctx), before);
    cvk_context_destroy(ctx);
    unsetenv("CONVOKE_PROBE");
}

/* Without the child process the gate itself still says the same, for all that do not run amok. */
static void test_faults_unprobed(void **state)
{
    (void)state;
    setenv("CONVOKE_PROBE", "off", 1);
    struct cvk_context *ctx = test_context(NULL);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strstr(faults[i].words, "crashed") || strstr(faults[i].words, "ended the process") ||
            strstr(faults[i].words, "did not answer"))
            continue;
        char path[512];
        snprintf(path, sizeof path, PLUGINS_DIR "/bad_%s.so", faults[i].name);
        test_refused(ctx, path, faults[i].status, faults[i].stage, faults[i].words);
    }
    cvk_context_destroy(ctx);
    unsetenv("CONVOKE_PROBE");
}

/* The child runs none of the program's exit handlers and writes none of its half-filled buffers a second time. */
static void test_exit_is_quiet(void **state)
{
    (void)state;
    char folder[64], path[96];
    test_folder(folder);
    snprintf(path, sizeof path, "%s/out", folder);
    pid_t pid = fork();
    if (pid == 0) {
        FILE *f = fopen(path, "w");
        struct cvk_context *ctx = NULL;
        struct cvk_context_params params = {.threads = 1, .plugin_path = ""};
        if (!f || fputs("once", f) < 0 || cvk_context_create(&params, &ctx) != CVK_OK)
            _exit(2);
        cvk_plugin_load(ctx, PLUGINS_DIR "/bad_EXIT.so");
        cvk_plugin_load(ctx, PLUGINS_DIR "/bad_ABORT.so");
        fclose(f);
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_int_equal(how, 0);
    size_t bytes;
    unsigned char *text = test_read(path, &bytes);
    assert_string_equal((char *)text, "once");
    free(text);
    unlink(path);
    rmdir(folder);
}

/* No child is left behind, and a program that ignores its children's ends gets the same answers. */
static void test_children(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    struct cvk_context *ctx = test_context(NULL);
    test_refused(ctx, PLUGINS_DIR "/bad_CRASH.so", CVK_E_ABI, "query", "ended the process|cvk_plugin_query was asked");
    assert_int_equal(cvk_plugin_load(ctx, PLUGINS_DIR "/async.so"), CVK_OK);
    signal(SIGCHLD, SIG_DFL);
    test_refused(ctx, PLUGINS_DIR "/bad_CRASH.so", CVK_E_ABI, "query", "crashed with signal 11");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    cvk_context_destroy(ctx);
}

static void test_duplicate(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    assert_int_equal(cvk_plugin_load(ctx, PLUGINS_DIR "/old.so"), CVK_OK);
    uint32_t count = cvk_plugin_count(ctx);
    assert_int_equal(cvk_plugin_load(ctx, PLUGINS_DIR "/old.so"), CVK_OK); /* the same file again is no news */
    assert_int_equal(cvk_plugin_count(ctx), count);
    test_refused(ctx, PLUGINS_DIR "/old_device.so", CVK_E_ABI, "duplicate", "'old' was already taken from|/old.so");
    cvk_context_destroy(ctx);
}

static int32_t query_lying(const struct cvk_host *host, struct cvk_plugin *out)
{
    (void)host;
    out->size = 7;
    out->abi_major = CVK_ABI_MAJOR;
    return CVK_OK;
}

/* Two pages of which only the first can be read. */
static char *edge_of_memory(size_t page)
{
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    memset(memory, 'x', page);
    assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
    return memory;
}

static void check_pointers(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = edge_of_memory(page), copy[64], *end = memory + page;
    assert_true(cvk__memory_copy(copy, end - 64, 64));
    assert_memory_equal(copy, end - 64, 64);
    assert_false(cvk__memory_copy(copy, end - 63, 64)); /* one byte too many */
    assert_false(cvk__memory_copy(copy, end, 1));
    assert_false(cvk__memory_copy(copy, NULL, 1));
    assert_false(cvk__memory_copy(copy, (void *)UINTPTR_MAX, 2));
    assert_false(cvk__memory_code(end));
    assert_int_equal(cvk__memory_text(copy, sizeof copy, end - 10), CVK__TEXT_UNREADABLE); /* no end before the edge */
    end[-1] = 0;
    assert_int_equal(cvk__memory_text(copy, sizeof copy, end - 10), CVK__TEXT_OK);
    assert_string_equal(copy, "xxxxxxxxx");
    assert_int_equal(cvk__memory_text(copy, 10, end - 10), CVK__TEXT_OK);
    assert_int_equal(cvk__memory_text(copy, 9, end - 10), CVK__TEXT_LONG);
    end[-5] = '\t';
    assert_int_equal(cvk__memory_text(copy, sizeof copy, end - 10), CVK__TEXT_CONTROL);
    munmap(memory, 2 * page);
}

static void test_pointers(void **state)
{
    (void)state;
    check_pointers();
}

/* The same in a container that forbids process_vm_readv. */
static void test_pointers_forbidden(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_process_vm_readv, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
            _exit(77);
        char byte = 'a', copy = 0;
        struct iovec from = {&byte, 1}, to = {&copy, 1};
        if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != -1)
            _exit(1);
        check_pointers();
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 77)
        skip();
    assert_int_equal(how, 0);
}

/* Linked plugins pass the same gate. */
static void test_static(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(NULL);
    assert_int_equal(cvk_plugin_register(ctx, query_lying, "liar"), CVK_E_ABI);
    struct cvk_plugin_entry e = test_last(ctx);
    assert_string_equal(e.path, "(built in)");
    assert_string_equal(e.name, "liar");
    assert_string_equal(e.stage, "abi");
    test_words(e.reason, "has 7 bytes");
    assert_int_equal(cvk_plugin_register(ctx, NULL, "nothing"), CVK_E_ARG);
    assert_int_equal(cvk_plugin_register(NULL, query_lying, NULL), CVK_E_ARG);
    cvk_context_destroy(ctx);
}

/* Faults that show only in use. */
static void test_devices(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
        int32_t status;
    } cases[] = {{"DEVICE_MANY", "claims 1000000 devices|limit is 1024", CVK_E_LIMIT},
                 {"DEVICE_NONE", "finds no device", CVK_E_NOT_FOUND}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvk_context *ctx = test_context(NULL);
        char path[512];
        snprintf(path, sizeof path, PLUGINS_DIR "/bad_%s.so", cases[i].file);
        if (cvk_plugin_load(ctx, path) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        bool found = false;
        for (uint32_t d = 0; d < cvk_device_count(ctx); d++) {
            struct cvk_device_entry e;
            assert_int_equal(cvk_device_get(ctx, d, &e), CVK_OK);
            if (strcmp(e.backend, "bad") != 0)
                continue;
            found = true;
            assert_int_equal(e.status, cases[i].status);
            test_words(e.reason, cases[i].words);
        }
        assert_true(found);
        cvk_context_destroy(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),   cmocka_unit_test(test_faults_unprobed), cmocka_unit_test(test_exit_is_quiet),
        cmocka_unit_test(test_children), cmocka_unit_test(test_duplicate),       cmocka_unit_test(test_static),
        cmocka_unit_test(test_devices),  cmocka_unit_test(test_pointers),        cmocka_unit_test(test_pointers_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * Runs the official ONNX backend tests (package libonnx-testdata): 932 of nodes, 82 and 35 of layers and operators exported from
 * PyTorch, 1,049 together; those of whole little models ("simple") come on top and are counted apart. Each test runs in a child
 * with limits, so that a crash or a hang is one failed test.
 *
 *   run_official --must FILE --unsupported FILE [--device SPEC] [--data FOLDER] [--only TEXT] [--opset N --refused COUNT]
 *                [--write]
 *
 * FILE must_pass: names of tests that have to pass. FILE unsupported: "name: reason" of all others; the reason must be the one
 * that the library gives. --write makes both anew from what happens. With --opset each model is written in that opset, and what
 * is read back is run; the opset must have no words for exactly so many of those that must pass. */
#include "model_run.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer's shadow of the memory is larger than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define SECONDS 60
#define MEMORY_BYTES (4ull << 30)
#define WHY 600

static const char *const groups[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
enum { GROUPS = 4, COUNTED_GROUPS = 3 };

/* Data that contradict their model. They must differ still, and count as unsupported with this reason. */
static const struct {
    const char *name, *why;
} wrong_data[] = {
    {"node/test_adam_multiple", "its outputs were made with an epsilon of 0.01, which the model does not have"},
};

struct test {
    char name[200]; /* "node/test_relu" */
    uint32_t group;
    enum verdict verdict;
    char why[WHY];
    int must_pass, listed;
    char wanted_why[WHY];
};

struct options {
    const char *must, *unsupported, *device, *data, *only, *opset, *refused;
    int write;
};

static struct test *tests;
static uint32_t test_count;

/* ---- one test, in the child ---- */

static enum verdict run_sets(const char *folder, struct model_case *m, char *why)
{
    char path[4200], model[4200];
    uint32_t sets = 0;
    snprintf(model, sizeof model, "%s/model.onnx", folder);
    struct cvk_graph *g = NULL; /* loaded once without data: what is unsupported shall be told of the model, not of its data */
    enum verdict v = model_verdict(cvk_onnx_load(model, NULL, &g), "load", why, WHY);
    cvk_graph_destroy(g);
    for (; v == VERDICT_PASS; sets++) {
        snprintf(path, sizeof path, "%s/test_data_set_%u", folder, sets);
        if (access(path, F_OK))
            break;
        v = model_read_set(path, m, why, WHY);
        if (v == VERDICT_PASS)
            v = model_check(model, m, why, WHY);
        model_free_set(m);
    }
    if (v == VERDICT_PASS && sets == 0) {
        snprintf(why, WHY, "there is no test_data_set_0");
        v = VERDICT_FAIL;
    }
    return v;
}

static void child(const struct options *o, const struct test *t, int out)
{
    struct {
        enum verdict verdict;
        char why[WHY];
    } answer;
    memset(&answer, 0, sizeof answer);
    alarm(SECONDS);
#ifndef SANITIZED
    setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_BYTES, MEMORY_BYTES});
#endif
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s", o->data, t->name);
    struct model_case m = {.device = o->device, .rtol = 1e-3, .atol = 1e-5};
    m.opset = o->opset ? (uint32_t)atoi(o->opset) : 0;
    answer.verdict =
        model_verdict(cvk_context_create(&(struct cvk_context_params){.threads = 1}, &m.ctx), "context", answer.why, WHY);
    if (answer.verdict == VERDICT_PASS)
        answer.verdict = run_sets(folder, &m, answer.why);
    cvk_context_destroy(m.ctx);
    /* Where the files lie is no part of the reason. */
    char prefix[4200];
    snprintf(prefix, sizeof prefix, "file '%s/model.onnx': ", folder);
    if (!strncmp(answer.why, prefix, strlen(prefix)))
        memmove(answer.why, answer.why + strlen(prefix), strlen(answer.why + strlen(prefix)) + 1);
    if (write(out, &answer, sizeof answer) != (ssize_t)sizeof answer)
        _exit(3);
    close(out);
}

static void run_test(const struct options *o, struct test *t)
{
    struct {
        enum verdict verdict;
        char why[WHY];
    } answer;
    int fds[2], status = 0;
    t->verdict = VERDICT_FAIL;
    fflush(NULL);
    if (pipe(fds)) {
        snprintf(t->why, WHY, "pipe: %s", strerror(errno));
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child(o, t, fds[1]);
        exit(0); /* with the checks for leaks that a sanitizer makes at the end */
    }
    close(fds[1]);
    ssize_t got = pid < 0 ? -1 : read(fds[0], &answer, sizeof answer);
    close(fds[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        snprintf(t->why, WHY, "fork: %s", strerror(errno));
    } else if (WIFSIGNALED(status)) {
        int signal = WTERMSIG(status);
        snprintf(t->why, WHY, "%s (signal %d)", signal == SIGALRM ? "ran out of time" : "crashed", signal);
    } else if (WEXITSTATUS(status) || got != (ssize_t)sizeof answer) {
        snprintf(t->why, WHY, "the child ended with %d", WEXITSTATUS(status));
    } else {
        t->verdict = answer.verdict;
        snprintf(t->why, WHY, "%s", answer.why);
    }
    for (char *c = t->why; *c; c++)
        if (*c == '\n')
            *c = ' ';
    for (size_t i = 0; i < sizeof wrong_data / sizeof wrong_data[0]; i++) {
        if (strcmp(t->name, wrong_data[i].name))
            continue;
        int differs = t->verdict == VERDICT_FAIL && strstr(t->why, "elements differ");
        t->verdict = differs ? VERDICT_UNSUPPORTED : VERDICT_FAIL;
        snprintf(t->why, WHY, "%s", differs ? wrong_data[i].why : "its data were wrong, and now it passes or fails otherwise");
    }
}

/* ---- the lists ---- */

static int by_name(const void *a, const void *b)
{
    const struct test *x = a, *y = b;
    return x->group != y->group ? (x->group > y->group) - (x->group < y->group) : strcmp(x->name, y->name);
}

static int find_tests(const struct options *o)
{
    uint32_t capacity = 0;
    for (uint32_t g = 0; g < GROUPS; g++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", o->data, groups[g]);
        DIR *dir = opendir(path);
        if (!dir)
            continue;
        for (struct dirent *e; (e = readdir(dir));) {
            if (strncmp(e->d_name, "test_", 5))
                continue;
            if (test_count == capacity) {
                capacity = capacity ? capacity * 2 : 256;
                struct test *grown = realloc(tests, capacity * sizeof *tests);
                if (!grown) {
                    closedir(dir);
                    return 0;
                }
                tests = grown;
            }
            struct test *t = &tests[test_count++];
            memset(t, 0, sizeof *t);
            t->group = g;
            snprintf(t->name, sizeof t->name, "%s/%.150s", groups[g], e->d_name);
        }
        closedir(dir);
    }
    if (test_count)
        qsort(tests, test_count, sizeof *tests, by_name);
    return 1;
}

static struct test *find_test(const char *name)
{
    for (uint32_t i = 0; i < test_count; i++)
        if (!strcmp(tests[i].name, name))
            return &tests[i];
    return NULL;
}

/* Returns the number of lines that name no test or name one twice. */
static int read_list(const char *path, int must)
{
    char line[WHY + 300];
    int bad = 0;
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f) {
        printf("cannot read %s\n", path ? path : "a list: --must and --unsupported are needed");
        return 1;
    }
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0] || line[0] == '#')
            continue;
        char *colon = must ? NULL : strstr(line, ": ");
        if (colon)
            *colon = 0;
        struct test *t = find_test(line);
        if (!t || t->listed || (!must && !colon)) {
            printf("%s: '%s' %s\n", path, line, !t ? "is no test" : t->listed ? "is listed twice" : "has no reason");
            bad++;
            continue;
        }
        t->listed = 1;
        t->must_pass = must;
        if (colon)
            snprintf(t->wanted_why, WHY, "%s", colon + 2);
    }
    fclose(f);
    return bad;
}

static int write_lists(const struct options *o)
{
    FILE *must = fopen(o->must, "w"), *not = fopen(o->unsupported, "w");
    if (!must || !not ) {
        printf("cannot write %s or %s\n", o->must, o->unsupported);
        if (must)
            fclose(must);
        if (not )
            fclose(not );
        return 1;
    }
    fprintf(must, "# Official ONNX tests that must pass. Made by run_official --write.\n");
    fprintf(not, "# All other official ONNX tests, with the reason that the library gives. Made by run_official --write.\n");
    for (uint32_t i = 0; i < test_count; i++) {
        if (tests[i].verdict == VERDICT_PASS)
            fprintf(must, "%s\n", tests[i].name);
        else if (tests[i].verdict == VERDICT_UNSUPPORTED)
            fprintf(not, "%s: %s\n", tests[i].name, tests[i].why);
    }
    return fclose(must) | fclose(not );
}

/* ---- all tests ---- */

/* Prints one line; returns 1 if the test is not as the lists say. *refused counts models that the opset cannot say. */
static int judge(const struct test *t, int compare_reason, int *refused)
{
    static const char *const words[] = {"pass", "unsupported", "FAIL"};
    printf("%-11s %s%s%s\n", words[t->verdict], t->name, t->why[0] ? ": " : "", t->why);
    if (t->must_pass && t->verdict == VERDICT_UNSUPPORTED && strstr(t->why, "ONNX's ") && strstr(t->why, " of opset ")) {
        ++*refused;
        return 0;
    }
    if (t->must_pass && t->verdict != VERDICT_PASS) {
        printf("  ^ must pass\n");
        return 1;
    }
    if (!t->must_pass && t->verdict == VERDICT_PASS)
        printf("  ^ passes, but is not in the list of those that must\n");
    if (t->verdict == VERDICT_UNSUPPORTED && !t->listed) {
        printf("  ^ is in no list\n");
        return 1;
    }
    if (t->verdict == VERDICT_UNSUPPORTED && compare_reason && strcmp(t->why, t->wanted_why)) {
        printf("  ^ the list gives another reason: %s\n", t->wanted_why);
        return 1;
    }
    return t->verdict == VERDICT_FAIL;
}

static int parse(int argc, char **argv, struct options *o)
{
    const char *device = getenv("CONVOKE_DEVICE");
    *o = (struct options){.device = device && device[0] ? device : "ref", .data = "/usr/share/libonnx-testdata/data"};
    for (int i = 1; i < argc; i++) {
        const char **value = !strcmp(argv[i], "--must")          ? &o->must
                             : !strcmp(argv[i], "--unsupported") ? &o->unsupported
                             : !strcmp(argv[i], "--device")      ? &o->device
                             : !strcmp(argv[i], "--data")        ? &o->data
                             : !strcmp(argv[i], "--only")        ? &o->only
                             : !strcmp(argv[i], "--opset")       ? &o->opset
                             : !strcmp(argv[i], "--refused")     ? &o->refused
                                                                 : NULL;
        if (value && i + 1 < argc)
            *value = argv[++i];
        else if (!strcmp(argv[i], "--write"))
            o->write = 1;
        else
            return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct options o;
    if (!parse(argc, argv, &o) || !find_tests(&o)) {
        printf("usage: run_official --must FILE --unsupported FILE [--device SPEC] [--data FOLDER] [--only TEXT] "
               "[--opset N --refused COUNT] [--write]\n");
        return 2;
    }
    if (!test_count) {
        printf("SKIPPED: the official ONNX tests are not in %s (package libonnx-testdata); none was run\n", o.data);
        return 77;
    }
    int bad = o.write ? 0 : read_list(o.must, 1) + read_list(o.unsupported, 0);
    uint32_t counts[2][3] = {{0}};
    int refused = 0;
    for (uint32_t i = 0; i < test_count; i++) {
        if (o.only && !strstr(tests[i].name, o.only))
            continue;
        run_test(&o, &tests[i]);
        counts[tests[i].group >= COUNTED_GROUPS][tests[i].verdict]++;
        if (o.write)
            printf("%d %s: %s\n", (int)tests[i].verdict, tests[i].name, tests[i].why);
        else
            bad += judge(&tests[i], !strcmp(o.device, "ref"), &refused);
    }
    if (refused != (o.refused ? atoi(o.refused) : 0)) {
        printf("%d models cannot be written in opset %s, %s should be\n", refused, o.opset ? o.opset : "?",
               o.refused ? o.refused : "0");
        bad++;
    }
    if (o.write)
        bad += write_lists(&o);
    for (uint32_t k = 0; k < 2; k++)
        printf("%s on %s: %u tests, %u pass, %u unsupported, %u FAIL\n", k ? "simple models" : "official ONNX tests", o.device,
               counts[k][0] + counts[k][1] + counts[k][2], counts[k][VERDICT_PASS], counts[k][VERDICT_UNSUPPORTED],
               counts[k][VERDICT_FAIL]);
    free(tests);
    return bad ? 1 : 0;
}

/* SPDX-License-Identifier: MIT
 * Loading a plugin in a child process first: one that crashes, exits or never returns costs a sentence and not the program.
 *
 * CONVOKE_PROBE: "on" (also unset), "off", or a number of seconds to wait instead of 10. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"

#define DEFAULT_SECONDS 10
#define MAX_SECONDS 3600
#define EXIT_CALLED 97 /* the child's status when the plugin called exit(); _exit() gives the plugin's own */

/* What the child is doing; sent as single bytes, so that the parent knows where it was when it died. */
enum step { STEP_LOAD = 'l', STEP_ASK = 'a', STEP_TOLD = 't' };

static int32_t read_setting(uint32_t *seconds)
{
    const char *text = cvk__getenv("CONVOKE_PROBE");
    uint64_t number;
    *seconds = DEFAULT_SECONDS;
    if (!text || !*text || strcmp(text, "on") == 0)
        return CVK_OK;
    if (strcmp(text, "off") == 0)
        *seconds = 0;
    else if (cvk__parse_u64(text, &number) && number >= 1 && number <= MAX_SECONDS)
        *seconds = (uint32_t)number;
    else
        return CVK_E_ARG;
    return CVK_OK;
}

/* Registered last and so called first: the program's own exit handlers and half-written files stay the parent's business. */
static void exit_called(void)
{
    _exit(EXIT_CALLED);
}

static void drop_line(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg;
    (void)level;
    (void)category;
    (void)text;
}

/* The child must not reach the program's handlers, terminal or core files, nor outlive it. */
static void quieten(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
    atexit(exit_called);
}

static _Noreturn void child(struct cvk_context *ctx, const struct cvk__plugin_file *file, int out)
{
    quieten();
    ctx->log = (struct cvk__log){.sink = drop_line};
    struct cvk__refusal r = {0};
    void *library;
    cvk_plugin_query_fn query;
    struct cvk__backend *backend;
    char step = STEP_LOAD;
    bool sent = write(out, &step, 1) == 1;
    if (sent && cvk__plugin_file_load(file, &library, &query, &r) == CVK_OK) {
        step = STEP_ASK;
        sent = write(out, &step, 1) == 1;
        cvk__gate_take(ctx, query, &backend, &r);
    }
    step = STEP_TOLD;
    sent = sent && write(out, &step, 1) == 1 && write(out, &r, sizeof r) == (ssize_t)sizeof r; /* less than PIPE_BUF */
    _exit(sent ? 0 : 1);
}

/* Reads until the child has told all, has ended, or the time is over. */
static bool listen_to(int in, uint32_t seconds, char *step, struct cvk__refusal *told)
{
    double end = cvk__now_ns() + seconds * 1e9;
    uint64_t got = 0;
    for (;;) {
        double left = end - cvk__now_ns();
        struct pollfd ready = {.fd = in, .events = POLLIN};
        int n = left > 0 ? poll(&ready, 1, (int)(left / 1e6) + 1) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bool telling = *step == STEP_TOLD;
        ssize_t bytes = telling ? read(in, (char *)told + got, sizeof *told - got) : read(in, step, 1);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes <= 0)
            return true;
        got += telling ? (uint64_t)bytes : 0;
        if (got == sizeof *told)
            return true;
    }
}

static int32_t refuse_death(struct cvk__refusal *r, const char *path, const char *stage, bool over, uint32_t seconds, bool known,
                            int how)
{
    const char *doing = strcmp(stage, "query") == 0 ? "cvk_plugin_query was asked" : "it was loaded";
    static const char fix[] =
        "report it to the plugin's author; CONVOKE_PROBE=off loads it here without this check, at your own risk";
    if (over)
        return cvk__refuse(r, CVK_E_ABI, stage, "give a slow machine more time with CONVOKE_PROBE=60",
                           "%s did not answer within %u seconds when %s in a child process", path, seconds, doing);
    if (known && WIFSIGNALED(how))
        return cvk__refuse(r, CVK_E_ABI, stage, fix, "%s crashed with signal %d (%s) when %s in a child process", path,
                           WTERMSIG(how), strsignal(WTERMSIG(how)), doing);
    if (known && WIFEXITED(how) && WEXITSTATUS(how) != EXIT_CALLED)
        return cvk__refuse(r, CVK_E_ABI, stage, fix, "%s ended the process with _exit(%d) when %s in a child process", path,
                           WEXITSTATUS(how), doing);
    return cvk__refuse(r, CVK_E_ABI, stage, fix, "%s ended the process with exit() when %s in a child process", path, doing);
}

int32_t cvk__plugin_probe(struct cvk_context *ctx, const struct cvk__plugin_file *file, struct cvk__refusal *r)
{
    uint32_t seconds;
    if (read_setting(&seconds) != CVK_OK)
        cvk__log(&ctx->log, CVK_LOG_WARN, "load", "CONVOKE_PROBE is neither on, off nor 1 to %d seconds; on is taken",
                 MAX_SECONDS);
    if (seconds == 0)
        return CVK_OK;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cvk__refuse(r, CVK_E_IO, "dlopen", NULL, "no pipe to a child process: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(ctx, file, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return cvk__refuse(r, CVK_E_IO, "dlopen", "CONVOKE_PROBE=off loads plugins without a child process",
                           "no child process: %s", strerror(errno));
    }
    char step = 0;
    struct cvk__refusal told = {.status = 1};
    bool over = !listen_to(ends[0], seconds, &step, &told);
    close(ends[0]);
    if (over)
        kill(pid, SIGKILL);
    int how = 0;
    pid_t waited;
    while ((waited = waitpid(pid, &how, 0)) < 0 && errno == EINTR)
        continue;
    if (step == STEP_TOLD && told.status <= 0) {
        told.stage[sizeof told.stage - 1] = told.reason[sizeof told.reason - 1] = told.fix[sizeof told.fix - 1] = 0;
        told.name[sizeof told.name - 1] = told.version[sizeof told.version - 1] = 0;
        *r = told;
        return r->status;
    }
    return refuse_death(r, file->path, step == STEP_ASK ? "query" : "dlopen", over, seconds, waited == pid, how);
}

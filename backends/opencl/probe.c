/* SPDX-License-Identifier: MIT
 * Trying the drivers in child processes: one that crashes, hangs or exits costs a sentence and not the program.
 *
 * First one child calls all of them as this process would. Only if that child dies each is tried alone, and then those that are
 * left together, as there are pairs that live apart and crash together (two versions of one compiler library). The verdict is
 * kept in the cache. CONVOKE_PROBE: "on" (also unset), "off", or a number of seconds to wait for a child instead of 20. */
#include "drivers.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SECONDS 20
#define MAX_SECONDS 3600
#define KILL_SECONDS 2 /* from the kill to the child's end */
#define BAD_FOR_SECONDS (24 * 3600) /* a crash may have had a cause that no file shows */
#define NOTE_BYTES 16384
#define SCOPE "drivers"

extern char **environ;

/* What the child is doing; its last word tells where it died. */
enum step { STEP_PLATFORMS, STEP_DEVICES, STEP_CONTEXT, STEP_UNLOADED, STEP_EXIT, STEP_DONE };

struct message { /* less than PIPE_BUF: written whole */
    uint8_t step;
    uint8_t driver; /* UNLOADED: which one could not be loaded, and why */
    char text[190];
};

struct trial {
    const struct cvk_host *host;
    const struct ocl_drivers *drivers;
    uint32_t seconds;
    struct ocl_verdict *verdict;
    bool hindered;   /* for a reason of this moment: no verdict to keep */
    char death[160]; /* "crashed with signal 11 (...) when ..." */
};

/* ---- the child ---------------------------------------------------------------------------------------------------------- */

static int telling; /* the child's end of the pipe */

static _Noreturn void end_child(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

static void tell(uint8_t step, uint8_t driver, const char *text)
{
    struct message m = {.step = step, .driver = driver};
    snprintf(m.text, sizeof m.text, "%s", text);
    if (write(telling, &m, sizeof m) != (ssize_t)sizeof m)
        end_child();
}

static void exit_called(void)
{
    tell(STEP_EXIT, 0, "");
    end_child();
}

/* The child must not reach the program's handlers, terminal or core files, nor outlive it. */
static void quieten(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        end_child();
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
    atexit(exit_called); /* last registered, first called: the program's own handlers are the parent's business */
}

static void use_device(cl_platform_id platform, cl_device_id id)
{
    struct ocl_found found;
    tell(STEP_DEVICES, 0, "");
    ocl_found_ask(platform, id, &found);
    if (found.broken[0])
        return;
    tell(STEP_CONTEXT, 0, "");
    cl_int code;
    cl_context context = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
    if (!context)
        return; /* open will say why */
    cl_command_queue queue = clCreateCommandQueue(context, id, 0, &code);
    if (queue)
        clReleaseCommandQueue(queue);
    clReleaseContext(context);
}

/* Everything that this process does before a device is opened, and a little more. Drivers are loaded here for the first time,
 * so that none of their locks or threads can be in the state of the fork. */
static _Noreturn void child(const struct ocl_drivers *drivers, uint64_t mask, char **variables, int out, pid_t parent)
{
    telling = out;
    quieten(parent);
    environ = variables; /* not setenv: another thread may have been inside it */
    cl_platform_id platforms[OCL_MAX_DRIVERS];
    cl_uint platform_count = 0;
    tell(STEP_PLATFORMS, 0, "");
    if (clGetPlatformIDs(OCL_MAX_DRIVERS, platforms, &platform_count) != CL_SUCCESS)
        platform_count = 0;
    for (cl_uint p = 0; p < platform_count && p < OCL_MAX_DRIVERS; p++) {
        cl_device_id ids[64];
        cl_uint count = 0;
        tell(STEP_DEVICES, 0, "");
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, OCL_COUNT(ids), ids, &count) != CL_SUCCESS)
            count = 0;
        for (cl_uint i = 0; i < count && i < OCL_COUNT(ids); i++)
            use_device(platforms[p], ids[i]);
    }
    tell(STEP_PLATFORMS, 0, "");
    /* The loader is silent about what it cannot load; only a try tells why. */
    for (uint32_t i = 0; i < drivers->count; i++)
        if (mask >> i & 1 && !dlopen(drivers->at[i].module, RTLD_LAZY | RTLD_LOCAL))
            tell(STEP_UNLOADED, (uint8_t)i, dlerror());
    tell(STEP_DONE, 0, "");
    end_child();
}

/* ---- the parent --------------------------------------------------------------------------------------------------------- */

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Reads what the child says until it is done (true), has ended, or the time is over. */
static bool listen_to(struct trial *t, int in, double end, uint8_t *step, bool *exited)
{
    struct message m;
    for (size_t got = 0;;) {
        double left = end - now_seconds();
        struct pollfd ready = {.fd = in, .events = POLLIN};
        int n = left > 0 ? poll(&ready, 1, (int)(left * 1e3) + 1) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        ssize_t bytes = n > 0 ? read(in, (char *)&m + got, sizeof m - got) : 0;
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes <= 0)
            return false;
        got += (size_t)bytes;
        if (got < sizeof m)
            continue;
        got = 0;
        m.text[sizeof m.text - 1] = 0;
        if (m.step == STEP_UNLOADED && m.driver < t->drivers->count)
            snprintf(t->verdict->reasons[m.driver], sizeof t->verdict->reasons[0],
                     "the OpenCL driver of %s cannot be loaded: %s", t->drivers->at[m.driver].file, m.text);
        *exited = *exited || m.step == STEP_EXIT;
        if (m.step <= STEP_CONTEXT)
            *step = m.step;
        if (m.step == STEP_DONE)
            return true;
    }
}

/* The child's end; a driver may have closed the pipe and live on. -1: the time is over. */
static int wait_for(pid_t pid, double end, bool *known)
{
    int how = 0;
    bool over = false;
    for (;;) {
        pid_t waited = waitpid(pid, &how, WNOHANG);
        *known = waited == pid;
        if (*known || (waited < 0 && errno != EINTR)) /* the program may reap children itself */
            return over ? -1 : how;
        if (now_seconds() >= end && over)
            return -1; /* not even SIGKILL ends it: it hangs in the system */
        if (now_seconds() >= end) {
            over = true;
            end += KILL_SECONDS;
            kill(pid, SIGKILL);
        }
        poll(NULL, 0, 2);
    }
}

static void describe_death(struct trial *t, int how, bool known, bool exited, uint8_t step)
{
    static const char *const doing[] = {"asked for platforms", "asked for devices", "asked for a context"};
    const char *when = step < OCL_COUNT(doing) ? doing[step] : doing[0];
    if (how < 0)
        snprintf(t->death, sizeof t->death, "did not answer within %u seconds when %s", t->seconds, when);
    else if (known && WIFSIGNALED(how) && !exited)
        snprintf(t->death, sizeof t->death, "crashed with signal %d (%s) when %s", WTERMSIG(how), strsignal(WTERMSIG(how)),
                 when);
    else if (known && WIFEXITED(how))
        snprintf(t->death, sizeof t->death, "ended the process with _exit(%d) when %s", WEXITSTATUS(how), when);
    else
        snprintf(t->death, sizeof t->death, "ended the process when %s", when);
}

/* The variables of the child: ours, with the loader limited to a folder. NULL without memory. */
static char **limited_variables(const char *folder, char *assignment, size_t bytes)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **copy = malloc((count + 2) * sizeof *copy);
    size_t n = 0;
    for (size_t i = 0; copy && i < count; i++)
        if (strncmp(environ[i], "OCL_ICD_VENDORS=", 16) != 0 && strncmp(environ[i], "OCL_ICD_FILENAMES=", 18) != 0)
            copy[n++] = environ[i];
    if (!copy)
        return NULL;
    snprintf(assignment, bytes, "OCL_ICD_VENDORS=%s", folder);
    copy[n++] = assignment;
    copy[n] = NULL;
    return copy;
}

/* True if the child outlives the drivers, or there can be no child. */
static bool run_child(struct trial *t, uint64_t mask, char **variables)
{
    int ends[2];
    pid_t parent = getpid(), pid = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -2;
    if (pid == 0) {
        close(ends[0]);
        child(t->drivers, mask, variables, ends[1], parent);
    }
    if (pid < 0) {
        ocl_log(t->host, CVK_LOG_WARN, "load", "OpenCL drivers are loaded untried, as there is no child process: %s",
                strerror(errno));
        if (pid == -1)
            close(ends[0]), close(ends[1]);
        t->hindered = true;
        return true;
    }
    close(ends[1]);
    uint8_t step = STEP_PLATFORMS;
    double end = now_seconds() + t->seconds;
    bool exited = false, done = listen_to(t, ends[0], end, &step, &exited), known;
    close(ends[0]);
    int how = wait_for(pid, end, &known);
    if (!done)
        describe_death(t, how, known, exited, step);
    return done;
}

static bool survives_all(struct trial *t)
{
    return run_child(t, UINT64_MAX, environ);
}

static bool survives(struct trial *t, uint64_t mask)
{
    char folder[OCL_PATH_BYTES], assignment[OCL_PATH_BYTES + 20];
    char **variables = NULL;
    bool good = false;
    if (ocl_drivers_folder(t->drivers, mask, folder) &&
        (variables = limited_variables(folder, assignment, sizeof assignment))) {
        good = run_child(t, mask, variables);
    } else {
        t->hindered = true;
        snprintf(t->death, sizeof t->death, "cannot be tried alone, for lack of a folder in $TMPDIR or of memory,");
    }
    free(variables);
    ocl_drivers_folder_remove(folder);
    return good;
}

#define LEFT_OUT "in a child process: it is left out until it changes, at most for a day; CONVOKE_PROBE=off loads it untried"

static void leave_out(struct trial *t, uint32_t i, const char *with)
{
    t->verdict->out |= (uint64_t)1 << i;
    snprintf(t->verdict->reasons[i], sizeof t->verdict->reasons[i], "the OpenCL driver of %s %s%s " LEFT_OUT,
             t->drivers->at[i].file, t->death, with);
}

/* Which of those that live alone can be in one process: each joins if those before it and it survive. */
static void try_together(struct trial *t, uint64_t alive)
{
    if (!(alive & (alive - 1)) || survives(t, alive))
        return;
    uint64_t joined = 0;
    for (uint32_t i = 0; i < t->drivers->count; i++) {
        uint64_t bit = (uint64_t)1 << i;
        if (!(alive & bit))
            continue;
        if (!joined || survives(t, joined | bit))
            joined |= bit;
        else
            leave_out(t, i, " together with those before it");
    }
}

static void try_drivers(struct trial *t)
{
    struct ocl_verdict *v = t->verdict;
    uint64_t alive = 0;
    if (survives_all(t))
        return;
    memset(v, 0, sizeof *v);
    for (uint32_t i = 0; i < t->drivers->count; i++)
        if (survives(t, (uint64_t)1 << i))
            alive |= (uint64_t)1 << i;
        else
            leave_out(t, i, "");
    try_together(t, alive);
    /* None is to blame: it was chance, or a driver from a place that only the loader knows. */
    if (!v->out && !survives_all(t)) {
        v->only = true;
        snprintf(v->reasons[OCL_MAX_DRIVERS], sizeof v->reasons[0], "an OpenCL driver from outside %s %s " LEFT_OUT,
                 t->drivers->folder, t->death);
    }
}

/* ---- the verdict in the cache ------------------------------------------------------------------------------------------- */

/* One line for each driver that was left out ('o') or cannot be loaded ('l'), after the time. */
static void keep(const struct cvk_host *host, const char *key, const struct ocl_verdict *v)
{
    char *text = malloc(NOTE_BYTES);
    if (!text)
        return;
    struct ocl_cache *cache = ocl_cache_open(host);
    int length = snprintf(text, NOTE_BYTES, "%lld\n", (long long)time(NULL));
    for (uint32_t i = 0; i <= OCL_MAX_DRIVERS && length < NOTE_BYTES; i++)
        if (v->reasons[i][0])
            length += snprintf(text + length, (size_t)(NOTE_BYTES - length), "%c %u %s\n", v->out >> i & 1 ? 'o' : 'l', i,
                               v->reasons[i]);
    if (length < NOTE_BYTES)
        ocl_cache_put_note(cache, SCOPE, key, text);
    ocl_cache_close(cache);
    free(text);
}

static bool parse_note(char *text, struct ocl_verdict *v)
{
    char *line, *rest, kind;
    uint32_t i;
    int at = 0;
    long long age = (long long)time(NULL) - strtoll(text, &rest, 10);
    for (line = strchr(text, '\n'); line && line[1]; line = rest) {
        line++;
        rest = strchr(line, '\n');
        if (!rest || sscanf(line, "%c %u %n", &kind, &i, &at) != 2 || !at || i > OCL_MAX_DRIVERS)
            return false;
        snprintf(v->reasons[i], sizeof v->reasons[i], "%.*s", (int)(rest - line - at), line + at);
        v->out |= i < OCL_MAX_DRIVERS && kind == 'o' ? (uint64_t)1 << i : 0;
        v->only = v->only || i == OCL_MAX_DRIVERS;
    }
    return line && ((!v->out && !v->only) || (age >= 0 && age < BAD_FOR_SECONDS));
}

static bool recall(const struct cvk_host *host, const char *key, struct ocl_verdict *v)
{
    char *text = malloc(NOTE_BYTES);
    struct ocl_cache *cache = ocl_cache_open(host); /* closed again before any fork */
    bool good = text && ocl_cache_get_note(cache, SCOPE, key, text, NOTE_BYTES) && parse_note(text, v);
    if (!good)
        memset(v, 0, sizeof *v);
    ocl_cache_close(cache);
    free(text);
    return good;
}

static uint32_t read_setting(const struct cvk_host *host)
{
    const char *text = secure_getenv("CONVOKE_PROBE");
    if (!text || !text[0] || strcmp(text, "on") == 0)
        return DEFAULT_SECONDS;
    if (strcmp(text, "off") == 0)
        return 0;
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    if (text[0] >= '1' && text[0] <= '9' && !*end && seconds <= MAX_SECONDS)
        return (uint32_t)seconds;
    ocl_log(host, CVK_LOG_WARN, "load", "CONVOKE_PROBE is neither on, off nor 1 to %d seconds; on is taken", MAX_SECONDS);
    return DEFAULT_SECONDS;
}

/* The program may have used OpenCL before us: then the loader has read its files, its drivers live, and a fork of them could
 * not. */
static bool in_use(const struct ocl_drivers *drivers)
{
    for (uint32_t i = 0; i < drivers->count; i++) {
        void *library = dlopen(drivers->at[i].module, RTLD_LAZY | RTLD_NOLOAD);
        if (library) {
            dlclose(library);
            return true;
        }
    }
    return false;
}

void ocl_drivers_try(const struct cvk_host *host, const struct ocl_drivers *drivers, struct ocl_verdict *verdict)
{
    char key[24];
    struct trial t = {.host = host, .drivers = drivers, .seconds = read_setting(host), .verdict = verdict};
    memset(verdict, 0, sizeof *verdict);
    /* The thread sanitizer ends a child that starts threads, as drivers do. */
    if (t.seconds == 0 || CVK_SANITIZER_HERE == CVK_SANITIZER_THREAD || in_use(drivers))
        return;
    snprintf(key, sizeof key, "%016llx", (unsigned long long)ocl_drivers_fingerprint(drivers));
    if (recall(host, key, verdict))
        return;
    try_drivers(&t);
    if (!t.hindered)
        keep(host, key, verdict);
}

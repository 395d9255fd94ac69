/* SPDX-License-Identifier: MIT
 * Measuring the roof: threads that do the same loop at the same time for a slice of 5 ms, the best slice counts. */
#include "roof.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLICES 6 /* short and many: one of them is spared by whatever else runs */
#define SLICE_MS 5
#define LOOK_BYTES (512 * 1024) /* read between two looks at the clock, which then costs nothing */
#define LOOK_ROUNDS 16384       /* the same for multiply-adds: some 80 us */
#define BUFFER_LEAST (32ull << 20)
#define BUFFER_MOST (256ull << 20)
#define PAGE 4096

enum work { WORK_TOUCH, WORK_FMA, WORK_READ, WORK_TRIAD };

struct team {
    const struct roof_loops *loops;
    enum work work;
    size_t region;      /* bytes of each thread */
    bool warm;          /* read the region once before the clock starts */
    atomic_int missing; /* threads that are not ready yet */
};

struct worker {
    struct team *team;
    pthread_t thread;
    char *region;
    size_t at;         /* where the next slice goes on: what was read last may still be in a cache */
    double done;       /* operations or bytes of this slice */
    double begin, end; /* ms */
    uint64_t consumed;
};

/* One piece of work between two looks at the clock. */
static void work_piece(struct worker *w)
{
    const struct roof_loops *l = w->team->loops;
    size_t region = w->team->region;
    if (w->team->work == WORK_FMA) {
        static const volatile float start = 1;
        w->consumed += (uint64_t)l->multiply_add(LOOK_ROUNDS, start);
        w->done += 2.0 * LOOK_ROUNDS * l->chains * l->lanes;
        return;
    }
    bool triad = w->team->work == WORK_TRIAD;
    size_t part = triad ? region / 3 / PAGE * PAGE : region;
    for (size_t done = 0; done < LOOK_BYTES;) {
        size_t left = part - w->at, bytes = left < LOOK_BYTES ? left : LOOK_BYTES;
        char *a = w->region + w->at;
        if (triad)
            l->triad(a, a + part, a + 2 * part, bytes);
        else
            w->consumed += l->read(a, bytes);
        w->at = bytes == left ? 0 : w->at + bytes;
        done += triad ? 3 * bytes : bytes;
        w->done += (double)(triad ? 3 * bytes : bytes);
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct team *t = w->team;
    if (t->work == WORK_TOUCH) {
        memset(w->region, 0, t->region);
        return NULL;
    }
    if (t->warm)
        w->consumed += t->loops->read(w->region, t->region);
    /* Awake, since threads that sleep may be woken on one CPU, and a slice is too short for them to be spread again. */
    atomic_fetch_sub(&t->missing, 1);
    while (atomic_load(&t->missing) > 0)
        sched_yield();
    w->begin = w->end = tool_now_ms();
    for (w->done = 0; w->end < w->begin + SLICE_MS; w->end = tool_now_ms())
        work_piece(w);
    return NULL;
}

/* Units per second of all threads together: all that was done between the first begin and the last end. */
static double rate_of(const struct worker *workers, uint32_t count)
{
    double done = 0, begin = workers[0].begin, end = workers[0].end;
    for (uint32_t i = 0; i < count; i++) {
        done += workers[i].done;
        begin = workers[i].begin < begin ? workers[i].begin : begin;
        end = workers[i].end > end ? workers[i].end : end;
    }
    return done / (end - begin) * 1e3;
}

/* Starts thread number i. If there is one for each CPU that this process may use, each gets its own. */
static bool start_thread(struct worker *w, uint32_t i, uint32_t threads)
{
    cpu_set_t may, one;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (sched_getaffinity(0, sizeof may, &may) == 0 && CPU_COUNT(&may) == (int)threads) {
        int cpu = 0;
        for (uint32_t left = i; !CPU_ISSET(cpu, &may) || left > 0; cpu++)
            left -= CPU_ISSET(cpu, &may) != 0;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_attr_setaffinity_np(&attr, sizeof one, &one);
    }
    bool started = pthread_create(&w->thread, &attr, work, w) == 0;
    pthread_attr_destroy(&attr);
    return started;
}

/* Runs the team `slices` times; *best gets the highest rate. */
static int run_team(struct team *t, char *buffer, size_t stride, uint32_t threads, uint32_t slices, double *best)
{
    struct worker *workers = tool_alloc(threads, sizeof *workers);
    uint64_t consumed = 0;
    uint32_t started = threads;
    *best = 0;
    for (uint32_t s = 0; s < slices && started == threads; s++) {
        atomic_store(&t->missing, (int)threads);
        for (started = 0; started < threads; started++) {
            struct worker *w = &workers[started];
            w->team = t;
            w->region = buffer + (size_t)started * stride;
            if (!start_thread(w, started, threads))
                break;
        }
        atomic_fetch_sub(&t->missing, (int)(threads - started)); /* those that will never come */
        for (uint32_t i = 0; i < started; i++) {
            pthread_join(workers[i].thread, NULL);
            consumed += workers[i].consumed;
        }
        double rate = started == threads && t->work != WORK_TOUCH ? rate_of(workers, threads) : 0;
        *best = rate > *best ? rate : *best;
    }
    free(workers);
    static volatile uint64_t sink; /* nobody reads it, but the compiler cannot know */
    sink = consumed;
    (void)sink;
    return started == threads ? TOOL_GO_ON : tool_fail(TOOL_FAILED, "only %u of %u threads could be started", started, threads);
}

/* ---- the machine ------------------------------------------------------------------------------------------------------- */

/* The first line of a file of one cache of the first CPU; "" if there is none. */
static void cache_text(uint32_t index, const char *name, char *text, size_t room)
{
    char path[120];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%u/%s", index, name);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, (int)room, file))
        text[0] = '\0';
    if (file)
        fclose(file);
}

/* How many CPUs a list such as "0-3,8" has. */
static uint32_t cpus_in(const char *list)
{
    uint32_t count = 0;
    for (const char *s = list; *s >= '0' && *s <= '9';) {
        char *end;
        unsigned long first = strtoul(s, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        count += last >= first ? (uint32_t)(last - first + 1) : 0;
        s = *end == ',' ? end + 1 : end;
    }
    return count;
}

static void find_caches(struct roof *r)
{
    uint32_t l3_cpus = 0;
    for (uint32_t i = 0; i < 8; i++) {
        char level[16], kind[32], size[32], cpus[256];
        cache_text(i, "level", level, sizeof level);
        cache_text(i, "type", kind, sizeof kind);
        cache_text(i, "size", size, sizeof size);
        cache_text(i, "shared_cpu_list", cpus, sizeof cpus);
        uint64_t bytes = strtoull(size, NULL, 10) * (strchr(size, 'M') ? 1 << 20 : strchr(size, 'K') ? 1024 : 1);
        if (kind[0] == 'I')
            continue;
        if (level[0] == '2')
            r->l2_bytes = bytes;
        if (level[0] == '3') {
            r->l3_bytes = bytes;
            l3_cpus = cpus_in(cpus);
        }
    }
#ifdef _SC_LEVEL3_CACHE_SIZE
    long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE), l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (!r->l2_bytes && l2 > 0)
        r->l2_bytes = (uint64_t)l2;
    if (!r->l3_bytes && l3 > 0)
        r->l3_bytes = (uint64_t)l3;
#endif
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint64_t copies = cpus > 0 && l3_cpus ? ((uint64_t)cpus + l3_cpus - 1) / l3_cpus : 1;
    r->l3_total_bytes = copies * r->l3_bytes;
}

static void find_name(struct roof *r)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (file && !r->cpu[0] && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon && colon[1] == ' ')
            snprintf(r->cpu, sizeof r->cpu, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (file)
        fclose(file);
}

/* Wider vectors are not faster on every CPU, so that all kinds are tried. */
static int choose_loops(struct roof *r)
{
    const struct roof_loops *list[ROOF_ISAS];
    double most = 0;
    r->isa_count = roof_loops(list);
    for (uint32_t i = 0; i < r->isa_count; i++) {
        struct team t = {.loops = list[i], .work = WORK_FMA};
        double rate;
        int code = run_team(&t, r->buffer, 0, 1, SLICES / 2, &rate);
        if (code != TOOL_GO_ON)
            return code;
        r->isas[i].isa = list[i]->isa;
        r->isas[i].fma_gflops = rate / 1e9;
        if (rate > 1.03 * most) {
            most = rate;
            r->loops = list[i];
        }
    }
    return TOOL_GO_ON;
}

int roof_open(struct roof *r)
{
    *r = (struct roof){.cpu = ""};
    find_caches(r);
    find_name(r);
    uint64_t bytes = 4 * r->l3_total_bytes, memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    bytes = bytes < BUFFER_LEAST ? BUFFER_LEAST : bytes > BUFFER_MOST ? BUFFER_MOST : bytes;
    bytes = bytes > memory / 8 ? memory / 8 : bytes;
    bytes -= bytes % PAGE;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return tool_fail(TOOL_FAILED, "no memory (%llu bytes) to measure the machine's roof", (unsigned long long)bytes);
    madvise(p, bytes, MADV_HUGEPAGE); /* if it is refused, the pages are small */
    r->buffer = p;
    r->buffer_bytes = bytes;
    /* First touched by a thread on every CPU: memory of all the machine's parts, and faster than by one. */
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = cpus < 1 ? 1 : cpus > 64 ? 64 : (uint32_t)cpus;
    struct team t = {.work = WORK_TOUCH, .region = bytes / threads / PAGE * PAGE};
    double rate;
    int code = run_team(&t, r->buffer, t.region, threads, 1, &rate);
    return code == TOOL_GO_ON ? choose_loops(r) : code;
}

void roof_close(struct roof *r)
{
    if (r->buffer)
        munmap(r->buffer, r->buffer_bytes);
    r->buffer = NULL;
}

int roof_measure(struct roof *r, uint32_t threads, struct roof_rates *out)
{
    *out = (struct roof_rates){.threads = threads};
    size_t stride = r->buffer_bytes / threads / PAGE * PAGE;
    double rate;
    struct team t = {.loops = r->loops, .work = WORK_FMA};
    int code = run_team(&t, r->buffer, 0, threads, SLICES, &rate);
    if (code != TOOL_GO_ON)
        return code;
    out->fma_gflops = rate / 1e9;
    /* A cache is read from the middle of its sizes: more than the level below holds, and well inside what is there. */
    uint64_t l2 = r->l2_bytes / 2, l3 = r->l3_bytes / 2 / threads;
    l3 = l3 > 2 * r->l2_bytes ? l3 : 2 * r->l2_bytes;
    bool l3_fits = r->l3_bytes && l3 * threads <= r->l3_total_bytes / 4 * 3;
    const uint64_t regions[ROOF_MEMORIES] = {l2, l3_fits ? l3 : 0, stride, stride};
    for (uint32_t i = 0; i < ROOF_MEMORIES && code == TOOL_GO_ON; i++) {
        t = (struct team){.loops = r->loops,
                          .work = i == ROOF_TRIAD ? WORK_TRIAD : WORK_READ,
                          .region = regions[i] / PAGE * PAGE,
                          .warm = i < ROOF_DRAM};
        if (!t.region || t.region > stride)
            continue;
        code = run_team(&t, r->buffer, stride, threads, SLICES, &rate);
        out->gb_per_s[i] = rate / 1e9;
    }
    return code;
}

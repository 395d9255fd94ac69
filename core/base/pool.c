/* SPDX-License-Identifier: MIT
 * The thread pool: persistent workers that spin briefly and then sleep, and a static cut of the work.
 *
 * One job at a time. `ticket` holds the number of the job and how many parts it has: a worker whose number is below the
 * parts takes part and may read the job until it counts `pending` down; the others never touch it, so the caller can
 * write the next job as soon as `pending` is 0. */
#include "base.h"
#include "thread.h"

#include <pthread.h>
#include <stdatomic.h>

#define SPIN_NS 30e3 /* longer than the gap between two nodes of a net, shorter than waking a thread costs */
#define MAX_WORKERS 1024

struct worker {
    struct cvk__pool *pool;
    pthread_t thread;
    uint32_t number; /* from 1; 0 is the caller */
    uint64_t ticket; /* the last one that it has seen */
};

struct job {
    cvk__task_fn fn;
    void *arg;
    uint64_t count;
};

struct cvk__pool {
    uint32_t workers, started; /* started: threads that exist */
    bool spin;
    atomic_flag busy;
    struct worker *threads; /* workers - 1 */

    struct job job;                           /* written by the caller before the ticket, read by those who take part */
    _Alignas(64) atomic_uint_fast64_t ticket; /* number of the job << 32 | parts; parts UINT32_MAX: end */
    _Alignas(64) atomic_uint pending;         /* threads still at work */
    atomic_uint sleepers;                     /* workers asleep or about to be */
    atomic_bool caller_sleeps;
    pthread_mutex_t lock; /* for sleeping only */
    pthread_cond_t wake, done;
    unsigned forks; /* value of fork_count when the first thread was started */
};

/* A child made by fork has none of the threads: counting forks tells so without a system call. */
static atomic_uint fork_count;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    atomic_fetch_add(&fork_count, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

/* A part of a job runs on this thread: a job inside it is one range, done here. */
static _Thread_local bool inside;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

static void run_part(const struct job *job, uint32_t part, uint32_t parts)
{
    uint64_t each = job->count / parts, rest = job->count % parts; /* the first `rest` parts get one more */
    uint64_t begin = part * each + (part < rest ? part : rest);
    job->fn(job->arg, begin, begin + each + (part < rest), part);
}

/* Spins until *word != old; false if that takes too long. */
static bool spin_ticket(const struct cvk__pool *pool, uint64_t old)
{
    if (!pool->spin)
        return false;
    double end = cvk__now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(&pool->ticket, memory_order_acquire) != old)
                return true;
            relax();
        }
    } while (cvk__now_ns() < end);
    return false;
}

/* Waits for a ticket other than `old`. Sleeping: `sleepers` is raised before the ticket is looked at again, and the caller
 * writes the ticket before it looks at `sleepers`, both sequentially consistent: one of them sees the other. */
static uint64_t next_ticket(struct cvk__pool *pool, uint64_t old)
{
    if (!spin_ticket(pool, old)) {
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        while (atomic_load(&pool->ticket) == old)
            pthread_cond_wait(&pool->wake, &pool->lock);
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->lock);
    }
    return atomic_load_explicit(&pool->ticket, memory_order_acquire);
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct cvk__pool *pool = self->pool;
    inside = true;
    for (;;) {
        self->ticket = next_ticket(pool, self->ticket);
        uint32_t parts = (uint32_t)self->ticket;
        if (parts == UINT32_MAX)
            return NULL;
        if (self->number >= parts)
            continue;
        run_part(&pool->job, self->number, parts);
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void publish(struct cvk__pool *pool, uint32_t parts)
{
    uint64_t number = (atomic_load(&pool->ticket) >> 32) + 1;
    atomic_store(&pool->ticket, (uint64_t)(uint32_t)number << 32 | parts);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

static void wait_pending(struct cvk__pool *pool)
{
    double end = pool->spin ? cvk__now_ns() + SPIN_NS : 0;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0)
                return;
            relax();
        }
    } while (pool->spin && cvk__now_ns() < end);
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->pending) != 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
}

int32_t cvk__pool_create(uint32_t workers, struct cvk__pool **out)
{
    *out = NULL;
    if (workers < 1 || workers > MAX_WORKERS)
        return cvk__fail(CVK_E_ARG, "%u threads asked for; between 1 and %u are possible", workers, MAX_WORKERS);
    /* From alloc_buffer, since the two counters have cache lines of their own. */
    struct cvk__pool *pool = cvk__alloc_buffer(CVK__TAG_MISC, sizeof *pool);
    if (!pool)
        return cvk__fail_memory(sizeof *pool, "the thread pool");
    memset(pool, 0, sizeof *pool);
    pool->threads = cvk__alloc_array(CVK__TAG_MISC, workers, sizeof *pool->threads);
    if (!pool->threads) {
        cvk__free(pool);
        return cvk__fail_memory(workers * sizeof *pool->threads, "the thread pool");
    }
    pool->workers = workers;
    pool->spin = workers <= cvk__cpu_count(); /* where threads share a CPU, one that spins keeps another from working */
    atomic_flag_clear(&pool->busy);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pthread_once(&fork_once, watch_forks);
    pool->forks = atomic_load(&fork_count);
    *out = pool;
    return CVK_OK;
}

void cvk__pool_destroy(struct cvk__pool *pool)
{
    if (!pool)
        return;
    if (pool->forks == atomic_load(&fork_count)) {
        if (pool->started > 0)
            publish(pool, UINT32_MAX);
        for (uint32_t i = 0; i < pool->started; i++)
            pthread_join(pool->threads[i].thread, NULL);
        pthread_cond_destroy(&pool->done);
        pthread_cond_destroy(&pool->wake);
        pthread_mutex_destroy(&pool->lock);
    }
    cvk__free(pool->threads);
    cvk__free(pool);
}

uint32_t cvk__pool_workers(const struct cvk__pool *pool)
{
    return pool->workers;
}

/* Starts threads up to number `wanted`. Where the system gives no thread, the caller will do its part. */
static void start_threads(struct cvk__pool *pool, uint32_t wanted)
{
    for (; pool->started < wanted; pool->started++) {
        struct worker *w = &pool->threads[pool->started];
        w->pool = pool;
        w->number = pool->started + 1;
        w->ticket = atomic_load(&pool->ticket);
        if (cvk__thread_start(&w->thread, worker_main, w) != 0)
            break;
    }
}

void cvk__pool_run(struct cvk__pool *pool, uint32_t max_workers, uint64_t count, cvk__task_fn fn, void *arg)
{
    uint32_t parts = max_workers && max_workers < pool->workers ? max_workers : pool->workers;
    if (count < parts)
        parts = (uint32_t)count;
    if (parts == 0)
        return;
    if (parts == 1 || inside) {
        fn(arg, 0, count, 0);
        return;
    }
    const struct job job = {fn, arg, count};
    bool child = pool->forks != atomic_load_explicit(&fork_count, memory_order_relaxed);
    if (child || atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
        inside = true;
        for (uint32_t part = 0; part < parts; part++)
            run_part(&job, part, parts);
        inside = false;
        return;
    }
    if (pool->started < parts - 1)
        start_threads(pool, parts - 1);
    uint32_t helpers = pool->started < parts - 1 ? pool->started : parts - 1;
    pool->job = job;
    atomic_store(&pool->pending, helpers);
    if (helpers > 0)
        publish(pool, parts);
    inside = true;
    run_part(&job, 0, parts);
    for (uint32_t part = helpers + 1; part < parts; part++)
        run_part(&job, part, parts);
    inside = false;
    if (helpers > 0)
        wait_pending(pool);
    atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

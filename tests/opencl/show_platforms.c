/* SPDX-License-Identifier: MIT
 * Prints the list of OpenCL devices as the backend makes it, one line each; test_platform.py sets the scene. The first argument
 * is how many threads ask at once; with a second the program has used OpenCL before. LATER_BY shifts the clock by that many
 * seconds. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "platform.h"

#define MAX_THREADS 16

static void *host_alloc(const struct cvk_host *host, uint64_t bytes, uint64_t align)
{
    (void)host;
    (void)align;
    return aligned_alloc(CVK_ALIGN_BYTES, (bytes + 2 * CVK_ALIGN_BYTES - 1) / CVK_ALIGN_BYTES * CVK_ALIGN_BYTES);
}

static void host_free(const struct cvk_host *host, void *memory)
{
    (void)host;
    free(memory);
}

static void host_log(const struct cvk_host *host, uint32_t level, const char *category, const char *text)
{
    (void)host;
    fprintf(stderr, "%u %s: %s\n", level, category, text);
}

static int32_t host_fail(const struct cvk_host *host, const struct cvk_failure *failure)
{
    (void)host;
    printf("failure %d %s\n", failure->status, failure->text);
    return failure->status;
}

static const struct cvk_host host = {
    .size = sizeof host, .alloc = host_alloc, .free = host_free, .log = host_log, .fail = host_fail};

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time_t seconds = now.tv_sec + (getenv("LATER_BY") ? atoi(getenv("LATER_BY")) : 0);
    if (out)
        *out = seconds;
    return seconds;
}

struct answer {
    pthread_t thread;
    const struct ocl_found *found;
    uint32_t count;
    int32_t status;
};

static void *ask(void *arg)
{
    struct answer *a = arg;
    a->status = ocl_platforms_find(&host, &a->found, &a->count);
    return NULL;
}

int main(int argc, char **argv)
{
    struct answer answers[MAX_THREADS];
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    cl_uint platforms;
    if (argc > 2 && clGetPlatformIDs(0, NULL, &platforms) != CL_SUCCESS)
        return 4;
    for (int i = 0; i < threads && i < MAX_THREADS; i++)
        if (pthread_create(&answers[i].thread, NULL, ask, &answers[i]) != 0)
            return 1;
    for (int i = 0; i < threads && i < MAX_THREADS; i++) {
        pthread_join(answers[i].thread, NULL);
        if (answers[i].found != answers[0].found || answers[i].count != answers[0].count ||
            answers[i].status != answers[0].status)
            return 2;
    }
    struct answer again;
    ask(&again);
    if (again.found != answers[0].found || again.count != answers[0].count)
        return 3;
    for (uint32_t i = 0; i < again.count; i++) {
        const struct ocl_found *f = &again.found[i];
        const struct cvk_device_info *d = &f->info;
        char scope[1024];
        ocl_platform_scope(f, scope, sizeof scope);
        printf("device\t%u\t%s\t%s\t%s\t%s\t%s\t%s\t%u\t%llx\t%llu\t%llu\t%u\t%u\t%s\t%s\n", i, d->name, d->vendor, d->driver,
               d->platform, d->uuid, d->pci, d->kind, (unsigned long long)d->caps, (unsigned long long)d->memory_bytes,
               (unsigned long long)d->max_alloc_bytes, d->offset_align, d->compute_units, scope, f->broken);
    }
    printf("vendors\t%s\n", getenv("OCL_ICD_VENDORS") ? getenv("OCL_ICD_VENDORS") : "");
    return 0;
}

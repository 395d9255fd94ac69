/* SPDX-License-Identifier: MIT
 * The SIMD backend: vector kernels for the CPU, in the best instruction set that the processor has. */
#include <pthread.h>
#include <stdlib.h>

#include "simd.h"

#define MAX_ROWS 256
#define MAX_THREADS 1024

#define SIMD_ROWS(name)                                  \
    extern const struct cvk_kernel simd_##name##_rows[]; \
    extern const uint32_t simd_##name##_row_count;
#include "rows.def"
#undef SIMD_ROWS

/* The boundary wants one array; the rows live in one file per kernel, so they are joined at the first query. */
static struct cvk_kernel rows[MAX_ROWS];
static uint32_t row_count;
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

static void join_rows(void)
{
    static const struct {
        const struct cvk_kernel *rows;
        const uint32_t *count;
    } files[] = {
#define SIMD_ROWS(name) {simd_##name##_rows, &simd_##name##_row_count},
#include "rows.def"
#undef SIMD_ROWS
    };
    for (uint32_t f = 0; f < SIMD_COUNT(files); f++)
        for (uint32_t r = 0; r < *files[f].count && row_count < MAX_ROWS; r++)
            rows[row_count++] = files[f].rows[r];
}

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    char cpu[64];
    (void)index;
    simd_cpu_name(cpu, sizeof cpu);
    out->kind = CVK_DEVICE_CPU;
    out->caps = CVK_CAP_HOST_MEMORY | CVK_CAP_DETERMINISTIC;
    out->compute_units = host->workers(host);
    snprintf(out->name, sizeof out->name, "%s, %s kernels", cpu[0] ? cpu : "CPU", simd_isa_best()->name);
    snprintf(out->vendor, sizeof out->vendor, "Convoke");
    return CVK_OK;
}

static int32_t read_threads(const struct cvk_host *host, struct simd_device *d)
{
    const char *text = host->config(host, "threads");
    unsigned long value = 0;
    if (text) {
        char *end = NULL;
        value = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
        if (!end || *end || value > MAX_THREADS)
            return cvk_fail(host, CVK_E_ARG, "simd: threads=%.40s is not a whole number from 0 to %d", text, MAX_THREADS);
    }
    uint32_t workers = host->workers(host);
    d->threads = value && value < workers ? (uint32_t)value : workers;
    return CVK_OK;
}

static int32_t read_isa(const struct cvk_host *host, struct simd_device *d)
{
    const char *text = host->config(host, "isa");
    d->isa = simd_isa_best();
    if (!text)
        return CVK_OK;
    int runs = 0;
    const struct simd_isa *isa = simd_isa_find(text, &runs);
    char names[64] = "";
    for (uint32_t i = 0; simd_isas()[i]; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", simd_isas()[i]->name);
    if (!isa)
        return cvk_fail(host, CVK_E_ARG, "simd: isa=%.40s is none of %s", text, names);
    if (!runs)
        return cvk_fail(host, CVK_E_UNSUPPORTED, "simd: this processor (or its system) cannot run isa=%s; it can run %s", text,
                        d->isa->name);
    d->isa = isa;
    return CVK_OK;
}

static int32_t read_accuracy(const struct cvk_host *host, struct simd_device *d)
{
    static const char *const names[] = {"strict", "normal", "fast"};
    const char *text = host->config(host, "accuracy");
    d->accuracy = SIMD_NORMAL;
    if (!text)
        return CVK_OK;
    for (uint32_t i = 0; i < SIMD_COUNT(names); i++)
        if (strcmp(text, names[i]) == 0) {
            d->accuracy = (enum simd_accuracy)i;
            return CVK_OK;
        }
    return cvk_fail(host, CVK_E_ARG, "simd: accuracy=%.40s is none of strict, normal, fast", text);
}

static int32_t open_device(const struct cvk_host *host, uint32_t index, void **device)
{
    struct simd_device read;
    (void)index;
    memset(&read, 0, sizeof read);
    read.caches = simd_cpu_caches();
    SIMD_TRY(read_threads(host, &read));
    SIMD_TRY(read_isa(host, &read));
    SIMD_TRY(read_accuracy(host, &read));
    struct simd_device *d = host->alloc(host, sizeof *d, 0);
    if (!d)
        return cvk_fail(host, CVK_E_MEMORY, "simd: no memory for the device (%zu bytes)", sizeof *d);
    *d = read;
    *device = d;
    return CVK_OK;
}

static void close_device(const struct cvk_host *host, void *device)
{
    host->free(host, device);
}

static const struct cvk_device_api api = {
    .size = sizeof api, .info = info, .open = open_device, .close = close_device};

static const struct cvk_option options[] = {
    {.size = sizeof options[0], .key = "threads", .help = "how many threads to use at most; 0, the default: all of the host's"},
    {.size = sizeof options[0], .key = "isa", .help = "avx512, avx2, neon or generic; default: the best that the processor has"},
    {.size = sizeof options[0],
     .key = "accuracy",
     .help = "strict (no Winograd), normal (Winograd up to 4x4; the default), fast (up to 6x6)"},
};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    pthread_once(&rows_once, join_rows);
    const struct cvk_plugin self = {CVK_PLUGIN_HEAD,
                                    .rank = 100,
                                    .kernel_count = row_count,
                                    .kernel_stride = sizeof rows[0],
                                    .option_count = SIMD_COUNT(options),
                                    .option_stride = sizeof options[0],
                                    .name = "simd",
                                    .vendor = "Convoke",
                                    .version = "0.1.0",
                                    .license = "MIT",
                                    .summary = "vector kernels for the CPU (AVX-512, AVX2, NEON, generic)",
                                    .kernels = rows,
                                    .options = options,
                                    .device = &api};
    return cvk_plugin_answer(host, out, &self);
}

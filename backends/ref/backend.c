/* SPDX-License-Identifier: MIT
 * The reference backend: plain kernels in double precision, for every op and type, whose results are the truth. */
#include <pthread.h>
#include <stdlib.h>

#include "ref.h"

#define REF_MAX_ROWS 256
#define REF_MAX_THREADS 4096

#define CVK_OP(id, NAME, name)                      \
    extern const struct cvk_kernel ref_##name##_rows[]; \
    extern const uint32_t ref_##name##_row_count;
#include "convoke/ops.def"
#undef CVK_OP

/* The boundary wants one array; the rows live in one file per op, so they are joined at the first query. */
static struct cvk_kernel rows[REF_MAX_ROWS];
static uint32_t row_count;
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

static void join_rows(void)
{
    static const struct {
        const struct cvk_kernel *rows;
        const uint32_t *count;
    } files[] = {
#define CVK_OP(id, NAME, name) {ref_##name##_rows, &ref_##name##_row_count},
#include "convoke/ops.def"
#undef CVK_OP
    };
    for (uint32_t f = 0; f < REF_COUNT(files); f++)
        for (uint32_t r = 0; r < *files[f].count && row_count < REF_MAX_ROWS; r++) {
            rows[row_count] = files[f].rows[r];
            rows[row_count++].flags |= CVK_KERNEL_CONCURRENT; /* none keeps anything between runs */
        }
}

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)index;
    out->kind = CVK_DEVICE_CPU;
    out->caps = CVK_CAP_HOST_MEMORY | CVK_CAP_DETERMINISTIC;
    out->compute_units = host->workers(host);
    snprintf(out->name, sizeof out->name, "CPU, reference kernels");
    snprintf(out->vendor, sizeof out->vendor, "Convoke");
    return CVK_OK;
}

static int32_t open_device(const struct cvk_host *host, uint32_t index, void **device)
{
    (void)index;
    uint32_t threads = 0;
    const char *text = host->config(host, "threads");
    if (text) {
        char *end = NULL;
        unsigned long value = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
        if (!end || *end || value > REF_MAX_THREADS)
            return cvk_fail(host, CVK_E_ARG, "ref: threads=%.40s is not a whole number from 0 to %d", text, REF_MAX_THREADS);
        threads = (uint32_t)value;
    }
    struct ref_device *d = host->alloc(host, sizeof *d, 0);
    if (!d)
        return cvk_fail(host, CVK_E_MEMORY, "ref: no memory for the device (%zu bytes)", sizeof *d);
    d->threads = threads;
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
};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    pthread_once(&rows_once, join_rows);
    struct cvk_plugin self = {CVK_PLUGIN_HEAD,
                              .flags = CVK_PLUGIN_REFERENCE,
                              .rank = 0,
                              .name = "ref",
                              .vendor = "Convoke",
                              .version = "0.1.0",
                              .license = "MIT",
                              .summary = "plain C in double precision, every op: the truth that others are compared with",
                              .kernels = rows,
                              .kernel_count = row_count,
                              .kernel_stride = sizeof rows[0],
                              .options = options,
                              .option_count = REF_COUNT(options),
                              .option_stride = sizeof options[0],
                              .device = &api};
    return cvk_plugin_answer(host, out, &self);
}

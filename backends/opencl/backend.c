/* SPDX-License-Identifier: MIT
 * The OpenCL backend: what it is called, its rows, its options. */
#include <pthread.h>

#include "device.h"

#define MAX_ROWS 256

#define OCL_ROWS(name)                              \
    extern const struct cvk_kernel ocl_##name##_rows[]; \
    extern const uint32_t ocl_##name##_row_count;
#include "rows.def"
#undef OCL_ROWS

/* The boundary wants one array; the rows live in one file per op, so they are joined at the first query. */
static struct cvk_kernel rows[MAX_ROWS];
static uint32_t row_count;
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

static void join_rows(void)
{
    static const struct {
        const struct cvk_kernel *rows;
        const uint32_t *count;
    } files[] = {
#define OCL_ROWS(name) {ocl_##name##_rows, &ocl_##name##_row_count},
#include "rows.def"
#undef OCL_ROWS
    };
    for (uint32_t f = 0; f < OCL_COUNT(files); f++)
        for (uint32_t r = 0; r < *files[f].count && row_count < MAX_ROWS; r++)
            rows[row_count++] = files[f].rows[r];
}

uint32_t ocl_dtype_bytes(uint32_t dtype)
{
    static const uint8_t bytes[] = {0, 4, 8, 2, 2, 1, 1, 2, 2, 4, 4, 8, 8, 1};
    return dtype < OCL_COUNT(bytes) ? bytes[dtype] : 0;
}

static int32_t fits(const struct cvk_query *q, const struct cvk_tensor_desc *t, bool moved, const char *what, uint32_t i)
{
    if (!t)
        return CVK_OK;
    uint32_t bytes = ocl_dtype_bytes(t->dtype);
    if (!bytes || (t->dtype == CVK_F64 && !moved && !ocl_asked(q)->fp64))
        return cvk_refuse(q, "%s %u has a type that this device cannot compute with", what, i);
    if (t->bytes / bytes > INT32_MAX)
        return cvk_refuse(q, "%s %u has more than 2^31-1 elements", what, i);
    return CVK_OK;
}

static int32_t all_fit(const struct cvk_query *q, bool moved)
{
    for (uint32_t i = 0; i < q->node->input_count; i++)
        OCL_TRY(fits(q, q->node->inputs[i], moved, "input", i));
    for (uint32_t i = 0; i < q->node->output_count; i++)
        OCL_TRY(fits(q, q->node->outputs[i], moved, "output", i));
    return CVK_OK;
}

int32_t ocl_fits(const struct cvk_query *q)
{
    return all_fit(q, false);
}

int32_t ocl_fits_moved(const struct cvk_query *q)
{
    return all_fit(q, true);
}

int32_t ocl_plan_any(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return ocl_fits(q);
}

static const struct cvk_option options[] = {
    {.size = sizeof options[0],
     .key = "form",
     .help = "kernels for cpu or gpu devices; default auto: cpu where the device is a CPU with vectors of its own"},
};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    pthread_once(&rows_once, join_rows);
    const struct cvk_plugin self = {CVK_PLUGIN_HEAD,
                                    .rank = 200,
                                    .kernel_count = row_count,
                                    .kernel_stride = sizeof rows[0],
                                    .option_count = OCL_COUNT(options),
                                    .option_stride = sizeof options[0],
                                    .name = "opencl",
                                    .vendor = "Convoke",
                                    .version = OCL_VERSION,
                                    .license = "MIT",
                                    .summary = "any device with an OpenCL 1.2 driver",
                                    .kernels = rows,
                                    .options = options,
                                    .device = &ocl_device_api};
    return cvk_plugin_answer(host, out, &self);
}

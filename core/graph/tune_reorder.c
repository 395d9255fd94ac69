/* SPDX-License-Identifier: MIT
 * Times: of a kernel that is ready to run, and of the reorders that a kernel's layouts would cost. */
#include <stdlib.h>

#include "tune.h"

#define BLOCK_NS 1e6  /* runs that are timed together, so that starting and waiting weigh little */
#define QUICK_NS 60e6 /* for one kernel */
#define THOROUGH_NS 300e6
#define SAMPLES 9
#define SURE 3 /* samples before a kernel is given up */
#define FAR_ABOVE 1.5

static int by_value(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* The lower quartile of some samples: what else runs on the machine only ever adds time. */
int32_t cvk__tune_measure(struct cvk__drive *w, bool thorough, double best_ns, double *ns)
{
    double samples[SAMPLES], start = cvk__now_ns(), most = thorough ? THOROUGH_NS : QUICK_NS, least;
    uint32_t count = 0, wanted = thorough ? SAMPLES : 5;
    CVK__TRY(cvk__drive_time(w, 1, &least));
    double fit = BLOCK_NS / (least > 1 ? least : 1);
    uint32_t runs = fit < 1 ? 1 : fit > 200 ? 200 : (uint32_t)fit;
    while (count < wanted) {
        CVK__TRY(cvk__drive_time(w, runs, &samples[count]));
        least = samples[count] < least ? samples[count] : least;
        count++;
        if (count >= SURE && best_ns > 0 && least > FAR_ABOVE * best_ns)
            break;
        if (cvk__now_ns() - start > most)
            break;
    }
    qsort(samples, count, sizeof *samples, by_value);
    *ns = samples[count / 4];
    return CVK_OK;
}

/* One input, one output and the op's parameters, without a graph. */
static int32_t time_reorder(struct cvk__device *d, const struct cvk_tensor_desc *desc, uint32_t flags, uint32_t from, uint32_t to,
                            double *ns)
{
    const struct cvk_reorder_params params = {.size = sizeof params, .layout = to};
    struct cvk__operand operands[2 + CVK__EPILOGUE_COUNT] = {{.desc = *desc}, {.desc = *desc}};
    const struct cvk__problem p = {.name = "reorder",
                                   .params = &params,
                                   .op = CVK_OP_REORDER,
                                   .flags = flags,
                                   .input_count = 1,
                                   .output_count = 1,
                                   .operands = operands};
    char reason[CVK__REASON_BYTES];
    struct cvk__way way = {.layout_x = from, .layout_y = to};
    struct cvk_plan plan;
    bool found = false;
    *ns = -1;
    for (uint32_t r = 0; r < d->backend->plugin.kernel_count && !found; r++) {
        way.row = &d->backend->kernels[r];
        found = way.row->op == CVK_OP_REORDER && cvk__drive_ask(d, &p, &way, &plan, reason) == CVK_OK;
    }
    if (!found)
        return CVK_OK;
    struct cvk__drive w;
    operands[0].data = cvk__alloc_buffer(CVK__TAG_SESSION, desc->bytes);
    if (!operands[0].data)
        return cvk__fail_memory(desc->bytes, "tuning");
    memset(operands[0].data, 0, desc->bytes);
    int32_t status = cvk__drive_begin(&w, d, &p, &way);
    if (status == CVK_OK) {
        status = cvk__drive_run(&w);
        if (status == CVK_OK)
            status = cvk__tune_measure(&w, false, 0, ns);
        cvk__drive_end(&w);
    }
    cvk__free(operands[0].data);
    return status == CVK_E_UNSUPPORTED ? CVK_OK : status;
}

int32_t cvk__tune_reorder(struct cvk__tune *t, struct cvk_session *s, struct cvk__device *d, const struct cvk_tensor_desc *desc,
                          uint32_t from, uint32_t to, double *ns)
{
    *ns = 0;
    if (from == to)
        return CVK_OK;
    struct cvk_tensor_desc plain;
    CVK__TRY(cvk_tensor_desc_init(&plain, desc->dtype, CVK_LAYOUT_PLAIN, desc->rank, desc->dims));
    const uint32_t pair[] = {from, to};
    uint64_t hash = cvk__hash(cvk__hash(0, &plain, sizeof plain), pair, sizeof pair);
    hash = cvk__hash(hash, d->spec, strlen(d->spec));
    for (uint32_t i = 0; i < t->reorder_count; i++)
        if (t->reorders[i].hash == hash) {
            *ns = t->reorders[i].ns;
            return CVK_OK;
        }
    if (t->reorder_count == t->reorder_capacity) {
        uint32_t capacity = t->reorder_capacity ? 2 * t->reorder_capacity : 32;
        struct cvk__reorder_time *grown = cvk__realloc(CVK__TAG_SESSION, t->reorders, capacity * sizeof *grown);
        if (!grown)
            return cvk__fail_memory(capacity * sizeof *grown, "tuning");
        t->reorders = grown;
        t->reorder_capacity = capacity;
    }
    CVK__TRY(time_reorder(d, &plain, s->node_flags, from, to, ns));
    t->reorders[t->reorder_count++] = (struct cvk__reorder_time){hash, *ns};
    return CVK_OK;
}

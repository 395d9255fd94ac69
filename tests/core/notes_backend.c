/* SPDX-License-Identifier: MIT
 * The "noted" backend: one kernel of each bad sort, and notes in static memory. As a plugin file (NOTES_PLUGIN) it keeps them in
 * the file that NOTED_FILE names, its driver is NOTED_DRIVER, and "exact" takes NOTED_US microseconds. */
#include "notes_backend.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#define MOST_NOTES 128

struct notes_state notes_state = {.driver = "1.0"};

static struct {
    char driver[32], key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES];
} notes[MOST_NOTES];

struct device {
    const struct cvk_host *host;
    bool no_notes;
};

void notes_reset(void)
{
    memset(notes, 0, sizeof notes);
    notes_state = (struct notes_state){.driver = "1.0"};
}

uint32_t notes_count(const char *prefix)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < MOST_NOTES; i++)
        count += notes[i].key[0] && !strncmp(notes[i].key, prefix, strlen(prefix));
    return count;
}

/* ---- notes ---- */

#ifdef NOTES_PLUGIN
static void read_notes(void)
{
    const char *path = getenv("NOTED_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    notes_state.driver = getenv("NOTED_DRIVER") ? getenv("NOTED_DRIVER") : "1.0";
    memset(notes, 0, sizeof notes);
    for (uint32_t i = 0; file && i < MOST_NOTES; i++)
        if (fscanf(file, "%31[^\t]\t%511[^\t]\t%511[^\n]\n", notes[i].driver, notes[i].key, notes[i].text) != 3)
            break;
    if (file)
        fclose(file);
}

static void write_notes(void)
{
    const char *path = getenv("NOTED_FILE");
    FILE *file = path ? fopen(path, "w") : NULL;
    for (uint32_t i = 0; file && i < MOST_NOTES && notes[i].key[0]; i++)
        fprintf(file, "%s\t%s\t%s\n", notes[i].driver, notes[i].key, notes[i].text);
    if (file)
        fclose(file);
}
#else
static void read_notes(void) {}

static void write_notes(void) {}
#endif

static int32_t recall(void *device, const char *key, char *text, uint32_t bytes)
{
    (void)device;
    notes_state.recalls++;
    for (uint32_t i = 0; i < MOST_NOTES; i++)
        if (!strcmp(notes[i].key, key) && !strcmp(notes[i].driver, notes_state.driver)) {
            snprintf(text, bytes, "%s", notes[i].text);
            return CVK_OK;
        }
    return CVK_E_NOT_FOUND;
}

static int32_t keep(void *device, const char *key, const char *text)
{
    (void)device;
    notes_state.keeps++;
    if (notes_state.keep_status != CVK_OK)
        return notes_state.keep_status;
    uint32_t at = 0;
    while (at < MOST_NOTES && notes[at].key[0] &&
           (strcmp(notes[at].key, key) != 0 || strcmp(notes[at].driver, notes_state.driver) != 0))
        at++;
    if (at == MOST_NOTES)
        return CVK_E_LIMIT;
    snprintf(notes[at].driver, sizeof notes[at].driver, "%s", notes_state.driver);
    snprintf(notes[at].key, sizeof notes[at].key, "%s", key);
    snprintf(notes[at].text, sizeof notes[at].text, "%s", text);
    write_notes();
    return CVK_OK;
}

static int32_t each(void *device, const char *prefix, int32_t (*fn)(void *arg, const char *key, const char *text), void *arg)
{
    (void)device;
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < MOST_NOTES && status == CVK_OK; i++)
        if (notes[i].key[0] && !strncmp(notes[i].key, prefix, strlen(prefix)) && !strcmp(notes[i].driver, notes_state.driver))
            status = fn(arg, notes[i].key, notes[i].text);
    return status;
}

static const struct cvk_notes_api notes_api = {sizeof notes_api, 1, recall, keep, each};

/* ---- device ---- */

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host, (void)index;
    read_notes();
    out->kind = CVK_DEVICE_CPU;
    out->caps = CVK_CAP_HOST_MEMORY | CVK_CAP_SELF_TEST;
    snprintf(out->name, sizeof out->name, "a device with a driver");
    snprintf(out->driver, sizeof out->driver, "%s", notes_state.driver);
    return CVK_OK;
}

static int32_t device_open(const struct cvk_host *host, uint32_t index, void **out)
{
    (void)index;
    struct device *d = host->alloc(host, sizeof *d, 0);
    if (!d)
        return cvk_fail(host, CVK_E_MEMORY, "no memory for a device");
    *d = (struct device){host, host->config(host, "notes") != NULL};
    *out = d;
    return CVK_OK;
}

static void device_close(const struct cvk_host *host, void *device)
{
    host->free(host, device);
}

static int32_t device_alloc(void *device, uint64_t bytes, void **buffer)
{
    struct device *d = device;
    if (notes_state.dead)
        return cvk_fail(d->host, CVK_E_DEVICE, "the device is gone");
    *buffer = d->host->alloc(d->host, bytes, 0);
    return *buffer ? CVK_OK : cvk_fail(d->host, CVK_E_MEMORY, "no memory for a buffer");
}

static void device_free(void *device, void *buffer)
{
    struct device *d = device;
    d->host->free(d->host, buffer);
}

static int32_t device_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    (void)device, (void)queue;
    memcpy((char *)buffer + offset, src, bytes);
    return CVK_OK;
}

static int32_t device_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    (void)device, (void)queue;
    memcpy(dst, (const char *)buffer + offset, bytes);
    return CVK_OK;
}

static const void *get_interface(void *device, const char *name, uint32_t version)
{
    return !strcmp(name, "notes") && version == 1 && !((struct device *)device)->no_notes ? &notes_api : NULL;
}

static const struct cvk_device_api device_api = {.size = sizeof device_api,
                                                 .info = info,
                                                 .open = device_open,
                                                 .close = device_close,
                                                 .alloc = device_alloc,
                                                 .free = device_free,
                                                 .write = device_write,
                                                 .read = device_read,
                                                 .get_interface = get_interface};

/* ---- rows ---- */

static uint32_t kind_of(const struct cvk_node *n)
{
    return ((const struct cvk_unary_params *)n->params)->kind;
}

static void spin(double us)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double end = (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3 + us;
    while (us > 0 && (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3 < end)
        clock_gettime(CLOCK_MONOTONIC, &t);
}

static int32_t compute(struct cvk_exec *e, double us, float last)
{
    const float *x = (const float *)((const char *)e->inputs[0].buffer + e->inputs[0].offset);
    float *y = (float *)((char *)e->outputs[0].buffer + e->outputs[0].offset);
    uint64_t count = e->outputs[0].bytes / sizeof *y;
    uint32_t kind = kind_of(e->node);
    for (uint64_t i = 0; i < count; i++)
        y[i] = kind == CVK_RELU ? (x[i] > 0 ? x[i] : 0) : kind == CVK_TANH ? tanhf(x[i]) : kind == CVK_ABS ? fabsf(x[i]) : -x[i];
    if (count)
        y[count - 1] += last;
    spin(us);
    return CVK_OK;
}

static int32_t plan_wrong(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return kind_of(q->node) == CVK_RELU ? CVK_OK : cvk_refuse(q, "relu only");
}

static int32_t run_wrong(struct cvk_exec *e)
{
    notes_state.runs[NOTES_WRONG]++;
    return compute(e, 0, 1);
}

static int32_t plan_broken(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return kind_of(q->node) == CVK_TANH ? CVK_OK : cvk_refuse(q, "tanh only");
}

static int32_t run_broken(struct cvk_exec *e)
{
    notes_state.runs[NOTES_BROKEN]++;
    return cvk_fail(e->host, CVK_E_DEVICE, "the kernel of line 7 broke");
}

static int32_t plan_sets(const struct cvk_query *q, struct cvk_plan *plan)
{
    if (kind_of(q->node) != CVK_NEG)
        return cvk_refuse(q, "neg only");
    plan->user[0] = cvk_choose(q, plan, 4);
    return plan->user[0] == 3 ? cvk_refuse(q, "not with this parameter set") : CVK_OK;
}

static int32_t run_sets(struct cvk_exec *e)
{
    static const double us[] = {300, 60, 0};
    notes_state.runs[NOTES_SETS]++;
    notes_state.last_variant = (uint32_t)e->plan->user[0];
    return compute(e, us[e->plan->user[0]], e->plan->user[0] == 2 ? 1 : 0);
}

static int32_t plan_dirty(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return kind_of(q->node) == CVK_ABS ? CVK_OK : cvk_refuse(q, "abs only");
}

static int32_t run_dirty(struct cvk_exec *e)
{
    notes_state.runs[NOTES_DIRTY]++;
    return compute(e, 0, 1);
}

static int32_t plan_exact(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    uint32_t kind = kind_of(q->node);
    return kind == CVK_RELU || kind == CVK_TANH || kind == CVK_NEG || kind == CVK_ABS ? CVK_OK
                                                                                      : cvk_refuse(q, "another function");
}

static int32_t run_exact(struct cvk_exec *e)
{
    const char *us = getenv("NOTED_US");
    notes_state.runs[NOTES_EXACT]++;
    return compute(e, us ? atof(us) : 500, 0);
}

int32_t notes_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    static const struct cvk_kernel rows[] = {
        {.size = sizeof rows[0], .op = CVK_OP_UNARY, .name = "wrong", .plan = plan_wrong, .run = run_wrong},
        {.size = sizeof rows[0], .op = CVK_OP_UNARY, .name = "broken", .plan = plan_broken, .run = run_broken},
        {.size = sizeof rows[0], .op = CVK_OP_UNARY, .name = "sets", .plan = plan_sets, .run = run_sets},
        {.size = sizeof rows[0],
         .op = CVK_OP_UNARY,
         .name = "dirty",
         .layouts_x = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
         .layouts_y = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
         .plan = plan_dirty,
         .run = run_dirty},
        {.size = sizeof rows[0], .op = CVK_OP_UNARY, .name = "exact", .plan = plan_exact, .run = run_exact},
    };
    static const struct cvk_option options[] = {{.size = sizeof options[0], .key = "notes", .help = "none: nothing is kept"}};
    static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,
                                             .rank = -70,
                                             .name = "noted",
                                             .version = "1.0",
                                             .license = "MIT",
                                             .kernels = rows,
                                             .kernel_count = sizeof rows / sizeof rows[0],
                                             .kernel_stride = sizeof rows[0],
                                             .options = options,
                                             .option_count = 1,
                                             .option_stride = sizeof options[0],
                                             .device = &device_api};
    return cvk_plugin_answer(host, out, &plugin);
}

#ifdef NOTES_PLUGIN
CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return notes_query(host, out);
}
#endif

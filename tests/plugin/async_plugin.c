/* SPDX-License-Identifier: MIT
 * A plugin that does everything a plugin may leave out: memory of its own that nobody else can look into, an in-order queue that
 * works only when somebody waits, events, mapping, a clock, options, several devices, a blocked layout, packed weights, and a
 * backward row. A host that forgets to wait, to copy or to reorder gets wrong numbers from it.
 *
 * Options: fail=alloc lets every allocation fail, fail=open the opening; speed=fast or slow means nothing. */
#include <stdbool.h>
#include <stdlib.h>

#include "async_plugin.h"
#include "convoke/plugin_cpu.h"

#define BLOCK 8
#define DEVICES 3

/* Buffers are handles: the address is mixed, so that reading through one is a crash and not luck. */
#define KEY ((uintptr_t)0x5500000000000000u)

struct device {
    const struct cvk_host *host;
    struct async_counts counts;
    uint32_t fail_alloc;
};

struct job {
    void (*work)(const struct job *job);
    const float *x, *dy, *packed;
    float *y;
    uint64_t count;
    struct cvk_conv_params conv;
    struct cvk_tensor_desc xd, yd;
    struct job *next;
};

struct queue {
    struct job *first, **last;
    uint64_t done; /* jobs so far */
};

static float *memory_of(void *buffer)
{
    return (float *)((uintptr_t)buffer ^ KEY);
}

static float *operand(const struct cvk_binding *b)
{
    return (float *)((char *)memory_of(b->buffer) + b->offset);
}

/* ---- device ---- */

static int32_t device_count(const struct cvk_host *host, uint32_t *count)
{
    (void)host;
    *count = DEVICES;
    return CVK_OK;
}

static int32_t device_info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    static const uint32_t kinds[DEVICES] = {CVK_DEVICE_CPU, CVK_DEVICE_GPU, CVK_DEVICE_GPU};
    static const char *const names[DEVICES] = {"Slow One", "Quick Two", "Quick Three"};
    if (index >= DEVICES)
        return cvk_fail(host, CVK_E_NOT_FOUND, "no device %u", index);
    out->kind = kinds[index];
    out->caps = index == 2 ? CVK_CAP_UNIFIED_MEMORY : 0;
    out->max_alloc_bytes = (uint64_t)1 << 30;
    out->offset_align = 256;
    snprintf(out->name, sizeof out->name, "%s", names[index]);
    snprintf(out->vendor, sizeof out->vendor, "%s", index == 2 ? "Northern Works" : "Southern Works");
    snprintf(out->uuid, sizeof out->uuid, "00112233-4455-6677-8899-aabbccddee%02x", index);
    snprintf(out->pci, sizeof out->pci, "0000:0%u:00.0", index + 1);
    return CVK_OK;
}

static int32_t device_open(const struct cvk_host *host, uint32_t index, void **out)
{
    const char *fail = host->config(host, "fail");
    const char *speed = host->config(host, "speed");
    (void)index;
    if (speed && strcmp(speed, "fast") != 0 && strcmp(speed, "slow") != 0)
        return cvk_fail(host, CVK_E_ARG, "option speed is '%s'; possible is fast or slow", speed);
    if (fail && strcmp(fail, "open") == 0)
        return cvk_fail(host, CVK_E_DEVICE, "the device is asleep");
    struct device *d = host->alloc(host, sizeof *d, 0);
    if (!d)
        return cvk_fail(host, CVK_E_MEMORY, "no memory for a device");
    memset(d, 0, sizeof *d);
    d->host = host;
    d->fail_alloc = fail && strcmp(fail, "alloc") == 0;
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
    if (d->fail_alloc) {
        struct cvk_failure f = {.size = sizeof f,
                                .status = CVK_E_MEMORY,
                                .native_code = -4,
                                .native_name = "MEM_OBJECT_ALLOCATION_FAILURE",
                                .text = "the device is full",
                                .advice = "use a smaller batch"};
        return d->host->fail(d->host, &f);
    }
    void *memory = d->host->alloc(d->host, bytes, 256);
    if (!memory)
        return cvk_fail(d->host, CVK_E_MEMORY, "no memory for a buffer");
    memset(memory, 0x7f, bytes); /* nobody may count on zeros */
    d->counts.buffers++;
    *buffer = (void *)((uintptr_t)memory ^ KEY);
    return CVK_OK;
}

static void device_free(void *device, void *buffer)
{
    struct device *d = device;
    d->counts.buffers--;
    d->host->free(d->host, memory_of(buffer));
}

/* ---- queue ---- */

static void work_off(struct queue *q)
{
    while (q->first) {
        struct job *job = q->first;
        job->work(job);
        q->first = job->next;
        free(job);
        q->done++;
    }
    q->last = &q->first;
}

static int32_t queue_create(void *device, void **out)
{
    struct device *d = device;
    struct queue *q = d->host->alloc(d->host, sizeof *q, 0);
    if (!q)
        return cvk_fail(d->host, CVK_E_MEMORY, "no memory for a queue");
    *q = (struct queue){.last = &q->first};
    d->counts.queues++;
    *out = q;
    return CVK_OK;
}

static void queue_destroy(void *device, void *queue)
{
    struct device *d = device;
    work_off(queue);
    d->counts.queues--;
    d->host->free(d->host, queue);
}

static int32_t queue_finish(void *device, void *queue)
{
    ((struct device *)device)->counts.finishes++;
    work_off(queue);
    return CVK_OK;
}

static const struct cvk_queue_api queue_api = {
    .size = sizeof queue_api, .version = 1, .create = queue_create, .destroy = queue_destroy, .finish = queue_finish};

static int32_t device_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    (void)device;
    work_off(queue);
    memcpy((char *)memory_of(buffer) + offset, src, bytes);
    return CVK_OK;
}

static int32_t device_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    (void)device;
    work_off(queue);
    memcpy(dst, (char *)memory_of(buffer) + offset, bytes);
    return CVK_OK;
}

/* ---- event, map, profile ---- */

static int32_t event_record(void *device, void *queue, void **event)
{
    ((struct device *)device)->counts.events++;
    *event = queue; /* in-order: whoever waits for the mark waits for what stands before it */
    return CVK_OK;
}

static int32_t event_wait(void *device, void *event)
{
    ((struct device *)device)->counts.waits++;
    work_off(event);
    return CVK_OK;
}

static void event_release(void *device, void *event)
{
    (void)event;
    ((struct device *)device)->counts.events--;
}

static const struct cvk_event_api event_api = {
    .size = sizeof event_api, .version = 1, .record = event_record, .wait = event_wait, .release = event_release};

static int32_t map(void *device, void *queue, void *buffer, uint64_t offset, uint64_t bytes, uint32_t for_writing, void **pointer)
{
    (void)bytes;
    (void)for_writing;
    ((struct device *)device)->counts.maps++;
    ((struct device *)device)->counts.mapped++;
    work_off(queue);
    *pointer = (char *)memory_of(buffer) + offset;
    return CVK_OK;
}

static int32_t unmap(void *device, void *queue, void *buffer, void *pointer)
{
    (void)queue;
    (void)buffer;
    (void)pointer;
    ((struct device *)device)->counts.maps--;
    return CVK_OK;
}

static const struct cvk_map_api map_api = {.size = sizeof map_api, .version = 1, .map = map, .unmap = unmap};

static int32_t profile_begin(void *device, void *queue)
{
    struct queue *q = queue;
    work_off(q);
    ((struct device *)device)->counts.jobs_before = q->done;
    return CVK_OK;
}

/* Its clock counts jobs: a thousand nanoseconds each. */
static int32_t profile_end(void *device, void *queue, uint64_t *elapsed_ns)
{
    struct queue *q = queue;
    work_off(q);
    *elapsed_ns = 1000 * (q->done - ((struct device *)device)->counts.jobs_before);
    return CVK_OK;
}

static const struct cvk_profile_api profile_api = {
    .size = sizeof profile_api, .version = 1, .begin = profile_begin, .end = profile_end};

static const void *get_interface(void *device, const char *name, uint32_t version)
{
    if (version != 1)
        return NULL;
    if (strcmp(name, "test.counts") == 0)
        return &((struct device *)device)->counts;
    return strcmp(name, "queue") == 0     ? (const void *)&queue_api
           : strcmp(name, "event") == 0   ? (const void *)&event_api
           : strcmp(name, "map") == 0     ? (const void *)&map_api
           : strcmp(name, "profile") == 0 ? (const void *)&profile_api
                                          : NULL;
}

static const struct cvk_device_api device_api = {.size = sizeof device_api,
                                                 .count = device_count,
                                                 .info = device_info,
                                                 .open = device_open,
                                                 .close = device_close,
                                                 .alloc = device_alloc,
                                                 .free = device_free,
                                                 .write = device_write,
                                                 .read = device_read,
                                                 .get_interface = get_interface};

/* ---- rows ---- */

/* Copies what the job needs: the host may use its cvk_exec again as soon as run returns. */
static int32_t enqueue(struct cvk_exec *e, const struct job *job)
{
    struct queue *q = e->queue;
    struct job *copy = malloc(sizeof *copy);
    if (!copy)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a job");
    *copy = *job;
    *q->last = copy;
    q->last = &copy->next;
    return CVK_OK;
}

static int32_t plan_relu(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind == CVK_RELU ? CVK_OK : cvk_refuse(q, "only relu, not kind %u", p->kind);
}

static void relu(const struct job *j)
{
    for (uint64_t i = 0; i < j->count; i++)
        j->y[i] = j->x[i] < 0 ? 0 : j->x[i];
}

static int32_t run_relu(struct cvk_exec *e)
{
    return enqueue(e, &(struct job){.work = relu,
                                    .x = operand(&e->inputs[0]),
                                    .y = operand(&e->outputs[0]),
                                    .count = e->outputs[0].bytes / sizeof(float)});
}

/* Inputs as core/ops/unary.c declares them: dy, then x. */
static void relu_backward(const struct job *j)
{
    for (uint64_t i = 0; i < j->count; i++)
        j->y[i] = j->x[i] > 0 ? j->dy[i] : 0;
}

static int32_t run_relu_backward(struct cvk_exec *e)
{
    return enqueue(e, &(struct job){.work = relu_backward,
                                    .dy = operand(&e->inputs[0]),
                                    .x = operand(&e->inputs[e->node->input_count - 1]),
                                    .y = operand(&e->outputs[0]),
                                    .count = e->outputs[0].bytes / sizeof(float)});
}

/* Element (n, c, h, w) of a tensor in blocks of eight channels. */
static uint64_t at(const struct cvk_tensor_desc *d, int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t blocks = (d->dims[1] + BLOCK - 1) / BLOCK;
    return (uint64_t)((((n * blocks + c / BLOCK) * d->dims[2] + h) * d->dims[3] + w) * BLOCK + c % BLOCK);
}

static float conv_pixel(const struct job *j, int64_t n, int64_t oc, int64_t oh, int64_t ow)
{
    const struct cvk_conv_params *p = &j->conv;
    int64_t channels = j->xd.dims[1];
    float sum = 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t kh = 0; kh < p->kernel[0]; kh++)
            for (int64_t kw = 0; kw < p->kernel[1]; kw++) {
                int64_t h = oh * p->stride[0] - p->pad_begin[0] + kh * p->dilation[0];
                int64_t w = ow * p->stride[1] - p->pad_begin[1] + kw * p->dilation[1];
                if (h >= 0 && h < j->xd.dims[2] && w >= 0 && w < j->xd.dims[3])
                    sum +=
                        j->x[at(&j->xd, n, c, h, w)] * j->packed[((oc * channels + c) * p->kernel[0] + kh) * p->kernel[1] + kw];
            }
    return sum;
}

static void conv(const struct job *j)
{
    memset(j->y, 0, j->yd.bytes); /* the last block's spare channels must be zero */
    for (int64_t n = 0; n < j->yd.dims[0]; n++)
        for (int64_t c = 0; c < j->yd.dims[1]; c++)
            for (int64_t h = 0; h < j->yd.dims[2]; h++)
                for (int64_t w = 0; w < j->yd.dims[3]; w++)
                    j->y[at(&j->yd, n, c, h, w)] = conv_pixel(j, n, c, h, w);
}

static int32_t plan_conv(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_conv_params *p = q->node->params;
    if (q->node->inputs[0]->rank != 4 || p->group > 1)
        return cvk_refuse(q, "only 2-D without groups");
    if (q->node->input_count > 2 && q->node->inputs[2])
        return cvk_refuse(q, "no bias");
    if (!q->node->constants[1])
        return cvk_refuse(q, "weights must be known");
    plan->packed_bytes = q->node->inputs[1]->bytes;
    return CVK_OK;
}

static int32_t build_conv(struct cvk_exec *e)
{
    memcpy(e->packed, e->node->constants[1], e->node->inputs[1]->bytes);
    return CVK_OK;
}

static int32_t run_conv(struct cvk_exec *e)
{
    return enqueue(e, &(struct job){.work = conv,
                                    .x = operand(&e->inputs[0]),
                                    .y = operand(&e->outputs[0]),
                                    .packed = e->packed,
                                    .conv = *(const struct cvk_conv_params *)e->node->params,
                                    .xd = *e->node->inputs[0],
                                    .yd = *e->node->outputs[0]});
}

static int32_t plan_reorder(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return q->node->inputs[0]->rank == 4 ? CVK_OK : cvk_refuse(q, "only rank 4, not %u", q->node->inputs[0]->rank);
}

/* Between the plain layout and blocks; element by element, so the spare channels of the last block are zeroed first. */
static void reorder(const struct job *j)
{
    const int64_t *n = j->xd.dims;
    bool to_blocks = j->yd.layout == CVK_LAYOUT_NC8;
    memset(j->y, 0, j->yd.bytes);
    for (int64_t i = 0; i < n[0]; i++)
        for (int64_t c = 0; c < n[1]; c++)
            for (int64_t h = 0; h < n[2]; h++)
                for (int64_t w = 0; w < n[3]; w++) {
                    uint64_t plain = (uint64_t)(((i * n[1] + c) * n[2] + h) * n[3] + w), blocked = at(&j->xd, i, c, h, w);
                    j->y[to_blocks ? blocked : plain] = j->x[to_blocks ? plain : blocked];
                }
}

static int32_t run_reorder(struct cvk_exec *e)
{
    return enqueue(e, &(struct job){.work = reorder,
                                    .x = operand(&e->inputs[0]),
                                    .y = operand(&e->outputs[0]),
                                    .xd = *e->node->inputs[0],
                                    .yd = *e->node->outputs[0]});
}

static const struct cvk_kernel rows[] = {
    {.size = sizeof rows[0],
     .op = CVK_OP_CONV,
     .flags = CVK_KERNEL_KEEPS_CONSTANTS,
     .name = "blocked",
     .layouts_x = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
     .layouts_y = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
     .plan = plan_conv,
     .build = build_conv,
     .run = run_conv},
    {.size = sizeof rows[0],
     .op = CVK_OP_REORDER,
     .name = "to_blocks",
     .layouts_y = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
     .plan = plan_reorder,
     .run = run_reorder},
    {.size = sizeof rows[0],
     .op = CVK_OP_REORDER,
     .name = "from_blocks",
     .layouts_x = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
     .plan = plan_reorder,
     .run = run_reorder},
    {.size = sizeof rows[0],
     .op = CVK_OP_UNARY,
     .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE,
     .name = "relu",
     .plan = plan_relu,
     .run = run_relu},
    {.size = sizeof rows[0],
     .op = CVK_OP_UNARY,
     .pass = CVK_PASS_BACKWARD_DATA,
     .name = "relu",
     .plan = plan_relu,
     .run = run_relu_backward},
};

static const struct cvk_option options[] = {
    {.size = sizeof options[0], .key = "fail", .help = "alloc, open: what shall fail; default nothing"},
    {.size = sizeof options[0], .key = "speed", .help = "fast or slow; default fast"},
};

static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,
                                         .rank = -50,
                                         .name = "async",
                                         .vendor = "Convoke's tests",
                                         .version = "1.0",
                                         .license = "MIT",
                                         .summary = "a device with a queue and memory of its own",
                                         .kernels = rows,
                                         .kernel_count = sizeof rows / sizeof rows[0],
                                         .kernel_stride = sizeof rows[0],
                                         .options = options,
                                         .option_count = 2,
                                         .option_stride = sizeof options[0],
                                         .device = &device_api};

int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &plugin);
}

/* SPDX-License-Identifier: MIT
 * The "blocks" backend: conv in NC8 or NC4, concat and split of blocked tensors, element-wise ops in any layout and in place,
 * reorders between blocks and plain alone. Work is done when somebody waits, so memory that is given away too early shows as
 * wrong numbers. */
#include "blocks_backend.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define OPERANDS 8
#define OWN_ALIGN 128

/* Handles of device 1 are no addresses: reading through one is a crash and not luck. */
#define KEY ((uintptr_t)0x6600000000000000u)

struct device {
    const struct cvk_host *host;
    uintptr_t key; /* 0: buffers are host pointers */
    bool no_bias;  /* option bias=none: conv takes no bias in any form */
    bool no_queue; /* option queue=none: work is done at once */
};

struct job {
    void (*work)(const struct job *job);
    const float *in[OPERANDS], *packed, *bias, *residual;
    float *out[OPERANDS];
    struct cvk_tensor_desc in_desc[OPERANDS], out_desc[OPERANDS];
    uint32_t in_count, out_count, kind, axis;
    bool acts;
    struct cvk_unary_params function;
    struct cvk_conv_params conv;
    struct job *next;
};

struct queue {
    struct job *first, **last;
};

/* ---- device ---- */

static int32_t device_count(const struct cvk_host *host, uint32_t *count)
{
    (void)host;
    *count = 2;
    return CVK_OK;
}

static int32_t device_info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host;
    out->kind = CVK_DEVICE_CPU;
    out->caps = index == 0 ? CVK_CAP_HOST_MEMORY : 0;
    out->offset_align = index == 0 ? 0 : OWN_ALIGN;
    snprintf(out->name, sizeof out->name, "blocks on %s memory", index == 0 ? "the host's" : "their own");
    return CVK_OK;
}

static int32_t device_open(const struct cvk_host *host, uint32_t index, void **out)
{
    struct device *d = host->alloc(host, sizeof *d, 0);
    if (!d)
        return cvk_fail(host, CVK_E_MEMORY, "no memory for a device");
    *d = (struct device){host, index == 0 ? 0 : KEY, host->config(host, "bias") != NULL, host->config(host, "queue") != NULL};
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
    void *memory = d->host->alloc(d->host, bytes, OWN_ALIGN);
    if (!memory)
        return cvk_fail(d->host, CVK_E_MEMORY, "no memory for a buffer");
    memset(memory, 0x7f, bytes); /* nobody may count on zeros */
    *buffer = (void *)((uintptr_t)memory ^ d->key);
    return CVK_OK;
}

static void device_free(void *device, void *buffer)
{
    struct device *d = device;
    d->host->free(d->host, (void *)((uintptr_t)buffer ^ d->key));
}

static void work_off(struct queue *q)
{
    while (q && q->first) {
        struct job *job = q->first;
        job->work(job);
        q->first = job->next;
        free(job);
    }
    if (q)
        q->last = &q->first;
}

static int32_t device_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    work_off(queue);
    memcpy((char *)((uintptr_t)buffer ^ ((struct device *)device)->key) + offset, src, bytes);
    return CVK_OK;
}

static int32_t device_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    work_off(queue);
    memcpy(dst, (char *)((uintptr_t)buffer ^ ((struct device *)device)->key) + offset, bytes);
    return CVK_OK;
}

static int32_t queue_create(void *device, void **out)
{
    struct device *d = device;
    struct queue *q = d->host->alloc(d->host, sizeof *q, 0);
    if (!q)
        return cvk_fail(d->host, CVK_E_MEMORY, "no memory for a queue");
    *q = (struct queue){.last = &q->first};
    *out = q;
    return CVK_OK;
}

static void queue_destroy(void *device, void *queue)
{
    work_off(queue);
    ((struct device *)device)->host->free(((struct device *)device)->host, queue);
}

static int32_t queue_finish(void *device, void *queue)
{
    (void)device;
    work_off(queue);
    return CVK_OK;
}

static const void *get_interface(void *device, const char *name, uint32_t version)
{
    static const struct cvk_queue_api queue_api = {
        .size = sizeof queue_api, .version = 1, .create = queue_create, .destroy = queue_destroy, .finish = queue_finish};
    bool asked = version == 1 && strcmp(name, "queue") == 0;
    return asked && !((struct device *)device)->no_queue ? &queue_api : NULL;
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

/* ---- elements ---- */

/* Pixels of one map. */
static int64_t pixels_of(const struct cvk_tensor_desc *d)
{
    int64_t pixels = 1;
    for (uint32_t i = 2; i < d->rank; i++)
        pixels *= d->dims[i];
    return pixels;
}

/* Place of an element; plain tensors have blocks of one channel. */
static uint64_t at(const struct cvk_tensor_desc *d, int64_t n, int64_t c, int64_t pixel)
{
    int64_t block = cvk_layout_block(d->layout), blocks = (d->dims[1] + block - 1) / block;
    return (uint64_t)(((n * blocks + c / block) * pixels_of(d) + pixel) * block + c % block);
}

static float *memory_of(const struct cvk_exec *e, const struct cvk_binding *b)
{
    return b && b->buffer ? (float *)((char *)((uintptr_t)b->buffer ^ ((struct device *)e->device)->key) + b->offset) : NULL;
}

static int32_t enqueue(struct cvk_exec *e, struct job job)
{
    uint64_t align = ((struct device *)e->device)->key ? OWN_ALIGN : CVK_ALIGN_BYTES;
    struct queue *q = e->queue;
    uint64_t offsets = e->residual ? e->residual->offset : 0;
    job.in_count = e->node->input_count;
    job.out_count = e->node->output_count;
    for (uint32_t i = 0; i < job.in_count; i++) {
        job.in[i] = memory_of(e, &e->inputs[i]);
        job.in_desc[i] = *e->node->inputs[i];
        offsets |= e->inputs[i].offset;
    }
    for (uint32_t i = 0; i < job.out_count; i++) {
        job.out[i] = memory_of(e, &e->outputs[i]);
        job.out_desc[i] = *e->node->outputs[i];
        offsets |= e->outputs[i].offset;
    }
    job.packed = e->packed;
    job.bias = memory_of(e, e->bias);
    job.residual = memory_of(e, e->residual);
    if (offsets % align)
        return cvk_fail(e->host, CVK_E_DEVICE, "an operand lies at an offset that is not aligned");
    if (!q) {
        job.work(&job);
        return CVK_OK;
    }
    struct job *copy = malloc(sizeof *copy);
    if (!copy)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a job");
    *copy = job;
    *q->last = copy;
    q->last = &copy->next;
    return CVK_OK;
}

static bool fits(const struct cvk_query *q)
{
    return q->node->input_count <= OPERANDS && q->node->output_count <= OPERANDS && q->node->inputs[0]->rank >= 3;
}

/* Every function that gives numbers and that the tests use; a truth value is no number. */
static float apply(const struct cvk_unary_params *f, float x)
{
    switch (f->kind) {
    case CVK_RELU:
        return x < 0 ? 0 : x;
    case CVK_LEAKY_RELU:
        return x < 0 ? f->a * x : x;
    case CVK_CLIP:
        return fminf(fmaxf(x, f->a), f->b);
    case CVK_SIGMOID:
        return 1 / (1 + expf(-x));
    case CVK_HARD_SWISH:
        return x * fminf(fmaxf(x / 6 + 0.5f, 0), 1);
    case CVK_TANH:
        return tanhf(x);
    case CVK_ABS:
        return fabsf(x);
    case CVK_NEG:
        return -x;
    default:
        return NAN;
    }
}

/* ---- conv ---- */

static float sum_at(const struct job *j, int64_t n, int64_t oc, int64_t oh, int64_t ow)
{
    /* In variables of its own, since under the sanitizers every other access is a call. */
    const struct cvk_conv_params *p = &j->conv;
    const struct cvk_tensor_desc *x = &j->in_desc[0];
    const int64_t channels = x->dims[1], height = x->dims[2], width = x->dims[3], block = cvk_layout_block(x->layout);
    const int64_t rows = p->kernel[0], columns = p->kernel[1], down = p->dilation[0], right = p->dilation[1];
    const int64_t top = oh * p->stride[0] - p->pad_begin[0], left = ow * p->stride[1] - p->pad_begin[1];
    const float *weight = (j->packed ? j->packed : j->in[1]) + oc * channels * rows * columns;
    float sum = j->bias ? j->bias[oc] : 0;
    for (int64_t c = 0; c < channels; c++) {
        const float *map = j->in[0] + at(x, n, c, 0);
        for (int64_t kh = 0; kh < rows; kh++)
            for (int64_t kw = 0; kw < columns; kw++, weight++) {
                int64_t h = top + kh * down, w = left + kw * right;
                if (h >= 0 && h < height && w >= 0 && w < width)
                    sum += map[(h * width + w) * block] * *weight;
            }
    }
    return sum;
}

static void conv(const struct job *j)
{
    const struct cvk_tensor_desc *y = &j->out_desc[0];
    memset(j->out[0], 0, y->bytes);
    for (int64_t n = 0; n < y->dims[0]; n++)
        for (int64_t c = 0; c < y->dims[1]; c++)
            for (int64_t pixel = 0; pixel < pixels_of(y); pixel++) {
                float sum = sum_at(j, n, c, pixel / y->dims[3], pixel % y->dims[3]);
                sum += j->residual ? j->residual[at(y, n, c, pixel)] : 0;
                j->out[0][at(y, n, c, pixel)] = j->acts ? apply(&j->function, sum) : sum;
            }
}

static int32_t plan_conv(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    if (((const struct device *)q->device)->no_bias && q->node->epilogue && q->node->epilogue->parts & CVK_EPI_BIAS)
        return cvk_refuse(q, "no bias");
    if (q->node->inputs[0]->rank != 4 || ((const struct cvk_conv_params *)q->node->params)->group > 1)
        return cvk_refuse(q, "only 2-D without groups");
    if (q->layout_y == CVK_LAYOUT_NC8 && q->node->outputs[0]->dims[1] % 8)
        return cvk_refuse(q, "only whole blocks of 8 filters");
    return q->node->input_count > 2 && q->node->inputs[2] ? cvk_refuse(q, "a bias only in the epilogue") : CVK_OK;
}

/* Keeps the weights, so that the host may drop them. */
static int32_t plan_packing_conv(const struct cvk_query *q, struct cvk_plan *plan)
{
    if (!q->node->constants[1])
        return cvk_refuse(q, "the weights must be known");
    plan->packed_bytes = q->node->inputs[1]->bytes;
    return plan_conv(q, plan);
}

static int32_t build_packing_conv(struct cvk_exec *e)
{
    memcpy(e->packed, e->node->constants[1], e->node->inputs[1]->bytes);
    return CVK_OK;
}

static int32_t run_conv(struct cvk_exec *e)
{
    struct job job = {.work = conv, .conv = *(const struct cvk_conv_params *)e->node->params};
    const struct cvk_epilogue *epilogue = e->node->epilogue;
    job.acts = epilogue && epilogue->parts & CVK_EPI_ACTIVATION;
    if (job.acts)
        job.function = (struct cvk_unary_params){.kind = epilogue->activation, .a = epilogue->a, .b = epilogue->b};
    return enqueue(e, job);
}

/* ---- concat, split ---- */

/* Copies the elements of a part that begins at `from` on the axis of the whole, into it or out of it. */
static void move_part(float *dst, const struct cvk_tensor_desc *dst_desc, const float *src,
                      const struct cvk_tensor_desc *src_desc, const struct cvk_tensor_desc *part, uint32_t axis, int64_t from,
                      bool into)
{
    for (int64_t n = 0; n < part->dims[0]; n++)
        for (int64_t c = 0; c < part->dims[1]; c++)
            for (int64_t pixel = 0; pixel < pixels_of(part); pixel++) {
                int64_t wn = axis == 0 ? n + from : n, wc = axis == 1 ? c + from : c;
                dst[into ? at(dst_desc, wn, wc, pixel) : at(dst_desc, n, c, pixel)] =
                    src[into ? at(src_desc, n, c, pixel) : at(src_desc, wn, wc, pixel)];
            }
}

static void concat(const struct job *j)
{
    memset(j->out[0], 0, j->out_desc[0].bytes);
    int64_t from = 0;
    for (uint32_t i = 0; i < j->in_count; i++) {
        /* All inputs have the layout of the first: that is what the row says. */
        struct cvk_tensor_desc part = j->in_desc[i];
        part.layout = j->in_desc[0].layout;
        move_part(j->out[0], &j->out_desc[0], j->in[i], &part, &part, j->axis, from, true);
        from += j->in_desc[i].dims[j->axis];
    }
}

static int32_t plan_concat(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return fits(q) && ((const struct cvk_concat_params *)q->node->params)->axis < 2 ? CVK_OK
                                                                                    : cvk_refuse(q, "only batch and channels");
}

static int32_t run_concat(struct cvk_exec *e)
{
    return enqueue(e, (struct job){.work = concat, .axis = (uint32_t)((const struct cvk_concat_params *)e->node->params)->axis});
}

static void split(const struct job *j)
{
    int64_t from = 0;
    for (uint32_t i = 0; i < j->out_count; i++) {
        memset(j->out[i], 0, j->out_desc[i].bytes);
        move_part(j->out[i], &j->out_desc[i], j->in[0], &j->in_desc[0], &j->out_desc[i], j->axis, from, false);
        from += j->out_desc[i].dims[j->axis];
    }
}

static int32_t plan_split(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return fits(q) && ((const struct cvk_split_params *)q->node->params)->axis < 2 ? CVK_OK
                                                                                   : cvk_refuse(q, "only batch and channels");
}

static int32_t run_split(struct cvk_exec *e)
{
    return enqueue(e, (struct job){.work = split, .axis = (uint32_t)((const struct cvk_split_params *)e->node->params)->axis});
}

/* ---- flat elements; the padding of blocks stays zero ---- */

static void unary(const struct job *j)
{
    for (uint64_t i = 0; i < j->out_desc[0].bytes / sizeof(float); i++)
        j->out[0][i] = apply(&j->function, j->in[0][i]);
}

static int32_t plan_unary(const struct cvk_query *q, struct cvk_plan *plan)
{
    uint32_t kind = ((const struct cvk_unary_params *)q->node->params)->kind;
    (void)plan;
    return kind == CVK_RELU || kind == CVK_TANH || kind == CVK_NEG ? CVK_OK : cvk_refuse(q, "not this function");
}

static int32_t run_unary(struct cvk_exec *e)
{
    return enqueue(e, (struct job){.work = unary, .function = *(const struct cvk_unary_params *)e->node->params});
}

static void binary(const struct job *j)
{
    for (uint64_t i = 0; i < j->out_desc[0].bytes / sizeof(float); i++) {
        float a = j->in[0][i], b = j->in[1][i];
        j->out[0][i] = j->kind == CVK_ADD ? a + b : j->kind == CVK_SUB ? a - b : a > b ? a : b;
    }
}

static int32_t plan_binary(const struct cvk_query *q, struct cvk_plan *plan)
{
    uint32_t kind = ((const struct cvk_binary_params *)q->node->params)->kind;
    const struct cvk_tensor_desc *a = q->node->inputs[0], *b = q->node->inputs[1];
    (void)plan;
    if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]))
        return cvk_refuse(q, "only equal sizes");
    return kind == CVK_ADD || kind == CVK_SUB || kind == CVK_MAX ? CVK_OK : cvk_refuse(q, "not this kind");
}

static int32_t run_binary(struct cvk_exec *e)
{
    return enqueue(e, (struct job){.work = binary, .kind = ((const struct cvk_binary_params *)e->node->params)->kind});
}

/* ---- reorder ---- */

static void reorder(const struct job *j)
{
    memset(j->out[0], 0, j->out_desc[0].bytes);
    move_part(j->out[0], &j->out_desc[0], j->in[0], &j->in_desc[0], &j->in_desc[0], 0, 0, true);
}

static int32_t run_reorder(struct cvk_exec *e)
{
    return enqueue(e, (struct job){.work = reorder});
}

#define BLOCKED (CVK_LAYOUT_BIT(CVK_LAYOUT_NC4) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC8))
#define PLAIN CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN)
/* What a row keeps it keeps in its jobs. */
#define CONCURRENT CVK_KERNEL_CONCURRENT
#define ROW(OP, NAME) .size = sizeof(struct cvk_kernel), .op = CVK_OP_##OP, .name = NAME

static const struct cvk_kernel rows[] = {
    {ROW(CONV, "eights"), .flags = CONCURRENT | CVK_KERNEL_KEEPS_CONSTANTS, .layouts_x = PLAIN | CVK_LAYOUT_BIT(CVK_LAYOUT_NC8),
     .layouts_y = CVK_LAYOUT_BIT(CVK_LAYOUT_NC8), .epilogues = CVK_EPI_BIAS | CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION,
     .activations = 1ull << CVK_RELU, .plan = plan_packing_conv, .build = build_packing_conv, .run = run_conv},
    {ROW(CONV, "fours"), .flags = CONCURRENT, .layouts_x = CVK_LAYOUT_BIT(CVK_LAYOUT_NC4), .layouts_y = CVK_LAYOUT_BIT(CVK_LAYOUT_NC4),
     .epilogues = CVK_EPI_BIAS | CVK_EPI_ACTIVATION, .plan = plan_conv, .run = run_conv},
    {ROW(CONCAT, "blocks"), .flags = CONCURRENT | CVK_KERNEL_ALL_INPUTS, .layouts_x = BLOCKED, .layouts_y = BLOCKED, .plan = plan_concat,
     .run = run_concat},
    {ROW(SPLIT, "blocks"), .flags = CONCURRENT, .layouts_x = BLOCKED, .layouts_y = BLOCKED, .plan = plan_split, .run = run_split},
    {ROW(UNARY, "flat"), .flags = CONCURRENT | CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .plan = plan_unary, .run = run_unary},
    {ROW(BINARY, "flat"), .flags = CONCURRENT | CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .plan = plan_binary, .run = run_binary},
    {ROW(REORDER, "to_blocks"), .flags = CONCURRENT, .layouts_x = PLAIN, .layouts_y = BLOCKED, .run = run_reorder},
    {ROW(REORDER, "to_plain"), .flags = CONCURRENT, .layouts_x = BLOCKED, .layouts_y = PLAIN, .run = run_reorder},
};

static const struct cvk_option options[] = {
    {.size = sizeof options[0], .key = "bias", .help = "none: conv takes no bias"},
    {.size = sizeof options[0], .key = "queue", .help = "none: work is done at once"},
};

int32_t blocks_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,
                                             .rank = -60,
                                             .name = "blocks",
                                             .version = "1.0",
                                             .license = "MIT",
                                             .kernels = rows,
                                             .kernel_count = sizeof rows / sizeof rows[0],
                                             .kernel_stride = sizeof rows[0],
                                             .options = options,
                                             .option_count = 2,
                                             .option_stride = sizeof options[0],
                                             .device = &device_api};
    return cvk_plugin_answer(host, out, &plugin);
}

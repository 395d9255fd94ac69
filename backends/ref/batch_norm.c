/* SPDX-License-Identifier: MIT
 * batch_norm on the reference backend: inference map by map, training channel by channel, both with their gradients. */
#include "ref.h"

struct job {
    struct cvk_exec *e;
    struct ref_epilogue epilogue;
    double epsilon, momentum;
    uint64_t images, channels, pixels; /* pixels of one map */
};

/* One number for a channel from input i. */
static double vector(const struct job *job, uint32_t i, uint64_t c)
{
    return ref_load(cvk_cpu_input(job->e, i), job->e->node->inputs[i]->dtype, c);
}

/* A channel's number into output i, if that is wanted. */
static void put(const struct job *job, uint32_t i, uint64_t c, double value)
{
    void *out = cvk_cpu_output(job->e, i);
    if (out)
        ref_store(out, job->e->node->outputs[i]->dtype, c, value);
}

/* Goes through the elements of channel c of all images; `at` is their place in the tensor. */
#define EACH_ELEMENT(job, c, at)                                                                                               \
    for (uint64_t image = 0; image < (job)->images; image++)                                                                   \
        for (uint64_t at = (image * (job)->channels + (c)) * (job)->pixels, last = at + (job)->pixels; at < last; at++)

static int32_t run_items(struct cvk_exec *e, const struct cvk_tensor_desc *x, int by_channel, cvk_task_fn items)
{
    const struct cvk_batch_norm_params *p = e->node->params;
    struct job job = {.e = e,
                      .epsilon = (double)p->epsilon,
                      .momentum = (double)p->momentum,
                      .images = (uint64_t)x->dims[0],
                      .channels = x->rank > 1 ? (uint64_t)x->dims[1] : 1,
                      .pixels = 1};
    if (e->node->pass == CVK_PASS_FORWARD)
        job.epilogue = ref_epilogue_of(e);
    for (uint32_t i = 2; i < x->rank; i++)
        job.pixels *= (uint64_t)x->dims[i];
    ref_parallel(e, (by_channel ? 1 : job.images) * job.channels, items, &job);
    return CVK_OK;
}

/* ---- inference ------------------------------------------------------------------------------------------------ */

/* One item is one map. */
static void do_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct cvk_tensor_desc *x = job->e->node->inputs[0];
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        uint64_t c = map % job->channels;
        double scale = vector(job, 1, c), bias = vector(job, 2, c), mean = vector(job, 3, c);
        double deviation = sqrt(vector(job, 4, c) + job->epsilon);
        for (uint64_t i = map * job->pixels; i < (map + 1) * job->pixels; i++) {
            double value = ref_load(cvk_cpu_input(job->e, 0), x->dtype, i);
            ref_store(cvk_cpu_output(job->e, 0), x->dtype, i, (value - mean) / deviation * scale + bias);
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    return run_items(e, e->node->inputs[0], 0, do_maps);
}

/* Inputs dy, scale, var. */
static void do_back_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct cvk_tensor_desc *dy = job->e->node->inputs[0];
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        uint64_t c = map % job->channels;
        double factor = vector(job, 1, c) / sqrt(vector(job, 2, c) + job->epsilon);
        for (uint64_t i = map * job->pixels; i < (map + 1) * job->pixels; i++)
            ref_store(cvk_cpu_output(job->e, 0), dy->dtype, i, ref_load(cvk_cpu_input(job->e, 0), dy->dtype, i) * factor);
    }
}

static int32_t run_backward_data(struct cvk_exec *e)
{
    return run_items(e, e->node->inputs[0], 0, do_back_maps);
}

/* Inputs dy, x, mean, var. */
static void do_back_vectors(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const void *dy = cvk_cpu_input(job->e, 0), *x = cvk_cpu_input(job->e, 1);
    uint32_t dtype = job->e->node->inputs[0]->dtype;
    (void)worker;
    for (uint64_t c = begin; c < end; c++) {
        double mean = vector(job, 2, c), dscale = 0, dbias = 0;
        EACH_ELEMENT(job, c, i) {
            double d = ref_load(dy, dtype, i);
            dscale += d * (ref_load(x, dtype, i) - mean);
            dbias += d;
        }
        put(job, 0, c, dscale / sqrt(vector(job, 3, c) + job->epsilon));
        put(job, 1, c, dbias);
    }
}

static int32_t run_backward_weights(struct cvk_exec *e)
{
    return run_items(e, e->node->inputs[0], 1, do_back_vectors);
}

/* ---- training ------------------------------------------------------------------------------------------------- */

/* One item is one channel: its mean, then its variance, then its elements. */
static void do_channels(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const void *x = cvk_cpu_input(job->e, 0);
    void *y = cvk_cpu_output(job->e, 0);
    uint32_t dtype = job->e->node->inputs[0]->dtype;
    double count = (double)(job->images * job->pixels);
    (void)worker;
    for (uint64_t c = begin; c < end; c++) {
        double mean = 0, var = 0, scale = vector(job, 1, c), bias = vector(job, 2, c);
        EACH_ELEMENT(job, c, i)
            mean += ref_load(x, dtype, i);
        mean /= count;
        EACH_ELEMENT(job, c, i) {
            double off = ref_load(x, dtype, i) - mean;
            var += off * off;
        }
        var /= count;
        double deviation = sqrt(var + job->epsilon);
        EACH_ELEMENT(job, c, i) {
            double value = (ref_load(x, dtype, i) - mean) / deviation * scale + bias;
            ref_epilogue_row(&job->epilogue, &value, i, 1, c, 0);
            ref_store(y, dtype, i, value);
        }
        /* The old running values are read here at the latest: the new ones may lie in their memory. */
        put(job, 1, c, job->momentum * vector(job, 3, c) + (1 - job->momentum) * mean);
        put(job, 2, c, job->momentum * vector(job, 4, c) + (1 - job->momentum) * var);
        put(job, 3, c, mean);
        put(job, 4, c, 1 / deviation);
    }
}

static int32_t run_training(struct cvk_exec *e)
{
    return run_items(e, e->node->inputs[0], 1, do_channels);
}

/* What the sums of one channel and its elements need. */
struct channel {
    double mean, inverse, scale, bias; /* inverse: of the deviation */
    const struct cvk_epilogue *activation; /* NULL: none followed */
};

/* Element i: the gradient in front of the activation; *at receives the normalised x. */
static double back_element(const struct job *job, const struct channel *ch, uint64_t i, double *at)
{
    uint32_t dtype = job->e->node->inputs[0]->dtype;
    double dy = ref_load(cvk_cpu_input(job->e, 0), dtype, i);
    *at = (ref_load(cvk_cpu_input(job->e, 3), dtype, i) - ch->mean) * ch->inverse;
    if (!ch->activation)
        return dy;
    double a = (double)ch->activation->a, b = (double)ch->activation->b, value = *at * ch->scale + ch->bias;
    return ref_unary_slope_y(ch->activation->activation, a, b, value) == 0 ? 0 : dy;
}

/* Inputs dy, m, 1 / deviation, x, scale, bias. With n = (x - m) / deviation the gradient of x is
 * scale / deviation * (dy - mean(dy) - n * mean(dy * n)). */
static void do_back_channels(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct cvk_epilogue *parts = job->e->node->epilogue;
    void *dx = cvk_cpu_output(job->e, 0);
    double count = (double)(job->images * job->pixels);
    (void)worker;
    for (uint64_t c = begin; c < end; c++) {
        struct channel ch = {vector(job, 1, c), vector(job, 2, c), vector(job, 4, c), vector(job, 5, c),
                             parts && parts->parts ? parts : NULL};
        double dscale = 0, dbias = 0, at;
        EACH_ELEMENT(job, c, i) {
            double dy = back_element(job, &ch, i, &at);
            dscale += dy * at;
            dbias += dy;
        }
        put(job, 1, c, dscale);
        put(job, 2, c, dbias);
        if (!dx)
            continue;
        EACH_ELEMENT(job, c, i) {
            double dy = back_element(job, &ch, i, &at);
            ref_store(dx, job->e->node->inputs[0]->dtype, i,
                      ch.scale * ch.inverse * (dy - dbias / count - at * (dscale / count)));
        }
    }
}

static int32_t run_back_training(struct cvk_exec *e)
{
    return run_items(e, e->node->inputs[0], 1, do_back_channels);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_batch_norm_params *p = q->node->params;
    (void)plan;
    return p->training ? cvk_refuse(q, "training is not this kernel's") : CVK_OK;
}

static int32_t plan_training(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_batch_norm_params *p = q->node->params;
    (void)plan;
    return p->training ? CVK_OK : cvk_refuse(q, "inference is not this kernel's");
}

const struct cvk_kernel ref_batch_norm_rows[] = {
    {REF_ROW(BATCH_NORM, "plain"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE, .plan = plan, .run = run},
    {REF_ROW(BATCH_NORM, "training"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE,
     .epilogues = CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION, .activations = REF_ACTIVATIONS, .plan = plan_training,
     .run = run_training},
    {REF_ROW(BATCH_NORM, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE,
     .plan = plan, .run = run_backward_data},
    {REF_ROW(BATCH_NORM, "training"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE,
     .epilogues = CVK_EPI_ACTIVATION, .activations = 1ull << CVK_RELU | 1ull << CVK_CLIP, .plan = plan_training,
     .run = run_back_training},
    {REF_ROW(BATCH_NORM, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .plan = plan,
     .run = run_backward_weights},
};
const uint32_t ref_batch_norm_row_count = REF_COUNT(ref_batch_norm_rows);

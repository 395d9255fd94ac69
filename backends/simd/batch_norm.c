/* SPDX-License-Identifier: MIT
 * batch_norm: inference, training and their gradients: what each channel's factors are. The rest is norm_groups.h. */
#include "norm_groups.h"

#include <math.h>

#include "isa/tile.h"

struct job {
    struct simd_norm_groups groups; /* the first: its functions get it alone */
    struct cvk_exec *e;
    bool training;
    const float *scale, *bias, *mean, *var, *inv_std; /* per channel; NULL: not given */
    float *dscale, *dbias;                            /* NULL: not wanted */
    float low, high;                                  /* limits of the activation */
};

static void set_lane(struct simd_norm_vectors *to, uint32_t lane, double scale, double inv_std, double mean, double bias)
{
    to->mean[lane] = (float)mean;
    to->factor[lane] = (float)(scale * inv_std);
    double lost = mean - (double)to->mean[lane]; /* by rounding */
    to->offset[lane] = (float)(lost != 0 ? bias - lost * scale * inv_std : bias);
}

static double inv_std_of(const struct job *j, uint64_t c)
{
    const struct cvk_batch_norm_params *p = j->e->node->params;
    return j->inv_std ? (double)j->inv_std[c] : 1 / sqrt((double)j->var[c] + (double)p->epsilon);
}

static void finish_lane(const struct job *j, uint64_t group, uint32_t lane, double first, double second, float origin,
                        struct simd_norm_vectors *to)
{
    const struct cvk_batch_norm_params *p = j->e->node->params;
    uint64_t c = simd_norm_channel(&j->groups.v, group, lane);
    double n = j->groups.v.count, mean = (double)origin + first / n, var = second / n - first / n * (first / n);
    var = var < 0 ? 0 : var;
    if (!(var < 1e30) && n > 0)
        simd_norm_moments_slowly(&j->groups, group, lane, &mean, &var);
    double inv_std = 1 / sqrt(var + (double)p->epsilon), old = (double)p->momentum;
    set_lane(to, lane, (double)j->scale[c], inv_std, mean, (double)j->bias[c]);
    const double results[5] = {0, old * (double)j->mean[c] + (1 - old) * mean, old * (double)j->var[c] + (1 - old) * var, mean,
                               inv_std};
    for (uint32_t i = 1; i < 5; i++) {
        float *out = cvk_cpu_output(j->e, i);
        if (out)
            out[c] = (float)results[i];
    }
}

static void finish_lane_backward(const struct job *j, uint64_t c, uint32_t lane, double first, double second,
                                 struct simd_norm_vectors *to)
{
    double inv_std = inv_std_of(j, c), factor = j->scale ? (double)j->scale[c] * inv_std : 0;
    if (j->dscale)
        j->dscale[c] = (float)(second * inv_std);
    if (j->dbias)
        j->dbias[c] = (float)first;
    to->slope[lane] = (float)(-factor * inv_std * inv_std * second / j->groups.v.count);
    to->shift[lane] = (float)(-factor * first / j->groups.v.count);
}

/* All but the factors of training, which follow from the sums. */
static void prepare(const struct simd_norm_groups *g, uint64_t group, struct simd_norm_vectors *of)
{
    const struct job *j = (const struct job *)g;
    for (uint32_t k = 0; k < simd_norm_lanes(&g->v, group); k++) {
        uint64_t c = simd_norm_channel(&g->v, group, k);
        of->low[k] = j->low;
        of->high[k] = j->high;
        if (!j->training || g->dy)
            set_lane(of, k, j->scale ? (double)j->scale[c] : 0, inv_std_of(j, c), j->mean ? (double)j->mean[c] : 0,
                     j->bias ? (double)j->bias[c] : 0);
    }
}

static void finish(const struct simd_norm_groups *g, uint64_t group, const struct simd_norm_sums *total,
                   struct simd_norm_vectors *of)
{
    const struct job *j = (const struct job *)g;
    float origin[SIMD_NORM_MAX_LANES] = {0};
    if (g->v.pieces && !g->dy)
        simd_norm_origin(g, group, origin);
    for (uint32_t k = 0; k < simd_norm_lanes(&g->v, group); k++)
        if (g->dy)
            finish_lane_backward(j, simd_norm_channel(&g->v, group, k), k, total->first[k], total->second[k], of);
        else
            finish_lane(j, group, k, total->first[k], total->second[k], origin[k], of);
}

static struct job job_of(struct cvk_exec *e, const struct cvk_tensor_desc *x)
{
    const struct simd_device *d = simd_device_of(e);
    const struct cvk_epilogue *epilogue = e->node->epilogue;
    struct job j = {.groups = {.fns = d->isa->norm,
                               .v = simd_norm_view_of(x, d->isa->block),
                               .residual = cvk_cpu_pointer(e->residual),
                               .activation = SIMD_LINEAR,
                               .prepare = prepare,
                               .finish = finish},
                    .e = e,
                    .training = ((const struct cvk_batch_norm_params *)e->node->params)->training};
    if (epilogue && epilogue->parts & CVK_EPI_ACTIVATION) {
        bool relu = epilogue->activation == CVK_RELU;
        j.groups.activation = epilogue->activation;
        j.low = relu ? 0 : epilogue->a;
        j.high = relu ? INFINITY : epilogue->b;
    }
    return j;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

/* Inputs: x, scale, bias, mean, var. */
static int32_t run_forward(struct cvk_exec *e)
{
    struct job j = job_of(e, e->node->inputs[0]);
    j.groups.x = cvk_cpu_input(e, 0);
    j.scale = cvk_cpu_input(e, 1);
    j.bias = cvk_cpu_input(e, 2);
    j.mean = cvk_cpu_input(e, 3);
    j.var = cvk_cpu_input(e, 4);
    j.groups.y = cvk_cpu_output(e, 0);
    if (j.training)
        simd_norm_run_sums(e, &j.groups);
    else
        simd_norm_run_writes(e, &j.groups);
    return CVK_OK;
}

/* Inputs: dy, m, 1 / sqrt(v + epsilon), x, scale, bias. */
static int32_t run_training_backward(struct cvk_exec *e)
{
    struct job j = job_of(e, e->node->inputs[3]);
    j.groups.dy = cvk_cpu_input(e, 0);
    j.mean = cvk_cpu_input(e, 1);
    j.inv_std = cvk_cpu_input(e, 2);
    j.groups.x = cvk_cpu_input(e, 3);
    j.scale = cvk_cpu_input(e, 4);
    j.bias = cvk_cpu_input(e, 5);
    j.groups.y = cvk_cpu_output(e, 0);
    j.dscale = cvk_cpu_output(e, 1);
    j.dbias = cvk_cpu_output(e, 2);
    simd_norm_run_sums(e, &j.groups);
    return CVK_OK;
}

/* Inputs: dy, scale, var. dx = dy * scale / sqrt(var + epsilon) is the forward pass without mean and bias. */
static int32_t run_inference_data(struct cvk_exec *e)
{
    struct job j = job_of(e, e->node->inputs[0]);
    j.groups.x = cvk_cpu_input(e, 0);
    j.scale = cvk_cpu_input(e, 1);
    j.var = cvk_cpu_input(e, 2);
    j.groups.y = cvk_cpu_output(e, 0);
    simd_norm_run_writes(e, &j.groups);
    return CVK_OK;
}

/* Inputs: dy, x, mean, var. */
static int32_t run_inference_weights(struct cvk_exec *e)
{
    struct job j = job_of(e, e->node->inputs[1]);
    j.groups.dy = cvk_cpu_input(e, 0);
    j.groups.x = cvk_cpu_input(e, 1);
    j.mean = cvk_cpu_input(e, 2);
    j.var = cvk_cpu_input(e, 3);
    j.dscale = cvk_cpu_output(e, 0);
    j.dbias = cvk_cpu_output(e, 1);
    simd_norm_run_sums(e, &j.groups);
    return CVK_OK;
}

static int32_t plan_any(const struct cvk_query *q, struct cvk_plan *plan, bool training, bool sums)
{
    const struct cvk_node *node = q->node;
    if (((const struct cvk_batch_norm_params *)node->params)->training != training)
        return cvk_refuse(q, "only %s", training ? "training" : "inference");
    if (q->layout_x != CVK_LAYOUT_PLAIN)
        SIMD_TRY(simd_blocked(q, q->layout_x));
    for (uint32_t i = 1; i < node->input_count; i++)
        if (node->inputs[i] && node->inputs[i]->dtype != CVK_F32)
            return cvk_refuse(q, "all inputs must be f32");
    struct simd_norm_view v = simd_norm_view_of(node->inputs[0], simd_asked(q)->isa->block); /* x, or dy of its sizes */
    cvk_book(plan, simd_norm_bytes(&v, sums));
    return CVK_OK;
}

static int32_t plan_training(const struct cvk_query *q, struct cvk_plan *plan)
{
    return plan_any(q, plan, true, true);
}

static int32_t plan_inference(const struct cvk_query *q, struct cvk_plan *plan)
{
    return plan_any(q, plan, false, false);
}

static int32_t plan_weights(const struct cvk_query *q, struct cvk_plan *plan)
{
    return plan_any(q, plan, false, true);
}

#define LAYOUTS SIMD_PLAIN | SIMD_BLOCKED
#define CORNERED (UINT64_C(1) << CVK_RELU | UINT64_C(1) << CVK_CLIP)
const struct cvk_kernel simd_batch_norm_rows[] = {
    {SIMD_ROW(BATCH_NORM, "inference"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT, .layouts_x = LAYOUTS,
     .layouts_y = LAYOUTS, .epilogues = CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION, .activations = CORNERED, .plan = plan_inference,
     .run = run_forward},
    {SIMD_ROW(BATCH_NORM, "training"), .flags = CVK_KERNEL_IN_PLACE, .layouts_x = LAYOUTS, .layouts_y = LAYOUTS,
     .epilogues = CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION, .activations = CORNERED, .plan = plan_training, .run = run_forward},
    {SIMD_ROW(BATCH_NORM, "training"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ALL_INPUTS,
     .layouts_x = LAYOUTS, .layouts_y = LAYOUTS, .epilogues = CVK_EPI_ACTIVATION, .activations = CORNERED,
     .plan = plan_training, .run = run_training_backward},
    {SIMD_ROW(BATCH_NORM, "inference"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE, .layouts_x = LAYOUTS,
     .layouts_y = LAYOUTS, .plan = plan_inference, .run = run_inference_data},
    {SIMD_ROW(BATCH_NORM, "inference"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = CVK_KERNEL_ALL_INPUTS, .layouts_x = LAYOUTS,
     .plan = plan_weights, .run = run_inference_weights},
};
const uint32_t simd_batch_norm_row_count = SIMD_COUNT(simd_batch_norm_rows);

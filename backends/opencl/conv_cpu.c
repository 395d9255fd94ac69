/* SPDX-License-Identifier: MIT
 * conv_cpu.h */
#include "conv_cpu.h"

#include <math.h>

/* One axis's last index in the input, before the padding is taken off; larger ones are refused. */
#define MOST_PIXELS (1 << 24)

struct ocl_cpu_tile ocl_cpu_tile(const struct ocl_device *d)
{
    /* Of 32 registers of 16, of 16 registers of 8, and where a vector takes four registers or more. */
    if (d->vector_floats >= 16)
        return (struct ocl_cpu_tile){14, 2};
    return (struct ocl_cpu_tile){d->vector_floats >= 8 ? 6 : 2, 1};
}

static bool huge(int64_t pixels)
{
    return pixels > MOST_PIXELS || pixels < -MOST_PIXELS;
}

/* What both kinds of nodes ask. */
static int32_t check(const struct cvk_query *q)
{
    const struct cvk_node *node = q->node;
    OCL_TRY(ocl_fits(q));
    if (!ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "only for CPU devices");
    if (node->inputs[0]->rank != 3 && node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only one or two dimensions, not %u", node->inputs[0]->rank - 2);
    if (!node->inputs[0]->bytes || !node->inputs[1]->bytes || !node->outputs[0]->bytes)
        return cvk_refuse(q, "there is nothing to sum");
    return CVK_OK;
}

static int32_t check_sizes(const struct cvk_query *q, const struct ocl_conv *c)
{
    if (huge((int64_t)c->seen_h) || huge((int64_t)c->seen_w) || huge(c->pad_top) || huge(c->pad_left) ||
        huge((int64_t)c->stride_h) || huge((int64_t)c->stride_w) || c->kh * c->kw > 4096)
        return cvk_refuse(q, "window, stride or padding of an unusual size");
    return CVK_OK;
}

int32_t ocl_conv_ask(const struct cvk_query *q, struct ocl_conv *c)
{
    const struct cvk_node *node = q->node;
    OCL_TRY(check(q));
    if (ocl_conv_has_bias(node) && (node->constants[2] || (node->epilogue && node->epilogue->parts & CVK_EPI_BIAS)))
        return cvk_refuse(q, "a constant bias belongs in the epilogue");
    *c = ocl_conv_of(node);
    return check_sizes(q, c);
}

int32_t ocl_conv_weights_ask(const struct cvk_query *q, struct ocl_conv *c)
{
    if (!q->node->outputs[0])
        return cvk_refuse(q, "dw is not wanted");
    OCL_TRY(check(q));
    *c = ocl_conv_weights_of(q->node);
    return check_sizes(q, c);
}

/* Billions of operations and of bytes a second of one core, of the middle of what is in use: only ratios matter. */
#define FLOP_RATE 118.0
#define MEMORY_RATE 14.0
#define L3_RATE 28.0
#define L2_RATE 80.0
#define L3_BYTES (32u << 20)
#define PACK_NS 0.5 /* for one weight */

double ocl_conv_pack_cost(const struct cvk_query *q, uint64_t floats)
{
    return ocl_conv_packs_at_run(q->node) ? PACK_NS * (double)floats : 0;
}

double ocl_conv_cost(double flops, double efficiency, double weight_bytes, double activation_bytes)
{
    double rate = activation_bytes <= OCL_CPU_CACHE_BYTES ? L2_RATE : activation_bytes <= L3_BYTES / 2 ? L3_RATE : MEMORY_RATE;
    double arithmetic = flops / (FLOP_RATE * efficiency), bytes = weight_bytes / MEMORY_RATE + activation_bytes / rate;
    double larger = arithmetic > bytes ? arithmetic : bytes;
    return larger + (arithmetic + bytes - larger) / 4;
}

static bool limits(const struct cvk_node *node, float *low, float *high)
{
    const struct cvk_epilogue *epilogue = node->epilogue;
    *low = -INFINITY;
    *high = INFINITY;
    if (!epilogue || !(epilogue->parts & CVK_EPI_ACTIVATION))
        return true;
    *low = epilogue->activation == CVK_RELU ? 0 : epilogue->a;
    if (epilogue->activation != CVK_RELU)
        *high = epilogue->b;
    return epilogue->activation == CVK_RELU || epilogue->activation == CVK_CLIP;
}

void ocl_cpu_options(const struct ocl_device *d, const struct cvk_node *node, char *options, uint32_t bytes)
{
    struct ocl_cpu_tile tile = ocl_cpu_tile(d);
    float low, high;
    ocl_option(options, bytes, "-cl-mad-enable -DWIDEST=%u -DVECTORS=%u", (uint32_t)tile.px, (uint32_t)tile.vectors);
    if (!limits(node, &low, &high))
        ocl_option(options, bytes, "-DR=float16 -DACT=%u", node->epilogue->activation);
}

int32_t ocl_cpu_epilogue_args(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_node *node)
{
    float low, high;
    limits(node, &low, &high);
    OCL_TRY(ocl_arg_float(d, call, index + 8, low));
    return ocl_arg_float(d, call, index + 9, high);
}

/* Of each core: enough that the last ones level out, few enough that starting them costs nothing. */
#define GROUPS_PER_CORE 4

uint64_t ocl_cpu_groups(const struct ocl_device *d, uint64_t items)
{
    uint64_t groups = (uint64_t)GROUPS_PER_CORE * d->compute_units;
    return items < groups ? items : groups;
}

/* A cut's time: rounds of the largest group, some slack for a core that wakes late, and the bytes that come from the last
 * cache. */
static double cut_ns(const struct ocl_device *d, const struct ocl_cpu_work *w, uint64_t ga, uint64_t gb)
{
    double largest = (double)ocl_ceil_div(w->a, ga) * (double)ocl_ceil_div(w->b, gb) / ((double)w->a * (double)w->b);
    double rounds = (double)ocl_ceil_div(ga * gb, d->compute_units) + 0.1;
    double bytes = w->a_bytes * (double)gb + w->b_bytes * (double)ga;
    return largest * rounds * w->ns + bytes / (L3_RATE * d->compute_units);
}

void ocl_cpu_split(const struct ocl_device *d, const struct ocl_cpu_work *w, uint64_t groups[2])
{
    uint64_t most = (uint64_t)GROUPS_PER_CORE * d->compute_units;
    double best = INFINITY;
    groups[0] = groups[1] = 1;
    for (uint64_t ga = 1; ga <= most && ga <= w->a; ga++)
        for (uint64_t gb = 1; ga * gb <= most && gb <= w->b; gb++) {
            double ns = cut_ns(d, w, ga, gb);
            if (ns < best) {
                best = ns;
                groups[0] = ga;
                groups[1] = gb;
            }
        }
}

void ocl_cpu_size(struct ocl_call *call, uint64_t a, uint64_t b)
{
    const uint64_t groups[2] = {a, b}, one[2] = {1, 1};
    ocl_call_size(call, 2, groups, one);
}

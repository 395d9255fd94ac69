/* SPDX-License-Identifier: MIT
 * conv where each group has one input channel: bound by memory, so an item keeps what it has read for several outputs of a row.
 */
#include "kernel_sources.h"
#include "product_tiles.h"

#define FLOATS32 (OCL_FLOATS & ~CVK_DTYPE_BIT(CVK_F64))
#define MOST_TAPS 128 /* all loops over taps are unrolled */
#define MOST_SPAN 64  /* registers for a row */

/* The struct of kernels/conv_depthwise.cl. */
struct depthwise_sizes {
    int32_t h, w, h_out, w_out, channels, multiplier, blocks, count, pad_h, pad_w, stride_h, dilation_h;
};

/* Outputs of an item: the first is the row's own choice, the others are measured against it. */
static const uint8_t outs[] = {4, 8, 2, 1};

/* The last two axes of a list of the spatial ones, a missing one being `none`. */
static void last_two(const int64_t *list, uint32_t spatial, int64_t none, int64_t *h, int64_t *w)
{
    *w = list[spatial - 1];
    *h = spatial > 1 ? list[spatial - 2] : none;
}

struct window {
    int64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
};

static struct window window_of(const struct cvk_node *node)
{
    const struct cvk_conv_params *p = node->params;
    uint32_t spatial = node->inputs[0]->rank - 2;
    struct window k = {0};
    last_two(p->kernel, spatial, 1, &k.kh, &k.kw);
    last_two(p->stride, spatial, 1, &k.stride_h, &k.stride_w);
    last_two(p->dilation, spatial, 1, &k.dilation_h, &k.dilation_w);
    last_two(p->pad_begin, spatial, 0, &k.pad_h, &k.pad_w);
    if (k.kh == 1)
        k.dilation_h = 1;
    if (k.kw == 1)
        k.dilation_w = 1;
    return k;
}

static int64_t span(const struct window *k, uint32_t out)
{
    return (int64_t)(out - 1) * k->stride_w + (k->kw - 1) * k->dilation_w + 1;
}

static double cost_of(const struct cvk_query *q, uint32_t out, const struct window *k)
{
    const struct ocl_device *d = ocl_asked(q);
    const struct cvk_tensor_desc *y = q->node->outputs[0];
    double work = 2.0 * (double)ocl_flat_count(y) * (double)(k->kh * k->kw) / (0.25 * ocl_model_flops(d));
    double bytes = ocl_model_operands(q->node) / (0.6 * ocl_model_bytes(d));
    double full = (double)ocl_flat_count(y) / out / (256.0 * d->compute_units);
    double cost = work > bytes ? work : bytes;
    return cost / (full < 1 && full > 0 ? full : 1) + OCL_MODEL_LAUNCH_NS;
}

/* Rows of y that are shorter than an item's outputs, or too few items for the device, want a shorter piece. */
static uint32_t choose_out(const struct cvk_query *q, uint32_t wanted, const struct window *k)
{
    uint32_t best = 1;
    if (wanted)
        return outs[wanted - 1];
    for (uint32_t i = OCL_COUNT(outs); i-- > 0;)
        if (outs[i] <= 4 && span(k, outs[i]) <= MOST_SPAN && cost_of(q, outs[i], k) <= 1.05 * cost_of(q, best, k))
            best = outs[i];
    return best;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *x = q->node->inputs[0], *w = q->node->inputs[1];
    OCL_TRY(ocl_conv_generic_plan(q, plan));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    if (w->dims[1] != 1)
        return cvk_refuse(q, "%lld input channels a group", (long long)w->dims[1]);
    if (x->rank > 4)
        return cvk_refuse(q, "three dimensions");
    struct window k = window_of(q->node);
    if (k.kh > MOST_TAPS || k.kw > MOST_TAPS || k.kh * k.kw > MOST_TAPS)
        return cvk_refuse(q, "%lld x %lld taps", (long long)k.kh, (long long)k.kw);
    if (k.stride_w > MOST_SPAN || k.dilation_w > MOST_SPAN || span(&k, 1) > MOST_SPAN)
        return cvk_refuse(q, "stride %lld, dilation %lld: more columns than registers", (long long)k.stride_w,
                          (long long)k.dilation_w);
    uint32_t wanted = cvk_choose(q, plan, 1 + OCL_COUNT(outs)), out = choose_out(q, wanted, &k);
    if (span(&k, out) > MOST_SPAN)
        return cvk_refuse(q, "%u outputs see more columns than there are registers", out);
    plan->cost_ns = cost_of(q, out, &k);
    plan->user[0] = out;
    return CVK_OK;
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct window k = window_of(e->node);
    uint32_t out = (uint32_t)e->plan->user[0];
    int64_t h, w, h_out, w_out;
    last_two(x->dims + 2, x->rank - 2, 1, &h, &w);
    last_two(y->dims + 2, y->rank - 2, 1, &h_out, &w_out);
    struct depthwise_sizes s = {.h = (int32_t)h,
                                .w = (int32_t)w,
                                .h_out = (int32_t)h_out,
                                .w_out = (int32_t)w_out,
                                .channels = (int32_t)y->dims[1],
                                .multiplier = (int32_t)(x->dims[1] ? y->dims[1] / x->dims[1] : 1),
                                .blocks = (int32_t)ocl_ceil_div((uint64_t)w_out, out),
                                .pad_h = (int32_t)k.pad_h,
                                .pad_w = (int32_t)k.pad_w,
                                .stride_h = (int32_t)k.stride_h,
                                .dilation_h = (int32_t)k.dilation_h};
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    s.count = (int32_t)(y->dims[0] * y->dims[1] * h_out * s.blocks);
    if (ocl_product_options(e->node, options, sizeof options))
        ocl_option(options, sizeof options, "-DWITH_BIAS");
    ocl_option(options, sizeof options, "-DOUT=%u -DKH=%d -DKW=%d -DSTRIDE=%d -DDILATION=%d", out, (int)k.kh, (int)k.kw,
               (int)k.stride_w, (int)k.dilation_w);
    return ocl_product_call(e, &ocl_source_conv_depthwise, "conv_depthwise", options, &s, sizeof s, (uint64_t)s.count, &call);
}

const struct cvk_kernel ocl_conv_depthwise_rows[] = {
    {OCL_ROW(CONV, "depthwise_plain"), .dtypes = FLOATS32, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS,
     .plan = plan, .build = build, .run = ocl_product_run, .finish = ocl_finish_call},
};
const uint32_t ocl_conv_depthwise_row_count = OCL_COUNT(ocl_conv_depthwise_rows);

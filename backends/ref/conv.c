/* SPDX-License-Identifier: MIT
 * conv on the reference backend, and the loop that conv_transpose and both gradients of data share with it: a product of the
 * weights with the columns that the windows see, block by block. */
#include "ref_conv.h"
#include "ref_sum.h"

struct job {
    const struct ref_conv *shape;
    struct ref_epilogue epilogue;
    struct ref_conv_view x;
    const void *w, *bias;
    void *y;
    uint32_t dtype;
    uint64_t pixels, kernel_pixels, depth; /* outputs of a map, pixels of the window, products of one sum */
    uint64_t tiles, line_blocks;           /* work items of one group of one image */
};

/* Fills out[0..count-1] with what outputs o, o + 1, ... of a row see at kernel pixel k. */
static void gather_row(double *out, const struct ref_conv_view *x, int64_t row, int64_t o, int64_t k, int64_t count)
{
    const struct ref_conv_axis *axis = &x->axis[2];
    int64_t at = o * axis->scale + k * axis->step + axis->origin;
    if (axis->divisor > 1) { /* transposed: scale is 1, and only every divisor-th output meets this kernel pixel */
        for (int64_t i = 0; i < count; i++, at++) {
            int hit = at >= 0 && at % axis->divisor == 0 && at / axis->divisor < axis->in;
            out[i] = hit ? ref_load(x->data, x->dtype, (uint64_t)(row + at / axis->divisor)) : 0;
        }
        return;
    }
    int64_t lo = at < 0 ? (-at + axis->scale - 1) / axis->scale : 0;
    int64_t hi = at < axis->in ? (axis->in - at + axis->scale - 1) / axis->scale : 0;
    lo = lo < count ? lo : count;
    hi = hi < count ? hi : count;
    for (int64_t i = 0; i < lo; i++)
        out[i] = 0;
    if (axis->scale == 1)
        ref_load_row(out + lo, x->data, x->dtype, (uint64_t)(row + at + lo), (uint64_t)(hi - lo));
    else
        ref_load_strided(out + lo, 1, x->data, x->dtype, row + at + lo * axis->scale, axis->scale, (uint64_t)(hi - lo));
    for (int64_t i = hi; i < count; i++)
        out[i] = 0;
}

/* The input line that output o of an axis sees at kernel pixel k, -1 for padding. */
static int64_t source(const struct ref_conv_axis *axis, int64_t o, int64_t k)
{
    int64_t at = o * axis->scale + k * axis->step + axis->origin;
    return at < 0 || at % axis->divisor || at / axis->divisor >= axis->in ? -1 : at / axis->divisor;
}

void ref_conv_gather(double *out, const struct ref_conv_view *x, int64_t map, uint64_t pixel, uint64_t first, uint64_t count)
{
    const struct ref_conv_axis *d = &x->axis[0], *h = &x->axis[1], *w = &x->axis[2];
    int64_t kx = (int64_t)pixel % w->kernel, ky = (int64_t)pixel / w->kernel % h->kernel;
    int64_t kz = (int64_t)pixel / w->kernel / h->kernel;
    int64_t ox = (int64_t)first % w->out, oy = (int64_t)first / w->out % h->out, oz = (int64_t)first / w->out / h->out;
    for (int64_t left = (int64_t)count; left > 0;) {
        int64_t run = left < w->out - ox ? left : w->out - ox;
        int64_t iz = source(d, oz, kz), iy = source(h, oy, ky);
        if (iz < 0 || iy < 0)
            memset(out, 0, (uint64_t)run * sizeof *out);
        else
            gather_row(out, x, map + (iz * h->in + iy) * w->in, ox, kx, run);
        out += run;
        left -= run;
        ox = 0;
        if (++oy == h->out) {
            oy = 0;
            oz++;
        }
    }
}

/* Sums, epilogue and store for one block: channels line.. of group g of image n, outputs first.. of their maps. */
static void do_block(const struct job *job, struct ref_block *t, uint64_t n, uint64_t g, uint64_t line, uint64_t first)
{
    const struct ref_conv *s = job->shape;
    uint64_t lines = ref_min(s->oc - line, REF_LINES), columns = ref_min(job->pixels - first, REF_COLUMNS);
    uint64_t map_size = (uint64_t)(s->axis[0].in * s->axis[1].in * s->axis[2].in);
    memset(t, 0, sizeof *t);
    for (uint64_t from = 0; from < job->depth; from += REF_DEPTH) {
        uint64_t depth = ref_min(job->depth - from, REF_DEPTH);
        for (uint64_t k = 0; k < depth; k++) {
            uint64_t ic = (from + k) / job->kernel_pixels, pixel = (from + k) % job->kernel_pixels;
            ref_conv_gather(t->b[k], &job->x, (int64_t)(((n * s->groups + g) * s->ic + ic) * map_size), pixel, first, columns);
            for (uint64_t m = 0; m < lines; m++)
                t->a[m][k] = ref_load(job->w, job->dtype, g * s->w_group + (line + m) * s->w_oc + ic * s->w_ic + pixel);
        }
        ref_block_add(t, lines, depth, columns);
    }
    for (uint64_t m = 0; m < lines; m++) {
        uint64_t channel = g * s->oc + line + m, element = (n * s->groups * s->oc + channel) * job->pixels + first;
        double bias = job->bias ? ref_load(job->bias, job->dtype, channel) : 0;
        for (uint64_t j = 0; j < columns; j++)
            t->sum[m][j] += bias;
        ref_epilogue_row(&job->epilogue, t->sum[m], element, columns, channel, 0);
        ref_store_row(job->y, job->dtype, element, t->sum[m], columns);
    }
}

static void do_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    struct ref_block block;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t tile = item % job->tiles, rest = item / job->tiles;
        uint64_t line = rest % job->line_blocks * REF_LINES;
        rest /= job->line_blocks;
        do_block(job, &block, rest / job->shape->groups, rest % job->shape->groups, line, tile * REF_COLUMNS);
    }
}

int32_t ref_conv_run(struct cvk_exec *e, const struct ref_conv *shape)
{
    const struct ref_conv_axis *a = shape->axis;
    struct job job = {.shape = shape,
                      .epilogue = ref_epilogue_of(e),
                      .x = {a, cvk_cpu_input(e, 0), e->node->inputs[0]->dtype},
                      .w = cvk_cpu_input(e, 1),
                      .bias = cvk_cpu_input(e, 2), /* backward passes have none */
                      .y = cvk_cpu_output(e, 0),
                      .dtype = e->node->inputs[0]->dtype,
                      .pixels = (uint64_t)(a[0].out * a[1].out * a[2].out),
                      .kernel_pixels = ref_conv_kernel_pixels(a)};
    job.depth = shape->ic * job.kernel_pixels;
    job.tiles = ref_blocks(job.pixels, REF_COLUMNS);
    job.line_blocks = ref_blocks(shape->oc, REF_LINES);
    uint64_t images = (uint64_t)e->node->inputs[0]->dims[0];
    ref_parallel(e, images * shape->groups * job.line_blocks * job.tiles, do_items, &job);
    return CVK_OK;
}

void ref_conv_grid(struct ref_conv_axis axis[3], const struct cvk_tensor_desc *in, const struct cvk_tensor_desc *out,
                   const int64_t *kernel, const int64_t *stride, const int64_t *dilation, const int64_t *pad_begin,
                   int transposed)
{
    uint32_t spatial = in->rank - 2;
    for (uint32_t i = 0; i < 3; i++)
        axis[i] = (struct ref_conv_axis){.in = 1, .out = 1, .kernel = 1, .scale = 1, .divisor = 1};
    for (uint32_t i = 0; i < spatial; i++)
        axis[3 - spatial + i] = (struct ref_conv_axis){.in = in->dims[2 + i],
                                                       .out = out->dims[2 + i],
                                                       .kernel = kernel[i],
                                                       .scale = transposed ? 1 : stride[i],
                                                       .step = transposed ? -dilation[i] : dilation[i],
                                                       .origin = transposed ? pad_begin[i] : -pad_begin[i],
                                                       .divisor = transposed ? stride[i] : 1};
}

int32_t ref_conv_run_grid(struct cvk_exec *e, uint64_t groups, const int64_t *kernel, const int64_t *stride, const int64_t *dilation,
                          const int64_t *pad_begin, int transposed)
{
    const struct cvk_tensor_desc *w = e->node->inputs[1];
    uint64_t whole = (uint64_t)w->dims[0] / groups, part = (uint64_t)w->dims[1];
    struct ref_conv shape = {.groups = groups, .ic = transposed ? whole : part, .oc = transposed ? part : whole};
    ref_conv_grid(shape.axis, e->node->inputs[0], e->node->outputs[0], kernel, stride, dilation, pad_begin, transposed);
    uint64_t pixels = ref_conv_kernel_pixels(shape.axis);
    *(transposed ? &shape.w_oc : &shape.w_ic) = pixels;
    *(transposed ? &shape.w_ic : &shape.w_oc) = pixels * part;
    shape.w_group = pixels * part * whole;
    return ref_conv_run(e, &shape);
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_conv_params *p = e->node->params;
    return ref_conv_run_grid(e, p->group, p->kernel, p->stride, p->dilation, p->pad_begin, 0);
}

/* An output of the forward pass at o met input o * stride - pad + k * dilation: from the input's side this is the transposed
 * grid. */
static int32_t run_backward_data(struct cvk_exec *e)
{
    const struct cvk_conv_params *p = e->node->params;
    return ref_conv_run_grid(e, p->group, p->kernel, p->stride, p->dilation, p->pad_begin, 1);
}

/* dw[oc, ic, k]: the lines are of dy, the windows look at x. */
static int32_t run_backward_weights(struct cvk_exec *e)
{
    const struct cvk_conv_params *p = e->node->params;
    struct ref_conv_axis axis[3];
    ref_conv_grid(axis, e->node->inputs[1], e->node->inputs[0], p->kernel, p->stride, p->dilation, p->pad_begin, 0);
    return ref_conv_weights_run(e, axis, 0, p->group);
}

const struct cvk_kernel ref_conv_rows[] = {
    {REF_ROW(CONV, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS, .run = run},
    {REF_ROW(CONV, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .epilogues = CVK_EPI_RESIDUAL,
     .run = run_backward_data},
    {REF_ROW(CONV, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .run = run_backward_weights},
};
const uint32_t ref_conv_row_count = REF_COUNT(ref_conv_rows);

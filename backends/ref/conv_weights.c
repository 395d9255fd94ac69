/* SPDX-License-Identifier: MIT
 * The gradient of the weights of conv and conv_transpose: a product of the maps of one side with the columns that the windows
 * see on the other, summed over all pixels of all images in their order. */
#include "ref_conv.h"
#include "ref_sum.h"

struct job {
    struct ref_conv_view x; /* what the windows look at */
    const void *lines;      /* the other side: one line of the product is one of its channels */
    void *dw;
    uint32_t dtype;
    uint64_t images, groups, oc, ic;         /* channels of one group: of the lines, of what the windows look at */
    uint64_t pixels, map_size, kernel_pixels; /* pixels of a line's map, of a window's map, of the window */
    uint64_t line_blocks, column_blocks;
};

/* Adds the products of pixels first.. of image n to one block: lines line.., columns column.. of group g. */
static void add_pixels(const struct job *job, struct ref_block *t, uint64_t n, uint64_t g, uint64_t line, uint64_t lines,
                       uint64_t column, uint64_t columns, uint64_t first)
{
    double seen[REF_DEPTH];
    uint64_t depth = ref_min(job->pixels - first, REF_DEPTH);
    for (uint64_t m = 0; m < lines; m++)
        ref_load_row(t->a[m], job->lines, job->dtype, ((n * job->groups + g) * job->oc + line + m) * job->pixels + first,
                     depth);
    for (uint64_t j = 0; j < columns; j++) {
        uint64_t ic = (column + j) / job->kernel_pixels, pixel = (column + j) % job->kernel_pixels;
        ref_conv_gather(seen, &job->x, (int64_t)(((n * job->groups + g) * job->ic + ic) * job->map_size), pixel, first, depth);
        for (uint64_t k = 0; k < depth; k++)
            t->b[k][j] = seen[k];
    }
    ref_block_add(t, lines, depth, columns);
}

static void do_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    struct ref_block t;
    uint64_t all_columns = job->ic * job->kernel_pixels;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t column = item % job->column_blocks * REF_COLUMNS,
                 line = item / job->column_blocks % job->line_blocks * REF_LINES;
        uint64_t g = item / job->column_blocks / job->line_blocks;
        uint64_t columns = ref_min(all_columns - column, REF_COLUMNS), lines = ref_min(job->oc - line, REF_LINES);
        memset(&t, 0, sizeof t);
        for (uint64_t n = 0; n < job->images; n++)
            for (uint64_t first = 0; first < job->pixels; first += REF_DEPTH)
                add_pixels(job, &t, n, g, line, lines, column, columns, first);
        for (uint64_t m = 0; m < lines; m++)
            ref_store_row(job->dw, job->dtype, (g * job->oc + line + m) * all_columns + column, t.sum[m], columns);
    }
}

struct bias_job {
    const void *dy;
    void *db;
    uint32_t dtype;
    uint64_t images, channels, pixels;
};

/* One item is one channel. */
static void do_bias(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct bias_job *job = arg;
    (void)worker;
    for (uint64_t c = begin; c < end; c++) {
        double sum = 0;
        for (uint64_t n = 0; n < job->images; n++)
            for (uint64_t i = 0; i < job->pixels; i++)
                sum += ref_load(job->dy, job->dtype, (n * job->channels + c) * job->pixels + i);
        ref_store(job->db, job->dtype, c, sum);
    }
}

static uint64_t map_pixels(const struct cvk_tensor_desc *d)
{
    uint64_t n = 1;
    for (uint32_t i = 2; i < d->rank; i++)
        n *= (uint64_t)d->dims[i];
    return n;
}

int32_t ref_conv_weights_run(struct cvk_exec *e, const struct ref_conv_axis axis[3], uint32_t lines, uint64_t groups)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0], *l = e->node->inputs[lines], *x = e->node->inputs[1 - lines];
    struct job job = {.x = {axis, cvk_cpu_input(e, 1 - lines), x->dtype},
                      .lines = cvk_cpu_input(e, lines),
                      .dw = cvk_cpu_output(e, 0),
                      .dtype = dy->dtype,
                      .images = (uint64_t)dy->dims[0],
                      .groups = groups,
                      .oc = (uint64_t)l->dims[1] / groups,
                      .ic = (uint64_t)x->dims[1] / groups,
                      .pixels = map_pixels(l),
                      .map_size = map_pixels(x),
                      .kernel_pixels = ref_conv_kernel_pixels(axis)};
    job.line_blocks = ref_blocks(job.oc, REF_LINES);
    job.column_blocks = ref_blocks(job.ic * job.kernel_pixels, REF_COLUMNS);
    struct bias_job bias = {cvk_cpu_input(e, 0), cvk_cpu_output(e, 1),   dy->dtype,
                            job.images,          (uint64_t)dy->dims[1], map_pixels(dy)};
    if (job.dw)
        ref_parallel(e, groups * job.line_blocks * job.column_blocks, do_blocks, &job);
    if (bias.db)
        ref_parallel(e, bias.channels, do_bias, &bias);
    return CVK_OK;
}

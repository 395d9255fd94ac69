/* SPDX-License-Identifier: MIT
 * Receptive field arithmetic, layer by layer: a window of k elements adds (k - 1) * jump pixels, a stride multiplies the jump.
 * Where paths meet, the field is their union. Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural
 * Networks", Distill 2019. */
#include "receptive.h"

/* Long chains of layers leave every range of numbers: sizes and jumps end here. */
#define MOST_PIXELS 9007199254740992.0 /* 2^53 */

static int64_t whole_pixels(double pixels)
{
    return !(pixels < MOST_PIXELS) ? (int64_t)MOST_PIXELS : pixels < 0 ? 0 : (int64_t)pixels;
}

static void scale_jump(double *jump, double by)
{
    *jump = *jump * by < MOST_PIXELS ? *jump * by : MOST_PIXELS;
}

void cvk__field_of_input(const struct cvk_tensor_desc *desc, struct cvk__field *out)
{
    memset(out, 0, sizeof *out);
    if (desc->rank < 3)
        return;
    out->spatial_rank = desc->rank - 2 < 3 ? desc->rank - 2 : 3;
    out->aligned = true;
    for (uint32_t i = 0; i < out->spatial_rank; i++) {
        out->size[i] = 1;
        out->jump[i] = 1;
    }
}

/* The window of a node; false if its outputs see the whole input. */
static bool window_of(const struct cvk_node *node, const struct cvk__op_def *def, uint32_t spatial_rank, struct cvk__window *w)
{
    memset(w, 0, sizeof *w);
    if (def && def->window) {
        def->window(node, w);
        return w->spatial_rank > 0;
    }
    for (uint32_t i = 0; i < 3; i++)
        w->kernel[i] = w->stride[i] = w->dilation[i] = w->upstride[i] = 1;
    w->spatial_rank = spatial_rank;
    const struct cvk_tensor_desc *x = node->input_count ? node->inputs[0] : NULL, *y = node->outputs[0];
    if (!x || x->rank != y->rank || x->rank < 3)
        return false;
    for (uint32_t i = 2; i < x->rank; i++)
        if (x->dims[i] != y->dims[i])
            return false;
    return true;
}

void cvk__window_of_node(const struct cvk_node *node, const struct cvk__op_def *def, uint32_t spatial_rank, int64_t window[3])
{
    struct cvk__window w;
    bool local = window_of(node, def, spatial_rank, &w);
    for (uint32_t i = 0; i < 3; i++)
        window[i] = local && i < w.spatial_rank ? (w.kernel[i] - 1) * w.dilation[i] + 1 : 1;
}

/* All elements of x's map together: the field of a dense layer or a global pool. */
static void see_everything(const struct cvk_tensor_desc *x, struct cvk__field *f)
{
    for (uint32_t i = 0; i < f->spatial_rank; i++) {
        int64_t elements = x && x->rank == f->spatial_rank + 2 && x->dims[2 + i] > 0 ? x->dims[2 + i] : 1;
        f->size[i] = whole_pixels((double)f->size[i] + (double)(elements - 1) * f->jump[i]);
        f->offset[i] += (double)(elements - 1) / 2 * f->jump[i];
        scale_jump(&f->jump[i], (double)elements);
    }
}

static void slide_window(const struct cvk__window *w, struct cvk__field *f)
{
    for (uint32_t i = 0; i < f->spatial_rank && i < w->spatial_rank; i++) {
        int64_t span = (w->kernel[i] - 1) * w->dilation[i];
        int64_t up = w->upstride[i] > 1 ? w->upstride[i] : 1;
        /* Between upsampled elements only every up-th tap meets an input. */
        f->size[i] = whole_pixels((double)f->size[i] + (double)(span / up) * f->jump[i]);
        if (up > 1)
            f->offset[i] += ((double)w->pad_begin[i] - (double)span / 2) / (double)up * f->jump[i];
        else
            f->offset[i] += ((double)span / 2 - (double)w->pad_begin[i]) * f->jump[i];
        scale_jump(&f->jump[i], (double)w->stride[i] / (double)up);
    }
}

void cvk__field_join(struct cvk__field *a, const struct cvk__field *b)
{
    a->aligned = a->aligned && b->aligned;
    for (uint32_t i = 0; i < a->spatial_rank && i < b->spatial_rank; i++) {
        double a_low = a->offset[i] - (double)(a->size[i] - 1) / 2, a_high = a->offset[i] + (double)(a->size[i] - 1) / 2;
        double b_low = b->offset[i] - (double)(b->size[i] - 1) / 2, b_high = b->offset[i] + (double)(b->size[i] - 1) / 2;
        double low = a_low < b_low ? a_low : b_low, high = a_high > b_high ? a_high : b_high;
        if (a->jump[i] != b->jump[i] || a->offset[i] != b->offset[i])
            a->aligned = false;
        a->size[i] = whole_pixels(high - low + 1.5);
        a->offset[i] = (low + high) / 2;
        a->jump[i] = a->jump[i] > b->jump[i] ? a->jump[i] : b->jump[i];
    }
}

void cvk__field_of_node(const struct cvk_node *node, const struct cvk__op_def *def, const struct cvk__field *const *fields,
                        struct cvk__field *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!fields[i] || !fields[i]->spatial_rank)
            continue;
        if (out->spatial_rank)
            cvk__field_join(out, fields[i]);
        else
            *out = *fields[i];
    }
    struct cvk__window w;
    if (!out->spatial_rank)
        return;
    if (window_of(node, def, out->spatial_rank, &w))
        slide_window(&w, out);
    else
        see_everything(node->inputs[0], out);
}

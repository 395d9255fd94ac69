/* SPDX-License-Identifier: MIT
 * norm_groups.h */
#include "norm_groups.h"

#define COLUMN_ROWS 256u /* rows of a piece of a tensor without pixels */

struct simd_norm_view simd_norm_view_of(const struct cvk_tensor_desc *x, uint32_t block)
{
    struct simd_norm_view v = {.block = block, .channels = x->rank > 1 ? (uint64_t)x->dims[1] : 1};
    uint64_t images = (uint64_t)x->dims[0], pixels = 1;
    for (uint32_t i = 2; i < x->rank; i++)
        pixels *= (uint64_t)x->dims[i];
    v.count = (double)images * (double)pixels;
    if (x->layout != CVK_LAYOUT_PLAIN) {
        v.groups = simd_ceil_div(v.channels, block);
        v.pieces = images;
        v.rows = v.last_rows = pixels;
        v.stride = block;
        v.group_step = pixels * block;
        v.piece_step = v.groups * v.group_step;
    } else if (pixels == 1 && v.channels > 1) {
        v.groups = simd_ceil_div(v.channels, block);
        v.pieces = simd_ceil_div(images, COLUMN_ROWS);
        v.rows = COLUMN_ROWS;
        v.last_rows = images - (v.pieces ? v.pieces - 1 : 0) * COLUMN_ROWS;
        v.stride = v.channels;
        v.group_step = block;
        v.piece_step = COLUMN_ROWS * v.channels;
    } else {
        v.spread = true;
        v.groups = v.channels;
        v.pieces = images;
        v.rows = v.last_rows = pixels / block;
        v.rest = (uint32_t)(pixels % block);
        v.stride = block;
        v.group_step = pixels;
        v.piece_step = v.channels * pixels;
    }
    if (v.count == 0)
        v.pieces = 0;
    return v;
}

uint64_t simd_norm_bytes(const struct simd_norm_view *v, bool sums)
{
    return sums ? v->pieces * sizeof(struct simd_norm_sums) : v->groups * sizeof(struct simd_norm_vectors);
}

static uint32_t lanes_of(const struct simd_norm_view *v, uint64_t group)
{
    uint64_t left = v->channels - group * v->block;
    return v->stride == v->block || left > v->block ? (uint32_t)v->block : (uint32_t)left;
}

/* The operands of a piece of a group. */
static struct simd_norm piece_of(const struct simd_norm_groups *j, uint64_t group, uint64_t piece,
                                 const struct simd_norm_vectors *of)
{
    const struct simd_norm_view *v = &j->v;
    uint64_t at = group * v->group_step + piece * v->piece_step;
    return (struct simd_norm){.x = j->x + at,
                              .dy = j->dy ? j->dy + at : NULL,
                              .residual = j->residual ? j->residual + at : NULL,
                              .y = j->y ? j->y + at : NULL,
                              .rows = piece + 1 < v->pieces ? v->rows : v->last_rows,
                              .stride = v->stride,
                              .lanes = lanes_of(v, group),
                              .activation = j->activation,
                              .low = of->low,
                              .high = of->high,
                              .mean = of->mean,
                              .factor = of->factor,
                              .offset = of->offset,
                              .slope = of->slope,
                              .shift = of->shift};
}

/* The row behind the whole ones of a spread channel. */
static void move_to_rest(struct simd_norm *n, uint32_t rest)
{
    uint64_t at = n->rows * n->stride;
    n->x += at;
    n->dy += n->dy ? at : 0;
    n->residual += n->residual ? at : 0;
    n->y += n->y ? at : 0;
    n->rows = 1;
    n->lanes = rest;
}

void simd_norm_origin(const struct simd_norm_groups *j, uint64_t group, float *origin)
{
    const float *x = j->x + group * j->v.group_step;
    uint32_t lanes = lanes_of(&j->v, group);
    for (uint32_t k = 0; k < SIMD_NORM_MAX_LANES; k++)
        origin[k] = j->v.spread ? *x : k < lanes ? x[k] : 0;
}

static void sum_rows(const struct simd_norm_groups *j, const struct simd_norm *n, const float *origin,
                     struct simd_norm_sums *sums)
{
    memset(sums, 0, sizeof *sums);
    if (j->dy)
        j->fns->products(n, sums);
    else
        j->fns->moments(n, origin, sums);
}

static void sum_piece(const struct simd_norm_groups *j, uint64_t group, uint64_t piece, const struct simd_norm_vectors *of,
                      struct simd_norm_sums *sums)
{
    float origin[SIMD_NORM_MAX_LANES];
    struct simd_norm n = piece_of(j, group, piece, of);
    simd_norm_origin(j, group, origin);
    sum_rows(j, &n, origin, sums);
    if (!j->v.spread)
        return;
    for (uint64_t k = 1; k < j->v.block; k++) {
        sums->first[0] += sums->first[k];
        sums->second[0] += sums->second[k];
    }
    if (j->v.rest) {
        struct simd_norm_sums last;
        move_to_rest(&n, j->v.rest);
        sum_rows(j, &n, origin, &last);
        for (uint32_t k = 0; k < j->v.rest; k++) {
            sums->first[0] += last.first[k];
            sums->second[0] += last.second[k];
        }
    }
}

static void write_piece(const struct simd_norm_groups *j, uint64_t group, uint64_t piece, const struct simd_norm_vectors *of)
{
    struct simd_norm n = piece_of(j, group, piece, of);
    void (*write)(const struct simd_norm *) = j->dy ? j->fns->backward : j->fns->normalise;
    if (!n.y)
        return;
    write(&n);
    if (j->v.rest) {
        move_to_rest(&n, j->v.rest);
        write(&n);
    }
}

void simd_norm_moments_slowly(const struct simd_norm_groups *j, uint64_t group, uint32_t lane, double *mean, double *var)
{
    const struct simd_norm_view *v = &j->v;
    double sum = 0, squares = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t piece = 0; piece < v->pieces; piece++) {
            const float *x = j->x + group * v->group_step + piece * v->piece_step + (v->spread ? 0 : lane);
            uint64_t rows = piece + 1 < v->pieces ? v->rows : v->last_rows, step = v->spread ? 1 : v->stride;
            rows = v->spread ? rows * v->block + v->rest : rows;
            for (uint64_t i = 0; i < rows; i++) {
                double d = (double)x[i * step] - *mean;
                if (pass == 0)
                    sum += (double)x[i * step];
                else
                    squares += d * d;
            }
        }
        *mean = sum / v->count;
    }
    *var = squares / v->count;
}

/* A spread channel's vectors hold its numbers in all lanes. */
static void spread(const struct simd_norm_groups *j, struct simd_norm_vectors *of)
{
    float *all[] = {of->mean, of->factor, of->offset, of->slope, of->shift, of->low, of->high};
    for (uint32_t i = 0; j->v.spread && i < SIMD_COUNT(all); i++)
        for (uint32_t k = 1; k < SIMD_NORM_MAX_LANES; k++)
            all[i][k] = all[i][0];
}

static void prepare(const struct simd_norm_groups *j, uint64_t group, struct simd_norm_vectors *of)
{
    memset(of, 0, sizeof *of);
    j->prepare(j, group, of);
    spread(j, of);
}

static void finish(const struct simd_norm_groups *j, uint64_t group, const struct simd_norm_sums *total,
                   struct simd_norm_vectors *of)
{
    j->finish(j, group, total, of);
    spread(j, of);
}

static void join(struct simd_norm_sums *total, const struct simd_norm_sums *piece)
{
    for (uint32_t k = 0; k < SIMD_NORM_MAX_LANES; k++) {
        total->first[k] += piece->first[k];
        total->second[k] += piece->second[k];
    }
}

/* ---- the two ways ------------------------------------------------------------------------------------------------- */

static void run_groups(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct simd_norm_groups *j = arg;
    (void)worker;
    for (uint64_t group = begin; group < end; group++) {
        struct simd_norm_sums total, piece;
        struct simd_norm_vectors of;
        memset(&total, 0, sizeof total);
        prepare(j, group, &of);
        for (uint64_t i = 0; i < j->v.pieces; i++) {
            sum_piece(j, group, i, &of, &piece);
            join(&total, &piece);
        }
        finish(j, group, &total, &of);
        for (uint64_t i = 0; i < j->v.pieces; i++)
            write_piece(j, group, i, &of);
    }
}

static void sum_pieces(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct simd_norm_groups *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        sum_piece(j, j->group, i, &j->vectors, &j->pieces[i]);
}

static void write_pieces(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct simd_norm_groups *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        write_piece(j, j->group, i, &j->vectors);
}

void simd_norm_run_sums(struct cvk_exec *e, struct simd_norm_groups *j)
{
    uint32_t threads = simd_device_of(e)->threads;
    if (j->v.groups % threads == 0 || j->v.groups >= 4 * (uint64_t)threads || j->v.pieces < 2) {
        simd_parallel(e, j->v.groups, run_groups, j);
        return;
    }
    j->pieces = cvk_cpu_pointer(e->workspace);
    for (j->group = 0; j->group < j->v.groups; j->group++) {
        struct simd_norm_sums total;
        memset(&total, 0, sizeof total);
        prepare(j, j->group, &j->vectors);
        simd_parallel(e, j->v.pieces, sum_pieces, j);
        for (uint64_t i = 0; i < j->v.pieces; i++)
            join(&total, &j->pieces[i]);
        finish(j, j->group, &total, &j->vectors);
        if (j->y)
            simd_parallel(e, j->v.pieces, write_pieces, j);
    }
}

static void write_all(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct simd_norm_groups *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        write_piece(j, i % j->v.groups, i / j->v.groups, &j->all[i % j->v.groups]);
}

void simd_norm_run_writes(struct cvk_exec *e, struct simd_norm_groups *j)
{
    if (j->v.groups == 0 || j->v.pieces == 0)
        return;
    j->all = cvk_cpu_pointer(e->workspace);
    for (uint64_t group = 0; group < j->v.groups; group++)
        prepare(j, group, &j->all[group]);
    simd_parallel(e, j->v.groups * j->v.pieces, write_all, j);
}

/* SPDX-License-Identifier: MIT
 * conv_cpu_winograd.h: how a layer is cut, and what it costs. */
#include "conv_cpu_winograd.h"

#define M_H 4         /* rows of outputs of a tile */
#define TILES 28      /* tiles of a block: weights that stay in a cache are read again soon enough, */
#define TILES_COLD 64 /* those from memory want more work for each byte */
#define LAST_CACHE_BYTES (32u << 20)
/* Cycles that the transforms take for one number xi of one vector: input, output. */
#define INPUT_CYCLES 8.0
#define OUTPUT_CYCLES 6.0
#define CYCLES 3.7 /* of a core in a nanosecond */
#define ENQUEUE_NS 4000.0
/* Of windows of 5: a long sum would round more than a direct one's (docs/accuracy.md). */
#define SUM_BLOCKS 2

uint64_t ocl_winograd_u_floats(const struct ocl_winograd *s)
{
    return s->parts * s->xis * s->u_step * OCL_BLOCK;
}

static bool cold(const struct ocl_winograd *s)
{
    return ocl_winograd_u_floats(s) * sizeof(float) > LAST_CACHE_BYTES / 4;
}

/* Cycles that the sums take for one input channel of `px` tiles and one part of the output channels. */
static double line_cycles(const struct ocl_winograd *s, uint64_t px)
{
    double cycles = (double)(px / 14) * 28;
    uint64_t left = px % 14;
    if (s->tile.px != 14)
        return (double)ocl_round_up(px, s->tile.px) * (double)s->tile.vectors;
    if (left >= 12)
        return cycles + 28;
    if (left >= 5) {
        cycles += 15;
        left = left > 7 ? left - 7 : 0;
    }
    return cycles + (left >= 3 ? 9 : left ? 5 : 0);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double sum_ns(const struct ocl_winograd *s, uint64_t px, uint64_t parts)
{
    return line_cycles(s, px) * s->xis * (double)(s->c.ic_blocks * OCL_BLOCK * parts) / CYCLES;
}

static double transform_ns(const struct ocl_winograd *s, uint64_t tiles)
{
    return (double)(tiles * s->xis) * ((double)s->c.ic_blocks * INPUT_CYCLES + (double)s->c.oc_blocks * OUTPUT_CYCLES) / CYCLES;
}

static double weights_ns(const struct ocl_winograd *s, const struct ocl_device *d)
{
    double rate = cold(s) ? 28.0 : 60.0; /* GB/s of all cores */
    return (double)ocl_winograd_u_floats(s) * sizeof(float) / rate * (d->compute_units > 1 ? 1 : 2);
}

/* Each of `groups` groups takes its tiles through all steps. */
static double apart_ns(const struct ocl_winograd *s, const struct ocl_device *d, uint64_t groups)
{
    uint64_t tiles = ocl_ceil_div(s->tiles, groups), blocks = tiles / s->most, rest = tiles % s->most;
    double rounds = (double)ocl_ceil_div(groups, d->compute_units) + 0.1, weights = weights_ns(s, d) * d->compute_units;
    double ns = (double)blocks * larger(sum_ns(s, s->most, s->parts), weights);
    if (rest)
        ns += larger(sum_ns(s, rest, s->parts), weights);
    return rounds * (ns + transform_ns(s, tiles)) + ENQUEUE_NS;
}

/* The groups share V and take their parts of the output channels. */
static double together_ns(const struct ocl_winograd *s, const struct ocl_device *d, uint64_t groups)
{
    uint64_t blocks = s->tiles / s->most, rest = s->tiles % s->most, parts = ocl_ceil_div(s->parts, groups);
    double rounds = (double)ocl_ceil_div(groups, d->compute_units) + 0.1;
    double ns = (double)blocks * larger(rounds * sum_ns(s, s->most, parts), weights_ns(s, d));
    if (rest)
        ns += larger(rounds * sum_ns(s, rest, parts), weights_ns(s, d));
    return ns + transform_ns(s, s->tiles) / d->compute_units + 2 * (double)(blocks + (rest > 0)) * ENQUEUE_NS;
}

static uint64_t odd(uint64_t vectors)
{
    return vectors | 1;
}

static uint64_t most_of(const struct ocl_winograd *s, uint64_t most, uint64_t bytes)
{
    uint64_t room = bytes / (s->xis * s->c.ic_blocks * OCL_BLOCK * sizeof(float));
    most = room < most ? room : most;
    most = most < s->tile.px ? s->tile.px : most / s->tile.px * s->tile.px;
    return most < s->tiles ? most : s->tiles;
}

static void choose(struct ocl_winograd *s, const struct ocl_device *d)
{
    struct ocl_winograd apart = *s, together = *s;
    uint64_t max = 4u * d->compute_units;
    apart.most = cold(s) ? most_of(s, TILES_COLD, LAST_CACHE_BYTES / 4) : most_of(s, TILES, OCL_CPU_CACHE_BYTES);
    together.most = most_of(s, cold(s) ? 4 * TILES_COLD : TILES_COLD, LAST_CACHE_BYTES / 4);
    s->ns = 0;
    for (uint64_t groups = 1; groups <= max; groups++) {
        double ns = apart_ns(&apart, d, groups);
        if (groups <= s->tiles && (s->ns == 0 || ns < s->ns)) {
            s->ns = ns;
            s->together = false;
            s->groups = groups;
            s->most = apart.most;
        }
        ns = together_ns(&together, d, groups);
        if (groups <= s->parts && ns < s->ns) {
            s->ns = ns;
            s->together = true;
            s->groups = groups;
            s->most = together.most;
        }
    }
}

struct ocl_winograd ocl_winograd_of(const struct ocl_conv *c, const struct ocl_device *d)
{
    struct ocl_winograd s = {.c = *c, .tile = ocl_cpu_tile(d), .taps = (uint32_t)c->kh, .rows = ocl_ceil_div(c->oh, M_H)};
    s.a_h = s.taps + M_H - 1;
    s.xis = s.a_h * OCL_WINOGRAD_A_W;
    s.sum = s.taps == 5 ? SUM_BLOCKS : c->ic_blocks;
    s.columns = ocl_ceil_div(c->ow, OCL_WINOGRAD_A_W - s.taps + 1);
    s.parts = ocl_ceil_div(c->oc_blocks, s.tile.vectors);
    s.tiles = c->n * s.rows * s.columns;
    s.u_step = odd(c->ic_blocks * OCL_BLOCK * s.tile.vectors);
    choose(&s, d);
    s.v_step = odd(c->ic_blocks * s.most);
    s.m_step = odd(s.tile.vectors * s.most);
    return s;
}

uint64_t ocl_winograd_m_vectors(const struct ocl_winograd *s)
{
    uint64_t copies = s->sum < s->c.ic_blocks ? 2 : 1;
    return s->xis * (copies * s->m_step + 1);
}

uint64_t ocl_winograd_v_vectors(const struct ocl_winograd *s)
{
    return s->xis * s->v_step * (s->together ? 1 : s->groups);
}

/* Groups of the shared transform of inputs. */
void ocl_winograd_input_groups(const struct ocl_winograd *s, const struct ocl_device *d, uint64_t *tiles, uint64_t *blocks)
{
    uint64_t most = 4u * d->compute_units;
    *blocks = s->c.ic_blocks < most ? s->c.ic_blocks : most;
    *tiles = most / *blocks < s->tiles ? most / *blocks : 1;
}

uint64_t ocl_winograd_scratch_vectors(const struct ocl_winograd *s, const struct ocl_device *d)
{
    uint64_t tiles, blocks;
    ocl_winograd_input_groups(s, d, &tiles, &blocks);
    uint64_t groups = s->together && tiles * blocks > s->groups ? tiles * blocks : s->groups;
    return ocl_winograd_v_vectors(s) + groups * ocl_winograd_m_vectors(s);
}

double ocl_winograd_cost(const struct ocl_winograd *s)
{
    const struct ocl_conv *c = &s->c;
    double flops = 2.0 * s->xis * (double)(s->tiles * c->ic_blocks * c->oc_blocks * OCL_BLOCK * OCL_BLOCK) / 0.95;
    flops += 32 * (double)(s->tiles * s->xis) * ((double)c->ic_blocks * INPUT_CYCLES + (double)c->oc_blocks * OUTPUT_CYCLES);
    double pixels = (double)(c->n * (c->ic_blocks * c->h * c->w + c->oc_blocks * c->oh * c->ow));
    double times = cold(s) ? (double)ocl_ceil_div(s->tiles, s->most) : 1;
    return ocl_conv_cost(flops, 1, (double)ocl_winograd_u_floats(s) * sizeof(float) * times, pixels * OCL_BLOCK * sizeof(float));
}

/* SPDX-License-Identifier: MIT
 * winograd.h: how a layer is cut, and what it costs. The cut may follow the number of threads, since it does not change a
 * tile's arithmetic; the cost, by which algorithms are chosen, must not. */
#include "winograd.h"

/* Flops that the transforms' time is worth, for each number xi of one tile and channel: input, output. */
#define INPUT_FLOPS 16.0
#define OUTPUT_FLOPS 12.0
/* Of the products. */
#define EFFICIENCY 0.95
/* Billions a second, where threads work together: only ratios matter. */
#define FLOP_RATE 100.0
#define MEMORY_RATE 28.0
#define CACHE_RATE 60.0
#define BARRIER_NS 4000.0
/* Tiles of a block: weights that stay in a cache are read again soon enough, those from memory want more work for each byte. */
#define TILES 28
#define TILES_COLD 64
#define TILES_FRESH 84
/* Flops that the transform of weights is worth, for each transformed number. */
#define WEIGHT_FLOPS 16.0
/* Channels whose products are summed by themselves for windows of 5: a long sum would round more than a direct one's. */
#define SUM_CHANNELS 32

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static int64_t odd_blocks(uint64_t blocks, uint32_t block)
{
    return (int64_t)((blocks | 1) * block);
}

static double u_bytes(const struct simd_winograd *s)
{
    return (double)(s->oc_tiles * s->xis * s->icb * s->v * s->block * s->block) * sizeof(float);
}

/* A net has more layers than one: weights that take a good part of the last cache come from memory each time. */
static bool cold(const struct simd_winograd *s, const struct simd_device *d)
{
    return u_bytes(s) > (double)d->caches.l3_bytes / 4;
}

static double product_flops(const struct simd_winograd *s)
{
    return 2.0 * s->xis * (double)(s->tiles * s->icb * s->ocb * s->block * s->block);
}

static void choose_block(struct simd_winograd *s, const struct simd_device *d)
{
    uint64_t px = d->isa->tile->max_px[s->v - 1], tile_bytes = s->xis * s->icb * s->block * sizeof(float);
    uint64_t most = cold(s, d) ? TILES_COLD : TILES;
    uint64_t room = (cold(s, d) ? d->caches.l3_bytes / 4 : d->caches.l2_bytes / 2) / tile_bytes;
    most = room < most ? room : most;
    s->most = most < px ? px : most / px * px;
    s->most = s->most < s->tiles ? s->most : s->tiles;
}

/* Whether `threads` threads had better share V and cut the channels. */
static bool choose_channels(const struct simd_winograd *s, const struct simd_device *d)
{
    if (d->threads < 2 || s->oc_tiles < 2)
        return false;
    double rate = cold(s, d) ? MEMORY_RATE : CACHE_RATE, threads = d->threads;
    double tiles = (double)simd_ceil_div(s->tiles, d->threads), channels = (double)simd_ceil_div(s->oc_tiles, d->threads);
    double arithmetic = product_flops(s) / FLOP_RATE, blocks = (double)simd_ceil_div(s->tiles, s->most);
    double own_blocks = (double)simd_ceil_div((uint64_t)tiles, s->most);
    double by_tiles = larger(arithmetic * tiles / (double)s->tiles, threads * own_blocks * u_bytes(s) / rate);
    double by_channels = larger(arithmetic * channels / (double)s->oc_tiles, blocks * u_bytes(s) / rate);
    return by_channels + 2 * blocks * BARRIER_NS < by_tiles;
}

/* Weights that would go out of the caches before they are read are better transformed one output tile at a time, if all tiles'
 * inputs stay in the last cache meanwhile. */
static bool worth_fresh(const struct simd_winograd *s, const struct simd_device *d)
{
    double v_bytes = (double)(s->xis * s->icb * s->block * s->tiles) * sizeof(float);
    return u_bytes(s) > 4.0 * (double)d->caches.l2_bytes && v_bytes <= (double)d->caches.l3_bytes / 2;
}

struct simd_winograd simd_winograd_of(const struct simd_conv *c, const struct simd_device *d, uint32_t m, bool live)
{
    struct simd_winograd s = {.n = c->n,
                              .ic = c->ic,
                              .oc = c->oc,
                              .h = c->h,
                              .w = c->w,
                              .oh = c->oh,
                              .ow = c->ow,
                              .pad_top = (uint64_t)c->pad_top,
                              .pad_left = (uint64_t)c->pad_left,
                              .m = m,
                              .five = c->kh == 5,
                              .block = d->isa->block};
    const uint32_t m_h = simd_winograd_m_h(&s), taps = simd_winograd_taps(&s);
    s.xis = (m_h + taps - 1) * (m + taps - 1);
    s.icb = simd_ceil_div(s.ic, s.block);
    s.ocb = simd_ceil_div(s.oc, s.block);
    s.v = d->isa->tile->best_v < s.ocb ? d->isa->tile->best_v : (uint32_t)s.ocb;
    s.oc_tiles = simd_ceil_div(s.ocb, s.v);
    s.rows = simd_ceil_div(s.oh, m_h);
    s.columns = simd_ceil_div(s.ow, m);
    s.tiles = s.n * s.rows * s.columns;
    choose_block(&s, d);
    s.fresh = live && s.oc_tiles >= d->threads && worth_fresh(&s, d);
    s.by_channels = s.fresh || choose_channels(&s, d);
    s.part = s.most;
    s.depth = s.icb;
    s.sum = s.five ? SUM_CHANNELS / s.block : s.icb;
    if (s.fresh) {
        uint64_t room = d->caches.l2_bytes / 2 / (s.xis * s.v * s.block * s.block * sizeof(float));
        uint64_t step = s.sum < s.icb ? s.sum : 1;
        s.most = s.tiles;
        s.part = s.tiles < TILES_FRESH ? s.tiles : TILES_FRESH;
        if (s.part == s.tiles && room < s.depth)
            s.depth = room > step ? room / step * step : step;
    }
    s.u_step = odd_blocks(s.depth * s.block * s.v, s.block);
    s.v_step = odd_blocks(s.icb * s.most, s.block);
    s.m_step = odd_blocks(s.v * s.part, s.block);
    return s;
}

double simd_winograd_cost(const struct simd_winograd *s, const struct simd_device *d, bool live)
{
    double lanes = (double)(s->tiles * s->block) * s->xis;
    double flops = product_flops(s) / EFFICIENCY + lanes * ((double)s->icb * INPUT_FLOPS + (double)s->ocb * OUTPUT_FLOPS);
    double pixels = (double)(s->n * s->block * sizeof(float));
    double activations = pixels * ((double)(s->icb * s->h * s->w) + (double)(s->ocb * s->oh * s->ow));
    uint32_t taps = simd_winograd_taps(s);
    double plain = (double)(s->oc * s->ic * taps * taps * sizeof(float)), times = 1.0;
    if (live && worth_fresh(s, d)) { /* whether the threads are few enough for it or not */
        double pieces = (double)s->oc_tiles;
        return simd_conv_cost(d, flops, 1.0, 0.0, activations) +
               pieces * simd_conv_pack_cost(d, plain / pieces, u_bytes(s) / pieces, WEIGHT_FLOPS);
    }
    if (cold(s, d))
        times = (double)simd_ceil_div(s->tiles, s->most);
    double cost = simd_conv_cost(d, flops, 1.0, u_bytes(s) * times, activations);
    return live ? cost + simd_conv_pack_cost(d, plain, u_bytes(s), WEIGHT_FLOPS) : cost;
}

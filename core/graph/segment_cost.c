/* SPDX-License-Identifier: MIT
 * Which steps become a segment, and how many images its pieces have: the cuts with the least estimated time.
 *
 * A step alone runs over the N images with all W workers. A segment runs its P = N/b pieces of b images on L = min(P, W) lanes.
 * Estimated is, in nanoseconds and for all N images,
 *
 *   arithmetic  flops / RATE: shared by W workers alone, never quite evenly; in a segment ceil(P/L) pieces one behind the other
 *   activations moved bytes. What a lane has alive (b images of the segment's widest place; alone its share of N) leaves the core's
 *               L2 cache, and what all lanes have alive leaves with the weights the L3 cache, by a share that grows with the square
 *               of its size against the cache's: caches do not fail all at once, and others use them, too
 *   crossing    what is alive at the two ends of a segment is written and read again, N images of it
 *   weights     alone: once, from DRAM as far as what is read between two runs of the net leaves L3. In a segment once for each
 *               piece, from L3; as far as they leave it, each round of L pieces streams them from DRAM, with an allowance for
 *               lanes that drift apart
 *   barriers    one for a step alone, one for a segment
 *
 * DRAM's bandwidth is shared by all workers, L3's is one core's. The constants are of the right size for today's processors;
 * the choice depends on their ratios, and little. */
#include <math.h>

#include "segment.h"

#define RATE 100.0        /* flops in a nanosecond, one worker */
#define UNEVEN 1.08       /* several workers in one kernel: their shares are of whole tiles, and they wait for the largest */
#define DRAM 20.0         /* bytes in a nanosecond, all workers together */
#define L3 30.0           /* bytes in a nanosecond, one worker */
#define BARRIER_NS 3000.0 /* with the wait for the slowest worker */
#define DRIFT 1.25        /* lanes read the same weights at nearly the same time: most reads find what another one has brought */
#define WORK 2000000u     /* pairs of first and last step that are looked at */
#define MAX_DIVISORS 64
#define MAX_TRIED 65536

struct model {
    const struct cvk__load *loads;
    double batch, workers, l2, l3, sharers; /* sharers: workers on one L3 cache */
    double net_bytes;                       /* weights of all steps */
};

/* Divisors of the batch up to `most`: d and batch / d. Of a batch beyond all reason not every one is found. */
static uint32_t list_divisors(int64_t batch, int64_t most, int64_t *out)
{
    uint32_t count = 0;
    for (int64_t d = 1; d <= batch / d && d <= MAX_TRIED && count + 2 <= MAX_DIVISORS; d++) {
        if (batch % d == 0 && d <= most)
            out[count++] = d;
        if (batch % d == 0 && batch / d <= most && batch / d != d)
            out[count++] = batch / d;
    }
    return count;
}

int64_t cvk__divisor(int64_t batch, int64_t most)
{
    int64_t divisors[MAX_DIVISORS], best = 1;
    uint32_t count = list_divisors(batch, most, divisors);
    for (uint32_t i = 0; i < count; i++)
        best = divisors[i] > best ? divisors[i] : best;
    return best;
}

/* The share of accesses that a cache cannot serve. */
static double misses(double alive, double cache)
{
    return alive < cache ? alive * alive / (cache * cache) : 1;
}

/* Moving `bytes`, of which each of `lanes` moves its share: what leaves L2, and of that what leaves L3. */
static double move_ns(double bytes, double lanes, double leaves_l2, double leaves_l3)
{
    return bytes * leaves_l2 * (1 / (L3 * lanes) + leaves_l3 / DRAM);
}

static double alone_ns(const struct model *m, const struct cvk__load *load)
{
    double moved = m->batch * (double)load->moved_bytes, alive = m->batch * (double)load->live_bytes;
    double weights = (double)load->weight_bytes, uneven = m->workers > 1 ? UNEVEN : 1;
    double ns = BARRIER_NS + uneven * m->batch * load->flops / RATE / m->workers;
    ns += move_ns(moved, m->workers, misses(alive / m->workers, m->l2), misses(alive + weights, m->l3));
    return ns + move_ns(weights, m->workers, 1, misses(alive + m->net_bytes, m->l3));
}

/* Sums over the steps of a segment. */
struct sums {
    double weights, moved, live, flops;
};

static double segment_ns(const struct model *m, const struct sums *sum, double crossing, double images)
{
    double pieces = m->batch / images, lanes = pieces < m->workers ? pieces : m->workers, rounds = ceil(pieces / lanes);
    double neighbours = lanes < m->sharers ? lanes : m->sharers, alive = images * sum->live;
    double leaves_l3 = misses(neighbours * alive + sum->weights, m->l3);
    double ns = BARRIER_NS + rounds * images * sum->flops / RATE;
    ns += move_ns(m->batch * sum->moved, lanes, misses(alive, m->l2), leaves_l3);
    ns += rounds * sum->weights * (1 / L3 + leaves_l3 * (lanes > 1 ? DRIFT : 1) / DRAM);
    crossing *= m->batch;
    return ns + move_ns(crossing, lanes, 1, misses(crossing, m->l3));
}

struct best {
    double ns;
    uint32_t from;
    int64_t images; /* 0: the step before stays alone */
};

/* The best segment that ends before step `end`, if it beats what is there. */
static void extend_back(const struct model *m, uint32_t end, uint32_t window, const int64_t *images, uint32_t image_count,
                        struct best *best)
{
    struct sums sum = {0};
    uint32_t lowest = end > window ? end - window : 0;
    for (uint32_t i = end; i-- > lowest;) {
        const struct cvk__load *load = &m->loads[i];
        sum.weights += (double)load->weight_bytes;
        sum.moved += (double)load->moved_bytes;
        sum.flops += load->flops;
        sum.live = fmax(sum.live, (double)load->live_bytes);
        lowest = load->lowest > lowest ? load->lowest : lowest;
        if (i < lowest)
            return;
        if (i + 1 == end)
            continue; /* one step gains nothing */
        double crossing = (double)load->crossing_bytes + (double)m->loads[end].crossing_bytes;
        for (uint32_t k = 0; k < image_count; k++) {
            double ns = best[i].ns + segment_ns(m, &sum, crossing, (double)images[k]);
            if (ns < best[end].ns)
                best[end] = (struct best){ns, i, images[k]};
        }
    }
}

/* As long as can be, with pieces of one size. */
static uint32_t forced_cuts(const struct cvk__load *loads, uint32_t count, int64_t images, struct cvk__cut *cuts)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (made && loads[i].lowest <= cuts[made - 1].first)
            cuts[made - 1].last = i;
        else
            cuts[made++] = (struct cvk__cut){i, i, images};
    }
    return made;
}

int32_t cvk__choose_cuts(const struct cvk__load *loads, uint32_t count, int64_t batch, const struct cvk__machine *machine,
                         int64_t forced, struct cvk__cut *cuts, uint32_t *cut_count)
{
    int64_t images[MAX_DIVISORS];
    *cut_count = 0;
    if (forced) {
        int64_t size = cvk__divisor(batch, forced);
        if (size < batch)
            *cut_count = forced_cuts(loads, count, size, cuts);
        return CVK_OK;
    }
    /* At least two pieces, and one for every worker. */
    uint32_t image_count = list_divisors(batch, batch / (machine->workers > 2 ? machine->workers : 2), images);
    uint32_t window = count > 0 ? WORK / count / (image_count + 1) : 0;
    if (!image_count || count < 2)
        return CVK_OK;
    struct best *best = cvk__alloc_array(CVK__TAG_SESSION, count + 1u, sizeof *best);
    if (!best)
        return cvk__fail_memory(count * sizeof *best, "a plan");
    struct model m = {.loads = loads,
                      .batch = (double)batch,
                      .workers = machine->workers,
                      .l2 = (double)machine->caches.l2_bytes,
                      .l3 = (double)machine->caches.l3_bytes,
                      .sharers = machine->caches.l3_cpus};
    for (uint32_t i = 0; i < count; i++)
        m.net_bytes += (double)loads[i].weight_bytes;
    for (uint32_t end = 1; end <= count; end++) {
        best[end] = (struct best){best[end - 1].ns + alone_ns(&m, &loads[end - 1]), end - 1, 0};
        extend_back(&m, end, window > 8 ? window : 8, images, image_count, best);
    }
    for (uint32_t end = count; end > 0; end = best[end].from)
        *cut_count += best[end].images > 0;
    uint32_t at = *cut_count;
    for (uint32_t end = count; end > 0; end = best[end].from)
        if (best[end].images > 0)
            cuts[--at] = (struct cvk__cut){best[end].from, end - 1, best[end].images};
    cvk__free(best);
    return CVK_OK;
}

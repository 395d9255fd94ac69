/* SPDX-License-Identifier: MIT
 * The hand: where a stroke goes, how thick it is there, and what of it lands on the paper. */
#include "sketch.h"

#include <math.h>

#include "convoke/rng.h"

struct cvk__dice cvk__dice_of(uint64_t seed, uint32_t kind, uint64_t sample)
{
    return (struct cvk__dice){.key = cvk_rng_bits(seed, kind, sample)};
}

double cvk__roll(struct cvk__dice *dice, double low, double high)
{
    return low + (high - low) * ((double)(cvk_rng_bits(dice->key, 0, dice->next++) >> 11) * 0x1p-53);
}

uint32_t cvk__pick(struct cvk__dice *dice, uint32_t count)
{
    return (uint32_t)((cvk_rng_bits(dice->key, 0, dice->next++) >> 32) * count >> 32);
}

bool cvk__chance(struct cvk__dice *dice, double probability)
{
    return cvk__roll(dice, 0, 1) < probability;
}

/* Not sin(): the libraries of two machines may differ in its last digit. Taylor's series over a quarter turn, off by 6e-8 at
 * most. */
double cvk__sine(double turns)
{
    double t = turns - floor(turns); /* 0 to 1 */
    double sign = t < 0.5 ? 1 : -1;
    t = t < 0.5 ? t : t - 0.5;
    t = t < 0.25 ? t : 0.5 - t;
    double x = 6.283185307179586 * t, y = x * x;
    return sign * x * (1 - y / 6 * (1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110)))));
}

struct cvk__hand cvk__hand_of(struct cvk__dice *dice, double scale, double middle, double room, double turns)
{
    double turn = cvk__roll(dice, -turns, turns), slant = cvk__roll(dice, -0.15, 0.15), stretch = cvk__roll(dice, 0.85, 1.15);
    double c = cvk__cosine(turn) * scale, s = cvk__sine(turn) * scale;
    struct cvk__hand h = {.xx = c * stretch, .xy = c * slant - s, .yx = s * stretch, .yy = s * slant + c};
    h.x = middle + cvk__roll(dice, -room, room);
    h.y = middle + cvk__roll(dice, -room, room);
    return h;
}

void cvk__stroke_to(struct cvk__stroke *s, double x, double y)
{
    if (s->count < CVK__STROKE_POINTS)
        s->points[s->count++] = (struct cvk__point){x, y};
}

void cvk__stroke_near(struct cvk__stroke *s, struct cvk__dice *dice, double x, double y, double by)
{
    x += cvk__roll(dice, -by, by);
    y += cvk__roll(dice, -by, by);
    cvk__stroke_to(s, x, y);
}

static double between(double a, double b, double c, double d, double t)
{
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

void cvk__stroke_smooth(struct cvk__stroke *s, uint32_t steps)
{
    struct cvk__stroke from = *s;
    uint32_t n = from.count, pieces = from.closed ? n : n - 1;
    if (n < 3)
        return;
    s->count = 0;
    for (uint32_t i = 0; i < pieces; i++) {
        const struct cvk__point *p = from.points, *b = p + i, *c = p + (i + 1) % n;
        const struct cvk__point *a = i || from.closed ? p + (i + n - 1) % n : b,
                                *e = i + 2 < n || from.closed ? p + (i + 2) % n : c;
        for (uint32_t k = 0; k < steps; k++) {
            double t = (double)k / steps;
            cvk__stroke_to(s, between(a->x, b->x, c->x, e->x, t), between(a->y, b->y, c->y, e->y, t));
        }
    }
    if (!from.closed)
        cvk__stroke_to(s, from.points[n - 1].x, from.points[n - 1].y);
}

static struct cvk__point place(const struct cvk__hand *h, struct cvk__point p)
{
    return (struct cvk__point){h->x + h->xx * p.x + h->xy * p.y, h->y + h->yx * p.x + h->yy * p.y};
}

/* A round dab of ink with a soft edge of one pixel. */
static void dab(uint8_t *paper, uint32_t size, double x, double y, double radius)
{
    double reach = radius + 0.5, last = (double)size - 1;
    if (x + reach < 0 || y + reach < 0 || x - reach > last || y - reach > last)
        return;
    uint32_t left = x > reach ? (uint32_t)(x - reach) : 0, top = y > reach ? (uint32_t)(y - reach) : 0;
    uint32_t right = x + reach < last ? (uint32_t)(x + reach) : size - 1,
             bottom = y + reach < last ? (uint32_t)(y + reach) : size - 1;
    for (uint32_t v = top; v <= bottom; v++)
        for (uint32_t u = left; u <= right; u++) {
            double dx = u - x, dy = v - y, ink = reach - sqrt(dx * dx + dy * dy);
            uint8_t *at = paper + (uint64_t)v * size + u, value = ink >= 1 ? 255 : ink > 0 ? (uint8_t)(ink * 255 + 0.5) : 0;
            *at = value > *at ? value : *at;
        }
}

/* Slow waves along a stroke: what a hand does without wanting to. */
struct waver {
    double rate[3], phase[3];
};

static struct waver waver_of(struct cvk__dice *dice, double size)
{
    struct waver w;
    for (uint32_t i = 0; i < 3; i++) {
        w.rate[i] = cvk__roll(dice, 0.5, 1.2) * (i + 1) / size;
        w.phase[i] = cvk__roll(dice, 0, 1);
    }
    return w;
}

static double waver_at(const struct waver *w, double way)
{
    double sum = 0;
    for (uint32_t i = 0; i < 3; i++)
        sum += cvk__sine(way * w->rate[i] + w->phase[i]) / (i + 1);
    return sum;
}

void cvk__stroke_draw(const struct cvk__stroke *s, const struct cvk__hand *hand, struct cvk__dice *dice, uint8_t *paper,
                      uint32_t size)
{
    struct waver right = waver_of(dice, size), down = waver_of(dice, size), press = waver_of(dice, size);
    double length = 0;
    uint32_t pieces = s->closed ? s->count : s->count - 1;
    for (uint32_t i = 0; i < pieces; i++) {
        struct cvk__point a = place(hand, s->points[i]), b = place(hand, s->points[(i + 1) % s->count]);
        length += sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
    }
    double gap_begin = cvk__roll(dice, 0.1, 0.8) * length, gap_end = gap_begin + cvk__roll(dice, 0.03, 0.08) * length;
    if (!cvk__chance(dice, hand->gap))
        gap_end = gap_begin;
    double end = length * (s->closed ? 1 + cvk__roll(dice, -hand->overshoot, hand->overshoot) : 1);
    double step = hand->thickness / 5 > 0.4 ? hand->thickness / 5 : 0.4, way = 0, next = 0;
    for (uint32_t i = 0; way < end && i < 2 * pieces; i++) { /* a closed stroke may pass its first piece twice */
        struct cvk__point a = place(hand, s->points[i % s->count]), b = place(hand, s->points[(i + 1) % s->count]);
        double dx = b.x - a.x, dy = b.y - a.y, piece = sqrt(dx * dx + dy * dy);
        if (!s->closed && i == pieces)
            break;
        for (; next <= way + piece && next <= end; next += step) {
            double t = piece > 0 ? (next - way) / piece : 0;
            if (next >= gap_begin && next < gap_end)
                continue;
            dab(paper, size, a.x + t * dx + hand->wobble * waver_at(&right, next),
                a.y + t * dy + hand->wobble * waver_at(&down, next),
                hand->thickness / 2 * (1 + 0.15 * waver_at(&press, next)));
        }
        way += piece;
    }
}

void cvk__stroke_fill(const struct cvk__stroke *s, const struct cvk__hand *hand, uint8_t value, uint8_t class, uint8_t *paper,
                      uint8_t *classes, uint32_t size)
{
    struct cvk__point points[CVK__STROKE_POINTS];
    for (uint32_t i = 0; i < s->count; i++)
        points[i] = place(hand, s->points[i]);
    for (uint32_t v = 0; v < size; v++) {
        double cuts[CVK__STROKE_POINTS];
        uint32_t n = 0;
        for (uint32_t i = 0; i < s->count; i++) {
            struct cvk__point a = points[i], b = points[(i + 1) % s->count];
            if ((a.y <= v) == (b.y <= v))
                continue;
            double x = a.x + (b.x - a.x) * (v - a.y) / (b.y - a.y);
            uint32_t k = n++;
            for (; k > 0 && cuts[k - 1] > x; k--)
                cuts[k] = cuts[k - 1];
            cuts[k] = x;
        }
        for (uint32_t k = 0; k + 1 < n; k += 2)
            for (double u = ceil(cuts[k] > 0 ? cuts[k] : 0); u <= cuts[k + 1] && u < size; u++) {
                uint64_t at = (uint64_t)v * size + (uint64_t)u;
                paper[at] = value;
                classes[at] = class;
            }
    }
}

void cvk__colour(struct cvk__dice *dice, uint8_t *planes, uint32_t channels, uint32_t size)
{
    uint64_t count = (uint64_t)size * size;
    double bright = cvk__roll(dice, 0.75, 1);
    for (uint32_t c = channels; c-- > 0;) { /* plane 0 last, since the drawing is in it */
        double ink = channels > 1 ? cvk__roll(dice, 0.4, 1) : bright, ground = channels > 1 ? cvk__roll(dice, 0, 0.3) : 0;
        for (uint64_t i = 0; i < count; i++)
            planes[c * count + i] = (uint8_t)(planes[i] * (ink - ground) + 255 * ground + 0.5);
    }
}

void cvk__grain(struct cvk__dice *dice, uint8_t *pixels, uint64_t count, uint32_t most)
{
    uint64_t key = cvk_rng_bits(dice->key, 1, 0);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t more = pixels[i] + (uint32_t)((cvk_rng_bits(key, 0, i) >> 32) * (most + 1) >> 32);
        pixels[i] = (uint8_t)(more < 255 ? more : 255);
    }
}

/* ---- sets ---- */

void cvk__finish_generated(struct cvk_data *d)
{
    cvk__free(d->impl);
}

int32_t cvk__open_generated(struct cvk_data *d, const struct cvk__source *source, const char *name, const char *const *names,
                            uint64_t count, const struct cvk__generated *g)
{
    struct cvk__generated *own = d->impl = cvk__alloc(CVK__TAG_DATA, sizeof *own);
    if (!own)
        return cvk__fail_memory(sizeof *own, "a data set");
    *own = *g;
    d->source = source;
    d->name = name;
    CVK__TRY(cvk__data_set_pictures(d, count, g->channels, g->size, g->size));
    if (g->classes) {
        CVK__TRY(cvk__data_set_labels(d));
        CVK__TRY(cvk__data_set_names(d, g->classes, names));
    }
    for (uint64_t i = 0; g->classes && i < count; i++)
        d->labels[i] = (uint32_t)(i % g->classes);
    return cvk__data_keep_decoded(d, CVK__DATA_CACHE_BYTES);
}

/* SPDX-License-Identifier: MIT
 * Generated pictures of shapes as a hand draws them: round things, things with corners whose sides may not meet, open strokes.
 */
#include "sketch.h"

static const char *const names[] = {"circle", "square", "triangle", "star", "cross",
                                    "heart",  "arrow",  "spiral",   "wave", "moon"};
enum { CIRCLE, SQUARE, TRIANGLE, STAR, CROSS, HEART, ARROW, SPIRAL, WAVE, MOON, SHAPES };
/* How far a shape may be turned, either way, and still be called by its name. */
static const double turns[SHAPES] = {0.5, 0.06, 0.08, 0.5, 0.06, 0.06, 0.5, 0.5, 0.06, 0.5};

/* A pen, a piece of paper and the dice. */
struct drawing {
    struct cvk__dice *dice;
    struct cvk__hand hand;
    uint8_t *paper;
    uint32_t size;
};

static void finish_stroke(struct drawing *d, const struct cvk__stroke *s)
{
    cvk__stroke_draw(s, &d->hand, d->dice, d->paper, d->size);
}

static void line(struct drawing *d, double x0, double y0, double x1, double y1)
{
    struct cvk__stroke s = {0};
    cvk__stroke_to(&s, x0, y0);
    cvk__stroke_to(&s, x1, y1);
    finish_stroke(d, &s);
}

/* Corners, each moved a little; in one stroke, or side by side with the pen lifted between them. */
static void polygon(struct drawing *d, const struct cvk__point *corners, uint32_t count)
{
    struct cvk__stroke s = {.closed = true};
    for (uint32_t i = 0; i < count; i++)
        cvk__stroke_near(&s, d->dice, corners[i].x, corners[i].y, 0.06);
    if (count > 4 || cvk__chance(d->dice, 0.6)) {
        finish_stroke(d, &s);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct cvk__point *a = &s.points[i], *b = &s.points[(i + 1) % count];
        double before = cvk__roll(d->dice, -0.04, 0.08), behind = cvk__roll(d->dice, -0.04, 0.08);
        line(d, a->x - before * (b->x - a->x), a->y - before * (b->y - a->y), b->x + behind * (b->x - a->x),
             b->y + behind * (b->y - a->y));
    }
}

static void star(struct drawing *d)
{
    struct cvk__point corners[10];
    double inner = cvk__roll(d->dice, 0.36, 0.48);
    for (uint32_t i = 0; i < 10; i++) {
        double r = i % 2 ? inner : 1;
        corners[i] = (struct cvk__point){r * cvk__sine(i / 10.0), -r * cvk__cosine(i / 10.0)};
    }
    polygon(d, corners, 10);
}

/* A closed way around, drawn in one go from wherever the pen came down. */
static void loop(struct drawing *d, uint32_t shape)
{
    struct cvk__stroke s = {.closed = true};
    double start = cvk__roll(d->dice, 0, 1), bite = cvk__roll(d->dice, 0.25, 0.5);
    for (uint32_t i = 0; i < 60; i++) {
        double t = start + i / 60.0, sine = cvk__sine(t), cosine = cvk__cosine(t);
        t -= t >= 1 ? 1 : 0;
        if (shape == CIRCLE)
            cvk__stroke_to(&s, sine, cosine);
        else if (shape == HEART) /* Weisstein, "Heart Curve", MathWorld, the sixth */
            cvk__stroke_to(&s, sine * sine * sine,
                           -(13 * cosine - 5 * cvk__cosine(2 * t) - 2 * cvk__cosine(3 * t) - cvk__cosine(4 * t)) / 16);
        else { /* there along a half circle, back along a flatter one */
            bool out = t < 0.5;
            cvk__stroke_to(&s, (out ? 1 : bite) * cvk__sine(out ? t : 1 - t), out ? -cosine : -cvk__cosine(1 - t));
        }
    }
    finish_stroke(d, &s);
}

static void open_curve(struct drawing *d, uint32_t shape)
{
    struct cvk__stroke s = {0};
    double rounds = cvk__roll(d->dice, 2, 2.8), waves = cvk__roll(d->dice, 1.6, 2.4), height = cvk__roll(d->dice, 0.3, 0.5);
    double mirror = cvk__chance(d->dice, 0.5) ? 1 : -1;
    for (uint32_t i = 0; i <= 120; i++) {
        double t = i / 120.0;
        if (shape == SPIRAL)
            cvk__stroke_to(&s, mirror * (0.08 + 0.92 * t) * cvk__sine(rounds * t),
                           (0.08 + 0.92 * t) * cvk__cosine(rounds * t));
        else
            cvk__stroke_to(&s, 2 * t - 1, mirror * height * cvk__sine(waves * t));
    }
    finish_stroke(d, &s);
}

static void draw_shape(struct drawing *d, uint32_t shape)
{
    static const struct cvk__point square[] = {{-0.8, -0.8}, {0.8, -0.8}, {0.8, 0.8}, {-0.8, 0.8}};
    static const struct cvk__point triangle[] = {{0, -0.95}, {0.95, 0.75}, {-0.95, 0.75}};
    double head = cvk__roll(d->dice, 0.3, 0.5), left = cvk__roll(d->dice, -0.15, 0.15),
           right = cvk__roll(d->dice, -0.15, 0.15);
    switch (shape) {
    case SQUARE:
        polygon(d, square, 4);
        break;
    case TRIANGLE:
        polygon(d, triangle, 3);
        break;
    case STAR:
        star(d);
        break;
    case CROSS:
        line(d, right, -1, left, 1);
        line(d, -1, left, 1, right);
        break;
    case ARROW:
        line(d, -1, 0, 1, 0);
        line(d, 1 - head, -head, 1, cvk__roll(d->dice, -0.05, 0.05));
        line(d, 1 - head, head, 1, cvk__roll(d->dice, -0.05, 0.05));
        break;
    case SPIRAL:
    case WAVE:
        open_curve(d, shape);
        break;
    default:
        loop(d, shape);
    }
}

static int32_t draw(const struct cvk_data *d, uint64_t i, uint8_t *out)
{
    const struct cvk__generated *g = d->impl;
    struct cvk__dice dice = cvk__dice_of(g->seed, CVK__DRAW_SHAPES, i);
    uint32_t shape = d->labels[i];
    double size = g->size, scale = cvk__roll(&dice, 0.24, 0.38) * size;
    struct drawing drawing = {.dice = &dice, .paper = out, .size = g->size};
    drawing.hand = cvk__hand_of(&dice, scale, (size - 1) / 2, 0.45 * size - 1.1 * scale, turns[shape]);
    drawing.hand.thickness = cvk__roll(&dice, 0.03, 0.08) * size;
    drawing.hand.thickness = drawing.hand.thickness > 1 ? drawing.hand.thickness : 1;
    drawing.hand.wobble = cvk__roll(&dice, 0.004, 0.02) * size;
    drawing.hand.gap = 0.3;
    drawing.hand.overshoot = 0.06;
    draw_shape(&drawing, shape);
    cvk__colour(&dice, out, g->channels, g->size);
    return CVK_OK;
}

int32_t cvk__open_shapes(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.draw = draw, .finish = cvk__finish_generated};
    uint64_t count = 1000, size = 32, classes = 5, seed = 0, channels = 1;
    const struct cvk__option options[] = {{"count", CVK__OPTION_U64, &count, 1, CVK__GENERATED_MOST},
                                          {"size", CVK__OPTION_U64, &size, 8, CVK__GENERATED_SIDE},
                                          {"classes", CVK__OPTION_U64, &classes, 2, SHAPES},
                                          {"seed", CVK__OPTION_U64, &seed, 0, UINT64_MAX},
                                          {"channels", CVK__OPTION_U64, &channels, 1, 3},
                                          CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    const struct cvk__generated g = {seed, (uint32_t)size, (uint32_t)classes, (uint32_t)channels};
    return cvk__open_generated(d, &source, "shapes", names, count, &g);
}

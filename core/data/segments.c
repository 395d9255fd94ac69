/* SPDX-License-Identifier: MIT
 * Generated pictures to be told pixel by pixel: up to three filled shapes on a ground that is darker here and brighter there,
 * with grain over all of it. */
#include "sketch.h"

static const char *const names[] = {"ground", "circle", "square", "triangle"};
enum { GROUND, CIRCLE, SQUARE, TRIANGLE, CLASSES };

static void add_shape(struct cvk__dice *dice, uint8_t *paper, uint8_t *classes, uint32_t size)
{
    static const struct cvk__point corners[CLASSES][4] = {
        [SQUARE] = {{-0.85, -0.85}, {0.85, -0.85}, {0.85, 0.85}, {-0.85, 0.85}}, [TRIANGLE] = {{0, -1}, {1, 0.8}, {-1, 0.8}}};
    static const uint32_t sides[CLASSES] = {[CIRCLE] = 48, [SQUARE] = 4, [TRIANGLE] = 3};
    static const double turns[CLASSES] = {[CIRCLE] = 0.5, [SQUARE] = 0.125, [TRIANGLE] = 0.5};
    uint32_t kind = CIRCLE + cvk__pick(dice, 3);
    struct cvk__stroke s = {.closed = true};
    for (uint32_t i = 0; i < sides[kind]; i++) {
        double x = kind == CIRCLE ? cvk__sine(i / 48.0) : corners[kind][i].x,
               y = kind == CIRCLE ? cvk__cosine(i / 48.0) : corners[kind][i].y;
        double jitter = kind == CIRCLE ? 0.02 : 0.08;
        cvk__stroke_near(&s, dice, x, y, jitter);
    }
    struct cvk__hand hand = cvk__hand_of(dice, cvk__roll(dice, 0.14, 0.28) * size, (size - 1) / 2.0, 0.34 * size, turns[kind]);
    cvk__stroke_fill(&s, &hand, (uint8_t)cvk__roll(dice, 120, 230), (uint8_t)kind, paper, classes, size);
}

static int32_t draw(const struct cvk_data *d, uint64_t i, uint8_t *out)
{
    const struct cvk__generated *g = d->impl;
    struct cvk__dice dice = cvk__dice_of(g->seed, CVK__DRAW_SEGMENTS, i);
    uint64_t count = (uint64_t)g->size * g->size;
    double base = cvk__roll(&dice, 10, 60), right = cvk__roll(&dice, -30, 30), down = cvk__roll(&dice, -30, 30);
    for (uint64_t at = 0; at < count; at++) {
        double value = base + right * (double)(at % g->size) / g->size + down * (double)(at / g->size) / g->size;
        out[at] = value > 0 ? (uint8_t)value : 0;
    }
    memset(out + count, GROUND, count);
    for (uint32_t n = 1 + cvk__pick(&dice, 3); n > 0; n--)
        add_shape(&dice, out, out + count, g->size);
    cvk__grain(&dice, out, count, 24);
    return CVK_OK;
}

int32_t cvk__open_segments(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.draw = draw, .finish = cvk__finish_generated};
    uint64_t count = 1000, size = 32, seed = 0;
    const struct cvk__option options[] = {{"count", CVK__OPTION_U64, &count, 1, CVK__GENERATED_MOST},
                                          {"size", CVK__OPTION_U64, &size, 8, CVK__GENERATED_SIDE},
                                          {"seed", CVK__OPTION_U64, &seed, 0, UINT64_MAX},
                                          CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    const struct cvk__generated g = {seed, (uint32_t)size, 0, 1};
    CVK__TRY(cvk__open_generated(d, &source, "segments", NULL, count, &g));
    CVK__TRY(cvk_tensor_desc_init(&d->target, CVK_I64, CVK_LAYOUT_PLAIN, 2, (int64_t[]){(int64_t)size, (int64_t)size}));
    d->sample_bytes = 2 * size * size;
    return cvk__data_set_names(d, CLASSES, names);
}

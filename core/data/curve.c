/* SPDX-License-Identifier: MIT
 * Generated regression: a blob on a dark ground, whose brightness and place are to be told. */
#include "sketch.h"

enum { SIDE = 28, TARGETS = 3 };

/* Brightness, and the place of the middle from 0 (left, top) to 1. */
static void numbers_of(const struct cvk_data *d, uint64_t i, float *out)
{
    const struct cvk__generated *g = d->impl;
    struct cvk__dice dice = cvk__dice_of(g->seed, CVK__DRAW_CURVE, i);
    out[0] = (float)cvk__roll(&dice, 0.3, 1);
    out[1] = (float)cvk__roll(&dice, 0.2, 0.8);
    out[2] = (float)cvk__roll(&dice, 0.2, 0.8);
}

static int32_t draw(const struct cvk_data *d, uint64_t i, uint8_t *out)
{
    const struct cvk__generated *g = d->impl;
    struct cvk__dice dice = cvk__dice_of(g->seed, CVK__DRAW_CURVE, i);
    float numbers[TARGETS];
    numbers_of(d, i, numbers);
    dice.next = TARGETS;
    double radius = cvk__roll(&dice, 5, 9), x = (double)numbers[1] * (SIDE - 1), y = (double)numbers[2] * (SIDE - 1);
    for (uint32_t at = 0; at < SIDE * SIDE; at++) {
        double dx = at % SIDE - x, dy = at / SIDE - y, left = 1 - (dx * dx + dy * dy) / (radius * radius);
        out[at] = left > 0 ? (uint8_t)(230 * (double)numbers[0] * left * left) : 0;
    }
    cvk__grain(&dice, out, SIDE * SIDE, 12);
    return CVK_OK;
}

int32_t cvk__open_curve(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.draw = draw, .numbers = numbers_of, .finish = cvk__finish_generated};
    uint64_t count = 1000, seed = 0;
    const struct cvk__option options[] = {{"count", CVK__OPTION_U64, &count, 1, CVK__GENERATED_MOST},
                                          {"seed", CVK__OPTION_U64, &seed, 0, UINT64_MAX},
                                          CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    const struct cvk__generated g = {seed, SIDE, 0, 1};
    CVK__TRY(cvk__open_generated(d, &source, "curve", NULL, count, &g));
    d->placed = true;
    return cvk_tensor_desc_init(&d->target, CVK_F32, CVK_LAYOUT_PLAIN, 1, (int64_t[]){TARGETS});
}

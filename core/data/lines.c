/* SPDX-License-Identifier: MIT
 * Generated pictures of one line in one of four directions: what the first layer of a trained net looks for. */
#include "sketch.h"

static const char *const names[] = {"horizontal", "vertical", "rising", "falling"};
static const double directions[] = {0, 0.25, -0.125, 0.125}; /* turns from the right downwards */

static int32_t draw(const struct cvk_data *d, uint64_t i, uint8_t *out)
{
    const struct cvk__generated *g = d->impl;
    struct cvk__dice dice = cvk__dice_of(g->seed, CVK__DRAW_LINES, i);
    double size = g->size, turn = directions[d->labels[i]] + cvk__roll(&dice, -0.025, 0.025);
    double half = cvk__roll(&dice, 0.28, 0.45) * size, room = 0.48 * size - 0.75 * half;
    struct cvk__hand hand = {.xx = cvk__cosine(turn) * half, .yx = cvk__sine(turn) * half, .gap = 0.2};
    hand.x = (size - 1) / 2 + cvk__roll(&dice, -room, room);
    hand.y = (size - 1) / 2 + cvk__roll(&dice, -room, room);
    hand.thickness = cvk__roll(&dice, 0.04, 0.1) * size;
    hand.thickness = hand.thickness > 1 ? hand.thickness : 1;
    hand.wobble = cvk__roll(&dice, 0, 0.012) * size;
    struct cvk__stroke s = {0};
    cvk__stroke_to(&s, -1, 0);
    cvk__stroke_to(&s, 1, 0);
    cvk__stroke_draw(&s, &hand, &dice, out, g->size);
    cvk__colour(&dice, out, g->channels, g->size);
    return CVK_OK;
}

int32_t cvk__open_lines(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.draw = draw, .finish = cvk__finish_generated};
    uint64_t count = 1000, size = 12, seed = 0;
    const struct cvk__option options[] = {{"count", CVK__OPTION_U64, &count, 1, CVK__GENERATED_MOST},
                                          {"size", CVK__OPTION_U64, &size, 8, CVK__GENERATED_SIDE},
                                          {"seed", CVK__OPTION_U64, &seed, 0, UINT64_MAX},
                                          CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    const struct cvk__generated g = {seed, (uint32_t)size, 4, 1};
    return cvk__open_generated(d, &source, "lines", names, count, &g);
}

/* SPDX-License-Identifier: MIT
 * Generated digits of 28x28 pixels, in the manner of MNIST: ways through a few points, which move a little from one picture to
 * the next. */
#include "sketch.h"

enum { SIDE = 28, MOST_POINTS = 14, MOST_STROKES = 3 };

/* One way to write a digit. Points in tenths, from -10 to 10, right and down. */
struct form {
    uint8_t digit;
    struct {
        uint8_t count, smooth, closed;
        int8_t points[MOST_POINTS][2];
    } strokes[MOST_STROKES];
};

static const struct form forms[] = {
    {0, {{10, 1, 1, {{0, -10}, {-4, -8}, {-6, -3}, {-6, 3}, {-4, 8}, {0, 10}, {4, 8}, {6, 3}, {6, -3}, {4, -8}}}}},
    {1, {{2, 0, 0, {{0, -10}, {0, 10}}}}},
    {1, {{3, 0, 0, {{-4, -5}, {1, -10}, {1, 10}}}}},
    {1, {{3, 0, 0, {{-4, -5}, {0, -10}, {0, 10}}}, {2, 0, 0, {{-4, 10}, {4, 10}}}}},
    {2,
     {{8, 1, 0, {{-5, -6}, {-2, -10}, {3, -9}, {5, -5}, {2, 1}, {-3, 6}, {-6, 10}, {-5, 10}}}, {2, 0, 0, {{-6, 10}, {6, 9}}}}},
    {2,
     {{12,
       1,
       0,
       {{-5, -7}, {0, -10}, {5, -6}, {3, 1}, {-2, 7}, {-5, 9}, {-6, 7}, {-4, 6}, {-1, 8}, {2, 10}, {5, 9}, {7, 7}}}}},
    {3, {{11, 1, 0, {{-5, -8}, {0, -10}, {5, -7}, {4, -3}, {-1, -1}, {4, 1}, {6, 5}, {4, 9}, {-1, 10}, {-5, 8}, {-6, 7}}}}},
    {4, {{3, 0, 0, {{-1, -10}, {-7, 3}, {7, 3}}}, {2, 0, 0, {{3, -5}, {3, 10}}}}},
    {4, {{3, 0, 0, {{-5, -9}, {-5, 1}, {6, 1}}}, {2, 0, 0, {{5, -9}, {4, 10}}}}},
    {5,
     {{3, 0, 0, {{6, -10}, {-4, -10}, {-5, -1}}},
      {8, 1, 0, {{-5, -1}, {0, -3}, {5, 0}, {6, 4}, {4, 8}, {0, 10}, {-4, 9}, {-6, 7}}}}},
    {6,
     {{12,
       1,
       0,
       {{4, -10}, {-1, -7}, {-5, -1}, {-6, 5}, {-3, 9}, {1, 10}, {5, 7}, {5, 3}, {1, 0}, {-3, 2}, {-5, 5}, {-5, 6}}}}},
    {7, {{3, 0, 0, {{-6, -9}, {6, -10}, {-2, 10}}}}},
    {7, {{3, 0, 0, {{-6, -9}, {6, -10}, {-1, 10}}}, {2, 0, 0, {{-3, 0}, {5, 0}}}}},
    {8,
     {{14,
       1,
       1,
       {{0, -1},
        {-4, -4},
        {-4, -8},
        {0, -10},
        {4, -8},
        {4, -4},
        {0, -1},
        {-4, 3},
        {-5, 7},
        {-3, 10},
        {1, 10},
        {5, 8},
        {5, 4},
        {2, 1}}}}},
    {9,
     {{9, 1, 1, {{4, -3}, {1, 0}, {-3, 0}, {-5, -4}, {-4, -8}, {0, -10}, {4, -9}, {5, -6}, {5, -4}}},
      {3, 1, 0, {{5, -7}, {5, 1}, {4, 10}}}}},
    {9,
     {{9, 1, 1, {{4, -3}, {1, 0}, {-3, 0}, {-5, -4}, {-4, -8}, {0, -10}, {4, -9}, {5, -6}, {5, -4}}},
      {5, 1, 0, {{5, -7}, {5, 1}, {4, 7}, {0, 10}, {-4, 8}}}}},
};
#define FORMS (sizeof forms / sizeof forms[0])

static const struct form *pick_form(struct cvk__dice *dice, uint32_t digit)
{
    uint32_t first = 0, count = 0;
    for (uint32_t i = 0; i < FORMS; i++)
        if (forms[i].digit == digit && count++ == 0)
            first = i;
    return &forms[first + cvk__pick(dice, count)];
}

static int32_t draw(const struct cvk_data *d, uint64_t i, uint8_t *out)
{
    const struct cvk__generated *g = d->impl;
    struct cvk__dice dice = cvk__dice_of(g->seed, CVK__DRAW_DIGITS, i);
    const struct form *f = pick_form(&dice, d->labels[i]);
    struct cvk__hand hand = cvk__hand_of(&dice, cvk__roll(&dice, 8, 10), (SIDE - 1) / 2.0, 1.5, 0.04);
    hand.xy -= cvk__roll(&dice, -1, 4); /* most people write slanted to the right */
    hand.thickness = cvk__roll(&dice, 1.6, 3.6);
    hand.wobble = cvk__roll(&dice, 0.1, 0.35);
    hand.gap = 0.05;
    hand.overshoot = 0.05;
    for (uint32_t k = 0; k < MOST_STROKES && f->strokes[k].count; k++) {
        struct cvk__stroke s = {.closed = f->strokes[k].closed};
        for (uint32_t n = 0; n < f->strokes[k].count; n++)
            cvk__stroke_near(&s, &dice, f->strokes[k].points[n][0] / 10.0, f->strokes[k].points[n][1] / 10.0, 0.07);
        if (f->strokes[k].smooth)
            cvk__stroke_smooth(&s, 8);
        cvk__stroke_draw(&s, &hand, &dice, out, SIDE);
    }
    cvk__colour(&dice, out, 1, SIDE);
    return CVK_OK;
}

int32_t cvk__open_digits(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.draw = draw, .finish = cvk__finish_generated};
    uint64_t count = 1000, seed = 0;
    const struct cvk__option options[] = {{"count", CVK__OPTION_U64, &count, 1, CVK__GENERATED_MOST},
                                          {"seed", CVK__OPTION_U64, &seed, 0, UINT64_MAX},
                                          CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    const struct cvk__generated g = {seed, SIDE, 10, 1};
    return cvk__open_generated(d, &source, "digits", NULL, count, &g);
}

/* SPDX-License-Identifier: MIT
 * A hand that draws: strokes that wobble, press harder here and lighter there, stop short or leave a gap. All of it follows
 * from the dice, and the dice from (seed, sample); only sums, products, quotients and square roots are used, so every machine
 * draws the same bytes. */
#ifndef CVK__SKETCH_H
#define CVK__SKETCH_H

#include "data_impl.h"

/* Random numbers one after the other. */
struct cvk__dice {
    uint64_t key, next;
};
/* `kind` keeps the sets apart: a stream of rng.h. */
struct cvk__dice cvk__dice_of(uint64_t seed, uint32_t kind, uint64_t sample);
double cvk__roll(struct cvk__dice *dice, double low, double high); /* uniform */
uint32_t cvk__pick(struct cvk__dice *dice, uint32_t count);        /* 0..count-1 */
bool cvk__chance(struct cvk__dice *dice, double probability);

/* The sine of an angle counted in turns. */
double cvk__sine(double turns);
static inline double cvk__cosine(double turns)
{
    return cvk__sine(turns + 0.25);
}

struct cvk__point {
    double x, y; /* right and down */
};

/* How a drawing's own coordinates (about -1 to 1) come to the paper, and how the pen is held. */
struct cvk__hand {
    double xx, xy, yx, yy, x, y; /* to pixels */
    double thickness;            /* pixels */
    double wobble;               /* pixels, how far a stroke leaves its way */
    double gap;                  /* probability that a stroke has one */
    double overshoot;            /* share of its length by which a closed stroke misses its beginning, at most */
};
/* Turned, slanted and stretched at random; `scale` is half the drawing's size in pixels, `room` how far its middle may lie
 * off. */
struct cvk__hand cvk__hand_of(struct cvk__dice *dice, double scale, double middle, double room, double turns);

#define CVK__STROKE_POINTS 160
struct cvk__stroke {
    uint32_t count;
    bool closed;
    struct cvk__point points[CVK__STROKE_POINTS];
};
void cvk__stroke_to(struct cvk__stroke *s, double x, double y);
/* To a point at most `by` away, in either direction. Two rolls in the arguments of one call would come in no certain order. */
void cvk__stroke_near(struct cvk__stroke *s, struct cvk__dice *dice, double x, double y, double by);
/* A smooth way through the points (Catmull and Rom, 1974), `steps` pieces between two of them. */
void cvk__stroke_smooth(struct cvk__stroke *s, uint32_t steps);

/* Draws with white ink on a square of size*size bytes; what is brighter stays. */
void cvk__stroke_draw(const struct cvk__stroke *s, const struct cvk__hand *hand, struct cvk__dice *dice, uint8_t *paper,
                      uint32_t size);
/* Fills the inside (even-odd rule) of a closed stroke as the hand places it: value into `paper`, class into `classes`. */
void cvk__stroke_fill(const struct cvk__stroke *s, const struct cvk__hand *hand, uint8_t value, uint8_t class, uint8_t *paper,
                      uint8_t *classes, uint32_t size);
/* Brings a drawing in plane 0 to its colours: ink and ground differ in each plane; with one plane only the ink's brightness
 * varies. */
void cvk__colour(struct cvk__dice *dice, uint8_t *planes, uint32_t channels, uint32_t size);
/* Adds up to `most` to each pixel. */
void cvk__grain(struct cvk__dice *dice, uint8_t *pixels, uint64_t count, uint32_t most);

/* What all generated sets are opened with. */
struct cvk__generated {
    uint64_t seed;
    uint32_t size, classes, channels;
};
/* Makes room for a set of `count` pictures. Sample i is of class i % classes; with classes 0 the caller says what the targets
 * are. */
int32_t cvk__open_generated(struct cvk_data *d, const struct cvk__source *source, const char *name, const char *const *names,
                            uint64_t count, const struct cvk__generated *g);
void cvk__finish_generated(struct cvk_data *d);

/* Streams of rng.h */
enum { CVK__DRAW_SHAPES = 16, CVK__DRAW_LINES, CVK__DRAW_DIGITS, CVK__DRAW_SEGMENTS, CVK__DRAW_CURVE };

#define CVK__GENERATED_MOST 10000000u /* samples */
#define CVK__GENERATED_SIDE 4096u

#endif

/* SPDX-License-Identifier: MIT
 * Drawing on RGB pictures: rectangles, text, maps of numbers in colour with a scale. */
#ifndef CONVOKE_DRAW_H
#define CONVOKE_DRAW_H

#include "image.h"

struct colour {
    uint8_t r, g, b;
};

/* How numbers become colours. */
enum colour_map {
    MAP_GREY,  /* least black, greatest white */
    MAP_WARM,  /* least dark, greatest bright yellow: for values >= 0 */
    MAP_SIGNED /* blue below zero, white at zero, red above; the range is made the same on both sides */
};
struct range {
    float lo, hi;
};

#define FONT_WIDTH 6 /* with the gap to the next letter */
#define FONT_ROWS 9  /* the last two below the line */

/* Anything outside the picture is cut off. */
void draw_rect(struct cvk__image *im, int32_t x, int32_t y, int32_t width, int32_t height, struct colour c);
/* Letters without a glyph are shown as a box. Returns the x behind the text. */
int32_t draw_text(struct cvk__image *im, int32_t x, int32_t y, int32_t scale, struct colour c, const char *text);
/* A map of height x width numbers, each a square of `cell` pixels. */
void draw_map(struct cvk__image *im, int32_t x, int32_t y, int32_t cell, const float *map, uint32_t width, uint32_t height,
              enum colour_map how, struct range range);
/* A bar of the colours with its least and greatest number beside it. */
void draw_scale(struct cvk__image *im, int32_t x, int32_t y, int32_t height, enum colour_map how, struct range range,
                struct colour text);
/* Copies a grey or RGB picture. */
void draw_image(struct cvk__image *im, int32_t x, int32_t y, const struct cvk__image *from);

struct range range_of(const float *values, uint64_t count);
struct colour colour_of(enum colour_map how, struct range range, float value);
/* FONT_ROWS rows of a glyph, top first, bit 4 the left column; NULL if there is none. */
const uint8_t *font_glyph(char c);

#endif

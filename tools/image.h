/* SPDX-License-Identifier: MIT
 * Pictures: reading them, writing PNG or PNM, and the way from pixels to a network's input and back. */
#ifndef CONVOKE_IMAGE_H
#define CONVOKE_IMAGE_H

#include "data/idx.h"
#include "data/image.h"
#include "tool.h"

/* TOOL_GO_ON or the exit code; freed with cvk__image_free and cvk__idx_free. */
int image_read(const char *path, struct cvk__image *out);
int idx_read(const char *path, struct cvk__idx *out);
/* All black; ends the program when there is no memory. */
int image_create(uint32_t width, uint32_t height, uint32_t channels, struct cvk__image *out);

/* Writes `stem`.png, or without libpng `stem`.ppm or .pgm; path (may be NULL) receives the name, room bytes at most. */
int image_write(const char *stem, const struct cvk__image *image, char *path, size_t room);
const char *image_extension(uint32_t channels); /* ".png", ".ppm" or ".pgm": what image_write adds */

/* From pixels to floats, in this order: resize, choose channels, value = (pixel * scale - mean[c]) / std[c]. */
struct image_rule {
    uint32_t width, height, channels; /* of the network's input; channels 1 or 3 */
    bool bgr;                         /* blue first */
    double scale;
    double mean[3], std[3]; /* in the order of the input's channels */
};
/* Writes channels*height*width floats, CxHxW. */
void image_to_floats(const struct cvk__image *image, const struct image_rule *rule, float *out);

/* The way back: pixel = (value * std[c] + mean[c]) / scale, rounded and cut to 0..255; NaN becomes 0. `image` has the rule's
 * sizes. */
void image_from_floats(const float *values, const struct image_rule *rule, struct cvk__image *image);

/* A map of floats as grey: min is 0 and max is 255. A map without contrast is all 0. */
void floats_to_grey(const float *map, uint64_t count, uint8_t *out);

#endif

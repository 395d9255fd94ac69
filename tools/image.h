/* SPDX-License-Identifier: MIT
 * Pictures: reading PNG, JPEG and PNM, writing PNG or PNM, and the way from pixels to a network's input. */
#ifndef CONVOKE_IMAGE_H
#define CONVOKE_IMAGE_H

#include "tool.h"

/* Limits, checked on the header before anything is decoded. */
#define IMAGE_MAX_SIDE 32768u
#define IMAGE_MAX_PIXELS (1ull << 26)
#define IMAGE_MAX_FILE_BYTES (1ull << 28)

struct image {
    uint32_t width, height;
    uint32_t channels;  /* 1 grey or 3 red, green, blue */
    const char *format; /* "PNG", "JPEG", "PNM" */
    uint8_t *pixels;    /* rows from the top, channels together: HxWxC */
};

/* Read a whole file, at most limit bytes; the caller frees *data. TOOL_GO_ON or the exit code, here and below. */
int file_read(const char *path, uint64_t limit, uint8_t **data, uint64_t *bytes);

bool image_known(const uint8_t *data, uint64_t bytes); /* by its first bytes */
int image_read(const char *path, struct image *out);
int image_create(uint32_t width, uint32_t height, uint32_t channels, struct image *out);
void image_free(struct image *image);

/* Writes `stem`.png, or without libpng `stem`.ppm or .pgm; path (may be NULL) receives the name, room bytes at most. */
int image_write(const char *stem, const struct image *image, char *path, size_t room);
const char *image_extension(uint32_t channels); /* ".png", ".ppm" or ".pgm": what image_write adds */

/* From pixels to floats, in this order: resize, choose channels, value = (pixel * scale - mean[c]) / std[c]. */
struct image_rule {
    uint32_t width, height, channels; /* of the network's input; channels 1 or 3 */
    bool bgr;                         /* blue first */
    double scale;
    double mean[3], std[3]; /* in the order of the input's channels */
};
/* Writes channels*height*width floats, CxHxW. */
void image_to_floats(const struct image *image, const struct image_rule *rule, float *out);

/* The way back: pixel = (value * std[c] + mean[c]) / scale, rounded and cut to 0..255; NaN becomes 0. `image` has the rule's
 * sizes. */
void image_from_floats(const float *values, const struct image_rule *rule, struct image *image);

/* A map of floats as grey: min is 0 and max is 255. A map without contrast is all 0. */
void floats_to_grey(const float *map, uint64_t count, uint8_t *out);

#endif

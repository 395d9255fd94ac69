/* SPDX-License-Identifier: MIT
 * Pictures: decoding PNG, JPEG and PNM, and bringing them to a size. */
#ifndef CVK__IMAGE_H
#define CVK__IMAGE_H

#include "file.h"

/* Limits, checked on the header before anything is decoded. */
#define CVK__IMAGE_MAX_SIDE 32768u
#define CVK__IMAGE_MAX_PIXELS (1ull << 26)
#define CVK__IMAGE_MAX_FILE_BYTES (1ull << 28)

struct cvk__image {
    uint32_t width, height;
    uint32_t channels;  /* 1 grey or 3 red, green, blue */
    const char *format; /* "PNG", "JPEG", "PNM" */
    uint8_t *pixels;    /* rows from the top, channels together: HxWxC */
};

bool cvk__image_known(const uint8_t *data, uint64_t bytes); /* by its first bytes */
/* Errors: CVK_E_FORMAT for damage, CVK_E_LIMIT, CVK_E_UNSUPPORTED naming the library that this build lacks. */
int32_t cvk__image_read(const char *path, struct cvk__image *out);
/* Allocates the pixels, all 0, for sizes below the limits. */
int32_t cvk__image_create(uint32_t width, uint32_t height, uint32_t channels, struct cvk__image *out);
void cvk__image_free(struct cvk__image *image);

/* Bilinear, half-pixel centres, no filter before it. Writes channels*height*width values of 0 to 255, CxHxW; channels is 1
 * or 3.
 */
void cvk__image_resize(const struct cvk__image *image, uint32_t width, uint32_t height, uint32_t channels, float *out);

/* One decoder each; the format has been recognised. `path` is for messages. */
int32_t cvk__png_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out);
int32_t cvk__jpeg_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out);
int32_t cvk__pnm_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out);
int32_t cvk__image_check_size(const char *path, uint64_t width, uint64_t height);

#endif

/* SPDX-License-Identifier: MIT
 * What a loader does to a sample on its way into a batch. Each decision has a random number of its own, so that turning one
 * kind of change on leaves the others as they were. */
#include "data_impl.h"

#include <math.h>

#include "convoke/rng.h"

enum {
    DRAW_FLIP,
    DRAW_SHIFT_X,
    DRAW_SHIFT_Y,
    DRAW_CROP_X,
    DRAW_CROP_Y,
    DRAW_ERASE,
    DRAW_AREA,
    DRAW_ASPECT,
    DRAW_LEFT,
    DRAW_TOP
};

static uint32_t below(uint64_t bits, uint64_t count)
{
    return (uint32_t)((bits >> 32) * count >> 32);
}

void cvk__shuffle(uint64_t seed, uint32_t *order, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (uint64_t i = count; i > 1; i--) { /* Fisher and Yates */
        uint32_t k = below(cvk_rng_bits(seed, 0, i), i), swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
}

static int64_t offset(uint64_t seed, uint32_t draw, uint32_t most)
{
    return most ? (int64_t)below(cvk_rng_bits(seed, draw, 0), 2 * (uint64_t)most + 1) - most : 0;
}

/* Where pixels of the result come from: so far right and down, counted from the other side where the picture is mirrored. */
struct move {
    bool flip;
    int64_t right, down;
};

/* The pixel that comes to column x of row y; -1 where it lies outside. */
static inline int64_t origin(const struct cvk__augment *a, const struct move *m, int64_t x, int64_t y)
{
    int64_t width = a->width, u = (m->flip ? width - 1 - x : x) + m->right, v = y + m->down;
    return u >= 0 && u < width && v >= 0 && v < (int64_t)a->height ? v * width + u : -1;
}

static void move_plane(const struct cvk__augment *a, const struct move *m, const float *from, float *to)
{
    for (int64_t y = 0; y < (int64_t)a->height; y++)
        for (int64_t x = 0; x < (int64_t)a->width; x++) {
            int64_t k = origin(a, m, x, y);
            *to++ = k < 0 ? 0 : from[k];
        }
}

static void move_classes(const struct cvk__augment *a, const struct move *m, const int64_t *from, int64_t *to)
{
    for (int64_t y = 0; y < (int64_t)a->height; y++)
        for (int64_t x = 0; x < (int64_t)a->width; x++) {
            int64_t k = origin(a, m, x, y);
            *to++ = k < 0 ? 0 : from[k];
        }
}

/* A rectangle of 2 to 20 % of the picture with sides of at most 1 to 3, filled with the mean of its channel. */
static void erase(const struct cvk__augment *a, uint64_t seed, float *x)
{
    double area = (0.02 + 0.18 * (double)cvk_rng_uniform(seed, DRAW_AREA, 0)) * a->height * a->width;
    double aspect = 1 + 2 * (double)cvk_rng_uniform(seed, DRAW_ASPECT, 0);
    if (cvk_rng_bits(seed, DRAW_ASPECT, 1) & 1)
        aspect = 1 / aspect;
    uint64_t tall = (uint64_t)sqrt(area * aspect), wide = (uint64_t)sqrt(area / aspect),
             plane = (uint64_t)a->height * a->width;
    tall = tall < 1 ? 1 : tall > a->height ? a->height : tall;
    wide = wide < 1 ? 1 : wide > a->width ? a->width : wide;
    uint64_t top = below(cvk_rng_bits(seed, DRAW_TOP, 0), a->height - tall + 1);
    uint64_t left = below(cvk_rng_bits(seed, DRAW_LEFT, 0), a->width - wide + 1);
    for (uint32_t c = 0; c < a->channels; c++) {
        double sum = 0;
        for (uint64_t i = 0; i < plane; i++)
            sum += (double)x[c * plane + i];
        for (uint64_t y = top; y < top + tall; y++)
            for (uint64_t i = 0; i < wide; i++)
                x[c * plane + y * a->width + left + i] = (float)(sum / (double)plane);
    }
}

void cvk__augment(const struct cvk__augment *a, uint64_t seed, const float *x, const int64_t *target, float *out,
                  int64_t *target_out)
{
    uint64_t plane = (uint64_t)a->height * a->width;
    const struct move m = {.flip = a->flip && (cvk_rng_bits(seed, DRAW_FLIP, 0) & 1),
                           .right = offset(seed, DRAW_SHIFT_X, a->shift) + offset(seed, DRAW_CROP_X, a->crop),
                           .down = offset(seed, DRAW_SHIFT_Y, a->shift) + offset(seed, DRAW_CROP_Y, a->crop)};
    for (uint32_t c = 0; c < a->channels; c++)
        move_plane(a, &m, x + c * plane, out + c * plane);
    if (a->pixel_classes)
        move_classes(a, &m, target, target_out);
    if (a->erase > 0 && cvk_rng_uniform(seed, DRAW_ERASE, 0) < a->erase)
        erase(a, seed, out);
}

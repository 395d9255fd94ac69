/* SPDX-License-Identifier: MIT
 * A rectangle of a plain map, with zeros where it reaches out of the map. */
#ifndef SIMD_CUTOUT_H
#define SIMD_CUTOUT_H

#include <stdint.h>

struct simd_cutout {
    const float *map;
    uint64_t h, w;       /* of the map */
    int64_t row, column; /* of the map, where the rectangle begins; below 0: before it */
    uint64_t rows, columns;
};

/* Writes rows * columns numbers. */
void simd_cutout(const struct simd_cutout *c, float *to);

#endif

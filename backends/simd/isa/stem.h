/* SPDX-License-Identifier: MIT
 * Tiles for the first layer: its input has few channels in the plain layout, so a reduction step is a single number, not a block of
 * channels: y[p, oc] = epilogue(init + sum over r < n_red: x[x_off[r] + p * x_step] * w[r, oc]), in the order of r. */
#ifndef SIMD_STEM_H
#define SIMD_STEM_H

#include "tile.h"

/* As in struct simd_tile_fns; w is [n_red][v][block]. step[s]: x_step = s for s = 1, 2; any for s = 0. */
struct simd_stem_fns {
    uint32_t max_px[2]; /* for v = 1, 2 */
    simd_tile_fn step[3][2][SIMD_TILE_MAX_PX];
};

#endif

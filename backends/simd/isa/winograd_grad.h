/* SPDX-License-Identifier: MIT
 * The transforms of Winograd's gradient of 3x3 weights: nine numbers of dw come from a tile of 6x6 inputs x and one of 4x4
 * gradients dy by 36 products, each of which is a sum over tiles (isa/wgrad.h). y = A [G w . B x] and its gradient by w,
 * dw = G' [A' dy . B x], are one sum of the same products: A and G trade places and are turned, the transform of x is the
 * forward one (isa/winograd.h, m = 4, with its points). Source: Lavin and Gray, arXiv 1509.09308, section 4. */
#ifndef SIMD_WINOGRAD_GRAD_H
#define SIMD_WINOGRAD_GRAD_H

#include <stdint.h>

/* Gradients dy of `tiles` tiles that lie side by side, one block of channels. */
struct simd_winograd_grad {
    const float *y; /* the first tile's first pixel; the next tile's is 4 pixels further */
    int64_t row_step;
    uint64_t tiles;
    uint32_t rows, columns; /* 1..4: rows of all tiles and columns of the last one that lie inside the map; others count as 0 */
    float *u;               /* number xi of the first tile is at u + xi * xi_step, of the next tile a block further */
    int64_t xi_step;
};

/* `count` vectors of sums: number xi of the first is at sum + xi * xi_step. The nine weights' gradients take the places of the
 * first nine. */
struct simd_winograd_sums {
    float *sum;
    int64_t xi_step;
    uint64_t count;
};

struct simd_winograd_grad_fns {
    void (*dy)(const struct simd_winograd_grad *g);
    void (*weights)(const struct simd_winograd_sums *s);
};

#endif

/* SPDX-License-Identifier: MIT
 * Moving numbers of four bytes without looking at them: transposes, and lanes of blocks. */
#ifndef SIMD_MOVE_H
#define SIMD_MOVE_H

#include <stdint.h>

struct simd_move_fns {
    /* y[c * y_step + r] = x[r * x_step + c] for r < rows, c < columns. */
    void (*transpose)(const float *x, uint64_t x_step, uint64_t rows, uint64_t columns, float *y, uint64_t y_step);
    /* The same for at most `block` rows, and each y[c * y_step] is written whole: lanes from `rows` to the block are 0. */
    void (*interleave)(const float *x, uint64_t x_step, uint64_t rows, uint64_t columns, float *y, uint64_t y_step);
    /* For each of `pixels` vectors lying one behind the other: `count` lanes from lane `from` of x to lane `to` of y, whose
     * other lanes stay; x NULL: zeros. Neither from + count nor to + count is above the block. */
    void (*lanes)(const float *x, uint32_t from, float *y, uint32_t to, uint32_t count, uint64_t pixels);
};

#endif

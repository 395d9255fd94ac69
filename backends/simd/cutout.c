/* SPDX-License-Identifier: MIT
 * cutout.h */
#include "cutout.h"

#include <string.h>

void simd_cutout(const struct simd_cutout *c, float *to)
{
    const uint64_t before = c->column < 0 ? (uint64_t)-c->column : 0, from = c->column > 0 ? (uint64_t)c->column : 0;
    const uint64_t left = before < c->columns ? before : c->columns, room = from < c->w ? c->w - from : 0;
    const uint64_t inside = c->columns - left < room ? c->columns - left : room, right = c->columns - left - inside;
    for (uint64_t r = 0; r < c->rows; r++, to += c->columns) {
        const int64_t row = c->row + (int64_t)r;
        if (row < 0 || row >= (int64_t)c->h) {
            memset(to, 0, c->columns * sizeof *to);
            continue;
        }
        memset(to, 0, left * sizeof *to);
        memcpy(to + left, c->map + (uint64_t)row * c->w + from, inside * sizeof *to);
        memset(to + left + inside, 0, right * sizeof *to);
    }
}

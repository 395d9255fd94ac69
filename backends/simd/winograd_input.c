/* SPDX-License-Identifier: MIT
 * winograd.h: the transform of inputs. Tiles inside the image are read where they lie, those over its edge are gathered. */
#include "winograd.h"

struct input {
    const struct simd_winograd *s;
    const struct simd_winograd_fns *fns;
};

static void transform(const struct input *j, const float *x, int64_t row_step, float *v, uint64_t tiles)
{
    struct simd_winograd_input in = {x, row_step, v, j->s->v_step, tiles};
    if (tiles)
        j->fns->input[simd_winograd_form(j->s)](&in);
}

/* Which of `a` pixels from `first` - `pad` on lie below `size`. */
static void clip(uint64_t first, uint64_t pad, uint64_t a, uint64_t size, uint32_t *begin, uint32_t *end)
{
    *begin = (uint32_t)(first >= pad ? 0 : pad - first < a ? pad - first : a);
    uint64_t inside = first + a <= pad ? 0 : size + pad <= first ? 0 : size + pad - first;
    *end = (uint32_t)(inside < a ? inside : a);
    if (*end < *begin)
        *end = *begin;
}

/* One tile that reaches over the edge: gathered with zeros around. image: this block of channels. */
static void transform_edge(const struct input *j, const float *image, struct simd_winograd_place p, float *v)
{
    const struct simd_winograd *s = j->s;
    float to[SIMD_WINOGRAD_MAX_XIS * 16];
    uint64_t top = p.row * simd_winograd_m_h(s), left = p.column * s->m;
    struct simd_winograd_patch patch = {.row_step = (int64_t)(s->w * s->block),
                                        .a_h = simd_winograd_m_h(s) + simd_winograd_taps(s) - 1,
                                        .a_w = s->m + simd_winograd_taps(s) - 1,
                                        .to = to};
    clip(top, s->pad_top, patch.a_h, s->h, &patch.top, &patch.bottom);
    clip(left, s->pad_left, patch.a_w, s->w, &patch.left, &patch.right);
    if (patch.left == patch.right)
        patch.bottom = patch.top;
    patch.x = image;
    if (patch.top < patch.bottom)
        patch.x += ((top + patch.top - s->pad_top) * s->w + left + patch.left - s->pad_left) * s->block;
    j->fns->patch(&patch);
    transform(j, to, (int64_t)(patch.a_w * s->block), v, 1);
}

/* Tiles that lie side by side, from p on. */
static void transform_row(const struct input *j, const float *image, struct simd_winograd_place p, uint64_t tiles, float *v)
{
    const struct simd_winograd *s = j->s;
    uint64_t m_h = simd_winograd_m_h(s), a_h = m_h + simd_winograd_taps(s) - 1, a_w = s->m + simd_winograd_taps(s) - 1;
    uint64_t block = s->block, end = p.column + tiles;
    uint64_t first = simd_ceil_div(s->pad_left, s->m); /* columns first..last - 1 are inside */
    uint64_t last = s->w + s->pad_left >= a_w ? (s->w + s->pad_left - a_w) / s->m + 1 : 0;
    if (p.row * m_h < s->pad_top || p.row * m_h - s->pad_top + a_h > s->h)
        last = 0;
    first = first < p.column ? p.column : first;
    last = last < end ? last : end;
    if (first >= last)
        first = last = end;
    for (; p.column < first; p.column++, v += block)
        transform_edge(j, image, p, v);
    if (first < last) {
        uint64_t pixel = (p.row * m_h - s->pad_top) * s->w + first * s->m - s->pad_left;
        transform(j, image + pixel * block, (int64_t)(s->w * block), v, last - first);
    }
    v += (last - first) * block;
    for (p.column = last; p.column < end; p.column++, v += block)
        transform_edge(j, image, p, v);
}

void simd_winograd_inputs(const struct simd_winograd *s, const struct simd_winograd_fns *fns, const float *x, uint64_t channels,
                          uint64_t begin, uint64_t count, float *v)
{
    const struct input j = {s, fns};
    while (count) {
        struct simd_winograd_place p = simd_winograd_place(s, begin);
        uint64_t tiles = s->columns - p.column < count ? s->columns - p.column : count;
        transform_row(&j, x + (p.n * s->icb + channels) * s->h * s->w * s->block, p, tiles, v);
        begin += tiles;
        count -= tiles;
        v += tiles * s->block;
    }
}

/* SPDX-License-Identifier: MIT
 * Drawing on RGB pictures. */
#include "draw.h"

#include <math.h>
#include <string.h>

static void put(struct cvk__image *im, int32_t x, int32_t y, struct colour c)
{
    if (x < 0 || y < 0 || x >= (int32_t)im->width || y >= (int32_t)im->height)
        return;
    uint8_t *p = im->pixels + ((size_t)y * im->width + (size_t)x) * 3;
    p[0] = c.r;
    p[1] = c.g;
    p[2] = c.b;
}

void draw_rect(struct cvk__image *im, int32_t x, int32_t y, int32_t width, int32_t height, struct colour c)
{
    for (int32_t j = y; j < y + height; j++)
        for (int32_t i = x; i < x + width; i++)
            put(im, i, j, c);
}

int32_t draw_text(struct cvk__image *im, int32_t x, int32_t y, int32_t scale, struct colour c, const char *text)
{
    static const uint8_t box[FONT_ROWS] = {0x1F, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1F};
    for (; *text; text++, x += FONT_WIDTH * scale) {
        const uint8_t *rows = font_glyph(*text);
        for (int32_t j = 0; j < FONT_ROWS; j++)
            for (int32_t i = 0; i < 5; i++)
                if ((rows ? rows : box)[j] >> (4 - i) & 1)
                    draw_rect(im, x + i * scale, y + j * scale, scale, scale, c);
    }
    return x;
}

static struct colour mix(struct colour a, struct colour b, float t)
{
    return (struct colour){(uint8_t)lrintf(a.r + t * (b.r - a.r)), (uint8_t)lrintf(a.g + t * (b.g - a.g)),
                           (uint8_t)lrintf(a.b + t * (b.b - a.b))};
}

struct range range_of(const float *values, uint64_t count)
{
    struct range r = {INFINITY, -INFINITY};
    for (uint64_t i = 0; i < count; i++)
        if (isfinite(values[i])) {
            r.lo = values[i] < r.lo ? values[i] : r.lo;
            r.hi = values[i] > r.hi ? values[i] : r.hi;
        }
    return r.lo <= r.hi ? r : (struct range){0, 0};
}

/* Zero is to be in the middle of a signed map. */
static struct range balanced(enum colour_map how, struct range r)
{
    float most = fmaxf(fabsf(r.lo), fabsf(r.hi));
    return how == MAP_SIGNED ? (struct range){-most, most} : r;
}

struct colour colour_of(enum colour_map how, struct range range, float value)
{
    static const struct colour grey[] = {{0, 0, 0}, {255, 255, 255}};
    static const struct colour warm[] = {{18, 16, 48}, {96, 28, 110}, {196, 62, 82}, {246, 146, 50}, {252, 244, 164}};
    static const struct colour two[] = {{24, 66, 160}, {132, 170, 224}, {250, 250, 250}, {236, 146, 116}, {172, 28, 40}};
    const struct colour *stops = how == MAP_GREY ? grey : how == MAP_WARM ? warm : two;
    uint32_t last = how == MAP_GREY ? 1 : 4;
    range = balanced(how, range);
    if (!isfinite(value))
        return (struct colour){255, 0, 255};
    float t = range.hi > range.lo ? (value - range.lo) / (range.hi - range.lo) : 0;
    t = (t < 0 ? 0 : t > 1 ? 1 : t) * (float)last;
    uint32_t i = (uint32_t)t < last ? (uint32_t)t : last - 1;
    return mix(stops[i], stops[i + 1], t - (float)i);
}

void draw_map(struct cvk__image *im, int32_t x, int32_t y, int32_t cell, const float *map, uint32_t width, uint32_t height,
              enum colour_map how, struct range range)
{
    for (uint32_t j = 0; j < height; j++)
        for (uint32_t i = 0; i < width; i++)
            draw_rect(im, x + (int32_t)i * cell, y + (int32_t)j * cell, cell, cell,
                      colour_of(how, range, map[(size_t)j * width + i]));
}

void draw_scale(struct cvk__image *im, int32_t x, int32_t y, int32_t height, enum colour_map how, struct range range,
                struct colour text)
{
    char number[32];
    range = balanced(how, range);
    for (int32_t j = 0; j < height; j++)
        draw_rect(im, x, y + j, 12, 1, colour_of(how, range, range.hi - (range.hi - range.lo) * (float)j / (float)(height - 1)));
    snprintf(number, sizeof number, "%.3g", (double)range.hi);
    draw_text(im, x + 16, y, 1, text, number);
    snprintf(number, sizeof number, "%.3g", (double)range.lo);
    draw_text(im, x + 16, y + height - 7, 1, text, number);
}

void draw_image(struct cvk__image *im, int32_t x, int32_t y, const struct cvk__image *from)
{
    for (uint32_t j = 0; j < from->height; j++)
        for (uint32_t i = 0; i < from->width; i++) {
            const uint8_t *p = from->pixels + ((size_t)j * from->width + i) * from->channels;
            bool rgb = from->channels == 3;
            put(im, x + (int32_t)i, y + (int32_t)j, (struct colour){p[0], p[rgb ? 1 : 0], p[rgb ? 2 : 0]});
        }
}

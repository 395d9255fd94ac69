/* SPDX-License-Identifier: MIT
 * Line charts and confusion matrices: the same drawing once as SVG and once as pixels. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "train.h"

#define WIDTH 720
#define HEIGHT 400
#define LEFT 70
#define RIGHT 150
#define TOP 40
#define BOTTOM 50

static const struct colour palette[] = {{31, 119, 180},  {214, 39, 40},  {44, 160, 44},   {255, 127, 14},
                                        {148, 103, 189}, {140, 86, 75},  {227, 119, 194}, {90, 90, 90},
                                        {150, 160, 20},  {23, 190, 207}, {10, 60, 120},   {120, 20, 60}};
#define COLOURS (sizeof palette / sizeof *palette)
static const struct colour ink = {40, 40, 40}, faint = {225, 225, 225};

/* Where both forms of the drawing go. */
struct canvas {
    FILE *svg;
    char *part, *path; /* the SVG while it is written, and when it is whole */
    struct cvk__image *image;
};

static void put_line(const struct canvas *c, double x0, double y0, double x1, double y1, struct colour k, double width)
{
    fprintf(c->svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#%02x%02x%02x\" stroke-width=\"%.1f\"/>\n",
            x0, y0, x1, y1, k.r, k.g, k.b, width);
    double dx = x1 - x0, dy = y1 - y0, steps = fmax(fabs(dx), fabs(dy));
    int32_t size = width > 1 ? 2 : 1;
    for (double i = 0; i <= steps; i++) {
        double part = steps > 0 ? i / steps : 0;
        draw_rect(c->image, (int32_t)lround(x0 + part * dx), (int32_t)lround(y0 + part * dy), size, size, k);
    }
}

size_t utf8_bytes(const char *p)
{
    const unsigned char *c = (const unsigned char *)p;
    size_t bytes = c[0] < 0x80                   ? 1
                   : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
                   : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
                   : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                                 : 0;
    for (size_t i = 1; i < bytes; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    bool surrogate = c[0] == 0xed && c[1] > 0x9f, overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    return surrogate || overlong || (c[0] == 0xf4 && c[1] > 0x8f) ? 0 : bytes;
}

/* anchor: 0 the text begins at x, 1 its middle, 2 its end. y is its top. */
static void put_text(const struct canvas *c, double x, double y, int anchor, struct colour k, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(c->svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#%02x%02x%02x\">", x, y + 9, anchors[anchor], k.r, k.g,
            k.b);
    for (const char *p = text; *p;) {
        size_t bytes = utf8_bytes(p);
        if (*p == '<' || *p == '>' || *p == '&' || *p == '"')
            fprintf(c->svg, "&#%d;", *p);
        else if ((unsigned char)*p >= ' ' && bytes)
            fwrite(p, 1, bytes, c->svg);
        p += bytes ? bytes : 1; /* part of a character, or none at all: XML has no place for it */
    }
    fputs("</text>\n", c->svg);
    double wide = (double)strlen(text) * FONT_WIDTH;
    draw_text(c->image, (int32_t)(x - (anchor == 1 ? wide / 2 : anchor == 2 ? wide : 0)), (int32_t)y, 1, k, text);
}

static bool begin(struct canvas *c, const char *stem, struct cvk__image *image, int32_t width, int32_t height)
{
    c->path = tool_alloc(strlen(stem) + 5, 1);
    c->part = tool_alloc(strlen(stem) + 10, 1);
    sprintf(c->path, "%s.svg", stem);
    sprintf(c->part, "%s.part", c->path);
    c->svg = fopen(c->part, "w");
    c->image = image;
    if (!c->svg || image_create((uint32_t)width, (uint32_t)height, 3, image) != TOOL_GO_ON) {
        if (c->svg)
            fclose(c->svg);
        free(c->path);
        free(c->part);
        return false;
    }
    draw_rect(image, 0, 0, width, height, (struct colour){255, 255, 255});
    fprintf(
        c->svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
        "font-size=\"11\">\n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
        width, height, width, height, width, height);
    return true;
}

static int finish(struct canvas *c, const char *stem)
{
    char safe[TOOL_TEXT];
    fputs("</svg>\n", c->svg);
    bool whole = !ferror(c->svg);
    int code = TOOL_GO_ON;
    if (fclose(c->svg) != 0 || !whole || rename(c->part, c->path) != 0) {
        remove(c->part);
        code = tool_fail(TOOL_FAILED, "%s: the chart cannot be written: %s", tool_escape(c->path, safe, sizeof safe),
                         strerror(errno));
    }
    if (code == TOOL_GO_ON)
        code = image_write(stem, c->image, NULL, 0);
    cvk__image_free(c->image);
    free(c->path);
    free(c->part);
    return code;
}

/* ---- line charts
 * ---------------------------------------------------------------------------------------------------------------- */

struct axes {
    double lo, hi; /* of y, logarithms where the chart has them */
    uint32_t most; /* x goes from 1 to this */
    bool logarithmic;
};

static double level(const struct axes *a, double y)
{
    return a->logarithmic ? (y > 0 ? log10(y) : NAN) : y;
}

static struct axes axes_of(const struct chart *c)
{
    struct axes a = {INFINITY, -INFINITY, 1, c->logarithmic};
    for (uint32_t k = 0; k < c->line_count; k++)
        for (uint32_t i = 0; i < c->lines[k].count; i++) {
            double y = level(&a, c->lines[k].y[i]);
            if (!isfinite(y))
                continue;
            a.lo = fmin(a.lo, y);
            a.hi = fmax(a.hi, y);
            a.most = i + 1 > a.most ? i + 1 : a.most;
        }
    if (!(a.lo <= a.hi)) {
        a.lo = 0;
        a.hi = 1;
    }
    /* Numbers that hardly differ would leave no room for a tick between them. */
    double room = fmax((a.hi - a.lo) * 0.05, fmax(fabs(a.lo), fabs(a.hi)) * 1e-6);
    if (!(a.hi > a.lo))
        room = fmax(room, 0.5);
    a.lo -= room;
    a.hi += room;
    return a;
}

static double x_at(const struct axes *a, double x)
{
    return LEFT + (a->most > 1 ? (x - 1) / (a->most - 1) : 0.5) * (WIDTH - LEFT - RIGHT);
}

static double y_at(const struct axes *a, double y)
{
    return TOP + (a->hi - y) / (a->hi - a->lo) * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten: about `wanted` steps over the span. */
static double tick_of(double span, double wanted)
{
    double raw = span / wanted, power = pow(10, floor(log10(raw))), part = raw / power;
    return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

/* A line across at this value, which is no logarithm. */
static void draw_tick(const struct canvas *v, const struct axes *a, double value)
{
    char text[32];
    double y = level(a, value);
    if (!(y >= a->lo && y <= a->hi))
        return;
    put_line(v, LEFT, y_at(a, y), WIDTH - RIGHT, y_at(a, y), faint, 1);
    snprintf(text, sizeof text, "%.4g", value);
    put_text(v, LEFT - 6, y_at(a, y) - 4, 2, ink, text);
}

/* Powers of ten; 2 and 5 times them too where they are few; round numbers where there is hardly one. */
static void draw_ticks(const struct canvas *v, const struct axes *a)
{
    double span = a->hi - a->lo, lo = a->lo, hi = a->hi;
    if (a->logarithmic && span >= 0.7) {
        for (double p = floor(a->lo); p <= a->hi; p += ceil(span / 8))
            for (int m = 1; m <= (span < 3 ? 5 : 1); m += m == 1 ? 1 : 3)
                draw_tick(v, a, m * pow(10, p));
        return;
    }
    if (a->logarithmic) {
        lo = pow(10, lo);
        hi = pow(10, hi);
    }
    double tick = tick_of(hi - lo, 6);
    for (double y = ceil(lo / tick) * tick; y <= hi; y += tick)
        draw_tick(v, a, fabs(y) < tick / 1e6 ? 0 : y);
}

static void draw_axes(const struct canvas *v, const struct chart *c, const struct axes *a)
{
    char text[32];
    draw_ticks(v, a);
    double step = fmax(1, tick_of(a->most, 8));
    for (double x = step > 1 ? step : 1; x <= a->most; x += step) {
        put_line(v, x_at(a, x), HEIGHT - BOTTOM, x_at(a, x), HEIGHT - BOTTOM + 4, ink, 1);
        snprintf(text, sizeof text, "%.0f", x);
        put_text(v, x_at(a, x), HEIGHT - BOTTOM + 8, 1, ink, text);
    }
    put_line(v, LEFT, TOP, LEFT, HEIGHT - BOTTOM, ink, 1);
    put_line(v, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, ink, 1);
    put_text(v, LEFT, 12, 0, ink, c->title);
    put_text(v, 8, 26, 0, ink, c->y_name); /* it may be wider than the numbers */
    put_text(v, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 20, 1, ink, c->x_name);
}

static void draw_curve(const struct canvas *v, const struct axes *a, const struct chart_line *line, struct colour k)
{
    for (uint32_t i = 0; i < line->count; i++) {
        double y = level(a, line->y[i]), before = i ? level(a, line->y[i - 1]) : NAN;
        double after = i + 1 < line->count ? level(a, line->y[i + 1]) : NAN;
        if (!isfinite(y))
            continue;
        if (isfinite(before))
            put_line(v, x_at(a, i), y_at(a, before), x_at(a, i + 1.0), y_at(a, y), k, 2);
        else if (!isfinite(after)) /* a point of its own */
            for (int d = -2; d <= 2; d += 2)
                put_line(v, x_at(a, i + 1.0) - 3, y_at(a, y) + d, x_at(a, i + 1.0) + 3, y_at(a, y) + d, k, 2);
    }
}

int chart_write(const struct chart *c, const char *stem)
{
    struct canvas v;
    struct cvk__image image;
    char safe[TOOL_TEXT];
    struct axes a = axes_of(c);
    if (!begin(&v, stem, &image, WIDTH, HEIGHT))
        return tool_fail(TOOL_FAILED, "%s.svg: the chart cannot be written: %s", tool_escape(stem, safe, sizeof safe),
                         strerror(errno));
    draw_axes(&v, c, &a);
    for (uint32_t k = 0; k < c->line_count; k++) {
        struct colour colour = palette[k % COLOURS];
        double y = TOP + 4 + 16.0 * k;
        draw_curve(&v, &a, &c->lines[k], colour);
        put_line(&v, WIDTH - RIGHT + 10, y + 4, WIDTH - RIGHT + 28, y + 4, colour, 2);
        snprintf(safe, sizeof safe, "%.18s", c->lines[k].name);
        put_text(&v, WIDTH - RIGHT + 34, y, 0, ink, safe);
    }
    return finish(&v, stem);
}

/* ---- confusion matrices
 * --------------------------------------------------------------------------------------------------------- */

static void confusion_csv(const struct metrics *m, const char *const *names, FILE *f)
{
    fputs("true \\ predicted", f);
    for (uint32_t i = 0; i < m->classes; i++) {
        fputc(',', f);
        csv_put(f, names ? names[i] : "");
    }
    for (uint32_t i = 0; i < m->classes; i++) {
        fputc('\n', f);
        csv_put(f, names ? names[i] : "");
        for (uint32_t k = 0; k < m->classes; k++)
            fprintf(f, ",%llu", (unsigned long long)m->confusion[(uint64_t)i * m->classes + k]);
    }
    fputc('\n', f);
}

static void confusion_cell(const struct canvas *v, const struct metrics *m, uint32_t i, uint32_t k, double x, double y,
                           double cell, uint64_t row)
{
    char text[24];
    uint64_t n = m->confusion[(uint64_t)i * m->classes + k];
    double part = row ? (double)n / (double)row : 0;
    struct colour c = i == k
                          ? (struct colour){(uint8_t)(255 - 200 * part), (uint8_t)(255 - 90 * part), (uint8_t)(255 - 200 * part)}
                          : (struct colour){255, (uint8_t)(255 - 200 * sqrt(part)), (uint8_t)(255 - 200 * sqrt(part))};
    fprintf(v->svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#%02x%02x%02x\"/>\n", x, y, cell - 1,
            cell - 1, c.r, c.g, c.b);
    draw_rect(v->image, (int32_t)x, (int32_t)y, (int32_t)cell - 1, (int32_t)cell - 1, c);
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    if (n && cell >= 18)
        put_text(v, x + cell / 2, y + cell / 2 - 4, 1, ink, text);
}

static int confusion_picture(const struct metrics *m, const char *const *names, const char *stem)
{
    struct canvas v;
    struct cvk__image image;
    char text[32], safe[TOOL_TEXT];
    double cell = m->classes <= 20 ? 34 : 680.0 / m->classes, left = 110, top = 60;
    int32_t size = (int32_t)(cell * m->classes);
    if (!begin(&v, stem, &image, (int32_t)left + size + 20, (int32_t)top + size + 20))
        return tool_fail(TOOL_FAILED, "%s.svg: the confusion matrix cannot be written: %s", tool_escape(stem, safe, sizeof safe),
                         strerror(errno));
    put_text(&v, left, 12, 0, ink, "rows: true class, columns: predicted");
    bool numbered = false; /* a column has no room for a long name, and what is left of several could be the same */
    for (uint32_t i = 0; names && i < m->classes; i++)
        numbered |= strlen(names[i]) > 5;
    for (uint32_t i = 0; i < m->classes; i++) {
        uint64_t row = 0;
        for (uint32_t k = 0; k < m->classes; k++)
            row += m->confusion[(uint64_t)i * m->classes + k];
        const char *name = names ? names[i] : "";
        if (numbered)
            snprintf(text, sizeof text, "%u %.13s", i + 1, name);
        else
            snprintf(text, sizeof text, "%s", name);
        if (cell >= 10)
            put_text(&v, left - 6, top + cell * i + cell / 2 - 4, 2, ink, text);
        if (numbered)
            snprintf(text, sizeof text, "%u", i + 1);
        if (cell >= 30)
            put_text(&v, left + cell * i + cell / 2, top - 14, 1, ink, text);
        for (uint32_t k = 0; k < m->classes; k++)
            confusion_cell(&v, m, i, k, left + cell * k, top + cell * i, cell, row);
    }
    return finish(&v, stem);
}

int confusion_write(const struct metrics *m, const char *const *names, const char *folder)
{
    char *path = tool_alloc(strlen(folder) + 16, 1), *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    if (f)
        confusion_csv(m, names, f);
    if (!f || fclose(f) != 0 || !text)
        exit(tool_fail(TOOL_FAILED, "no memory for the confusion matrix"));
    sprintf(path, "%s/confusion.csv", folder);
    int code = tool_save(path, text);
    sprintf(path, "%s/confusion", folder);
    if (code == TOOL_GO_ON && m->classes <= 200)
        code = confusion_picture(m, names, path);
    free(text);
    free(path);
    return code;
}

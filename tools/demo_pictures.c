/* SPDX-License-Identifier: MIT
 * The pictures of `convoke demo`: inputs, feature maps with a scale, Sobel's edges, and all of it on one sheet. */
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "draw.h"

static const struct colour paper = {250, 250, 248}, ink = {40, 40, 48}, faint = {120, 120, 128};

static int write_in(const char *folder, const char *name, const struct cvk__image *im)
{
    char stem[4000], path[4096], safe[TOOL_TEXT];
    snprintf(stem, sizeof stem, "%s/%s", folder, name);
    int code = image_write(stem, im, path, sizeof path);
    if (code == TOOL_GO_ON)
        printf("  %s  %ux%u\n", tool_escape(path, safe, sizeof safe), im->width, im->height);
    return code;
}

static int sheet_create(uint32_t width, uint32_t height, struct cvk__image *im)
{
    int code = image_create(width, height, 3, im);
    draw_rect(im, 0, 0, (int32_t)width, (int32_t)height, paper);
    return code;
}

/* All line pictures: a row for each kind. */
static int input_sheet(const char *folder, const struct demo_job *lines)
{
    enum { CELL = 3, GAP = 8, LEFT = 110, TOP = 30 };
    const float *data = cvk_tensor_data(lines->input);
    int32_t tile = (int32_t)lines->size * CELL;
    struct cvk__image im;
    int code = sheet_create((uint32_t)(LEFT + LINES_OF_EACH * (tile + GAP)), (uint32_t)(TOP + LINE_KINDS * (tile + GAP)), &im);
    draw_text(&im, GAP, 10, 1, ink, "What goes in: lines drawn from a seed");
    for (int32_t i = 0; i < LINE_PICTURES; i++) {
        int32_t row = i / LINES_OF_EACH, column = i % LINES_OF_EACH, y = TOP + row * (tile + GAP);
        if (column == 0)
            draw_text(&im, GAP, y + tile / 2 - 4, 1, ink, line_names[row]);
        draw_map(&im, LEFT + column * (tile + GAP), y, CELL, data + (size_t)i * lines->size * lines->size, lines->size,
                 lines->size, MAP_GREY, (struct range){0, 1});
    }
    if (code == TOOL_GO_ON)
        code = write_in(folder, "lines_input", &im);
    cvk__image_free(&im);
    return code;
}

enum {
    TILE = 96,
    TILE_GAP = 8,
    FILTER_CELL = 20,
    HEAD = 14 + 2 * FILTER_CELL + 10, /* names and filters above the maps */
    MAPS_WIDTH = 5 * (TILE + TILE_GAP) + 190,
    MAPS_HEIGHT = HEAD + 4 * (TILE + TILE_GAP) + 20
};

/* One picture of each kind, the four filters' answers to it, and the network's verdict. */
static void draw_maps(struct cvk__image *im, int32_t left, int32_t top, const struct demo_job *lines)
{
    uint32_t size = lines->size, out = size / 2;
    size_t map = (size_t)out * out;
    const float *data = cvk_tensor_data(lines->input), *maps = cvk_tensor_data(lines->outputs[LINES_MAPS]);
    const float *prob = cvk_tensor_data(lines->outputs[LINES_PROB]);
    struct range range = range_of(maps, cvk_tensor_count(lines->outputs[LINES_MAPS]));
    draw_text(im, left, top, 1, faint, "filter");
    draw_text(im, left, top + HEAD - 12, 1, faint, "picture");
    for (int32_t k = 0; k < LINE_KINDS; k++) {
        int32_t x = left + (k + 1) * (TILE + TILE_GAP);
        draw_text(im, x, top, 1, faint, line_names[k]);
        draw_rect(im, x - 1, top + 13, 2 * FILTER_CELL + 2, 2 * FILTER_CELL + 2, faint);
        draw_map(im, x, top + 14, FILTER_CELL, line_filters + 4 * k, 2, 2, MAP_SIGNED, (struct range){-0.5f, 0.5f});
        for (int32_t i = 0; i < 4; i++)
            draw_text(im, x + i % 2 * FILTER_CELL + 7, top + 14 + i / 2 * FILTER_CELL + 6, 1, paper,
                      line_filters[4 * k + i] > 0 ? "+" : "-");
    }
    for (int32_t row = 0; row < LINE_KINDS; row++) {
        size_t i = (size_t)row * LINES_OF_EACH;
        int32_t y = top + HEAD + row * (TILE + TILE_GAP), x = left;
        uint32_t best = 0;
        draw_map(im, x, y, (int32_t)(TILE / size), data + i * size * size, size, size, MAP_GREY, (struct range){0, 1});
        for (uint32_t k = 0; k < LINE_KINDS; k++) {
            x += TILE + TILE_GAP;
            draw_map(im, x, y, (int32_t)(TILE / out), maps + (i * LINE_KINDS + k) * map, out, out, MAP_WARM, range);
            best = prob[i * LINE_KINDS + k] > prob[i * LINE_KINDS + best] ? k : best;
        }
        char text[32];
        snprintf(text, sizeof text, "%.1f %%", 100.0 * (double)prob[i * LINE_KINDS + best]);
        draw_text(im, x + TILE + 10, y + TILE / 2 - 10, 1, ink, line_names[best]);
        draw_text(im, x + TILE + 10, y + TILE / 2 + 2, 1, ink, text);
    }
    draw_scale(im, left + 5 * (TILE + TILE_GAP) + 98, top + HEAD, 4 * (TILE + TILE_GAP) - TILE_GAP, MAP_WARM, range, ink);
}

static int maps_sheet(const char *folder, const struct demo_job *lines)
{
    struct cvk__image im;
    int code = sheet_create(MAPS_WIDTH, MAPS_HEIGHT, &im);
    draw_maps(&im, TILE_GAP, 10, lines);
    if (code == TOOL_GO_ON)
        code = write_in(folder, "lines_maps", &im);
    cvk__image_free(&im);
    return code;
}

enum edge_picture { PICTURE_DRAWING, PICTURE_HORIZONTAL, PICTURE_VERTICAL, PICTURE_BOTH, EDGE_PICTURES };

static void edge_picture(const struct demo_job *edges, enum edge_picture which, struct cvk__image *out)
{
    size_t count = (size_t)EDGE_SIZE * EDGE_SIZE;
    const float *from =
        cvk_tensor_data(which == PICTURE_DRAWING ? edges->input : edges->outputs[which == PICTURE_BOTH ? EDGES_BOTH : EDGES_ABS]);
    image_create(EDGE_SIZE, EDGE_SIZE, 1, out);
    floats_to_grey(from + (which == PICTURE_VERTICAL ? count : 0), count, out->pixels);
}

/* The sign tells on which side it is bright: zero is white, in the middle of the scale. */
static int signed_sheet(const char *folder, const struct demo_job *edges)
{
    struct cvk__image im;
    const float *maps = cvk_tensor_data(edges->outputs[EDGES_SIGNED]);
    struct range range = range_of(maps, cvk_tensor_count(edges->outputs[EDGES_SIGNED]));
    int code = sheet_create(2 * (EDGE_SIZE + 8) + 70, EDGE_SIZE + 40, &im);
    draw_text(&im, 8, 10, 1, ink, "horizontal, with sign");
    draw_text(&im, 8 + EDGE_SIZE + 8, 10, 1, ink, "vertical, with sign");
    draw_map(&im, 8, 24, 1, maps, EDGE_SIZE, EDGE_SIZE, MAP_SIGNED, range);
    draw_map(&im, 8 + EDGE_SIZE + 8, 24, 1, maps + (size_t)EDGE_SIZE * EDGE_SIZE, EDGE_SIZE, EDGE_SIZE, MAP_SIGNED, range);
    draw_scale(&im, 8 + 2 * (EDGE_SIZE + 8), 24, EDGE_SIZE, MAP_SIGNED, range, ink);
    if (code == TOOL_GO_ON)
        code = write_in(folder, "sobel_signed", &im);
    cvk__image_free(&im);
    return code;
}

static int overview(const char *folder, const struct demo_job *lines, const struct cvk__image pictures[EDGE_PICTURES])
{
    static const char *const labels[EDGE_PICTURES] = {"a drawing, 264 x 264", "Sobel: horizontal edges", "Sobel: vertical edges",
                                                      "both added"};
    enum { LEFT = 20, TOP = 76, RIGHT = LEFT + MAPS_WIDTH + 10, STEP = EDGE_SIZE + 24 };
    struct cvk__image im;
    int code = sheet_create(RIGHT + 2 * (EDGE_SIZE + 10) + 10, TOP + 2 * STEP + 6, &im);
    draw_text(&im, LEFT, 16, 3, ink, "convoke demo");
    draw_text(&im, LEFT, 50, 1, ink,
              "Four 2x2 filters look for lines: each answers to its own direction (bright), and a dense layer names it.");
    draw_text(&im, RIGHT, 50, 1, ink, "Two 3x3 filters look for edges.");
    draw_maps(&im, LEFT, TOP, lines);
    draw_text(&im, LEFT, TOP + MAPS_HEIGHT - 4, 1, faint, "picture > conv 2x2, stride 2 > ReLU > max pooling > dense > softmax");
    draw_text(&im, LEFT, TOP + MAPS_HEIGHT + 12, 1, faint,
              "Computed by convoke; every device's results were compared with the reference.");
    for (int32_t i = 0; i < EDGE_PICTURES; i++) {
        int32_t x = RIGHT + i % 2 * (EDGE_SIZE + 10), y = TOP + i / 2 * STEP;
        draw_text(&im, x, y, 1, faint, labels[i]);
        draw_image(&im, x, y + 14, &pictures[i]);
    }
    if (code == TOOL_GO_ON)
        code = write_in(folder, "demo", &im);
    cvk__image_free(&im);
    return code;
}

int demo_write_pictures(const char *folder, const struct demo_job *lines, const struct demo_job *edges)
{
    static const char *const names[EDGE_PICTURES] = {"drawing", "sobel_horizontal", "sobel_vertical", "sobel_both"};
    struct cvk__image pictures[EDGE_PICTURES];
    int code = input_sheet(folder, lines);
    if (code == TOOL_GO_ON)
        code = maps_sheet(folder, lines);
    for (int32_t i = 0; i < EDGE_PICTURES; i++) {
        edge_picture(edges, (enum edge_picture)i, &pictures[i]);
        if (code == TOOL_GO_ON)
            code = write_in(folder, names[i], &pictures[i]);
    }
    if (code == TOOL_GO_ON)
        code = signed_sheet(folder, edges);
    if (code == TOOL_GO_ON)
        code = overview(folder, lines, pictures);
    for (int32_t i = 0; i < EDGE_PICTURES; i++)
        cvk__image_free(&pictures[i]);
    return code;
}

/* Test pictures in rows, below each what the net says: green where it is right. */
int demo_write_shapes(const char *folder, const struct demo_job *shapes)
{
    enum { COLUMNS = 10, ROWS = 5, CELL = 2, GAP = 10, TOP = 40 };
    static const struct colour right = {20, 130, 60}, wrong = {200, 30, 30};
    struct cvk_data_info info = {.size = sizeof info};
    struct cvk__image im;
    if (cvk_data_get_info(shapes->data, &info) != CVK_OK)
        return tool_fail_library("the demo's pictures");
    int32_t tile = (int32_t)shapes->size * CELL, classes = (int32_t)info.class_count;
    const float *data = cvk_tensor_data(shapes->input), *scores = cvk_tensor_data(shapes->outputs[0]);
    int code = sheet_create((uint32_t)(GAP + COLUMNS * (tile + GAP)), (uint32_t)(TOP + ROWS * (tile + 16 + GAP)), &im);
    draw_text(&im, GAP, 14, 1, ink, "Shapes that the net had not seen, and what it takes them for");
    for (int32_t i = 0; i < COLUMNS * ROWS && i < shapes->batch; i++) {
        int32_t x = GAP + i % COLUMNS * (tile + GAP), y = TOP + i / COLUMNS * (tile + 16 + GAP), best = 0;
        for (int32_t k = 1; k < classes; k++)
            best = scores[i * classes + k] > scores[i * classes + best] ? k : best;
        bool good = best == ((const int64_t *)cvk_tensor_data(shapes->classes))[i];
        draw_map(&im, x, y, CELL, data + (size_t)i * shapes->size * shapes->size, shapes->size, shapes->size, MAP_GREY,
                 (struct range){0, 1});
        draw_text(&im, x, y + tile + 3, 1, good ? right : wrong, info.class_names[best]);
    }
    if (code == TOOL_GO_ON)
        code = write_in(folder, "shapes", &im);
    cvk__image_free(&im);
    return code;
}

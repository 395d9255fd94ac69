/* SPDX-License-Identifier: MIT
 * `convoke info`: the sizes and values of pictures, tensors, IDX files and models. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compare.h"
#include "image.h"
#include "model.h"

static void print_name(const char *path)
{
    char safe[TOOL_TEXT];
    printf("%s%s%s\n", tool_colour(TOOL_BOLD), tool_escape(path, safe, sizeof safe), tool_colour(TOOL_PLAIN));
}

static void put_list(struct json *o, const char *key, uint32_t count, const uint32_t *values)
{
    struct json *list = json_list_in(o, key);
    for (uint32_t i = 0; i < count; i++)
        json_item_number(list, values[i]);
}

static void image_shapes(const struct cvk__image *im)
{
    printf("  %ux%ux%u    C x H x W, the order of a network's input\n", im->channels, im->height, im->width);
    printf("  %u*%u*%u    H x W x C, the order of the pixels in the file\n", im->height, im->width, im->channels);
}

static int info_image(const char *path, struct cvk__image *im, struct json *o)
{
    static const char *const names[2][3] = {{"grey", NULL, NULL}, {"red", "green", "blue"}};
    if (o) {
        json_text(o, "kind", "image");
        json_text(o, "format", im->format);
        put_list(o, "shape", 3, (uint32_t[]){im->channels, im->height, im->width});
        put_list(o, "shape_hwc", 3, (uint32_t[]){im->height, im->width, im->channels});
    } else {
        print_name(path);
        printf("  %s, %s, %u x %u pixels (width x height), values 0 to 255\n", im->format, im->channels == 3 ? "RGB" : "grey",
               im->width, im->height);
        image_shapes(im);
    }
    struct json *list = o ? json_list_in(o, "channels") : NULL;
    uint64_t pixels = (uint64_t)im->width * im->height;
    for (uint32_t c = 0; c < im->channels; c++) {
        uint32_t lo = 255, hi = 0;
        uint64_t sum = 0;
        for (uint64_t i = 0; i < pixels; i++) {
            uint32_t v = im->pixels[i * im->channels + c];
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
            sum += v;
        }
        const char *name = names[im->channels == 3][c];
        double mean = (double)sum / (double)pixels;
        if (list) {
            struct json *item = json_item(list);
            json_text(item, "name", name);
            json_count(item, "min", lo);
            json_count(item, "max", hi);
            json_number(item, "mean", mean);
        } else
            printf("  %-5s min %u, max %u, mean %.2f\n", name, lo, hi, mean);
    }
    return TOOL_GO_ON;
}

static int info_tensor(const char *path, struct json *o)
{
    struct cvk_tensor *t = NULL;
    int code = tensor_read(path, &t);
    if (code != TOOL_GO_ON)
        return code;
    const struct cvk_tensor_desc *d = cvk_tensor_get_desc(t);
    struct tensor_stats s = tensor_stats(t);
    if (o) {
        json_text(o, "kind", "tensor");
        json_text(o, "dtype", cvk_dtype_name(d->dtype));
        json_shape(o, "shape", d);
        json_count(o, "count", s.count);
        json_count(o, "bytes", cvk_tensor_bytes(t));
        json_number(o, "min", s.min);
        json_number(o, "max", s.max);
        json_number(o, "mean", s.mean);
        json_count(o, "not_finite", s.bad);
    } else {
        char shape[CVK_SHAPE_TEXT], stats[200], a[28], b[28];
        print_name(path);
        printf("  tensor %s %s: %s numbers, %s\n  %s\n", cvk_dtype_name(d->dtype), tool_shape(d, shape), tool_count(s.count, a),
               tool_bytes(cvk_tensor_bytes(t), b), stats_text(&s, stats, sizeof stats));
    }
    cvk_tensor_destroy(t);
    return TOOL_GO_ON;
}

static int info_idx(const char *path, struct json *o)
{
    struct cvk__idx idx;
    int code = idx_read(path, &idx);
    if (code != TOOL_GO_ON)
        return code;
    uint64_t classes[256] = {0};
    if (o) {
        json_text(o, "kind", "idx");
        put_list(o, "shape", idx.rank, idx.dims);
    } else {
        print_name(path);
        printf("  IDX, unsigned bytes, ");
        for (uint32_t i = 0; i < idx.rank; i++)
            printf("%s%u", i ? "x" : "", idx.dims[i]);
        printf(idx.rank == 3 ? " (pictures x height x width)\n" : "\n");
    }
    for (uint32_t i = 0; idx.rank == 1 && i < idx.dims[0]; i++)
        classes[idx.data[i]]++;
    for (uint32_t i = 0; idx.rank == 1 && !o && i < 256; i++)
        if (classes[i])
            printf("  label %3u: %llu times\n", i, (unsigned long long)classes[i]);
    cvk__idx_free(&idx);
    return TOOL_GO_ON;
}

static void print_values(const struct cvk_graph *g, bool inputs, struct json *o)
{
    uint32_t count = inputs ? cvk_graph_input_count(g) : cvk_graph_output_count(g);
    struct json *list = o ? json_list_in(o, inputs ? "inputs" : "outputs") : NULL;
    for (uint32_t i = 0; i < count; i++) {
        cvk_value v = inputs ? cvk_graph_input(g, i) : cvk_graph_output(g, i);
        const struct cvk_tensor_desc *d = cvk_graph_desc(g, v);
        char shape[CVK_SHAPE_TEXT], safe[TOOL_TEXT];
        if (list) {
            struct json *item = json_item(list);
            json_text(item, "name", cvk_graph_value_name(g, v));
            if (d) {
                json_text(item, "dtype", cvk_dtype_name(d->dtype));
                json_shape(item, "shape", d);
            }
        } else
            printf("  %s '%s': %s %s\n", inputs ? "input " : "output", tool_escape(cvk_graph_value_name(g, v), safe, sizeof safe),
                   d ? cvk_dtype_name(d->dtype) : "?", d ? tool_shape(d, shape) : "?");
    }
}

static int info_model(const char *text, struct cvk_context *ctx, const struct setup *setup, struct json *o)
{
    struct model m;
    int code = model_load(text, setup->seed, &m);
    if (code != TOOL_GO_ON)
        return code;
    if (o)
        json_text(o, "kind", "model");
    else {
        char safe[TOOL_TEXT];
        print_name(text);
        printf("  model '%s', an open batch shown as 1\n", tool_escape(cvk_graph_name(m.graph), safe, sizeof safe));
    }
    print_values(m.graph, true, o);
    print_values(m.graph, false, o);
    struct setup plain = setup_as_written(setup, ctx);
    struct cvk_session_params p = setup_params(&plain);
    p.flags = CVK_SESSION_PLAN_ONLY | CVK_SESSION_NO_FUSE;
    struct cvk_session *s = NULL;
    struct cvk_session_report r;
    char a[28], b[28];
    if (cvk_session_create(ctx, m.graph, &p, &s) != CVK_OK || cvk_session_get_report(s, &r) != CVK_OK) {
        tool_warn("%s: cannot be planned as it stands: %s", text, cvk_error_text());
    } else if (o) {
        json_count(o, "nodes", cvk_session_node_count(s));
        json_count(o, "parameters", r.params);
        json_count(o, "macs", r.macs);
    } else
        printf("  %u layers, %s parameters, %s multiply-adds; convoke explain tells more\n", cvk_session_node_count(s),
               tool_count(r.params, a), tool_count(r.macs, b));
    cvk_session_destroy(s);
    model_free(&m);
    return TOOL_GO_ON;
}

struct info {
    struct setup setup;
    struct cvk_context *ctx;
    struct json *list;
    uint32_t images, width, height, channels;
    bool same; /* all pictures have one size */
};

static int info_one(struct info *info, const char *text)
{
    struct json *o = info->list ? json_item(info->list) : NULL;
    if (o)
        json_text(o, "name", text);
    uint8_t head[8] = {0};
    struct stat st;
    size_t got = 0;
    FILE *f = stat(text, &st) == 0 && S_ISREG(st.st_mode) ? fopen(text, "rb") : NULL;
    if (f) {
        got = fread(head, 1, sizeof head, f);
        fclose(f);
    }
    if (f && cvk__image_known(head, got)) {
        struct cvk__image im;
        int code = image_read(text, &im);
        if (code != TOOL_GO_ON)
            return code;
        info->same = info->images == 0 ||
                     (info->same && im.width == info->width && im.height == info->height && im.channels == info->channels);
        info->width = im.width;
        info->height = im.height;
        info->channels = im.channels;
        info->images++;
        code = info_image(text, &im, o);
        cvk__image_free(&im);
        return code;
    }
    if (f && cvk__idx_known(head, got, text))
        return info_idx(text, o);
    if (tool_ends_with(text, ".npy") || tool_ends_with(text, ".pb"))
        return info_tensor(text, o);
    return info_model(text, info->ctx, &info->setup, o);
}

static int do_info(struct info *info, const struct text_list *files)
{
    int code = setup_start(&info->setup, &info->ctx);
    struct json *root = NULL;
    if (code != TOOL_GO_ON)
        return code;
    if (info->setup.json) {
        root = json_create();
        info->list = json_list_in(root, "files");
    }
    for (uint32_t i = 0; i < files->count && code == TOOL_GO_ON; i++)
        code = info_one(info, files->items[i]);
    if (code != TOOL_GO_ON) {
        json_free(root);
        return code;
    }
    if (root && info->images > 1 && info->same)
        put_list(root, "batch_shape", 4, (uint32_t[]){info->images, info->channels, info->height, info->width});
    if (root)
        return json_finish(root);
    if (info->images > 1 && info->same)
        printf("together, as one batch: %ux%ux%ux%u    N x C x H x W\n", info->images, info->channels, info->height, info->width);
    else if (info->images > 1)
        printf("the pictures differ in size or channels: bring them to one size for a batch (convoke run --size)\n");
    return TOOL_OK;
}

int cvk_tool_info(int argc, char **argv)
{
    struct info info = {0};
    struct option shared[SETUP_OPTIONS];
    const struct command command = {
        .name = "info",
        .summary = "sizes and values of pictures, tensors, IDX files and models",
        .usage = "FILE|MODEL... [OPTION...]",
        .about = "A picture of 28 x 28 pixels in colour is printed as 3x28x28 (C x H x W) and as 28*28*3 (H x W x C); five of "
                 "them together as 5x3x28x28 (N x C x H x W).",
        .examples =
            "convoke info photo.jpg\nconvoke info digits/*.png\nconvoke info input_0.pb output.npy\nconvoke info model.onnx",
        .shared = shared,
        .shared_count = setup_options(&info.setup, SETUP_DEVICE | SETUP_SEED | SETUP_JSON, shared),
        .rest_name = "a FILE or a MODEL",
        .rest_min = 1,
        .rest_max = 100000};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = do_info(&info, &rest);
    cvk_context_destroy(info.ctx);
    args_free(&rest);
    return code;
}

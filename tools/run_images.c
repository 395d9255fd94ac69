/* SPDX-License-Identifier: MIT
 * `convoke run --image` and `--idx`: pictures in, classes out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "run.h"

#define LABELS_MAX_BYTES (16u << 20)

static int parse_size(const char *text, int64_t *height, int64_t *width)
{
    uint64_t w, h;
    char *copy = tool_copy(text), *x = strchr(copy, 'x');
    if (x)
        *x = '\0';
    bool good = args_count(copy, &w) && (x ? args_count(x + 1, &h) : (h = w, true)) && w >= 1 && h >= 1 &&
                w <= CVK__IMAGE_MAX_SIDE && h <= CVK__IMAGE_MAX_SIDE;
    free(copy);
    if (!good)
        return tool_fail(TOOL_USAGE, "--size wants N or WxH with 1 to %u pixels a side, such as 224 or 320x240, not '%s'",
                         CVK__IMAGE_MAX_SIDE, text);
    *height = (int64_t)h;
    *width = (int64_t)w;
    return TOOL_GO_ON;
}

static int spread(const struct number_list *given, const char *option, uint32_t channels, double normal, double *out)
{
    if (given->count > 1 && given->count != channels)
        return tool_fail(TOOL_USAGE, "--%s has %u numbers, the model's input %u channel%s", option, given->count, channels,
                         channels == 1 ? "" : "s");
    for (uint32_t c = 0; c < channels; c++)
        out[c] = given->count == 0 ? normal : given->items[given->count == 1 ? 0 : c];
    return TOOL_GO_ON;
}

int run_rule_numbers(const struct run *run, struct image_rule *rule)
{
    rule->scale = run->scale;
    rule->bgr = run->order && strcmp(run->order, "bgr") == 0;
    int code = spread(&run->mean, "mean", rule->channels, 0, rule->mean);
    return code == TOOL_GO_ON ? spread(&run->std, "std", rule->channels, 1, rule->std) : code;
}

int run_image_rule(const struct run *run, int32_t input, struct image_rule *rule, int64_t *items)
{
    const struct cvk_tensor_desc *d = cvk_session_input_desc(run->session, (uint32_t)input);
    char shape[CVK_SHAPE_TEXT];
    if (d->dtype != CVK_F32 || d->rank < 3 || d->rank > 4)
        return tool_fail(TOOL_FAILED, "input '%s' is %s %s: pictures go to f32 inputs NxCxHxW or CxHxW",
                         cvk_session_input_name(run->session, (uint32_t)input), cvk_dtype_name(d->dtype), tool_shape(d, shape));
    int64_t c = d->dims[d->rank - 3], h = d->dims[d->rank - 2], w = d->dims[d->rank - 1];
    if (c != 1 && c != 3)
        return tool_fail(TOOL_FAILED, "input '%s' is %s, with %lld channels: pictures have 1 or 3",
                         cvk_session_input_name(run->session, (uint32_t)input), tool_shape(d, shape), (long long)c);
    if (h < 1 || w < 1 || h > CVK__IMAGE_MAX_SIDE || w > CVK__IMAGE_MAX_SIDE ||
        (uint64_t)h * (uint64_t)w > CVK__IMAGE_MAX_PIXELS)
        return tool_fail(TOOL_FAILED, "input '%s' is %s, too large for a picture",
                         cvk_session_input_name(run->session, (uint32_t)input), tool_shape(d, shape));
    *rule = (struct image_rule){.width = (uint32_t)w, .height = (uint32_t)h, .channels = (uint32_t)c};
    *items = d->rank == 4 ? d->dims[0] : 1;
    if (*items < 1)
        return tool_fail(TOOL_FAILED, "input '%s' is %s: a batch of nothing",
                         cvk_session_input_name(run->session, (uint32_t)input), tool_shape(d, shape));
    return run_rule_numbers(run, rule);
}

/* An output of 1 or 3 channels as a picture, by the rule that pictures came in, backwards. */
static int save_picture(const struct run *run, const char *name, const struct cvk_tensor *t, const char *path)
{
    const struct cvk_tensor_desc *d = cvk_tensor_get_desc(t);
    char shape[CVK_SHAPE_TEXT], stem[4096];
    int64_t c = d->rank >= 3 ? d->dims[d->rank - 3] : 0, h = d->rank >= 3 ? d->dims[d->rank - 2] : 0,
            w = d->rank >= 3 ? d->dims[d->rank - 1] : 0;
    if (d->dtype != CVK_F32 || d->rank > 4 || (c != 1 && c != 3) || (d->rank == 4 && d->dims[0] != 1) || h < 1 || w < 1 ||
        h > CVK__IMAGE_MAX_SIDE || w > CVK__IMAGE_MAX_SIDE || (uint64_t)h * (uint64_t)w > CVK__IMAGE_MAX_PIXELS)
        return tool_fail(TOOL_FAILED,
                         "output '%s' is %s %s: only f32 outputs 1x1xHxW and 1x3xHxW can be saved as a picture, others as .npy",
                         name, cvk_dtype_name(d->dtype), tool_shape(d, shape));
    if (strcmp(image_extension((uint32_t)c), ".png") != 0)
        return tool_fail(TOOL_FAILED, "%s: this build writes no PNG, because libpng was missing (meson option 'images')", path);
    struct image_rule rule = {.width = (uint32_t)w, .height = (uint32_t)h, .channels = (uint32_t)c};
    struct cvk__image im;
    int code = run_rule_numbers(run, &rule);
    if (code != TOOL_GO_ON)
        return code;
    image_create(rule.width, rule.height, rule.channels, &im);
    image_from_floats(cvk_tensor_data(t), &rule, &im);
    snprintf(stem, sizeof stem, "%.*s", (int)(strlen(path) - 4), path);
    code = image_write(stem, &im, NULL, 0);
    cvk__image_free(&im);
    return code;
}

int run_save(const struct run *run, const char *name, const struct cvk_tensor *t, const char *path)
{
    if (tool_ends_with(path, ".png"))
        return save_picture(run, name, t, path);
    if (!tool_ends_with(path, ".npy"))
        return tool_fail(TOOL_USAGE, "%s: outputs are saved as .npy or, where they are pictures, .png", path);
    return cvk_tensor_write_npy(path, t) == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

struct labels {
    char *text;
    char **lines;
    uint32_t count;
};

static int read_labels(const char *path, struct labels *out)
{
    uint8_t *data;
    uint64_t bytes;
    if (cvk__file_read(path, LABELS_MAX_BYTES, &data, &bytes) != CVK_OK)
        return tool_fail_library("");
    out->text = (char *)data;
    for (char *rest = out->text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        size_t length = strlen(line);
        if (length && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (!rest && !line[0])
            break; /* nothing behind the last line's end */
        out->lines = tool_grow(out->lines, out->count + 1, sizeof *out->lines);
        out->lines[out->count++] = line;
    }
    return TOOL_GO_ON;
}

/* Classes per item if the output is one row of scores for each, else 0. */
static uint64_t class_count(const struct cvk_tensor_desc *d, int64_t items)
{
    uint64_t n = cvk_tensor_desc_count(d), classes = 1;
    uint32_t from = d->rank > 0 && d->dims[0] == items && d->rank > 1 ? 1 : 0, long_axes = 0;
    if (from == 0 && items != 1)
        return 0;
    for (uint32_t i = from; i < d->rank; i++) {
        long_axes += d->dims[i] > 1;
        classes *= (uint64_t)d->dims[i];
    }
    return n && classes > 1 && long_axes == 1 && classes * (uint64_t)items == n ? classes : 0;
}

static bool are_probabilities(const struct cvk_tensor *t, uint64_t first, uint64_t count)
{
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        double x = cvk_tensor_at(t, first + i);
        if (!(x >= 0 && x <= 1.0001))
            return false;
        sum += x;
    }
    return fabs(sum - 1) < 1e-2;
}

static uint64_t best_of(const struct cvk_tensor *t, uint64_t first, uint64_t count, const bool *taken)
{
    uint64_t best = UINT64_MAX;
    for (uint64_t i = 0; i < count; i++)
        if (!(taken && taken[i]) && (best == UINT64_MAX || cvk_tensor_at(t, first + i) > cvk_tensor_at(t, first + best)))
            best = i;
    return best;
}

static void show_top(struct run *run, const char *file, const struct cvk_tensor *t, uint64_t first, uint64_t classes,
                     const struct labels *labels, struct json *list)
{
    bool percent = are_probabilities(t, first, classes), *taken = tool_alloc(classes, 1);
    struct json *o = list ? json_item(list) : NULL, *top = o ? json_list_in(o, "top") : NULL;
    char safe[TOOL_TEXT];
    if (o)
        json_text(o, "image", file);
    else
        printf("%s%s%s\n", tool_colour(TOOL_BOLD), tool_escape(file, safe, sizeof safe), tool_colour(TOOL_PLAIN));
    for (uint64_t k = 0; k < run->top && k < classes; k++) {
        uint64_t best = best_of(t, first, classes, taken);
        double score = cvk_tensor_at(t, first + best);
        taken[best] = true;
        const char *label = best < labels->count ? labels->lines[best] : NULL;
        if (o) {
            struct json *entry = json_item(top);
            json_count(entry, "class", best);
            json_text(entry, "label", label);
            json_number(entry, "score", score);
        } else {
            char number[32];
            snprintf(number, sizeof number, percent ? "%6.2f %%" : "%10.5g", percent ? 100 * score : score);
            printf("  %s  %4llu  %s\n", number, (unsigned long long)best, label ? tool_escape(label, safe, sizeof safe) : "");
        }
    }
    free(taken);
}

/* Prepares pictures first..first+items-1; those behind the last repeat it, to fill the batch. */
static int fill_batch(struct run *run, const struct image_rule *rule, uint32_t first, int64_t items, struct cvk_tensor *x)
{
    uint64_t each = (uint64_t)rule->channels * rule->height * rule->width;
    float *data = cvk_tensor_data(x);
    for (int64_t i = 0; i < items; i++) {
        if (i && first + i >= run->images.count) {
            memcpy(data + (uint64_t)i * each, data + (uint64_t)(i - 1) * each, each * sizeof *data);
            continue;
        }
        struct cvk__image image;
        int code = image_read(run->images.items[first + i], &image);
        if (code != TOOL_GO_ON)
            return code;
        image_to_floats(&image, rule, data + (uint64_t)i * each);
        cvk__image_free(&image);
    }
    return TOOL_GO_ON;
}

static int show_batch(struct run *run, uint32_t first, int64_t items, const struct labels *labels, struct json *list)
{
    struct cvk_tensor *y = NULL;
    int code = run_read(run, 0, &y);
    if (code == TOOL_GO_ON) {
        uint64_t classes = class_count(cvk_tensor_get_desc(y), items);
        if (labels->count && classes && labels->count != classes && first == 0)
            tool_warn("%s has %u lines, the output %llu classes", run->labels, labels->count, (unsigned long long)classes);
        for (int64_t i = 0; i < items && first + i < run->images.count && classes; i++)
            show_top(run, run->images.items[first + i], y, (uint64_t)i * classes, classes, labels, list);
        /* Outputs that are no row of scores are described; --output saves them. */
        if (!classes && first + items < run->images.count)
            code = run_finish_outputs(run, true);
    }
    cvk_tensor_destroy(y);
    return code;
}

int run_images(struct run *run)
{
    int32_t input;
    int64_t height = 0, width = 0, items = 0;
    struct labels labels = {0};
    struct image_rule rule;
    struct cvk_tensor *x = NULL;
    int code = run_image_input(run, &input);
    if (code == TOOL_GO_ON && run->size)
        code = parse_size(run->size, &height, &width);
    if (code == TOOL_GO_ON && run->labels)
        code = read_labels(run->labels, &labels);
    if (code == TOOL_GO_ON)
        code = run_session(run, run->setup.batch ? (int64_t)run->setup.batch : 1, input, height, width);
    if (code == TOOL_GO_ON)
        code = run_image_rule(run, input, &rule, &items);
    if (code == TOOL_GO_ON && run->setup.batch && items != (int64_t)run->setup.batch)
        code = tool_fail(TOOL_USAGE, "--batch %llu: the model's batch is fixed at %lld", (unsigned long long)run->setup.batch,
                         (long long)items);
    if (code == TOOL_GO_ON && rule.width * rule.height == 1 && !run->size)
        tool_warn("the model's pictures have one pixel; if it leaves the size open, give --size");
    if (code == TOOL_GO_ON && (run->outputs.count || run->checks.count) && run->images.count > (uint64_t)items)
        code = tool_fail(TOOL_USAGE, "--output and --check want all %u pictures in one run: give --batch %u", run->images.count,
                         run->images.count);
    if (code == TOOL_GO_ON) {
        const struct cvk_tensor_desc *d = cvk_session_input_desc(run->session, (uint32_t)input);
        if (cvk_tensor_create(CVK_F32, d->rank, d->dims, &x) != CVK_OK)
            code = tool_fail_library("");
    }
    struct json *list = run->json && code == TOOL_GO_ON ? json_list_in(run->json, "images") : NULL;
    for (uint32_t first = 0; first < run->images.count && code == TOOL_GO_ON; first += (uint32_t)items) {
        code = fill_batch(run, &rule, first, items, x);
        if (code == TOOL_GO_ON && cvk_session_write(run->session, (uint32_t)input, x) != CVK_OK)
            code = tool_fail_library("");
        if (code == TOOL_GO_ON)
            code = run_write_set(run);
        if (code == TOOL_GO_ON)
            code = run_once(run);
        if (code == TOOL_GO_ON)
            code = show_batch(run, first, items, &labels, list);
    }
    bool classes = code == TOOL_GO_ON && class_count(cvk_session_output_desc(run->session, 0), items) > 0;
    if (code == TOOL_GO_ON)
        code = run_finish_outputs(run, !classes);
    cvk_tensor_destroy(x);
    cvk__free(labels.text);
    free(labels.lines);
    return code;
}

/* ---- labelled sets --------------------------------------------------------------------------------------------------- */

static int check_idx(const struct run *run, const struct cvk__idx *images, const struct cvk__idx *labels)
{
    if (images->rank != 3)
        return tool_fail(TOOL_FAILED, "%s: IDX of rank %u; pictures have rank 3 (count, height, width)", run->idx, images->rank);
    if (images->dims[0] == 0 || images->dims[1] == 0 || images->dims[2] == 0 || images->dims[1] > CVK__IMAGE_MAX_SIDE ||
        images->dims[2] > CVK__IMAGE_MAX_SIDE)
        return tool_fail(TOOL_FAILED, "%s: %u pictures of %ux%u", run->idx, images->dims[0], images->dims[2], images->dims[1]);
    if (run->idx_labels && labels->rank != 1)
        return tool_fail(TOOL_FAILED, "%s: IDX of rank %u; labels have rank 1", run->idx_labels, labels->rank);
    if (run->idx_labels && labels->dims[0] != images->dims[0])
        return tool_fail(TOOL_FAILED, "%u labels for %u pictures: %s and %s do not belong together", labels->dims[0],
                         images->dims[0], run->idx_labels, run->idx);
    return TOOL_GO_ON;
}

static int count_right(struct run *run, const struct cvk__idx *labels, uint32_t first, int64_t items, uint32_t *right)
{
    struct cvk_tensor *y = NULL;
    int code = run_read(run, 0, &y);
    uint64_t classes = code == TOOL_GO_ON ? class_count(cvk_tensor_get_desc(y), items) : 0;
    if (code == TOOL_GO_ON && !classes) {
        char shape[CVK_SHAPE_TEXT];
        code = tool_fail(TOOL_FAILED, "output '%s' is %s: no row of scores for each picture",
                         cvk_session_output_name(run->session, 0), tool_shape(cvk_tensor_get_desc(y), shape));
    }
    for (int64_t i = 0; code == TOOL_GO_ON && i < items && first + i < labels->dims[0]; i++) {
        uint8_t label = labels->data[first + i];
        if (label >= classes)
            code = tool_fail(TOOL_FAILED, "%s: label %lld is %u, but the model has %llu classes", run->idx_labels,
                             (long long)(first + i), label, (unsigned long long)classes);
        else
            *right += best_of(y, (uint64_t)i * classes, classes, NULL) == label;
    }
    cvk_tensor_destroy(y);
    return code;
}

static int run_all(struct run *run, int32_t input, const struct cvk__idx *images, const struct cvk__idx *labels,
                   uint32_t *right)
{
    struct image_rule rule;
    int64_t items;
    int code = run_image_rule(run, input, &rule, &items);
    if (code != TOOL_GO_ON)
        return code;
    const struct cvk_tensor_desc *d = cvk_session_input_desc(run->session, (uint32_t)input);
    uint32_t count = images->dims[0], pixels = images->dims[1] * images->dims[2];
    uint64_t each = (uint64_t)rule.channels * rule.height * rule.width;
    struct cvk_tensor *x = NULL;
    if (cvk_tensor_create(CVK_F32, d->rank, d->dims, &x) != CVK_OK)
        return tool_fail_library("");
    for (uint32_t first = 0; first < count && code == TOOL_GO_ON; first += (uint32_t)items) {
        for (int64_t i = 0; i < items; i++) {
            uint64_t which = first + (uint64_t)i < count ? first + (uint64_t)i : count - 1;
            struct cvk__image image = {
                .width = images->dims[2], .height = images->dims[1], .channels = 1, .pixels = images->data + which * pixels};
            image_to_floats(&image, &rule, (float *)cvk_tensor_data(x) + (uint64_t)i * each);
        }
        if (cvk_session_write(run->session, (uint32_t)input, x) != CVK_OK)
            code = tool_fail_library("");
        if (code == TOOL_GO_ON)
            code = run_write_set(run);
        if (code == TOOL_GO_ON)
            code = run_once(run);
        if (code == TOOL_GO_ON && labels->data)
            code = count_right(run, labels, first, items, right);
        tool_progress("%u of %u pictures", first + (uint32_t)items < count ? first + (uint32_t)items : count, count);
    }
    tool_progress_done();
    cvk_tensor_destroy(x);
    return code;
}

int run_idx(struct run *run)
{
    struct cvk__idx images = {0}, labels = {0};
    int32_t input = -1;
    uint32_t right = 0;
    int code = run_image_input(run, &input);
    if (code == TOOL_GO_ON)
        code = idx_read(run->idx, &images);
    if (code == TOOL_GO_ON && run->idx_labels)
        code = idx_read(run->idx_labels, &labels);
    if (code == TOOL_GO_ON)
        code = check_idx(run, &images, &labels);
    if (code == TOOL_GO_ON)
        code = run_session(run, run->setup.batch ? (int64_t)run->setup.batch : 64, input, 0, 0);
    double begin = tool_now_ms();
    if (code == TOOL_GO_ON)
        code = run_all(run, input, &images, &labels, &right);
    double ms = tool_now_ms() - begin;
    if (code == TOOL_GO_ON) {
        char n[28], r[28];
        double accuracy = (double)right / images.dims[0];
        if (run->json) {
            json_count(run->json, "images", images.dims[0]);
            if (labels.data) {
                json_count(run->json, "right", right);
                json_number(run->json, "accuracy", accuracy);
            }
            json_number(run->json, "images_per_second", images.dims[0] / ms * 1e3);
        } else {
            if (labels.data)
                printf("accuracy %.2f %%: %s of %s right\n", 100 * accuracy, tool_count(right, r), tool_count(images.dims[0], n));
            printf("%s pictures in %.3g s, %.0f a second\n", tool_count(images.dims[0], n), ms / 1e3, images.dims[0] / ms * 1e3);
        }
    }
    cvk__idx_free(&images);
    cvk__idx_free(&labels);
    return code;
}

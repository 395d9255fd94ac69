/* SPDX-License-Identifier: MIT
 * A folder for each class with pictures in it, below train/ and test/ or right in the folder. Opening reads names and one
 * picture; the others are decoded when they are asked for, by whichever thread asks. */
#include "data_impl.h"
#include "image.h"

#include <math.h>

/* The pictures of one class in one part. */
struct list {
    char *path;
    struct cvk__names names;
    uint32_t label;
    uint64_t first; /* number of its first picture in the set */
};

struct folder {
    struct list *lists;
    uint32_t count, capacity;
    uint32_t channels, height, width;
};

static void finish(struct cvk_data *d)
{
    struct folder *f = d->impl;
    for (uint32_t i = 0; f && i < f->count; i++) {
        cvk__free(f->lists[i].path);
        cvk__names_finish(&f->lists[i].names);
    }
    if (f)
        cvk__free(f->lists);
    cvk__free(f);
}

/* ---- samples ---- */

static char *path_of(const struct folder *f, uint64_t i)
{
    uint32_t low = 0, high = f->count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (f->lists[middle].first <= i)
            low = middle;
        else
            high = middle;
    }
    return cvk__path_join(f->lists[low].path, f->lists[low].names.items[i - f->lists[low].first]);
}

static int32_t fit(const struct folder *f, const struct cvk__image *im, uint8_t *out)
{
    uint64_t plane = (uint64_t)f->height * f->width, count = plane * f->channels;
    if (im->width == f->width && im->height == f->height && im->channels == f->channels) {
        for (uint64_t i = 0; i < plane; i++)
            for (uint32_t c = 0; c < f->channels; c++)
                out[c * plane + i] = im->pixels[i * f->channels + c];
        return CVK_OK;
    }
    float *values = cvk__alloc_array(CVK__TAG_DATA, count, sizeof *values);
    if (!values)
        return cvk__fail_memory(count * sizeof *values, "a picture's new size");
    cvk__image_resize(im, f->width, f->height, f->channels, values);
    for (uint64_t i = 0; i < count; i++)
        out[i] = (uint8_t)lrintf(values[i]);
    cvk__free(values);
    return CVK_OK;
}

static int32_t draw(const struct cvk_data *d, uint64_t i, uint8_t *out)
{
    const struct folder *f = d->impl;
    char *path = path_of(f, i);
    struct cvk__image im = {0};
    int32_t status = path ? cvk__image_read(path, &im) : cvk__fail_memory(1, "a file's name");
    if (status == CVK_OK)
        status = fit(f, &im, out);
    cvk__image_free(&im);
    cvk__free(path);
    return status;
}

/* ---- opening ---- */

static bool is_picture(const char *name)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".pbm"};
    size_t n = strlen(name);
    for (uint32_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (n > strlen(ends[i]) && strcasecmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* Adds the pictures of one class; *total counts them. */
static int32_t add_list(struct folder *f, const char *root, const char *class, uint32_t label, uint64_t *total)
{
    if (f->count == f->capacity) {
        uint32_t capacity = f->capacity ? 2 * f->capacity : 16;
        struct list *grown = cvk__realloc(CVK__TAG_DATA, f->lists, capacity * sizeof *grown);
        if (!grown)
            return cvk__fail_memory(capacity * sizeof *grown, "a list of classes");
        f->lists = grown;
        f->capacity = capacity;
    }
    struct list *l = &f->lists[f->count++];
    *l = (struct list){.path = cvk__path_join(root, class), .label = label, .first = *total};
    if (!l->path)
        return cvk__fail_memory(strlen(root), "a folder's name");
    CVK__TRY(cvk__names_list(l->path, CVK__ENTRY_FILES, &l->names));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->names.count; i++)
        if (is_picture(l->names.items[i]))
            l->names.items[kept++] = l->names.items[i];
    l->names.count = kept;
    if (!kept)
        return cvk__fail_file(CVK_E_FORMAT, l->path,
                              "a class without pictures: there is no .png, .jpg, .jpeg, .ppm, .pgm or .pbm in it");
    *total += kept;
    return *total > CVK__DATA_MAX_SAMPLES
               ? cvk__fail_file(CVK_E_LIMIT, l->path, "more than %u pictures", CVK__DATA_MAX_SAMPLES)
               : CVK_OK;
}

static int32_t find_class(const struct cvk__names *classes, const char *name, uint32_t *label)
{
    uint32_t low = 0, high = classes->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = cvk__name_order(classes->items[middle], name);
        if (order == 0) {
            *label = middle;
            return CVK_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return CVK_E_NOT_FOUND;
}

/* All pictures of one part; its folders must be among the classes. */
static int32_t add_part(struct folder *f, const char *root, const struct cvk__names *classes, uint64_t *total)
{
    struct cvk__names here;
    CVK__TRY(cvk__names_list(root, CVK__ENTRY_FOLDERS, &here));
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < here.count && status == CVK_OK; i++) {
        uint32_t label = 0;
        status = find_class(classes, here.items[i], &label);
        if (status != CVK_OK)
            status = cvk__fail_file(CVK_E_FORMAT, root, "class '%s' is not among those to train", CVK__SHOW(here.items[i]));
        else
            status = add_list(f, root, here.items[i], label, total);
    }
    cvk__names_finish(&here);
    return status;
}

static int32_t take_classes(struct cvk_data *d, const char *root, struct cvk__names *classes)
{
    CVK__TRY(cvk__names_list(root, CVK__ENTRY_FOLDERS, classes));
    if (!classes->count)
        return cvk__fail_file(CVK_E_FORMAT, root,
                              "no data set: there are neither folders with pictures, one for each class, nor IDX files "
                              "(train-images-idx3-ubyte, .gz) nor CIFAR files (data_batch_1.bin)");
    if (classes->count > CVK__DATA_MAX_CLASSES)
        return cvk__fail_file(CVK_E_LIMIT, root, "%u classes; the limit is %u", classes->count, CVK__DATA_MAX_CLASSES);
    d->class_names = cvk__alloc_array(CVK__TAG_DATA, classes->count, sizeof *d->class_names);
    if (!d->class_names)
        return cvk__fail_memory(classes->count * sizeof *d->class_names, "the names of classes");
    memcpy(d->class_names, classes->items, classes->count * sizeof *d->class_names);
    d->class_count = classes->count;
    d->names_text = classes->text; /* the set keeps the texts, the caller the sorted list */
    classes->text = NULL;
    return CVK_OK;
}

/* The first picture gives sizes and channels that were not asked for. */
static int32_t settle_size(struct folder *f, uint64_t size, uint64_t channels)
{
    char *path = path_of(f, 0);
    struct cvk__image im = {0};
    int32_t status = path ? cvk__image_read(path, &im) : cvk__fail_memory(1, "a file's name");
    f->width = size ? (uint32_t)size : im.width;
    f->height = size ? (uint32_t)size : im.height;
    f->channels = channels ? (uint32_t)channels : im.channels;
    cvk__image_free(&im);
    cvk__free(path);
    return status;
}

static int32_t open_roots(struct cvk_data *d, struct cvk__opening *o, const char *train, const char *test,
                          struct cvk__names *classes)
{
    const char *path = o->spec->path;
    bool has_train = cvk__folder_exists(train), has_test = cvk__folder_exists(test);
    uint64_t total = 0;
    o->has_parts = has_train && has_test;
    const char *first = has_train ? train : path;
    CVK__TRY(take_classes(d, first, classes));
    if (!(o->has_parts && o->part == CVK__PART_TEST))
        CVK__TRY(add_part(d->impl, first, classes, &total));
    if (o->has_parts && o->part != CVK__PART_TRAIN)
        CVK__TRY(add_part(d->impl, test, classes, &total));
    d->total = total;
    return total ? CVK_OK : cvk__fail_file(CVK_E_FORMAT, path, "there are no pictures in it");
}

static int32_t open_named(struct cvk_data *d, struct cvk__opening *o, uint64_t size, uint64_t channels)
{
    const char *path = o->spec->path;
    char *train = cvk__path_join(path, "train"), *test = cvk__path_join(path, "test");
    struct cvk__names classes = {0};
    int32_t status =
        train && test ? open_roots(d, o, train, test, &classes) : cvk__fail_memory(strlen(path), "a folder's name");
    cvk__names_finish(&classes);
    cvk__free(train);
    cvk__free(test);
    if (status != CVK_OK)
        return status;
    struct folder *f = d->impl;
    CVK__TRY(settle_size(f, size, channels));
    CVK__TRY(cvk__data_set_pictures(d, d->total, f->channels, f->height, f->width));
    CVK__TRY(cvk__data_set_labels(d));
    for (uint32_t i = 0; i < f->count; i++)
        for (uint32_t k = 0; k < f->lists[i].names.count; k++)
            d->labels[f->lists[i].first + k] = f->lists[i].label;
    const char *end = path + strlen(path), *begin;
    while (end > path && end[-1] == '/')
        end--;
    for (begin = end; begin > path && begin[-1] != '/'; begin--)
        continue;
    d->name_text = cvk__alloc(CVK__TAG_DATA, (uint64_t)(end - begin) + 1);
    if (!d->name_text)
        return cvk__fail_memory(strlen(path), "a data set's name");
    memcpy(d->name_text, begin, (size_t)(end - begin));
    d->name = d->name_text;
    return CVK_OK;
}

int32_t cvk__open_folder(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.draw = draw, .finish = finish};
    uint64_t size = 0, channels = 0, cache = CVK__DATA_CACHE_BYTES;
    const struct cvk__option options[] = {{"size", CVK__OPTION_U64, &size, 1, 8192},
                                          {"channels", CVK__OPTION_U64, &channels, 1, 3},
                                          {"cache", CVK__OPTION_U64, &cache, 0, UINT64_MAX},
                                          CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    if (channels == 2)
        return cvk__fail(CVK_E_ARG, "data '%s': channels=2; pictures have 1 (grey) or 3", CVK__SHOW(o->spec->path));
    d->impl = cvk__alloc(CVK__TAG_DATA, sizeof(struct folder));
    if (!d->impl)
        return cvk__fail_memory(sizeof(struct folder), "a data set");
    d->source = &source;
    CVK__TRY(open_named(d, o, size, channels));
    return cvk__data_keep_decoded(d, cache);
}

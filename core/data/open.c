/* SPDX-License-Identifier: MIT
 * Opening a data set: which kind a text means, the part of it that is wanted, and what openers share. */
#include "data_impl.h"

#include "convoke/rng.h"

enum { STREAM_SPLIT = 1 };

static const struct {
    const char *name;
    int32_t (*open)(struct cvk_data *d, struct cvk__opening *o);
} generators[] = {{"shapes", cvk__open_shapes},
                  {"lines", cvk__open_lines},
                  {"digits", cvk__open_digits},
                  {"segments", cvk__open_segments},
                  {"curve", cvk__open_curve}};
#define GENERATORS (sizeof generators / sizeof generators[0])

/* ---- what openers use ---- */

int32_t cvk__data_set_pictures(struct cvk_data *d, uint64_t total, uint32_t channels, uint32_t height, uint32_t width)
{
    const int64_t dims[3] = {channels, height, width};
    if (total > CVK__DATA_MAX_SAMPLES)
        return cvk__fail(CVK_E_LIMIT, "%llu samples; the limit is %u", (unsigned long long)total, CVK__DATA_MAX_SAMPLES);
    d->total = total;
    d->sample_bytes = (uint64_t)channels * height * width;
    return cvk_tensor_desc_init(&d->x, CVK_F32, CVK_LAYOUT_PLAIN, 3, dims);
}

int32_t cvk__data_set_labels(struct cvk_data *d)
{
    d->labels = cvk__alloc_array(CVK__TAG_DATA, d->total, sizeof *d->labels);
    if (!d->labels)
        return cvk__fail_memory(d->total * sizeof *d->labels, "the classes of a data set");
    return cvk_tensor_desc_init(&d->target, CVK_I64, CVK_LAYOUT_PLAIN, 0, NULL);
}

int32_t cvk__data_set_names(struct cvk_data *d, uint32_t count, const char *const *names)
{
    enum { DIGITS = 8 };
    if (count > CVK__DATA_MAX_CLASSES)
        return cvk__fail(CVK_E_LIMIT, "%u classes; the limit is %u", count, CVK__DATA_MAX_CLASSES);
    d->class_count = count;
    d->class_names = cvk__alloc_array(CVK__TAG_DATA, count, sizeof *d->class_names);
    d->names_text = names ? NULL : cvk__alloc_array(CVK__TAG_DATA, count, DIGITS);
    if (!d->class_names || (!names && !d->names_text))
        return cvk__fail_memory((uint64_t)count * DIGITS, "the names of classes");
    for (uint32_t i = 0; i < count; i++) {
        if (!names)
            snprintf(d->names_text + (size_t)i * DIGITS, DIGITS, "%u", i);
        d->class_names[i] = names ? names[i] : d->names_text + (size_t)i * DIGITS;
    }
    return CVK_OK;
}

int32_t cvk__data_take_names(struct cvk_data *d, char *text)
{
    uint32_t lines = 1;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    cvk__free(d->names_text);
    cvk__free(d->class_names);
    d->names_text = text;
    d->class_names = cvk__alloc_array(CVK__TAG_DATA, lines, sizeof *d->class_names);
    d->class_count = 0;
    if (!d->class_names)
        return cvk__fail_memory(lines * sizeof *d->class_names, "the names of classes");
    for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        size_t n = strlen(line);
        if (n && line[n - 1] == '\r')
            line[n - 1] = 0;
        if (*line)
            d->class_names[d->class_count++] = line;
    }
    return d->class_count > CVK__DATA_MAX_CLASSES
               ? cvk__fail(CVK_E_LIMIT, "%u names of classes; the limit is %u", d->class_count, CVK__DATA_MAX_CLASSES)
               : CVK_OK;
}

int32_t cvk__data_keep_decoded(struct cvk_data *d, uint64_t limit)
{
    d->cache_limit = limit;
    d->cache = cvk__alloc_array(CVK__TAG_DATA, d->total, sizeof *d->cache);
    return d->cache ? CVK_OK : cvk__fail_memory(d->total * sizeof *d->cache, "the places of decoded pictures");
}

/* ---- parts ---- */

/* Draws which samples are for tests; each part then has its samples in the order of the set. */
static int32_t split(struct cvk_data *d, const struct cvk__opening *o)
{
    uint64_t tests = (uint64_t)((double)d->total * o->test_share + 0.5);
    bool wanted = o->part == CVK__PART_TEST;
    d->count = wanted ? tests : d->total - tests;
    if (d->count == 0)
        return cvk__fail(CVK_E_ARG,
                         "of %llu samples none are left for this part: %llu go to test; say test=... for another share",
                         (unsigned long long)d->total, (unsigned long long)tests);
    uint32_t *order = cvk__alloc_array(CVK__TAG_DATA, d->total, sizeof *order);
    uint8_t *is_test = cvk__alloc(CVK__TAG_DATA, d->total);
    d->index = cvk__alloc_array(CVK__TAG_DATA, d->count, sizeof *d->index);
    int32_t status = CVK_OK;
    if (!order || !is_test || !d->index)
        status = cvk__fail_memory(d->total * 2 * sizeof *order, "splitting a data set");
    else {
        cvk__shuffle(cvk_rng_bits(o->split_seed, STREAM_SPLIT, 0), order, d->total);
        for (uint64_t i = 0; i < tests; i++)
            is_test[order[i]] = 1;
        uint64_t n = 0;
        for (uint64_t i = 0; i < d->total; i++)
            if (is_test[i] == wanted)
                d->index[n++] = (uint32_t)i;
    }
    cvk__free(order);
    cvk__free(is_test);
    return status;
}

/* ---- which kind ---- */

static int32_t fail_absent(const char *path)
{
    uint32_t best = 0, distance = UINT32_MAX;
    for (uint32_t i = 0; i < GENERATORS; i++) {
        uint32_t n = cvk__text_distance(path, generators[i].name);
        if (n < distance) {
            distance = n;
            best = i;
        }
    }
    cvk__fail(CVK_E_NOT_FOUND, "data '%s': there is no such file or folder, and no generated set of that name; those are ",
              CVK__SHOW(path));
    for (uint32_t i = 0; i < GENERATORS; i++)
        cvk__fail_more("%s%s", i ? ", " : "", generators[i].name);
    if (distance <= 2)
        cvk__fail_more("; is %s meant?", generators[best].name);
    return CVK_E_NOT_FOUND;
}

static int32_t open_kind(struct cvk_data *d, struct cvk__opening *o)
{
    const char *path = o->spec->path;
    size_t n = strlen(path);
    for (uint32_t i = 0; i < GENERATORS; i++)
        if (strcmp(path, generators[i].name) == 0)
            return generators[i].open(d, o);
    if (strstr(path, ".npy,") || (n > 4 && strcmp(path + n - 4, ".npy") == 0))
        return cvk__open_npy(d, o);
    if (!cvk__file_exists(path) && !cvk__folder_exists(path))
        return fail_absent(path);
    if (cvk__is_idx(path))
        return cvk__open_idx(d, o);
    if (cvk__is_cifar(path))
        return cvk__open_cifar(d, o);
    if (cvk__folder_exists(path))
        return cvk__open_folder(d, o);
    return cvk__fail_file(CVK_E_FORMAT, path,
                          "no data set: a file is IDX (NAME-images-idx3-ubyte, .gz), CIFAR (NAME.bin) or X.npy,TARGETS.npy");
}

static int32_t open_part(struct cvk_data *d, struct cvk__opening *o)
{
    CVK__TRY(open_kind(d, o));
    if (d->total == 0)
        return cvk__fail(CVK_E_FORMAT, "data '%s': there are no samples in it", CVK__SHOW(o->spec->path));
    for (uint64_t i = 0; d->labels && i < d->total; i++)
        if (d->labels[i] >= d->class_count)
            return cvk__fail(CVK_E_FORMAT, "data '%s': sample %llu is of class %u, but there are %u classes",
                             CVK__SHOW(o->spec->path), (unsigned long long)i, d->labels[i], d->class_count);
    if (o->has_parts && (cvk__data_spec_has(o->spec, "test") || cvk__data_spec_has(o->spec, "split_seed")))
        return cvk__fail(CVK_E_ARG,
                         "data '%s': it has parts for training and for testing, so test= and split_seed= mean nothing",
                         CVK__SHOW(o->spec->path));
    d->count = d->total;
    return o->part == CVK__PART_ALL || o->has_parts ? CVK_OK : split(d, o);
}

int32_t cvk_data_open(const char *spec, const char *part, struct cvk_data **out)
{
    static const char *const parts[] = {"all", "train", "test"};
    if (out)
        *out = NULL;
    if (!spec || !part || !out)
        return cvk__fail(CVK_E_ARG, "cvk_data_open: spec, part or out is NULL");
    struct cvk__data_spec text;
    struct cvk__opening o = {.spec = &text, .test_share = 0.1};
    while (o.part < 3 && strcmp(part, parts[o.part]) != 0)
        o.part++;
    if (o.part == 3)
        return cvk__fail(CVK_E_ARG, "cvk_data_open: part '%s'; there are train, test and all", CVK__SHOW(part));
    int32_t status = cvk__data_spec_parse(spec, &text);
    struct cvk_data *d = NULL;
    if (status == CVK_OK) {
        d = cvk__alloc(CVK__TAG_DATA, sizeof *d);
        status = d ? open_part(d, &o) : cvk__fail_memory(sizeof *d, "a data set");
    }
    cvk__data_spec_finish(&text);
    if (status != CVK_OK) {
        cvk_data_close(d);
        return status;
    }
    *out = d;
    return CVK_OK;
}

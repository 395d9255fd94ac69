/* SPDX-License-Identifier: MIT
 * CIFAR-10 and CIFAR-100 in their binary form: records of one label (CIFAR-100: coarse, then fine) and 3x32x32 pixels.
 * Source: "The CIFAR-10 dataset", www.cs.toronto.edu/~kriz/cifar.html, section "Binary version". */
#include "data_impl.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE };
#define FILE_MAX_BYTES (1ull << 30)
#define NAMES_MAX_BYTES (1u << 20)

static const char *const names10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

struct cifar {
    const char *folder; /* where the names may be; "" is the working folder */
    bool fine, is_100;
    uint32_t head; /* bytes of labels in a record */
};

static int32_t exists_in(const char *folder, const char *name, bool *out)
{
    char *path = cvk__path_join(folder, name);
    if (!path)
        return cvk__fail_memory(strlen(folder), "a file's name");
    *out = cvk__file_exists(path);
    cvk__free(path);
    return CVK_OK;
}

bool cvk__is_cifar(const char *path)
{
    static const char *const names[] = {"data_batch_1.bin", "test_batch.bin", "train.bin", "test.bin"};
    size_t n = strlen(path);
    bool found = n > 4 && strcmp(path + n - 4, ".bin") == 0 && cvk__file_exists(path);
    for (uint32_t i = 0; i < 4 && !found; i++)
        if (exists_in(path, names[i], &found) != CVK_OK)
            return false;
    return found;
}

/* Two sizes of records may both divide a small file: then labels of CIFAR-10 are all below 10. */
static int32_t find_head(const char *path, const uint8_t *data, uint64_t bytes, struct cifar *c)
{
    bool ten = bytes % (PIXELS + 1) == 0, hundred = bytes % (PIXELS + 2) == 0;
    for (uint64_t at = 0; ten && hundred && at < bytes; at += PIXELS + 1)
        ten = data[at] < 10;
    if (!ten && !hundred)
        return cvk__fail_file(CVK_E_FORMAT, path,
                              "%llu bytes are no whole number of records of CIFAR-10 (%d bytes) or CIFAR-100 "
                              "(%d): cut short, or something else",
                              (unsigned long long)bytes, PIXELS + 1, PIXELS + 2);
    c->head = ten ? 1 : 2;
    c->is_100 = !ten;
    return CVK_OK;
}

/* Puts the file's records behind those that are there. */
static int32_t add_file(struct cvk_data *d, const char *path, struct cifar *c)
{
    uint64_t bytes;
    if (d->block_count == CVK__DATA_BLOCKS)
        return cvk__fail_file(CVK_E_LIMIT, path, "more than %d files", CVK__DATA_BLOCKS);
    struct cvk__block *b = &d->blocks[d->block_count];
    CVK__TRY(cvk__file_read(path, FILE_MAX_BYTES, &b->memory, &bytes));
    d->block_count++; /* owns the memory from here */
    if (!c->head)
        CVK__TRY(find_head(path, b->memory, bytes, c));
    b->stride = PIXELS + c->head;
    b->first = b->memory + c->head;
    b->count = bytes / b->stride;
    if (bytes % b->stride || !b->count)
        return cvk__fail_file(CVK_E_FORMAT, path, "%llu bytes are no whole number of records of %llu bytes",
                              (unsigned long long)bytes, (unsigned long long)b->stride);
    uint32_t classes = !c->is_100 ? 10 : c->fine ? 100 : 20;
    for (uint64_t i = 0; i < b->count; i++) {
        uint32_t label = b->memory[i * b->stride + (c->is_100 && c->fine ? 1 : 0)];
        if (label >= classes)
            return cvk__fail_file(CVK_E_FORMAT, path, "record %llu (byte %llu) has class %u; there are %u",
                                  (unsigned long long)i, (unsigned long long)(i * b->stride), label, classes);
    }
    return CVK_OK;
}

static int32_t add_in(struct cvk_data *d, const char *name, struct cifar *c)
{
    char *path = cvk__path_join(c->folder, name);
    int32_t status = path ? add_file(d, path, c) : cvk__fail_memory(strlen(c->folder), "a file's name");
    cvk__free(path);
    return status;
}

static int32_t add_folder(struct cvk_data *d, struct cvk__opening *o, struct cifar *c)
{
    bool train = false, test = false, there = true;
    char name[32];
    CVK__TRY(exists_in(c->folder, "train.bin", &c->is_100));
    if (!c->is_100)
        CVK__TRY(exists_in(c->folder, "test.bin", &c->is_100));
    c->head = c->is_100 ? 2 : 1;
    CVK__TRY(exists_in(c->folder, c->is_100 ? "train.bin" : "data_batch_1.bin", &train));
    CVK__TRY(exists_in(c->folder, c->is_100 ? "test.bin" : "test_batch.bin", &test));
    o->has_parts = train && test;
    if (train && !(o->has_parts && o->part == CVK__PART_TEST)) {
        if (c->is_100)
            CVK__TRY(add_in(d, "train.bin", c));
        for (uint32_t i = 1; !c->is_100 && there; i++) {
            snprintf(name, sizeof name, "data_batch_%u.bin", i);
            CVK__TRY(exists_in(c->folder, name, &there));
            if (there)
                CVK__TRY(add_in(d, name, c));
        }
    }
    if (test && !(o->has_parts && o->part == CVK__PART_TRAIN))
        CVK__TRY(add_in(d, c->is_100 ? "test.bin" : "test_batch.bin", c));
    return CVK_OK;
}

static int32_t name_classes(struct cvk_data *d, const struct cifar *c)
{
    const char *name = !c->is_100 ? "batches.meta.txt" : c->fine ? "fine_label_names.txt" : "coarse_label_names.txt";
    uint32_t classes = !c->is_100 ? 10 : c->fine ? 100 : 20;
    char *path = cvk__path_join(c->folder, name);
    if (!path)
        return cvk__fail_memory(strlen(c->folder), "a file's name");
    uint8_t *text = NULL;
    uint64_t bytes;
    int32_t status = cvk__file_exists(path) ? cvk__file_read(path, NAMES_MAX_BYTES, &text, &bytes) : CVK_OK;
    if (status == CVK_OK && text)
        status = cvk__data_take_names(d, (char *)text);
    if (status == CVK_OK && text && d->class_count != classes)
        status = cvk__fail_file(CVK_E_FORMAT, path, "%u names of classes; there are %u", d->class_count, classes);
    if (status == CVK_OK && !text)
        status = cvk__data_set_names(d, classes, c->is_100 ? NULL : names10);
    cvk__free(path);
    return status;
}

static int32_t open_all(struct cvk_data *d, struct cvk__opening *o, struct cifar *c)
{
    uint64_t total = 0, done = 0;
    if (cvk__folder_exists(o->spec->path))
        CVK__TRY(add_folder(d, o, c));
    else
        CVK__TRY(add_file(d, o->spec->path, c));
    d->name = c->is_100 ? "CIFAR-100" : "CIFAR-10";
    CVK__TRY(name_classes(d, c));
    for (uint32_t i = 0; i < d->block_count; i++)
        total += d->blocks[i].count;
    CVK__TRY(cvk__data_set_pictures(d, total, 3, SIDE, SIDE));
    CVK__TRY(cvk__data_set_labels(d));
    for (uint32_t i = 0; i < d->block_count; i++)
        for (uint64_t k = 0; k < d->blocks[i].count; k++)
            d->labels[done++] = d->blocks[i].memory[k * d->blocks[i].stride + (c->is_100 && c->fine ? 1 : 0)];
    return CVK_OK;
}

int32_t cvk__open_cifar(struct cvk_data *d, struct cvk__opening *o)
{
    const char *labels = "fine";
    const struct cvk__option options[] = {{"labels", CVK__OPTION_WORD, &labels, 0, 0}, CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    struct cifar c = {.fine = strcmp(labels, "fine") == 0};
    if (!c.fine && strcmp(labels, "coarse") != 0)
        return cvk__fail(CVK_E_ARG, "data '%s': labels=%s; there are fine and coarse", CVK__SHOW(o->spec->path),
                         CVK__SHOW(labels));
    char *folder = cvk__strdup(CVK__TAG_DATA, o->spec->path);
    if (!folder)
        return cvk__fail_memory(strlen(o->spec->path), "a folder's name");
    if (!cvk__folder_exists(folder)) {
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = 0;
        else
            snprintf(folder, strlen(folder) + 1, ".");
    }
    c.folder = folder;
    int32_t status = open_all(d, o, &c);
    cvk__free(folder);
    return status;
}

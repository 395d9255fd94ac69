/* SPDX-License-Identifier: MIT
 * Data sets of IDX files: pairs of pictures and labels, for training (train-...) and for tests (t10k-...), and the writer of
 * such pairs. What the classes are called is in no IDX file: it is known by a file classes.txt beside them, by the checksums
 * that are published with Fashion-MNIST, by the folder's name, or by the option classes=. */
#include "idx.h"

#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "data_impl.h"
#include "image.h"

#define NAMES_MAX_BYTES (1u << 20)
#define NAMES_FILE "classes.txt"

static const char *const fashion_names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
/* Source: README of github.com/zalandoresearch/fashion-mnist, "Get the Data". */
static const struct {
    const char *images, *labels;
} fashion_md5[] = {{"8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe"},
                   {"bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"}};

/* One pair of files. */
struct pair {
    char *images, *labels; /* paths */
    struct cvk__idx pixels, classes;
    bool wanted;
};

static void finish_pair(struct pair *p)
{
    cvk__idx_free(&p->pixels);
    cvk__idx_free(&p->classes);
    cvk__free(p->images);
    cvk__free(p->labels);
}

/* The name with .gz or without, whichever is there; *path stays NULL if neither is. */
static int32_t find_packed(const char *folder, const char *name, char **path)
{
    static const char *const ends[] = {"", ".gz"};
    for (uint32_t i = 0; i < 2; i++) {
        struct cvk__text text = {0};
        cvk__text_add(&text, "%s%s%s%s", folder, *folder ? "/" : "", name, ends[i]);
        if (text.failed) {
            cvk__text_finish(&text);
            return cvk__fail_memory(strlen(folder), "a file's name");
        }
        if (cvk__file_exists(text.data)) {
            *path = text.data;
            return CVK_OK;
        }
        cvk__text_finish(&text);
    }
    return CVK_OK;
}

static int32_t find_images(const char *folder, const char *prefix, char **path)
{
    static const char *const ends[] = {"images-idx3-ubyte", "images.idx3-ubyte", "images-idx4-ubyte"};
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < 3 && status == CVK_OK && !*path; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%s", prefix, ends[i]);
        status = find_packed(folder, name, path);
    }
    return status;
}

/* ".../x-images-idx3-ubyte.gz" has its labels in ".../x-labels-idx1-ubyte", with .gz or without. */
static int32_t find_labels(struct pair *p)
{
    const char *slash = strrchr(p->images, '/'), *base = slash ? slash + 1 : p->images, *word = NULL;
    for (const char *at = strstr(base, "images"); at; at = strstr(at + 1, "images"))
        word = at;
    char *name = cvk__strdup(CVK__TAG_DATA, p->images);
    if (!name)
        return cvk__fail_memory(strlen(p->images), "a file's name");
    int32_t status = CVK_OK;
    if (word) {
        char *in_copy = name + (word - p->images), *digit = strstr(in_copy, "idx");
        memcpy(in_copy, "labels", 6);
        if (digit && (digit[3] == '3' || digit[3] == '4'))
            digit[3] = '1';
        size_t n = strlen(name);
        if (n > 3 && strcmp(name + n - 3, ".gz") == 0)
            name[n - 3] = 0;
        status = find_packed("", name, &p->labels);
    }
    if (status == CVK_OK && !p->labels)
        status =
            word ? cvk__fail_file(CVK_E_NOT_FOUND, p->images, "its labels are missing: there is no '%s'", CVK__SHOW(name))
                 : cvk__fail_file(CVK_E_FORMAT, p->images,
                                  "where its labels are cannot be told: its name should be NAME-images-idx3-ubyte and theirs "
                                  "NAME-labels-idx1-ubyte");
    cvk__free(name);
    return status;
}

bool cvk__is_idx(const char *path)
{
    if (cvk__folder_exists(path)) {
        char *train = NULL, *test = NULL;
        bool found =
            find_images(path, "train", &train) == CVK_OK && find_images(path, "t10k", &test) == CVK_OK && (train || test);
        cvk__free(train);
        cvk__free(test);
        return found;
    }
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    if (strstr(base, "idx"))
        return true;
    uint8_t head[4] = {0};
    return cvk__idx_known(head, cvk__file_peek(path, head, sizeof head), base);
}

/* ---- names ---- */

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (; *text; text++)
        if (strncasecmp(text, word, n) == 0)
            return true;
    return false;
}

static void show_md5(const uint8_t md5[CVK__MD5_BYTES], char out[2 * CVK__MD5_BYTES + 1])
{
    for (uint32_t i = 0; i < CVK__MD5_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", md5[i]);
}

/* Whether the labels are those of Fashion-MNIST; then packed pictures must be its pictures. */
static int32_t check_fashion(const struct pair *p, bool *fashion)
{
    char md5[2 * CVK__MD5_BYTES + 1];
    show_md5(p->classes.md5, md5);
    for (uint32_t i = 0; i < 2; i++) {
        if (strcmp(md5, fashion_md5[i].labels) != 0)
            continue;
        *fashion = true;
        size_t n = strlen(p->images);
        show_md5(p->pixels.md5, md5);
        if (p->pixels.data && n > 3 && strcmp(p->images + n - 3, ".gz") == 0 && strcmp(md5, fashion_md5[i].images) != 0)
            return cvk__fail_file(CVK_E_FORMAT, p->images,
                                  "the labels beside it are Fashion-MNIST's, but its MD5 is %s, not %s", md5,
                                  fashion_md5[i].images);
    }
    return CVK_OK;
}

/* classes.txt beside the pictures; leaves the set as it is if there is none. */
static int32_t read_names(struct cvk_data *d, const char *images)
{
    const char *slash = strrchr(images, '/');
    struct cvk__text path = {0};
    cvk__text_add(&path, "%.*s%s", slash ? (int)(slash + 1 - images) : 0, images, NAMES_FILE);
    uint8_t *text = NULL;
    uint64_t bytes;
    int32_t status = path.failed ? cvk__fail_memory(strlen(images), "a file's name") : CVK_OK;
    if (status == CVK_OK && cvk__file_exists(path.data))
        status = cvk__file_read(path.data, NAMES_MAX_BYTES, &text, &bytes);
    if (status == CVK_OK && text)
        status = cvk__data_take_names(d, (char *)text);
    cvk__text_finish(&path);
    return status;
}

static int32_t name_classes(struct cvk_data *d, const char *path, const struct pair *pairs, uint32_t count, const char *wanted)
{
    uint32_t most = 0;
    bool fashion = false;
    for (uint32_t i = 0; i < count; i++) {
        CVK__TRY(check_fashion(&pairs[i], &fashion));
        for (uint32_t k = 0; k < pairs[i].classes.dims[0]; k++)
            most = pairs[i].classes.data[k] > most ? pairs[i].classes.data[k] : most;
    }
    d->name = fashion || has_word(path, "fashion") ? "Fashion-MNIST" : has_word(path, "mnist") ? "MNIST" : "IDX";
    if (wanted && strcmp(wanted, "fashion") != 0 && strcmp(wanted, "numbers") != 0)
        return cvk__fail(CVK_E_ARG, "data '%s': classes=%s; there are fashion and numbers", CVK__SHOW(path),
                         CVK__SHOW(wanted));
    if (wanted)
        fashion = wanted[0] == 'f';
    else
        CVK__TRY(read_names(d, pairs[0].images));
    if (d->class_names)
        return CVK_OK;
    if (!wanted)
        fashion = fashion || has_word(path, "fashion");
    return fashion ? cvk__data_set_names(d, 10, fashion_names) : cvk__data_set_names(d, most + 1, NULL);
}

/* ---- opening ---- */

static int32_t check_pair(const struct pair *p)
{
    const uint32_t *n = p->pixels.dims, *first = n + p->pixels.rank - 2;
    if (p->pixels.rank != 3 && p->pixels.rank != 4)
        return cvk__fail_file(CVK_E_FORMAT, p->images,
                              "IDX of rank %u; pictures have rank 3 (count, height, width) or 4 (count, "
                              "channels, height, width)",
                              p->pixels.rank);
    if (p->pixels.rank == 4 && (n[1] == 0 || n[1] > 256))
        return cvk__fail_file(CVK_E_LIMIT, p->images, "pictures of %u channels; 1 to 256 are possible", n[1]);
    CVK__TRY(cvk__image_check_size(p->images, first[1], first[0]));
    if (p->classes.dims[0] != n[0])
        return cvk__fail_file(CVK_E_FORMAT, p->labels, "%u labels for %u pictures", p->classes.dims[0], n[0]);
    return CVK_OK;
}

static int32_t read_pair(struct pair *p)
{
    CVK__TRY(find_labels(p));
    CVK__TRY(cvk__idx_read(p->labels, true, &p->classes));
    if (p->classes.rank != 1)
        return cvk__fail_file(CVK_E_FORMAT, p->labels, "IDX of rank %u; labels have rank 1", p->classes.rank);
    if (!p->wanted)
        return CVK_OK;
    CVK__TRY(cvk__idx_read(p->images, true, &p->pixels));
    return check_pair(p);
}

/* Hands the pixels of the wanted pairs to the set. */
static int32_t take_pairs(struct cvk_data *d, struct pair *pairs, uint32_t count)
{
    uint64_t total = 0, done = 0;
    const struct pair *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct cvk__idx *x = &pairs[i].pixels;
        if (!pairs[i].wanted)
            continue;
        total += x->dims[0];
        if (first &&
            (x->rank != first->pixels.rank || memcmp(x->dims + 1, first->pixels.dims + 1, (x->rank - 1) * sizeof *x->dims)))
            return cvk__fail_file(CVK_E_FORMAT, pairs[i].images, "its pictures have other sizes than those of '%s'",
                                  CVK__SHOW(first->images));
        first = first ? first : &pairs[i];
    }
    const uint32_t *n = first->pixels.dims, *size = n + first->pixels.rank - 2;
    CVK__TRY(cvk__data_set_pictures(d, total, first->pixels.rank == 4 ? n[1] : 1, size[0], size[1]));
    CVK__TRY(cvk__data_set_labels(d));
    for (uint32_t i = 0; i < count; i++) {
        struct cvk__idx *x = &pairs[i].pixels;
        if (!pairs[i].wanted)
            continue;
        d->blocks[d->block_count++] = (struct cvk__block){x->memory, x->data, d->sample_bytes, x->dims[0]};
        for (uint32_t k = 0; k < x->dims[0]; k++)
            d->labels[done++] = pairs[i].classes.data[k];
        *x = (struct cvk__idx){0};
    }
    return CVK_OK;
}

static int32_t open_pairs(struct cvk_data *d, struct cvk__opening *o, struct pair pairs[2], const char *classes)
{
    const char *path = o->spec->path;
    uint32_t count = 0;
    if (cvk__folder_exists(path)) {
        CVK__TRY(find_images(path, "train", &pairs[0].images));
        count = pairs[0].images ? 1 : 0;
        CVK__TRY(find_images(path, "t10k", &pairs[count].images));
        count += pairs[count].images ? 1 : 0;
    } else {
        pairs[count++].images = cvk__strdup(CVK__TAG_DATA, path);
        if (!pairs[0].images)
            return cvk__fail_memory(strlen(path), "a file's name");
    }
    o->has_parts = count == 2;
    for (uint32_t i = 0; i < count; i++) {
        pairs[i].wanted = !o->has_parts || o->part == CVK__PART_ALL || (o->part == CVK__PART_TEST) == (i == 1);
        CVK__TRY(read_pair(&pairs[i]));
    }
    CVK__TRY(name_classes(d, path, pairs, count, classes));
    return take_pairs(d, pairs, count);
}

int32_t cvk__open_idx(struct cvk_data *d, struct cvk__opening *o)
{
    const char *classes = NULL;
    const struct cvk__option options[] = {{"classes", CVK__OPTION_WORD, &classes, 0, 0}, CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    struct pair pairs[2] = {0};
    int32_t status = open_pairs(d, o, pairs, classes);
    finish_pair(&pairs[0]);
    finish_pair(&pairs[1]);
    return status;
}

/* ---- writing ---- */

static int32_t write_files(const struct cvk_data *d, const char *folder, const char *prefix, uint8_t *pixels, uint8_t *labels)
{
    const bool colour = d->x.dims[0] > 1;
    uint32_t dims[4] = {(uint32_t)d->count, (uint32_t)d->x.dims[0], (uint32_t)d->x.dims[1], (uint32_t)d->x.dims[2]};
    struct cvk__text path = {0}, names = {0};
    if (!colour) {
        dims[1] = dims[2];
        dims[2] = dims[3];
    }
    cvk__text_add(&path, "%s/%s-images-idx%d-ubyte", folder, prefix, colour ? 4 : 3);
    int32_t status = path.failed ? cvk__fail_memory(strlen(folder), "a file's name")
                                 : cvk__idx_write(path.data, colour ? 4 : 3, dims, pixels);
    path.bytes = 0;
    cvk__text_add(&path, "%s/%s-labels-idx1-ubyte", folder, prefix);
    if (status == CVK_OK)
        status = path.failed ? cvk__fail_memory(strlen(folder), "a file's name") : cvk__idx_write(path.data, 1, dims, labels);
    for (uint32_t i = 0; i < d->class_count; i++)
        cvk__text_add(&names, "%s\n", d->class_names[i]);
    path.bytes = 0;
    cvk__text_add(&path, "%s/%s", folder, NAMES_FILE);
    if (status == CVK_OK)
        status = path.failed || names.failed ? cvk__fail_memory(names.bytes, "the names of classes")
                                             : cvk__file_write(path.data, "", 0, names.data, names.bytes);
    cvk__text_finish(&path);
    cvk__text_finish(&names);
    return status;
}

/* Gathers the samples as bytes; a value between two of them is refused rather than rounded. */
static int32_t gather(const struct cvk_data *d, uint8_t *pixels, uint8_t *labels)
{
    uint64_t each = d->x.bytes / sizeof(float);
    float *x = cvk__alloc_buffer(CVK__TAG_DATA, d->x.bytes);
    int32_t status = x ? CVK_OK : cvk__fail_memory(d->x.bytes, "a sample");
    for (uint64_t i = 0; i < d->count && status == CVK_OK; i++) {
        int64_t class;
        status = cvk_data_read(d, i, x, &class);
        labels[i] = (uint8_t) class;
        for (uint64_t k = 0; k < each && status == CVK_OK; k++) {
            float value = x[k] * 255;
            if (!(value > -0.01f && value < 255.01f && fabsf(value - rintf(value)) < 0.01f))
                status = cvk__fail(CVK_E_UNSUPPORTED, "sample %llu holds %g, which is no pixel (n / 255)",
                                   (unsigned long long)i, (double)x[k]);
            else
                pixels[i * each + k] = (uint8_t)rintf(value);
        }
    }
    cvk__free(x);
    return status;
}

int32_t cvk_data_write_idx(const struct cvk_data *d, const char *folder, const char *part)
{
    if (!d || !folder || !part)
        return cvk__fail(CVK_E_ARG, "cvk_data_write_idx: data, folder or part is NULL");
    const char *prefix = strcmp(part, "train") == 0 ? "train" : strcmp(part, "test") == 0 ? "t10k" : NULL;
    if (!prefix)
        return cvk__fail(CVK_E_ARG, "cvk_data_write_idx: part '%s'; there are train and test", CVK__SHOW(part));
    if (d->x.rank != 3 || d->target.rank != 0 || !d->class_count || d->class_count > 256)
        return cvk__fail(CVK_E_UNSUPPORTED,
                         "data '%s' cannot be written as IDX, which holds pictures CxHxW with one of at most 256 "
                         "classes each",
                         CVK__SHOW(d->name));
    uint64_t bytes;
    if (!cvk__mul_u64(d->count, d->x.bytes / sizeof(float), &bytes) || bytes > CVK__IDX_MAX_BYTES)
        return cvk__fail(CVK_E_LIMIT, "data '%s' has more pixels than the %llu of an IDX file here", CVK__SHOW(d->name),
                         (unsigned long long)CVK__IDX_MAX_BYTES);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return cvk__fail_file(CVK_E_IO, folder, "cannot be made: %s", strerror(errno));
    uint8_t *pixels = cvk__alloc(CVK__TAG_DATA, bytes), *labels = cvk__alloc(CVK__TAG_DATA, d->count);
    int32_t status = pixels && labels ? CVK_OK : cvk__fail_memory(bytes, "the pixels of a data set");
    if (status == CVK_OK)
        status = gather(d, pixels, labels);
    if (status == CVK_OK)
        status = write_files(d, folder, prefix, pixels, labels);
    cvk__free(pixels);
    cvk__free(labels);
    return status;
}

/* SPDX-License-Identifier: MIT
 * Two .npy files, samples and targets. Bytes (u8) are pixels and become value / 255; other numbers stay what they are.
 * Whole-number targets are classes, of samples or, where they have the height and width of the samples, of pixels; others are
 * numbers to predict. */
#include "data_impl.h"

struct pair {
    struct cvk_tensor *x, *target;
};

static void finish(struct cvk_data *d)
{
    struct pair *p = d->impl;
    if (p) {
        cvk_tensor_destroy(p->x);
        cvk_tensor_destroy(p->target);
    }
    cvk__free(p);
}

static void to_floats(const struct cvk_tensor *t, uint64_t first, uint64_t count, float *out)
{
    const void *data = cvk_tensor_data(t);
    uint32_t dtype = cvk_tensor_get_desc(t)->dtype;
    if (dtype == CVK_F32)
        memcpy(out, (const float *)data + first, count * sizeof *out);
    else if (dtype == CVK_U8)
        for (uint64_t k = 0; k < count; k++)
            out[k] = (float)((const uint8_t *)data)[first + k] / 255.0f;
    else
        for (uint64_t k = 0; k < count; k++)
            out[k] = (float)cvk_tensor_at(t, first + k);
}

static int32_t read_sample(const struct cvk_data *d, uint64_t i, float *x, void *target)
{
    const struct pair *p = d->impl;
    uint64_t count = cvk_tensor_desc_count(&d->x), targets = cvk_tensor_desc_count(&d->target);
    if (x)
        to_floats(p->x, i * count, count, x);
    if (target && d->target.dtype == CVK_F32)
        to_floats(p->target, i * targets, targets, target);
    for (uint64_t k = 0; target && d->target.dtype == CVK_I64 && k < targets; k++)
        ((int64_t *)target)[k] = (int64_t)cvk_tensor_at(p->target, i * targets + k);
    return CVK_OK;
}

static bool is_whole(uint32_t dtype)
{
    return dtype != CVK_F32 && dtype != CVK_F64 && dtype != CVK_F16 && dtype != CVK_BF16;
}

/* Classes are counted by the largest one that occurs. */
static int32_t count_classes(struct cvk_data *d, const char *path, const struct cvk_tensor *t)
{
    double most = 0;
    for (uint64_t i = 0; i < cvk_tensor_count(t); i++) {
        double class = cvk_tensor_at(t, i);
        if (class < 0 || class >= CVK__DATA_MAX_CLASSES)
            return cvk__fail_file(CVK_E_FORMAT, path,
                                  "target %llu is class %.0f; classes go from 0 to %u at most (targets that are "
                                  "no classes are saved as floats)",
                                  (unsigned long long)i, class, CVK__DATA_MAX_CLASSES - 1);
        most = class > most ? class : most;
    }
    return cvk__data_set_names(d, (uint32_t)most + 1, NULL);
}

static int32_t describe(struct cvk_data *d, const char *x_path, const char *target_path, const struct pair *p)
{
    const struct cvk_tensor_desc *x = cvk_tensor_get_desc(p->x), *t = cvk_tensor_get_desc(p->target);
    char shape[CVK_SHAPE_TEXT];
    if (x->rank < 2 || cvk_tensor_count(p->x) == 0)
        return cvk__fail_file(CVK_E_SHAPE, x_path,
                              "%s: samples need a first axis that counts them and at least one behind it, none "
                              "of them 0",
                              cvk_shape_text(x->rank, x->dims, shape));
    if (t->rank < 1 || t->dims[0] != x->dims[0] || cvk_tensor_count(p->target) == 0)
        return cvk__fail_file(CVK_E_SHAPE, target_path, "%s: there are %lld samples, so the first axis must be %lld",
                              cvk_shape_text(t->rank, t->dims, shape), (long long)x->dims[0], (long long)x->dims[0]);
    if ((uint64_t)x->dims[0] > CVK__DATA_MAX_SAMPLES)
        return cvk__fail_file(CVK_E_LIMIT, x_path, "%lld samples; the limit is %u", (long long)x->dims[0],
                              CVK__DATA_MAX_SAMPLES);
    d->total = (uint64_t)x->dims[0];
    CVK__TRY(cvk_tensor_desc_init(&d->x, CVK_F32, CVK_LAYOUT_PLAIN, x->rank - 1, x->dims + 1));
    bool per_pixel = x->rank == 4 && t->rank == 3 && t->dims[1] == x->dims[2] && t->dims[2] == x->dims[3];
    if (is_whole(t->dtype) && (t->rank == 1 || per_pixel)) {
        CVK__TRY(cvk_tensor_desc_init(&d->target, CVK_I64, CVK_LAYOUT_PLAIN, t->rank - 1, t->dims + 1));
        return count_classes(d, target_path, p->target);
    }
    /* One number for each sample is [1], as the last layer of a net gives it. */
    static const int64_t one = 1;
    return cvk_tensor_desc_init(&d->target, CVK_F32, CVK_LAYOUT_PLAIN, t->rank > 1 ? t->rank - 1 : 1,
                                t->rank > 1 ? t->dims + 1 : &one);
}

int32_t cvk__open_npy(struct cvk_data *d, struct cvk__opening *o)
{
    static const struct cvk__source source = {.read = read_sample, .finish = finish};
    const struct cvk__option options[] = {CVK__SPLIT_OPTIONS(o)};
    CVK__TRY(cvk__data_options(o->spec, options, sizeof options / sizeof options[0]));
    const char *both = o->spec->path, *comma = strstr(both, ".npy,");
    if (!comma)
        return cvk__fail(CVK_E_ARG, "data '%s': the targets are missing; write X.npy,TARGETS.npy", CVK__SHOW(both));
    struct pair *p = d->impl = cvk__alloc(CVK__TAG_DATA, sizeof *p);
    char *x_path = cvk__strdup(CVK__TAG_DATA, both);
    d->source = &source;
    d->name = "npy";
    int32_t status = p && x_path ? CVK_OK : cvk__fail_memory(strlen(both), "a data set");
    if (status == CVK_OK) {
        char *target_path = x_path + (comma - both) + 5;
        target_path[-1] = 0;
        status = cvk_tensor_read_npy(x_path, 0, &p->x);
        if (status == CVK_OK)
            status = cvk_tensor_read_npy(target_path, 0, &p->target);
        if (status == CVK_OK)
            status = describe(d, x_path, target_path, p);
    }
    cvk__free(x_path);
    return status;
}

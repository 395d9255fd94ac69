/* SPDX-License-Identifier: MIT
 * A data set that is open: its description, its samples, their statistics. Samples that must be decoded or drawn are kept as
 * bytes as long as there is room, the first that come; with samples in random order nothing else would be found more often. */
#include "data_impl.h"

#include <math.h>

void cvk_data_close(struct cvk_data *d)
{
    if (!d)
        return;
    if (d->source && d->source->finish)
        d->source->finish(d);
    for (uint64_t i = 0; d->cache && i < d->total; i++)
        cvk__free(atomic_load_explicit(&d->cache[i], memory_order_relaxed));
    cvk__free(d->cache);
    for (uint32_t i = 0; i < d->block_count; i++)
        cvk__free(d->blocks[i].memory);
    cvk__free(d->labels);
    cvk__free(d->index);
    cvk__free(d->class_names);
    cvk__free(d->names_text);
    cvk__free(d->name_text);
    cvk__free(d);
}

int32_t cvk_data_get_info(const struct cvk_data *d, struct cvk_data_info *out)
{
    if (!d || !out)
        return cvk__fail(CVK_E_ARG, "cvk_data_get_info: data or out is NULL");
    uint32_t room = out->size && out->size < sizeof *out ? out->size : (uint32_t)sizeof *out;
    const struct cvk_data_info info = {.size = room,
                                       .class_count = d->class_count,
                                       .count = d->count,
                                       .x = d->x,
                                       .target = d->target,
                                       .name = d->name,
                                       .class_names = d->class_names};
    memcpy(out, &info, room);
    return CVK_OK;
}

/* Keeps `bytes` as sample i if there is room; returns false if it is still the caller's. */
static bool keep(const struct cvk_data *d, uint64_t i, uint8_t *bytes)
{
    if (!d->cache)
        return false;
    /* Places and their count are the one part of a set that reading changes. */
    atomic_uint_fast64_t *held = (atomic_uint_fast64_t *)&d->cached_bytes;
    if (atomic_fetch_add_explicit(held, d->sample_bytes, memory_order_relaxed) + d->sample_bytes <= d->cache_limit) {
        uint8_t *none = NULL;
        if (atomic_compare_exchange_strong_explicit(&d->cache[i], &none, bytes, memory_order_release, memory_order_relaxed))
            return true;
    }
    atomic_fetch_sub_explicit(held, d->sample_bytes, memory_order_relaxed);
    return false;
}

static void expand(const struct cvk_data *d, const uint8_t *bytes, float *x, void *target)
{
    uint64_t count = d->x.bytes / sizeof *x;
    for (uint64_t k = 0; x && k < count; k++)
        x[k] = (float)bytes[k] / 255.0f;
    int64_t *classes = target;
    for (uint64_t k = 0; classes && d->sample_bytes > count && k < d->sample_bytes - count; k++)
        classes[k] = bytes[count + k];
}

static int32_t read_drawn(const struct cvk_data *d, uint64_t i, float *x, void *target)
{
    const uint8_t *kept = d->cache ? atomic_load_explicit(&d->cache[i], memory_order_acquire) : NULL;
    if (kept) {
        expand(d, kept, x, target);
        return CVK_OK;
    }
    uint8_t *bytes = cvk__alloc(CVK__TAG_DATA, d->sample_bytes);
    if (!bytes)
        return cvk__fail_memory(d->sample_bytes, "a sample");
    int32_t status = d->source->draw(d, i, bytes);
    if (status == CVK_OK)
        expand(d, bytes, x, target);
    if (status != CVK_OK || !keep(d, i, bytes))
        cvk__free(bytes);
    return status;
}

int32_t cvk_data_read(const struct cvk_data *d, uint64_t i, float *x, void *target)
{
    if (!d)
        return cvk__fail(CVK_E_ARG, "cvk_data_read: data is NULL");
    if (i >= d->count)
        return cvk__fail(CVK_E_ARG, "cvk_data_read: sample %llu of %llu", (unsigned long long)i, (unsigned long long)d->count);
    if (d->index)
        i = d->index[i];
    if (d->source && d->source->read)
        return d->source->read(d, i, x, target);
    if (target && d->labels)
        *(int64_t *)target = d->labels[i];
    else if (target && d->source && d->source->numbers)
        d->source->numbers(d, i, target);
    bool in_sample = target && !d->labels && !(d->source && d->source->numbers);
    if (!x && !in_sample)
        return CVK_OK;
    if (!d->block_count)
        return read_drawn(d, i, x, in_sample ? target : NULL);
    const struct cvk__block *b = d->blocks;
    for (; i >= b->count; b++)
        i -= b->count;
    expand(d, b->first + i * b->stride, x, NULL);
    return CVK_OK;
}

int32_t cvk_data_statistics(const struct cvk_data *d, uint64_t limit, float *mean, float *deviation, uint32_t capacity)
{
    if (!d || !mean || !deviation)
        return cvk__fail(CVK_E_ARG, "cvk_data_statistics: data, mean or deviation is NULL");
    uint32_t channels = d->x.rank ? (uint32_t)d->x.dims[0] : 1;
    if (capacity < channels)
        return cvk__fail(CVK_E_ARG, "cvk_data_statistics: room for %u channels; there are %u", capacity, channels);
    uint64_t each = cvk_tensor_desc_count(&d->x) / channels, samples = limit && limit < d->count ? limit : d->count;
    float *x = cvk__alloc_buffer(CVK__TAG_DATA, d->x.bytes);
    double *sums = cvk__alloc_array(CVK__TAG_DATA, 2 * (uint64_t)channels, sizeof *sums);
    int32_t status = x && sums ? CVK_OK : cvk__fail_memory(d->x.bytes, "a data set's statistics");
    for (uint64_t i = 0; i < samples && status == CVK_OK; i++) {
        uint64_t which = samples == d->count ? i : (uint64_t)((double)i * (double)d->count / (double)samples);
        status = cvk_data_read(d, which, x, NULL);
        for (uint32_t c = 0; c < channels && status == CVK_OK; c++)
            for (uint64_t k = 0; k < each; k++) {
                double value = (double)x[c * each + k];
                sums[2 * c] += value;
                sums[2 * c + 1] += value * value;
            }
    }
    for (uint32_t c = 0; c < channels && status == CVK_OK; c++) {
        double n = (double)samples * (double)each, m = sums[2 * c] / n, variance = sums[2 * c + 1] / n - m * m;
        mean[c] = (float)m;
        deviation[c] = (float)sqrt(variance > 0 ? variance : 0);
    }
    cvk__free(x);
    cvk__free(sums);
    return status;
}

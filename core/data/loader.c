/* SPDX-License-Identifier: MIT
 * The loader: threads that prepare batches ahead, into a ring of slots. Batches have numbers; a thread claims the next number,
 * fills the slot that belongs to it and marks it ready, and the caller takes them in their order. What is in a batch follows
 * from its number alone, so the number of threads changes nothing. The slot that the caller has is not filled again before it
 * asks for the next. */
#include "../base/thread.h"
#include "data_impl.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "convoke/rng.h"

#define MAX_THREADS 64
#define MAX_BATCH 0x40000000
#define ERROR_BYTES 1024

enum { STREAM_EPOCH = 2, STREAM_ORDER, STREAM_SAMPLES };

struct slot {
    float *x;
    void *target;
    struct cvk_tensor *tensors[2][2]; /* [0] of a whole batch, [1] of the last one; x and target */
    uint32_t *samples;                /* numbers of its samples */
    uint32_t count;
    uint64_t key; /* random numbers of its samples begin here */
    bool ready;
    int32_t status;
    char error[ERROR_BYTES];
};

struct cvk_loader {
    const struct cvk_data *data;
    struct cvk_loader_params p;
    float *mean, *deviation; /* own copies */
    struct cvk__augment augment;
    bool changes; /* augmentation is on */
    uint64_t batches;
    uint64_t target_bytes; /* of one sample */
    struct slot *slots;
    uint32_t slot_count, started;
    pthread_t threads[MAX_THREADS];
    pid_t process; /* a child made by fork has none of the threads */

    pthread_mutex_t lock;
    pthread_cond_t room, filled;
    bool stop;
    uint64_t claimed, taken, released; /* numbers of batches */
    uint32_t *order;                   /* of the samples in order_epoch; NULL: as they are */
    uint64_t order_epoch;
    bool has_order;
};

/* ---- the threads ---- */

static uint64_t epoch_of(const struct cvk_loader *l, uint64_t number, uint64_t *batch)
{
    *batch = (l->p.skip + number) % l->batches;
    return l->p.epoch + (l->p.skip + number) / l->batches;
}

/* Writes down which samples batch `number` has; under the lock, since the order is there for one epoch at a time. */
static struct slot *claim(struct cvk_loader *l)
{
    struct slot *s = &l->slots[l->claimed % l->slot_count];
    uint64_t batch, epoch = epoch_of(l, l->claimed++, &batch), key = cvk_rng_bits(l->p.seed, STREAM_EPOCH, epoch);
    if (l->order && (!l->has_order || l->order_epoch != epoch)) {
        cvk__shuffle(cvk_rng_bits(key, STREAM_ORDER, 0), l->order, l->data->count);
        l->order_epoch = epoch;
        l->has_order = true;
    }
    uint64_t first = batch * (uint64_t)l->p.batch, rest = l->data->count - first;
    s->count = (uint32_t)(rest < (uint64_t)l->p.batch ? rest : (uint64_t)l->p.batch);
    s->key = cvk_rng_bits(key, STREAM_SAMPLES, 0);
    for (uint32_t k = 0; k < s->count; k++)
        s->samples[k] = l->order ? l->order[first + k] : (uint32_t)(first + k);
    return s;
}

static void normalise(const struct cvk_loader *l, float *x)
{
    uint64_t each = cvk_tensor_desc_count(&l->data->x) / l->p.channels;
    for (uint32_t c = 0; c < l->p.channels; c++, x += each)
        for (uint64_t i = 0; i < each; i++)
            x[i] = (x[i] - l->mean[c]) / l->deviation[c];
}

/* One sample into place k of the slot. `plain` and `classes` are room for one before it is changed. */
static int32_t fill_one(const struct cvk_loader *l, const struct slot *s, uint32_t k, float *plain, int64_t *classes)
{
    float *x = s->x + k * (l->data->x.bytes / sizeof *x);
    char *target = (char *)s->target + k * l->target_bytes;
    bool moves_target = l->changes && l->augment.pixel_classes;
    CVK__TRY(cvk_data_read(l->data, s->samples[k], l->changes ? plain : x, moves_target ? (void *)classes : target));
    if (l->changes)
        cvk__augment(&l->augment, cvk_rng_bits(s->key, 0, s->samples[k]), plain, classes, x, (int64_t *)(void *)target);
    if (l->p.channels)
        normalise(l, x);
    return CVK_OK;
}

static void *work(void *arg)
{
    struct cvk_loader *l = arg;
    float *plain = l->changes ? cvk__alloc_buffer(CVK__TAG_DATA, l->data->x.bytes) : NULL;
    int64_t *classes = l->changes && l->augment.pixel_classes ? cvk__alloc_buffer(CVK__TAG_DATA, l->target_bytes) : NULL;
    bool lacking = (l->changes && !plain) || (l->changes && l->augment.pixel_classes && !classes);
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->claimed >= l->released + l->slot_count)
            pthread_cond_wait(&l->room, &l->lock);
        if (l->stop)
            break;
        struct slot *s = claim(l);
        pthread_mutex_unlock(&l->lock);
        int32_t status = lacking ? cvk__fail_memory(l->data->x.bytes, "a sample") : CVK_OK;
        for (uint32_t k = 0; k < s->count && status == CVK_OK; k++)
            status = fill_one(l, s, k, plain, classes);
        if (status != CVK_OK)
            snprintf(s->error, sizeof s->error, "%s", cvk_error_text()); /* the sentence is this thread's */
        pthread_mutex_lock(&l->lock);
        s->status = status;
        s->ready = true;
        pthread_cond_broadcast(&l->filled);
    }
    pthread_mutex_unlock(&l->lock);
    cvk__free(plain);
    cvk__free(classes);
    return NULL;
}

static int32_t start_threads(struct cvk_loader *l)
{
    while (l->started < l->p.threads && cvk__thread_start(&l->threads[l->started], work, l) == 0)
        l->started++;
    return l->started ? CVK_OK : cvk__fail(CVK_E_MEMORY, "the system gives no thread to prepare batches");
}

/* ---- making one ---- */

static int32_t check_numbers(const struct cvk_data *d, const struct cvk_loader_params *p)
{
    uint64_t batch = p->batch ? (uint64_t)p->batch : 1;
    if (p->batch < 0 || p->batch > MAX_BATCH)
        return cvk__fail(CVK_E_ARG, "a batch of %lld; 1 to %d are possible", (long long)p->batch, MAX_BATCH);
    if (batch > d->count && !p->keep_last)
        return cvk__fail(CVK_E_ARG, "a batch of %llu from %llu samples: none would be full; take a smaller batch or keep_last",
                         (unsigned long long)batch, (unsigned long long)d->count);
    if (p->threads > MAX_THREADS)
        return cvk__fail(CVK_E_ARG, "%u threads; at most %d are possible", p->threads, MAX_THREADS);
    if (!(p->erase >= 0 && p->erase <= 1))
        return cvk__fail(CVK_E_ARG, "erase is %g; a probability is from 0 to 1", (double)p->erase);
    return CVK_OK;
}

static int32_t check_changes(const struct cvk_data *d, const struct cvk_loader_params *p)
{
    bool moves = p->flip || p->shift || p->crop;
    char shape[CVK_SHAPE_TEXT];
    if ((moves || p->erase > 0) && d->x.rank != 3)
        return cvk__fail(CVK_E_ARG, "flip, shift, crop and erase want pictures CxHxW; the samples of '%s' are %s",
                         CVK__SHOW(d->name), cvk_shape_text(d->x.rank, d->x.dims, shape));
    if (moves && d->placed)
        return cvk__fail(CVK_E_ARG, "flip, shift and crop would make the targets of '%s' wrong, since they tell places",
                         CVK__SHOW(d->name));
    if (d->x.rank == 3 &&
        (p->shift >= d->x.dims[2] || p->shift >= d->x.dims[1] || p->crop >= d->x.dims[2] || p->crop >= d->x.dims[1]))
        return cvk__fail(CVK_E_ARG, "shift %u and crop %u must be smaller than the picture, %lldx%lld", p->shift, p->crop,
                         (long long)d->x.dims[1], (long long)d->x.dims[2]);
    if (!p->mean && !p->deviation)
        return CVK_OK;
    if (d->x.rank < 1 || p->channels != d->x.dims[0])
        return cvk__fail(CVK_E_ARG, "mean and deviation of %u channels; the samples are %s", p->channels,
                         cvk_shape_text(d->x.rank, d->x.dims, shape));
    for (uint32_t c = 0; c < p->channels; c++)
        if ((p->mean && !isfinite(p->mean[c])) || (p->deviation && !(p->deviation[c] > 0 && isfinite(p->deviation[c]))))
            return cvk__fail(CVK_E_ARG, "channel %u: mean %g, deviation %g; they must be numbers, the deviation above 0", c,
                             p->mean ? (double)p->mean[c] : 0, p->deviation ? (double)p->deviation[c] : 1);
    return CVK_OK;
}

static int32_t wrap(const struct cvk_tensor_desc *one, int64_t batch, void *data, struct cvk_tensor **out)
{
    struct cvk_tensor_desc d;
    int64_t dims[CVK_MAX_RANK] = {batch};
    memcpy(dims + 1, one->dims, one->rank * sizeof *dims);
    CVK__TRY(cvk_tensor_desc_init(&d, one->dtype, CVK_LAYOUT_PLAIN, one->rank + 1, dims));
    return cvk_tensor_wrap(one->dtype, one->rank + 1, dims, data, d.bytes, out);
}

static int32_t make_slot(const struct cvk_loader *l, struct slot *s)
{
    uint64_t batch = (uint64_t)l->p.batch, x_bytes = UINT64_MAX, target_bytes = UINT64_MAX, last = l->data->count % batch;
    if (cvk__mul_u64(batch, l->data->x.bytes, &x_bytes) && cvk__mul_u64(batch, l->target_bytes, &target_bytes)) {
        s->x = cvk__alloc_buffer(CVK__TAG_DATA, x_bytes);
        s->target = cvk__alloc_buffer(CVK__TAG_DATA, target_bytes);
        s->samples = cvk__alloc_array(CVK__TAG_DATA, batch, sizeof *s->samples);
    }
    if (!s->x || !s->target || !s->samples)
        return cvk__fail_memory(x_bytes, "a batch");
    CVK__TRY(wrap(&l->data->x, l->p.batch, s->x, &s->tensors[0][0]));
    CVK__TRY(wrap(&l->data->target, l->p.batch, s->target, &s->tensors[0][1]));
    if (!l->p.keep_last || !last)
        return CVK_OK;
    CVK__TRY(wrap(&l->data->x, (int64_t)last, s->x, &s->tensors[1][0]));
    return wrap(&l->data->target, (int64_t)last, s->target, &s->tensors[1][1]);
}

static float *copy_numbers(const float *from, uint32_t count, float normal)
{
    float *copy = cvk__alloc_array(CVK__TAG_DATA, count, sizeof *copy);
    for (uint32_t i = 0; copy && i < count; i++)
        copy[i] = from ? from[i] : normal;
    return copy;
}

static int32_t set_up(struct cvk_loader *l)
{
    const struct cvk_data *d = l->data;
    uint64_t batch = (uint64_t)l->p.batch;
    l->batches = l->p.keep_last ? (d->count + batch - 1) / batch : d->count / batch;
    if (l->p.skip > l->batches)
        return cvk__fail(CVK_E_ARG, "%llu batches are to be skipped; an epoch has %llu", (unsigned long long)l->p.skip,
                         (unsigned long long)l->batches);
    l->target_bytes = d->target.bytes;
    l->changes = l->p.flip || l->p.shift || l->p.crop || l->p.erase > 0;
    if (l->changes)
        l->augment = (struct cvk__augment){(uint32_t)d->x.dims[0],
                                           (uint32_t)d->x.dims[1],
                                           (uint32_t)d->x.dims[2],
                                           l->p.flip,
                                           l->p.shift,
                                           l->p.crop,
                                           l->p.erase,
                                           d->target.rank == 2 && d->target.dtype == CVK_I64};
    if (l->p.mean || l->p.deviation) {
        l->mean = copy_numbers(l->p.mean, l->p.channels, 0);
        l->deviation = copy_numbers(l->p.deviation, l->p.channels, 1);
        if (!l->mean || !l->deviation)
            return cvk__fail_memory(l->p.channels * sizeof *l->mean, "mean and deviation");
    } else
        l->p.channels = 0;
    l->p.mean = l->p.deviation = NULL; /* the caller's */
    l->order = l->p.shuffle ? cvk__alloc_array(CVK__TAG_DATA, d->count, sizeof *l->order) : NULL;
    l->slots = cvk__alloc_array(CVK__TAG_DATA, l->p.threads + 2, sizeof *l->slots);
    if ((l->p.shuffle && !l->order) || !l->slots)
        return cvk__fail_memory(d->count * sizeof *l->order, "the order of samples");
    l->slot_count = l->p.threads + 2; /* the caller's, one to take next, and one in work for each thread */
    for (uint32_t i = 0; i < l->slot_count; i++)
        CVK__TRY(make_slot(l, &l->slots[i]));
    return start_threads(l);
}

int32_t cvk_loader_create(struct cvk_data *d, const struct cvk_loader_params *params, struct cvk_loader **out)
{
    static const struct cvk_loader_params none;
    const struct cvk_loader_params *p = params ? params : &none;
    if (out)
        *out = NULL;
    if (!d || !out)
        return cvk__fail(CVK_E_ARG, "cvk_loader_create: data or out is NULL");
    CVK__TRY(check_numbers(d, p));
    CVK__TRY(check_changes(d, p));
    struct cvk_loader *l = cvk__alloc(CVK__TAG_DATA, sizeof *l);
    if (!l)
        return cvk__fail_memory(sizeof *l, "a loader");
    l->data = d;
    l->p = *p;
    l->p.batch = p->batch ? p->batch : 1;
    l->p.threads = p->threads ? p->threads : 1;
    l->process = getpid();
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    pthread_cond_init(&l->filled, NULL);
    int32_t status = set_up(l);
    if (status != CVK_OK) {
        cvk_loader_destroy(l);
        return status;
    }
    *out = l;
    return CVK_OK;
}

void cvk_loader_destroy(struct cvk_loader *l)
{
    if (!l)
        return;
    if (l->process == getpid()) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_broadcast(&l->room);
        pthread_mutex_unlock(&l->lock);
        for (uint32_t i = 0; i < l->started; i++)
            pthread_join(l->threads[i], NULL);
        pthread_mutex_destroy(&l->lock);
        pthread_cond_destroy(&l->room);
        pthread_cond_destroy(&l->filled);
    }
    for (uint32_t i = 0; i < l->slot_count; i++) {
        struct slot *s = &l->slots[i];
        for (uint32_t k = 0; k < 4; k++)
            cvk_tensor_destroy(s->tensors[k / 2][k % 2]);
        cvk__free(s->x);
        cvk__free(s->target);
        cvk__free(s->samples);
    }
    cvk__free(l->slots);
    cvk__free(l->order);
    cvk__free(l->mean);
    cvk__free(l->deviation);
    cvk__free(l);
}

/* ---- taking batches ---- */

uint64_t cvk_loader_batches(const struct cvk_loader *l)
{
    return l ? l->batches : 0;
}

void cvk_loader_position(const struct cvk_loader *l, uint64_t *epoch, uint64_t *skip)
{
    uint64_t e = 0, s = 0;
    if (l)
        e = epoch_of(l, l->taken, &s);
    if (epoch)
        *epoch = e;
    if (skip)
        *skip = s;
}

int32_t cvk_loader_next(struct cvk_loader *l, struct cvk_tensor **x, struct cvk_tensor **target)
{
    if (!l || !x || !target)
        return cvk__fail(CVK_E_ARG, "cvk_loader_next: loader, x or target is NULL");
    if (l->process != getpid())
        return cvk__fail(CVK_E_ARG,
                         "cvk_loader_next: the loader was made before this process was forked; its threads are not here");
    pthread_mutex_lock(&l->lock);
    if (l->released != l->taken) {
        l->released = l->taken;
        pthread_cond_signal(&l->room);
    }
    struct slot *s = &l->slots[l->taken % l->slot_count];
    while (!s->ready)
        pthread_cond_wait(&l->filled, &l->lock);
    int32_t status = s->status;
    if (status == CVK_OK) {
        s->ready = false;
        l->taken++;
    }
    pthread_mutex_unlock(&l->lock);
    if (status != CVK_OK)
        return cvk__fail(status, "%s", s->error);
    struct cvk_tensor **tensors = s->tensors[s->count < (uint64_t)l->p.batch];
    *x = tensors[0];
    *target = tensors[1];
    return CVK_OK;
}

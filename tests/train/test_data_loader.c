/* SPDX-License-Identifier: MIT
 * Loaders: what is in a batch follows from the seed, the epoch and its place alone, whatever the number of threads and
 * wherever one begins; what augmentation does; failures in the threads; and what happens when memory or threads run out. */
#include "data_files.h"

#include <math.h>
#include <pthread.h>

#define EPOCHS 3

/* Linked in front of the system's, so that a test can have threads refused. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
static int threads_left = 1000;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    return threads_left-- > 0 ? __real_pthread_create(thread, attr, start, arg) : 11;
}

static struct cvk_loader *load(struct cvk_data *d, const struct cvk_loader_params *p)
{
    struct cvk_loader *l = NULL;
    if (cvk_loader_create(d, p, &l) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return l;
}

static uint64_t hash_tensor(const struct cvk_tensor *t, uint64_t hash)
{
    const uint8_t *data = cvk_tensor_data(t);
    for (uint64_t k = 0; k < cvk_tensor_bytes(t); k++)
        hash = (hash ^ data[k]) * 1099511628211u;
    return hash;
}

/* Hashes of `count` batches. */
static void take(struct cvk_loader *l, uint32_t count, uint64_t *hashes)
{
    for (uint32_t i = 0; i < count; i++) {
        struct cvk_tensor *x, *target;
        if (cvk_loader_next(l, &x, &target) != CVK_OK)
            fail_msg("batch %u: %s", i, cvk_error_text());
        hashes[i] = hash_tensor(target, hash_tensor(x, 14695981039346656037u));
    }
}

static const float mean[] = {0.1f, 0.2f, 0.3f}, deviation[] = {0.5f, 0.25f, 2};
static const struct cvk_loader_params all_on = {.batch = 8,
                                                .shuffle = 1,
                                                .keep_last = 1,
                                                .seed = 7,
                                                .flip = 1,
                                                .shift = 2,
                                                .crop = 2,
                                                .erase = 0.5f,
                                                .mean = mean,
                                                .deviation = deviation,
                                                .channels = 3};

/* The same batches with 1, 2, 3 and 8 threads, and from every place where a training may be taken up again. */
static void test_order(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("shapes(count=60,size=12,channels=3)", "train"); /* 54: six batches of 8 and one of 6 */
    enum { BATCHES = 7 };
    uint64_t once[EPOCHS * BATCHES], again[EPOCHS * BATCHES];
    struct cvk_loader_params p = all_on;
    for (uint32_t threads = 1; threads <= 8; threads += threads == 3 ? 5 : 1) {
        p.threads = threads;
        struct cvk_loader *l = load(d, &p);
        assert_int_equal(cvk_loader_batches(l), BATCHES);
        take(l, EPOCHS * BATCHES, threads == 1 ? once : again);
        if (threads > 1)
            assert_memory_equal(once, again, sizeof once);
        cvk_loader_destroy(l);
    }
    p.threads = 2;
    for (uint32_t done = 0; done < EPOCHS * BATCHES; done++) {
        struct cvk_loader *l = load(d, &all_on);
        take(l, done, again);
        cvk_loader_position(l, &p.epoch, &p.skip);
        assert_int_equal(p.epoch * BATCHES + p.skip, done);
        cvk_loader_destroy(l);
        l = load(d, &p);
        take(l, EPOCHS * BATCHES - done, again);
        assert_memory_equal(once + done, again, (EPOCHS * BATCHES - done) * sizeof *once);
        cvk_loader_destroy(l);
    }
    p.epoch = 0;
    p.skip = BATCHES; /* all of epoch 0: the same as the beginning of epoch 1 */
    struct cvk_loader *l = load(d, &p);
    take(l, 1, again);
    assert_true(again[0] == once[BATCHES]);
    cvk_loader_destroy(l);
    p.skip = 0;
    p.seed = 8;
    l = load(d, &p);
    take(l, 1, again);
    assert_true(again[0] != once[0] && once[0] != once[BATCHES]);
    cvk_loader_destroy(l);
    cvk_data_close(d);
}

/* What happens to a sample depends on its number, not on the batch that it comes in. */
static void test_batch_size(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("shapes(count=12,size=12,channels=3)", "all");
    struct cvk_loader_params p = all_on;
    float pictures[2][12 * 3 * 144];
    p.shuffle = 0;
    for (int kind = 0; kind < 2; kind++) {
        p.batch = kind ? 3 : 4;
        struct cvk_loader *l = load(d, &p);
        struct cvk_tensor *x, *target;
        for (int64_t first = 0; first < 12; first += p.batch) {
            assert_int_equal(cvk_loader_next(l, &x, &target), CVK_OK);
            memcpy(pictures[kind] + first * 3 * 144, cvk_tensor_data(x), cvk_tensor_bytes(x));
        }
        cvk_loader_destroy(l);
    }
    assert_memory_equal(pictures[0], pictures[1], sizeof pictures[0]);
    cvk_data_close(d);
}

/* Each epoch has each sample once, in an order of its own; the rest that fills no batch is left out or handed out shorter. */
static void test_epochs(void **state)
{
    (void)state;
    int64_t classes[] = {50, 1, 1, 1};
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(CVK_F32, 4, classes, &t), CVK_OK);
    for (int i = 0; i < 50; i++)
        ((float *)cvk_tensor_data(t))[i] = (float)i;
    assert_int_equal(cvk_tensor_write_npy(in_folder("x.npy"), t), CVK_OK);
    assert_int_equal(cvk_tensor_write_npy(in_folder("y.npy"), t), CVK_OK);
    cvk_tensor_destroy(t);
    char spec[700];
    snprintf(spec, sizeof spec, "%s,%s", in_folder("x.npy"), in_folder("y.npy"));
    struct cvk_data *d = open_data(spec, "all");
    for (uint32_t kind = 0; kind < 4; kind++) {
        uint32_t shuffle = kind & 1, keep_last = kind >> 1;
        struct cvk_loader *l = load(d, &(struct cvk_loader_params){.batch = 12, .shuffle = shuffle, .keep_last = keep_last});
        assert_int_equal(cvk_loader_batches(l), keep_last ? 5 : 4);
        float first[EPOCHS] = {0};
        for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
            uint64_t seen = 0, count = 0;
            bool in_order = true;
            for (uint64_t b = 0; b < cvk_loader_batches(l); b++) {
                struct cvk_tensor *x, *y;
                assert_int_equal(cvk_loader_next(l, &x, &y), CVK_OK);
                assert_int_equal(cvk_tensor_get_desc(x)->dims[0], b < 4 ? 12 : 2);
                assert_int_equal(cvk_tensor_get_desc(y)->dims[0], b < 4 ? 12 : 2);
                for (uint64_t k = 0; k < cvk_tensor_count(x); k++, count++) {
                    float value = ((float *)cvk_tensor_data(x))[k];
                    assert_true(value == ((float *)cvk_tensor_data(y))[k]);
                    assert_false(seen >> (int)value & 1);
                    seen |= 1ull << (int)value;
                    in_order &= value == (float)count;
                    first[epoch] = count ? first[epoch] : value;
                }
            }
            assert_int_equal(count, keep_last ? 50 : 48);
            assert_int_equal(in_order, !shuffle);
        }
        assert_true(!shuffle || first[0] != first[1] || first[1] != first[2]);
        cvk_loader_destroy(l);
    }
    cvk_data_close(d);
}

/* One batch with one kind of change, beside the samples as they are. */
struct changed {
    struct cvk_data *d;
    struct cvk_loader *l;
    const float *x;
    const int64_t *classes;
    float *plain;
    int64_t *plain_classes;
};

static struct changed change(const char *spec, struct cvk_loader_params p)
{
    struct changed c = {.d = open_data(spec, "all")};
    struct cvk_data_info info = info_of(c.d);
    struct cvk_tensor *x, *target;
    p.batch = (int64_t)info.count;
    c.l = load(c.d, &p);
    assert_int_equal(cvk_loader_next(c.l, &x, &target), CVK_OK);
    c.x = cvk_tensor_data(x);
    c.classes = cvk_tensor_data(target);
    c.plain = malloc(info.count * info.x.bytes);
    c.plain_classes = malloc(info.count * info.target.bytes);
    for (uint64_t i = 0; i < info.count; i++)
        assert_int_equal(cvk_data_read(c.d, i, c.plain + i * info.x.bytes / 4, (char *)c.plain_classes + i * info.target.bytes),
                         CVK_OK);
    return c;
}

static void finish(struct changed *c)
{
    cvk_loader_destroy(c->l);
    cvk_data_close(c->d);
    free(c->plain);
    free(c->plain_classes);
}

enum { N = 200, S = 16, PLANE = S * S };
#define SET "segments(count=200,size=16)"

/* Whether the picture is the plain one, mirrored and moved so, and its classes as well. */
static bool is_moved(const struct changed *c, int i, bool flip, int right, int down)
{
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++) {
            int u = (flip ? S - 1 - x : x) + right, v = y + down, to = i * PLANE + y * S + x, from = i * PLANE + v * S + u;
            bool inside = u >= 0 && u < S && v >= 0 && v < S;
            if (c->x[to] != (inside ? c->plain[from] : 0) || c->classes[to] != (inside ? c->plain_classes[from] : 0))
                return false;
        }
    return true;
}

static void test_flip(void **state)
{
    (void)state;
    struct changed c = change(SET, (struct cvk_loader_params){.flip = 1});
    uint32_t flipped = 0;
    for (int i = 0; i < N; i++) {
        bool flip = !is_moved(&c, i, false, 0, 0);
        assert_true(!flip || is_moved(&c, i, true, 0, 0));
        flipped += flip;
    }
    assert_in_range(flipped, N * 2 / 5, N * 3 / 5);
    finish(&c);
}

static void test_moves(void **state)
{
    (void)state;
    for (int crop = 0; crop < 2; crop++) {
        struct changed c = change(SET, (struct cvk_loader_params){.shift = crop ? 0 : 2, .crop = crop ? 2 : 0});
        uint32_t times[5][5] = {{0}};
        for (int i = 0; i < N; i++) {
            uint32_t found = 0;
            for (int right = -2; right <= 2; right++)
                for (int down = -2; down <= 2; down++)
                    if (is_moved(&c, i, false, right, down)) {
                        found++;
                        times[right + 2][down + 2]++;
                    }
            assert_int_equal(found, 1);
        }
        for (int k = 0; k < 25; k++)
            assert_in_range(times[k / 5][k % 5], 1, 25); /* 8 on average */
        finish(&c);
    }
}

static void test_erase(void **state)
{
    (void)state;
    struct changed c = change(SET, (struct cvk_loader_params){.erase = 0.5f});
    uint32_t erased = 0;
    for (int i = 0; i < N; i++) {
        double sum = 0;
        uint32_t other = 0, left = S, right = 0, top = S, bottom = 0;
        for (uint32_t k = 0; k < PLANE; k++)
            sum += (double)c.plain[i * PLANE + (int)k];
        for (uint32_t k = 0; k < PLANE; k++) {
            assert_int_equal(c.classes[i * PLANE + (int)k], c.plain_classes[i * PLANE + (int)k]);
            if (c.x[i * PLANE + (int)k] == c.plain[i * PLANE + (int)k])
                continue;
            assert_true(fabs((double)c.x[i * PLANE + (int)k] - sum / PLANE) < 1e-5);
            other++;
            left = k % S < left ? k % S : left;
            right = k % S > right ? k % S : right;
            top = k / S < top ? k / S : top;
            bottom = k / S > bottom ? k / S : bottom;
        }
        if (other) {
            assert_int_equal((right - left + 1) * (bottom - top + 1), other); /* a rectangle */
            assert_in_range(other, 1, PLANE / 5);
        }
        erased += other > 0;
    }
    assert_in_range(erased, N * 2 / 5, N * 3 / 5);
    finish(&c);
}

static void test_normalise(void **state)
{
    (void)state;
    struct changed c = change("shapes(count=5,size=8,channels=3)",
                              (struct cvk_loader_params){.mean = mean, .deviation = deviation, .channels = 3});
    for (int k = 0; k < 5 * 192; k++) {
        int channel = k / 64 % 3;
        assert_true(c.x[k] == (c.plain[k] - mean[channel]) / deviation[channel]);
    }
    finish(&c);
}

static void refuse_loader(struct cvk_data *d, struct cvk_loader_params p, const char *words)
{
    struct cvk_loader *l = NULL;
    assert_int_equal(cvk_loader_create(d, &p, &l), CVK_E_ARG);
    assert_null(l);
    if (!strstr(cvk_error_text(), words))
        fail_msg("\"%s\" without \"%s\"", cvk_error_text(), words);
}

static void test_refusals(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("shapes(count=10,size=8)", "all"), *curve = open_data("curve(count=10)", "all");
    refuse_loader(d, (struct cvk_loader_params){.batch = 11}, "none would be full");
    refuse_loader(d, (struct cvk_loader_params){.batch = -1}, "a batch of -1");
    refuse_loader(d, (struct cvk_loader_params){.batch = 5, .skip = 3}, "an epoch has 2");
    refuse_loader(d, (struct cvk_loader_params){.threads = 65}, "65 threads");
    refuse_loader(d, (struct cvk_loader_params){.erase = 1.5f}, "probability");
    refuse_loader(d, (struct cvk_loader_params){.erase = NAN}, "probability");
    refuse_loader(d, (struct cvk_loader_params){.shift = 8}, "smaller than the picture");
    refuse_loader(d, (struct cvk_loader_params){.mean = mean, .channels = 3}, "the samples are 1x8x8");
    refuse_loader(d, (struct cvk_loader_params){.deviation = (float[]){0}, .channels = 1}, "the deviation above 0");
    refuse_loader(d, (struct cvk_loader_params){.mean = (float[]){INFINITY}, .channels = 1}, "must be numbers");
    refuse_loader(curve, (struct cvk_loader_params){.flip = 1}, "tell places");
    refuse_loader(NULL, (struct cvk_loader_params){0}, "NULL");
    assert_int_equal(cvk_loader_next(NULL, NULL, NULL), CVK_E_ARG);
    uint64_t skip = 5;
    cvk_loader_position(NULL, NULL, &skip);
    assert_int_equal(skip, 0);
    struct cvk_loader *l = load(d, NULL); /* all defaults */
    assert_int_equal(cvk_loader_batches(l), 10);
    cvk_loader_destroy(l);
    cvk_loader_destroy(NULL);
    threads_left = 0;
    assert_int_equal(cvk_loader_create(d, &(struct cvk_loader_params){.threads = 3}, &l), CVK_E_MEMORY);
    threads_left = 1; /* one instead of three: slower, no failure */
    l = load(d, &(struct cvk_loader_params){.threads = 3});
    uint64_t hashes[20];
    take(l, 20, hashes);
    cvk_loader_destroy(l);
    threads_left = 1000;
    cvk_data_close(d);
    cvk_data_close(curve);
}

/* A picture that cannot be read fails the batch that it is in, by name, and every call after that; those before it come whole.
 */
static void test_failure(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        char name[40];
        snprintf(name, sizeof name, "late/a/%d.pgm", i);
        put_file(name, "P5 1 1 255\nx", i == 13 ? 11 : 12);
    }
    struct cvk_data *d = open_data(in_folder("late"), "all");
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct cvk_loader *l = load(d, &(struct cvk_loader_params){.batch = 4, .threads = threads});
        uint64_t hashes[3];
        struct cvk_tensor *x, *target;
        take(l, 3, hashes);
        for (int again = 0; again < 2; again++) {
            cvk__fail(CVK_OK, "no sentence");
            assert_int_equal(cvk_loader_next(l, &x, &target), CVK_E_FORMAT);
            assert_non_null(strstr(cvk_error_text(), "a/13.pgm"));
        }
        cvk_loader_destroy(l);
    }
    cvk_data_close(d);
}

/* Destroyed at any moment, with threads in the middle of their work or waiting for room. */
static void test_destroy(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("shapes(count=100,size=8)", "all");
    for (uint32_t taken = 0; taken < 6; taken++) {
        struct cvk_loader *l = load(d, &(struct cvk_loader_params){.batch = 10, .threads = 1 + taken % 3});
        uint64_t hashes[6];
        take(l, taken, hashes);
        cvk_loader_destroy(l);
    }
    cvk_data_close(d);
}

/* All that is done with a set; the status of the first step that fails. */
static int32_t everything(void)
{
    struct cvk_data *d = NULL;
    struct cvk_loader *l = NULL;
    float m, s;
    struct cvk_tensor *x, *target;
    struct cvk_loader_params p = {
        .batch = 4, .shuffle = 1, .keep_last = 1, .crop = 1, .mean = &m, .deviation = &s, .channels = 1};
    int32_t status = cvk_data_open(in_folder("small"), "train", &d);
    if (status == CVK_OK)
        status = cvk_data_statistics(d, 3, &m, &s, 1);
    if (status == CVK_OK)
        status = cvk_loader_create(d, &p, &l);
    for (int i = 0; i < 3 && status == CVK_OK; i++)
        status = cvk_loader_next(l, &x, &target);
    cvk_loader_destroy(l);
    cvk_data_close(d);
    d = NULL;
    if (status == CVK_OK)
        status = cvk_data_open("segments(count=20,size=8)", "test", &d);
    l = NULL;
    if (status == CVK_OK)
        status = cvk_loader_create(d, &(struct cvk_loader_params){.flip = 1, .shuffle = 1}, &l);
    if (status == CVK_OK)
        status = cvk_loader_next(l, &x, &target);
    cvk_loader_destroy(l);
    cvk_data_close(d);
    d = NULL;
    if (status == CVK_OK)
        status = cvk_data_open(in_folder("c10"), "all", &d);
    cvk_data_close(d);
    return status;
}

/* Apart, since every file that is written waits for the disk. */
static int32_t write_and_read(void)
{
    struct cvk_data *d = NULL, *back = NULL;
    int32_t status = cvk_data_open("lines(count=10,size=8)", "test", &d);
    if (status == CVK_OK)
        status = cvk_data_write_idx(d, in_folder("written"), "train");
    if (status == CVK_OK)
        status = cvk_data_open(in_folder("written"), "all", &back);
    cvk_data_close(d);
    cvk_data_close(back);
    return status;
}

/* Every allocation of `work` fails in turn, and all behind it: each time a status and a sentence, and nothing is left behind.
 */
static void fail_each(int32_t (*work)(void))
{
    if (work() != CVK_OK)
        fail_msg("without failures: %s", cvk_error_text());
    uint64_t before = cvk__alloc_calls(), held = cvk__alloc_held(), failed = 0;
    assert_int_equal(work(), CVK_OK);
    uint64_t total = cvk__alloc_calls() - before;
    assert_int_equal(cvk__alloc_held(), held);
    assert_true(total > 30);
    for (uint64_t n = 0; n < total; n++) {
        cvk__fail(CVK_OK, "no sentence");
        cvk__alloc_fail_after((int64_t)n);
        int32_t status = work();
        cvk__alloc_fail_never();
        assert_true(status <= 0);
        failed += status != CVK_OK;
        if (status != CVK_OK && (!cvk_error_text()[0] || strcmp(cvk_error_text(), "no sentence") == 0))
            fail_msg("allocation %llu of %llu: %s without a sentence", (unsigned long long)n, (unsigned long long)total,
                     cvk_status_name(status));
        assert_int_equal(cvk__alloc_held(), held);
    }
    assert_true(failed * 100 >= total * 90); /* the threads may not come to their last ones */
    assert_int_equal(work(), CVK_OK);
}

static void test_allocations(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        char name[40];
        snprintf(name, sizeof name, "small/%c/%d.pgm", 'a' + i % 2, i);
        put_file(name, i % 3 ? "P5 3 2 255\nabcdef" : "P5 3 3 255\nabcdefghi", i % 3 ? 17 : 20);
    }
    static uint8_t record[3073];
    put_file("c10/test_batch.bin", record, sizeof record);
    put_file("c10/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", 20);
    fail_each(everything);
    fail_each(write_and_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),     cmocka_unit_test(test_batch_size),  cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_flip),      cmocka_unit_test(test_moves),       cmocka_unit_test(test_erase),
        cmocka_unit_test(test_normalise), cmocka_unit_test(test_refusals),    cmocka_unit_test(test_failure),
        cmocka_unit_test(test_destroy),   cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

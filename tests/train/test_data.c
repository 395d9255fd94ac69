/* SPDX-License-Identifier: MIT
 * Data sets that are generated: the text that names them, samples as functions of (seed, number), parts, statistics, and the
 * way through IDX files and back. */
#include "data_files.h"

#include <math.h>

static uint64_t hash_bytes(uint64_t hash, const void *data, uint64_t bytes)
{
    for (uint64_t k = 0; k < bytes; k++)
        hash = (hash ^ ((const uint8_t *)data)[k]) * 1099511628211u; /* FNV-1a */
    return hash;
}

static uint64_t hash_sample(const struct cvk_data *d, uint64_t i)
{
    struct cvk_data_info info = info_of(d);
    float *x = malloc(info.x.bytes);
    void *target = malloc(info.target.bytes);
    assert_int_equal(cvk_data_read(d, i, x, target), CVK_OK);
    uint64_t hash = hash_bytes(hash_bytes(14695981039346656037u, x, info.x.bytes), target, info.target.bytes);
    free(x);
    free(target);
    return hash;
}

static void test_text(void **state)
{
    (void)state;
    refuse("shapes(count=4", CVK_E_FORMAT, "do not end in ')'");
    refuse("shapes(count)", CVK_E_NOT_FOUND, "no such file"); /* a name with a parenthesis, no options */
    refuse("shapes(count=4,7)", CVK_E_FORMAT, "write key=value");
    refuse("shapes(count=)", CVK_E_FORMAT, "has no value");
    refuse("shapes(=4)", CVK_E_FORMAT, "has no name");
    refuse("shapes(count=4,count=5)", CVK_E_FORMAT, "given twice");
    refuse("shapes(cuont=4)", CVK_E_ARG, "there are count, size, classes, seed, channels, test, split_seed");
    refuse("shapes(count=0)", CVK_E_ARG, "a whole number from 1 to 10000000");
    refuse("shapes(size=100000)", CVK_E_ARG, "from 8 to 4096");
    refuse("shapes(classes=11)", CVK_E_ARG, "from 2 to 10");
    refuse("shapes(seed=-1)", CVK_E_ARG, "whole number");
    refuse("shapes(test=1.5)", CVK_E_ARG, "a share between 0 and 1");
    refuse("shapes(test=nan)", CVK_E_ARG, "a share between 0 and 1");
    refuse("shapes(count=3,test=0.9)", CVK_E_ARG, "none are left");
    refuse("shape(count=9)", CVK_E_NOT_FOUND, "is shapes meant?");
    refuse("", CVK_E_NOT_FOUND, "no such file");
    refuse("/nowhere/at/all", CVK_E_NOT_FOUND, "no such file");
    struct cvk_data *d = NULL;
    assert_int_equal(cvk_data_open("lines", "valid", &d), CVK_E_ARG);
    assert_int_equal(cvk_data_open(NULL, "all", &d), CVK_E_ARG);
    assert_int_equal(cvk_data_open("lines", "all", NULL), CVK_E_ARG);
    d = open_data("shapes( count = 8 , size=16 )", "all");
    assert_int_equal(info_of(d).count, 8);
    assert_int_equal(info_of(d).x.dims[2], 16);
    cvk_data_close(d);
    char *text = malloc(100000);
    memset(text, 'x', 99999);
    text[99999] = 0;
    refuse(text, CVK_E_LIMIT, "longer than");
    memcpy(text, "lines(", 6);
    for (int i = 0; i < 30; i++)
        snprintf(text + 6 + 6 * i, 10, "k%02d=1,", i);
    snprintf(text + 6 + 6 * 30, 10, "z=1)");
    refuse(text, CVK_E_LIMIT, "more than");
    free(text);
}

/* What each set is, and one number that its first samples make: the same on every machine and for ever. */
static void test_generated(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *name;
        uint32_t classes, target_rank, target_dtype;
        int64_t c, h, w;
        uint64_t hash;
    } sets[] = {
        {"shapes(count=50,classes=10)", "shapes", 10, 0, CVK_I64, 1, 32, 32, 0xbc7bc5a9035806e9u},
        {"shapes(count=50,size=17,channels=3)", "shapes", 5, 0, CVK_I64, 3, 17, 17, 0xb9e0fb7d29342a17u},
        {"lines(count=50)", "lines", 4, 0, CVK_I64, 1, 12, 12, 0x1bd75cd2e385b590u},
        {"digits(count=50)", "digits", 10, 0, CVK_I64, 1, 28, 28, 0x3f19b91c1981fb92u},
        {"segments(count=50,size=24)", "segments", 4, 2, CVK_I64, 1, 24, 24, 0x8094c17523bf9ed8u},
        {"curve(count=50)", "curve", 0, 1, CVK_F32, 1, 28, 28, 0xc1f18456559df909u},
    };
    for (uint32_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        struct cvk_data *d = open_data(sets[s].spec, "all"), *again = open_data(sets[s].spec, "all");
        struct cvk_data_info info = info_of(d);
        assert_string_equal(info.name, sets[s].name);
        assert_int_equal(info.count, 50);
        assert_int_equal(info.class_count, sets[s].classes);
        for (uint32_t i = 0; i < info.class_count; i++)
            assert_true(strlen(info.class_names[i]) > 0);
        assert_int_equal(info.target.rank, sets[s].target_rank);
        assert_int_equal(info.target.dtype, sets[s].target_dtype);
        assert_int_equal(info.x.rank, 3);
        assert_int_equal(info.x.dims[0], sets[s].c);
        assert_int_equal(info.x.dims[1], sets[s].h);
        assert_int_equal(info.x.dims[2], sets[s].w);
        uint64_t hash = 0;
        for (uint64_t i = 0; i < 50; i++) {
            uint64_t one = hash_sample(d, i);
            hash = hash * 31 + one;
            assert_true(i == 0 || one != hash_sample(d, i - 1));
        }
        assert_true(hash_sample(again, 49) == hash_sample(d, 49)); /* none drawn before it */
        if (hash != sets[s].hash)
            fail_msg("%s: 0x%016llxu", sets[s].spec, (unsigned long long)hash);
        cvk_data_close(d);
        cvk_data_close(again);
    }
}

static void test_seeds(void **state)
{
    (void)state;
    struct cvk_data *a = open_data("digits(count=20,seed=1)", "all"), *b = open_data("digits(count=20,seed=2)", "all");
    struct cvk_data *longer = open_data("digits(count=40,seed=1)", "all");
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(hash_sample(a, i) != hash_sample(b, i));
        assert_true(hash_sample(a, i) == hash_sample(longer, i));
    }
    cvk_data_close(a);
    cvk_data_close(b);
    cvk_data_close(longer);
}

/* The largest pictures are drawn, with strokes that grow with them. */
static void test_huge(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("shapes(count=1,size=4096)", "all");
    float mean, deviation;
    assert_int_equal(cvk_data_statistics(d, 0, &mean, &deviation, 1), CVK_OK);
    assert_true(mean > 0.02f && mean < 0.3f && deviation > 0.1f);
    cvk_data_close(d);
}

static void test_targets(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("segments(count=30)", "all");
    float x[32 * 32], numbers[3];
    int64_t classes[32 * 32];
    uint32_t seen = 0;
    double bright[4] = {0}, count[4] = {0};
    for (uint64_t i = 0; i < 30; i++) {
        assert_int_equal(cvk_data_read(d, i, x, classes), CVK_OK);
        for (int k = 0; k < 32 * 32; k++) {
            assert_in_range(classes[k], 0, 3);
            seen |= 1u << classes[k];
            bright[classes[k]] += (double)x[k];
            count[classes[k]]++;
        }
    }
    assert_int_equal(seen, 15);
    for (int c = 1; c < 4; c++) /* shapes are brighter than the ground, and smaller */
        assert_true(bright[c] / count[c] > bright[0] / count[0] + 0.2 && count[c] < count[0]);
    cvk_data_close(d);

    d = open_data("curve(count=30)", "all");
    for (uint64_t i = 0; i < 30; i++) {
        double sum = 0, right = 0, down = 0, most = 0;
        assert_int_equal(cvk_data_read(d, i, x, numbers), CVK_OK);
        for (int k = 0; k < 28 * 28; k++) {
            double value = x[k] > 0.08f ? (double)x[k] : 0;
            sum += value;
            right += value * (k % 28) / 27.0;
            down += value * (k / 28) / 27.0; /* rows from the top */
            most = value > most ? value : most;
        }
        assert_true(fabs(right / sum - (double)numbers[1]) < 0.03 && fabs(down / sum - (double)numbers[2]) < 0.03);
        assert_true(fabs(most - (double)numbers[0] * 0.92) < 0.06);
    }
    cvk_data_close(d);
}

/* Every sample is in one part, and another seed draws other ones. */
static void test_parts(void **state)
{
    (void)state;
    struct cvk_data *all = open_data("lines(count=200)", "all");
    uint64_t hashes[200];
    for (uint64_t i = 0; i < 200; i++)
        hashes[i] = hash_sample(all, i);
    cvk_data_close(all);
    for (int other = 0; other < 2; other++) {
        const char *spec = other ? "lines(count=200,test=0.25,split_seed=5)" : "lines(count=200)";
        struct cvk_data *train = open_data(spec, "train"), *test = open_data(spec, "test");
        uint64_t tests = other ? 50 : 20, at_train = 0, at_test = 0, in_first_half = 0;
        assert_int_equal(info_of(train).count, 200 - tests);
        assert_int_equal(info_of(test).count, tests);
        for (uint64_t i = 0; i < 200; i++)
            if (at_train < 200 - tests && hash_sample(train, at_train) == hashes[i])
                at_train++;
            else if (at_test < tests && hash_sample(test, at_test) == hashes[i]) {
                at_test++;
                in_first_half += i < 100;
            } else
                fail_msg("sample %llu is in no part", (unsigned long long)i);
        assert_in_range(in_first_half, tests / 5, tests * 4 / 5);
        float x[144];
        int64_t class;
        assert_int_equal(cvk_data_read(test, tests, x, &class), CVK_E_ARG);
        cvk_data_close(train);
        cvk_data_close(test);
    }
}

static void test_statistics(void **state)
{
    (void)state;
    struct cvk_data *d = open_data("shapes(count=40,size=16,channels=3)", "all");
    float mean[3], deviation[3], x[3 * 256];
    double sum[3] = {0}, squares[3] = {0};
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(cvk_data_read(d, i, x, NULL), CVK_OK);
        for (int k = 0; k < 768; k++) {
            assert_true(x[k] * 255 == rintf(x[k] * 255));
            sum[k / 256] += (double)x[k];
            squares[k / 256] += (double)x[k] * (double)x[k];
        }
    }
    assert_int_equal(cvk_data_statistics(d, 0, mean, deviation, 3), CVK_OK);
    for (int c = 0; c < 3; c++) {
        double m = sum[c] / (40 * 256);
        assert_true(fabs((double)mean[c] - m) < 1e-6);
        assert_true(fabs((double)deviation[c] - sqrt(squares[c] / (40 * 256) - m * m)) < 1e-6);
    }
    assert_int_equal(cvk_data_statistics(d, 7, mean, deviation, 3), CVK_OK);
    assert_int_equal(cvk_data_statistics(d, 0, mean, deviation, 2), CVK_E_ARG);
    cvk_data_close(d);
}

static void test_idx_and_back(void **state)
{
    (void)state;
    for (int colour = 0; colour < 2; colour++) {
        const char *spec = colour ? "shapes(count=30,size=9,channels=3)" : "digits(count=30)";
        struct cvk_data *from[2] = {open_data(spec, "train"), open_data(spec, "test")};
        const char *to = in_folder(colour ? "colour" : "grey");
        assert_int_equal(cvk_data_write_idx(from[0], to, "train"), CVK_OK);
        assert_int_equal(cvk_data_write_idx(from[1], to, "test"), CVK_OK);
        assert_int_equal(cvk_data_write_idx(from[1], to, "all"), CVK_E_ARG);
        for (int part = 0; part < 2; part++) {
            struct cvk_data *back = open_data(to, part ? "test" : "train");
            struct cvk_data_info a = info_of(from[part]), b = info_of(back);
            assert_int_equal(a.count, b.count);
            assert_int_equal(a.class_count, b.class_count);
            for (uint32_t i = 0; i < a.class_count; i++)
                assert_string_equal(a.class_names[i], b.class_names[i]);
            for (uint64_t i = 0; i < a.count; i++)
                assert_true(hash_sample(from[part], i) == hash_sample(back, i));
            cvk_data_close(back);
        }
        struct cvk_data *all = open_data(to, "all");
        assert_int_equal(info_of(all).count, 30);
        assert_true(hash_sample(all, 27) == hash_sample(from[1], 0));
        cvk_data_close(all);
        cvk_data_close(from[0]);
        cvk_data_close(from[1]);
    }
    struct cvk_data *d = open_data("curve(count=5)", "all");
    assert_int_equal(cvk_data_write_idx(d, in_folder("x"), "train"), CVK_E_UNSUPPORTED);
    assert_non_null(strstr(cvk_error_text(), "at most 256 classes"));
    cvk_data_close(d);
    d = open_data("lines(count=5)", "all");
    assert_int_equal(cvk_data_write_idx(d, in_folder("no/such/folder"), "train"), CVK_E_IO);
    cvk_data_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),       cmocka_unit_test(test_generated),    cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_huge),       cmocka_unit_test(test_targets),      cmocka_unit_test(test_parts),
        cmocka_unit_test(test_statistics), cmocka_unit_test(test_idx_and_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* SPDX-License-Identifier: MIT
 * Real data sets, where they are at hand: usage NAME FOLDER; the environment variable CONVOKE_TEST_DATA goes before the
 * folder. Not there means "not run" (exit code 77). */
#include "data_files.h"

#include <math.h>

enum { SKIP = 77 };
static char place[4000];

static void count_classes(const struct cvk_data *d, uint64_t *counts)
{
    struct cvk_data_info info = info_of(d);
    for (uint64_t i = 0; i < info.count; i++) {
        int64_t class;
        assert_int_equal(cvk_data_read(d, i, NULL, &class), CVK_OK);
        assert_in_range(class, 0, info.class_count - 1);
        counts[class]++;
    }
}

/* The 10,000 pictures for tests: how many of each digit, and the mean and deviation that are told of them. */
static void test_mnist(void **state)
{
    (void)state;
    static const uint64_t expected[10] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    uint64_t counts[10] = {0};
    float mean, deviation;
    struct cvk_data *d = open_data(place, "all");
    assert_int_equal(info_of(d).count, 10000);
    assert_int_equal(info_of(d).class_count, 10);
    assert_string_equal(info_of(d).name, "MNIST");
    count_classes(d, counts);
    assert_memory_equal(counts, expected, sizeof counts);
    assert_int_equal(cvk_data_statistics(d, 0, &mean, &deviation, 1), CVK_OK);
    assert_true(fabsf(mean - 0.13251f) < 1e-5f && fabsf(deviation - 0.31048f) < 1e-5f);
    cvk_data_close(d);
    d = open_data(place, "train"); /* one pair of files alone is split */
    assert_int_equal(info_of(d).count, 9000);
    cvk_data_close(d);
}

/* JPEG pictures in a folder for each class: every hundredth is decoded. */
static void test_cifar10(void **state)
{
    (void)state;
    uint64_t counts[10] = {0};
    float mean[3], deviation[3];
    struct cvk_data *d = open_data(place, "train");
    assert_int_equal(info_of(d).count, 50000);
    assert_string_equal(info_of(d).class_names[9], "truck");
    count_classes(d, counts);
    for (int i = 0; i < 10; i++)
        assert_int_equal(counts[i], 5000);
    assert_int_equal(cvk_data_statistics(d, 500, mean, deviation, 3), CVK_OK);
    for (int c = 0; c < 3; c++)
        assert_true(mean[c] > 0.42f && mean[c] < 0.53f && deviation[c] > 0.22f && deviation[c] < 0.28f);
    cvk_data_close(d);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    const char *base = getenv("CONVOKE_TEST_DATA");
    snprintf(place, sizeof place, "%s/%s", base && base[0] ? base : argv[2], argv[1]);
    struct stat st;
    if (stat(place, &st) != 0) {
        printf("not run: %s is missing\n", place);
        return SKIP;
    }
    const bool mnist = strcmp(argv[1], "mnist") == 0;
    if (mnist && !has_feature("gzip:")) {
        printf("not run: this build reads no gzip\n");
        return SKIP;
    }
    if (!mnist && !has_feature("jpeg:")) {
        printf("not run: this build reads no JPEG\n");
        return SKIP;
    }
    const struct CMUnitTest tests[] = {mnist ? (struct CMUnitTest)cmocka_unit_test(test_mnist)
                                             : (struct CMUnitTest)cmocka_unit_test(test_cifar10)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * The choice of segments on invented nets and processors, and what is read of a processor's caches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/segment.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

#define STEPS 10
#define MIB ((uint64_t)1 << 20)

static const struct cvk__machine machine = {.workers = 2,
                                            .caches = {.l2_bytes = MIB, .l3_bytes = 32 * MIB, .l3_cpus = 2}};

/* Equal steps in a chain: each image is read and written by each. */
static void chain(struct cvk__load *loads, uint64_t image_bytes, uint64_t weight_bytes, double flops)
{
    memset(loads, 0, (STEPS + 1) * sizeof *loads);
    for (uint32_t i = 0; i <= STEPS; i++)
        loads[i] = (struct cvk__load){.crossing_bytes = image_bytes,
                                      .moved_bytes = 2 * image_bytes,
                                      .live_bytes = 2 * image_bytes,
                                      .weight_bytes = weight_bytes,
                                      .flops = flops};
}

static uint32_t choose(const struct cvk__load *loads, int64_t batch, const struct cvk__machine *m, int64_t forced,
                       struct cvk__cut *cuts)
{
    uint32_t count = 77;
    assert_int_equal(cvk__choose_cuts(loads, STEPS, batch, m, forced, cuts, &count), CVK_OK);
    return count;
}

/* Images that stay in L2 one by one, and do not even stay in L3 all together. */
static void test_small_weights_go_image_by_image(void **state)
{
    (void)state;
    struct cvk__load loads[STEPS + 1];
    struct cvk__cut cuts[STEPS];
    chain(loads, 300 << 10, 100 << 10, 1e6);
    assert_int_equal(choose(loads, 64, &machine, 0, cuts), 1);
    assert_int_equal(cuts[0].first, 0);
    assert_int_equal(cuts[0].last, STEPS - 1);
    assert_int_equal(cuts[0].images, 1);
}

/* Weights that do not stay in L3 are read as few times as can be, or once by all threads together. */
static void test_large_weights_are_read_rarely(void **state)
{
    (void)state;
    struct cvk__load loads[STEPS + 1];
    struct cvk__cut cuts[STEPS];
    chain(loads, 100 << 10, 50 * MIB, 1e6);
    uint32_t count = choose(loads, 16, &machine, 0, cuts);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(cuts[i].images, 8);
}

/* Every worker has a piece, or there are none. */
static void test_few_images_many_workers(void **state)
{
    (void)state;
    struct cvk__load loads[STEPS + 1];
    struct cvk__cut cuts[STEPS];
    struct cvk__machine wide = machine;
    chain(loads, MIB, 1 << 10, 1e6);
    wide.workers = 16;
    assert_int_equal(choose(loads, 15, &wide, 0, cuts), 0);
    assert_int_equal(choose(loads, 16, &wide, 0, cuts), 1);
    assert_int_equal(cuts[0].images, 1);
    assert_int_equal(choose(loads, 1, &machine, 0, cuts), 0);
}

/* 3 images on 2 workers take as long as 4: not worth it where arithmetic is all. */
static void test_uneven_pieces(void **state)
{
    (void)state;
    struct cvk__load loads[STEPS + 1];
    struct cvk__cut cuts[STEPS];
    chain(loads, 1 << 10, 1 << 10, 1e9);
    assert_int_equal(choose(loads, 3, &machine, 0, cuts), 0);
    assert_int_equal(choose(loads, 4, &machine, 0, cuts), 1);
}

/* A step that needs the whole of what an earlier one has made begins a segment of its own. */
static void test_lowest(void **state)
{
    (void)state;
    struct cvk__load loads[STEPS + 1];
    struct cvk__cut cuts[STEPS];
    chain(loads, 300 << 10, 100 << 10, 1e6);
    loads[6].lowest = 4;
    for (int64_t forced = 0; forced <= 1; forced++) {
        assert_int_equal(choose(loads, 64, &machine, forced, cuts), 2);
        assert_true(cuts[0].first == 0 && cuts[0].last + 1 == cuts[1].first);
        assert_in_range(cuts[1].first, 4, 6);
        assert_int_equal(cuts[1].last, STEPS - 1);
    }
}

static void test_forced(void **state)
{
    (void)state;
    struct cvk__load loads[STEPS + 1];
    struct cvk__cut cuts[STEPS];
    chain(loads, 100, 50 * MIB, 1);
    assert_int_equal(choose(loads, 12, &machine, 5, cuts), 1);
    assert_int_equal(cuts[0].images, 4);
    assert_int_equal(choose(loads, 7, &machine, 6, cuts), 1);
    assert_int_equal(cuts[0].images, 1);
    assert_int_equal(choose(loads, 12, &machine, 12, cuts), 0);
}

static void test_divisors(void **state)
{
    (void)state;
    assert_int_equal(cvk__divisor(12, 5), 4);
    assert_int_equal(cvk__divisor(12, 100), 12);
    assert_int_equal(cvk__divisor(13, 12), 1);
    assert_int_equal(cvk__divisor(16, 0), 1);
    assert_int_equal(cvk__divisor(36, 6), 6);
    assert_int_equal(cvk__divisor(INT64_MAX, 7), 7);
    assert_int_equal(cvk__divisor(4294967291, 1000000), 1); /* a prime; not a matter of minutes */
}

/* ---- caches ---- */

static void write_text(const char *folder, uint32_t index, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/cache/index%u", folder, index);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/cache/index%u/%s", folder, index, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void write_cache(const char *folder, uint32_t index, const char *level, const char *type, const char *size, const char *cpus)
{
    write_text(folder, index, "level", level);
    write_text(folder, index, "type", type);
    write_text(folder, index, "size", size);
    write_text(folder, index, "shared_cpu_list", cpus);
}

static void remove_caches(const char *folder)
{
    static const char *const names[] = {"level", "type", "size", "shared_cpu_list"};
    char path[256];
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t k = 0; k < 4; k++) {
            snprintf(path, sizeof path, "%s/cache/index%u/%s", folder, i, names[k]);
            unlink(path);
        }
        snprintf(path, sizeof path, "%s/cache/index%u", folder, i);
        rmdir(path);
    }
    snprintf(path, sizeof path, "%s/cache", folder);
    rmdir(path);
    rmdir(folder);
}

static void test_caches(void **state)
{
    (void)state;
    char folder[] = "/tmp/convoke_caches_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cache", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    struct cvk__caches c = cvk__caches_in(folder);
    assert_true(c.l2_bytes > 0 && c.l3_bytes == c.l2_bytes && c.l3_cpus == 1);
    write_cache(folder, 0, "1\n", "Data\n", "32K\n", "0\n");
    write_cache(folder, 1, "2\n", "Instruction\n", "7K\n", "0\n");
    write_cache(folder, 2, "2\n", "Unified\n", "1024K\n", "0,4\n");
    write_cache(folder, 3, "3\n", "Unified\n", "32768K\n", "0-3,8-11,16\n");
    c = cvk__caches_in(folder);
    assert_int_equal(c.l2_bytes, MIB);
    assert_int_equal(c.l3_bytes, 32 * MIB);
    assert_int_equal(c.l3_cpus, 9);
    write_text(folder, 3, "shared_cpu_list", "nonsense");
    assert_int_equal(cvk__caches_in(folder).l3_cpus, 1);
    remove_caches(folder);
    c = cvk__cpu_caches();
    assert_true(c.l2_bytes > 0 && c.l3_bytes > 0 && c.l3_cpus > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_weights_go_image_by_image),
        cmocka_unit_test(test_large_weights_are_read_rarely),
        cmocka_unit_test(test_few_images_many_workers),
        cmocka_unit_test(test_uneven_pieces),
        cmocka_unit_test(test_lowest),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_divisors),
        cmocka_unit_test(test_caches),
    };
    return cmocka_run_group_tests_name("segment choice", tests, NULL, NULL);
}

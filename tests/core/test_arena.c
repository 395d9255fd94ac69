/* SPDX-License-Identifier: MIT
 * The memory planner: blocks alive at the same step never overlap, and dead memory is used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convoke/rng.h"
#include "graph/arena.h"

static void check_no_overlap(const struct cvk__block *b, uint32_t count, uint64_t align, uint64_t total)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(b[i].offset % align, 0);
        assert_true(b[i].offset + b[i].bytes <= total);
        for (uint32_t k = i + 1; k < count; k++) {
            int both_alive = b[i].first <= b[k].last && b[k].first <= b[i].last;
            int apart = b[i].offset + b[i].bytes <= b[k].offset || b[k].offset + b[k].bytes <= b[i].offset;
            if (both_alive)
                assert_true(apart);
        }
    }
}

static void test_chain_needs_two_buffers(void **state)
{
    (void)state;
    struct cvk__block b[10];
    for (int32_t i = 0; i < 10; i++)
        b[i] = (struct cvk__block){.bytes = 1000, .first = i, .last = i + 1};
    uint64_t total = 0;
    assert_int_equal(cvk__arena_plan(b, 10, 10, 64, &total), CVK_OK);
    check_no_overlap(b, 10, 64, total);
    assert_int_equal(total, 2 * 1024);
}

static void test_random_lifetimes(void **state)
{
    (void)state;
    enum { COUNT = 300, STEPS = 100 };
    struct cvk__block b[COUNT];
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t peak[STEPS] = {0}, needed = 0, total = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            uint64_t r = cvk_rng_bits(round, 0, i);
            b[i].first = (int32_t)(r % STEPS) - 1;
            b[i].last = b[i].first + (int32_t)(r >> 16) % 20;
            b[i].bytes = (r >> 32) % 5000;
            if (r % 37 == 0)
                b[i].last = INT32_MAX;
        }
        assert_int_equal(cvk__arena_plan(b, COUNT, STEPS, 128, &total), CVK_OK);
        check_no_overlap(b, COUNT, 128, total);
        for (uint32_t i = 0; i < COUNT; i++)
            for (int32_t t = b[i].first < 0 ? 0 : b[i].first; t <= b[i].last && t < STEPS; t++)
                peak[t] += b[i].bytes;
        for (uint32_t t = 0; t < STEPS; t++)
            needed = peak[t] > needed ? peak[t] : needed;
        assert_true(total >= needed);
        assert_true(total <= needed * 3 / 2); /* best fit wastes little on such loads */
    }
}

static void test_nothing_to_place(void **state)
{
    (void)state;
    uint64_t total = 1;
    assert_int_equal(cvk__arena_plan(NULL, 0, 0, 64, &total), CVK_OK);
    assert_int_equal(total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_needs_two_buffers),
        cmocka_unit_test(test_random_lifetimes),
        cmocka_unit_test(test_nothing_to_place),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

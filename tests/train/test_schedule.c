/* SPDX-License-Identifier: MIT
 * Learning rates against values worked out by hand from the formulas in train.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"

static void rate_is(const struct cvk_schedule *s, uint64_t step, double wanted)
{
    double rate = (double)cvk_schedule_rate(s, step);
    if (!(fabs(rate - wanted) <= 1e-6 * fabs(wanted)))
        fail_msg("%s, step %llu: %.9g instead of %.9g", cvk_schedule_name(s->kind), (unsigned long long)step, rate, wanted);
}

static void constant(void **state)
{
    (void)state;
    const struct cvk_schedule s = {.rate = 0.5f};
    rate_is(&s, 0, 0.5);
    rate_is(&s, UINT64_MAX, 0.5);
}

static void warm_up(void **state)
{
    (void)state;
    const struct cvk_schedule s = {.rate = 0.5f, .warmup = 4};
    const double wanted[] = {0.125, 0.25, 0.375, 0.5, 0.5, 0.5};
    for (uint64_t i = 0; i < 6; i++)
        rate_is(&s, i, wanted[i]);
}

static void steps(void **state)
{
    (void)state;
    struct cvk_schedule s = {.kind = CVK_SCHEDULE_STEP, .rate = 0.5f, .period = 3};
    rate_is(&s, 0, 0.5);
    rate_is(&s, 2, 0.5);
    rate_is(&s, 3, 0.05); /* gamma is 0.1 unless told */
    rate_is(&s, 6, 0.005);
    s.gamma = 0.5f;
    rate_is(&s, 2, 0.5);
    rate_is(&s, 3, 0.25);
    rate_is(&s, 11, 0.0625);
    s.warmup = 4;
    rate_is(&s, 1, 0.25);
    rate_is(&s, 4, 0.25);
    s.period = 0; /* never */
    rate_is(&s, 1000, 0.5);
}

static void cosine(void **state)
{
    (void)state;
    struct cvk_schedule s = {.kind = CVK_SCHEDULE_COSINE, .rate = 1, .final_rate = 0.2f, .steps = 7};
    rate_is(&s, 0, 1);
    rate_is(&s, 1, 0.2 + 0.4 * (1 + sqrt(3) / 2)); /* cos 30 degrees */
    rate_is(&s, 2, 0.2 + 0.4 * 1.5);
    rate_is(&s, 3, 0.6);
    rate_is(&s, 4, 0.2 + 0.4 * 0.5);
    rate_is(&s, 6, 0.2);
    rate_is(&s, 100, 0.2); /* behind the end it stays */
    s.steps = 9;
    s.warmup = 2; /* the cosine runs over the seven steps behind */
    rate_is(&s, 0, 0.5);
    rate_is(&s, 1, 1);
    rate_is(&s, 2, 1);
    rate_is(&s, 5, 0.6);
    rate_is(&s, 8, 0.2);
    s.steps = 1;
    rate_is(&s, 5, 0.2);
}

/* Eleven steps: the rise ends at the fourth (3/10), the fall takes the other seven. */
static void one_cycle(void **state)
{
    (void)state;
    const struct cvk_schedule s = {.kind = CVK_SCHEDULE_ONE_CYCLE, .rate = 1, .steps = 11};
    rate_is(&s, 0, 0.04);
    rate_is(&s, 1, 1 + (0.04 - 1) * 0.75); /* a third of the way: (1 + cos 60)/2 = 3/4 of what is missing */
    rate_is(&s, 2, 1 + (0.04 - 1) * 0.25);
    rate_is(&s, 3, 1);
    rate_is(&s, 5, 1e-4 + (1 - 1e-4) * (1 + cos(acos(-1) * 2 / 7)) / 2);
    rate_is(&s, 10, 1e-4);
    rate_is(&s, 1000, 1e-4);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(cvk_schedule_name(CVK_SCHEDULE_CONSTANT), "constant");
    assert_string_equal(cvk_schedule_name(CVK_SCHEDULE_STEP), "step");
    assert_string_equal(cvk_schedule_name(CVK_SCHEDULE_COSINE), "cosine");
    assert_string_equal(cvk_schedule_name(CVK_SCHEDULE_ONE_CYCLE), "one_cycle");
    assert_null(cvk_schedule_name(4));
    assert_true(cvk_schedule_rate(NULL, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant), cmocka_unit_test(warm_up),   cmocka_unit_test(steps),
        cmocka_unit_test(cosine),   cmocka_unit_test(one_cycle), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * A build without jansson: every checkpoint call says what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"

static void test_none(void **state)
{
    (void)state;
    struct cvk_checkpoint *c = NULL;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_trainer_save(NULL, "x", NULL, 0), CVK_E_UNSUPPORTED);
    assert_non_null(strstr(cvk_error_text(), "jansson"));
    assert_int_equal(cvk_trainer_restore(NULL, "x"), CVK_E_UNSUPPORTED);
    assert_int_equal(cvk_checkpoint_open("x", &c), CVK_E_UNSUPPORTED);
    assert_int_equal(cvk_checkpoint_graph(c, &g), CVK_E_UNSUPPORTED);
    assert_null(cvk_checkpoint_text(c, "x"));
    cvk_checkpoint_destroy(c);
    assert_non_null(strstr(cvk_missing_features(), "checkpoints"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

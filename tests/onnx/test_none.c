/* SPDX-License-Identifier: MIT
 * A build without ONNX: every call says what is missing. */
#include "expect.h"

static void test_none(void **state)
{
    (void)state;
    struct cvk_tensor *t = NULL;
    char *name = NULL;
    expect_failure((struct pb){0}, NULL, CVK_E_UNSUPPORTED, "built without ONNX", "protobuf-c");
    assert_int_equal(cvk_onnx_load("x.onnx", NULL, &(struct cvk_graph *){NULL}), CVK_E_UNSUPPORTED);
    assert_int_equal(cvk_onnx_read_tensor("x.pb", NULL, &t, &name), CVK_E_UNSUPPORTED);
    assert_int_equal(cvk_onnx_save((struct cvk_graph *)&t, "x.onnx", NULL), CVK_E_UNSUPPORTED);
    assert_int_equal(cvk_onnx_save_memory((struct cvk_graph *)&t, NULL, &t), CVK_E_UNSUPPORTED);
    assert_null(t);
    assert_null(name);
    assert_non_null(strstr(cvk_missing_features(), "onnx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

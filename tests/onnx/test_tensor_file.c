/* SPDX-License-Identifier: MIT
 * TensorProto files for every type, good and bad. */
#include "expect.h"
#include "temp_file.h"

static int32_t read_pb(struct pb t, struct cvk_tensor **out)
{
    write_file(t.data, t.bytes);
    pb_free(&t);
    return cvk_onnx_read_tensor(path, NULL, out, NULL);
}

/* Every type in raw bytes and in its list: the values 1 and 100 come back. */
static void test_pb_types(void **state)
{
    (void)state;
    static const struct {
        int dtype;
        uint32_t wanted;
        unsigned char raw[16];
        uint32_t list; /* field: 4 float, 5 int32, 7 int64, 10 double, 11 uint64 */
        int64_t entry[2];
    } types[] = {
        {1, CVK_F32, {0, 0, 0x80, 0x3F, 0, 0, 0xC8, 0x42}, 4, {1, 100}},
        {2, CVK_U8, {1, 100}, 5, {1, 100}},
        {3, CVK_I8, {1, 100}, 5, {1, 100}},
        {4, CVK_U16, {1, 0, 100}, 5, {1, 100}},
        {5, CVK_I16, {1, 0, 100}, 5, {1, 100}},
        {6, CVK_I32, {1, 0, 0, 0, 100}, 5, {1, 100}},
        {7, CVK_I64, {1, 0, 0, 0, 0, 0, 0, 0, 100}, 7, {1, 100}},
        {10, CVK_F16, {0, 0x3C, 0x40, 0x56}, 5, {0x3C00, 0x5640}},
        {11, CVK_F64, {0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0x59, 0x40}, 10, {1, 100}},
        {12, CVK_U32, {1, 0, 0, 0, 100}, 11, {1, 100}},
        {13, CVK_U64, {1, 0, 0, 0, 0, 0, 0, 0, 100}, 11, {1, 100}},
        {16, CVK_BF16, {0x80, 0x3F, 0xC8, 0x42}, 5, {0x3F80, 0x42C8}},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (int as_list = 0; as_list < 2; as_list++) {
            size_t each = cvk_dtype_bytes(types[i].wanted);
            struct pb t = pb_tensor_head("t", types[i].dtype, 1, (const int64_t[]){2}), list = {0};
            for (int k = 0; k < 2; k++) {
                float single = (float)types[i].entry[k];
                double number = (double)types[i].entry[k];
                if (types[i].list == 4)
                    pb_raw(&list, &single, sizeof single);
                else if (types[i].list == 10)
                    pb_raw(&list, &number, sizeof number);
                else
                    pb_varint(&list, (uint64_t)types[i].entry[k]);
            }
            if (as_list)
                pb_block(&t, types[i].list, list.data, list.bytes);
            else
                pb_block(&t, 9, types[i].raw, 2 * each);
            pb_free(&list);
            struct cvk_tensor *out = NULL;
            if (read_pb(t, &out) != CVK_OK)
                fail_msg("type %d: %s", types[i].dtype, cvk_error_text());
            assert_int_equal(cvk_tensor_get_desc(out)->dtype, types[i].wanted);
            assert_true(cvk_tensor_at(out, 0) == 1 && cvk_tensor_at(out, 1) == 100);
            cvk_tensor_destroy(out);
        }
}

static void test_pb_bad(void **state)
{
    (void)state;
    struct cvk_tensor *out = NULL;
    struct pb t = pb_tensor("t", DT_BOOL, 1, (const int64_t[]){3}, "\0\1\7", 3);
    assert_int_equal(read_pb(t, &out), CVK_OK);
    assert_memory_equal(cvk_tensor_data(out), "\0\1\1", 3);
    cvk_tensor_destroy(out);
    t = pb_tensor_head("t", DT_INT64, 0, NULL); /* negative numbers keep their sign */
    pb_int(&t, 7, -7);
    assert_int_equal(read_pb(t, &out), CVK_OK);
    assert_true(cvk_tensor_at(out, 0) == -7);
    assert_int_equal(cvk_tensor_get_desc(out)->rank, 0);
    cvk_tensor_destroy(out);
    t = pb_tensor_head("t", DT_STRING, 1, (const int64_t[]){1});
    pb_text(&t, 6, "word");
    assert_int_equal(read_pb(t, &out), CVK_E_UNSUPPORTED);
    expect_text("STRING");
    assert_null(out);
    t = pb_tensor_head("t", 3, 1, (const int64_t[]){1});
    pb_int(&t, 5, -129);
    assert_int_equal(read_pb(t, &out), CVK_E_FORMAT);
    expect_text("-129, which is no INT8");
    write_file("", 0);
    assert_int_equal(cvk_onnx_read_tensor(path, NULL, &out, NULL), CVK_E_FORMAT);
    assert_int_equal(cvk_onnx_read_tensor(folder, NULL, &out, NULL), CVK_E_IO);
    expect_text("not a regular file");
    t = pb_tensor("t", DT_FLOAT, 1, (const int64_t[]){2}, "12345678", 8);
    write_file(t.data, t.bytes);
    assert_int_equal(cvk_onnx_read_tensor(path, &(struct cvk_onnx_limits){.tensor_bytes = 7}, &out, NULL), CVK_E_LIMIT);
    for (size_t bytes = 0; bytes < t.bytes; bytes++) {
        write_file(t.data, bytes);
        assert_int_equal(cvk_onnx_read_tensor(path, NULL, &out, NULL), CVK_E_FORMAT);
        assert_null(out);
    }
    pb_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pb_types), cmocka_unit_test(test_pb_bad)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

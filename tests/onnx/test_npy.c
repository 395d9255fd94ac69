/* SPDX-License-Identifier: MIT
 * NumPy's .npy files for every type, good and bad. */
#include "expect.h"
#include "temp_file.h"

#include <sys/stat.h>

/* A file of the format with this header text, which is not padded, and data. */
static void write_npy(int major, const char *header, const void *data, size_t bytes)
{
    struct pb f = {0};
    size_t n = strlen(header);
    unsigned char head[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)major, 0, (unsigned char)n, (unsigned char)(n >> 8)};
    pb_raw(&f, head, major == 1 ? 10 : 12);
    pb_raw(&f, header, n);
    pb_raw(&f, data, bytes);
    write_file(f.data, f.bytes);
    pb_free(&f);
}

static void expect_npy(int32_t status, const char *words)
{
    struct cvk_tensor *out = NULL;
    int32_t got = cvk_tensor_read_npy(path, 0, &out);
    if (got != status)
        fail_msg("%s instead of %s: %s", cvk_status_name(got), cvk_status_name(status), cvk_error_text());
    assert_null(out);
    expect_text(words);
    expect_text("/t': ");
}

static void expect_header(const char *header, int32_t status, const char *words)
{
    write_npy(1, header, "12345678", 8);
    expect_npy(status, words);
}

static void test_npy_round(void **state)
{
    (void)state;
    static const uint32_t dtypes[] = {CVK_F32, CVK_F64, CVK_F16, CVK_I8,  CVK_U8, CVK_I16,
                                      CVK_U16, CVK_I32, CVK_U32, CVK_I64, CVK_U64};
    static const int64_t dims[8] = {2, 1, 3, 1, 1, 2, 1, 1};
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
        for (uint32_t rank = 0; rank <= 8; rank++) {
            struct cvk_tensor *t = NULL, *back = NULL;
            assert_int_equal(cvk_tensor_create(dtypes[d], rank, dims, &t), CVK_OK);
            for (uint64_t i = 0; i < cvk_tensor_bytes(t); i++)
                ((unsigned char *)cvk_tensor_data(t))[i] = (unsigned char)(i * 37 + 1);
            if (cvk_tensor_write_npy(path, t) != CVK_OK || cvk_tensor_read_npy(path, 0, &back) != CVK_OK)
                fail_msg("%s", cvk_error_text());
            const struct cvk_tensor_desc *a = cvk_tensor_get_desc(t), *b = cvk_tensor_get_desc(back);
            assert_int_equal(a->dtype, b->dtype);
            assert_int_equal(a->rank, b->rank);
            assert_memory_equal(a->dims, b->dims, sizeof a->dims[0] * rank);
            assert_memory_equal(cvk_tensor_data(t), cvk_tensor_data(back), cvk_tensor_bytes(t));
            struct stat st;
            assert_int_equal(stat(path, &st), 0);
            assert_int_equal(((uint64_t)st.st_size - cvk_tensor_bytes(t)) % 64, 0); /* the data is aligned */
            cvk_tensor_destroy(t);
            cvk_tensor_destroy(back);
        }
    struct cvk_tensor *bf = NULL;
    assert_int_equal(cvk_tensor_create(CVK_BF16, 0, NULL, &bf), CVK_OK);
    assert_int_equal(cvk_tensor_write_npy(path, bf), CVK_E_UNSUPPORTED);
    expect_text("bf16");
    char missing[500];
    snprintf(missing, sizeof missing, "%s/none/t.npy", folder);
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(CVK_F32, 0, NULL, &t), CVK_OK);
    assert_int_equal(cvk_tensor_write_npy(missing, t), CVK_E_IO);
    expect_text("No such file");
    cvk_tensor_destroy(t);
    cvk_tensor_destroy(bf);
}

static void test_npy_forms(void **state)
{
    (void)state;
    static const float columns[6] = {1, 4, 2, 5, 3, 6}; /* [[1, 2, 3], [4, 5, 6]], first axis fastest */
    struct cvk_tensor *t = NULL;
    for (int major = 1; major <= 3; major++) {
        write_npy(major, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", columns, sizeof columns);
        assert_int_equal(cvk_tensor_read_npy(path, 0, &t), CVK_OK);
        for (uint64_t i = 0; i < 6; i++)
            assert_true(cvk_tensor_at(t, i) == (double)(i + 1));
        cvk_tensor_destroy(t);
    }
    write_npy(1, "{\"shape\":(3,),\"fortran_order\":False,\"descr\":\"|b1\"}", "\0\1\5", 3);
    assert_int_equal(cvk_tensor_read_npy(path, 0, &t), CVK_OK);
    assert_memory_equal(cvk_tensor_data(t), "\0\1\1", 3);
    cvk_tensor_destroy(t);
    write_npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 3), }\n", "", 0);
    assert_int_equal(cvk_tensor_read_npy(path, 0, &t), CVK_OK);
    assert_int_equal(cvk_tensor_count(t), 0);
    cvk_tensor_destroy(t);
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", "12345678", 8);
    assert_int_equal(cvk_tensor_read_npy(path, 7, &t), CVK_E_LIMIT);
    assert_int_equal(cvk_tensor_read_npy(path, 8, &t), CVK_OK);
    cvk_tensor_destroy(t);
}

static void test_npy_bad(void **state)
{
    (void)state;
    expect_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", CVK_E_UNSUPPORTED, "Python objects");
    expect_header("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", CVK_E_UNSUPPORTED, "big-endian");
    expect_header("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", CVK_E_UNSUPPORTED, "'<c8'");
    expect_header("{'descr': '=f4', 'fortran_order': False, 'shape': (2,), }", CVK_E_FORMAT, "byte order");
    expect_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", CVK_E_UNSUPPORTED, "records");
    expect_header("__import__('os').system('true')", CVK_E_FORMAT, "a dictionary belongs here");
    expect_header("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,), }", CVK_E_FORMAT, "a quoted word");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,), }", CVK_E_FORMAT, "a comma or the end");
    expect_header("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }", CVK_E_FORMAT, "True or False");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", CVK_E_FORMAT, "whole number");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", CVK_E_FORMAT, "a comma or the end of the shape");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", CVK_E_FORMAT, "parentheses");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", CVK_E_FORMAT, "an unknown key");
    expect_header("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}", CVK_E_FORMAT, "given twice");
    expect_header("{'descr': '<f4', 'fortran_order': False}", CVK_E_FORMAT, "is missing");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", CVK_E_FORMAT, "behind the dictionary");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,", CVK_E_FORMAT, "header, character");
    expect_header("{'descr': '<f4", CVK_E_FORMAT, "not closed");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", CVK_E_LIMIT, "more than 8 axes");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }", CVK_E_LIMIT, "63 bits");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296), }", CVK_E_LIMIT, "");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1073741825,), }", CVK_E_LIMIT, "4294967300 bytes");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", CVK_E_FORMAT, "8 bytes behind the header");
    expect_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", CVK_E_FORMAT, "shape need 4");
    expect_header("", CVK_E_FORMAT, "a dictionary belongs here");
    write_file("\x93NUMPY\x02\x00\xff\xff\xff\x7f", 12);
    expect_npy(CVK_E_LIMIT, "a header of 2147483647 bytes");
    write_file("\x93NUMPY\x04\x00\x00\x00", 10);
    expect_npy(CVK_E_UNSUPPORTED, "format 4.0");
    write_file("PK\x03\x04 a zip file", 16);
    expect_npy(CVK_E_FORMAT, "does not begin");
    struct pb good = {0};
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    pb_raw(&good, "\x93NUMPY\x01", 8);
    pb_raw(&good, (const unsigned char[]){(unsigned char)strlen(header), 0}, 2);
    pb_raw(&good, header, strlen(header));
    pb_raw(&good, "12345678", 8);
    for (size_t bytes = 0; bytes < good.bytes; bytes++) {
        write_file(good.data, bytes);
        expect_npy(CVK_E_FORMAT, "");
    }
    pb_free(&good);
    unlink(path);
    expect_npy(CVK_E_IO, "No such file");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_npy(CVK_E_IO, "not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_npy_round), cmocka_unit_test(test_npy_forms),
                                       cmocka_unit_test(test_npy_bad)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

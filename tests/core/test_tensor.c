/* SPDX-License-Identifier: MIT
 * Tensors: types, layouts, checked sizes, reorder, and the values in them. */
#include "base/base.h"
#include "convoke/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* last: it defines a macro fail() */

#define DIMS(...) ((int64_t[]){__VA_ARGS__})

static void names(void **state)
{
    (void)state;
    assert_int_equal(cvk_dtype_bytes(CVK_F32), 4);
    assert_int_equal(cvk_dtype_bytes(CVK_BF16), 2);
    assert_int_equal(cvk_dtype_bytes(CVK_BOOL), 1);
    assert_int_equal(cvk_dtype_bytes(0), 0);
    assert_int_equal(cvk_dtype_bytes(CVK_BOOL + 1), 0);
    assert_int_equal(cvk_dtype_bytes(UINT32_MAX), 0);
    assert_string_equal(cvk_dtype_name(CVK_I64), "i64");
    assert_string_equal(cvk_dtype_name(0), "?");
    assert_string_equal(cvk_dtype_name(99), "?");
    assert_string_equal(cvk_layout_name(CVK_LAYOUT_PLAIN), "NCHW");
    assert_string_equal(cvk_layout_name(CVK_LAYOUT_NC16), "NC16");
    assert_string_equal(cvk_layout_name(5), "?");
    assert_int_equal(cvk_layout_block(CVK_LAYOUT_NC8), 8);
    assert_int_equal(cvk_layout_block(CVK_LAYOUT_NHWC), 1);
}

static void shape_text(void **state)
{
    (void)state;
    char text[CVK_SHAPE_TEXT];
    assert_string_equal(cvk_shape_text(4, DIMS(1, 3, 28, 28), text), "1x3x28x28");
    assert_string_equal(cvk_shape_text(0, NULL, text), "scalar");
    assert_string_equal(cvk_shape_text(2, DIMS(-1, 7), text), "?x7");
    assert_string_equal(cvk_shape_text(9, DIMS(1), text), "rank 9");
    int64_t huge[CVK_MAX_RANK];
    for (int i = 0; i < CVK_MAX_RANK; i++)
        huge[i] = INT64_MAX;
    assert_int_equal(strlen(cvk_shape_text(CVK_MAX_RANK, huge, text)), 8 * 19 + 7);
}

static void descriptors(void **state)
{
    (void)state;
    struct cvk_tensor_desc d;
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, CVK_LAYOUT_PLAIN, 4, DIMS(2, 3, 28, 28)), CVK_OK);
    assert_int_equal(d.size, sizeof d);
    assert_int_equal(d.bytes, 2 * 3 * 28 * 28 * 4);
    assert_int_equal(cvk_tensor_desc_count(&d), 2 * 3 * 28 * 28);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, CVK_LAYOUT_NC8, 4, DIMS(2, 3, 5, 5)), CVK_OK);
    assert_int_equal(d.bytes, 2 * 8 * 5 * 5 * 4);
    assert_int_equal(cvk_tensor_desc_count(&d), 2 * 3 * 5 * 5);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_U8, CVK_LAYOUT_PLAIN, 0, NULL), CVK_OK);
    assert_int_equal(d.bytes, 1);
    assert_int_equal(cvk_tensor_desc_count(&d), 1);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F64, CVK_LAYOUT_NHWC, 3, DIMS(4, 0, 2)), CVK_OK);
    assert_int_equal(d.bytes, 0);
    assert_int_equal(cvk_tensor_desc_count(&d), 0);

    struct cvk_tensor_desc before = d;
    assert_int_equal(cvk_tensor_desc_init(&d, 77, 0, 1, DIMS(1)), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, 5, 4, DIMS(1, 1, 1, 1)), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, CVK_LAYOUT_NHWC, 1, DIMS(1)), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, 0, CVK_MAX_RANK + 1, DIMS(1)), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, 0, 1, NULL), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(NULL, CVK_F32, 0, 1, DIMS(1)), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, 0, 2, DIMS(3, -1)), CVK_E_SHAPE);
    assert_string_equal(cvk_error_text(), "size -1 of axis 1 is negative");
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, 0, 2, DIMS(3, INT64_MIN)), CVK_E_SHAPE);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_F32, 0, 1, DIMS(INT64_MAX)), CVK_E_LIMIT);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_U8, 0, 1, DIMS(INT64_MAX)), CVK_E_LIMIT);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_U8, CVK_LAYOUT_NC16, 2, DIMS(1, INT64_MAX)), CVK_E_LIMIT);
    /* 2^32 * 2^32 wraps to 0, and a 0 elsewhere does not hide it. */
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_U8, 0, 2, DIMS(1LL << 32, 1LL << 32)), CVK_E_LIMIT);
    assert_int_equal(cvk_tensor_desc_init(&d, CVK_U8, 0, 3, DIMS(0, 1LL << 32, 1LL << 32)), CVK_E_LIMIT);
    assert_memory_equal(&d, &before, sizeof d); /* a failure leaves it alone */
}

static void tensors(void **state)
{
    (void)state;
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(CVK_F32, 4, DIMS(2, 3, 4, 5), &t), CVK_OK);
    float *x = cvk_tensor_data(t);
    assert_int_equal((uintptr_t)x % CVK_ALIGN_BYTES, 0);
    assert_int_equal(cvk_tensor_count(t), 120);
    assert_int_equal(cvk_tensor_bytes(t), 480);
    for (int i = 0; i < 120; i++)
        assert_true(x[i] == 0);
    x[119] = -2.5f;
    assert_true(cvk_tensor_at(t, 119) == -2.5);
    assert_true(isnan(cvk_tensor_at(t, 120)));
    assert_int_equal(cvk_tensor_reshape(t, 2, DIMS(6, 20)), CVK_OK);
    assert_int_equal(cvk_tensor_get_desc(t)->rank, 2);
    assert_int_equal(cvk_tensor_reshape(t, 2, DIMS(6, 21)), CVK_E_SHAPE);
    assert_string_equal(cvk_error_text(), "a tensor of 6x20 has 120 elements and cannot become 6x21, which has 126");
    assert_int_equal(cvk_tensor_get_desc(t)->dims[1], 20);
    cvk_tensor_destroy(t);
    cvk_tensor_destroy(NULL);

    assert_int_equal(cvk_tensor_create(CVK_F32, 1, DIMS(0), &t), CVK_OK);
    assert_non_null(cvk_tensor_data(t));
    assert_int_equal(cvk_tensor_bytes(t), 0);
    cvk_tensor_destroy(t);

    t = (struct cvk_tensor *)&t;
    assert_int_equal(cvk_tensor_create(CVK_F32, 1, DIMS(-5), &t), CVK_E_SHAPE);
    assert_null(t);
    assert_int_equal(cvk_tensor_create(CVK_F32, 1, DIMS(1LL << 60), &t), CVK_E_MEMORY);
    assert_null(t);
    assert_int_equal(cvk_tensor_create(CVK_F32, 1, DIMS(1), NULL), CVK_E_ARG);
}

static void tensors_without_memory(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 2; n++) {
        struct cvk_tensor *t = NULL;
        cvk__alloc_fail_after(n);
        int32_t status = cvk_tensor_create(CVK_F32, 2, DIMS(8, 8), &t);
        cvk__alloc_fail_never();
        assert_int_equal(status, CVK_E_MEMORY);
        assert_null(t);
    }
    assert_string_equal(cvk_error_text(), "out of memory: 256 bytes for a tensor of 8x8");
}

static void wrapped(void **state)
{
    (void)state;
    float mine[6] = {1, 2, 3, 4, 5, 6};
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_wrap(CVK_F32, 2, DIMS(2, 3), mine, sizeof mine, &t), CVK_OK);
    assert_ptr_equal(cvk_tensor_data(t), mine);
    assert_true(cvk_tensor_at(t, 5) == 6);
    cvk_tensor_destroy(t);
    assert_true(mine[5] == 6);
    assert_int_equal(cvk_tensor_wrap(CVK_F32, 2, DIMS(2, 3), mine, 20, &t), CVK_E_SHAPE);
    assert_null(t);
    assert_non_null(strstr(cvk_error_text(), "2x3 in f32 has 24 bytes; the memory given has 20"));
    assert_int_equal(cvk_tensor_wrap(CVK_F32, 2, DIMS(2, 3), NULL, sizeof mine, &t), CVK_E_ARG);
    assert_int_equal(cvk_tensor_wrap(CVK_F32, 1, DIMS(0), NULL, 0, &t), CVK_OK);
    cvk_tensor_destroy(t);
}

static double value_of(uint32_t dtype, const void *bits)
{
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(dtype, 1, DIMS(1), &t), CVK_OK);
    memcpy(cvk_tensor_data(t), bits, cvk_dtype_bytes(dtype));
    double value = cvk_tensor_at(t, 0);
    cvk_tensor_destroy(t);
    return value;
}

static double value_of16(uint32_t dtype, uint16_t bits)
{
    return value_of(dtype, &bits);
}

static void values(void **state)
{
    (void)state;
    assert_true(value_of16(CVK_F16, 0x3C00) == 1);
    assert_true(value_of16(CVK_F16, 0xC000) == -2);
    assert_true(value_of16(CVK_F16, 0x7BFF) == 65504);
    assert_true(value_of16(CVK_F16, 0x0001) == 0x1p-24);
    assert_true(value_of16(CVK_F16, 0x03FF) == 1023 * 0x1p-24);
    assert_true(value_of16(CVK_F16, 0x0400) == 0x1p-14);
    assert_true(value_of16(CVK_F16, 0xFC00) == -INFINITY);
    assert_true(isnan(value_of16(CVK_F16, 0x7E00)));
    assert_true(signbit(value_of16(CVK_F16, 0x8000)));
    assert_true(value_of16(CVK_BF16, 0x3F80) == 1);
    assert_true(value_of16(CVK_BF16, 0xC040) == -3);
    assert_true(value_of16(CVK_I16, 0xFFFF) == -1);
    assert_true(value_of16(CVK_U16, 0xFFFF) == 65535);
    int8_t i8 = -128;
    uint8_t u8 = 200, yes = 1;
    int32_t i32 = INT32_MIN;
    uint32_t u32 = UINT32_MAX;
    int64_t i64 = -(1LL << 53);
    uint64_t u64 = 1ULL << 63;
    double f64 = 0.1;
    assert_true(value_of(CVK_I8, &i8) == -128);
    assert_true(value_of(CVK_U8, &u8) == 200);
    assert_true(value_of(CVK_BOOL, &yes) == 1);
    assert_true(value_of(CVK_I32, &i32) == -2147483648.0);
    assert_true(value_of(CVK_U32, &u32) == 4294967295.0);
    assert_true(value_of(CVK_I64, &i64) == -0x1p53);
    assert_true(value_of(CVK_U64, &u64) == 0x1p63);
    assert_true(value_of(CVK_F64, &f64) == 0.1);
}

/* Index of an element by the definition in tensor.h, one axis at a time. */
static uint64_t element(uint32_t layout, const int64_t *dims, int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t C = dims[1], H = dims[2], W = dims[3], cb = cvk_layout_block(layout);
    if (layout == CVK_LAYOUT_PLAIN)
        return (uint64_t)(((n * C + c) * H + h) * W + w);
    if (layout == CVK_LAYOUT_NHWC)
        return (uint64_t)(((n * H + h) * W + w) * C + c);
    return (uint64_t)((((n * ((C + cb - 1) / cb) + c / cb) * H + h) * W + w) * cb + c % cb);
}

/* All pairs of layouts, all element sizes, channels below, at and above a block. */
static void reorders(void **state)
{
    (void)state;
    static const uint32_t types[] = {CVK_U8, CVK_U16, CVK_U32, CVK_U64};
    for (uint32_t from = 0; from <= CVK_LAYOUT_NC16; from++)
        for (uint32_t to = 0; to <= CVK_LAYOUT_NC16; to++)
            for (int64_t channels = 1; channels <= 17; channels += 4)
                for (uint32_t t = 0; t < 4; t++) {
                    int64_t dims[4] = {2, channels, 3, 2};
                    struct cvk_tensor_desc s, d;
                    assert_int_equal(cvk_tensor_desc_init(&s, types[t], from, 4, dims), CVK_OK);
                    assert_int_equal(cvk_tensor_desc_init(&d, types[t], to, 4, dims), CVK_OK);
                    unsigned char *src = calloc(1, s.bytes), *dst = malloc(d.bytes), *want = calloc(1, d.bytes);
                    memset(dst, 0xAA, d.bytes);
                    uint32_t bytes = cvk_dtype_bytes(types[t]);
                    uint64_t number = 1;
                    for (int64_t n = 0; n < dims[0]; n++)
                        for (int64_t c = 0; c < dims[1]; c++)
                            for (int64_t h = 0; h < dims[2]; h++)
                                for (int64_t w = 0; w < dims[3]; w++, number++) {
                                    memcpy(src + element(from, dims, n, c, h, w) * bytes, &number, bytes);
                                    memcpy(want + element(to, dims, n, c, h, w) * bytes, &number, bytes);
                                }
                    assert_int_equal(cvk_tensor_reorder(&s, src, &d, dst), CVK_OK);
                    assert_memory_equal(dst, want, d.bytes);
                    free(src);
                    free(dst);
                    free(want);
                }
}

static void reorder_refusals(void **state)
{
    (void)state;
    struct cvk_tensor_desc a, b;
    float x[64] = {0}, y[64] = {0};
    assert_int_equal(cvk_tensor_desc_init(&a, CVK_F32, CVK_LAYOUT_PLAIN, 4, DIMS(1, 3, 2, 2)), CVK_OK);
    assert_int_equal(cvk_tensor_desc_init(&b, CVK_F32, CVK_LAYOUT_NHWC, 4, DIMS(1, 3, 2, 3)), CVK_OK);
    assert_int_equal(cvk_tensor_reorder(&a, x, &b, y), CVK_E_SHAPE);
    assert_non_null(strstr(cvk_error_text(), "1x3x2x2"));
    assert_int_equal(cvk_tensor_desc_init(&b, CVK_I32, CVK_LAYOUT_NHWC, 4, DIMS(1, 3, 2, 2)), CVK_OK);
    assert_int_equal(cvk_tensor_reorder(&a, x, &b, y), CVK_E_SHAPE);
    assert_int_equal(cvk_tensor_desc_init(&b, CVK_F32, CVK_LAYOUT_NHWC, 4, DIMS(1, 3, 2, 2)), CVK_OK);
    b.bytes -= 4;
    assert_int_equal(cvk_tensor_reorder(&a, x, &b, y), CVK_E_ARG);
    b.bytes += 4;
    assert_int_equal(cvk_tensor_reorder(&a, NULL, &b, y), CVK_E_ARG);
    assert_int_equal(cvk_tensor_reorder(&a, x, NULL, y), CVK_E_ARG);
    b.layout = 9;
    assert_int_equal(cvk_tensor_reorder(&a, x, &b, y), CVK_E_ARG);
    assert_int_equal(cvk_tensor_desc_init(&a, CVK_F32, CVK_LAYOUT_PLAIN, 4, DIMS(0, 3, 2, 2)), CVK_OK);
    assert_int_equal(cvk_tensor_desc_init(&b, CVK_F32, CVK_LAYOUT_NC4, 4, DIMS(0, 3, 2, 2)), CVK_OK);
    assert_int_equal(cvk_tensor_reorder(&a, NULL, &b, NULL), CVK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),   cmocka_unit_test(shape_text),
        cmocka_unit_test(descriptors), cmocka_unit_test(tensors),
        cmocka_unit_test(tensors_without_memory), cmocka_unit_test(wrapped),
        cmocka_unit_test(values),  cmocka_unit_test(reorders),
        cmocka_unit_test(reorder_refusals),
    };
    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}

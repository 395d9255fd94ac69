/* SPDX-License-Identifier: MIT
 * Comparing what a row made with what the reference made. */
#include <inttypes.h>
#include <math.h>

#include "harness.h"

static bool is_float(uint32_t dtype)
{
    return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

const char *cvk__index_text(const struct cvk_tensor_desc *desc, uint64_t flat, char text[CVK_SHAPE_TEXT])
{
    int64_t index[CVK_MAX_RANK];
    for (uint32_t i = desc->rank; i-- > 0;) {
        index[i] = (int64_t)(flat % (uint64_t)desc->dims[i]);
        flat /= (uint64_t)desc->dims[i];
    }
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < desc->rank; i++)
        used += (size_t)snprintf(text + used, CVK_SHAPE_TEXT - used, i ? ",%" PRId64 : "%" PRId64, index[i]);
    return text;
}

/* How far an element is over what is allowed; <= 0: it is fine. */
static double excess(double got, double want, double rtol, double atol)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(want) || isinf(got))
        return got == want ? 0 : INFINITY;
    return fabs(got - want) - (atol + rtol * fabs(want));
}

static int32_t compare_floats(const struct cvk_tensor_desc *desc, const struct cvk_tensor *got, const struct cvk_tensor *want,
                              double rtol, double atol, const char *what, struct cvk__text *fault)
{
    uint64_t count = cvk_tensor_desc_count(desc), bad = 0, worst = 0;
    double worst_excess = 0;
    for (uint64_t i = 0; i < count; i++) {
        double over = excess(cvk_tensor_at(got, i), cvk_tensor_at(want, i), rtol, atol);
        if (over <= 0)
            continue;
        if (bad++ == 0 || over > worst_excess) {
            worst = i;
            worst_excess = over;
        }
    }
    if (bad) {
        char text[CVK_SHAPE_TEXT];
        double g = cvk_tensor_at(got, worst), w = cvk_tensor_at(want, worst);
        cvk__text_add(fault, "%s[%s] (index %" PRIu64 "): got %.9g, want %.9g, error %.3g, allowed %.3g; %" PRIu64 " of %" PRIu64
                      " elements are wrong", what, cvk__index_text(desc, worst, text), worst, g, w, fabs(g - w),
                      atol + rtol * fabs(w), bad, count);
    }
    return CVK_OK;
}

/* A whole number of any type in decimal. */
static const char *whole_text(uint32_t dtype, const void *data, uint64_t i, char text[24])
{
    uint32_t bytes = cvk_dtype_bytes(dtype);
    uint64_t bits = 0;
    memcpy(&bits, (const char *)data + i * bytes, bytes);
    bool negative = (dtype == CVK_I8 || dtype == CVK_I16 || dtype == CVK_I32 || dtype == CVK_I64) && bits >> (8 * bytes - 1) & 1;
    if (negative)
        bits |= bytes < 8 ? ~(uint64_t)0 << 8 * bytes : 0;
    snprintf(text, 24, negative ? "%" PRId64 : "%" PRIu64, bits);
    return text;
}

static void compare_exactly(const struct cvk_tensor_desc *desc, const void *got, const void *want, const char *what,
                            struct cvk__text *fault)
{
    uint64_t count = cvk_tensor_desc_count(desc), bad = 0, first = 0;
    uint32_t bytes = cvk_dtype_bytes(desc->dtype);
    for (uint64_t i = 0; i < count; i++)
        if (memcmp((const char *)got + i * bytes, (const char *)want + i * bytes, bytes) != 0 && bad++ == 0)
            first = i;
    if (bad) {
        char text[CVK_SHAPE_TEXT], g[24], w[24];
        cvk__text_add(fault, "%s[%s] (index %" PRIu64 "): got %s, want %s; %" PRIu64 " of %" PRIu64 " elements are wrong", what,
                      cvk__index_text(desc, first, text), first, whole_text(desc->dtype, got, first, g),
                      whole_text(desc->dtype, want, first, w), bad, count);
    }
}

int32_t cvk__compare(const struct cvk_tensor_desc *desc, const void *got, const void *want, double rtol, double atol,
                     const char *what, struct cvk__text *fault)
{
    if (!is_float(desc->dtype)) {
        compare_exactly(desc, got, want, what, fault);
        return CVK_OK;
    }
    struct cvk_tensor *g = NULL, *w = NULL;
    int32_t status = cvk_tensor_wrap(desc->dtype, desc->rank, desc->dims, (void *)(uintptr_t)got, desc->bytes, &g);
    if (status == CVK_OK)
        status = cvk_tensor_wrap(desc->dtype, desc->rank, desc->dims, (void *)(uintptr_t)want, desc->bytes, &w);
    if (status == CVK_OK)
        status = compare_floats(desc, g, w, rtol, atol, what, fault);
    cvk_tensor_destroy(g);
    cvk_tensor_destroy(w);
    return status;
}

static bool is_nan_bits(uint32_t dtype, const void *element)
{
    uint64_t bits = 0;
    memcpy(&bits, element, cvk_dtype_bytes(dtype));
    switch (dtype) {
    case CVK_F64: return (bits & 0x7fffffffffffffff) > 0x7ff0000000000000;
    case CVK_F32: return (bits & 0x7fffffff) > 0x7f800000;
    case CVK_F16: return (bits & 0x7fff) > 0x7c00;
    case CVK_BF16: return (bits & 0x7fff) > 0x7f80;
    default: return false;
    }
}

uint64_t cvk__compare_bits(const struct cvk_tensor_desc *desc, const void *a, const void *b)
{
    uint32_t bytes = cvk_dtype_bytes(desc->dtype);
    const char *p = a, *q = b;
    if (memcmp(p, q, desc->bytes) == 0)
        return desc->bytes;
    for (uint64_t i = 0; i < desc->bytes; i += bytes)
        if (memcmp(p + i, q + i, bytes) != 0 && !(is_nan_bits(desc->dtype, p + i) && is_nan_bits(desc->dtype, q + i)))
            return i;
    return desc->bytes;
}

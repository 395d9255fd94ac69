/* SPDX-License-Identifier: MIT
 * Data for cases: the same numbers on every machine for the same seed. */
#include <float.h>
#include <math.h>

#include "convoke/rng.h"
#include "harness.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KNOWN_STREAMS 40
#define KNOWN_DRAWS 16384

static bool is_unsigned(uint32_t dtype)
{
    return dtype == CVK_U8 || dtype == CVK_U16 || dtype == CVK_U32 || dtype == CVK_U64;
}

static bool is_float(uint32_t dtype)
{
    return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

/* Nearest 16-bit float, ties to even, with so many bits of mantissa and this smallest normal exponent. */
static uint16_t short_float(double x, int mantissa_bits, int min_exponent)
{
    uint32_t sign = signbit(x) ? 0x8000u : 0, top = 0x7fffu >> mantissa_bits << mantissa_bits;
    if (isnan(x))
        return (uint16_t)(sign | top | 1u << (mantissa_bits - 1));
    int exponent = 0;
    (void)frexp(fabs(x), &exponent);
    if (exponent - 1 < min_exponent)
        exponent = min_exponent + 1;
    /* In units of the last place of this binade; a subnormal number has no leading 1 and exponent field 0. */
    double units = isinf(x) ? INFINITY : rint(ldexp(fabs(x), mantissa_bits + 1 - exponent));
    double bits = units + ldexp(exponent - 1 - min_exponent, mantissa_bits);
    return (uint16_t)(sign | (bits >= top ? top : (uint32_t)bits));
}

static void store(uint32_t dtype, void *data, uint64_t i, double x)
{
    switch (dtype) {
    case CVK_F32: ((float *)data)[i] = (float)x; break;
    case CVK_F64: ((double *)data)[i] = x; break;
    case CVK_F16: ((uint16_t *)data)[i] = short_float(x, 10, -14); break;
    case CVK_BF16: ((uint16_t *)data)[i] = short_float(x, 7, -126); break;
    case CVK_I8: ((int8_t *)data)[i] = (int8_t)x; break;
    case CVK_U8: ((uint8_t *)data)[i] = (uint8_t)x; break;
    case CVK_I16: ((int16_t *)data)[i] = (int16_t)x; break;
    case CVK_U16: ((uint16_t *)data)[i] = (uint16_t)x; break;
    case CVK_I32: ((int32_t *)data)[i] = (int32_t)x; break;
    case CVK_U32: ((uint32_t *)data)[i] = (uint32_t)x; break;
    case CVK_I64: ((int64_t *)data)[i] = (int64_t)x; break;
    case CVK_U64: ((uint64_t *)data)[i] = (uint64_t)x; break;
    default: ((uint8_t *)data)[i] = x != 0; break;
    }
}

/* Whole numbers lo..hi, or the default range where both are 0. */
static double whole(const struct cvk_case_tensor *t, uint32_t dtype, double default_hi, uint64_t bits)
{
    double lo = t->lo, hi = t->hi;
    if (lo == 0 && hi == 0) {
        hi = default_hi;
        lo = is_unsigned(dtype) ? 0 : -default_hi;
    }
    uint64_t span = hi > lo ? (uint64_t)(hi - lo) + 1 : 1;
    return lo + (double)(bits % span);
}

static double special(uint32_t dtype, uint64_t i)
{
    static const double f32[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0x1p-149, -0x1p-149, 0x1p-127, FLT_MIN, -FLT_MIN, FLT_MAX,
                                 -FLT_MAX, 1e-20, -1e-20, 1e20, -1e20, 88.75, -88.75, 104, -104, 1, -1, 0.5, -0.5, 1.5, 2.5, 3,
                                 -3, 100.25, -7.75};
    static const double f64[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0x1p-1074, -0x1p-1074, DBL_MIN, DBL_MAX, -DBL_MAX, 1e-200,
                                 -1e200, 709.75, -745.5, 1, -1, 0.5, 1.5, -2.5, 3, -7.75};
    static const double f16[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0x1p-24, -0x1p-24, 0x1p-15, 0x1p-14, 65504, -65504, 1e-3,
                                 -1e3, 11, -11, 1, -1, 0.5, 1.5, -2.5, 3, -7.75};
    static const double bf16[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0x1p-133, -0x1p-133, FLT_MIN, 0x1.fep127, -0x1.fep127,
                                  1e-20, -1e20, 88, -88, 1, -1, 0.5, 1.5, -2.5, 3, -7.75};
    switch (dtype) {
    case CVK_F32: return f32[i % COUNT(f32)];
    case CVK_F64: return f64[i % COUNT(f64)];
    case CVK_F16: return f16[i % COUNT(f16)];
    default: return bf16[i % COUNT(bf16)];
    }
}

/* The ends of the type's range and what lies around zero. */
static void store_special_whole(uint32_t dtype, void *data, uint64_t i)
{
    uint32_t bytes = cvk_dtype_bytes(dtype);
    uint64_t top = ~(uint64_t)0 >> (64 - 8 * bytes);
    uint64_t smallest = is_unsigned(dtype) ? 0 : top ^ top >> 1, largest = is_unsigned(dtype) ? top : top >> 1;
    const uint64_t numbers[] = {smallest, largest, 0, 1, top, 2, smallest + 1, largest - 1, 3, 100};
    uint64_t bits = numbers[i % COUNT(numbers)];
    memcpy((char *)data + i * bytes, &bits, bytes); /* little-endian: the low bytes come first */
}

static double number(const struct cvk_case_tensor *t, uint32_t dtype, uint64_t count, uint64_t bits, uint64_t i)
{
    if (t->fill == CVK_FILL_VALUES)
        return t->value_count ? t->values[i % t->value_count] : 0;
    if (t->fill == CVK_FILL_RAMP)
        return t->lo + (t->hi - t->lo) * (double)i / (double)count;
    if (dtype == CVK_BOOL)
        return (double)(bits & 1);
    if (t->fill == CVK_FILL_TIES)
        return whole(t, dtype, 2, bits);
    if (t->fill == CVK_FILL_SPECIAL)
        return special(dtype, i);
    if (!is_float(dtype))
        return whole(t, dtype, 9, bits);
    bool range = t->lo != 0 || t->hi != 0;
    double lo = range ? t->lo : -1, hi = range ? t->hi : 1;
    return lo + (hi - lo) * (double)(bits >> 40) * 0x1p-24;
}

/* The first draws of each stream: a table's cases and their passes begin with the same ones. */
static struct {
    uint64_t seed, count;
    uint64_t *bits; /* KNOWN_DRAWS of them; NULL: none */
} streams[KNOWN_STREAMS];

static const uint64_t *first_bits(uint64_t seed, uint32_t stream, uint64_t wanted, uint64_t *known)
{
    *known = 0;
    if (stream >= KNOWN_STREAMS)
        return NULL;
    if (!streams[stream].bits)
        streams[stream].bits = cvk__alloc_array(CVK__TAG_MISC, KNOWN_DRAWS, sizeof(uint64_t));
    if (!streams[stream].bits)
        return NULL;
    if (streams[stream].seed != seed)
        streams[stream].count = 0;
    streams[stream].seed = seed;
    uint64_t *count = &streams[stream].count;
    for (; *count < wanted && *count < KNOWN_DRAWS; ++*count)
        streams[stream].bits[*count] = cvk_rng_bits(seed, stream, *count);
    *known = *count;
    return streams[stream].bits;
}

void cvk__draw_trim(void)
{
    for (uint32_t i = 0; i < KNOWN_STREAMS; i++) {
        cvk__free(streams[i].bits);
        streams[i].bits = NULL;
        streams[i].count = 0;
    }
}

int32_t cvk__draw(const struct cvk_case_tensor *tensor, uint64_t seed, uint32_t stream, void **data)
{
    uint32_t dtype = tensor->dtype ? tensor->dtype : CVK_F32;
    struct cvk_tensor_desc desc;
    CVK__TRY(cvk_tensor_desc_init(&desc, dtype, CVK_LAYOUT_PLAIN, tensor->rank, tensor->dims));
    *data = cvk__alloc_buffer(CVK__TAG_TENSOR, desc.bytes);
    if (!*data)
        return cvk__fail_memory(desc.bytes, "the data of a case");
    uint64_t count = cvk_tensor_desc_count(&desc);
    bool whole_special = tensor->fill == CVK_FILL_SPECIAL && !is_float(dtype) && dtype != CVK_BOOL;
    uint64_t known;
    const uint64_t *bits = first_bits(seed, stream, count, &known);
    for (uint64_t i = 0; i < count; i++) {
        if (whole_special)
            store_special_whole(dtype, *data, i);
        else
            store(dtype, *data, i, number(tensor, dtype, count, i < known ? bits[i] : cvk_rng_bits(seed, stream, i), i));
    }
    return CVK_OK;
}

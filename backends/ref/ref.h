/* SPDX-License-Identifier: MIT
 * What the files of the reference backend share: elements as doubles or whole numbers whatever their type, walking over
 * tensors with broadcasting, the epilogue, and work in parallel.
 *
 * A file NAME.c defines `const struct cvk_kernel ref_NAME_rows[]` and `const uint32_t ref_NAME_row_count`; backend.c
 * joins them by ops.def. Each output element is computed by one worker in a fixed order, so the bits do not depend on
 * the number of threads. */
#ifndef REF_H
#define REF_H

#include "convoke/plugin_cpu.h"
#include "ref_unary.h"

/* What open gives. */
struct ref_device {
    uint32_t threads; /* 0: as many as the host has */
};

/* One row; `pass` and further members may follow the name. */
#define REF_ROW(OP, row_name) .size = sizeof(struct cvk_kernel), .op = CVK_OP_##OP, .name = row_name
#define REF_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

/* Sets of types for the rows' masks. */
#define REF_FLOATS (CVK_DTYPE_BIT(CVK_F32) | CVK_DTYPE_BIT(CVK_F64) | CVK_DTYPE_BIT(CVK_F16) | CVK_DTYPE_BIT(CVK_BF16))
#define REF_SIGNED (CVK_DTYPE_BIT(CVK_I8) | CVK_DTYPE_BIT(CVK_I16) | CVK_DTYPE_BIT(CVK_I32) | CVK_DTYPE_BIT(CVK_I64))
#define REF_UNSIGNED (CVK_DTYPE_BIT(CVK_U8) | CVK_DTYPE_BIT(CVK_U16) | CVK_DTYPE_BIT(CVK_U32) | CVK_DTYPE_BIT(CVK_U64))
#define REF_INTS (REF_SIGNED | REF_UNSIGNED)
#define REF_NUMBERS (REF_FLOATS | REF_INTS)
#define REF_ALL (REF_NUMBERS | CVK_DTYPE_BIT(CVK_BOOL))

/* Runs fn over 0..count-1 on the device's threads; nothing to do for 0. */
static inline void ref_parallel(struct cvk_exec *e, uint64_t count, cvk_task_fn fn, void *arg)
{
    if (count > 0)
        e->host->parallel(e->host, ((const struct ref_device *)e->device)->threads, count, fn, arg);
}

/* ---- elements ------------------------------------------------------------------------------------------------- */

/* Bytes of one element, 0 for an unknown type. */
static inline uint32_t ref_dtype_bytes(uint32_t dtype)
{
    switch (dtype) {
    case CVK_I8:
    case CVK_U8:
    case CVK_BOOL: return 1;
    case CVK_F16:
    case CVK_BF16:
    case CVK_I16:
    case CVK_U16: return 2;
    case CVK_F32:
    case CVK_I32:
    case CVK_U32: return 4;
    case CVK_F64:
    case CVK_I64:
    case CVK_U64: return 8;
    default: return 0;
    }
}

static inline int ref_is_float(uint32_t dtype)
{
    return dtype < 32 && (REF_FLOATS >> dtype & 1);
}

static inline float ref_f32_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double ref_f16_to_double(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    if (exponent == 0) {
        double tiny = mantissa * 0x1p-24;
        return sign ? -tiny : tiny;
    }
    exponent = exponent == 31 ? 255 : exponent + 112;
    return ref_f32_of_bits(sign | exponent << 23 | mantissa << 13);
}

static inline double ref_bf16_to_double(uint16_t h)
{
    return ref_f32_of_bits((uint32_t)h << 16);
}

/* Rounds to the nearest number with `mantissa_bits` behind the leading 1 and exponents down to min_exponent, ties to even;
 * straight from double, because a stop at float would round twice. */
static inline uint16_t ref_short_float(double x, int mantissa_bits, int min_exponent)
{
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    uint32_t infinity = 0x7fffu >> mantissa_bits << mantissa_bits;
    double size = fabs(x);
    if (x != x)
        return (uint16_t)(sign | infinity | 1u << (mantissa_bits - 1));
    int exponent = 0;
    double fraction = frexp(size, &exponent); /* size = fraction * 2^exponent, 0.5 <= fraction < 1 */
    if (isinf(size) || exponent > 2 - min_exponent)
        return (uint16_t)(sign | infinity);
    uint32_t bits;
    if (size == 0 || exponent - 1 < min_exponent) { /* below the smallest normal number: steps of one size */
        bits = (uint32_t)rint(ldexp(size, mantissa_bits - min_exponent));
    } else { /* a mantissa rounded up to 2 carries into the exponent by itself, up to infinity */
        bits = (uint32_t)(exponent - min_exponent) << mantissa_bits;
        bits += (uint32_t)rint(ldexp(fraction, mantissa_bits + 1)) - (1u << mantissa_bits);
    }
    return (uint16_t)(sign | bits);
}

static inline uint16_t ref_f16_from_double(double x)
{
    return ref_short_float(x, 10, -14);
}

static inline uint16_t ref_bf16_from_double(double x)
{
    return ref_short_float(x, 7, -126);
}

/* Element i as a double. 64-bit integers above 2^53 lose digits: see ref_load_int. */
static inline double ref_load(const void *data, uint32_t dtype, uint64_t i)
{
    switch (dtype) {
    case CVK_F32: return ((const float *)data)[i];
    case CVK_F64: return ((const double *)data)[i];
    case CVK_F16: return ref_f16_to_double(((const uint16_t *)data)[i]);
    case CVK_BF16: return ref_bf16_to_double(((const uint16_t *)data)[i]);
    case CVK_I8: return ((const int8_t *)data)[i];
    case CVK_I16: return ((const int16_t *)data)[i];
    case CVK_U16: return ((const uint16_t *)data)[i];
    case CVK_I32: return ((const int32_t *)data)[i];
    case CVK_U32: return ((const uint32_t *)data)[i];
    case CVK_I64: return (double)((const int64_t *)data)[i];
    case CVK_U64: return (double)((const uint64_t *)data)[i];
    default: return ((const uint8_t *)data)[i]; /* u8, bool */
    }
}

/* Toward zero; what does not fit becomes the nearest that does, NaN becomes 0. */
static inline int64_t ref_int_of(double x, double lo, double hi)
{
    return x != x ? 0 : x <= lo ? (int64_t)lo : x >= hi ? (int64_t)hi : (int64_t)x;
}

static inline void ref_store(void *data, uint32_t dtype, uint64_t i, double x)
{
    switch (dtype) {
    case CVK_F32: ((float *)data)[i] = (float)x; break;
    case CVK_F64: ((double *)data)[i] = x; break;
    case CVK_F16: ((uint16_t *)data)[i] = ref_f16_from_double(x); break;
    case CVK_BF16: ((uint16_t *)data)[i] = ref_bf16_from_double(x); break;
    case CVK_I8: ((int8_t *)data)[i] = (int8_t)ref_int_of(x, INT8_MIN, INT8_MAX); break;
    case CVK_U8: ((uint8_t *)data)[i] = (uint8_t)ref_int_of(x, 0, UINT8_MAX); break;
    case CVK_I16: ((int16_t *)data)[i] = (int16_t)ref_int_of(x, INT16_MIN, INT16_MAX); break;
    case CVK_U16: ((uint16_t *)data)[i] = (uint16_t)ref_int_of(x, 0, UINT16_MAX); break;
    case CVK_I32: ((int32_t *)data)[i] = (int32_t)ref_int_of(x, INT32_MIN, INT32_MAX); break;
    case CVK_U32: ((uint32_t *)data)[i] = (uint32_t)ref_int_of(x, 0, UINT32_MAX); break;
    case CVK_I64: /* 2^63 itself does not fit and is no int64_t, so the upper end is tested here */
        ((int64_t *)data)[i] = x >= 0x1p63 ? INT64_MAX : ref_int_of(x, -0x1p63, 0x1p63);
        break;
    case CVK_U64: ((uint64_t *)data)[i] = !(x > 0) ? 0 : x >= 0x1p64 ? UINT64_MAX : (uint64_t)x; break;
    default: ((uint8_t *)data)[i] = x != 0; break; /* bool */
    }
}

/* Element i of an integer or bool type, exact; the bits of a u64 above 2^63 come as a negative number. */
static inline int64_t ref_load_int(const void *data, uint32_t dtype, uint64_t i)
{
    switch (dtype) {
    case CVK_I8: return ((const int8_t *)data)[i];
    case CVK_I16: return ((const int16_t *)data)[i];
    case CVK_U16: return ((const uint16_t *)data)[i];
    case CVK_I32: return ((const int32_t *)data)[i];
    case CVK_U32: return ((const uint32_t *)data)[i];
    case CVK_I64:
    case CVK_U64: return ((const int64_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

/* Keeps the low bits, as two's complement arithmetic does. */
static inline void ref_store_int(void *data, uint32_t dtype, uint64_t i, int64_t x)
{
    switch (ref_dtype_bytes(dtype)) {
    case 1: ((uint8_t *)data)[i] = dtype == CVK_BOOL ? x != 0 : (uint8_t)x; break;
    case 2: ((uint16_t *)data)[i] = (uint16_t)x; break;
    case 4: ((uint32_t *)data)[i] = (uint32_t)x; break;
    default: ((uint64_t *)data)[i] = (uint64_t)x; break;
    }
}

/* Elements first..first+count-1 as doubles, and back. */
static inline void ref_load_row(double *out, const void *data, uint32_t dtype, uint64_t first, uint64_t count)
{
    if (dtype == CVK_F32) { /* apart, so that the compiler makes vectors of it */
        const float *x = (const float *)data + first;
        for (uint64_t i = 0; i < count; i++)
            out[i] = x[i];
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        out[i] = ref_load(data, dtype, first + i);
}

static inline void ref_store_row(void *data, uint32_t dtype, uint64_t first, const double *row, uint64_t count)
{
    if (dtype == CVK_F32) {
        float *y = (float *)data + first;
        for (uint64_t i = 0; i < count; i++)
            y[i] = (float)row[i];
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        ref_store(data, dtype, first + i, row[i]);
}

/* ---- walking -------------------------------------------------------------------------------------------------- */

/* Row-major strides in elements. */
static inline void ref_strides(uint32_t rank, const int64_t *dims, int64_t *strides)
{
    int64_t step = 1;
    for (uint32_t i = rank; i-- > 0;) {
        strides[i] = step;
        step *= dims[i];
    }
}

#define REF_WALK_OPERANDS 4

/* A position that goes through `dims` in row-major order, with the element offset that it has in each operand. */
struct ref_walk {
    uint32_t rank, operand_count;
    int64_t dims[CVK_MAX_RANK], index[CVK_MAX_RANK];
    int64_t strides[REF_WALK_OPERANDS][CVK_MAX_RANK]; /* elements; 0 where an operand is broadcast */
    int64_t offset[REF_WALK_OPERANDS];                /* elements */
};

static inline void ref_walk_init(struct ref_walk *w, uint32_t rank, const int64_t *dims)
{
    memset(w, 0, sizeof *w);
    w->rank = rank;
    memcpy(w->dims, dims, rank * sizeof *dims);
}

/* Adds an operand with its own strides. */
static inline void ref_walk_add_strides(struct ref_walk *w, const int64_t *strides)
{
    memcpy(w->strides[w->operand_count++], strides, w->rank * sizeof *strides);
}

/* Adds a plain operand that broadcasts to the walk's sizes by NumPy's rules. */
static inline void ref_walk_add(struct ref_walk *w, const struct cvk_tensor_desc *d)
{
    int64_t own[CVK_MAX_RANK] = {0}, strides[CVK_MAX_RANK] = {0};
    ref_strides(d->rank, d->dims, own);
    for (uint32_t i = 0; i < d->rank; i++)
        strides[w->rank - d->rank + i] = d->dims[i] == 1 ? 0 : own[i];
    ref_walk_add_strides(w, strides);
}

/* Goes to element `flat` of the walk's sizes. */
static inline void ref_walk_seek(struct ref_walk *w, uint64_t flat)
{
    memset(w->offset, 0, sizeof w->offset);
    for (uint32_t i = w->rank; i-- > 0;) {
        w->index[i] = (int64_t)(flat % (uint64_t)w->dims[i]);
        flat /= (uint64_t)w->dims[i];
        for (uint32_t k = 0; k < w->operand_count; k++)
            w->offset[k] += w->index[i] * w->strides[k][i];
    }
}

/* Goes one element on; after the last it is at the first again. */
static inline void ref_walk_next(struct ref_walk *w)
{
    for (uint32_t i = w->rank; i-- > 0;) {
        int carry = ++w->index[i] == w->dims[i];
        for (uint32_t k = 0; k < w->operand_count; k++)
            w->offset[k] += carry ? -(w->dims[i] - 1) * w->strides[k][i] : w->strides[k][i];
        if (!carry)
            return;
        w->index[i] = 0;
    }
}

/* ---- the epilogue --------------------------------------------------------------------------------------------- */

/* The parts as pointers, NULL where a part is not set. The vectors are f32, the residual has the type of the output. */
struct ref_epilogue {
    const struct cvk_epilogue *parts; /* NULL: nothing to do */
    const float *bias, *scale, *shift;
    const void *residual;
    uint32_t dtype; /* of the residual */
};
#define REF_EPILOGUE_ALL (CVK_EPI_BIAS | CVK_EPI_SCALE | CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION)
/* Every kind that gives a number; CVK_NOT and what follows give truth values. */
#define REF_ACTIVATIONS ((1ull << CVK_NOT) - 1)

static inline struct ref_epilogue ref_epilogue_of(const struct cvk_exec *e)
{
    const struct cvk_epilogue *parts = e->node->epilogue;
    struct ref_epilogue out = {parts && parts->parts ? parts : NULL, cvk_cpu_pointer(e->bias),     cvk_cpu_pointer(e->scale),
                               cvk_cpu_pointer(e->shift),            cvk_cpu_pointer(e->residual), e->node->outputs[0]->dtype};
    return out;
}

/* Applies the epilogue to `count` results that belong to elements first.. of the output. Result i is of channel
 * channel + i * channel_step: step 0 where a row lies in one channel (conv), 1 where the last axis is the channel (gemm). */
static inline void ref_epilogue_row(const struct ref_epilogue *p, double *row, uint64_t first, uint64_t count, uint64_t channel,
                                    uint64_t channel_step)
{
    if (!p->parts)
        return;
    uint32_t parts = p->parts->parts;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t c = channel + i * channel_step;
        if (parts & CVK_EPI_BIAS)
            row[i] += p->bias[c];
        if (parts & CVK_EPI_SCALE)
            row[i] = row[i] * p->scale[c] + p->shift[c];
        if (parts & CVK_EPI_RESIDUAL)
            row[i] += ref_load(p->residual, p->dtype, first + i);
        if (parts & CVK_EPI_ACTIVATION)
            row[i] = ref_unary(p->parts->activation, (double)p->parts->a, (double)p->parts->b, row[i]);
    }
}

#endif

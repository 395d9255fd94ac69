/* SPDX-License-Identifier: MIT
 * How the work of moving is cut, and the state of rows that are several copies. */
#include "move.h"

#include <math.h>

#define ITEM_BYTES 16384 /* on CPU devices: what one item moves */
#define GROUP 64         /* on others: items of a group */

static cl_int at_least_one(uint64_t n)
{
    return n ? (cl_int)n : 1;
}

struct ocl_work ocl_cut(const struct ocl_device *d, struct ocl_call *call, uint64_t rows, uint64_t width, uint32_t word_bytes)
{
    struct ocl_work w = {.rows = (cl_int)rows, .width = (cl_int)width, .pieces = 1, .span = 1, .row_step = 1};
    uint64_t words = ITEM_BYTES / word_bytes;
    if (!d->cpu_form) {
        w.pieces = at_least_one(width);
    } else if (width >= words) {
        w.pieces = at_least_one(ocl_ceil_div(width, words));
        w.span = at_least_one(ocl_ceil_div(width, (uint64_t)w.pieces));
    } else {
        w.span = at_least_one(width);
        w.row_step = (cl_int)(words / (uint64_t)w.span);
    }
    ocl_call_items(call, ocl_ceil_div(rows, (uint64_t)w.row_step) * (uint64_t)w.pieces, d->cpu_form ? 1 : GROUP);
    return w;
}

void ocl_option_group(const struct ocl_device *d, char *options, uint32_t bytes)
{
    ocl_option(options, bytes, "-DGROUP=%d", d->cpu_form ? 1 : GROUP);
}

void ocl_option_word(char *options, uint32_t bytes, uint32_t word_bytes)
{
    static const char *const words[] = {"uchar", "ushort", "uint", "ulong", "ulong2", "ulong4", "ulong8"};
    uint32_t i = 0;
    while (1u << i < word_bytes)
        i++;
    ocl_option(options, bytes, "-DW=%s", words[i]);
}

uint32_t ocl_max_word(const struct ocl_device *d)
{
    return d->cpu_form ? 64 : 16;
}

uint32_t ocl_layout_block(uint32_t layout)
{
    return layout == CVK_LAYOUT_NC4 ? 4 : layout == CVK_LAYOUT_NC8 ? 8 : layout == CVK_LAYOUT_NC16 ? 16 : 1;
}

int64_t ocl_pixels(const struct cvk_tensor_desc *d)
{
    int64_t pixels = 1;
    for (uint32_t i = 2; i < d->rank; i++)
        pixels *= d->dims[i];
    return pixels;
}

/* ---- the state ----------------------------------------------------------------------------------------------------------- */

struct ocl_moves *ocl_moves_init(struct cvk_exec *e, uint32_t most)
{
    return ocl_state(e, sizeof(struct ocl_moves) + most * sizeof(struct ocl_one_move));
}

static struct ocl_one_move *next_move(struct cvk_exec *e, uint32_t input, uint32_t output)
{
    struct ocl_moves *m = e->state;
    struct ocl_one_move *move = &m->moves[m->count];
    move->input = input;
    move->output = output;
    return move;
}

int32_t ocl_moves_strided(struct cvk_exec *e, uint32_t input, uint32_t output, const struct ocl_strided *s)
{
    struct ocl_moves *m = e->state;
    for (uint32_t i = 0; i < s->rank; i++)
        if (s->dims[i] == 0)
            return CVK_OK;
    OCL_TRY(ocl_strided_call(ocl_device_of(e), &next_move(e, input, output)->call, *s));
    m->count++;
    return CVK_OK;
}

int32_t ocl_moves_filled(struct cvk_exec *e, uint32_t input, uint32_t output, const struct ocl_strided *s, int64_t filled)
{
    struct ocl_moves *m = e->state;
    OCL_TRY(ocl_filled_call(ocl_device_of(e), &next_move(e, input, output)->call, *s, filled));
    m->count++;
    return CVK_OK;
}

int32_t ocl_moves_relayout(struct cvk_exec *e, uint32_t input, uint32_t output, const struct ocl_relayout *c)
{
    struct ocl_moves *m = e->state;
    if (c->y_end == c->y_begin || c->y->bytes == 0)
        return CVK_OK;
    OCL_TRY(ocl_relayout_call(ocl_device_of(e), &next_move(e, input, output)->call, c));
    m->count++;
    return CVK_OK;
}

int32_t ocl_moves_drop(struct cvk_exec *e, int32_t status)
{
    ocl_moves_finish(e);
    return status;
}

int32_t ocl_moves_run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_moves *m = e->state;
    for (uint32_t i = 0; i < m->count; i++) {
        struct ocl_one_move *move = &m->moves[i];
        OCL_TRY(ocl_bind(d, &move->call, 0, &e->inputs[move->input]));
        OCL_TRY(ocl_bind(d, &move->call, 2, &e->outputs[move->output]));
        OCL_TRY(ocl_enqueue(d, &move->call));
    }
    return CVK_OK;
}

void ocl_moves_finish(struct cvk_exec *e)
{
    struct ocl_moves *m = e->state;
    for (uint32_t i = 0; i < m->count; i++)
        ocl_call_finish(&m->moves[i].call);
    ocl_state_free(e);
}

/* ---- elements on the host ------------------------------------------------------------------------------------------------ */

static uint64_t repeat(uint64_t element, uint32_t bytes)
{
    for (uint32_t bits = bytes * 8; bits < 64; bits *= 2)
        element = (element & ((UINT64_C(1) << bits) - 1)) | element << bits;
    return element;
}

/* A float of 16 bits: whole multiples of the last place at the number's exponent, ties to even; what carries over goes into
 * the exponent. */
static uint64_t short_float(double value, int mantissa_bits, int min_exponent)
{
    uint64_t sign = signbit(value) ? 0x8000 : 0, infinity = 0x7fffu >> mantissa_bits << mantissa_bits;
    if (isnan(value))
        return sign | infinity | UINT64_C(1) << (mantissa_bits - 1);
    if (isinf(value))
        return sign | infinity;
    int exponent = value == 0 ? min_exponent : ilogb(value);
    if (exponent > 1 - min_exponent)
        return sign | infinity;
    if (exponent < min_exponent)
        exponent = min_exponent;
    uint64_t steps = (uint64_t)rint(ldexp(fabs(value), mantissa_bits - exponent));
    return sign | (((uint64_t)(exponent - min_exponent) << mantissa_bits) + steps);
}

/* Cut off, NaN is 0, kept within the ends. */
static int64_t whole(double value, double lo, double hi)
{
    return isnan(value) ? 0 : value <= lo ? (int64_t)lo : value >= hi ? (int64_t)hi : (int64_t)value;
}

static uint64_t whole_bits(double value, uint32_t dtype)
{
    switch (dtype) {
    case CVK_I8: return (uint64_t)whole(value, INT8_MIN, INT8_MAX);
    case CVK_U8: return (uint64_t)whole(value, 0, UINT8_MAX);
    case CVK_I16: return (uint64_t)whole(value, INT16_MIN, INT16_MAX);
    case CVK_U16: return (uint64_t)whole(value, 0, UINT16_MAX);
    case CVK_I32: return (uint64_t)whole(value, INT32_MIN, INT32_MAX);
    case CVK_U32: return (uint64_t)whole(value, 0, UINT32_MAX);
    case CVK_I64: return value >= 0x1p63 ? INT64_MAX : (uint64_t)whole(value, -0x1p63, 0x1p63);
    case CVK_U64: return !(value > 0) ? 0 : value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
    default: return value != 0;
    }
}

uint64_t ocl_pattern(double value, uint32_t dtype)
{
    uint32_t bytes = ocl_dtype_bytes(dtype);
    float single = (float)value;
    uint64_t bits = 0;
    if (dtype == CVK_F32)
        memcpy(&bits, &single, sizeof single);
    else if (dtype == CVK_F64)
        memcpy(&bits, &value, sizeof value);
    else if (dtype == CVK_F16)
        bits = short_float(value, 10, -14);
    else if (dtype == CVK_BF16)
        bits = short_float(value, 7, -126);
    else
        bits = whole_bits(value, dtype);
    return repeat(bits, bytes);
}

uint64_t ocl_pattern_int(int64_t value, uint32_t dtype)
{
    return repeat(dtype == CVK_BOOL ? value != 0 : (uint64_t)value, ocl_dtype_bytes(dtype));
}

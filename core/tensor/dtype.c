/* SPDX-License-Identifier: MIT
 * Element types: their sizes and names. */
#include "convoke/tensor.h"

static const struct {
    uint32_t bytes;
    const char *name;
} types[] = {
    [CVK_F32] = {4, "f32"},   [CVK_F64] = {8, "f64"}, [CVK_F16] = {2, "f16"}, [CVK_BF16] = {2, "bf16"}, [CVK_I8] = {1, "i8"},
    [CVK_U8] = {1, "u8"},     [CVK_I16] = {2, "i16"}, [CVK_U16] = {2, "u16"}, [CVK_I32] = {4, "i32"},   [CVK_U32] = {4, "u32"},
    [CVK_I64] = {8, "i64"},   [CVK_U64] = {8, "u64"}, [CVK_BOOL] = {1, "bool"},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

uint32_t cvk_dtype_bytes(uint32_t dtype)
{
    return dtype < TYPE_COUNT ? types[dtype].bytes : 0;
}

const char *cvk_dtype_name(uint32_t dtype)
{
    return dtype < TYPE_COUNT && types[dtype].name ? types[dtype].name : "?";
}

/* SPDX-License-Identifier: MIT
 * Element types that ONNX's operators take, in opset 13 and from 14 to 17: those of the input that decides, and of the inputs
 * that hold sizes and indices. Source: the type constraints in ONNX's Operators.md. */
#include "../ops/dtype_sets.h"
#include "export.h"

#define BIT CVK_DTYPE_BIT
#define F3 (CVK__FLOATS & ~BIT(CVK_BF16))
#define F4 CVK__FLOATS
#define WIDE (BIT(CVK_I32) | BIT(CVK_I64) | BIT(CVK_U32) | BIT(CVK_U64))
#define BYTES (BIT(CVK_I8) | BIT(CVK_U8))
#define NUMBERS CVK__NUMBERS
#define BOOL BIT(CVK_BOOL)
#define ALL (NUMBERS | BOOL)
#define I64 BIT(CVK_I64)
#define INDEX (BIT(CVK_I32) | I64)
#define SHORT(set) ((set) & ~BIT(CVK_BF16))

static const struct {
    const char *op;
    uint32_t input;
    uint32_t in_13, in_17; /* bits of enum cvk_dtype */
} rows[] = {
    {"Conv", 0, F3, F3},
    {"ConvTranspose", 0, F3, F3},
    {"MaxPool", 0, F3 | BYTES, F3 | BYTES},
    {"AveragePool", 0, F3, F3},
    {"LpPool", 0, F3, F3},
    {"GlobalMaxPool", 0, F3, F3},
    {"GlobalAveragePool", 0, F3, F3},
    {"GlobalLpPool", 0, F3, F3},
    {"Gemm", 0, F4 | WIDE, F4 | WIDE},
    {"MatMul", 0, F4 | WIDE, F4 | WIDE},
    {"Relu", 0, F4, F4 | CVK__SIGNED},
    {"LeakyRelu", 0, F3, F4},
    {"Elu", 0, F3, F3},
    {"Selu", 0, F3, F3},
    {"Celu", 0, BIT(CVK_F32), BIT(CVK_F32)},
    {"Clip", 0, NUMBERS, NUMBERS},
    {"HardSigmoid", 0, F3, F3},
    {"HardSwish", 0, F3, F3},
    {"Softplus", 0, F3, F3},
    {"Softsign", 0, F3, F3},
    {"ThresholdedRelu", 0, F3, F3},
    {"Shrink", 0, SHORT(NUMBERS), SHORT(NUMBERS)},
    {"Neg", 0, F4 | CVK__SIGNED, F4 | CVK__SIGNED},
    {"Round", 0, F3, F3},
    {"Sin", 0, F3, F3},
    {"Cos", 0, F3, F3},
    {"Tan", 0, F3, F3},
    {"Asin", 0, F3, F3},
    {"Acos", 0, F3, F3},
    {"Atan", 0, F3, F3},
    {"Sinh", 0, F3, F3},
    {"Cosh", 0, F3, F3},
    {"Asinh", 0, F3, F3},
    {"Acosh", 0, F3, F3},
    {"Atanh", 0, F3, F3},
    {"IsInf", 0, BIT(CVK_F32) | BIT(CVK_F64), BIT(CVK_F32) | BIT(CVK_F64)},
    {"Add", 0, F4 | WIDE, NUMBERS},
    {"Sub", 0, F4 | WIDE, NUMBERS},
    {"Mul", 0, F4 | WIDE, NUMBERS},
    {"Div", 0, F4 | WIDE, NUMBERS},
    {"Pow", 0, F4 | INDEX, F4 | INDEX},
    {"Pow", 1, SHORT(NUMBERS), NUMBERS},
    {"PRelu", 0, F3 | WIDE, F4 | WIDE},
    {"LessOrEqual", 0, SHORT(NUMBERS), NUMBERS},
    {"GreaterOrEqual", 0, SHORT(NUMBERS), NUMBERS},
    {"Where", 1, SHORT(ALL), ALL},
    {"ReduceSum", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceSum", 1, I64, I64},
    {"ReduceMean", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceMax", 0, F4 | WIDE | BYTES, F4 | WIDE | BYTES},
    {"ReduceMin", 0, F4 | WIDE | BYTES, F4 | WIDE | BYTES},
    {"ReduceProd", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceL1", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceL2", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceLogSum", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceLogSumExp", 0, F4 | WIDE, F4 | WIDE},
    {"ReduceSumSquare", 0, F4 | WIDE, F4 | WIDE},
    {"BatchNormalization", 0, F3, F4},
    {"BatchNormalization", 1, F3, F4},
    {"BatchNormalization", 3, F3, F4},
    {"InstanceNormalization", 0, F3, F3},
    {"Split", 1, I64, I64},
    {"Slice", 1, INDEX, INDEX},
    {"Slice", 2, INDEX, INDEX},
    {"Slice", 3, INDEX, INDEX},
    {"Slice", 4, INDEX, INDEX},
    {"Pad", 1, I64, I64},
    {"Reshape", 1, I64, I64},
    {"Squeeze", 1, I64, I64},
    {"Unsqueeze", 1, I64, I64},
    {"Expand", 1, I64, I64},
    {"Tile", 1, I64, I64},
    {"GatherND", 1, I64, I64},
    {"ConstantOfShape", 0, I64, I64},
    {"Resize", 1, F3, F3},
    {"Resize", 2, BIT(CVK_F32), BIT(CVK_F32)},
    {"Resize", 3, I64, I64},
    {"TopK", 0, SHORT(NUMBERS), SHORT(NUMBERS)},
    {"TopK", 1, I64, I64},
    {"OneHot", 0, SHORT(NUMBERS), SHORT(NUMBERS)},
    {"OneHot", 1, SHORT(NUMBERS), SHORT(NUMBERS)},
    {"OneHot", 2, SHORT(ALL), SHORT(ALL)},
};

bool cvk__export_takes(const char *op, int64_t opset, uint32_t input, uint32_t dtype)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].input == input && !strcmp(rows[i].op, op))
            return cvk__dtype_in(dtype, opset < 14 ? rows[i].in_13 : rows[i].in_17);
    return true;
}

/* SPDX-License-Identifier: MIT
 * gemm and matmul of any kind: one item computes one element of y. Whole numbers (WHOLE) are summed modulo two to the number of
 * bits. */

struct product_shape {
    int rows, columns, depth, count;
    int a_row, a_depth, b_depth, b_column; /* steps in elements */
    int c_row, c_column;
    int dims[6], a_step[6],
        b_step[6]; /* axes before the matrices, 1 for those that are missing; steps are 0 where an operand is broadcast */
};

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void product_generic(CONST_BUFFER(T(DX), a), CONST_BUFFER(T(DX), b),
                                                                              CONST_BUFFER(T(DX), c), BUFFER(T(DY), y),
                                                                              EPILOGUE_ARGS, struct product_shape s, float alpha,
                                                                              float beta)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int column = i % s.columns, row = i / s.columns % s.rows, matrix = i / s.columns / s.rows;
    int ia = row * s.a_row, ib = column * s.b_column;
#pragma unroll
    for (int axis = 5; axis >= 0; axis--) {
        int at = matrix % s.dims[axis];
        matrix /= s.dims[axis];
        ia += at * s.a_step[axis];
        ib += at * s.b_step[axis];
    }
    C(DX) sum = 0;
    for (int k = 0; k < s.depth; k++)
        sum += LOAD(DX, CONST_AT(T(DX), a), ia + k * s.a_depth) * LOAD(DX, CONST_AT(T(DX), b), ib + k * s.b_depth);
#ifdef SCALED
    sum *= alpha;
#endif
#ifdef WITH_C
    sum += beta * LOAD(DX, CONST_AT(T(DX), c), row * s.c_row + column * s.c_column);
#endif
#ifdef WHOLE
    STORE(DY, AT(T(DY), y), i, sum);
#else
    STORE(DY, AT(T(DY), y), i, EPILOGUE(sum, column, i));
#endif
}

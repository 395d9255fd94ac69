/* SPDX-License-Identifier: MIT
 * y from the sums of several parts of k, always added in the same order. */

struct sum_sizes {
    int count, parts;
    int inner, rows; /* element i of y is at column i % inner of row i / inner % rows */
    int c_row, c_column;
};

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void product_sum(CONST_BUFFER(float, part), CONST_BUFFER(T(DX), c),
                                                                          BUFFER(T(DY), y), EPILOGUE_ARGS, struct sum_sizes s,
                                                                          float alpha, float beta)
{
    int i = get_global_id(0);
    if (i >= s.count)
        return;
    int row = i / s.inner % s.rows, column = i % s.inner;
    float sum = 0;
    for (int p = 0; p < s.parts; p++)
        sum += CONST_AT(float, part)[p * s.count + i];
#ifdef SCALED
    sum *= alpha;
#endif
#ifdef WITH_C
    sum += beta * LOAD(DX, CONST_AT(T(DX), c), row * s.c_row + column * s.c_column);
#endif
#ifdef CHANNEL_IS_COLUMN
    int channel = column;
#else
    int channel = row;
#endif
    STORE(DY, AT(T(DY), y), i, EPILOGUE(sum, channel, i));
}

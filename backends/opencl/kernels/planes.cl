/* SPDX-License-Identifier: MIT
 * Planes turned over: word i of row j of x becomes word j of row i of y; rows that x lacks are zeros. W is a word of 1, 2 or 4
 * bytes. GROUP 1 is the form for CPU devices: squares of 16 by 16 are turned in registers; else in local memory, a group of
 * 256 items each. */
#define MAX_AXES 16

/* The axes in front of the planes; a plane is `rows` by `columns` words of x, `filled` by `columns` of y, cut into squares. */
struct planes {
    int rank, x_first, y_first, rows, filled, columns, x_row, y_row, row_tiles, pieces, dim[MAX_AXES], x[MAX_AXES], y[MAX_AXES];
};

#define STEP(a) from += rest % p.dim[a] * p.x[a]; to += rest % p.dim[a] * p.y[a]; rest /= p.dim[a];

#if GROUP == 1

#define W16 PASTE(W, 16)
#define SPAN 16 /* squares of an item */
typedef W16 loose __attribute__((aligned(sizeof(W)))); /* vload16 is put together of single words by some compilers */

#define MIX_LO(a, b) (W16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#define MIX_HI(a, b) (W16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf)
#define ALL16(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
/* Mixing rows i and i + 8 turns the bits of (row, column) by one place; four times turn the square over. */
#define MIX(to, of, i, j, lo, hi) const W16 to##lo = MIX_LO(of##i, of##j), to##hi = MIX_HI(of##i, of##j);
#define ROUND(to, of)                                                                                                \
    MIX(to, of, 0, 8, 0, 1) MIX(to, of, 1, 9, 2, 3) MIX(to, of, 2, 10, 4, 5) MIX(to, of, 3, 11, 6, 7)                \
    MIX(to, of, 4, 12, 8, 9) MIX(to, of, 5, 13, 10, 11) MIX(to, of, 6, 14, 12, 13) MIX(to, of, 7, 15, 14, 15)
#define LOAD_ROW(i) const W16 a##i = i < rows ? *(__global const loose *)(in + i * x_row) : (W16)0;
#define STORE_COLUMN(i) if (i < columns) *(__global loose *)(out + i * y_row) = e##i;

/* What lies behind a row of x is read, too, where there are fewer than 16 columns: never more than 60 bytes, which every
 * buffer has. */
inline void turn(__global const W *in, int x_row, int rows, int columns, __global W *out, int y_row)
{
    ALL16(LOAD_ROW)
    ROUND(b, a)
    ROUND(c, b)
    ROUND(d, c)
    ROUND(e, d)
    ALL16(STORE_COLUMN)
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void planes(CONST_BUFFER(W, x), BUFFER(W, y), struct planes p)
{
    const int item = get_global_id(0), row = item / p.pieces % p.row_tiles * 16, first = item % p.pieces * 16 * SPAN,
              last = min(first + 16 * SPAN, p.columns);
    int from = p.x_first, to = p.y_first, rest = item / p.pieces / p.row_tiles;
    EACH_AXIS_OF_16(p.rank, STEP)
    for (int column = first; column < last; column += 16) {
        __global const W *in = CONST_AT(W, x) + from + row * p.x_row + column;
        __global W *out = AT(W, y) + to + column * p.y_row + row;
        if (p.filled - row >= 16)
            turn(in, p.x_row, p.rows - row, last - column, out, p.y_row);
        else
            for (int i = 0; i < min(16, last - column); i++)
                for (int j = 0; j < p.filled - row; j++)
                    out[i * p.y_row + j] = row + j < p.rows ? in[j * p.x_row + i] : (W)0;
    }
}

#else

__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void planes(CONST_BUFFER(W, x), BUFFER(W, y), struct planes p)
{
    __local W tile[16][17];
    const int square = get_group_id(0), fast = get_local_id(0) % 16, slow = get_local_id(0) / 16,
              row = square / p.pieces % p.row_tiles * 16, column = square % p.pieces * 16;
    int from = p.x_first, to = p.y_first, rest = square / p.pieces / p.row_tiles;
    EACH_AXIS_OF_16(p.rank, STEP)
    tile[slow][fast] = row + slow < p.rows && column + fast < p.columns
                           ? CONST_AT(W, x)[from + (row + slow) * p.x_row + column + fast] : (W)0;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (row + fast < p.filled && column + slow < p.columns)
        AT(W, y)[to + (column + slow) * p.y_row + row + fast] = tile[fast][slow];
}

#endif

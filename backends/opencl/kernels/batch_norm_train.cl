/* SPDX-License-Identifier: MIT
 * batch_norm in training, and its gradient (-DBACKWARD): sums of pieces of each channel, what follows from them for the
 * channel, then the elements. Pieces are cut by sizes alone and joined in their order. The variance is a sum of squares around
 * means of small chunks, which are joined as in Chan, Golub and LeVeque 1983: nothing cancels. */

/* Kernels: norm_sums, norm_finish and norm_write one after the other, or, where there are groups enough, norm_groups (WIDE):
 * all of it for one group after the other, whose elements are then still in a cache. Both give the same bits.
 *
 * WIDE: a group is sixteen channels (their elements side by side: blocks, or columns of a matrix) or, where `spread`, one
 * channel whose elements fill the lanes. A row is a vector, from `full` on one of `lanes` elements. Else: a group is a channel.
 */
struct view {
    int groups, pieces, images, rows, full, lanes, row_step, image_step, group_step, piece_images, parts, part_rows;
    int channels, count, spread, blocked;
};

#define CHUNK 256 /* rows whose mean is found before their squares: they stay in a cache */

#define PASS(name) name##_base, name##_offset

#ifdef WIDE
#define LANES 16
#define GROUP 1
typedef float16 V;

struct piece {
    int first_image, last_image, first_row, last_row, full, lanes, left, channel, base;
};

inline struct piece piece_of(struct view s, int item)
{
    int group = item / s.pieces, piece = item % s.pieces;
    struct piece p;
    p.first_image = piece / s.parts * s.piece_images;
    p.last_image = min(p.first_image + s.piece_images, s.images);
    p.first_row = piece % s.parts * s.part_rows;
    p.last_row = min(p.first_row + s.part_rows, s.rows);
    p.channel = s.spread ? group : 16 * group;
    p.left = s.spread ? 16 : min(16, s.channels - p.channel);
    p.lanes = p.left < 16 ? p.left : s.lanes;
    p.full = p.left < 16 && !s.blocked ? 0 : s.full;
    p.base = group * s.group_step;
    return p;
}

/* BODY(at, lanes) for rows first .. last - 1 of an image. */
#define EACH_ROW(p, s, image, first, last, BODY)                                                                               \
    {                                                                                                                          \
        int at_ = (p).base + (image) * (s).image_step + (first) * (s).row_step, row_ = (first);                                \
        for (int end_ = min((last), (p).full); row_ < end_; row_++, at_ += (s).row_step) {                                     \
            BODY(at_, 16);                                                                                                     \
        }                                                                                                                      \
        for (; row_ < (last); row_++, at_ += (s).row_step) {                                                                   \
            BODY(at_, (p).lanes);                                                                                              \
        }                                                                                                                      \
    }
#define EACH_CHUNK(p, image, first, last)                                                                                      \
    for (int image = (p).first_image; image < (p).last_image; image++)                                                         \
        for (int first = (p).first_row, last; last = min(first + CHUNK, (p).last_row), first < last; first += CHUNK)

inline float16 row_load(__global const float *x, int at, int lanes)
{
    return lanes >= 16 ? LOAD16(x, at) : load_some16(x, at, lanes);
}

inline void row_store(__global float *y, int at, int lanes, float16 v)
{
    if (lanes >= 16) {
        STORE16(y, at, v);
    } else {
        store_some16(y, at, v, lanes);
    }
}

/* A number for each lane. */
inline float16 vector_of(__global const float *v, struct view s, struct piece p)
{
    return s.spread ? (float16)(v[p.channel]) : load_some16(v, p.channel, p.left);
}
#define VECTOR(name) vector_of(CONST_AT(float, name), s, p)
#define COEFFICIENT(k) vector_of(CONST_AT(float, coefficients) + (k)*s.channels, s, p)
#else
#define LANES 1
#define GROUP 128
typedef R V;
/* Element k of a channel. */
#define PLACE(s, channel, k) (((k) / (s).rows * (s).channels + (channel)) * (s).rows + (k) % (s).rows)
#endif

#define PART(s, group, piece, k) ((((group) * (s).pieces + (piece)) * 3 + (k)) * LANES)

#ifndef BACKWARD
/* ---- forward ----------------------------------------------------------------------------------------------------- */

#define ARGS                                                                                                                   \
    SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(const T(DS), scale), SHARED_BUFFER(const T(DB), bias),                        \
        SHARED_BUFFER(const T(DM), mean), SHARED_BUFFER(const T(DV), variance), SHARED_BUFFER(T(DX), y),                       \
        SHARED_BUFFER(T(DM), new_mean), SHARED_BUFFER(T(DM), new_variance), SHARED_BUFFER(T(DM), mid),                         \
        SHARED_BUFFER(T(DM), inverse), SHARED_BUFFER(const T(DX), residual), SHARED_BUFFER(R, parts),                          \
        SHARED_BUFFER(R, coefficients), struct view s, R low, R high, R epsilon, R momentum
#define PASSED                                                                                                                 \
    PASS(x), PASS(scale), PASS(bias), PASS(mean), PASS(variance), PASS(y), PASS(new_mean), PASS(new_variance), PASS(mid),      \
        PASS(inverse), PASS(residual), PASS(parts), PASS(coefficients), s, low, high, epsilon, momentum

/* Parts: how many, their mean, the sum of squares around it. */
#ifdef WIDE
inline void sum_piece(ARGS, int item)
{
    struct piece p = piece_of(s, item);
    __global const float *x = CONST_AT(float, x);
    V n = 0, mean = 0, squares = 0;
    EACH_CHUNK(p, image, first, last)
    {
        int whole = min(last, max(first, p.full)) - first, some = last - first - whole;
        V count = (float)whole + select((float16)(float)some, (float16)0, LANES16 >= (int16)p.lanes), sum = 0, around = 0,
          rest = 0;
#define ADD(at, lanes) sum += row_load(x, at, lanes)
        EACH_ROW(p, s, image, first, last, ADD)
        V mid = sum / max(count, (float16)1);
#define ADD_SQUARE(at, lanes)                                                                                                  \
    float16 d = keep16(row_load(x, at, lanes) - mid, lanes);                                                                   \
    rest += d;                                                                                                                 \
    around += d * d
        EACH_ROW(p, s, image, first, last, ADD_SQUARE)
        V off = rest / max(count, (float16)1), all = n + count, share = count / max(all, (float16)1);
        V step = mid + off - mean;
        squares += around - off * rest + step * step * n * share;
        mean += step * share;
        n = all;
    }
    __global float *part = AT(float, parts) + PART(s, item / s.pieces, item % s.pieces, 0);
    STORE16(part, 0, n);
    STORE16(part, 16, mean);
    STORE16(part, 32, squares);
}
#else
/* One group for a piece of `part_rows` elements of a channel. */
KERNEL_OF(128) norm_sums(ARGS)
{
    __local R sums[128], squares[128];
    int group = get_group_id(0), item = get_local_id(0), channel = group / s.pieces, begin = group % s.pieces * s.part_rows;
    int end = min(begin + s.part_rows, s.count);
    __global const T(DX) *from = CONST_AT(T(DX), x);
    R sum = 0, around = 0, rest = 0, count = (R)max(end - begin, 1);
    for (int k = begin + item; k < end; k += 128)
        sum += LOAD(DX, from, PLACE(s, channel, k));
    sums[item] = sum;
    GROUP_FOLD(FOLD_SUM, sums, item, 128);
    R middle = sums[0] / count;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = begin + item; k < end; k += 128) {
        R d = LOAD(DX, from, PLACE(s, channel, k)) - middle;
        rest += d;
        around += d * d;
    }
    sums[item] = rest;
    squares[item] = around;
    GROUP_FOLD(FOLD_SUM, sums, item, 128);
    GROUP_FOLD(FOLD_SUM, squares, item, 128);
    if (item == 0) {
        __global R *part = AT(R, parts) + PART(s, channel, group % s.pieces, 0);
        part[0] = (R)(end - begin);
        part[1] = middle + sums[0] / count;
        part[2] = squares[0] - sums[0] / count * sums[0];
    }
}
#endif

inline void finish_channel(ARGS, int c)
{
    bool columns = LANES > 1 && !s.spread;
    int group = columns ? c / LANES : c, first = columns ? c % LANES : 0, last = columns ? first + 1 : LANES;
    __global const R *part = CONST_AT(R, parts);
    R origin = s.pieces > 0 ? part[PART(s, group, 0, 1) + first] : 0, off = 0, squares = 0, count = (R)s.count;
    for (int piece = 0; piece < s.pieces; piece++)
        for (int lane = first; lane < last; lane++) {
            R n = part[PART(s, group, piece, 0) + lane];
            off += n > 0 ? n * (part[PART(s, group, piece, 1) + lane] - origin) : 0;
        }
    off /= count;
    for (int piece = 0; piece < s.pieces; piece++)
        for (int lane = first; lane < last; lane++) {
            R n = part[PART(s, group, piece, 0) + lane], d = part[PART(s, group, piece, 1) + lane] - origin - off;
            squares += n > 0 ? part[PART(s, group, piece, 2) + lane] + n * d * d : 0;
        }
    R m = origin + off, lost = off - (m - origin), v = squares / count, inv = 1 / sqrt(v + epsilon);
    R factor = LOAD(DS, CONST_AT(T(DS), scale), c) * inv, old_mean = LOAD(DM, CONST_AT(T(DM), mean), c),
      old_variance = LOAD(DV, CONST_AT(T(DV), variance), c);
    __global R *to = AT(R, coefficients);
    to[c] = m;
    to[s.channels + c] = factor;
    to[2 * s.channels + c] = LOAD(DB, CONST_AT(T(DB), bias), c) - lost * factor;
    if (new_mean_base)
        STORE(DM, AT(T(DM), new_mean), c, momentum * old_mean + (1 - momentum) * m);
    if (new_variance_base)
        STORE(DM, AT(T(DM), new_variance), c, momentum * old_variance + (1 - momentum) * v);
    if (mid_base)
        STORE(DM, AT(T(DM), mid), c, m);
    if (inverse_base)
        STORE(DM, AT(T(DM), inverse), c, inv);
}

/* Between low and high: what relu, clip or nothing behind it makes of it. */
inline V limited(V v, R low, R high)
{
    v = v < (V)low ? (V)low : v;
    return v > (V)high ? (V)high : v;
}

#ifdef WIDE
inline void write_piece(ARGS, int item)
{
    struct piece p = piece_of(s, item);
    __global const float *x = CONST_AT(float, x), *more = CONST_AT(float, residual);
    __global float *to = AT(float, y);
    V mean = COEFFICIENT(0), factor = COEFFICIENT(1), offset = COEFFICIENT(2);
#define WRITE(at, lanes)                                                                                                       \
    V v = (row_load(x, at, lanes) - mean) * factor + offset;                                                                   \
    row_store(to, at, lanes, keep16(limited(v, low, high), p.left))
#define WRITE_SUM(at, lanes)                                                                                                   \
    V v = (row_load(x, at, lanes) - mean) * factor + offset + row_load(more, at, lanes);                                       \
    row_store(to, at, lanes, keep16(limited(v, low, high), p.left))
    for (int image = p.first_image; image < p.last_image; image++)
        if (residual_base)
            EACH_ROW(p, s, image, p.first_row, p.last_row, WRITE_SUM)
        else
            EACH_ROW(p, s, image, p.first_row, p.last_row, WRITE)
}
#else
KERNEL_OF(128) norm_write(ARGS)
{
    int i = get_global_id(0), c = i / s.rows % s.channels;
    __global const R *k = CONST_AT(R, coefficients);
    if (i >= s.count * s.channels)
        return;
    R v = ((R)LOAD(DX, CONST_AT(T(DX), x), i) - k[c]) * k[s.channels + c] + k[2 * s.channels + c];
    if (residual_base)
        v += LOAD(DX, CONST_AT(T(DX), residual), i);
    STORE(DX, AT(T(DX), y), i, limited(v, low, high));
}
#endif
#else
/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* What relu or clip behind y leaves of dy. */
inline V let_through(V dy, V y, R low, R high)
{
    dy = y <= (V)low ? (V)0 : dy;
    return y >= (V)high ? (V)0 : dy;
}

/* 1 / deviation from that itself, or with -DVARIANCE from the variance. */
#ifdef VARIANCE
#define INVERSE(v, epsilon) (1 / sqrt((v) + (epsilon)))
#else
#define INVERSE(v, epsilon) (v)
#endif
/* What stands behind y where an activation is: factor and bias; there is none without scale. */
#define ARGS                                                                                                                   \
    SHARED_BUFFER(const T(DX), dy), SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(const T(DM), mean),                           \
        SHARED_BUFFER(const T(DV), inverse), SHARED_BUFFER(const T(DS), scale), SHARED_BUFFER(const T(DB), bias),              \
        SHARED_BUFFER(T(DX), dx), SHARED_BUFFER(T(DS), dscale), SHARED_BUFFER(T(DB), dbias), SHARED_BUFFER(R, parts),          \
        SHARED_BUFFER(R, coefficients), struct view s, R low, R high, R epsilon
#define PASSED                                                                                                                 \
    PASS(dy), PASS(x), PASS(mean), PASS(inverse), PASS(scale), PASS(bias), PASS(dx), PASS(dscale), PASS(dbias), PASS(parts),   \
        PASS(coefficients), s, low, high, epsilon

/* Parts: the sums of dy and of dy * (x - mean). */
#ifdef WIDE
#define ROW_OF(at, lanes)                                                                                                      \
    V off = row_load(x, at, lanes) - mean;                                                                                     \
    V g = let_through(row_load(dy, at, lanes), off * factor + bias, low, high)
#define EACH_VECTOR                                                                                                            \
    struct piece p = piece_of(s, item);                                                                                        \
    __global const float *x = CONST_AT(float, x), *dy = CONST_AT(float, dy);                                                   \
    V mean = VECTOR(mean), inv = INVERSE(VECTOR(inverse), epsilon), factor = 0, bias = 0;                                      \
    if (scale_base) {                                                                                                          \
        factor = VECTOR(scale) * inv;                                                                                          \
        bias = VECTOR(bias);                                                                                                   \
    }

inline void sum_piece(ARGS, int item)
{
    EACH_VECTOR
    V first_sum = 0, second_sum = 0;
    EACH_CHUNK(p, image, first, last)
    {
        V a = 0, b = 0;
#define ADD(at, lanes)                                                                                                         \
    ROW_OF(at, lanes);                                                                                                         \
    a += g;                                                                                                                    \
    b += g * off
        EACH_ROW(p, s, image, first, last, ADD)
        first_sum += a;
        second_sum += b;
    }
    __global float *part = AT(float, parts) + PART(s, item / s.pieces, item % s.pieces, 0);
    STORE16(part, 0, first_sum);
    STORE16(part, 16, second_sum);
}
#else
#define SCALE(c) (scale_base ? (R)LOAD(DS, CONST_AT(T(DS), scale), c) : (R)0)
#define BIAS(c) (scale_base ? (R)LOAD(DB, CONST_AT(T(DB), bias), c) : (R)0)

KERNEL_OF(128) norm_sums(ARGS)
{
    __local R first[128], second[128];
    int group = get_group_id(0), item = get_local_id(0), c = group / s.pieces, begin = group % s.pieces * s.part_rows;
    int end = min(begin + s.part_rows, s.count);
    R a = 0, b = 0, mean = LOAD(DM, CONST_AT(T(DM), mean), c), bias = BIAS(c),
      factor = SCALE(c) * INVERSE((R)LOAD(DV, CONST_AT(T(DV), inverse), c), epsilon);
    for (int k = begin + item; k < end; k += 128) {
        int at = PLACE(s, c, k);
        R off = LOAD(DX, CONST_AT(T(DX), x), at) - mean,
          g = let_through(LOAD(DX, CONST_AT(T(DX), dy), at), off * factor + bias, low, high);
        a += g;
        b += g * off;
    }
    first[item] = a;
    second[item] = b;
    GROUP_FOLD(FOLD_SUM, first, item, 128);
    GROUP_FOLD(FOLD_SUM, second, item, 128);
    if (item == 0) {
        __global R *part = AT(R, parts) + PART(s, c, group % s.pieces, 0);
        part[0] = first[0];
        part[1] = second[0];
    }
}
#endif

inline void finish_channel(ARGS, int c)
{
    bool columns = LANES > 1 && !s.spread;
    int group = columns ? c / LANES : c, first = columns ? c % LANES : 0, last = columns ? first + 1 : LANES;
    __global const R *part = CONST_AT(R, parts);
    R a = 0, b = 0, inv = INVERSE((R)LOAD(DV, CONST_AT(T(DV), inverse), c), epsilon);
    for (int piece = 0; piece < s.pieces; piece++) {
        R piece_a = 0, piece_b = 0;
        for (int lane = first; lane < last; lane++) {
            piece_a += part[PART(s, group, piece, 0) + lane];
            piece_b += part[PART(s, group, piece, 1) + lane];
        }
        a += piece_a;
        b += piece_b;
    }
    if (dscale_base)
        STORE(DS, AT(T(DS), dscale), c, b * inv);
    if (dbias_base)
        STORE(DB, AT(T(DB), dbias), c, a);
    if (scale_base) {
        R factor = LOAD(DS, CONST_AT(T(DS), scale), c) * inv;
        AT(R, coefficients)[c] = -factor * inv * inv * b / (R)s.count;
        AT(R, coefficients)[s.channels + c] = -factor * a / (R)s.count;
    }
}

#ifdef WIDE
inline void write_piece(ARGS, int item)
{
    if (!dx_base)
        return;
    EACH_VECTOR
    __global float *to = AT(float, dx);
    V slope = COEFFICIENT(0), shift = COEFFICIENT(1);
#define WRITE(at, lanes)                                                                                                       \
    ROW_OF(at, lanes);                                                                                                         \
    row_store(to, at, lanes, g *factor + off * slope + shift)
    for (int image = p.first_image; image < p.last_image; image++)
        EACH_ROW(p, s, image, p.first_row, p.last_row, WRITE)
}
#else
KERNEL_OF(128) norm_write(ARGS)
{
    int i = get_global_id(0), c = i / s.rows % s.channels;
    __global const R *k = CONST_AT(R, coefficients);
    if (i >= s.count * s.channels || !dx_base)
        return;
    R off = LOAD(DX, CONST_AT(T(DX), x), i) - LOAD(DM, CONST_AT(T(DM), mean), c),
      factor = SCALE(c) * INVERSE((R)LOAD(DV, CONST_AT(T(DV), inverse), c), epsilon),
      g = let_through(LOAD(DX, CONST_AT(T(DX), dy), i), off * factor + BIAS(c), low, high);
    STORE(DX, AT(T(DX), dx), i, g * factor + off * k[c] + k[s.channels + c]);
}
#endif
#endif

#ifdef ONLY_norm_groups
KERNEL_OF(1) norm_groups(ARGS)
{
    int group = get_global_id(0), channel = s.spread ? group : 16 * group,
        last = s.spread ? group + 1 : min(channel + 16, s.channels);
    for (int piece = 0; piece < s.pieces; piece++)
        sum_piece(PASSED, group * s.pieces + piece);
    for (int c = channel; c < last; c++)
        finish_channel(PASSED, c);
    for (int piece = s.pieces; piece-- > 0;) /* what was read last is nearest */
        write_piece(PASSED, group * s.pieces + piece);
}
#else
KERNEL_OF(GROUP) norm_finish(ARGS)
{
    int c = get_global_id(0);
    if (c < s.channels)
        finish_channel(PASSED, c);
}
#ifdef WIDE
KERNEL_OF(1) norm_sums(ARGS)
{
    sum_piece(PASSED, get_global_id(0));
}
KERNEL_OF(1) norm_write(ARGS)
{
    write_piece(PASSED, get_global_id(0));
}
#endif
#endif

/* SPDX-License-Identifier: MIT
 * Draws a net node by node: each node reads values drawn from all that there are, so that readers, lifetimes and paths mix. */
#include "random_net.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "convoke/rng.h"

#define MAX_VALUES 96
#define MAX_ELEMENTS 6144 /* of one value, so that many nets take little time */

struct maker {
    struct cvk_graph *g;
    uint64_t seed, draws;
    struct {
        cvk_value v;
        int64_t items; /* size of axis 0 in batches; all sizes behind it are fixed */
        uint32_t reads;
    } values[MAX_VALUES];
    uint32_t count;
};

static uint64_t draw(struct maker *m, uint64_t below)
{
    return cvk_rng_bits(m->seed, 0, m->draws++) % below;
}

static bool chance(struct maker *m, uint64_t percent)
{
    return draw(m, 100) < percent;
}

static const struct cvk_tensor_desc *desc_of(const struct maker *m, uint32_t i)
{
    return cvk_graph_desc(m->g, m->values[i].v);
}

static void keep(struct maker *m, cvk_value v, int64_t items)
{
    if (v && m->count < MAX_VALUES) {
        m->values[m->count].v = v;
        m->values[m->count++].items = items;
    }
}

/* A node made from value x: its result is kept. */
static void keep_from(struct maker *m, uint32_t x, cvk_value v)
{
    m->values[x].reads++;
    keep(m, v, m->values[x].items);
}

/* A constant of normal numbers; of f64 where the maps are. */
static cvk_value numbers(struct maker *m, uint32_t dtype, uint32_t rank, const int64_t *dims, double mean, double deviation)
{
    double wide[4096];
    float narrow[4096];
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (uint64_t)dims[i];
    for (uint64_t i = 0; i < count && i < 4096; i++) {
        narrow[i] = (float)(mean + deviation * (double)cvk_rng_normal(m->seed, (uint32_t)m->draws + 1, i));
        wide[i] = narrow[i];
    }
    m->draws++;
    return cvk_constant(m->g, NULL, dtype, rank, dims, dtype == CVK_F64 ? (const void *)wide : narrow);
}

static uint64_t per_item(const struct cvk_tensor_desc *d)
{
    return cvk_tensor_desc_count(d);
}

/* Another value of exactly these sizes and batches, x itself if there is none. */
static uint32_t alike(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    for (uint32_t tries = 0; tries < 12; tries++) {
        uint32_t i = (uint32_t)draw(m, m->count);
        const struct cvk_tensor_desc *e = desc_of(m, i);
        if (i != x && m->values[i].items == m->values[x].items && e->dtype == d->dtype && e->rank == d->rank &&
            !memcmp(e->dims, d->dims, d->rank * sizeof d->dims[0]))
            return i;
    }
    return x;
}

/* ---- sums ---- */

static cvk_value norm(struct maker *m, cvk_value x)
{
    const struct cvk_tensor_desc *d = cvk_graph_desc(m->g, x);
    int64_t channels = d->dims[1];
    uint32_t dtype = chance(m, 20) ? (uint32_t)CVK_F32 : d->dtype;
    cvk_value scale = numbers(m, dtype, 1, &channels, 1, 0.2), bias = numbers(m, dtype, 1, &channels, 0, 0.5);
    cvk_value mean = numbers(m, dtype, 1, &channels, 0, 0.5), var = numbers(m, dtype, 1, &channels, 2, 0.1);
    return cvk_batch_norm(m->g, x, scale, bias, mean, var, &(struct cvk_batch_norm_params){.epsilon = 1e-3f});
}

static cvk_value function(struct maker *m, cvk_value x)
{
    static const struct cvk_unary_params functions[] = {
        {.kind = CVK_RELU},
        {.kind = CVK_RELU},
        {.kind = CVK_TANH},
        {.kind = CVK_NEG},
        {.kind = CVK_SIGMOID},
        {.kind = CVK_LEAKY_RELU, .a = 0.1f},
        {.kind = CVK_CLIP, .a = -1, .b = 2},
        {.kind = CVK_HARD_SWISH},
        {.kind = CVK_ABS},
    };
    return cvk_unary(m->g, x, &functions[draw(m, sizeof functions / sizeof functions[0])]);
}

/* What likes to be fused behind a sum, in any order; now and then a link is read by somebody else, too. */
static void tail(struct maker *m, uint32_t x, cvk_value y)
{
    m->values[x].reads++;
    keep(m, y, m->values[x].items);
    for (uint32_t links = 0; links < 4 && chance(m, 55); links++) {
        uint32_t from = m->count - 1;
        const struct cvk_tensor_desc *d = desc_of(m, from);
        uint32_t kind = (uint32_t)draw(m, 3);
        if (kind == 0 && d->rank >= 2 && (d->dtype == CVK_F32 || d->dtype == CVK_F64)) {
            keep_from(m, from, norm(m, m->values[from].v));
        } else if (kind == 1) {
            uint32_t other = alike(m, from);
            cvk_value a = m->values[from].v, b = m->values[other].v;
            m->values[other].reads++;
            keep_from(m, from, chance(m, 50) ? cvk_add(m->g, a, b) : cvk_add(m->g, b, a));
        } else {
            keep_from(m, from, function(m, m->values[from].v));
        }
        if (m->count >= MAX_VALUES)
            return;
    }
}

/* A bias of the session's own making, or a constant, or none. */
static cvk_value bias_for(struct maker *m, uint32_t dtype, int64_t channels)
{
    uint32_t i = (uint32_t)draw(m, m->count);
    const struct cvk_tensor_desc *d = desc_of(m, i);
    if (chance(m, 25) && d->rank == 4 && d->dims[1] == channels && d->dtype == dtype) {
        m->values[i].reads++;
        return cvk_reduce(m->g, m->values[i].v,
                          &(struct cvk_reduce_params){.kind = CVK_REDUCE_MEAN, .axis_count = 3, .axes = {0, 2, 3}});
    }
    return chance(m, 60) ? numbers(m, dtype, 1, &channels, 0, 0.5) : 0;
}

static void add_conv(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc d = *desc_of(m, x);
    struct cvk_conv_params p = {.group = d.dims[1] % 2 == 0 && chance(m, 20) ? 2 : 1};
    int64_t k = chance(m, 50) ? 1 : 3, filters = chance(m, 60) ? d.dims[1] : 4 << draw(m, 3);
    int64_t dims[5] = {filters, d.dims[1] / p.group, k, k, k};
    if (d.rank < 3 || d.rank > 5 || filters % p.group || filters * dims[1] * k * k * (d.rank == 5 ? k : 1) > 4096)
        return;
    for (uint32_t i = 0; i + 2 < d.rank; i++) {
        p.stride[i] = d.dims[2 + i] > 3 && chance(m, 20) ? 2 : 1;
        p.pad_begin[i] = p.pad_end[i] = k / 2;
    }
    double deviation = 1 / sqrt((double)(dims[1] * k * k));
    cvk_value w = numbers(m, d.dtype, d.rank, dims, 0, deviation), b = bias_for(m, d.dtype, filters);
    tail(m, x, cvk_conv(m->g, m->values[x].v, w, b, &p));
}

static void add_conv_transpose(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc d = *desc_of(m, x);
    int64_t group = d.dims[1] % 2 == 0 && chance(m, 50) ? 2 : 1, dims[4] = {d.dims[1], 4, 2, 2};
    if (d.rank != 4 || d.dims[1] > 32 || per_item(&d) > 1024)
        return;
    struct cvk_conv_transpose_params p = {.group = (uint32_t)group, .stride = {2, 2}};
    cvk_value w = numbers(m, d.dtype, 4, dims, 0, 0.3), b = bias_for(m, d.dtype, 4 * group);
    tail(m, x, cvk_conv_transpose(m->g, m->values[x].v, w, b, &p));
}

static void add_gemm(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc d = *desc_of(m, x);
    cvk_value flat = m->values[x].v;
    int64_t units = 4 + (int64_t)draw(m, 8), features = d.dims[d.rank - 1];
    if (d.rank != 2 && m->values[x].items) {
        flat = cvk_flatten(m->g, flat);
        features = cvk_graph_desc(m->g, flat)->dims[1];
    }
    if (features * units > 4096 || !cvk_graph_desc(m->g, flat) || cvk_graph_desc(m->g, flat)->rank != 2)
        return;
    uint32_t transposed = (uint32_t)draw(m, 2);
    int64_t dims[2] = {transposed ? units : features, transposed ? features : units};
    cvk_value w = numbers(m, d.dtype, 2, dims, 0, 1 / sqrt((double)features)), c = 0;
    if (!transposed && chance(m, 30)) {
        tail(m, x, cvk_matmul(m->g, flat, w));
        return;
    }
    const int64_t forms[4][2] = {{units, 0}, {1, units}, {1, 1}, {1, 0}};
    uint32_t form = (uint32_t)draw(m, 5);
    if (form < 4)
        c = numbers(m, d.dtype, form == 1 || form == 2 ? 2 : 1, forms[form], 0, 0.5);
    struct cvk_gemm_params p = {.trans_b = transposed, .scaled = chance(m, 50), .alpha = 0.5f, .beta = chance(m, 50) ? 2 : 1};
    tail(m, x, cvk_gemm(m->g, flat, w, c, &p));
}

/* ---- everything else ---- */

static void add_binary(struct maker *m, uint32_t x)
{
    static const uint32_t kinds[] = {CVK_ADD, CVK_ADD, CVK_SUB, CVK_MAX, CVK_MIN};
    const struct cvk_tensor_desc d = *desc_of(m, x);
    uint32_t kind = kinds[draw(m, 5)], y = alike(m, x);
    int64_t dims[CVK_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    cvk_value other = m->values[y].v;
    if (chance(m, 25)) {
        if (d.rank > 1 && chance(m, 50))
            dims[1] = d.dims[1];
        other = numbers(m, d.dtype, d.rank, dims, 0, 0.5);
    } else {
        m->values[y].reads++;
    }
    keep_from(m, x,
              chance(m, 50) ? cvk_binary(m->g, kind, m->values[x].v, other) : cvk_binary(m->g, kind, other, m->values[x].v));
}

static void add_pool(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    struct cvk_pool_params p = {.kind = chance(m, 50) ? CVK_POOL_MAX : CVK_POOL_AVG, .global = chance(m, 15)};
    if (d->rank < 3 || d->rank > 5)
        return;
    for (uint32_t i = 0; i + 2 < d->rank && !p.global; i++) {
        p.kernel[i] = d->dims[2 + i] > 1 ? 2 : 1;
        p.stride[i] = 1 + (int64_t)draw(m, 2);
    }
    keep_from(m, x, cvk_pool(m->g, m->values[x].v, &p, NULL));
}

static void add_concat(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    uint32_t axis = chance(m, 70) ? 1 : (uint32_t)draw(m, 3), count = 1, parts = 1 + (uint32_t)draw(m, 3);
    cvk_value part[4] = {m->values[x].v};
    int64_t items = m->values[x].items;
    uint64_t elements = per_item(d);
    for (uint32_t tries = 0; tries < 24 && count < parts; tries++) {
        uint32_t i = (uint32_t)draw(m, m->count);
        const struct cvk_tensor_desc *e = desc_of(m, i);
        bool fits = e->dtype == d->dtype && e->rank == d->rank && axis < d->rank && elements + per_item(e) <= MAX_ELEMENTS;
        for (uint32_t k = 0; fits && k < d->rank; k++)
            fits = k == axis || (k == 0 ? m->values[i].items == m->values[x].items : e->dims[k] == d->dims[k]);
        if (!fits)
            continue;
        part[count++] = m->values[i].v;
        m->values[i].reads++;
        items += axis == 0 ? m->values[i].items : 0;
        elements += per_item(e);
    }
    if (axis >= d->rank)
        return;
    m->values[x].reads++;
    keep(m, cvk_concat(m->g, part, count, &(struct cvk_concat_params){.axis = (int32_t)axis}), items);
}

static void add_split(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    uint32_t axis = m->values[x].items > 1 && chance(m, 60) ? 0 : 1, parts = 1 + (uint32_t)draw(m, 3);
    if (d->rank <= axis || m->count + parts > MAX_VALUES)
        return;
    int64_t size = axis == 0 ? m->values[x].items : d->dims[1], items = m->values[x].items;
    cvk_value y[3] = {0};
    if (size % parts || size == 0)
        return;
    m->values[x].reads++;
    cvk_split(m->g, m->values[x].v, 0, &(struct cvk_split_params){.axis = (int32_t)axis}, parts, y);
    for (uint32_t i = 0; i < parts; i++)
        keep(m, y[i], axis == 0 ? items / parts : items);
}

static void add_shape(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    cvk_value v = m->values[x].v;
    if (d->rank == 4 && chance(m, 30)) {
        struct cvk_transpose_params p = {.count = 4, .perm = {0, 2, 3, 1}};
        keep_from(m, x, cvk_transpose(m->g, v, &p));
    } else if (d->rank == 4 && chance(m, 30)) {
        struct cvk_reshape_params p = {.count = 4, .dims = {0, d->dims[2], d->dims[1], d->dims[3]}};
        keep_from(m, x, cvk_reshape(m->g, v, &p));
    } else if (chance(m, 40)) {
        keep_from(m, x, cvk_reshape(m->g, v, &(struct cvk_reshape_params){.kind = CVK_IDENTITY}));
    } else if (chance(m, 50)) {
        keep_from(m, x, cvk_dropout(m->g, v, &(struct cvk_dropout_params){.drop = 0.5f}, NULL));
    } else {
        keep_from(m, x, cvk_flatten(m->g, v));
    }
}

static void add_move(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    cvk_value v = m->values[x].v;
    uint32_t kind = (uint32_t)draw(m, 4);
    if (d->rank != 4)
        return;
    if (kind == 0 && per_item(d) * 4 <= MAX_ELEMENTS) {
        struct cvk_resize_params p = {
            .mode = chance(m, 50) ? CVK_RESIZE_NEAREST : CVK_RESIZE_LINEAR, .count = 4, .scale = {1, 1, 2, 2}};
        keep_from(m, x, cvk_resize(m->g, v, &p));
    } else if (kind == 1 && d->dims[1] > 1) {
        int64_t from = (int64_t)draw(m, (uint64_t)d->dims[1] / 2 + 1), size = chance(m, 15) ? 0 : (d->dims[1] + 1) / 2;
        struct cvk_slice_params p = {.count = 1, .axes_given = 1, .axes = {1}, .start = {from}, .end = {from + size}};
        keep_from(m, x, cvk_slice(m->g, v, &p));
    } else if (kind == 2 && per_item(d) * 2 <= MAX_ELEMENTS) {
        struct cvk_pad_params p = {
            .mode = chance(m, 50) ? CVK_PAD_CONSTANT : CVK_PAD_EDGE, .value = 0.5, .begin = {0, 0, 1, 0}, .end = {0, 0, 0, 1}};
        keep_from(m, x, cvk_pad(m->g, v, &p));
    } else if (kind == 3) {
        struct cvk_reduce_params p = {.kind = (uint32_t)draw(m, 4), .keep_dims = 1, .axis_count = 2, .axes = {2, 3}};
        keep_from(m, x, cvk_reduce(m->g, v, &p));
    }
}

static void add_norm(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc d = *desc_of(m, x);
    cvk_value v = m->values[x].v;
    uint32_t kind = (uint32_t)draw(m, 4);
    if (d.rank < 2)
        return;
    if (kind == 0) {
        keep_from(m, x, norm(m, v));
    } else if (kind == 1) {
        keep_from(m, x, cvk_softmax(m->g, v, &(struct cvk_softmax_params){.axis = 1}));
    } else if (kind == 2 && d.rank == 4) {
        keep_from(m, x, cvk_lrn(m->g, v, &(struct cvk_lrn_params){.window = 3, .alpha = 0.1f, .beta = 0.5f, .k = 1}));
    } else if (d.rank == 4) {
        cvk_value scale = numbers(m, d.dtype, 1, &d.dims[1], 1, 0.1), bias = numbers(m, d.dtype, 1, &d.dims[1], 0, 0.1);
        keep_from(m, x, cvk_instance_norm(m->g, v, scale, bias, &(struct cvk_instance_norm_params){.epsilon = 0.5f}));
    }
}

/* Other element types: to f64 and back, and through a truth value. */
static void add_types(struct maker *m, uint32_t x)
{
    const struct cvk_tensor_desc *d = desc_of(m, x);
    cvk_value v = m->values[x].v;
    if (chance(m, 25)) {
        v = cvk_unary(m->g, v, &(struct cvk_unary_params){.kind = CVK_IS_NAN});
        keep_from(m, x, cvk_cast(m->g, v, &(struct cvk_cast_params){.to = CVK_F32}));
    } else {
        keep_from(m, x, cvk_cast(m->g, v, &(struct cvk_cast_params){.to = d->dtype == CVK_F64 ? CVK_F32 : CVK_F64}));
    }
}

static void add_function(struct maker *m, uint32_t x)
{
    keep_from(m, x, function(m, m->values[x].v));
}

/* For a value without elements: what makes sense of it. */
static void add_to_empty(struct maker *m, uint32_t x)
{
    static void (*const makers[])(struct maker *, uint32_t) = {add_function, add_binary, add_concat, add_concat, add_shape};
    makers[draw(m, sizeof makers / sizeof makers[0])](m, x);
}

/* Recent values twice as often, so that nets grow deep as well as wide. */
static uint32_t pick(struct maker *m)
{
    uint32_t i = (uint32_t)draw(m, m->count);
    return chance(m, 50) && m->count > 4 ? m->count - 1 - i % 4 : i;
}

static void add_inputs(struct maker *m)
{
    static const int64_t sizes[][5] = {{CVK_BATCH, 8, 4, 4},  {CVK_BATCH, 16, 4, 4}, {CVK_BATCH, 4, 6, 5},   {CVK_BATCH, 3, 8, 8},
                                       {CVK_BATCH, 16, 2, 6}, {CVK_BATCH, 8, 6},     {CVK_BATCH, 4, 4, 2, 3}};
    uint32_t shape = (uint32_t)draw(m, 10);
    shape = shape > 6 ? 0 : shape;
    uint32_t rank = shape == 5 ? 3 : shape == 6 ? 5 : 4;
    keep(m, cvk_input(m->g, "x", CVK_F32, rank, sizes[shape]), 1);
    if (chance(m, 40))
        keep(m, cvk_input(m->g, "other", CVK_F32, rank, sizes[shape]), 1);
    if (chance(m, 20)) /* nobody reads it */
        cvk_input(m->g, "unread", CVK_F32, 1, (int64_t[]){3});
}

/* Most of what nobody reads leaves the net (the rest is for nothing), and something that is read as well; one value under two
 * names; a constant. */
static void add_outputs(struct maker *m)
{
    char name[32];
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (chance(m, m->values[i].reads ? 4 : 90)) {
            snprintf(name, sizeof name, "y%u", count++);
            cvk_output(m->g, m->values[i].v, name);
        }
    uint32_t again = (uint32_t)draw(m, m->count);
    cvk_output(m->g, m->values[again].v, "again");
    if (chance(m, 30))
        cvk_output(m->g, m->values[again].v, "and_again");
    if (chance(m, 10))
        cvk_output(m->g, numbers(m, CVK_F32, 1, (int64_t[]){5}, 0, 1), "constant");
}

struct cvk_graph *random_net(uint64_t seed)
{
    static void (*const makers[])(struct maker *, uint32_t) = {
        add_conv, add_conv,   add_conv,   add_conv_transpose, add_gemm,  add_function, add_function, add_binary, add_binary,
        add_pool, add_concat, add_concat, add_split,          add_split, add_shape,    add_move,     add_norm,   add_types,
    };
    struct maker m = {.seed = seed};
    if (cvk_graph_create("random", &m.g) != CVK_OK)
        return NULL;
    add_inputs(&m);
    for (uint32_t nodes = 6 + (uint32_t)draw(&m, 18); nodes > 0 && cvk_graph_status(m.g) == CVK_OK; nodes--) {
        uint32_t x = pick(&m);
        if (cvk_tensor_desc_count(desc_of(&m, x)) == 0)
            add_to_empty(&m, x);
        else
            makers[draw(&m, sizeof makers / sizeof makers[0])](&m, x);
    }
    add_outputs(&m);
    return m.g;
}

/* SPDX-License-Identifier: MIT
 * Layers: an op with fresh weights. Weights are drawn as He et al. (arXiv 1502.01852) say, one random stream a layer. */
#include "layers.h"

#include "convoke/rng.h"

#define NAME_BYTES 48
#define MAX_WEIGHTS (1ll << 32) /* of one layer: 16 GiB */

/* The next free "conv3": the number counts layers of this kind, and steps over names that the caller has taken. */
static void number(const struct cvk_graph *g, uint32_t op, const char *word, char name[NAME_BYTES])
{
    uint32_t count = 1;
    char weights[NAME_BYTES + 8];
    for (uint32_t i = 0; i < g->node_count; i++)
        count += g->nodes[i].op == op;
    do {
        snprintf(name, NAME_BYTES, "%s%u", word, count++);
        snprintf(weights, sizeof weights, "%s.w", name);
    } while (cvk_graph_find(g, weights));
}

/* A constant "name.part"; takes data, and 0 when that is NULL. */
static cvk_value part(struct cvk_graph *g, const char *name, const char *what, uint32_t rank, const int64_t *dims, float *data)
{
    char full[NAME_BYTES + 16];
    snprintf(full, sizeof full, "%s.%s", name, what);
    if (!data) {
        cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for '%s'", full);
        return 0;
    }
    return cvk_constant_take(g, full, CVK_F32, rank, dims, data);
}

static cvk_value filled(struct cvk_graph *g, const char *name, const char *what, int64_t count, float value)
{
    float *data = cvk__alloc_array(CVK__TAG_GRAPH, (uint64_t)count, sizeof *data);
    for (int64_t i = 0; data && i < count; i++)
        data[i] = value;
    return part(g, name, what, 1, &count, data);
}

/* Weights whose sums go over fan_in inputs, and whose inputs go to fan_out sums. */
static cvk_value drawn(struct cvk_graph *g, const char *name, uint32_t rank, const int64_t *dims, int64_t fan_in, int64_t fan_out)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (uint64_t)dims[i];
    float *data = cvk__alloc_array(CVK__TAG_GRAPH, count, sizeof *data);
    uint32_t stream = g->seed_stream++;
    double deviation = sqrt(g->initializer == CVK_INIT_XAVIER ? 2.0 / ((double)fan_in + (double)fan_out) : 2.0 / (double)fan_in);
    for (uint64_t i = 0; data && i < count; i++)
        data[i] = (float)(deviation * (double)cvk_rng_normal(g->seed, stream, i));
    return part(g, name, "w", rank, dims, data);
}

/* Descriptor of what a layer reads, NULL after recording why not. */
static const struct cvk_tensor_desc *layer_input(struct cvk_graph *g, const char *name, cvk_value x)
{
    if (!g || g->status != CVK_OK)
        return NULL;
    const struct cvk_tensor_desc *d = cvk_graph_desc(g, x);
    if (!d)
        cvk__graph_fail(g, CVK_E_ARG, "%s: its input is no value of this graph, or its sizes are known only to a session", name);
    else if (d->dtype != CVK_F32)
        cvk__graph_fail(g, CVK_E_SHAPE, "%s: its input is %s, a layer needs f32", name, cvk_dtype_name(d->dtype));
    else
        return d;
    return NULL;
}

void cvk_graph_initializer(struct cvk_graph *g, uint32_t kind)
{
    if (g)
        g->initializer = kind;
}

void cvk_graph_seed(struct cvk_graph *g, uint64_t seed)
{
    if (!g)
        return;
    g->seed = seed;
    g->seed_stream = 0;
}

/* Sizes of a convolution's weights; false after recording what is wrong. */
static bool conv_sizes(struct cvk_graph *g, const char *name, const struct cvk_tensor_desc *x, int64_t filters,
                       const struct cvk_conv_params *p, int64_t *dims, int64_t *fan_in)
{
    int64_t group = p->group ? p->group : 1, all = 0;
    char shape[CVK_SHAPE_TEXT];
    if (x->rank < 3 || x->rank > 5) {
        cvk__graph_fail(g, CVK_E_SHAPE, "%s: its input is %s; N, C and one to three spatial sizes are needed", name,
                        cvk_shape_text(x->rank, x->dims, shape));
        return false;
    }
    int64_t channels = x->dims[1];
    if (filters < 1 || channels < 1 || channels % group || filters % group) {
        cvk__graph_fail(g, CVK_E_SHAPE,
                        "%s: %lld filters on %lld channels in %lld groups: both must be above 0 and divide by the groups", name,
                        (long long)filters, (long long)channels, (long long)group);
        return false;
    }
    dims[0] = filters;
    dims[1] = *fan_in = channels / group;
    bool fits = true;
    for (uint32_t i = 2; i < x->rank; i++) {
        dims[i] = p->kernel[i - 2];
        if (dims[i] < 1) {
            cvk__graph_fail(g, CVK_E_ARG, "%s: the kernel's size %u is %lld, it must be above 0", name, i - 2,
                            (long long)dims[i]);
            return false;
        }
        fits = fits && cvk__mul_i64(*fan_in, dims[i], fan_in);
    }
    if (!fits || !cvk__mul_i64(*fan_in, filters, &all) || all > MAX_WEIGHTS) {
        cvk__graph_fail(g, CVK_E_LIMIT, "%s: weights of %s are more than %lld", name, cvk_shape_text(x->rank, dims, shape),
                        MAX_WEIGHTS);
        return false;
    }
    return true;
}

cvk_value cvk_layer_conv_with(struct cvk_graph *g, cvk_value x, int64_t filters, const struct cvk_conv_params *p)
{
    static const struct cvk_conv_params none;
    int64_t dims[CVK_MAX_RANK] = {0}, fan_in = 0;
    char name[NAME_BYTES];
    const struct cvk_tensor_desc *d = layer_input(g, "a conv layer", x);
    if (!d)
        return 0;
    number(g, CVK_OP_CONV, "conv", name);
    if (!conv_sizes(g, name, d, filters, p ? p : &none, dims, &fan_in))
        return 0;
    cvk_value w = drawn(g, name, d->rank, dims, fan_in, fan_in / dims[1] * (filters / (p && p->group ? p->group : 1)));
    cvk_value b = filled(g, name, "b", filters, 0);
    return cvk_name(g, cvk_conv(g, x, w, b, p), name);
}

cvk_value cvk_layer_conv(struct cvk_graph *g, cvk_value x, int64_t filters, int64_t kernel)
{
    struct cvk_conv_params p = {.size = 0};
    const struct cvk_tensor_desc *d = layer_input(g, "a conv layer", x);
    for (uint32_t i = 0; d && i + 2 < d->rank && i < 3; i++)
        p.kernel[i] = kernel;
    return cvk_layer_conv_with(g, x, filters, &p);
}

cvk_value cvk__layer_conv_transpose(struct cvk_graph *g, cvk_value x, int64_t filters, const struct cvk_conv_transpose_params *p)
{
    int64_t dims[CVK_MAX_RANK] = {0}, fan_in = 0;
    char name[NAME_BYTES];
    struct cvk_conv_params sizes = {.size = 0};
    const struct cvk_tensor_desc *d = layer_input(g, "a transposed conv layer", x);
    if (!d)
        return 0;
    number(g, CVK_OP_CONV_TRANSPOSE, "deconv", name);
    memcpy(sizes.kernel, p->kernel, sizeof sizes.kernel);
    if (!conv_sizes(g, name, d, filters, &sizes, dims, &fan_in))
        return 0;
    int64_t taps = fan_in / dims[1], each = 1; /* of an output pixel: the kernel's that a stride leaves */
    for (uint32_t i = 0; i + 2 < d->rank && i < 3; i++)
        each *= p->stride[i] > 0 ? p->stride[i] : 1;
    dims[0] = d->dims[1];
    dims[1] = filters;
    int64_t meet = taps > each ? taps / each : 1;
    cvk_value w = drawn(g, name, d->rank, dims, dims[0] * meet, filters * taps);
    cvk_value b = filled(g, name, "b", filters, 0);
    return cvk_name(g, cvk_conv_transpose(g, x, w, b, p), name);
}

cvk_value cvk_layer_dense(struct cvk_graph *g, cvk_value x, int64_t units)
{
    char name[NAME_BYTES], shape[CVK_SHAPE_TEXT];
    const struct cvk_tensor_desc *d = layer_input(g, "a dense layer", x);
    if (!d)
        return 0;
    number(g, CVK_OP_GEMM, "dense", name);
    int64_t all = 0, dims[2] = {units, d->rank == 2 ? d->dims[1] : 0};
    if (d->rank != 2 || units < 1 || dims[1] < 1) {
        cvk__graph_fail(g, CVK_E_SHAPE,
                        "%s: %lld units on %s; at least one unit on [N, features] is needed (cvk_flatten makes that of maps)",
                        name, (long long)units, cvk_shape_text(d->rank, d->dims, shape));
        return 0;
    }
    if (!cvk__mul_i64(units, dims[1], &all) || all > MAX_WEIGHTS) {
        cvk__graph_fail(g, CVK_E_LIMIT, "%s: weights of %s are more than %lld", name, cvk_shape_text(2, dims, shape),
                        MAX_WEIGHTS);
        return 0;
    }
    cvk_value w = drawn(g, name, 2, dims, dims[1], units);
    cvk_value b = filled(g, name, "b", units, 0);
    return cvk_name(g, cvk_dense(g, x, w, b), name);
}

cvk_value cvk__layer_batch_norm(struct cvk_graph *g, cvk_value x)
{
    char name[NAME_BYTES], shape[CVK_SHAPE_TEXT];
    const struct cvk_tensor_desc *d = layer_input(g, "a batch norm layer", x);
    if (!d)
        return 0;
    number(g, CVK_OP_BATCH_NORM, "bn", name);
    if (d->rank < 2) {
        cvk__graph_fail(g, CVK_E_SHAPE, "%s: its input is %s; an axis of channels is needed", name,
                        cvk_shape_text(d->rank, d->dims, shape));
        return 0;
    }
    int64_t channels = d->dims[1];
    cvk_value scale = filled(g, name, "scale", channels, 1), bias = filled(g, name, "bias", channels, 0);
    cvk_value mean = filled(g, name, "mean", channels, 0), var = filled(g, name, "var", channels, 1);
    struct cvk_batch_norm_params p = {.epsilon = 1e-5f};
    return cvk_name(g, cvk_batch_norm(g, x, scale, bias, mean, var, &p), name);
}

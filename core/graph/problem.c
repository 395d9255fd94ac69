/* SPDX-License-Identifier: MIT
 * A planned node cut out of its net: the net's constants, random data for the rest, and the part of it that the reference is
 * asked to work out. */
#include "problem.h"

#include "../ops/op_def.h"
#include "convoke/rng.h"

/* ---- data --------------------------------------------------------------------------------------------------------------- */

#define TABLE 65521u /* prime: no size of a tensor divides it, so that elements that are mixed up differ */
#define SEED 20170u

/* Which numbers make sense in an operand. Floats are multiples of 1/1024 below 2, exact in every type but bf16. */
struct range {
    int64_t lo, hi; /* whole numbers: lo to hi - 1 */
    bool positive;  /* floats: not near 0 either */
    const float *values; /* floats: these two in turn; NULL: random */
};

static int64_t least_dim(const struct cvk_tensor_desc *d)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < d->rank; i++)
        least = d->dims[i] < least ? d->dims[i] : least;
    return least;
}

/* An optimiser's rate and step count; its state is of squares. */
static struct range range_of_optimize(uint32_t input)
{
    static const float hyper[2] = {0.125f, 3};
    return (struct range){.lo = 1, .hi = 10, .positive = input > 2, .values = input == 2 ? hyper : NULL};
}

/* Class numbers below the number of classes. Target and weights stand behind x. */
static struct range range_of_loss(const struct cvk__problem *p, uint32_t input)
{
    uint32_t x = p->pass == CVK_PASS_FORWARD ? 0 : 1, dtype = p->operands[input].desc.dtype;
    if (input == x + 1 && (dtype == CVK_I32 || dtype == CVK_I64))
        return (struct range){.hi = p->operands[x].desc.dims[1]};
    return (struct range){.lo = 1, .hi = 10, .positive = input == x + 2};
}

/* Where the inputs of a batch_norm have a variance. */
static int32_t variance_of(const struct cvk__problem *p)
{
    const struct cvk_batch_norm_params *norm = p->params;
    if (p->pass == CVK_PASS_FORWARD)
        return 4;
    return norm->training || p->pass == CVK_PASS_BACKWARD_DATA ? 2 : 3; /* training: its inverse root */
}

static struct range range_of(const struct cvk__problem *p, uint32_t input)
{
    struct range r = {.lo = 1, .hi = 10};
    const struct cvk_gather_params *gather = p->params;
    const struct cvk_one_hot_params *one_hot = p->params;
    const struct cvk_binary_params *binary = p->params;
    const struct cvk_tensor_desc *gathered = &p->operands[p->pass == CVK_PASS_FORWARD ? 0 : p->input_count].desc;
    if (p->op == CVK_OP_GATHER && input == 1)
        r = (struct range){.hi = gather->kind == CVK_GATHER_ND ? least_dim(gathered) : gathered->dims[gather->axis]};
    else if (p->op == CVK_OP_ONE_HOT && input == 0)
        r = (struct range){.hi = one_hot->depth > 0 ? one_hot->depth : 1};
    else if (p->op == CVK_OP_BINARY)
        r.positive = binary->kind == CVK_POW ||
                     (input == 1 && (binary->kind == CVK_DIV || binary->kind == CVK_MOD || binary->kind == CVK_FMOD));
    else if (p->op == CVK_OP_OPTIMIZE)
        r = range_of_optimize(input);
    else if (p->op == CVK_OP_LOSS)
        r = range_of_loss(p, input);
    else
        r.positive = p->op == CVK_OP_CAST || (p->op == CVK_OP_BATCH_NORM && (int32_t)input == variance_of(p));
    return r;
}

static void store(uint32_t dtype, char *at, const struct range *r, uint64_t bits)
{
    if (dtype == CVK_BOOL) {
        at[0] = (char)(bits & 1);
        return;
    }
    bool floats = dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
    int64_t whole = r->lo + (int64_t)((bits >> 8) % (uint64_t)(r->hi > r->lo ? r->hi - r->lo : 1));
    if (!floats) {
        memcpy(at, &whole, cvk_dtype_bytes(dtype)); /* little-endian: the low bytes come first */
        return;
    }
    int32_t steps = r->positive ? 512 + (int32_t)(bits % 1536) / 128 * 128 : (int32_t)(bits % 4095) - 2047;
    float x = r->lo == 0 && r->hi > 0 ? (float)whole : (float)steps / 1024;
    double wide = x;
    uint32_t word;
    memcpy(&word, &x, sizeof word);
    /* Above 2^-14 a half float has the bits of a float with another exponent; what it has no bits for is cut off. */
    uint16_t half = (uint16_t)(x == 0 ? 0 : (word >> 16 & 0x8000) | (((word >> 23 & 0xff) - 112) << 10 | (word >> 13 & 0x3ff)));
    uint16_t brain = (uint16_t)(word >> 16);
    const void *from = dtype == CVK_F64   ? (const void *)&wide
                       : dtype == CVK_F32 ? (const void *)&x
                       : dtype == CVK_F16 ? (const void *)&half
                                          : (const void *)&brain;
    memcpy(at, from, cvk_dtype_bytes(dtype));
}

/* A table of random numbers, over and over. */
static int32_t draw(struct cvk__operand *o, const struct range *r, uint32_t stream)
{
    uint64_t each = cvk_dtype_bytes(o->desc.dtype), count = cvk_tensor_desc_count(&o->desc);
    uint64_t drawn = count < TABLE ? count : TABLE;
    char *data = cvk__alloc_buffer(CVK__TAG_SESSION, o->desc.bytes);
    if (!data)
        return cvk__fail_memory(o->desc.bytes, "the data of a test");
    for (uint64_t i = 0; i < drawn; i++)
        store(o->desc.dtype, data + i * each, r, cvk_rng_bits(SEED, stream, i) >> 11);
    for (uint64_t i = 0; r->values && i < drawn; i++)
        memcpy(data + i * each, &r->values[i % 2], sizeof(float));
    for (uint64_t done = drawn; done < count; done += drawn)
        memcpy(data + done * each, data, (count - done < drawn ? count - done : drawn) * each);
    o->data = data;
    return CVK_OK;
}

/* ---- the node ----------------------------------------------------------------------------------------------------------- */

static uint32_t operand_count(const struct cvk__problem *p)
{
    return p->input_count + p->output_count + CVK__EPILOGUE_COUNT;
}

static void problem_finish(struct cvk__problem *p)
{
    for (uint32_t i = 0; p->operands && i < operand_count(p); i++)
        if (!p->operands[i].borrowed)
            cvk__free(p->operands[i].data);
    cvk__free(p->operands);
    memset(p, 0, sizeof *p);
}

static int32_t fill_operand(struct cvk__problem *p, uint32_t i, const struct cvk__value *v)
{
    struct cvk__operand *o = &p->operands[i];
    if (i >= p->input_count && i < p->input_count + p->output_count)
        return CVK_OK;
    o->known = v->blob != NULL;
    if (v->blob && v->desc.layout == CVK_LAYOUT_PLAIN) {
        o->data = v->blob->data;
        o->borrowed = true;
        return CVK_OK;
    }
    if (v->blob) {
        o->data = cvk__alloc_buffer(CVK__TAG_SESSION, o->desc.bytes);
        return o->data ? cvk_tensor_reorder(&v->desc, v->blob->data, &o->desc, o->data)
                       : cvk__fail_memory(o->desc.bytes, "the data of a test");
    }
    struct range r = i < p->input_count ? range_of(p, i) : (struct range){.lo = 1, .hi = 10};
    return draw(o, &r, i);
}

static int32_t problem_init(struct cvk__problem *p, struct cvk_session *s, const struct cvk__node *n)
{
    *p = (struct cvk__problem){.name = n->name,
                               .params = n->params,
                               .op = n->op,
                               .pass = n->pass,
                               .flags = s->node_flags,
                               .input_count = n->input_count,
                               .output_count = n->output_count,
                               .epilogue = n->epilogue};
    p->epilogue.size = sizeof p->epilogue;
    p->operands = cvk__alloc_array(CVK__TAG_SESSION, operand_count(p), sizeof *p->operands);
    if (!p->operands)
        return cvk__fail_memory(operand_count(p) * sizeof *p->operands, "a test");
    const cvk_value extra[] = {n->bias, n->scale, n->shift, n->residual};
    for (uint32_t fill = 0; fill < 2; fill++) /* data depend on the sizes of other operands */
        for (uint32_t i = 0; i < operand_count(p); i++) {
            uint32_t in = n->input_count, out = n->output_count;
            const struct cvk__value *v = cvk__value_at(s->g, i < in         ? n->inputs[i]
                                                             : i < in + out ? n->outputs[i - in]
                                                                            : extra[i - in - out]);
            if (v && !fill)
                CVK__TRY(cvk_tensor_desc_init(&p->operands[i].desc, v->desc.dtype, CVK_LAYOUT_PLAIN, v->desc.rank,
                                              v->desc.dims));
            else if (v)
                CVK__TRY(fill_operand(p, i, v));
        }
    return CVK_OK;
}

/* ---- the part for the reference ----------------------------------------------------------------------------------------- */

#define QUICK_MACS 4000000u /* the reference does that in some milliseconds */

static uint64_t product(const struct cvk_tensor_desc *d, uint32_t from, uint32_t to)
{
    uint64_t count = 1;
    for (uint32_t i = from; i < to; i++)
        count *= (uint64_t)d->dims[i];
    return count;
}

/* The slices `index` of an axis: *desc becomes the part's. */
static int32_t gather(struct cvk_tensor_desc *desc, const void *data, uint32_t axis, const int64_t *index, uint32_t count,
                      void **out)
{
    uint64_t outer = product(desc, 0, axis), inner = product(desc, axis + 1, desc->rank) * cvk_dtype_bytes(desc->dtype);
    uint64_t old = (uint64_t)desc->dims[axis];
    int64_t dims[CVK_MAX_RANK];
    memcpy(dims, desc->dims, sizeof dims);
    dims[axis] = count;
    CVK__TRY(cvk_tensor_desc_init(desc, desc->dtype, CVK_LAYOUT_PLAIN, desc->rank, dims));
    if (!data)
        return CVK_OK;
    char *to = cvk__alloc_buffer(CVK__TAG_SESSION, desc->bytes);
    if (!to)
        return cvk__fail_memory(desc->bytes, "the data of a test");
    for (uint64_t o = 0; o < outer; o++)
        for (uint32_t k = 0; k < count; k++)
            memcpy(to + (o * count + k) * inner, (const char *)data + (o * old + (uint64_t)index[k]) * inner, inner);
    *out = to;
    return CVK_OK;
}

static int32_t gather_operand(struct cvk__operand *o, uint32_t axis, const int64_t *index, uint32_t count)
{
    void *part = NULL;
    CVK__TRY(gather(&o->desc, o->data, axis, index, count, &part));
    if (!o->borrowed)
        cvk__free(o->data);
    o->data = part;
    o->borrowed = false;
    return CVK_OK;
}

/* The axis of an input that holds the results' channels, -1 if it has none. */
static int32_t channel_axis_of(const struct cvk__problem *p, uint32_t input)
{
    const struct cvk_gemm_params *gemm = p->params;
    switch (p->op) {
    case CVK_OP_CONV:
        return input ? 0 : -1;
    case CVK_OP_CONV_TRANSPOSE:
        return input == 1 ? 1 : input == 2 ? 0 : -1;
    case CVK_OP_GEMM: {
        uint32_t rank = p->operands[input].desc.rank;
        bool one = input == 2 && (!rank || p->operands[input].desc.dims[rank - 1] == 1);
        return input == 0 || one ? -1 : input == 1 ? !gemm->trans_b : (int32_t)rank - 1;
    }
    default:
        return -1;
    }
}

static uint64_t macs_of(const struct cvk__problem *p)
{
    const struct cvk_tensor_desc *w = &p->operands[1].desc, *y = &p->operands[p->input_count].desc;
    uint64_t each = p->op == CVK_OP_CONV   ? product(w, 1, w->rank)
                    : p->op == CVK_OP_GEMM ? cvk_tensor_desc_count(w) / (uint64_t)y->dims[1]
                                           : product(w, 2, w->rank) * (uint64_t)w->dims[0];
    return cvk_tensor_desc_count(y) * each;
}

/* The first, the last and some between them. */
static void spread(int64_t of, int64_t *index, uint32_t count)
{
    uint32_t edge = count / 4;
    for (uint32_t i = 0; i < count; i++)
        index[i] = i < edge            ? i
                   : i >= count - edge ? of - count + i
                                       : edge + (int64_t)(i - edge) * (of - 2 * (int64_t)edge) / (count - 2 * (int64_t)edge);
}

/* Some images, where each result depends on one alone. */
static int32_t choose_images(struct cvk__check *c, const struct cvk_node *node)
{
    struct cvk__problem *p = &c->whole;
    const struct cvk__op_def *def = cvk__op_find(p->op);
    const struct cvk_tensor_desc *y = &p->operands[p->input_count].desc;
    c->sample.cut = cvk__alloc_array(CVK__TAG_SESSION, p->input_count + 1u, sizeof *c->sample.cut);
    if (!c->sample.cut)
        return cvk__fail_memory(p->input_count, "a test");
    bool vectors = p->epilogue.parts & (CVK_EPI_BIAS | CVK_EPI_SCALE) && p->epilogue.axis == 0;
    if (node->pass != CVK_PASS_FORWARD || !def->separable || vectors || !y->rank || y->dims[0] <= CVK__SAMPLE_IMAGES ||
        !def->separable(node, c->sample.cut))
        return CVK_OK;
    for (uint32_t i = 0; i < p->input_count + p->output_count; i++) {
        const struct cvk_tensor_desc *d = &p->operands[i].desc;
        if (d->size && (i >= p->input_count || c->sample.cut[i]) && (!d->rank || d->dims[0] != y->dims[0]))
            return CVK_OK;
    }
    c->sample.image_count = CVK__SAMPLE_IMAGES;
    c->sample.images[1] = y->dims[0] / 2;
    c->sample.images[2] = y->dims[0] - 1;
    return CVK_OK;
}

static void choose_channels(struct cvk__check *c)
{
    const struct cvk__problem *p = &c->part;
    const struct cvk_tensor_desc *y = &p->operands[p->input_count].desc;
    uint32_t group = p->op == CVK_OP_CONV             ? ((const struct cvk_conv_params *)p->params)->group
                     : p->op == CVK_OP_CONV_TRANSPOSE ? ((const struct cvk_conv_transpose_params *)p->params)->group
                     : p->op == CVK_OP_GEMM           ? 1
                                                      : 2;
    uint32_t axis = 1;
    if (p->pass != CVK_PASS_FORWARD || group != 1 || p->output_count != 1 || y->rank < 2 ||
        (p->epilogue.parts && p->epilogue.axis != axis) || y->dims[axis] < 2 * CVK__SAMPLE_CHANNELS ||
        macs_of(p) <= QUICK_MACS)
        return;
    c->sample.channel_axis = axis;
    c->sample.channel_count = CVK__SAMPLE_CHANNELS;
    spread(y->dims[axis], c->sample.channels, CVK__SAMPLE_CHANNELS);
}

static int32_t cut_images(struct cvk__check *c)
{
    struct cvk__problem *p = &c->part;
    for (uint32_t i = 0; i < operand_count(p); i++) {
        bool output = i >= p->input_count && i < p->input_count + p->output_count;
        bool residual = i == p->input_count + p->output_count + CVK__RESIDUAL_OPERAND;
        bool cut = i < p->input_count ? c->sample.cut[i] : output || residual;
        if (cut && p->operands[i].desc.size)
            CVK__TRY(gather_operand(&p->operands[i], 0, c->sample.images, c->sample.image_count));
    }
    return CVK_OK;
}

static int32_t cut_channels(struct cvk__check *c)
{
    struct cvk__problem *p = &c->part;
    uint32_t behind = p->input_count + p->output_count;
    for (uint32_t i = 0; i < operand_count(p); i++) {
        int32_t axis = i < p->input_count ? channel_axis_of(p, i) : i < behind || i == behind + CVK__RESIDUAL_OPERAND ? 1 : 0;
        if (axis >= 0 && p->operands[i].desc.size)
            CVK__TRY(gather_operand(&p->operands[i], (uint32_t)axis, c->sample.channels, c->sample.channel_count));
    }
    return CVK_OK;
}

/* The same operands, borrowed, then cut. */
static int32_t part_init(struct cvk__check *c, const struct cvk_node *node)
{
    c->part = c->whole;
    c->part.operands = cvk__alloc_array(CVK__TAG_SESSION, operand_count(&c->part), sizeof *c->part.operands);
    if (!c->part.operands)
        return cvk__fail_memory(sizeof *c->part.operands, "a test");
    memcpy(c->part.operands, c->whole.operands, operand_count(&c->part) * sizeof *c->part.operands);
    for (uint32_t i = 0; i < operand_count(&c->part); i++)
        c->part.operands[i].borrowed = true;
    CVK__TRY(choose_images(c, node));
    if (c->sample.image_count)
        CVK__TRY(cut_images(c));
    choose_channels(c);
    return c->sample.channel_count ? cut_channels(c) : CVK_OK;
}

int32_t cvk__check_init(struct cvk__check *c, struct cvk_session *s, const struct cvk__node *n)
{
    struct cvk__node_view view;
    memset(c, 0, sizeof *c);
    int32_t status = cvk__node_view_init(&view, s->g, n, s->node_flags);
    if (status != CVK_OK)
        return status;
    status = problem_init(&c->whole, s, n);
    if (status == CVK_OK)
        status = part_init(c, &view.node);
    cvk__node_view_finish(&view);
    if (status != CVK_OK)
        cvk__check_finish(c);
    return status;
}

void cvk__check_finish(struct cvk__check *c)
{
    problem_finish(&c->part);
    problem_finish(&c->whole);
    cvk__free(c->sample.cut);
    memset(c, 0, sizeof *c);
}

/* A reorder changes no element, so its input is what is right. */
static int32_t solve_reorder(struct cvk__check *c)
{
    struct cvk__operand *y = &c->part.operands[c->part.input_count];
    y->data = c->part.operands[0].data;
    y->borrowed = true;
    c->solved = true;
    return CVK_OK;
}

int32_t cvk__check_solve(struct cvk__check *c, struct cvk__device *reference)
{
    const struct cvk__backend *backend = reference->backend;
    struct cvk__drive drive;
    char reason[CVK__REASON_BYTES];
    struct cvk__way way = {0};
    struct cvk_plan plan;
    bool found = false;
    if (c->whole.op == CVK_OP_REORDER)
        return solve_reorder(c);
    for (uint32_t r = 0; r < backend->plugin.kernel_count && !found; r++) {
        way.row = &backend->kernels[r];
        found = way.row->op == c->part.op && cvk__drive_ask(reference, &c->part, &way, &plan, reason) == CVK_OK;
    }
    if (!found)
        return cvk__fail(CVK_E_UNSUPPORTED, "the reference '%s' does not take the node", backend->plugin.name);
    CVK__TRY(cvk__drive_begin(&drive, reference, &c->part, &way));
    int32_t status = cvk__drive_run(&drive);
    for (uint32_t i = 0; i < c->part.output_count && status == CVK_OK; i++) {
        struct cvk__operand *y = &c->part.operands[c->part.input_count + i];
        bool clean;
        if (!y->desc.size)
            continue;
        y->borrowed = false;
        status = cvk__drive_read(&drive, i, &y->data, &clean);
    }
    cvk__drive_end(&drive);
    c->solved = status == CVK_OK;
    return status;
}

int32_t cvk__check_part(const struct cvk__check *c, uint32_t output, const void *whole, void **own, const void **part)
{
    struct cvk_tensor_desc desc = c->whole.operands[c->whole.input_count + output].desc;
    void *images = NULL;
    *own = NULL;
    *part = whole;
    if (c->sample.image_count) {
        CVK__TRY(gather(&desc, whole, 0, c->sample.images, c->sample.image_count, &images));
        *part = *own = images;
    }
    if (c->sample.channel_count) {
        int32_t status = gather(&desc, *part, c->sample.channel_axis, c->sample.channels, c->sample.channel_count, own);
        cvk__free(images);
        if (status != CVK_OK)
            *own = NULL;
        *part = *own;
        return status;
    }
    return CVK_OK;
}

const char *cvk__check_index(const struct cvk__check *c, uint32_t output, uint64_t flat, char text[CVK_SHAPE_TEXT])
{
    const struct cvk_tensor_desc *d = &c->part.operands[c->part.input_count + output].desc;
    int64_t index[CVK_MAX_RANK] = {0};
    size_t used = 0;
    for (uint32_t i = d->rank; i-- > 0;) {
        index[i] = (int64_t)(flat % (uint64_t)d->dims[i]);
        flat /= (uint64_t)d->dims[i];
    }
    if (c->sample.image_count)
        index[0] = c->sample.images[index[0]];
    if (c->sample.channel_count)
        index[c->sample.channel_axis] = c->sample.channels[index[c->sample.channel_axis]];
    text[0] = '\0';
    for (uint32_t i = 0; i < d->rank; i++)
        used += (size_t)snprintf(text + used, CVK_SHAPE_TEXT - used, i ? ",%lld" : "%lld", (long long)index[i]);
    return text;
}

/* SPDX-License-Identifier: MIT
 * A whole net from one line of text; the grammar stands at cvk_graph_from_text in graph.h. */
#include <stdarg.h>

#include "convoke/rng.h"
#include "layers.h"

#define MAX_TEXT 16384 /* characters */
#define MAX_LAYERS 1024
#define MAX_DEPTH 8       /* of blocks in blocks */
#define MAX_LAYER_TEXT 40 /* characters of one layer */
#define MAX_DIGITS 9
#define MAX_WEIGHTS (1ull << 28) /* of the whole net: 1 GiB; the text of a stranger must not fill the memory */

struct parser {
    const char *text;
    size_t at;    /* of the next character */
    size_t begin; /* of the layer that is being read */
    char layer[MAX_LAYER_TEXT + 1];
    struct cvk_graph *g;
    cvk_value x; /* what the last layer gave */
    double weights;
    uint32_t layers, depth;
    bool norms; /* the block that is being read has batch norms */
};

/* s2p1d2g4 after a layer; what is not written stays as the caller set it. */
struct suffixes {
    int64_t stride, pad, dilation, group;
};

static int32_t fail_at(size_t at, const char *format, ...) CVK_PRINTF(2, 3);
static int32_t fail_at(size_t at, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cvk__fail(CVK_E_FORMAT, "net text, column %zu: %s", at + 1, text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_spaces(struct parser *p)
{
    while (p->text[p->at] == ' ' || p->text[p->at] == '\t')
        p->at++;
}

/* A whole number in `from`, which lies at column `column`; moves *from behind it. */
static int32_t take_number(const char **from, size_t column, const char *what, int64_t *out)
{
    uint32_t digits = 0;
    *out = 0;
    for (; is_digit((*from)[digits]) && digits <= MAX_DIGITS; digits++)
        *out = *out * 10 + ((*from)[digits] - '0');
    if (digits == 0)
        return fail_at(column, "a number is missing: %s", what);
    if (digits > MAX_DIGITS)
        return fail_at(column, "%s has more than %d digits", what, MAX_DIGITS);
    *from += digits;
    return CVK_OK;
}

/* Column of a place in p->layer. */
static size_t column_of(const struct parser *p, const char *place)
{
    return p->begin + (size_t)(place - p->layer);
}

static int32_t take_layer_number(const struct parser *p, const char **from, const char *what, int64_t least, int64_t *out)
{
    size_t column = column_of(p, *from);
    CVK__TRY(take_number(from, column, what, out));
    if (*out < least)
        return fail_at(column, "%s is %lld, at least %lld is needed", what, (long long)*out, (long long)least);
    return CVK_OK;
}

/* Reads letters of `allowed` with their numbers up to the end of the layer. */
static int32_t take_suffixes(const struct parser *p, const char *from, const char *allowed, struct suffixes *s)
{
    char seen[8] = "";
    while (*from) {
        char letter = *from;
        size_t column = column_of(p, from++);
        if (!strchr(allowed, letter))
            return fail_at(column, "'%c' in '%s' is none of the letters that may follow here: %s", letter, p->layer, allowed);
        if (strchr(seen, letter))
            return fail_at(column, "'%c' stands twice in '%s'", letter, p->layer);
        seen[strlen(seen)] = letter; /* at most one of each of four letters */
        switch (letter) {
        case 's':
            CVK__TRY(take_layer_number(p, &from, "the stride", 1, &s->stride));
            break;
        case 'p':
            CVK__TRY(take_layer_number(p, &from, "the padding", 0, &s->pad));
            break;
        case 'd':
            CVK__TRY(take_layer_number(p, &from, "the dilation", 1, &s->dilation));
            break;
        default:
            CVK__TRY(take_layer_number(p, &from, "the number of groups", 1, &s->group));
            break;
        }
    }
    return CVK_OK;
}

static int32_t expect_end(const struct parser *p, const char *from)
{
    return *from ? fail_at(column_of(p, from), "'%s' goes on after its end; layers are joined by '-'", p->layer) : CVK_OK;
}

/* Refuses before weights are made. */
static int32_t book_weights(struct parser *p, double count)
{
    p->weights += count;
    if (p->weights > (double)MAX_WEIGHTS) {
        fail_at(p->begin, "with '%s' the net has %.4g weights; a net from text has at most %llu", p->layer, p->weights,
                MAX_WEIGHTS);
        return CVK_E_LIMIT;
    }
    return CVK_OK;
}

static int32_t add_conv(struct parser *p, int64_t filters, int64_t kernel, const struct suffixes *s)
{
    const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
    struct cvk_conv_params params = {.group = (uint32_t)s->group};
    double count = (double)filters * (double)(d->rank > 1 ? d->dims[1] : 1) / (double)s->group;
    for (uint32_t i = 0; i + 2 < d->rank && i < 3; i++) {
        params.kernel[i] = kernel;
        params.stride[i] = s->stride;
        params.dilation[i] = s->dilation;
        params.pad_begin[i] = params.pad_end[i] = s->pad;
        count *= (double)kernel;
    }
    CVK__TRY(book_weights(p, count));
    p->x = cvk_layer_conv_with(p->g, p->x, filters, &params);
    return CVK_OK;
}

static int32_t add_dense(struct parser *p, int64_t units)
{
    const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
    double features = 1;
    for (uint32_t i = 1; i < d->rank; i++)
        features *= (double)d->dims[i];
    CVK__TRY(book_weights(p, features * (double)units));
    if (d->rank > 2)
        p->x = cvk_flatten(p->g, p->x);
    p->x = cvk_layer_dense(p->g, p->x, units);
    return CVK_OK;
}

static void add_pool(struct parser *p, uint32_t kind, int64_t kernel, const struct suffixes *s)
{
    const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
    struct cvk_pool_params params = {.kind = kind, .global = kernel == 0};
    for (uint32_t i = 0; s && i + 2 < d->rank && i < 3; i++) {
        params.kernel[i] = kernel;
        params.stride[i] = s->stride;
        params.dilation[i] = s->dilation;
        params.pad_begin[i] = params.pad_end[i] = s->pad;
    }
    p->x = cvk_pool(p->g, p->x, &params, NULL);
}

/* "16t2": the transposed convolution enlarges by its stride, which is the kernel's size unless told. */
static int32_t add_transposed(struct parser *p, int64_t filters, int64_t kernel, const struct suffixes *s)
{
    const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
    struct cvk_conv_transpose_params params = {.size = 0};
    double count = (double)filters * (double)(d->rank > 1 ? d->dims[1] : 1);
    for (uint32_t i = 0; i + 2 < d->rank && i < 3; i++) {
        params.kernel[i] = kernel;
        params.stride[i] = s->stride;
        params.pad_begin[i] = params.pad_end[i] = s->pad;
        count *= (double)kernel;
    }
    CVK__TRY(book_weights(p, count));
    p->x = cvk__layer_conv_transpose(p->g, p->x, filters, &params);
    return CVK_OK;
}

/* "8c5s2p1", "16t2" and "120n": a count, a letter. */
static int32_t read_counted(struct parser *p)
{
    const char *from = p->layer;
    int64_t count = 0, kernel = 0;
    CVK__TRY(take_layer_number(p, &from, "the count before the layer", 1, &count));
    if (*from == 'n') {
        CVK__TRY(expect_end(p, from + 1));
        return add_dense(p, count);
    }
    bool transposed = *from == 't';
    if (*from != 'c' && !transposed)
        return fail_at(column_of(p, from),
                       "'%s': after a number comes c (filters), t (filters of a transposed convolution) or n (units)", p->layer);
    from++;
    CVK__TRY(take_layer_number(p, &from, "the kernel's size", 1, &kernel));
    struct suffixes s = {.stride = transposed ? kernel : 1, .dilation = 1, .group = 1};
    CVK__TRY(take_suffixes(p, from, transposed ? "sp" : "spdg", &s));
    if (transposed)
        return add_transposed(p, count, kernel, &s);
    return add_conv(p, count, kernel, &s);
}

/* "mp2", "ap3s2p1", "dw3p1": a kernel's size follows the word. */
static int32_t read_window(struct parser *p, const char *from)
{
    int64_t kernel = 0;
    CVK__TRY(take_layer_number(p, &from, "the window's size", 1, &kernel));
    bool depthwise = p->layer[0] == 'd', mean = p->layer[0] == 'a';
    struct suffixes s = {.stride = depthwise ? 1 : kernel, .dilation = 1, .group = 1};
    CVK__TRY(take_suffixes(p, from, mean ? "sp" : "spd", &s));
    if (!depthwise) {
        add_pool(p, mean ? CVK_POOL_AVG : CVK_POOL_MAX, kernel, &s);
        return CVK_OK;
    }
    const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
    s.group = d->rank > 1 ? d->dims[1] : 1;
    return add_conv(p, s.group, kernel, &s);
}

/* "up2": every pixel becomes a square of so many. */
static int32_t read_enlarge(struct parser *p, const char *from)
{
    const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
    struct cvk_resize_params params = {.mode = CVK_RESIZE_NEAREST, .coord = CVK_COORD_ASYMMETRIC, .nearest = CVK_NEAREST_FLOOR};
    int64_t factor;
    CVK__TRY(take_layer_number(p, &from, "the factor", 1, &factor));
    CVK__TRY(expect_end(p, from));
    params.count = d->rank;
    for (uint32_t i = 0; i < d->rank; i++)
        params.scale[i] = i < 2 ? 1 : (double)factor;
    p->x = cvk_resize(p->g, p->x, &params);
    return CVK_OK;
}

/* "drop0.5", "keep0.5". Read by hand, because the library's functions follow the locale. */
static int32_t read_dropout(struct parser *p, const char *from)
{
    bool keeps = p->layer[0] == 'k';
    double drop = 0, place = 1;
    bool point = false, digit = false;
    const char *c = from;
    for (; is_digit(*c) || (*c == '.' && !point); c++) {
        point = point || *c == '.';
        if (*c == '.')
            continue;
        digit = true;
        drop = drop * 10 + (*c - '0');
        place = point ? place * 10 : place;
    }
    drop = keeps ? 1 - drop / place : drop / place;
    if (*c || !digit || !(drop >= 0 && drop < 1))
        return fail_at(column_of(p, from),
                       keeps ? "'%s': the probability that a node is kept follows, above 0 and at most 1, as in keep0.5"
                             : "'%s': the probability that a node is dropped follows, 0 or more and below 1, as in drop0.5",
                       p->layer);
    struct cvk_dropout_params params = {.drop = (float)drop, .seed = cvk_rng_bits(p->g->seed, p->g->seed_stream++, 0)};
    p->x = cvk_dropout(p->g, p->x, &params, NULL);
    return CVK_OK;
}

/* Krizhevsky et al. 2012, section 3.3: n 5, k 2, beta 0.75, and their alpha of 1e-4 is here divided by n. */
static cvk_value add_lrn(struct cvk_graph *g, cvk_value x)
{
    struct cvk_lrn_params params = {.window = 5, .alpha = 5e-4f, .beta = 0.75f, .k = 2};
    return cvk_lrn(g, x, &params);
}

/* Functions that a and b must tell more about cannot be written as a word. */
static bool has_parameters(uint32_t kind)
{
    switch (kind) {
    case CVK_LEAKY_RELU:
    case CVK_ELU:
    case CVK_SELU:
    case CVK_CELU:
    case CVK_CLIP:
    case CVK_HARD_SIGMOID:
    case CVK_THRESHOLDED_RELU:
    case CVK_SHRINK:
    case CVK_IS_INF:
        return true;
    default:
        return false;
    }
}

/* Names the word that was probably meant. */
static int32_t unknown_word(const struct parser *p)
{
    static const char *const words[] = {"mp2", "ap2", "dw3",     "gap",     "gmp", "flat",
                                        "bn",  "lrn", "drop0.5", "keep0.5", "up2", "softmax"};
    const char *best = NULL;
    uint32_t least = 3; /* edits beyond which a hint misleads */
    for (uint32_t i = 0; i < sizeof words / sizeof words[0] + CVK_UNARY_KINDS; i++) {
        uint32_t kind = i - (uint32_t)(sizeof words / sizeof words[0]);
        const char *word = i < sizeof words / sizeof words[0] ? words[i] : has_parameters(kind) ? NULL : cvk_unary_name(kind);
        uint32_t distance = word ? cvk__text_distance(p->layer, word) : least;
        if (distance < least && distance < strlen(word)) {
            best = word;
            least = distance;
        }
    }
    char shown[MAX_LAYER_TEXT * 4 + 1];
    cvk__text_escape(p->layer, shown, sizeof shown);
    if (best)
        return fail_at(p->begin, "'%s' is no layer; did you mean '%s'?", shown, best);
    return fail_at(
        p->begin,
        "'%s' is no layer; there are 8c5, 8t2, dw3, mp2, ap2, up2, gap, gmp, flat, 120n, bn, lrn, drop0.5, keep0.5, softmax, "
        "res(...), relu, tanh, sigmoid and the other names of op/unary.h",
        shown);
}

static int32_t read_word(struct parser *p, size_t letters)
{
    static const struct {
        const char *word;
        uint32_t kind;
    } globals[] = {{"gap", CVK_POOL_AVG}, {"gmp", CVK_POOL_MAX}};
    const char *rest = p->layer + letters;
    if (letters == 2 && (!strncmp(p->layer, "mp", 2) || !strncmp(p->layer, "ap", 2) || !strncmp(p->layer, "dw", 2)))
        return read_window(p, rest);
    if (letters == 2 && !strncmp(p->layer, "up", 2))
        return read_enlarge(p, rest);
    if (letters == 4 && (!strncmp(p->layer, "drop", 4) || !strncmp(p->layer, "keep", 4)))
        return read_dropout(p, rest);
    for (uint32_t i = 0; i < 2; i++) {
        if (!strcmp(p->layer, globals[i].word)) {
            add_pool(p, globals[i].kind, 0, NULL);
            return CVK_OK;
        }
    }
    if (!strcmp(p->layer, "flat")) {
        p->x = cvk_flatten(p->g, p->x);
    } else if (!strcmp(p->layer, "bn")) {
        const struct cvk_tensor_desc *d = cvk_graph_desc(p->g, p->x);
        CVK__TRY(book_weights(p, 4 * (double)(d->rank > 1 ? d->dims[1] : 1)));
        p->x = cvk__layer_batch_norm(p->g, p->x);
        p->norms = true;
    } else if (!strcmp(p->layer, "lrn")) {
        p->x = add_lrn(p->g, p->x);
    } else if (!strcmp(p->layer, "softmax")) {
        p->x = cvk_softmax(p->g, p->x, &(struct cvk_softmax_params){.axis = 1});
    } else {
        uint32_t kind = 0;
        while (kind < CVK_UNARY_KINDS && strcmp(p->layer, cvk_unary_name(kind)) != 0)
            kind++;
        if (kind == CVK_UNARY_KINDS)
            return unknown_word(p);
        if (has_parameters(kind))
            return fail_at(p->begin, "'%s' needs parameters, which a text cannot give; use cvk_unary", p->layer);
        p->x = cvk_unary(p->g, p->x, &(struct cvk_unary_params){.kind = kind});
    }
    return CVK_OK;
}

/* Copies the text up to the next '-' or bracket to p->layer, without the spaces around it. */
static int32_t cut_layer(struct parser *p)
{
    skip_spaces(p);
    p->begin = p->at;
    size_t end = p->at + strcspn(p->text + p->at, "-()"), next = end;
    while (end > p->begin && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t'))
        end--;
    if (end == p->begin)
        return fail_at(p->begin, "a layer is missing");
    if (end - p->begin > MAX_LAYER_TEXT)
        return fail_at(p->begin, "a layer of %zu characters; at most %d are possible, layers are joined by '-'", end - p->begin,
                       MAX_LAYER_TEXT);
    memcpy(p->layer, p->text + p->begin, end - p->begin);
    p->layer[end - p->begin] = 0;
    p->at = next;
    return CVK_OK;
}

static int32_t read_layers(struct parser *p);

/* The way round a block: the input itself, or a 1x1 convolution with the stride that brings it to the block's sizes. */
static int32_t add_shortcut(struct parser *p, size_t column, cvk_value from, bool norms)
{
    const struct cvk_tensor_desc a = *cvk_graph_desc(p->g, from), b = *cvk_graph_desc(p->g, p->x);
    struct cvk_conv_params params = {.size = 0};
    char at[CVK_SHAPE_TEXT], bt[CVK_SHAPE_TEXT];
    cvk_value y = p->x;
    bool same = a.rank == b.rank && !memcmp(a.dims, b.dims, a.rank * sizeof *a.dims), fits = a.rank == b.rank && a.rank > 2;
    for (uint32_t i = 2; fits && i < a.rank; i++) {
        int64_t stride = b.dims[i] > 0 ? (a.dims[i] + b.dims[i] - 1) / b.dims[i] : 0;
        fits = stride > 0 && (a.dims[i] - 1) / stride + 1 == b.dims[i];
        params.kernel[i - 2] = 1;
        params.stride[i - 2] = stride;
    }
    if (!same && !fits)
        return fail_at(column,
                       "the block turns %s into %s, which no shortcut can follow: use paddings that keep the size, or strides",
                       cvk_shape_text(a.rank, a.dims, at), cvk_shape_text(b.rank, b.dims, bt));
    p->x = from;
    if (!same) {
        CVK__TRY(book_weights(p, (double)b.dims[1] * (double)a.dims[1]));
        p->x = cvk_layer_conv_with(p->g, p->x, b.dims[1], &params);
        if (norms)
            p->x = cvk__layer_batch_norm(p->g, p->x);
    }
    p->x = cvk_add(p->g, y, p->x);
    return CVK_OK;
}

/* "res(...)": what the layers in brackets make of x, and x. */
static int32_t read_block(struct parser *p)
{
    size_t column = p->begin;
    cvk_value from = p->x;
    bool norms = p->norms;
    if (strcmp(p->layer, "res") != 0)
        return fail_at(p->at, "only res has brackets, as in res(16c3p1-bn-relu-16c3p1-bn)");
    if (p->depth++ == MAX_DEPTH)
        return fail_at(p->at, "more than %d blocks in each other", MAX_DEPTH);
    p->at++;
    p->norms = false;
    CVK__TRY(read_layers(p));
    if (p->text[p->at] != ')')
        return fail_at(p->at, "the ')' of the block from column %zu on is missing", column + 1);
    p->at++;
    p->depth--;
    skip_spaces(p);
    CVK__TRY(add_shortcut(p, column, from, p->norms));
    p->norms = norms || p->norms;
    return CVK_OK;
}

static int32_t read_layer(struct parser *p)
{
    CVK__TRY(cut_layer(p));
    size_t letters = strspn(p->layer, "abcdefghijklmnopqrstuvwxyz_"), begin = p->begin;
    if (p->text[p->at] == '(')
        CVK__TRY(read_block(p));
    else if (is_digit(p->layer[0]))
        CVK__TRY(read_counted(p));
    else
        CVK__TRY(read_word(p, letters));
    int32_t status = cvk_graph_status(p->g);
    if (status == CVK_OK)
        return CVK_OK;
    return cvk__fail(status, "net text, column %zu, '%s': %s", begin + 1, p->layer, cvk_graph_error(p->g));
}

static int32_t read_layers(struct parser *p)
{
    bool more = true;
    while (more) {
        if (p->layers++ == MAX_LAYERS)
            return fail_at(p->at, "more than %d layers", MAX_LAYERS);
        CVK__TRY(read_layer(p));
        more = p->text[p->at] == '-';
        p->at += more;
    }
    return CVK_OK;
}

/* "1x28x28:" */
static int32_t read_input(struct parser *p)
{
    int64_t dims[5] = {CVK_BATCH};
    uint32_t rank = 1;
    for (;;) {
        skip_spaces(p);
        size_t column = p->at;
        const char *from = p->text + p->at;
        if (rank == 5)
            return fail_at(column, "the input has more than four sizes; the longest form is CxDxHxW");
        CVK__TRY(take_number(&from, column, "the size of the input", &dims[rank]));
        if (dims[rank++] == 0)
            return fail_at(column, "a size of the input is 0");
        p->at = (size_t)(from - p->text);
        skip_spaces(p);
        if (p->text[p->at] != 'x')
            break;
        p->at++;
    }
    if (p->text[p->at] != ':')
        return fail_at(p->at, "after the input's sizes (joined by 'x', as in 3x28x28) comes ':'");
    p->at++;
    p->x = cvk_input(p->g, "input", CVK_F32, rank, dims);
    return cvk_graph_status(p->g) == CVK_OK ? CVK_OK : cvk__fail_in(cvk_graph_status(p->g), "net text, column 1: ");
}

static int32_t read_net(struct parser *p)
{
    CVK__TRY(read_input(p));
    CVK__TRY(read_layers(p));
    if (p->text[p->at])
        return fail_at(p->at, "'%c' closes no bracket; layers are joined by '-'", p->text[p->at]);
    return cvk_output(p->g, p->x, "output");
}

int32_t cvk_graph_from_text(const char *text, uint64_t seed, struct cvk_graph **out)
{
    if (!text || !out)
        return cvk__fail(CVK_E_ARG, "cvk_graph_from_text: text or out is NULL");
    *out = NULL;
    if (strnlen(text, MAX_TEXT + 1) > MAX_TEXT)
        return cvk__fail(CVK_E_LIMIT, "net text: more than %d characters", MAX_TEXT);
    struct parser p = {.text = text};
    CVK__TRY(cvk_graph_create("net", &p.g));
    cvk_graph_seed(p.g, seed);
    int32_t status = read_net(&p);
    if (status != CVK_OK) {
        cvk_graph_destroy(p.g);
        return status;
    }
    *out = p.g;
    return CVK_OK;
}

/* SPDX-License-Identifier: MIT
 * Typed access to a node's attributes. Each call checks the kind and the range and marks the attribute as known, so that what
 * nobody asked for can be refused by name. */
#include "import.h"

#include <stdarg.h>

typedef Onnx__AttributeProto attribute;

int32_t cvk__onnx_fail_attr(const struct cvk__onnx *c, int32_t status, const char *name, const char *format, ...)
{
    char text[400], shown[80];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cvk__onnx_fail(c, status, "attribute '%s': %s", cvk__text_escape(name, shown, sizeof shown), text);
}

static const char *kind_name(int32_t type)
{
    static const char *const names[] = {"UNDEFINED",      "FLOAT",      "INT",        "STRING",  "TENSOR", "GRAPH",
                                        "FLOATS",         "INTS",       "STRINGS",    "TENSORS", "GRAPHS", "SPARSE_TENSOR",
                                        "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
    return type >= 0 && type < (int32_t)(sizeof names / sizeof names[0]) ? names[type] : "of an unknown kind";
}

/* The kind it says it is; files older than the field `type` tell it by what they fill in. */
static int32_t kind_of(const attribute *a)
{
    if (a->has_type && a->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED)
        return (int32_t)a->type;
    return a->has_f       ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
           : a->has_i     ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT
           : a->has_s     ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING
           : a->t         ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR
           : a->g         ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
           : a->n_floats  ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
           : a->n_ints    ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
           : a->n_strings ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS
           : a->n_tensors ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSORS
           : a->n_graphs  ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS
                          : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

static const char *name_of(const attribute *a)
{
    return a->name ? a->name : "";
}

int32_t cvk__onnx_attr_check(const struct cvk__onnx *c)
{
    const Onnx__NodeProto *n = c->node;
    for (size_t i = 0; i < n->n_attribute; i++) {
        const attribute *a = n->attribute[i];
        if (!name_of(a)[0])
            return cvk__onnx_fail(c, CVK_E_FORMAT, "attribute number %zu has no name", i);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(name_of(a), name_of(n->attribute[k])))
                return cvk__onnx_fail_attr(c, CVK_E_FORMAT, name_of(a), "given twice");
        if (a->ref_attr_name && a->ref_attr_name[0])
            return cvk__onnx_fail_attr(c, CVK_E_FORMAT, name_of(a), "refers to a function's attribute outside a function");
    }
    return CVK_OK;
}

const attribute *cvk__onnx_attr(struct cvk__onnx *c, const char *name)
{
    for (size_t i = 0; i < c->node->n_attribute && i < 64; i++)
        if (!strcmp(name_of(c->node->attribute[i]), name)) {
            c->used |= (uint64_t)1 << i;
            return c->node->attribute[i];
        }
    return NULL;
}

void cvk__onnx_attr_ignore(struct cvk__onnx *c, const char *name)
{
    (void)cvk__onnx_attr(c, name);
}

int32_t cvk__onnx_attr_finish(const struct cvk__onnx *c)
{
    for (size_t i = 0; i < c->node->n_attribute; i++)
        if (i >= 64 || !(c->used >> i & 1))
            return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, name_of(c->node->attribute[i]),
                                       "not known for this op in opset %lld", (long long)c->opset);
    return CVK_OK;
}

/* Finds an attribute and checks its kind. */
static int32_t find(struct cvk__onnx *c, const char *name, int32_t kind, const attribute **out)
{
    *out = cvk__onnx_attr(c, name);
    if (*out && kind_of(*out) != kind)
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, name, "is %s, not %s", kind_name(kind_of(*out)), kind_name(kind));
    return CVK_OK;
}

static int32_t check_range(const struct cvk__onnx *c, const char *name, int64_t value, int64_t min, int64_t max)
{
    if (value < min || value > max)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, name, "%lld is out of range; it must be in %lld..%lld", (long long)value,
                                   (long long)min, (long long)max);
    return CVK_OK;
}

int32_t cvk__onnx_attr_int(struct cvk__onnx *c, const char *name, int64_t value, int64_t min, int64_t max, int64_t *out)
{
    const attribute *a;
    CVK__TRY(find(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, &a));
    *out = a ? (a->has_i ? a->i : 0) : value;
    return a ? check_range(c, name, *out, min, max) : CVK_OK;
}

int32_t cvk__onnx_attr_flag(struct cvk__onnx *c, const char *name, uint32_t value, uint32_t *out)
{
    int64_t number;
    CVK__TRY(cvk__onnx_attr_int(c, name, value, 0, 1, &number));
    *out = (uint32_t)number;
    return CVK_OK;
}

int32_t cvk__onnx_attr_axis(struct cvk__onnx *c, const char *name, int64_t value, int32_t *out)
{
    int64_t number;
    CVK__TRY(cvk__onnx_attr_int(c, name, value, -CVK_MAX_RANK, CVK_MAX_RANK, &number));
    *out = (int32_t)number;
    return CVK_OK;
}

int32_t cvk__onnx_attr_float(struct cvk__onnx *c, const char *name, float value, float *out)
{
    const attribute *a;
    CVK__TRY(find(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, &a));
    *out = a ? (a->has_f ? a->f : 0.0f) : value;
    return CVK_OK;
}

int32_t cvk__onnx_attr_ints(struct cvk__onnx *c, const char *name, int64_t min, int64_t max, uint32_t capacity, int64_t *out,
                            uint32_t *count)
{
    const attribute *a;
    *count = 0;
    CVK__TRY(find(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, &a));
    if (!a)
        return CVK_OK;
    if (a->n_ints > capacity)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, name, "%zu numbers; at most %u are possible", a->n_ints, capacity);
    for (size_t i = 0; i < a->n_ints; i++) {
        CVK__TRY(check_range(c, name, a->ints[i], min, max));
        out[i] = a->ints[i];
    }
    *count = (uint32_t)a->n_ints;
    return CVK_OK;
}

int32_t cvk__onnx_attr_floats(struct cvk__onnx *c, const char *name, const float **out, uint64_t *count)
{
    const attribute *a;
    *out = NULL;
    *count = 0;
    CVK__TRY(find(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, &a));
    if (a) {
        *out = a->floats;
        *count = a->n_floats;
    }
    return CVK_OK;
}

int32_t cvk__onnx_attr_axes(struct cvk__onnx *c, const char *name, int32_t out[CVK_MAX_RANK], uint32_t *count)
{
    int64_t axes[CVK_MAX_RANK];
    CVK__TRY(cvk__onnx_attr_ints(c, name, -CVK_MAX_RANK, CVK_MAX_RANK - 1, CVK_MAX_RANK, axes, count));
    for (uint32_t i = 0; i < *count; i++)
        out[i] = (int32_t)axes[i];
    return CVK_OK;
}

int32_t cvk__onnx_attr_word(struct cvk__onnx *c, const char *name, const char *const *words, uint32_t word_count, uint32_t value,
                            uint32_t *out)
{
    const attribute *a;
    *out = value;
    CVK__TRY(find(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, &a));
    if (!a)
        return CVK_OK;
    for (uint32_t i = 0; i < word_count; i++)
        if (words[i] && a->s.len == strlen(words[i]) && !memcmp(a->s.data, words[i], a->s.len)) {
            *out = i;
            return CVK_OK;
        }
    /* A string of the file may hold NUL; what is shown ends there. */
    char raw[64] = "", shown[96], known[200] = "";
    size_t used = 0, length = a->s.len < sizeof raw - 1 ? a->s.len : sizeof raw - 1;
    if (length)
        memcpy(raw, a->s.data, length);
    for (uint32_t i = 0; i < word_count; i++)
        if (words[i] && used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", words[i]);
    return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, name, "'%s' is not one of %s", cvk__text_escape(raw, shown, sizeof shown),
                               known);
}

int32_t cvk__onnx_attr_tensor(struct cvk__onnx *c, const char *name, const Onnx__TensorProto **out)
{
    const attribute *a;
    *out = NULL;
    CVK__TRY(find(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR, &a));
    if (a && !a->t)
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, name, "is TENSOR, but holds none");
    *out = a ? a->t : NULL;
    return CVK_OK;
}

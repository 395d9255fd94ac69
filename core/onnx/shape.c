/* SPDX-License-Identifier: MIT
 * Ops that move or rename elements: reshapes, transposes, joins and cuts, casts, depth and space. */
#include "import.h"

static int32_t reshape(struct cvk__onnx *c)
{
    struct cvk_reshape_params p = {.kind = CVK_RESHAPE};
    if (c->opset < 5) {
        CVK__TRY(cvk__onnx_attr_ints(c, "shape", -1, INT64_MAX, CVK_MAX_RANK, p.dims, &p.count));
        return cvk__onnx_add(c, CVK_OP_RESHAPE, &p, 1);
    }
    if (c->opset >= 14)
        CVK__TRY(cvk__onnx_attr_flag(c, "allowzero", 0, &p.allow_zero));
    return cvk__onnx_add(c, CVK_OP_RESHAPE, &p, 2);
}

static int32_t flatten(struct cvk__onnx *c)
{
    struct cvk_reshape_params p = {.kind = CVK_FLATTEN, .count = 1};
    CVK__TRY(cvk__onnx_attr_int(c, "axis", 1, -CVK_MAX_RANK, CVK_MAX_RANK, &p.dims[0]));
    return cvk__onnx_add(c, CVK_OP_RESHAPE, &p, 1);
}

/* Squeeze and Unsqueeze: axes are an attribute before opset 13 and an input from there on. */
static int32_t squeeze(struct cvk__onnx *c)
{
    struct cvk_reshape_params p = {.kind = c->row->kind};
    if (c->opset < 13) {
        CVK__TRY(cvk__onnx_attr_ints(c, "axes", -CVK_MAX_RANK, CVK_MAX_RANK - 1, CVK_MAX_RANK, p.dims, &p.count));
        if (!p.count && p.kind == CVK_UNSQUEEZE)
            return cvk__onnx_fail_attr(c, CVK_E_ARG, "axes", "is missing");
    }
    return cvk__onnx_add(c, CVK_OP_RESHAPE, &p, c->opset < 13 ? 1 : 2);
}

static int32_t identity(struct cvk__onnx *c)
{
    return cvk__onnx_add(c, CVK_OP_RESHAPE, &(struct cvk_reshape_params){.kind = CVK_IDENTITY}, 1);
}

static int32_t transpose(struct cvk__onnx *c)
{
    struct cvk_transpose_params p = {0};
    CVK__TRY(cvk__onnx_attr_axes(c, "perm", p.perm, &p.count));
    return cvk__onnx_out(c, 0, cvk_transpose(c->g, cvk__onnx_in(c, 0), &p));
}

static int32_t concat(struct cvk__onnx *c)
{
    struct cvk_concat_params p = {0};
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", 1, &p.axis));
    if (c->opset >= 4 && !cvk__onnx_attr(c, "axis"))
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "axis", "is missing");
    uint32_t count = cvk__onnx_in_count(c);
    cvk_value *x = cvk__alloc_array(CVK__TAG_ONNX, count, sizeof *x);
    if (!x)
        return cvk__fail_memory(count * sizeof *x, "the inputs of a node");
    for (uint32_t i = 0; i < count; i++)
        x[i] = cvk__onnx_in(c, i);
    cvk_value y = cvk_concat(c->g, x, count, &p);
    cvk__free(x);
    return cvk__onnx_out(c, 0, y);
}

static int32_t split(struct cvk__onnx *c)
{
    struct cvk_split_params p = {0};
    cvk_value sizes = 0;
    uint32_t count = (uint32_t)c->node->n_output;
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", 0, &p.axis));
    if (!count)
        return cvk__onnx_fail(c, CVK_E_FORMAT, "it has no outputs");
    if (c->opset >= 13) {
        sizes = cvk__onnx_in(c, 1);
    } else {
        int64_t numbers[1024];
        uint32_t given;
        CVK__TRY(cvk__onnx_attr_ints(c, "split", 0, INT64_MAX, 1024, numbers, &given));
        if (given && given != count)
            return cvk__onnx_fail_attr(c, CVK_E_ARG, "split", "%u sizes for %u outputs", given, count);
        if (given)
            sizes = cvk__onnx_ints(c, numbers, given);
    }
    cvk_value *y = cvk__alloc_array(CVK__TAG_ONNX, count, sizeof *y);
    if (!y)
        return cvk__fail_memory(count * sizeof *y, "the outputs of a node");
    cvk_split(c->g, cvk__onnx_in(c, 0), sizes, &p, count, y);
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < count && status == CVK_OK; i++)
        status = cvk__onnx_out(c, i, y[i]);
    cvk__free(y);
    return status;
}

static int32_t expand(struct cvk__onnx *c)
{
    return cvk__onnx_add(c, CVK_OP_EXPAND, NULL, 2);
}

static int32_t tile(struct cvk__onnx *c)
{
    return cvk__onnx_add(c, CVK_OP_TILE, NULL, 2);
}

static int32_t shape(struct cvk__onnx *c)
{
    struct cvk_shape_params p = {.kind = c->row->kind};
    if (p.kind == CVK_SHAPE_DIMS && c->opset >= 15) {
        int64_t start, end;
        p.end_given = cvk__onnx_attr(c, "end") != NULL;
        CVK__TRY(cvk__onnx_attr_int(c, "start", 0, INT32_MIN, INT32_MAX, &start));
        CVK__TRY(cvk__onnx_attr_int(c, "end", 0, INT32_MIN, INT32_MAX, &end));
        p.start = (int32_t)start;
        p.end = (int32_t)end;
    }
    return cvk__onnx_out(c, 0, cvk_shape(c->g, cvk__onnx_in(c, 0), &p));
}

static int32_t cast(struct cvk__onnx *c)
{
    struct cvk_cast_params p = {0};
    int64_t to;
    CVK__TRY(cvk__onnx_attr_int(c, "to", 0, INT32_MIN, INT32_MAX, &to));
    p.to = cvk__onnx_dtype((int32_t)to);
    if (!p.to)
        return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, "to", "data type %s (%lld) is not supported",
                                   cvk__onnx_dtype_name((int32_t)to), (long long)to);
    return cvk__onnx_out(c, 0, cvk_cast(c->g, cvk__onnx_in(c, 0), &p));
}

static int32_t cast_like(struct cvk__onnx *c)
{
    struct cvk_cast_params p = {0};
    CVK__TRY(cvk__onnx_need_type(c, 1, &p.to));
    return cvk__onnx_out(c, 0, cvk_cast(c->g, cvk__onnx_in(c, 0), &p));
}

static int32_t depth_space(struct cvk__onnx *c)
{
    static const char *const words[] = {[CVK_MODE_DCR] = "DCR", [CVK_MODE_CRD] = "CRD"};
    struct cvk_depth_space_params p = {.kind = c->row->kind};
    int64_t block;
    CVK__TRY(cvk__onnx_attr_int(c, "blocksize", 0, 1, INT32_MAX, &block));
    if (!block)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "blocksize", "is missing");
    p.block = (uint32_t)block;
    if (p.kind == CVK_DEPTH_TO_SPACE && c->opset >= 11)
        CVK__TRY(cvk__onnx_attr_word(c, "mode", words, 2, CVK_MODE_DCR, &p.mode));
    return cvk__onnx_out(c, 0, cvk_depth_space(c->g, cvk__onnx_in(c, 0), &p));
}

static const struct cvk__onnx_row rows[] = {
    {"Reshape", 1, 4, 1, 1, 1, reshape, 0},
    {"Reshape", 5, CVK__ONNX_LAST, 2, 2, 1, reshape, 0},
    {"Flatten", 1, CVK__ONNX_LAST, 1, 1, 1, flatten, 0},
    {"Squeeze", 1, 12, 1, 1, 1, squeeze, CVK_SQUEEZE},
    {"Squeeze", 13, CVK__ONNX_LAST, 1, 2, 1, squeeze, CVK_SQUEEZE},
    {"Unsqueeze", 1, 12, 1, 1, 1, squeeze, CVK_UNSQUEEZE},
    {"Unsqueeze", 13, CVK__ONNX_LAST, 2, 2, 1, squeeze, CVK_UNSQUEEZE},
    {"Identity", 1, CVK__ONNX_LAST, 1, 1, 1, identity, 0},
    {"Transpose", 1, CVK__ONNX_LAST, 1, 1, 1, transpose, 0},
    {"Concat", 1, CVK__ONNX_LAST, 1, CVK__ONNX_ANY, 1, concat, 0},
    {"Split", 2, 12, 1, 1, CVK__ONNX_ANY, split, 0},
    {"Split", 13, CVK__ONNX_LAST, 1, 2, CVK__ONNX_ANY, split, 0},
    {"Expand", 8, CVK__ONNX_LAST, 2, 2, 1, expand, 0},
    {"Tile", 6, CVK__ONNX_LAST, 2, 2, 1, tile, 0},
    {"Shape", 1, CVK__ONNX_LAST, 1, 1, 1, shape, CVK_SHAPE_DIMS},
    {"Size", 1, CVK__ONNX_LAST, 1, 1, 1, shape, CVK_SHAPE_COUNT},
    {"Cast", 6, CVK__ONNX_LAST, 1, 1, 1, cast, 0},
    {"CastLike", 15, CVK__ONNX_LAST, 2, 2, 1, cast_like, 0},
    {"DepthToSpace", 1, CVK__ONNX_LAST, 1, 1, 1, depth_space, CVK_DEPTH_TO_SPACE},
    {"SpaceToDepth", 1, CVK__ONNX_LAST, 1, 1, 1, depth_space, CVK_SPACE_TO_DEPTH},
};
const struct cvk__onnx_table cvk__onnx_shape = {rows, sizeof rows / sizeof rows[0]};

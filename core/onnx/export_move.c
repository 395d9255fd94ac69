/* SPDX-License-Identifier: MIT
 * Ops that move or rename elements, as ONNX: joins and cuts, transposes, casts, pads, depth and space. */
#include "export.h"

static int32_t concat(struct cvk__export *e)
{
    const struct cvk_concat_params *p = e->node->params;
    uint32_t count = e->node->input_count;
    const char **in = cvk__export_alloc(e, count * sizeof *in);
    for (uint32_t i = 0; in && i < count; i++)
        in[i] = cvk__export_in(e, i);
    if (e->status != CVK_OK)
        return e->status;
    cvk__export_emit(e, "Concat", cvk__export_out(e, 0), count, in);
    cvk__export_int(e, "axis", p->axis);
    return CVK_OK;
}

/* The sizes of parts that are not equal; an axis that follows the batch has none before the run. */
static int32_t ragged_sizes(struct cvk__export *e, const char **list)
{
    const struct cvk_split_params *p = e->node->params;
    const struct cvk_tensor_desc *x;
    CVK__TRY(cvk__export_need(e, 0, &x));
    uint32_t parts = e->node->output_count, axis = (uint32_t)(p->axis < 0 ? p->axis + (int32_t)x->rank : p->axis);
    if (cvk__export_open(e, 0) >> axis & 1)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's Split of opset %lld cuts an open size into equal parts alone",
                                (long long)e->opset);
    int64_t *sizes = cvk__export_alloc(e, parts * sizeof *sizes), each = cvk__ceil_div(x->dims[axis], parts);
    for (uint32_t i = 0; sizes && i < parts; i++)
        sizes[i] = i + 1 < parts ? each : x->dims[axis] - each * (parts - 1);
    *list = sizes ? cvk__export_list(e, "split", sizes, parts) : "";
    return e->status;
}

static int32_t split(struct cvk__export *e)
{
    const struct cvk_split_params *p = e->node->params;
    uint32_t count = e->node->output_count;
    const char *in[2] = {cvk__export_in(e, 0), cvk__export_in(e, 1)};
    if (!in[1][0] && p->ragged)
        CVK__TRY(ragged_sizes(e, &in[1]));
    const char **out = cvk__export_alloc(e, count * sizeof *out);
    for (uint32_t i = 0; out && i < count; i++)
        out[i] = cvk__export_out(e, i);
    if (e->status != CVK_OK)
        return e->status;
    cvk__export_node(e, "Split", 2, in, count, out);
    cvk__export_int(e, "axis", p->axis);
    return CVK_OK;
}

static int32_t slice(struct cvk__export *e)
{
    const struct cvk_slice_params *p = e->node->params;
    const char *in[5] = {cvk__export_in(e, 0)};
    if (cvk__export_has(e, 1)) {
        for (uint32_t i = 1; i < 5; i++)
            in[i] = cvk__export_in(e, i);
    } else {
        int64_t axes[CVK_MAX_RANK], steps[CVK_MAX_RANK];
        CVK__TRY(cvk__export_count(e, p->count));
        for (uint32_t i = 0; i < p->count; i++) {
            axes[i] = p->axes_given ? p->axes[i] : (int64_t)i;
            steps[i] = p->step[i] ? p->step[i] : 1;
        }
        in[1] = cvk__export_list(e, "starts", p->start, p->count);
        in[2] = cvk__export_list(e, "ends", p->end, p->count);
        in[3] = cvk__export_list(e, "axes", axes, p->count);
        in[4] = cvk__export_list(e, "steps", steps, p->count);
    }
    cvk__export_emit(e, "Slice", cvk__export_out(e, 0), 5, in);
    return CVK_OK;
}

/* All begins, then all ends, of every axis; opsets up to 17 name no axes. */
static int32_t pad_list(struct cvk__export *e, const char **list)
{
    const struct cvk_pad_params *p = e->node->params;
    const struct cvk_tensor_desc *x;
    int64_t pads[2 * CVK_MAX_RANK], given[2 * CVK_MAX_RANK], axes[CVK_MAX_RANK];
    uint32_t pad_count, axis_count;
    if (cvk__export_has(e, 1) && !cvk__export_has(e, 3)) {
        *list = cvk__export_in(e, 1);
        return CVK_OK;
    }
    CVK__TRY(cvk__export_need(e, 0, &x));
    memset(pads, 0, sizeof pads);
    for (uint32_t i = 0; i < x->rank && !cvk__export_has(e, 1); i++) {
        pads[i] = p->begin[i];
        pads[x->rank + i] = p->end[i];
    }
    if (cvk__export_has(e, 1)) {
        if (!cvk__export_content(e, 1, given, 2 * CVK_MAX_RANK, &pad_count) ||
            !cvk__export_content(e, 3, axes, CVK_MAX_RANK, &axis_count) || pad_count != 2 * axis_count)
            return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's Pad of opset %lld names no axes, and these are no constants",
                                    (long long)e->opset);
        for (uint32_t i = 0; i < axis_count; i++) {
            int64_t axis = axes[i] < 0 ? axes[i] + x->rank : axes[i];
            if (axis < 0 || axis >= x->rank)
                return cvk__export_fail(e, CVK_E_ARG, "it has no axis %lld", (long long)axes[i]);
            pads[axis] = given[i];
            pads[x->rank + axis] = given[axis_count + i];
        }
    }
    *list = cvk__export_list(e, "pads", pads, 2 * x->rank);
    return CVK_OK;
}

static int32_t pad(struct cvk__export *e)
{
    static const char *const modes[] = {"constant", "reflect", "edge"};
    const struct cvk_pad_params *p = e->node->params;
    if (p->mode == CVK_PAD_WRAP)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's Pad of opset %lld has no mode wrap", (long long)e->opset);
    const char *list = "", *value = cvk__export_in(e, 2), *mode = cvk__export_pick(e, modes, 3, p->mode);
    CVK__TRY(pad_list(e, &list));
    uint32_t type = cvk__export_type(e, 0);
    if (!value[0] && p->mode == CVK_PAD_CONSTANT && p->value != 0) {
        if (!type)
            return cvk__export_fail(e, CVK_E_UNSUPPORTED,
                                    "the type of its input must be known to write it; only a session knows it");
        value = cvk__export_number(e, "value", type, 0, p->value);
    }
    CVK__EMIT(e, "Pad", cvk__export_out(e, 0), cvk__export_in(e, 0), list, value);
    cvk__export_word(e, "mode", mode);
    return CVK_OK;
}

static int32_t transpose(struct cvk__export *e)
{
    const struct cvk_transpose_params *p = e->node->params;
    int64_t perm[CVK_MAX_RANK];
    CVK__TRY(cvk__export_count(e, p->count));
    for (uint32_t i = 0; i < p->count; i++)
        perm[i] = p->perm[i];
    CVK__EMIT(e, "Transpose", cvk__export_out(e, 0), cvk__export_in(e, 0));
    if (p->count)
        cvk__export_ints(e, "perm", perm, p->count);
    return CVK_OK;
}

/* ONNX leaves open what becomes of numbers beyond the ends of the type, and ours become the ends: as quantised nets want it. */
static int32_t cast(struct cvk__export *e)
{
    const struct cvk_cast_params *p = e->node->params;
    uint32_t from = cvk__export_type(e, 0);
    bool cuts = (from == CVK_F32 || from == CVK_F64) && p->to >= CVK_I8 && p->to <= CVK_U16;
    const char *in = cvk__export_in(e, 0);
    if (cuts) {
        double size = cvk_dtype_bytes(p->to) == 1 ? 256 : 65536, low = p->to == CVK_I8 || p->to == CVK_I16 ? -size / 2 : 0;
        const char *min = cvk__export_number(e, "min", from, 0, low),
                   *max = cvk__export_number(e, "max", from, 0, low + size - 1);
        in = CVK__EMIT(e, "Clip", NULL, in, min, max);
    }
    CVK__EMIT(e, "Cast", cvk__export_out(e, 0), in);
    cvk__export_int(e, "to", cvk__onnx_data_type(p->to));
    return CVK_OK;
}

/* Layouts are the library's own: a model has plain tensors alone. */
static int32_t reorder(struct cvk__export *e)
{
    CVK__EMIT(e, "Identity", cvk__export_out(e, 0), cvk__export_in(e, 0));
    return CVK_OK;
}

/* ONNX has no SpaceToDepth with the channel first: the axes (C, H/b, b, W/b, b) change places. */
static int32_t space_to_channels(struct cvk__export *e, int64_t block)
{
    const struct cvk_tensor_desc *x;
    CVK__TRY(cvk__export_need(e, 0, &x));
    if (x->rank != 4 || cvk__export_open(e, 0) & ~1u)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED,
                                "ONNX's SpaceToDepth has no mode CRD, and channels or sizes are not fixed here");
    const int64_t c = x->dims[1], h = x->dims[2] / block, w = x->dims[3] / block;
    const char *cut = CVK__EMIT(e, "Reshape", NULL, cvk__export_in(e, 0),
                                cvk__export_list(e, "blocks", (const int64_t[]){0, c, h, block, w, block}, 6));
    const char *turned = CVK__EMIT(e, "Transpose", NULL, cut);
    cvk__export_ints(e, "perm", (const int64_t[]){0, 1, 3, 5, 2, 4}, 6);
    CVK__EMIT(e, "Reshape", cvk__export_out(e, 0), turned,
              cvk__export_list(e, "shape", (const int64_t[]){0, c * block * block, h, w}, 4));
    return CVK_OK;
}

static int32_t depth_space(struct cvk__export *e)
{
    static const char *const modes[] = {[CVK_MODE_DCR] = "DCR", [CVK_MODE_CRD] = "CRD"};
    const struct cvk_depth_space_params *p = e->node->params;
    const char *mode = cvk__export_pick(e, modes, 2, p->mode);
    if (p->kind == CVK_SPACE_TO_DEPTH && p->mode == CVK_MODE_CRD)
        return space_to_channels(e, p->block);
    CVK__EMIT(e, p->kind == CVK_DEPTH_TO_SPACE ? "DepthToSpace" : "SpaceToDepth", cvk__export_out(e, 0), cvk__export_in(e, 0));
    cvk__export_int(e, "blocksize", p->block);
    if (p->kind == CVK_DEPTH_TO_SPACE)
        cvk__export_word(e, "mode", mode);
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {
    {CVK_OP_CONCAT, concat},       {CVK_OP_SPLIT, split}, {CVK_OP_SLICE, slice},     {CVK_OP_PAD, pad},
    {CVK_OP_TRANSPOSE, transpose}, {CVK_OP_CAST, cast},   {CVK_OP_REORDER, reorder}, {CVK_OP_DEPTH_SPACE, depth_space},
};
const struct cvk__export_table cvk__export_move = {rows, sizeof rows / sizeof rows[0]};

/* SPDX-License-Identifier: MIT
 * Ops whose sizes are given, as ONNX: reshapes, expand, tile, fill, shape, resize. ONNX takes sizes as tensors; those that
 * follow the batch stay 0 or -1 as they were given, so the batch stays open. */
#include "export.h"

#include "convoke/tensor.h"

/* The second input, or a constant made of the field. */
static const char *list_or_input(struct cvk__export *e, uint32_t input, const char *part, const int64_t *values, uint32_t count)
{
    return cvk__export_has(e, input) ? cvk__export_in(e, input) : cvk__export_list(e, part, values, count);
}

static int32_t reshape(struct cvk__export *e)
{
    static const char *const ops[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
    const struct cvk_reshape_params *p = e->node->params;
    const char *op = cvk__export_pick(e, ops, 5, p->kind), *in = cvk__export_in(e, 0), *list = "";
    CVK__TRY(cvk__export_count(e, p->count));
    bool has_list =
        p->kind == CVK_RESHAPE || p->kind == CVK_UNSQUEEZE || (p->kind == CVK_SQUEEZE && (p->count || cvk__export_has(e, 1)));
    if (p->kind == CVK_RESHAPE && p->allow_zero && e->opset < 14) {
        int64_t sizes[CVK_MAX_RANK];
        uint32_t count = p->count;
        bool known = !cvk__export_has(e, 1) || cvk__export_content(e, 1, sizes, CVK_MAX_RANK, &count);
        for (uint32_t i = 0; known && i < count; i++)
            known = (cvk__export_has(e, 1) ? sizes : p->dims)[i] != 0;
        if (!known)
            return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's Reshape of opset %lld takes a 0 for the size that x has",
                                    (long long)e->opset);
    }
    if (has_list)
        list = list_or_input(e, 1, p->kind == CVK_RESHAPE ? "shape" : "axes", p->dims, p->count);
    CVK__EMIT(e, op, cvk__export_out(e, 0), in, list);
    if (p->kind == CVK_FLATTEN)
        cvk__export_int(e, "axis", p->count ? p->dims[0] : 1);
    if (p->kind == CVK_RESHAPE && p->allow_zero && e->opset >= 14)
        cvk__export_int(e, "allowzero", 1);
    return CVK_OK;
}

static int32_t expand(struct cvk__export *e)
{
    const struct cvk_expand_params *p = e->node->params;
    CVK__TRY(cvk__export_count(e, p->count));
    CVK__EMIT(e, "Expand", cvk__export_out(e, 0), cvk__export_in(e, 0), list_or_input(e, 1, "shape", p->dims, p->count));
    return CVK_OK;
}

static int32_t tile(struct cvk__export *e)
{
    const struct cvk_tile_params *p = e->node->params;
    CVK__TRY(cvk__export_count(e, p->count));
    if (!cvk__export_has(e, 1) && !p->count)
        CVK__EMIT(e, "Identity", cvk__export_out(e, 0), cvk__export_in(e, 0));
    else
        CVK__EMIT(e, "Tile", cvk__export_out(e, 0), cvk__export_in(e, 0), list_or_input(e, 1, "repeats", p->repeats, p->count));
    return CVK_OK;
}

/* The value is an attribute: a tensor of one element. Short floats are cast afterwards. */
static int32_t fill(struct cvk__export *e)
{
    const struct cvk_fill_params *p = e->node->params;
    uint32_t dtype = p->dtype ? p->dtype : (uint32_t)CVK_F32, bytes;
    bool half = dtype == CVK_F16 || dtype == CVK_BF16;
    char *data = cvk__export_alloc(e, 8);
    CVK__TRY(cvk__export_count(e, p->count));
    if (!data)
        return e->status;
    if (dtype > CVK_BF16) {
        const int64_t whole = dtype == CVK_BOOL ? p->integer != 0 : p->integer;
        bytes = cvk_dtype_bytes(dtype);
        memcpy(data, &whole, bytes); /* the low bytes come first */
    } else {
        bytes = cvk__export_encode(half ? (uint32_t)CVK_F32 : dtype, p->value, data);
    }
    const char *shape = list_or_input(e, 0, "shape", p->dims, p->count);
    const char *y = CVK__EMIT(e, "ConstantOfShape", half ? NULL : cvk__export_out(e, 0), shape);
    cvk__export_tensor(e, "value",
                       cvk__export_message(e, half ? (uint32_t)CVK_F32 : dtype, 1, (const int64_t[]){1}, data, bytes));
    if (half) {
        CVK__EMIT(e, "Cast", cvk__export_out(e, 0), y);
        cvk__export_int(e, "to", cvk__onnx_data_type(dtype));
    }
    return CVK_OK;
}

/* Part of the sizes: attributes from opset 15 on, a Slice before. */
static int32_t shape(struct cvk__export *e)
{
    const struct cvk_shape_params *p = e->node->params;
    bool part = p->kind == CVK_SHAPE_DIMS && (p->start || p->end_given);
    const char *in = cvk__export_in(e, 0);
    if (!part || e->opset >= 15) {
        CVK__EMIT(e, p->kind == CVK_SHAPE_COUNT ? "Size" : "Shape", cvk__export_out(e, 0), in);
        if (part && p->start)
            cvk__export_int(e, "start", p->start);
        if (part && p->end_given)
            cvk__export_int(e, "end", p->end);
        return CVK_OK;
    }
    const int64_t start = p->start, end = p->end_given ? p->end : INT32_MAX;
    CVK__EMIT(e, "Slice", cvk__export_out(e, 0), CVK__EMIT(e, "Shape", NULL, in), cvk__export_list(e, "starts", &start, 1),
              cvk__export_list(e, "ends", &end, 1));
    return CVK_OK;
}

/* Scales where every axis has one, else sizes, of which those that are not given must be known and follow no batch. */
static int32_t resize_lists(struct cvk__export *e, const char **scales, const char **sizes)
{
    const struct cvk_resize_params *p = e->node->params;
    const struct cvk_tensor_desc *x = cvk__export_desc(e, 0);
    float scale[CVK_MAX_RANK];
    bool all_scales = true, all_sizes = true;
    for (uint32_t i = 0; i < p->count; i++) {
        scale[i] = (float)p->scale[i];
        all_scales &= p->scale[i] > 0 && !p->dims[i];
        all_sizes &= p->dims[i] > 0 && p->scale[i] <= 0;
    }
    if (all_sizes) {
        *sizes = cvk__export_list(e, "sizes", p->dims, p->count);
        return CVK_OK;
    }
    /* A size and a scale together: the scale alone tells the places of pixels, the size must be what follows from it. */
    for (uint32_t i = 0; i < p->count && !all_scales; i++) {
        bool fixed = x && i < x->rank && !(cvk__export_open(e, 0) >> i & 1);
        if (p->scale[i] <= 0 && fixed)
            scale[i] = (float)((double)p->dims[i] / (double)x->dims[i]);
        bool follows = fixed && (int64_t)((float)x->dims[i] * scale[i]) == p->dims[i];
        if (p->dims[i] && !follows)
            return cvk__export_fail(
                e, CVK_E_UNSUPPORTED,
                "ONNX takes either sizes or scales for all axes; axis %u has a size that follows from no scale", i);
    }
    *scales = cvk__export_floats(e, "scales", scale, p->count);
    return CVK_OK;
}

static int32_t resize(struct cvk__export *e)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coords[] = {"half_pixel",         "asymmetric",         "align_corners",
                                         "pytorch_half_pixel", "tf_crop_and_resize", "tf_half_pixel_for_nn"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    const struct cvk_resize_params *p = e->node->params;
    const char *roi = cvk__export_in(e, 1), *scales = cvk__export_in(e, 2), *sizes = cvk__export_in(e, 3);
    bool crops = p->coord == CVK_COORD_TF_CROP_AND_RESIZE;
    const struct cvk_tensor_desc *x = cvk__export_desc(e, 0);
    uint32_t rank = x ? x->rank : p->count;
    float window[2 * CVK_MAX_RANK];
    CVK__TRY(cvk__export_count(e, p->count));
    if (!scales[0] && !sizes[0])
        CVK__TRY(resize_lists(e, &scales, &sizes));
    bool given = false;
    for (uint32_t i = 0; i < rank; i++) {
        window[i] = (float)p->roi_begin[i];
        window[rank + i] = (float)p->roi_end[i];
        given |= p->roi_begin[i] != 0 || p->roi_end[i] != 0;
    }
    for (uint32_t i = 0; i < rank && !given; i++) /* none means the whole tensor */
        window[rank + i] = 1;
    if (!crops)
        roi = "";
    else if (!roi[0])
        roi = cvk__export_floats(e, "roi", window, 2 * rank);
    CVK__EMIT(e, "Resize", cvk__export_out(e, 0), cvk__export_in(e, 0), roi, scales, sizes);
    cvk__export_word(e, "mode", cvk__export_pick(e, modes, 3, p->mode));
    cvk__export_word(e, "coordinate_transformation_mode", cvk__export_pick(e, coords, 6, p->coord));
    if (p->mode == CVK_RESIZE_NEAREST)
        cvk__export_word(e, "nearest_mode", cvk__export_pick(e, nearest, 4, p->nearest));
    if (p->mode == CVK_RESIZE_CUBIC)
        cvk__export_float(e, "cubic_coeff_a", p->cubic_a == 0 ? -0.75f : p->cubic_a);
    if (p->exclude_outside)
        cvk__export_int(e, "exclude_outside", 1);
    if (crops)
        cvk__export_float(e, "extrapolation_value", p->extrapolation);
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {
    {CVK_OP_RESHAPE, reshape}, {CVK_OP_EXPAND, expand}, {CVK_OP_TILE, tile},
    {CVK_OP_FILL, fill},       {CVK_OP_SHAPE, shape},   {CVK_OP_RESIZE, resize},
};
const struct cvk__export_table cvk__export_sizes = {rows, sizeof rows / sizeof rows[0]};

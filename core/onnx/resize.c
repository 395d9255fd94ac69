/* SPDX-License-Identifier: MIT
 * Resize and the older Upsample. */
#include "import.h"

static const char *const modes[] = {
    [CVK_RESIZE_NEAREST] = "nearest", [CVK_RESIZE_LINEAR] = "linear", [CVK_RESIZE_CUBIC] = "cubic"};

static int32_t add_resize(struct cvk__onnx *c, const struct cvk_resize_params *p, cvk_value roi, cvk_value scales,
                          cvk_value sizes)
{
    const cvk_value inputs[4] = {cvk__onnx_in(c, 0), roi, scales, sizes};
    cvk_value y = 0;
    cvk_graph_add(c->g, CVK_OP_RESIZE, p, inputs, 4, &y, 1);
    return cvk__onnx_out(c, 0, y);
}

/* Before opset 11: output i looks at i / scale, rounded down for nearest. */
static int32_t old_resize(struct cvk__onnx *c)
{
    struct cvk_resize_params p = {.coord = CVK_COORD_ASYMMETRIC, .nearest = CVK_NEAREST_FLOOR};
    CVK__TRY(cvk__onnx_attr_word(c, "mode", modes, 2, CVK_RESIZE_NEAREST, &p.mode));
    if (c->row->max_inputs == 2)
        return add_resize(c, &p, 0, cvk__onnx_in(c, 1), 0);
    const float *scales;
    uint64_t count;
    CVK__TRY(cvk__onnx_attr_floats(c, "scales", &scales, &count));
    if (count == 0 || count > CVK_MAX_RANK)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "scales", "%llu numbers; one for each axis of the input is needed",
                                   (unsigned long long)count);
    p.count = (uint32_t)count;
    for (uint32_t i = 0; i < p.count; i++) {
        if (!(scales[i] > 0 && scales[i] < 1e9f))
            return cvk__onnx_fail_attr(c, CVK_E_ARG, "scales", "scale %u is %g; it must be above 0", i, (double)scales[i]);
        p.scale[i] = scales[i];
    }
    return add_resize(c, &p, 0, 0, 0);
}

static int32_t resize(struct cvk__onnx *c)
{
    static const char *const coords[] = {[CVK_COORD_HALF_PIXEL] = "half_pixel",
                                         [CVK_COORD_ASYMMETRIC] = "asymmetric",
                                         [CVK_COORD_ALIGN_CORNERS] = "align_corners",
                                         [CVK_COORD_PYTORCH_HALF_PIXEL] = "pytorch_half_pixel",
                                         [CVK_COORD_TF_CROP_AND_RESIZE] = "tf_crop_and_resize",
                                         [CVK_COORD_TF_HALF_PIXEL_FOR_NN] = "tf_half_pixel_for_nn"};
    static const char *const nearest[] = {[CVK_NEAREST_ROUND_PREFER_FLOOR] = "round_prefer_floor",
                                          [CVK_NEAREST_ROUND_PREFER_CEIL] = "round_prefer_ceil",
                                          [CVK_NEAREST_FLOOR] = "floor",
                                          [CVK_NEAREST_CEIL] = "ceil"};
    struct cvk_resize_params p = {0};
    CVK__TRY(cvk__onnx_attr_word(c, "mode", modes, 3, CVK_RESIZE_NEAREST, &p.mode));
    CVK__TRY(cvk__onnx_attr_word(c, "coordinate_transformation_mode", coords, 6, CVK_COORD_HALF_PIXEL, &p.coord));
    CVK__TRY(cvk__onnx_attr_word(c, "nearest_mode", nearest, 4, CVK_NEAREST_ROUND_PREFER_FLOOR, &p.nearest));
    CVK__TRY(cvk__onnx_attr_flag(c, "exclude_outside", 0, &p.exclude_outside));
    CVK__TRY(cvk__onnx_attr_float(c, "cubic_coeff_a", -0.75f, &p.cubic_a));
    CVK__TRY(cvk__onnx_attr_float(c, "extrapolation_value", 0, &p.extrapolation));
    /* Exporters fill roi in where it has no meaning. */
    cvk_value roi = p.coord == CVK_COORD_TF_CROP_AND_RESIZE ? cvk__onnx_in(c, 1) : 0;
    return add_resize(c, &p, roi, cvk__onnx_in(c, 2), cvk__onnx_in(c, 3));
}

static const struct cvk__onnx_row rows[] = {
    {"Resize", 10, 10, 2, 2, 1, old_resize, 0},
    {"Resize", 11, CVK__ONNX_LAST, 1, 4, 1, resize, 0},
    {"Upsample", 7, 8, 1, 1, 1, old_resize, 0},
    {"Upsample", 9, 9, 2, 2, 1, old_resize, 0},
};
const struct cvk__onnx_table cvk__onnx_resize = {rows, sizeof rows / sizeof rows[0]};

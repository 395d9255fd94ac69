/* SPDX-License-Identifier: MIT
 * Ops that pick elements by index or give indices, as ONNX. */
#include "export.h"

static int32_t gather(struct cvk__export *e)
{
    static const char *const ops[] = {"Gather", "GatherElements", "GatherND"};
    const struct cvk_gather_params *p = e->node->params;
    const char *indices = cvk__export_in(e, 1);
    if (p->kind == CVK_GATHER_ND && cvk__export_type(e, 1) == CVK_I32) {
        indices = CVK__EMIT(e, "Cast", NULL, indices);
        cvk__export_int(e, "to", cvk__onnx_data_type(CVK_I64));
    }
    CVK__EMIT(e, cvk__export_pick(e, ops, 3, p->kind), cvk__export_out(e, 0), cvk__export_in(e, 0), indices);
    if (p->kind != CVK_GATHER_ND)
        cvk__export_int(e, "axis", p->axis);
    else if (p->batch_dims)
        cvk__export_int(e, "batch_dims", p->batch_dims);
    return CVK_OK;
}

static int32_t arg(struct cvk__export *e)
{
    static const char *const ops[] = {"ArgMax", "ArgMin"};
    const struct cvk_arg_params *p = e->node->params;
    CVK__EMIT(e, cvk__export_pick(e, ops, 2, p->kind), cvk__export_out(e, 0), cvk__export_in(e, 0));
    cvk__export_int(e, "axis", p->axis);
    cvk__export_int(e, "keepdims", p->keep_dims != 0);
    if (p->select_last)
        cvk__export_int(e, "select_last_index", 1);
    return CVK_OK;
}

static int32_t topk(struct cvk__export *e)
{
    const struct cvk_topk_params *p = e->node->params;
    const char *in[2] = {cvk__export_in(e, 0),
                         cvk__export_has(e, 1) ? cvk__export_in(e, 1) : cvk__export_list(e, "k", &p->k, 1)};
    const char *out[2] = {cvk__export_out(e, 0), cvk__export_out(e, 1)};
    cvk__export_node(e, "TopK", 2, in, 2, out);
    cvk__export_int(e, "axis", p->axis);
    if (p->smallest)
        cvk__export_int(e, "largest", 0);
    return CVK_OK;
}

static int32_t one_hot(struct cvk__export *e)
{
    const struct cvk_one_hot_params *p = e->node->params;
    const char *depth =
        cvk__export_has(e, 1) ? cvk__export_in(e, 1) : cvk__export_number(e, "depth", CVK_I64, 0, (double)p->depth);
    CVK__EMIT(e, "OneHot", cvk__export_out(e, 0), cvk__export_in(e, 0), depth, cvk__export_in(e, 2));
    cvk__export_int(e, "axis", p->axis);
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {
    {CVK_OP_GATHER, gather},
    {CVK_OP_ARG, arg},
    {CVK_OP_TOPK, topk},
    {CVK_OP_ONE_HOT, one_hot},
};
const struct cvk__export_table cvk__export_index = {rows, sizeof rows / sizeof rows[0]};

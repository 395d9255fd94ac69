/* SPDX-License-Identifier: MIT
 * Optimisers, as operators of the domain ai.onnx.preview.training. */
#include "export.h"

/* A number of hyper, the learning rate or the step count. */
static const char *hyper(struct cvk__export *e, const char *which, int64_t index)
{
    const char *place = cvk__export_number(e, which, CVK_I64, 0, (double)index);
    const char *number = CVK__EMIT(e, "Gather", NULL, cvk__export_in(e, 2), place);
    cvk__export_int(e, "axis", 0);
    return number;
}

static int32_t optimize(struct cvk__export *e)
{
    static const char *const ops[CVK_OPTIMIZER_KINDS] = {
        [CVK_SGD] = "Momentum", [CVK_ADAM] = "Adam", [CVK_ADAGRAD] = "Adagrad"};
    const struct cvk_optimize_params *p = e->node->params;
    const char *op = p->kind < CVK_OPTIMIZER_KINDS ? ops[p->kind] : NULL;
    uint32_t states = cvk_optimizer_states(p);
    if (!op || p->l1 != 0 || states == 0)
        return cvk__export_fail(
            e, CVK_E_UNSUPPORTED,
            "ONNX has no such optimiser: only sgd with momentum, adam and adagrad, without l1, can be written");
    const char *dw = cvk__export_in(e, 1), *rate = hyper(e, "rate", 0), *steps = hyper(e, "steps", 1);
    if (cvk__export_has(e, 5))
        dw = CVK__EMIT(e, "Mul", NULL, dw, cvk__export_in(e, 5));
    steps = CVK__EMIT(e, "Cast", NULL, steps);
    cvk__export_int(e, "to", cvk__onnx_data_type(CVK_I64));
    const char *in[6] = {rate, steps, cvk__export_in(e, 0), dw, cvk__export_in(e, 3), cvk__export_in(e, 4)};
    const char *out[3] = {cvk__export_out(e, 0), cvk__export_out(e, 1), states > 1 ? cvk__export_out(e, 2) : ""};
    cvk__export_node(e, op, 6, in, 3, out);
    cvk__export_domain(e);
    cvk__export_float(e, "norm_coefficient", p->l2);
    if (p->kind == CVK_SGD) {
        cvk__export_float(e, "alpha", p->momentum);
        cvk__export_float(e, "beta", p->dampening != 0 ? p->dampening : 1);
        cvk__export_word(e, "mode", p->nesterov ? "nesterov" : "standard");
        return CVK_OK;
    }
    cvk__export_float(e, "epsilon", p->epsilon);
    if (p->kind == CVK_ADAGRAD) {
        cvk__export_float(e, "decay_factor", p->lr_decay);
        return CVK_OK;
    }
    cvk__export_float(e, "alpha", p->beta1);
    cvk__export_float(e, "beta", p->beta2);
    cvk__export_float(e, "norm_coefficient_post", p->post_decay);
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {{CVK_OP_OPTIMIZE, optimize}};
const struct cvk__export_table cvk__export_training = {rows, sizeof rows / sizeof rows[0]};

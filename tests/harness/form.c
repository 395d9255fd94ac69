/* SPDX-License-Identifier: MIT
 * The passes that a case is good for: its op's own one, with weights as they are in inference and in training, and the
 * gradients that the op declares. */
#include "harness.h"

const struct cvk__grad *cvk__form_grads(const struct cvk__op_def *def, const void *params, uint32_t *count)
{
    static const _Alignas(16) unsigned char zeros[4096];
    *count = def->grad_count;
    if (def->grads_for)
        return def->grads_for(params ? params : zeros, count);
    return def->grads;
}

/* Whether some of these inputs are weights that are known when the kernel is built. */
static bool has_constants(const struct cvk_case *c, uint32_t weights)
{
    for (uint32_t i = 0; i < c->input_count; i++)
        if (weights & CVK__X(i) && c->inputs[i].constant && !c->inputs[i].absent)
            return true;
    return false;
}

/* One case in three, whatever stands beside it in the table (FNV-1a of its name). */
static bool one_in_three(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % 3 == 0;
}

static struct cvk__form *add_form(struct cvk__form *forms, uint32_t *count, const struct cvk_case *c, uint32_t pass,
                                  const char *suffix)
{
    struct cvk__form *form = &forms[(*count)++];
    *form = (struct cvk__form){.pass = pass};
    snprintf(form->name, sizeof form->name, "%s%s", c->name, suffix);
    return form;
}

uint32_t cvk__forms(uint32_t op, const struct cvk_case *c, uint32_t pass, struct cvk__form forms[CVK__CASE_FORMS])
{
    const struct cvk__op_def *def = cvk__op_find(op);
    uint32_t count = 0, grad_count;
    if (pass == def->pass) {
        add_form(forms, &count, c, pass, "");
        /* Kernels that pack constant weights in build have another way for those that change. */
        if (def->accepts_epilogue && has_constants(c, def->weights))
            add_form(forms, &count, c, pass, "+trained")->trained = true;
        return count;
    }
    const struct cvk__grad *grads = cvk__form_grads(def, c->params, &grad_count);
    for (uint32_t g = 0; g < grad_count && count < CVK__CASE_FORMS && !c->fails; g++) {
        if (grads[g].pass != pass)
            continue;
        /* Weights that are not trained stay constants while what is before them learns. */
        bool frozen = has_constants(c, def->weights & grads[g].needs & ~grads[g].gives) && one_in_three(c->name);
        bool residual = op == CVK_OP_CONV && pass == CVK_PASS_BACKWARD_DATA && c->epilogue.parts & CVK_EPI_RESIDUAL;
        struct cvk__form *form = add_form(forms, &count, c, pass, residual ? "+residual" : frozen ? "+frozen" : "");
        form->grad = g;
        form->trained = !frozen;
        form->residual = residual;
    }
    return count;
}

/* SPDX-License-Identifier: MIT
 * All that is asked of one row on one trial: every pair of layouts, under several conditions. */
#include <math.h>

#include "harness.h"

#define LAYOUT_COUNT 5

/* What the cycles of one pair of layouts share. */
struct context {
    struct cvk__trial *t;
    struct cvk__device *d;
    const struct cvk_kernel *row;
    struct cvk_plan plan;
    struct cvk__cycle first_cycle;
    struct cvk__cycle_result first; /* others are compared with it */
    bool exact;                     /* the same bits are due */
    struct cvk__outcome *out;
};

static const struct cvk__cycle usual = {.runs = 2, .poison = 0xff};

uint32_t cvk__check_layouts(const struct cvk_kernel *row, uint32_t pairs[25][2])
{
    const uint32_t plain = CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN), every = (1u << LAYOUT_COUNT) - 1;
    uint32_t masks_x = row->layouts_x ? row->layouts_x : plain, masks_y = row->layouts_y ? row->layouts_y : plain, count = 0;
    for (uint32_t x = 0; x < LAYOUT_COUNT; x++)
        for (uint32_t y = 0; y < LAYOUT_COUNT; y++) {
            bool both = masks_x & CVK_LAYOUT_BIT(x) & every && masks_y & CVK_LAYOUT_BIT(y);
            /* Where both masks hold a layout it stays the same; to change it is what reorder is for. */
            bool stays = x != y && masks_y & CVK_LAYOUT_BIT(x) && row->op != CVK_OP_REORDER;
            bool flat = row->flags & CVK_KERNEL_ANY_LAYOUT && x == y;
            if ((both && !stays) || flat) {
                pairs[count][0] = x;
                pairs[count++][1] = y;
            }
        }
    return count;
}

/* What may be lost to rounding. The case's numbers are for its own pass; a gradient sums over positions, images or filters, and
 * the error of a sum of terms of random sign grows with the root of their number. */
static void allowed(const struct cvk__trial *t, double *rtol, double *atol)
{
    const struct cvk_node *node = &t->view.node;
    *rtol = t->c->rtol != 0 ? t->c->rtol : 1e-5;
    *atol = t->c->atol != 0 ? t->c->atol : 1e-6;
    bool gradient = node->pass == CVK_PASS_BACKWARD_DATA || node->pass == CVK_PASS_BACKWARD_WEIGHTS;
    if (!gradient || cvk__op_find(node->op)->elementwise)
        return;
    double terms = 1;
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            terms = fmax(terms, (double)cvk_tensor_desc_count(node->inputs[i]));
    double grown = (node->inputs[0]->dtype == CVK_F64 ? 4e-15 : 4e-7) * sqrt(terms);
    *atol = fmax(*atol, grown);
}

/* Compares an output with the reference's and looks at the padding of blocks. */
static int32_t check_output(const struct context *c, uint32_t i, const void *raw, struct cvk__text *fault)
{
    const struct cvk_tensor_desc *desc = c->t->view.node.outputs[i];
    struct cvk_tensor_desc plain_desc;
    char what[24];
    snprintf(what, sizeof what, "output %u", i);
    CVK__TRY(cvk_tensor_desc_init(&plain_desc, desc->dtype, CVK_LAYOUT_PLAIN, desc->rank, desc->dims));
    void *plain = cvk__alloc_buffer(CVK__TAG_TENSOR, plain_desc.bytes), *again = cvk__alloc_buffer(CVK__TAG_TENSOR, desc->bytes);
    int32_t status = plain && again ? CVK_OK : cvk__fail_memory(desc->bytes, "a comparison");
    if (status == CVK_OK)
        status = cvk_tensor_reorder(desc, raw, &plain_desc, plain);
    if (status == CVK_OK)
        status = cvk_tensor_reorder(&plain_desc, plain, desc, again);
    if (status == CVK_OK) {
        double rtol, atol;
        allowed(c->t, &rtol, &atol);
        status = cvk__compare(&plain_desc, plain, c->t->wanted[i], c->t->tolerance * rtol, c->t->tolerance * atol, what, fault);
    }
    bool padding_differs = status == CVK_OK && desc->bytes && memcmp(raw, again, desc->bytes) != 0;
    for (uint64_t k = 0; padding_differs && !fault->bytes && k < desc->bytes; k++)
        if (((const char *)raw)[k] != ((const char *)again)[k])
            cvk__text_add(fault, "%s: byte %llu, in the padding of the last block, is not zero", what, (unsigned long long)k);
    cvk__free(plain);
    cvk__free(again);
    return status;
}

/* The first output that differs in bits from the first cycle's; output_count: none. */
static uint32_t differing_output(const struct context *c, const struct cvk__cycle_result *result, uint64_t *byte)
{
    const struct cvk_node *node = &c->t->view.node;
    for (uint32_t i = 0; i < node->output_count; i++)
        if (node->outputs[i]) {
            *byte = cvk__compare_bits(node->outputs[i], c->first.outputs[i], result->outputs[i]);
            if (*byte < node->outputs[i]->bytes)
                return i;
        }
    return node->output_count;
}

/* Repeats the first cycle with one condition changed; true if the result is another one then. */
static bool matters(const struct context *c, const struct cvk__cycle *changed)
{
    struct cvk__cycle_result result;
    struct cvk__text fault = {0};
    uint64_t byte;
    bool differs = false;
    if (cvk__cycle_run(c->t, c->d, c->row, &c->plan, changed, &result, &fault) == CVK_OK && result.status == CVK_OK &&
        !fault.bytes)
        differs = differing_output(c, &result, &byte) < c->t->view.node.output_count;
    cvk__cycle_result_finish(&result);
    cvk__text_finish(&fault);
    return differs;
}

/* Names the condition on which the result depends, if it is one of those that must not matter. */
static void add_blame(const struct context *c, struct cvk__text *fault)
{
    struct cvk__cycle changed = c->first_cycle;
    changed.runs = 1;
    if (matters(c, &changed)) {
        cvk__text_add(fault, "; the result changes from run to run");
        return;
    }
    changed.poison = 0x3f;
    if (matters(c, &changed)) {
        cvk__text_add(fault, "; the result depends on what outputs, workspace or packed memory held before");
        return;
    }
    changed = c->first_cycle;
    changed.runs = 1;
    for (changed.workers = 1; changed.workers < CVK__CONFORM_WORKERS; changed.workers++)
        if (matters(c, &changed)) {
            cvk__text_add(fault, "; the result depends on the number of workers: %u instead of %d", changed.workers,
                          CVK__CONFORM_WORKERS);
            return;
        }
    changed = c->first_cycle;
    changed.runs = 1;
    changed.placing.salt = 7;
    if (matters(c, &changed))
        cvk__text_add(fault, "; the result depends on bytes outside of the operands");
}

/* Runs one cycle and says what is wrong with it, the conditions in front. */
static int32_t run_cycle(struct context *c, const struct cvk__cycle *cycle, const char *conditions, bool first)
{
    struct cvk__cycle_result local, *result = first ? &c->first : &local;
    struct cvk__text fault = {0};
    const struct cvk_node *node = &c->t->view.node;
    CVK__TRY(cvk__cycle_run(c->t, c->d, c->row, &c->plan, cycle, result, &fault));
    int32_t status = CVK_OK;
    c->out->cycles++;
    bool ran = result->status == CVK_OK, must_fail = c->t->c->fails;
    if (!fault.bytes && ran && must_fail)
        cvk__text_add(&fault, "run succeeded, but the case must be an error (the reference gives %s)",
                      cvk_status_name(c->t->wanted_status));
    if (!fault.bytes && !ran && !must_fail)
        cvk__text_add(&fault, "%s", result->error);
    if (!fault.bytes && result->run_allocs)
        cvk__text_add(&fault, "run calls host->alloc (%llu times)", (unsigned long long)result->run_allocs);
    uint64_t byte = 0;
    bool repeats = !first && ran && !must_fail && differing_output(c, result, &byte) == node->output_count;
    for (uint32_t i = 0; i < node->output_count && ran && !must_fail && !repeats && status == CVK_OK && !fault.bytes; i++)
        if (node->outputs[i])
            status = check_output(c, i, result->outputs[i], &fault);
    bool wrong = fault.bytes && ran;
    if (status == CVK_OK && !fault.bytes && ran && !first && c->exact && !repeats) {
        uint32_t i = differing_output(c, result, &byte);
        if (i < node->output_count) {
            cvk__text_add(&fault, "gives other bits than the first cycle: output %u, byte %llu", i, (unsigned long long)byte);
            wrong = true;
        }
    }
    if (status == CVK_OK && wrong && c->first.outputs[0])
        add_blame(c, &fault);
    if (fault.bytes)
        cvk__text_add(&c->out->fault, "%s%s", conditions, fault.data);
    /* A first cycle may fill caches of the device; a later one that keeps memory is a leak. */
    if (!first && !fault.bytes && result->blocks_left > 0)
        cvk__text_add(&c->out->fault, "%sfinish leaves %lld blocks of host->alloc unfreed", conditions,
                      (long long)result->blocks_left);
    cvk__text_finish(&fault);
    if (!first)
        cvk__cycle_result_finish(result);
    return status;
}

/* Each allocation of the row fails in turn: a failure must come back, or a right result. */
static int32_t fail_allocs(struct context *c)
{
    uint64_t count = c->first.allocs < 64 ? c->first.allocs : 64;
    for (uint64_t n = 1; n <= count && !c->out->fault.bytes; n++) {
        struct cvk__cycle cycle = {.poison = 0xff, .fail_alloc = (int64_t)n};
        struct cvk__cycle_result result;
        struct cvk__text fault = {0};
        CVK__TRY(cvk__cycle_run(c->t, c->d, c->row, &c->plan, &cycle, &result, &fault));
        c->out->cycles++;
        int32_t status = CVK_OK;
        for (uint32_t i = 0; i < c->t->view.node.output_count && result.status == CVK_OK && !fault.bytes; i++)
            if (c->t->view.node.outputs[i] && status == CVK_OK && !c->t->c->fails)
                status = check_output(c, i, result.outputs[i], &fault);
        if (!fault.bytes && result.blocks_left > 0)
            cvk__text_add(&fault, "%lld blocks stay unfreed", (long long)result.blocks_left);
        if (fault.bytes)
            cvk__text_add(&c->out->fault, "when allocation %llu fails: %s", (unsigned long long)n, fault.data);
        cvk__text_finish(&fault);
        cvk__cycle_result_finish(&result);
        CVK__TRY(status);
    }
    return CVK_OK;
}

static bool may_share(const struct cvk_node *node, uint32_t output, uint32_t input)
{
    return output < node->output_count && input < node->input_count && node->inputs[input] && !node->constants[input] &&
           node->outputs[output] && node->inputs[input]->bytes == node->outputs[output]->bytes;
}

/* Outputs that are the next content of an input lie in its memory, whatever the row's flags. */
static bool replaces(const struct context *c, struct cvk__cycle *cycle)
{
    const struct cvk_node *node = &c->t->view.node;
    const struct cvk__op_def *def = cvk__op_find(node->op);
    bool any = false;
    for (uint32_t o = 0; def->replaces && node->pass == def->pass && o < node->output_count; o++)
        if (def->replaces[o] >= 0 && may_share(node, o, (uint32_t)def->replaces[o])) {
            cycle->shares[o] = (uint8_t)(def->replaces[o] + 1);
            any = true;
        }
    return any;
}

static int32_t run_pair(struct context *c, const char *layouts)
{
    bool keeps = c->row->flags & CVK_KERNEL_KEEPS_CONSTANTS;
    struct cvk__text *fault = &c->out->fault;
    char conditions[160];
    c->first_cycle = usual;
    if (!c->exact)
        c->first_cycle.runs = 1;
    int32_t status = run_cycle(c, &c->first_cycle, layouts, true);
    if (status == CVK_OK && !fault->bytes && !c->t->c->fails) {
        struct cvk__cycle cycle = {.workers = 1, .poison = 0x3f, .hide_operands = true, .placing = {true, true, 1}};
        snprintf(conditions, sizeof conditions, "%sone worker, other memory: ", layouts);
        status = run_cycle(c, &cycle, conditions, false);
    }
    if (status == CVK_OK && !fault->bytes && !c->t->c->fails) {
        struct cvk__cycle cycle = {.workers = 2, .poison = 0xff, .drop_constants = keeps, .placing = {false, true, 2}};
        snprintf(conditions, sizeof conditions, "%stwo workers%s: ", layouts, keeps ? ", constants dropped after build" : "");
        status = run_cycle(c, &cycle, conditions, false);
    }
    struct cvk__cycle replacing = {.runs = 2, .poison = 0xff};
    if (status == CVK_OK && !fault->bytes && !c->t->c->fails && replaces(c, &replacing)) {
        snprintf(conditions, sizeof conditions, "%soutputs in the memory of what they replace: ", layouts);
        status = run_cycle(c, &replacing, conditions, false);
    }
    if (status == CVK_OK && !fault->bytes && !c->t->c->fails && c->row->flags & CVK_KERNEL_IN_PLACE &&
        may_share(&c->t->view.node, 0, 0)) {
        struct cvk__cycle cycle = {.poison = 0xff, .shares = {1}};
        snprintf(conditions, sizeof conditions, "%sin place: ", layouts);
        status = run_cycle(c, &cycle, conditions, false);
    }
    if (status == CVK_OK && !fault->bytes)
        status = fail_allocs(c);
    cvk__cycle_result_finish(&c->first);
    return status;
}

/* Asks twice: plan is pure, so the answers are the same. */
static int32_t ask(struct context *c, uint32_t x, uint32_t y, char *reason)
{
    struct cvk_plan again;
    char other_reason[CVK__REASON_BYTES];
    int32_t status = cvk__kernel_ask(c->d, c->row, &c->t->view.node, x, y, &c->plan, reason);
    int32_t other = cvk__kernel_ask(c->d, c->row, &c->t->view.node, x, y, &again, other_reason);
    if (status != other || (status == CVK_OK && (again.workspace_bytes != c->plan.workspace_bytes ||
                                                 again.packed_bytes != c->plan.packed_bytes)))
        cvk__text_add(&c->out->fault, "plan answers differently when asked again");
    return status;
}

int32_t cvk__check(struct cvk__trial *t, struct cvk__device *d, const struct cvk_kernel *row, struct cvk__outcome *out)
{
    struct context c = {.t = t, .d = d, .row = row, .out = out};
    uint32_t pairs[25][2];
    uint32_t count = cvk__check_layouts(row, pairs);
    memset(out, 0, sizeof *out);
    c.exact = d->info.caps & CVK_CAP_DETERMINISTIC || (d->host_memory && d->info.kind == CVK_DEVICE_CPU);
    cvk__watch_begin(d);
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < count && status == CVK_OK && !out->fault.bytes; i++) {
        char reason[CVK__REASON_BYTES], layouts[64] = "";
        if (cvk__trial_set_layouts(t, row, pairs[i][0], pairs[i][1]) != CVK_OK)
            continue;
        if (ask(&c, pairs[i][0], pairs[i][1], reason) != CVK_OK) {
            if (out->refused++ == 0)
                memcpy(out->reason, reason, sizeof out->reason);
            continue;
        }
        if (pairs[i][0] != CVK_LAYOUT_PLAIN || pairs[i][1] != CVK_LAYOUT_PLAIN)
            snprintf(layouts, sizeof layouts, "%s to %s: ", cvk_layout_name(pairs[i][0]), cvk_layout_name(pairs[i][1]));
        out->executed++;
        if (!out->fault.bytes)
            status = run_pair(&c, layouts);
    }
    cvk__watch_end();
    if (out->fault.failed)
        status = cvk__fail_memory(256, "a fault's text");
    if (out->executed == 0 && out->refused == 0)
        snprintf(out->reason, sizeof out->reason, "none of its layouts fits these sizes");
    return status;
}

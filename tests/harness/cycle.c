/* SPDX-License-Identifier: MIT
 * One build, run, finish of a row, as a session would do it, on guarded memory. */
#include "harness.h"

struct operand_set { /* all memory of one cycle */
    struct cvk__memory inputs[CVK__TRIAL_INPUTS], outputs[CVK__TRIAL_OUTPUTS], operands[CVK__EPILOGUE_OPERANDS];
    struct cvk__memory workspace, packed;
    void *contents[CVK__TRIAL_INPUTS];                 /* what the inputs must still hold at the end */
    void *operand_contents[CVK__EPILOGUE_OPERANDS];
    struct cvk_binding input_bindings[CVK__TRIAL_INPUTS], output_bindings[CVK__TRIAL_OUTPUTS];
    struct cvk_binding build_bindings[CVK__TRIAL_INPUTS]; /* the constants alone */
};

static const struct cvk_binding unbound;
static const struct cvk_binding unbound_outputs[CVK__TRIAL_OUTPUTS];

/* Puts content (plain) into new memory in the descriptor's layout; *kept is a copy of it in that layout. */
static int32_t place(struct cvk__memory *m, struct cvk__device *d, const struct cvk_tensor_desc *desc, const void *content,
                     const struct cvk__placing *placing, void **kept)
{
    struct cvk_tensor_desc plain;
    CVK__TRY(cvk_tensor_desc_init(&plain, desc->dtype, CVK_LAYOUT_PLAIN, desc->rank, desc->dims));
    CVK__TRY(cvk__memory_init(m, d, false, desc->bytes, placing));
    *kept = cvk__alloc_buffer(CVK__TAG_TENSOR, desc->bytes);
    if (!*kept)
        return cvk__fail_memory(desc->bytes, "an operand of a case");
    CVK__TRY(cvk_tensor_reorder(&plain, content, desc, *kept));
    return cvk__memory_write(m, *kept);
}

static int32_t prepare(struct operand_set *b, const struct cvk__trial *t, struct cvk__device *d,
                       const struct cvk_plan *plan, const struct cvk__cycle *cycle)
{
    const struct cvk_node *node = &t->view.node;
    const struct cvk__placing *placing = &cycle->placing;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!node->inputs[i])
            continue;
        CVK__TRY(place(&b->inputs[i], d, node->inputs[i], t->inputs[i], placing, &b->contents[i]));
        b->input_bindings[i] = b->inputs[i].binding;
        if (node->constants[i])
            b->build_bindings[i] = b->inputs[i].binding;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (!node->outputs[i])
            continue;
        if (cycle->shares[i]) {
            b->output_bindings[i] = b->input_bindings[cycle->shares[i] - 1];
            continue;
        }
        CVK__TRY(cvk__memory_init(&b->outputs[i], d, false, node->outputs[i]->bytes, placing));
        b->output_bindings[i] = b->outputs[i].binding;
    }
    for (uint32_t i = 0; i < CVK__EPILOGUE_OPERANDS; i++)
        if (t->operand_desc[i].size)
            CVK__TRY(place(&b->operands[i], d, &t->operand_desc[i], t->operands[i], placing, &b->operand_contents[i]));
    if (plan->workspace_bytes)
        CVK__TRY(cvk__memory_init(&b->workspace, d, false, plan->workspace_bytes, placing));
    if (plan->packed_bytes) {
        CVK__TRY(cvk__memory_init(&b->packed, d, true, plan->packed_bytes, placing));
        CVK__TRY(cvk__memory_fill(&b->packed, cycle->poison));
    }
    return CVK_OK;
}

static void release(struct operand_set *b)
{
    for (uint32_t i = 0; i < CVK__TRIAL_INPUTS; i++) {
        cvk__memory_finish(&b->inputs[i]);
        cvk__free(b->contents[i]);
    }
    for (uint32_t i = 0; i < CVK__TRIAL_OUTPUTS; i++)
        cvk__memory_finish(&b->outputs[i]);
    for (uint32_t i = 0; i < CVK__EPILOGUE_OPERANDS; i++) {
        cvk__memory_finish(&b->operands[i]);
        cvk__free(b->operand_contents[i]);
    }
    cvk__memory_finish(&b->workspace);
    cvk__memory_finish(&b->packed);
    cvk__free(b);
}

/* What the outputs and the workspace hold before a run must not matter. */
static int32_t poison(struct operand_set *b, const struct cvk__trial *t, const struct cvk__cycle *cycle)
{
    for (uint32_t i = 0; i < t->view.node.output_count; i++) {
        uint32_t input = cycle->shares[i];
        if (b->outputs[i].binding.buffer)
            CVK__TRY(cvk__memory_fill(&b->outputs[i], cycle->poison));
        if (input && t->view.node.outputs[i])
            CVK__TRY(cvk__memory_write(&b->inputs[input - 1], b->contents[input - 1]));
    }
    if (b->workspace.binding.buffer)
        CVK__TRY(cvk__memory_fill(&b->workspace, cycle->poison));
    return CVK_OK;
}

/* The host may drop what a row says that it keeps. */
static void drop_constants(struct operand_set *b, struct cvk__trial *t)
{
    for (uint32_t i = 0; i < t->view.node.input_count; i++)
        if (b->build_bindings[i].buffer) {
            b->input_bindings[i].buffer = NULL;
            t->view.constants[i] = NULL;
        }
}

static int32_t check_kept(struct cvk__memory *m, const void *content, const char *what, struct cvk__text *fault)
{
    if (!m->binding.buffer || fault->bytes)
        return CVK_OK;
    CVK__TRY(cvk__memory_check(m, what, fault));
    if (fault->bytes || !content)
        return CVK_OK;
    void *now = cvk__alloc_buffer(CVK__TAG_TENSOR, m->binding.bytes);
    if (!now)
        return cvk__fail_memory(m->binding.bytes, "an operand of a case");
    int32_t status = cvk__memory_read(m, now);
    if (status == CVK_OK && memcmp(now, content, m->binding.bytes) != 0)
        cvk__text_add(fault, "changed %s, which it may only read", what);
    cvk__free(now);
    return status;
}

static bool is_overwritten(const struct cvk__trial *t, const struct cvk__cycle *cycle, uint32_t input)
{
    for (uint32_t i = 0; i < t->view.node.output_count; i++)
        if (cycle->shares[i] == input + 1 && t->view.node.outputs[i])
            return true;
    return false;
}

/* Guards everywhere, and operands that are only read. */
static int32_t check_memory(struct operand_set *b, const struct cvk__trial *t, const struct cvk__cycle *cycle,
                            struct cvk__text *fault)
{
    static const char *const operand_names[] = {"bias", "scale", "shift", "residual"};
    char what[24];
    for (uint32_t i = 0; i < t->view.node.output_count; i++) {
        snprintf(what, sizeof what, "output %u", i);
        CVK__TRY(check_kept(&b->outputs[i], NULL, what, fault));
    }
    for (uint32_t i = 0; i < t->view.node.input_count; i++) {
        snprintf(what, sizeof what, "input %u", i);
        CVK__TRY(check_kept(&b->inputs[i], is_overwritten(t, cycle, i) ? NULL : b->contents[i], what, fault));
    }
    for (uint32_t i = 0; i < CVK__EPILOGUE_OPERANDS; i++)
        CVK__TRY(check_kept(&b->operands[i], b->operand_contents[i], operand_names[i], fault));
    CVK__TRY(check_kept(&b->workspace, NULL, "the workspace", fault));
    return check_kept(&b->packed, NULL, "the packed memory", fault);
}

/* Reads the outputs; those of a further run must be those of the first. */
static int32_t take_outputs(struct operand_set *b, const struct cvk__trial *t, const struct cvk__cycle *cycle, uint32_t run,
                            struct cvk__cycle_result *result, struct cvk__text *fault)
{
    for (uint32_t i = 0; i < t->view.node.output_count; i++) {
        const struct cvk_tensor_desc *desc = t->view.node.outputs[i];
        if (!desc)
            continue;
        void *now = cvk__alloc_buffer(CVK__TAG_TENSOR, desc->bytes);
        if (!now)
            return cvk__fail_memory(desc->bytes, "a result");
        uint32_t input = cycle->shares[i];
        int32_t status = cvk__memory_read(input ? &b->inputs[input - 1] : &b->outputs[i], now);
        if (status == CVK_OK && run == 0) {
            result->outputs[i] = now;
            continue;
        }
        uint64_t byte = status == CVK_OK ? cvk__compare_bits(desc, result->outputs[i], now) : desc->bytes;
        if (byte < desc->bytes && !fault->bytes)
            cvk__text_add(fault, "gives other bits the second time: output %u, byte %llu", i, (unsigned long long)byte);
        cvk__free(now);
        CVK__TRY(status);
    }
    return CVK_OK;
}

/* What build knows of the epilogue's operands, and what run gets. */
static void bind_operands(struct cvk_exec *e, const struct operand_set *b, const struct cvk__trial *t, bool building,
                          bool known)
{
    const struct cvk_binding *bindings[CVK__EPILOGUE_OPERANDS] = {0};
    const float *host[CVK__EPILOGUE_OPERANDS] = {0};
    for (uint32_t i = 0; i < CVK__EPILOGUE_OPERANDS; i++) {
        if (!t->operand_desc[i].size)
            continue;
        bool constant = known && i != CVK__RESIDUAL;
        bindings[i] = building && !constant ? &unbound : &b->operands[i].binding;
        if (constant)
            host[i] = t->operands[i];
    }
    e->bias = bindings[CVK__BIAS];
    e->scale = bindings[CVK__SCALE];
    e->shift = bindings[CVK__SHIFT];
    e->residual = bindings[CVK__RESIDUAL];
    e->bias_host = host[CVK__BIAS];
    e->scale_host = host[CVK__SCALE];
    e->shift_host = host[CVK__SHIFT];
}

/* A failure comes with a known code and a sentence. */
static int32_t record_failure(struct cvk__cycle_result *result, int32_t status, const char *where, struct cvk__text *fault)
{
    result->status = status;
    snprintf(result->error, sizeof result->error, "%s gives %s: %s", where, cvk_status_name(status), cvk_error_text());
    if (strcmp(cvk_status_name(status), "CVK_E_?") == 0)
        cvk__text_add(fault, "%s gives %d, which is no status code", where, status);
    else if (!cvk_error_text()[0])
        cvk__text_add(fault, "%s gives %s and does not say why (cvk_fail does)", where, cvk_status_name(status));
    return CVK_OK;
}

static int32_t build_and_run(struct cvk_exec *e, struct operand_set *b, struct cvk__trial *t, struct cvk__device *d,
                             const struct cvk_kernel *row, const struct cvk__cycle *cycle, bool *built,
                             struct cvk__cycle_result *result, struct cvk__text *fault)
{
    e->inputs = b->build_bindings;
    e->outputs = unbound_outputs;
    bind_operands(e, b, t, true, !cycle->hide_operands);
    cvk__fail(CVK_OK, "%s", "");
    int32_t status = row->build ? row->build(e) : CVK_OK;
    if (status != CVK_OK)
        return record_failure(result, status, "build", fault);
    *built = true;
    if (cycle->drop_constants)
        drop_constants(b, t);
    e->inputs = b->input_bindings;
    e->outputs = b->output_bindings;
    e->workspace = b->workspace.binding.buffer ? &b->workspace.binding : NULL;
    bind_operands(e, b, t, false, !cycle->hide_operands);
    for (uint32_t run = 0; run < (cycle->runs ? cycle->runs : 1) && !fault->bytes; run++) {
        CVK__TRY(poison(b, t, cycle));
        uint64_t allocs = cvk__watch_allocs();
        status = row->run(e);
        int32_t finished = cvk__device_finish(d);
        result->run_allocs += cvk__watch_allocs() - allocs;
        if (status != CVK_OK || finished != CVK_OK)
            return record_failure(result, status != CVK_OK ? status : finished, "run", fault);
        CVK__TRY(check_memory(b, t, cycle, fault)); /* before the second run, which would begin with what the first spoiled */
        CVK__TRY(take_outputs(b, t, cycle, run, result, fault));
    }
    return CVK_OK;
}

int32_t cvk__cycle_run(struct cvk__trial *t, struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_plan *plan,
                       const struct cvk__cycle *cycle, struct cvk__cycle_result *result, struct cvk__text *fault)
{
    const void *constants[CVK__TRIAL_INPUTS] = {0};
    struct cvk_plan own_plan = *plan;
    memset(result, 0, sizeof *result);
    struct operand_set *b = cvk__alloc(CVK__TAG_MISC, sizeof *b);
    if (!b)
        return cvk__fail_memory(sizeof *b, "a cycle");
    int32_t status = prepare(b, t, d, plan, cycle);
    if (status != CVK_OK) {
        release(b);
        return status;
    }
    for (uint32_t i = 0; i < t->view.node.input_count; i++)
        constants[i] = t->view.constants[i];
    struct cvk_exec e = {.size = sizeof e, .host = &d->host, .device = d->handle, .queue = d->queue, .node = &t->view.node,
                         .plan = &own_plan, .packed = b->packed.binding.buffer};
    uint64_t allocs = cvk__watch_allocs();
    int64_t blocks = cvk__watch_blocks();
    cvk__watch_workers(cycle->workers);
    cvk__watch_fail_alloc(cycle->fail_alloc - 1);
    bool built = false; /* a build that failed has freed its own: finish is for those that succeeded */
    status = build_and_run(&e, b, t, d, row, cycle, &built, result, fault);
    cvk__watch_fail_alloc(-1);
    if (built && row->finish)
        row->finish(&e);
    cvk__watch_workers(0);
    result->allocs = cvk__watch_allocs() - allocs;
    result->blocks_left = cvk__watch_blocks() - blocks;
    if (status == CVK_OK && !fault->bytes)
        status = check_memory(b, t, cycle, fault);
    for (uint32_t i = 0; i < t->view.node.input_count; i++)
        t->view.constants[i] = constants[i];
    release(b);
    if (status != CVK_OK)
        cvk__cycle_result_finish(result);
    return status;
}

void cvk__cycle_result_finish(struct cvk__cycle_result *result)
{
    for (uint32_t i = 0; i < CVK__TRIAL_OUTPUTS; i++)
        cvk__free(result->outputs[i]);
    memset(result->outputs, 0, sizeof result->outputs);
}

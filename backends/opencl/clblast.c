/* SPDX-License-Identifier: MIT
 * gemm, and conv of windows of one pixel, by CLBlast's Sgemm; what else a node wants comes in a second kernel. A row to be chosen
 * by measurement: its estimate is above that of our own products.
 *
 * CLBlast compiles a program at its first call with such sizes, so build makes that call. Its parameters are a device's, for all
 * calls in the process, and an override of them cannot be taken back; two nodes could not have different ones, and the
 * measurement of one would change what was measured for another. So they stay what CLBlast's own database says. */
#include <clblast_c.h>

#include "product_tiles.h"
#include "turn.h"

#define MOST_IMAGES 16 /* one call each */

struct state {
    struct ocl_tiles tiles;
    cl_mem scratch;         /* what CLBlast wants; NULL: nothing */
    struct ocl_call finish; /* empty: the product is the result */
};

static bool wants_more(const struct cvk_node *node)
{
    return (node->epilogue && node->epilogue->parts) || (node->input_count > 2 && node->inputs[2]);
}

static struct ocl_tiles tiles_of(const struct cvk_node *node)
{
    return node->op == CVK_OP_GEMM ? ocl_gemm_tiles(node) : ocl_conv_tiles(node);
}

static uint32_t images(const struct ocl_tiles *t)
{
    return (uint32_t)(t->s.n / t->s.pixels);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct ocl_device *d = ocl_asked(q);
    struct ocl_tiles_choice own = {0};
    OCL_TRY(ocl_fits(q));
    if (d->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    if (q->node->op == CVK_OP_CONV)
        OCL_TRY(ocl_conv_tiles_fit(q));
    struct ocl_tiles t = tiles_of(q->node);
    if (t.b == OCL_B_WINDOWS || t.batch != 1)
        return cvk_refuse(q, "only windows of one pixel at stride 1, without padding and groups");
    if (t.s.m == 0 || t.s.n == 0 || t.s.k == 0)
        return cvk_refuse(q, "an empty product");
    if (images(&t) > MOST_IMAGES)
        return cvk_refuse(q, "%u images, each a call; %u at most", images(&t), MOST_IMAGES);
    bool known = ocl_tiles_choose(d, &t, 0, &own);
    double bytes = ocl_model_operands(q->node) / ocl_model_bytes(d);
    plan->cost_ns = 2 * ((known && own.cost_ns > bytes ? own.cost_ns : bytes) + OCL_MODEL_LAUNCH_NS);
    if (wants_more(q->node))
        plan->user[0] = cvk_book(plan, q->node->outputs[0]->bytes);
    return CVK_OK;
}

static int32_t check(struct ocl_device *d, CLBlastStatusCode code, const struct ocl_tiles *t)
{
    if (code == CLBlastSuccess)
        return CVK_OK;
    return ocl_fail(d->host, (cl_int)code, "CLBlast's product of %d x %d x %d", t->s.m, t->s.n, t->s.k);
}

static CLBlastTranspose transposed(bool yes)
{
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

struct place {
    cl_mem memory;
    uint64_t offset; /* bytes */
};

/* Image `image` of the product. */
static int32_t multiply(struct ocl_device *d, const struct state *s, struct place a, struct place b, struct place y,
                        uint32_t image)
{
    const struct ocl_tiles_sizes *z = &s->tiles.s;
    cl_event *slot = ocl_profile_slot(d);
    if (slot) { /* several kernels: time begins before the first */
        cl_int code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, slot);
        if (code != CL_SUCCESS)
            return ocl_fail(d->host, code, "marking the queue");
        slot = ocl_profile_slot(d);
    }
    ocl_turn_begin(d);
    CLBlastStatusCode code = CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, transposed(!s->tiles.a_steps), transposed(s->tiles.b == OCL_B_COLUMNS), (size_t)z->m,
        (size_t)z->pixels, (size_t)z->k, s->tiles.alpha, a.memory, a.offset / sizeof(float), (size_t)z->a_step, b.memory,
        b.offset / sizeof(float) + (size_t)image * (size_t)z->b_image, (size_t)z->b_step, 0.0f, y.memory,
        y.offset / sizeof(float) + (size_t)image * (size_t)z->y_image, (size_t)z->y_row, &d->queue, slot, s->scratch);
    ocl_turn_end(d);
    return check(d, code, &s->tiles);
}

/* Inputs of a and b: conv's weights are the second. */
static uint32_t input_a(const struct cvk_node *node)
{
    return node->op == CVK_OP_GEMM ? 0 : 1;
}

static struct place place_of(const struct cvk_binding *b, uint64_t more)
{
    return (struct place){(cl_mem)b->buffer, b->offset + more};
}

static int32_t make_scratch(struct ocl_device *d, struct state *s)
{
    const struct ocl_tiles_sizes *z = &s->tiles.s;
    size_t bytes = 0;
    CLBlastStatusCode code = CLBlastSGemmTempBufferSize(
        CLBlastLayoutRowMajor, transposed(!s->tiles.a_steps), transposed(s->tiles.b == OCL_B_COLUMNS), (size_t)z->m,
        (size_t)z->pixels, (size_t)z->k, 0, (size_t)z->a_step, 0, (size_t)z->b_step, 0, (size_t)z->y_row, &d->queue, &bytes);
    OCL_TRY(check(d, code, &s->tiles));
    return bytes ? ocl_memory(d, bytes, NULL, &s->scratch) : CVK_OK;
}

/* The first call, with the operands that are known and memory of any content for the others. */
static int32_t warm_up(struct cvk_exec *e, const struct state *s)
{
    struct ocl_device *d = ocl_device_of(e);
    struct place at[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    cl_mem own[3] = {NULL, NULL, NULL};
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < 3 && status == CVK_OK; i++) {
        if (i < 2 && e->node->constants[i] && e->inputs[i].buffer) {
            at[i] = place_of(&e->inputs[i], 0);
            continue;
        }
        status = ocl_memory(d, i < 2 ? e->node->inputs[i]->bytes : e->node->outputs[0]->bytes, NULL, &own[i]);
        at[i].memory = own[i];
    }
    uint32_t a = input_a(e->node);
    if (status == CVK_OK)
        status = multiply(d, s, at[a], at[1 - a], at[2], 0);
    if (status == CVK_OK)
        status = ocl_sync(d);
    for (uint32_t i = 0; i < 3; i++)
        ocl_memory_free(own[i]);
    return status;
}

static void finish(struct cvk_exec *e)
{
    struct state *s = e->state;
    ocl_call_finish(&s->finish);
    ocl_memory_free(s->scratch);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    struct state *s = ocl_state(e, sizeof *s);
    if (!s)
        return CVK_E_MEMORY;
    s->tiles = tiles_of(e->node);
    int32_t status = make_scratch(ocl_device_of(e), s);
    if (status == CVK_OK)
        status = warm_up(e, s);
    if (status == CVK_OK && wants_more(e->node)) {
        struct ocl_tiles rest = s->tiles;
        rest.alpha = 1; /* CLBlast has multiplied by it */
        status = ocl_tiles_build_sum(e, &rest, 1, &s->finish);
    }
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *s = e->state;
    bool more = s->finish.kernel != NULL;
    uint32_t a = input_a(e->node);
    struct place y = more ? place_of(e->workspace, e->plan->user[0]) : place_of(&e->outputs[0], 0);
    for (uint32_t i = 0; i < images(&s->tiles); i++)
        OCL_TRY(multiply(d, s, place_of(&e->inputs[a], 0), place_of(&e->inputs[1 - a], 0), y, i));
    return more ? ocl_tiles_run_sum(e, &s->finish, e->plan->user[0]) : CVK_OK;
}

const struct cvk_kernel ocl_clblast_rows[] = {
    {OCL_ROW(GEMM, "clblast"), .dtypes = OCL_F32, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan,
     .build = build, .run = run, .finish = finish},
    {OCL_ROW(CONV, "clblast"), .dtypes = OCL_F32, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan,
     .build = build, .run = run, .finish = finish},
};
const uint32_t ocl_clblast_row_count = OCL_COUNT(ocl_clblast_rows);

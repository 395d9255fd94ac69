/* SPDX-License-Identifier: MIT
 * Every gradient against differences of the forward pass: each case of tests/ops in double precision on the reference. With
 * f = sum of y * r for drawn r, df/dx comes once from the graph's gradient, declared rows and those made of other ops alike,
 * and once from (f(x + h) - f(x - h)) / 2h. `test_train_gradients [OP [CASE]]` checks some of them. */
#include "convoke/rng.h"
#include "op_net.h"
#include "ops/all.h"

#define STEP 1e-6
#define TOLERANCE 1e-5  /* of a gradient near 1; relative above */
#define ELEMENTS 16     /* of each input at most */
#define MAX_MACS 200000 /* larger cases are for kernels, and say nothing more about formulas */
#define MAX_NUMBER 1e4  /* beyond, a step of STEP is lost in rounding */
#define R_STREAM 48

static struct cvk_context *ctx;
static const char *only_op, *only_case;
static const struct cvk_session_params on_reference = {.device = "ref"};

/* One case as a net of its own and as one with its gradients. */
struct check {
    const struct cvk__op_def *def;
    const struct cvk_case *c;
    struct cvk_graph *g;
    cvk_value in[CVK_CASE_INPUTS], out[CVK__TRIAL_OUTPUTS];
    void *drawn[CVK_CASE_INPUTS];
    uint32_t gives, takes; /* inputs that get a gradient, outputs that bring one */
    struct cvk_session *forward, *backward;
    struct cvk_tensor *x[CVK_CASE_INPUTS], *y[CVK__TRIAL_OUTPUTS], *r[CVK__TRIAL_OUTPUTS], *dx[CVK_CASE_INPUTS];
    double *before[CVK__TRIAL_OUTPUTS], *middle[CVK__TRIAL_OUTPUTS]; /* y at x - h and at x */
};

/* Per input of an op, over all its cases. */
static uint64_t checked[CVK_CASE_INPUTS], skipped[CVK_CASE_INPUTS];

static bool is_float(uint32_t dtype)
{
    return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

static bool is_double(const struct check *k, cvk_value v)
{
    return v && cvk__value_at(k->g, v)->desc.dtype == CVK_F64;
}

/* Real numbers become doubles, all but the factors of resize, which are f32 whatever x is. */
static struct cvk_case_tensor in_double(const struct check *k, uint32_t i)
{
    struct cvk_case_tensor t = k->c->inputs[i];
    if (is_float(t.dtype ? t.dtype : CVK_F32) && !(k->def->id == CVK_OP_RESIZE && i > 0))
        t.dtype = CVK_F64;
    return t;
}

/* Whether the op declares a gradient of the input; where it declares none at all, it makes those of all. */
static bool has_gradient(const struct check *k, uint32_t i)
{
    uint32_t count, gives = 0;
    const struct cvk__grad *grads = cvk__form_grads(k->def, k->c->params, &count);
    for (uint32_t g = 0; g < count; g++)
        gives |= grads[g].gives;
    return !count || gives & CVK__X(i);
}

static void add_op(struct check *k)
{
    uint32_t outputs = k->c->output_count ? k->c->output_count : 1;
    ok(k->def->id, k->c, cvk_graph_create("case", &k->g), "graph");
    for (uint32_t i = 0; i < k->c->input_count; i++) {
        const struct cvk_case_tensor t = in_double(k, i);
        char name[16];
        if (t.absent)
            continue;
        snprintf(name, sizeof name, "x%u", i);
        ok(k->def->id, k->c, cvk__draw(&t, k->def->id, i, &k->drawn[i]), "data");
        bool constant = t.constant && (t.dtype != CVK_F64 || !has_gradient(k, i));
        uint32_t dtype = t.dtype ? t.dtype : CVK_F32;
        k->in[i] = constant ? cvk_constant(k->g, name, dtype, t.rank, t.dims, k->drawn[i])
                            : cvk_input(k->g, name, dtype, t.rank, t.dims);
    }
    int32_t status = cvk_graph_add(k->g, k->def->id, k->c->params, k->in, k->c->input_count, k->out, outputs);
    if (status != CVK_OK)
        fail_msg("%s/%s: %s", k->def->name, k->c->name, cvk_graph_error(k->g));
    /* Training fuses what follows a norm into both directions. */
    const struct cvk_epilogue *e = &k->c->epilogue;
    if (k->def->id == CVK_OP_BATCH_NORM && e->parts == CVK_EPI_ACTIVATION)
        k->out[0] = cvk_unary(k->g, k->out[0], &(struct cvk_unary_params){.kind = e->activation, .a = e->a, .b = e->b});
}

/* What the op says of itself: declared gradients, or those that it makes for all real inputs. */
static void find_masks(struct check *k)
{
    const struct cvk__node *n = &k->g->nodes[0];
    uint32_t count, outputs = k->c->output_count ? k->c->output_count : 1;
    const struct cvk__grad *grads = cvk__form_grads(k->def, n->params, &count);
    bool made = k->def->differentiate && !count;
    for (uint32_t i = 0; i < count; i++) {
        k->gives |= grads[i].gives;
        k->takes |= grads[i].needs >> 24;
        for (uint32_t o = 0; o < 8; o++)
            if (grads[i].needs & CVK__Y(o) && (o >= outputs || !k->out[o]))
                k->gives = 0; /* a result that the gradient reads is left out */
    }
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++) {
        bool there = i < k->c->input_count && i < n->input_count && k->in[i] && n->inputs[i] == k->in[i];
        if (!there || !is_double(k, k->in[i]) || !(made || k->gives & CVK__X(i)))
            k->gives &= ~CVK__X(i);
        else
            k->gives |= CVK__X(i);
    }
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++) {
        uint32_t bit = 1u << o;
        if (o < outputs && is_double(k, k->out[o]) && (made || k->takes & bit))
            k->takes |= bit;
        else
            k->takes &= ~bit;
    }
}

static bool is_worth_it(const struct check *k)
{
    struct cvk__node_view view;
    struct cvk__cost cost = {0};
    if (k->g->nodes[0].dead || !k->gives || !k->takes || cvk_tensor_desc_count(&cvk__value_at(k->g, k->out[0])->desc) == 0)
        return false;
    ok(k->def->id, k->c, cvk__node_view_init(&view, k->g, &k->g->nodes[0], 0), "node");
    cvk__node_cost(&view.node, &cost);
    cvk__node_view_finish(&view);
    return cost.macs <= MAX_MACS;
}

static void write_inputs(const struct check *k, struct cvk_session *s)
{
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++)
        if (k->x[i])
            write_input(s, 'x', i, k->x[i]);
}

static void make_forward(struct check *k)
{
    struct cvk_graph *g = NULL;
    char name[16];
    ok(k->def->id, k->c, cvk__graph_clone(k->g, &g), "copy");
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++)
        if (k->takes & 1u << o) {
            snprintf(name, sizeof name, "y%u", o);
            cvk_output(g, k->out[o], name);
        }
    ok(k->def->id, k->c, cvk_session_create(ctx, g, &on_reference, &k->forward), "forward session");
    cvk_graph_destroy(g);
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++)
        if (k->in[i])
            k->x[i] = tensor_of(k->g, k->in[i], k->drawn[i]);
}

/* f and its gradients as outputs of one net. */
static void make_backward(struct check *k)
{
    struct cvk_graph *g = k->g;
    cvk_value f = 0, grads[CVK_CASE_INPUTS], wrt[CVK_CASE_INPUTS];
    uint32_t count = 0, of[CVK_CASE_INPUTS];
    char name[16];
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++) {
        if (!(k->takes & 1u << o))
            continue;
        const struct cvk_tensor_desc d = cvk__value_at(g, k->out[o])->desc;
        snprintf(name, sizeof name, "r%u", o);
        cvk_value r = cvk_input(g, name, CVK_F64, d.rank, d.dims);
        cvk_value sum = cvk_reduce(g, cvk_mul(g, k->out[o], r), &(struct cvk_reduce_params){.kind = CVK_REDUCE_SUM});
        f = f ? cvk_add(g, f, sum) : sum;
        k->y[o] = tensor_of(g, k->out[o], NULL);
        k->r[o] = tensor_of(g, k->out[o], NULL);
        uint64_t elements = cvk_tensor_desc_count(&d);
        for (uint64_t i = 0; i < elements; i++)
            ((double *)cvk_tensor_data(k->r[o]))[i] = 2 * (double)cvk_rng_uniform(k->def->id, R_STREAM + o, i) - 1;
        k->before[o] = calloc(elements + 1, sizeof(double));
        k->middle[o] = calloc(elements + 1, sizeof(double));
        assert_true(k->before[o] && k->middle[o]);
    }
    ok(k->def->id, k->c, cvk_graph_status(g), "sum");
    ok(k->def->id, k->c, cvk__graph_infer(g, NULL), "sizes");
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++)
        if (k->gives & CVK__X(i)) {
            of[count] = i;
            wrt[count++] = k->in[i];
        }
    ok(k->def->id, k->c, cvk__autodiff(g, f, 0, wrt, count, NULL, grads), "gradients");
    for (uint32_t i = 0; i < count; i++) {
        if (!grads[i])
            fail_msg("%s/%s: input %u gets no gradient", k->def->name, k->c->name, of[i]);
        snprintf(name, sizeof name, "dx%u", of[i]);
        cvk_output(g, grads[i], name);
    }
    ok(k->def->id, k->c, cvk_session_create(ctx, g, &on_reference, &k->backward), "backward session");
    write_inputs(k, k->backward);
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++)
        if (k->r[o])
            write_input(k->backward, 'r', o, k->r[o]);
    ok(k->def->id, k->c, cvk_session_run(k->backward), "backward run");
    for (uint32_t i = 0; i < count; i++) {
        k->dx[of[i]] = tensor_of(g, k->in[of[i]], NULL);
        ok(k->def->id, k->c, cvk_session_read(k->backward, i, k->dx[of[i]]), "gradient");
    }
}

static void run_forward(const struct check *k)
{
    uint32_t at = 0;
    write_inputs(k, k->forward); /* results may lie where they were */
    ok(k->def->id, k->c, cvk_session_run(k->forward), "forward run");
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++)
        if (k->y[o])
            ok(k->def->id, k->c, cvk_session_read(k->forward, at++, k->y[o]), "result");
}

static void keep(const struct check *k, double *const *where)
{
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++)
        if (k->y[o])
            memcpy(where[o], cvk_tensor_data(k->y[o]), cvk_tensor_count(k->y[o]) * sizeof(double));
}

/* The sum of (y - old) * r: elements that do not change add nothing, so that only what changes is rounded. */
static double difference(const struct check *k, double *const *old)
{
    double sum = 0;
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++)
        for (uint64_t i = 0; k->y[o] && i < cvk_tensor_count(k->y[o]); i++) {
            double now = ((const double *)cvk_tensor_data(k->y[o]))[i];
            if (now != old[o][i])
                sum += (now - old[o][i]) * ((const double *)cvk_tensor_data(k->r[o]))[i];
        }
    return sum;
}

/* Whether f is a number near the element: an infinity among the results that it goes into hides what changes. */
static bool is_finite(const struct check *k, uint32_t input, uint64_t element)
{
    bool own = k->def->elementwise && input == 0 && cvk_tensor_count(k->x[0]) == cvk_tensor_count(k->y[0]);
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++)
        for (uint64_t i = own ? element : 0; k->y[o] && i < (own ? element + 1 : cvk_tensor_count(k->y[o])); i++)
            if (!isfinite(k->middle[o][i]))
                return false;
    return true;
}

/* Elements where f has no derivative, or one that steps cannot show, say nothing: those where the two sides differ. */
static void check_element(struct check *k, uint32_t input, uint64_t element)
{
    double *x = (double *)cvk_tensor_data(k->x[input]) + element;
    const double at = *x, h = STEP * fmax(1, fabs(at)), gradient = cvk_tensor_at(k->dx[input], element);
    skipped[input]++;
    if (!(fabs(at) <= MAX_NUMBER) || !is_finite(k, input, element))
        return;
    volatile double low = at - h, high = at + h; /* what the steps really are */
    *x = low;
    run_forward(k);
    keep(k, k->before);
    double below = -difference(k, k->middle) / (at - low);
    *x = high;
    run_forward(k);
    double above = difference(k, k->middle) / (high - at), slope = difference(k, k->before) / (high - low);
    *x = at;
    double allowed = TOLERANCE * fmax(1, fabs(slope));
    if (!isfinite(below) || !isfinite(above) || fabs(above - below) > allowed)
        return;
    skipped[input]--;
    checked[input]++;
    if (!(fabs(gradient - slope) <= allowed))
        fail_msg("%s/%s: gradient of input %u, element %llu (x = %.9g): %.9g; differences of the forward pass give %.9g",
                 k->def->name, k->c->name, input, (unsigned long long)element, at, gradient, slope);
}

static void finish(struct check *k)
{
    cvk_session_destroy(k->forward);
    cvk_session_destroy(k->backward);
    cvk_graph_destroy(k->g);
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++) {
        cvk__free(k->drawn[i]);
        cvk_tensor_destroy(k->x[i]);
        cvk_tensor_destroy(k->dx[i]);
    }
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++) {
        cvk_tensor_destroy(k->y[o]);
        cvk_tensor_destroy(k->r[o]);
        free(k->before[o]);
        free(k->middle[o]);
    }
}

/* Returns the inputs that have a gradient. */
static uint32_t check_case(const struct cvk__op_def *def, const struct cvk_case *c)
{
    struct check k = {.def = def, .c = c};
    add_op(&k);
    ok(def->id, c, cvk__graph_infer(k.g, NULL), "sizes");
    find_masks(&k);
    uint32_t gives = is_worth_it(&k) ? k.gives : 0;
    if (gives) {
        make_forward(&k);
        make_backward(&k);
        run_forward(&k);
        keep(&k, k.middle);
    }
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++) {
        uint64_t count = gives & CVK__X(i) ? cvk_tensor_count(k.x[i]) : 0, some = count < ELEMENTS ? count : ELEMENTS;
        for (uint64_t e = 0; e < some; e++)
            check_element(&k, i, e * count / some);
    }
    finish(&k);
    return gives;
}

/* Cases that are wrong on purpose, that hold no ordinary numbers, or that round to another type. */
static bool is_meant(const struct cvk__op_def *def, const struct cvk_case *c)
{
    for (uint32_t i = 0; i < c->input_count; i++)
        if (c->inputs[i].fill == CVK_FILL_SPECIAL)
            return false;
    if (def->id == CVK_OP_CAST && ((const struct cvk_cast_params *)c->params)->to != CVK_F64)
        return false;
    return !c->fails && !c->bench && (!only_case || strcmp(only_case, c->name) == 0);
}

static void every_gradient_is_that_of_the_forward_pass(void **state)
{
    uint64_t all = 0;
    (void)state;
    for (uint32_t t = 0; t < cvk_case_table_count; t++) {
        const struct cvk_case_table *table = cvk_case_tables[t];
        const struct cvk__op_def *def = cvk__op_find(table->op);
        bool differentiable = def->grads || def->grads_for || def->differentiate;
        uint32_t gives = 0;
        if (!differentiable || def->pass != CVK_PASS_FORWARD || (only_op && strcmp(only_op, def->name) != 0))
            continue;
        memset(checked, 0, sizeof checked);
        memset(skipped, 0, sizeof skipped);
        for (uint32_t i = 0; i < table->count; i++)
            if (is_meant(def, &table->cases[i]))
                gives |= check_case(def, &table->cases[i]);
        if (!gives && !only_case)
            fail_msg("%s: no case has a gradient", def->name);
        for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++)
            if (gives & CVK__X(i)) {
                print_message("%s, input %u: %llu elements, %llu left out\n", def->name, i, (unsigned long long)checked[i],
                              (unsigned long long)skipped[i]);
                if (!checked[i] || (checked[i] < skipped[i] && !only_case))
                    fail_msg("%s: of input %u too little could be checked", def->name, i);
                all += checked[i];
            }
    }
    assert_true(all > 0);
    cvk__draw_trim();
}

static int make_context(void **state)
{
    (void)state;
    return cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx) == CVK_OK ? 0 : -1;
}

static int destroy_context(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_gradient_is_that_of_the_forward_pass)};
    only_op = argc > 1 ? argv[1] : NULL;
    only_case = argc > 2 ? argv[2] : NULL;
    return cmocka_run_group_tests(tests, make_context, destroy_context);
}

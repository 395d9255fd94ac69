/* SPDX-License-Identifier: MIT
 * A trainer: the session of one training step, fed and read. */
#include <math.h>

#include "../graph/session_impl.h"
#include "net.h"

struct cvk_trainer {
    struct cvk_graph *net; /* as it was handed in */
    struct cvk__train_net step_net;
    struct cvk_session *session;
    struct cvk_tensor *hyper, *step_number, *loss, *norm, *norms;
    uint64_t steps;
    float rate;
    uint32_t optimizer;
};

/* ---- making one ----------------------------------------------------------------------------------------------------------- */

static int32_t make_tensors(struct cvk_trainer *t)
{
    const int64_t two[1] = {2}, single[1] = {1}, weights[1] = {t->step_net.weight_count};
    CVK__TRY(cvk_tensor_create(CVK_F32, 1, two, &t->hyper));
    CVK__TRY(cvk_tensor_create(CVK_I64, 1, single, &t->step_number));
    CVK__TRY(cvk_tensor_create(CVK_F32, 0, NULL, &t->loss));
    CVK__TRY(cvk_tensor_create(CVK_F32, 1, single, &t->norm));
    return cvk_tensor_create(CVK_F32, 1, weights, &t->norms);
}

static int32_t create(struct cvk_trainer *t, struct cvk_context *ctx, const struct cvk_graph *g,
                      const struct cvk_trainer_params *p)
{
    CVK__TRY(cvk__graph_clone(g, &t->net));
    CVK__TRY(cvk__train_separate_statistics(t->net));
    CVK__TRY(cvk__train_net_init(&t->step_net, ctx, t->net, p));
    /* A step's values are read again by the backward half, so pieces of the batch would save nothing. */
    const struct cvk_session_params params = {.device = p->device,
                                              .kernels = p->kernels,
                                              .memory_limit_bytes = p->memory_limit_bytes,
                                              .macs_limit = p->macs_limit,
                                              .flags = CVK_SESSION_NO_SEGMENTS |
                                                       (p->flags & CVK_TRAIN_DETERMINISTIC ? CVK_SESSION_DETERMINISTIC : 0) |
                                                       (p->flags & CVK_TRAIN_PROFILE ? CVK_SESSION_PROFILE : 0)};
    CVK__TRY(cvk_session_create(ctx, t->step_net.g, &params, &t->session));
    t->rate = p->learning_rate;
    t->optimizer = p->optimizer.kind;
    return make_tensors(t);
}

int32_t cvk_trainer_create(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_trainer_params *params,
                           struct cvk_trainer **out)
{
    static const struct cvk_trainer_params defaults = {0};
    if (!ctx || !g || !out)
        return cvk__fail(CVK_E_ARG, "cvk_trainer_create: context, graph or out is NULL");
    const struct cvk_trainer_params *p = params ? params : &defaults;
    *out = NULL;
    if (p->batch < 0)
        return cvk__fail(CVK_E_ARG, "training: the batch must be positive, not %lld", (long long)p->batch);
    if (!(p->learning_rate >= 0) || !(p->clip_norm >= 0) || isinf(p->learning_rate) || isinf(p->clip_norm))
        return cvk__fail(CVK_E_ARG, "training: learning rate %g and clip_norm %g must be finite and not negative",
                         (double)p->learning_rate, (double)p->clip_norm);
    struct cvk_trainer *t = cvk__alloc(CVK__TAG_SESSION, sizeof *t);
    if (!t)
        return cvk__fail_memory(sizeof *t, "a trainer");
    int32_t status = create(t, ctx, g, p);
    if (status != CVK_OK) {
        cvk_trainer_destroy(t);
        return status;
    }
    *out = t;
    return CVK_OK;
}

void cvk_trainer_destroy(struct cvk_trainer *t)
{
    if (!t)
        return;
    cvk_session_destroy(t->session);
    cvk__train_net_finish(&t->step_net);
    cvk_graph_destroy(t->net);
    cvk_tensor_destroy(t->hyper);
    cvk_tensor_destroy(t->step_number);
    cvk_tensor_destroy(t->loss);
    cvk_tensor_destroy(t->norm);
    cvk_tensor_destroy(t->norms);
    cvk__free(t);
}

/* ---- steps ---------------------------------------------------------------------------------------------------------------- */

/* Writes a batch whose images are those of input i, whatever axes the caller's have. */
static int32_t write_input(struct cvk_trainer *t, uint32_t i, const struct cvk_tensor *tensor)
{
    const struct cvk_tensor_desc *want = cvk_session_input_desc(t->session, i),
                                 *have = tensor ? cvk_tensor_get_desc(tensor) : NULL;
    if (!have || have->dtype != want->dtype || have->bytes != want->bytes || have->rank == want->rank || !have->rank ||
        have->dims[0] != want->dims[0])
        return cvk_session_write(t->session, i, tensor); /* fits, or tells what does not */
    struct cvk_tensor *same = NULL;
    CVK__TRY(cvk_tensor_wrap(want->dtype, want->rank, want->dims, cvk_tensor_data(tensor), have->bytes, &same));
    int32_t status = cvk_session_write(t->session, i, same);
    cvk_tensor_destroy(same);
    return status;
}

/* Learning rate and step count: adam, adamw and rmsprop count from 1. */
static int32_t write_hyper(struct cvk_trainer *t)
{
    float *hyper = cvk_tensor_data(t->hyper);
    bool from_one = t->optimizer == CVK_ADAM || t->optimizer == CVK_ADAMW || t->optimizer == CVK_RMSPROP;
    hyper[0] = t->rate;
    hyper[1] = (float)(t->steps + from_one);
    CVK__TRY(cvk_session_write(t->session, 2, t->hyper));
    if (!t->step_net.random)
        return CVK_OK;
    *(int64_t *)cvk_tensor_data(t->step_number) = (int64_t)t->steps;
    return cvk_session_write(t->session, 3, t->step_number);
}

static int32_t read_result(struct cvk_trainer *t, struct cvk_step_result *result)
{
    uint32_t bytes = result->size ? result->size : sizeof *result;
    struct cvk_step_result r = {.size = bytes, .step = t->steps, .gradient_norm = NAN};
    CVK__TRY(cvk_session_read(t->session, 0, t->loss));
    r.loss = cvk_tensor_at(t->loss, 0);
    if (t->step_net.measures) {
        CVK__TRY(cvk_session_read(t->session, 2, t->norm));
        r.gradient_norm = cvk_tensor_at(t->norm, 0);
    }
    memcpy(result, &r, bytes < sizeof r ? bytes : sizeof r);
    return CVK_OK;
}

int32_t cvk_trainer_step(struct cvk_trainer *t, const struct cvk_tensor *x, const struct cvk_tensor *target,
                         struct cvk_step_result *result)
{
    if (!t)
        return cvk__fail(CVK_E_ARG, "cvk_trainer_step: the trainer is NULL");
    CVK__TRY(write_input(t, 0, x));
    CVK__TRY(write_input(t, 1, target));
    CVK__TRY(write_hyper(t));
    CVK__TRY(cvk_session_run(t->session));
    if (result)
        CVK__TRY(read_result(t, result));
    t->steps++;
    return CVK_OK;
}

void cvk_trainer_set_learning_rate(struct cvk_trainer *t, float rate)
{
    if (t)
        t->rate = rate;
}

uint64_t cvk_trainer_steps(const struct cvk_trainer *t)
{
    return t ? t->steps : 0;
}

void cvk_trainer_set_steps(struct cvk_trainer *t, uint64_t steps)
{
    if (t)
        t->steps = steps;
}

const struct cvk_tensor_desc *cvk_trainer_input_desc(const struct cvk_trainer *t)
{
    return t ? cvk_session_input_desc(t->session, 0) : NULL;
}

const struct cvk_tensor_desc *cvk_trainer_target_desc(const struct cvk_trainer *t)
{
    return t ? cvk_session_input_desc(t->session, 1) : NULL;
}

const struct cvk_tensor_desc *cvk_trainer_prediction_desc(const struct cvk_trainer *t)
{
    return t ? cvk_session_output_desc(t->session, 1) : NULL;
}

int32_t cvk_trainer_read_prediction(struct cvk_trainer *t, struct cvk_tensor *prediction)
{
    return cvk_session_read(t ? t->session : NULL, 1, prediction);
}

int32_t cvk_trainer_read_norms(struct cvk_trainer *t, float *norms, uint32_t count)
{
    if (!t || !t->step_net.measures)
        return cvk__fail(CVK_E_ARG, "the norms of gradients are worked out with CVK_TRAIN_NORMS alone");
    if (!norms)
        return cvk__fail(CVK_E_ARG, "cvk_trainer_read_norms: norms is NULL");
    if (count != t->step_net.weight_count)
        return cvk__fail(CVK_E_ARG, "there are %u weights, but room for %u norms", t->step_net.weight_count, count);
    CVK__TRY(cvk_session_read(t->session, 3, t->norms));
    memcpy(norms, cvk_tensor_data(t->norms), count * sizeof *norms);
    return CVK_OK;
}

const struct cvk_session *cvk_trainer_session(const struct cvk_trainer *t)
{
    return t ? t->session : NULL;
}

/* ---- what a step changes ----------------------------------------------------------------------------------------------------
 */

uint32_t cvk_trainer_weight_count(const struct cvk_trainer *t)
{
    return t ? t->step_net.weight_count : 0;
}

const char *cvk_trainer_weight_name(const struct cvk_trainer *t, uint32_t i)
{
    return t && i < t->step_net.weight_count ? t->step_net.states[t->step_net.weights[i].state].name : NULL;
}

uint32_t cvk_trainer_state_count(const struct cvk_trainer *t)
{
    return t ? t->step_net.state_count : 0;
}

const char *cvk_trainer_state_name(const struct cvk_trainer *t, uint32_t i)
{
    return t && i < t->step_net.state_count ? t->step_net.states[i].name : NULL;
}

const struct cvk_tensor_desc *cvk_trainer_state_desc(const struct cvk_trainer *t, uint32_t i)
{
    return t && i < t->step_net.state_count ? &cvk__value_at(t->step_net.g, t->step_net.states[i].v)->desc : NULL;
}

static int32_t check_state(const struct cvk_trainer *t, uint32_t i, const struct cvk_tensor *tensor)
{
    const struct cvk_tensor_desc *want = cvk_trainer_state_desc(t, i), *have = tensor ? cvk_tensor_get_desc(tensor) : NULL;
    char a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
    if (!want)
        return cvk__fail(CVK_E_ARG, "there is no state %u; the trainer has %u", i, cvk_trainer_state_count(t));
    if (!have)
        return cvk__fail(CVK_E_ARG, "state '%s': the tensor is NULL", CVK__SHOW(t->step_net.states[i].name));
    if (have->dtype != want->dtype || have->rank != want->rank || memcmp(have->dims, want->dims, want->rank * sizeof *want->dims))
        return cvk__fail(CVK_E_SHAPE, "state '%s' is %s %s; the tensor is %s %s", CVK__SHOW(t->step_net.states[i].name),
                         cvk_dtype_name(want->dtype), cvk_shape_text(want->rank, want->dims, a), cvk_dtype_name(have->dtype),
                         cvk_shape_text(have->rank, have->dims, b));
    return CVK_OK;
}

int32_t cvk_trainer_state_read(struct cvk_trainer *t, uint32_t i, struct cvk_tensor *out)
{
    CVK__TRY(check_state(t, i, out));
    return cvk__session_state_read(t->session, t->step_net.states[i].v, cvk_tensor_data(out));
}

int32_t cvk_trainer_state_write(struct cvk_trainer *t, uint32_t i, const struct cvk_tensor *in)
{
    CVK__TRY(check_state(t, i, in));
    return cvk__session_state_write(t->session, t->step_net.states[i].v, cvk_tensor_data(in));
}

/* A weight that the net works out from other constants is a constant from now on; the other outputs of its node stay what they
 * are. */
static int32_t cut_off(struct cvk_graph *g, cvk_value v)
{
    struct cvk__value *value = cvk__value_at(g, v);
    struct cvk__node *n = value->producer >= 0 ? &g->nodes[value->producer] : NULL;
    uint32_t o = value->producer_output;
    value->producer = -1;
    if (!n)
        return CVK_OK;
    if (n->output_count == 1) {
        n->dead = true;
        return CVK_OK;
    }
    cvk_value unread = cvk__graph_new_value(g, NULL);
    if (!unread)
        return cvk__fail_memory(sizeof *value, "a copy of the weights");
    cvk__value_at(g, unread)->producer = (int32_t)(n - g->nodes);
    cvk__value_at(g, unread)->producer_output = o;
    n->outputs[o] = unread;
    return CVK_OK;
}

/* Puts a state's content into the constant of the net that it began as. */
static int32_t put_state(struct cvk_trainer *t, const struct cvk__train_state *state, struct cvk_graph *g)
{
    struct cvk__value *v = cvk__value_at(g, state->v);
    const struct cvk_tensor_desc *desc = &cvk__value_at(t->step_net.g, state->v)->desc;
    void *data = cvk__alloc_buffer(CVK__TAG_GRAPH, desc->bytes);
    if (!data)
        return cvk__fail_memory(desc->bytes, "a copy of the weights");
    int32_t status = cvk__session_state_read(t->session, state->v, data);
    if (status != CVK_OK) {
        cvk__free(data);
        return status;
    }
    struct cvk__blob *blob = cvk__blob_create(data, desc->bytes);
    if (!blob)
        return cvk__fail_memory(desc->bytes, "a copy of the weights");
    status = cut_off(g, state->v);
    v = cvk__value_at(g, state->v);
    if (status != CVK_OK) {
        cvk__blob_unref(blob);
        return status;
    }
    v->desc = *desc;
    cvk__blob_unref(v->blob);
    v->blob = blob;
    if (!v->name && !cvk__graph_named(g, state->name) && !cvk__graph_set_name(g, state->v, state->name))
        return cvk__fail_memory(strlen(state->name), "a copy of the weights");
    return CVK_OK;
}

int32_t cvk_trainer_graph(struct cvk_trainer *t, struct cvk_graph **out)
{
    if (!t || !out)
        return cvk__fail(CVK_E_ARG, "cvk_trainer_graph: trainer or out is NULL");
    struct cvk_graph *g = NULL;
    CVK__TRY(cvk__graph_clone(t->net, &g));
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < t->step_net.state_count && status == CVK_OK; i++)
        if (t->step_net.states[i].of_net)
            status = put_state(t, &t->step_net.states[i], g);
    if (status != CVK_OK) {
        cvk_graph_destroy(g);
        return status;
    }
    *out = g;
    return CVK_OK;
}

/* SPDX-License-Identifier: MIT
 * What the tests of training share: a net, a trainer and a batch of drawn data in one place. */
#ifndef CVK__TEST_RIG_H
#define CVK__TEST_RIG_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"
#include "convoke/rng.h"

struct rig {
    struct cvk_context *ctx;
    struct cvk_graph *net;
    struct cvk_trainer *t;
    struct cvk_tensor *x, *target;
};

static inline void check_ok(int32_t status, const char *what)
{
    if (status != CVK_OK)
        print_error("%s: %s\n", what, cvk_error_text());
    assert_int_equal(status, CVK_OK);
}

/* Normal pictures and, for class numbers, classes in turn; numbers are drawn. */
static inline void rig_draw(struct rig *r, uint64_t seed)
{
    const struct cvk_tensor_desc *y = cvk_trainer_prediction_desc(r->t), *d = cvk_tensor_get_desc(r->target);
    float *x = cvk_tensor_data(r->x);
    for (uint64_t i = 0; i < cvk_tensor_count(r->x); i++)
        x[i] = cvk_rng_normal(seed, 1, i);
    for (uint64_t i = 0; i < cvk_tensor_count(r->target); i++)
        if (d->dtype == CVK_I64)
            ((int64_t *)cvk_tensor_data(r->target))[i] = (int64_t)(i % (uint64_t)y->dims[1]);
        else
            ((float *)cvk_tensor_data(r->target))[i] = cvk_rng_uniform(seed, 2, i);
}

static inline void rig_make(struct rig *r, struct cvk_graph *net, const struct cvk_trainer_params *p)
{
    memset(r, 0, sizeof *r);
    check_ok(cvk_context_create(NULL, &r->ctx), "context");
    r->net = net;
    check_ok(cvk_trainer_create(r->ctx, net, p, &r->t), "trainer");
    const struct cvk_tensor_desc *x = cvk_trainer_input_desc(r->t), *t = cvk_trainer_target_desc(r->t);
    check_ok(cvk_tensor_create(x->dtype, x->rank, x->dims, &r->x), "x");
    check_ok(cvk_tensor_create(t->dtype, t->rank, t->dims, &r->target), "target");
    rig_draw(r, 7);
}

static inline void rig_make_text(struct rig *r, const char *net, const struct cvk_trainer_params *p)
{
    struct cvk_graph *g = NULL;
    check_ok(cvk_graph_from_text(net, 5, &g), net);
    rig_make(r, g, p);
}

static inline void rig_free(struct rig *r)
{
    cvk_tensor_destroy(r->x);
    cvk_tensor_destroy(r->target);
    cvk_trainer_destroy(r->t);
    cvk_graph_destroy(r->net);
    cvk_context_destroy(r->ctx);
}

static inline double rig_step(struct rig *r)
{
    struct cvk_step_result result = {.size = sizeof result};
    check_ok(cvk_trainer_step(r->t, r->x, r->target, &result), "step");
    return result.loss;
}

static inline uint32_t rig_state(const struct rig *r, const char *name)
{
    for (uint32_t i = 0; i < cvk_trainer_state_count(r->t); i++)
        if (!strcmp(cvk_trainer_state_name(r->t, i), name))
            return i;
    print_error("there is no state '%s'\n", name);
    fail();
    return 0;
}

/* A state's content; cvk_tensor_destroy. */
static inline struct cvk_tensor *rig_read(struct rig *r, const char *name)
{
    uint32_t i = rig_state(r, name);
    const struct cvk_tensor_desc *d = cvk_trainer_state_desc(r->t, i);
    struct cvk_tensor *out = NULL;
    check_ok(cvk_tensor_create(d->dtype, d->rank, d->dims, &out), name);
    check_ok(cvk_trainer_state_read(r->t, i, out), name);
    return out;
}

/* A number that every bit of every state goes into. */
static inline uint64_t rig_fingerprint(struct rig *r)
{
    uint64_t h = 14695981039346656037u;
    for (uint32_t i = 0; i < cvk_trainer_state_count(r->t); i++) {
        struct cvk_tensor *s = rig_read(r, cvk_trainer_state_name(r->t, i));
        const unsigned char *data = cvk_tensor_data(s);
        for (uint64_t k = 0; k < cvk_tensor_bytes(s); k++)
            h = (h ^ data[k]) * 1099511628211u;
        cvk_tensor_destroy(s);
    }
    return h;
}

#endif

/* SPDX-License-Identifier: MIT
 * Kernels are chosen, tested and measured until the choice stands: fusion and assignment begin again from the folded graph when a
 * kernel was found wrong or better ones were found. */
#include "tune.h"

#include "../ops/op_def.h"

#define MOST_ROUNDS 64 /* each refuses at least one kernel more */

static int32_t read_word(const char *variable, const char *const *words, uint32_t count, uint32_t *out)
{
    const char *text = cvk__getenv(variable);
    if (!text || !*text)
        return CVK_OK;
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(text, words[i])) {
            *out = i;
            return CVK_OK;
        }
    return cvk__fail(CVK_E_ARG, "%s='%s': there is %s, %s and %s", variable, CVK__SHOW(text), words[0], words[1], words[2]);
}

int32_t cvk__settle_wish(struct cvk_session *s)
{
    static const char *const tests[] = {"on", "off", "always"}, *const levels[] = {"off", "quick", "full"};
    uint32_t test = CVK__SELFTEST_ON, level = 0;
    CVK__TRY(read_word("CONVOKE_SELFTEST", tests, 3, &test));
    CVK__TRY(read_word("CONVOKE_TUNE", levels, 3, &level));
    s->selftest = (enum cvk__selftest)test;
    if (s->tune || !level || s->flags & CVK_SESSION_PLAN_ONLY)
        return CVK_OK;
    s->tune = cvk__tune_create(&(struct cvk_tune_params){.level = level});
    s->tune_owned = true;
    return s->tune ? CVK_OK : cvk__fail_memory(sizeof(struct cvk_tune_params), "tuning");
}

/* Verdicts count for the devices of this session; with `always` only those that it reaches itself. */
static void prepare_devices(struct cvk_session *s)
{
    for (uint32_t d = 0; d < s->devices.count; d++) {
        struct cvk__device *device = s->devices.devices[d];
        device->heeds_verdicts = s->selftest != CVK__SELFTEST_OFF;
        if (s->selftest == CVK__SELFTEST_ALWAYS)
            cvk__notes_unlearn(device, CVK__VERDICTS);
    }
}

static bool may_change(const struct cvk_session *s)
{
    if (s->tune)
        return true;
    for (uint32_t d = 0; d < s->devices.count && s->selftest != CVK__SELFTEST_OFF; d++)
        if (s->devices.devices[d]->info.caps & CVK_CAP_SELF_TEST)
            return true;
    return false;
}

/* Back to before fusion: a new copy of `base`. */
static int32_t begin_again(struct cvk_session *s, const struct cvk_graph *base)
{
    for (uint32_t t = 0; t < s->step_count; t++)
        cvk__free(s->steps[t].note);
    s->step_count = 0;
    if (s->places)
        memset(s->places, 0, s->place_capacity * sizeof *s->places);
    cvk_graph_destroy(s->g);
    s->g = NULL;
    CVK__TRY(cvk__graph_clone(base, &s->g));
    for (uint32_t i = 0; i < base->node_count; i++)
        if (base->nodes[i].note && !(s->g->nodes[i].note = cvk__strdup(CVK__TAG_GRAPH, base->nodes[i].note)))
            return cvk__fail_memory(strlen(base->nodes[i].note), "a plan");
    return CVK_OK;
}

static int32_t choose(struct cvk_session *s, bool fuse)
{
    CVK__TRY(cvk__fuse(s, fuse));
    return cvk__assign(s);
}

/* The tuner measures against the plan without notes; then the plan is made with them. */
static int32_t settle(struct cvk_session *s, bool fuse, const struct cvk_graph *base)
{
    bool again = true, tune = s->tune != NULL;
    for (uint32_t round = 0; again && round < MOST_ROUNDS; round++) {
        again = false;
        s->no_choices = tune;
        CVK__TRY(begin_again(s, base));
        CVK__TRY(choose(s, fuse));
        CVK__TRY(cvk__selftest(s, &again));
        if (again || !tune)
            continue;
        CVK__TRY(cvk__tune_run(s->tune, s));
        tune = false;
        again = true;
    }
    return CVK_OK;
}

int32_t cvk__settle(struct cvk_session *s, bool fuse)
{
    prepare_devices(s);
    if (!may_change(s))
        return choose(s, fuse);
    struct cvk_graph *base = s->g;
    s->g = NULL;
    int32_t status = settle(s, fuse, base);
    cvk_graph_destroy(base);
    if (s->tune_owned)
        cvk__tune_destroy(s->tune);
    s->tune = s->tune_owned ? NULL : s->tune;
    return status;
}

/* SPDX-License-Identifier: MIT
 * What the words of the options mean to the library: loss, optimiser, schedule. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

/* The number of a name in a list that fn tells; UINT32_MAX after saying what there is. */
static uint32_t find_name(const char *what, const char *word, const char *(*fn)(uint32_t kind))
{
    const char *names[16];
    uint32_t count = 0;
    char list[256] = "", safe[TOOL_TEXT];
    for (; count < 16 && (names[count] = fn(count)); count++) {
        if (strcmp(names[count], word) == 0)
            return count;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", count ? ", " : "", names[count]);
    }
    const char *near = tool_nearest(word, names, count);
    tool_fail(TOOL_USAGE, "--%s: there is no '%s'%s%s%s; there are %s", what, tool_escape(word, safe, sizeof safe),
              near ? ", did you mean " : "", near ? near : "", near ? "?" : "", list);
    return UINT32_MAX;
}

static float given(double value, float usual)
{
    return isnan(value) ? usual : (float)value;
}

/* An option that the chosen method has no use for would do nothing, and nobody would notice. */
static int check_method(const struct train_options *o, uint32_t optimizer, uint32_t loss)
{
    const uint32_t sgd = 1u << CVK_SGD, adam = 1u << CVK_ADAM | 1u << CVK_ADAMW, rmsprop = 1u << CVK_RMSPROP;
    const uint32_t adagrad = 1u << CVK_ADAGRAD,
                   entropies = 1u << CVK_LOSS_SOFTMAX_CROSS_ENTROPY | 1u << CVK_LOSS_SIGMOID_CROSS_ENTROPY;
    const struct {
        const char *name;
        bool given;
        uint32_t kinds; /* that have it */
        bool of_loss;
    } all[] = {
        {"momentum", !isnan(o->momentum), sgd | rmsprop, false},
        {"nesterov", o->nesterov, sgd, false},
        {"beta1", !isnan(o->beta1), adam, false},
        {"beta2", !isnan(o->beta2), adam | rmsprop, false},
        {"epsilon", !isnan(o->epsilon), adam | rmsprop | adagrad, false},
        {"decay", !isnan(o->decay), 1u << CVK_ADAMW, false},
        {"smoothing", o->smoothing != 0, entropies, true},
        {"class-weights", o->class_weights != NULL, entropies, true},
        {"ignore", !isnan(o->ignore), 1u << CVK_LOSS_SOFTMAX_CROSS_ENTROPY, true},
        {"delta", !isnan(o->delta), 1u << CVK_LOSS_HUBER, true},
    };
    for (uint32_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].given && !(all[i].kinds >> (all[i].of_loss ? loss : optimizer) & 1))
            return tool_fail(TOOL_USAGE, "train --%s means nothing to %s; see convoke train --help", all[i].name,
                             all[i].of_loss ? cvk_loss_name(loss) : cvk_optimizer_name(optimizer));
    return TOOL_GO_ON;
}

static int read_optimizer(const struct train_options *o, struct cvk_optimize_params *p)
{
    uint32_t kind = find_name("optimizer", o->optimizer, cvk_optimizer_name);
    if (kind == UINT32_MAX)
        return TOOL_USAGE;
    *p = cvk_optimizer_defaults(kind);
    p->nesterov = o->nesterov;
    p->momentum = given(o->momentum, p->momentum);
    p->beta1 = given(o->beta1, p->beta1);
    p->beta2 = given(o->beta2, p->beta2);
    p->epsilon = given(o->epsilon, p->epsilon);
    p->decay = given(o->decay, p->decay);
    p->l1 = (float)o->l1;
    p->l2 = (float)o->l2;
    return TOOL_GO_ON;
}

static int read_class_weights(const struct train_options *o, const struct cvk_data_info *info, float out[NUMBER_LIST],
                              uint32_t *count)
{
    char *copy = tool_copy(o->class_weights), *rest = copy;
    int code = TOOL_GO_ON;
    *count = 0;
    for (char *word = strsep(&rest, ","); word && code == TOOL_GO_ON; word = strsep(&rest, ",")) {
        double value;
        if (*count == NUMBER_LIST || !args_number(word, &value) || value < 0)
            code = tool_fail(TOOL_USAGE, "--class-weights: at most %d numbers of 0 or more with commas between are expected",
                             NUMBER_LIST);
        else
            out[(*count)++] = (float)value;
    }
    free(copy);
    bool any = false;
    for (uint32_t i = 0; i < *count; i++)
        any |= out[i] > 0;
    if (code == TOOL_GO_ON && !any)
        code = tool_fail(TOOL_USAGE, "--class-weights: one at least must be above 0");
    if (code == TOOL_GO_ON && *count != info->class_count)
        code = tool_fail(TOOL_USAGE, "--class-weights: there are %u numbers for %u classes", *count, info->class_count);
    return code;
}

int train_trainer_params(const struct train_options *o, const struct cvk_data_info *info, float class_weights[NUMBER_LIST],
                         struct cvk_trainer_params *p)
{
    *p = (struct cvk_trainer_params){.device = o->setup.device,
                                     .batch = (int64_t)o->batch,
                                     .flags = CVK_TRAIN_NORMS | (o->deterministic ? CVK_TRAIN_DETERMINISTIC : 0),
                                     .clip_norm = (float)o->clip,
                                     .decay_biases = o->decay_biases,
                                     .freeze = o->freeze,
                                     .seed = o->setup.seed ? o->setup.seed : 1,
                                     .memory_limit_bytes = o->setup.memory_limit,
                                     .macs_limit = o->setup.macs_limit};
    uint32_t kind = info->class_count ? CVK_LOSS_SOFTMAX_CROSS_ENTROPY : CVK_LOSS_MSE;
    if (o->loss && (kind = find_name("loss", o->loss, cvk_loss_name)) == UINT32_MAX)
        return TOOL_USAGE;
    p->loss = (struct cvk_loss_params){.kind = kind, .smoothing = (float)o->smoothing, .delta = given(o->delta, 0)};
    if (o->delta <= 0) /* 0 would be the library's default */
        return tool_fail(TOOL_USAGE, "train --delta must be above 0, not %g", o->delta);
    if (!isnan(o->ignore)) {
        if (o->ignore != floor(o->ignore) || fabs(o->ignore) > 1e9)
            return tool_fail(TOOL_USAGE, "train --ignore is the number of a class, not %g", o->ignore);
        p->loss.ignores = 1;
        p->loss.ignore_index = (int64_t)o->ignore;
    }
    int code = read_optimizer(o, &p->optimizer);
    if (code == TOOL_GO_ON)
        code = check_method(o, p->optimizer.kind, kind);
    if (code == TOOL_GO_ON && o->class_weights) {
        code = read_class_weights(o, info, class_weights, &p->class_count);
        p->class_weights = class_weights;
    }
    p->learning_rate = given(o->rate, p->optimizer.kind == CVK_SGD ? 0.05f : 0.001f);
    return code;
}

int train_schedule(const struct train_options *o, uint64_t batches, struct cvk_schedule *s)
{
    uint32_t kind = find_name("schedule", o->schedule, cvk_schedule_name);
    if (kind == UINT32_MAX)
        return TOOL_USAGE;
    const struct {
        const char *name;
        bool wrong;
    } all[] = {{"gamma", !isnan(o->gamma) && kind != CVK_SCHEDULE_STEP},
               {"period", o->period && kind != CVK_SCHEDULE_STEP},
               {"final-rate", !isnan(o->final_rate) && kind != CVK_SCHEDULE_COSINE},
               {"warmup", o->warmup != 0 && kind == CVK_SCHEDULE_ONE_CYCLE}};
    for (uint32_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].wrong)
            return tool_fail(TOOL_USAGE, "train --%s means nothing to the schedule %s", all[i].name, cvk_schedule_name(kind));
    if (!(o->warmup >= 0 && o->warmup <= 1e6) || o->gamma <= 0 || o->final_rate < 0)
        return tool_fail(TOOL_USAGE, "train --warmup and --final-rate must not be negative (--warmup at most 1,000,000), --gamma "
                                     "must be above 0");
    float usual = strcmp(o->optimizer, "sgd") == 0 ? 0.05f : 0.001f;
    uint64_t period = o->period ? o->period : (o->epochs + 2) / 3;
    *s = (struct cvk_schedule){.kind = kind,
                               .rate = given(o->rate, usual),
                               .final_rate = given(o->final_rate, 0),
                               .gamma = given(o->gamma, 0),
                               .period = period * batches,
                               .steps = o->epochs * batches,
                               .warmup = (uint64_t)(o->warmup * (double)batches)};
    return TOOL_GO_ON;
}

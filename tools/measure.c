/* SPDX-License-Identifier: MIT
 * Timing sessions: warm-up until they are steady, then as many runs as the answer needs. */
#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 7         /* runs in a window of the warm-up */
#define WINDOW_MS 20     /* and at least this long, for very short runs */
#define STEADY 0.03      /* two windows' medians this near: warm */
#define WARMUP_SECONDS 4 /* then the times are taken as they are, and it is said */
#define FEWEST_RUNS 10
#define MOST_RUNS 100000
#define BLOCK_MS 50 /* of runs before it is another session's turn */
#define MOST_BLOCK 100
#define FEWEST_ROUNDS 5

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, uint32_t count, double q)
{
    double at = q * (count - 1);
    uint32_t i = (uint32_t)at;
    return i + 1 < count ? sorted[i] + (sorted[i + 1] - sorted[i]) * (at - i) : sorted[count - 1];
}

void measure_summary(double *ms, uint32_t count, struct timing *out)
{
    qsort(ms, count, sizeof *ms, by_size);
    out->runs = count;
    out->min_ms = ms[0];
    out->max_ms = ms[count - 1];
    out->median_ms = quantile(ms, count, 0.5);
    out->p90_ms = quantile(ms, count, 0.9);
    out->spread = out->median_ms > 0 ? (quantile(ms, count, 0.75) - quantile(ms, count, 0.25)) / out->median_ms : 0;
    /* The median lies between these two order statistics in 95 % of cases, whatever the distribution. */
    double half = 0.98 * sqrt(count), low = count / 2.0 - half, high = count / 2.0 + half;
    out->low_ms = ms[low < 0 ? 0 : (uint32_t)low];
    out->high_ms = ms[high > count - 1 ? count - 1 : (uint32_t)high];
}

int measure_once(struct cvk_session *s, const struct input_set *set, double *ms)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (cvk_session_write(s, i, set->tensors[i]) != CVK_OK)
            return tool_fail_library("");
    double begin = tool_now_ms();
    int32_t status = cvk_session_run(s);
    *ms = tool_now_ms() - begin;
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

/* *ms receives the median of the last window. */
static int warm_up(struct cvk_session *s, const struct input_set *set, struct timing *out, double *ms)
{
    double begin = tool_now_ms(), before = 0;
    while (!out->steady && tool_now_ms() - begin < WARMUP_SECONDS * 1e3) {
        double window[4096], window_begin = tool_now_ms();
        uint32_t n = 0;
        while (n < 4096 && (n < WINDOW || tool_now_ms() - window_begin < WINDOW_MS) &&
               (n < 2 || tool_now_ms() - begin < WARMUP_SECONDS * 1e3)) {
            int code = measure_once(s, set, &window[n++]);
            if (code != TOOL_GO_ON)
                return code;
        }
        out->warmup_runs += n;
        qsort(window, n, sizeof *window, by_size);
        double median = quantile(window, n, 0.5);
        out->steady = before > 0 && fabs(median - before) <= STEADY * before;
        before = median;
        tool_progress("warming up: %.3g ms", median);
    }
    *ms = before;
    return TOOL_GO_ON;
}

/* The timed runs of one session. */
struct series {
    struct measured *m;
    double *ms, *sorted;
    uint32_t count, capacity, block;
};

static uint32_t smaller(uint32_t a, uint64_t b)
{
    return b < a ? (uint32_t)b : a;
}

static int run_block(struct series *s, const struct measure_rule *rule, bool alone)
{
    struct measured *m = s->m;
    struct timing *t = &m->timing;
    double ms;
    int code = alone ? TOOL_GO_ON : measure_once(m->session, m->set, &ms);
    uint32_t runs = rule->runs ? smaller(s->block, rule->runs - s->count) : s->block;
    if (s->count + runs > s->capacity) {
        s->capacity = 2 * s->capacity + runs + 64;
        s->ms = tool_grow(s->ms, s->capacity, sizeof *s->ms);
        s->sorted = tool_grow(s->sorted, s->capacity, sizeof *s->sorted);
    }
    for (uint32_t i = 0; i < runs && code == TOOL_GO_ON; i++)
        code = measure_once(m->session, m->set, &s->ms[s->count + i]);
    if (code != TOOL_GO_ON)
        return code;
    m->round_ms = tool_grow(m->round_ms, t->rounds + 1, sizeof *m->round_ms);
    memcpy(s->sorted, s->ms + s->count, runs * sizeof *s->ms);
    qsort(s->sorted, runs, sizeof *s->sorted, by_size);
    m->round_ms[t->rounds++] = quantile(s->sorted, runs, 0.5);
    s->count += runs;
    return TOOL_GO_ON;
}

/* Runs in a row. Those of a given number are spread over as many rounds for each session. */
static uint32_t block_of(double ms, bool alone, const struct measure_rule *rule)
{
    if (alone)
        return 1;
    if (rule->runs)
        return (uint32_t)((rule->runs + FEWEST_ROUNDS - 1) / FEWEST_ROUNDS);
    if (ms > BLOCK_MS)
        return 1;
    return ms > 0 ? smaller(MOST_BLOCK, (uint64_t)(BLOCK_MS / ms)) : MOST_BLOCK;
}

/* Whether the rule is met. Only looks at the interval now and then, since that means sorting. */
static bool enough(struct series *s, const struct measure_rule *rule, bool alone, bool time_up)
{
    struct timing *t = &s->m->timing;
    if (rule->runs)
        return s->count >= rule->runs;
    if (rule->rounds)
        return t->rounds >= rule->rounds;
    if (alone && s->count % FEWEST_RUNS != 0 && !time_up)
        return false;
    memcpy(s->sorted, s->ms, s->count * sizeof *s->ms);
    measure_summary(s->sorted, s->count, t);
    tool_progress("%u runs: %.3g ms", s->count, t->median_ms);
    bool precise = s->count >= FEWEST_RUNS && (alone || t->rounds >= FEWEST_ROUNDS) &&
                   (t->high_ms - t->low_ms) / 2 <= rule->precision * t->median_ms;
    return precise || time_up || s->count >= MOST_RUNS;
}

int measure_sessions(struct measured *all, uint32_t count, const struct measure_rule *rule)
{
    struct series *series = tool_alloc(count, sizeof *series);
    bool alone = count == 1 && !rule->rounds;
    int code = TOOL_GO_ON;
    for (uint32_t i = 0; i < count && code == TOOL_GO_ON; i++) {
        double ms = 0;
        all[i].timing = (struct timing){0};
        series[i].m = &all[i];
        code = warm_up(all[i].session, all[i].set, &all[i].timing, &ms);
        series[i].block = block_of(ms, alone, rule);
    }
    double begin = tool_now_ms();
    for (bool done = false; !done && code == TOOL_GO_ON;) {
        for (uint32_t i = 0; i < count && code == TOOL_GO_ON; i++)
            code = run_block(&series[i], rule, alone);
        bool time_up = tool_now_ms() - begin > rule->seconds * 1e3 * count;
        done = true;
        for (uint32_t i = 0; i < count && code == TOOL_GO_ON; i++)
            done = enough(&series[i], rule, alone, time_up) && done;
    }
    tool_progress_done();
    for (uint32_t i = 0; i < count; i++) {
        if (code == TOOL_GO_ON)
            measure_summary(series[i].ms, series[i].count, &all[i].timing);
        free(series[i].ms);
        free(series[i].sorted);
    }
    free(series);
    return code;
}

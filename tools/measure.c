/* SPDX-License-Identifier: MIT
 * Timing a session: warm-up until it is steady, then as many runs as the answer needs. */
#include "measure.h"

#include <math.h>
#include <stdlib.h>

#define WINDOW 7         /* runs in a window of the warm-up */
#define WINDOW_MS 20     /* and at least this long, for very short runs */
#define STEADY 0.03      /* two windows' medians this near: warm */
#define WARMUP_SECONDS 4 /* then the times are taken as they are, and it is said */
#define FEWEST_RUNS 10
#define MOST_RUNS 100000

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

static int warm_up(struct cvk_session *s, const struct input_set *set, struct timing *out)
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
    return TOOL_GO_ON;
}

int measure_session(struct cvk_session *s, const struct input_set *set, const struct measure_rule *rule, struct timing *out)
{
    *out = (struct timing){0};
    int code = warm_up(s, set, out);
    double *ms = NULL, *sorted = NULL, begin = tool_now_ms();
    uint32_t count = 0, capacity = 0;
    for (bool enough = false; !enough && code == TOOL_GO_ON;) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            ms = tool_grow(ms, capacity, sizeof *ms);
            sorted = tool_grow(sorted, capacity, sizeof *sorted);
        }
        code = measure_once(s, set, &ms[count]);
        if (code != TOOL_GO_ON)
            break;
        count++;
        bool time_up = tool_now_ms() - begin > rule->seconds * 1e3;
        if (rule->runs)
            enough = count >= rule->runs;
        else if (count % FEWEST_RUNS == 0 || time_up) {
            for (uint32_t i = 0; i < count; i++)
                sorted[i] = ms[i];
            measure_summary(sorted, count, out);
            tool_progress("%u runs: %.3g ms", count, out->median_ms);
            enough = (count >= FEWEST_RUNS && (out->high_ms - out->low_ms) / 2 <= rule->precision * out->median_ms) || time_up ||
                     count >= MOST_RUNS;
        }
    }
    tool_progress_done();
    if (code == TOOL_GO_ON)
        measure_summary(ms, count, out);
    free(ms);
    free(sorted);
    return code;
}

/* SPDX-License-Identifier: MIT
 * What `convoke bench` prints of a case, and of all of them side by side. */
#include "bench.h"

void bench_put_case(struct json *o, const struct bench *b, const struct bench_case *c)
{
    const struct timing *t = &c->timing;
    json_text(o, "model", b->model.text);
    json_text(o, "device", c->device);
    json_count(o, "threads", c->threads);
    json_count(o, "batch", c->batch);
    json_number(o, "median_ms", t->median_ms);
    json_number(o, "min_ms", t->min_ms);
    json_number(o, "max_ms", t->max_ms);
    json_number(o, "p90_ms", t->p90_ms);
    json_number(o, "spread", t->spread);
    json_number(o, "median_low_ms", t->low_ms);
    json_number(o, "median_high_ms", t->high_ms);
    json_count(o, "runs", t->runs);
    json_count(o, "rounds", t->rounds);
    json_count(o, "warmup_runs", t->warmup_runs);
    json_bool(o, "steady", t->steady);
    if (c->ratio > 0) {
        json_number(o, "ratio", c->ratio);
        json_number(o, "ratio_low", c->ratio_low);
        json_number(o, "ratio_high", c->ratio_high);
    }
    json_number(o, "load_ms", b->model.load_ms);
    json_number(o, "plan_ms", c->create_ms);
    json_number(o, "first_run_ms", c->first_run_ms);
    json_count(o, "macs", c->report.macs);
    json_number(o, "gflops", (double)c->report.flops / t->median_ms / 1e6);
    json_count(o, "peak_memory_bytes", c->report.peak_bytes);
    json_count(o, "process_peak_bytes", c->process_peak_bytes);
    json_bool(o, "checked", c->checked);
    json_text(o, "verdict", c->verdict);
    if (c->nodes)
        bench_put_nodes(o, b, c);
}

void bench_print_case(const struct bench *b, const struct bench_case *c)
{
    const struct timing *t = &c->timing;
    char safe[TOOL_TEXT], planned[28], peak[28], macs[28];
    printf("%s%s%s\n", tool_colour(TOOL_BOLD), tool_escape(b->model.text, safe, sizeof safe), tool_colour(TOOL_PLAIN));
    printf("  on       %s, %u thread%s, batch %llu\n", tool_escape(c->device, safe, sizeof safe), c->threads,
           c->threads == 1 ? "" : "s", (unsigned long long)c->batch);
    printf("  result   %s\n", c->verdict);
    printf("  %smedian   %.4g ms%s (95 %% interval %.4g to %.4g), least %.4g, P90 %.4g, most %.4g, spread %.1f %%\n",
           tool_colour(TOOL_BOLD), t->median_ms, tool_colour(TOOL_PLAIN), t->low_ms, t->high_ms, t->min_ms, t->p90_ms, t->max_ms,
           100 * t->spread);
    printf("  runs     %u timed", t->runs);
    if (t->rounds < t->runs)
        printf(" in %u rounds", t->rounds);
    printf(" after %u to warm up%s\n", t->warmup_runs,
           t->steady ? "" : "; the times had not become steady, so take them with care");
    printf("  before   load %.3g ms, plan and build %.3g ms, first run %.3g ms\n", b->model.load_ms, c->create_ms,
           c->first_run_ms);
    printf("  work     %s multiply-adds, %.1f GFLOP/s\n", tool_count(c->report.macs, macs),
           (double)c->report.flops / t->median_ms / 1e6);
    printf("  memory   %s planned, %s at most in the process\n", tool_bytes(c->report.peak_bytes, planned),
           tool_bytes(c->process_peak_bytes, peak));
    if (c->nodes)
        bench_print_nodes(b, c);
}

void bench_print_summary(const struct bench *b, const struct bench_case *cases, uint32_t count)
{
    struct table *t = table_create(b->compare ? "lrrrrrrrrr" : "lrrrrrrr");
    static const char *const names[] = {"device", "threads", "batch",   "median ms", "least",
                                        "most",   "runs",    "items/s", "ratio",     "of rounds"};
    for (uint32_t i = 0; i < (b->compare ? 10 : 8); i++)
        table_add(t, "%s", names[i]);
    for (uint32_t i = 0; i < count; i++) {
        const struct bench_case *c = &cases[i];
        table_add(t, "%s", c->device);
        table_add(t, "%u", c->threads);
        table_add(t, "%llu", (unsigned long long)c->batch);
        table_add(t, "%.4g", c->timing.median_ms);
        table_add(t, "%.4g", c->timing.min_ms);
        table_add(t, "%.4g", c->timing.max_ms);
        table_add(t, "%u", c->timing.runs);
        table_add(t, "%.4g", (double)c->batch * 1e3 / c->timing.median_ms);
        if (b->compare) {
            table_add(t, "%.3f", c->ratio);
            table_add(t, "%.3f to %.3f", c->ratio_low, c->ratio_high);
        }
    }
    printf("\n");
    table_print(t, stdout);
    table_destroy(t);
    if (b->compare)
        printf("\n  ratio    of the median to that of the first device, with the same threads and batch: below 1 is faster.\n"
               "           The devices took turns; the last column is the least and the greatest ratio of a round\n");
}

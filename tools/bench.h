/* SPDX-License-Identifier: MIT
 * What the parts of `convoke bench` share: the cases (a device, a batch, a number of threads) and their results. */
#ifndef CONVOKE_BENCH_H
#define CONVOKE_BENCH_H

#include "measure.h"
#include "roof.h"

struct bench {
    struct setup setup;
    struct text_list inputs;
    struct measure_rule rule;
    struct count_list batches, threads;
    const char *compare;
    bool per_op, no_check, probe, train;
    uint64_t top;

    struct model model;
    bool one_session; /* for the whole command: it takes the model's graph */
    struct roof roof;         /* isa_count 0: not looked at yet */
    struct roof_rates *rates; /* one for each number of threads asked for */
    uint32_t rate_count;
    struct json *json, *list; /* list: of the results, if there are several */
};

struct node_time {
    struct cvk_node_report report; /* borrows from the case's session */
    double ms;                     /* median */
    bool on_cpu;                   /* on the CPU whose roof is measured */
};

struct bench_case {
    const char *asked; /* device text; NULL: CONVOKE_DEVICE, else auto */
    char *device;      /* the choice taken */
    uint64_t batch;
    uint32_t threads; /* that a CPU device computes with */
    struct cvk_context *ctx;
    struct cvk_session *session;
    const struct input_set *set;
    struct cvk_session_report report;
    struct timing timing;
    double create_ms, first_run_ms;
    uint64_t process_peak_bytes;         /* when the runs were timed */
    double ratio, ratio_low, ratio_high; /* to the first device of the comparison; 0: no comparison */
    bool checked;
    char verdict[700];
    struct node_time *nodes; /* NULL: not timed one by one */
    uint32_t node_count;
    struct roof_rates roof; /* for these threads; threads 0: no node ran on this CPU, or none was timed */
};

/* cmd_bench.c: a session for the case's batch, with one more flag. TOOL_GO_ON, or the exit code. */
int bench_session(struct bench *b, const struct bench_case *c, const char *device, uint32_t flags,
                  struct cvk_session **out);

/* bench_train.c: steps of training in the place of runs. TOOL_GO_ON, or the exit code. */
int bench_train(struct bench *b, char *const *devices, uint32_t device_count);

/* bench_nodes.c: times every node, and measures the roof if a node ran on this CPU. TOOL_GO_ON, or the exit code. */
int bench_time_nodes(struct bench *b, struct bench_case *c);
/* The rates for a number of threads, measured on the first call. TOOL_GO_ON, or the exit code. */
int bench_roof(struct bench *b, uint32_t threads, struct roof_rates *out);
void bench_print_nodes(const struct bench *b, const struct bench_case *c);
void bench_put_nodes(struct json *o, const struct bench *b, const struct bench_case *c);

/* bench_print.c */
void bench_print_case(const struct bench *b, const struct bench_case *c);
void bench_put_case(struct json *o, const struct bench *b, const struct bench_case *c);
/* One line for each case, with the ratios of a comparison. */
void bench_print_summary(const struct bench *b, const struct bench_case *cases, uint32_t count);

#endif

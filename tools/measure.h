/* SPDX-License-Identifier: MIT
 * Timing a session: warm-up until it is steady, then as many runs as the answer needs. */
#ifndef CONVOKE_MEASURE_H
#define CONVOKE_MEASURE_H

#include "model.h"

struct timing {
    double median_ms, min_ms, max_ms, p90_ms;
    double spread;          /* distance between the quartiles, as a share of the median */
    double low_ms, high_ms; /* 95 % interval of the median */
    uint32_t runs, warmup_runs, rounds;
    bool steady; /* the warm-up ended because times were stable, not because time was up */
};

struct measure_rule {
    uint64_t runs;    /* exactly so many; 0: until the interval is narrow */
    uint64_t rounds;  /* exactly so many; 0: the same */
    double precision; /* half width of the interval wanted, as a share of the median */
    double seconds;   /* most that the timed runs may take, for each session */
};

struct measured {
    struct cvk_session *session;
    const struct input_set *set;
    struct timing timing;
    double *round_ms; /* the median of each round; the caller frees it */
};
/* Times sessions in turn, so that what disturbs the machine disturbs all of them: in each round every session has a block of
 * runs, for which its caches are warmed by one run more. A single session's blocks are one run long. Inputs are written before
 * each run, untimed, since a run may use their memory for other values. TOOL_GO_ON or the exit code. */
int measure_sessions(struct measured *all, uint32_t count, const struct measure_rule *rule);
/* Writes the inputs and runs once; *ms receives the time of the run alone. */
int measure_once(struct cvk_session *s, const struct input_set *set, double *ms);
/* Sorts times and sums them up. count > 0. */
void measure_summary(double *ms, uint32_t count, struct timing *out);

#endif

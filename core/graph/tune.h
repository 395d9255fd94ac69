/* SPDX-License-Identifier: MIT
 * Inside of tuning: what is measured for a net, and what was found. */
#ifndef CVK__TUNE_H
#define CVK__TUNE_H

#include "convoke/tune.h"
#include "problem.h"

/* One distinct node of the net and what became of it. */
struct cvk__tuned {
    uint64_t hash; /* of its key */
    uint32_t step; /* the first of its kind */
    double weight; /* work of all of its kind */
    char *name, *device;
    struct cvk_tensor_desc input, output;
    struct cvk_tune_node report; /* points to the above */
};

/* The time of a reorder that was measured already. */
struct cvk__reorder_time {
    uint64_t hash;
    double ns; /* below 0: there is no such reorder */
};

struct cvk__tune {
    struct cvk_tune_params params;
    struct cvk__tuned *nodes;
    uint32_t count, order; /* order: the node being measured, in the order of measuring */
    struct cvk__reorder_time *reorders;
    uint32_t reorder_count, reorder_capacity;
    double start_ns;
    uint32_t end; /* enum cvk_tune_end */
};

/* tune.c; NULL when there is no memory. params' budget 0: the level's. */
struct cvk__tune *cvk__tune_create(const struct cvk_tune_params *params);
void cvk__tune_destroy(struct cvk__tune *t); /* NULL is fine */
/* Measures the nodes of a session that is planned without notes, and keeps what is the best. */
int32_t cvk__tune_run(struct cvk__tune *t, struct cvk_session *s);

/* tune.c: false when the time is over or the caller wants to stop; t->end then says which. */
bool cvk__tune_goes_on(struct cvk__tune *t, const struct cvk_tune_progress *told);
/* tune_node.c: measures the ways to run one node and keeps the best. */
int32_t cvk__tune_node(struct cvk__tune *t, struct cvk_session *s, struct cvk__tuned *node);
/* tune_reorder.c: the time of turning `desc`, in its sizes, from one layout into the other; *ns below 0 if the device cannot. */
int32_t cvk__tune_reorder(struct cvk__tune *t, struct cvk_session *s, struct cvk__device *d, const struct cvk_tensor_desc *desc,
                          uint32_t from, uint32_t to, double *ns);
/* tune_reorder.c: the time of a run that is known to be right. Stops early if it is far above `best_ns` (0: none). */
int32_t cvk__tune_measure(struct cvk__drive *w, bool thorough, double best_ns, double *ns);

#endif

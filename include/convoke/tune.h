/* SPDX-License-Identifier: MIT
 * Measuring which kernels are the fastest for a net on a device, and keeping the answer: later sessions use it.
 *
 * Each distinct node is run by every kernel that takes it, in its layouts and with its parameter sets, on random data; what
 * differs from the reference backend is never chosen. Where another layout than the net's is used, the time of the reorders counts
 * too. The answers are notes of the device, where it keeps notes (convoke/plugin.h, "notes"), else of the context alone.
 *
 * Threads: as for sessions; one call of cvk_tune at a time on one device, or the times disturb each other.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int tune(struct cvk_context *ctx, const struct cvk_graph *g)
 * {
 *     struct cvk_tune_params p = {.level = CVK_TUNE_QUICK};
 *     struct cvk_tune_result *r = NULL;
 *     if (cvk_tune(ctx, g, &p, &r) != CVK_OK) {
 *         fprintf(stderr, "%s\n", cvk_error_text());
 *         return 1;
 *     }
 *     for (uint32_t i = 0; i < cvk_tune_result_count(r); i++) {
 *         struct cvk_tune_node n;
 *         if (cvk_tune_result_node(r, i, &n) == CVK_OK)
 *             printf("%s: %s, %.0f ns\n", n.name, n.chosen.kernel, n.chosen.time_ns);
 *     }
 *     cvk_tune_result_destroy(r);
 *     return 0;
 * }
 * @endcode
 */
#ifndef CONVOKE_TUNE_H
#define CONVOKE_TUNE_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_tune_level {
    CVK_TUNE_QUICK = 1, /* the likeliest kernels: some 0.3 s for a node, 10 s for a net */
    CVK_TUNE_FULL = 2   /* all of them */
};

enum cvk_tune_end {
    CVK_TUNE_DONE = 0,   /* every node was measured or remembered */
    CVK_TUNE_BUDGET = 1, /* the time was over */
    CVK_TUNE_STOPPED = 2 /* the progress function said so */
};

/* Told before each kernel is tried. Borrows: for the call. */
struct cvk_tune_progress {
    uint32_t node, node_count; /* distinct nodes: the present one, from 0 */
    uint32_t tried, ways;      /* kernels with their layouts and parameter sets: done, and how many there are for this node */
    const char *name, *op;     /* of the node */
    const char *best;          /* the best kernel so far, "" for none */
    double untuned_ns, best_ns; /* 0: not known yet */
    double spent_s, left_s;    /* left: of the budget, -1 without one */
};

/* Zero in a field is its default. */
struct cvk_tune_params {
    const struct cvk_session_params *session; /* device, batch, sizes, forced kernels; NULL: all defaults */
    uint32_t level;        /* enum cvk_tune_level; 0 means quick */
    uint32_t again;        /* 1: measure what is remembered, too */
    double budget_seconds; /* for all; 0: 10 for quick, none for full. What is measured by then is kept */
    /* Not CVK_OK: stop, keep what is done. May be NULL. */
    int32_t (*progress)(void *arg, const struct cvk_tune_progress *progress);
    void *progress_arg;
};

/* One way to run a node. Borrows: as long as the result. */
struct cvk_tune_way {
    const char *kernel;  /* the row's name */
    uint32_t variant;    /* of its parameter sets */
    uint32_t layout_x, layout_y; /* enum cvk_layout */
    double time_ns;      /* reorders included; 0: not measured */
};

struct cvk_tune_node {
    const char *name;    /* of the first node of this kind in the net */
    const char *op, *device;
    const struct cvk_tensor_desc *input, *output; /* the first of each; input may be NULL */
    uint32_t count;      /* nodes of the net that are the same */
    uint32_t ways, tried; /* that say yes; that were run now */
    uint32_t wrong;      /* of those tried: gave wrong results or failed, and are not used */
    uint32_t remembered; /* 1: measured earlier */
    uint32_t measured;   /* 0: there was no time, the kernel chosen is the untuned one */
    struct cvk_tune_way untuned, chosen;
};

struct cvk_tune_result;

/* Errors: as cvk_session_create; CVK_E_NOT_FOUND without a reference backend to compare with. */
CVK_API int32_t cvk_tune(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_tune_params *params,
                         struct cvk_tune_result **out);
CVK_API void cvk_tune_result_destroy(struct cvk_tune_result *r); /* NULL is fine */
CVK_API uint32_t cvk_tune_result_count(const struct cvk_tune_result *r);
/* In the order of the net. */
CVK_API int32_t cvk_tune_result_node(const struct cvk_tune_result *r, uint32_t i, struct cvk_tune_node *out);
/* enum cvk_tune_end */
CVK_API uint32_t cvk_tune_result_end(const struct cvk_tune_result *r);

/* Measured choices as texts, to carry them from one machine to another of the same kind. fn is called for each one of the first
 * device of the text (NULL: CONVOKE_DEVICE, else auto) until it returns something else than CVK_OK, which is then the result. */
CVK_API int32_t cvk_tune_export(struct cvk_context *ctx, const char *device,
                                int32_t (*fn)(void *arg, const char *key, const char *text), void *arg);
/* Keeps one that cvk_tune_export told. Errors: CVK_E_FORMAT if it is none. Whether it fits the device is the caller's to know: one
 * for another kernel or plugin version is never looked at. */
CVK_API int32_t cvk_tune_import(struct cvk_context *ctx, const char *device, const char *key, const char *text);
/* Backend, name and driver of that device; *lasting is 1 if what it remembers outlives the context. */
CVK_API int32_t cvk_tune_device(struct cvk_context *ctx, const char *device, struct cvk_device_info *info, const char **backend,
                                uint32_t *lasting);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT
 * Inside a session: the passes over its working graph, the steps, and where every value lives. */
#ifndef CVK__SESSION_IMPL_H
#define CVK__SESSION_IMPL_H

#include "convoke/session.h"
#include "force.h"
#include "infer.h"

enum cvk__step_kind {
    CVK__STEP_RUN,  /* a kernel */
    CVK__STEP_VIEW, /* nothing to do: the outputs lie in the input's memory, or the inputs in the output's */
    CVK__STEP_COPY  /* from one memory to another */
};

struct cvk__step {
    enum cvk__step_kind kind;
    uint32_t node;   /* index in the working graph */
    uint32_t device; /* index in the device list */
    const struct cvk_kernel *row;
    uint32_t variant; /* of the row's parameter sets */
    struct cvk_plan plan;
    char *note; /* why better devices refused; NULL if none did */
    struct cvk__node_view view;
    struct cvk_exec exec;
    struct cvk_binding *bindings; /* inputs, outputs, bias, scale, shift, residual, workspace */
    bool built;
    double time_ns, start_ns;      /* of the last run, with CVK_SESSION_PROFILE */
    uint32_t segment;              /* number of its segment, from 1; 0: none */
    bool *cut;                     /* per input: a piece of the batch sees only its own images. NULL: never cut */
    struct cvk_tensor_desc *descs; /* of a piece; the view points to them */
    uint64_t stage_offset;         /* in a lane's memory: operands that go through it */
};

/* Where a value lives. Values that share memory form a tree: `root` is the value that owns it, `offset` the place in it. */
struct cvk__place {
    bool homed;            /* domain is decided */
    uint32_t domain;       /* index in cvk_session.domains */
    cvk_value next;        /* the same value in another layout or domain; 0: none */
    cvk_value root;        /* itself if it owns memory */
    uint64_t offset;       /* bytes from the root's begin */
    uint32_t seen;         /* the last concat (its step, counted from 1) that found this root among its inputs */
    int32_t first, last;   /* steps between which the root's memory is in use; first -1: before the run */
    uint64_t arena_offset; /* of a root */
    bool in_arena;
    uint32_t segment;      /* number of the segment whose lanes hold one piece of it each; 0: it is whole */
    void *buffer; /* constants: their own buffer (or host memory); else the domain's arena */
};

/* A memory: the host's (shared by all host-memory devices) or that of one device. */
struct cvk__domain {
    struct cvk__device *device; /* that allocates */
    bool host;
    uint64_t arena_bytes, naive_bytes, workspace_bytes, constant_bytes;
    void *arena, *workspace;
};

enum cvk__selftest { CVK__SELFTEST_ON, CVK__SELFTEST_OFF, CVK__SELFTEST_ALWAYS };
struct cvk__tune;

struct cvk_session {
    struct cvk_context *ctx;
    struct cvk_graph *g; /* the working copy */
    struct cvk__device_list devices;
    struct cvk__device *evaluator; /* for folding; closed after creation */
    struct cvk__force_list force;
    uint32_t flags, node_flags;
    struct cvk__step *steps;
    uint32_t step_count, step_capacity;
    struct cvk__segment *segments; /* segment.h */
    uint32_t segment_count;
    int64_t segment_wish;          /* images of a piece that the user wants; 0: by estimate; -1: no segments */
    struct cvk__place *places; /* per value */
    uint32_t place_capacity;
    uint32_t domain_of[CVK__MAX_DEVICES];
    struct cvk__domain domains[CVK__MAX_DEVICES + 1]; /* domain 0 is the host's */
    uint32_t domain_count;
    uint64_t packed_bytes;
    bool ready;
    bool *written;  /* per input */
    double run_start_ns; /* the host's clock when the last run began */
    bool check_nan; /* CONVOKE_CHECK=nan */
    enum cvk__selftest selftest;
    bool no_choices;         /* plan as if nothing had been measured */
    struct cvk__tune *tune;  /* tune.h: measure before planning for good; NULL: do not */
    bool tune_owned;
    struct cvk_session_report report;
    struct cvk__node_notes *notes; /* what cvk_session_node tells, one per step */
};

/* simplify.c: removes identities, then what nobody reads. */
int32_t cvk__simplify(struct cvk_graph *g);
/* uses.c: how many nodes and outputs read each value; uses[v - 1]. NULL when there is no memory. */
uint32_t *cvk__count_uses(const struct cvk_graph *g);

/* fold_norm.c: batch norm with known statistics goes into the weights of the sum before it. */
int32_t cvk__fold_norms(struct cvk_graph *g);

/* fuse.c: bias, scale and shift, residual and activation go into the sum before them, where a kernel accepts it. */
int32_t cvk__fuse(struct cvk_session *s, bool merge_nodes);

#define CVK__OP_COPY 0xffffu /* op of the working graph's copy nodes; no kernel ever sees it */

/* variants.c: the place of a value, growing the table; NULL when there is no memory. */
struct cvk__place *cvk__place(struct cvk_session *s, cvk_value v);
/* variants.c: the value in this layout and domain, adding a copy or a reorder step if it is not there yet. */
int32_t cvk__variant(struct cvk_session *s, cvk_value v, uint32_t layout, uint32_t domain, cvk_value *out);
/* variants.c: true if cvk__variant can make that. */
bool cvk__reachable(struct cvk_session *s, cvk_value v, uint32_t layout, uint32_t domain);
/* variants.c: true if a result of this description, made in this domain, can be brought back to plain. */
bool cvk__leaves_layout(struct cvk_session *s, const struct cvk_tensor_desc *desc, uint32_t domain);
/* variants.c: appends a step; NULL when there is no memory. */
struct cvk__step *cvk__step_new(struct cvk_session *s, enum cvk__step_kind kind, uint32_t node, uint32_t device);

/* assign.c: which devices share a memory; before all that asks devices. */
void cvk__assign_domains(struct cvk_session *s);
/* assign.c: the device that would run a node as it is, -1 if none does. reasons NULL, or receives one line per refusal. Fails
 * only without memory. */
int32_t cvk__assign_find(struct cvk_session *s, const struct cvk__node *n, struct cvk__text *reasons, int32_t *device);
/* assign.c: steps for all nodes: device, kernel, layouts, copies and reorders. */
int32_t cvk__assign(struct cvk_session *s);

/* settle.c: fusion and assignment, again as often as a self-test refuses a kernel or tuning finds better ones. */
int32_t cvk__settle(struct cvk_session *s, bool fuse);
/* settle.c: reads CONVOKE_SELFTEST and CONVOKE_TUNE, which counts only where nobody tunes already. */
int32_t cvk__settle_wish(struct cvk_session *s);
/* selftest.c: tests what the plan uses and nobody knows yet. *again: a kernel is refused from now on. */
int32_t cvk__selftest(struct cvk_session *s, bool *again);
/* selftest.c: what is known of a kernel for such nodes; with `always`, what this session found out. As cvk__note_recall. */
bool cvk__verdict_recall(struct cvk_session *s, struct cvk__device *d, const char *key, char *text);
/* selftest.c: keeps what was found out about a kernel for such nodes, and tells of a bad one. */
int32_t cvk__verdict_keep(struct cvk_session *s, struct cvk__device *d, const struct cvk_kernel *row, const char *key, bool wrong,
                          const char *text);

/* memory.c: places for all values; checks the limit before anything is allocated. */
int32_t cvk__plan_memory(struct cvk_session *s, uint64_t limit_bytes);

/* prepare.c: allocates, uploads constants, builds kernels; and undoes it. */
int32_t cvk__prepare(struct cvk_session *s);
void cvk__unprepare(struct cvk_session *s);
/* The binding of a value as planned. */
struct cvk_binding cvk__binding(const struct cvk_session *s, cvk_value v);

/* state.c: fails if a step would read a state, or the caller would get one, after its content was replaced, or if new content is made
 * elsewhere than the state lies. */
int32_t cvk__check_states(const struct cvk_session *s);
/* state.c: what a state holds now, and another content for it; data has the bytes of its descriptor. */
int32_t cvk__session_state_read(struct cvk_session *s, cvk_value v, void *data);
int32_t cvk__session_state_write(struct cvk_session *s, cvk_value v, const void *data);

/* session.c: cvk_session_create with a tuner. */
int32_t cvk__session_create_tuned(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_session_params *params,
                                  struct cvk__tune *tune, struct cvk_session **out);

/* report.c */
int32_t cvk__report_init(struct cvk_session *s);
void cvk__report_finish(struct cvk_session *s);

#endif

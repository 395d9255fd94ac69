/* SPDX-License-Identifier: MIT
 * The conformance harness: a case becomes a resolved node with data, every row of a backend runs it under watch, and what
 * it did is compared with what the reference made of the same node.
 *
 * Words: a case takes one or more forms: its op's own pass, and each gradient that the op declares; a trial is a form made
 * concrete, with its data and the reference's results; a cycle is one build, run, finish of one row under one set of
 * conditions; a check is all cycles of one row on one trial; a suite is all of it for a backend.
 * A fault is a sentence that says what a row did wrong; an empty one means that all is well. Return values other than
 * CVK_OK are the harness's own troubles (no memory, a case that cannot be built). */
#ifndef CVK__HARNESS_H
#define CVK__HARNESS_H

#include "cases.h"
#include "device/backend.h"
#include "graph/kernel.h"
#include "ops/op_def.h"

#define CVK__TRIAL_INPUTS 8
#define CVK__TRIAL_OUTPUTS 16
#define CVK__CONFORM_WORKERS 3 /* of the context's pool; checks run with 1, 2 and 3 */

/* ---- draw.c: data -------------------------------------------------------------------------------------------------- */

/* Content for a case's tensor, plain layout; the same for the same seed and stream. One thread at a time. Owns: the caller,
 * cvk__free. */
int32_t cvk__draw(const struct cvk_case_tensor *tensor, uint64_t seed, uint32_t stream, void **data);

void cvk__draw_trim(void); /* gives back what is kept for the next calls */

/* ---- form.c: the passes that a case is good for ------------------------------------------------------------------------ */

#define CVK__CASE_NAME_BYTES 128
#define CVK__CASE_FORMS 4 /* at most, in one pass */
#define CVK__PASSES_KNOWN 4

struct cvk__form {
    uint32_t pass;
    uint32_t grad;  /* which of the op's declarations, in passes that are not the op's own */
    bool trained;   /* weights that the case gives as constants are none, as in training */
    bool residual;  /* a gradient with one more contribution added */
    char name[CVK__CASE_NAME_BYTES]; /* the case's, "+trained", "+frozen" or "+residual" behind it */
};

/* The forms of a case in a pass; returns how many. */
uint32_t cvk__forms(uint32_t op, const struct cvk_case *c, uint32_t pass, struct cvk__form forms[CVK__CASE_FORMS]);
/* The gradients that the op declares for these parameters (NULL: all zero). */
const struct cvk__grad *cvk__form_grads(const struct cvk__op_def *def, const void *params, uint32_t *count);

/* ---- trial.c: a form made concrete ------------------------------------------------------------------------------------ */

enum cvk__epilogue_operand { CVK__BIAS, CVK__SCALE, CVK__SHIFT, CVK__RESIDUAL, CVK__EPILOGUE_OPERANDS };

struct cvk__trial {
    const struct cvk_case *c;
    const struct cvk__form *form;
    uint32_t op;
    bool folded; /* nothing is left to run: planning has worked it out */
    bool large;  /* too many products for more than one form of the case, unless all are asked for */
    bool void_gradient; /* of whole numbers, or made of other ops: there is no such node */
    struct cvk_graph *graph;
    struct cvk__node *node;
    struct cvk__node_view view; /* its descriptors are those of graph, in the layouts of cvk__trial_set_layouts */
    void *inputs[CVK__TRIAL_INPUTS]; /* of the resolved node, plain layout; NULL: left out */
    void *wanted[CVK__TRIAL_OUTPUTS]; /* the reference's results, plain layout; NULL before cvk__trial_solve */
    int32_t wanted_status;         /* of the reference's run: a failure in cases that must fail */
    double tolerance;              /* factor on the case's, for the row that runs */
    struct cvk_tensor_desc operand_desc[CVK__EPILOGUE_OPERANDS]; /* desc.size 0: not a part */
    void *operands[CVK__EPILOGUE_OPERANDS];                      /* plain layout */
};

/* The reference makes the forward results that a gradient needs. Case and form are borrowed. */
int32_t cvk__trial_init(struct cvk__trial *t, uint32_t op, const struct cvk_case *c, const struct cvk__form *form,
                        bool deterministic, struct cvk__device *reference);
/* Makes the trial of a case's form for its op's own pass that of the trained one: the same data and results, weights unknown at
 * build. */
void cvk__trial_train(struct cvk__trial *t, const struct cvk__form *form);
void cvk__trial_finish(struct cvk__trial *t);
/* Gives input 0 (and what goes with it) and the outputs a layout; CVK_E_UNSUPPORTED if the sizes do not allow it. */
int32_t cvk__trial_set_layouts(struct cvk__trial *t, const struct cvk_kernel *row, uint32_t layout_x, uint32_t layout_y);
/* Runs the first row of the reference that takes the node, for t->wanted. */
int32_t cvk__trial_solve(struct cvk__trial *t, struct cvk__device *reference);
/* Draws the epilogue's operand in the given range, for the sizes of output 0. */
int32_t cvk__trial_draw_operand(struct cvk__trial *t, enum cvk__epilogue_operand which, double lo, double hi);
/* The index of element `flat` of plain sizes, "1,0,3". Returns text. */
const char *cvk__index_text(const struct cvk_tensor_desc *desc, uint64_t flat, char text[CVK_SHAPE_TEXT]);

/* ---- gradient.c: from a forward trial to a gradient's ------------------------------------------------------------------ */

/* Puts the gradient's node and its data in the place of the forward node's; sets void_gradient where there is none. */
int32_t cvk__trial_differentiate(struct cvk__trial *t, uint32_t flags, struct cvk__device *reference);

/* ---- memory.c: operands with guards around --------------------------------------------------------------------------- */

struct cvk__memory {
    struct cvk__device *device; /* NULL: host memory between two pages that cannot be touched */
    struct cvk_binding binding; /* buffer NULL: none */
    uint64_t total_bytes;       /* guards included */
    uint64_t guard_before;      /* bytes before the data; the rest of the guard is behind it */
    unsigned char *first;       /* host memory: the first byte that may be touched */
    unsigned char *map;
    uint64_t map_bytes;
    uint32_t salt;
};

struct cvk__placing {
    bool at_start; /* host memory: right behind a forbidden page instead of right before one */
    bool shifted;  /* with an offset in the buffer */
    uint32_t salt; /* makes the guards' content another one */
};

/* bytes of memory of the device, or of the host if `packed` says so, with guards. */
int32_t cvk__memory_init(struct cvk__memory *m, struct cvk__device *d, bool packed, uint64_t bytes,
                         const struct cvk__placing *placing);
void cvk__memory_finish(struct cvk__memory *m); /* zeroed memory is fine */
void cvk__memory_trim(void); /* gives back what is kept for the next ones */
int32_t cvk__memory_write(struct cvk__memory *m, const void *src);
int32_t cvk__memory_fill(struct cvk__memory *m, uint8_t byte);
int32_t cvk__memory_read(struct cvk__memory *m, void *dst);
/* Says in `fault` where a guard was overwritten. */
int32_t cvk__memory_check(struct cvk__memory *m, const char *what, struct cvk__text *fault);

/* ---- watch.c: the host's services under watch -------------------------------------------------------------------------- */

/* Puts watched services in d->host until cvk__watch_end; one device at a time. */
void cvk__watch_begin(struct cvk__device *d);
void cvk__watch_end(void);
void cvk__watch_workers(uint32_t workers);    /* parallel uses at most so many; 0: as many as there are */
void cvk__watch_fail_alloc(int64_t nth);      /* the n-th alloc from now gives NULL, counted from 0; -1: none */
uint64_t cvk__watch_allocs(void);             /* calls of alloc so far */
int64_t cvk__watch_blocks(void);              /* blocks allocated and not freed so far */

/* ---- compare.c --------------------------------------------------------------------------------------------------------- */

/* Floating types: |got - want| <= atol + rtol * |want|, NaN equals NaN, infinities equal themselves; others: exactly.
 * Fills `fault` with the worst element, both values and the error. Plain layout. */
int32_t cvk__compare(const struct cvk_tensor_desc *desc, const void *got, const void *want, double rtol, double atol,
                     const char *what, struct cvk__text *fault);
/* The first byte that differs, any NaN counting as one; bytes if none does. */
uint64_t cvk__compare_bits(const struct cvk_tensor_desc *desc, const void *a, const void *b);

/* ---- cycle.c: one build, run, finish ----------------------------------------------------------------------------------- */

struct cvk__cycle {
    uint32_t runs;          /* 0 means 1; further ones must give the same bits */
    uint32_t workers;       /* 0: all */
    uint8_t poison;         /* what outputs, workspace and packed memory hold before */
    uint8_t shares[CVK__TRIAL_OUTPUTS]; /* k: the output lies in the memory of input k - 1; 0: in its own */
    bool hide_operands;     /* the epilogue's operands are not known at build */
    bool drop_constants;    /* the constants of the inputs are gone after build */
    int64_t fail_alloc;     /* the n-th host->alloc fails, from 1; 0: none */
    struct cvk__placing placing;
};

struct cvk__cycle_result {
    int32_t status;         /* of build and run */
    char error[512];        /* its sentence */
    uint64_t run_allocs;    /* calls of host->alloc from run, which must not */
    uint64_t allocs;        /* calls of host->alloc */
    int64_t blocks_left;    /* allocated and not freed */
    void *outputs[CVK__TRIAL_OUTPUTS]; /* raw, in their layouts; NULL if status is not CVK_OK */
};

/* The node must have its layouts and the row must have said yes with this plan. */
int32_t cvk__cycle_run(struct cvk__trial *t, struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_plan *plan,
                       const struct cvk__cycle *cycle, struct cvk__cycle_result *result, struct cvk__text *fault);
void cvk__cycle_result_finish(struct cvk__cycle_result *result);

/* ---- check.c: all cycles of a row on a trial ---------------------------------------------------------------------------- */

struct cvk__outcome {
    uint32_t executed; /* pairs of layouts that ran */
    uint32_t refused;  /* pairs that the row refused */
    uint32_t cycles;
    char reason[CVK__REASON_BYTES]; /* of the first refusal */
    struct cvk__text fault;         /* empty: none */
};

int32_t cvk__check(struct cvk__trial *t, struct cvk__device *d, const struct cvk_kernel *row, struct cvk__outcome *out);
/* The pairs of layouts that the masks of a row allow; returns how many, at most 25. */
uint32_t cvk__check_layouts(const struct cvk_kernel *row, uint32_t pairs[25][2]);

/* ---- expect.c: what a backend is known not to do ------------------------------------------------------------------------ */

enum cvk__verdict { CVK__PASSES, CVK__UNSUPPORTED, CVK__FAILS };

struct cvk__expect_line {
    char *pattern; /* a glob: op/case/pass, op (without any row), op:pass (no row for it); tolerances: op:row, op:pass:row */
    char *reason;
    double tolerance; /* factor on the cases' tolerances for a row; 0: a line with a verdict */
    uint32_t verdict; /* enum cvk__verdict */
    uint32_t number;  /* in the file, from 1 */
    bool op_only;
    uint64_t matched; /* how often it told the truth */
};

struct cvk__expect {
    struct cvk__expect_line *lines;
    uint32_t count;
};

/* Errors name the line. */
int32_t cvk__expect_read(struct cvk__expect *e, const char *path);
void cvk__expect_finish(struct cvk__expect *e);
/* The first line whose pattern fits, with or without what a form adds to the case's name. NULL if there is none. */
struct cvk__expect_line *cvk__expect_find(const struct cvk__expect *e, const char *op, const char *case_name, const char *pass);
/* The first line about an op without rows for this pass; pass NULL: without any. */
struct cvk__expect_line *cvk__expect_find_op(const struct cvk__expect *e, const char *op, const char *pass);
/* The factor on the cases' tolerances for a row, 1 if no line names it; counts the line as told the truth. */
double cvk__expect_tolerance(struct cvk__expect *e, const char *op, const char *pass, const char *row);
const char *cvk__verdict_name(uint32_t verdict);

/* ---- suite.c: a backend on all cases ------------------------------------------------------------------------------------- */

struct cvk__suite_params {
    struct cvk_context *ctx;
    const struct cvk__backend *backend;
    uint32_t device_index;
    const char *options; /* of the device, "isa=avx2,threads=2"; NULL: none */
    const struct cvk_case_table *const *tables;
    uint32_t table_count;
    const char *op, *pass, *row, *case_name; /* NULL: all. Globs but pass */
    bool all;                         /* the big cases too */
    bool lenient;                     /* ops without any row need no line in `expect` */
    struct cvk__expect *expect;
    /* Called with what is about to run, row NULL for the reference; may be NULL. */
    void (*progress)(void *arg, const char *op, const char *pass, const char *case_name, const char *row);
    void *progress_arg;
};

struct cvk__tally {
    uint32_t op, pass;
    const char *row; /* NULL: the op has no row for the pass */
    bool no_cases;   /* with row NULL: it is never run */
    uint32_t passed, failed, refused; /* cases */
};

struct cvk__finding {
    uint32_t op, pass;
    char case_name[CVK__CASE_NAME_BYTES]; /* "": the op as a whole */
    const char *row;                      /* NULL: the case as a whole */
    bool listed;   /* foreseen in expect.txt: does not count */
    bool refusal;  /* refused, not wrong */
    char *text;
};

struct cvk__suite {
    struct cvk__tally *tallies;
    uint32_t tally_count;
    struct cvk__finding *findings;
    uint32_t finding_count;
    uint32_t executed;    /* cases that at least one row ran */
    uint64_t cycles;
    uint32_t failures;    /* findings that count */
    uint32_t unsupported; /* cases that every row refused, or whose op has none */
};

int32_t cvk__suite_run(const struct cvk__suite_params *params, struct cvk__suite *out);
void cvk__suite_finish(struct cvk__suite *s);
const char *cvk__op_name(uint32_t op); /* "?" for an unknown one */

#endif

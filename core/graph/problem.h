/* SPDX-License-Identifier: MIT
 * One planned node on its own, with data: what any row may be run on, and what the reference made of it (of some images and
 * channels where the whole would take too long). For self-tests and tuning. */
#ifndef CVK__PROBLEM_H
#define CVK__PROBLEM_H

#include "session_impl.h"

struct cvk__operand {
    struct cvk_tensor_desc desc; /* plain; size 0: left out */
    void *data;                  /* plain; outputs: NULL, or what they should be */
    bool known;                  /* a constant of the net */
    bool borrowed;
};

enum { CVK__BIAS_OPERAND, CVK__SCALE_OPERAND, CVK__SHIFT_OPERAND, CVK__RESIDUAL_OPERAND, CVK__EPILOGUE_COUNT };

struct cvk__problem {
    const char *name; /* borrowed, as params */
    const void *params;
    uint32_t op, pass, flags, input_count, output_count;
    struct cvk_epilogue epilogue; /* parts 0: none */
    struct cvk__operand *operands; /* inputs, outputs, the epilogue's */
};

#define CVK__SAMPLE_IMAGES 3
#define CVK__SAMPLE_CHANNELS 16

/* Which part of the results the reference works out. Counts of 0: all. */
struct cvk__sample {
    uint32_t image_count, channel_count;
    int64_t images[CVK__SAMPLE_IMAGES], channels[CVK__SAMPLE_CHANNELS];
    uint32_t channel_axis; /* of output 0 */
    bool *cut;             /* per input: has images */
};

struct cvk__check {
    struct cvk__problem whole, part; /* part: what the reference ran; its outputs have data */
    struct cvk__sample sample;
    bool solved; /* false: nobody knows what is right */
};

/* problem.c: the node of a step with random data where the net has no constants. The graph must stay as it is meanwhile. */
int32_t cvk__check_init(struct cvk__check *c, struct cvk_session *s, const struct cvk__node *n);
void cvk__check_finish(struct cvk__check *c); /* zeroed is fine */
/* Runs the reference. CVK_E_UNSUPPORTED if it does not take the node. */
int32_t cvk__check_solve(struct cvk__check *c, struct cvk__device *reference);
/* The part of one whole output that the reference worked out: borrowed from `whole`, or a new one in *own. */
int32_t cvk__check_part(const struct cvk__check *c, uint32_t output, const void *whole, void **own, const void **part);
/* The place in the whole output of element `flat` of the part, in words: "0,3,5,7". */
const char *cvk__check_index(const struct cvk__check *c, uint32_t output, uint64_t flat, char text[CVK_SHAPE_TEXT]);

/* drive.c: a row on a problem. */
struct cvk__way {
    const struct cvk_kernel *row;
    uint32_t variant, layout_x, layout_y;
};

struct cvk__drive {
    struct cvk__device *device;
    const struct cvk__problem *problem;
    struct cvk__way way;
    struct cvk_plan plan;
    struct cvk__node_view view;
    struct cvk_tensor_desc *descs; /* in the row's layouts; as the operands */
    struct cvk_binding *bindings;  /* as the operands, then the workspace */
    bool *owned;                   /* per binding */
    struct cvk_exec exec;
    bool built;
};

/* Asks; CVK_E_UNSUPPORTED with the reason in reason[CVK__REASON_BYTES]. No memory is taken. */
int32_t cvk__drive_ask(struct cvk__device *d, const struct cvk__problem *p, const struct cvk__way *way, struct cvk_plan *plan,
                       char *reason);
/* Allocates, uploads, builds. On failure everything is given back. */
int32_t cvk__drive_begin(struct cvk__drive *w, struct cvk__device *d, const struct cvk__problem *p, const struct cvk__way *way);
/* One run, waited for. */
int32_t cvk__drive_run(struct cvk__drive *w);
/* The mean time of one of `runs` runs. */
int32_t cvk__drive_time(struct cvk__drive *w, uint32_t runs, double *ns);
/* Output i in plain layout; the caller frees *data with cvk__free. *clean is false if spare channels are not zero. */
int32_t cvk__drive_read(struct cvk__drive *w, uint32_t i, void **data, bool *clean);
void cvk__drive_end(struct cvk__drive *w);

/* verdict.c: one run of a way, compared. */
enum cvk__finding_kind { CVK__RIGHT, CVK__WRONG_RESULT, CVK__BROKEN, CVK__REFUSED };
/* CVK_OK with what was found and, unless it is right, a sentence in text[CVK__REASON_BYTES]. Other statuses are no fault of the
 * kernel: no memory, a device that is gone. With `drive` it is left open for timing if the result is right. */
int32_t cvk__check_way(struct cvk__check *c, struct cvk__device *d, const struct cvk__way *way, struct cvk__drive *drive,
                       enum cvk__finding_kind *found, char *text);

#endif

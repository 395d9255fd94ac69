/* SPDX-License-Identifier: MIT
 * Training: a net, a loss and an optimiser become a trainer, which takes steps on a device.
 *
 * What is trained: constants that stand where layers have weights (conv, conv_transpose, gemm, matmul, the norms' scale and bias, prelu's
 * slope, biases that are added behind a layer), f32, unless `freeze` names them. Batch norms use the statistics of the batch and keep
 * running ones, dropout drops; a norm whose scale is frozen stays in inference form. A constant that several layers read is one weight; one
 * that the net works out from other constants is trained by itself, apart from them. Statistics belong to one norm, or to one that is used
 * several times as a whole: where norms share no more than those, each gets its own. A softmax or sigmoid at the end of the net is left
 * out where the loss has its own. Weights, running statistics and the optimiser's state live in the device's memory between steps.
 *
 * Random numbers are counter-based (rng.h): the same on every device and for any number of threads. A step gives the same bits on every
 * run wherever the device promises that (CVK_CAP_DETERMINISTIC); ref and simd do, for any number of threads.
 * NaN and infinities are not stopped: they show in the loss and in cvk_step_result.gradient_norm, and clipping does not keep them out of
 * the weights.
 *
 * Owns: a trainer owns copies of all that it needs; the graph handed in stays the caller's. Threads: one thread at a time on one trainer.
 * Errors: as session.h; CVK_E_UNSUPPORTED names nodes without a gradient or without a kernel.
 *
 * Example (One step; x is [batch, 1, 28, 28], classes i64 [batch]):
 * @code
 * #include <convoke/convoke.h>
 * int32_t learn(struct cvk_context *ctx, const struct cvk_graph *net, const struct cvk_tensor *x, const struct cvk_tensor *classes)
 * {
 *     struct cvk_trainer *t = NULL;
 *     struct cvk_step_result result = {0};
 *     const struct cvk_trainer_params p = {.batch = 64, .learning_rate = 0.01f, .optimizer = cvk_optimizer_defaults(CVK_SGD)};
 *     int32_t status = cvk_trainer_create(ctx, net, &p, &t);
 *     if (status == CVK_OK)
 *         status = cvk_trainer_step(t, x, classes, &result);
 *     cvk_trainer_destroy(t);
 *     return status;
 * }
 * @endcode
 */
#ifndef CONVOKE_TRAIN_H
#define CONVOKE_TRAIN_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_trainer;

enum cvk_trainer_flag {
    CVK_TRAIN_DETERMINISTIC = 1 << 0, /* devices that cannot promise the same bits are refused by name */
    CVK_TRAIN_NORMS = 1 << 1,         /* also work out the norm of every weight's gradient */
    CVK_TRAIN_PROFILE = 1 << 2        /* time every node: cvk_trainer_session and cvk_session_node */
};

/* Zero in a field is its default. */
struct cvk_trainer_params {
    const char *device;  /* as cvk_session_params */
    const char *kernels; /* as cvk_session_params */
    int64_t batch;       /* 0 means 1; every step has so many images */
    uint32_t flags;      /* enum cvk_trainer_flag */
    uint32_t target_dtype; /* CVK_F32: numbers for each element of the prediction (one-hot, values); CVK_I64 or CVK_I32: class numbers.
                            * 0 is CVK_F32 for all losses but softmax cross-entropy, whose default is CVK_I64 */
    struct cvk_loss_params loss;          /* zero: softmax cross-entropy, mean */
    const float *class_weights;           /* NULL, or class_count numbers */
    uint32_t class_count;
    float learning_rate;                  /* until cvk_trainer_set_learning_rate */
    struct cvk_optimize_params optimizer; /* zero: plain SGD; see cvk_optimizer_defaults */
    float clip_norm;                      /* longest norm of all gradients together; 0: no clipping */
    uint32_t decay_biases;                /* 1: l1, l2 and decay also for tensors of one axis (biases, norms); else weights alone */
    const char *freeze;  /* names of weights that stay, globs with commas between: "conv1*,fc.bias"; NULL: none. One that fits no weight
                          * is CVK_E_NOT_FOUND */
    const char *prediction; /* name of the output that the loss looks at; NULL: the first */
    uint64_t seed;       /* of dropout */
    uint64_t memory_limit_bytes;
    uint64_t macs_limit; /* multiply-adds of one step, as cvk_session_params; 0: none */
};

/* Compiles one step for the device. params NULL: all defaults. The graph must have one input. */
CVK_API int32_t cvk_trainer_create(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_trainer_params *params,
                                   struct cvk_trainer **out);
CVK_API void cvk_trainer_destroy(struct cvk_trainer *t); /* NULL is fine */

struct cvk_step_result {
    uint32_t size;          /* 0 from callers means this header's */
    uint32_t reserved;
    uint64_t step;          /* this step's number, from 0 */
    double loss;            /* of this batch, before the update */
    double gradient_norm;   /* of all gradients together, before clipping; NaN unless clip_norm or CVK_TRAIN_NORMS is set */
};

/* Forward, backward, update with one batch; complete when it returns. result NULL: the loss is not read. */
CVK_API int32_t cvk_trainer_step(struct cvk_trainer *t, const struct cvk_tensor *x, const struct cvk_tensor *target,
                                 struct cvk_step_result *result);
CVK_API void cvk_trainer_set_learning_rate(struct cvk_trainer *t, float rate);
/* Steps taken, those before a restored checkpoint included. */
CVK_API uint64_t cvk_trainer_steps(const struct cvk_trainer *t);

/* What the step reads and writes. Borrows. */
CVK_API const struct cvk_tensor_desc *cvk_trainer_input_desc(const struct cvk_trainer *t);
CVK_API const struct cvk_tensor_desc *cvk_trainer_target_desc(const struct cvk_trainer *t);
CVK_API const struct cvk_tensor_desc *cvk_trainer_prediction_desc(const struct cvk_trainer *t);
/* Copies the prediction of the last step (scores, before a softmax that the loss took over) into a tensor of its sizes. */
CVK_API int32_t cvk_trainer_read_prediction(struct cvk_trainer *t, struct cvk_tensor *prediction);
/* The norms of the last step's gradients, with CVK_TRAIN_NORMS; names are those of cvk_trainer_weight. */
CVK_API int32_t cvk_trainer_read_norms(struct cvk_trainer *t, float *norms, uint32_t count);

/* The weights that are trained, in the order of the net. Borrows; NULL if there is none. */
CVK_API uint32_t cvk_trainer_weight_count(const struct cvk_trainer *t);
CVK_API const char *cvk_trainer_weight_name(const struct cvk_trainer *t, uint32_t i);

/* All that a step changes: weights, running statistics, the optimiser's state ("NAME" and "NAME/s0", "NAME/s1"). With the number of
 * steps this is everything that a checkpoint must hold. */
CVK_API uint32_t cvk_trainer_state_count(const struct cvk_trainer *t);
CVK_API const char *cvk_trainer_state_name(const struct cvk_trainer *t, uint32_t i);
CVK_API const struct cvk_tensor_desc *cvk_trainer_state_desc(const struct cvk_trainer *t, uint32_t i);
CVK_API int32_t cvk_trainer_state_read(struct cvk_trainer *t, uint32_t i, struct cvk_tensor *out);
CVK_API int32_t cvk_trainer_state_write(struct cvk_trainer *t, uint32_t i, const struct cvk_tensor *in);
CVK_API void cvk_trainer_set_steps(struct cvk_trainer *t, uint64_t steps);

/* A copy of the net as it was handed in, with the weights and statistics as they are now: to evaluate, export, or train further. */
CVK_API int32_t cvk_trainer_graph(struct cvk_trainer *t, struct cvk_graph **out);
/* A session that tells how good a net is: of params it reads device, kernels, batch, loss, target_dtype, class_weights, prediction,
 * memory_limit_bytes and macs_limit. Inputs: 0 x, 1 target; outputs: 0 the loss, one number for each target, 1 the prediction as a trainer gives it. */
CVK_API int32_t cvk_evaluation_create(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_trainer_params *params,
                                      struct cvk_session **out);
/* The session that runs the step, for reports. Borrows. */
CVK_API const struct cvk_session *cvk_trainer_session(const struct cvk_trainer *t);

/* Gives a net weights as if it had just been built: of convolutions and dense layers drawn (kind: enum cvk_initializer), biases 0, norms
 * that change nothing. */
CVK_API int32_t cvk_graph_draw_weights(struct cvk_graph *g, uint64_t seed, uint32_t kind);

/* ---- checkpoints -------------------------------------------------------------------------------------------------------
 * One file in the safetensors format: all state as named tensors, the net as it would be exported ("__net__", an ONNX file as u8), and texts. It is
 * written beside the old one, flushed to the disk and then put in its place, so a kill at any moment leaves one whole file. */

/* A text that goes with the checkpoint: hyper-parameters, the place in the data set. */
struct cvk_note_text {
    const char *key, *text;
};
/* Saves. notes NULL with count 0: none. */
CVK_API int32_t cvk_trainer_save(struct cvk_trainer *t, const char *path, const struct cvk_note_text *notes, uint32_t note_count);
/* Puts a checkpoint's state into a trainer of the same net and optimiser; a name or size that does not fit is an error that names it, and
 * then nothing has changed. */
CVK_API int32_t cvk_trainer_restore(struct cvk_trainer *t, const char *path);

struct cvk_checkpoint;
/* Opens a checkpoint to look into: its texts, its net. */
CVK_API int32_t cvk_checkpoint_open(const char *path, struct cvk_checkpoint **out);
CVK_API void cvk_checkpoint_destroy(struct cvk_checkpoint *c); /* NULL is fine */
CVK_API const char *cvk_checkpoint_text(const struct cvk_checkpoint *c, const char *key); /* NULL if there is none. Borrows */
CVK_API int32_t cvk_checkpoint_graph(struct cvk_checkpoint *c, struct cvk_graph **out);   /* the net; the caller's */

/* ---- learning rates ---------------------------------------------------------------------------------------------------- */

enum cvk_schedule_kind {
    CVK_SCHEDULE_CONSTANT = 0,
    CVK_SCHEDULE_STEP = 1,     /* times `gamma` after every `period` steps */
    CVK_SCHEDULE_COSINE = 2,   /* from rate to final_rate along half a cosine over all steps (Loshchilov and Hutter, arXiv 1608.03983) */
    CVK_SCHEDULE_ONE_CYCLE = 3 /* from rate/25 up to rate over the first 30 %, then down to rate/1e4, along cosines (Smith, arXiv 1708.07120) */
};

struct cvk_schedule {
    uint32_t kind;       /* enum cvk_schedule_kind */
    float rate;          /* the base, the highest */
    float final_rate;    /* cosine */
    float gamma;         /* step; 0 means 0.1 */
    uint64_t period;     /* step: steps between two changes */
    uint64_t steps;      /* of the whole training: cosine, one-cycle */
    uint64_t warmup;     /* steps at the beginning in which the rate grows linearly from rate/warmup; 0: none. Not for one-cycle */
};

/* The learning rate of step `step`, counted from 0. Pure. */
CVK_API float cvk_schedule_rate(const struct cvk_schedule *s, uint64_t step);
/* The kind's name, "one_cycle"; NULL for an unknown kind. Owns: static text. */
CVK_API const char *cvk_schedule_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT
 * One run of `convoke train`: what it holds, how it is set up, saved and taken up again. */
#ifndef CONVOKE_TRAIN_RUN_H
#define CONVOKE_TRAIN_RUN_H

#include "train.h"

struct training {
    struct train_options options;
    struct cvk_context *ctx;
    struct cvk_graph *net;
    struct cvk_data *train, *test;
    struct cvk_data_info info;
    struct cvk_trainer_params params;
    float class_weights[NUMBER_LIST];
    struct cvk_trainer *trainer;
    struct cvk_schedule schedule;
    struct cvk_loader_params loading;
    struct cvk_loader *loader;
    struct cvk_tensor *prediction, *converted;
    struct loss_mean mean;
    struct history history;
    const char *device;                    /* borrowed of the trainer's session */
    uint64_t epoch, batch, batches;        /* batch: taken of this epoch */
    uint64_t first_batch;                  /* taken before this process, of this epoch */
    uint64_t batch_before, batches_before; /* of the checkpoint: pictures in a step, steps in an epoch */
    struct metrics seen;                   /* of this epoch */
    double loss_sum, norm, seconds_before, epoch_start_ms, start_ms;
    uint64_t steps_seen;
    bool told_nan, told_unsaved, stepped;
    int folder; /* open and locked: one training at a time writes there; -1: not yet */
};

/* Everything up to the first step, from a checkpoint with --resume. TOOL_GO_ON, or the exit code, as below. */
int train_start(struct training *t);
/* Sums of an epoch begin at zero. */
void train_begin_epoch(struct training *t);
/* Puts the run where the checkpoint was made, and makes the loader. */
int train_place(struct training *t);
/* Writes the checkpoint. */
int train_save(struct training *t);
/* The test part with the weights as they are. */
int train_evaluate(struct training *t, struct metrics *m);
/* Since this process began the epoch. */
double train_seconds(const struct training *t);
void train_end(struct training *t);

#endif

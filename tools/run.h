/* SPDX-License-Identifier: MIT
 * What the parts of `convoke run` share. */
#ifndef CONVOKE_RUN_H
#define CONVOKE_RUN_H

#include "image.h"
#include "model.h"

struct run {
    struct setup setup;
    struct text_list images, inputs, outputs, checks;
    const char *size, *order, *labels, *idx, *idx_labels, *fill;
    struct number_list mean, std;
    double scale, rtol, atol;
    uint64_t top;

    struct cvk_context *ctx;
    struct model model;
    struct input_set set;
    struct cvk_session *session;
    struct json *json;
    const char *trace; /* file for the times of the last run's nodes; NULL: none */
    double run_ms;     /* of the last run */
};

/* Makes run->session. image_input: the input that pictures go to, -1 for none; height, width: its sizes, 0 as in the model. */
int run_session(struct run *run, int64_t batch, int32_t image_input, int64_t height, int64_t width);
int run_write_set(struct run *run); /* writes the inputs read from files */
int run_once(struct run *run);
/* Reads output i of the last run. */
int run_read(struct run *run, uint32_t i, struct cvk_tensor **out);
/* Saves, checks and, with `show`, describes the outputs of the last run. */
int run_finish_outputs(struct run *run, bool show);

/* The input that no file was given for, and the rule that brings a picture to its sizes (session made). */
int run_image_input(const struct run *run, int32_t *input);
int run_image_rule(const struct run *run, int32_t input, struct image_rule *rule, int64_t *items);

/* Fills the part of a rule that the options give, for a picture of `channels`. */
int run_rule_numbers(const struct run *run, struct image_rule *rule);
/* Saves an output as .npy, or as a picture where the name ends in .png. */
int run_save(const struct run *run, const char *name, const struct cvk_tensor *t, const char *path);

int run_images(struct run *run); /* --image */
int run_idx(struct run *run);    /* --idx */

#endif

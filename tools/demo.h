/* SPDX-License-Identifier: MIT
 * What the parts of `convoke demo` share: its networks with their inputs, and its pictures. */
#ifndef CONVOKE_DEMO_H
#define CONVOKE_DEMO_H

#include "model.h"

#define LINE_KINDS 4    /* horizontal, vertical, diagonal down, diagonal up */
#define LINES_OF_EACH 3 /* pictures of each kind */
#define LINE_PICTURES (LINE_KINDS * LINES_OF_EACH)
#define EDGE_SIZE 264
#define DEMO_JOBS 6
#define DEMO_TRAINED 5 /* the job of the net that the demo trains; the others have weights set by hand or drawn */
#define DEMO_OUTPUTS 3

extern const char *const line_names[LINE_KINDS];
extern const float line_filters[LINE_KINDS * 4]; /* 2x2 each */

enum demo_kind { DEMO_LINES, DEMO_EDGES, DEMO_NET, DEMO_SHAPES };

/* A network with one input; outputs[] are those of the reference, which all devices are compared with. */
struct demo_job {
    enum demo_kind kind;
    char name[40];
    uint32_t size; /* of the pictures, for lines */
    int64_t batch;
    struct cvk_graph *graph;
    struct cvk_tensor *input;
    struct cvk_tensor *outputs[DEMO_OUTPUTS];
    struct cvk_tensor *classes;  /* DEMO_SHAPES: what the pictures show; the output is [batch, classes] */
    struct cvk_data *data;       /* DEMO_SHAPES: where they come from */
};

/* The jobs without training: lines in three sizes, Sobel edges, a small network. TOOL_GO_ON, or the exit code, here and below. */
int demo_jobs_create(uint64_t seed, struct demo_job jobs[DEMO_JOBS]);
void demo_jobs_free(struct demo_job jobs[DEMO_JOBS]);
/* How many line pictures are named rightly by probabilities [LINE_PICTURES, LINE_KINDS]. */
uint32_t demo_lines_right(const float *prob);

/* demo_train.c: trains a small net on generated shapes on the device, writes it to the folder as shapes.onnx with its curve, reads that
 * file back and makes the job of it: the test pictures. */
int demo_train(struct cvk_context *ctx, const char *device, uint64_t seed, uint64_t epochs, const char *folder, struct demo_job *job);
/* How many pictures of the job are named rightly by scores [batch, classes]. */
uint32_t demo_shapes_right(const struct demo_job *job, const float *scores);

/* Outputs of a line job, in order. */
enum { LINES_MAPS = 0, LINES_PROB = 1 };
/* Outputs of the edge job, in order: [1, 2, size, size] signed, the same without signs, [1, 1, size, size] both added. */
enum { EDGES_SIGNED = 0, EDGES_ABS = 1, EDGES_BOTH = 2 };

/* Writes all pictures into the folder and says which. */
int demo_write_pictures(const char *folder, const struct demo_job *lines, const struct demo_job *edges);
/* Test pictures with what the trained net takes them for. */
int demo_write_shapes(const char *folder, const struct demo_job *shapes);

#endif

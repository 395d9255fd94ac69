/* SPDX-License-Identifier: MIT
 * What every sub-command that works on a model does: the shared options, the context, loading, tensors from files. */
#ifndef CONVOKE_MODEL_H
#define CONVOKE_MODEL_H

#include "args.h"
#include "json_out.h"

/* Options that several sub-commands share. */
struct setup {
    const char *device; /* NULL: CONVOKE_DEVICE, else auto */
    uint64_t threads, seed, memory_limit, macs_limit, batch;
    bool json;
};

enum setup_part {
    SETUP_BATCH = 1 << 0,
    SETUP_DEVICE = 1 << 1,
    SETUP_THREADS = 1 << 2,
    SETUP_SEED = 1 << 3,
    SETUP_LIMITS = 1 << 4,
    SETUP_JSON = 1 << 5,
    SETUP_ALL = (1 << 6) - 1
};
#define SETUP_OPTIONS 7
/* The options of these parts, for struct command; they fill *s. Returns how many. */
uint32_t setup_options(struct setup *s, uint32_t parts, struct option out[SETUP_OPTIONS]);
#define SETUP_MOST_BATCH (1 << 20)
#define SETUP_MOST_THREADS 4096

/* Answers `help` and `list` as a device (then TOOL_OK), checks that JSON can be had if asked for, and makes the
 * context. TOOL_GO_ON, or the exit code. */
int setup_start(const struct setup *s, struct cvk_context **ctx);
/* The setup for looking at a net as it was written: on the reference, where there is one, for other devices add their
 * changes of layout. */
struct setup setup_as_written(const struct setup *s, const struct cvk_context *ctx);
/* Session parameters from the setup; inputs and flags are the caller's to add. */
struct cvk_session_params setup_params(const struct setup *s);

struct model {
    struct cvk_graph *graph;
    const char *text; /* as the user wrote it */
    double load_ms;
};
/* MODEL on the command line: a file, else a net text. TOOL_GO_ON, or the exit code. */
int model_load(const char *text, uint64_t seed, struct model *out);
void model_free(struct model *m);
extern const char *const model_help; /* the paragraph on MODEL for --help */

/* "NAME=FILE" or "FILE": name gets memory of its own or NULL; the result is the file. */
const char *split_name(const char *text, char **name);
/* Reads .npy or .pb, by the file's ending. */
int tensor_read(const char *path, struct cvk_tensor **out);

/* Tensors for the inputs of a graph, in its order. */
struct input_set {
    struct cvk_tensor **tensors; /* per input of the graph; NULL: none yet */
    struct cvk_session_input *sizes;
    uint32_t count;
};
void input_set_create(const struct cvk_graph *g, struct input_set *set);
void input_set_free(struct input_set *set);
/* Reads "[NAME=]FILE" words into the set: without a name, the next input that has none. */
int input_set_read(struct input_set *set, const struct cvk_graph *g, const struct text_list *words);

enum input_fill { FILL_RANDOM, FILL_RAMP }; /* ramp: element i of n is i/n */
/* Makes a tensor with the type and sizes of desc and fills it. stream keeps two inputs apart. */
int tensor_fill(const struct cvk_tensor_desc *desc, enum input_fill fill, uint64_t seed, uint32_t stream,
                struct cvk_tensor **out);

#endif

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

#define SETUP_DEVICE(s)                                                                                                          \
    {                                                                                                                            \
        "device", OPTION_TEXT, &(s)->device, "SPEC", "where to run, as in CONVOKE_DEVICE; `list` and `help` tell more", 0, 0     \
    }
#define SETUP_THREADS(s)                                                                                                         \
    {                                                                                                                            \
        "threads", OPTION_COUNT, &(s)->threads, "N", "threads for CPU devices (default: CONVOKE_THREADS, else all CPUs)", 1,     \
            4096                                                                                                                 \
    }
#define SETUP_BATCH(s, text)                                                                                                     \
    {                                                                                                                            \
        "batch", OPTION_COUNT, &(s)->batch, "N", text, 1, 1 << 20                                                                \
    }
#define SETUP_SEED(s)                                                                                                            \
    {                                                                                                                            \
        "seed", OPTION_COUNT, &(s)->seed, "N", "of the random weights of a net text (default 1)", 0, 0                           \
    }
#define SETUP_LIMITS(s)                                                                                                          \
    {"memory-limit", OPTION_COUNT, &(s)->memory_limit, "BYTES", "refuse a plan that needs more memory (K, M, G allowed)", 1, 0}, \
    {                                                                                                                            \
        "macs-limit", OPTION_COUNT, &(s)->macs_limit, "N", "refuse a model with more multiply-adds in one run", 1, 0             \
    }
#define SETUP_JSON(s)                                                                                                            \
    {                                                                                                                            \
        "json", OPTION_FLAG, &(s)->json, NULL, "print one JSON object instead of text", 0, 0                                     \
    }

/* Answers `help` and `list` as a device (then TOOL_OK), checks that JSON can be had if asked for, and makes the
 * context. TOOL_GO_ON, or the exit code. */
int setup_start(const struct setup *s, struct cvk_context **ctx);
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

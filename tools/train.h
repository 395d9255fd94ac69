/* SPDX-License-Identifier: MIT
 * What the files of `convoke train`, `eval` and `demo` share: the options of a training, its measures, its history, its charts.
 */
#ifndef CONVOKE_TOOL_TRAIN_H
#define CONVOKE_TOOL_TRAIN_H

#include "model.h"

/* ---- options (train_options.c) ----------------------------------------------------------------------------------------------
 */

/* All four parts of a net's description: architecture, output, training method, hyper-parameters. */
struct train_options {
    const char *net, *data;
    const char *loss, *optimizer, *schedule, *initializer, *freeze, *class_weights;
    const char *out, *resume;
    uint64_t epochs, batch, shift, crop, period, loaders;
    double rate, momentum, beta1, beta2, epsilon, l1, l2, decay, clip, smoothing, ignore, delta, gamma, final_rate, warmup, erase;
    double save_every; /* seconds */
    uint64_t opset; /* of model.onnx */
    bool nesterov, fold_norms, flip, deterministic, decay_biases, quiet;
    struct setup setup;
    char *words; /* memory of what was read from a file */
};

/* Reads the command line, and before it the file of options or the checkpoint that it names. TOOL_GO_ON, or the exit code. */
int train_options_read(struct train_options *o, int argc, char **argv);
void train_options_free(struct train_options *o);
/* All options as lines "key = value", which train_options_read takes back. The caller frees. */
char *train_options_text(struct train_options *o);
/* The checkpoint in a folder, or the file itself. */
void train_checkpoint_path(const char *folder_or_file, char *path, size_t room);
#define TRAIN_CHECKPOINT "checkpoint.safetensors"

/* What the options mean for a trainer and for its learning rate; weights of classes go into class_weights[NUMBER_LIST]. */
int train_trainer_params(const struct train_options *o, const struct cvk_data_info *info, float class_weights[NUMBER_LIST],
                         struct cvk_trainer_params *p);
int train_schedule(const struct train_options *o, uint64_t batches, struct cvk_schedule *s);

/* ---- measures (metrics.c) -----------------------------------------------------------------------------------------------------
 */

/* Sums over targets: pictures, or pixels where each has a class. */
struct metrics {
    double loss_sum, error_sum; /* error: squares, for numbers */
    double loss_weight;         /* what the loss's mean divides by: elements, or the weights of the classes that count */
    uint64_t count, right;
    uint32_t classes;
    uint64_t *confusion; /* [classes][classes]: true class, predicted class; NULL: not wanted */
};
void metrics_init(struct metrics *m, uint32_t classes, bool confusion);
void metrics_free(struct metrics *m);
void metrics_clear(struct metrics *m);
/* What of a loss decides how its mean is made; weights NULL: all 1. */
struct loss_mean {
    bool indexed; /* the loss has one number for each class number */
    bool ignores;
    int64_t ignored;
    const float *weights; /* [count] */
    uint32_t count;
};
/* The first `items` of a batch. classes 0: numbers. loss NULL: not known for each target. `mean` NULL: nothing is ignored. */
void metrics_add(struct metrics *m, const struct cvk_tensor *prediction, const struct cvk_tensor *target,
                 const struct cvk_tensor *loss, const struct loss_mean *mean, uint64_t items);
double metrics_loss(const struct metrics *m);
/* NaN without a sign, which would only puzzle who reads it. */
static inline double plain_nan(double x)
{
    return x != x ? (double)__builtin_nanf("") : x;
}
double metrics_accuracy(const struct metrics *m); /* 0..1; of numbers: NaN */
double metrics_rmse(const struct metrics *m);     /* of numbers */
/* Of one class: precision, recall and intersection over union. */
void metrics_class(const struct metrics *m, uint32_t class, double *precision, double *recall, double *iou);
double metrics_mean_iou(const struct metrics *m);

/* Targets as a trainer wants them: class numbers as they are, or made one-hot, or 0 and 1 for a single node. `into` is made at
 * the first call and belongs to the caller. Returns TOOL_GO_ON. */
int target_convert(const struct cvk_tensor *from, const struct cvk_tensor_desc *want, struct cvk_tensor **into,
                   const struct cvk_tensor **out);
/* True if that can be done. */
bool target_fits(const struct cvk_tensor_desc *have, const struct cvk_tensor_desc *want);

/* Pictures and targets of a data set against what a trainer or an evaluation takes and gives, in words that help. TOOL_GO_ON if
 * they fit. */
int data_fits(const struct cvk_data_info *info, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *target,
              const struct cvk_tensor_desc *prediction, uint32_t loss);

/* A whole data set through an evaluation session (cvk_evaluation_create) that was made with these parameters. */
int evaluate(struct cvk_session *s, const struct cvk_trainer_params *params, struct cvk_data *data,
             const struct cvk_loader_params *loading, struct metrics *m);

/* ---- history (history.c)
 * -------------------------------------------------------------------------------------------------------- */

struct epoch_record {
    double train_loss, train_score, test_loss, test_score; /* score: accuracy, or root mean square error */
    double rate, gradient_norm, seconds, images_per_second;
};
struct history {
    struct epoch_record *epochs;
    uint32_t count;
    uint32_t weights; /* norms per epoch */
    float *norms;     /* [count][weights] */
};
void history_add(struct history *h, const struct epoch_record *r, const float *norms);
void history_free(struct history *h);
/* history.csv as text, and back; the caller frees. The norms have a text of their own, whose first line names the weights. */
char *history_text(const struct history *h);
char *history_norms_text(const struct history *h, const struct cvk_trainer *t);
bool history_read(struct history *h, const char *text, const char *norms_text);
/* Writes history.csv, gradients.csv and the curves into the folder. */
int history_write(const struct history *h, const struct cvk_trainer *t, const char *folder, bool accuracy);
/* A name as a CSV field, which stays in its line. */
void csv_put(FILE *f, const char *name);

/* ---- charts (chart.c)
 * ------------------------------------------------------------------------------------------------------------ */

struct chart_line {
    const char *name;
    const double *y; /* NaN: no point */
    uint32_t count;  /* x is 1, 2, ... */
};
struct chart {
    const char *title, *x_name, *y_name;
    const struct chart_line *lines;
    uint32_t line_count;
    bool logarithmic; /* y; what is not above 0 has no point */
};
/* Bytes of the UTF-8 character at p, 0 if it is none. */
size_t utf8_bytes(const char *p);
/* STEM.svg and STEM.png. */
int chart_write(const struct chart *c, const char *stem);
/* A confusion matrix as CSV and picture. */
int confusion_write(const struct metrics *m, const char *const *names, const char *folder);

#endif

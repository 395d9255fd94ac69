/* SPDX-License-Identifier: MIT
 * The options of a training: from the command line, from a file, from a checkpoint, and as text again. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "train.h"

#define OPTION_MOST 48

static const struct train_options defaults = {.epochs = 10,
                                              .batch = 64,
                                              .optimizer = "sgd",
                                              .schedule = "constant",
                                              .momentum = NAN,
                                              .beta1 = NAN,
                                              .beta2 = NAN,
                                              .epsilon = NAN,
                                              .decay = NAN,
                                              .rate = NAN,
                                              .ignore = NAN,
                                              .delta = NAN,
                                              .gamma = NAN,
                                              .final_rate = NAN,
                                              .save_every = 30,
                                              .loaders = 1};

/* Those that belong to the training, in the order of the help; the rest are about how it runs. */
static uint32_t training_options(struct train_options *o, struct option *out)
{
    const struct option list[] = {
        {"net", OPTION_TEXT, &o->net, "NET", "the net: an ONNX file or a text (also the first word)", 0, 0},
        {"data", OPTION_TEXT, &o->data, "DATA", "the data set (also the second word)", 0, 0},
        {"epochs", OPTION_COUNT, &o->epochs, "N", "how often every picture is seen (default 10)", 1, 1000000},
        {"batch", OPTION_COUNT, &o->batch, "N", "pictures in a step (default 64)", 1, SETUP_MOST_BATCH},
        {"rate", OPTION_NUMBER, &o->rate, "X", "learning rate (default 0.05 for sgd, 0.001 for the others)", 0, 0},
        {"optimizer", OPTION_TEXT, &o->optimizer, "NAME", "sgd, adam, adamw, rmsprop, adagrad (default sgd)", 0, 0},
        {"momentum", OPTION_NUMBER, &o->momentum, "X", "of sgd (default 0.9) and rmsprop (default 0)", 0, 0},
        {"nesterov", OPTION_FLAG, &o->nesterov, NULL, "look ahead (sgd)", 0, 0},
        {"beta1", OPTION_NUMBER, &o->beta1, "X", "adam, adamw (default 0.9)", 0, 0},
        {"beta2", OPTION_NUMBER, &o->beta2, "X", "adam, adamw (default 0.999), rmsprop (default 0.9)", 0, 0},
        {"epsilon", OPTION_NUMBER, &o->epsilon, "X", "adam, adamw, rmsprop, adagrad (default 1e-8)", 0, 0},
        {"l1", OPTION_NUMBER, &o->l1, "X", "L1 regularisation (default 0)", 0, 0},
        {"l2", OPTION_NUMBER, &o->l2, "X", "L2 regularisation, weight decay through the gradient (default 0)", 0, 0},
        {"decay", OPTION_NUMBER, &o->decay, "X", "decoupled weight decay of adamw (default 0.01)", 0, 0},
        {"decay-biases", OPTION_FLAG, &o->decay_biases, NULL, "regularise biases and norms too", 0, 0},
        {"clip", OPTION_NUMBER, &o->clip, "X", "longest norm of all gradients together (default 0: any)", 0, 0},
        {"schedule", OPTION_TEXT, &o->schedule, "NAME", "of the learning rate: constant, step, cosine, one_cycle", 0, 0},
        {"warmup", OPTION_NUMBER, &o->warmup, "EPOCHS", "in which the rate grows from 0 (default 0)", 0, 0},
        {"gamma", OPTION_NUMBER, &o->gamma, "X", "step: what the rate is multiplied with (default 0.1)", 0, 0},
        {"period", OPTION_COUNT, &o->period, "EPOCHS", "step: between two changes (default: a third of all)", 0, 0},
        {"final-rate", OPTION_NUMBER, &o->final_rate, "X", "cosine: at the end (default 0)", 0, 0},
        {"loss", OPTION_TEXT, &o->loss, "NAME",
         "softmax_cross_entropy, sigmoid_cross_entropy, mse, l1, huber\n(default: cross-entropy for classes, mse for numbers)", 0,
         0},
        {"smoothing", OPTION_NUMBER, &o->smoothing, "X", "of labels (default 0)", 0, 0},
        {"class-weights", OPTION_TEXT, &o->class_weights, "W,W,...", "how much each class counts", 0, 0},
        {"ignore", OPTION_NUMBER, &o->ignore, "CLASS", "targets of this number do not count", 0, 0},
        {"delta", OPTION_NUMBER, &o->delta, "X", "huber: where the square ends (default 1)", 0, 0},
        {"flip", OPTION_FLAG, &o->flip, NULL, "mirror half of the pictures", 0, 0},
        {"shift", OPTION_COUNT, &o->shift, "PIXELS", "move pictures by at most so much (default 0)", 0, 4096},
        {"crop", OPTION_COUNT, &o->crop, "PIXELS", "cut a window out of the picture with such a border (default 0)", 0, 4096},
        {"erase", OPTION_NUMBER, &o->erase, "P", "probability that a rectangle is wiped out (default 0)", 0, 0},
        {"init", OPTION_TEXT, &o->initializer, "NAME",
         "draw the weights anew: he, xavier (default: as the file has\nthem; a text's are he)", 0, 0},
        {"freeze", OPTION_TEXT, &o->freeze, "GLOBS", "weights that stay, by name: \"conv1*,*.b\"", 0, 0},
        {"seed", OPTION_COUNT, &o->setup.seed, "N", "of weights, order, augmentation, dropout (default 1)", 0, 0},
        {"deterministic", OPTION_FLAG, &o->deterministic, NULL, "refuse devices that do not promise the same bits", 0, 0},
    };
    memcpy(out, list, sizeof list);
    return (uint32_t)(sizeof list / sizeof *list);
}

static uint32_t running_options(struct train_options *o, struct option *out)
{
    const struct option list[] = {
        {"out", OPTION_TEXT, &o->out, "DIR", "folder for checkpoint, model, curves (default convoke-train, or that of --resume)",
         0, 0},
        {"resume", OPTION_TEXT, &o->resume, "DIR", "go on where the training in this folder stopped", 0, 0},
        {"save-every", OPTION_NUMBER, &o->save_every, "SECONDS", "between two checkpoints within an epoch (default 30)", 0, 0},
        {"loaders", OPTION_COUNT, &o->loaders, "N", "threads that prepare batches (default 1)", 1, 64},
        {"opset", OPTION_COUNT, &o->opset, "N", "of model.onnx: 13 or 17 (default)", 13, 17},
        {"fold-norms", OPTION_FLAG, &o->fold_norms, NULL, "batch norms go into the weights before them in model.onnx", 0, 0},
        {"quiet", OPTION_FLAG, &o->quiet, NULL, "no line for each epoch", 0, 0},
    };
    memcpy(out, list, sizeof list);
    return (uint32_t)(sizeof list / sizeof *list);
}

/* ---- files of options ---------------------------------------------------------------------------------------------------------
 */

struct words {
    char **items;
    int count;
};

static void add_word(struct words *w, char *word)
{
    w->items = tool_grow(w->items, (size_t)w->count + 2, sizeof *w->items);
    w->items[w->count++] = word;
    w->items[w->count] = NULL;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    for (size_t n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
        text[n - 1] = 0;
    return text;
}

/* Lines "key = value"; flags have yes or no; in files that people write, '#' begins a comment. `text` is cut up; the words lie in
 * `room`, which is twice as long and must stay. */
static int read_lines(const char *path, char *text, bool comments, char *room, struct words *w)
{
    struct train_options unused = {0};
    struct option known[OPTION_MOST];
    uint32_t count = training_options(&unused, known), number = 0;
    char safe[TOOL_TEXT];
    for (char *line = strsep(&text, "\n"); line; line = strsep(&text, "\n")) {
        number++;
        if (comments && strchr(line, '#'))
            *strchr(line, '#') = 0;
        char *key = trim(line), *value = strchr(key, '=');
        if (!*key)
            continue;
        if (!value)
            return tool_fail(TOOL_USAGE, "%s, line %u: 'key = value' is expected", tool_escape(path, safe, sizeof safe), number);
        *value++ = 0;
        key = trim(key);
        value = trim(value);
        const struct option *o = NULL;
        for (uint32_t i = 0; i < count && !o; i++)
            o = strcmp(known[i].name, key) == 0 ? &known[i] : NULL;
        char shown[TOOL_TEXT];
        if (!o)
            return tool_fail(TOOL_USAGE, "%s, line %u: there is no option '%s'; see convoke train --help",
                             tool_escape(path, safe, sizeof safe), number, tool_escape(key, shown, sizeof shown));
        if (o->kind == OPTION_FLAG && strcmp(value, "yes") != 0) {
            if (strcmp(value, "no") != 0)
                return tool_fail(TOOL_USAGE, "%s, line %u: %s is yes or no", tool_escape(path, safe, sizeof safe), number, key);
            continue;
        }
        /* In one word, whatever the value begins with. */
        bool flag = o->kind == OPTION_FLAG;
        add_word(w, room);
        room += sprintf(room, "--%s%s%s", key, flag ? "" : "=", flag ? "" : value) + 1;
    }
    return TOOL_GO_ON;
}

static char *read_whole(const char *path)
{
    errno = 0;
    FILE *f = fopen(path, "rb");
    char *text = tool_alloc(1 << 20, 1);
    size_t n = f ? fread(text, 1, (1 << 20) - 1, f) : 0;
    bool failed = !f || ferror(f);
    if (f)
        fclose(f);
    if (failed || strlen(text) != n) {
        free(text);
        return NULL;
    }
    return text;
}

void train_checkpoint_path(const char *folder_or_file, char *path, size_t room)
{
    struct stat st;
    bool folder = stat(folder_or_file, &st) == 0 && S_ISDIR(st.st_mode);
    snprintf(path, room, "%s%s", folder_or_file, folder ? "/" TRAIN_CHECKPOINT : "");
}

/* The options that the checkpoint was made with, as text of its own. */
static int checkpoint_options(const char *resume, char **text)
{
    char path[4096];
    struct cvk_checkpoint *c = NULL;
    train_checkpoint_path(resume, path, sizeof path);
    if (cvk_checkpoint_open(path, &c) != CVK_OK)
        return tool_fail_library("--resume");
    const char *options = cvk_checkpoint_text(c, "options");
    *text = options ? tool_copy(options) : NULL;
    cvk_checkpoint_destroy(c);
    return options ? TOOL_GO_ON : tool_fail(TOOL_FAILED, "--resume: the checkpoint was not made by convoke train");
}

/* True for an option whose value is the next word. */
static bool takes_next(const struct command *c, const char *word)
{
    for (uint32_t i = 0; strncmp(word, "--", 2) == 0 && i < c->option_count + c->shared_count; i++) {
        const struct option *o = i < c->option_count ? &c->options[i] : &c->shared[i - c->option_count];
        if (strcmp(o->name, word + 2) == 0)
            return o->kind != OPTION_FLAG;
    }
    return false;
}

/* Words from the file or checkpoint that the command line names, in front of its own. */
static int gather_words(const struct command *c, int argc, char **argv, struct words *w, char **memory)
{
    const char *file = NULL, *resume = NULL;
    char *text = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--resume") == 0 && i + 1 < argc)
            resume = argv[i + 1];
        else if (strncmp(argv[i], "--resume=", 9) == 0)
            resume = argv[i] + 9;
        else if (!file && strncmp(argv[i], "--", 2) != 0 && tool_ends_with(argv[i], ".net"))
            file = argv[i];
        i += takes_next(c, argv[i]);
    }
    add_word(w, argv[0]);
    int code = TOOL_GO_ON;
    char safe[TOOL_TEXT];
    if (resume) {
        code = checkpoint_options(resume, &text);
    } else if (file) {
        if (!(text = read_whole(file)))
            return tool_fail(TOOL_FAILED, "%s: the file of options cannot be read: %s", tool_escape(file, safe, sizeof safe),
                             errno ? strerror(errno) : "it is no text");
    }
    if (code == TOOL_GO_ON && text) {
        *memory = tool_alloc(2 * strlen(text) + 8, 1);
        code = read_lines(resume ? resume : file, text, !resume, *memory, w);
    }
    free(text);
    for (int i = 1; i < argc; i++)
        if (argv[i] != file || resume)
            add_word(w, argv[i]);
    return code;
}

static bool is_utf8(const char *text)
{
    for (size_t n; *text; text += n)
        if ((n = utf8_bytes(text)) == 0)
            return false;
    return true;
}

/* The checkpoint keeps options as lines, in UTF-8. */
static int check_lines(const struct option *options, uint32_t count)
{
    char safe[TOOL_TEXT];
    for (uint32_t i = 0; i < count; i++) {
        const char *text = options[i].kind == OPTION_TEXT ? *(const char *const *)options[i].target : NULL;
        if (text && strchr(text, '\n'))
            return tool_fail(TOOL_USAGE, "train --%s is more than one line", options[i].name);
        if (text && !is_utf8(text)) /* now, not at the first checkpoint */
            return tool_fail(TOOL_USAGE, "train --%s '%s' is no UTF-8, and so no checkpoint could keep it: rename it",
                             options[i].name, tool_escape(text, safe, sizeof safe));
    }
    return TOOL_GO_ON;
}

int train_options_read(struct train_options *o, int argc, char **argv)
{
    struct option options[OPTION_MOST], shared[SETUP_OPTIONS];
    struct words w = {0};
    struct text_list rest = {0};
    *o = defaults;
    uint32_t count = training_options(o, options);
    count += running_options(o, options + count);
    const struct command command = {
        .name = "train",
        .summary = "train a net on a data set, with curves, checkpoints and an ONNX file at the end",
        .usage = "NET DATA [OPTION...]\n       convoke train FILE.net [OPTION...]\n       convoke train --resume DIR [OPTION...]",
        .model = "NET is an ONNX file, whose weights are trained further, or a text such as\n"
                 "\"1x28x28: 8c5-relu-mp2-16c5-relu-mp2-120n-relu-10n\" (convoke explain tells its grammar and prints the net).\n"
                 "DATA is a generated set: shapes(size=32), lines, digits, segments, curve; or a path: a folder or file of IDX\n"
                 "(MNIST), of CIFAR binary, a folder per class of PNG and JPEG, X.npy,Y.npy.\n",
        .about =
            "FILE.net holds options as lines 'key = value' (net and data among them); words on the command line come after it "
            "and win. DIR receives checkpoint.safetensors (written atomically, at every epoch and every 30 seconds), model.onnx, "
            "history.csv, gradients.csv with the norm of every weight's gradient, curves of both (.svg and .png), and the "
            "confusion matrix. Ctrl-C saves and stops; --resume goes on with the same bits as if nothing had happened, on the "
            "same device.",
        .examples = "convoke train \"1x32x32: 8c3p1-relu-mp2-16c3p1-relu-mp2-flat-4n\" \"shapes(size=32,classes=4)\"\n"
                    "convoke train lenet.onnx mnist/ --epochs 5 --optimizer adam --device simd\n"
                    "convoke train --resume convoke-train",
        .options = options,
        .option_count = count,
        .shared = shared,
        .shared_count = setup_options(&o->setup, SETUP_DEVICE | SETUP_THREADS | SETUP_LIMITS | SETUP_JSON, shared),
        .rest_name = "a net and a data set",
        .rest_max = 2};
    int code = gather_words(&command, argc, argv, &w, &o->words);
    if (code == TOOL_GO_ON)
        code = args_parse(&command, w.count, w.items, &rest);
    if (code == TOOL_GO_ON) {
        o->net = rest.count > 0 ? rest.items[0] : o->net;
        o->data = rest.count > 1 ? rest.items[1] : o->data;
        if (o->opset && o->opset != 13 && o->opset != 17)
            code = tool_fail(TOOL_USAGE, "train: --opset is 13 or 17, not %llu", (unsigned long long)o->opset);
        else if (o->save_every < 0)
            code = tool_fail(TOOL_USAGE, "train: --save-every is 0 (after every step) or more, not %g", o->save_every);
        else if (!o->net || !o->data)
            code = tool_fail(TOOL_USAGE, "train: a net and a data set are needed; see convoke train --help");
    }
    if (code == TOOL_GO_ON)
        code = check_lines(options, count);
    args_free(&rest);
    free(w.items);
    return code;
}

void train_options_free(struct train_options *o)
{
    free(o->words);
}

char *train_options_text(struct train_options *o)
{
    struct option options[OPTION_MOST];
    uint32_t count = training_options(o, options);
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    for (uint32_t i = 0; f && i < count; i++) {
        const struct option *p = &options[i];
        if (p->kind == OPTION_FLAG)
            fprintf(f, "%s = %s\n", p->name, *(const bool *)p->target ? "yes" : "no");
        else if (p->kind == OPTION_TEXT && *(const char *const *)p->target)
            fprintf(f, "%s = %s\n", p->name, *(const char *const *)p->target);
        else if (p->kind == OPTION_COUNT)
            fprintf(f, "%s = %llu\n", p->name, (unsigned long long)*(const uint64_t *)p->target);
        else if (p->kind == OPTION_NUMBER && !isnan(*(const double *)p->target))
            fprintf(f, "%s = %.17g\n", p->name, *(const double *)p->target);
    }
    if (!f || fclose(f) != 0 || !text)
        exit(tool_fail(TOOL_FAILED, "no memory for the options' text"));
    return text;
}

/* SPDX-License-Identifier: MIT
 * A run of `convoke train` set up, saved and taken up again. */
#include "train_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/whole_file.h"

/* The net as the options name it; with --resume, if that file is gone, as the checkpoint has it. */
static int load_net(struct training *t)
{
    struct model m = {0};
    struct train_options *o = &t->options;
    struct stat st;
    uint64_t seed = o->setup.seed ? o->setup.seed : 1;
    if (o->resume && tool_ends_with(o->net, ".onnx") && stat(o->net, &st) != 0) {
        char path[4096];
        struct cvk_checkpoint *c = NULL;
        train_checkpoint_path(o->resume, path, sizeof path);
        int32_t status = cvk_checkpoint_open(path, &c);
        if (status == CVK_OK)
            status = cvk_checkpoint_graph(c, &t->net);
        cvk_checkpoint_destroy(c);
        return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("--resume");
    }
    int code = model_load(o->net, seed, &m);
    t->net = m.graph;
    if (code != TOOL_GO_ON || !o->initializer)
        return code;
    bool xavier = strcmp(o->initializer, "xavier") == 0;
    if (!xavier && strcmp(o->initializer, "he") != 0)
        return tool_fail(TOOL_USAGE, "--init is he or xavier");
    if (cvk_graph_draw_weights(t->net, seed, xavier ? CVK_INIT_XAVIER : CVK_INIT_HE) != CVK_OK)
        return tool_fail_library("--init");
    return TOOL_GO_ON;
}

static int load_data(struct training *t)
{
    t->info.size = sizeof t->info;
    if (cvk_data_open(t->options.data, "train", &t->train) != CVK_OK ||
        cvk_data_open(t->options.data, "test", &t->test) != CVK_OK || cvk_data_get_info(t->train, &t->info) != CVK_OK)
        return tool_fail_library("the data set");
    if (t->info.count < t->options.batch) /* before anything is planned for so many */
        return tool_fail(TOOL_FAILED, "%s has %llu pictures to train with, fewer than one batch of %llu: take a smaller --batch",
                         t->info.name, (unsigned long long)t->info.count, (unsigned long long)t->options.batch);
    return TOOL_GO_ON;
}

/* Files that a kill left half written (whole_file.h). */
static void remove_halves(const char *folder)
{
    static const char *const names[] = {TRAIN_CHECKPOINT, "model.onnx", "history.csv", "gradients.csv", "confusion.csv"};
    DIR *d = opendir(folder);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
            size_t whole = strlen(names[i]);
            if (strlen(e->d_name) == whole + strlen(".XXXXXX" CVK__WHOLE_FILE_PART) && !strncmp(e->d_name, names[i], whole) &&
                e->d_name[whole] == '.' && tool_ends_with(e->d_name, CVK__WHOLE_FILE_PART))
                unlinkat(dirfd(d), e->d_name, 0);
        }
    if (d)
        closedir(d);
}

/* The folder for what is written, for this process alone: another training there would mix its files with these. The lock ends
 * with the process. */
static int take_folder(struct training *t)
{
    const char *out = t->options.out;
    char path[4096], safe[TOOL_TEXT];
    int code = tool_make_folder(out);
    if (code != TOOL_GO_ON)
        return code;
    t->folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->folder >= 0 && flock(t->folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return tool_fail(TOOL_FAILED, "%s: another training is writing there; wait for its end or take another --out",
                         tool_escape(out, safe, sizeof safe));
    remove_halves(out);
    train_checkpoint_path(out, path, sizeof path);
    if (!t->options.resume && access(path, F_OK) == 0)
        tool_warn("%s: the training there is replaced by this one; --resume would go on with it",
                  tool_escape(out, safe, sizeof safe));
    return TOOL_GO_ON;
}

/* A single yes/no node is no softmax. */
static void choose_loss(struct training *t)
{
    const struct cvk_tensor_desc *y = cvk_graph_desc(t->net, cvk_graph_output(t->net, 0));
    if (!t->options.loss && t->info.class_count == 2 && y && y->rank > 1 && y->dims[1] == 1)
        t->params.loss.kind = CVK_LOSS_SIGMOID_CROSS_ENTROPY;
}

int train_start(struct training *t)
{
    struct train_options *o = &t->options;
    struct cvk_session_report report;
    t->start_ms = tool_now_ms();
    struct stat st;
    if (!o->out)
        o->out = o->resume && stat(o->resume, &st) == 0 && S_ISDIR(st.st_mode) ? o->resume : "convoke-train";
    int code = setup_start(&o->setup, &t->ctx);
    if (code == TOOL_GO_ON)
        code = load_net(t);
    if (code == TOOL_GO_ON)
        code = load_data(t);
    if (code == TOOL_GO_ON)
        code = train_trainer_params(o, &t->info, t->class_weights, &t->params);
    if (code == TOOL_GO_ON)
        code = train_schedule(o, t->info.count / o->batch, &t->schedule);
    if (code != TOOL_GO_ON)
        return code;
    choose_loss(t);
    if (cvk_trainer_create(t->ctx, t->net, &t->params, &t->trainer) != CVK_OK)
        return tool_fail_library("");
    code = data_fits(&t->info, cvk_trainer_input_desc(t->trainer), cvk_trainer_target_desc(t->trainer),
                     cvk_trainer_prediction_desc(t->trainer), t->params.loss.kind);
    if (code == TOOL_GO_ON)
        code = take_folder(t);
    if (code != TOOL_GO_ON)
        return code;
    const struct cvk_tensor_desc *y = cvk_trainer_prediction_desc(t->trainer);
    if (cvk_session_get_report(cvk_trainer_session(t->trainer), &report) != CVK_OK ||
        cvk_tensor_create(y->dtype, y->rank, y->dims, &t->prediction) != CVK_OK)
        return tool_fail_library("the training");
    t->device = report.device;
    t->history.weights = cvk_trainer_weight_count(t->trainer);
    metrics_init(&t->seen, t->info.class_count, false);
    t->mean = (struct loss_mean){.ignores = t->params.loss.ignores, .ignored = t->params.loss.ignore_index};
    t->loading = (struct cvk_loader_params){.batch = (int64_t)o->batch,
                                            .shuffle = 1,
                                            .seed = t->params.seed,
                                            .flip = o->flip,
                                            .shift = (uint32_t)o->shift,
                                            .crop = (uint32_t)o->crop,
                                            .erase = (float)o->erase,
                                            .threads = (uint32_t)o->loaders};
    return TOOL_GO_ON;
}

void train_begin_epoch(struct training *t)
{
    metrics_clear(&t->seen);
    t->loss_sum = t->seconds_before = 0;
    t->steps_seen = t->batch = t->first_batch = 0;
    t->epoch_start_ms = tool_now_ms();
}

double train_seconds(const struct training *t)
{
    return (tool_now_ms() - t->epoch_start_ms) / 1e3;
}

/* ---- checkpoints
 * -------------------------------------------------------------------------------------------------------------------- */

int train_save(struct training *t)
{
    char path[4096], place[400];
    char *options = train_options_text(&t->options), *history = history_text(&t->history);
    char *norms = history_norms_text(&t->history, t->trainer);
    snprintf(place, sizeof place, "%llu %llu %llu %llu %llu %.17g %.17g %.17g %llu %llu", (unsigned long long)t->epoch,
             (unsigned long long)t->batch, (unsigned long long)t->seen.count, (unsigned long long)t->seen.right,
             (unsigned long long)t->steps_seen, t->loss_sum, t->seen.error_sum, t->seconds_before + train_seconds(t),
             (unsigned long long)t->options.batch, (unsigned long long)t->batches);
    snprintf(path, sizeof path, "%s/" TRAIN_CHECKPOINT, t->options.out);
    const struct cvk_note_text notes[] = {{"options", options}, {"place", place},      {"history", history},
                                          {"gradients", norms}, {"device", t->device}, {"convoke", cvk_version()}};
    int32_t status = cvk_trainer_save(t->trainer, path, notes, sizeof notes / sizeof *notes);
    free(options);
    free(history);
    free(norms);
    if (status == CVK_E_UNSUPPORTED) { /* a build without the library for it: told once, the training goes on */
        if (!t->told_unsaved)
            tool_warn("no checkpoint: %s", cvk_error_text());
        t->told_unsaved = true;
        return TOOL_GO_ON;
    }
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

static int restore(struct training *t)
{
    char path[4096];
    struct cvk_checkpoint *c = NULL;
    unsigned long long n[7];
    int code = TOOL_GO_ON;
    train_checkpoint_path(t->options.resume, path, sizeof path);
    if (cvk_checkpoint_open(path, &c) != CVK_OK || cvk_trainer_restore(t->trainer, path) != CVK_OK)
        code = tool_fail_library("--resume");
    const char *place = c ? cvk_checkpoint_text(c, "place") : NULL, *history = c ? cvk_checkpoint_text(c, "history") : NULL;
    const char *norms = c ? cvk_checkpoint_text(c, "gradients") : NULL, *device = c ? cvk_checkpoint_text(c, "device") : NULL;
    if (code == TOOL_GO_ON && (!place || !history || !norms ||
                               sscanf(place, "%llu %llu %llu %llu %llu %lf %lf %lf %llu %llu", &n[0], &n[1], &n[2], &n[3], &n[4],
                                      &t->loss_sum, &t->seen.error_sum, &t->seconds_before, &n[5], &n[6]) != 10 ||
                               !history_read(&t->history, history, norms)))
        code = tool_fail(TOOL_FAILED, "--resume: the checkpoint does not tell where the training stood");
    if (code == TOOL_GO_ON) {
        t->epoch = n[0];
        t->batch = t->first_batch = n[1];
        t->seen.count = n[2];
        t->seen.right = n[3];
        t->steps_seen = n[4];
        t->batch_before = n[5];
        t->batches_before = n[6];
        if (device && strcmp(device, t->device) != 0)
            tool_warn("the training ran on %s and goes on on %s: its bits will differ from those of an unbroken run", device,
                      t->device);
    }
    cvk_checkpoint_destroy(c);
    return code;
}

/* The loader at the place where the run stands. An epoch that was begun with other batches cannot be gone on with: it begins
 * anew. */
static int make_loader(struct training *t)
{
    t->loading.epoch = t->epoch;
    t->loading.skip = t->batch;
    if (t->batch && (t->batch_before != t->options.batch || t->batches_before != t->info.count / t->options.batch)) {
        tool_warn("epoch %llu begins anew: it was begun with %llu batches of %llu", (unsigned long long)t->epoch + 1,
                  (unsigned long long)t->batches_before, (unsigned long long)t->batch_before);
        train_begin_epoch(t);
        t->loading.skip = 0;
    }
    if (cvk_loader_create(t->train, &t->loading, &t->loader) != CVK_OK)
        return tool_fail_library("the data set");
    t->batches = cvk_loader_batches(t->loader);
    return TOOL_GO_ON;
}

int train_place(struct training *t)
{
    int code = t->options.resume ? restore(t) : TOOL_GO_ON;
    if (code == TOOL_GO_ON)
        code = make_loader(t);
    if (code != TOOL_GO_ON)
        return code;
    if (!t->options.quiet && !t->options.setup.json) {
        struct cvk_session_report r = {0};
        char count[28], test[28], safe[TOOL_TEXT];
        struct cvk_data_info info = {.size = sizeof info};
        cvk_session_get_report(cvk_trainer_session(t->trainer), &r);
        cvk_data_get_info(t->test, &info);
        printf("training on %s: %s pictures of %s, %s to test with, %llu steps of %llu an epoch, %u weight tensors\n", t->device,
               tool_count(t->info.count, count), tool_escape(t->info.name, safe, sizeof safe), tool_count(info.count, test),
               (unsigned long long)t->batches, (unsigned long long)t->options.batch, cvk_trainer_weight_count(t->trainer));
        fflush(stdout);
    }
    return code;
}

int train_evaluate(struct training *t, struct metrics *m)
{
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    struct cvk_trainer_params p = t->params;
    struct cvk_data_info info = {.size = sizeof info};
    int32_t status = cvk_data_get_info(t->test, &info);
    if (status == CVK_OK && info.count < t->options.batch)
        p.batch = info.count ? (int64_t)info.count : 1;
    if (status == CVK_OK)
        status = cvk_trainer_graph(t->trainer, &g);
    if (status == CVK_OK)
        status = cvk_evaluation_create(t->ctx, g, &p, &s);
    int code = status == CVK_OK ? evaluate(s, &p, t->test, &t->loading, m) : tool_fail_library("evaluation");
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    return code;
}

void train_end(struct training *t)
{
    cvk_loader_destroy(t->loader);
    cvk_trainer_destroy(t->trainer);
    cvk_graph_destroy(t->net);
    cvk_data_close(t->train);
    cvk_data_close(t->test);
    cvk_tensor_destroy(t->prediction);
    cvk_tensor_destroy(t->converted);
    metrics_free(&t->seen);
    history_free(&t->history);
    if (t->folder >= 0)
        close(t->folder);
    cvk_context_destroy(t->ctx);
    train_options_free(&t->options);
}

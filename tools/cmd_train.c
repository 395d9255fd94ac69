/* SPDX-License-Identifier: MIT
 * `convoke train`: epochs of steps with a display, evaluations, checkpoints; what is left at the end. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "train_run.h"

static volatile sig_atomic_t stop_wanted;
static volatile long long stop_second;

/* The first Ctrl-C asks for an orderly end, a later one ends at once. Within a second it is the same one: `timeout` and shells
 * tell the process and then its group. */
static void on_signal(int number)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!stop_wanted) {
        stop_second = now.tv_sec;
        stop_wanted = 1;
    } else if (now.tv_sec > stop_second + 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* The terminal was closed, or who read the output has gone; not if somebody (nohup) wants that to be ignored. */
    for (int i = 0; i < 2; i++) {
        struct sigaction now;
        int number = i ? SIGPIPE : SIGHUP;
        if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaction(number, &action, NULL);
    }
}

/* ---- what is shown
 * ---------------------------------------------------------------------------------------------------------------- */

static void show_progress(const struct training *t, double rate)
{
    enum { CELLS = 10 };
    char bar[CELLS + 1];
    double part = (double)t->batch / (double)t->batches, seconds = train_seconds(t);
    double speed = seconds > 0 ? (double)(t->batch - t->first_batch) * (double)t->options.batch / seconds : 0;
    double left = speed > 0 ? ((double)(t->options.epochs - t->epoch) * (double)t->batches - (double)t->batch) *
                                  (double)t->options.batch / speed
                            : 0;
    for (int i = 0; i < CELLS; i++)
        bar[i] = i < (int)(part * CELLS) ? '#' : '.';
    bar[CELLS] = 0;
    char score[48] = "";
    if (t->info.class_count)
        snprintf(score, sizeof score, "accuracy %.2f %%  ", 100 * metrics_accuracy(&t->seen));
    /* What matters least stands last, where a narrow terminal cuts it. */
    tool_progress("epoch %llu/%llu [%s] %.0f:%02.0f left  loss %.4f  %s%.0f pictures/s  rate %.3g",
                  (unsigned long long)t->epoch + 1, (unsigned long long)t->options.epochs, bar, floor(left / 60),
                  floor(fmod(left, 60)), t->steps_seen ? t->loss_sum / (double)t->steps_seen : NAN, score, speed, rate);
}

static void show_epoch(const struct training *t, const struct epoch_record *r)
{
    bool classes = t->info.class_count > 0;
    if (t->options.quiet || t->options.setup.json)
        return;
    tool_progress_done();
    printf("epoch %llu/%llu  loss %.4f", (unsigned long long)t->epoch + 1, (unsigned long long)t->options.epochs, r->train_loss);
    if (classes)
        printf("  accuracy %.2f %%", 100 * r->train_score);
    printf("  test loss %.4f", r->test_loss);
    printf(classes ? "  test accuracy %.2f %%" : "  test error %.4f", r->test_score * (classes ? 100 : 1));
    printf("  %.0f pictures/s  %.1f s\n", r->images_per_second, r->seconds);
    fflush(stdout);
}

/* ---- steps
 * ------------------------------------------------------------------------------------------------------------------------ */

static void tell_not_finite(struct training *t, double loss, uint64_t step)
{
    t->told_nan = true;
    tool_progress_done();
    if (step) /* the weights have been changed by then */
        tool_warn("the loss is %g at step %llu: a smaller --rate or --clip 1 may help", loss, (unsigned long long)step);
    else
        tool_warn("the loss is %g at the very first step: look at the data and the weights that it begins with; "
                  "CONVOKE_CHECK=nan names the node",
                  loss);
}

static int take_step(struct training *t)
{
    struct cvk_tensor *x, *target;
    const struct cvk_tensor *given;
    struct cvk_step_result r = {.size = sizeof r};
    float rate = cvk_schedule_rate(&t->schedule, cvk_trainer_steps(t->trainer));
    if (cvk_loader_next(t->loader, &x, &target) != CVK_OK)
        return tool_fail_library("loading a batch");
    int code = target_convert(target, cvk_trainer_target_desc(t->trainer), &t->converted, &given);
    if (code != TOOL_GO_ON)
        return code;
    cvk_trainer_set_learning_rate(t->trainer, rate);
    if (cvk_trainer_step(t->trainer, x, given, &r) != CVK_OK || cvk_trainer_read_prediction(t->trainer, t->prediction) != CVK_OK)
        return tool_fail_library("a step of the training");
    metrics_add(&t->seen, t->prediction, target, NULL, &t->mean, t->options.batch);
    t->loss_sum += plain_nan(r.loss);
    t->norm = plain_nan(r.gradient_norm);
    t->steps_seen++;
    t->batch++;
    t->stepped = true;
    if (!isfinite(r.loss) && !t->told_nan)
        tell_not_finite(t, plain_nan(r.loss), r.step);
    show_progress(t, (double)rate);
    return TOOL_GO_ON;
}

static int finish_epoch(struct training *t)
{
    bool classes = t->info.class_count > 0;
    float *norms = tool_alloc(t->history.weights + 1u, sizeof *norms);
    double seconds = train_seconds(t);
    struct metrics test;
    metrics_init(&test, t->info.class_count, false);
    int code = train_evaluate(t, &test);
    if (code == TOOL_GO_ON && cvk_trainer_read_norms(t->trainer, norms, t->history.weights) != CVK_OK)
        code = tool_fail_library("norms of gradients");
    struct epoch_record r = {.train_loss = t->loss_sum / (double)t->steps_seen,
                             .train_score = classes ? metrics_accuracy(&t->seen) : metrics_rmse(&t->seen),
                             .test_loss = metrics_loss(&test),
                             .test_score = classes ? metrics_accuracy(&test) : metrics_rmse(&test),
                             .rate = (double)cvk_schedule_rate(&t->schedule, cvk_trainer_steps(t->trainer) - 1),
                             .gradient_norm = t->norm,
                             .seconds = t->seconds_before + seconds,
                             .images_per_second =
                                 seconds > 0 ? (double)(t->batch - t->first_batch) * (double)t->options.batch / seconds : 0};
    if (code == TOOL_GO_ON) {
        history_add(&t->history, &r, norms);
        show_epoch(t, &r);
        t->epoch++;
        train_begin_epoch(t);
        code = train_save(t);
    }
    if (code == TOOL_GO_ON)
        code = history_write(&t->history, t->trainer, t->options.out, classes);
    t->epoch_start_ms = tool_now_ms(); /* what was written is no part of the next epoch's time */
    metrics_free(&test);
    free(norms);
    return code;
}

static int run_epochs(struct training *t)
{
    int code = TOOL_GO_ON;
    double saved = tool_now_ms();
    while (code == TOOL_GO_ON && !stop_wanted && t->epoch < t->options.epochs) {
        code = take_step(t);
        if (code == TOOL_GO_ON && t->batch == t->batches) {
            code = finish_epoch(t);
            saved = tool_now_ms();
        } else if (code == TOOL_GO_ON && tool_now_ms() - saved > 1e3 * t->options.save_every) {
            code = train_save(t);
            saved = tool_now_ms();
        }
    }
    tool_progress_done();
    return code;
}

/* ---- the end
 * ------------------------------------------------------------------------------------------------------------------------- */

static int say_result(const struct training *t, const struct metrics *m)
{
    char safe[TOOL_TEXT];
    bool classes = t->info.class_count > 0;
    const char *out = tool_escape(t->options.out, safe, sizeof safe);
    if (t->options.setup.json) {
        struct json *j = json_create();
        json_text(j, "device", t->device);
        json_count(j, "epochs", t->epoch);
        json_count(j, "steps", cvk_trainer_steps(t->trainer));
        json_number(j, "test_loss", metrics_loss(m));
        if (classes)
            json_number(j, "test_accuracy", metrics_accuracy(m));
        else
            json_number(j, "test_error", metrics_rmse(m));
        if (classes && t->info.target.rank)
            json_number(j, "mean_iou", metrics_mean_iou(m));
        json_number(j, "seconds", (tool_now_ms() - t->start_ms) / 1e3);
        json_text(j, "folder", t->options.out);
        json_bool(j, "finished", t->epoch >= t->options.epochs);
        return json_finish(j);
    }
    printf("\nresult after %llu epoch%s on %s: test loss %.4f", (unsigned long long)t->epoch, t->epoch == 1 ? "" : "s", t->device,
           metrics_loss(m));
    if (classes)
        printf(", %.2f %% of %llu right", 100 * metrics_accuracy(m), (unsigned long long)m->count);
    else
        printf(", root mean square error %.4f", metrics_rmse(m));
    if (classes && t->info.target.rank)
        printf(", mean IoU %.3f", metrics_mean_iou(m));
    const char *const names[] = {
        "model.onnx",    TRAIN_CHECKPOINT, "history.csv", "loss.svg", classes ? "accuracy.svg" : "error.svg",
        "gradients.svg", "confusion.csv"};
    printf("\n%s/:", out);
    for (uint32_t i = 0, said = 0; i < sizeof names / sizeof *names - !classes; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", t->options.out, names[i]);
        if (access(path, R_OK) == 0)
            printf("%s %s", said++ ? "," : "", names[i]);
    }
    putchar('\n');
    if (t->epoch < t->options.epochs)
        printf("stopped before the end; go on with: convoke train --resume %s\n", out);
    return TOOL_OK;
}

static int finish(struct training *t)
{
    struct metrics m;
    char *path = tool_alloc(strlen(t->options.out) + 16, 1);
    struct cvk_graph *g = NULL;
    metrics_init(&m, t->info.class_count, true);
    int code = train_evaluate(t, &m);
    sprintf(path, "%s/model.onnx", t->options.out);
    if (code == TOOL_GO_ON) {
        const struct cvk_onnx_save_params onnx = {.opset = (uint32_t)t->options.opset, .fold_norms = t->options.fold_norms};
        int32_t status = cvk_trainer_graph(t->trainer, &g);
        status = status == CVK_OK ? cvk_onnx_save(g, path, &onnx) : status;
        if (status == CVK_E_UNSUPPORTED) /* the training is not lost for that */
            tool_warn("no model.onnx: %s", cvk_error_text());
        else if (status != CVK_OK)
            code = tool_fail_library(path);
    }
    if (code == TOOL_GO_ON && m.confusion)
        code = confusion_write(&m, t->info.class_names, t->options.out);
    if (code == TOOL_GO_ON)
        code = say_result(t, &m);
    cvk_graph_destroy(g);
    metrics_free(&m);
    free(path);
    return code;
}

int cvk_tool_train(int argc, char **argv)
{
    struct training t = {.folder = -1};
    int code = train_options_read(&t.options, argc, argv);
    if (code == TOOL_GO_ON)
        code = train_start(&t);
    if (code == TOOL_GO_ON) {
        catch_signals();
        train_begin_epoch(&t);
        code = train_place(&t);
    }
    if (code == TOOL_GO_ON)
        code = run_epochs(&t);
    /* Where the run stopped, or which was done already and goes into another folder. */
    if (code == TOOL_GO_ON && (stop_wanted || !t.stepped))
        code = train_save(&t);
    if (code == TOOL_GO_ON && (stop_wanted || !t.stepped))
        code = history_write(&t.history, t.trainer, t.options.out, t.info.class_count > 0);
    if (code == TOOL_GO_ON)
        code = finish(&t);
    train_end(&t);
    return code;
}

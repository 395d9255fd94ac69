/* SPDX-License-Identifier: MIT
 * The demo's main job: a small net learns shapes on the device, and becomes an ONNX file that runs on every other. */
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "image.h"
#include "train.h"

#define NET "1x32x32: 12c3p1-relu-mp2-24c3p1-relu-mp2-32c3p1-relu-mp2-64n-relu-%un-softmax"
#define PICTURES 4000
#define BATCH 50

struct lesson {
    struct cvk_context *ctx;
    struct cvk_data *train;
    struct cvk_data_info info;
    struct cvk_trainer_params params;
    struct cvk_trainer *trainer;
    struct cvk_loader *loader;
    double *accuracy; /* per epoch */
    double ms;
};

static int test_now(struct lesson *l, struct cvk_data *test, struct metrics *m)
{
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    const struct cvk_loader_params loading = {.threads = 1};
    int32_t status = cvk_trainer_graph(l->trainer, &g);
    if (status == CVK_OK)
        status = cvk_evaluation_create(l->ctx, g, &l->params, &s);
    metrics_clear(m);
    int code = status == CVK_OK ? evaluate(s, &l->params, test, &loading, m) : tool_fail_library("the demo's test");
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    return code;
}

static int run_epoch(struct lesson *l, uint64_t epoch, uint64_t epochs, const struct cvk_schedule *schedule)
{
    uint64_t batches = cvk_loader_batches(l->loader);
    double sum = 0;
    for (uint64_t i = 0; i < batches; i++) {
        struct cvk_tensor *x, *classes;
        struct cvk_step_result r = {.size = sizeof r};
        if (cvk_loader_next(l->loader, &x, &classes) != CVK_OK)
            return tool_fail_library("the demo's pictures");
        cvk_trainer_set_learning_rate(l->trainer, cvk_schedule_rate(schedule, cvk_trainer_steps(l->trainer)));
        if (cvk_trainer_step(l->trainer, x, classes, &r) != CVK_OK)
            return tool_fail_library("the demo's training");
        sum += r.loss;
        tool_progress("epoch %llu of %llu, step %llu of %llu: loss %.3f", (unsigned long long)epoch + 1,
                      (unsigned long long)epochs, (unsigned long long)i + 1, (unsigned long long)batches, sum / (double)(i + 1));
    }
    return TOOL_GO_ON;
}

static int learn(struct lesson *l, struct cvk_data *test, uint64_t epochs, const char *folder)
{
    char device[200], count[28], tests[28], *stem = tool_alloc(strlen(folder) + 12, 1);
    struct cvk_session_report report;
    struct metrics m;
    const struct cvk_schedule schedule = {
        .kind = CVK_SCHEDULE_ONE_CYCLE, .rate = l->params.learning_rate, .steps = epochs * cvk_loader_batches(l->loader)};
    metrics_init(&m, l->info.class_count, false);
    cvk_session_get_report(cvk_trainer_session(l->trainer), &report);
    snprintf(device, sizeof device, "%s", report.device);
    double begin = tool_now_ms();
    int code = TOOL_GO_ON;
    for (uint64_t e = 0; e < epochs && code == TOOL_GO_ON; e++) {
        code = run_epoch(l, e, epochs, &schedule);
        if (code == TOOL_GO_ON)
            code = test_now(l, test, &m);
        l->accuracy[e] = 100 * metrics_accuracy(&m);
    }
    l->ms = tool_now_ms() - begin;
    tool_progress_done();
    if (code == TOOL_GO_ON) {
        printf("  %llu epochs of %s pictures on %s in %.1f s: %.1f %% of %s test pictures named right\n",
               (unsigned long long)epochs, tool_count(l->info.count, count), device, l->ms / 1e3, l->accuracy[epochs - 1],
               tool_count(m.count, tests));
        const struct chart_line line = {"test", l->accuracy, (uint32_t)epochs};
        sprintf(stem, "%s/accuracy", folder);
        printf("  %s%s and .svg, the curve\n", tool_escape(stem, device, sizeof device), image_extension(3));
        code = chart_write(&(struct chart){.title = "The demo's net: shapes named right",
                                           .x_name = "epoch",
                                           .y_name = "per cent",
                                           .lines = &line,
                                           .line_count = 1},
                           stem);
    }
    metrics_free(&m);
    free(stem);
    return code;
}

/* The ONNX file is what is run from now on, as any other program would; without ONNX in this build, the net as it is. */
static int export(struct lesson *l, const char *folder, struct demo_job *job)
{
    char *path = tool_alloc(strlen(folder) + 16, 1), safe[TOOL_TEXT];
    struct cvk_graph *g = NULL;
    sprintf(path, "%s/shapes.onnx", folder);
    int32_t status = cvk_trainer_graph(l->trainer, &g);
    if (status == CVK_OK)
        status = cvk_onnx_save(g, path, &(struct cvk_onnx_save_params){.name = "shapes"});
    if (status == CVK_E_UNSUPPORTED) {
        printf("  no shapes.onnx: %s\n", tool_escape(cvk_error_text(), safe, sizeof safe));
        job->graph = g;
        free(path);
        return TOOL_GO_ON;
    }
    if (status == CVK_OK)
        status = cvk_onnx_load(path, NULL, &job->graph);
    int code = status == CVK_OK ? TOOL_GO_ON : tool_fail_library(path);
    if (code == TOOL_GO_ON)
        printf("  %s, the net as every other runtime reads it\n", tool_escape(path, safe, sizeof safe));
    cvk_graph_destroy(g);
    free(path);
    return code;
}

/* The test pictures as one batch. */
static int make_job(struct demo_job *job)
{
    struct cvk_data_info info = {.size = sizeof info};
    if (cvk_data_get_info(job->data, &info) != CVK_OK)
        return tool_fail_library("the demo's pictures");
    job->kind = DEMO_SHAPES;
    job->size = (uint32_t)info.x.dims[2];
    job->batch = (int64_t)info.count;
    snprintf(job->name, sizeof job->name, "trained net");
    int64_t dims[4] = {job->batch, info.x.dims[0], info.x.dims[1], info.x.dims[2]};
    if (cvk_tensor_create(CVK_F32, 4, dims, &job->input) != CVK_OK ||
        cvk_tensor_create(CVK_I64, 1, dims, &job->classes) != CVK_OK)
        return tool_fail_library("the demo's pictures");
    uint64_t each = cvk_tensor_desc_count(&info.x);
    for (uint64_t i = 0; i < info.count; i++)
        if (cvk_data_read(job->data, i, (float *)cvk_tensor_data(job->input) + i * each,
                          (int64_t *)cvk_tensor_data(job->classes) + i) != CVK_OK)
            return tool_fail_library("the demo's pictures");
    return TOOL_GO_ON;
}

static int begin(struct lesson *l, const char *device, uint64_t seed, const char *spec)
{
    char net[128];
    struct cvk_graph *g = NULL;
    l->info.size = sizeof l->info;
    if (cvk_data_open(spec, "train", &l->train) != CVK_OK || cvk_data_get_info(l->train, &l->info) != CVK_OK)
        return tool_fail_library("the demo's pictures");
    snprintf(net, sizeof net, NET, l->info.class_count);
    l->params = (struct cvk_trainer_params){
        .device = device, .batch = BATCH, .learning_rate = 0.004f, .optimizer = cvk_optimizer_defaults(CVK_ADAM), .seed = seed};
    int32_t status = cvk_graph_from_text(net, seed, &g);
    if (status == CVK_OK)
        status = cvk_trainer_create(l->ctx, g, &l->params, &l->trainer);
    if (status == CVK_OK)
        status = cvk_loader_create(l->train, &(struct cvk_loader_params){.batch = BATCH, .shuffle = 1, .seed = seed}, &l->loader);
    cvk_graph_destroy(g);
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("the demo's training");
}

int demo_train(struct cvk_context *ctx, const char *device, uint64_t seed, uint64_t epochs, const char *folder,
               struct demo_job *job)
{
    char spec[96];
    struct lesson l = {.ctx = ctx};
    l.accuracy = tool_alloc(epochs, sizeof *l.accuracy);
    snprintf(spec, sizeof spec, "shapes(count=%d,size=32,seed=%llu)", PICTURES, (unsigned long long)seed);
    int code = begin(&l, device, seed, spec);
    if (code == TOOL_GO_ON && cvk_data_open(spec, "test", &job->data) != CVK_OK)
        code = tool_fail_library("the demo's pictures");
    if (code == TOOL_GO_ON)
        code = learn(&l, job->data, epochs, folder);
    if (code == TOOL_GO_ON)
        code = export(&l, folder, job);
    if (code == TOOL_GO_ON)
        code = make_job(job);
    cvk_loader_destroy(l.loader);
    cvk_trainer_destroy(l.trainer);
    cvk_data_close(l.train);
    free(l.accuracy);
    return code;
}

uint32_t demo_shapes_right(const struct demo_job *job, const float *scores)
{
    const struct cvk_tensor_desc *y = cvk_tensor_get_desc(job->outputs[0]);
    uint32_t right = 0;
    for (int64_t i = 0; i < y->dims[0]; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < y->dims[1]; k++)
            if (scores[i * y->dims[1] + k] > scores[i * y->dims[1] + best])
                best = k;
        right += best == ((const int64_t *)cvk_tensor_data(job->classes))[i];
    }
    return right;
}

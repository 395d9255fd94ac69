/* SPDX-License-Identifier: MIT
 * `convoke eval`: how good a model is on a data set, as a whole and class by class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

struct eval {
    struct setup setup;
    const char *part, *loss, *out;
    uint64_t loaders;
    struct number_list mean, deviation;
};

static int find_loss(const struct eval *e, const struct cvk_data_info *info, uint32_t outputs, uint32_t *kind)
{
    char safe[TOOL_TEXT];
    *kind = info->class_count == 0                   ? CVK_LOSS_MSE
            : outputs == 1 && info->class_count == 2 ? CVK_LOSS_SIGMOID_CROSS_ENTROPY
                                                     : CVK_LOSS_SOFTMAX_CROSS_ENTROPY;
    for (uint32_t k = 0; e->loss; k++) {
        if (!cvk_loss_name(k))
            return tool_fail(TOOL_USAGE, "--loss: there is no '%s'; see convoke train --help",
                             tool_escape(e->loss, safe, sizeof safe));
        if (strcmp(cvk_loss_name(k), e->loss) == 0) {
            *kind = k;
            break;
        }
    }
    return TOOL_GO_ON;
}

static void put_classes_json(struct json *j, const struct metrics *m, const struct cvk_data_info *info)
{
    struct json *list = json_list_in(j, "classes");
    for (uint32_t k = 0; k < m->classes; k++) {
        struct json *item = json_item(list), *row;
        double precision, recall, iou;
        metrics_class(m, k, &precision, &recall, &iou);
        json_text(item, "name", info->class_names[k]);
        json_number(item, "precision", precision);
        json_number(item, "recall", recall);
        json_number(item, "iou", iou);
        row = json_list_in(item, "predicted_as");
        for (uint32_t i = 0; i < m->classes; i++)
            json_item_number(row, (double)m->confusion[(uint64_t)k * m->classes + i]);
    }
}

static void print_classes(const struct metrics *m, const struct cvk_data_info *info)
{
    struct table *t = table_create("lrrrr");
    table_add(t, "class"), table_add(t, "targets"), table_add(t, "precision"), table_add(t, "recall"), table_add(t, "IoU");
    for (uint32_t k = 0; k < m->classes; k++) {
        double precision, recall, iou;
        uint64_t targets = 0;
        for (uint32_t i = 0; i < m->classes; i++)
            targets += m->confusion[(uint64_t)k * m->classes + i];
        metrics_class(m, k, &precision, &recall, &iou);
        table_add(t, "%s", info->class_names[k]);
        table_add(t, "%llu", (unsigned long long)targets);
        table_add(t, "%.4f", precision), table_add(t, "%.4f", recall), table_add(t, "%.4f", iou);
    }
    table_print(t, stdout);
    table_destroy(t);
}

static int report(const struct eval *e, const struct metrics *m, const struct cvk_data_info *info, const struct cvk_session *s,
                  double ms)
{
    struct cvk_session_report r = {0};
    bool classes = info->class_count > 0;
    double speed = ms > 0 ? (double)info->count / ms * 1e3 : 0;
    cvk_session_get_report(s, &r);
    if (e->setup.json) {
        struct json *j = json_create();
        json_text(j, "device", r.device);
        json_text(j, "data", info->name);
        json_count(j, "pictures", info->count);
        json_count(j, "targets", m->count);
        json_number(j, "loss", metrics_loss(m));
        json_number(j, classes ? "accuracy" : "error", classes ? metrics_accuracy(m) : metrics_rmse(m));
        if (classes) {
            json_number(j, "mean_iou", metrics_mean_iou(m));
            put_classes_json(j, m, info);
        }
        json_number(j, "pictures_per_second", speed);
        return json_finish(j);
    }
    char count[28], safe[TOOL_TEXT];
    printf("%s pictures of %s on %s: loss %.4f, ", tool_count(info->count, count), tool_escape(info->name, safe, sizeof safe),
           r.device, metrics_loss(m));
    if (!classes)
        printf("root mean square error %.4f", metrics_rmse(m));
    else
        printf("%.2f %% right (%llu of %llu)", 100 * metrics_accuracy(m), (unsigned long long)m->right,
               (unsigned long long)m->count);
    if (classes && info->target.rank)
        printf(", mean IoU %.4f", metrics_mean_iou(m));
    printf(", %.0f pictures/s\n\n", speed);
    if (classes)
        print_classes(m, info);
    return TOOL_OK;
}

static int run(const struct eval *e, struct cvk_context *ctx, const struct model *model, struct cvk_data *data)
{
    struct cvk_data_info info = {.size = sizeof info};
    struct cvk_session *s = NULL;
    struct metrics m = {0};
    float mean[NUMBER_LIST], deviation[NUMBER_LIST];
    const struct cvk_tensor_desc *y = cvk_graph_desc(model->graph, cvk_graph_output(model->graph, 0));
    if (cvk_data_get_info(data, &info) != CVK_OK)
        return tool_fail_library("the data set");
    struct cvk_loader_params loading = {.threads = (uint32_t)e->loaders};
    if (e->mean.count != e->deviation.count)
        return tool_fail(TOOL_USAGE, "--mean and --deviation go together, one number for each channel");
    for (uint32_t i = 0; i < e->mean.count; i++) {
        mean[i] = (float)e->mean.items[i];
        deviation[i] = (float)e->deviation.items[i];
    }
    if (e->mean.count) {
        loading.mean = mean;
        loading.deviation = deviation;
        loading.channels = e->mean.count;
    }
    uint64_t batch = e->setup.batch ? e->setup.batch : 64;
    struct cvk_trainer_params p = {.device = e->setup.device,
                                   .batch = (int64_t)(info.count && info.count < batch ? info.count : batch),
                                   .memory_limit_bytes = e->setup.memory_limit,
                                   .macs_limit = e->setup.macs_limit};
    int code = find_loss(e, &info, y && y->rank > 1 ? (uint32_t)y->dims[1] : 1, &p.loss.kind);
    if (code != TOOL_GO_ON)
        return code;
    if (cvk_evaluation_create(ctx, model->graph, &p, &s) != CVK_OK)
        return tool_fail_library("evaluation");
    metrics_init(&m, info.class_count, true);
    double begin = tool_now_ms();
    code = evaluate(s, &p, data, &loading, &m);
    double ms = tool_now_ms() - begin;
    if (code == TOOL_GO_ON && e->out && m.confusion)
        code = confusion_write(&m, info.class_names, e->out);
    if (code == TOOL_GO_ON)
        code = report(e, &m, &info, s, ms);
    metrics_free(&m);
    cvk_session_destroy(s);
    return code;
}

int cvk_tool_eval(int argc, char **argv)
{
    struct eval e = {.part = "test", .loaders = 1};
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"part", OPTION_TEXT, &e.part, "PART", "train, test (default) or all", 0, 0},
        {"batch", OPTION_COUNT, &e.setup.batch, "N", "pictures in a run, where the model leaves that open (default 64)", 1,
         SETUP_MOST_BATCH},
        {"loss", OPTION_TEXT, &e.loss, "NAME", "which loss is told (default: by the targets)", 0, 0},
        {"out", OPTION_TEXT, &e.out, "DIR", "write the confusion matrix there, as CSV and picture", 0, 0},
        {"mean", OPTION_NUMBERS, &e.mean, "X,...", "subtracted from each channel (pixels are 0 to 1)", 0, 0},
        {"deviation", OPTION_NUMBERS, &e.deviation, "X,...", "then each channel is divided by this", 0, 0},
        {"loaders", OPTION_COUNT, &e.loaders, "N", "threads that prepare batches (default 1)", 1, 64},
    };
    const struct command command = {
        .name = "eval",
        .summary = "how good a model is on a data set",
        .usage = "MODEL DATA [OPTION...]",
        .model = model_help,
        .about = "DATA is a data set as convoke train takes it. The output of the model is read as scores of classes (the "
                 "greatest wins), as "
                 "one score of yes, as scores of every pixel, or as numbers, by what the data set's targets are.",
        .examples = "convoke eval model.onnx mnist/\nconvoke eval convoke-train/model.onnx \"shapes(size=32)\" --device "
                    "opencl:gpu --json",
        ARGS_OPTIONS_OF(options),
        .shared = shared,
        .shared_count = setup_options(&e.setup, SETUP_ALL & ~(uint32_t)SETUP_BATCH, shared),
        .rest_name = "a model and a data set",
        .rest_min = 2,
        .rest_max = 2};
    struct text_list rest = {0};
    struct cvk_context *ctx = NULL;
    struct cvk_data *data = NULL;
    struct model model = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = setup_start(&e.setup, &ctx);
    if (code == TOOL_GO_ON)
        code = model_load(rest.items[0], e.setup.seed, &model);
    if (code == TOOL_GO_ON && cvk_data_open(rest.items[1], e.part, &data) != CVK_OK)
        code = tool_fail_library("the data set");
    if (code == TOOL_GO_ON && e.out)
        code = tool_make_folder(e.out);
    if (code == TOOL_GO_ON)
        code = run(&e, ctx, &model, data);
    cvk_data_close(data);
    model_free(&model);
    cvk_context_destroy(ctx);
    args_free(&rest);
    return code;
}

/* SPDX-License-Identifier: MIT
 * Runs real trained models, and real topologies with made-up weights, and compares with the outputs that come with them. They are
 * too large to be part of the project: the folder is CONVOKE_TEST_DATA, else ../shared/data beside the sources, if it is there. A
 * model that is not there is named as skipped and not counted as passed.
 *
 *   run_models SOURCE_FOLDER [OPSET [TEXT]]   OPSET 13 or 17: each model is written in it, and what is read back is run; 0: as it
 *                                             is. TEXT: only models whose name holds it
 */
#include "model_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHY 600

struct model {
    const char *name;
    uint32_t sets; /* folders test_data_set_N; 0: the input is arange(n)/n and the output lies beside the model */
};

static const struct model models[] = {
    {"models/mnist-8", 3}, {"models/super_resolution_10", 1}, {"light/bvlc_alexnet", 0}, {"light/inception_v1", 0},
    {"light/resnet50", 0}, {"light/shufflenet", 0},           {"light/squeezenet", 0},   {"light/vgg19", 0},
    {"light/zfnet512", 0},
};

/* x[i] = i / n, for the model's only input. */
static enum verdict make_input(const char *model, struct model_case *m, char *why)
{
    struct cvk_graph *g = NULL;
    int32_t status = cvk_onnx_load(model, NULL, &g);
    const struct cvk_tensor_desc *d = status == CVK_OK ? cvk_graph_desc(g, cvk_graph_input(g, 0)) : NULL;
    if (d)
        status = cvk_tensor_create(d->dtype, d->rank, d->dims, &m->inputs[0]);
    if (status == CVK_OK && (!d || d->dtype != CVK_F32)) {
        snprintf(why, WHY, "its first input is not f32");
        cvk_graph_destroy(g);
        return VERDICT_FAIL;
    }
    if (status == CVK_OK) {
        uint64_t count = cvk_tensor_count(m->inputs[0]);
        for (uint64_t i = 0; i < count; i++)
            ((float *)cvk_tensor_data(m->inputs[0]))[i] = (float)((double)i / (double)count);
        m->input_count = 1;
    }
    cvk_graph_destroy(g);
    return model_verdict(status, "input", why, WHY);
}

static enum verdict run_set(const struct model *model, const char *folder, uint32_t set, struct model_case *m, char *why)
{
    char path[4300], data[4300];
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    enum verdict v;
    if (model->sets) {
        snprintf(data, sizeof data, "%s/test_data_set_%u", folder, set);
        v = model_read_set(data, m, why, WHY);
        if (v == VERDICT_PASS && !m->wanted_count) {
            snprintf(why, WHY, "no output in test_data_set_%u", set);
            v = VERDICT_FAIL;
        }
    } else {
        snprintf(data, sizeof data, "%s/output_0.pb", folder);
        v = model_verdict(cvk_onnx_read_tensor(data, NULL, &m->wanted[0], NULL), "output", why, WHY);
        m->wanted_count = 1;
        if (v == VERDICT_PASS)
            v = make_input(path, m, why);
    }
    if (v == VERDICT_PASS)
        v = model_check(path, m, why, WHY);
    model_free_set(m);
    return v;
}

int main(int argc, char **argv)
{
    const char *given = getenv("CONVOKE_TEST_DATA"), *device = getenv("CONVOKE_DEVICE");
    char root[4000], folder[4200], model[4300];
    uint32_t counts[3] = {0}, skipped = 0;
    if (argc < 2) {
        printf("usage: run_models SOURCE_FOLDER [OPSET [TEXT]]\n");
        return 2;
    }
    if (given && given[0])
        snprintf(root, sizeof root, "%s", given);
    else
        snprintf(root, sizeof root, "%s/../shared/data", argv[1]);
    struct model_case m = {.device = device && device[0] ? device : "ref", .rtol = 1e-3, .atol = 1e-5};
    m.opset = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    if (cvk_context_create(NULL, &m.ctx) != CVK_OK) {
        printf("context: %s\n", cvk_error_text());
        return 1;
    }
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (argc > 3 && !strstr(models[i].name, argv[3]))
            continue;
        snprintf(folder, sizeof folder, "%s/%s", root, models[i].name);
        snprintf(model, sizeof model, "%s/model.onnx", folder);
        if (access(model, R_OK)) {
            printf("SKIPPED     %s: no model.onnx in the data folder (CONVOKE_TEST_DATA)\n", models[i].name);
            skipped++;
            continue;
        }
        for (uint32_t set = 0; set < (models[i].sets ? models[i].sets : 1); set++) {
            char why[WHY] = "";
            enum verdict v = run_set(&models[i], folder, set, &m, why);
            static const char *const words[] = {"pass", "unsupported", "FAIL"};
            printf("%-11s %s, set %u%s%s\n", words[v], models[i].name, set, why[0] ? ": " : "", why);
            fflush(stdout);
            counts[v]++;
        }
    }
    cvk_context_destroy(m.ctx);
    printf("models on %s: %u pass, %u unsupported, %u FAIL, %u skipped\n", m.device, counts[VERDICT_PASS],
           counts[VERDICT_UNSUPPORTED], counts[VERDICT_FAIL], skipped);
    if (counts[VERDICT_FAIL] || counts[VERDICT_UNSUPPORTED])
        return 1;
    return counts[VERDICT_PASS] ? 0 : 77;
}

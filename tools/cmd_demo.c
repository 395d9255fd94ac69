/* SPDX-License-Identifier: MIT
 * `convoke demo`: built-in networks on every device found, compared with the reference, timed, and shown in pictures. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "demo.h"
#include "image.h"
#include "measure.h"

#define DEMO_RUNS 9
#define DEMO_RTOL 1e-3
#define DEMO_ATOL 1e-4 /* the outputs are at most about 10 */

struct demo {
    struct setup setup;
    const char *folder;
    struct cvk_context *ctx;
    struct demo_job jobs[DEMO_JOBS];
    struct table *table;
    uint32_t wrong, devices, runs;
    uint64_t epochs;
};

static int session_for(struct demo *d, const struct demo_job *job, const char *device, struct cvk_session **out)
{
    struct cvk_session_params p = setup_params(&d->setup);
    p.device = device;
    p.batch = job->batch;
    *out = NULL;
    return cvk_session_create(d->ctx, job->graph, &p, out) == CVK_OK ? TOOL_GO_ON : TOOL_FAILED;
}

static int read_all(struct cvk_session *s, struct cvk_tensor *outputs[DEMO_OUTPUTS])
{
    for (uint32_t i = 0; i < cvk_session_output_count(s) && i < DEMO_OUTPUTS; i++) {
        const struct cvk_tensor_desc *desc = cvk_session_output_desc(s, i);
        if (cvk_tensor_create(desc->dtype, desc->rank, desc->dims, &outputs[i]) != CVK_OK ||
            cvk_session_read(s, i, outputs[i]) != CVK_OK)
            return tool_fail_library("");
    }
    return TOOL_GO_ON;
}

static int run_job(struct cvk_session *s, const struct demo_job *job, uint32_t runs, struct cvk_tensor *outputs[DEMO_OUTPUTS],
                   struct timing *timing)
{
    struct cvk_tensor *input = job->input;
    struct input_set set = {&input, NULL, 1};
    double ms[DEMO_RUNS];
    int code = measure_once(s, &set, &ms[0]); /* warm-up, not counted */
    for (uint32_t i = 0; i < runs && code == TOOL_GO_ON; i++)
        code = measure_once(s, &set, &ms[i]);
    if (code == TOOL_GO_ON && runs)
        measure_summary(ms, runs, timing);
    return code == TOOL_GO_ON ? read_all(s, outputs) : code;
}

/* The reference's results, which the pictures are made of and all devices are compared with. */
static int run_reference(struct demo *d)
{
    for (uint32_t j = 0; j < DEMO_JOBS; j++) {
        struct cvk_session *s;
        tool_progress("reference: %s", d->jobs[j].name);
        if (session_for(d, &d->jobs[j], "ref", &s) != TOOL_GO_ON)
            return tool_fail(TOOL_FAILED, "the demo compares with the reference backend, and it cannot be had: %s",
                             cvk_error_text());
        int code = run_job(s, &d->jobs[j], 0, d->jobs[j].outputs, NULL);
        cvk_session_destroy(s);
        if (code != TOOL_GO_ON)
            return code;
    }
    return TOOL_GO_ON;
}

static void add_row(struct demo *d, const char *device, const struct demo_job *job, const struct timing *t, double difference,
                    bool good, uint32_t right)
{
    table_add(d->table, "%s", device);
    table_add(d->table, "%s", job->name);
    table_add(d->table, "%lld", (long long)job->batch);
    table_add(d->table, "%.3f", t->median_ms);
    table_add(d->table, "%.0f", t->median_ms > 0 ? (double)job->batch / t->median_ms * 1e3 : 0);
    table_add(d->table, "%.1e", difference);
    if (job->kind == DEMO_LINES)
        table_add(d->table, "%s, %u of %u named right", good ? "agrees" : "WRONG", right, LINE_PICTURES);
    else if (job->kind == DEMO_SHAPES)
        table_add(d->table, "%s, %u of %lld named right", good ? "agrees" : "WRONG", right, (long long)job->batch);
    else
        table_add(d->table, "%s", good ? "agrees" : "WRONG");
}

static int run_on(struct demo *d, const struct demo_job *job, const char *device)
{
    struct cvk_session *s;
    struct cvk_tensor *outputs[DEMO_OUTPUTS] = {NULL};
    struct timing t;
    struct cvk_session_report report;
    char shared[300];
    tool_progress("%s: %s", device, job->name);
    int code = session_for(d, job, device, &s);
    if (code != TOOL_GO_ON) { /* a device that lacks an op shares the work with the reference */
        snprintf(shared, sizeof shared, "%s+ref", device);
        code = session_for(d, job, shared, &s);
    }
    if (code != TOOL_GO_ON || cvk_session_get_report(s, &report) != CVK_OK)
        return tool_fail(TOOL_FAILED, "%s on %s: %s", job->name, device, cvk_error_text());
    code = run_job(s, job, DEMO_RUNS, outputs, &t);
    double difference = 0;
    bool good = true;
    for (uint32_t i = 0; i < DEMO_OUTPUTS && code == TOOL_GO_ON && job->outputs[i]; i++) {
        struct comparison c = compare_tensors(outputs[i], job->outputs[i], DEMO_RTOL, DEMO_ATOL);
        difference = c.max_abs > difference ? c.max_abs : difference;
        good = good && c.same_shape && c.different == 0;
    }
    if (code == TOOL_GO_ON) {
        uint32_t right = job->kind == DEMO_LINES    ? demo_lines_right(cvk_tensor_data(outputs[LINES_PROB]))
                         : job->kind == DEMO_SHAPES ? demo_shapes_right(job, cvk_tensor_data(outputs[0]))
                                                    : 0;
        good = good && (job->kind != DEMO_LINES || right == LINE_PICTURES);
        add_row(d, report.device, job, &t, difference, good, right);
        d->wrong += !good;
        d->runs++;
    }
    for (uint32_t i = 0; i < DEMO_OUTPUTS; i++)
        cvk_tensor_destroy(outputs[i]);
    cvk_session_destroy(s);
    return code;
}

static int run_device(struct demo *d, const char *device)
{
    int code = TOOL_GO_ON;
    for (uint32_t j = 0; j < DEMO_JOBS && code == TOOL_GO_ON; j++)
        code = run_on(d, &d->jobs[(j + DEMO_TRAINED) % DEMO_JOBS], device);
    d->devices++;
    return code;
}

static int run_devices(struct demo *d)
{
    static const char *const names[] = {
        "device", "network", "batch", "median ms", "pictures/s", "largest difference", "against the reference"};
    d->table = table_create("llrrrrl");
    for (uint32_t i = 0; i < 7; i++)
        table_add(d->table, "%s", names[i]);
    if (d->setup.device)
        return run_device(d, d->setup.device);
    /* One device that fails must not hide the others: it is told, and the demo fails at its end. */
    uint32_t failed = 0;
    for (uint32_t i = 0; i < cvk_device_count(d->ctx); i++) {
        struct cvk_device_entry e;
        if (cvk_device_get(d->ctx, i, &e) == CVK_OK && e.status == CVK_OK)
            failed += run_device(d, e.spec) != TOOL_GO_ON;
    }
    if (d->devices == 0)
        return tool_fail(TOOL_FAILED, "no device can be used: convoke devices --why tells the reasons");
    return failed ? TOOL_FAILED : TOOL_GO_ON;
}

static void say_next(const struct demo *d)
{
    char safe[TOOL_TEXT];
    printf("\nThe whole demo on one sheet: %s/demo%s\n", tool_escape(d->folder, safe, sizeof safe), image_extension(3));
    printf("\nTo try next:\n"
           "  convoke devices --why                                       what there is to run on, and what not and why\n"
           "  convoke train \"1x28x28: 8c5-relu-mp2-16c5-relu-mp2-10n\" digits   a net of your own, with curves\n"
           "  convoke explain \"1x28x28: 8c5-relu-mp2-16c5-relu-mp2-10n\"   a network layer by layer\n"
           "  convoke bench \"3x224x224: 64c7s2p3-relu-mp2-gap-1000n\"      how fast it is here\n"
           "  convoke run MODEL.onnx --image PICTURE.jpg --labels NAMES   your own model on your own picture\n");
}

static int do_demo(struct demo *d)
{
    double begin = tool_now_ms();
    uint64_t seed = d->setup.seed ? d->setup.seed : 1;
    const char *named = getenv("CONVOKE_DEVICE");
    if (!d->setup.device && named && named[0] && strcmp(named, "auto") != 0)
        d->setup.device = named; /* what was named gives way to nothing else, here too */
    int code = setup_start(&d->setup, &d->ctx);
    if (code == TOOL_GO_ON)
        code = tool_make_folder(d->folder);
    if (code != TOOL_GO_ON)
        return code;
    printf("[1/5] training a small net to name hand-drawn shapes (seed %llu)\n", (unsigned long long)seed);
    fflush(stdout);
    code = demo_train(d->ctx, d->setup.device, seed, d->epochs, d->folder, &d->jobs[DEMO_TRAINED]);
    if (code != TOOL_GO_ON)
        return code;
    printf("[2/5] building other networks, with weights set by hand\n");
    code = demo_jobs_create(seed, d->jobs);
    if (code != TOOL_GO_ON)
        return code;
    printf("[3/5] computing on the reference\n");
    fflush(stdout);
    code = run_reference(d);
    if (code != TOOL_GO_ON)
        return code;
    tool_progress_done();
    printf("[4/5] computing on %s, each result compared with the reference\n",
           d->setup.device ? "the device asked for" : "every device found");
    fflush(stdout);
    int devices_code = run_devices(d);
    tool_progress_done();
    if (d->runs)
        table_print(d->table, stdout);
    printf("[5/5] writing the pictures\n");
    code = demo_write_shapes(d->folder, &d->jobs[DEMO_TRAINED]);
    if (code == TOOL_GO_ON)
        code = demo_write_pictures(d->folder, &d->jobs[1], &d->jobs[3]);
    if (code != TOOL_GO_ON)
        return code;
    say_next(d);
    printf("\n%u device%s, %.1f s\n", d->devices, d->devices == 1 ? "" : "s", (tool_now_ms() - begin) / 1e3);
    if (devices_code != TOOL_GO_ON)
        return devices_code;
    return d->wrong ? tool_fail(TOOL_MISMATCH, "%u results differ from the reference: see WRONG in the table", d->wrong)
                    : TOOL_OK;
}

int cvk_tool_demo(int argc, char **argv)
{
    struct demo d = {.folder = "convoke-demo", .epochs = 8};
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"out", OPTION_TEXT, &d.folder, "DIR", "folder for the pictures, as DIR (default convoke-demo)", 0, 0},
        {"device", OPTION_TEXT, &d.setup.device, "SPEC", "only this (default: CONVOKE_DEVICE if set, else every device)", 0, 0},
        {"seed", OPTION_COUNT, &d.setup.seed, "N", "of the pictures and of fresh weights (default 1)", 0, 0},
        {"epochs", OPTION_COUNT, &d.epochs, "N", "of the training (default 8)", 1, 1000},
    };
    const struct command command = {.name = "demo",
                                    .summary = "train a net, then run it on every device found, with pictures",
                                    .usage = "[DIR] [OPTION...]",
                                    .about =
                                        "A small net learns to tell hand-drawn shapes apart on the best device (or the one that is named) and "
                                        "becomes an ONNX file, which then runs on every device found. Beside it four 2x2 filters with stride 2 name the direction of lines (convolution, ReLU, pooling, "
                                        "dense layer, softmax, with weights set by hand), Sobel's two 3x3 filters find the edges "
                                        "of a drawing, and a small network gives the devices some work. Nothing is downloaded.",
                                    .examples = "convoke demo\nconvoke demo --out /tmp/demo --device simd\nconvoke demo --seed 7",
                                    ARGS_OPTIONS_OF(options),
                                    .shared = shared,
                                    .shared_count = setup_options(&d.setup, SETUP_THREADS, shared),
                                    .rest_name = "a folder",
                                    .rest_max = 1};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON && rest.count)
        d.folder = rest.items[0];
    if (code == TOOL_GO_ON)
        code = do_demo(&d);
    table_destroy(d.table);
    demo_jobs_free(d.jobs);
    cvk_context_destroy(d.ctx);
    args_free(&rest);
    return code;
}

/* SPDX-License-Identifier: MIT
 * `convoke run`: a model on pictures, on tensors from files, or on a labelled set. */
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "run.h"
#include "trace.h"

int run_session(struct run *run, int64_t batch, int32_t image_input, int64_t height, int64_t width)
{
    int64_t dims[CVK_MAX_RANK];
    if (image_input >= 0 && height > 0) {
        const struct cvk_tensor_desc *d =
            cvk_graph_desc(run->model.graph, cvk_graph_input(run->model.graph, (uint32_t)image_input));
        if (d->rank < 3)
            return tool_fail(TOOL_FAILED, "--size does not fit an input of rank %u", d->rank);
        memcpy(dims, d->dims, sizeof dims);
        if (d->rank > 3)
            dims[0] = batch;
        dims[d->rank - 2] = height;
        dims[d->rank - 1] = width;
        run->set.sizes[image_input].rank = d->rank;
        run->set.sizes[image_input].dims = dims;
    }
    struct cvk_session_params p = setup_params(&run->setup);
    p.batch = batch;
    p.input_count = run->set.count;
    p.inputs = run->set.sizes;
    p.flags |= run->trace ? CVK_SESSION_PROFILE : 0;
    /* The only session: what its kernels pack need not stay in the graph's form too. */
    int32_t status = cvk_session_create_taking(run->ctx, run->model.graph, &p, &run->session);
    run->model.graph = NULL;
    if (image_input >= 0)
        run->set.sizes[image_input] = (struct cvk_session_input){0}; /* dims dies with this call */
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library(run->model.text);
}

int run_write_set(struct run *run)
{
    for (uint32_t i = 0; i < run->set.count; i++)
        if (run->set.tensors[i] && cvk_session_write(run->session, i, run->set.tensors[i]) != CVK_OK)
            return tool_fail_library("");
    return TOOL_GO_ON;
}

int run_once(struct run *run)
{
    double begin = tool_now_ms();
    int32_t status = cvk_session_run(run->session);
    run->run_ms = tool_now_ms() - begin;
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

int run_read(struct run *run, uint32_t i, struct cvk_tensor **out)
{
    const struct cvk_tensor_desc *d = cvk_session_output_desc(run->session, i);
    if (cvk_tensor_create(d->dtype, d->rank, d->dims, out) != CVK_OK || cvk_session_read(run->session, i, *out) != CVK_OK)
        return tool_fail_library("");
    return TOOL_GO_ON;
}

/* The word of the list that speaks of output i: "NAME=FILE", or the i-th without a name. NULL: none. */
static const char *file_for(const struct text_list *words, const char *name, uint32_t i)
{
    uint32_t unnamed = 0;
    const char *file = NULL;
    for (uint32_t k = 0; k < words->count; k++) {
        char *own;
        const char *path = split_name(words->items[k], &own);
        if (own ? strcmp(own, name) == 0 : unnamed++ == i)
            file = path;
        free(own);
    }
    return file;
}

/* Each --output and --check must speak of an output that exists. */
static int names_known(const struct run *run, const struct text_list *words, const char *option)
{
    uint32_t count = cvk_session_output_count(run->session), unnamed = 0;
    for (uint32_t k = 0; k < words->count; k++) {
        char *own;
        split_name(words->items[k], &own);
        bool known = !own && unnamed++ < count;
        const char *names[64], *near = NULL;
        for (uint32_t i = 0; own && i < count; i++) {
            known = known || strcmp(own, cvk_session_output_name(run->session, i)) == 0;
            if (i < 64)
                names[i] = cvk_session_output_name(run->session, i);
        }
        if (own && !known)
            near = tool_nearest(own, names, count < 64 ? count : 64);
        int code = TOOL_GO_ON;
        if (!known && own)
            code = tool_fail(TOOL_USAGE, "--%s: the model has no output '%s'%s%s%s", option, own, near ? "; did you mean '" : "",
                             near ? near : "", near ? "'?" : "");
        else if (!known)
            code = tool_fail(TOOL_USAGE, "--%s: more files than the model's %u outputs", option, count);
        free(own);
        if (code != TOOL_GO_ON)
            return code;
    }
    return TOOL_GO_ON;
}

static int check_output(struct run *run, const char *name, const struct cvk_tensor *got, const char *path, struct json *o)
{
    struct cvk_tensor *want = NULL;
    int code = tensor_read(path, &want);
    if (code != TOOL_GO_ON)
        return code;
    struct comparison c = compare_tensors(got, want, run->rtol, run->atol);
    char text[600];
    bool good = c.same_shape && c.different == 0;
    compare_text(&c, got, want, run->rtol, run->atol, text, sizeof text);
    if (o) {
        json_bool(o, "as_expected", good);
        json_count(o, "different", c.different);
        json_number(o, "max_difference", c.max_abs);
    }
    if (!good)
        code = tool_fail(TOOL_MISMATCH, "output '%s' %s", name, text);
    else if (!run->json)
        printf("output '%s' %s\n", name, text);
    cvk_tensor_destroy(want);
    return code;
}

static void show_output(const char *name, const struct cvk_tensor *t)
{
    char shape[CVK_SHAPE_TEXT], stats[200], safe[TOOL_TEXT];
    const struct cvk_tensor_desc *d = cvk_tensor_get_desc(t);
    struct tensor_stats s = tensor_stats(t);
    printf("output '%s': %s %s, %s\n", tool_escape(name, safe, sizeof safe), cvk_dtype_name(d->dtype), tool_shape(d, shape),
           stats_text(&s, stats, sizeof stats));
    uint64_t shown = s.count < 10 ? s.count : 10;
    for (uint64_t i = 0; i < shown; i++)
        printf("%s%.6g", i ? " " : "  ", cvk_tensor_at(t, i));
    if (shown)
        printf("%s\n", s.count > shown ? " ..." : "");
}

int run_finish_outputs(struct run *run, bool show)
{
    int code = names_known(run, &run->outputs, "output");
    if (code == TOOL_GO_ON)
        code = names_known(run, &run->checks, "check");
    if (code != TOOL_GO_ON)
        return code;
    struct json *list = run->json ? json_list_in(run->json, "outputs") : NULL;
    bool mismatch = false;
    for (uint32_t i = 0; i < cvk_session_output_count(run->session) && code == TOOL_GO_ON; i++) {
        const char *name = cvk_session_output_name(run->session, i);
        const char *save = file_for(&run->outputs, name, i), *check = file_for(&run->checks, name, i);
        struct cvk_tensor *t = NULL;
        struct json *o = NULL;
        code = run_read(run, i, &t);
        if (code == TOOL_GO_ON && list) {
            struct tensor_stats s = tensor_stats(t);
            o = json_item(list);
            json_text(o, "name", name);
            json_text(o, "dtype", cvk_dtype_name(cvk_tensor_get_desc(t)->dtype));
            json_shape(o, "shape", cvk_tensor_get_desc(t));
            json_number(o, "min", s.min);
            json_number(o, "max", s.max);
            json_number(o, "mean", s.mean);
        } else if (code == TOOL_GO_ON && show)
            show_output(name, t);
        if (code == TOOL_GO_ON && save)
            code = run_save(run, name, t, save);
        if (code == TOOL_GO_ON && check)
            code = check_output(run, name, t, check, o);
        if (code == TOOL_MISMATCH) { /* the other outputs are checked as well */
            mismatch = true;
            code = TOOL_GO_ON;
        }
        cvk_tensor_destroy(t);
    }
    return code == TOOL_GO_ON && mismatch ? TOOL_MISMATCH : code;
}

int run_image_input(const struct run *run, int32_t *input)
{
    *input = -1;
    for (uint32_t i = 0; i < run->set.count; i++)
        if (!run->set.tensors[i]) {
            if (*input >= 0)
                return tool_fail(TOOL_USAGE, "pictures could go to input '%s' or '%s': give all others with --input NAME=FILE",
                                 cvk_graph_value_name(run->model.graph, cvk_graph_input(run->model.graph, (uint32_t)*input)),
                                 cvk_graph_value_name(run->model.graph, cvk_graph_input(run->model.graph, i)));
            *input = (int32_t)i;
        }
    return *input >= 0 ? TOOL_GO_ON : tool_fail(TOOL_USAGE, "every input has a file already: there is none left for pictures");
}

/* Inputs from files, or made up with --fill. */
static int run_tensors(struct run *run)
{
    enum input_fill fill = run->fill && strcmp(run->fill, "ramp") == 0 ? FILL_RAMP : FILL_RANDOM;
    for (uint32_t i = 0; i < run->set.count; i++)
        if (!run->set.tensors[i] && !run->fill)
            return tool_fail(TOOL_USAGE,
                             "nothing for input '%s': give --image, --input or --idx, or --fill random to try the model",
                             cvk_graph_value_name(run->model.graph, cvk_graph_input(run->model.graph, i)));
    int code = run_session(run, run->setup.batch ? (int64_t)run->setup.batch : 1, -1, 0, 0);
    for (uint32_t i = 0; i < run->set.count && code == TOOL_GO_ON; i++)
        if (!run->set.tensors[i])
            code = tensor_fill(cvk_session_input_desc(run->session, i), fill, run->setup.seed, i, &run->set.tensors[i]);
    if (code == TOOL_GO_ON)
        code = run_write_set(run);
    if (code == TOOL_GO_ON)
        code = run_once(run);
    return code == TOOL_GO_ON ? run_finish_outputs(run, true) : code;
}

static int check_options(const struct run *run)
{
    if (run->order && strcmp(run->order, "rgb") != 0 && strcmp(run->order, "bgr") != 0)
        return tool_fail(TOOL_USAGE, "--order is rgb or bgr, not '%s'", run->order);
    if (run->fill && strcmp(run->fill, "random") != 0 && strcmp(run->fill, "ramp") != 0)
        return tool_fail(TOOL_USAGE, "--fill is random or ramp, not '%s'", run->fill);
    if ((run->images.count > 0) + (run->idx != NULL) + (run->fill != NULL) > 1)
        return tool_fail(TOOL_USAGE, "--image, --idx and --fill exclude each other");
    if (run->idx_labels && !run->idx)
        return tool_fail(TOOL_USAGE, "--idx-labels goes with --idx");
    for (uint32_t i = 0; i < run->std.count; i++)
        if (run->std.items[i] == 0)
            return tool_fail(TOOL_USAGE, "--std holds a 0, and values are divided by it");
    if (run->rtol < 0 || run->atol < 0)
        return tool_fail(TOOL_USAGE, "--rtol and --atol must not be negative");
    return TOOL_GO_ON;
}

static int do_run(struct run *run, const char *model)
{
    int code = check_options(run);
    if (code == TOOL_GO_ON)
        code = setup_start(&run->setup, &run->ctx);
    if (code == TOOL_GO_ON)
        code = model_load(model, run->setup.seed, &run->model);
    if (code != TOOL_GO_ON)
        return code;
    input_set_create(run->model.graph, &run->set);
    code = input_set_read(&run->set, run->model.graph, &run->inputs);
    if (code != TOOL_GO_ON)
        return code;
    if (run->setup.json) {
        run->json = json_create();
        json_text(run->json, "model", model);
    }
    code = run->idx ? run_idx(run) : run->images.count ? run_images(run) : run_tensors(run);
    struct cvk_session_report report;
    if ((code == TOOL_GO_ON || code == TOOL_MISMATCH) && cvk_session_get_report(run->session, &report) == CVK_OK) {
        if (run->json) {
            json_text(run->json, "device", report.device);
            json_number(run->json, "last_run_ms", run->run_ms);
        } else
            printf("ran on %s; the last run took %.3g ms\n", report.device, run->run_ms);
    }
    if (run->trace && (code == TOOL_GO_ON || code == TOOL_MISMATCH)) {
        int saved = trace_save(run->session, model, run->trace);
        code = saved == TOOL_GO_ON ? code : saved;
    }
    if (run->json && (code == TOOL_GO_ON || code == TOOL_MISMATCH)) {
        int printed = json_finish(run->json);
        run->json = NULL;
        code = printed == TOOL_OK ? code : printed;
    }
    return code == TOOL_GO_ON ? TOOL_OK : code;
}

int cvk_tool_run(int argc, char **argv)
{
    struct run run = {.scale = 1, .rtol = 1e-3, .atol = 1e-5, .top = 5};
    struct option shared[SETUP_OPTIONS];
    const struct option options[] = {
        {"image", OPTION_MANY, &run.images, "FILE...", "pictures: PNG, JPEG, PNM; one run each, or --batch at once", 0, 0},
        {"size", OPTION_TEXT, &run.size, "N|WxH", "bring pictures to this size (default: the model's)", 0, 0},
        {"order", OPTION_TEXT, &run.order, "rgb|bgr", "order of the channels that the model wants (default rgb)", 0, 0},
        {"scale", OPTION_NUMBER, &run.scale, "S", "value = (pixel * S - mean) / std; \"1/255\" is fine (default 1)", 0, 0},
        {"mean", OPTION_NUMBERS, &run.mean, "A[,B,C]", "per channel, in the order that the model gets them (default 0)", 0, 0},
        {"std", OPTION_NUMBERS, &run.std, "A[,B,C]", "the same (default 1)", 0, 0},
        {"labels", OPTION_TEXT, &run.labels, "FILE", "names of the classes, a line each", 0, 0},
        {"top", OPTION_COUNT, &run.top, "K", "how many classes to print (default 5)", 1, 1000000},
        {"idx", OPTION_TEXT, &run.idx, "FILE", "all pictures of an IDX file (MNIST's form), .gz as well", 0, 0},
        {"idx-labels", OPTION_TEXT, &run.idx_labels, "FILE", "their labels; prints the accuracy", 0, 0},
        {"input", OPTION_EACH, &run.inputs, "[NAME=]FILE", "a tensor, .npy or .pb, for the input NAME or the next one", 0, 0},
        {"fill", OPTION_TEXT, &run.fill, "random|ramp", "make up the inputs; ramp: element i of n is i/n", 0, 0},
        {"output", OPTION_EACH, &run.outputs, "[NAME=]FILE", "save an output as .npy, or as .png where it is a picture", 0, 0},
        {"check", OPTION_EACH, &run.checks, "[NAME=]FILE", "compare an output with .npy or .pb; exit code 3 if it differs", 0, 0},
        {"rtol", OPTION_NUMBER, &run.rtol, "R", "allowed: |got - want| <= atol + rtol * |want| (default 1e-3)", 0, 0},
        {"atol", OPTION_NUMBER, &run.atol, "A", "(default 1e-5)", 0, 0},
        {"trace", OPTION_TEXT, &run.trace, "FILE", "write when each node of the last run began and how long it took (trace viewers' JSON)", 0, 0},
    };
    const struct command command = {
        .name = "run",
        .summary = "run a model on pictures, tensors or a labelled set",
        .usage = "MODEL [OPTION...]",
        .model = model_help,
        .about = "Pictures are stretched to the size wanted by bilinear interpolation (half-pixel centres, no smoothing first), "
                 "and made grey for models with one channel (0.299 R + 0.587 G + 0.114 B); transparent parts lie on white. An "
                 "output saved as .png goes the way back: pixel = (value * std + mean) / scale.",
        .examples = "convoke run squeezenet.onnx --image cat.jpg --order bgr --mean 104,117,123 --labels synset_words.txt\n"
                    "convoke run mnist.onnx --idx t10k-images-idx3-ubyte.gz --idx-labels t10k-labels-idx1-ubyte.gz\n"
                    "convoke run model.onnx --input input_0.pb --check output_0.pb\n"
                    "convoke run \"3x32x32: 6c5-relu-gap-10n-softmax\" --image photo.png --scale 1/255 --device ref",
        ARGS_OPTIONS_OF(options),
        .shared = shared,
        .shared_count = setup_options(&run.setup, SETUP_ALL, shared),
        .rest_name = "a MODEL",
        .rest_min = 1,
        .rest_max = 1};
    struct text_list rest = {0};
    int code = args_parse(&command, argc, argv, &rest);
    if (code == TOOL_GO_ON)
        code = do_run(&run, rest.items[0]);
    json_free(run.json);
    cvk_session_destroy(run.session);
    input_set_free(&run.set);
    model_free(&run.model);
    cvk_context_destroy(run.ctx);
    args_free(&rest);
    args_free(&run.images);
    args_free(&run.inputs);
    args_free(&run.outputs);
    args_free(&run.checks);
    return code;
}

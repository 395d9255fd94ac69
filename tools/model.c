/* SPDX-License-Identifier: MIT
 * Context, model and input tensors for the sub-commands. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "convoke/rng.h"
#include "devices.h"

const char *const model_help =
    "MODEL is an .onnx file, or a net in one line with random weights:\n"
    "  \"1x28x28: 8c5-relu-mp2-16c5-relu-mp2-flat-120n-relu-10n-softmax\"\n"
    "CxHxW, then layers: 8c5 is 8 filters of 5x5 (behind it: s2 stride, p1 padding, d2 dilation, g4 groups);\n"
    "dw3 depthwise; mp2 ap2 max and average pooling; gap gmp global pooling; flat; 120n dense; bn; lrn;\n"
    "drop0.5; softmax; relu, tanh and other activations.\n";

uint32_t setup_options(struct setup *s, uint32_t parts, struct option out[SETUP_OPTIONS])
{
    const struct {
        uint32_t part;
        struct option option;
    } all[SETUP_OPTIONS] = {
        {SETUP_BATCH,
         {"batch", OPTION_COUNT, &s->batch, "N", "what a batch that the model leaves open becomes (default 1)", 1,
          SETUP_MOST_BATCH}},
        {SETUP_DEVICE,
         {"device", OPTION_TEXT, &s->device, "SPEC", "where to run, as in CONVOKE_DEVICE; `list` and `help` tell more", 0, 0}},
        {SETUP_THREADS,
         {"threads", OPTION_COUNT, &s->threads, "N", "threads for CPU devices (default: CONVOKE_THREADS, else all CPUs)", 1,
          SETUP_MOST_THREADS}},
        {SETUP_SEED, {"seed", OPTION_COUNT, &s->seed, "N", "of the random weights of a net text (default 1)", 0, 0}},
        {SETUP_LIMITS,
         {"memory-limit", OPTION_COUNT, &s->memory_limit, "BYTES", "refuse a plan that needs more memory (K, M, G allowed)", 1,
          0}},
        {SETUP_LIMITS,
         {"macs-limit", OPTION_COUNT, &s->macs_limit, "N", "refuse a model with more multiply-adds in one run", 1, 0}},
        {SETUP_JSON, {"json", OPTION_FLAG, &s->json, NULL, "print one JSON object instead of text", 0, 0}},
    };
    uint32_t count = 0;
    for (uint32_t i = 0; i < SETUP_OPTIONS; i++)
        if (all[i].part & parts)
            out[count++] = all[i].option;
    return count;
}

/* A warning that is known already (each epoch's evaluation plans anew) is not told again, and no line lands on the progress. */
static void show_log(void *arg, uint32_t level, const char *category, const char *text)
{
    static const char *const names[] = {"error", "warn", "info", "debug", "trace"};
    static char *told[64];
    static uint32_t count;
    (void)arg;
    if (level == CVK_LOG_WARN) {
        for (uint32_t i = 0; i < count; i++)
            if (strcmp(told[i], text) == 0)
                return;
        if (count < sizeof told / sizeof *told)
            told[count++] = tool_copy(text);
    }
    tool_progress_done();
    fprintf(stderr, "convoke: %s: %s: %s\n", level < sizeof names / sizeof *names ? names[level] : "trace", category, text);
}

int setup_start(const struct setup *s, struct cvk_context **ctx)
{
    *ctx = NULL;
    if (s->device && strcmp(s->device, "help") == 0) {
        fputs(cvk_device_grammar(), stdout);
        return TOOL_OK;
    }
    if (s->json) {
        int go_on = json_available();
        if (go_on != TOOL_GO_ON)
            return go_on;
    }
    struct cvk_context_params p = {.threads = (uint32_t)s->threads, .memory_limit_bytes = s->memory_limit, .log = show_log};
    if (cvk_context_create(&p, ctx) != CVK_OK)
        return tool_fail_library("");
    if (s->device && strcmp(s->device, "list") == 0) {
        devices_print_list(*ctx);
        cvk_context_destroy(*ctx);
        *ctx = NULL;
        return TOOL_OK;
    }
    return TOOL_GO_ON;
}

struct setup setup_as_written(const struct setup *s, const struct cvk_context *ctx)
{
    struct setup plain = *s;
    for (uint32_t i = 0; i < cvk_plugin_count(ctx); i++) {
        struct cvk_plugin_entry entry;
        if (cvk_plugin_get(ctx, i, &entry) == CVK_OK && entry.plugin && entry.plugin->flags & CVK_PLUGIN_REFERENCE)
            plain.device = entry.name;
    }
    return plain;
}

struct cvk_session_params setup_params(const struct setup *s)
{
    return (struct cvk_session_params){
        .device = s->device, .batch = (int64_t)s->batch, .memory_limit_bytes = s->memory_limit, .macs_limit = s->macs_limit};
}

int model_load(const char *text, uint64_t seed, struct model *out)
{
    *out = (struct model){.text = text};
    struct stat st;
    bool file = stat(text, &st) == 0,
         net = text[0] >= '0' && text[0] <= '9' && strchr(text, ':') && !tool_ends_with(text, ".onnx");
    if (!file && !net) {
        if (strchr(text, '/') || strchr(text, '.'))
            return tool_fail(TOOL_FAILED, "%s: no such file", text);
        return tool_fail(TOOL_USAGE, "'%s' is neither a file nor a net text such as \"1x28x28: 8c5-relu-mp2-10n-softmax\"", text);
    }
    if (file && S_ISDIR(st.st_mode))
        return tool_fail(TOOL_FAILED, "%s is a folder; name the .onnx file in it", text);
    double begin = tool_now_ms();
    int32_t status = file ? cvk_onnx_load(text, NULL, &out->graph) : cvk_graph_from_text(text, seed ? seed : 1, &out->graph);
    out->load_ms = tool_now_ms() - begin;
    if (status != CVK_OK)
        return tool_fail_library(file ? text : "");
    if (cvk_graph_status(out->graph) != CVK_OK) {
        int code = tool_fail(TOOL_FAILED, "%s: %s", text, cvk_graph_error(out->graph));
        model_free(out);
        return code;
    }
    return TOOL_GO_ON;
}

void model_free(struct model *m)
{
    cvk_graph_destroy(m->graph);
    m->graph = NULL;
}

const char *split_name(const char *text, char **name)
{
    *name = NULL;
    const char *equals = strchr(text, '=');
    struct stat st;
    if (!equals || equals == text || stat(text, &st) == 0) /* a file may have '=' in its name */
        return text;
    *name = tool_copy(text);
    (*name)[equals - text] = '\0';
    return equals + 1;
}

int tensor_read(const char *path, struct cvk_tensor **out)
{
    int32_t status;
    if (tool_ends_with(path, ".pb"))
        status = cvk_onnx_read_tensor(path, NULL, out, NULL);
    else if (tool_ends_with(path, ".npy"))
        status = cvk_tensor_read_npy(path, 0, out);
    else
        return tool_fail(TOOL_USAGE, "%s: tensors are read from .npy and .pb files, told by the name's ending", path);
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

void input_set_create(const struct cvk_graph *g, struct input_set *set)
{
    set->count = cvk_graph_input_count(g);
    set->tensors = tool_alloc(set->count, sizeof *set->tensors);
    set->sizes = tool_alloc(set->count, sizeof *set->sizes);
}

void input_set_free(struct input_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        cvk_tensor_destroy(set->tensors[i]);
    free(set->tensors);
    free(set->sizes);
    *set = (struct input_set){NULL, NULL, 0};
}

static int find_input(const struct input_set *set, const struct cvk_graph *g, const char *name, uint32_t *out)
{
    const char *names[64];
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const char *have = cvk_graph_value_name(g, cvk_graph_input(g, i));
        if (name ? strcmp(have, name) == 0 : !set->tensors[i]) {
            *out = i;
            return TOOL_GO_ON;
        }
        if (count < 64)
            names[count++] = have;
    }
    if (!name)
        return tool_fail(TOOL_USAGE, "more files for --input than the model's %u inputs", set->count);
    const char *near = tool_nearest(name, names, count);
    return tool_fail(TOOL_USAGE, "the model has no input '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
                     near ? "'?" : "");
}

static int read_one(struct input_set *set, const struct cvk_graph *g, const char *name, const char *path)
{
    uint32_t i;
    int go_on = find_input(set, g, name, &i);
    if (go_on != TOOL_GO_ON)
        return go_on;
    if (set->tensors[i])
        return tool_fail(TOOL_USAGE, "input '%s' is given twice", name);
    go_on = tensor_read(path, &set->tensors[i]);
    if (go_on != TOOL_GO_ON)
        return go_on;
    const struct cvk_tensor_desc *have = cvk_tensor_get_desc(set->tensors[i]), *want = cvk_graph_desc(g, cvk_graph_input(g, i));
    if (want && have->dtype != want->dtype)
        return tool_fail(TOOL_FAILED, "%s holds %s, but input '%s' is %s: convert the file", path, cvk_dtype_name(have->dtype),
                         cvk_graph_value_name(g, cvk_graph_input(g, i)), cvk_dtype_name(want->dtype));
    set->sizes[i].rank = have->rank;
    set->sizes[i].dims = have->dims;
    set->sizes[i].content = cvk_tensor_data(set->tensors[i]);
    return TOOL_GO_ON;
}

int input_set_read(struct input_set *set, const struct cvk_graph *g, const struct text_list *words)
{
    int go_on = TOOL_GO_ON;
    for (uint32_t i = 0; i < words->count && go_on == TOOL_GO_ON; i++) {
        char *name;
        const char *path = split_name(words->items[i], &name);
        go_on = read_one(set, g, name, path);
        free(name);
    }
    return go_on;
}

int tensor_fill(const struct cvk_tensor_desc *desc, enum input_fill fill, uint64_t seed, uint32_t stream, struct cvk_tensor **out)
{
    if (cvk_tensor_create(desc->dtype, desc->rank, desc->dims, out) != CVK_OK)
        return tool_fail_library("");
    void *data = cvk_tensor_data(*out);
    uint64_t n = cvk_tensor_count(*out);
    for (uint64_t i = 0; i < n; i++) {
        double x = fill == FILL_RAMP ? (double)i / (double)n : cvk_rng_normal(seed, stream, i);
        uint64_t bit = cvk_rng_bits(seed, stream, i) & 1; /* 0 and 1 are safe as indices, flags and counts */
        switch (desc->dtype) {
        case CVK_F32:
            ((float *)data)[i] = (float)x;
            break;
        case CVK_F64:
            ((double *)data)[i] = x;
            break;
        case CVK_I64:
        case CVK_U64:
            ((uint64_t *)data)[i] = bit;
            break;
        case CVK_I32:
        case CVK_U32:
            ((uint32_t *)data)[i] = (uint32_t)bit;
            break;
        case CVK_I16:
        case CVK_U16:
            ((uint16_t *)data)[i] = (uint16_t)bit;
            break;
        case CVK_I8:
        case CVK_U8:
        case CVK_BOOL:
            ((uint8_t *)data)[i] = (uint8_t)bit;
            break;
        default:
            cvk_tensor_destroy(*out);
            *out = NULL;
            return tool_fail(TOOL_FAILED, "made-up inputs of type %s are not supported: give --input",
                             cvk_dtype_name(desc->dtype));
        }
    }
    return TOOL_GO_ON;
}

/* SPDX-License-Identifier: MIT
 * The `convoke` command: finds the sub-command and hands over to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "tool.h"

struct entry {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};

static const struct entry entries[] = {
    {"devices", "list the devices, and why others cannot be used", cvk_tool_devices},
    {"train", "train a net on a data set; curves, checkpoints, an ONNX file at the end", cvk_tool_train},
    {"eval", "how good a model is on a data set: accuracy, every class, confusion", cvk_tool_eval},
    {"run", "run a model on pictures, tensors or a labelled set; check its outputs", cvk_tool_run},
    {"explain", "a model layer by layer: sizes, work, receptive field, what runs where", cvk_tool_explain},
    {"bench", "how long a model takes, after its result was found right", cvk_tool_bench},
    {"tune", "measure which kernels are the fastest for a model; later runs use them", cvk_tool_tune},
    {"info", "sizes and values of pictures, tensors and models", cvk_tool_info},
    {"demo", "a net trained, then run on every device found, with pictures: the place to begin", cvk_tool_demo},
    {"conform", "check every kernel of a backend against the reference", cvk_tool_conform},
};
#define ENTRIES ((uint32_t)(sizeof entries / sizeof entries[0]))

static void print_help(FILE *to)
{
    fprintf(to, "convoke - convolutional networks on any device\n\nUsage: convoke COMMAND [OPTION...]\n\nCommands:\n");
    for (uint32_t i = 0; i < ENTRIES; i++)
        fprintf(to, "  %-9s %s\n", entries[i].name, entries[i].summary);
    fprintf(to, "\nOptions:\n"
                "  --help     this text; convoke COMMAND --help tells more\n"
                "  --version  version, and what was left out of this build\n"
                "\nEnvironment:\n"
                "  CONVOKE_DEVICE       where to run, such as simd, opencl:gpu or opencl:0,ref; `help` prints the grammar, "
                "`list` the devices\n"
                "  CONVOKE_PLUGIN_PATH  folders with backend plugins, full paths with ':' between them\n"
                "  CONVOKE_PROBE        off: do not try those plugins in a child process first; or seconds to wait for one\n"
                "  CONVOKE_THREADS      threads for CPU devices\n"
                "  CONVOKE_KERNEL       forced or banned kernels, such as conv:fwd=winograd_f4\n"
                "  CONVOKE_SELFTEST     kernels that a driver compiled: on (each is tested once for a driver), off, always\n"
                "  CONVOKE_TUNE         quick or full: measure the kernels when a session is made, as `tune` does\n"
                "  CONVOKE_MEMORY_LIMIT planned memory of one session at most, such as 2G\n"
                "  CONVOKE_CHECK        nan: fail at the first node that makes a NaN\n"
                "  CONVOKE_LOG          error, warn (the default), info, debug or trace; or with categories:\n"
                "                       info,load,select\n"
                "\nExit codes: 0 all well; 1 the work failed; 2 wrong use of the command; 3 a check found a wrong result.\n");
}

static int print_version(void)
{
    char missing[512] = "";
    snprintf(missing, sizeof missing, "%s", cvk_missing_features());
#ifndef TOOL_WITH_JSON
    snprintf(missing + strlen(missing), sizeof missing - strlen(missing), "%sjson: built without jansson",
             missing[0] ? "; " : "");
#endif
    printf("convoke %s\n", cvk_version());
    if (missing[0])
        printf("left out of this build: %s\n", missing);
    return TOOL_OK;
}

/* CONVOKE_DEVICE=help or list answers whatever command was meant, unless --device overrides the variable. */
static int device_words(int argc, char **argv)
{
    const char *device = getenv("CONVOKE_DEVICE");
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--device") == 0 || strncmp(argv[i], "--device=", 9) == 0)
            device = NULL;
    if (device && strcmp(device, "help") == 0) {
        fputs(cvk_device_grammar(), stdout);
        return TOOL_OK;
    }
    if (!device || strcmp(device, "list") != 0)
        return TOOL_GO_ON;
    struct cvk_context *ctx = NULL;
    if (cvk_context_create(NULL, &ctx) != CVK_OK)
        return tool_fail_library("");
    devices_print_list(ctx);
    cvk_context_destroy(ctx);
    return TOOL_OK;
}

/* --version is answered behind every command, unless --help is asked for too. */
static bool wants_version(int argc, char **argv)
{
    bool version = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return false;
        version = version || strcmp(argv[i], "--version") == 0;
    }
    return version;
}

static int dispatch(int argc, char **argv)
{
    int code = device_words(argc, argv);
    if (code != TOOL_GO_ON)
        return code;
    if (argc < 2) {
        print_help(stderr);
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        for (uint32_t i = 0; argc > 2 && i < ENTRIES; i++)
            if (strcmp(argv[2], entries[i].name) == 0)
                return entries[i].run(2, (char *[]){argv[2], "--help", NULL});
        print_help(stdout);
        return TOOL_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    const char *names[ENTRIES];
    for (uint32_t i = 0; i < ENTRIES; i++) {
        names[i] = entries[i].name;
        if (strcmp(argv[1], entries[i].name) == 0)
            return wants_version(argc - 1, argv + 1) ? print_version() : entries[i].run(argc - 1, argv + 1);
    }
    const char *near = tool_nearest(argv[1], names, ENTRIES);
    if (near)
        return tool_fail(TOOL_USAGE, "there is no command '%s'; did you mean %s?", argv[1], near);
    return tool_fail(TOOL_USAGE, "there is no command '%s'; see convoke --help", argv[1]);
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    /* A full disk or a closed pipe must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == TOOL_OK && errno != EPIPE)
        code = tool_fail(TOOL_FAILED, "the output could not be written: %s", strerror(errno));
    return code;
}

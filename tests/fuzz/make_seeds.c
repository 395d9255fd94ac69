/* SPDX-License-Identifier: MIT
 * Writes the seeds of the fuzz targets: small models with every kind of field and op, and device texts.
 *
 *   make_seeds FOLDER STAMP     makes FOLDER/onnx and FOLDER/device, then the empty file STAMP
 */
#include <sys/stat.h>

#include "../onnx/pbwrite.h"
#include "convoke/convoke.h"

static char folder[3000];

static void save(const char *kind, const char *name, const void *data, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", folder, kind, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f)) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
}

static void save_model(const char *name, struct pb graph, int64_t opset)
{
    struct pb m = pb_model(graph, opset);
    save("onnx", name, m.data, m.bytes);
    pb_free(&m);
}

/* Ops of x (1x1x4x4), with w (2x1x3x3) or s (two i64) where they want more. */
static void save_ops(void)
{
    static const char *const ops[][2] = {{"Relu", "x"},
                                         {"Clip", "x"},
                                         {"Add", "x x"},
                                         {"Sum", "x x x"},
                                         {"ReduceMean", "x"},
                                         {"ArgMax", "x"},
                                         {"Softmax", "x"},
                                         {"Reshape", "x s"},
                                         {"Flatten", "x"},
                                         {"Squeeze", "x"},
                                         {"Transpose", "x"},
                                         {"Shape", "x"},
                                         {"GlobalMaxPool", "x"},
                                         {"Conv", "x w"},
                                         {"ConvTranspose", "x w"},
                                         {"MatMul", "x x"},
                                         {"Where", "x x x"},
                                         {"Slice", "x s s"},
                                         {"Pad", "x s"},
                                         {"Expand", "x s"},
                                         {"Tile", "x s"},
                                         {"Gather", "x s"},
                                         {"TopK", "x s"},
                                         {"OneHot", "s s s"},
                                         {"ConstantOfShape", "s"},
                                         {"Dropout", "x"},
                                         {"Resize", "x - - s"},
                                         {"Range", "s s s"},
                                         {"If", "x"},
                                         {"Identity", "x"},
                                         {"NegativeLogLikelihoodLoss", "x s"},
                                         {"BatchNormalization", "x w w w w"},
                                         {"LayerNormalization", "x w"}};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        save_model(ops[i][0], pb_graph_of(pb_node(ops[i][0], "n", ops[i][1], "y")), 13 + (int64_t)(i % 5));
}

static void save_attributes(void)
{
    struct pb conv = pb_node("Conv", "c", "x w", "y");
    pb_attr_text(&conv, "auto_pad", "SAME_UPPER");
    pb_attr_ints(&conv, "strides", 2, (const int64_t[]){2, 1});
    pb_attr_ints(&conv, "dilations", 2, (const int64_t[]){1, 2});
    pb_attr_int(&conv, "group", 1);
    save_model("conv_attributes", pb_graph_of(conv), 11);
    struct pb pool = pb_node("MaxPool", "p", "x", "y");
    pb_attr_ints(&pool, "kernel_shape", 2, (const int64_t[]){2, 2});
    pb_attr_ints(&pool, "pads", 4, (const int64_t[]){0, 1, 1, 0});
    pb_attr_int(&pool, "ceil_mode", 1);
    save_model("pool_attributes", pb_graph_of(pool), 12);
    struct pb constant = pb_node("Constant", "k", "", "y"), list = {0};
    for (int i = 0; i < 4; i++)
        pb_float(&list, 7, (float)i);
    pb_attr(&constant, "value_floats", 6, list);
    save_model("constant_floats", pb_graph_of(constant), 13);
    struct pb lrn = pb_node("LRN", "l", "x", "y");
    pb_attr_int(&lrn, "size", 3);
    pb_attr_float(&lrn, "alpha", 0.01f);
    save_model("lrn", pb_graph_of(lrn), 13);
    struct pb sub = {0}, branch = pb_graph_of(pb_node("Relu", NULL, "x", "y")), node = pb_node("Strange", "s", "x", "y");
    pb_child(&sub, 6, branch);
    pb_attr(&node, "body", 5, sub);
    save_model("subgraph", pb_graph_of(node), 13);
}

static void save_tensors(void)
{
    struct pb typed = pb_tensor_head("t", DT_INT32, 2, (const int64_t[]){2, 2}), packed = {0},
              node = pb_node("Constant", "k", "", "y");
    for (int i = 0; i < 4; i++)
        pb_varint(&packed, (uint64_t)(int64_t)(i - 2));
    pb_block(&typed, 5, packed.data, packed.bytes);
    pb_free(&packed);
    pb_attr_tensor(&node, "value", typed);
    save_model("typed", pb_graph_of(node), 9);
    node = pb_node("Constant", "k", "", "y");
    pb_attr_tensor(&node, "value", pb_external("e", 2, "data.bin", "0", "8"));
    save_model("external", pb_graph_of(node), 13);
    struct pb g = pb_graph_of(pb_node("Add", NULL, "x z", "y")), sparse = {0},
              words = pb_tensor_head("z", DT_STRING, 1, (const int64_t[]){1});
    pb_text(&words, 6, "text");
    pb_child(&g, GRAPH_TENSOR, words);
    save_model("strings", g, 13);
    g = pb_graph_of(pb_node("Relu", NULL, "x", "y"));
    pb_child(&sparse, 1, pb_tensor("sp", DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4));
    pb_child(&sparse, 2, pb_tensor("si", DT_INT64, 1, (const int64_t[]){1}, "12345678", 8));
    pb_int(&sparse, 3, 7);
    pb_child(&g, 15, sparse);
    save_model("sparse", g, 13);
}

/* A convolution with the gradients of its input and weights, and a step of an optimiser for the weights. */
static void save_training(void)
{
    static const float rate = 0.1f;
    static const int64_t step = 1;
    struct pb node = pb_node("Gradient", "d", "x w", "dx dw"), names = {0}, update = pb_node("Momentum", "m", "r t w dw w", "y v");
    pb_text(&node, 7, "ai.onnx.preview.training");
    pb_names(&names, 9, "x w");
    pb_attr(&node, "xs", 8, names);
    pb_attr_text(&node, "y", "h");
    pb_text(&update, 7, "ai.onnx.preview.training");
    pb_attr_text(&update, "mode", "nesterov");
    pb_attr_float(&update, "alpha", 0.5f);
    pb_attr_float(&update, "beta", 0.5f);
    pb_attr_float(&update, "norm_coefficient", 0.01f);
    struct pb g = pb_graph_of(pb_node("Conv", "c", "x w", "h"));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("r", DT_FLOAT, 0, NULL, &rate, sizeof rate));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("t", DT_INT64, 0, NULL, &step, sizeof step));
    pb_child(&g, GRAPH_NODE, node);
    pb_child(&g, GRAPH_NODE, update);
    pb_child(&g, GRAPH_OUTPUT, pb_value("dx", DT_FLOAT, -1, NULL));
    save_model("training", g, 13);
}

/* Nets whose weights can be trained. */
static void save_nets(void)
{
    static const char *const texts[] = {"2x6x6: 4c3-bn-relu-mp2-3n-softmax", "2x4x4: res(2c3p1-bn-relu-2c3p1-bn)-relu-drop0.5-gap-2n",
                                        "1x4x4: 2t2-tanh-dw3p1-up2-ap2-lrn-flat-2n-sigmoid", "6: 5n-silu-3n-softmax"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct cvk_graph *g = NULL;
        char path[4200];
        snprintf(path, sizeof path, "%s/onnx/net%zu", folder, i);
        if (cvk_graph_from_text(texts[i], 1, &g) != CVK_OK || cvk_onnx_save(g, path, NULL) != CVK_OK)
            fprintf(stderr, "%s is left out: %s\n", texts[i], cvk_error_text());
        cvk_graph_destroy(g);
    }
}

static void save_devices(void)
{
    static const char *const texts[] = {"",
                                        "auto",
                                        "help",
                                        "list",
                                        "ref",
                                        "ref:0",
                                        "ref:cpu",
                                        "simd(threads=4),ref",
                                        "opencl:gpu+simd",
                                        "opencl:nvidia:0(a=b,c=d)",
                                        "ref,,ref",
                                        "ref+",
                                        "uuid=",
                                        "x:uuid=00:pci=0000:01:00.0",
                                        "ref(",
                                        "ref:99999999999999999999",
                                        "\x1b[31m",
                                        "\xff\xfe"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02zu", i);
        save("device", name, texts[i], strlen(texts[i]));
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 3 || strlen(argv[1]) >= sizeof folder) {
        fprintf(stderr, "usage: make_seeds FOLDER STAMP\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s", argv[1]);
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/onnx", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/device", folder);
    mkdir(path, 0777);
    save_ops();
    save_attributes();
    save_tensors();
    save_training();
    save_nets();
    save_devices();
    FILE *stamp = fopen(argv[2], "wb");
    return !stamp || fclose(stamp);
}

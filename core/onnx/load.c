/* SPDX-License-Identifier: MIT
 * The public calls: a model is scanned, what the scan leaves is unpacked by protobuf-c within a memory limit, and built into a
 * graph. The contents of tensors go from the input to their final place in one step, so that they are in memory once. */
#include "import.h"

#include <fcntl.h>
#include <unistd.h>

#define MAX_NESTING 1000 /* both walks call themselves once per level */

/* Unpacked messages take more memory than their bytes; small ones up to a hundred times as much. What 100,000 nodes need fits. */
#define UNPACK_BASE_BYTES ((uint64_t)256 << 20)

static int32_t fill_limits(const struct cvk_onnx_limits *given, struct cvk_onnx_limits *out)
{
    *out = given ? *given : (struct cvk_onnx_limits){0};
    if (out->external_data > 1)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_limits.external_data is %u; it must be 0 or 1", out->external_data);
    if (out->nesting > MAX_NESTING)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_limits.nesting is %u; at most %d are possible", out->nesting, MAX_NESTING);
    out->file_bytes = out->file_bytes ? out->file_bytes : (uint64_t)2 << 30;
    out->tensor_bytes = out->tensor_bytes ? out->tensor_bytes : (uint64_t)2 << 30;
    out->nodes = out->nodes ? out->nodes : 100000;
    out->tensors = out->tensors ? out->tensors : 200000;
    out->name_bytes = out->name_bytes ? out->name_bytes : 4096;
    out->nesting = out->nesting ? out->nesting : 64;
    return CVK_OK;
}

/* ---- memory of protobuf-c ---- */

struct budget {
    uint64_t left;
    bool exceeded, failed;
};

static void *budget_alloc(void *arg, size_t bytes)
{
    struct budget *b = arg;
    if (bytes > b->left) {
        b->exceeded = true;
        return NULL;
    }
    b->left -= bytes;
    void *memory = cvk__alloc(CVK__TAG_ONNX, bytes);
    b->failed |= !memory;
    return memory;
}

static void budget_free(void *arg, void *memory)
{
    (void)arg;
    cvk__free(memory);
}

/* Scans the input and unpacks what the scan leaves. *out is freed with protobuf_c_message_free_unpacked. */
static int32_t unpack(const struct cvk__onnx_source *source, enum cvk__onnx_root root, ProtobufCAllocator *allocator,
                      ProtobufCMessage **out)
{
    struct budget *b = allocator->allocator_data;
    struct cvk__onnx_stream s = {.in = &source->in};
    *out = NULL;
    int32_t status = cvk__onnx_scan(&s, root, &source->limits);
    uint64_t limit = b->left = UNPACK_BASE_BYTES + 2 * s.out_bytes;
    if (status == CVK_OK) {
        *out =
            protobuf_c_message_unpack(root == CVK__ONNX_MODEL ? &onnx__model_proto__descriptor : &onnx__tensor_proto__descriptor,
                                      allocator, (size_t)s.out_bytes, s.out);
        if (!*out && b->exceeded)
            status = cvk__fail(CVK_E_LIMIT, "ONNX: unpacking %llu bytes would take more than %llu bytes of memory",
                               (unsigned long long)s.out_bytes, (unsigned long long)limit);
        else if (!*out && b->failed)
            status = cvk__fail_memory(s.out_bytes, "unpacking ONNX");
        else if (!*out)
            status = cvk__fail(CVK_E_FORMAT, "ONNX: the bytes are no message that protobuf-c can unpack");
    }
    cvk__onnx_stream_finish(&s);
    return status;
}

/* ---- models ---- */

/* The folder of a file, for external data; -1 if it cannot be opened. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *folder = cvk__strdup(CVK__TAG_ONNX, path);
    if (!folder)
        return -1;
    folder[slash == path ? 1 : slash - path] = 0;
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cvk__free(folder);
    return dir;
}

static int32_t load(const struct cvk__onnx_source *source, struct cvk_graph **out)
{
    struct budget budget = {0};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message;
    CVK__TRY(unpack(source, CVK__ONNX_MODEL, &allocator, &message));
    int32_t status = cvk__onnx_build((const Onnx__ModelProto *)(const void *)message, source, out);
    protobuf_c_message_free_unpacked(message, &allocator);
    return status;
}

/* Opens a file, and its folder if external data may be read. */
static int32_t open_source(const char *path, const struct cvk_onnx_limits *limits, struct cvk__onnx_source *source)
{
    *source = (struct cvk__onnx_source){.dir = -1};
    CVK__TRY(fill_limits(limits, &source->limits));
    CVK__TRY(cvk__onnx_input_open(path, source->limits.file_bytes, &source->in));
    if (source->limits.external_data)
        source->dir = open_folder(path);
    return CVK_OK;
}

/* Ends work on a file: its name goes in front of a failure. */
static int32_t close_source(struct cvk__onnx_source *source, const char *path, int32_t status)
{
    char shown[200];
    if (source->dir >= 0)
        close(source->dir);
    cvk__onnx_input_close(&source->in);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "file '%s': ", cvk__text_escape(path, shown, sizeof shown));
}

int32_t cvk_onnx_load(const char *path, const struct cvk_onnx_limits *limits, struct cvk_graph **out)
{
    if (out)
        *out = NULL;
    if (!path || !out)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_load: path or out is NULL");
    struct cvk__onnx_source source;
    CVK__TRY(open_source(path, limits, &source));
    return close_source(&source, path, load(&source, out));
}

int32_t cvk_onnx_load_memory(const void *data, uint64_t bytes, const struct cvk_onnx_limits *limits, struct cvk_graph **out)
{
    if (out)
        *out = NULL;
    if (!out || (!data && bytes))
        return cvk__fail(CVK_E_ARG, "cvk_onnx_load_memory: data or out is NULL");
    struct cvk__onnx_source source = {.in = {.memory = data, .fd = -1, .bytes = bytes}, .dir = -1};
    CVK__TRY(fill_limits(limits, &source.limits));
    if (bytes > source.limits.file_bytes)
        return cvk__fail(CVK_E_LIMIT, "ONNX model of %llu bytes; the limit is %llu", (unsigned long long)bytes,
                         (unsigned long long)source.limits.file_bytes);
    return load(&source, out);
}

/* ---- tensors ---- */

static int32_t make_tensor(const Onnx__TensorProto *t, const struct cvk__onnx_source *source, struct cvk_tensor **out,
                           char **name)
{
    struct cvk__onnx_data d;
    CVK__TRY(cvk__onnx_tensor_read(source, t, &d));
    int32_t status = cvk_tensor_create(d.dtype, d.rank, d.dims, out);
    if (status == CVK_OK && d.bytes)
        memcpy(cvk_tensor_data(*out), d.data, d.bytes);
    cvk__free(d.data);
    if (status == CVK_OK && name && !(*name = cvk__strdup(CVK__TAG_MISC, t->name ? t->name : ""))) {
        status = cvk__fail_memory(strlen(t->name ? t->name : ""), "a name");
        cvk_tensor_destroy(*out);
        *out = NULL;
    }
    return status;
}

int32_t cvk_onnx_read_tensor(const char *path, const struct cvk_onnx_limits *limits, struct cvk_tensor **out, char **name)
{
    if (out)
        *out = NULL;
    if (name)
        *name = NULL;
    if (!path || !out)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_read_tensor: path or out is NULL");
    struct cvk__onnx_source source;
    CVK__TRY(open_source(path, limits, &source));
    struct budget budget = {0};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message;
    int32_t status = unpack(&source, CVK__ONNX_TENSOR, &allocator, &message);
    if (status == CVK_OK) {
        status = make_tensor((const Onnx__TensorProto *)(const void *)message, &source, out, name);
        protobuf_c_message_free_unpacked(message, &allocator);
    }
    return close_source(&source, path, status);
}

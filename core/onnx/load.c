/* SPDX-License-Identifier: MIT
 * The public calls: a file is read whole, scanned, unpacked by protobuf-c within a memory limit, and built into a graph. */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
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

static int32_t unpack(const void *data, uint64_t bytes, const ProtobufCMessageDescriptor *descriptor,
                      ProtobufCAllocator *allocator, ProtobufCMessage **out)
{
    struct budget *b = allocator->allocator_data;
    b->left = UNPACK_BASE_BYTES + 2 * bytes;
    uint64_t limit = b->left;
    *out = protobuf_c_message_unpack(descriptor, allocator, (size_t)bytes, data);
    if (*out)
        return CVK_OK;
    if (b->exceeded)
        return cvk__fail(CVK_E_LIMIT, "ONNX: unpacking %llu bytes would take more than %llu bytes of memory",
                         (unsigned long long)bytes, (unsigned long long)limit);
    if (b->failed)
        return cvk__fail_memory(bytes, "unpacking ONNX");
    return cvk__fail(CVK_E_FORMAT, "ONNX: the bytes are no message that protobuf-c can unpack");
}

/* ---- files ---- */

static int32_t read_whole(int fd, char *data, uint64_t bytes, const char *shown)
{
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n = read(fd, data + done, (size_t)(bytes - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cvk__fail(CVK_E_IO, "file '%s': %s after %llu of %llu bytes", shown, n < 0 ? strerror(errno) : "it ended",
                             (unsigned long long)done, (unsigned long long)bytes);
        done += (uint64_t)n;
    }
    return CVK_OK;
}

static int32_t read_file(const char *path, uint64_t limit, char **data, uint64_t *bytes)
{
    char shown[200];
    cvk__text_escape(path, shown, sizeof shown);
    *data = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* O_NONBLOCK: opening a FIFO must not hang */
    if (fd < 0)
        return cvk__fail(CVK_E_IO, "file '%s': %s", shown, strerror(errno));
    struct stat st;
    int32_t status = CVK_OK;
    if (fstat(fd, &st))
        status = cvk__fail(CVK_E_IO, "file '%s': %s", shown, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = cvk__fail(CVK_E_IO, "file '%s': not a regular file", shown);
    else if ((uint64_t)st.st_size > limit)
        status = cvk__fail(CVK_E_LIMIT, "file '%s': %llu bytes; the limit is %llu", shown, (unsigned long long)st.st_size,
                           (unsigned long long)limit);
    if (status == CVK_OK) {
        *bytes = (uint64_t)st.st_size;
        *data = cvk__alloc_buffer(CVK__TAG_ONNX, *bytes);
        status = *data ? read_whole(fd, *data, *bytes, shown) : cvk__fail_memory(*bytes, "a file");
    }
    close(fd);
    if (status != CVK_OK) {
        cvk__free(*data);
        *data = NULL;
    }
    return status;
}

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

/* Frees data as soon as it is unpacked, if it is ours. */
static int32_t load(const void *data, uint64_t bytes, char *own, const struct cvk__onnx_source *source, struct cvk_graph **out)
{
    struct budget budget = {0};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message = NULL;
    int32_t status = cvk__onnx_scan(data, bytes, CVK__ONNX_MODEL, &source->limits);
    if (status == CVK_OK)
        status = unpack(data, bytes, &onnx__model_proto__descriptor, &allocator, &message);
    cvk__free(own);
    if (status != CVK_OK)
        return status;
    status = cvk__onnx_build((const Onnx__ModelProto *)(const void *)message, source, out);
    protobuf_c_message_free_unpacked(message, &allocator);
    return status;
}

int32_t cvk_onnx_load(const char *path, const struct cvk_onnx_limits *limits, struct cvk_graph **out)
{
    if (out)
        *out = NULL;
    if (!path || !out)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_load: path or out is NULL");
    struct cvk__onnx_source source = {.dir = -1};
    CVK__TRY(fill_limits(limits, &source.limits));
    char *data;
    uint64_t bytes;
    CVK__TRY(read_file(path, source.limits.file_bytes, &data, &bytes));
    if (source.limits.external_data)
        source.dir = open_folder(path);
    int32_t status = load(data, bytes, data, &source, out);
    if (source.dir >= 0)
        close(source.dir);
    if (status != CVK_OK) {
        char shown[200];
        cvk__fail_in(status, "file '%s': ", cvk__text_escape(path, shown, sizeof shown));
    }
    return status;
}

int32_t cvk_onnx_load_memory(const void *data, uint64_t bytes, const struct cvk_onnx_limits *limits, struct cvk_graph **out)
{
    if (out)
        *out = NULL;
    if (!out || (!data && bytes))
        return cvk__fail(CVK_E_ARG, "cvk_onnx_load_memory: data or out is NULL");
    struct cvk__onnx_source source = {.dir = -1};
    CVK__TRY(fill_limits(limits, &source.limits));
    if (bytes > source.limits.file_bytes)
        return cvk__fail(CVK_E_LIMIT, "ONNX model of %llu bytes; the limit is %llu", (unsigned long long)bytes,
                         (unsigned long long)source.limits.file_bytes);
    return load(data, bytes, NULL, &source, out);
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
    struct cvk__onnx_source source = {.dir = -1};
    CVK__TRY(fill_limits(limits, &source.limits));
    char *data;
    uint64_t bytes;
    CVK__TRY(read_file(path, source.limits.file_bytes, &data, &bytes));
    struct budget budget = {0};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message = NULL;
    int32_t status = cvk__onnx_scan(data, bytes, CVK__ONNX_TENSOR, &source.limits);
    if (status == CVK_OK)
        status = unpack(data, bytes, &onnx__tensor_proto__descriptor, &allocator, &message);
    cvk__free(data);
    if (status == CVK_OK) {
        if (source.limits.external_data)
            source.dir = open_folder(path);
        status = make_tensor((const Onnx__TensorProto *)(const void *)message, &source, out, name);
        if (source.dir >= 0)
            close(source.dir);
        protobuf_c_message_free_unpacked(message, &allocator);
    }
    if (status != CVK_OK) {
        char shown[200];
        cvk__fail_in(status, "file '%s': ", cvk__text_escape(path, shown, sizeof shown));
    }
    return status;
}

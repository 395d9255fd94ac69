/* SPDX-License-Identifier: MIT
 * A plugin from the past: built against a frozen, shorter copy of the boundary's structs, as a plugin file made long ago is. It
 * includes nothing of Convoke's and must load and run for ever. Do not update it when plugin.h grows. */
#include <stdint.h>
#include <string.h>

struct old_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    void *ctx;
    void *(*alloc)(const struct old_host *host, uint64_t bytes, uint64_t align);
    void (*free)(const struct old_host *host, void *memory);
};

struct old_tensor {
    uint32_t size, dtype, layout, rank;
    int64_t dims[8];
    uint64_t bytes;
};

struct old_node {
    uint32_t size, op, pass, flags;
    const char *name;
    const void *params;
    uint32_t input_count, output_count;
    const struct old_tensor *const *inputs;
    const struct old_tensor *const *outputs;
};

struct old_query {
    uint32_t size, layout_x;
    const struct old_host *host;
    void *device;
    const struct old_node *node;
};

struct old_binding {
    void *buffer;
    uint64_t offset, bytes;
};

struct old_exec {
    uint32_t size, reserved;
    const struct old_host *host;
    void *device, *queue;
    const struct old_node *node;
    const void *plan;
    const struct old_binding *inputs, *outputs;
};

struct old_kernel { /* no finish */
    uint32_t size, op, pass, flags;
    const char *name;
    uint32_t dtypes, layouts_x, layouts_y, epilogues;
    uint64_t activations;
    int32_t (*plan)(const struct old_query *q, void *plan);
    int32_t (*build)(struct old_exec *e);
    int32_t (*run)(struct old_exec *e);
};

struct old_info { /* no uuid, no pci */
    uint32_t size, kind;
    uint64_t caps, memory_bytes, max_alloc_bytes;
    uint32_t offset_align, compute_units;
    char name[128], vendor[64], driver[128], platform[128];
};

struct old_device_api { /* ends after close */
    uint32_t size, reserved;
    int32_t (*count)(const struct old_host *host, uint32_t *count);
    int32_t (*info)(const struct old_host *host, uint32_t index, struct old_info *out);
    int32_t (*open)(const struct old_host *host, uint32_t index, void **device);
    void (*close)(const struct old_host *host, void *device);
};

struct old_plugin { /* built twice: with and without its last two members */
    uint32_t size;
    uint16_t abi_major, abi_minor;
    uint32_t flags, sanitizer;
    uint64_t isa;
    int32_t rank;
    uint32_t kernel_count, kernel_stride, option_count, option_stride, reserved;
    const char *name, *vendor, *version, *revision, *license, *url, *summary;
    const struct old_kernel *kernels;
#if defined(OLD_WITH_DEVICE)
    const void *options;
    const struct old_device_api *device;
#endif
};

enum { OLD_UNARY = 6, OLD_OK = 0, OLD_CPU = 1, OLD_HOST_MEMORY = 1 };

/* Doubles: unlike what any unary op does, so that a test sees who ran. */
static int32_t run_double(struct old_exec *e)
{
    const float *x = (const float *)((const char *)e->inputs[0].buffer + e->inputs[0].offset);
    float *y = (float *)((char *)e->outputs[0].buffer + e->outputs[0].offset);
    for (uint64_t i = 0; i < e->outputs[0].bytes / sizeof *y; i++)
        y[i] = 2 * x[i];
    return OLD_OK;
}

/* What lies behind the shorter row is no part of it, and no host may take it for one. */
static const struct {
    struct old_kernel rows[1];
    uint64_t behind[4];
} table = {{{.size = sizeof table.rows[0], .op = OLD_UNARY, .name = "double", .run = run_double}}, {1, 2, 3, 4}};

#if defined(OLD_WITH_DEVICE)
static int32_t info(const struct old_host *host, uint32_t index, struct old_info *out)
{
    (void)host;
    (void)index;
    out->kind = OLD_CPU;
    out->caps = OLD_HOST_MEMORY;
    strcpy(out->name, "a device of the past");
    return OLD_OK;
}

static const struct old_device_api device = {.size = sizeof device, .info = info};
#endif

static const struct old_plugin self = {
    .size = sizeof self,
    .abi_major = 1,
    .abi_minor = 0,
    .rank = -10,
    .kernel_count = 1,
    .kernel_stride = sizeof table.rows[0],
    .name = "old",
    .version = "0.9",
    .license = "MIT",
    .kernels = table.rows,
#if defined(OLD_WITH_DEVICE)
    .device = &device,
#endif
};

__attribute__((visibility("default"))) int32_t cvk_plugin_query(const struct old_host *host, struct old_plugin *out);
int32_t cvk_plugin_query(const struct old_host *host, struct old_plugin *out)
{
    (void)host;
    uint32_t bytes = out->size < self.size ? out->size : self.size;
    memcpy(out, &self, bytes);
    out->size = bytes;
    return OLD_OK;
}

/* SPDX-License-Identifier: MIT
 * A plugin whose device has memory of its own behind handles, as a GPU has: reshape, which copies; one row writes
 * a byte too much. */
#include <convoke/plugin_cpu.h>

/* A buffer: the host cannot use its address as memory. */
struct far_buffer {
    const struct cvk_host *host;
    uint64_t bytes;
    char *content;
};

static int32_t open_device(const struct cvk_host *host, uint32_t index, void **device)
{
    (void)index;
    *device = (void *)(uintptr_t)host; /* all that the device needs */
    return CVK_OK;
}

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host, (void)index;
    out->kind = CVK_DEVICE_ACCEL;
    out->offset_align = 256;
    snprintf(out->name, sizeof out->name, "memory of its own");
    return CVK_OK;
}

static int32_t alloc_buffer(void *device, uint64_t bytes, void **buffer)
{
    const struct cvk_host *host = device;
    struct far_buffer *b = host->alloc(host, sizeof *b, 0);
    char *content = b ? host->alloc(host, bytes, 0) : NULL;
    if (!content) {
        host->free(host, b);
        return cvk_fail(host, CVK_E_MEMORY, "no memory for %llu bytes", (unsigned long long)bytes);
    }
    *b = (struct far_buffer){host, bytes, content};
    *buffer = b;
    return CVK_OK;
}

static void free_buffer(void *device, void *buffer)
{
    const struct cvk_host *host = device;
    host->free(host, ((struct far_buffer *)buffer)->content);
    host->free(host, buffer);
}

static int32_t write_buffer(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    (void)device, (void)queue;
    memcpy(((struct far_buffer *)buffer)->content + offset, src, bytes);
    return CVK_OK;
}

static int32_t read_buffer(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    (void)device, (void)queue;
    memcpy(dst, ((struct far_buffer *)buffer)->content + offset, bytes);
    return CVK_OK;
}

static int32_t run_copy(struct cvk_exec *e)
{
    const struct far_buffer *x = e->inputs[0].buffer, *y = e->outputs[0].buffer;
    memcpy(y->content + e->outputs[0].offset, x->content + e->inputs[0].offset, e->outputs[0].bytes);
    return CVK_OK;
}

static int32_t run_spill(struct cvk_exec *e)
{
    struct far_buffer *y = e->outputs[0].buffer;
    y->content[e->outputs[0].offset + e->outputs[0].bytes]++;
    return run_copy(e);
}

static const struct cvk_kernel rows[] = {
    {.size = sizeof rows[0], .op = CVK_OP_RESHAPE, .name = "copy", .dtypes = 0xffffffff, .run = run_copy},
    {.size = sizeof rows[0], .op = CVK_OP_RESHAPE, .name = "spills", .dtypes = 0xffffffff, .run = run_spill},
};

static const struct cvk_device_api api = {.size = sizeof api, .info = info, .open = open_device, .alloc = alloc_buffer,
                                          .free = free_buffer, .write = write_buffer, .read = read_buffer};

static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD, .name = "far_memory", .version = "1.0.0", .license = "MIT",
                                         .kernels = rows, .kernel_count = 2, .kernel_stride = sizeof rows[0], .device = &api};

CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    return cvk_plugin_answer(host, out, &plugin);
}

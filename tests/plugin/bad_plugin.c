/* SPDX-License-Identifier: MIT
 * Plugins that break the contract, one fault each: compiled once per fault with its name of bad_plugins.h defined. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "convoke/plugin_cpu.h"

#define UNREADABLE ((void *)(uintptr_t)0x10)

static int32_t run(struct cvk_exec *e)
{
    (void)e;
    return CVK_OK;
}

#define ROW(...)                                                                                                                 \
    {                                                                                                                            \
        .size = sizeof(struct cvk_kernel), .op = CVK_OP_UNARY, .name = "one", .run = run, __VA_ARGS__                            \
    }

#if defined(__GNUC__) /* a fault overrides a member that is right in all other plugins */
#pragma GCC diagnostic ignored "-Woverride-init"
#if defined(__clang__)
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif
#endif

static const struct cvk_kernel rows[] = {
    ROW(.flags = 0),
#if defined(BAD_ROW_SIZE_ZERO)
    ROW(.name = "two", .size = 0),
#elif defined(BAD_ROW_SIZE_LIES)
    ROW(.name = "two", .size = 4096),
#elif defined(BAD_ROW_NO_NAME)
    ROW(.name = NULL),
#elif defined(BAD_ROW_NAME_ILL)
    ROW(.name = "Two Words"),
#elif defined(BAD_ROW_NAME_GARBAGE)
    ROW(.name = UNREADABLE),
#elif defined(BAD_ROW_DUPLICATE)
    ROW(.flags = 0),
#elif defined(BAD_ROW_NO_RUN)
    ROW(.name = "two", .run = NULL),
#elif defined(BAD_ROW_RUN_GARBAGE)
    ROW(.name = "two", .plan = (int32_t(*)(const struct cvk_query *, struct cvk_plan *))UNREADABLE),
#elif defined(BAD_ROW_NO_OP)
    ROW(.name = "two", .op = CVK_OP_NONE),
#elif defined(GOOD_UNKNOWN_OP)
    ROW(.name = "two", .op = 60000),
    ROW(.name = "three", .pass = 77),
#endif
};

#if defined(WITH_OPTIONS)
static const struct cvk_option options[] = {
    {.size = sizeof(struct cvk_option), .key = "threads", .help = "how many"},
#if defined(BAD_OPTION_KEY)
    {.size = sizeof(struct cvk_option), .key = "no=good"},
#elif defined(BAD_OPTION_TWICE)
    {.size = sizeof(struct cvk_option), .key = "threads"},
#else
    {.size = sizeof(struct cvk_option), .key = "other", .help = "two\nlines"},
#endif
};
#endif

#if defined(WITH_DEVICE)
#if defined(BAD_DEVICE_MANY)
#define DEVICES 1000000
#elif defined(BAD_DEVICE_NONE)
#define DEVICES 0
#else
#define DEVICES 1
#endif

static int32_t device_alloc(void *device, uint64_t bytes, void **buffer)
{
    (void)device;
    (void)bytes;
    (void)buffer;
    return CVK_E_MEMORY;
}
static void device_free(void *device, void *buffer)
{
    (void)device;
    (void)buffer;
}
#if !defined(BAD_DEVICE_HALF)
static int32_t device_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    (void)device;
    (void)queue;
    (void)buffer;
    (void)offset;
    (void)src;
    (void)bytes;
    return 12345; /* no status at all */
}
static int32_t device_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    (void)device;
    (void)queue;
    (void)buffer;
    (void)offset;
    (void)dst;
    (void)bytes;
    return CVK_E_DEVICE;
}
#endif
static int32_t device_count(const struct cvk_host *host, uint32_t *count)
{
    (void)host;
    *count = DEVICES;
    return CVK_OK;
}
static int32_t device_open(const struct cvk_host *host, uint32_t index, void **device)
{
    (void)index;
    *device = NULL;
#if defined(BAD_OPEN_TELLS)
    struct cvk_failure f = {.size = sizeof f,
                            .status = CVK_E_DEVICE,
                            .native_code = -11,
                            .native_name = "CL_BUILD_PROGRAM_FAILURE",
                            .text = "kernel relu does not compile",
                            .detail = "line 7: no semicolon",
                            .advice = "update the driver"};
    return host->fail(host, &f);
#elif defined(BAD_OPEN_SILENT)
    (void)host;
    return CVK_E_DEVICE;
#else
    (void)host;
    return CVK_OK;
#endif
}
static const struct cvk_device_api device = {
    .size = sizeof device,
    .count = device_count,
    .open = device_open,
    .alloc = device_alloc,
    .free = device_free,
#if defined(BAD_DEVICE_HALF)
    .write = NULL,
    .read = NULL,
#else
    .write = device_write,
    .read = device_read,
#endif
#if defined(BAD_DEVICE_SIZE)
    .size = 4,
#elif defined(BAD_DEVICE_CODE)
    .count = (int32_t(*)(const struct cvk_host *, uint32_t *))UNREADABLE,
#endif
};
#endif

static const struct cvk_plugin plugin = {
    CVK_PLUGIN_HEAD,
    .name = "bad",
    .version = "1.2.3",
    .license = "MIT",
    .kernels = rows,
    .kernel_count = sizeof rows / sizeof rows[0],
    .kernel_stride = sizeof rows[0],
#if defined(BAD_MAJOR)
    .abi_major = CVK_ABI_MAJOR + 1,
#elif defined(BAD_SIZE_ZERO)
    .size = 0,
#elif defined(BAD_SIZE_SMALL)
    .size = 40,
#elif defined(BAD_COUNT)
    .kernel_count = 4000000000u,
#elif defined(BAD_STRIDE_SMALL)
    .kernel_stride = 16,
#elif defined(BAD_STRIDE_ODD)
    .kernel_stride = sizeof rows[0] + 3,
#elif defined(BAD_ROWS_NULL)
    .kernels = NULL,
#elif defined(BAD_ROWS_GARBAGE)
    .kernels = UNREADABLE,
#elif defined(BAD_NAME_MISSING)
    .name = NULL,
#elif defined(BAD_NAME_ILL)
    .name = "Not A Name",
#elif defined(BAD_NAME_RESERVED)
    .name = "auto",
#elif defined(BAD_NAME_GARBAGE)
    .name = UNREADABLE,
#elif defined(BAD_NAME_LONG)
    .name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
#elif defined(BAD_VERSION_MISSING)
    .version = NULL,
#elif defined(BAD_LICENSE_MISSING)
    .license = NULL,
#elif defined(BAD_SUMMARY_CONTROL)
    .summary = "red \033[31m letters",
#elif defined(BAD_ISA)
    .isa = 1ull << 63,
#elif defined(BAD_SANITIZER)
    .sanitizer = CVK_SANITIZER_HERE == CVK_SANITIZER_THREAD ? CVK_SANITIZER_ADDRESS : CVK_SANITIZER_THREAD,
#elif defined(WITH_OPTIONS)
    .options = options,
    .option_count = 2,
    .option_stride = sizeof options[0],
#elif defined(BAD_DEVICE_GARBAGE)
    .device = UNREADABLE,
#elif defined(WITH_DEVICE)
    .device = &device,
#endif
};

#if defined(BAD_CONSTRUCTOR)
__attribute__((constructor)) static void crash_early(void)
{
    raise(SIGSEGV);
}
#endif

int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
{
#if defined(BAD_EXIT)
    exit(0);
#elif defined(BAD_EXIT_AT_ONCE)
    _exit(3);
#elif defined(BAD_CRASH)
    *(volatile int *)UNREADABLE = 1;
#elif defined(BAD_ABORT)
    abort();
#elif defined(BAD_ENDLESS)
    for (;;)
        pause();
#elif defined(BAD_QUERY_FAILS)
    return cvk_fail(host, CVK_E_UNSUPPORTED, "needs at least %d wheels", 4);
#elif defined(BAD_QUERY_SILENT)
    return CVK_E_DEVICE;
#endif
    int32_t status = cvk_plugin_answer(host, out, &plugin);
#if defined(BAD_SIZE_ZERO)
    out->size = 0;
#elif defined(BAD_SIZE_LIES)
    out->size = 1000000;
#elif defined(BAD_OVERRUN)
    memset((char *)out + sizeof *out, 0, 64);
#endif
    return status;
}

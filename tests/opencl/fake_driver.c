/* SPDX-License-Identifier: MIT
 * An OpenCL driver that computes nothing and misbehaves as its file is called: copies named crash_devices.so, hang.so,
 * two-b.so. A dash ends the behaviour. Each process that asks for its platforms adds a line to the file in FAKE_DRIVER_LOG. */
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct _cl_platform_id {
    const cl_icd_dispatch *dispatch;
};
struct _cl_device_id {
    const cl_icd_dispatch *dispatch;
    cl_uint index;
};
struct _cl_context {
    const cl_icd_dispatch *dispatch;
};
struct _cl_command_queue {
    const cl_icd_dispatch *dispatch;
};

static cl_icd_dispatch table;
static struct _cl_platform_id platform = {&table};
static struct _cl_device_id devices[3] = {{&table, 0}, {&table, 1}, {&table, 2}};
static struct _cl_context context = {&table};
static struct _cl_command_queue queue = {&table};
static char path[4096], name[256];

static int is(const char *behaviour)
{
    size_t length = strlen(behaviour);
    return strncmp(name, behaviour, length) == 0 && (name[length] == '-' || name[length] == 0);
}

static void die(void)
{
    raise(SIGSEGV);
}

static void learn_name(void)
{
    Dl_info self;
    if (!dladdr(path, &self))
        abort();
    const char *slash = strrchr(self.dli_fname, '/');
    snprintf(path, sizeof path, "%s", self.dli_fname);
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : self.dli_fname);
    *strchr(name, '.') = 0;
}

static int count_pairs(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)size;
    *(int *)count += strstr(info->dlpi_name, "/pair") != NULL;
    return 0;
}

static cl_int give(const void *value, size_t bytes, size_t room, void *out, size_t *out_bytes)
{
    if (out && room < bytes)
        return CL_INVALID_VALUE;
    if (out)
        memcpy(out, value, bytes);
    if (out_bytes)
        *out_bytes = bytes;
    return CL_SUCCESS;
}

#define TEXT(value) give(value, strlen(value) + 1, room, out, out_bytes)

static cl_int CL_API_CALL platform_info(cl_platform_id id, cl_platform_info what, size_t room, void *out, size_t *out_bytes)
{
    (void)id;
    switch (what) {
    case CL_PLATFORM_NAME: return TEXT(name);
    case CL_PLATFORM_VERSION: return TEXT(" OpenCL  1.2 fake ");
    case CL_PLATFORM_EXTENSIONS: return TEXT("cl_khr_icd");
    case CL_PLATFORM_ICD_SUFFIX_KHR: return TEXT("FAKE");
    default: return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL device_ids(cl_platform_id id, cl_device_type type, cl_uint room, cl_device_id *out, cl_uint *count)
{
    (void)id;
    cl_uint n = is("two") ? 2 : is("odd") ? 3 : is("none") ? 0 : 1;
    if (is("crash_devices"))
        die();
    if (!(type & CL_DEVICE_TYPE_GPU) || n == 0)
        return CL_DEVICE_NOT_FOUND;
    for (cl_uint i = 0; out && i < n && i < room; i++)
        out[i] = &devices[i];
    if (count)
        *count = n;
    return CL_SUCCESS;
}

static cl_int odd_name(cl_uint index, size_t room, void *out, size_t *out_bytes)
{
    if (index == 0)
        return TEXT("  Gr\xc3\xbc\xc3\x9f e\t\x1b[31m \xff\xc3( \xed\xa0\x80  ");
    if (index == 1) {
        /* 126 bytes, then a character of two that would be the 127th and the 128th. */
        char text[256];
        memset(text, 'a', sizeof text);
        strcpy(text + 126, "\xc3\xbc and more");
        return TEXT(text);
    }
    return give("unended", 7, room, out, out_bytes);
}

static cl_int CL_API_CALL device_info(cl_device_id id, cl_device_info what, size_t room, void *out, size_t *out_bytes)
{
    static const cl_uint pci[4] = {0, 0x81, 0x1f, 7};
    static const unsigned char uuid[16] = {0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb};
    cl_bool yes = CL_TRUE, no = CL_FALSE, available = !is("unavailable"), compiler = !is("no_compiler");
    cl_device_type type = CL_DEVICE_TYPE_GPU;
    cl_uint units = 40, align = is("odd") ? 8 * 96 : 8;
    cl_ulong memory = (cl_ulong)8 << 30, part = (cl_ulong)2 << 30;
    char text[300];
    if (is("crash_info") && what == CL_DEVICE_NAME)
        die();
    switch (what) {
    case CL_DEVICE_NAME:
        if (is("odd"))
            return odd_name(id->index, room, out, out_bytes);
        snprintf(text, sizeof text, " %s  device %u ", name, id->index);
        return TEXT(text);
    case CL_DEVICE_VENDOR: return TEXT("Fakes Ltd");
    case CL_DRIVER_VERSION: return TEXT("7.8");
    case CL_DEVICE_VERSION: return is("old") ? TEXT("OpenCL 1.1 fake") : TEXT("OpenCL 1.2 fake");
    case CL_DEVICE_OPENCL_C_VERSION: return TEXT("OpenCL C 1.2");
    case CL_DEVICE_EXTENSIONS:
        return is("nvidia") ? TEXT("cl_nv_device_attribute_query")
               : is("amd")  ? TEXT("cl_amd_device_attribute_query")
               : is("bare") ? TEXT("cl_khr_device_uuid_not cl_khr_fp16x")
                            : TEXT("cl_khr_device_uuid cl_khr_fp16 cl_khr_pci_bus_info");
    case CL_DEVICE_TYPE: return give(&type, sizeof type, room, out, out_bytes);
    case CL_DEVICE_AVAILABLE: return give(&available, sizeof available, room, out, out_bytes);
    case CL_DEVICE_COMPILER_AVAILABLE: return give(&compiler, sizeof compiler, room, out, out_bytes);
    case CL_DEVICE_ENDIAN_LITTLE: return give(&yes, sizeof yes, room, out, out_bytes);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: return give(is("two") ? &yes : &no, sizeof yes, room, out, out_bytes);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return give(&units, sizeof units, room, out, out_bytes);
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN: return give(&align, sizeof align, room, out, out_bytes);
    case CL_DEVICE_GLOBAL_MEM_SIZE: return give(&memory, sizeof memory, room, out, out_bytes);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: return give(&part, sizeof part, room, out, out_bytes);
    case 0x1033 /* CL_DEVICE_HALF_FP_CONFIG */: return give(&part, sizeof part, room, out, out_bytes);
    case 0x106A /* CL_DEVICE_UUID_KHR */: return give(uuid, sizeof uuid, room, out, out_bytes);
    case 0x410F /* CL_DEVICE_PCI_BUS_INFO_KHR */: return give(pci, sizeof pci, room, out, out_bytes);
    case 0x4008 /* CL_DEVICE_PCI_BUS_ID_NV */: return give(&(cl_uint){0x65}, 4, room, out, out_bytes);
    case 0x4009 /* CL_DEVICE_PCI_SLOT_ID_NV */: return give(&(cl_uint){3 << 3 | 1}, 4, room, out, out_bytes);
    case 0x400A /* CL_DEVICE_PCI_DOMAIN_ID_NV */: return give(&(cl_uint){0x10}, 4, room, out, out_bytes);
    case 0x4037 /* CL_DEVICE_TOPOLOGY_AMD */: {
        unsigned char topology[24] = {1, [21] = 0xc3, [22] = 2, [23] = 1};
        return give(topology, sizeof topology, room, out, out_bytes);
    }
    default: return CL_INVALID_VALUE;
    }
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint count, const cl_device_id *ids,
                                             void(CL_CALLBACK *tell)(const char *, const void *, size_t, void *), void *arg,
                                             cl_int *code)
{
    (void)properties, (void)count, (void)ids, (void)tell, (void)arg;
    if (is("crash_context"))
        die();
    *code = CL_SUCCESS;
    return &context;
}

static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id id, cl_command_queue_properties properties,
                                                 cl_int *code)
{
    (void)c, (void)id, (void)properties;
    *code = CL_SUCCESS;
    return &queue;
}

static cl_int CL_API_CALL release_queue(cl_command_queue q)
{
    (void)q;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL release_context(cl_context c)
{
    (void)c;
    return CL_SUCCESS;
}

static void write_log(void)
{
    static int written;
    FILE *f = getenv("FAKE_DRIVER_LOG") && !written++ ? fopen(getenv("FAKE_DRIVER_LOG"), "a") : NULL;
    if (f) {
        fprintf(f, "%s %d\n", name, (int)getpid());
        fclose(f);
    }
}

static int first_time(void)
{
    char marker[4100];
    snprintf(marker, sizeof marker, "%s.seen", path);
    FILE *f = fopen(marker, "wx");
    if (f)
        fclose(f);
    return f != NULL;
}

static cl_int CL_API_CALL platform_ids(cl_uint room, cl_platform_id *out, cl_uint *count)
{
    int pairs = 0;
    write_log();
    dl_iterate_phdr(count_pairs, &pairs);
    if (is("crash") || (is("pair") && pairs > 1) || (is("once") && first_time()))
        die();
    if (is("exit"))
        exit(0);
    if (is("_exit"))
        _exit(3);
    for (int fd = 3; is("hang_apart") && fd < 100; fd++)
        close(fd);
    while (is("hang") || is("hang_apart"))
        pause();
    if (is("chatter"))
        puts("chatter"), fflush(stdout);
    table.clGetPlatformInfo = platform_info;
    table.clGetDeviceIDs = device_ids;
    table.clGetDeviceInfo = device_info;
    table.clCreateContext = create_context;
    table.clReleaseContext = release_context;
    table.clCreateCommandQueue = create_queue;
    table.clReleaseCommandQueue = release_queue;
    if (out && room)
        *out = &platform;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id id, cl_platform_info what, size_t room, void *out, size_t *out_bytes)
{
    return platform_info(id, what, room, out, out_bytes);
}

EXPORT void *CL_API_CALL clGetExtensionFunctionAddress(const char *function)
{
    if (strcmp(function, "clIcdGetPlatformIDsKHR") == 0)
        return (void *)(uintptr_t)platform_ids;
    if (strcmp(function, "clGetPlatformInfo") == 0)
        return (void *)(uintptr_t)platform_info;
    return NULL;
}

__attribute__((constructor)) static void loaded(void)
{
    learn_name();
    if (is("crash_load"))
        die();
}

/* SPDX-License-Identifier: MIT
 * The list of devices: asked for once in a process, in the order of the loader's platforms and the platforms' devices. */
#include "drivers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define MAX_FOUND 1000
#define MAX_TEXT_BYTES (1 << 20)

/* What a driver knows under numbers that the headers of OpenCL 1.2 do not name. */
#define DEVICE_HALF_FP_CONFIG 0x1033
#define DEVICE_UUID 0x106A
#define DEVICE_PCI_BUS_INFO 0x410F
#define DEVICE_PCI_BUS_ID_NV 0x4008
#define DEVICE_PCI_SLOT_ID_NV 0x4009
#define DEVICE_PCI_DOMAIN_ID_NV 0x400A
#define DEVICE_TOPOLOGY_AMD 0x4037

static struct {
    pthread_mutex_t lock;
    bool made;
    struct ocl_found *at;
    uint32_t count, room;
    char nothing[256]; /* why there is no device */
} list = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- texts of drivers --------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at s, 0 if it is none. */
static uint32_t character_bytes(const char *s)
{
    const unsigned char *c = (const unsigned char *)s;
    uint32_t bytes = c[0] < 0x80                   ? 1
                     : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
                     : (c[0] & 0xf0) == 0xe0       ? 3
                     : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                                   : 0;
    for (uint32_t i = 1; i < bytes; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    /* Too long a form, a half of a pair, beyond the last. */
    bool bad = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf0 && c[1] < 0x90) ||
               (c[0] == 0xf4 && c[1] >= 0x90);
    return bytes > 1 && bad ? 0 : bytes;
}

/* Adds a text without spaces at its ends or several in a row, and whole characters only. */
static void add_tidy(char *out, uint32_t bytes, const char *text)
{
    uint32_t n = (uint32_t)strlen(out), step;
    bool space = n > 0;
    for (; text && *text; text += step ? step : 1) {
        step = character_bytes(text);
        if ((unsigned char)*text <= ' ' || *text == 0x7f) {
            space = n > 0;
            continue;
        }
        if (n + space + (step ? step : 1) >= bytes)
            break;
        if (space)
            out[n++] = ' ';
        space = false;
        if (step)
            memcpy(out + n, text, step);
        else
            out[n] = '?';
        n += step ? step : 1;
        out[n] = 0;
    }
}

/* A text of the driver, for free(); NULL if it gives none. */
static char *device_text(cl_device_id id, cl_device_info what)
{
    size_t bytes = 0;
    if (clGetDeviceInfo(id, what, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0 || bytes > MAX_TEXT_BYTES)
        return NULL;
    char *text = calloc(bytes + 1, 1); /* not every driver ends its texts */
    if (text && clGetDeviceInfo(id, what, bytes, text, NULL) != CL_SUCCESS) {
        free(text);
        text = NULL;
    }
    return text;
}

static char *platform_text(cl_platform_id id, cl_platform_info what)
{
    size_t bytes = 0;
    if (clGetPlatformInfo(id, what, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0 || bytes > MAX_TEXT_BYTES)
        return NULL;
    char *text = calloc(bytes + 1, 1);
    if (text && clGetPlatformInfo(id, what, bytes, text, NULL) != CL_SUCCESS) {
        free(text);
        text = NULL;
    }
    return text;
}

static uint64_t device_number(cl_device_id id, cl_device_info what, size_t bytes)
{
    uint64_t value = 0;
    uint32_t small = 0;
    if (clGetDeviceInfo(id, what, bytes, bytes == sizeof small ? (void *)&small : (void *)&value, NULL) != CL_SUCCESS)
        return 0;
    return bytes == sizeof small ? small : value;
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at && (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}

/* ---- one device --------------------------------------------------------------------------------------------------------- */

static void ask_place(cl_device_id id, const char *extensions, struct cvk_device_info *info)
{
    cl_uint at[4] = {0};
    unsigned char topology[24] = {0}; /* kind, in four bytes, ..., bus, device, function */
    if (has_word(extensions, "cl_khr_pci_bus_info") &&
        clGetDeviceInfo(id, DEVICE_PCI_BUS_INFO, sizeof at, at, NULL) == CL_SUCCESS) {
        ;
    } else if (has_word(extensions, "cl_nv_device_attribute_query") &&
               clGetDeviceInfo(id, DEVICE_PCI_BUS_ID_NV, sizeof at[1], &at[1], NULL) == CL_SUCCESS) {
        cl_uint slot = (cl_uint)device_number(id, DEVICE_PCI_SLOT_ID_NV, sizeof slot);
        at[0] = (cl_uint)device_number(id, DEVICE_PCI_DOMAIN_ID_NV, sizeof slot);
        at[2] = slot >> 3;
        at[3] = slot & 7;
    } else if (has_word(extensions, "cl_amd_device_attribute_query") &&
               clGetDeviceInfo(id, DEVICE_TOPOLOGY_AMD, sizeof topology, topology, NULL) == CL_SUCCESS && topology[0] == 1) {
        at[1] = topology[21], at[2] = topology[22], at[3] = topology[23];
    } else {
        return;
    }
    snprintf(info->pci, sizeof info->pci, "%04x:%02x:%02x.%x", at[0] & 0xffff, at[1] & 0xff, at[2] & 0x1f, at[3] & 7);
}

static void ask_uuid(cl_device_id id, const char *extensions, struct cvk_device_info *info)
{
    unsigned char uuid[16];
    if (has_word(extensions, "cl_khr_device_uuid") && clGetDeviceInfo(id, DEVICE_UUID, sizeof uuid, uuid, NULL) == CL_SUCCESS)
        for (uint32_t i = 0; i < sizeof uuid; i++)
            snprintf(info->uuid + 2 * i, 3, "%02x", uuid[i]);
}

static void ask_sizes(cl_device_id id, struct cvk_device_info *info)
{
    uint64_t kind = device_number(id, CL_DEVICE_TYPE, sizeof(cl_device_type));
    info->kind = kind & CL_DEVICE_TYPE_GPU ? CVK_DEVICE_GPU : kind & CL_DEVICE_TYPE_CPU ? CVK_DEVICE_CPU : CVK_DEVICE_ACCEL;
    info->memory_bytes = device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    info->max_alloc_bytes = device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    info->compute_units = (uint32_t)device_number(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint));
    uint64_t align = device_number(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof(cl_uint)) / 8;
    info->offset_align = CVK_ALIGN_BYTES;
    while (info->offset_align < align) /* bits / 8 need be no power of two */
        info->offset_align *= 2;
    info->caps = CVK_CAP_F16_STORAGE /* vload_half is in every OpenCL */ | CVK_CAP_DETERMINISTIC | CVK_CAP_SELF_TEST;
    if (device_number(id, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof(cl_bool)))
        info->caps |= CVK_CAP_UNIFIED_MEMORY;
}

static void ask_usable(cl_device_id id, const char *version, struct ocl_found *found)
{
    int major = 0, minor = 0;
    if (!version || sscanf(version, "OpenCL %d.%d", &major, &minor) != 2)
        snprintf(found->broken, sizeof found->broken, "its driver does not tell a version of OpenCL: install another");
    else if (major < 1 || (major == 1 && minor < 2))
        snprintf(found->broken, sizeof found->broken, "it has OpenCL %d.%d, and 1.2 is the least: update its driver", major,
                 minor);
    else if (!device_number(id, CL_DEVICE_AVAILABLE, sizeof(cl_bool)))
        snprintf(found->broken, sizeof found->broken,
                 "its driver calls it not available: another program may own it, or it was switched off");
    else if (!device_number(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof(cl_bool)))
        snprintf(found->broken, sizeof found->broken,
                 "its driver has no compiler for kernels: install the driver's compiler package");
    else if (!device_number(id, CL_DEVICE_ENDIAN_LITTLE, sizeof(cl_bool)))
        snprintf(found->broken, sizeof found->broken, "it orders bytes the other way round than this host");
}

void ocl_found_ask(cl_platform_id platform, cl_device_id id, struct ocl_found *found)
{
    *found = (struct ocl_found){.platform = platform, .id = id, .info.size = sizeof found->info};
    struct cvk_device_info *info = &found->info;
    char *texts[] = {platform_text(platform, CL_PLATFORM_NAME),
                     platform_text(platform, CL_PLATFORM_VERSION),
                     device_text(id, CL_DEVICE_NAME),
                     device_text(id, CL_DEVICE_VENDOR),
                     device_text(id, CL_DRIVER_VERSION),
                     device_text(id, CL_DEVICE_VERSION),
                     device_text(id, CL_DEVICE_OPENCL_C_VERSION)};
    char *extensions = device_text(id, CL_DEVICE_EXTENSIONS);
    add_tidy(info->platform, sizeof info->platform, texts[0]);
    add_tidy(info->platform, sizeof info->platform, texts[1]);
    add_tidy(info->name, sizeof info->name, texts[2]);
    add_tidy(info->vendor, sizeof info->vendor, texts[3]);
    add_tidy(info->driver, sizeof info->driver, texts[4]);
    ask_sizes(id, info);
    if (has_word(extensions, "cl_khr_fp16") && device_number(id, DEVICE_HALF_FP_CONFIG, sizeof(cl_device_fp_config)))
        info->caps |= CVK_CAP_F16_ARITHMETIC;
    ask_uuid(id, extensions, info);
    ask_place(id, extensions, info);
    ask_usable(id, texts[5], found);
    found->identity = OCL_HASH_START;
    for (uint32_t i = 0; i < OCL_COUNT(texts); i++) {
        found->identity = texts[i] ? ocl_hash(found->identity, texts[i], strlen(texts[i]) + 1) : found->identity + 1;
        free(texts[i]);
    }
    free(extensions);
}

/* Variables by which a driver's compiler makes other code from the same text. */
static uint64_t hash_compiler_variables(uint64_t hash)
{
    static const char *const names[] = {"POCL_WORK_GROUP_METHOD", "POCL_VECTORIZER_PREFER_VECTOR_WIDTH", "POCL_EXTRA_BUILD_FLAGS",
                                        "POCL_MAX_WORK_GROUP_SIZE", "LP_NATIVE_VECTOR_WIDTH", "RUSTICL_FEATURES",
                                        "IGC_ForceOCLSIMDWidth"};
    for (uint32_t i = 0; i < OCL_COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (value)
            hash = ocl_hash(ocl_hash(hash, names[i], strlen(names[i]) + 1), value, strlen(value) + 1);
    }
    return hash;
}

void ocl_platform_scope(const struct ocl_found *found, char *text, uint32_t bytes)
{
    const struct cvk_device_info *info = &found->info;
    snprintf(text, bytes, "%s | %s | %s | %s | %016llx", info->platform, info->name, info->uuid, info->driver,
             (unsigned long long)hash_compiler_variables(found->identity));
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

/* A new zeroed entry; NULL without memory. */
static struct ocl_found *add(void)
{
    if (list.count == list.room) {
        uint32_t room = list.room ? 2 * list.room : 8;
        struct ocl_found *at = realloc(list.at, room * sizeof *at);
        if (!at)
            return NULL;
        list.at = at;
        list.room = room;
    }
    list.at[list.count] = (struct ocl_found){.info.size = sizeof list.at->info};
    return &list.at[list.count++];
}

static bool add_devices(const struct cvk_host *host, cl_platform_id platform)
{
    cl_device_id *ids = NULL;
    cl_uint count = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count);
    if (code == CL_SUCCESS && count > 0) {
        if (!(ids = calloc(count, sizeof *ids)))
            return false;
        code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids, NULL);
    }
    if (code != CL_SUCCESS || count == 0) {
        char name[128] = "", *text = platform_text(platform, CL_PLATFORM_NAME);
        add_tidy(name, sizeof name, text);
        free(text);
        bool rusticl = strcmp(name, "rusticl") == 0;
        ocl_log(host, CVK_LOG_INFO, "select", "OpenCL platform %s has no device%s", name,
                rusticl ? ": RUSTICL_ENABLE names the drivers that it may use" : "");
        size_t used = strlen(list.nothing);
        snprintf(list.nothing + used, sizeof list.nothing - used, "%s%s%s",
                 used ? ", " : "no OpenCL device is shown by the platforms ", name,
                 rusticl ? " (RUSTICL_ENABLE names the drivers that it may use)" : "");
    }
    bool good = true;
    for (cl_uint i = 0; code == CL_SUCCESS && good && i < count && list.count < MAX_FOUND; i++) {
        struct ocl_found *found = add();
        good = found != NULL;
        if (good)
            ocl_found_ask(platform, ids[i], found);
    }
    free(ids);
    return good;
}

static bool add_platforms(const struct cvk_host *host)
{
    cl_uint count = 0;
    if (clGetPlatformIDs(0, NULL, &count) != CL_SUCCESS || count == 0)
        return true;
    cl_platform_id *ids = calloc(count, sizeof *ids);
    bool good = ids != NULL;
    if (good && clGetPlatformIDs(count, ids, NULL) != CL_SUCCESS)
        count = 0;
    for (cl_uint i = 0; good && i < count; i++)
        good = add_devices(host, ids[i]);
    free(ids);
    return good;
}

/* The loader's first call, with only those drivers that may come into this process. */
static bool call_loader_limited(const struct ocl_drivers *drivers, const struct ocl_verdict *verdict)
{
    /* The loader can be told by variables alone; they are changed for this one call. A program whose other threads read the
     * environment meanwhile could be disturbed, a crash of the driver would certainly be worse. */
    static const char *const names[] = {"OCL_ICD_VENDORS", "OCL_ICD_FILENAMES"};
    char folder[OCL_PATH_BYTES], *old[2];
    if (!ocl_drivers_folder(drivers, ~verdict->out, folder))
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        const char *value = getenv(names[i]);
        old[i] = value ? strdup(value) : NULL;
    }
    unsetenv(names[1]);
    bool good = setenv(names[0], folder, 1) == 0;
    if (good) {
        cl_uint count;
        clGetPlatformIDs(0, NULL, &count);
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (old[i])
            setenv(names[i], old[i], 1);
        else
            unsetenv(names[i]);
        free(old[i]);
    }
    ocl_drivers_folder_remove(folder);
    return good;
}

static bool add_broken(const struct cvk_host *host, const char *name, const char *library, const char *reason)
{
    struct ocl_found *found = add();
    if (!found)
        return false;
    add_tidy(found->info.name, sizeof found->info.name, name);
    add_tidy(found->info.driver, sizeof found->info.driver, library);
    add_tidy(found->broken, sizeof found->broken, reason);
    ocl_log(host, CVK_LOG_INFO, "load", "%s", found->broken);
    return true;
}

static bool make_list(const struct cvk_host *host, struct ocl_drivers *drivers, struct ocl_verdict *verdict)
{
    char text[256];
    ocl_drivers_list(drivers);
    ocl_drivers_try(host, drivers, verdict);
    bool limited = verdict->out || verdict->only, good = true;
    if (!limited || call_loader_limited(drivers, verdict)) {
        good = add_platforms(host);
    } else {
        snprintf(text, sizeof text,
                 "no OpenCL driver is used: some have to be left out, and there is no folder for the list of the others: %s",
                 strerror(errno));
        good = add_broken(host, drivers->folder, "", text);
    }
    for (uint32_t i = 0; good && i < drivers->count; i++)
        if (verdict->reasons[i][0]) {
            const char *slash = strrchr(drivers->at[i].file, '/');
            good = add_broken(host, slash ? slash + 1 : drivers->at[i].file, drivers->at[i].module, verdict->reasons[i]);
        }
    if (good && verdict->only)
        good = add_broken(host, "another driver", "", verdict->reasons[OCL_MAX_DRIVERS]);
    if (list.count == 0 && !list.nothing[0])
        snprintf(list.nothing, sizeof list.nothing,
                 "no OpenCL driver is installed (%s): install the one of your device; pocl-opencl-icd runs on any CPU",
                 drivers->folder);
    return good;
}

int32_t ocl_platforms_find(const struct cvk_host *host, const struct ocl_found **found, uint32_t *count)
{
    pthread_mutex_lock(&list.lock);
    if (!list.made) {
        struct ocl_drivers *drivers = malloc(sizeof *drivers);
        struct ocl_verdict *verdict = malloc(sizeof *verdict);
        list.count = 0;
        list.nothing[0] = 0;
        list.made = drivers && verdict && make_list(host, drivers, verdict);
        free(drivers);
        free(verdict);
    }
    bool made = list.made;
    *found = list.at;
    *count = made ? list.count : 0;
    pthread_mutex_unlock(&list.lock);
    if (!made)
        return cvk_fail(host, CVK_E_MEMORY, "no memory for the list of OpenCL devices");
    return *count ? CVK_OK : cvk_fail(host, CVK_E_NOT_FOUND, "%s", list.nothing);
}

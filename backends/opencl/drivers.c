/* SPDX-License-Identifier: MIT
 * Which driver files the ICD loader would read, and how to let it read only some of them.
 *
 * The loader takes no list of drivers from the program: it reads the .icd files of a folder, each with the name of a library,
 * once, at its first call. So the files are found here in the same way, and a loader is limited by a folder of our own in
 * OCL_ICD_VENDORS. */
#include "drivers.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SYSTEM_FOLDER "/etc/OpenCL/vendors"

extern char **environ;

static bool ends_with_icd(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".icd") == 0;
}

static void add_library(struct ocl_drivers *drivers, const char *file, const char *library)
{
    /* A path that is too long for us stays unknown, and is tried with all the others only. */
    if (drivers->count == OCL_MAX_DRIVERS || !library[0] || strlen(file) >= OCL_PATH_BYTES || strlen(library) >= OCL_PATH_BYTES)
        return;
    struct ocl_driver *d = &drivers->at[drivers->count++];
    strcpy(d->file, file);
    strcpy(d->module, library);
}

/* False if there is no such file. */
static bool add_file(struct ocl_drivers *drivers, const char *file)
{
    char library[4096];
    FILE *f = fopen(file, "re");
    if (!f)
        return false;
    if (fgets(library, sizeof library, f)) {
        library[strcspn(library, "\n")] = 0;
        add_library(drivers, file, library);
    }
    fclose(f);
    return true;
}

static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct ocl_driver *)a)->file, ((const struct ocl_driver *)b)->file);
}

static void add_folder(struct ocl_drivers *drivers, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char file[4096];
        if (ends_with_icd(entry->d_name) && snprintf(file, sizeof file, "%s/%s", folder, entry->d_name) < (int)sizeof file)
            add_file(drivers, file);
    }
    closedir(dir);
    qsort(drivers->at, drivers->count, sizeof drivers->at[0], by_file);
}

static const char *variable(const char *name)
{
    const char *value = secure_getenv(name);
    return value && value[0] ? value : NULL;
}

void ocl_drivers_list(struct ocl_drivers *drivers)
{
    drivers->count = 0;
    const char *folder = variable("OPENCL_VENDOR_PATH"), *vendors = variable("OCL_ICD_VENDORS");
    folder = folder ? folder : SYSTEM_FOLDER;
    vendors = vendors ? vendors : folder;
    snprintf(drivers->folder, sizeof drivers->folder, "%s", vendors);
    struct stat s;
    char file[4096];
    if (stat(vendors, &s) == 0 && S_ISDIR(s.st_mode))
        add_folder(drivers, vendors);
    else if (!ends_with_icd(vendors) && vendors != folder)
        add_library(drivers, vendors, vendors);
    else if (strchr(vendors, '/') || snprintf(file, sizeof file, "%s/%s", folder, vendors) >= (int)sizeof file ||
             !add_file(drivers, file))
        add_file(drivers, vendors);
    /* A list of libraries that the loader of Khronos takes as well. */
    const char *names = variable("OCL_ICD_FILENAMES");
    for (size_t length; names && *names; names += length + (names[length] == ':')) {
        length = strcspn(names, ":");
        if (snprintf(file, sizeof file, "%.*s", (int)length, names) < (int)sizeof file)
            add_library(drivers, file, file);
    }
}

/* ---- has anything changed? -------------------------------------------------------------------------------------------- */

uint64_t ocl_hash(uint64_t hash, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u; /* FNV-1a */
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return ocl_hash(hash, text, strlen(text) + 1);
}

static uint64_t hash_file(uint64_t hash, const char *path)
{
    struct stat s = {0};
    if (stat(path, &s) != 0)
        return hash_text(hash, path);
    int64_t numbers[] = {s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
    return ocl_hash(hash_text(hash, path), numbers, sizeof numbers);
}

/* Where dlopen would look for a bare name, so that an exchanged library is noticed. The cache of ld.so, which changes whenever
 * libraries are installed, stands for the folders that only it knows and for the libraries that a driver needs itself. */
static uint64_t hash_library(uint64_t hash, const char *name)
{
    Dl_info loader;
    if (strchr(name, '/'))
        return hash_file(hash, name);
    void *handle =
        dladdr((void *)(uintptr_t)clGetPlatformIDs, &loader) ? dlopen(loader.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    Dl_serinfo head, *places = NULL;
    if (handle && dlinfo(handle, RTLD_DI_SERINFOSIZE, &head) == 0 && (places = malloc(head.dls_size))) {
        *places = head;
        if (dlinfo(handle, RTLD_DI_SERINFO, places) != 0)
            places->dls_cnt = 0;
        for (uint32_t i = 0; i < places->dls_cnt; i++) {
            char path[4096];
            if (snprintf(path, sizeof path, "%s/%s", places->dls_serpath[i].dls_name, name) < (int)sizeof path &&
                access(path, F_OK) == 0)
                hash = hash_file(hash, path);
        }
    }
    free(places);
    if (handle)
        dlclose(handle);
    return hash;
}

static uint64_t hash_variables(void)
{
    /* What drivers and loaders are known to read. */
    static const char *const prefixes[] = {"OCL_", "OPENCL_", "LD_",   "POCL_",   "RUSTICL_", "MESA_", "GALLIUM_",
                                           "LP_",  "LIBGL_",  "CUDA_", "NVIDIA_", "ROCR_",    "HIP_",  "HSA_",
                                           "AMD_", "GPU_",    "ZE_",   "NEO",     "CL_",      "SYCL_", "ONEAPI_"};
    uint64_t sum = 0; /* the same for any order */
    for (char **e = environ; e && *e; e++)
        for (uint32_t i = 0; i < OCL_COUNT(prefixes); i++)
            if (strncmp(*e, prefixes[i], strlen(prefixes[i])) == 0)
                sum += hash_text(OCL_HASH_START, *e);
    return sum;
}

uint64_t ocl_drivers_fingerprint(const struct ocl_drivers *drivers)
{
    struct utsname system;
    uint64_t hash = hash_text(OCL_HASH_START, drivers->folder), variables = hash_variables();
    for (uint32_t i = 0; i < drivers->count; i++)
        hash = hash_library(hash_file(hash, drivers->at[i].file), drivers->at[i].module);
    hash = hash_file(hash, "/etc/ld.so.cache");
    /* A cache in a home that several machines share. */
    if (uname(&system) == 0)
        hash = hash_text(hash_text(hash, system.nodename), system.release);
    return ocl_hash(hash, &variables, sizeof variables);
}

/* ---- a folder of our own ------------------------------------------------------------------------------------------------ */

static bool write_file(int folder, const char *name, const char *library)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    /* Without a newline, as one loader takes the first line and another the whole file. */
    ssize_t length = (ssize_t)strlen(library);
    bool good = write(fd, library, (size_t)length) == length;
    return close(fd) == 0 && good;
}

bool ocl_drivers_folder(const struct ocl_drivers *drivers, uint64_t mask, char folder[OCL_PATH_BYTES])
{
    const char *base = variable("TMPDIR");
    if (snprintf(folder, OCL_PATH_BYTES, "%s/convoke-opencl-XXXXXX", base ? base : "/tmp") >= OCL_PATH_BYTES ||
        !mkdtemp(folder)) {
        folder[0] = 0;
        return false;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0;
    for (uint32_t i = 0; good && i < drivers->count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02u.icd", i);
        if (mask >> i & 1)
            good = write_file(fd, name, drivers->at[i].module);
    }
    int code = errno;
    if (fd >= 0)
        close(fd);
    if (!good) {
        ocl_drivers_folder_remove(folder);
        folder[0] = 0;
        errno = code;
    }
    return good;
}

void ocl_drivers_folder_remove(const char *folder)
{
    DIR *dir = folder[0] ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (ends_with_icd(entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir) {
        closedir(dir);
        rmdir(folder);
    }
}

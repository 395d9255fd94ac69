/* SPDX-License-Identifier: MIT
 * How many CPUs this process may use: its affinity and the quotas of its control groups (Linux' cgroups(7)); and their caches, as
 * the kernel's sysfs tells (sysconf counts the caches of all processors together on some machines). */
#include "cpus.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_BYTES 4096

/* Reads a small file; false if it cannot be read. */
static bool read_file(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t bytes = fread(text, 1, capacity - 1, file);
    text[bytes] = 0;
    fclose(file);
    return bytes > 0;
}

/* 0 for none; a period of 0 is no quota. */
static uint32_t quota_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    long long cpus = quota / period + (quota % period != 0);
    return cpus < UINT32_MAX ? (uint32_t)cpus : UINT32_MAX;
}

/* Quota in the files of one folder: cpu.max in version 2, two files in version 1. */
static uint32_t folder_cpus(const char *folder)
{
    char path[PATH_BYTES + 32], text[128];
    long long quota = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (read_file(path, text, sizeof text))
        return sscanf(text, "%lld %lld", &quota, &period) == 2 ? quota_cpus(quota, period) : 0; /* "max 100000": none */
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_file(path, text, sizeof text) || sscanf(text, "%lld", &quota) != 1)
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_file(path, text, sizeof text) || sscanf(text, "%lld", &period) != 1)
        return 0;
    return quota_cpus(quota, period);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a == 0 ? b : b == 0 || a < b ? a : b;
}

/* The group and every group above it, up to `top`. In a container the group's own path may not exist below the mount: then
 * only what exists counts. */
static uint32_t branch_cpus(const char *top, const char *group)
{
    char folder[PATH_BYTES];
    if (strstr(group, "/..")) /* the group lies outside what this process sees */
        group = "";
    int length = snprintf(folder, sizeof folder, "%s%s", top, group);
    if (length < 0 || length >= (int)sizeof folder)
        return 0;
    uint32_t cpus = 0;
    for (;;) {
        cpus = smaller(cpus, folder_cpus(folder));
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < strlen(top))
            return cpus;
        *slash = 0;
    }
}

/* True if the comma-separated list holds "cpu" as a whole word. */
static bool has_cpu(const char *list)
{
    for (;;) {
        size_t length = strcspn(list, ",");
        if (length == 3 && memcmp(list, "cpu", 3) == 0)
            return true;
        if (!list[length])
            return false;
        list += length + 1;
    }
}

uint32_t cvk__cgroup_cpus(const char *root, const char *cgroups)
{
    uint32_t cpus = 0;
    char line[PATH_BYTES], top[PATH_BYTES];
    for (const char *next = cgroups; *next;) {
        size_t length = strcspn(next, "\n");
        snprintf(line, sizeof line, "%.*s", length < sizeof line ? (int)length : (int)sizeof line - 1, next);
        next += length + (next[length] == '\n');
        /* number ':' controllers ':' path */
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        controllers++;
        if (!*controllers)
            cpus = smaller(cpus, branch_cpus(root, group));
        else if (has_cpu(controllers)) {
            snprintf(top, sizeof top, "%.1000s/%.1000s", root, controllers);
            if (access(top, X_OK) != 0)
                snprintf(top, sizeof top, "%.1000s/cpu", root);
            cpus = smaller(cpus, branch_cpus(top, group));
        }
    }
    return cpus;
}

/* CPUs in the affinity mask; the mask is made larger until the kernel's fits. */
static uint32_t affinity_cpus(void)
{
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        bool known = sched_getaffinity(0, bytes, set) == 0;
        int count = known ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (known)
            return count > 0 ? (uint32_t)count : 1;
    }
    return 1;
}

uint32_t cvk__cpu_count(void)
{
    char text[8192];
    uint32_t cpus = affinity_cpus();
    if (read_file("/proc/self/cgroup", text, sizeof text))
        cpus = smaller(cpus, cvk__cgroup_cpus("/sys/fs/cgroup", text));
    return cpus;
}

/* ---- caches ------------------------------------------------------------------------------------------------------------ */

/* CPUs in a list like "0-3,8"; 1 if it cannot be read. */
static uint32_t count_cpus(const char *list)
{
    uint32_t count = 0;
    while (*list >= '0' && *list <= '9') {
        char *end;
        unsigned long first = strtoul(list, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        count += last >= first && last - first < 1u << 20 ? (uint32_t)(last - first) + 1 : 0;
        list = *end == ',' ? end + 1 : end;
    }
    return count ? count : 1;
}

static bool read_cache_file(const char *folder, uint32_t index, const char *name, char *text, size_t capacity)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/cache/index%u/%s", folder, index, name);
    if (!read_file(path, text, capacity))
        return false;
    text[strcspn(text, "\n")] = 0;
    return true;
}

struct cvk__caches cvk__caches_in(const char *folder)
{
    struct cvk__caches c = {.l2_bytes = 0};
    char level[32], type[32], size[32], list[4096];
    for (uint32_t i = 0; i < 16 && read_cache_file(folder, i, "level", level, sizeof level); i++) {
        uint64_t bytes;
        if (!read_cache_file(folder, i, "type", type, sizeof type) || strcmp(type, "Instruction") == 0 ||
            !read_cache_file(folder, i, "size", size, sizeof size) || !cvk__parse_u64(size, &bytes))
            continue;
        if (strcmp(level, "2") == 0) {
            c.l2_bytes = bytes;
        } else if (strcmp(level, "3") == 0) {
            c.l3_bytes = bytes;
            c.l3_cpus = read_cache_file(folder, i, "shared_cpu_list", list, sizeof list) ? count_cpus(list) : 1;
        }
    }
    if (!c.l2_bytes)
        c.l2_bytes = (uint64_t)512 << 10;
    if (!c.l3_bytes) {
        c.l3_bytes = c.l2_bytes;
        c.l3_cpus = 1;
    }
    return c;
}

struct cvk__caches cvk__cpu_caches(void)
{
    char folder[64];
    int cpu = sched_getcpu();
    snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu%d", cpu < 0 ? 0 : cpu);
    return cvk__caches_in(folder);
}

/* SPDX-License-Identifier: MIT
 * How many CPUs a process may use and what caches they have, in parts that a test can feed. */
#ifndef CVK__CPUS_H
#define CVK__CPUS_H

#include "base.h"

/* CPUs that the CPU quotas allow to a process whose /proc/self/cgroup reads `cgroups`, with the control groups mounted at
 * `root`; versions 1 and 2, the group itself and all above it. A quota of 1.5 CPUs counts as 2. 0: no quota. */
uint32_t cvk__cgroup_cpus(const char *root, const char *cgroups);

/* Caches of a core. */
struct cvk__caches {
    uint64_t l2_bytes;
    uint64_t l3_bytes; /* the last level; l2_bytes again where there is no level 3 */
    uint32_t l3_cpus;  /* CPUs that share it, at least 1 */
};
/* From the files of one CPU, "/sys/devices/system/cpu/cpu0"; what they do not tell is guessed. */
struct cvk__caches cvk__caches_in(const char *folder);
/* Of the CPU that the caller runs on. */
struct cvk__caches cvk__cpu_caches(void);

#endif

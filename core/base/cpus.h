/* SPDX-License-Identifier: MIT
 * How many CPUs a process may use, in parts that a test can feed. */
#ifndef CVK__CPUS_H
#define CVK__CPUS_H

#include "base.h"

/* CPUs that the CPU quotas allow to a process whose /proc/self/cgroup reads `cgroups`, with the control groups mounted at
 * `root`; versions 1 and 2, the group itself and all above it. A quota of 1.5 CPUs counts as 2. 0: no quota. */
uint32_t cvk__cgroup_cpus(const char *root, const char *cgroups);

#endif

/* SPDX-License-Identifier: MIT
 * Which OpenCL devices there are: every platform and device once, in a fixed order, and the drivers that do not survive being
 * asked. */
#ifndef OCL_PLATFORM_H
#define OCL_PLATFORM_H

#include "ocl.h"

/* One device, or one driver that cannot be used. */
struct ocl_found {
    cl_platform_id platform; /* NULL: broken */
    cl_device_id id;
    char broken[256];  /* why it cannot be used, "" if it can */
    uint64_t identity; /* of all its texts, those too that info cuts short */
    struct cvk_device_info info;
};

/* Fills *found with the devices of all platforms in a list that lives as long as the process: made at the first call, the same
 * afterwards, any thread. Before the first call into the drivers each is tried in a child process (once for each version of its
 * file: the verdict is kept in the cache), so that one that crashes or hangs becomes a broken entry at the end of the list.
 * CONVOKE_PROBE=off does without. Without any entry it fails with CVK_E_NOT_FOUND and says what to install. */
int32_t ocl_platforms_find(const struct cvk_host *host, const struct ocl_found **found, uint32_t *count);

/* Text that identifies a device with its driver, for keys: platform and its version, device, UUID, driver version, and a
 * hash of more that its compiler goes by. */
void ocl_platform_scope(const struct ocl_found *found, char *text, uint32_t bytes);

#endif

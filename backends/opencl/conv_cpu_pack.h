/* SPDX-License-Identifier: MIT
 * Weights in the order in which a CPU device's sums read them: packed once on the host where they are known, else by the device
 * at the start of each run (kernels/conv_cpu_pack.cl). */
#ifndef OCL_CONV_CPU_PACK_H
#define OCL_CONV_CPU_PACK_H

#include "conv_cpu.h"

/* One panel: [group][tile of vectors][map][tap][block][vector][16], zeros where there is no channel. Its number for output
 * channel o and input channel i of a group and tap (h, w) is from[group * group_step + o * oc_step + i * ic_step + tap + h *
 * tap_h + w * tap_w]. */
struct ocl_pack {
    uint64_t groups, group_vectors, group_oc, group_ic;
    uint64_t tile_vectors;
    uint64_t maps, block; /* of input channels of a group */
    uint64_t taps_h, taps_w;
    uint64_t group_step, oc_step, ic_step;
    int64_t tap, tap_h, tap_w;
    uint64_t to; /* where it begins, in floats */
};

uint64_t ocl_pack_floats(const struct ocl_pack *p);

/* In build: packs on the host `count` panels that lie one behind the other, times `scale`, and uploads them. */
int32_t ocl_pack_host(struct cvk_exec *e, const struct ocl_pack *panels, uint64_t count, const float *from, float scale,
                      cl_mem *out);

/* The same on the device. */
struct ocl_packer {
    struct ocl_call call; /* empty: packed on the host */
    cl_mem table;
};
/* In build. A failure leaves what ocl_packer_release frees. */
int32_t ocl_packer_init(struct cvk_exec *e, struct ocl_packer *packer, const struct ocl_pack *panels, uint64_t count,
                        float scale);
int32_t ocl_packer_run(struct ocl_device *d, struct ocl_packer *packer, const struct cvk_binding *from,
                       const struct cvk_binding *to);
void ocl_packer_release(struct ocl_packer *packer);

/* A part of a binding. */
static inline struct cvk_binding ocl_part(const struct cvk_binding *b, uint64_t offset)
{
    struct cvk_binding part = *b;
    part.offset += offset;
    return part;
}

#endif

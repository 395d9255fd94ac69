/* SPDX-License-Identifier: MIT
 * conv_cpu_pack.h */
#include "conv_cpu_pack.h"

#include "kernel_sources.h"

static uint64_t group_tiles(const struct ocl_pack *p)
{
    return ocl_ceil_div(p->group_vectors, p->tile_vectors);
}

uint64_t ocl_pack_floats(const struct ocl_pack *p)
{
    return p->groups * p->group_vectors * p->maps * p->taps_h * p->taps_w * p->block * OCL_BLOCK;
}

struct job {
    const struct ocl_pack *p;
    const float *from;
    float *to;
    float scale;
};

static void pack_tile(const struct job *j, uint64_t group, uint64_t tile)
{
    const struct ocl_pack *p = j->p;
    uint64_t vector = tile * p->tile_vectors, first = vector * OCL_BLOCK, vectors = p->group_vectors - vector;
    uint64_t width = (vectors < p->tile_vectors ? vectors : p->tile_vectors) * OCL_BLOCK, taps = p->taps_h * p->taps_w;
    uint64_t real = p->group_oc - first < width ? p->group_oc - first : width;
    const float *from = j->from + group * p->group_step + first * p->oc_step + p->tap;
    float *to = j->to + p->to + (group * p->group_vectors + vector) * p->maps * taps * p->block * OCL_BLOCK;
    for (uint64_t map = 0; map < p->maps; map++)
        for (uint64_t tap = 0; tap < taps; tap++)
            for (uint64_t ic = map * p->block; ic < (map + 1) * p->block; ic++, to += width) {
                uint64_t count = ic < p->group_ic ? real : 0;
                const float *in =
                    from + ic * p->ic_step + (int64_t)(tap / p->taps_w) * p->tap_h + (int64_t)(tap % p->taps_w) * p->tap_w;
                for (uint64_t i = 0; i < count; i++)
                    to[i] = in[i * p->oc_step] * j->scale;
                memset(to + count, 0, (width - count) * sizeof *to);
            }
}

static void pack_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        pack_tile(j, i / group_tiles(j->p), i % group_tiles(j->p));
}

int32_t ocl_pack_host(struct cvk_exec *e, const struct ocl_pack *panels, uint64_t count, const float *from, float scale,
                      cl_mem *out)
{
    uint64_t bytes = (panels[count - 1].to + ocl_pack_floats(&panels[count - 1])) * sizeof(float);
    float *to = e->host->alloc(e->host, bytes, 0);
    if (!to)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for packed weights (%llu bytes)", (unsigned long long)bytes);
    for (uint64_t i = 0; i < count; i++) {
        struct job job = {&panels[i], from, to, scale};
        e->host->parallel(e->host, 0, panels[i].groups * group_tiles(&panels[i]), pack_tiles, &job);
    }
    int32_t status = ocl_memory(ocl_device_of(e), bytes, to, out);
    e->host->free(e->host, to);
    return status;
}

/* Of a panel in the kernel's table, whose first number says how many there are. */
#define COLUMNS 17

static void write_panel(const struct ocl_pack *p, int32_t *to)
{
    const int64_t columns[COLUMNS] = {(int64_t)(p->groups * group_tiles(p)),
                                      (int64_t)group_tiles(p),
                                      (int64_t)p->tile_vectors,
                                      (int64_t)p->group_vectors,
                                      (int64_t)p->group_oc,
                                      (int64_t)p->group_ic,
                                      (int64_t)p->maps,
                                      (int64_t)p->block,
                                      (int64_t)p->taps_h,
                                      (int64_t)p->taps_w,
                                      (int64_t)p->group_step,
                                      (int64_t)p->oc_step,
                                      (int64_t)p->ic_step,
                                      p->tap_h,
                                      p->tap_w,
                                      (int64_t)p->to,
                                      p->tap};
    for (uint32_t i = 0; i < COLUMNS; i++)
        to[i] = (int32_t)columns[i];
}

int32_t ocl_packer_init(struct cvk_exec *e, struct ocl_packer *packer, const struct ocl_pack *panels, uint64_t count,
                        float scale)
{
    struct ocl_device *d = ocl_device_of(e);
    uint64_t bytes = (1 + count * COLUMNS) * sizeof(int32_t), items = 1;
    int32_t *table = e->host->alloc(e->host, bytes, 0);
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu panels", (unsigned long long)count);
    table[0] = (int32_t)count;
    for (uint64_t i = 0; i < count; i++) {
        write_panel(&panels[i], table + 1 + i * COLUMNS);
        uint64_t here = panels[i].groups * group_tiles(&panels[i]) * panels[i].maps;
        items = here > items ? here : items;
    }
    int32_t status = ocl_memory(d, bytes, table, &packer->table);
    e->host->free(e->host, table);
    OCL_TRY(status);
    OCL_TRY(ocl_call_init(d, &packer->call, &ocl_source_conv_cpu_pack, "conv_pack", ""));
    OCL_TRY(ocl_bind_memory(d, &packer->call, 4, packer->table));
    OCL_TRY(ocl_arg_float(d, &packer->call, 6, scale));
    ocl_cpu_size(&packer->call, ocl_cpu_groups(d, items), 1);
    return CVK_OK;
}

int32_t ocl_packer_run(struct ocl_device *d, struct ocl_packer *packer, const struct cvk_binding *from,
                       const struct cvk_binding *to)
{
    OCL_TRY(ocl_bind(d, &packer->call, 0, from));
    OCL_TRY(ocl_bind(d, &packer->call, 2, to));
    return ocl_enqueue(d, &packer->call);
}

void ocl_packer_release(struct ocl_packer *packer)
{
    ocl_call_finish(&packer->call);
    ocl_memory_free(packer->table);
}

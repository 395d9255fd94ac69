/* SPDX-License-Identifier: MIT
 * Programs in the cache. Some drivers (PoCL) compile a kernel to machine code only when it first runs, and hand that out with the
 * program's binary from then on: so a program is kept once its kernels have run, and again when another of them has. */
#include "kernel_sources.h"
#include "program.h"
#include "turn.h"

#define KEY_BYTES 4096
/* What stands before the binary: the kernels that it has machine code of. */
#define HEAD_BYTES OCL_NAMES_BYTES

/* All that the binary depends on, as text; a key that does not fit makes the program uncached. */
static bool make_key(const struct ocl_device *d, const struct ocl_program *p, char *key)
{
    int length = snprintf(key, KEY_BYTES, "%s %s %s|%s %s|%s", p->source->name, p->source->hash, ocl_source_common.hash, OCL_ALWAYS,
                          p->options, d->scope);
    return length > 0 && length < KEY_BYTES;
}

static cl_program from_binary(struct ocl_device *d, const unsigned char *content, size_t bytes)
{
    cl_int code, taken = CL_SUCCESS;
    cl_program program = clCreateProgramWithBinary(d->context, 1, &d->id, &bytes, &content, &taken, &code);
    if (code == CL_SUCCESS && taken == CL_SUCCESS && clBuildProgram(program, 1, &d->id, "", NULL, NULL) == CL_SUCCESS)
        return program;
    if (code == CL_SUCCESS)
        clReleaseProgram(program);
    return NULL;
}

bool ocl_program_load(struct ocl_device *d, struct ocl_program *p)
{
    char key[KEY_BYTES];
    void *entry;
    uint64_t bytes;
    if (!d->cache || !make_key(d, p, key) || !ocl_cache_get_program(d->cache, key, &entry, &bytes))
        return false;
    const char *names = entry;
    if (bytes > HEAD_BYTES && memchr(names, 0, HEAD_BYTES)) {
        p->program = from_binary(d, (const unsigned char *)entry + HEAD_BYTES, bytes - HEAD_BYTES);
        snprintf(p->kernels, sizeof p->kernels, "%s", names);
    }
    d->host->free(d->host, entry);
    if (!p->program) {
        p->kernels[0] = 0;
        ocl_log(d->host, CVK_LOG_INFO, "compile", "program %s.cl: the driver does not take what the cache has; it is compiled anew",
                p->source->name);
        ocl_cache_drop_program(d->cache, key);
    }
    return p->program != NULL;
}

void ocl_program_ran(struct ocl_device *d, struct ocl_program *p, const char *kernel)
{
    char name[OCL_NAMES_BYTES];
    snprintf(name, sizeof name, ",%s,", kernel);
    if (strstr(p->kernels, name))
        return;
    size_t length = strlen(p->kernels);
    if (length + strlen(name) >= sizeof p->kernels)
        return; /* its machine code is made again at each start: slower, nothing else */
    memcpy(p->kernels + length, name, strlen(name) + 1);
    p->changed = d->programs_changed = true;
    d->programs_settled = false; /* this one is still on its way */
}

static void store(struct ocl_device *d, struct ocl_program *p)
{
    char key[KEY_BYTES];
    size_t bytes = 0;
    if (!make_key(d, p, key) || clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || !bytes)
        return;
    unsigned char *entry = d->host->alloc(d->host, HEAD_BYTES + bytes, 0);
    if (!entry)
        return;
    unsigned char *binary = entry + HEAD_BYTES;
    memset(entry, 0, HEAD_BYTES);
    memcpy(entry, p->kernels, strlen(p->kernels));
    if (clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        ocl_cache_put_program(d->cache, key, entry, HEAD_BYTES + bytes);
    d->host->free(d->host, entry);
}

void ocl_programs_store(struct ocl_device *d)
{
    /* Nothing may run meanwhile: PoCL makes machine code when it is asked for binaries. */
    if (!d->programs_settled || clFinish(d->queue) != CL_SUCCESS)
        return;
    d->programs_settled = d->programs_changed = false;
    ocl_turn_begin(d);
    for (struct ocl_program *p = d->programs; p; p = p->next) {
        if (p->changed && d->cache)
            store(d, p);
        p->changed = false;
    }
    ocl_turn_end(d);
}

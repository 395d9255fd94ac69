/* SPDX-License-Identifier: MIT
 * Programs: from the device's own list, from the cache (program_cache.c), or from the driver's compiler. */
#include "program.h"

#include <time.h>

#include "kernel_sources.h"

void ocl_option(char *options, uint32_t bytes, const char *format, ...)
{
    size_t length = strlen(options);
    va_list args;
    va_start(args, format);
    if (length + 1 < bytes) {
        if (length)
            options[length++] = ' ';
        vsnprintf(options + length, bytes - length, format, args);
    }
    va_end(args);
}

void ocl_option_type(char *options, uint32_t bytes, const char *name, uint32_t dtype)
{
    static const char *const names[] = {"", "f32", "f64", "f16", "bf16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool"};
    ocl_option(options, bytes, "-D%s=%s", name, names[dtype]);
    if (dtype == CVK_F64 && !strstr(options, "-DWITH_F64"))
        ocl_option(options, bytes, "-DWITH_F64");
}

/* The compiler's words, from host->alloc; NULL where there are none. */
static char *build_log(const struct ocl_device *d, cl_program program)
{
    size_t bytes = 0;
    if (clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) != CL_SUCCESS || bytes <= 1)
        return NULL;
    char *text = d->host->alloc(d->host, bytes + 1, 0);
    if (!text)
        return NULL;
    memset(text, 0, bytes + 1);
    if (clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, bytes, text, NULL) != CL_SUCCESS) {
        d->host->free(d->host, text);
        return NULL;
    }
    return text;
}

static int32_t compile(struct ocl_device *d, const struct ocl_source *source, const char *options, cl_program *out)
{
    const char *texts[] = {ocl_source_common.text, source->text};
    char all[OCL_OPTION_BYTES + 64], text[OCL_OPTION_BYTES + 128];
    cl_int code;
    snprintf(all, sizeof all, "%s %s", OCL_ALWAYS, options);
    cl_program program = clCreateProgramWithSource(d->context, 2, texts, NULL, &code);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "program %s.cl", source->name);
    code = clBuildProgram(program, 1, &d->id, all, NULL, NULL);
    if (code == CL_SUCCESS) {
        *out = program;
        return CVK_OK;
    }
    char *detail = build_log(d, program);
    snprintf(text, sizeof text, "program %s.cl does not build (%s)", source->name, all);
    int32_t status = ocl_fail_detail(d->host, code, detail, text);
    d->host->free(d->host, detail);
    clReleaseProgram(program);
    return status;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int32_t make(struct ocl_device *d, struct ocl_program *p)
{
    double start = now_ms();
    bool loaded = ocl_program_load(d, p);
    if (!loaded)
        OCL_TRY(compile(d, p->source, p->options, &p->program));
    ocl_log(d->host, CVK_LOG_DEBUG, "compile", "program %s.cl (%s): %s, %.1f ms", p->source->name, p->options,
            loaded ? "from the cache" : "compiled", now_ms() - start);
    return CVK_OK;
}

int32_t ocl_program_get(struct ocl_device *d, const struct ocl_source *source, const char *options, struct ocl_program **out)
{
    for (struct ocl_program *p = d->programs; p; p = p->next)
        if (p->source == source && strcmp(p->options, options) == 0) {
            *out = p;
            return CVK_OK;
        }
    size_t length = strlen(options) + 1;
    if (length > OCL_OPTION_BYTES - 1)
        return cvk_fail(d->host, CVK_E_DEVICE, "program %s.cl: its options take %zu bytes of %d", source->name, length, OCL_OPTION_BYTES);
    struct ocl_program *p = d->host->alloc(d->host, sizeof *p + length, 0);
    if (!p)
        return cvk_fail(d->host, CVK_E_MEMORY, "program %s.cl: no memory", source->name);
    memset(p, 0, sizeof *p);
    p->source = source;
    memcpy(p->options, options, length);
    int32_t status = make(d, p);
    if (status != CVK_OK) {
        d->host->free(d->host, p);
        return status;
    }
    p->next = d->programs;
    *out = d->programs = p;
    return CVK_OK;
}

void ocl_programs_release(struct ocl_device *d)
{
    while (d->programs) {
        struct ocl_program *p = d->programs;
        d->programs = p->next;
        clReleaseProgram(p->program);
        d->host->free(d->host, p);
    }
}

/* SPDX-License-Identifier: MIT
 * A built program, as the files that make, keep and use it know it. */
#ifndef OCL_PROGRAM_H
#define OCL_PROGRAM_H

#include "ocl.h"

#define OCL_ALWAYS "-cl-std=CL1.2" /* options of every program */
#define OCL_NAMES_BYTES 256

struct ocl_program {
    struct ocl_program *next;
    const struct ocl_source *source;
    cl_program program;
    char kernels[OCL_NAMES_BYTES]; /* ",a,b,": that have run, here or before the cache's entry was made */
    bool changed;                  /* one more has run than the cache knows of */
    char options[];                /* as asked for */
};

/* program_cache.c: fills p->program from the cache; false if it is not there or the driver does not take it. */
bool ocl_program_load(struct ocl_device *d, struct ocl_program *p);
/* Notes that a kernel of p is on its way. */
void ocl_program_ran(struct ocl_device *d, struct ocl_program *p, const char *kernel);
/* Puts into the cache what has changed, once it has finished. Not during a run: it allocates and writes. */
void ocl_programs_store(struct ocl_device *d);

#endif

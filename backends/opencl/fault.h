/* SPDX-License-Identifier: MIT
 * Kernels that check numbers while they run, and those who read what they found. */
#ifndef OCL_FAULT_H
#define OCL_FAULT_H

#include "ocl.h"

/* In the state of a kernel that checks. The kernel gets the buffer of faults and `id`: where the buffer's first word is 0 or
 * that id it writes the id there, and by atomic minimum, minimum, maximum the first wrong place, the smallest and the largest
 * wrong number behind it. */
struct ocl_checker {
    struct ocl_checker *next;
    cl_int id;
    /* Fails with a sentence. */
    int32_t (*tell)(const struct ocl_device *d, const struct ocl_checker *c, cl_int place, cl_int smallest, cl_int largest);
};

/* In build, after `tell` is set: gives the id. */
int32_t ocl_checker_join(struct ocl_device *d, struct ocl_checker *c);
/* In finish. */
void ocl_checker_leave(struct ocl_device *d, struct ocl_checker *c);
/* In run: the buffer of faults as arguments index and index + 1. */
int32_t ocl_checker_bind(struct ocl_device *d, struct ocl_call *call, uint32_t index);
/* After the queue's end: fails if a kernel has found something since the last look. */
int32_t ocl_faults_look(struct ocl_device *d);
void ocl_faults_release(struct ocl_device *d);

#endif

/* SPDX-License-Identifier: MIT
 * turn.h. PoCL keeps the machine code of kernels in one list for all queues, with several entries for a kernel where ranges
 * are of different sizes or a binary was asked for. When a kernel ends it takes the first entry of the kernel's for the one that
 * ran, and where that one counts no user the driver aborts the process. With one queue at a time the first is the right one. */
#include "turn.h"

#include <pthread.h>

static struct {
    pthread_mutex_t lock;
    cl_command_queue busy; /* NULL: none */
} turn = {.lock = PTHREAD_MUTEX_INITIALIZER};

void ocl_turn_begin(const struct ocl_device *d)
{
    if (!d->takes_turns)
        return;
    pthread_mutex_lock(&turn.lock);
    if (turn.busy && turn.busy != d->queue)
        clFinish(turn.busy); /* a failure is told to those who wait for that queue */
    turn.busy = d->queue;
}

void ocl_turn_end(const struct ocl_device *d)
{
    if (d->takes_turns)
        pthread_mutex_unlock(&turn.lock);
}

void ocl_turn_leave(const struct ocl_device *d)
{
    if (!d->takes_turns)
        return;
    pthread_mutex_lock(&turn.lock);
    if (turn.busy == d->queue)
        turn.busy = NULL;
    pthread_mutex_unlock(&turn.lock);
}

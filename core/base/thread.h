/* SPDX-License-Identifier: MIT
 * Starting the library's own threads. */
#ifndef CVK__THREAD_H
#define CVK__THREAD_H

#include <pthread.h>

/* As pthread_create. Signals that are sent to the program belong to the program's own threads, so this one blocks them; not those
 * that an error of its own raises (a bad address, an illegal instruction): the program may have a handler that tells of it.
 * Returns 0 or an errno. */
int cvk__thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif

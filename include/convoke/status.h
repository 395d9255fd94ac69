/* SPDX-License-Identifier: MIT
 * Status codes. Every function that can fail returns an int32_t: 0 is success, a negative code says
 * what kind of failure it was, and cvk_error_text() gives the sentence with the numbers in it.
 *
 * Threads: any. The sentence belongs to the calling thread and lasts until its next failing call.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int main(void)
 * {
 *     struct cvk_context *ctx = NULL;
 *     int32_t status = cvk_context_create(NULL, &ctx);
 *     if (status != CVK_OK)
 *         fprintf(stderr, "%s: %s\n", cvk_status_name(status), cvk_error_text());
 *     cvk_context_destroy(ctx);
 *     return status == CVK_OK ? 0 : 1;
 * }
 * @endcode
 */
#ifndef CONVOKE_STATUS_H
#define CONVOKE_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CVK_API __attribute__((visibility("default")))
#define CVK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CVK_API
#define CVK_PRINTF(f, a)
#endif

enum cvk_status {
    CVK_OK = 0,
    CVK_E_ARG = -1,         /* use when the caller passed something illegal: NULL, a bad name, a bad option */
    CVK_E_SHAPE = -2,       /* use when sizes, ranks or dtypes do not fit together */
    CVK_E_FORMAT = -3,      /* use when a file or a text is malformed */
    CVK_E_LIMIT = -4,       /* use when a documented limit (memory, sizes, counts, nesting) would be passed */
    CVK_E_UNSUPPORTED = -5, /* use when the request is legal but nobody here can do it */
    CVK_E_MEMORY = -6,      /* use when an allocation failed, on the host or on a device */
    CVK_E_IO = -7,          /* use when the system refused to read, write, open or load */
    CVK_E_ABI = -8,         /* use when a plugin does not keep the boundary's contract */
    CVK_E_DEVICE = -9,      /* use when a device or its driver failed while working */
    CVK_E_NOT_FOUND = -10   /* use when a name (device, plugin, value, kernel) is not known */
};

/* The code's name, "CVK_E_SHAPE"; "CVK_E_?" for an unknown one. Owns: static text. */
CVK_API const char *cvk_status_name(int32_t status);

/* The sentence of this thread's last failure, "" if there was none. Owns: the library; copy it to keep it. */
CVK_API const char *cvk_error_text(void);

#ifdef __cplusplus
}
#endif
#endif

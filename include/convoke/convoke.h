/* SPDX-License-Identifier: MIT
 * Convoke: convolutional networks on any device. This header brings in the whole public API.
 *
 *   device.h   context, plugins, devices        graph.h    building a network
 *   session.h  compiling and running it         onnx.h     reading models
 *   tensor.h   types, layouts, host tensors     op/NAME.h  the mathematics and parameters of each op
 *   plugin.h   for those who write a backend
 *
 * Example: see the headers above.
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int main(void)
 * {
 *     printf("convoke %s\n", cvk_version());
 *     return 0;
 * }
 * @endcode
 */
#ifndef CONVOKE_CONVOKE_H
#define CONVOKE_CONVOKE_H

#include "data.h"
#include "device.h"
#include "graph.h"
#include "onnx.h"
#include "session.h"
#include "status.h"
#include "tensor.h"
#include "train.h"
#include "tune.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0". Owns: static text. */
CVK_API const char *cvk_version(void);
/* What was left out of this build, "onnx: built without protobuf-c; ..."; "" if nothing. Owns: static text. */
CVK_API const char *cvk_missing_features(void);

#ifdef __cplusplus
}
#endif
#endif

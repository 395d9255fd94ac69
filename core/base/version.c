/* SPDX-License-Identifier: MIT
 * What this build is, and what was left out of it. */
#include "convoke/convoke.h"

const char *cvk_version(void)
{
    return CVK__VERSION;
}

const char *cvk_missing_features(void)
{
#ifdef CVK__HAVE_ONNX
    return "";
#else
    return "onnx: built without protobuf-c or the onnx.proto of libonnx-dev, models cannot be read";
#endif
}

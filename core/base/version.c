/* SPDX-License-Identifier: MIT
 * What this build is, and what was left out of it. */
#include "convoke/convoke.h"

const char *cvk_version(void)
{
    return CVK__VERSION;
}

/* Each sentence begins with "; ", which the first one's reader skips. */
static const char missing[] = ""
#ifndef CVK__HAVE_ONNX
                              "; onnx: built without protobuf-c or the onnx.proto of libonnx-dev, models cannot be read"
#endif
#ifndef CVK__HAVE_JSON
                              "; checkpoints: built without jansson, they can be neither written nor read"
#endif
#ifndef CVK__HAVE_PNG
                              "; png: built without libpng"
#endif
#ifndef CVK__HAVE_JPEG
                              "; jpeg: built without libturbojpeg"
#endif
#ifndef CVK__HAVE_ZLIB
                              "; gzip: built without zlib"
#endif
    ;

const char *cvk_missing_features(void)
{
    return sizeof missing > 2 ? missing + 2 : "";
}

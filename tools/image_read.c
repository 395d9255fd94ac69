/* SPDX-License-Identifier: MIT
 * The library's readers of pictures and IDX files as the command uses them: a sentence and an exit code where they fail. */
#include <stdlib.h>

#include "image.h"

int image_read(const char *path, struct cvk__image *out)
{
    return cvk__image_read(path, out) == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

int image_create(uint32_t width, uint32_t height, uint32_t channels, struct cvk__image *out)
{
    if (cvk__image_create(width, height, channels, out) != CVK_OK)
        exit(tool_fail_library("")); /* as tool_alloc */
    return TOOL_GO_ON;
}

int idx_read(const char *path, struct cvk__idx *out)
{
    return cvk__idx_read(path, false, out) == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

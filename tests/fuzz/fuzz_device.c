/* SPDX-License-Identifier: MIT
 * Fuzz target: any text as a device text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct cvk_context *ctx;
    if (!ctx && cvk_context_create(NULL, &ctx) != CVK_OK)
        return 0;
    char *spec = malloc(bytes + 1), *text = NULL;
    if (!spec)
        return 0;
    memcpy(spec, data, bytes);
    spec[bytes] = 0;
    int32_t status = cvk_device_explain(ctx, spec, &text);
    fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
    /* Nothing of the text may drive a terminal. */
    for (const char *c = text ? text : ""; *c; c++)
        fuzz_check((unsigned char)*c >= 0x20 || *c == '\n', "control characters are escaped");
    for (const char *c = cvk_error_text(); status != CVK_OK && *c; c++)
        fuzz_check((unsigned char)*c >= 0x20 || *c == '\n', "control characters are escaped");
    cvk_text_free(text);
    free(spec);
    return 0;
}

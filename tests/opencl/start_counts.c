/* SPDX-License-Identifier: MIT
 * Makes one session, runs it, and prints how many programs were compiled and how many came from the cache:
 *     start_counts DEVICE [DRIVER-VERSION]
 * "compiled 6, loaded 0, right" (or "wrong": the results are not the reference's). */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convoke/convoke.h"
#include "fault_layer.h"

#define NET "3x12x12: 8c3p1-relu"
#define COUNT (8 * 12 * 12)

static int go(struct cvk_context *ctx, const struct cvk_graph *g, const char *device, float *out)
{
    struct cvk_session *s = NULL;
    struct cvk_tensor *x = NULL, *y = NULL;
    int64_t dims[] = {1, 3, 12, 12}, sizes[] = {1, 8, 12, 12};
    int status = cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device}, &s);
    if (status == CVK_OK)
        status = cvk_tensor_create(CVK_F32, 4, dims, &x);
    if (status == CVK_OK)
        status = cvk_tensor_create(CVK_F32, 4, sizes, &y);
    for (uint32_t i = 0; status == CVK_OK && i < cvk_tensor_count(x); i++)
        ((float *)cvk_tensor_data(x))[i] = (float)((int32_t)(i * 29 % 31) - 15) / 8;
    if (status == CVK_OK)
        status = cvk_session_write(s, 0, x);
    if (status == CVK_OK)
        status = cvk_session_run(s);
    if (status == CVK_OK)
        status = cvk_session_read(s, 0, y);
    if (status == CVK_OK)
        memcpy(out, cvk_tensor_data(y), COUNT * sizeof *out);
    else
        fprintf(stderr, "%s\n", cvk_error_text());
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    cvk_session_destroy(s);
    return status;
}

int main(int argc, char **argv)
{
    struct cvk_context *ctx = NULL;
    struct cvk_graph *g = NULL;
    float want[COUNT], got[COUNT];
    if (argc > 2)
        fault_driver_version(argv[2]);
    if (argc < 2 || cvk_context_create(NULL, &ctx) != CVK_OK ||
        cvk_graph_from_text(NET, 1, &g) != CVK_OK)
        return 1;
    int status = go(ctx, g, "ref", want);
    if (status == CVK_OK)
        status = go(ctx, g, argv[1], got);
    bool right = status == CVK_OK;
    for (uint32_t i = 0; i < COUNT && right; i++)
        right = fabsf(got[i] - want[i]) < 1e-5f;
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
    struct fault_programs programs = fault_programs();
    printf("compiled %lld, loaded %lld, %s\n", (long long)programs.compiled, (long long)programs.loaded, right ? "right" : "wrong");
    return status != CVK_OK;
}

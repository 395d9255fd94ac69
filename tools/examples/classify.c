/* SPDX-License-Identifier: MIT
 * Classifies a picture on the device that CONVOKE_DEVICE names: classify MODEL.onnx PICTURE.png */
#include <convoke/convoke.h>
#include <png.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct cvk_context *ctx = NULL;
    struct cvk_graph *net = NULL;
    struct cvk_session *session = NULL;
    struct cvk_tensor *x = NULL, *y = NULL;
    png_image picture = {.version = PNG_IMAGE_VERSION};
    if (argc != 3 || !png_image_begin_read_from_file(&picture, argv[2]))
        return fprintf(stderr, "usage: classify MODEL.onnx PICTURE.png\n"), 2;
    if (cvk_context_create(NULL, &ctx) || cvk_onnx_load(argv[1], NULL, &net) || cvk_session_create(ctx, net, NULL, &session))
        return fprintf(stderr, "%s\n", cvk_error_text()), 1;
    const struct cvk_tensor_desc *in = cvk_session_input_desc(session, 0), *out = cvk_session_output_desc(session, 0);
    if (cvk_tensor_create(in->dtype, in->rank, in->dims, &x) || cvk_tensor_create(out->dtype, out->rank, out->dims, &y))
        return fprintf(stderr, "%s\n", cvk_error_text()), 1;
    int64_t c = in->dims[1], h = in->dims[2], w = in->dims[3]; /* the net wants CxHxW */
    picture.format = c == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    png_bytep pixels = malloc(PNG_IMAGE_SIZE(picture)); /* PNG gives HxWxC; the nearest pixel serves for other sizes */
    if (!pixels || !png_image_finish_read(&picture, NULL, pixels, 0, NULL))
        return fprintf(stderr, "%s: %s\n", argv[2], picture.message), 1;
    for (int64_t i = 0; i < c * h * w; i++) {
        int64_t row = i / w % h * picture.height / h, column = i % w * picture.width / w;
        ((float *)cvk_tensor_data(x))[i] = pixels[(row * picture.width + column) * c + i / (h * w)];
    }
    if (cvk_session_write(session, 0, x) || cvk_session_run(session) || cvk_session_read(session, 0, y))
        return fprintf(stderr, "%s\n", cvk_error_text()), 1;
    uint64_t best = 0;
    for (uint64_t i = 1; i < cvk_tensor_count(y); i++)
        best = cvk_tensor_at(y, i) > cvk_tensor_at(y, best) ? i : best;
    printf("class %llu, score %g\n", (unsigned long long)best, cvk_tensor_at(y, best));
    free(pixels), cvk_tensor_destroy(x), cvk_tensor_destroy(y);
    cvk_session_destroy(session), cvk_graph_destroy(net), cvk_context_destroy(ctx);
}

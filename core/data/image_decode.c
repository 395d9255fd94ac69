/* SPDX-License-Identifier: MIT
 * PNG by libpng and JPEG by libjpeg-turbo, where the build has them. */
#include "image.h"

#ifdef CVK__HAVE_PNG
#include <png.h>

int32_t cvk__png_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&png, data, bytes))
        return cvk__fail_file(CVK_E_FORMAT, path, "damaged PNG: %s", png.message);
    int32_t status = cvk__image_check_size(path, png.width, png.height);
    if (status == CVK_OK) {
        uint32_t channels = png.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
        png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
        status = cvk__image_create(png.width, png.height, channels, out);
        /* Transparent parts lie on white, as on paper. */
        png_color white = {255, 255, 255};
        if (status == CVK_OK && (!png_image_finish_read(&png, &white, out->pixels, (int32_t)(png.width * channels), NULL) ||
                                 PNG_IMAGE_FAILED(png)))
            status = cvk__fail_file(CVK_E_FORMAT, path, "damaged PNG: %s", png.message);
    }
    png_image_free(&png);
    return status;
}
#else
int32_t cvk__png_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out)
{
    (void)data, (void)bytes, (void)out;
    return cvk__fail_file(CVK_E_UNSUPPORTED, path,
                          "this build reads no PNG, because libpng was missing (meson option 'images'); PNM works");
}
#endif

#ifdef CVK__HAVE_JPEG
#include <turbojpeg.h>

static int32_t decode(tjhandle tj, const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out)
{
    int width = 0, height = 0, subsampling = 0, space = 0;
    if (tjDecompressHeader3(tj, data, (unsigned long)bytes, &width, &height, &subsampling, &space) != 0)
        return cvk__fail_file(CVK_E_FORMAT, path, "damaged JPEG: %s", tjGetErrorStr2(tj));
    if (width < 1 || height < 1)
        return cvk__fail_file(CVK_E_FORMAT, path, "damaged JPEG: there is no picture in it");
    if (space == TJCS_CMYK || space == TJCS_YCCK)
        return cvk__fail_file(CVK_E_UNSUPPORTED, path, "a JPEG in CMYK is not supported: convert it to RGB");
    CVK__TRY(cvk__image_check_size(path, (uint64_t)width, (uint64_t)height));
    bool grey = space == TJCS_GRAY;
    CVK__TRY(cvk__image_create((uint32_t)width, (uint32_t)height, grey ? 1 : 3, out));
    /* A warning (bytes missing or wrong) is an error here: half a picture must not pass for one. LIMITSCANS stops
     * progressive files made to take for ever. */
    if (tjDecompress2(tj, data, (unsigned long)bytes, out->pixels, width, 0, height, grey ? TJPF_GRAY : TJPF_RGB,
                      TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
        return cvk__fail_file(CVK_E_FORMAT, path, "damaged JPEG: %s", tjGetErrorStr2(tj));
    return CVK_OK;
}

int32_t cvk__jpeg_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out)
{
    tjhandle tj = tjInitDecompress();
    if (!tj)
        return cvk__fail_file(CVK_E_MEMORY, path, "libturbojpeg would not start: %s", tjGetErrorStr2(NULL));
    int32_t status = decode(tj, path, data, bytes, out);
    tjDestroy(tj);
    return status;
}
#else
int32_t cvk__jpeg_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out)
{
    (void)data, (void)bytes, (void)out;
    return cvk__fail_file(CVK_E_UNSUPPORTED, path,
                          "this build reads no JPEG, because libturbojpeg was missing (meson option 'images'); PNM works");
}
#endif

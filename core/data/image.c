/* SPDX-License-Identifier: MIT
 * Reading pictures: which decoder, limits on sizes before memory for pixels is asked for, and another size. */
#include "image.h"

int32_t cvk__image_create(uint32_t width, uint32_t height, uint32_t channels, struct cvk__image *out)
{
    *out = (struct cvk__image){.width = width, .height = height, .channels = channels};
    uint64_t bytes = (uint64_t)width * height * channels;
    out->pixels = cvk__alloc(CVK__TAG_DATA, bytes);
    return out->pixels ? CVK_OK : cvk__fail_memory(bytes, "the pixels of a picture");
}

void cvk__image_free(struct cvk__image *image)
{
    cvk__free(image->pixels);
    image->pixels = NULL;
}

int32_t cvk__image_check_size(const char *path, uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0)
        return cvk__fail_file(CVK_E_FORMAT, path, "a picture of %llux%llu pixels is empty", (unsigned long long)width,
                              (unsigned long long)height);
    if (width > CVK__IMAGE_MAX_SIDE || height > CVK__IMAGE_MAX_SIDE || width * height > CVK__IMAGE_MAX_PIXELS)
        return cvk__fail_file(CVK_E_LIMIT, path, "a picture of %llux%llu pixels; the limit is %u a side and %llu in all",
                              (unsigned long long)width, (unsigned long long)height, CVK__IMAGE_MAX_SIDE,
                              (unsigned long long)CVK__IMAGE_MAX_PIXELS);
    return CVK_OK;
}

static bool is_png(const uint8_t *d, uint64_t n)
{
    return n >= 8 && memcmp(d, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool is_jpeg(const uint8_t *d, uint64_t n)
{
    return n >= 3 && d[0] == 0xFF && d[1] == 0xD8 && d[2] == 0xFF;
}

static bool is_pnm(const uint8_t *d, uint64_t n)
{
    return n >= 3 && d[0] == 'P' && d[1] >= '1' && d[1] <= '6' && (d[2] <= ' ' || d[2] == '#');
}

bool cvk__image_known(const uint8_t *data, uint64_t bytes)
{
    return is_png(data, bytes) || is_jpeg(data, bytes) || is_pnm(data, bytes);
}

int32_t cvk__image_read(const char *path, struct cvk__image *out)
{
    *out = (struct cvk__image){0};
    uint8_t *data;
    uint64_t bytes;
    CVK__TRY(cvk__file_read(path, CVK__IMAGE_MAX_FILE_BYTES, &data, &bytes));
    int32_t status;
    const char *format = NULL;
    if (is_pnm(data, bytes)) {
        status = cvk__pnm_decode(path, data, bytes, out);
        format = "PNM";
    } else if (is_png(data, bytes)) {
        status = cvk__png_decode(path, data, bytes, out);
        format = "PNG";
    } else if (is_jpeg(data, bytes)) {
        status = cvk__jpeg_decode(path, data, bytes, out);
        format = "JPEG";
    } else
        status = cvk__fail_file(CVK_E_FORMAT, path, "neither PNG nor JPEG nor PNM");
    out->format = format;
    cvk__free(data);
    if (status != CVK_OK)
        cvk__image_free(out);
    return status;
}

/* Where output place i looks in the input, half-pixel centres: the two pixels and the weight of the second. */
static void neighbours(uint32_t i, uint32_t out, uint32_t in, uint32_t *first, uint32_t *second, float *weight)
{
    double at = (i + 0.5) * in / out - 0.5;
    at = at < 0 ? 0 : at > in - 1.0 ? in - 1.0 : at;
    *first = (uint32_t)at;
    *second = *first + 1 < in ? *first + 1 : *first;
    *weight = (float)(at - *first);
}

static float channel_at(const struct cvk__image *im, uint32_t x, uint32_t y, uint32_t c, bool grey)
{
    const uint8_t *p = im->pixels + ((uint64_t)y * im->width + x) * im->channels;
    if (im->channels == 1)
        return p[0];
    /* Luma of ITU-R BT.601, as other picture libraries have it. */
    return grey ? 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2] : p[c];
}

void cvk__image_resize(const struct cvk__image *im, uint32_t width, uint32_t height, uint32_t channels, float *out)
{
    bool grey = channels == 1;
    for (uint32_t y = 0; y < height; y++) {
        uint32_t y0, y1;
        float wy;
        neighbours(y, height, im->height, &y0, &y1, &wy);
        for (uint32_t x = 0; x < width; x++) {
            uint32_t x0, x1;
            float wx;
            neighbours(x, width, im->width, &x0, &x1, &wx);
            for (uint32_t c = 0; c < channels; c++) {
                float a = channel_at(im, x0, y0, c, grey), b = channel_at(im, x1, y0, c, grey);
                float d = channel_at(im, x0, y1, c, grey), e = channel_at(im, x1, y1, c, grey);
                float top = a + (b - a) * wx, bottom = d + (e - d) * wx;
                out[((uint64_t)c * height + y) * width + x] = top + (bottom - top) * wy;
            }
        }
    }
}

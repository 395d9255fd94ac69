/* SPDX-License-Identifier: MIT
 * Reading pictures. Sizes are checked on the header, before any memory for pixels is asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"

#ifdef TOOL_WITH_PNG
#include <png.h>
#endif
#ifdef TOOL_WITH_JPEG
#include <turbojpeg.h>
#endif

int file_read(const char *path, uint64_t limit, uint8_t **data, uint64_t *bytes)
{
    *data = NULL;
    *bytes = 0;
    struct stat st;
    if (stat(path, &st) != 0)
        return tool_fail(TOOL_FAILED, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) /* a pipe or a device could give bytes for ever */
        return tool_fail(TOOL_FAILED, "%s: not a regular file", path);
    FILE *f = fopen(path, "rb");
    if (!f)
        return tool_fail(TOOL_FAILED, "%s: %s", path, strerror(errno));
    int code = TOOL_GO_ON;
    char a[28], b[28];
    if ((uint64_t)st.st_size > limit)
        code = tool_fail(TOOL_FAILED, "%s has %s bytes; the limit is %s", path, tool_count((uint64_t)st.st_size, a),
                         tool_count(limit, b));
    else {
        *data = tool_alloc((size_t)st.st_size + 1, 1); /* the byte behind ends texts */
        *bytes = fread(*data, 1, (size_t)st.st_size, f);
        if (*bytes != (uint64_t)st.st_size)
            code = tool_fail(TOOL_FAILED, "%s: only %s of %s bytes could be read", path, tool_count(*bytes, a),
                             tool_count((uint64_t)st.st_size, b));
    }
    fclose(f);
    return code;
}

int image_create(uint32_t width, uint32_t height, uint32_t channels, struct image *out)
{
    *out = (struct image){.width = width, .height = height, .channels = channels};
    out->pixels = tool_alloc((size_t)width * height, channels);
    return TOOL_GO_ON;
}

void image_free(struct image *image)
{
    free(image->pixels);
    image->pixels = NULL;
}

static int check_size(const char *path, uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0)
        return tool_fail(TOOL_FAILED, "%s: a picture of %llux%llu pixels is empty", path, (unsigned long long)width,
                         (unsigned long long)height);
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE || width * height > IMAGE_MAX_PIXELS)
        return tool_fail(TOOL_FAILED, "%s: a picture of %llux%llu pixels; the limit is %u a side and %llu in all", path,
                         (unsigned long long)width, (unsigned long long)height, IMAGE_MAX_SIDE,
                         (unsigned long long)IMAGE_MAX_PIXELS);
    return TOOL_GO_ON;
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

bool image_known(const uint8_t *data, uint64_t bytes)
{
    return is_png(data, bytes) || is_jpeg(data, bytes) || is_pnm(data, bytes);
}

#ifdef TOOL_WITH_PNG
static int read_png(const char *path, const uint8_t *data, uint64_t bytes, struct image *out)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    int code = TOOL_GO_ON;
    if (!png_image_begin_read_from_memory(&png, data, bytes))
        return tool_fail(TOOL_FAILED, "%s: damaged PNG: %s", path, png.message);
    code = check_size(path, png.width, png.height);
    if (code == TOOL_GO_ON) {
        uint32_t channels = png.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
        png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
        code = image_create(png.width, png.height, channels, out);
        /* Transparent parts lie on white, as on paper. */
        png_color white = {255, 255, 255};
        if (!png_image_finish_read(&png, &white, out->pixels, (int32_t)(png.width * channels), NULL) || PNG_IMAGE_FAILED(png))
            code = tool_fail(TOOL_FAILED, "%s: damaged PNG: %s", path, png.message);
    }
    png_image_free(&png);
    return code;
}
#endif

#ifdef TOOL_WITH_JPEG
static int read_jpeg(const char *path, const uint8_t *data, uint64_t bytes, struct image *out)
{
    tjhandle tj = tjInitDecompress();
    if (!tj)
        return tool_fail(TOOL_FAILED, "%s: libturbojpeg would not start: %s", path, tjGetErrorStr2(NULL));
    int width = 0, height = 0, subsampling = 0, space = 0, code = TOOL_GO_ON;
    if (tjDecompressHeader3(tj, data, (unsigned long)bytes, &width, &height, &subsampling, &space) != 0)
        code = tool_fail(TOOL_FAILED, "%s: damaged JPEG: %s", path, tjGetErrorStr2(tj));
    else if (width < 1 || height < 1)
        code = tool_fail(TOOL_FAILED, "%s: damaged JPEG: there is no picture in it", path);
    else if (space == TJCS_CMYK || space == TJCS_YCCK)
        code = tool_fail(TOOL_FAILED, "%s: a JPEG in CMYK is not supported: convert it to RGB", path);
    else
        code = check_size(path, (uint64_t)width, (uint64_t)height);
    if (code == TOOL_GO_ON) {
        bool grey = space == TJCS_GRAY;
        code = image_create((uint32_t)width, (uint32_t)height, grey ? 1 : 3, out);
        /* A warning (bytes missing or wrong) is an error here: half a picture must not pass for one. LIMITSCANS stops
         * progressive files made to take for ever. */
        if (tjDecompress2(tj, data, (unsigned long)bytes, out->pixels, width, 0, height, grey ? TJPF_GRAY : TJPF_RGB,
                          TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
            code = tool_fail(TOOL_FAILED, "%s: damaged JPEG: %s", path, tjGetErrorStr2(tj));
    }
    tjDestroy(tj);
    return code;
}
#endif

struct pnm {
    const uint8_t *data;
    uint64_t bytes, at;
};

/* The next number of the header or of a plain body; comments run from '#' to the line's end. */
static bool pnm_number(struct pnm *p, uint32_t *out)
{
    while (p->at < p->bytes) {
        uint8_t c = p->data[p->at];
        if (c == '#')
            while (p->at < p->bytes && p->data[p->at] != '\n')
                p->at++;
        else if (c == ' ' || (c >= '\t' && c <= '\r'))
            p->at++;
        else
            break;
    }
    uint64_t n = 0;
    uint32_t digits = 0;
    for (; p->at < p->bytes && p->data[p->at] >= '0' && p->data[p->at] <= '9' && digits < 10; digits++)
        n = 10 * n + (uint64_t)(p->data[p->at++] - '0');
    *out = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    return digits > 0;
}

/* In plain bitmaps (P1) the digits may stand without spaces. */
static bool pnm_bit(struct pnm *p, uint32_t *out)
{
    while (p->at < p->bytes && p->data[p->at] != '0' && p->data[p->at] != '1')
        if (p->data[p->at] == '#')
            while (p->at < p->bytes && p->data[p->at] != '\n')
                p->at++;
        else if (p->data[p->at] > ' ')
            return false;
        else
            p->at++;
    if (p->at == p->bytes)
        return false;
    *out = p->data[p->at++] == '0'; /* 1 is black */
    return true;
}

static uint8_t to_byte(uint32_t value, uint32_t max)
{
    return (uint8_t)(((uint64_t)value * 255 + max / 2) / max);
}

static int read_pnm_body(const char *path, struct pnm *p, uint32_t kind, uint32_t max, struct image *out)
{
    uint64_t row = (uint64_t)out->width * out->channels, count = row * out->height, have = p->bytes - p->at;
    uint64_t each = max > 255 ? 2 : 1, need = kind == 4  ? (uint64_t)(out->width + 7) / 8 * out->height
                                              : kind > 4 ? count * each
                                                         : count;
    char a[28], b[28];
    if (have < need)
        return tool_fail(TOOL_FAILED, "%s: PNM of %ux%u pixels is cut short: %s bytes of %s%s", path, out->width, out->height,
                         tool_count(have, a), kind > 3 ? "" : "at least ", tool_count(need, b));
    int code = image_create(out->width, out->height, out->channels, out);
    for (uint64_t i = 0; i < count && code == TOOL_GO_ON; i++) {
        uint32_t value = 0;
        bool good = true;
        if (kind == 1)
            good = pnm_bit(p, &value);
        else if (kind < 4)
            good = pnm_number(p, &value);
        else if (kind == 4) {
            uint64_t y = i / row, x = i % row;
            value = !(p->data[p->at + y * ((out->width + 7) / 8) + x / 8] >> (7 - x % 8) & 1);
        } else {
            const uint8_t *d = p->data + p->at + i * each;
            value = each == 2 ? (uint32_t)d[0] << 8 | d[1] : d[0];
        }
        if (!good)
            code = tool_fail(TOOL_FAILED, "%s: PNM: value %llu of %llu is missing or not a number", path, (unsigned long long)i,
                             (unsigned long long)count);
        else if (value > max)
            code = tool_fail(TOOL_FAILED, "%s: PNM: value %llu of %llu is %u; the header says at most %u", path,
                             (unsigned long long)i, (unsigned long long)count, value, max);
        else
            out->pixels[i] = to_byte(value, max);
    }
    return code;
}

static int read_pnm(const char *path, const uint8_t *data, uint64_t bytes, struct image *out)
{
    struct pnm p = {data, bytes, 2};
    uint32_t kind = (uint32_t)(data[1] - '0'), max = 1;
    if (!pnm_number(&p, &out->width) || !pnm_number(&p, &out->height) || (kind % 3 != 1 && !pnm_number(&p, &max)))
        return tool_fail(TOOL_FAILED, "%s: damaged PNM: the header ends at byte %llu", path, (unsigned long long)p.at);
    if (max == 0 || max > 65535)
        return tool_fail(TOOL_FAILED, "%s: damaged PNM: the largest value is %u, allowed are 1 to 65535", path, max);
    p.at++; /* one space ends the header */
    if (p.at > bytes)
        p.at = bytes;
    out->channels = kind % 3 == 0 ? 3 : 1;
    int code = check_size(path, out->width, out->height);
    return code == TOOL_GO_ON ? read_pnm_body(path, &p, kind, max, out) : code;
}

int image_read(const char *path, struct image *out)
{
    *out = (struct image){0};
    uint8_t *data;
    uint64_t bytes;
    int code = file_read(path, IMAGE_MAX_FILE_BYTES, &data, &bytes);
    if (code == TOOL_GO_ON) {
        if (is_pnm(data, bytes)) {
            code = read_pnm(path, data, bytes, out);
            out->format = "PNM";
        } else if (is_png(data, bytes)) {
#ifdef TOOL_WITH_PNG
            code = read_png(path, data, bytes, out);
            out->format = "PNG";
#else
            code = tool_fail(TOOL_FAILED,
                             "%s: this build reads no PNG, because libpng was missing (meson option 'images'); PNM works", path);
#endif
        } else if (is_jpeg(data, bytes)) {
#ifdef TOOL_WITH_JPEG
            code = read_jpeg(path, data, bytes, out);
            out->format = "JPEG";
#else
            code = tool_fail(TOOL_FAILED,
                             "%s: this build reads no JPEG, because libturbojpeg was missing (meson option 'images'); PNM works",
                             path);
#endif
        } else
            code = tool_fail(TOOL_FAILED, "%s: neither PNG nor JPEG nor PNM", path);
    }
    free(data);
    if (code != TOOL_GO_ON)
        image_free(out);
    return code;
}

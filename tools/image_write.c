/* SPDX-License-Identifier: MIT
 * Writing pictures, and the way between pixels and floats. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "image.h"

#ifdef TOOL_WITH_PNG
#include <png.h>
#endif

const char *image_extension(uint32_t channels)
{
#ifdef TOOL_WITH_PNG
    (void)channels;
    return ".png";
#else
    return channels == 3 ? ".ppm" : ".pgm";
#endif
}

static bool write_file(const struct cvk__image *image, const char *path, char *why, size_t room)
{
#ifdef TOOL_WITH_PNG
    png_image png = {.version = PNG_IMAGE_VERSION, .width = image->width, .height = image->height};
    png.format = image->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    bool good = png_image_write_to_file(&png, path, 0, image->pixels, (int32_t)(image->width * image->channels), NULL);
    snprintf(why, room, "%s", png.message);
    png_image_free(&png);
    return good;
#else
    FILE *f = fopen(path, "wb");
    size_t count = (size_t)image->width * image->height * image->channels;
    bool good = f && fprintf(f, "P%d\n%u %u\n255\n", image->channels == 3 ? 6 : 5, image->width, image->height) > 0 &&
                fwrite(image->pixels, 1, count, f) == count;
    snprintf(why, room, "%s", strerror(errno));
    return f && fclose(f) == 0 && good;
#endif
}

int image_write(const char *stem, const struct cvk__image *image, char *path, size_t room)
{
    char name[4096], part[4104], why[128];
    if (snprintf(name, sizeof name, "%s%s", stem, image_extension(image->channels)) >= (int)sizeof name)
        return tool_fail(TOOL_FAILED, "the name of the picture is too long: %s", stem);
    snprintf(part, sizeof part, "%s.part", name);
    if (!write_file(image, part, why, sizeof why)) {
        remove(part);
        return tool_fail(TOOL_FAILED, "%s: the picture could not be written: %s", name, why);
    }
    if (rename(part, name) != 0) /* whole or not at all */
        return tool_fail(TOOL_FAILED, "%s: %s", name, strerror(errno));
    if (path)
        snprintf(path, room, "%s", name);
    return TOOL_GO_ON;
}

void image_to_floats(const struct cvk__image *im, const struct image_rule *rule, float *out)
{
    uint64_t pixels = (uint64_t)rule->width * rule->height;
    cvk__image_resize(im, rule->width, rule->height, rule->channels, out);
    for (uint64_t i = 0; rule->bgr && rule->channels == 3 && i < pixels; i++) {
        float red = out[i];
        out[i] = out[2 * pixels + i];
        out[2 * pixels + i] = red;
    }
    for (uint32_t c = 0; c < rule->channels; c++)
        for (uint64_t i = 0; i < pixels; i++)
            out[c * pixels + i] = (float)((out[c * pixels + i] * rule->scale - rule->mean[c]) / rule->std[c]);
}

void image_from_floats(const float *values, const struct image_rule *rule, struct cvk__image *im)
{
    uint64_t pixels = (uint64_t)im->width * im->height;
    for (uint32_t c = 0; c < im->channels; c++) {
        uint32_t to = rule->bgr ? im->channels - 1 - c : c;
        for (uint64_t i = 0; i < pixels; i++) {
            double pixel = (values[c * pixels + i] * rule->std[c] + rule->mean[c]) / rule->scale;
            im->pixels[i * im->channels + to] = pixel > 0 ? (uint8_t)lrint(pixel < 255 ? pixel : 255) : 0;
        }
    }
}

void floats_to_grey(const float *map, uint64_t count, uint8_t *out)
{
    float lo = INFINITY, hi = -INFINITY;
    for (uint64_t i = 0; i < count; i++) {
        if (!isfinite(map[i]))
            continue;
        lo = map[i] < lo ? map[i] : lo;
        hi = map[i] > hi ? map[i] : hi;
    }
    for (uint64_t i = 0; i < count; i++)
        out[i] = isfinite(map[i]) && hi > lo ? (uint8_t)lrintf((map[i] - lo) / (hi - lo) * 255) : 0;
}

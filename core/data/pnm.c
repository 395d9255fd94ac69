/* SPDX-License-Identifier: MIT
 * PNM, plain and raw, 8 and 16 bits: the form of pictures that needs no library. Source: the netpbm manual pages pbm, pgm,
 * ppm.
 */
#include "image.h"

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

/* The value at place i of a body of `kind`; false if it is missing. Raw bodies were found long enough. */
static bool pnm_value(struct pnm *p, uint32_t kind, uint32_t max, uint64_t row, uint64_t i, uint32_t *value)
{
    if (kind == 1)
        return pnm_bit(p, value);
    if (kind < 4)
        return pnm_number(p, value);
    if (kind == 4) {
        uint64_t y = i / row, x = i % row;
        *value = !(p->data[p->at + y * ((row + 7) / 8) + x / 8] >> (7 - x % 8) & 1);
        return true;
    }
    const uint8_t *d = p->data + p->at + i * (max > 255 ? 2 : 1);
    *value = max > 255 ? (uint32_t)d[0] << 8 | d[1] : d[0];
    return true;
}

static int32_t decode_body(const char *path, struct pnm *p, uint32_t kind, uint32_t max, struct cvk__image *out)
{
    uint64_t row = (uint64_t)out->width * out->channels, count = row * out->height, have = p->bytes - p->at;
    uint64_t each = max > 255 ? 2 : 1, need = kind == 4  ? (uint64_t)(out->width + 7) / 8 * out->height
                                              : kind > 4 ? count * each
                                                         : count;
    if (have < need)
        return cvk__fail_file(CVK_E_FORMAT, path, "PNM of %ux%u pixels is cut short: %llu bytes of %s%llu", out->width,
                              out->height, (unsigned long long)have, kind > 3 ? "" : "at least ", (unsigned long long)need);
    CVK__TRY(cvk__image_create(out->width, out->height, out->channels, out));
    for (uint64_t i = 0; i < count; i++) {
        uint32_t value = 0;
        if (!pnm_value(p, kind, max, row, i, &value))
            return cvk__fail_file(CVK_E_FORMAT, path, "PNM: value %llu of %llu is missing or not a number",
                                  (unsigned long long)i, (unsigned long long)count);
        if (value > max)
            return cvk__fail_file(CVK_E_FORMAT, path, "PNM: value %llu of %llu is %u; the header says at most %u",
                                  (unsigned long long)i, (unsigned long long)count, value, max);
        out->pixels[i] = to_byte(value, max);
    }
    return CVK_OK;
}

int32_t cvk__pnm_decode(const char *path, const uint8_t *data, uint64_t bytes, struct cvk__image *out)
{
    struct pnm p = {data, bytes, 2};
    uint32_t kind = (uint32_t)(data[1] - '0'), max = 1;
    if (!pnm_number(&p, &out->width) || !pnm_number(&p, &out->height) || (kind % 3 != 1 && !pnm_number(&p, &max)))
        return cvk__fail_file(CVK_E_FORMAT, path, "damaged PNM: the header ends at byte %llu", (unsigned long long)p.at);
    if (max == 0 || max > 65535)
        return cvk__fail_file(CVK_E_FORMAT, path, "damaged PNM: the largest value is %u, allowed are 1 to 65535", max);
    p.at++; /* one space ends the header */
    if (p.at > bytes)
        p.at = bytes;
    out->channels = kind % 3 == 0 ? 3 : 1;
    CVK__TRY(cvk__image_check_size(path, out->width, out->height));
    return decode_body(path, &p, kind, max, out);
}

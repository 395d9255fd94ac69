/* SPDX-License-Identifier: MIT
 * The parser of device texts. One pass from left to right; every error names the byte and shows what stands there. */
#include "grammar.h"

struct parser {
    const char *text, *at;
    struct cvk__spec *spec;
};

/* A sentence with the place in it. */
static int32_t bad(const struct parser *p, const char *what, const char *expected)
{
    char rest[24], shown[64];
    snprintf(rest, sizeof rest, "%.20s", p->at);
    unsigned byte = (unsigned)(p->at - p->text) + 1;
    if (!*rest)
        return cvk__fail(CVK_E_FORMAT, "device text: %s at its end; expected is %s", what, expected);
    return cvk__fail(CVK_E_FORMAT, "device text: %s at byte %u ('%s'); expected is %s", what, byte,
                     cvk__text_escape(rest, shown, sizeof shown), expected);
}

static int32_t too_many(const char *what, uint32_t limit)
{
    return cvk__fail(CVK_E_LIMIT, "device text: more than %u %s", limit, what);
}

static void skip_spaces(struct parser *p)
{
    while (*p->at == ' ')
        p->at++;
}

/* Keeps a piece without the spaces around it. The memory was made large enough for every piece of the text three times. */
static const char *keep(struct parser *p, const char *begin, const char *end)
{
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    char *to = p->spec->memory + p->spec->used;
    memcpy(to, begin, (size_t)(end - begin));
    to[end - begin] = 0;
    p->spec->used += (uint64_t)(end - begin) + 1;
    return to;
}

static bool lower_equal(const char *text, const char *word)
{
    for (; *text && *word; text++, word++)
        if ((*text >= 'A' && *text <= 'Z' ? *text + 32 : *text) != *word)
            return false;
    return *text == *word;
}

static bool starts(const char *text, const char *word)
{
    char head[8];
    snprintf(head, sizeof head, "%.*s", (int)strlen(word), text);
    return lower_equal(head, word);
}

static int32_t parse_filter(struct parser *p, struct cvk__device_text *d)
{
    skip_spaces(p);
    if (d->filter_count == CVK__SPEC_FILTERS)
        return too_many("filters on one device", CVK__SPEC_FILTERS);
    struct cvk__filter *f = &d->filters[d->filter_count++];
    const char *begin = p->at;
    bool address = starts(begin, "uuid=") || starts(begin, "pci="); /* holds colons, and so stands last */
    size_t length = strcspn(begin, address ? ",+()" : ",+():=");
    p->at = begin + length;
    if (!length)
        return bad(p, "an empty filter", "a number, cpu, gpu, accel, part of a name, uuid=... or pci=...");
    if (*p->at == '=')
        return bad(p, "an unknown filter", "uuid=... or pci=...; options of a backend go in parentheses");
    f->text = keep(p, begin, p->at);
    if (address) {
        f->kind = f->text[0] == 'u' || f->text[0] == 'U' ? CVK__FILTER_UUID : CVK__FILTER_PCI;
        f->text = strchr(f->text, '=') + 1;
        if (!*f->text)
            return bad(p, "an empty address", "what the list of devices shows");
    } else if (strspn(f->text, "0123456789") == strlen(f->text)) {
        uint64_t number;
        f->kind = CVK__FILTER_INDEX;
        if (strlen(f->text) > 6 || !cvk__parse_u64(f->text, &number))
            return cvk__fail(CVK_E_FORMAT, "device text: index %.20s is no device's number", f->text);
        f->number = (uint32_t)number;
    } else {
        uint32_t kind = lower_equal(f->text, "cpu")     ? CVK_DEVICE_CPU
                        : lower_equal(f->text, "gpu")   ? CVK_DEVICE_GPU
                        : lower_equal(f->text, "accel") ? CVK_DEVICE_ACCEL
                                                        : 0;
        f->kind = kind ? CVK__FILTER_KIND : CVK__FILTER_NAME;
        f->number = kind;
    }
    return CVK_OK;
}

/* key=value, ... up to the closing parenthesis or, for a bare list, the end. */
static int32_t parse_options(struct parser *p, struct cvk__device_text *d, char close)
{
    for (;;) {
        skip_spaces(p);
        const char *begin = p->at;
        size_t length = strspn(begin, "abcdefghijklmnopqrstuvwxyz0123456789_");
        p->at += length;
        if (!length)
            return bad(p, "no option's name", "key=value");
        if (d->option_count == CVK__SPEC_OPTIONS)
            return too_many("options of one device", CVK__SPEC_OPTIONS);
        const char *key = keep(p, begin, p->at);
        skip_spaces(p);
        if (*p->at != '=')
            return bad(p, "an option without '='", "key=value");
        begin = ++p->at;
        p->at += strcspn(begin, ",()");
        if (*p->at == '(')
            return bad(p, "a nested parenthesis", "',' or ')'");
        const char *value = keep(p, begin, p->at);
        if (!*value)
            return bad(p, "an option without a value", "key=value");
        for (uint32_t i = 0; i < d->option_count; i++)
            if (strcmp(d->keys[i], key) == 0)
                return cvk__fail(CVK_E_FORMAT, "device text: option '%.60s' is given twice", key);
        d->keys[d->option_count] = key;
        d->values[d->option_count++] = value;
        if (*p->at != ',')
            break;
        p->at++;
    }
    if (*p->at != close)
        return bad(p, "an option list that does not end", close ? "',' or ')'" : "',' or the end");
    if (close)
        p->at++;
    return CVK_OK;
}

static int32_t parse_device(struct parser *p, struct cvk__device_text *d)
{
    *d = (struct cvk__device_text){0};
    skip_spaces(p);
    const char *begin = p->at;
    size_t length = strspn(begin, "abcdefghijklmnopqrstuvwxyz0123456789_");
    p->at += length;
    if (!length)
        return bad(p, strchr(",+", *begin) || !*begin ? "an empty part" : "no backend's name",
                   "a backend such as ref, simd or opencl");
    if (length > 32)
        return cvk__fail(CVK_E_FORMAT, "device text: '%.32s...' is too long for a backend's name (32 letters)", begin);
    d->backend = keep(p, begin, p->at);
    skip_spaces(p);
    while (*p->at == ':') {
        bool last = d->filter_count && d->filters[d->filter_count - 1].kind >= CVK__FILTER_UUID;
        if (last)
            return bad(p, "a filter after uuid= or pci=", "',', '+' or the end");
        p->at++;
        CVK__TRY(parse_filter(p, d));
    }
    if (*p->at == '(') {
        p->at++;
        CVK__TRY(parse_options(p, d, ')'));
        skip_spaces(p);
    }
    d->text = keep(p, begin, p->at);
    if (*p->at && *p->at != ',' && *p->at != '+')
        return bad(p, "something unexpected", "':', '(', ',', '+' or the end");
    return CVK_OK;
}

static int32_t parse_choice(struct parser *p)
{
    struct cvk__spec *spec = p->spec;
    if (spec->choice_count == CVK__SPEC_CHOICES)
        return too_many("choices (parts between ',')", CVK__SPEC_CHOICES);
    struct cvk__choice *c = &spec->choices[spec->choice_count++];
    *c = (struct cvk__choice){.first = spec->device_count};
    const char *begin = p->at;
    for (;;) {
        if (c->count == CVK__MAX_DEVICES)
            return too_many("devices in one choice (parts between '+')", CVK__MAX_DEVICES);
        CVK__TRY(parse_device(p, &spec->devices[spec->device_count]));
        spec->device_count++;
        c->count++;
        if (*p->at != '+')
            break;
        p->at++;
    }
    c->text = keep(p, begin, p->at);
    for (uint32_t i = 0; i + 1 < spec->choice_count; i++)
        if (strcmp(spec->choices[i].text, c->text) == 0)
            return cvk__fail(CVK_E_FORMAT, "device text: the choice '%.100s' is written twice", c->text);
    for (uint32_t i = c->first; i < spec->device_count; i++)
        for (uint32_t j = i + 1; j < spec->device_count; j++)
            if (strcmp(spec->devices[i].text, spec->devices[j].text) == 0)
                return cvk__fail(CVK_E_FORMAT, "device text: '%.100s' is written twice in one choice", spec->devices[i].text);
    return CVK_OK;
}

static int32_t parse_choices(struct parser *p)
{
    static const struct {
        const char *word;
        enum cvk__spec_kind kind;
    } words[] = {{"auto", CVK__SPEC_AUTO}, {"help", CVK__SPEC_HELP}, {"list", CVK__SPEC_LIST}};
    struct cvk__spec *spec = p->spec;
    for (;;) {
        CVK__TRY(parse_choice(p));
        if (!*p->at)
            break;
        p->at++;
    }
    for (uint32_t i = 0; i < spec->device_count; i++) {
        for (uint32_t w = 0; w < sizeof words / sizeof words[0]; w++) {
            if (strcmp(spec->devices[i].backend, words[w].word) != 0)
                continue;
            if (spec->device_count > 1 || spec->devices[i].filter_count || spec->devices[i].option_count)
                return cvk__fail(CVK_E_FORMAT, "device text: '%s' stands alone, without ',', '+', ':' and '('", words[w].word);
            spec->kind = words[w].kind;
        }
    }
    return CVK_OK;
}

/* Room for the text and its parts; refuses texts that are too long or not plain UTF-8 before anything is looked at. */
static int32_t prepare(struct parser *p, const char *text, struct cvk__spec *out)
{
    *out = (struct cvk__spec){0};
    *p = (struct parser){text, text, out};
    size_t length = strnlen(text, CVK__SPEC_BYTES + 1);
    if (length > CVK__SPEC_BYTES) {
        char head[24], shown_head[96];
        snprintf(head, sizeof head, "%.20s", text);
        return cvk__fail(CVK_E_LIMIT, "device text: longer than the limit of %d bytes; it begins with '%s'", CVK__SPEC_BYTES,
                         cvk__text_escape(head, shown_head, sizeof shown_head));
    }
    char *shown = cvk__alloc(CVK__TAG_MISC, 4 * length + 1);
    uint64_t devices = 1;
    for (const char *c = text; *c; c++)
        devices += *c == ',' || *c == '+';
    if (devices > CVK__SPEC_CHOICES * CVK__MAX_DEVICES)
        devices = CVK__SPEC_CHOICES * CVK__MAX_DEVICES;
    out->capacity = 4 * length + 4 * devices + 64;
    out->memory = cvk__alloc(CVK__TAG_MISC, out->capacity);
    out->devices = cvk__alloc_array(CVK__TAG_MISC, devices, sizeof *out->devices);
    int32_t status = CVK_OK;
    if (!shown || !out->memory || !out->devices) {
        status = cvk__fail_memory(devices * sizeof *out->devices, "a device text");
    } else {
        cvk__text_escape(text, shown, 4 * length + 1);
        size_t same = 0;
        while (text[same] && text[same] == shown[same])
            same++;
        if (text[same])
            status = cvk__fail(CVK_E_FORMAT, "device text: byte %zu (0x%02x) is a quote, a control character or no UTF-8",
                               same + 1, (unsigned char)text[same]);
    }
    cvk__free(shown);
    return status;
}

int32_t cvk__spec_parse(const char *text, struct cvk__spec *out)
{
    struct parser p;
    int32_t status = prepare(&p, text ? text : "", out);
    if (status == CVK_OK) {
        skip_spaces(&p);
        if (*p.at)
            status = parse_choices(&p);
        else
            out->kind = CVK__SPEC_AUTO;
    }
    if (status != CVK_OK)
        cvk__spec_finish(out);
    return status;
}

int32_t cvk__spec_parse_options(const char *text, struct cvk__spec *out)
{
    struct parser p;
    int32_t status = prepare(&p, text ? text : "", out);
    if (status == CVK_OK) {
        out->device_count = 1;
        skip_spaces(&p);
        if (*p.at)
            status = parse_options(&p, &out->devices[0], 0);
    }
    if (status != CVK_OK)
        cvk__spec_finish(out);
    return status;
}

void cvk__spec_finish(struct cvk__spec *spec)
{
    cvk__free(spec->memory);
    cvk__free(spec->devices);
    *spec = (struct cvk__spec){0};
}

/* SPDX-License-Identifier: MIT
 * The text that names a data set: a name or a path, and options in parentheses behind it. A file name may end in a parenthesis
 * too; what stands in it is taken for options only if there is a '=' or nothing. */
#include "data_impl.h"

#define TEXT_MAX 65536

static char *trim(char *text)
{
    while (*text == ' ')
        text++;
    for (size_t n = strlen(text); n && text[n - 1] == ' '; n--)
        text[n - 1] = 0;
    return text;
}

static int32_t parse_options(struct cvk__data_spec *s, char *list)
{
    for (char *rest = list, *piece = strsep(&rest, ","); piece; piece = strsep(&rest, ",")) {
        char *value = strchr(piece, '=');
        if (!value)
            return cvk__fail(CVK_E_FORMAT, "data '%s': '%s' is no option; write key=value", CVK__SHOW(s->path),
                             CVK__SHOW(trim(piece)));
        *value++ = 0;
        const char *key = trim(piece);
        value = trim(value);
        if (!*key || !*value)
            return cvk__fail(CVK_E_FORMAT, "data '%s': option '%s' has no %s; write key=value", CVK__SHOW(s->path),
                             CVK__SHOW(*key ? key : value), *key ? "value" : "name");
        if (cvk__data_spec_has(s, key))
            return cvk__fail(CVK_E_FORMAT, "data '%s': option '%s' is given twice", CVK__SHOW(s->path), CVK__SHOW(key));
        if (s->count == CVK__SPEC_MOST)
            return cvk__fail(CVK_E_LIMIT, "data '%s': more than %d options", CVK__SHOW(s->path), CVK__SPEC_MOST);
        s->keys[s->count] = key;
        s->values[s->count++] = value;
    }
    return CVK_OK;
}

int32_t cvk__data_spec_parse(const char *text, struct cvk__data_spec *out)
{
    *out = (struct cvk__data_spec){0};
    size_t bytes = strnlen(text, TEXT_MAX + 1);
    if (bytes > TEXT_MAX)
        return cvk__fail(CVK_E_LIMIT, "the text that names the data is longer than %d bytes", TEXT_MAX);
    out->text = cvk__strdup(CVK__TAG_DATA, text);
    if (!out->text)
        return cvk__fail_memory(bytes + 1, "the name of a data set");
    out->path = out->text;
    char *open = strrchr(out->text, '(');
    if (bytes == 0 || out->text[bytes - 1] != ')' || !open) {
        /* "shapes(count=4" is a slip of the pen, no file. */
        if (open && strchr(open, '=') && !cvk__file_exists(text) && !cvk__folder_exists(text))
            return cvk__fail(CVK_E_FORMAT, "data '%s': the options do not end in ')'", CVK__SHOW(text));
        return CVK_OK;
    }
    out->text[bytes - 1] = 0;
    if (open[1] && !strchr(open, '=')) {
        out->text[bytes - 1] = ')';
        return CVK_OK;
    }
    *open = 0;
    return open[1] ? parse_options(out, open + 1) : CVK_OK;
}

void cvk__data_spec_finish(struct cvk__data_spec *s)
{
    cvk__free(s->text);
    *s = (struct cvk__data_spec){0};
}

bool cvk__data_spec_has(const struct cvk__data_spec *s, const char *key)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (strcmp(s->keys[i], key) == 0)
            return true;
    return false;
}

static int32_t fail_unknown(const struct cvk__data_spec *s, const char *key, const struct cvk__option *options, uint32_t count)
{
    int32_t status =
        cvk__fail(CVK_E_ARG, "data '%s': there is no option '%s'; there are ", CVK__SHOW(s->path), CVK__SHOW(key));
    for (uint32_t i = 0; i < count; i++)
        cvk__fail_more("%s%s", i ? ", " : "", options[i].key);
    return status;
}

/* A number between 0 and 1, neither of them; without strtod, which would look at the locale. */
static bool parse_share(const char *text, double *out)
{
    double value = 0, unit = 1;
    const char *p = text;
    size_t digits = 0;
    for (; *p >= '0' && *p <= '9' && digits < 9; p++, digits++)
        value = 10 * value + (*p - '0');
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9' && digits < 9; p++, digits++) {
            unit *= 10;
            value = 10 * value + (*p - '0');
        }
    *out = value / unit;
    return digits && !*p && *out > 0 && *out < 1;
}

static int32_t read_option(const struct cvk__data_spec *s, const struct cvk__option *o, const char *value)
{
    uint64_t number;
    double share;
    switch (o->kind) {
    case CVK__OPTION_U64:
        if (!cvk__parse_u64(value, &number) || number < o->min || number > o->max)
            return cvk__fail(CVK_E_ARG, "data '%s': %s=%s: a whole number from %llu to %llu belongs there", CVK__SHOW(s->path),
                             o->key, CVK__SHOW(value), (unsigned long long)o->min, (unsigned long long)o->max);
        *(uint64_t *)o->out = number;
        return CVK_OK;
    case CVK__OPTION_SHARE:
        if (!parse_share(value, &share))
            return cvk__fail(CVK_E_ARG, "data '%s': %s=%s: a share between 0 and 1, such as 0.2, belongs there",
                             CVK__SHOW(s->path), o->key, CVK__SHOW(value));
        *(double *)o->out = share;
        return CVK_OK;
    default:
        *(const char **)o->out = value;
        return CVK_OK;
    }
}

int32_t cvk__data_options(const struct cvk__data_spec *s, const struct cvk__option *options, uint32_t count)
{
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t k = 0;
        while (k < count && strcmp(s->keys[i], options[k].key) != 0)
            k++;
        if (k == count)
            return fail_unknown(s, s->keys[i], options, count);
        CVK__TRY(read_option(s, &options[k], s->values[i]));
    }
    return CVK_OK;
}

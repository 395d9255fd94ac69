/* SPDX-License-Identifier: MIT
 * JSON output through jansson, or a sentence that says that it is missing. */
#include "json_out.h"

#include <math.h>
#include <string.h>

#ifdef TOOL_WITH_JSON
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* `struct json *` is jansson's json_t: the name only keeps its header out of the other files. */
static json_t *of(struct json *j)
{
    return (json_t *)(void *)j;
}

static struct json *to(json_t *j)
{
    return (struct json *)(void *)j;
}

/* jansson takes UTF-8 alone, so other bytes are shown as text. */
static json_t *text_value(const char *text)
{
    if (!text)
        return json_null();
    char safe[4096];
    return json_string(tool_escape(text, safe, sizeof safe));
}

static json_t *number_value(double n)
{
    return isfinite(n) ? json_real(n) : json_null();
}

int json_available(void)
{
    return TOOL_GO_ON;
}

struct json *json_create(void)
{
    return to(json_object());
}

void json_text(struct json *object, const char *key, const char *text)
{
    json_object_set_new(of(object), key, text_value(text));
}

void json_count(struct json *object, const char *key, uint64_t n)
{
    json_object_set_new(of(object), key, n <= INT64_MAX ? json_integer((json_int_t)n) : json_real((double)n));
}

void json_number(struct json *object, const char *key, double n)
{
    json_object_set_new(of(object), key, number_value(n));
}

void json_bool(struct json *object, const char *key, bool b)
{
    json_object_set_new(of(object), key, json_boolean(b));
}

struct json *json_object_in(struct json *object, const char *key)
{
    json_t *part = json_object();
    json_object_set_new(of(object), key, part);
    return to(part);
}

struct json *json_list_in(struct json *object, const char *key)
{
    json_t *part = json_array();
    json_object_set_new(of(object), key, part);
    return to(part);
}

struct json *json_item(struct json *list)
{
    json_t *part = json_object();
    json_array_append_new(of(list), part);
    return to(part);
}

void json_item_number(struct json *list, double n)
{
    json_array_append_new(of(list), n == floor(n) && fabs(n) < 9e15 ? json_integer((json_int_t)n) : number_value(n));
}

void json_item_text(struct json *list, const char *text)
{
    json_array_append_new(of(list), text_value(text));
}

void json_free(struct json *object)
{
    json_decref(of(object));
}

int json_finish(struct json *object)
{
    int bad = json_dumpf(of(object), stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(of(object));
    return bad || fflush(stdout) ? tool_fail(TOOL_FAILED, "the JSON could not be written") : TOOL_OK;
}

int json_save(struct json *object, const char *path)
{
    char *text = json_dumps(of(object), JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(of(object));
    int code = text ? tool_save(path, text) : tool_fail(TOOL_FAILED, "%s: no memory for it", path);
    free(text);
    return code;
}

#else

int json_available(void)
{
    return tool_fail(TOOL_FAILED, "--json: this build has no JSON output, because jansson was missing (meson option 'json')");
}

/* Never reached: every command asks json_available first. */
struct json *json_create(void)
{
    return NULL;
}

void json_text(struct json *object, const char *key, const char *text)
{
    (void)object, (void)key, (void)text;
}

void json_count(struct json *object, const char *key, uint64_t n)
{
    (void)object, (void)key, (void)n;
}

void json_number(struct json *object, const char *key, double n)
{
    (void)object, (void)key, (void)n;
}

void json_bool(struct json *object, const char *key, bool b)
{
    (void)object, (void)key, (void)b;
}

struct json *json_object_in(struct json *object, const char *key)
{
    (void)key;
    return object;
}

struct json *json_list_in(struct json *object, const char *key)
{
    (void)key;
    return object;
}

struct json *json_item(struct json *list)
{
    return list;
}

void json_item_number(struct json *list, double n)
{
    (void)list, (void)n;
}

void json_item_text(struct json *list, const char *text)
{
    (void)list, (void)text;
}

void json_free(struct json *object)
{
    (void)object;
}

int json_finish(struct json *object)
{
    (void)object;
    return json_available();
}

int json_save(struct json *object, const char *path)
{
    (void)object, (void)path;
    return json_available();
}

#endif

void json_shape(struct json *object, const char *key, const struct cvk_tensor_desc *desc)
{
    struct json *list = json_list_in(object, key);
    for (uint32_t i = 0; i < desc->rank; i++)
        json_item_number(list, (double)desc->dims[i]);
}

/* SPDX-License-Identifier: MIT
 * JSON output. Every text is escaped, every number that JSON has no word for (NaN, infinity) becomes null. */
#ifndef CONVOKE_JSON_OUT_H
#define CONVOKE_JSON_OUT_H

#include "tool.h"

struct json; /* an object or a list; parts belong to what they were put into */

/* TOOL_GO_ON, or TOOL_FAILED after saying that this build has no JSON. */
int json_available(void);
struct json *json_create(void);                                         /* an object */
void json_text(struct json *object, const char *key, const char *text); /* text NULL: null */
void json_count(struct json *object, const char *key, uint64_t n);
void json_number(struct json *object, const char *key, double n);
void json_bool(struct json *object, const char *key, bool b);
struct json *json_object_in(struct json *object, const char *key);
struct json *json_list_in(struct json *object, const char *key);
struct json *json_item(struct json *list); /* a new object at its end */
void json_item_number(struct json *list, double n);
void json_item_text(struct json *list, const char *text);
void json_shape(struct json *object, const char *key, const struct cvk_tensor_desc *desc); /* a list of sizes */
void json_free(struct json *object); /* without printing; NULL is fine */
/* Prints on stdout and frees. The exit code. */
int json_finish(struct json *object);
/* Writes to a file and frees; an existing file is replaced only when the new one is whole. TOOL_GO_ON, or TOOL_FAILED after saying why. */
int json_save(struct json *object, const char *path);

#endif

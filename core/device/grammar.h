/* SPDX-License-Identifier: MIT
 * A device text, taken apart. The only parser of the grammar; it knows no device. */
#ifndef CVK__GRAMMAR_H
#define CVK__GRAMMAR_H

#include "backend.h"

/* Limits of a text; beyond them is CVK_E_LIMIT. */
#define CVK__SPEC_BYTES 4096
#define CVK__SPEC_CHOICES 16
#define CVK__SPEC_FILTERS 8
#define CVK__SPEC_OPTIONS 32

enum cvk__spec_kind { CVK__SPEC_DEVICES, CVK__SPEC_AUTO, CVK__SPEC_HELP, CVK__SPEC_LIST };
enum cvk__filter_kind { CVK__FILTER_INDEX, CVK__FILTER_KIND, CVK__FILTER_NAME, CVK__FILTER_UUID, CVK__FILTER_PCI };

struct cvk__filter {
    enum cvk__filter_kind kind;
    uint32_t number;  /* the index, or enum cvk_device_kind */
    const char *text; /* of the name, uuid or pci filter */
};

/* "opencl:gpu:nvidia(cache=off)" */
struct cvk__device_text {
    const char *text; /* all of it, as written */
    const char *backend;
    struct cvk__filter filters[CVK__SPEC_FILTERS];
    uint32_t filter_count;
    const char *keys[CVK__SPEC_OPTIONS], *values[CVK__SPEC_OPTIONS];
    uint32_t option_count;
};

struct cvk__choice {
    const char *text;      /* as written */
    uint32_t first, count; /* in devices */
};

struct cvk__spec {
    enum cvk__spec_kind kind;
    struct cvk__choice choices[CVK__SPEC_CHOICES];
    uint32_t choice_count;
    struct cvk__device_text *devices;
    uint32_t device_count;
    char *memory; /* what all texts point into */
    uint64_t used, capacity;
};

/* Errors: CVK_E_FORMAT naming the byte, CVK_E_LIMIT. NULL and "" mean auto. On failure nothing is left to finish. */
int32_t cvk__spec_parse(const char *text, struct cvk__spec *out);
void cvk__spec_finish(struct cvk__spec *spec);
/* Only options, "threads=4,isa=avx2", into device->keys and values; for cvk__device_open. text lives in spec. */
int32_t cvk__spec_parse_options(const char *text, struct cvk__spec *out);

/* ---- match.c: which devices a text means ---- */

/* Indices into backend's devices that pass the filters, in order; *count 0 with a sentence in why if none. */
struct cvk__match {
    const struct cvk__backend *backend;
    uint32_t *indices;
    uint32_t count;
};
/* CVK_OK with count > 0, or a failure that says which part found nothing and what there is. */
int32_t cvk__device_match(struct cvk_context *ctx, const struct cvk__device_text *text, struct cvk__match *out);
void cvk__match_finish(struct cvk__match *match);
/* Checks the keys against what the backend declares; CVK_E_ARG with "did you mean". */
int32_t cvk__options_check(const struct cvk__backend *b, const struct cvk__device_text *text);
/* What `auto` would try, best first, the reference left out: pairs of backend and index. The caller frees with cvk__free. */
struct cvk__rank {
    const struct cvk__backend *backend;
    uint32_t index;
    int32_t rank;
};
int32_t cvk__auto_order(struct cvk_context *ctx, struct cvk__rank **order, uint32_t *count);
/* True for failures that no other device could mend: they end the search instead of falling to the next choice. */
bool cvk__ends_search(int32_t status);
/* Appends why no backend of that name could be found: every refused plugin that may have been it, all if name is NULL. */
void cvk__refused_plugins(const struct cvk_context *ctx, const char *name, struct cvk__text *why);

#endif

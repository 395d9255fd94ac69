/* SPDX-License-Identifier: MIT
 * What the files of data sets share: the set itself, its sources, the text that names it. */
#ifndef CVK__DATA_IMPL_H
#define CVK__DATA_IMPL_H

#include <stdatomic.h>

#include "convoke/data.h"
#include "file.h"

#define CVK__DATA_MAX_SAMPLES 100000000u /* of a set */
#define CVK__DATA_MAX_CLASSES 100000u
#define CVK__DATA_BLOCKS 16                /* files that one set's pixels come from, at most */
#define CVK__DATA_CACHE_BYTES (1ull << 30) /* pixels kept after decoding, unless cache=... says otherwise */

enum cvk__part { CVK__PART_ALL, CVK__PART_TRAIN, CVK__PART_TEST };

/* Samples whose pixels lie in memory as the file had them, CxHxW each. */
struct cvk__block {
    uint8_t *memory;      /* owned */
    const uint8_t *first; /* pixels of its first sample */
    uint64_t stride, count;
};

/* A source that makes samples on demand. All functions may be called from any threads at once. */
struct cvk__source {
    /* Sample i as bytes: the pixels CxHxW, behind them a class for each pixel where the set has those. */
    int32_t (*draw)(const struct cvk_data *d, uint64_t i, uint8_t *out);
    /* Targets that are numbers, where the set has those. */
    void (*numbers)(const struct cvk_data *d, uint64_t i, float *out);
    /* Instead of draw: writes floats and the target, either of which may be NULL. */
    int32_t (*read)(const struct cvk_data *d, uint64_t i, float *x, void *target);
    void (*finish)(struct cvk_data *d); /* frees impl; NULL: nothing to free */
};

struct cvk_data {
    struct cvk_tensor_desc x, target;
    uint64_t count;        /* samples of this part */
    uint32_t *index;       /* where they are in the set; NULL: the same numbers */
    uint64_t total;        /* samples of the set */
    uint64_t sample_bytes; /* of one sample as bytes, classes per pixel included */
    uint32_t class_count;
    const char **class_names;
    char *names_text; /* where they stand, unless they are static */
    char *name_text;
    const char *name;
    bool placed; /* targets tell places, so that moving the picture would make them wrong */

    uint32_t *labels; /* of all samples of the set; NULL: targets are something else */
    struct cvk__block blocks[CVK__DATA_BLOCKS];
    uint32_t block_count; /* 0: samples come from `source` */
    const struct cvk__source *source;
    void *impl;                /* the source's own */
    _Atomic(uint8_t *) *cache; /* of all samples of the set; NULL where nothing is kept */
    atomic_uint_fast64_t cached_bytes;
    uint64_t cache_limit;
};

/* ---- the text that names a set (spec.c) ---- */

#define CVK__SPEC_MOST 12 /* options in one text */

struct cvk__data_spec {
    char *text;       /* owned copy, cut into the pieces below */
    const char *path; /* what stands before the options */
    uint32_t count;
    const char *keys[CVK__SPEC_MOST], *values[CVK__SPEC_MOST];
};

enum cvk__option_kind { CVK__OPTION_U64, CVK__OPTION_SHARE, CVK__OPTION_WORD };
struct cvk__option {
    const char *key;
    uint32_t kind;     /* enum cvk__option_kind */
    void *out;         /* uint64_t, double or const char *: holds the default, is written where the option is given */
    uint64_t min, max; /* CVK__OPTION_U64 */
};
int32_t cvk__data_spec_parse(const char *text, struct cvk__data_spec *out);
void cvk__data_spec_finish(struct cvk__data_spec *s);
bool cvk__data_spec_has(const struct cvk__data_spec *s, const char *key);
/* Reads the options; one that is not in the list is an error that names those that are. */
int32_t cvk__data_options(const struct cvk__data_spec *s, const struct cvk__option *options, uint32_t count);

/* ---- what openers use (open.c) ---- */

int32_t cvk__data_set_pictures(struct cvk_data *d, uint64_t total, uint32_t channels, uint32_t height, uint32_t width);
/* Room for a class for each sample. */
int32_t cvk__data_set_labels(struct cvk_data *d);
/* Names that live for ever, or (names NULL) "0", "1", ... */
int32_t cvk__data_set_names(struct cvk_data *d, uint32_t count, const char *const *names);
/* Names out of a text with one on each line. The text becomes the set's. */
int32_t cvk__data_take_names(struct cvk_data *d, char *text);
/* Samples that the source drew are kept, up to so many bytes. */
int32_t cvk__data_keep_decoded(struct cvk_data *d, uint64_t limit);

/* Openers: each fills a set of all samples of `part` and tells whether the files have parts of their own; then the caller does
 * not split. */
struct cvk__opening {
    const struct cvk__data_spec *spec;
    uint32_t part; /* enum cvk__part */
    double test_share;
    uint64_t split_seed;
    bool has_parts;
};
int32_t cvk__open_idx(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_cifar(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_folder(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_npy(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_shapes(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_lines(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_digits(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_segments(struct cvk_data *d, struct cvk__opening *o);
int32_t cvk__open_curve(struct cvk_data *d, struct cvk__opening *o);
/* Whether a path is a set of this kind. */
bool cvk__is_idx(const char *path);
bool cvk__is_cifar(const char *path);

/* The options that every set which splits has, for an opener's list. */
#define CVK__SPLIT_OPTIONS(o)                                                                                                 \
    {"test", CVK__OPTION_SHARE, &(o)->test_share, 0, 0},                                                                      \
    {                                                                                                                         \
        "split_seed", CVK__OPTION_U64, &(o)->split_seed, 0, UINT64_MAX                                                        \
    }

/* ---- loaders ---- */

struct cvk__augment {
    uint32_t channels, height, width;
    uint32_t flip, shift, crop;
    float erase;
    bool pixel_classes; /* the target is i64 [height, width] */
};
/* From x and target to out and target_out, a pure function of seed; `target` only where pixel_classes is set. */
void cvk__augment(const struct cvk__augment *a, uint64_t seed, const float *x, const int64_t *target, float *out,
                  int64_t *target_out);
/* Order of the samples of an epoch, a permutation of 0..count-1 that depends on seed alone. */
void cvk__shuffle(uint64_t seed, uint32_t *order, uint64_t count);

#endif

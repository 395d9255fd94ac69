/* SPDX-License-Identifier: MIT
 * Data sets to train and test with, and loaders that make shuffled, augmented batches of them on a thread of their own.
 *
 * A data set is a list of samples: x, f32 [C, H, W] (or what a .npy file holds), and a target: a class number, numbers, or a
 * class for each pixel. Pixels are value / 255. The order of samples, shuffling and augmentation follow from seeds alone
 * (rng.h): the same on every machine.
 *
 * Threads: a data set may be read from any threads at once; one thread at a time on one loader. Owns: who opens closes; a
 * loader needs its data set until it is destroyed.
 *
 * Example (Walks through one epoch of generated shapes):
 * @code
 * #include <convoke/convoke.h>
 * int32_t walk(struct cvk_data *data)
 * {
 *     struct cvk_loader *loader = NULL;
 *     struct cvk_tensor *x, *classes;
 *     int32_t status = cvk_loader_create(data, &(struct cvk_loader_params){.batch = 32, .shuffle = 1, .flip = 1}, &loader);
 *     for (uint64_t i = 0; status == CVK_OK && i < cvk_loader_batches(loader); i++)
 *         status = cvk_loader_next(loader, &x, &classes);
 *     cvk_loader_destroy(loader);
 *     return status;
 * }
 * @endcode
 */
#ifndef CONVOKE_DATA_H
#define CONVOKE_DATA_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_data;
struct cvk_loader;

/* Opens one part ("train", "test", "all") of a data set:
 *
 *   shapes(count=N,size=S,classes=K,seed=Q,channels=C)   generated: circle, square, triangle, star, cross, heart, arrow, spiral, wave,
 *                                                        moon as a hand draws them; the first K of these, 5 unless said
 *   lines(count=N,size=S,seed=Q)                         generated: horizontal, vertical, rising, falling lines
 *   digits(count=N,seed=Q)                               generated: 28x28 digit-like pictures
 *   segments(count=N,size=S,seed=Q)                      generated: shapes on a ground with a class for each pixel
 *   curve(count=N,seed=Q)                                generated: regression, the brightness and the place of a blob
 *   FOLDER with train-images-idx3-ubyte(.gz), ...        IDX, as MNIST and Fashion-MNIST come; t10k-... is the part for tests
 *   FILE-images-idx3-ubyte(.gz)                          one IDX pair, the labels beside it
 *   FOLDER or FILE.bin                                   CIFAR-10 / CIFAR-100 binary (labels=fine or coarse)
 *   FOLDER with train/CLASS/... and test/CLASS/..., or CLASS/...   a folder per class of PNG, JPEG and PNM pictures
 *   FILE.npy,FILE.npy                                    x and targets
 *
 * Generated sample i depends on (seed, i) alone, and its bytes are the same on every machine; it is of class i % K.
 *
 * Where the files have no parts of their own, and in generated sets, "train" and "test" are split by seed: one of ten samples
 * goes to test (another share: "PATH(test=0.2,split_seed=1)"). Errors name the file, the place and what would fit.
 *
 * IDX: the names of classes are those in a file classes.txt beside the pictures, or Fashion-MNIST's if the labels have its
 * published MD5 or "fashion" stands in the path (or classes=fashion), else 0, 1, ... Files of four axes hold pictures CxHxW.
 *
 * Folders: names are sorted as people do (2 before 10), files of other kinds and hidden ones left out. All pictures are brought
 * to size=S (SxS; else the size of the first one) by the interpolation that `convoke run` uses, and to channels=1 or 3 (else as
 * the first one). They are decoded when they are first asked for and then kept as bytes, up to cache=BYTES (1G unless said);
 * what comes later is decoded each time. CIFAR-10's 50,000 training pictures take 150 MiB.
 *
 * .npy: u8 is value / 255, other numbers stay. Whole-number targets of rank 1 are classes, those of [N, H, W] classes of the
 * pixels of [N, C, H, W]; all others are numbers, one for each sample having the shape [1].
 *
 * Limits: 100 million samples, 10 million generated ones of 4096x4096 pixels at most, 100,000 classes, 10 million files in a
 * folder, 1 GiB of content in an IDX or CIFAR file, 4 GiB in a .npy file, pictures of 32768 pixels a side and 64 Mi in all. */
CVK_API int32_t cvk_data_open(const char *spec, const char *part, struct cvk_data **out);
CVK_API void cvk_data_close(struct cvk_data *d); /* NULL is fine */

struct cvk_data_info {
    uint32_t size;       /* 0 from callers means this header's */
    uint32_t class_count; /* 0: targets are numbers */
    uint64_t count;      /* samples */
    struct cvk_tensor_desc x;      /* of one sample, without the batch axis */
    struct cvk_tensor_desc target; /* of one sample: rank 0 i64 for a class; i64 [H, W] for a class per pixel; else f32 */
    const char *name;    /* "MNIST", "shapes", ... */
    const char *const *class_names; /* class_count of them */
};
/* Borrows from the data set. */
CVK_API int32_t cvk_data_get_info(const struct cvk_data *d, struct cvk_data_info *out);
/* Copies sample i: x and target hold as many bytes as the descriptors say; either may be NULL. */
CVK_API int32_t cvk_data_read(const struct cvk_data *d, uint64_t i, float *x, void *target);
/* Writes all samples as IDX files that cvk_data_open reads back: pictures with a class each, at most 256 classes. part "train"
 * names them train-..., "test" t10k-...; the names of the classes go to classes.txt. The folder is made if it is not there. */
CVK_API int32_t cvk_data_write_idx(const struct cvk_data *d, const char *folder, const char *part);
/* Mean and standard deviation of each channel over at most `limit` samples (0: all), taken evenly; [C] each, capacity checked.
 * */
CVK_API int32_t cvk_data_statistics(const struct cvk_data *d, uint64_t limit, float *mean, float *deviation, uint32_t capacity);

/* Zero in a field is its default: off. Geometry is applied to a class-per-pixel target as well. */
struct cvk_loader_params {
    int64_t batch;       /* 0 means 1 */
    uint32_t shuffle;    /* 1: another order in each epoch, from the seed */
    uint32_t keep_last;  /* 1: the last batch is handed out shorter; else samples that do not fill a batch are left out of the epoch */
    uint64_t seed;
    uint64_t epoch;      /* the one to begin with, as a resumed training does */
    uint64_t skip;       /* batches of that epoch that have been taken already */
    uint32_t flip;       /* 1: half of the pictures are mirrored left to right; not for targets that tell places (curve) */
    uint32_t shift;      /* pixels, at most, in each direction; the border is filled with zeros */
    uint32_t crop;       /* pixels of zeros added on each side before a window of the old size is cut out at random */
    float erase;         /* probability that a rectangle of 2 to 20 % of the picture is filled with its mean (arXiv 1708.04896) */
    const float *mean, *deviation; /* of `channels` numbers each: (x - mean) / deviation, last; NULL: none */
    uint32_t channels;
    uint32_t threads;    /* that prepare batches ahead; 0 means 1 */
};

/* Makes a loader and starts its threads, which begin at once. What is in a batch follows from seed, epoch and the numbers of
 * its samples: not from the number of threads, and what happens to a sample not from the size of the batch. params NULL: all
 * defaults. The numbers behind mean and deviation are copied. */
CVK_API int32_t cvk_loader_create(struct cvk_data *d, const struct cvk_loader_params *params, struct cvk_loader **out);
CVK_API void cvk_loader_destroy(struct cvk_loader *l); /* NULL is fine; waits for the threads */
/* Batches in an epoch. */
CVK_API uint64_t cvk_loader_batches(const struct cvk_loader *l);
/* The next batch, x [N, ...] and target [N, ...]; at the end of an epoch the next one begins. Borrows until the next call; the
 * work for the batches after it goes on meanwhile. A sample that cannot be read fails the call for its batch, and all after it.
 * */
CVK_API int32_t cvk_loader_next(struct cvk_loader *l, struct cvk_tensor **x, struct cvk_tensor **target);
/* Where the next batch stands: the `epoch` and `skip` with which a new loader would begin with it. */
CVK_API void cvk_loader_position(const struct cvk_loader *l, uint64_t *epoch, uint64_t *skip);

#ifdef __cplusplus
}
#endif
#endif

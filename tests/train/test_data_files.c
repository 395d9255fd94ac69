/* SPDX-License-Identifier: MIT
 * Data sets in files: IDX, CIFAR, a folder for each class, .npy; good ones, and all ways in which one can be broken. */
#include "data_files.h"

#include "data/idx.h"
#include "data/image.h"

/* ---- makers ---- */

struct bytes {
    uint8_t data[40000];
    size_t count;
};

static void add(struct bytes *b, const void *data, size_t count)
{
    assert_true(b->count + count <= sizeof b->data);
    memcpy(b->data + b->count, data, count);
    b->count += count;
}

static void add_u32(struct bytes *b, uint32_t value)
{
    add(b, (uint8_t[]){value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255}, 4);
}

/* Pixel k of picture i is 10 * i + k. */
static struct bytes *idx_images(uint32_t count, uint32_t height, uint32_t width)
{
    static struct bytes b;
    b.count = 0;
    add(&b, (uint8_t[]){0, 0, 8, 3}, 4);
    add_u32(&b, count);
    add_u32(&b, height);
    add_u32(&b, width);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < height * width; k++)
            add(&b, &(uint8_t){(uint8_t)(10 * i + k)}, 1);
    return &b;
}

static struct bytes *idx_labels(uint32_t count, uint32_t classes)
{
    static struct bytes b;
    b.count = 0;
    add(&b, (uint8_t[]){0, 0, 8, 1}, 4);
    add_u32(&b, count);
    for (uint32_t i = 0; i < count; i++)
        add(&b, &(uint8_t){(uint8_t)(i % classes)}, 1);
    return &b;
}

static void put(const char *name, const struct bytes *b)
{
    put_file(name, b->data, b->count);
}

/* gzip without compression (RFC 1952, and RFC 1951 section 3.2.4), so that the test needs no library for it. */
static struct bytes *gzip(const struct bytes *plain)
{
    static struct bytes b;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < plain->count; i++) {
        crc ^= plain->data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    crc = ~crc;
    uint32_t n = (uint32_t)plain->count;
    b.count = 0;
    add(&b, (uint8_t[]){0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1, n & 255, n >> 8, ~n & 255, ~n >> 8 & 255}, 15);
    add(&b, plain->data, plain->count);
    add(&b, (uint8_t[]){crc & 255, crc >> 8 & 255, crc >> 16 & 255, crc >> 24, n & 255, n >> 8, 0, 0}, 8);
    return &b;
}

/* ---- IDX ---- */

static void test_md5(void **state)
{
    (void)state;
    /* RFC 1321, A.5 */
    static const struct {
        const char *text;
        uint8_t first, last;
    } suite[] = {{"", 0xd4, 0x7e},
                 {"abc", 0x90, 0x72},
                 {"message digest", 0xf9, 0xd0},
                 {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 0xd1, 0x9f},
                 {"12345678901234567890123456789012345678901234567890123456789012345678901234567890", 0x57, 0x7a}};
    for (uint32_t i = 0; i < sizeof suite / sizeof suite[0]; i++) {
        uint8_t md5[CVK__MD5_BYTES];
        cvk__md5((const uint8_t *)suite[i].text, strlen(suite[i].text), md5);
        assert_int_equal(md5[0], suite[i].first);
        assert_int_equal(md5[15], suite[i].last);
    }
}

static void test_idx(void **state)
{
    (void)state;
    put("idx/train-images-idx3-ubyte", idx_images(12, 2, 3));
    put("idx/train-labels-idx1-ubyte", idx_labels(12, 3));
    put("idx/t10k-images-idx3-ubyte", idx_images(4, 2, 3));
    put("idx/t10k-labels-idx1-ubyte", idx_labels(4, 2));
    static const uint64_t counts[] = {12, 4, 16};
    static const char *const parts[] = {"train", "test", "all"};
    for (int part = 0; part < 3; part++) {
        struct cvk_data *d = open_data(in_folder("idx"), parts[part]);
        struct cvk_data_info info = info_of(d);
        float x[6];
        int64_t class;
        assert_int_equal(info.count, counts[part]);
        assert_int_equal(info.class_count, 3); /* in each part the classes of both */
        assert_string_equal(info.class_names[2], "2");
        for (uint64_t i = 0; i < info.count; i++) {
            uint64_t in_file = i < 12 ? i : i - 12;
            assert_int_equal(cvk_data_read(d, i, x, &class), CVK_OK);
            assert_int_equal(class, in_file % (part == 1 || i >= 12 ? 2 : 3));
            for (uint64_t k = 0; k < 6; k++)
                assert_true(x[k] == (float)(10 * in_file + k) / 255.0f);
        }
        cvk_data_close(d);
    }
    refuse(in_folder("idx(test=0.5)"), CVK_E_ARG, "mean nothing");
    struct cvk_data *d = open_data(in_folder("idx/train-images-idx3-ubyte(test=0.25)"), "test"); /* one pair has no parts */
    assert_int_equal(info_of(d).count, 3);
    cvk_data_close(d);
    d = open_data(in_folder("idx(classes=fashion)"), "train");
    assert_int_equal(info_of(d).class_count, 10);
    assert_string_equal(info_of(d).class_names[9], "Ankle boot");
    cvk_data_close(d);
    refuse(in_folder("idx(classes=7)"), CVK_E_ARG, "there are fashion and numbers");
    put_file("idx/classes.txt", "red\r\ngreen\nblue\n", 16);
    d = open_data(in_folder("idx"), "train");
    assert_int_equal(info_of(d).class_count, 3);
    assert_string_equal(info_of(d).class_names[0], "red");
    cvk_data_close(d);
    put_file("idx/classes.txt", "red\ngreen\n", 10);
    refuse(in_folder("idx"), CVK_E_FORMAT, "sample 2 is of class 2, but there are 2 classes");
}

static void test_fashion_by_name(void **state)
{
    (void)state;
    put("My-Fashion-set/t10k-images-idx3-ubyte", idx_images(20, 2, 2));
    put("My-Fashion-set/t10k-labels-idx1-ubyte", idx_labels(20, 10));
    struct cvk_data *d = open_data(in_folder("My-Fashion-set"), "train");
    assert_string_equal(info_of(d).name, "Fashion-MNIST");
    assert_string_equal(info_of(d).class_names[0], "T-shirt/top");
    assert_int_equal(info_of(d).count, 18);
    cvk_data_close(d);
}

static void test_gzip(void **state)
{
    (void)state;
    put("gz/train-images-idx3-ubyte.gz", gzip(idx_images(5, 2, 2)));
    put("gz/train-labels-idx1-ubyte.gz", gzip(idx_labels(5, 5)));
    if (!has_feature("gzip:")) {
        refuse(in_folder("gz"), CVK_E_UNSUPPORTED, "zlib was missing");
        return;
    }
    struct cvk_data *d = open_data(in_folder("gz"), "all");
    float x[4];
    int64_t class;
    assert_int_equal(info_of(d).count, 5);
    assert_int_equal(cvk_data_read(d, 4, x, &class), CVK_OK);
    assert_true(x[3] == 43.0f / 255.0f && class == 4);
    cvk_data_close(d);
    struct bytes *packed = gzip(idx_images(5, 2, 2));
    for (size_t n = 3; n < packed->count; n++) {
        put_file("gz/train-images-idx3-ubyte.gz", packed->data, n);
        refuse(in_folder("gz"), CVK_E_FORMAT, "damaged gzip");
    }
    packed->data[20] ^= 1;
    put("gz/train-images-idx3-ubyte.gz", packed);
    refuse(in_folder("gz"), CVK_E_FORMAT, "damaged gzip");
}

static void test_idx_broken(void **state)
{
    (void)state;
    put("broken/x-images-idx3-ubyte", idx_images(4, 2, 2));
    const char *path = in_folder("broken/x-images-idx3-ubyte");
    char spec[400];
    snprintf(spec, sizeof spec, "%s", path);
    refuse(spec, CVK_E_NOT_FOUND, "x-labels-idx1-ubyte");
    put("broken/x-labels-idx1-ubyte", idx_labels(3, 3));
    refuse(spec, CVK_E_FORMAT, "3 labels for 4 pictures");
    put("broken/x-labels-idx1-ubyte", idx_images(4, 1, 1));
    refuse(spec, CVK_E_FORMAT, "labels have rank 1");
    put("broken/x-labels-idx1-ubyte", idx_labels(4, 3));
    cvk_data_close(open_data(spec, "train"));
    struct bytes *b = idx_images(4, 2, 2);
    for (size_t n = 0; n < b->count; n++) {
        put_file("broken/x-images-idx3-ubyte", b->data, n);
        refuse(spec, CVK_E_FORMAT, n < 4 ? "two zero bytes" : n < 16 ? "in a file of" : "promises 16 elements");
    }
    static const struct {
        size_t at;
        uint8_t value;
        int32_t status;
        const char *words;
    } changes[] = {{0, 1, CVK_E_FORMAT, "two zero bytes"}, {2, 13, CVK_E_UNSUPPORTED, "0x0D"},
                   {3, 1, CVK_E_FORMAT, "promises 4"},     {3, 200, CVK_E_FORMAT, "rank 200"},
                   {7, 5, CVK_E_FORMAT, "promises 20"},    {11, 0, CVK_E_FORMAT, "promises 0"},
                   {4, 255, CVK_E_FORMAT, "17112760336"}};
    for (uint32_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        b = idx_images(4, 2, 2);
        b->data[changes[i].at] = changes[i].value;
        put("broken/x-images-idx3-ubyte", b);
        refuse(spec, changes[i].status, changes[i].words);
    }
    b = idx_images(4, 2, 2);
    memset(b->data + 4, 255, 12);
    put("broken/x-images-idx3-ubyte", b);
    refuse(spec, CVK_E_LIMIT, "too large");
    put("broken/x-images-idx3-ubyte", idx_images(0, 2, 2));
    put("broken/x-labels-idx1-ubyte", idx_labels(0, 1));
    refuse(spec, CVK_E_FORMAT, "no samples");
    b = idx_images(4, 0, 7);
    put("broken/x-images-idx3-ubyte", b);
    put("broken/x-labels-idx1-ubyte", idx_labels(4, 3));
    refuse(spec, CVK_E_FORMAT, "empty");
    put_file("broken/data", "hello", 5);
    refuse(in_folder("broken/data"), CVK_E_FORMAT, "no data set");
    put("broken/pixels", idx_images(4, 2, 2));
    refuse(in_folder("broken/pixels"), CVK_E_FORMAT, "NAME-images-idx3-ubyte");
    put("two/train-images-idx3-ubyte", idx_images(4, 2, 2));
    put("two/train-labels-idx1-ubyte", idx_labels(4, 2));
    put("two/t10k-images-idx3-ubyte", idx_images(4, 2, 3));
    put("two/t10k-labels-idx1-ubyte", idx_labels(4, 2));
    cvk_data_close(open_data(in_folder("two"), "train"));
    struct cvk_data *d = NULL;
    assert_int_equal(cvk_data_open(in_folder("two"), "all", &d), CVK_E_FORMAT);
    assert_non_null(strstr(cvk_error_text(), "other sizes"));
}

/* ---- CIFAR ---- */

static struct bytes *cifar(uint32_t count, uint32_t head, uint32_t first)
{
    static struct bytes b;
    b.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t pixels[3072];
        for (uint32_t k = 0; k < 3072; k++)
            pixels[k] = (uint8_t)(k / 1024 * 50 + i);
        if (head == 2)
            add(&b, &(uint8_t){(uint8_t)(i % 20)}, 1);
        add(&b, &(uint8_t){(uint8_t)(first + i)}, 1);
        add(&b, pixels, sizeof pixels);
    }
    return &b;
}

static void test_cifar(void **state)
{
    (void)state;
    for (int hundred = 0; hundred < 2; hundred++) {
        const char *at = hundred ? "c100" : "c10";
        uint32_t head = hundred ? 2 : 1;
        char name[64];
        for (int file = 0; file < (hundred ? 1 : 3); file++) {
            snprintf(name, sizeof name, hundred ? "%s/train.bin" : "%s/data_batch_%d.bin", at, file + 1);
            put(name, cifar(4, head, (uint32_t)file));
        }
        snprintf(name, sizeof name, "%s/%s", at, hundred ? "test.bin" : "test_batch.bin");
        put(name, cifar(2, head, 7));
        struct cvk_data *d = open_data(in_folder(at), "train");
        struct cvk_data_info info = info_of(d);
        float x[3072];
        int64_t class;
        assert_string_equal(info.name, hundred ? "CIFAR-100" : "CIFAR-10");
        assert_int_equal(info.count, hundred ? 4 : 12);
        assert_int_equal(info.class_count, hundred ? 100 : 10);
        assert_string_equal(info.class_names[3], hundred ? "3" : "cat");
        assert_int_equal(cvk_data_read(d, info.count - 1, x, &class), CVK_OK);
        assert_int_equal(class, hundred ? 3 : 5);
        assert_true(x[0] == 3.0f / 255.0f && x[1024] == 53.0f / 255.0f && x[3071] == 103.0f / 255.0f);
        cvk_data_close(d);
        d = open_data(in_folder(at), "test");
        assert_int_equal(info_of(d).count, 2);
        cvk_data_close(d);
        d = open_data(in_folder(name), "all"); /* one file */
        assert_int_equal(info_of(d).class_count, hundred ? 100 : 10);
        assert_int_equal(cvk_data_read(d, 1, NULL, &class), CVK_OK);
        assert_int_equal(class, 8);
        cvk_data_close(d);
    }
    struct cvk_data *d = open_data(in_folder("c100(labels=coarse)"), "train");
    assert_int_equal(info_of(d).class_count, 20);
    cvk_data_close(d);
    refuse(in_folder("c100(labels=raw)"), CVK_E_ARG, "fine and coarse");
    put_file("c10/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", 21);
    d = open_data(in_folder("c10"), "train");
    assert_string_equal(info_of(d).class_names[9], "j");
    cvk_data_close(d);
    put_file("c10/batches.meta.txt", "a\nb\n", 4);
    refuse(in_folder("c10"), CVK_E_FORMAT, "2 names of classes; there are 10");
    put_file("one/x.bin", cifar(1, 1, 0)->data, 3000);
    refuse(in_folder("one/x.bin"), CVK_E_FORMAT, "no whole number of records");
    put_file("one/x.bin", "", 0);
    refuse(in_folder("one/x.bin"), CVK_E_FORMAT, "no whole number of records");
    put("one/x.bin", cifar(4, 1, 8));
    refuse(in_folder("one/x.bin"), CVK_E_FORMAT, "record 2 (byte 6146) has class 10; there are 10");
    put("one/y.bin", cifar(2, 2, 99));
    refuse(in_folder("one/y.bin"), CVK_E_FORMAT, "record 1 (byte 3074) has class 100; there are 100");
    put_file("c10/batches.meta.txt", "", 0);
    put_file("c10/data_batch_2.bin", cifar(2, 1, 0)->data, 6000);
    refuse(in_folder("c10"), CVK_E_FORMAT, "data_batch_2.bin");
}

/* ---- a folder for each class ---- */

/* 4x2 pixels: 0, 16, 32, ... */
static const uint8_t png_4x2[] = {137, 80,  78,  71,  13,  10, 26, 10, 0,  0,  0,  13,  73, 72,  68,  82, 0,  0,  0,
                                  4,   0,   0,   0,   2,   8,  0,  0,  0,  0,  90, 195, 34, 191, 0,   0,  0,  18, 73,
                                  68,  65,  84,  120, 218, 99, 96, 16, 80, 48, 96, 112, 8,  72,  40,  0,  0,  5,  170,
                                  1,   193, 245, 167, 191, 54, 0,  0,  0,  0,  73, 69,  78, 68,  174, 66, 96, 130};
/* 8x8 pixels: the left half red, the right half yellow */
static const uint8_t jpeg_8x8[] = {
    255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,  255, 219, 0,   67, 0,  3,
    2,   2,   3,   2,   2,   3,   3,   3,   3,   4,   3,   3,   4,   5,   8,   5,   5,   4,   4,   5,  10,  7,   7,   6,  8,  12,
    10,  12,  12,  11,  10,  11,  11,  13,  14,  18,  16,  13,  14,  17,  14,  11,  11,  16,  22,  16, 17,  19,  20,  21, 21, 21,
    12,  15,  23,  24,  22,  20,  24,  18,  20,  21,  20,  255, 219, 0,   67,  1,   3,   4,   4,   5,  4,   5,   9,   5,  5,  9,
    20,  13,  11,  13,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20, 20,  20,  20,  20, 20, 20,
    20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20, 20,  20,  20,  20, 20, 20,
    20,  20,  255, 192, 0,   17,  8,   0,   8,   0,   8,   3,   1,   17,  0,   2,   17,  1,   3,   17, 1,   255, 196, 0,  20, 0,
    1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   5,   255, 196, 0,  24,  16,  0,   2,  3,  0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   8,   69,  132, 195, 255, 196, 0,  20,  1,   1,   0,  0,  0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   8,   255, 196, 0,   25,  17,  0,   2,  3,   1,   0,   0,  0,  0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   6,   67,  130, 193, 194, 255, 218, 0,   12,  3,   1,  0,   2,   17,  3,  17, 0,
    63,  0,   61,  127, 158, 175, 160, 116, 100, 134, 216, 37,  91,  96,  183, 39,  255, 217};

static void put_grey(const char *name, int width, int height, int value)
{
    char text[600];
    int n = snprintf(text, sizeof text, "P5 %d %d 255\n", width, height);
    memset(text + n, value, (size_t)(width * height));
    put_file(name, text, (size_t)(n + width * height));
}

static void test_folder(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "pets/train/%s/p%d.pgm", i < 5 ? "cat" : "dog", i);
        put_grey(name, 4, 3, i);
        snprintf(name, sizeof name, "pets/test/dog/%d.PGM", i);
        if (i < 3)
            put_grey(name, 4, 3, 100 + i);
    }
    put_file("pets/train/cat/notes.txt", "none", 4);
    put_file("pets/train/cat/.hidden.png", "none", 4);
    struct cvk_data *d = open_data(in_folder("pets"), "train");
    struct cvk_data_info info = info_of(d);
    float x[64 * 3];
    int64_t class;
    assert_string_equal(info.name, "pets");
    assert_int_equal(info.class_count, 2);
    assert_string_equal(info.class_names[0], "cat");
    assert_string_equal(info.class_names[1], "dog");
    assert_int_equal(info.count, 12);
    assert_int_equal(info.x.dims[0], 1);
    assert_int_equal(info.x.dims[1], 3);
    assert_int_equal(info.x.dims[2], 4);
    for (int round = 0; round < 2; round++) /* decoded, then kept */
        for (uint64_t i = 0; i < 12; i++) {
            assert_int_equal(cvk_data_read(d, i, x, &class), CVK_OK);
            assert_true(x[11] == (float)i / 255.0f); /* p9 before p10 */
            assert_int_equal(class, i < 5 ? 0 : 1);
        }
    remove(in_folder("pets/train/cat/p1.pgm"));
    assert_int_equal(cvk_data_read(d, 1, x, &class), CVK_OK);
    cvk_data_close(d);
    d = open_data(in_folder("pets"), "test");
    assert_int_equal(cvk_data_read(d, 2, x, &class), CVK_OK);
    assert_true(x[0] == 102.0f / 255.0f && class == 1);
    cvk_data_close(d);
    d = open_data(in_folder("pets/train(size=6,channels=3,cache=1,test=0.2)"), "train");
    info = info_of(d);
    assert_int_equal(info.count, 9);
    assert_int_equal(info.x.dims[0], 3);
    assert_int_equal(info.x.dims[2], 6);
    assert_int_equal(cvk_data_read(d, 8, x, &class), CVK_OK);
    assert_true(x[0] == x[107] && x[0] > 0 && x[0] <= 11.0f / 255.0f);
    cvk_data_close(d);
}

/* Of six pictures of 12 bytes two are kept; the others are read again. */
static void test_cache_limit(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        char name[40];
        snprintf(name, sizeof name, "kept/a/%d.pgm", i);
        put_grey(name, 4, 3, i);
    }
    struct cvk_data *d = open_data(in_folder("kept(cache=35)"), "all");
    float x[12];
    for (int round = 0; round < 3; round++)
        for (uint64_t i = 0; i < 6; i++) {
            assert_int_equal(cvk_data_read(d, i, x, NULL), round == 2 && i > 1 ? CVK_E_IO : CVK_OK);
            char name[40];
            snprintf(name, sizeof name, "kept/a/%d.pgm", (int)i);
            if (round == 1)
                assert_int_equal(remove(in_folder(name)), 0);
        }
    cvk_data_close(d);
}

static void test_picture_formats(void **state)
{
    (void)state;
    put_grey("mix/a/1.pgm", 8, 8, 7);
    put_file("mix/b/2.png", png_4x2, sizeof png_4x2);
    put_file("mix/c/3.JPG", jpeg_8x8, sizeof jpeg_8x8);
    struct cvk_data *d = open_data(in_folder("mix(channels=3)"), "all");
    float x[192];
    int64_t class;
    assert_int_equal(cvk_data_read(d, 0, x, &class), CVK_OK);
    assert_true(x[0] == x[191] && x[0] == 7.0f / 255.0f);
    if (has_feature("png:")) { /* twice as wide and four times as high as it was */
        assert_int_equal(cvk_data_read(d, 1, x, &class), CVK_OK);
        assert_true(x[0] == 0 && x[7] == 48.0f / 255.0f && x[63] == 112.0f / 255.0f && x[1] == 4.0f / 255.0f);
    } else {
        assert_int_equal(cvk_data_read(d, 1, x, &class), CVK_E_UNSUPPORTED);
        assert_non_null(strstr(cvk_error_text(), "2.png"));
        assert_non_null(strstr(cvk_error_text(), "libpng was missing"));
    }
    if (has_feature("jpeg:")) {
        assert_int_equal(cvk_data_read(d, 2, x, &class), CVK_OK);
        assert_true(x[0] > 0.7f && x[64] < 0.3f && x[128] < 0.2f && x[7] > 0.7f && x[71] > 0.55f && x[135] < 0.2f);
    } else {
        assert_int_equal(cvk_data_read(d, 2, x, &class), CVK_E_UNSUPPORTED);
        assert_non_null(strstr(cvk_error_text(), "libturbojpeg was missing"));
    }
    cvk_data_close(d);
}

static void test_folder_broken(void **state)
{
    (void)state;
    mkdir(in_folder("empty"), 0777);
    refuse(in_folder("empty"), CVK_E_FORMAT, "neither folders with pictures");
    put_grey("hole/a/1.pgm", 4, 4, 0);
    mkdir(in_folder("hole/b"), 0777);
    refuse(in_folder("hole"), CVK_E_FORMAT, "hole/b': a class without pictures");
    put_grey("other/train/a/1.pgm", 4, 4, 0);
    put_grey("other/train/c/1.pgm", 4, 4, 0);
    put_grey("other/test/b/1.pgm", 4, 4, 0);
    cvk_data_close(open_data(in_folder("other"), "train"));
    struct cvk_data *d = NULL;
    assert_int_equal(cvk_data_open(in_folder("other"), "test", &d), CVK_E_FORMAT);
    assert_non_null(strstr(cvk_error_text(), "class 'b' is not among those to train"));
    put_file("cut/a/1.pgm", "P5 4 4 255\nxx", 13);
    refuse(in_folder("cut"), CVK_E_FORMAT, "1.pgm': PNM of 4x4 pixels is cut short");
    put_file("large/a/1.pgm", "P5 40000 40000 255\nxx", 21);
    refuse(in_folder("large"), CVK_E_LIMIT, "the limit is 32768 a side");
    put_grey("late/a/1.pgm", 4, 4, 9);
    put_file("late/a/2.png", png_4x2, sizeof png_4x2 - 15);
    put_file("late/a/3.jpg", jpeg_8x8, sizeof jpeg_8x8 - 12);
    put_file("late/a/4.png", "GIF89a", 6);
    refuse(in_folder("late(channels=2)"), CVK_E_ARG, "1 (grey) or 3");
    d = open_data(in_folder("late"), "all");
    float x[16];
    for (uint64_t i = 1; i < 4; i++) {
        bool missing = (i == 1 && !has_feature("png:")) || (i == 2 && !has_feature("jpeg:"));
        assert_int_equal(cvk_data_read(d, i, x, NULL), missing ? CVK_E_UNSUPPORTED : CVK_E_FORMAT);
        assert_non_null(strstr(cvk_error_text(), i == 1 ? "2.png" : i == 2 ? "3.jpg" : "4.png"));
    }
    assert_int_equal(cvk_data_read(d, 0, x, NULL), CVK_OK);
    cvk_data_close(d);
    mkdir(in_folder("pipe"), 0777);
    mkdir(in_folder("pipe/a"), 0777);
    assert_int_equal(mkfifo(in_folder("pipe/a/1.pgm"), 0666), 0);
    refuse(in_folder("pipe"), CVK_E_FORMAT, "a class without pictures");
    assert_int_equal(symlink("1.pgm", in_folder("pipe/a/2.pgm")), 0);
    refuse(in_folder("pipe"), CVK_E_FORMAT, "a class without pictures");
    refuse("/dev/zero", CVK_E_FORMAT, "no data set");
    refuse(in_folder("pipe/a/1.pgm"), CVK_E_FORMAT, "no data set"); /* opening it does not wait for a writer */
}

/* ---- .npy ---- */

static void save(const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims, double first, double step)
{
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(dtype, rank, dims, &t), CVK_OK);
    for (uint64_t i = 0; i < cvk_tensor_count(t); i++) {
        double value = first + step * (double)i;
        void *data = cvk_tensor_data(t);
        if (dtype == CVK_F32)
            ((float *)data)[i] = (float)value;
        else if (dtype == CVK_U8)
            ((uint8_t *)data)[i] = (uint8_t)value;
        else
            ((int64_t *)data)[i] = (int64_t)value;
    }
    assert_int_equal(cvk_tensor_write_npy(in_folder(name), t), CVK_OK);
    cvk_tensor_destroy(t);
}

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

static const char *both(const char *x, const char *target)
{
    static char spec[1000];
    snprintf(spec, sizeof spec, "%s,%s", in_folder(x), in_folder(target));
    return spec;
}

static void test_npy(void **state)
{
    (void)state;
    save("x.npy", CVK_F32, 4, DIMS(6, 2, 3, 4), -5, 0.5);
    save("bytes.npy", CVK_U8, 4, DIMS(6, 1, 2, 2), 0, 1);
    save("class.npy", CVK_I64, 1, DIMS(6), 0, 2);
    save("value.npy", CVK_F32, 1, DIMS(6), 0.5, 1);
    save("values.npy", CVK_F32, 2, DIMS(6, 3), 0, 1);
    save("pixel.npy", CVK_U8, 3, DIMS(6, 3, 4), 0, 1);
    float x[24], values[3];
    int64_t class[12];
    struct cvk_data *d = open_data(both("x.npy", "class.npy"), "all");
    assert_int_equal(info_of(d).class_count, 11);
    assert_int_equal(cvk_data_read(d, 5, x, class), CVK_OK);
    assert_true(x[0] == 55 && x[23] == 66.5f && class[0] == 10);
    cvk_data_close(d);
    d = open_data(both("bytes.npy", "value.npy"), "all");
    assert_int_equal(info_of(d).class_count, 0);
    assert_int_equal(info_of(d).target.rank, 1);
    assert_int_equal(cvk_data_read(d, 5, x, values), CVK_OK);
    assert_true(x[3] == 23.0f / 255.0f && values[0] == 5.5f);
    cvk_data_close(d);
    d = open_data(both("x.npy", "values.npy"), "all");
    assert_int_equal(cvk_data_read(d, 5, x, values), CVK_OK);
    assert_true(values[0] == 15 && values[2] == 17);
    cvk_data_close(d);
    d = open_data(both("x.npy", "pixel.npy"), "train");
    assert_int_equal(info_of(d).class_count, 72);
    assert_int_equal(info_of(d).target.rank, 2);
    assert_int_equal(info_of(d).count, 5);
    cvk_data_close(d);

    refuse(in_folder("x.npy"), CVK_E_ARG, "the targets are missing");
    refuse(both("x.npy", "none.npy"), CVK_E_IO, "none.npy");
    save("few.npy", CVK_I64, 1, DIMS(5), 0, 1);
    refuse(both("x.npy", "few.npy"), CVK_E_SHAPE, "the first axis must be 6");
    save("minus.npy", CVK_I64, 1, DIMS(6), -2, 1);
    refuse(both("x.npy", "minus.npy"), CVK_E_FORMAT, "target 0 is class -2");
    save("much.npy", CVK_I64, 1, DIMS(6), 0, 100000);
    refuse(both("x.npy", "much.npy"), CVK_E_FORMAT, "target 1 is class 100000");
    save("flat.npy", CVK_F32, 1, DIMS(6), 0, 1);
    refuse(both("flat.npy", "class.npy"), CVK_E_SHAPE, "at least one behind it");
    save("hollow.npy", CVK_F32, 3, DIMS(6, 0, 3), 0, 1);
    refuse(both("hollow.npy", "class.npy"), CVK_E_SHAPE, "none of them 0");
    put_file("bad.npy", "\x93NUMPY\1\0\4\0{}  ", 14);
    refuse(both("bad.npy", "class.npy"), CVK_E_FORMAT, "bad.npy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_md5),           cmocka_unit_test(test_idx),
        cmocka_unit_test(test_gzip),          cmocka_unit_test(test_fashion_by_name),
        cmocka_unit_test(test_idx_broken),    cmocka_unit_test(test_cifar),
        cmocka_unit_test(test_folder),        cmocka_unit_test(test_picture_formats),
        cmocka_unit_test(test_cache_limit),   cmocka_unit_test(test_npy),
        cmocka_unit_test(test_folder_broken),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

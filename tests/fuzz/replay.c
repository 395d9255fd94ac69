/* SPDX-License-Identifier: MIT
 * Runs a fuzz target on every file of a folder, and on damaged copies of each, without libFuzzer: the same copies on every run.
 *
 *   replay FOLDER [COPIES]
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

#define MAX_BYTES (1 << 20)

static uint64_t state;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(void)
{
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* The target gets memory of exactly its size, so that a sanitizer sees a read past the end. */
static void run(const unsigned char *data, size_t bytes)
{
    unsigned char *copy = malloc(bytes ? bytes : 1);
    if (!copy)
        abort();
    memcpy(copy, data, bytes);
    LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
}

/* One to four changes: another byte, a byte more, a byte less, a piece written over another. */
static size_t damage(unsigned char *data, size_t bytes)
{
    static const unsigned char nasty[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, 0x0A, 0x22, 0x2A};
    for (uint64_t n = draw() % 4 + 1; n > 0 && bytes > 0; n--) {
        size_t at = (size_t)(draw() % bytes), from = (size_t)(draw() % bytes);
        size_t piece = (size_t)(draw() % 8) + 1;
        switch (draw() % 5) {
        case 0:
            data[at] = (unsigned char)draw();
            break;
        case 1:
            data[at] = nasty[draw() % sizeof nasty];
            break;
        case 2:
            memmove(data + at, data + at + 1, bytes - at - 1);
            bytes--;
            break;
        case 3:
            memmove(data + at + 1, data + at, bytes - at);
            data[at] = nasty[draw() % sizeof nasty];
            bytes++;
            break;
        default:
            if (at + piece <= bytes && from + piece <= bytes)
                memmove(data + at, data + from, piece);
        }
    }
    return bytes;
}

static int replay_file(const char *path, unsigned copies)
{
    static unsigned char original[MAX_BYTES + 8], changed[MAX_BYTES + 8];
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t bytes = fread(original, 1, MAX_BYTES, f);
    fclose(f);
    run(original, bytes);
    state = bytes;
    for (unsigned i = 0; i < copies; i++) {
        memcpy(changed, original, bytes);
        run(changed, damage(changed, bytes));
    }
    return 1;
}

int main(int argc, char **argv)
{
    unsigned files = 0, copies = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: replay FOLDER [COPIES]\n");
        return 2;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        char path[4096];
        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name) >= (int)sizeof path)
            continue;
        files += (unsigned)replay_file(path, copies);
    }
    closedir(dir);
    printf("%u files, %u damaged copies of each\n", files, copies);
    return files ? 0 : 1;
}

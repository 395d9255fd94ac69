/* SPDX-License-Identifier: MIT
 * cpu.h: CPUID and XGETBV on x86 (the processor may have what the system does not save), nothing to ask on 64-bit Arm. */
#include "cpu.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
extern const struct simd_isa simd_isa_avx512, simd_isa_avx2;
#elif defined(__aarch64__)
extern const struct simd_isa simd_isa_neon;
#endif
extern const struct simd_isa simd_isa_generic;

static const struct simd_isa *const built[] = {
#if defined(__x86_64__)
    &simd_isa_avx512, &simd_isa_avx2,
#elif defined(__aarch64__)
    &simd_isa_neon,
#endif
    &simd_isa_generic, NULL};

const struct simd_isa *const *simd_isas(void)
{
    return built;
}

#if defined(__x86_64__)
/* Register states that the system saves: bits of XCR0. */
#define XCR0_AVX 0x06u    /* xmm, ymm */
#define XCR0_AVX512 0xe6u /* and opmask, zmm */

static uint32_t saved_states(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a;
}

static int has_avx2(void)
{
    uint32_t a, b, c, d, c1;
    if (!__get_cpuid(1, &a, &b, &c1, &d) || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    return (saved_states() & XCR0_AVX) == XCR0_AVX && c1 & bit_AVX && c1 & bit_FMA && b & bit_AVX2;
}

static int has_avx512(void)
{
    const uint32_t wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b, c, d;
    if (!has_avx2() || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    return (saved_states() & XCR0_AVX512) == XCR0_AVX512 && (b & wanted) == wanted;
}

static int can_run(const struct simd_isa *isa)
{
    return isa == &simd_isa_avx512 ? has_avx512() : isa == &simd_isa_avx2 ? has_avx2() : 1;
}
#else
static int can_run(const struct simd_isa *isa)
{
    (void)isa;
    return 1;
}
#endif

const struct simd_isa *simd_isa_best(void)
{
    uint32_t i = 0;
    while (!can_run(built[i])) /* generic, the last, always runs */
        i++;
    return built[i];
}

const struct simd_isa *simd_isa_find(const char *name, int *runs)
{
    for (uint32_t i = 0; built[i]; i++)
        if (strcmp(built[i]->name, name) == 0) {
            *runs = can_run(built[i]);
            return built[i];
        }
    return NULL;
}

/* The line that a file of the cache's folder holds; false if there is none. */
static bool read_cache(uint32_t index, const char *name, char *text, int bytes)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%u/%s", index, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool got = fgets(text, bytes, file) != NULL;
    fclose(file);
    return got;
}

/* From the system's files, for sysconf adds up the caches of other cores on some machines. */
struct simd_caches simd_cpu_caches(void)
{
    struct simd_caches caches = {.l1_bytes = 32u << 10, .l2_bytes = 512u << 10, .l3_bytes = 8u << 20};
    char level[16], type[32], size[32];
    for (uint32_t i = 0; i < 16 && read_cache(i, "level", level, sizeof level); i++) {
        if (!read_cache(i, "type", type, sizeof type) || type[0] == 'I' || !read_cache(i, "size", size, sizeof size))
            continue;
        char *unit;
        uint64_t bytes = strtoull(size, &unit, 10);
        bytes <<= *unit == 'K' ? 10 : *unit == 'M' ? 20 : 0;
        if (bytes == 0)
            continue;
        if (level[0] == '1')
            caches.l1_bytes = bytes;
        else if (level[0] == '2')
            caches.l2_bytes = bytes;
        else if (level[0] == '3')
            caches.l3_bytes = bytes;
    }
    return caches;
}

void simd_cpu_name(char *text, uint32_t bytes)
{
    text[0] = 0;
#if defined(__x86_64__)
    uint32_t regs[12];
    for (uint32_t i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &regs[4 * i], &regs[4 * i + 1], &regs[4 * i + 2], &regs[4 * i + 3]))
            return;
    char brand[sizeof regs + 1];
    memcpy(brand, regs, sizeof regs);
    brand[sizeof regs] = 0;
    const char *begin = brand + strspn(brand, " ");
    size_t length = strlen(begin);
    while (length > 0 && begin[length - 1] == ' ')
        length--;
    snprintf(text, bytes, "%.*s", (int)length, begin);
#else
    (void)bytes;
#endif
}

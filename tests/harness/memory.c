/* SPDX-License-Identifier: MIT
 * Memory for operands with guards around it. Host memory lies between two pages that cannot be touched, with the promised
 * readable tail at the very end, so that reading further than promised does not go unnoticed. */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define PERIOD 256       /* after so many bytes the guards repeat */
#define GUARD_BYTES 1024 /* at most, on either side: there are several operands in each of many cycles */

/* Content of guard byte i, counted from the first byte of the whole. */
static unsigned char guard_byte(uint32_t salt, uint64_t i)
{
    return (unsigned char)((i + salt) * 37 + 0x5b);
}

static void make_period(unsigned char period[PERIOD], uint32_t salt)
{
    for (uint64_t i = 0; i < PERIOD; i++)
        period[i] = guard_byte(salt, i);
}

/* A period at a time: there are far more guards than bytes of operands, and the sanitizers look at every access. */
static void fill_guards(unsigned char *bytes, uint32_t salt, uint64_t from, uint64_t end)
{
    unsigned char period[PERIOD];
    make_period(period, salt);
    for (uint64_t i = from, count; i < end; i += count) {
        count = PERIOD - i % PERIOD;
        count = count < end - i ? count : end - i;
        memcpy(bytes + i, period + i % PERIOD, count);
    }
}

static bool guards_hold(const unsigned char *bytes, uint32_t salt, uint64_t from, uint64_t end)
{
    unsigned char period[PERIOD];
    make_period(period, salt);
    for (uint64_t i = from, count; i < end; i += count) {
        count = PERIOD - i % PERIOD;
        count = count < end - i ? count : end - i;
        if (memcmp(bytes + i, period + i % PERIOD, count) != 0)
            return false;
    }
    return true;
}

/* Maps between forbidden pages that nobody uses: to make one takes far longer than most kernels run. */
static struct {
    unsigned char *map;
    uint64_t bytes;
} spare[48];
#define SPARES (sizeof spare / sizeof *spare)
#define SPARE_BYTES (16u << 20) /* greater ones are given back at once */

static unsigned char *take_spare(uint64_t bytes)
{
    for (size_t i = 0; i < SPARES; i++)
        if (spare[i].map && spare[i].bytes == bytes) {
            unsigned char *map = spare[i].map;
            spare[i].map = NULL;
            return map;
        }
    return NULL;
}

static void give_back(unsigned char *map, uint64_t bytes)
{
    static size_t oldest; /* sizes come and go with the cases */
    size_t i = 0;
    if (bytes > SPARE_BYTES) {
        munmap(map, bytes);
        return;
    }
    while (i < SPARES && spare[i].map)
        i++;
    if (i == SPARES) {
        i = oldest++ % SPARES;
        munmap(spare[i].map, spare[i].bytes);
    }
    spare[i].map = map;
    spare[i].bytes = bytes;
}

void cvk__memory_trim(void)
{
    for (size_t i = 0; i < SPARES; i++)
        if (spare[i].map) {
            munmap(spare[i].map, spare[i].bytes);
            spare[i].map = NULL;
        }
}

static int32_t map_pages(struct cvk__memory *m, uint64_t bytes, uint64_t offset, bool at_start)
{
    static uint64_t page;
    page = page ? page : (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t behind = cvk__round_up(bytes + CVK_TAIL_BYTES, CVK_ALIGN_BYTES); /* keeps the first byte aligned */
    m->total_bytes = cvk__round_up(offset + CVK_ALIGN_BYTES + behind, page);
    m->map_bytes = m->total_bytes + 2 * page;
    m->map = take_spare(m->map_bytes);
    if (!m->map) {
        void *map = mmap(NULL, m->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
            return cvk__fail_memory(m->map_bytes, "an operand of a case");
        if (mprotect((unsigned char *)map + page, m->total_bytes, PROT_READ | PROT_WRITE) != 0) {
            munmap(map, m->map_bytes);
            return cvk__fail_memory(m->total_bytes, "an operand of a case");
        }
        m->map = map;
    }
    m->first = m->map + page;
    m->guard_before = at_start ? offset : m->total_bytes - behind;
    m->binding.buffer = m->first + m->guard_before - offset;
    uint64_t skipped = m->guard_before > GUARD_BYTES ? m->guard_before - GUARD_BYTES : 0;
    m->first += skipped;
    m->guard_before -= skipped;
    m->total_bytes -= skipped;
    if (m->total_bytes > m->guard_before + bytes + GUARD_BYTES)
        m->total_bytes = m->guard_before + bytes + GUARD_BYTES;
    fill_guards(m->first, m->salt, 0, m->guard_before);
    fill_guards(m->first, m->salt, m->guard_before + bytes, m->total_bytes);
    return CVK_OK;
}

static int32_t alloc_on_device(struct cvk__memory *m, uint64_t bytes, uint64_t offset)
{
    m->guard_before = offset;
    m->total_bytes = offset + bytes + CVK_TAIL_BYTES;
    CVK__TRY(cvk__buffer_alloc(m->device, m->total_bytes, &m->binding.buffer));
    unsigned char *guards = cvk__alloc_buffer(CVK__TAG_TENSOR, m->total_bytes);
    if (!guards)
        return cvk__fail_memory(m->total_bytes, "the guards of an operand");
    fill_guards(guards, m->salt, 0, m->total_bytes);
    int32_t status = cvk__buffer_write(m->device, m->binding.buffer, 0, guards, m->total_bytes);
    cvk__free(guards);
    return status;
}

int32_t cvk__memory_init(struct cvk__memory *m, struct cvk__device *d, bool packed, uint64_t bytes,
                         const struct cvk__placing *placing)
{
    memset(m, 0, sizeof *m);
    m->device = packed || d->host_memory ? NULL : d;
    m->salt = placing->salt;
    uint64_t align = d->info.offset_align ? d->info.offset_align : CVK_ALIGN_BYTES;
    m->binding.offset = placing->shifted && !packed ? align : 0;
    m->binding.bytes = bytes;
    int32_t status = m->device ? alloc_on_device(m, bytes, m->binding.offset)
                               : map_pages(m, bytes, m->binding.offset, placing->at_start);
    if (status != CVK_OK)
        cvk__memory_finish(m);
    return status;
}

void cvk__memory_finish(struct cvk__memory *m)
{
    if (m->device && m->binding.buffer)
        cvk__buffer_free(m->device, m->binding.buffer);
    if (m->map)
        give_back(m->map, m->map_bytes);
    memset(m, 0, sizeof *m);
}

int32_t cvk__memory_write(struct cvk__memory *m, const void *src)
{
    if (m->binding.bytes == 0)
        return CVK_OK;
    if (m->device)
        return cvk__buffer_write(m->device, m->binding.buffer, m->binding.offset, src, m->binding.bytes);
    memcpy(m->first + m->guard_before, src, m->binding.bytes);
    return CVK_OK;
}

int32_t cvk__memory_fill(struct cvk__memory *m, uint8_t byte)
{
    if (!m->device) {
        memset(m->first + m->guard_before, byte, m->binding.bytes);
        return CVK_OK;
    }
    void *content = cvk__alloc_buffer(CVK__TAG_TENSOR, m->binding.bytes);
    if (!content)
        return cvk__fail_memory(m->binding.bytes, "the content of an operand");
    memset(content, byte, m->binding.bytes);
    int32_t status = cvk__memory_write(m, content);
    cvk__free(content);
    return status;
}

int32_t cvk__memory_read(struct cvk__memory *m, void *dst)
{
    if (m->binding.bytes == 0)
        return CVK_OK;
    if (m->device)
        return cvk__buffer_read(m->device, m->binding.buffer, m->binding.offset, dst, m->binding.bytes);
    memcpy(dst, m->first + m->guard_before, m->binding.bytes);
    return CVK_OK;
}

int32_t cvk__memory_check(struct cvk__memory *m, const char *what, struct cvk__text *fault)
{
    unsigned char *copy = NULL;
    const unsigned char *all = m->first;
    if (m->device) {
        all = copy = cvk__alloc_buffer(CVK__TAG_TENSOR, m->total_bytes);
        if (!copy)
            return cvk__fail_memory(m->total_bytes, "the guards of an operand");
        int32_t status = cvk__buffer_read(m->device, m->binding.buffer, 0, copy, m->total_bytes);
        if (status != CVK_OK) {
            cvk__free(copy);
            return status;
        }
    }
    uint64_t end = m->guard_before + m->binding.bytes;
    if (guards_hold(all, m->salt, 0, m->guard_before) && guards_hold(all, m->salt, end, m->total_bytes))
        goto done;
    for (uint64_t i = m->guard_before; i-- > 0;)
        if (all[i] != guard_byte(m->salt, i)) {
            cvk__text_add(fault, "wrote outside of %s: %llu bytes before its first byte", what,
                          (unsigned long long)(m->guard_before - i));
            goto done;
        }
    for (uint64_t i = end; i < m->total_bytes; i++)
        if (all[i] != guard_byte(m->salt, i)) {
            cvk__text_add(fault, "wrote outside of %s: byte %llu of %llu", what,
                          (unsigned long long)(i - m->guard_before), (unsigned long long)m->binding.bytes);
            goto done;
        }
done:
    cvk__free(copy);
    return CVK_OK;
}

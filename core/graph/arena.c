/* SPDX-License-Identifier: MIT
 * One arena for blocks with lifetimes: in order of birth, each goes into the smallest gap that holds it, and a dead
 * block's gap joins its neighbours. */
#include "arena.h"

#include <stdlib.h>

struct gap {
    uint64_t offset, bytes;
};

struct gaps {
    struct gap *list; /* by offset, never touching */
    uint32_t count, capacity;
    uint64_t top; /* end of the arena so far */
    bool overflow;
};

static int by_birth(const void *a, const void *b)
{
    const struct cvk__block *x = *(const struct cvk__block *const *)a, *y = *(const struct cvk__block *const *)b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool insert_gap(struct gaps *g, uint32_t at, struct gap gap)
{
    if (g->count == g->capacity) {
        uint64_t capacity = g->capacity ? g->capacity * 2ull : 32;
        struct gap *grown = cvk__realloc(CVK__TAG_SESSION, g->list, capacity * sizeof *grown);
        if (!grown)
            return false;
        g->list = grown;
        g->capacity = (uint32_t)capacity;
    }
    memmove(&g->list[at + 1], &g->list[at], (g->count - at) * sizeof *g->list);
    g->list[at] = gap;
    g->count++;
    return true;
}

static bool give_back(struct gaps *g, uint64_t offset, uint64_t bytes)
{
    uint32_t low = 0, high = g->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (g->list[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    bool joins_left = low > 0 && g->list[low - 1].offset + g->list[low - 1].bytes == offset;
    bool joins_right = low < g->count && offset + bytes == g->list[low].offset;
    if (joins_left && joins_right) {
        g->list[low - 1].bytes += bytes + g->list[low].bytes;
        memmove(&g->list[low], &g->list[low + 1], (g->count - low - 1) * sizeof *g->list);
        g->count--;
    } else if (joins_left) {
        g->list[low - 1].bytes += bytes;
    } else if (joins_right) {
        g->list[low].offset = offset;
        g->list[low].bytes += bytes;
    } else {
        return insert_gap(g, low, (struct gap){offset, bytes});
    }
    return true;
}

static uint64_t take(struct gaps *g, uint64_t bytes)
{
    uint32_t best = g->count;
    for (uint32_t i = 0; i < g->count; i++)
        if (g->list[i].bytes >= bytes && (best == g->count || g->list[i].bytes < g->list[best].bytes)) {
            best = i;
            if (g->list[i].bytes == bytes)
                break; /* none fits better */
        }
    uint64_t offset;
    if (best < g->count) {
        offset = g->list[best].offset;
        g->list[best].offset += bytes;
        g->list[best].bytes -= bytes;
    } else if (g->count && g->list[g->count - 1].offset + g->list[g->count - 1].bytes == g->top) {
        /* The last gap reaches the end: grow the arena only by what it lacks. */
        best = g->count - 1;
        offset = g->list[best].offset;
        g->overflow |= !cvk__add_u64(offset, bytes, &g->top);
        g->list[best].bytes = 0;
    } else {
        offset = g->top;
        g->overflow |= !cvk__add_u64(g->top, bytes, &g->top);
        return offset;
    }
    if (!g->list[best].bytes) {
        memmove(&g->list[best], &g->list[best + 1], (g->count - best - 1) * sizeof *g->list);
        g->count--;
    }
    return offset;
}

static bool place_all(struct cvk__block **order, uint32_t count, int32_t *dies_next, int32_t *dies_at, int32_t steps,
                      struct gaps *gaps)
{
    int32_t now = -1;
    for (uint32_t i = 0; i < count; i++) {
        struct cvk__block *b = order[i];
        for (; now < b->first; now++)
            for (int32_t k = now >= 0 ? dies_at[now] : -1; k >= 0; k = dies_next[k])
                if (!give_back(gaps, order[k]->offset, order[k]->bytes))
                    return false;
        b->offset = take(gaps, b->bytes);
        if (gaps->overflow)
            return true;
        if (b->last < steps) {
            int32_t at = b->last < b->first ? b->first : b->last;
            at = at < 0 ? 0 : at;
            dies_next[i] = dies_at[at];
            dies_at[at] = (int32_t)i;
        }
    }
    return true;
}

int32_t cvk__arena_plan(struct cvk__block *blocks, uint32_t count, int32_t steps, uint64_t align, uint64_t *total_bytes)
{
    struct cvk__block **order = cvk__alloc_array(CVK__TAG_SESSION, count + 1u, sizeof *order);
    int32_t *dies_next = cvk__alloc_array(CVK__TAG_SESSION, count + 1u, sizeof *dies_next);
    int32_t *dies_at = cvk__alloc_array(CVK__TAG_SESSION, (uint64_t)steps + 1, sizeof *dies_at);
    struct gaps gaps = {0};
    bool ok = order && dies_next && dies_at;
    for (uint32_t i = 0; ok && i < count; i++) {
        order[i] = &blocks[i];
        blocks[i].bytes = cvk__round_up(blocks[i].bytes ? blocks[i].bytes : 1, align);
    }
    for (int32_t i = 0; ok && i <= steps; i++)
        dies_at[i] = -1;
    if (ok) {
        qsort(order, count, sizeof *order, by_birth);
        ok = place_all(order, count, dies_next, dies_at, steps, &gaps);
    }
    *total_bytes = gaps.top;
    cvk__free(gaps.list);
    cvk__free(order);
    cvk__free(dies_next);
    cvk__free(dies_at);
    if (ok && gaps.overflow)
        return cvk__fail(CVK_E_LIMIT, "the values that are alive together take more than 2^64 bytes");
    return ok ? CVK_OK : cvk__fail_memory(count * sizeof *order, "planning memory");
}

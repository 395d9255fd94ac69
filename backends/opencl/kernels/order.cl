/* SPDX-License-Identifier: MIT
 * Elements by their order, along rows of n whose elements lie `inner` apart: arg and topk. W is a word of an element, ORDER
 * what it holds: 0 a signed number, 1 an unsigned one, 2 a floating one with infinity as INFINITE. Comparing the keys, whole
 * numbers, needs no arithmetic of the type. */
#if WIDTH == 8
#define KEY long
#define SIGNED long
#else
#define KEY int
#if WIDTH == 4
#define SIGNED int
#elif WIDTH == 2
#define SIGNED short
#else
#define SIGNED char
#endif
#endif
#define TOP ((W)1 << (WIDTH * 8 - 1))
#define KEY_MAX ((KEY)(((ulong)1 << (sizeof(KEY) * 8 - 1)) - 1))

/* Larger elements have larger keys, equal ones (-0 and 0 too) the same; NaN is above infinity. */
inline KEY key_of(W word)
{
#if ORDER == 0
    return (SIGNED)word;
#elif ORDER == 1
    return (KEY)(word ^ TOP) ^ (WIDTH < 4 ? (KEY)TOP : 0);
#else
    const W size = word & (W)(TOP - 1);
    return size > (W)INFINITE ? KEY_MAX : word & TOP ? -(KEY)size : (KEY)size;
#endif
}

#ifndef GROUP
#define GROUP 64
#endif

/* ---- arg ---- */

/* NaN is the best both ways. */
inline KEY arg_key(W word, int least)
{
    const KEY key = key_of(word);
#if ORDER == 2
    if (key == KEY_MAX)
        return key;
#endif
    return least ? ~key : key;
}

#ifdef ONLY_arg
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void arg(CONST_BUFFER(W, x), BUFFER(long, y), int rows, int n, int inner, int least, int take_last, int span)
{
    for (int row = get_global_id(0) * span, end = min(row + span, rows); row < end; row++) {
        __global const W *in = CONST_AT(W, x) + row / inner * n * inner + row % inner;
        KEY best = arg_key(in[0], least);
        int place = 0;
        for (int k = 1; k < n; k++) {
            const KEY key = arg_key(in[k * inner], least);
            if (key > best || (key == best && take_last)) {
                best = key;
                place = k;
            }
        }
        AT(long, y)[row] = place;
    }
}
#endif

#if GROUP > 1
#ifdef ONLY_arg_row
/* A row that lies in one piece: a group goes over it together. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void arg_row(CONST_BUFFER(W, x), BUFFER(long, y), int n, int least, int take_last)
{
    __local KEY keys[GROUP];
    __local int places[GROUP];
    const int row = get_group_id(0), item = get_local_id(0);
    __global const W *in = CONST_AT(W, x) + row * n;
    KEY best = item < n ? arg_key(in[item], least) : 0;
    int place = item < n ? item : -1; /* none */
    for (int k = item + GROUP; k < n; k += GROUP) {
        const KEY key = arg_key(in[k], least);
        if (key > best || (key == best && take_last)) {
            best = key;
            place = k;
        }
    }
    keys[item] = best;
    places[item] = place;
    for (int half_count = GROUP / 2; half_count > 0; half_count /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < half_count && places[item + half_count] >= 0) {
            const KEY key = keys[item + half_count];
            const int other = places[item + half_count];
            const bool ahead = take_last ? other > places[item] : other < places[item];
            if (key > keys[item] || (key == keys[item] && ahead)) {
                keys[item] = key;
                places[item] = other;
            }
        }
    }
    if (item == 0)
        AT(long, y)[row] = places[0];
}
#endif
#endif

/* ---- topk ---- */

inline KEY top_key(W word, int least) { return least ? ~key_of(word) : key_of(word); }

#ifdef ONLY_topk_count
/* For many items: each counts the elements of its row that come before its own, which is the place where it goes. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void topk_count(CONST_BUFFER(W, x), BUFFER(W, y), BUFFER(long, places), int count, int n, int inner, int k, int least)
{
    const int item = get_global_id(0);
    if (item >= count)
        return;
    const int lane = item % inner, own = item / inner % n, outer = item / inner / n;
    __global const W *in = CONST_AT(W, x) + outer * n * inner + lane;
    const KEY key = top_key(in[own * inner], least);
    int before = 0;
    for (int i = 0; i < n && before < k; i++) {
        const KEY other = top_key(in[i * inner], least);
        before += other > key || (other == key && i < own);
    }
    if (before >= k)
        return;
    const int to = (outer * k + before) * inner + lane;
    AT(W, y)[to] = in[own * inner];
#ifdef WITH_PLACES
    AT(long, places)[to] = own;
#endif
}
#endif

/* For few: an item keeps the best k of its row as places in a heap, the worst of them on top. */
inline bool is_worse(KEY a, int a_place, KEY b, int b_place) { return a != b ? a < b : a_place > b_place; }

inline void sift_down(__global const W *in, int inner, int least, __global int *heap, int count, int at)
{
    const int moving = heap[at];
    const KEY moving_key = top_key(in[moving * inner], least);
    for (int child; (child = 2 * at + 1) < count; at = child) {
        KEY key = top_key(in[heap[child] * inner], least);
        if (child + 1 < count) {
            const KEY other = top_key(in[heap[child + 1] * inner], least);
            if (is_worse(other, heap[child + 1], key, heap[child])) {
                child++;
                key = other;
            }
        }
        if (!is_worse(key, heap[child], moving_key, moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

#ifdef ONLY_topk_heap
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void topk_heap(CONST_BUFFER(W, x), BUFFER(W, y), BUFFER(long, places), BUFFER(int, heaps), int rows, int n, int inner, int k,
               int least)
{
    const int row = get_global_id(0);
    if (row >= rows)
        return;
    __global const W *in = CONST_AT(W, x) + row / inner * n * inner + row % inner;
    __global int *heap = AT(int, heaps) + row * k;
    for (int i = 0; i < k; i++)
        heap[i] = i;
    for (int at = k / 2 - 1; at >= 0; at--)
        sift_down(in, inner, least, heap, k, at);
    for (int i = k; i < n; i++) /* equal ones behind are worse */
        if (top_key(in[i * inner], least) > top_key(in[heap[0] * inner], least)) {
            heap[0] = i;
            sift_down(in, inner, least, heap, k, 0);
        }
    for (int last = k - 1; last > 0; last--) { /* the worst goes behind the rest */
        const int worst = heap[0];
        heap[0] = heap[last];
        heap[last] = worst;
        sift_down(in, inner, least, heap, last, 0);
    }
    for (int i = 0; i < k; i++) {
        const int to = (row / inner * k + i) * inner + row % inner;
        AT(W, y)[to] = in[heap[i] * inner];
#ifdef WITH_PLACES
        AT(long, places)[to] = heap[i];
#endif
    }
}
#endif

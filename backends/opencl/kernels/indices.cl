/* SPDX-License-Identifier: MIT
 * Indices that kernels read, and how wrong ones are told of; other texts take it in. */

/* The indices, i64 or i32. */
inline long index_at(__global const int *indices, int wide, int i)
{
    return wide ? ((__global const long *)indices)[i] : indices[i];
}

/* Tells fault.c that the index at `place` is out of range: the first kernel that finds one is told of, its first place, its
 * smallest and largest. */
inline void tell(__global volatile int *fault, int kernel_id, int place, long index)
{
    int was = atomic_cmpxchg(fault, 0, kernel_id), value = (int)clamp(index, (long)INT_MIN, (long)INT_MAX);
    if (was != 0 && was != kernel_id)
        return;
    atomic_min(fault + 1, place);
    atomic_min(fault + 2, value);
    atomic_max(fault + 3, value);
}

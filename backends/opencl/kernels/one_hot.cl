/* SPDX-License-Identifier: MIT
 * One hot place in each column of y, [outer][depth][inner]: an item looks at one element. DX is the type of the indices, W a
 * word of y. */
__kernel __attribute__((reqd_work_group_size(64, 1, 1)))
void one_hot(CONST_BUFFER(T(DX), x), CONST_BUFFER(W, values), BUFFER(W, y), int count, int depth, int inner)
{
    const int i = get_global_id(0);
    if (i >= count)
        return;
    const int place = i / inner % depth;
    const C(DX) index = LOAD(DX, CONST_AT(T(DX), x), i / inner / depth * inner + i % inner);
#ifdef FLOAT_INDICES /* a fraction is cut off; no comparison with NaN holds */
    const bool hot = trunc(index) == place || trunc(index) == (float)place - depth;
#else
    const bool hot = index == (C(DX))place || (index < 0 && index == (C(DX))place - (C(DX))depth);
#endif
    AT(W, y)[i] = CONST_AT(W, values)[hot];
}

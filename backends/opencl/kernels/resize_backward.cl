/* SPDX-License-Identifier: MIT
 * The gradient of resize along one axis: each element of dx gathers from those of dy that have read it. `links` holds where the
 * links of each index begin, then whom they come from; `weights` the same links' weights. */
struct pass {
    int rows, in, out, inner, items; /* rows of dx, `inner` elements each; `in` and `out` of them along the axis */
};

#ifdef WIDE
KERNEL_OF(1)
resize_backward(CONST_BUFFER(float, dy), BUFFER(float, dx), CONST_BUFFER(int, links), CONST_BUFFER(float, weights),
                struct pass s)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows);
    __global const int *links = CONST_AT(int, links);
    __global const float *weights = CONST_AT(float, weights);
    for (int row = first; row < last; row++) {
        int at = row % s.in, begin = links[at], end = links[at + 1];
        __global const float *dy = CONST_AT(float, dy) + row / s.in * s.out * s.inner;
        __global float *dx = AT(float, dx) + row * s.inner;
        for (int i = 0; i < s.inner; i += 16) {
            float16 sum = 0;
            for (int k = begin; k < end; k++)
                sum += LOAD16(dy, links[s.in + 1 + k] * s.inner + i) * weights[k];
            STORE16(dx, i, sum);
        }
    }
}
#else
KERNEL_OF(64)
resize_backward(CONST_BUFFER(T(DX), dy), BUFFER(T(DY), dx), CONST_BUFFER(int, links), CONST_BUFFER(R, weights), struct pass s)
{
    int i = get_global_id(0), row = i / s.inner, at = row % s.in;
    if (row >= s.rows)
        return;
    __global const int *links = CONST_AT(int, links);
    R sum = 0;
    for (int k = links[at]; k < links[at + 1]; k++)
        sum += (R)LOAD(DX, CONST_AT(T(DX), dy), (row / s.in * s.out + links[s.in + 1 + k]) * s.inner + i % s.inner) *
               CONST_AT(R, weights)[k];
    STORE(DY, AT(T(DY), dx), i, sum);
}
#endif

/* SPDX-License-Identifier: MIT
 * Where the elements of a fold lie; other texts take it in. A result's elements are `steps` runs of `run` neighbours; results
 * come in `inner` neighbours. */
struct fold {
    int results, inner, steps, run;
    int kept_rank, folded_rank;
    int kept_size[8], kept_stride[8], folded_size[8], folded_stride[8];
};

/* Where the element of an index on the kept axes is, and on the folded ones. */
inline int kept_offset(struct fold s, int index)
{
    int offset = 0;
#define STEP(k)                                                                                                                \
    offset += index % s.kept_size[k] * s.kept_stride[k];                                                                       \
    index /= s.kept_size[k];
    EACH_AXIS(s.kept_rank, STEP)
#undef STEP
    return offset;
}

inline int folded_offset(struct fold s, int index)
{
    int offset = 0;
    if (s.folded_rank <= 1)
        return index * s.folded_stride[0];
#define STEP(k)                                                                                                                \
    offset += index % s.folded_size[k] * s.folded_stride[k];                                                                   \
    index /= s.folded_size[k];
    EACH_AXIS(s.folded_rank, STEP)
#undef STEP
    return offset;
}

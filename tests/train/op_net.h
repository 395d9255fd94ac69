/* SPDX-License-Identifier: MIT
 * What the tests of gradients share: tensors for the values of a net of one op, and sessions fed by the inputs' names. */
#ifndef CVK__TEST_OP_NET_H
#define CVK__TEST_OP_NET_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "convoke/convoke.h"
#include "graph/autodiff.h"
#include "harness/harness.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

/* Fails with the case's name and the library's sentence. */
static inline void ok(uint32_t op, const struct cvk_case *c, int32_t status, const char *what)
{
    if (status != CVK_OK)
        fail_msg("%s/%s: %s: %s", cvk__op_name(op), c->name, what, cvk_error_text());
}

/* A tensor for the value; data NULL, or what it holds. */
static inline struct cvk_tensor *tensor_of(const struct cvk_graph *g, cvk_value v, const void *data)
{
    const struct cvk_tensor_desc *d = &cvk__value_at(g, v)->desc;
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &t), CVK_OK);
    if (data)
        memcpy(cvk_tensor_data(t), data, d->bytes);
    return t;
}

/* Writes the input "x0" for letter x and number 0, if the session has it. */
static inline void write_input(struct cvk_session *s, char letter, uint32_t number, const struct cvk_tensor *t)
{
    char name[16];
    snprintf(name, sizeof name, "%c%u", letter, number);
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++)
        if (strcmp(cvk_session_input_name(s, i), name) == 0)
            assert_int_equal(cvk_session_write(s, i, t), CVK_OK);
}

#endif

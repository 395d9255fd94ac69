/* SPDX-License-Identifier: MIT
 * Shared objects that are no plugins: one exports something else, one needs what nobody has. */
__attribute__((visibility("default"))) int something_else(void);

#if defined(BAD_UNRESOLVED)
int nobody_has_this(void);
int something_else(void)
{
    return nobody_has_this();
}
#else
int something_else(void)
{
    return 1;
}
#endif

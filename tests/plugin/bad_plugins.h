/* SPDX-License-Identifier: MIT
 * The faults of bad_plugin.c, and what the host must say to each. */
#ifndef CONVOKE_TEST_BAD_PLUGINS_H
#define CONVOKE_TEST_BAD_PLUGINS_H

/* name, status, stage, words of the sentence */
#define BAD_PLUGINS(X)                                                                                                           \
    X(MAJOR, CVK_E_ABI, "abi", "version 2.2|this library has 1.2|newer Convoke")                                                 \
    X(SIZE_ZERO, CVK_E_ABI, "abi", "0 bytes|CVK_PLUGIN_HEAD")                                                                    \
    X(SIZE_SMALL, CVK_E_ABI, "abi", "has 40 bytes|needs 112")                                                                    \
    X(SIZE_LIES, CVK_E_ABI, "abi", "says that it wrote 1000000 bytes|cvk_plugin_answer")                                         \
    X(OVERRUN, CVK_E_ABI, "abi", "wrote past the 128 bytes")                                                                     \
    X(COUNT, CVK_E_ABI, "rows", "claims 4000000000 rows|limit is 4096")                                                          \
    X(STRIDE_SMALL, CVK_E_ABI, "rows", "lie 16 bytes apart|possible is 72")                                                      \
    X(STRIDE_ODD, CVK_E_ABI, "rows", "lie 83 bytes apart")                                                                       \
    X(ROWS_NULL, CVK_E_ABI, "rows", "claims 1 rows|is NULL")                                                                     \
    X(ROWS_GARBAGE, CVK_E_ABI, "rows", "row 0|cannot be read")                                                                   \
    X(ROW_SIZE_ZERO, CVK_E_ABI, "rows", "row 1|says that it has 0 bytes")                                                        \
    X(ROW_SIZE_LIES, CVK_E_ABI, "rows", "row 1|says that it has 4096 bytes|72 to 80")                                            \
    X(ROW_NO_NAME, CVK_E_ABI, "rows", "row 1|has no name")                                                                       \
    X(ROW_NAME_ILL, CVK_E_ABI, "rows", "row 1|ill-formed|Two Words")                                                             \
    X(ROW_NAME_GARBAGE, CVK_E_ABI, "rows", "name of row 1|cannot be read")                                                       \
    X(ROW_DUPLICATE, CVK_E_ABI, "rows", "two rows called 'one' for unary:fwd")                                                   \
    X(ROW_NO_RUN, CVK_E_ABI, "rows", "row 1 ('two')|has no run")                                                                 \
    X(ROW_RUN_GARBAGE, CVK_E_ABI, "rows", "row 1 ('two')|function in memory that cannot be read")                                \
    X(ROW_NO_OP, CVK_E_ABI, "rows", "row 1 ('two')|is for no op")                                                                \
    X(NAME_MISSING, CVK_E_ABI, "abi", "gives no name")                                                                           \
    X(NAME_ILL, CVK_E_ABI, "abi", "'Not A Name' cannot be a backend's name|small letters")                                       \
    X(NAME_RESERVED, CVK_E_ABI, "abi", "'auto' cannot be|grammar")                                                               \
    X(NAME_GARBAGE, CVK_E_ABI, "abi", "name points to memory that cannot be read")                                               \
    X(NAME_LONG, CVK_E_ABI, "abi", "name is longer than 32")                                                                     \
    X(VERSION_MISSING, CVK_E_ABI, "abi", "gives no version")                                                                     \
    X(LICENSE_MISSING, CVK_E_ABI, "abi", "gives no license")                                                                     \
    X(SUMMARY_CONTROL, CVK_E_ABI, "abi", "summary holds control characters")                                                     \
    X(ISA, CVK_E_UNSUPPORTED, "isa", "instruction set number 63|build of the plugin for this CPU")                               \
    X(SANITIZER, CVK_E_ABI, "sanitizer", "was built with the|sanitizer and this library with")                                   \
    X(OPTION_KEY, CVK_E_ABI, "abi", "key of option 1|no=good")                                                                   \
    X(OPTION_TWICE, CVK_E_ABI, "abi", "declares option 'threads' twice")                                                         \
    X(OPTION_HELP, CVK_E_ABI, "abi", "help of option 'other'")                                                                   \
    X(DEVICE_GARBAGE, CVK_E_ABI, "abi", "device table|cannot be read")                                                           \
    X(DEVICE_HALF, CVK_E_ABI, "abi", "has 2 of alloc, free, write and read: missing write read")                                 \
    X(DEVICE_SIZE, CVK_E_ABI, "abi", "device table|has 4 bytes")                                                                 \
    X(DEVICE_CODE, CVK_E_ABI, "abi", "device table|function in memory that cannot be read")                                      \
    X(QUERY_FAILS, CVK_E_UNSUPPORTED, "query", "needs at least 4 wheels")                                                        \
    X(QUERY_SILENT, CVK_E_DEVICE, "query", "without a reason|CVK_E_DEVICE")                                                      \
    X(EXIT, CVK_E_ABI, "query", "ended the process with exit()")                                                                 \
    X(EXIT_AT_ONCE, CVK_E_ABI, "query", "ended the process with _exit(3)")                                                       \
    X(CRASH, CVK_E_ABI, "query", "crashed with signal 11|CONVOKE_PROBE=off")                                                     \
    X(ABORT, CVK_E_ABI, "query", "crashed with signal 6")                                                                        \
    X(CONSTRUCTOR, CVK_E_ABI, "dlopen", "crashed with signal 11|when it was loaded")                                             \
    X(ENDLESS, CVK_E_ABI, "query", "did not answer within 1 seconds|CONVOKE_PROBE=60")

#endif

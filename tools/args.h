/* SPDX-License-Identifier: MIT
 * Options of the sub-commands: one parser, one form of --help, "did you mean" for what is not known. */
#ifndef CONVOKE_ARGS_H
#define CONVOKE_ARGS_H

#include "tool.h"

struct text_list {
    const char **items; /* the words stay argv's */
    uint32_t count;
};

#define NUMBER_LIST 16
struct number_list {
    double items[NUMBER_LIST];
    uint32_t count;
};
struct count_list {
    uint64_t items[NUMBER_LIST];
    uint32_t count;
};

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_EACH,   /* struct text_list: one word each time it is given */
    OPTION_MANY,   /* struct text_list: all words up to the next option */
    OPTION_COUNT,  /* uint64_t in min..max; K, M and G multiply by powers of 1024 */
    OPTION_COUNTS, /* struct count_list, each in min..max, commas between */
    OPTION_NUMBER, /* double; "1/255" is fine */
    OPTION_NUMBERS /* struct number_list, commas between */
};

struct option {
    const char *name; /* without the dashes */
    enum option_kind kind;
    void *target;
    const char *value; /* what stands for the value in the help; NULL for flags */
    const char *help;
    uint64_t min, max; /* OPTION_COUNT and OPTION_COUNTS; max 0: no limit */
};

struct command {
    const char *name, *summary;
    const char *usage;    /* what follows "convoke NAME " */
    const char *model;    /* what MODEL may be; NULL: the command takes none */
    const char *about;    /* a paragraph on what else is to know */
    const char *examples; /* a command per line */
    const struct option *options;
    uint32_t option_count;
    const struct option *shared; /* those that several commands have; they stand behind the others */
    uint32_t shared_count;
    const char *rest_name; /* of the words that are not options; NULL: none are wanted */
    uint32_t rest_min, rest_max;
};

/* Fills the options' targets and the rest. TOOL_GO_ON, or the exit code (TOOL_OK after --help). */
int args_parse(const struct command *c, int argc, char **argv, struct text_list *rest);
void args_free(struct text_list *list); /* the list's own memory */
/* A whole decimal number with an optional K, M, G. */
bool args_count(const char *text, uint64_t *out);
/* A finite number or a fraction "a/b". */
bool args_number(const char *text, double *out);

#define ARGS_OPTIONS_OF(list) .options = (list), .option_count = (uint32_t)(sizeof(list) / sizeof((list)[0]))

#endif

/* SPDX-License-Identifier: MIT
 * The conformance test must notice what it is there for: rows that break the contract, wrong expectations, nothing run.
 * The command's path and the plugins' come from the environment: CONVOKE, BAD_PLUGIN, ONE_OP_PLUGIN,
 * FAR_PLUGIN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OUTPUT_BYTES 65536

/* Runs `convoke conform ARGUMENTS`; the exit code, and what it printed in output[OUTPUT_BYTES]. */
static int conform(char *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int conform(char *output, const char *format, ...)
{
    char arguments[1024], line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof arguments, format, args);
    va_end(args);
    snprintf(line, sizeof line, "CONVOKE_THREADS=2 '%s' conform %s 2>&1", getenv("CONVOKE"), arguments);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t used = fread(output, 1, OUTPUT_BYTES - 1, pipe);
    output[used] = '\0';
    while (!feof(pipe)) { /* the rest, so that the command can end */
        char rest[4096];
        (void)!fread(rest, 1, sizeof rest, pipe);
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void expect_words(const char *output, const char *words)
{
    if (!strstr(output, words))
        fail_msg("'%s' is not in:\n%s", words, output);
}

static const struct {
    const char *row, *words;
} faults[] = {
    {"past_end", "wrote outside of output 0: byte "},
    {"wrong", "want "},
    {"forgets", "depends on what outputs, workspace or packed memory held before"},
    {"workspace", "depends on what outputs, workspace or packed memory held before"},
    {"changes_input", "changed input 0, which it may only read"},
    {"workers", "depends on the number of workers"},
    {"second_time", "gives other bits the second time: output 0, byte 0; the result changes from run to run"},
    {"leaks", "finish leaves 1 blocks of host->alloc unfreed"},
    {"unchecked", "crashed"},
    {"allocates", "run calls host->alloc"},
    {"reads_on", "crashed"},
    {"in_worker", "crashed"},
    {"in_place", "in place: output 0"},
    {"padding", "in the padding of the last block, is not zero"},
    {"gives_up", "the queue is lost"},
    {"changes_its_mind", "plan answers differently when asked again"},
};

static void every_fault_is_noticed(void **state)
{
    char *output = *state, command[160];
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        int code = conform(output, "'%s' --op unary --row %s", getenv("BAD_PLUGIN"), faults[i].row);
        if (code != 1)
            fail_msg("row %s: exit code %d\n%s", faults[i].row, code, output);
        expect_words(output, faults[i].words);
        snprintf(command, sizeof command, "--row %s  # ", faults[i].row);
        expect_words(output, command);
    }
}

static void a_good_row_passes(void **state)
{
    char *output = *state;
    if (conform(output, "'%s' --op unary --row good", getenv("BAD_PLUGIN")) != 0)
        fail_msg("%s", output);
    expect_words(output, "0 failures");
}

static void a_failure_repeats_as_printed(void **state)
{
    char *output = *state, case_name[128];
    assert_int_equal(conform(output, "'%s' --op unary --row wrong", getenv("BAD_PLUGIN")), 1);
    const char *found = strstr(output, "--case ");
    assert_non_null(found);
    assert_int_equal(sscanf(found, "--case %127s", case_name), 1);
    assert_int_equal(conform(output, "'%s' --op unary --case %s --row wrong", getenv("BAD_PLUGIN"), case_name), 1);
    expect_words(output, "1 cases in");
}

static void gradients_and_updates_are_run(void **state)
{
    char *output = *state;
    assert_int_equal(conform(output, "'%s' --op unary --row wrong_gradient", getenv("BAD_PLUGIN")), 1);
    expect_words(output, "--op unary --pass bwd_data --case ");
    expect_words(output, "want ");
    assert_int_equal(conform(output, "'%s' --op optimize --case momentum --row reads_late", getenv("BAD_PLUGIN")), 1);
    expect_words(output, "outputs in the memory of what they replace: output 0");
}

/* Weights that are constants in a case are none in training. */
static void cases_have_forms(void **state)
{
    char *output = *state;
    assert_int_equal(conform(output, "ref --op gemm --case few_rows_2"), 0);
    expect_words(output, "2 cases in");
    assert_int_equal(conform(output, "ref --op gemm --case few_rows_2+trained"), 0);
    expect_words(output, "1 cases in");
    assert_int_equal(conform(output, "ref --op conv --case bias --pass bwd_weights"), 0);
    expect_words(output, "1 cases in");
    assert_int_equal(conform(output, "ref --op conv --case bias"), 0);
    expect_words(output, "4 cases in");
}

/* A whole run of a plugin with these expectations. */
static int conform_plugin_expecting(char *output, const char *plugin, const char *lines)
{
    char path[] = "/tmp/convoke-expect-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, lines, strlen(lines)), (int)strlen(lines));
    close(file);
    int code = conform(output, "'%s' --expect %s", plugin, path);
    unlink(path);
    return code;
}

static int conform_expecting(char *output, const char *lines)
{
    return conform_plugin_expecting(output, getenv("ONE_OP_PLUGIN"), lines);
}

static void a_strangers_missing_ops_are_told_but_allowed(void **state)
{
    char *output = *state;
    if (conform(output, "'%s'", getenv("ONE_OP_PLUGIN")) != 0)
        fail_msg("%s", output);
    expect_words(output, "not offered");
    expect_words(output, "no cases");
}

/* The search path may have brought the file before it is named: the row tested must be its own all the same. */
static void a_file_on_the_search_path_is_tested_itself(void **state)
{
    char *output = *state, path[2048], before[2048];
    snprintf(before, sizeof before, "%s", getenv("CONVOKE_PLUGIN_PATH"));
    snprintf(path, sizeof path, "%s:%s", getenv("ONE_OP_PLUGIN"), before);
    setenv("CONVOKE_PLUGIN_PATH", path, 1);
    int code = conform(output, "'%s'", getenv("ONE_OP_PLUGIN"));
    setenv("CONVOKE_PLUGIN_PATH", before, 1);
    assert_int_equal(code, 0);
    expect_words(output, " 1 rows, ");
}

static void expectations_make_it_strict(void **state)
{
    char *output = *state;
    if (conform_expecting(output, "# all others\n* unsupported only reshape is offered\n") != 0)
        fail_msg("%s", output);
    assert_int_equal(conform_expecting(output, "# nothing is listed\n"), 1);
    expect_words(output, "--op conv  # FAIL: not offered");
}

static void a_missing_pass_is_told(void **state)
{
    char *output = *state, path[] = "/tmp/convoke-expect-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    const char *lines = "* unsupported of whole ops alone\nsoftmax/*/fwd unsupported it never does\n";
    assert_int_equal(write(file, lines, strlen(lines)), strlen(lines));
    assert_int_equal(conform(output, "'%s' --op softmax --expect %s", getenv("BAD_PLUGIN"), path), 1);
    expect_words(output, "--op softmax --pass bwd_data  # FAIL: not offered");
    lines = "softmax:bwd_* unsupported it learns nothing\n";
    assert_int_equal(write(file, lines, strlen(lines)), strlen(lines));
    close(file);
    conform(output, "'%s' --op softmax --verbose --expect %s", getenv("BAD_PLUGIN"), path);
    expect_words(output, "--op softmax --pass bwd_data  # not offered, as listed (it learns nothing)");
    unlink(path);
}

static void a_line_that_fits_nothing_fails(void **state)
{
    char *output = *state;
    assert_int_equal(conform_expecting(output, "* unsupported only reshape is offered\n"
                                               "reshape/no_such_case/fwd fails bug 7\n"), 1);
    expect_words(output, "line 2 of expect.txt, 'reshape/no_such_case/fwd fails', fits nothing that was run");
    expect_words(output, "1 failure");
}

static void an_unexpected_pass_fails(void **state)
{
    char *output = *state;
    assert_int_equal(conform_expecting(output, "* unsupported only reshape is offered\nreshape/*/fwd unsupported not yet\n"), 1);
    expect_words(output, "passes, but line 2 of expect.txt says that it is unsupported (not yet)");
    assert_int_equal(conform_expecting(output, "* unsupported only reshape is offered\nreshape/*/fwd fails not yet\n"), 1);
    expect_words(output, "passes, but line 2 of expect.txt says that it fails (not yet)");
}

static void an_expected_failure_does_not_count(void **state)
{
    char *output = *state;
    if (conform_plugin_expecting(output, getenv("FAR_PLUGIN"), "* unsupported only reshape\n"
                                                               "reshape/*/fwd fails row spills\n") != 0)
        fail_msg("%s", output);
    assert_int_equal(conform_plugin_expecting(output, getenv("FAR_PLUGIN"), "* unsupported only reshape\n"), 1);
    expect_words(output, "wrote outside");
}

static void the_first_line_that_fits_decides(void **state)
{
    char *output = *state;
    assert_int_equal(conform_expecting(output, "reshape/*/fwd passes it copies\nreshape/*/fwd unsupported never reached\n"
                                               "* unsupported only reshape is offered\n"), 1);
    expect_words(output, "line 2 of expect.txt");
    if (conform_expecting(output, "reshape/*/fwd passes it copies\n* unsupported only reshape is offered\n") != 0)
        fail_msg("%s", output);
}

static void a_line_without_a_reason_is_refused(void **state)
{
    char *output = *state;
    assert_int_equal(conform_expecting(output, "\n* unsupported\n"), 1);
    expect_words(output, ":2: ");
    assert_int_equal(conform_expecting(output, "conv/*/fwd refuses no time\n"), 1);
    expect_words(output, "unknown verdict 'refuses'");
}

static void a_tolerance_is_one_rows(void **state)
{
    char *output = *state, path[] = "/tmp/convoke-expect-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    const char *line = "unary:fwd:wr[o]ng tolerance 20000 it adds a hundredth\n";
    assert_int_equal(write(file, line, strlen(line)), strlen(line));
    close(file);
    int wrong = conform(output, "'%s' --op unary --case relu --row wrong --expect %s", getenv("BAD_PLUGIN"), path);
    int other = conform(output, "'%s' --op unary --case relu --row forgets --expect %s", getenv("BAD_PLUGIN"), path);
    int without = conform(output, "'%s' --op unary --case relu --row wrong", getenv("BAD_PLUGIN"));
    unlink(path);
    assert_int_equal(wrong, 0);
    assert_int_equal(other, 1);
    assert_int_equal(without, 1);
    assert_int_equal(conform_expecting(output, "* unsupported only reshape is offered\nreshape:none tolerance 2 rounds\n"), 1);
    expect_words(output, "line 2 of expect.txt, 'reshape:none tolerance', fits nothing that was run");
    assert_int_equal(conform_expecting(output, "reshape:copy tolerance 0.5 rounds\n"), 1);
    expect_words(output, ":1: after 'tolerance' come a factor from 1 to 100000 and a reason");
    assert_int_equal(conform_expecting(output, "reshape:copy tolerance 2\n"), 1);
}

static void memory_of_a_device_is_guarded_too(void **state)
{
    char *output = *state;
    if (conform(output, "'%s' --op reshape --row copy", getenv("FAR_PLUGIN")) != 0)
        fail_msg("%s", output);
    assert_int_equal(conform(output, "'%s' --op reshape --row spills", getenv("FAR_PLUGIN")), 1);
    expect_words(output, "wrote outside of output 0: byte ");
}

static void nothing_run_is_a_failure(void **state)
{
    char *output = *state;
    assert_int_equal(conform(output, "'%s' --op reshape --case no_such_case", getenv("ONE_OP_PLUGIN")), 1);
    expect_words(output, "no case was run");
}

static void wrong_use_is_told(void **state)
{
    char *output = *state;
    assert_int_equal(conform(output, "ref --op convv"), 2);
    expect_words(output, "did you mean 'conv'");
    assert_int_equal(conform(output, "ref --pass forward"), 2);
    assert_int_equal(conform(output, "no_such_backend"), 1);
    assert_int_equal(conform(output, "./no_such_file.so"), 1);
}

static int make_output(void **state)
{
    *state = malloc(OUTPUT_BYTES);
    return *state && getenv("CONVOKE") && getenv("BAD_PLUGIN") && getenv("ONE_OP_PLUGIN") && getenv("FAR_PLUGIN") ? 0 : -1;
}

static int free_output(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_noticed),
        cmocka_unit_test(a_good_row_passes),
        cmocka_unit_test(a_failure_repeats_as_printed),
        cmocka_unit_test(gradients_and_updates_are_run),
        cmocka_unit_test(cases_have_forms),
        cmocka_unit_test(a_strangers_missing_ops_are_told_but_allowed),
        cmocka_unit_test(a_file_on_the_search_path_is_tested_itself),
        cmocka_unit_test(expectations_make_it_strict),
        cmocka_unit_test(a_missing_pass_is_told),
        cmocka_unit_test(a_line_that_fits_nothing_fails),
        cmocka_unit_test(an_unexpected_pass_fails),
        cmocka_unit_test(an_expected_failure_does_not_count),
        cmocka_unit_test(the_first_line_that_fits_decides),
        cmocka_unit_test(a_line_without_a_reason_is_refused),
        cmocka_unit_test(a_tolerance_is_one_rows),
        cmocka_unit_test(memory_of_a_device_is_guarded_too),
        cmocka_unit_test(nothing_run_is_a_failure),
        cmocka_unit_test(wrong_use_is_told),
    };
    return cmocka_run_group_tests(tests, make_output, free_output);
}

/*
 * The command line, taken apart: options anywhere, each mistake named, nothing guessed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <redferry/redferry.h>

#include "cmd.h"
#include "option.h"

enum { WORDS = 12 };

static const redferry_setting settings[] = {
    {.name = "database", .letter = 'd', .argument = "URL"},
    {.name = "strict"},
    {.name = "json"},
    {.name = "quiet", .letter = 'q'},
    {.name = "verbose", .letter = 'v'},
};

static const struct option_line up[] = {{"to", 0, "VERSION", "…"}, {0}};
static const struct option_line run[] = {{"again", 0, NULL, "…"}, {"all", 0, NULL, "…"}, {0}};
static const struct option_line *const tables[] = {up, run, NULL};

/* Parse a line of words separated by blanks; an empty word is written as ''. */
static int parse(struct option_set *set, char *line)
{
    static const struct option_known known = {
        .settings = settings,
        .setting_count = sizeof settings / sizeof settings[0],
        .tables = tables,
    };
    static char program[] = "redferry", empty[] = "";
    char *argv[WORDS] = {program};
    int argc = 1;
    for (char *rest = NULL, *word = strtok_r(line, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = strcmp(word, "''") == 0 ? empty : word;
    return option_parse(set, &known, argc, argv);
}

static void test_takes_options_before_and_after_the_command(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "-d sqlite:a.db up --to 5 --strict",
        "--to 5 --strict up -dsqlite:a.db",
        "--strict --to=5 -d sqlite:a.db up",
        "up --database=sqlite:a.db --to 5 --strict",
        "--database sqlite:a.db --strict --to 5 -- up",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct option_set set;
        char line[128];
        (void)snprintf(line, sizeof line, "%s", lines[i]);
        assert_int_equal(parse(&set, line), 0);
        assert_int_equal(set.word_count, 1);
        assert_string_equal(set.words[0], "up");
        assert_string_equal(option_value(&set, "database"), "sqlite:a.db");
        assert_string_equal(option_value(&set, "to"), "5");
        assert_string_equal(option_value(&set, "strict"), "true");
        assert_null(option_value(&set, "json"));
        assert_null(option_stray(&set, up));
        option_release(&set);
    }
}

static void test_posixly_correct_changes_nothing(void **state)
{
    (void)state;
    struct option_set set;
    char line[] = "up --strict";
    assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
    int result = parse(&set, line);
    assert_int_equal(unsetenv("POSIXLY_CORRECT"), 0);
    assert_int_equal(result, 0);
    assert_int_equal(set.word_count, 1);
    assert_non_null(option_value(&set, "strict"));
    option_release(&set);
}

static void test_takes_what_stands_behind_two_dashes_as_it_is(void **state)
{
    (void)state;
    struct option_set set;
    char line[] = "run -- --again - ''";
    assert_int_equal(parse(&set, line), 0);
    assert_int_equal(set.word_count, 4);
    assert_string_equal(set.words[1], "--again");
    assert_string_equal(set.words[2], "-");
    assert_string_equal(set.words[3], "");
    assert_int_equal(set.count, 0);
    option_release(&set);
}

static void test_takes_bundled_letters_and_the_last_of_several(void **state)
{
    (void)state;
    struct option_set set;
    char line[] = "-qvd one --database two --strict=false status";
    assert_int_equal(parse(&set, line), 0);
    assert_non_null(option_value(&set, "quiet"));
    assert_non_null(option_value(&set, "verbose"));
    assert_string_equal(option_value(&set, "database"), "two");
    assert_string_equal(option_value(&set, "strict"), "false");
    option_release(&set);
}

static void test_names_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"up --databse x", "unknown option '--databse'; do you mean '--database'?"},
        {"up --data x", "unknown option '--data'; do you mean '--database'?"},
        {"up --data=secret", "unknown option '--data'; do you mean '--database'?"},
        {"up --zzzzzzz", "unknown option '--zzzzzzz'; see 'redferry help'"},
        {"up -x", "unknown option '-x'; see 'redferry help'"},
        {"up -qx", "unknown option '-x'; see 'redferry help'"},
        {"up --a", "unknown option '--a'; see 'redferry help'"},
        {"up --to", "option '--to' needs a value: VERSION"},
        {"up -d", "option '--database' needs a value: URL"},
        {"run --again=1", "option '--again' takes no value"},
        {"up --nope --nada", "unknown option '--nope'; see 'redferry help'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct option_set set;
        char line[128];
        (void)snprintf(line, sizeof line, "%s", cases[i].line);
        assert_int_equal(parse(&set, line), -1);
        assert_string_equal(set.error, cases[i].error);
        option_release(&set);
    }
}

static void test_finds_options_behind_a_mistake(void **state)
{
    (void)state;
    struct option_set set;
    char line[] = "--nope up --json";
    assert_int_equal(parse(&set, line), -1);
    assert_non_null(option_value(&set, "json"));
    option_release(&set);
}

static void test_tells_whose_option_it_is(void **state)
{
    (void)state;
    struct option_set set;
    char line[] = "up --strict --again";
    assert_int_equal(parse(&set, line), 0);
    assert_string_equal(option_stray(&set, up), "again");
    assert_string_equal(option_stray(&set, NULL), "again");
    assert_null(option_stray(&set, run));
    option_release(&set);
}

/* All commands' options are read with one table, so a name must mean one form everywhere, and
 * none may be a setting's. */
static void test_commands_agree_on_their_options(void **state)
{
    (void)state;
    static const struct cmd *const commands[] = {
        &cmd_down, &cmd_help,   &cmd_history, &cmd_init,   &cmd_lint,   &cmd_mark, &cmd_new,
        &cmd_redo, &cmd_repair, &cmd_run,     &cmd_status, &cmd_unmark, &cmd_up,
    };
    const struct option_line *seen[32];
    size_t count = 0, setting_count = 0;
    redferry *ferry = redferry_new();
    assert_non_null(ferry);
    const redferry_setting *all = redferry_settings(ferry, &setting_count);
    for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
        const struct option_line *line = commands[c]->options;
        for (; line != NULL && line->name != NULL; line++) {
            for (size_t i = 0; i < setting_count; i++)
                assert_string_not_equal(all[i].name, line->name);
            for (size_t i = 0; i < count; i++) {
                if (strcmp(seen[i]->name, line->name) != 0) continue;
                assert_int_equal(seen[i]->letter, line->letter);
                assert_int_equal(seen[i]->argument == NULL, line->argument == NULL);
            }
            assert_true(count < sizeof seen / sizeof seen[0]);
            seen[count++] = line;
        }
    }
    assert_true(count > 0);
    redferry_free(ferry);
}

/* What the program asks the library for must be there, in the form it expects. */
static void test_the_library_has_the_settings_of_the_streams(void **state)
{
    (void)state;
    static const char *const names[] = {"json",    "log-format",  "quiet",   "verbose",
                                        "context", "no-progress", "no-color"};
    size_t count = 0;
    redferry *ferry = redferry_new();
    assert_non_null(ferry);
    const redferry_setting *all = redferry_settings(ferry, &count);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t at = 0;
        while (at < count && strcmp(all[at].name, names[i]) != 0) at++;
        if (at == count) fail_msg("no setting '%s'", names[i]);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i].letter != 'h' && all[i].letter != 'V');
        assert_string_not_equal(all[i].name, "help");
        assert_string_not_equal(all[i].name, "version");
    }
    redferry_free(ferry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_options_before_and_after_the_command),
        cmocka_unit_test(test_posixly_correct_changes_nothing),
        cmocka_unit_test(test_takes_what_stands_behind_two_dashes_as_it_is),
        cmocka_unit_test(test_takes_bundled_letters_and_the_last_of_several),
        cmocka_unit_test(test_names_what_is_wrong),
        cmocka_unit_test(test_finds_options_behind_a_mistake),
        cmocka_unit_test(test_tells_whose_option_it_is),
        cmocka_unit_test(test_commands_agree_on_their_options),
        cmocka_unit_test(test_the_library_has_the_settings_of_the_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

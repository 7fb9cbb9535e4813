// A crash point ends the process where and how it is told to, and nowhere else; and in a build
// without them it is nothing at all.
#include "crash.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef REDFERRY_CRASH_POINTS
static const int has_points = 1;
#else
static const int has_points = 0;
#endif

// How a process ends that passes "a", "b b", "a", "c", with REDFERRY_CRASH_AT so: the signal,
// or 0 where it came to its end.
static int die_at(const char *at, const char *list)
{
    int status = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("REDFERRY_CRASH_AT", at, 1);
        if (list != NULL) (void)setenv("REDFERRY_CRASH_LIST", list, 1);
        crash_point("a");
        crash_point("b b");
        crash_point("a");
        crash_point("c");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void dies_as_it_is_told(void **state)
{
    static const struct {
        const char *at;
        int signal;
    } cases[] = {
        {"", 0},
        {"a:KILL", SIGKILL},
        {"a#2:TERM", SIGTERM},
        {"a#3:KILL", 0},
        {"b:KILL", 0},
        {"b b:TERM", SIGTERM},
        {"d:KILL,c#1:TERM", SIGTERM},
        {"c:TERM,a#2:KILL", SIGKILL},
        {"a", SIGABRT},
        {"a:HUP", SIGABRT},
        {"a#0:KILL", SIGABRT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (die_at(cases[i].at, NULL) != (has_points ? cases[i].signal : 0))
            fail_msg("REDFERRY_CRASH_AT='%s' ended otherwise", cases[i].at);
    }
}

static void lists_what_it_passes(void **state)
{
    char directory[] = "/tmp/rf.XXXXXX";
    char name[64];
    char text[64] = "";
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(name, sizeof name, "%s/list", directory);
    (void)die_at("a#2:KILL", name);
    FILE *file = fopen(name, "r");
    const size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL) (void)fclose(file);
    (void)unlink(name);
    (void)rmdir(directory);
    text[length] = '\0';
    assert_string_equal(text, has_points ? "a\nb b\na\n" : "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dies_as_it_is_told),
        cmocka_unit_test(lists_what_it_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

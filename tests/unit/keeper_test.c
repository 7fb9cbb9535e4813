/* The keeper: work in processes of their own, of which nothing is left, whatever the state is
 * in which a host program calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "keeper.h"

enum { PIECES = 3 };

/* What the pieces do; each leaves its own process behind, for which another waits. */
static void perform(void *context, size_t index)
{
    (void)context;
    const pid_t pid = fork();
    if (pid == 0)
        for (;;) (void)pause();
    if (index == 1) (void)raise(SIGKILL);
}

/* Let the keeper do it all. Returns how many pieces ended well, or -1. */
static int work(char *directory, struct error *err)
{
    const struct keeper_work orders = {
        .count = PIECES, .at_once = 2, .directory = directory, .perform = perform};
    struct keeper keeper = {.socket = -1};
    int well = 0;
    if (mkdtemp(directory) == NULL || keeper_open(&keeper, &orders, err) != 0) return -1;
    for (size_t i = 0; i < PIECES && well >= 0; i++) {
        size_t index = 0;
        int status = 0;
        if (keeper_next(&keeper, NULL, &index, &status, err) != 0)
            well = -1;
        else
            well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return keeper_close(&keeper, err) == 0 ? well : -1;
}

static void nothing_is_left_of_pieces(void **state)
{
    char directory[] = "/tmp/keeper_test.XXXXXX";
    struct error err = {0};
    (void)state;
    assert_int_equal(work(directory, &err), PIECES - 1);
    assert_int_equal(access(directory, F_OK), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void ignore(int signal)
{
    (void)signal;
}

/* A host program's own handling of signals is neither in the way nor touched. */
static void signals_are_the_callers(void **state)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGPIPE};
    enum { COUNT = sizeof signals / sizeof *signals };
    const struct sigaction deaf = {.sa_handler = SIG_IGN}, own = {.sa_handler = ignore};
    char directory[] = "/tmp/keeper_test.XXXXXX";
    struct sigaction before[COUNT], after;
    struct error err = {0};
    sigset_t blocked, mask;
    (void)state;
    for (size_t i = 0; i < COUNT; i++) sigaction(signals[i], i == 0 ? &deaf : &own, &before[i]);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);

    assert_int_equal(work(directory, &err), PIECES - 1);
    assert_int_equal(access(directory, F_OK), -1);
    for (size_t i = 0; i < COUNT; i++) {
        sigaction(signals[i], &before[i], &after);
        assert_ptr_equal(after.sa_handler, i == 0 ? SIG_IGN : ignore);
    }
    sigprocmask(SIG_UNBLOCK, &blocked, &mask);
    assert_true(sigismember(&mask, SIGUSR1));
    assert_false(sigismember(&mask, SIGINT));
}

/* In a process whose streams are closed, as some daemons are: the socket is one of them. */
static void streams_may_be_closed(void **state)
{
    char directory[] = "/tmp/keeper_test.XXXXXX";
    struct error err = {0};
    int status = 0;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) (void)close(fd);
        _exit(work(directory, &err) == PIECES - 1 && access(directory, F_OK) != 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* No descriptor is free but those of streams that are closed: nothing is begun, and none of
 * them stays open. */
static void no_descriptor_is_free(void **state)
{
    const struct keeper_work orders = {.count = 1, .at_once = 1, .directory = "/nowhere"};
    struct rlimit few;
    struct keeper keeper = {.socket = -1};
    struct error err = {0};
    int status = 0;
    (void)state;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(STDIN_FILENO);
        (void)close(STDOUT_FILENO);
        /* Only what may be had now: valgrind keeps descriptors of its own above the rest. */
        const bool is_limited = getrlimit(RLIMIT_NOFILE, &few) == 0;
        few.rlim_cur = STDERR_FILENO + 1;
        const bool is_refused = is_limited && setrlimit(RLIMIT_NOFILE, &few) == 0 &&
                                keeper_open(&keeper, &orders, &err) == -1 &&
                                strstr(err.message, "cannot make a socket: ") != NULL;
        const bool is_closed =
            fcntl(STDIN_FILENO, F_GETFD) == -1 && fcntl(STDOUT_FILENO, F_GETFD) == -1;
        _exit(!is_refused ? 1 : !is_closed ? 2 : keeper_close(&keeper, &err) == 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_pieces),
        cmocka_unit_test(signals_are_the_callers),
        cmocka_unit_test(streams_may_be_closed),
        cmocka_unit_test(no_descriptor_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

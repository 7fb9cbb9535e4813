/* stop: every wait sees the request, wherever it comes from, and none outlasts the grace. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "error.h"
#include "stop.h"

/* What a wait of no limit may take in a test before something must be wrong. */
enum { LONG_MS = 60000 };

static int set_up(void **state)
{
    static struct stop stop;
    struct error err = {0};
    *state = &stop;
    return stop_init(&stop, &err);
}

static int tear_down(void **state)
{
    stop_release(*state);
    stop_release(*state);
    return 0;
}

/* As if the request had been made ms ago. */
static void request_earlier(struct stop *stop, int64_t ms)
{
    atomic_store(&stop->since_ms, clock_monotonic_ms() - ms);
    stop_request(stop, SIGTERM);
}

static void test_request(void **state)
{
    struct stop *stop = *state;
    struct pollfd fd = {.fd = stop->descriptor, .events = POLLIN};
    assert_false(stop_requested(stop));
    assert_false(stop_overdue(stop));
    assert_int_equal(poll(&fd, 1, 0), 0);

    errno = ENOTTY;
    stop_request(stop, SIGTERM);
    assert_int_equal(errno, ENOTTY);
    assert_true(stop_requested(stop));
    assert_false(stop_overdue(stop));
    assert_int_equal(poll(&fd, 1, 0), 1);
}

static void test_first_request_counts(void **state)
{
    struct stop *stop = *state;
    struct error err = {0};
    stop_request(stop, SIGINT);
    int64_t since_ms = atomic_load(&stop->since_ms);
    for (int i = 0; i < 1000; i++) stop_request(stop, SIGTERM);
    assert_int_equal(atomic_load(&stop->since_ms), since_ms);
    assert_int_equal(stop_error(stop, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGINT);
    assert_string_equal(err.message, "stopped by SIGINT");
}

static void test_unknown_signal(void **state)
{
    struct error err = {0};
    stop_request(*state, 99);
    assert_int_equal(stop_error(*state, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + 99);
    assert_string_equal(err.message, "stopped by signal 99");
}

static void test_overdue(void **state)
{
    request_earlier(*state, STOP_GRACE_MS);
    assert_true(stop_overdue(*state));
}

static void test_last_words(void **state)
{
    struct error err = {0};
    struct stop last;
    stop_request(*state, SIGTERM);
    request_earlier(*state, 10 * STOP_GRACE_MS);
    stop_extend(&last, *state, LONG_MS);
    assert_true(stop_requested(&last));
    assert_false(stop_overdue(&last));
    assert_int_equal(stop_wait(&last, NULL, 0, 0, false, &err), 0);
    stop_extend(&last, *state, 0);
    assert_true(stop_overdue(&last));
    assert_int_equal(stop_wait(&last, NULL, 0, -1, false, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGTERM);
}

static void test_nobody(void **state)
{
    (void)state;
    struct error err = {0};
    assert_false(stop_requested(NULL));
    assert_false(stop_overdue(NULL));
    assert_int_equal(stop_wait(NULL, NULL, 0, 0, true, &err), 0);
    assert_int_equal(stop_sleep(NULL, 1, &err), 0);
}

static void test_time_passes(void **state)
{
    struct error err = {0};
    int64_t begun = clock_monotonic();
    assert_int_equal(stop_wait(*state, NULL, 0, 20, false, &err), 0);
    assert_true(clock_monotonic() - begun >= 19 * 1000000);
    assert_int_equal(stop_sleep(*state, 5, &err), 0);
    assert_int_equal(stop_sleep(*state, 0, &err), 0);
    assert_int_equal(stop_sleep(*state, -5, &err), 0);
}

static void test_ready(void **state)
{
    struct error err = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct stop_poll polls[] = {
        {.descriptor = -1, .events = POLLIN, .revents = POLLIN},
        {.descriptor = ends[0], .events = POLLIN, .revents = POLLIN},
        {.descriptor = ends[1], .events = POLLOUT},
    };
    assert_int_equal(stop_wait(*state, polls, 3, -1, false, &err), 1);
    assert_int_equal(polls[0].revents, 0);
    assert_int_equal(polls[1].revents, 0);
    assert_int_equal(polls[2].revents, POLLOUT);

    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(stop_wait(*state, polls, 2, LONG_MS, true, &err), 1);
    assert_int_equal(polls[1].revents, POLLIN);

    /* The other end closed is something ready as well. */
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(stop_wait(*state, polls, 2, 0, false, &err), 0);
    assert_int_equal(polls[1].revents, 0);
    close(ends[1]);
    assert_int_equal(stop_wait(*state, polls, 2, LONG_MS, false, &err), 1);
    assert_int_equal(polls[1].revents, POLLHUP);
    close(ends[0]);
}

static void test_too_many(void **state)
{
    struct error err = {0};
    struct stop_poll polls[5] = {{.descriptor = -1}};
    assert_int_equal(stop_wait(*state, polls, 5, 0, false, &err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
}

static void test_interruptible(void **state)
{
    struct error err = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct stop_poll ready = {.descriptor = ends[1], .events = POLLOUT};
    stop_request(*state, SIGTERM);
    assert_int_equal(stop_wait(*state, NULL, 0, -1, true, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGTERM);
    assert_string_equal(err.message, "stopped by SIGTERM");
    assert_int_equal(stop_wait(*state, &ready, 1, -1, true, &err), -1);
    assert_int_equal(stop_sleep(*state, LONG_MS, &err), -1);
    assert_int_equal(stop_sleep(*state, 0, &err), -1);
    close(ends[0]);
    close(ends[1]);
}

/* Within the grace, what is in flight goes on as if nothing had been asked. */
static void test_grace(void **state)
{
    struct error err = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct stop_poll ready = {.descriptor = ends[1], .events = POLLOUT};
    stop_request(*state, SIGTERM);
    assert_int_equal(stop_wait(*state, &ready, 1, -1, false, &err), 1);
    assert_int_equal(stop_wait(*state, NULL, 0, 5, false, &err), 0);
    close(ends[0]);
    close(ends[1]);
}

static void test_grace_ends(void **state)
{
    struct error err = {0};
    request_earlier(*state, STOP_GRACE_MS - 30);
    int64_t begun = clock_monotonic_ms();
    assert_int_equal(stop_wait(*state, NULL, 0, -1, false, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGTERM);
    assert_true(clock_monotonic_ms() - begun < LONG_MS / 2);
    assert_true(stop_overdue(*state));
    assert_int_equal(stop_wait(*state, NULL, 0, LONG_MS, false, &err), -1);
}

static void *request_from_thread(void *stop)
{
    stop_request(stop, SIGINT);
    return NULL;
}

/* Whether the request comes before the wait or during it, the wait ends. */
static void test_other_thread(void **state)
{
    struct error err = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, request_from_thread, *state), 0);
    assert_int_equal(stop_wait(*state, NULL, 0, -1, true, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGINT);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static struct stop *signalled;
static volatile sig_atomic_t signals;

static void handle(int signal)
{
    signals++;
    if (signals == 3) stop_request(signalled, signal);
}

/* Signals that ask for nothing do not end a wait; the third one does. */
static void test_signal_handler(void **state)
{
    struct error err = {0};
    struct sigaction action = {.sa_handler = handle};
    struct sigaction deaf = {.sa_handler = SIG_IGN};
    const struct itimerval every = {.it_interval = {.tv_usec = 2000},
                                    .it_value = {.tv_usec = 2000}};
    const struct itimerval never = {0};
    signalled = *state;
    signals = 0;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);

    assert_int_equal(stop_sleep(*state, LONG_MS, &err), -1);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    // For good: a last alarm may still be on its way, which by default would end the test.
    assert_int_equal(sigaction(SIGALRM, &deaf, NULL), 0);
    assert_true(signals >= 3);
    assert_int_equal(err.code, ERROR_STOPPED + SIGALRM);
    assert_string_equal(err.message, "stopped by SIGALRM");
}

/* With no descriptor left, init says why, and what follows is harmless. */
static void test_no_descriptor(void **state)
{
    (void)state;
    struct stop stop;
    struct error err = {0};
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int result = stop_init(&stop, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

    assert_int_equal(result, -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_string_equal(err.message, "cannot create an event descriptor: Too many open files");
    stop_request(&stop, SIGTERM);
    assert_true(stop_requested(&stop));
    assert_int_equal(stop_sleep(&stop, LONG_MS, &err), -1);
    stop_release(&stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_request_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_overdue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_words, set_up, tear_down),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test_setup_teardown(test_time_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interruptible, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_grace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_grace_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signal_handler, set_up, tear_down),
        cmocka_unit_test(test_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

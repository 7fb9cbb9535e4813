/*
 * What one command took: wall seconds, CPU seconds, peak memory.
 *
 * A small program of its own, since a command's peak memory counts from its parent's (the
 * kernel carries it over at exec), and since a start of two milliseconds drowns in what Python
 * needs to start anything. It passes streams and exit code through and is not heard otherwise;
 * where its parent dies it goes, and the command with it.
 *
 *     stopwatch REPORT COMMAND [ARGUMENT…]    writes `wall user system kib` into REPORT
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_NOT_STARTED = 127, EXIT_BROKEN = 125 };

static double now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int give_up(const char *what)
{
    (void)fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(errno));
    return EXIT_BROKEN;
}

static int report(const char *path, double wall, const struct rusage *usage)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) return -1;
    (void)fprintf(file, "%.6f %.6f %.6f %ld\n", wall, seconds(usage->ru_utime),
                  seconds(usage->ru_stime), usage->ru_maxrss);
    return fclose(file);
}

int main(int argc, char **argv)
{
    struct rusage usage = {0};
    int status = 0;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: stopwatch REPORT COMMAND [ARGUMENT...]\n");
        return EXIT_BROKEN;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const double begun = now();
    const pid_t child = fork();
    if (child < 0) return give_up("fork");
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execvp(argv[2], argv + 2);
        (void)give_up(argv[2]);
        _exit(EXIT_NOT_STARTED);
    }
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR) return give_up("wait");
    const double wall = now() - begun;
    if (report(argv[1], wall, &usage) != 0) return give_up(argv[1]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

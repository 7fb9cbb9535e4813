/*
 * Crash points: what a kill at an unlucky moment leaves behind can be tested at every moment
 * only if each of them has a name. The points find themselves: a test lets the program list
 * those that it passes, and interrupts it at one after the other, so no list goes stale.
 *
 * It knows nothing of what its callers do, and nothing of it is in a build for users. The
 * counters are mutable globals, which the house otherwise does without: a point that had to be
 * handed its counter would be no single line.
 */
#include "crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifdef REDFERRY_CRASH_POINTS

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MOST_CRASHES = 8 };

static const struct crash_signal {
    const char *name;
    int number;
} signals[] = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"STOP", SIGSTOP}};

/* How often each crash of REDFERRY_CRASH_AT has been passed. */
static long passed[MOST_CRASHES];

/* Where and how to crash. */
struct crash {
    const char *name;
    size_t length;
    long number;
    int signal;
};

static int find_signal(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strlen(signals[i].name) == length && memcmp(signals[i].name, name, length) == 0)
            return signals[i].number;
    abort();
}

/* Read NAME[#N]:SIGNAL at text. Returns what is behind it and its comma. */
static const char *read_crash(const char *text, struct crash *crash)
{
    const size_t length = strcspn(text, ",");
    const char *end = text + length;
    const char *colon = memchr(text, ':', length);
    if (colon == NULL) abort();
    const char *number = memchr(text, '#', (size_t)(colon - text));
    crash->name = text;
    crash->length = (size_t)((number != NULL ? number : colon) - text);
    crash->number = number != NULL ? strtol(number + 1, NULL, 10) : 1;
    crash->signal = find_signal(colon + 1, (size_t)(end - colon - 1));
    if (crash->number < 1) abort();
    return *end == ',' ? end + 1 : end;
}

static void list(const char *name)
{
    char line[128];
    const char *file = getenv("REDFERRY_CRASH_LIST");
    if (file == NULL) return;
    const int descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int length = snprintf(line, sizeof line, "%s\n", name);
    if (descriptor < 0 || write(descriptor, line, (size_t)length) != length) abort();
    (void)close(descriptor);
}

void crash_point(const char *name)
{
    const char *text = getenv("REDFERRY_CRASH_AT");
    struct crash crash;
    list(name);
    for (size_t i = 0; text != NULL && *text != '\0'; i++) {
        if (i == MOST_CRASHES) abort();
        text = read_crash(text, &crash);
        if (strlen(name) != crash.length || memcmp(name, crash.name, crash.length) != 0)
            continue;
        if (++passed[i] == crash.number) (void)raise(crash.signal);
    }
}

#endif

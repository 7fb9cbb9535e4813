#ifndef REDFERRY_SIGNALS_H
#define REDFERRY_SIGNALS_H

#include <signal.h>

struct redferry;

/*
 * Have SIGINT, SIGTERM and (where nohup has not ignored it) SIGHUP ask ferry to stop at the
 * next batch boundary; a second one exits at once with 128 + its number. notice (borrowed;
 * NULL: none) is written to stderr with the first. SIGPIPE is ignored: who reads our output may
 * leave while a migration runs.
 */
void signals_install(struct redferry *ferry, const char *notice);

/* Write no notice any more. */
void signals_hush(void);

/* Have set hold the signals that ask to stop. */
void signals_fill(sigset_t *set);

/* Give the signals their usual effect back. Before ferry is freed. */
void signals_release(void);

#endif

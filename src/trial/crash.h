#ifndef REDFERRY_CRASH_H
#define REDFERRY_CRASH_H

/*
 * A place where a test build can be made to crash: crash_point("lock taken"). In every other
 * build it is nothing, and its name is not in the program.
 *
 * REDFERRY_CRASH_AT holds NAME[#N]:SIGNAL, or several with commas between them: at the N-th
 * passing (default 1) of the point NAME the process sends itself KILL, TERM or STOP. After TERM
 * and STOP it goes on as after one from outside. REDFERRY_CRASH_LIST names a file to which the
 * name of every point that is passed is appended, a line each.
 */
#ifdef REDFERRY_CRASH_POINTS
/* Pass the point name (borrowed). Aborts where REDFERRY_CRASH_AT cannot be understood: a test
 * must not take an untouched run for one that was interrupted. */
void crash_point(const char *name);
#else
#define crash_point(name) ((void)0)
#endif

#endif

#ifndef REDFERRY_RUNS_H
#define REDFERRY_RUNS_H

#include <stddef.h>

#include <redferry/redferry.h>

struct cmd_call;

/* Print count runs to the call's stdout, in the order given; nothing where there are none. */
void runs_print(const struct cmd_call *call, const redferry_run_record *runs, size_t count);

#endif

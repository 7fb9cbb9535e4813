#ifndef REDFERRY_OWED_H
#define REDFERRY_OWED_H

#include <stddef.h>

struct delivery;
struct error;
struct resp;

/* Send the commands that the checkpoint keeps because they failed within a transaction, before
 * any step; what fails again is kept, and is an error. Returns 0, also where there are none, or
 * -1 with err. */
int owed_send(struct delivery *delivery, struct error *err);

/* The checkpoint that was found is not settled: find out by reading what failed of commands,
 * which the batch behind `seen` held, and send that again in the same way. Returns 0, or -1
 * with err; *unknown is then the number of the command that cannot be told, if it is that, or
 * else PROBE_NONE. */
int owed_check(struct delivery *delivery, const struct resp *commands, size_t *unknown,
               struct error *err);

#endif

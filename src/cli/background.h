#ifndef REDFERRY_BACKGROUND_H
#define REDFERRY_BACKGROUND_H

struct cmd_call;

/* Where a command in the background logs to, unless --log-file says otherwise. */
#define BACKGROUND_LOG "redferry.log"

/*
 * Run a command in a process of its own, and leave it alone once its first run has begun: from
 * then on it has no terminal, tells what it does in call->log, and goes on when this process
 * has ended. Until then it is as if it ran here: it tells of itself on the same streams,
 * signals are passed on to it, and where no run begins, its exit code is the result. Returns an
 * exit code in both processes; here the run is told of, or left as a document (call->is_told:
 * there is nothing more to tell). Nothing may be connected yet, and no thread have begun.
 */
int background_run(struct cmd_call *call, int (*run)(struct cmd_call *call));

#endif

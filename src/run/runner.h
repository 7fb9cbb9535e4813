#ifndef REDFERRY_RUNNER_H
#define REDFERRY_RUNNER_H

struct error;
struct outcome;
struct session;
struct wish;

/*
 * Do what a wish says: files, ledger, turn, Redis, one attempt after the other. Nothing to do:
 * nothing is locked, written or opened beyond the ledger. Returns 0 with *outcome filled, or -1
 * with err; *outcome then says what was done before.
 */
int runner_carry_out(struct session *session, const struct wish *wish, struct outcome *outcome,
                     struct error *err);

/* Undo the migration applied last, and apply it again. As above. */
int runner_redo(struct session *session, struct outcome *outcome, struct error *err);

/* Warn of what is odd about the ledger and the files without being in the way: modified files,
 * and pending versions below an applied one. Returns 0; with --strict -1 with err
 * (ERROR_OPERATOR) at the first of them. */
int runner_check_oddities(const struct session *session, struct error *err);

#endif

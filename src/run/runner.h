#ifndef REDFERRY_RUNNER_H
#define REDFERRY_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"

struct error;
struct session;
struct wish;

/* One migration that was applied, undone, marked or unmarked. */
struct done {
    int64_t version;
    const char *name;
    bool undone;
    int64_t run_id;
    struct tally tally; /* of this run */
    double seconds;
};

/* What a command did, also where it failed. Lives in session->results. */
struct outcome {
    struct done *done;
    size_t done_count;
    size_t room;            /* of done; the runner's own */
    int64_t failed_version; /* 0: no migration failed */
    const char *failed_name;
    int failed_step; /* 0: not in a step */
    const char *failed_step_name;
    const char *failed_error;
    size_t pending; /* left to do, as far as it is known */
};

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

/* What a person may tell the ledger without running anything. */
enum remark { REMARK_MARK, REMARK_UNMARK, REMARK_REPAIR };

/* Tell the ledger so of each version, in turn with other runners. Versions for which it is so
 * already are left out of *outcome. Returns 0 or -1 with err. */
int runner_remark(struct session *session, enum remark remark, const int64_t *versions,
                  size_t count, struct outcome *outcome, struct error *err);

#endif

#ifndef REDFERRY_TASK_H
#define REDFERRY_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "selection.h"

struct error;
struct migration;
struct session;
struct steps;

/* One choice, and the definition that it is carried out by. */
struct task {
    struct choice choice;
    struct migration *migration; /* NULL: none was found */
    bool own;                    /* it came from the ledger, and is freed with the task */
};

struct tasks {
    struct task *items;
    size_t count;
};

/* Find the definition for choice: its file, or where that is gone what the ledger kept of its
 * run. Returns 0, or -1 with err; task_release() is due in both cases. */
int task_find(struct task *task, struct session *session, const struct choice *choice,
              struct error *err);

/* Check what is known of it before anything is locked or written: it can be undone where it is
 * to be, something can be promised of each step, the variables of `from` are set. Returns 0 or
 * -1 with err. */
int task_check(const struct task *task, const struct session *session, struct error *err);

/* Free what task holds. Harmless on {0}. */
void task_release(struct task *task);

/* Find and check all of selection before the first of them is attempted. Returns 0, or -1 with
 * err; tasks_release() is due in both cases. */
int tasks_make(struct tasks *tasks, struct session *session, const struct selection *selection,
               struct error *err);

/* Free what the tasks hold. Harmless on {0}. */
void tasks_release(struct tasks *tasks);

/* The same definition for version alone: *migration is yours to migration_free() where it is
 * not one of session->migrations. Returns 0 or -1 with err. */
int task_definition(struct session *session, int64_t version, struct migration **migration,
                    struct error *err);

/* Whether something can be promised of each of steps, which are migration's. Returns 0, or -1
 * with err (ERROR_INVALID) at the place of the command that must not be repeated. */
int task_check_guarantees(const struct session *session, const struct migration *migration,
                          const struct steps *steps, struct error *err);

#endif

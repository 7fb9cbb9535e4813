#ifndef REDFERRY_DOCTOR_LEDGER_H
#define REDFERRY_DOCTOR_LEDGER_H

struct doctor;
struct error;

/* The doctor's examinations of what the ledger says. Each returns 0, its findings added, or -1
 * with err: it could not be done. */

/* Whether the tables are there, ours, of a layout that we write, and may be used. */
int doctor_ledger_tables(struct doctor *doctor, struct error *err);

/* Who holds the lock. */
int doctor_ledger_lock(struct doctor *doctor, struct error *err);

/* The same, where it is known whether it is held: going by the runs that the session has read.
 */
void doctor_ledger_judge_lock(struct doctor *doctor);

/* Which migrations are in a state that somebody should look at. */
int doctor_ledger_migrations(struct doctor *doctor, struct error *err);

/* The same, where doctor->advices has what would mend each. */
void doctor_ledger_judge_migrations(struct doctor *doctor);

#endif

#ifndef REDFERRY_DOCTOR_STEPS_H
#define REDFERRY_DOCTOR_STEPS_H

struct doctor;
struct error;

/* Whether the steps of the pending migrations could be done: queries are planned and read for
 * their first rows, statements are planned, nothing is executed that writes. Leaves the doctor
 * samples and the load. Returns 0, its findings added, or -1 with err: it could not be done. */
int doctor_steps(struct doctor *doctor, struct error *err);

#endif

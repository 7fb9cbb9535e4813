#ifndef REDFERRY_LINT_STEPS_H
#define REDFERRY_LINT_STEPS_H

struct lint_subject;

/* Judge how a migration's steps deliver their rows (RF2): add what is promised of each to the
 * report, and what is wrong with it. */
void lint_steps_check(const struct lint_subject *subject);

#endif

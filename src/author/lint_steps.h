#ifndef REDFERRY_LINT_STEPS_H
#define REDFERRY_LINT_STEPS_H

struct lint_report;
struct lint_wish;
struct migration;

/* Judge how migration's steps deliver their rows (RF2): add what is promised of each to report,
 * and what is wrong with it. */
void lint_steps_check(struct lint_report *report, const struct lint_wish *wish,
                      const struct migration *migration);

#endif

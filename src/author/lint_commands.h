#ifndef REDFERRY_LINT_COMMANDS_H
#define REDFERRY_LINT_COMMANDS_H

struct lint_subject;

/* Judge the commands of a migration's steps, each for itself (RF3), and when messages are sent
 * (RF503). */
void lint_commands_check(const struct lint_subject *subject);

#endif

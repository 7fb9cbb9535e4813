#ifndef REDFERRY_CMD_LINT_SARIF_H
#define REDFERRY_CMD_LINT_SARIF_H

#include <redferry/redferry.h>

struct json_t;

/*
 * What lint found as a log of SARIF 2.1.0, which code review shows in place: the tool, its
 * rules with their help, and the findings. Files are named relative to root, the
 * repository's directory; directory is the one that the findings' relative paths begin at; both
 * are absolute. Yours to give to document_print(); NULL when memory runs out.
 */
struct json_t *cmd_lint_sarif(const redferry_lint_report *report, const char *directory,
                              const char *root);

/* The nearest directory from directory (absolute) upwards that holds a repository's .git, else
 * directory itself: yours to free(); NULL when memory runs out. */
char *cmd_lint_sarif_root(const char *directory);

#endif

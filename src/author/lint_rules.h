#ifndef REDFERRY_LINT_RULES_H
#define REDFERRY_LINT_RULES_H

#include <stdbool.h>
#include <stddef.h>

enum lint_severity { LINT_NOTE, LINT_WARNING, LINT_ERROR };

/*
 * A rule that lint goes by. The first digit of its code says what it is about: 1 files, 2
 * delivery and keys, 3 commands, 4 SQL, 5 `down` and `publish`, 6 what a database knows, 7
 * tests. Codes are for good: a rule that goes leaves its code empty.
 *
 * wrong is a file that the rule, and of warnings and errors no other, finds fault with; in
 * right that is mended: the files of lint/CODE/. Where a file's name matters, or there are
 * several, a line `# NAME.yaml` stands in front of each; the others are called 1_example.yaml.
 */
struct lint_rule {
    const char *code; /* "RF201" */
    const char *name; /* "repeats-without-key": for people, no rule is asked for by it */
    enum lint_severity severity;
    const char *summary;     /* one sentence, without a full stop */
    const char *explanation; /* a paragraph */
    const char *wrong, *right;
    bool is_fixed;      /* no comment allows it */
    bool asks_database; /* only --database finds it */
};

/* All rules, in the order of their codes. */
const struct lint_rule *lint_rules(size_t *count);

/* The rule with this code, or NULL. */
const struct lint_rule *lint_rule_find(const char *code);

/* "note", "warning", "error". */
const char *lint_severity_text(enum lint_severity severity);

#endif

/*
 * The rules of lint: what each is called, how much it matters, and why, with an example that is
 * wrong and one that is right.
 *
 * All of it is one table, because it is read as one: `lint --explain` prints it, docs/lint.md
 * is made of it, code review is handed it, and a test lints every example. What finds fault
 * stands in the modules beside this one; they name a rule by its code.
 */
#include "lint_rules.h"

#include <string.h>

/* clang-format off */
static const struct lint_rule rules[] = {

/* ---- RF1: files ------------------------------------------------------------------------- */

{.code = "RF100", .name = "invalid-file", .severity = LINT_ERROR, .is_fixed = true,
 .summary = "the file cannot be read as a migration",
 .explanation =
    "The file is no strict YAML, has a key that no migration has, a command that is refused or "
    "cannot be split, a query that is not one query, or a name that it shares with another "
    "version. The finding says which, where, and what would be right. As long as one file is "
    "wrong, `up` connects to nothing and runs nothing.",
 .wrong =
    "up:\n"
    "  - wirte: SET greeting hello\n"
    "down:\n"
    "  - write: DEL greeting\n",
 .right =
    "up:\n"
    "  - write: SET greeting hello\n"
    "down:\n"
    "  - write: DEL greeting\n"},

{.code = "RF101", .name = "no-version", .severity = LINT_WARNING,
 .summary = "a YAML file whose name does not begin with a version is ignored",
 .explanation =
    "A migration is called VERSION_name.yaml, and its version is the integer that its name begins "
    "with. A file without one is never run. Where it is not meant to be, put it elsewhere.",
 .wrong =
    "# migrate_flags.yaml\n"
    "up:\n"
    "  - write: SET greeting hello\n"
    "down:\n"
    "  - write: DEL greeting\n",
 .right =
    "# 20200211131900_migrate_flags.yaml\n"
    "up:\n"
    "  - write: SET greeting hello\n"
    "down:\n"
    "  - write: DEL greeting\n"},

/* ---- RF2: delivery and keys ------------------------------------------------------------- */

{.code = "RF201", .name = "repeats-without-key", .severity = LINT_ERROR,
 .summary = "a command that must not be repeated stands in a step that starts over",
 .explanation =
    "A step without a `key` cannot know where it stopped, so that it starts over; INCR, RPUSH, "
    "XADD or PUBLISH would then be done twice for the rows that were through. `up` refuses such "
    "a step. Name the columns that make a row unique as its `key`, and it is carried exactly "
    "once. With --allow-repeats `up` runs it all the same, and this is a warning.",
 .wrong =
    "up:\n"
    "  - read: SELECT id, points FROM scores\n"
    "    write: INCRBY points:${id} ${points}\n"
    "down:\n"
    "  - read: SELECT id FROM scores\n"
    "    key: id\n"
    "    write: DEL points:${id}\n",
 .right =
    "up:\n"
    "  - read: SELECT id, points FROM scores\n"
    "    key: id\n"
    "    write: INCRBY points:${id} ${points}\n"
    "down:\n"
    "  - read: SELECT id FROM scores\n"
    "    key: id\n"
    "    write: DEL points:${id}\n"},

{.code = "RF202", .name = "order-against-key", .severity = LINT_WARNING,
 .summary = "the query's ORDER BY says otherwise than the step's `key`",
 .explanation =
    "A step with a `key` reads its rows in the order of the key, since that is what lets it go on "
    "where it stopped. An ORDER BY of the query's own does not count. Leave it out, or make its "
    "columns the `key`, if they are unique.",
 .wrong =
    "up:\n"
    "  - read: SELECT id, name FROM users ORDER BY name\n"
    "    key: id\n"
    "    write: SET user:${id} ${name}\n"
    "down:\n"
    "  - read: SELECT id FROM users\n"
    "    key: id\n"
    "    write: DEL user:${id}\n",
 .right =
    "up:\n"
    "  - read: SELECT id, name FROM users\n"
    "    key: id\n"
    "    write: SET user:${id} ${name}\n"
    "down:\n"
    "  - read: SELECT id FROM users\n"
    "    key: id\n"
    "    write: DEL user:${id}\n"},

{.code = "RF203", .name = "pause-without-key", .severity = LINT_WARNING,
 .summary = "a `pause` does not count in a step without a `key`",
 .explanation =
    "Without a `key` the step cannot let go of its query and come back to the next row, so that it "
    "reads through without a pause. Give it a `key`.",
 .wrong =
    "up:\n"
    "  - read: SELECT id, name FROM users\n"
    "    write: SET user:${id} ${name}\n"
    "    pause: 20ms\n"
    "down:\n"
    "  - read: SELECT id FROM users\n"
    "    key: id\n"
    "    write: DEL user:${id}\n",
 .right =
    "up:\n"
    "  - read: SELECT id, name FROM users\n"
    "    key: id\n"
    "    write: SET user:${id} ${name}\n"
    "    pause: 20ms\n"
    "down:\n"
    "  - read: SELECT id FROM users\n"
    "    key: id\n"
    "    write: DEL user:${id}\n"},
};
/* clang-format on */

static const size_t rule_count = sizeof rules / sizeof rules[0];

const struct lint_rule *lint_rules(size_t *count)
{
    *count = rule_count;
    return rules;
}

const struct lint_rule *lint_rule_find(const char *code)
{
    for (size_t i = 0; i < rule_count; i++)
        if (strcmp(rules[i].code, code) == 0) return &rules[i];
    return NULL;
}

const char *lint_severity_text(enum lint_severity severity)
{
    static const char *const texts[] = {
        [LINT_NOTE] = "note", [LINT_WARNING] = "warning", [LINT_ERROR] = "error"};
    return texts[severity];
}

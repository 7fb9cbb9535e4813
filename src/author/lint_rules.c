/*
 * The rules of lint: what each is called, how much it matters, and why.
 *
 * All of it is one table, because it is read as one: `lint --explain` prints it, docs/lint.md
 * is made of it, code review is handed it, and a test lints every example. The examples are
 * files, those of lint/, so that one can be tried where it lies. What finds fault stands in the
 * modules beside this one; they name a rule by its code.
 */
#include "lint_rules.h"

#include <string.h>

#include "lint_examples.inc"

/* Its code, and its examples: a rule without them does not compile, nor do examples without a
 * rule. */
#define RULE(rule) .code = #rule, .wrong = rule##_wrong, .right = rule##_right

/* clang-format off */
static const struct lint_rule rules[] = {

/* ---- RF1: files ------------------------------------------------------------------------- */

{RULE(RF100), .name = "invalid-file", .severity = LINT_ERROR, .is_fixed = true,
 .summary = "the file cannot be read as a migration",
 .explanation =
    "The file is no strict YAML, has a key that no migration has, a command that is refused or "
    "cannot be split, a query that is not one query, or a name that it shares with another "
    "version. The finding says which, where, and what would be right. As long as one file is "
    "wrong, `up` connects to nothing and runs nothing; so no comment allows it."},

{RULE(RF101), .name = "no-version", .severity = LINT_WARNING,
 .summary = "a YAML file whose name does not begin with a version is ignored",
 .explanation =
    "A migration is called VERSION_name.yaml, and its version is the integer that its name begins "
    "with. A file without one is never run. Where it is not meant to be, put it elsewhere, or "
    "allow it at its top."},

{RULE(RF102), .name = "unused-allow", .severity = LINT_WARNING, .is_fixed = true,
 .summary = "a comment allows what nothing is against",
 .explanation =
    "The comment was put there for a finding that is there no more, or it stands in the wrong "
    "place, and would hide the next one. At the end of a line it counts for that line and the "
    "text that begins or ends on it; on a line of its own for the next line; above the first key "
    "for the whole file. Rules that ask a database count only where one was asked."},

{RULE(RF103), .name = "unknown-allow", .severity = LINT_WARNING, .is_fixed = true,
 .summary = "a comment allows what is no rule, or what cannot be allowed",
 .explanation =
    "Behind `# redferry: allow` stand one or several codes, a blank or a comma between them, then "
    "the reason. A file that cannot be read (RF100, RF700) and a comment that is not right itself "
    "(RF102, RF103) are told in any case."},

/* ---- RF2: delivery and keys ------------------------------------------------------------- */

{RULE(RF201), .name = "repeats-without-key", .severity = LINT_ERROR,
 .summary = "a command that must not be repeated stands in a step that starts over",
 .explanation =
    "A step without a `key` cannot know where it stopped, so that it starts over; INCR, RPUSH, "
    "XADD or PUBLISH would then be done twice for the rows that were through. `up` refuses such "
    "a step. Name the columns that make a row unique as its `key`, and it is carried exactly "
    "once. With --allow-repeats `up` runs it all the same, and this is a warning."},

{RULE(RF202), .name = "order-against-key", .severity = LINT_WARNING,
 .summary = "the query's ORDER BY says otherwise than the step's `key`",
 .explanation =
    "A step with a `key` reads its rows in the order of the key, since that is what lets it go on "
    "where it stopped. An ORDER BY of the query's own does not count. Leave it out, or make its "
    "columns the `key`, if they are unique."},

{RULE(RF203), .name = "pause-without-key", .severity = LINT_WARNING,
 .summary = "a `pause` does not count in a step without a `key`",
 .explanation =
    "Without a `key` the step cannot let go of its query and come back to the next row, so that it "
    "reads through without a pause. Give it a `key`."},

{RULE(RF204), .name = "key-not-selected", .severity = LINT_ERROR,
 .summary = "the step's `key` names a column that the query does not have",
 .explanation =
    "The columns of `key` are columns of the query's result. This query says which ones it "
    "has, and that one is not among them, so that `up` would stop before the first row. "
    "Select it, or correct its name; a column that the commands are not to see in ${*} is "
    "given a name that begins with '_'."},

{RULE(RF205), .name = "column-not-selected", .severity = LINT_ERROR,
 .summary = "a placeholder names a column that the query does not have",
 .explanation =
    "A placeholder is filled from the query's result. This query says which columns it has, "
    "and that one is not among them, so that `up` would stop before the first row."},

/* ---- RF3: commands ---------------------------------------------------------------------- */

{RULE(RF301), .name = "same-for-every-row", .severity = LINT_WARNING,
 .summary = "a command without a placeholder is sent once for each row",
 .explanation =
    "A step's commands and messages are sent for every row. One that says the same each "
    "time does no more than once, a million times. Put it into a step without `read`; a "
    "message that tells that everything is there is the migration's top-level `publish`. A "
    "command that counts (INCR) is left alone."},

{RULE(RF302), .name = "overwritten-by-every-row", .severity = LINT_WARNING,
 .summary = "several rows write to one key, and only the last one stays",
 .explanation =
    "The key (for HSET: the key and the field) holds no value, or only some of the columns "
    "of the step's `key`, so that each row overwrites what the row before wrote. Put the "
    "columns of `key` into it, or collect the rows in a hash, a set or a list. Where the "
    "query gives one row only, say so with LIMIT 1 or an aggregate. Of any other column "
    "nobody knows here whether each row has its own: SET email:${email} ${id} may be right, "
    "SET city:${city} ${id} is not, and neither is found; the migration's test can tell, with "
    "two rows of one city."},

{RULE(RF303), .name = "cleared-by-every-row", .severity = LINT_WARNING,
 .summary = "a row deletes what the rows before it have put there",
 .explanation =
    "The step fills a key from several rows and deletes it with each of them, so that what "
    "the rows before wrote is lost: only the last row's share stays. Delete it in a step of "
    "its own, ahead of this one."},

{RULE(RF304), .name = "relative-expiry", .severity = LINT_WARNING,
 .summary = "a time to live counts from the moment of the run",
 .explanation =
    "EXPIRE, SETEX and SET … EX count from when the command runs: a repeat lets everything "
    "live longer, and what should expire tomorrow expires a day after the migration. Where "
    "a row knows its end, EXPIREAT or EXAT takes it, in seconds since 1970. For a cache, "
    "whose entries may live as long from now on, it is right as it is. In a step that is "
    "carried exactly once this is only a note."},

{RULE(RF305), .name = "whole-keyspace", .severity = LINT_WARNING,
 .summary = "a command goes through the keys of everybody",
 .explanation =
    "KEYS goes through every key of the database while all other clients wait, and a "
    "migration does not see its answer; SCAN, RANDOMKEY and DBSIZE answer nobody here "
    "either. Which keys to work on is said by the query."},

{RULE(RF306), .name = "unseen-answer", .severity = LINT_WARNING,
 .summary = "a command only reads, and nobody sees its answer",
 .explanation =
    "A migration's commands are sent for what they do; what they answer is only looked at "
    "for errors. To look at what was written is the business of `redferry verify` and of "
    "the migration's test."},

{RULE(RF307), .name = "lost-expiry", .severity = LINT_WARNING,
 .summary = "a SET takes away the time to live that the key was given before",
 .explanation =
    "SET, GETSET and MSET leave a key without a time to live, whatever it had, so that it "
    "never expires. Say the time in the SET itself (EX, EXAT), keep it with KEEPTTL, or set "
    "it afterwards."},

{RULE(RF308), .name = "unseen-loss", .severity = LINT_WARNING,
 .summary = "a command takes something out, and nobody sees what",
 .explanation =
    "SPOP, LPOP, ZPOPMIN and XREADGROUP answer with what they remove or hand out; here the "
    "answer is thrown away, and with it the data. To shorten a list there is LTRIM, to "
    "remove a member that a row names SREM, ZREM and LREM."},

{RULE(RF309), .name = "rename-within-pattern", .severity = LINT_WARNING,
 .summary = "a rename may land on a key that is still to be renamed",
 .explanation =
    "Both keys of the RENAME have the same pattern, so that one row may give its key a name "
    "that another row's key still has, which is then overwritten, and renamed once more. "
    "Rename to a pattern of its own first, and from there to the final one in a second "
    "step."},

{RULE(RF310), .name = "two-types", .severity = LINT_WARNING,
 .summary = "two commands need one key to be of different types",
 .explanation =
    "A key of Redis is a string, a hash, a list, a set, a sorted set or a stream; the "
    "second command would be answered with WRONGTYPE, and the step fail. Give one of them a "
    "key of its own."},

{RULE(RF311), .name = "overwritten-later", .severity = LINT_WARNING,
 .summary =
    "two commands write the same keys, and the later one replaces what the earlier wrote",
 .explanation =
    "Where both meet in a key, nothing is left of the first. Often the second was meant for "
    "another key, or is the first one, copied. Where the two are for different rows, let "
    "one query read both; where the second is meant to win, allow it. Two steps that fill the "
    "same hashes or sorted sets, and may write the same field or member, are noted."},

{RULE(RF312), .name = "wrong-arity", .severity = LINT_ERROR,
 .summary = "a command has too few arguments, too many, or half a pair",
 .explanation =
    "Redis refuses it, and the run fails at the first row. Often a value was forgotten, or is on "
    "the next line. How many arguments a command takes is Redis' own word; of the commands of "
    "modules it is not known."},

{RULE(RF313), .name = "unknown-command", .severity = LINT_WARNING,
 .summary = "a command that redferry does not know",
 .explanation =
    "A name that is nearly that of a command is most likely a slip, and the run would fail at the "
    "first row. Any other is taken for that of a module or of a newer Redis, and this is only a "
    "note: nobody here knows which of its arguments are keys, nor what a repeat does, so that "
    "nothing is promised of one."},

{RULE(RF314), .name = "misspelt-placeholder", .severity = LINT_WARNING,
 .summary = "a column's name stands where its value was most likely meant",
 .explanation =
    "A placeholder is written ${id}. $id, {id}, #{id} and whatever else other programs take are "
    "sent to Redis as they are, and ${{id}} asks for a column called '{id'. Where it is meant "
    "literally, as a hash tag may be, allow it; $${ is a literal ${."},

{RULE(RF315), .name = "parts-without-separator", .severity = LINT_WARNING,
 .summary = "nothing stands between two values in a key",
 .explanation =
    "1 and 23 give the same key as 12 and 3, and one row takes the other's place. Put a ':' "
    "between them. Where the first one is always of one length, allow it."},

{RULE(RF316), .name = "pattern-for-key", .severity = LINT_WARNING,
 .summary = "a command that takes no patterns is given one for a key",
 .explanation =
    "Only KEYS and SCAN look for keys by a pattern. DEL user:* removes the one key that is called "
    "so, star and all, finds none, and says nothing. Read the rows that the keys are named after, "
    "and put their columns into the key. Where keys are really called so, allow it."},

/* ---- RF4: SQL --------------------------------------------------------------------------- */

{RULE(RF401), .name = "time-in-query", .severity = LINT_WARNING,
 .summary = "the query asks what time it is",
 .explanation =
    "now(), CURRENT_DATE and SQLite's datetime('now') give another answer whenever the "
    "query runs: a run that goes on tomorrow, a repeat and `verify` read other rows or "
    "other values than today. Write the moment down as a constant, or compare with a "
    "column."},

{RULE(RF402), .name = "chance-in-query", .severity = LINT_WARNING,
 .summary = "the query is left to chance",
 .explanation =
    "random(), gen_random_uuid() and TABLESAMPLE give another answer whenever the query "
    "runs: a run that goes on and a repeat would write other keys or values beside the "
    "first ones. Make such values in the database, once, in an `sql` step, and read them "
    "from there."},

{RULE(RF403), .name = "limit-without-order", .severity = LINT_WARNING,
 .summary = "a LIMIT without an ORDER BY leaves open which rows it means",
 .explanation =
    "Without an order the database gives whichever rows come first that day, so that a "
    "repeat reads others. Add an ORDER BY to the query: with a LIMIT it counts, also in a "
    "step with a `key`."},

{RULE(RF404), .name = "star-written", .severity = LINT_NOTE,
 .summary = "${*} writes every column of a SELECT *",
 .explanation =
    "A column that the table gets later would be written as well, by a repeat or on a host "
    "that is migrated next year, also one that is nobody's business. Name the columns."},

{RULE(RF405), .name = "writing-read", .severity = LINT_ERROR,
 .summary = "the query of a `read` would write, or lock rows",
 .explanation =
    "A `read` runs in a read-only transaction, where SELECT … FOR UPDATE, nextval() and an "
    "INSERT, UPDATE or DELETE within WITH fail. Leave the lock out; what is to be changed "
    "is the business of an `sql` step."},

/* ---- RF5: down and publish -------------------------------------------------------------- */

{RULE(RF501), .name = "no-down", .severity = LINT_NOTE,
 .summary = "the migration has no `down`",
 .explanation =
    "`redferry down` cannot undo it, and says so. Often a `down` that deletes what `up` "
    "wrote is four lines, and makes it safe to try again."},

{RULE(RF502), .name = "down-forgets", .severity = LINT_WARNING,
 .summary = "`down` does not touch a key that `up` writes",
 .explanation =
    "Whoever rolls back expects that nothing is left. The keys are compared by their "
    "patterns: no command of `down` writes or deletes one that this could be. Where it is "
    "to stay, allow it. What an `sql` step of `up` changed is only noted, where `down` has no "
    "`sql` step at all."},

{RULE(RF503), .name = "published-too-early", .severity = LINT_WARNING,
 .summary = "a step publishes before a later step writes what it may announce",
 .explanation =
    "Subscribers look at once, and would not find it. Within a step there is nothing to "
    "fear, since a batch and its messages arrive together; so publish in the step that "
    "writes last, or, once for all, with the migration's top-level `publish`, which is sent "
    "when everything is there."},

/* ---- RF6: against a database ------------------------------------------------------------ */

{RULE(RF601), .name = "query-refused", .severity = LINT_ERROR, .asks_database = true,
 .summary = "the database does not take a query or a statement",
 .explanation =
    "It was prepared, or planned, and not run: a table or a column is not there, a word is not "
    "SQL's, or the role may not read it. The finding ends in the database's own words. Behind "
    "an `sql` step, which may make what is missing, it is a note; so it is where the database "
    "that `from` names is not at hand. Migrations that are applied are passed over, unless they "
    "are named on the command line. In the examples the table is users."},

{RULE(RF602), .name = "unknown-column", .severity = LINT_ERROR, .asks_database = true,
 .summary = "a placeholder or a `key` asks for a column that the query does not have",
 .explanation =
    "A placeholder and a `key` name columns of the query's result, as the database calls them: an "
    "expression is given its name with AS. PostgreSQL makes names without quotes lower case, and "
    "two columns of one name are refused, since nothing could tell them apart."},

{RULE(RF603), .name = "key-without-order", .severity = LINT_ERROR, .asks_database = true,
 .summary = "the `key` is of a type that has no order",
 .explanation =
    "Rows are carried in the order of the `key`, and a run goes on behind the last one. Values of "
    "`json`, `xml`, `point` and their like cannot be compared, so that there is no such order: "
    "take another column, or one that is made of it. In the examples doc is json. SQLite "
    "compares everything."},

{RULE(RF604), .name = "key-without-index", .severity = LINT_WARNING, .asks_database = true,
 .summary = "no index serves the order of the `key`",
 .explanation =
    "The database reads and sorts all rows before the first one is carried, and again wherever a "
    "run goes on: after a pause, a lost connection, the next start. On SQLite in rollback mode "
    "the application cannot write as long as the step reads. Make an index over the columns of "
    "the `key`, in their order, or take a key that has one. In the examples only id has one. "
    "Where the query makes its rows itself (VALUES; in SQLite also GROUP BY, DISTINCT, UNION) no "
    "index could help, and it is only noted."},

{RULE(RF605), .name = "value-of-wrong-type", .severity = LINT_WARNING, .asks_database = true,
 .summary = "a command takes a number where the column is none",
 .explanation =
    "INCRBY, EXPIREAT, ZADD and their like refuse a text, a boolean or a timestamp, and the run "
    "fails at the first row. Have the query make a number of it: extract(epoch FROM expires_at)"
    "::bigint, a CASE, a CAST. A text whose rows are all digits is taken; say so with a comment. "
    "In the examples seen_at is a timestamp."},

{RULE(RF606), .name = "texts-that-may-meet", .severity = LINT_NOTE, .asks_database = true,
 .summary = "a key is made of several texts, which may hold what stands between them",
 .explanation =
    "A text may hold the ':' itself: 'x:y' and 'z' give the same key as 'x' and 'y:z', and one "
    "row takes the other's place, in silence. ${name|json} keeps them apart, since it says where "
    "a text ends; at most one may then stay plain. Where all but one of them never hold a ':', "
    "there is nothing to do. In the examples name and country are texts."},

/* ---- RF7: tests ------------------------------------------------------------------------- */

{RULE(RF700), .name = "invalid-test", .severity = LINT_ERROR, .is_fixed = true,
 .summary = "the file cannot be read as a test",
 .explanation =
    "The file beside a migration whose name ends in .test.yaml is no strict YAML, has a key "
    "that no test has, a command that would change what it looks at, or a query that is not "
    "one query; or a migration has two tests. The finding says which, and where. No comment "
    "allows it."},

{RULE(RF701), .name = "no-test", .severity = LINT_NOTE,
 .summary = "there is no test beside the migration",
 .explanation =
    "A test is a file beside the migration with the same name, ending in .test.yaml: what "
    "is given, and what is expected. `redferry test` then runs the real file on scratch "
    "servers, twice. `redferry new` writes one. With `tests: false` in redferry.yaml this "
    "is not told."},

{RULE(RF702), .name = "test-without-migration", .severity = LINT_WARNING,
 .summary = "there is no migration beside the test",
 .explanation =
    "A test belongs to the migration with the same name but for `.test`. This one is run by "
    "nobody: the migration was renamed, or is gone."},

{RULE(RF703), .name = "unreachable-after-down", .severity = LINT_WARNING,
 .summary = "the test expects something of a `down` that there is not",
 .explanation =
    "`after_down` says what Redis and the database hold once the migration was rolled back. "
    "This one cannot be, since it has no `down`."},

{RULE(RF704), .name = "unheard-message", .severity = LINT_NOTE,
 .summary = "the migration publishes, and its test does not listen",
 .explanation =
    "Without `published` under `expect`, no message is looked at: a missing one is not "
    "noticed, nor one too many. An empty list says that there may be none."},

{RULE(RF705), .name = "nothing-to-read-from", .severity = LINT_WARNING,
 .summary = "the test gives no rows for a step's `from`",
 .explanation =
    "A step with `from` reads from another database. In a test that is a scratch database "
    "of its own, which `given` fills under `from` and the variable's name."},

{RULE(RF706), .name = "unseen-sql", .severity = LINT_NOTE,
 .summary = "the migration has an `sql` step, and its test does not look at the database",
 .explanation =
    "Of the database only what the queries of `sql` under `expect` answer is looked at, after the "
    "first time and after the second. Without one, a statement that does nothing is not noticed, "
    "nor one that does it twice."},

{RULE(RF707), .name = "unseen-down", .severity = LINT_NOTE,
 .summary = "the migration has a `down`, and its test does not look behind it",
 .explanation =
    "The test runs the `down`, and what it leaves is only looked at by `after_down`. Without one, "
    "a `down` that forgets a key, or removes one too many, is not noticed before it is needed. "
    "EXISTS with the keys, or DBSIZE, is one line. An empty list of messages looks at nothing that "
    "is left."},
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

#ifndef REDFERRY_LIKENESS_H
#define REDFERRY_LIKENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buffer;
struct error;
struct reply;
struct test_command;
struct test_value;

/*
 * What was answered, held against what was expected. Both are trees of test_value, an answer's
 * made here of Redis' reply. Pure.
 */

/* What an expected '*' stands for. */
enum likeness_star {
    LIKENESS_STAR_ITSELF,
    LIKENESS_STAR_ID,           /* any id of a stream's entry, which Redis makes of the time,
                                   in a list of entries; not what an entry holds */
    LIKENESS_STAR_ID_BY_STREAM, /* the same, in such a list under each stream's name */
    LIKENESS_STAR_ID_NUMBER     /* any id or number, such as the time since something, and
                                   wherever it stands */
};

/* How the answer of one command is compared. {0}: as it stands. */
struct likeness_rule {
    const char *command; /* its name, upper case */
    bool any_order;      /* it answers a set: the list is compared in any order */
    bool is_pairs;       /* it answers names and values in turn */
    bool is_list;        /* it answers no names and values, whatever is expected */
    bool behind_cursor;  /* that list is the second of two elements, behind a cursor */
    const char *pairs_with, *list_with; /* it is_pairs, or is_list in any order, with this
                                           word among its arguments; NULL: no word matters */
    enum likeness_star star;
    int64_t tolerance; /* it answers times: how far they may be apart; 0: not at all */
    double nearness;   /* it answers places: how far coordinates may be apart; 0: not at all */
};

/* The rule of a command, whatever the case of its name. */
struct likeness_rule likeness_rule_of(const struct test_command *command);

/* The reply as a tree, copied into arena. shape (may be NULL) is what is expected: where that
 * is a mapping and the reply lists names and values, the tree is a mapping too. An error reply
 * is a text like any other: who asks has to see to it. Returns 0, or -1 with err (no memory).
 */
int likeness_of_reply(const struct reply *reply, const struct test_value *shape,
                      struct arena *arena, struct test_value *out, struct error *err);

/* Put a list or mapping into an order of its own: elements by what they say, pairs by their
 * names. deep: those within it, too. */
void likeness_sort(struct test_value *value, bool deep);

/* The order of two trees: negative, 0 where they say the same, or positive. Places do not
 * count. */
int likeness_compare(const struct test_value *one, const struct test_value *other);

/* A copy of a tree, in arena, as it is compared: mappings in the order of their names, what the
 * rule says has no order in that of what it says, and the ids of entries known as such. Returns
 * 0, or -1 with err (no memory).
 */
int likeness_settle(const struct test_value *value, const struct likeness_rule *rule,
                    struct arena *arena, struct test_value *out, struct error *err);

/* Whether got is as expected. Both are settled by this rule. */
bool likeness_holds(const struct test_value *expected, const struct test_value *got,
                    const struct likeness_rule *rule);

/* Whether an expected name or text is a '*' that stands for an id, by this rule, where the
 * answer has one. */
bool likeness_is_star(const struct test_value *expected, const struct likeness_rule *rule);

/* Append bytes as they are shown: bare where redis-cli would take them so, else in its quotes;
 * what is long is cut. */
void likeness_append_text(struct buffer *text, const char *bytes, size_t length);

/* Append a tree as it is shown: text, nil, [a, b], {a: b}. */
void likeness_append(struct buffer *text, const struct test_value *value);

#endif

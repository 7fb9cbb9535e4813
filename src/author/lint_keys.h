#ifndef REDFERRY_LINT_KEYS_H
#define REDFERRY_LINT_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct command;
struct lint_subject;
struct step;
struct template;

/* What a command does to a key that it names. */
enum lint_effect {
    LINT_READS,    /* nothing */
    LINT_TOUCHES,  /* something, but it neither makes the key nor removes it */
    LINT_ADDS,     /* puts something into it */
    LINT_REPLACES, /* whatever it held is gone */
    LINT_REMOVES   /* it is gone */
};

/* What a key then is. */
enum lint_type {
    LINT_ANY, /* not known, or no matter */
    LINT_STRING,
    LINT_HASH,
    LINT_LIST,
    LINT_SET,
    LINT_SORTED_SET,
    LINT_STREAM,
    LINT_JSON
};

/* How long a shape is, and the literal text in front of its first wildcard and behind its last
 * one. */
struct lint_ends {
    size_t length, head, tail;
    bool is_wild;
};

/* A key of a command, as a pattern. What it has to do with others of its shape is known once
 * all of them are. */
struct lint_key {
    const struct step *step;
    const struct command *command;
    const struct template *key;
    const char *shape; /* its text, with a '\1' in the place of each placeholder */
    struct lint_ends ends;
    enum lint_effect effect;
    enum lint_type type;
    const struct lint_key *filler; /* the first one that adds to it, or NULL */
    const struct step *later; /* the first step behind this one's that does something to it,
                                 but does not remove it; or NULL */
    bool goes_later;          /* one behind this one removes it */
};

/* All keys of a list of steps' commands that only a ${*} does not hide. */
struct lint_keys {
    struct lint_key *items;   /* in the order of the steps and of their commands */
    struct lint_key **sorted; /* by their shapes, and each shape's in that order */
    size_t count;
    bool has_unknown; /* a command is among them whose keys nobody knows */
};

/* The keys of all commands of count steps, in their order, into arena; borrows from the steps.
 * Returns 0, or -1 where memory runs out. */
int lint_keys_read(struct lint_keys *keys, const struct step *steps, size_t count,
                   struct arena *arena);

/* The keys of a step's command (NULL: of all its commands), which stand side by side: *count of
 * them. */
const struct lint_key *lint_keys_of(const struct lint_keys *keys, const struct step *step,
                                    const struct command *command, size_t *count);

/* Whether one of the command's arguments from position on is literally word, in any case. */
bool lint_keys_has_word(const struct command *command, size_t position, const char *word);

/* Whether a command sets a time at which something expires: one that counts from when the
 * command runs, or one on the clock. */
enum lint_expiry { LINT_NO_EXPIRY, LINT_EXPIRES_AFTER, LINT_EXPIRES_AT };
enum lint_expiry lint_keys_expiry(const struct command *command);

/* Judge the keys that a migration writes: those that several commands write (RF307, RF310,
 * RF311), and whether `down` touches what `up` wrote (RF502). */
void lint_keys_check(const struct lint_subject *subject);

#endif

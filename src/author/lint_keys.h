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

/* A key of a command, as a pattern. */
struct lint_key {
    const struct step *step;
    const struct command *command;
    const struct template *key;
    const char *shape; /* its text, with a '\1' in the place of each placeholder */
    enum lint_effect effect;
    enum lint_type type;
};

/* All keys of a list of steps' commands that only a ${*} does not hide. */
struct lint_keys {
    struct lint_key *items;
    size_t count;
    bool has_unknown; /* a command is among them whose keys nobody knows */
};

/* Lists of more keys than anybody writes by hand are not compared key by key. */
enum { LINT_KEYS_MOST = 2000 };

/* The keys of all commands of count steps, in their order, into arena; borrows from the steps.
 * Returns 0, or -1 where memory runs out. */
int lint_keys_read(struct lint_keys *keys, const struct step *steps, size_t count,
                   struct arena *arena);

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

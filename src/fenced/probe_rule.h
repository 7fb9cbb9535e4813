#ifndef REDFERRY_PROBE_RULE_H
#define REDFERRY_PROBE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp.h"

/*
 * What there is to be read of a command's key, so that it shows whether the command failed
 * within the transaction in which it ran.
 */
enum probe_verdict {
    PROBE_RAN,    /* or what it was to bring about is there all the same */
    PROBE_FAILED, /* and nothing of it is there */
    PROBE_UNKNOWN,
    PROBE_DUE /* an answer decides */
};

/* Counters further from zero than this might have overflowed. */
#define PROBE_FAR_FROM_ZERO (INT64_C(1) << 62)

enum { PROBE_LEADING = 4, PROBE_ID = 48 };

/* The arguments of a command: the first few, and the walk over all of them. Borrowed. */
struct probe_words {
    size_t count;
    struct resp_argument at[PROBE_LEADING];
    struct resp_command command;
};

/* What to read of a command's key. */
enum probe_look {
    PROBE_LOOK_NOT,          /* it cannot fail */
    PROBE_LOOK_TYPE,         /* the key has the type */
    PROBE_LOOK_TYPE_OR_NONE, /* or is gone: these remove, or need what is there */
    PROBE_LOOK_LENGTH,       /* a string that is there, and not near its limit */
    PROBE_LOOK_INTEGER,      /* a string that is an integer */
    PROBE_LOOK_NUMBER,
    PROBE_LOOK_FIELD_INTEGER, /* the same of a hash's field */
    PROBE_LOOK_FIELD_NUMBER,
    PROBE_LOOK_ENTRY, /* the stream has the entry, with these fields */
    PROBE_LOOK_MOVED, /* the key is gone, and the other one is there */
    PROBE_LOOK_MOVED_OR_BOTH
};

/* What a command does to what was in its keys: with PROBE_KEEPS its type stays; else what was
 * there does not matter to it, in its key, in all its arguments, in every second one. */
enum probe_replaces {
    PROBE_KEEPS,
    PROBE_REPLACES_KEY,
    PROBE_REPLACES_ALL,
    PROBE_REPLACES_SECOND
};

struct probe_rule {
    const char *name;
    /* PROBE_RAN: the arguments are no reason to fail; PROBE_FAILED: they are one;
     * PROBE_UNKNOWN: this is another form. */
    enum probe_verdict (*shape)(const struct probe_words *words);
    enum probe_look look;
    const char *type;
    enum probe_replaces replaces;
};

/* What a command may do, without replacing its key, that hides what became of another one: take
 * the last of what it holds, so that it may hold another type thereafter; write what is a
 * number though it was none. Bits. */
enum probe_effect {
    PROBE_TAKES_LIST = 1 << 0,
    PROBE_TAKES_SET = 1 << 1,
    PROBE_TAKES_HASH = 1 << 2,
    PROBE_TAKES_ZSET = 1 << 3,
    PROBE_COUNTS = 1 << 4, /* whole numbers */
    PROBE_ADDS = 1 << 5,   /* fractions */
    PROBE_WRITES = 1 << 6  /* any text */
};

/* The bits of what the command does: to its key, or to the field in which it counts. */
unsigned probe_rule_effects(const struct probe_rule *rule);

/* The bits of what would hide that the command failed, where another of its batch does it to
 * the same key, or field. Never its own ones. */
unsigned probe_rule_hidden_by(const struct probe_rule *rule);

struct probe_words probe_words_of(const struct resp_command *command);

/* The rule for the form that words have, *verdict being that of its shape; NULL: there is none
 * for the command. */
const struct probe_rule *probe_rule_find(const struct probe_words *words,
                                         enum probe_verdict *verdict);

/* An integer as Redis takes it: the shortest form, 64 bits. */
bool probe_is_integer(const char *bytes, size_t length, int64_t *number);

/* A number that all of Redis' versions take in the same way: -12.5e3, of moderate size. */
bool probe_is_number(const char *bytes, size_t length);

/* The entry that an XADD names: its whole id, and a walk over its fields and values. */
struct probe_entry {
    char id[PROBE_ID];
    struct resp_command fields;
};

/* Returns false where words name none. */
bool probe_entry_of(const struct probe_words *words, struct probe_entry *entry);

#endif

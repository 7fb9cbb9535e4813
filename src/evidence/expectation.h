#ifndef REDFERRY_EXPECTATION_H
#define REDFERRY_EXPECTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct resp_argument;

/*
 * What a Redis command leaves behind, made out from its arguments. Pure. A command of several
 * keys (DEL, MSET) is one expectation a key; what an expectation names (a value, fields,
 * members, scores) are its parts. How it is read back: reading.h.
 */

/* A line of the table of commands that can be read back. */
struct expectation_rule;

/* The rule for the command called name (any case); NULL: what it leaves is not read back. */
const struct expectation_rule *expectation_rule(const char *name, size_t length);

/* Why there is none for this command: reads on from "not verifiable: ". Constant. */
const char *expectation_reason(const struct command *command);

/* Whether this command may change what others left: it is then to be rendered although it has
 * no rule. */
bool expectation_may_overwrite(const struct command *command);

/* The arguments of a command as it was sent, its name first. What is behind each of them ends a
 * number: a NUL, or the wire's CRLF. Borrowed. */
struct arguments {
    const struct resp_argument *items;
    size_t count;
};

/* What is expected; each form is read back in its own way. */
enum expectation_form {
    EXPECTATION_VALUE,
    EXPECTATION_KEY, /* whatever it holds */
    EXPECTATION_NO_KEY,
    EXPECTATION_FIELDS,
    EXPECTATION_ANY_FIELD, /* whatever it holds */
    EXPECTATION_NO_FIELDS,
    EXPECTATION_MEMBERS,
    EXPECTATION_NO_MEMBERS,
    EXPECTATION_SCORES,
    EXPECTATION_NO_SCORES,
    EXPECTATION_TTL,
    EXPECTATION_NO_TTL,
    EXPECTATION_JSON
};

struct expectation {
    enum expectation_form form;
    uint32_t key;     /* which argument is the key */
    uint32_t first;   /* where what it names begins */
    uint32_t parts;   /* how many values, fields or members it names; at least 1 */
    uint32_t replies; /* how many commands read it back: 1, or 2 with a TTL's */
    bool if_absent;   /* NX: it changes nothing that is there */
    bool if_present;  /* XX: it changes nothing where nothing is there */
    bool if_greater;  /* GT, LT */
    bool if_less;
    bool may_be_gone;    /* its time to live is over */
    int64_t most_ttl_ms; /* the longest TTL that it can have by now; 0: none is asked for */
};

/*
 * Make the index-th expectation (from 0) of a command of this rule. now_ms: the wall clock.
 * Returns 1 with *out; 0 behind the last; -1 with *reason (constant, as of
 * expectation_reason()): its options leave nothing that could be told, or it is none that Redis
 * would have taken.
 */
int expectation_make(struct expectation *out, const struct expectation_rule *rule,
                     const struct arguments *arguments, size_t index, int64_t now_ms,
                     const char **reason);

/* What a command without an expectation writes to, as far as is known: its whole keys; or only
 * one field or member (HINCRBY, ZINCRBY, ZADD … INCR), which is then *part (borrowed); or only
 * how long it lives (EXPIRE … NX, HEXPIRE…). name: the command's, in upper case. */
enum expectation_reach { EXPECTATION_WHOLE, EXPECTATION_PART, EXPECTATION_LIFE };

enum expectation_reach expectation_reach(const char *name, const struct arguments *arguments,
                                         const struct resp_argument **part);

#endif

#ifndef REDFERRY_EXPECTATION_H
#define REDFERRY_EXPECTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct command;
struct reply;
struct resp_argument;

/*
 * What a Redis command leaves behind, and how to see whether it is there: which command reads
 * it back, and what each answer means. Pure: arguments in, arguments and verdicts out.
 *
 * One measure for all: EQUAL says that to send the command now would change nothing (but a TTL
 * that it would renew). A command of several keys (DEL, MSET) is one expectation a key; what an
 * expectation names (a value, fields, members, scores) are its parts.
 */
enum expectation_verdict { EXPECTATION_EQUAL, EXPECTATION_DIFFERENT, EXPECTATION_MISSING };

/* A line of the table of commands that can be read back. */
struct expectation_rule;

/* The rule for the command called name (any case); NULL: what it leaves is not read back. */
const struct expectation_rule *expectation_rule(const char *name, size_t length);

/* Why there is none for this command: reads on from "not verifiable: ". Constant. */
const char *expectation_reason(const struct command *command);

/* The arguments of a command as it was sent, its name first. What is behind each of them ends a
 * number: a NUL, or the wire's CRLF. Borrowed. */
struct arguments {
    const struct resp_argument *items;
    size_t count;
};

/* In what form it is read back; expectation.c's own. */
enum expectation_form {
    EXPECTATION_VALUE,
    EXPECTATION_KEY,
    EXPECTATION_NO_KEY,
    EXPECTATION_FIELDS,
    EXPECTATION_ANY_FIELD,
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

/* Append the commands that read it back, expectation->replies of them, to reads. */
void expectation_append(const struct expectation *expectation,
                        const struct arguments *arguments, struct buffer *reads);

/* Whether an error reply says something of the key; every other one (no permission, loading…)
 * is to be treated as what it is and not to be judged. */
bool expectation_can_judge(const struct expectation *expectation, const struct reply *reply);

/* How many parts the at-th reply (from 0) is about. */
size_t expectation_parts(const struct expectation *expectation, size_t at);

/* What the at-th reply says of one part. */
enum expectation_verdict expectation_judge(const struct expectation *expectation,
                                           const struct arguments *arguments, size_t at,
                                           const struct reply *reply, size_t part);

/* Whether it says EQUAL of all of them: for the case that matters to speed. */
bool expectation_holds(const struct expectation *expectation, const struct arguments *arguments,
                       size_t at, const struct reply *reply);

/* What a part is called: a field, a member; NULL: it has no name. Borrowed. */
const struct resp_argument *expectation_name(const struct expectation *expectation,
                                             const struct arguments *arguments, size_t at,
                                             size_t part);

/* What a command does to its key, for those that were sent before it. */
enum expectation_effect {
    EXPECTATION_REPLACES, /* the whole value, or the key goes */
    EXPECTATION_SETS,     /* its parts, and the key is there then */
    EXPECTATION_REMOVES,  /* its parts */
    EXPECTATION_CREATES,  /* nothing but that the key is there then */
    EXPECTATION_TIMES     /* its TTL */
};

enum expectation_effect expectation_effect(const struct expectation *expectation);

/* Put into words, shortened and quoted: what the part is ("field enabled"; nothing for a whole
 * value), what SQL says of it, and what Redis says. */
void expectation_append_part(const struct expectation *expectation,
                             const struct arguments *arguments, size_t at, size_t part,
                             struct buffer *text);
void expectation_append_sql(const struct expectation *expectation,
                            const struct arguments *arguments, size_t at, size_t part,
                            struct buffer *text);
void expectation_append_redis(const struct expectation *expectation, size_t at,
                              const struct reply *reply, size_t part, struct buffer *text);

/* Append bytes between double quotes, as redis-cli does, shortened where they are long. */
void expectation_append_quoted(struct buffer *text, const char *bytes, size_t length);

#endif

#ifndef REDFERRY_READING_H
#define REDFERRY_READING_H

#include <stdbool.h>
#include <stddef.h>

struct arguments;
struct buffer;
struct expectation;
struct reply;
struct resp_argument;

/*
 * How an expectation is read back, and what the answers say of it. Pure: which commands to
 * send, and verdicts on their replies. EQUAL says that to send the command now would change
 * nothing (but a TTL that it would renew).
 */
enum reading_verdict { READING_EQUAL, READING_DIFFERENT, READING_MISSING };

/* Append the commands that read it back, expectation->replies of them, to reads. */
void reading_append(const struct expectation *expectation, const struct arguments *arguments,
                    struct buffer *reads);

/* The name of the command that the at-th of them (from 0) is. */
const char *reading_command(const struct expectation *expectation, size_t at);

/* Whether an error reply says something of the key; every other one (no permission, loading…)
 * is to be treated as what it is and not to be judged. */
bool reading_can_judge(const struct expectation *expectation, const struct reply *reply);

/* How many parts the at-th reply (from 0) is about. */
size_t reading_parts(const struct expectation *expectation, size_t at);

/* What the at-th reply says of one part, by itself. */
enum reading_verdict reading_judge(const struct expectation *expectation,
                                   const struct arguments *arguments, size_t at,
                                   const struct reply *reply, size_t part);

/* Of each part whether a later one has the same name, and is what counts: HSET key a 1 a 2
 * leaves 2. Yours to free(); NULL when memory runs out. */
bool *reading_repeats(const struct expectation *expectation, const struct arguments *arguments);

/* What a part is called: a field, a member; NULL: it has no name. Borrowed. */
const struct resp_argument *reading_name(const struct expectation *expectation,
                                         const struct arguments *arguments, size_t at,
                                         size_t part);

/* What a command does to its key, for those that were sent before it. */
enum reading_effect {
    READING_REPLACES, /* the whole value, or the key goes */
    READING_SETS,     /* its parts, and the key is there then */
    READING_REMOVES,  /* its parts */
    READING_CREATES,  /* nothing but that the key is there then */
    READING_TIMES     /* its TTL */
};

enum reading_effect reading_effect(const struct expectation *expectation);

/* A difference in words, shortened, and quoted as redis-cli does: what the part is ("field
 * enabled"; nothing for a whole value), what SQL says of it, and what Redis says. */
struct reading_words {
    struct buffer *part;
    struct buffer *sql;
    struct buffer *redis;
};

void reading_describe(const struct expectation *expectation, const struct arguments *arguments,
                      size_t at, const struct reply *reply, size_t part,
                      const struct reading_words *words);

/* Append bytes as reading_describe() shows them. */
void reading_append_quoted(struct buffer *text, const char *bytes, size_t length);

#endif

#ifndef REDFERRY_REPLY_H
#define REDFERRY_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct error;

/* Slices up to this size are parsed without moving more bytes about than there are. */
enum { REPLY_SLICE = 16 * 1024 };

enum reply_type {
    REPLY_STATUS, /* +OK */
    REPLY_ERROR,  /* -WRONGTYPE … */
    REPLY_INTEGER,
    REPLY_TEXT, /* a bulk string */
    REPLY_NIL,  /* a null bulk string or array */
    REPLY_ARRAY
};

/*
 * One reply, or one element of it. A whole reply is an array of these in pre-order: an array's
 * elements follow it; the element behind reply[i] at the same level is reply[i +
 * reply[i].span].
 */
struct reply {
    enum reply_type type;
    int64_t integer;
    const char *text; /* STATUS, ERROR, TEXT: length bytes, terminated */
    size_t length;
    size_t count; /* ARRAY: its elements */
    size_t span;  /* how many structs it takes, itself included */
};

/*
 * Turns bytes into replies: hiredis' redisReader with reply functions of our own, which put
 * every reply into the same two growing arrays. There is no socket in it, and after warming up
 * no allocation a reply.
 */
struct reply_reader;

/* Returns 0 with *out yours to reply_reader_free(), or -1 with err. */
int reply_reader_new(struct reply_reader **out, struct error *err);

/* NULL is harmless. */
void reply_reader_free(struct reply_reader *reader);

/* Take length bytes from the wire, any slice of it; at most REPLY_SLICE is fast. They are
 * borrowed until reply_reader_next() returns 0, and only then the next ones may come. Returns
 * 0, or -1 with err. */
int reply_reader_feed(struct reply_reader *reader, const char *bytes, size_t length,
                      struct error *err);

/* The next whole reply: 1 with *reply borrowed until the next call; 0: more bytes are needed;
 * -1 with err: not Redis' protocol, or no memory. */
int reply_reader_next(struct reply_reader *reader, const struct reply **reply,
                      struct error *err);

/* The i-th direct element of an array reply, borrowed with it; NULL behind the last and where
 * reply is no array. To visit all of them, go from span to span instead. */
const struct reply *reply_element(const struct reply *array, size_t index);

/* Whether reply is a status with this text. */
static inline bool reply_is_status(const struct reply *reply, const char *text)
{
    return reply->type == REPLY_STATUS && reply->length == strlen(text) &&
           memcmp(reply->text, text, reply->length) == 0;
}

/* What an error reply asks for. */
enum reply_trouble {
    REPLY_PASSING, /* LOADING BUSY TRYAGAIN MASTERDOWN READONLY CLUSTERDOWN: again, with
                      back-off */
    REPLY_SHORT,   /* OOM MISCONF NOREPLICAS: again briefly */
    REPLY_FINAL    /* everything else */
};

/* Of an error reply; for EXECABORT it is that of the reason it gives, if it gives one. */
enum reply_trouble reply_trouble(const struct reply *reply);

/* Whether reply is an error whose first word is code ("WRONGTYPE"), EXECABORT's reason
 * included. */
bool reply_is_error(const struct reply *reply, const char *code);

/* Fill err from an error reply: ERROR_FAILED (NOAUTH, WRONGPASS: ERROR_REDIS_UNREACHABLE).
 * Arguments that the server quotes are left out: they may be a row's values. Returns -1. */
int reply_error(const struct reply *reply, struct error *err);

#endif

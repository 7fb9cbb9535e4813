#ifndef REDFERRY_URL_PARTS_H
#define REDFERRY_URL_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct url;

/* A piece of the text; at is NULL where the piece is absent. Not decoded yet. */
struct url_span {
    const char *at;
    size_t length;
};

/* One URL while it is read. Only the url modules include this. */
struct url_reading {
    struct url *url;
    struct arena *arena;
    struct error *err;
    struct url_span scheme; /* with its colon and slashes */
    struct url_span user;
    struct url_span password;
    struct url_span hosts; /* between the user information and the path */
    struct url_span path;  /* with its slash */
    struct url_span query; /* behind the question mark */
    bool stray;            /* an '@' behind the user information */
};

/* Fill r's error (ERROR_INVALID) with the printf-style text behind the name of the URL, or,
 * where an '@' is astray, with nothing but that. Returns -1. */
int url_parts_refuse(const struct url_reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same: nobody can tell where the password ends. Returns -1. */
int url_parts_refuse_stray(const struct url_reading *r);

/* Refuse escapes and bytes that no URL may hold, so that decoding need not look. Returns 0, or
 * -1 with r's error. */
int url_parts_check(const struct url_reading *r);

/* Split what follows r's scheme into the other spans. The user information ends at the first
 * '@', which must come before a '/' or a '?': behind these nobody can tell it from the rest.
 * Returns 0, or -1 with r's error. */
int url_parts_split(struct url_reading *r);

/* Cut a piece off the front of *rest: what comes before the first separator, which is dropped.
 * Returns false when there is nothing left. */
bool url_parts_next(struct url_span *rest, char separator, struct url_span *piece);

/* The next parameter of a query: name=value. value is absent where there is no '='. Returns
 * false when there is none left. */
bool url_parts_next_parameter(struct url_span *query, struct url_span *name,
                              struct url_span *value);

/* span with its escapes decoded, terminated, in the arena. An absent one gives NULL, as does
 * the end of memory, which the arena remembers. */
const char *url_parts_decode(const struct url_reading *r, struct url_span span);

/* The decoded value of the query's last parameter called name, as libpq takes them; NULL:
 * absent, or no memory, as above. */
const char *url_parts_parameter(const struct url_reading *r, const char *name);

/* Take one host apart: name, name:port, [IPv6] or [IPv6]:port. *port is absent where there is
 * none. Returns 0, or -1 with r's error. */
int url_parts_host(const struct url_reading *r, struct url_span text, struct url_span *host,
                   struct url_span *port);

/* Read a port into *port, which an empty span leaves alone. Returns 0, or -1 with r's error. */
int url_parts_port(const struct url_reading *r, struct url_span span, int *port);

#endif

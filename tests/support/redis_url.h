#ifndef REDFERRY_REDIS_URL_H
#define REDFERRY_REDIS_URL_H

/* Needs <cmocka.h> before it. */

#include <stdarg.h>
#include <stdio.h>

#include "arena.h"
#include "connection.h"
#include "error.h"
#include "stop.h"
#include "url.h"

/* A parsed Redis URL in arena, from a printf-style text. */
static inline struct url *redis_url(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct url *redis_url(struct arena *arena, const char *format, ...)
{
    struct error err = {0};
    struct url *url = arena_alloc(arena, sizeof *url);
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (url_parse_redis(url, text, "--redis", arena, &err) != 0) fail_msg("%s", err.message);
    return url;
}

/* An open connection to url; stop may be NULL. */
static inline struct connection *redis_connect(const struct url *url, const struct stop *stop)
{
    struct error err = {0};
    struct connection *connection = NULL;
    if (connection_open(&connection, url, stop, &err) != 0) fail_msg("%s", err.message);
    return connection;
}

/* connection_ask() that must not fail. */
#define REDIS_ASK(connection, reply, ...)                                                      \
    do {                                                                                       \
        struct error ask_err = {0};                                                            \
        if (connection_ask(connection, reply, &ask_err, __VA_ARGS__, (const char *)NULL) != 0) \
            fail_msg("%s", ask_err.message);                                                   \
    } while (0)

#endif

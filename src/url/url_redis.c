/*
 * URLs of Redis: redis://, rediss:// and unix://.
 *
 * Nobody reads them behind us, so that all of a URL is judged here: which parameters its kind
 * takes, that a certificate comes with its key, that the database is a number. What a server
 * thinks of them is found out by connecting, which is not done here.
 */
#include "url_redis.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "number.h"
#include "url.h"
#include "url_parts.h"
#include "url_redacted.h"

enum { REDIS_PORT = 6379, MOST_DATABASE = INT32_MAX };

/* Refuse parameters that known, which ends with NULL, does not hold. */
static int check_known(const struct url_reading *r, const char *const *known)
{
    struct url_span rest = r->query;
    struct url_span key;
    struct url_span value;
    while (url_parts_next_parameter(&rest, &key, &value)) {
        const char *name = url_parts_decode(r, key);
        bool found = false;
        if (name == NULL) return error_memory(r->err);
        for (size_t i = 0; known[i] != NULL; i++) found |= strcmp(name, known[i]) == 0;
        if (!found)
            return url_parts_refuse(r, "unknown parameter '%s'%s", name, r->url->advice);
        if (value.length == 0)
            return url_parts_refuse(r, "the parameter '%s' has no value", name);
    }
    return 0;
}

static int parse_database(const struct url_reading *r, const char *text, size_t length)
{
    int64_t number = 0;
    if (number_parse(text, length, 0, MOST_DATABASE, &number) != 0)
        return url_parts_refuse(r, "the database is not a number, 0 or more");
    r->url->database = (int)number;
    return 0;
}

/* redis:// and rediss:// */
static int read_network(struct url_reading *r)
{
    struct url *url = r->url;
    struct url_span host;
    struct url_span port;
    url->port = REDIS_PORT;
    if (url_parts_host(r, r->hosts, &host, &port) != 0) return -1;
    if (url_parts_port(r, port, &url->port) != 0) return -1;
    url->host = url_parts_decode(r, host);
    if (url->host == NULL) return error_memory(r->err);
    if (url->host[0] == '\0') return url_parts_refuse(r, "names no host");
    if (r->path.length > 1 && parse_database(r, r->path.at + 1, r->path.length - 1) != 0) {
        return -1;
    }

    url->ca_file = url_parts_parameter(r, "cacert");
    url->cert_file = url_parts_parameter(r, "cert");
    url->key_file = url_parts_parameter(r, "key");
    if ((url->cert_file == NULL) != (url->key_file == NULL))
        return url_parts_refuse(r, "a certificate needs its key: give both cert= and key=");

    bool brackets = strchr(url->host, ':') != NULL;
    url->label = arena_format(r->arena, "%s%s%s:%d/%d", brackets ? "[" : "", url->host,
                              brackets ? "]" : "", url->port, url->database);
    return 0;
}

/* unix:// */
static int read_socket(struct url_reading *r)
{
    struct url *url = r->url;
    const char *database = url_parts_parameter(r, "db");
    if (r->hosts.length > 0 || r->path.length < 2)
        return url_parts_refuse(r, "names no socket; write unix:///PATH");
    if (database != NULL && parse_database(r, database, strlen(database)) != 0) return -1;

    url->path = url_parts_decode(r, r->path);
    url->label = url->path;
    if (url->database > 0 && url->path != NULL)
        url->label = arena_format(r->arena, "%s?db=%d", url->path, url->database);
    return 0;
}

/* The parameters are those that the kind takes. */
static const struct url_redis_scheme {
    const char *scheme;
    enum url_kind kind;
    int (*read)(struct url_reading *r);
    const char *parameters[4];
} schemes[] = {
    {"redis://", URL_REDIS, read_network, {NULL}},
    {"rediss://", URL_REDIS_TLS, read_network, {"cacert", "cert", "key"}},
    {"unix://", URL_REDIS_UNIX, read_socket, {"db"}},
};

const struct url_redis_scheme *url_redis_find(const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) == 0)
            return &schemes[i];
    return NULL;
}

/* Empty is as good as absent: redis://:@host has neither. */
static const char *decode_filled(const struct url_reading *r, struct url_span span)
{
    return span.length == 0 ? NULL : url_parts_decode(r, span);
}

int url_redis_parse(struct url_reading *r, const struct url_redis_scheme *scheme)
{
    r->url->kind = scheme->kind;
    r->scheme = (struct url_span){r->url->text, strlen(scheme->scheme)};
    if (url_parts_split(r) != 0 || url_parts_check(r) != 0) return -1;
    if (scheme->read(r) != 0 || check_known(r, scheme->parameters) != 0) return -1;
    r->url->user = decode_filled(r, r->user);
    r->url->password = decode_filled(r, r->password);
    return url_redacted_write(r);
}

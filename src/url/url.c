/*
 * URLs of databases and of Redis, taken apart.
 *
 * A URL is where the passwords are. So this room is the one place that looks inside, and it
 * hands out two texts that may be shown: the redacted URL, and a label without any user. Here
 * are the two ways in, which find the kind that a text says it is of; each kind is a module.
 * Nothing is resolved, opened or connected to.
 */
#include "url.h"

#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "url_parts.h"
#include "url_redis.h"
#include "url_sql.h"

/* Where redferry takes a URL that no other program reads, and the names that such a URL goes
 * by. */
static const struct {
    const char *advice;
    const char *names[3];
} advices[] = {
    {"; give redferry a URL of its own with --database or REDFERRY_DATABASE",
     {"--database", "REDFERRY_DATABASE", "DATABASE_URL"}},
    {"; give redferry a URL of its own with --ledger or REDFERRY_LEDGER",
     {"--ledger", "REDFERRY_LEDGER", NULL}},
    {"; give redferry a URL of its own with --redis or REDFERRY_REDIS",
     {"--redis", "REDFERRY_REDIS", "REDIS_URL"}},
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* REDIS_URL_FILE is known as well as REDIS_URL is. */
static const char *find_advice(const char *name)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        for (size_t k = 0; k < 3 && advices[i].names[k] != NULL; k++) {
            if (starts_with(name, advices[i].names[k])) return advices[i].advice;
        }
    }
    return "";
}

/* The scheme is the one piece of an unknown URL that is safe to show. */
static int refuse_scheme(const struct url_reading *r, const char *known)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789+.-";
    size_t length = strspn(r->url->text, letters);
    if (r->url->text[0] == '\0')
        return url_parts_refuse(r, "is empty; it may be %s%s", known, r->url->advice);
    if (length == 0 || strncmp(r->url->text + length, "://", 3) != 0)
        return url_parts_refuse(r, "is not a URL that redferry knows; it may be %s%s", known,
                                r->url->advice);
    return url_parts_refuse(r, "'%.*s://' is not supported; it may be %s%s", (int)length,
                            r->url->text, known, r->url->advice);
}

static int begin(struct url_reading *r, const char *text, const char *name)
{
    *r->url = (struct url){.text = arena_text(r->arena, text),
                           .name = arena_text(r->arena, name),
                           .advice = find_advice(name)};
    return r->url->text == NULL || r->url->name == NULL ? error_memory(r->err) : 0;
}

/* A piece that is NULL because memory ran out must not pass for one that is absent. */
static int finish(const struct url_reading *r, int result)
{
    return r->arena->failed ? error_memory(r->err) : result;
}

int url_parse_database(struct url *url, const char *text, const char *name, struct arena *arena,
                       struct error *err)
{
    static const struct {
        const char *scheme;
        int (*parse)(struct url_reading *r);
    } schemes[] = {
        {"postgres://", url_sql_postgresql},
        {"postgresql://", url_sql_postgresql},
        {"sqlite:", url_sql_sqlite},
    };
    struct url_reading r = {.url = url, .arena = arena, .err = err};
    if (begin(&r, text, name) != 0) return -1;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!starts_with(text, schemes[i].scheme)) continue;
        r.scheme = (struct url_span){url->text, strlen(schemes[i].scheme)};
        if (url_parts_check(&r) != 0) return -1;
        return finish(&r, schemes[i].parse(&r));
    }
    if (!url_sql_is_path(text)) {
        return refuse_scheme(&r,
                             "postgres://…, postgresql://…, sqlite:PATH or a path that ends in "
                             ".db, .sqlite or .sqlite3");
    }
    url->redacted = url->text;
    return url_sql_use_path(&r, url->text);
}

int url_parse_redis(struct url *url, const char *text, const char *name, struct arena *arena,
                    struct error *err)
{
    static const char known[] = "redis://HOST, rediss://HOST or unix:///PATH";
    const struct url_redis_scheme *scheme = url_redis_find(text);
    struct url_reading r = {.url = url, .arena = arena, .err = err};
    if (begin(&r, text, name) != 0) return -1;

    if (scheme != NULL) return finish(&r, url_redis_parse(&r, scheme));
    if (starts_with(text, "redis-sentinel://"))
        return url_parts_refuse(&r, "redis-sentinel:// is not supported yet; it may be %s",
                                known);
    return refuse_scheme(&r, known);
}

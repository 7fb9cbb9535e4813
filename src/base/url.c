/*
 * URLs of databases and of Redis, taken apart.
 *
 * A URL is where the passwords are. So this is the one place that looks inside, and it hands
 * out two texts that may be shown: the redacted URL, and a label without any user. No complaint
 * quotes what could be a password in the wrong place: neither a port nor a path, and nothing at
 * all where an '@' stands behind the user information, for then a password was not escaped and
 * its end is anybody's guess. libpq quotes freely, so what it would quote is refused here,
 * before it gets there; which parameters it knows is its own affair. Nothing is resolved,
 * opened or connected to.
 */
#include "url.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "number.h"

enum { REDIS_PORT = 6379, MOST_PORT = 65535, MOST_DATABASE = INT32_MAX };

/* A piece of the text; at is NULL where the piece is absent. */
struct span {
    const char *at;
    size_t length;
};

/* One URL while it is read. The spans are not decoded yet. */
struct reading {
    struct url *url;
    struct arena *arena;
    struct error *err;
    struct span scheme; /* with its colon and slashes */
    struct span user;
    struct span password;
    struct span hosts; /* between the user information and the path */
    struct span path;  /* with its slash */
    struct span query; /* behind the question mark */
    bool stray;        /* an '@' behind the user information */
};

/* ---- complaints -------------------------------------------------------------------------- */

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

static int refuse_stray(const struct reading *r)
{
    return error_set(r->err, ERROR_INVALID,
                     "%s: cannot tell where the password ends; within a user or a password "
                     "write @ as %%40, / as %%2F, ? as %%3F, # as %%23 and %% as %%25",
                     r->url->name);
}

static int refuse(const struct reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(const struct reading *r, const char *format, ...)
{
    char why[512];
    va_list arguments;
    if (r->stray) return refuse_stray(r);
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return error_set(r->err, ERROR_INVALID, "%s: %s", r->url->name, why);
}

/* The scheme is the one piece of an unknown URL that is safe to show. */
static int refuse_scheme(const struct reading *r, const char *known)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789+.-";
    size_t length = strspn(r->url->text, letters);
    if (r->url->text[0] == '\0')
        return refuse(r, "is empty; it may be %s%s", known, r->url->advice);
    if (length == 0 || strncmp(r->url->text + length, "://", 3) != 0)
        return refuse(r, "is not a URL that redferry knows; it may be %s%s", known,
                      r->url->advice);
    return refuse(r, "'%.*s://' is not supported; it may be %s%s", (int)length, r->url->text,
                  known, r->url->advice);
}

/* ---- pieces ------------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length > strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Cut a piece off the front of *rest: what comes before the first separator, which is dropped.
 * Returns false when there is nothing left. */
static bool next_piece(struct span *rest, char separator, struct span *piece)
{
    if (rest->at == NULL) return false;
    const char *end = memchr(rest->at, separator, rest->length);
    *piece = *rest;
    if (end == NULL) {
        *rest = (struct span){0};
        return true;
    }
    piece->length = (size_t)(end - rest->at);
    rest->at = end + 1;
    rest->length -= piece->length + 1;
    return true;
}

/* The next parameter of a query: name=value. value is absent where there is no '='. */
static bool next_parameter(struct span *query, struct span *name, struct span *value)
{
    if (query->length == 0 || !next_piece(query, '&', value)) return false;
    (void)next_piece(value, '=', name);
    return true;
}

static int hexadecimal(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found =
        c == '\0' ? NULL : strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0));
    return found == NULL ? -1 : (int)(found - digits);
}

/* Refuse escapes and bytes that no URL may hold, so that decode() need not look. */
static int check_bytes(const struct reading *r)
{
    for (const char *at = r->url->text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7f')
            return refuse(r, "holds a control character or a line break");
        if (*at != '%') continue;
        if (hexadecimal(at[1]) < 0 || hexadecimal(at[2]) < 0)
            return refuse(r, "a '%%' needs two hexadecimal digits behind it; write %% as %%25");
        if (at[1] == '0' && at[2] == '0') return refuse(r, "%%00 cannot be part of a URL");
    }
    return 0;
}

/* Write span with its escapes decoded, terminated, into the arena. An absent one gives NULL, as
 * does the end of memory, which the arena remembers. */
static const char *decode(const struct reading *r, struct span span)
{
    char *text = span.at == NULL ? NULL : arena_alloc(r->arena, span.length + 1);
    if (text == NULL) return NULL;

    char *end = text;
    for (size_t i = 0; i < span.length; i++) {
        if (span.at[i] == '%') {
            *end++ = (char)(hexadecimal(span.at[i + 1]) * 16 + hexadecimal(span.at[i + 2]));
            i += 2;
        } else {
            *end++ = span.at[i];
        }
    }
    return text;
}

/* The decoded value of the query's last parameter called name, as libpq takes them; NULL:
 * absent. */
static const char *parameter(const struct reading *r, const char *name)
{
    struct span rest = r->query;
    struct span key;
    struct span value;
    struct span found = {0};
    while (next_parameter(&rest, &key, &value)) {
        const char *decoded = decode(r, key);
        if (decoded != NULL && strcmp(decoded, name) == 0) found = value;
    }
    return decode(r, found);
}

/* Split what follows the scheme. The user information ends at the first '@', which must come
 * before a '/' or a '?': behind these nobody can tell it from the rest. */
static int split(struct reading *r)
{
    const char *rest = r->url->text + r->scheme.length;
    const char *at = memchr(rest, '@', strcspn(rest, "/?"));
    if (at != NULL) {
        struct span information = {rest, (size_t)(at - rest)};
        (void)next_piece(&information, ':', &r->user);
        r->password = information;
        rest = at + 1;
    }
    r->stray = strchr(rest, '@') != NULL;
    r->hosts = (struct span){rest, strcspn(rest, "/?")};
    rest += r->hosts.length;
    r->path = (struct span){rest, strcspn(rest, "?")};
    rest += r->path.length;
    if (*rest == '?') r->query = (struct span){rest + 1, strlen(rest + 1)};
    return memchr(r->hosts.at, '@', r->hosts.length) == NULL ? 0 : refuse_stray(r);
}

/* ---- what may be shown ------------------------------------------------------------------- */

static void append_span(struct buffer *buf, struct span span)
{
    if (span.at != NULL) buffer_append(buf, span.at, span.length);
}

/* Whether a parameter's name says that its value is a secret: password, sslpassword,
 * oauth_client_secret, scram_client_key, and what others call theirs. */
static bool is_secret(const struct reading *r, struct span name)
{
    static const char *const words[] = {"pass", "pwd", "secret", "token", "scram"};
    const char *decoded = decode(r, name);
    for (size_t i = 0; decoded != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcasestr(decoded, words[i]) != NULL) return true;
    }
    return false;
}

static void redact_query(const struct reading *r, struct buffer *buf)
{
    struct span rest = r->query;
    struct span name;
    struct span value;
    char separator = '?';
    while (next_parameter(&rest, &name, &value)) {
        bool secret = is_secret(r, name) && value.length > 0;
        if (secret) r->url->has_password = true;
        /* Behind a stray '@' it may be the end of a password after all. */
        if (value.at != NULL && memchr(value.at, '@', value.length) != NULL) secret = true;
        buffer_append_char(buf, separator);
        append_span(buf, name);
        if (value.at != NULL) buffer_append_char(buf, '=');
        append_span(buf, secret ? (struct span){"***", 3} : value);
        separator = '&';
    }
}

/* Put the pieces together again, without the secrets. */
static int redact(const struct reading *r)
{
    struct buffer buf = {0};
    r->url->has_password = r->password.length > 0;

    append_span(&buf, r->scheme);
    if (r->user.at != NULL) {
        /* What stands alone there is the user, but to redis-cli it is the password. */
        bool alone = r->password.at == NULL && r->url->kind != URL_POSTGRESQL;
        append_span(&buf, alone ? (struct span){"***", 3} : r->user);
        if (r->password.at != NULL)
            buffer_append_text(&buf, r->password.length > 0 ? ":***" : ":");
        buffer_append_char(&buf, '@');
    }
    append_span(&buf, r->hosts);
    append_span(&buf, r->path);
    redact_query(r, &buf);

    const char *text = buffer_text(&buf);
    r->url->redacted = arena_text(r->arena, text);
    buffer_release(&buf);
    return r->url->redacted == NULL ? error_memory(r->err) : 0;
}

/* ---- hosts and ports --------------------------------------------------------------------- */

/* Take one host apart: name, name:port, [IPv6] or [IPv6]:port. port is absent where there is
 * none. */
static int split_host(const struct reading *r, struct span text, struct span *host,
                      struct span *port)
{
    if (text.length > 0 && text.at[0] == '[') {
        const char *close = memchr(text.at, ']', text.length);
        if (close == NULL || close == text.at + 1)
            return refuse(r, "an IPv6 address stands in brackets: [::1]");
        *host = (struct span){text.at + 1, (size_t)(close - text.at) - 1};
        *port = (struct span){close + 1, text.length - host->length - 2};
        if (port->length == 0) {
            *port = (struct span){0};
            return 0;
        }
        if (*port->at != ':') return refuse(r, "only a port may follow the brackets of a host");
        *port = (struct span){port->at + 1, port->length - 1};
        return 0;
    }
    (void)next_piece(&text, ':', host);
    *port = text;
    if (text.at != NULL && memchr(text.at, ':', text.length) != NULL)
        return refuse(r, "an IPv6 address stands in brackets: [::1]");
    return 0;
}

static int parse_port(const struct reading *r, struct span span, int *port)
{
    int64_t number = 0;
    if (span.length == 0) return 0; /* "host:" means the default */
    if (number_parse(span.at, span.length, 1, MOST_PORT, &number) != 0)
        return refuse(r, "the port is not a number from 1 to %d", MOST_PORT);
    *port = (int)number;
    return 0;
}

/* ---- PostgreSQL -------------------------------------------------------------------------- */

/* What libpq would complain of with the parameter's text in its message. */
static int check_parameters(const struct reading *r)
{
    struct span rest = r->query;
    struct span name;
    struct span value;
    int port = 0;
    while (next_parameter(&rest, &name, &value)) {
        if (value.at == NULL || name.length == 0)
            return refuse(r, "a parameter behind the '?' is not of the form name=value");
        if (memchr(value.at, '=', value.length) != NULL)
            return refuse(r, "a parameter's value holds a '='; write it as %%3D");
    }
    const char *ports = parameter(r, "port");
    rest = (struct span){ports, ports == NULL ? 0 : strlen(ports)};
    while (next_piece(&rest, ',', &value)) {
        if (parse_port(r, value, &port) != 0) return -1;
    }
    return 0;
}

static const char *or_else(const char *text, const char *variable, const char *standard)
{
    if (text != NULL && text[0] != '\0') return text;
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : standard;
}

/* Append host:port of one of the authority's hosts. As in libpq, a parameter wins over it, and
 * what neither of them gives comes from the environment. */
static int append_host(const struct reading *r, struct buffer *label, struct span item)
{
    struct span host;
    struct span port;
    int number = 0;
    if (split_host(r, item, &host, &port) != 0 || parse_port(r, port, &number) != 0) return -1;

    const char *given = parameter(r, "host");
    if (given == NULL) given = parameter(r, "hostaddr");
    given = or_else(given == NULL ? decode(r, host) : given, "PGHOST", "localhost");
    bool brackets = strchr(given, ':') != NULL;
    buffer_append_format(label, "%s%s%s:", brackets ? "[" : "", given, brackets ? "]" : "");

    given = parameter(r, "port");
    given = or_else(given == NULL ? decode(r, port) : given, "PGPORT", "5432");
    buffer_append_text(label, given);
    return 0;
}

/* host:port/database, with a comma between several hosts. */
static int append_label(const struct reading *r, struct buffer *label)
{
    struct span rest = r->hosts;
    struct span item;
    for (bool first = true; next_piece(&rest, ',', &item); first = false) {
        if (!first) buffer_append_char(label, ',');
        if (append_host(r, label, item) != 0) return -1;
    }

    struct span path = r->path;
    if (path.length > 0) path = (struct span){path.at + 1, path.length - 1};
    const char *database = parameter(r, "dbname");
    database = or_else(database == NULL ? decode(r, path) : database, "PGDATABASE", NULL);
    if (database != NULL) buffer_append_format(label, "/%s", database);
    return 0;
}

static int label_postgresql(const struct reading *r)
{
    struct buffer label = {0};
    int result = append_label(r, &label);
    if (result == 0) r->url->label = arena_text(r->arena, buffer_text(&label));
    if (result == 0 && r->url->label == NULL) result = error_memory(r->err);
    buffer_release(&label);
    return result;
}

static int parse_postgresql(struct reading *r)
{
    r->url->kind = URL_POSTGRESQL;
    if (split(r) != 0) return -1;
    /* libpq ends the user information at the first '@' before a '/', whatever else it has
     * passed. */
    if (r->stray && (r->path.length == 0 || memchr(r->path.at, '@', r->path.length) != NULL))
        return refuse_stray(r);
    if (check_parameters(r) != 0 || label_postgresql(r) != 0) return -1;
    return redact(r);
}

/* ---- SQLite ------------------------------------------------------------------------------ */

static int use_path(const struct reading *r, const char *path)
{
    r->url->kind = URL_SQLITE;
    if (path == NULL) return error_memory(r->err);
    if (path[0] == '\0') return refuse(r, "names no file");
    if (strcmp(path, ":memory:") == 0)
        return refuse(r, "a database in memory cannot remember what was done; name a file");
    r->url->path = path;
    r->url->label = path;
    return 0;
}

/* sqlite:PATH and sqlite:///absolute. */
static int parse_sqlite(struct reading *r)
{
    const char *rest = r->url->text + r->scheme.length;
    size_t length = strcspn(rest, "?");
    if (rest[length] == '?')
        return refuse(r,
                      "a SQLite URL takes no parameters; write a ? in a file's name as %%3F%s",
                      r->url->advice);
    if (starts_with(rest, "//")) {
        if (rest[2] != '/') return refuse(r, "write sqlite:PATH or sqlite:///PATH");
        rest += 2;
        length -= 2;
    }
    if (use_path(r, decode(r, (struct span){rest, length})) != 0) return -1;
    r->url->redacted = r->url->text;
    return 0;
}

/* A file's path: it says so by its ending, and by not looking like anything with a password. */
static bool is_sqlite_path(const char *text)
{
    static const char *const endings[] = {".db", ".sqlite", ".sqlite3"};
    const char *colon = strchr(text, ':');
    const char *slash = strchr(text, '/');
    if (colon != NULL && (slash == NULL || colon < slash)) return false;
    if (strcasestr(text, "password") != NULL && strchr(text, '=') != NULL) return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (ends_with(text, endings[i])) return true;
    }
    return false;
}

/* ---- Redis ------------------------------------------------------------------------------- */

/* Refuse parameters that known, which ends with NULL, does not hold. */
static int check_known(const struct reading *r, const char *const *known)
{
    struct span rest = r->query;
    struct span key;
    struct span value;
    while (next_parameter(&rest, &key, &value)) {
        const char *name = decode(r, key);
        bool found = false;
        if (name == NULL) return error_memory(r->err);
        for (size_t i = 0; known[i] != NULL; i++) found |= strcmp(name, known[i]) == 0;
        if (!found) return refuse(r, "unknown parameter '%s'%s", name, r->url->advice);
        if (value.length == 0) return refuse(r, "the parameter '%s' has no value", name);
    }
    return 0;
}

static int parse_redis_database(const struct reading *r, const char *text, size_t length)
{
    int64_t number = 0;
    if (number_parse(text, length, 0, MOST_DATABASE, &number) != 0)
        return refuse(r, "the database is not a number, 0 or more");
    r->url->database = (int)number;
    return 0;
}

/* redis:// and rediss:// */
static int read_network(struct reading *r)
{
    struct url *url = r->url;
    struct span host;
    struct span port;
    url->port = REDIS_PORT;
    if (split_host(r, r->hosts, &host, &port) != 0) return -1;
    if (parse_port(r, port, &url->port) != 0) return -1;
    url->host = decode(r, host);
    if (url->host == NULL) return error_memory(r->err);
    if (url->host[0] == '\0') return refuse(r, "names no host");
    if (r->path.length > 1 &&
        parse_redis_database(r, r->path.at + 1, r->path.length - 1) != 0) {
        return -1;
    }

    url->ca_file = parameter(r, "cacert");
    url->cert_file = parameter(r, "cert");
    url->key_file = parameter(r, "key");
    if ((url->cert_file == NULL) != (url->key_file == NULL))
        return refuse(r, "a certificate needs its key: give both cert= and key=");

    bool brackets = strchr(url->host, ':') != NULL;
    url->label = arena_format(r->arena, "%s%s%s:%d/%d", brackets ? "[" : "", url->host,
                              brackets ? "]" : "", url->port, url->database);
    return 0;
}

/* unix:// */
static int read_socket(struct reading *r)
{
    struct url *url = r->url;
    const char *database = parameter(r, "db");
    if (r->hosts.length > 0 || r->path.length < 2)
        return refuse(r, "names no socket; write unix:///PATH");
    if (database != NULL && parse_redis_database(r, database, strlen(database)) != 0) return -1;

    url->path = decode(r, r->path);
    url->label = url->path;
    if (url->database > 0 && url->path != NULL)
        url->label = arena_format(r->arena, "%s?db=%d", url->path, url->database);
    return 0;
}

/* The parameters are those that the kind takes. */
static const struct redis_scheme {
    const char *scheme;
    enum url_kind kind;
    int (*read)(struct reading *r);
    const char *parameters[4];
} redis_schemes[] = {
    {"redis://", URL_REDIS, read_network, {NULL}},
    {"rediss://", URL_REDIS_TLS, read_network, {"cacert", "cert", "key"}},
    {"unix://", URL_REDIS_UNIX, read_socket, {"db"}},
};

/* Empty is as good as absent: redis://:@host has neither. */
static const char *decode_filled(const struct reading *r, struct span span)
{
    return span.length == 0 ? NULL : decode(r, span);
}

static int parse_redis_scheme(struct reading *r, const struct redis_scheme *scheme)
{
    r->url->kind = scheme->kind;
    r->scheme = (struct span){r->url->text, strlen(scheme->scheme)};
    if (split(r) != 0 || check_bytes(r) != 0) return -1;
    if (scheme->read(r) != 0 || check_known(r, scheme->parameters) != 0) return -1;
    r->url->user = decode_filled(r, r->user);
    r->url->password = decode_filled(r, r->password);
    return redact(r);
}

/* ---- the two ways in --------------------------------------------------------------------- */

static int begin(struct reading *r, const char *text, const char *name)
{
    *r->url = (struct url){.text = arena_text(r->arena, text),
                           .name = arena_text(r->arena, name),
                           .advice = find_advice(name)};
    return r->url->text == NULL || r->url->name == NULL ? error_memory(r->err) : 0;
}

/* A piece that is NULL because memory ran out must not pass for one that is absent. */
static int finish(const struct reading *r, int result)
{
    return r->arena->failed ? error_memory(r->err) : result;
}

int url_parse_database(struct url *url, const char *text, const char *name, struct arena *arena,
                       struct error *err)
{
    static const struct {
        const char *scheme;
        int (*parse)(struct reading *r);
    } schemes[] = {
        {"postgres://", parse_postgresql},
        {"postgresql://", parse_postgresql},
        {"sqlite:", parse_sqlite},
    };
    struct reading r = {.url = url, .arena = arena, .err = err};
    if (begin(&r, text, name) != 0) return -1;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!starts_with(text, schemes[i].scheme)) continue;
        r.scheme = (struct span){url->text, strlen(schemes[i].scheme)};
        if (check_bytes(&r) != 0) return -1;
        return finish(&r, schemes[i].parse(&r));
    }
    if (!is_sqlite_path(text)) {
        return refuse_scheme(&r,
                             "postgres://…, postgresql://…, sqlite:PATH or a path that ends in "
                             ".db, .sqlite or .sqlite3");
    }
    url->redacted = url->text;
    return use_path(&r, url->text);
}

int url_parse_redis(struct url *url, const char *text, const char *name, struct arena *arena,
                    struct error *err)
{
    static const char known[] = "redis://HOST, rediss://HOST or unix:///PATH";
    struct reading r = {.url = url, .arena = arena, .err = err};
    if (begin(&r, text, name) != 0) return -1;

    for (size_t i = 0; i < sizeof redis_schemes / sizeof redis_schemes[0]; i++) {
        if (starts_with(text, redis_schemes[i].scheme))
            return finish(&r, parse_redis_scheme(&r, &redis_schemes[i]));
    }
    if (starts_with(text, "redis-sentinel://"))
        return refuse(&r, "redis-sentinel:// is not supported yet; it may be %s", known);
    return refuse_scheme(&r, known);
}

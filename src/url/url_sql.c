/*
 * URLs of databases: PostgreSQL's, as libpq reads them, and SQLite's.
 *
 * libpq reads the text itself, and knows best which parameters there are. But it quotes freely,
 * so what it would quote is refused here, before it gets there; and the label is put together
 * by its rules, from parameters, authority and environment. Nothing is resolved or opened.
 */
#include "url_sql.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "file.h"
#include "url.h"
#include "url_parts.h"
#include "url_redacted.h"

/* ---- PostgreSQL -------------------------------------------------------------------------- */

/* What libpq would complain of with the parameter's text in its message. */
static int check_parameters(const struct url_reading *r)
{
    struct url_span rest = r->query;
    struct url_span name;
    struct url_span value;
    int port = 0;
    while (url_parts_next_parameter(&rest, &name, &value)) {
        if (value.at == NULL || name.length == 0)
            return url_parts_refuse(r,
                                    "a parameter behind the '?' is not of the form name=value");
        if (memchr(value.at, '=', value.length) != NULL)
            return url_parts_refuse(r, "a parameter's value holds a '='; write it as %%3D");
    }
    const char *ports = url_parts_parameter(r, "port");
    rest = (struct url_span){ports, ports == NULL ? 0 : strlen(ports)};
    while (url_parts_next(&rest, ',', &value)) {
        if (url_parts_port(r, value, &port) != 0) return -1;
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
static int append_host(const struct url_reading *r, struct buffer *label, struct url_span item)
{
    struct url_span host;
    struct url_span port;
    int number = 0;
    if (url_parts_host(r, item, &host, &port) != 0 || url_parts_port(r, port, &number) != 0)
        return -1;

    const char *given = url_parts_parameter(r, "host");
    if (given == NULL) given = url_parts_parameter(r, "hostaddr");
    given = or_else(given == NULL ? url_parts_decode(r, host) : given, "PGHOST", "localhost");
    bool brackets = strchr(given, ':') != NULL;
    buffer_append_format(label, "%s%s%s:", brackets ? "[" : "", given, brackets ? "]" : "");

    given = url_parts_parameter(r, "port");
    given = or_else(given == NULL ? url_parts_decode(r, port) : given, "PGPORT", "5432");
    buffer_append_text(label, given);
    return 0;
}

/* host:port/database, with a comma between several hosts. */
static int append_label(const struct url_reading *r, struct buffer *label)
{
    struct url_span rest = r->hosts;
    struct url_span item;
    for (bool first = true; url_parts_next(&rest, ',', &item); first = false) {
        if (!first) buffer_append_char(label, ',');
        if (append_host(r, label, item) != 0) return -1;
    }

    struct url_span path = r->path;
    if (path.length > 0) path = (struct url_span){path.at + 1, path.length - 1};
    const char *database = url_parts_parameter(r, "dbname");
    database =
        or_else(database == NULL ? url_parts_decode(r, path) : database, "PGDATABASE", NULL);
    if (database != NULL) buffer_append_format(label, "/%s", database);
    return 0;
}

static int label_postgresql(const struct url_reading *r)
{
    struct buffer label = {0};
    int result = append_label(r, &label);
    if (result == 0) r->url->label = arena_text(r->arena, buffer_text(&label));
    if (result == 0 && r->url->label == NULL) result = error_memory(r->err);
    buffer_release(&label);
    return result;
}

int url_sql_postgresql(struct url_reading *r)
{
    r->url->kind = URL_POSTGRESQL;
    if (url_parts_split(r) != 0) return -1;
    /* libpq ends the user information at the first '@' before a '/', whatever else it has
     * passed. */
    if (r->stray && (r->path.length == 0 || memchr(r->path.at, '@', r->path.length) != NULL))
        return url_parts_refuse_stray(r);
    if (check_parameters(r) != 0 || label_postgresql(r) != 0) return -1;
    return url_redacted_write(r);
}

/* ---- SQLite ------------------------------------------------------------------------------ */

int url_sql_use_path(const struct url_reading *r, const char *path)
{
    r->url->kind = URL_SQLITE;
    if (path == NULL) return error_memory(r->err);
    if (path[0] == '\0') return url_parts_refuse(r, "names no file");
    if (strcmp(path, ":memory:") == 0)
        return url_parts_refuse(
            r, "a database in memory cannot remember what was done; name a file");
    r->url->path = path;
    r->url->label = path;
    return 0;
}

int url_sql_sqlite(struct url_reading *r)
{
    const char *rest = r->url->text + r->scheme.length;
    size_t length = strcspn(rest, "?");
    if (rest[length] == '?')
        return url_parts_refuse(
            r, "a SQLite URL takes no parameters; write a ? in a file's name as %%3F%s",
            r->url->advice);
    if (strncmp(rest, "//", 2) == 0) {
        if (rest[2] != '/') return url_parts_refuse(r, "write sqlite:PATH or sqlite:///PATH");
        rest += 2;
        length -= 2;
    }
    if (url_sql_use_path(r, url_parts_decode(r, (struct url_span){rest, length})) != 0)
        return -1;
    r->url->redacted = r->url->text;
    return 0;
}

bool url_sql_is_path(const char *text)
{
    static const char *const endings[] = {".db", ".sqlite", ".sqlite3"};
    const char *colon = strchr(text, ':');
    const char *slash = strchr(text, '/');
    if (colon != NULL && (slash == NULL || colon < slash)) return false;
    if (strcasestr(text, "password") != NULL && strchr(text, '=') != NULL) return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (file_has_ending(text, endings[i])) return true;
    }
    return false;
}

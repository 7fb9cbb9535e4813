/*
 * A URL's pieces: where they begin and end, what their escapes mean, and how to complain of
 * them.
 *
 * No complaint quotes what could be a password in the wrong place: neither a port nor a path,
 * and nothing at all where an '@' stands behind the user information, for then a password was
 * not escaped and its end is anybody's guess. Which schemes and parameters there are is the
 * other modules' affair.
 */
#include "url_parts.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "number.h"
#include "url.h"

enum { MOST_PORT = 65535 };

/* ---- complaints -------------------------------------------------------------------------- */

int url_parts_refuse_stray(const struct url_reading *r)
{
    return error_set(r->err, ERROR_INVALID,
                     "%s: cannot tell where the password ends; within a user or a password "
                     "write @ as %%40, / as %%2F, ? as %%3F, # as %%23 and %% as %%25",
                     r->url->name);
}

int url_parts_refuse(const struct url_reading *r, const char *format, ...)
{
    char why[512];
    va_list arguments;
    if (r->stray) return url_parts_refuse_stray(r);
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return error_set(r->err, ERROR_INVALID, "%s: %s", r->url->name, why);
}

/* ---- pieces ------------------------------------------------------------------------------ */

bool url_parts_next(struct url_span *rest, char separator, struct url_span *piece)
{
    if (rest->at == NULL) return false;
    const char *end = memchr(rest->at, separator, rest->length);
    *piece = *rest;
    if (end == NULL) {
        *rest = (struct url_span){0};
        return true;
    }
    piece->length = (size_t)(end - rest->at);
    rest->at = end + 1;
    rest->length -= piece->length + 1;
    return true;
}

bool url_parts_next_parameter(struct url_span *query, struct url_span *name,
                              struct url_span *value)
{
    if (query->length == 0 || !url_parts_next(query, '&', value)) return false;
    (void)url_parts_next(value, '=', name);
    return true;
}

static int hexadecimal(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found =
        c == '\0' ? NULL : strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0));
    return found == NULL ? -1 : (int)(found - digits);
}

int url_parts_check(const struct url_reading *r)
{
    for (const char *at = r->url->text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7f')
            return url_parts_refuse(r, "holds a control character or a line break");
        if (*at != '%') continue;
        if (hexadecimal(at[1]) < 0 || hexadecimal(at[2]) < 0)
            return url_parts_refuse(
                r, "a '%%' needs two hexadecimal digits behind it; write %% as %%25");
        if (at[1] == '0' && at[2] == '0')
            return url_parts_refuse(r, "%%00 cannot be part of a URL");
    }
    return 0;
}

const char *url_parts_decode(const struct url_reading *r, struct url_span span)
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

const char *url_parts_parameter(const struct url_reading *r, const char *name)
{
    struct url_span rest = r->query;
    struct url_span key;
    struct url_span value;
    struct url_span found = {0};
    while (url_parts_next_parameter(&rest, &key, &value)) {
        const char *decoded = url_parts_decode(r, key);
        if (decoded != NULL && strcmp(decoded, name) == 0) found = value;
    }
    return url_parts_decode(r, found);
}

int url_parts_split(struct url_reading *r)
{
    const char *rest = r->url->text + r->scheme.length;
    const char *at = memchr(rest, '@', strcspn(rest, "/?"));
    if (at != NULL) {
        struct url_span information = {rest, (size_t)(at - rest)};
        (void)url_parts_next(&information, ':', &r->user);
        r->password = information;
        rest = at + 1;
    }
    r->stray = strchr(rest, '@') != NULL;
    r->hosts = (struct url_span){rest, strcspn(rest, "/?")};
    rest += r->hosts.length;
    r->path = (struct url_span){rest, strcspn(rest, "?")};
    rest += r->path.length;
    if (*rest == '?') r->query = (struct url_span){rest + 1, strlen(rest + 1)};
    return memchr(r->hosts.at, '@', r->hosts.length) == NULL ? 0 : url_parts_refuse_stray(r);
}

/* ---- hosts and ports --------------------------------------------------------------------- */

int url_parts_host(const struct url_reading *r, struct url_span text, struct url_span *host,
                   struct url_span *port)
{
    if (text.length > 0 && text.at[0] == '[') {
        const char *close = memchr(text.at, ']', text.length);
        if (close == NULL || close == text.at + 1)
            return url_parts_refuse(r, "an IPv6 address stands in brackets: [::1]");
        *host = (struct url_span){text.at + 1, (size_t)(close - text.at) - 1};
        *port = (struct url_span){close + 1, text.length - host->length - 2};
        if (port->length == 0) {
            *port = (struct url_span){0};
            return 0;
        }
        if (*port->at != ':')
            return url_parts_refuse(r, "only a port may follow the brackets of a host");
        *port = (struct url_span){port->at + 1, port->length - 1};
        return 0;
    }
    (void)url_parts_next(&text, ':', host);
    *port = text;
    if (text.at != NULL && memchr(text.at, ':', text.length) != NULL)
        return url_parts_refuse(r, "an IPv6 address stands in brackets: [::1]");
    return 0;
}

int url_parts_port(const struct url_reading *r, struct url_span span, int *port)
{
    int64_t number = 0;
    if (span.length == 0) return 0; /* "host:" means the default */
    if (number_parse(span.at, span.length, 1, MOST_PORT, &number) != 0)
        return url_parts_refuse(r, "the port is not a number from 1 to %d", MOST_PORT);
    *port = (int)number;
    return 0;
}

/*
 * A URL as it may be shown.
 *
 * A password goes wherever it stands: behind the user, alone in front of the host, in a
 * parameter whose name says that it is a secret. Everything else stays as it was written, so
 * that who reads it knows the URL again.
 */
#include "url_redacted.h"

#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "error.h"
#include "url.h"
#include "url_parts.h"

static void append_span(struct buffer *buf, struct url_span span)
{
    if (span.at != NULL) buffer_append(buf, span.at, span.length);
}

/* Whether a parameter's name says that its value is a secret: password, sslpassword,
 * oauth_client_secret, scram_client_key, and what others call theirs. */
static bool is_secret(const struct url_reading *r, struct url_span name)
{
    static const char *const words[] = {"pass", "pwd", "secret", "token", "scram"};
    const char *decoded = url_parts_decode(r, name);
    for (size_t i = 0; decoded != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcasestr(decoded, words[i]) != NULL) return true;
    }
    return false;
}

static void redact_query(const struct url_reading *r, struct buffer *buf)
{
    struct url_span rest = r->query;
    struct url_span name;
    struct url_span value;
    char separator = '?';
    while (url_parts_next_parameter(&rest, &name, &value)) {
        bool secret = is_secret(r, name) && value.length > 0;
        if (secret) r->url->has_password = true;
        /* Behind a stray '@' it may be the end of a password after all. */
        if (value.at != NULL && memchr(value.at, '@', value.length) != NULL) secret = true;
        buffer_append_char(buf, separator);
        append_span(buf, name);
        if (value.at != NULL) buffer_append_char(buf, '=');
        append_span(buf, secret ? (struct url_span){"***", 3} : value);
        separator = '&';
    }
}

int url_redacted_write(const struct url_reading *r)
{
    struct buffer buf = {0};
    r->url->has_password = r->password.length > 0;

    append_span(&buf, r->scheme);
    if (r->user.at != NULL) {
        /* What stands alone there is the user, but to redis-cli it is the password. */
        bool alone = r->password.at == NULL && r->url->kind != URL_POSTGRESQL;
        append_span(&buf, alone ? (struct url_span){"***", 3} : r->user);
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

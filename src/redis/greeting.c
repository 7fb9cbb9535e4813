/*
 * The first words to a server, and what it answers.
 *
 * All is said at once, so that a far server is waited for once and not for every word: behind a
 * word that is refused, the others only look, and do no harm. The answers are judged in their
 * order, so that the first that is bad is what is told. What makes a server unfit to be written
 * to is only noted: it may still be looked at. Nothing is sent here.
 */
#include "greeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "command.h"
#include "reply.h"
#include "url.h"

/* Put what the server refused in front of its own words. Returns -1. */
static int refuse(const struct reply *reply, const char *what, struct error *err)
{
    (void)reply_error(reply, err);
    (void)error_prefix(err, "%s: ", what);
    err->code = ERROR_REDIS_UNREACHABLE;
    err->passing = reply_trouble(reply) == REPLY_PASSING ||
                   strstr(reply->text, "max number of clients") != NULL;
    return -1;
}

/* The server does answer, and lets us in by somebody's decision only: nothing to wait for. */
static int refuse_entry(const struct reply *reply, const char *what, struct error *err)
{
    (void)refuse(reply, what, err);
    if (err->passing) return -1;
    const struct error why = *err;
    return error_set(err, ERROR_OPERATOR,
                     "%s: --redis (or REDFERRY_REDIS) has to carry the user and the password "
                     "that it knows",
                     why.message);
}

/* ---- who we are ------------------------------------------------------------------------- */

static bool say_password(const struct url *url, struct buffer *out)
{
    const char *password = url->password == NULL ? "" : url->password;
    if (url->user == NULL && url->password == NULL) return false;
    if (url->user == NULL)
        command_append_texts(out, 2, (const char *const[]){"AUTH", password});
    else
        command_append_texts(out, 3, (const char *const[]){"AUTH", url->user, password});
    return true;
}

static int hear_password(struct greeting *greeting, const struct url *url,
                         const struct reply *reply, struct error *err)
{
    (void)greeting;
    (void)url;
    if (reply->type != REPLY_ERROR) return 0;
    return refuse_entry(
        reply,
        reply_trouble(reply) == REPLY_PASSING ? "AUTH" : "the server refused the password",
        err);
}

static bool say_name(const struct url *url, struct buffer *out)
{
    (void)url;
    command_append_texts(out, 3, (const char *const[]){"CLIENT", "SETNAME", "redferry"});
    return true;
}

static int hear_name(struct greeting *greeting, const struct url *url,
                     const struct reply *reply, struct error *err)
{
    (void)greeting;
    (void)url;
    if (reply->type != REPLY_ERROR) return 0;
    if (reply_is_error(reply, "NOAUTH"))
        return refuse_entry(reply, "the server asks for a password", err);
    /* The name is a courtesy that an ACL may deny. */
    if (reply_is_error(reply, "NOPERM")) return 0;
    return refuse(reply, "the server refused the connection", err);
}

static bool say_database(const struct url *url, struct buffer *out)
{
    char number[16];
    if (url->database == 0) return false;
    (void)snprintf(number, sizeof number, "%d", url->database);
    command_append_texts(out, 2, (const char *const[]){"SELECT", number});
    return true;
}

static int hear_database(struct greeting *greeting, const struct url *url,
                         const struct reply *reply, struct error *err)
{
    char what[64];
    (void)greeting;
    if (reply->type != REPLY_ERROR) return 0;
    (void)snprintf(what, sizeof what, "the server refused database %d", url->database);
    return refuse(reply, what, err);
}

/* ---- what it is ------------------------------------------------------------------------- */

/* What came before, a server also answers while it cannot serve. */
static bool say_ping(const struct url *url, struct buffer *out)
{
    (void)url;
    command_append_texts(out, 1, (const char *const[]){"PING"});
    return true;
}

static int hear_ping(struct greeting *greeting, const struct url *url,
                     const struct reply *reply, struct error *err)
{
    (void)greeting;
    (void)url;
    if (reply->type == REPLY_ERROR && reply_trouble(reply) == REPLY_PASSING)
        return refuse(reply, "the server is not ready", err);
    return 0;
}

/* The value of a line "name:value" of INFO, copied to text. Returns whether there is one. */
static bool info_value(const struct reply *info, const char *name, char *text, size_t size)
{
    size_t length = strlen(name);
    const char *line = info->text;
    while (line != NULL && (strncmp(line, name, length) != 0 || line[length] != ':')) {
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    if (line == NULL) return false;
    (void)snprintf(text, size, "%.*s", (int)strcspn(line + length + 1, "\r\n"),
                   line + length + 1);
    return true;
}

static bool is_too_old(const char *version)
{
    char *end = NULL;
    long major = strtol(version, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major < 6 || (major == 6 && minor < 2);
}

/* Returns 0, or -1 with err where what INFO says is nothing that we can work with. */
static int check_version(struct greeting *greeting, const struct reply *info, struct error *err)
{
    char mode[32] = "";
    if (info->type == REPLY_ERROR) return reply_error(info, err);
    if (info->type != REPLY_TEXT ||
        !info_value(info, "redis_version", greeting->version, sizeof greeting->version))
        return error_set(err, ERROR_INVALID, "the server does not say its version");
    if (is_too_old(greeting->version)) {
        return error_set(err, ERROR_INVALID, "this is Redis %s: redferry needs 6.2 or newer",
                         greeting->version);
    }
    if (info_value(info, "redis_mode", mode, sizeof mode) && strcmp(mode, "cluster") == 0)
        return error_set(err, ERROR_INVALID, "a Redis Cluster is not supported yet");
    return 0;
}

static bool say_info(const struct url *url, struct buffer *out)
{
    (void)url;
    command_append_texts(out, 2, (const char *const[]){"INFO", "server"});
    return true;
}

static int hear_info(struct greeting *greeting, const struct url *url,
                     const struct reply *reply, struct error *err)
{
    (void)url;
    (void)err;
    (void)check_version(greeting, reply, &greeting->unfit);
    return 0;
}

/* The same of ROLE. A replica does answer, and becomes a primary by somebody's decision only:
 * to wait is worth while behind a failover, for whoever has written here before. */
static int check_role(const struct reply *role, struct error *err)
{
    const struct reply *kind = reply_element(role, 0);
    const struct reply *host = reply_element(role, 1);
    const struct reply *port = reply_element(role, 2);
    if (role->type == REPLY_ERROR) return reply_error(role, err);
    if (kind == NULL || kind->type != REPLY_TEXT)
        return error_set(err, ERROR_INVALID, "the server does not say its role");
    if (strcmp(kind->text, "master") == 0) return 0;

    if (strcmp(kind->text, "slave") == 0 && host != NULL && host->type == REPLY_TEXT &&
        port != NULL && port->type == REPLY_INTEGER) {
        (void)error_set(err, ERROR_OPERATOR,
                        "a replica of %s:%lld: redferry writes to a primary, and --redis has "
                        "to name it",
                        host->text, (long long)port->integer);
    } else {
        (void)error_set(err, ERROR_OPERATOR,
                        "a %s: redferry writes to a primary, and --redis has to name it",
                        kind->text);
    }
    err->passing = true;
    return -1;
}

static bool say_role(const struct url *url, struct buffer *out)
{
    (void)url;
    command_append_texts(out, 1, (const char *const[]){"ROLE"});
    return true;
}

static int hear_role(struct greeting *greeting, const struct url *url,
                     const struct reply *reply, struct error *err)
{
    (void)url;
    (void)err;
    if (greeting->unfit.code == ERROR_NONE) (void)check_role(reply, &greeting->unfit);
    return 0;
}

/* ---- all of it -------------------------------------------------------------------------- */

static const struct {
    bool (*say)(const struct url *url, struct buffer *out); /* false: there is no need */
    int (*hear)(struct greeting *greeting, const struct url *url, const struct reply *reply,
                struct error *err);
} words[GREETING_WORDS] = {
    {say_password, hear_password}, {say_name, hear_name}, {say_database, hear_database},
    {say_ping, hear_ping},         {say_info, hear_info}, {say_role, hear_role},
};

static void skip_unsaid(struct greeting *greeting)
{
    while (greeting->heard < GREETING_WORDS && !greeting->is_said[greeting->heard])
        greeting->heard++;
}

void greeting_append(struct greeting *greeting, const struct url *url, struct buffer *out)
{
    *greeting = (struct greeting){0};
    for (size_t i = 0; i < GREETING_WORDS; i++) greeting->is_said[i] = words[i].say(url, out);
    skip_unsaid(greeting);
}

bool greeting_is_due(const struct greeting *greeting)
{
    return greeting->heard < GREETING_WORDS;
}

int greeting_hear(struct greeting *greeting, const struct url *url, const struct reply *reply,
                  struct error *err)
{
    const int result = words[greeting->heard++].hear(greeting, url, reply, err);
    skip_unsaid(greeting);
    return result;
}

#ifndef REDFERRY_FAKE_REDIS_H
#define REDFERRY_FAKE_REDIS_H

/* Needs <cmocka.h> before it. */

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "buffer.h"
#include "error.h"
#include "reply.h"

/*
 * A server for what a real one cannot be made to do on purpose: to refuse just this transaction
 * and run those behind it, which are on the wire already. It serves one connection in a thread
 * of its own, understands MULTI and EXEC, and says yes to everything else. Or it answers what
 * the real one that is installed does not know yet, or does not say any more.
 */
struct fake_redis_reply {
    const char *name;
    const char *reply; /* RESP without the last CRLF; NULL: never */
};

struct fake_redis {
    /* Set before fake_redis_start(). */
    const struct fake_redis_reply
        *replies; /* each once, in this order, to the next command of that name; NULL: none */
    const char *const
        *answers; /* to the first EXEC, the second …; NULL: run it; ends with "" */
    size_t hold;  /* answer nothing before so many EXECs have come */

    /* Good after fake_redis_join(). */
    struct buffer ran;     /* for each transaction that ran, the first argument of its first
                              command, and a blank */
    struct buffer replied; /* the commands that got one of the replies, a line each */

    char path[108];
    int listener;
    pthread_t thread;
    bool in_multi;
    size_t queued;
    size_t execs;
    size_t answered; /* answers used up */
    char first[64];
    struct buffer out;
};

static inline void fake_redis_exec(struct fake_redis *fake)
{
    const char *answer = NULL;
    if (fake->answers != NULL &&
        (fake->answers[fake->answered] == NULL || fake->answers[fake->answered][0] != '\0'))
        answer = fake->answers[fake->answered++];
    fake->execs++;
    fake->in_multi = false;
    if (answer != NULL) {
        buffer_append_format(&fake->out, "%s\r\n", answer);
        return;
    }
    buffer_append_format(&fake->ran, "%s ", fake->first);
    buffer_append_format(&fake->out, "*%zu\r\n", fake->queued);
    for (size_t i = 0; i < fake->queued; i++) buffer_append_text(&fake->out, ":1\r\n");
}

static inline void fake_redis_reply(struct fake_redis *fake, const struct reply *command)
{
    const struct fake_redis_reply *reply = fake->replies++;
    for (size_t i = 0; i < command->count; i++)
        buffer_append_format(&fake->replied, "%s%s", i > 0 ? " " : "",
                             reply_element(command, i)->text);
    buffer_append_text(&fake->replied, "\n");
    if (reply->reply != NULL) buffer_append_format(&fake->out, "%s\r\n", reply->reply);
}

static inline void fake_redis_command(struct fake_redis *fake, const struct reply *command)
{
    const char *name = reply_element(command, 0)->text;
    const struct reply *argument = reply_element(command, 1);
    if (fake->replies != NULL && fake->replies->name != NULL &&
        strcmp(name, fake->replies->name) == 0) {
        fake_redis_reply(fake, command);
    } else if (strcmp(name, "EXEC") == 0) {
        fake_redis_exec(fake);
    } else if (fake->in_multi && strcmp(name, "DISCARD") != 0) {
        if (fake->queued++ == 0 && argument != NULL)
            (void)snprintf(fake->first, sizeof fake->first, "%s", argument->text);
        buffer_append_text(&fake->out, "+QUEUED\r\n");
    } else {
        fake->in_multi = strcmp(name, "MULTI") == 0;
        fake->queued = 0;
        buffer_append_text(&fake->out, "+OK\r\n");
    }
}

static inline void *fake_redis_serve(void *context)
{
    struct fake_redis *fake = context;
    struct reply_reader *reader = NULL;
    const struct reply *command = NULL;
    struct error err = {0};
    char bytes[4096];
    ssize_t got = 0;
    int client = accept(fake->listener, NULL, NULL);
    if (client < 0 || reply_reader_new(&reader, &err) != 0) return NULL;
    while ((got = recv(client, bytes, sizeof bytes, 0)) > 0) {
        (void)reply_reader_feed(reader, bytes, (size_t)got, &err);
        while (reply_reader_next(reader, &command, &err) == 1)
            fake_redis_command(fake, command);
        if (fake->execs > 0 && fake->execs < fake->hold) continue;
        if (send(client, fake->out.bytes, fake->out.length, MSG_NOSIGNAL) < 0) break;
        buffer_clear(&fake->out);
    }
    reply_reader_free(reader);
    (void)close(client);
    return NULL;
}

/* Listen on directory/fake. */
static inline void fake_redis_start(struct fake_redis *fake, const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(fake->path, sizeof fake->path, "%.90s/fake", directory);
    memcpy(address.sun_path, fake->path, sizeof fake->path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)unlink(fake->path);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listener, 1), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_redis_serve, fake), 0);
}

/* Wait until its connection was closed. */
static inline void fake_redis_join(struct fake_redis *fake)
{
    assert_int_equal(pthread_join(fake->thread, NULL), 0);
    (void)close(fake->listener);
}

static inline void fake_redis_release(struct fake_redis *fake)
{
    buffer_release(&fake->ran);
    buffer_release(&fake->replied);
    buffer_release(&fake->out);
}

#endif

/*
 * Who hears what a migration publishes: a subscriber to every channel, as real as any.
 *
 * What a client is sent comes in the order in which it happened. So a PING that is answered
 * says that everything published before it is there: nobody waits for luck, and nothing that
 * comes late is missed. While a migration runs nobody reads here; Redis keeps what was said,
 * and the private server is told to keep any amount of it.
 *
 * Shard channels cannot be subscribed to by pattern, and which there will be nobody knows
 * beforehand. So for a migration that may speak on them the same connection is a MONITOR as
 * well, which is told of every SPUBLISH, a script's included, in its place among the messages.
 * It is told of every other command, too, which is why it is no MONITOR otherwise.
 *
 * What should have been heard is not known here (heard.c).
 */
#include "audience.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "command_line.h"
#include "connection.h"
#include "error.h"
#include "heard.h"
#include "migration.h"
#include "reply.h"
#include "template.h"

/* Send one command, whose answers are awaited one by one. */
static int say(struct audience *audience, size_t count, const char *const *words,
               struct error *err)
{
    struct buffer bytes = {0};
    int result = -1;
    command_append_texts(&bytes, count, words);
    if (buffer_failed(&bytes))
        (void)error_memory(err);
    else
        result = connection_call_all(audience->connection, bytes.bytes, bytes.length, err);
    buffer_release(&bytes);
    return result;
}

/* Send a command, and take its answer. */
static int ask(struct audience *audience, size_t count, const char *const *words,
               struct error *err)
{
    const struct reply *reply = NULL;
    if (say(audience, count, words, err) != 0 ||
        connection_answer(audience->connection, &reply, err) != 0)
        return -1;
    return reply->type == REPLY_ERROR ? reply_error(reply, err) : 0;
}

static int subscribe(struct audience *audience, struct error *err)
{
    static const char *const words[] = {"PSUBSCRIBE", "*"};
    return ask(audience, 2, words, err);
}

int audience_open(struct audience *audience, const struct url *url, const struct stop *stop,
                  struct error *err)
{
    *audience = (struct audience){0};
    if (connection_open(&audience->connection, url, stop, err) != 0) return -1;
    return subscribe(audience, err);
}

/* A subscriber may not become a MONITOR, but a MONITOR a subscriber. */
static int become_monitor(struct audience *audience, struct error *err)
{
    static const char *const words[] = {"MONITOR"};
    if (connection_reopen(audience->connection, err) != 0) return -1;
    return ask(audience, 1, words, err) == 0 ? subscribe(audience, err) : -1;
}

/* Whether a command may send to a shard channel: of what scripts and modules do, nothing is
 * known. */
static bool may_reach_shards(const struct command *command)
{
    static const char *const names[] = {"SPUBLISH", "EVAL", "EVALSHA", "FCALL"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (command_is_word(command, 0, names[i])) return true;
    return command->facts == NULL;
}

static bool may_any_reach_shards(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        for (size_t j = 0; j < steps->items[i].command_count; j++)
            if (may_reach_shards(&steps->items[i].commands[j])) return true;
    return false;
}

int audience_attend(struct audience *audience, const struct migration *migration,
                    struct error *err)
{
    const bool shards =
        may_any_reach_shards(&migration->up) || may_any_reach_shards(&migration->down);
    return shards ? become_monitor(audience, err) : 0;
}

void audience_close(struct audience *audience)
{
    connection_close(audience->connection);
    *audience = (struct audience){0};
}

static bool begins_with(const struct reply *array, const char *word)
{
    const struct reply *first = reply_element(array, 0);
    return first != NULL && first->text != NULL && strcmp(first->text, word) == 0;
}

/* pmessage, pattern, channel, message. */
static int keep_message(struct heard *heard, const struct reply *array, struct error *err)
{
    const struct reply *channel = reply_element(array, 2), *message = reply_element(array, 3);
    if (channel == NULL || message == NULL) return 0;
    const struct heard_message item = {channel->text, channel->length, message->text,
                                       message->length};
    return heard_keep(heard, &item, err);
}

/* The words of a command as MONITOR quotes them: as redis-cli does, but for placeholders, which
 * it does not know. */
static int read_words(const char *words, struct command_line *line, struct arena *arena,
                      struct error *err)
{
    struct buffer text = {0};
    for (; *words != '\0'; words++) {
        if (*words == '$')
            buffer_append_text(&text, "\\x24");
        else
            buffer_append_char(&text, *words);
    }
    const int result = buffer_failed(&text)
                           ? error_memory(err)
                           : command_line_split(line, text.bytes, text.length, arena, err);
    buffer_release(&text);
    return result;
}

/* Keep the message where a MONITOR's line, `TIME [DATABASE CLIENT] "SPUBLISH" "…" "…"`, is of
 * one. */
static int keep_shard_message(struct heard *heard, const struct reply *status,
                              struct error *err)
{
    static const char name[] = "\"SPUBLISH\" ";
    struct command_line line;
    struct heard_message item = {0};
    const char *words = strstr(status->text, "] \"");
    if (words == NULL || strncasecmp(words + 2, name, sizeof name - 1) != 0) return 0;
    if (read_words(words + 2, &line, &heard->arena, err) != 0) return -1;
    if (line.count != 3 ||
        !template_is_literal(line.arguments[1], &item.channel, &item.channel_length) ||
        !template_is_literal(line.arguments[2], &item.message, &item.message_length))
        return error_set(err, ERROR_FAILED, "MONITOR tells in an unknown form: %s",
                         status->text);
    return heard_keep(heard, &item, err);
}

int audience_take(struct audience *audience, struct heard *heard, struct error *err)
{
    static const char *const words[] = {"PING", "all of it"};
    const struct reply *reply = NULL;
    heard_release(heard);
    if (say(audience, 2, words, err) != 0) return -1;
    for (;;) {
        if (connection_answer(audience->connection, &reply, err) != 0) return -1;
        if (begins_with(reply, "pong")) return 0;
        if (begins_with(reply, "pmessage") && keep_message(heard, reply, err) != 0) return -1;
        if (reply->type == REPLY_STATUS && keep_shard_message(heard, reply, err) != 0)
            return -1;
    }
}

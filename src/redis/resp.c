/*
 * Commands in RESP, read again.
 *
 * What a batch holds is bytes for the server. Where one of its commands is to be named, kept or
 * looked into, it is found in these bytes, so that nothing has to be kept beside them for the
 * rare case. Replies are reply.h's; nothing but arrays of bulk strings is understood here.
 */
#include "resp.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "number.h"

/* Read "<mark><number>\r\n" off the front. */
static bool read_number(struct resp *resp, char mark, size_t *number)
{
    const char *end = resp->length == 0 ? NULL : memchr(resp->bytes, '\r', resp->length);
    int64_t parsed = 0;
    if (end == NULL || resp->bytes[0] != mark) return false;
    size_t length = (size_t)(end - resp->bytes);
    if (length + 2 > resp->length || end[1] != '\n') return false;
    if (number_parse(resp->bytes + 1, length - 1, 0, INT32_MAX, &parsed) != 0) return false;
    *number = (size_t)parsed;
    resp->bytes += length + 2;
    resp->length -= length + 2;
    return true;
}

static bool read_bulk(struct resp *resp, struct resp_argument *argument)
{
    size_t length = 0;
    if (!read_number(resp, '$', &length) || length + 2 > resp->length) return false;
    *argument = (struct resp_argument){resp->bytes, length};
    resp->bytes += length + 2;
    resp->length -= length + 2;
    return true;
}

bool resp_next(struct resp *resp, struct resp_command *command)
{
    struct resp rest = *resp;
    struct resp_argument argument;
    *command = (struct resp_command){.bytes = resp->bytes};
    if (!read_number(&rest, '*', &command->count) || command->count == 0) return false;
    command->arguments.bytes = rest.bytes;
    for (size_t i = 0; i < command->count; i++) {
        if (!read_bulk(&rest, &argument)) return false;
    }
    command->arguments.length = (size_t)(rest.bytes - command->arguments.bytes);
    command->length = (size_t)(rest.bytes - resp->bytes);
    *resp = rest;
    return true;
}

bool resp_argument(struct resp_command *command, struct resp_argument *argument)
{
    return read_bulk(&command->arguments, argument);
}

bool resp_is_word(const struct resp_argument *argument, const char *word)
{
    return argument->length == strlen(word) &&
           strncasecmp(argument->bytes, word, argument->length) == 0;
}

#ifndef REDFERRY_WIRE_WORDS_H
#define REDFERRY_WIRE_WORDS_H

/* Needs <cmocka.h> before it. Arguments and replies from short texts. */

#include <string.h>

#include "arena.h"
#include "error.h"
#include "expectation.h"
#include "reply.h"
#include "resp.h"

enum { WIRE_WORDS_MOST = 16 };

/* Arguments from a line that is split at blanks; '_' is an empty one. They live in arena. */
static inline struct arguments wire_words(struct arena *arena, const char *line)
{
    struct resp_argument *words = arena_array(arena, WIRE_WORDS_MOST, sizeof *words);
    char *copy = arena_text(arena, line);
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "_") == 0) *word = '\0';
        words[count++] = (struct resp_argument){word, strlen(word)};
    }
    return (struct arguments){words, count};
}

/* A reader to give replies out; with the bytes of one whole reply fed. */
static inline const struct reply *wire_reply(struct reply_reader *reader, const char *bytes)
{
    struct error err = {0};
    const struct reply *reply = NULL;
    if (reply_reader_feed(reader, bytes, strlen(bytes), &err) != 0 ||
        reply_reader_next(reader, &reply, &err) != 1)
        fail_msg("no reply in '%s': %s", bytes, err.message);
    return reply;
}

#endif

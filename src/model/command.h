#ifndef REDFERRY_COMMAND_H
#define REDFERRY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "row.h"

struct arena;
struct buffer;
struct command_facts;
struct command_layout;
struct error;
struct template;

/*
 * One Redis command as a migration says it: templates for arguments, filled in from each row
 * straight into the wire's form (RESP). The name is literal. Split into arguments before
 * anything is filled in, so that a value never becomes a second argument. Lives in an arena.
 */
struct command {
    const char *text; /* as written, one line, for messages; terminated */
    int line;         /* where it stands in its file */
    int column;
    bool is_publish;                   /* made from `publish`, not from `write` */
    const struct command_facts *facts; /* NULL: a command that redferry knows nothing of */
    struct template **arguments;       /* the name is the first */
    size_t argument_count;             /* at least 1 */
    struct command_layout *layout;     /* for the wire; command.c's own */
};

/* Split a line of length bytes as redis-cli does (command_line_split()) and compile it. Returns
 * 0 with *out filled, or -1 with err (ERROR_INVALID, no place in it): an unclosed quote, text
 * behind a closing quote, a placeholder in the name, a literal key that is empty, nothing at
 * all. */
int command_parse(struct command *out, const char *line, size_t length, struct arena *arena,
                  struct error *err);

/* The same from count arguments, each already one argument (lengths: their bytes). */
int command_parse_list(struct command *out, const char *const *arguments, const size_t *lengths,
                       size_t count, struct arena *arena, struct error *err);

/* Make PUBLISH channel message; both are templates. */
int command_parse_publish(struct command *out, const char *channel, const char *message,
                          struct arena *arena, struct error *err);

/* Find the columns of every placeholder; see template_bind(). The message names the command.
 * columns are borrowed for as long as rows of them are rendered; the names that ${*} gives are
 * laid out in the command's own arena. */
int command_bind(struct command *command, const struct columns *columns, struct error *err);

/*
 * Append the command for row, in RESP, to buf. Returns 0, or -1 with err (ERROR_FAILED): a NULL
 * in ${column}, an empty key, a value over 512 MB, ${*} with no pair left, a key that begins
 * with "redferry:". buf then is as long as it was before. Commands of different rows may share
 * buf; it is only ever appended to.
 */
int command_render(const struct command *command, const struct row *row, struct buffer *buf,
                   struct error *err);

/* Append the command for row as a person would type it into redis-cli, quoted where needed.
 * Returns 0 or -1 with err. */
int command_render_text(const struct command *command, const struct row *row,
                        struct buffer *buf, struct error *err);

/* Append one RESP command of count given arguments to buf: for commands that no migration
 * wrote. */
void command_append(struct buffer *buf, size_t count, const char *const *arguments,
                    const size_t *lengths);

/* The same from terminated texts. */
void command_append_texts(struct buffer *buf, size_t count, const char *const *arguments);

#endif

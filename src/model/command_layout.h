#ifndef REDFERRY_COMMAND_LAYOUT_H
#define REDFERRY_COMMAND_LAYOUT_H

#include <stddef.h>
#include <string.h>

struct arena;
struct buffer;
struct columns;
struct command;
struct error;
struct template;
struct template_piece;

/*
 * A command as the wire has it, once for all rows: fixed bytes, and between them the slots that
 * each row fills in. All of it lives in the command's arena. Only command.c includes this.
 */

/* A number's line, "$536870912\r\n" or "*1048576\r\n", is shorter. */
enum { COMMAND_HEADER_SIZE = 24 };

/* What is looked at in an argument once it is filled in. */
enum command_key {
    COMMAND_KEY_NONE,
    COMMAND_KEY_PERHAPS, /* of an unknown command: it may not be one of redferry's own keys */
    COMMAND_KEY_CERTAIN  /* nor may it be empty */
};

/* How an argument that each row fills in is laid out. */
enum command_slot_kind {
    COMMAND_SLOT_MEASURED, /* its length is the sum of its pieces' */
    COMMAND_SLOT_JSON,     /* its length is known once it is rendered */
    COMMAND_SLOT_PAIRS     /* ${*}: several arguments */
};

/* Bytes that no row changes. COMMAND_FIXED_ROOM of them are there in any case, so that a short
 * run is copied without looking at its length. */
enum { COMMAND_FIXED_ROOM = 32 };

struct command_fixed {
    const char *bytes;
    size_t length;
};

/* One placeholder, and the fixed bytes in front of it. */
struct command_part {
    struct command_fixed before;
    const struct template_piece *piece;
};

/* An argument that each row fills in, and the fixed bytes in front of it. An argument begins
 * with the CRLF that ends the line before it; so all that is fixed around a value is one run of
 * bytes. */
struct command_slot {
    struct command_fixed before; /* its predecessors, up to the '$' of its own length */
    enum command_slot_kind kind;
    const struct template *template;
    struct command_part *parts; /* the CRLF behind its length is the first one's */
    size_t part_count;
    struct command_fixed after; /* literal bytes behind the last placeholder */
    size_t literal_length;      /* of all its literal pieces */
    size_t position;            /* among the arguments */
    enum command_key key;
};

/* A column as ${*} gives it: before holds the name, up to the '$' of the value's length. */
struct command_pair {
    struct command_fixed before;
    const char *name;
    size_t name_length;
    size_t column;
};

/* A command laid out for the wire: before and slot in turn, then the tail. */
struct command_layout {
    struct command_slot *slots;
    size_t slot_count;
    size_t stars; /* how many of them are ${*}; where there are any, the number of arguments
                     differs from row to row, and "*N" is not part of the fixed bytes */
    struct command_fixed tail;
    struct command_pair *pairs; /* what ${*} stands for, once the columns are bound */
    size_t pair_count;
    struct arena *arena;
};

/* Lay out the command, whose name, arguments and facts are known, into command->layout. Returns
 * 0, or -1 with err: a literal key that is empty (ERROR_INVALID), no memory. */
int command_layout_make(struct command *command, struct arena *arena, struct error *err);

/* Lay out the names that ${*} gives of columns, which are borrowed. Returns 0, or -1 with err
 * (no memory). */
int command_layout_bind(struct command_layout *layout, const struct columns *columns,
                        struct error *err);

/* Append the letter that says what the number is of, the number, and CRLF. */
void command_layout_append_header(struct buffer *buf, char type, size_t number);

/* Write the number where there is room for it. Returns the place behind it. */
char *command_layout_put_long(char *out, size_t number);

/* The same; most lengths are below 100. */
static inline char *command_layout_put_number(char *out, size_t number)
{
    if (number >= 100) return command_layout_put_long(out, number);
    if (number >= 10) *out++ = (char)('0' + number / 10);
    *out++ = (char)('0' + number % 10);
    return out;
}

/* Write fixed bytes where there is room for COMMAND_FIXED_ROOM more than them. */
static inline char *command_layout_put_fixed(char *out, const struct command_fixed *fixed)
{
    if (fixed->length <= COMMAND_FIXED_ROOM)
        memcpy(out, fixed->bytes, COMMAND_FIXED_ROOM);
    else
        memcpy(out, fixed->bytes, fixed->length);
    return out + fixed->length;
}

#endif

#ifndef REDFERRY_COMMAND_FACTS_H
#define REDFERRY_COMMAND_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct command;

/* What redferry's own keys begin with. */
#define COMMAND_OWN_KEY "redferry:"

/* Whether a key of length bytes is one of them. */
static inline bool command_is_own_key(const char *key, size_t length)
{
    enum { OWN = sizeof COMMAND_OWN_KEY - 1 };
    return length >= OWN && memcmp(key, COMMAND_OWN_KEY, OWN) == 0;
}

/* What a command may be used for. */
enum command_use {
    COMMAND_ALLOWED,
    COMMAND_REFUSED_CONNECTION, /* changes the connection, or blocks it */
    COMMAND_REFUSED_REACH       /* reaches past a migration: other databases, servers, the
                                   configuration */
};

/* A line of the table of what is known about Redis' commands. */
struct command_facts {
    const char *name; /* upper case */
    enum command_use use;
    bool idempotent; /* done twice in a row leaves what done once leaves, and is no error; where
                        options decide, the best that they can do */
    bool writes;     /* changes data, or tells subscribers something */
    int arity;       /* how many arguments it takes, the name among them; negative: so many, or
                        more; 0: not known */
    int first_key; /* position of the first key among the arguments, the name is 0; 0: none, or
                      not at a fixed place */
    int last_key;  /* the last one; negative: counted from the end (-1 is the last argument) */
    int key_step;  /* distance from key to key */
    int count_at;  /* position of the number of further keys, which follow it; 0: none */
    const char *key_word; /* the option that a further key follows ("STORE"), or NULL */
    bool (*idempotent_when)(const struct command *command); /* decides by the options; NULL: no
                                                               option matters */
};

/* What is known of the command called name (any case), or NULL. */
const struct command_facts *command_facts_find(const char *name, size_t length);

/* The command that is spelt nearly like name (any case, terminated), which is none; NULL: there
 * is none, or the name is plainly another's: that of a module, or of a newer server. */
const char *command_facts_nearest(const char *name);

/* Whether the server would take so many arguments, whatever ${*} becomes. True for a command of
 * which that is not known. */
bool command_arity_fits(const struct command *command);

/* Whether running this very command twice leaves what once leaves, and is no error the second
 * time: its facts, and the options among its literal arguments (ZADD … INCR is not, EXPIRE is
 * in its effect on the value). A command that is not in the table is not idempotent. */
bool command_is_idempotent(const struct command *command);

/* Whether there is an argument at position, and it is literally word, in any case. */
bool command_is_word(const struct command *command, size_t position, const char *word);

/* Whether it tells subscribers something: PUBLISH or SPUBLISH. */
bool command_publishes(const struct command *command);

/* Why a migration may not send this command, or NULL where it may: a refused name, a refused
 * subcommand, a literal key that begins with "redferry:". The text is constant and reads on
 * from "'NAME' is refused: ". */
const char *command_refusal(const struct command *command);

/* The positions of the command's keys among its argument_count arguments, at most most of them,
 * into positions. Returns how many there are, which may be more than most (EVAL's and
 * ZUNIONSTORE's are known where their number is literal). A key may be given by ${*}, whose
 * names are then keys. */
size_t command_keys(const struct command *command, size_t *positions, size_t most);

#endif

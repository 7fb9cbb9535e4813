/*
 * What is known of each Redis command: whether a migration may send it, where its keys are, and
 * whether sending it twice does harm.
 *
 * The guarantee of a step follows from these facts before anything is written, so they err on
 * the careful side: what cannot be shown to be idempotent is not. A command whose second
 * sending is an error (RENAME, XADD with an id) is not idempotent either, since a run that
 * starts over would stop at it. Unknown commands, those of modules above all, are allowed and
 * not idempotent.
 *
 * It does not check arity or syntax: the server does, in the words of its own version.
 */
#include "command_facts.h"

#include <string.h>
#include <strings.h>

#include "command.h"
#include "number.h"
#include "template.h"

enum { FIRST_OPTION = 2 };

static const char OWN_PREFIX[] = "redferry:";

/* ---- looking at arguments --------------------------------------------------------------- */

/* The text of a literal argument; false where it is not there or holds a placeholder. */
static bool literal(const struct command *command, size_t position, const char **text,
                    size_t *length)
{
    return position < command->argument_count &&
           template_is_literal(command->arguments[position], text, length);
}

/* Whether the argument at position is literally word, in any case. */
static bool is_word(const struct command *command, size_t position, const char *word)
{
    const char *text = NULL;
    size_t length = 0;

    return literal(command, position, &text, &length) && length == strlen(word) &&
           strncasecmp(text, word, length) == 0;
}

/* The position of the first argument from position on that is literally word, or 0. */
static size_t find_word(const struct command *command, size_t position, const char *word)
{
    for (; position < command->argument_count; position++)
        if (is_word(command, position, word)) return position;
    return 0;
}

/* The literal integer at position; false where there is none. */
static bool integer_at(const struct command *command, size_t position, int64_t *number)
{
    const char *text = NULL;
    size_t length = 0;

    return literal(command, position, &text, &length) &&
           number_parse(text, length, INT64_MIN, INT64_MAX, number) == 0;
}

/* Whether the arguments at two positions are different whatever the row. */
static bool surely_differ(const struct command *command, size_t one, size_t other)
{
    const struct template *first = command->arguments[one];
    const struct template *second = command->arguments[other];
    const char *first_text = NULL, *second_text = NULL;
    size_t first_length = 0, second_length = 0;

    if (template_is_literal(first, &first_text, &first_length) &&
        template_is_literal(second, &second_text, &second_length))
        return first_length != second_length ||
               memcmp(first_text, second_text, first_length) != 0;
    if (template_is_pairs(first) || template_is_pairs(second)) return false;
    template_prefix(first, &first_text, &first_length);
    template_prefix(second, &second_text, &second_length);
    if (first_length > second_length) first_length = second_length;
    return first_length > 0 && memcmp(first_text, second_text, first_length) != 0;
}

/* ---- what options decide ---------------------------------------------------------------- */

static bool when_zadd(const struct command *command)
{
    static const char *const options[] = {"NX", "XX", "GT", "LT", "CH"};
    size_t position = FIRST_OPTION;
    bool is_option = true;

    while (is_option) {
        is_option = false;
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            if (is_word(command, position, options[i])) is_option = true;
        if (is_option) position++;
    }
    return !is_word(command, position, "INCR");
}

static bool when_bitfield(const struct command *command)
{
    return find_word(command, FIRST_OPTION, "INCRBY") == 0;
}

static bool when_replace(const struct command *command)
{
    return find_word(command, FIRST_OPTION, "REPLACE") != 0;
}

static bool when_function(const struct command *command)
{
    return is_word(command, 1, "LOAD")      ? when_replace(command)
           : is_word(command, 1, "RESTORE") ? when_replace(command)
                                            : !is_word(command, 1, "DELETE");
}

/* A second CREATE of a group is an error. */
static bool when_xgroup(const struct command *command)
{
    return !is_word(command, 1, "CREATE");
}

/* Of several equal elements, LREM with a count removes some more each time. */
static bool when_lrem(const struct command *command)
{
    int64_t count = -1;
    return integer_at(command, 2, &count) && count == 0;
}

/* Kept are the first so many, or the last so many: whatever is kept is kept the next time. */
static bool when_ltrim(const struct command *command)
{
    int64_t start = 0, stop = 0;

    if (!integer_at(command, 2, &start) || !integer_at(command, 3, &stop)) return false;
    return (start == 0 && stop >= -1) || (start < 0 && stop == -1);
}

/* Removed is all behind the first so many, or all before the last so many. */
static bool when_zremrangebyrank(const struct command *command)
{
    int64_t start = 0, stop = 0;

    if (!integer_at(command, 2, &start) || !integer_at(command, 3, &stop)) return false;
    return stop == -1 || (start == 0 && stop < 0);
}

/* Without a path the whole document goes; a path may name an element whose place the next
 * takes. */
static bool when_whole(const struct command *command)
{
    return command->argument_count <= 2;
}

/* A result that is stored over one of its sources would be its own input the next time. The
 * target is the first key, or the one behind the word STORE. */
static bool when_stored_elsewhere(const struct command *command)
{
    enum { MOST = 64 };
    size_t positions[MOST];
    size_t count = command_keys(command, positions, MOST);
    size_t target = 0;

    if (count == 0 || count > MOST) return false;
    if (command->facts->key_word != NULL) target = count - 1;
    for (size_t i = 0; i < count; i++)
        if (i != target && !surely_differ(command, positions[i], positions[target]))
            return false;
    return command->facts->key_word != NULL || count > 1;
}

/* SORT and GEORADIUS only read unless they store. */
static bool when_sorted_elsewhere(const struct command *command)
{
    return find_word(command, FIRST_OPTION, "STORE") == 0 || when_stored_elsewhere(command);
}

static bool when_found_elsewhere(const struct command *command)
{
    return find_word(command, FIRST_OPTION, "STOREDIST") == 0 && when_sorted_elsewhere(command);
}

/* ---- the table -------------------------------------------------------------------------- */

/* clang-format off */
#define NO_KEYS                   0, 0, 0, 0, NULL
#define KEY_AT(position)          position, position, 1, 0, NULL
#define KEYS(first, last, step)   first, last, step, 0, NULL
#define KEYS_COUNTED_AT(position) 0, 0, 0, position, NULL
#define KEYS_BEHIND(word)         0, 0, 0, 0, word
#define KEY_AND_COUNTED           1, 1, 1, 2, NULL
#define KEY_AND_BEHIND(word)      1, 1, 1, 0, word

#define READ(name, ...)  {name, COMMAND_ALLOWED, true, false, __VA_ARGS__}  /* changes nothing */
#define SAME(name, ...)  {name, COMMAND_ALLOWED, true, true, __VA_ARGS__}   /* twice is as once */
#define ONCE(name, ...)  {name, COMMAND_ALLOWED, false, true, __VA_ARGS__}  /* twice is not */
#define CONNECTION(name) {name, COMMAND_REFUSED_CONNECTION, false, false, NO_KEYS, NULL}
#define REACH(name)      {name, COMMAND_REFUSED_REACH, false, true, NO_KEYS, NULL}

/* Sorted by name, case ignored; one line a command. */
static const struct command_facts facts_table[] = {
    REACH("ACL"),
    ONCE("APPEND", KEY_AT(1), NULL),
    CONNECTION("ASKING"),
    CONNECTION("AUTH"),
    REACH("BGREWRITEAOF"),
    REACH("BGSAVE"),
    READ("BITCOUNT", KEY_AT(1), NULL),
    SAME("BITFIELD", KEY_AT(1), when_bitfield),
    READ("BITFIELD_RO", KEY_AT(1), NULL),
    SAME("BITOP", KEYS(2, -1, 1), when_stored_elsewhere),
    READ("BITPOS", KEY_AT(1), NULL),
    CONNECTION("BLMOVE"),
    CONNECTION("BLMPOP"),
    CONNECTION("BLPOP"),
    CONNECTION("BRPOP"),
    CONNECTION("BRPOPLPUSH"),
    CONNECTION("BZMPOP"),
    CONNECTION("BZPOPMAX"),
    CONNECTION("BZPOPMIN"),
    CONNECTION("CLIENT"),
    REACH("CLUSTER"),
    READ("COMMAND", NO_KEYS, NULL),
    REACH("COMMANDLOG"),
    REACH("CONFIG"),
    SAME("COPY", KEYS(1, 2, 1), NULL),
    READ("DBSIZE", NO_KEYS, NULL),
    REACH("DEBUG"),
    ONCE("DECR", KEY_AT(1), NULL),
    ONCE("DECRBY", KEY_AT(1), NULL),
    SAME("DEL", KEYS(1, -1, 1), NULL),
    READ("DIGEST", KEY_AT(1), NULL),
    CONNECTION("DISCARD"),
    READ("DUMP", KEY_AT(1), NULL),
    READ("ECHO", NO_KEYS, NULL),
    ONCE("EVAL", KEYS_COUNTED_AT(2), NULL),
    READ("EVAL_RO", KEYS_COUNTED_AT(2), NULL),
    ONCE("EVALSHA", KEYS_COUNTED_AT(2), NULL),
    READ("EVALSHA_RO", KEYS_COUNTED_AT(2), NULL),
    CONNECTION("EXEC"),
    READ("EXISTS", KEYS(1, -1, 1), NULL),
    SAME("EXPIRE", KEY_AT(1), NULL),
    SAME("EXPIREAT", KEY_AT(1), NULL),
    READ("EXPIRETIME", KEY_AT(1), NULL),
    REACH("FAILOVER"),
    ONCE("FCALL", KEYS_COUNTED_AT(2), NULL),
    READ("FCALL_RO", KEYS_COUNTED_AT(2), NULL),
    REACH("FLUSHALL"),
    REACH("FLUSHDB"),
    SAME("FUNCTION", NO_KEYS, when_function),
    SAME("GEOADD", KEY_AT(1), NULL),
    READ("GEODIST", KEY_AT(1), NULL),
    READ("GEOHASH", KEY_AT(1), NULL),
    READ("GEOPOS", KEY_AT(1), NULL),
    SAME("GEORADIUS", KEY_AND_BEHIND("STORE"), when_found_elsewhere),
    READ("GEORADIUS_RO", KEY_AT(1), NULL),
    SAME("GEORADIUSBYMEMBER", KEY_AND_BEHIND("STORE"), when_found_elsewhere),
    READ("GEORADIUSBYMEMBER_RO", KEY_AT(1), NULL),
    READ("GEOSEARCH", KEY_AT(1), NULL),
    SAME("GEOSEARCHSTORE", KEYS(1, 2, 1), when_stored_elsewhere),
    READ("GET", KEY_AT(1), NULL),
    READ("GETBIT", KEY_AT(1), NULL),
    SAME("GETDEL", KEY_AT(1), NULL),
    SAME("GETEX", KEY_AT(1), NULL),
    READ("GETRANGE", KEY_AT(1), NULL),
    SAME("GETSET", KEY_AT(1), NULL),
    SAME("HDEL", KEY_AT(1), NULL),
    CONNECTION("HELLO"),
    READ("HEXISTS", KEY_AT(1), NULL),
    SAME("HEXPIRE", KEY_AT(1), NULL),
    SAME("HEXPIREAT", KEY_AT(1), NULL),
    READ("HEXPIRETIME", KEY_AT(1), NULL),
    READ("HGET", KEY_AT(1), NULL),
    READ("HGETALL", KEY_AT(1), NULL),
    SAME("HGETDEL", KEY_AT(1), NULL),
    SAME("HGETEX", KEY_AT(1), NULL),
    ONCE("HINCRBY", KEY_AT(1), NULL),
    ONCE("HINCRBYFLOAT", KEY_AT(1), NULL),
    READ("HKEYS", KEY_AT(1), NULL),
    READ("HLEN", KEY_AT(1), NULL),
    READ("HMGET", KEY_AT(1), NULL),
    SAME("HMSET", KEY_AT(1), NULL),
    SAME("HPERSIST", KEY_AT(1), NULL),
    SAME("HPEXPIRE", KEY_AT(1), NULL),
    SAME("HPEXPIREAT", KEY_AT(1), NULL),
    READ("HPEXPIRETIME", KEY_AT(1), NULL),
    READ("HPTTL", KEY_AT(1), NULL),
    READ("HRANDFIELD", KEY_AT(1), NULL),
    READ("HSCAN", KEY_AT(1), NULL),
    SAME("HSET", KEY_AT(1), NULL),
    SAME("HSETEX", KEY_AT(1), NULL),
    SAME("HSETNX", KEY_AT(1), NULL),
    READ("HSTRLEN", KEY_AT(1), NULL),
    READ("HTTL", KEY_AT(1), NULL),
    READ("HVALS", KEY_AT(1), NULL),
    ONCE("INCR", KEY_AT(1), NULL),
    ONCE("INCRBY", KEY_AT(1), NULL),
    ONCE("INCRBYFLOAT", KEY_AT(1), NULL),
    READ("INFO", NO_KEYS, NULL),
    ONCE("JSON.ARRAPPEND", KEY_AT(1), NULL),
    SAME("JSON.DEL", KEY_AT(1), when_whole),
    SAME("JSON.FORGET", KEY_AT(1), when_whole),
    READ("JSON.GET", KEY_AT(1), NULL),
    SAME("JSON.MERGE", KEY_AT(1), NULL),
    READ("JSON.MGET", KEYS(1, -2, 1), NULL),
    SAME("JSON.MSET", KEYS(1, -1, 3), NULL),
    ONCE("JSON.NUMINCRBY", KEY_AT(1), NULL),
    SAME("JSON.SET", KEY_AT(1), NULL),
    READ("JSON.TYPE", KEY_AT(1), NULL),
    READ("KEYS", NO_KEYS, NULL),
    READ("LASTSAVE", NO_KEYS, NULL),
    REACH("LATENCY"),
    READ("LCS", KEYS(1, 2, 1), NULL),
    READ("LINDEX", KEY_AT(1), NULL),
    ONCE("LINSERT", KEY_AT(1), NULL),
    READ("LLEN", KEY_AT(1), NULL),
    ONCE("LMOVE", KEYS(1, 2, 1), NULL),
    ONCE("LMPOP", KEYS_COUNTED_AT(1), NULL),
    READ("LOLWUT", NO_KEYS, NULL),
    ONCE("LPOP", KEY_AT(1), NULL),
    READ("LPOS", KEY_AT(1), NULL),
    ONCE("LPUSH", KEY_AT(1), NULL),
    ONCE("LPUSHX", KEY_AT(1), NULL),
    READ("LRANGE", KEY_AT(1), NULL),
    SAME("LREM", KEY_AT(1), when_lrem),
    SAME("LSET", KEY_AT(1), NULL),
    SAME("LTRIM", KEY_AT(1), when_ltrim),
    READ("MEMORY", KEY_AT(2), NULL),
    READ("MGET", KEYS(1, -1, 1), NULL),
    REACH("MIGRATE"),
    REACH("MODULE"),
    CONNECTION("MONITOR"),
    REACH("MOVE"),
    SAME("MSET", KEYS(1, -1, 2), NULL),
    SAME("MSETNX", KEYS(1, -1, 2), NULL),
    CONNECTION("MULTI"),
    READ("OBJECT", KEY_AT(2), NULL),
    SAME("PERSIST", KEY_AT(1), NULL),
    SAME("PEXPIRE", KEY_AT(1), NULL),
    SAME("PEXPIREAT", KEY_AT(1), NULL),
    READ("PEXPIRETIME", KEY_AT(1), NULL),
    SAME("PFADD", KEY_AT(1), NULL),
    READ("PFCOUNT", KEYS(1, -1, 1), NULL),
    REACH("PFDEBUG"),
    SAME("PFMERGE", KEYS(1, -1, 1), NULL),
    REACH("PFSELFTEST"),
    READ("PING", NO_KEYS, NULL),
    SAME("PSETEX", KEY_AT(1), NULL),
    CONNECTION("PSUBSCRIBE"),
    CONNECTION("PSYNC"),
    READ("PTTL", KEY_AT(1), NULL),
    ONCE("PUBLISH", NO_KEYS, NULL),
    READ("PUBSUB", NO_KEYS, NULL),
    CONNECTION("PUNSUBSCRIBE"),
    CONNECTION("QUIT"),
    READ("RANDOMKEY", NO_KEYS, NULL),
    CONNECTION("READONLY"),
    CONNECTION("READWRITE"),
    ONCE("RENAME", KEYS(1, 2, 1), NULL),
    ONCE("RENAMENX", KEYS(1, 2, 1), NULL),
    CONNECTION("REPLCONF"),
    REACH("REPLICAOF"),
    CONNECTION("RESET"),
    SAME("RESTORE", KEY_AT(1), when_replace),
    REACH("RESTORE-ASKING"),
    READ("ROLE", NO_KEYS, NULL),
    ONCE("RPOP", KEY_AT(1), NULL),
    ONCE("RPOPLPUSH", KEYS(1, 2, 1), NULL),
    ONCE("RPUSH", KEY_AT(1), NULL),
    ONCE("RPUSHX", KEY_AT(1), NULL),
    SAME("SADD", KEY_AT(1), NULL),
    REACH("SAVE"),
    READ("SCAN", NO_KEYS, NULL),
    READ("SCARD", KEY_AT(1), NULL),
    SAME("SCRIPT", NO_KEYS, NULL),
    READ("SDIFF", KEYS(1, -1, 1), NULL),
    SAME("SDIFFSTORE", KEYS(1, -1, 1), when_stored_elsewhere),
    CONNECTION("SELECT"),
    REACH("SENTINEL"),
    SAME("SET", KEY_AT(1), NULL),
    SAME("SETBIT", KEY_AT(1), NULL),
    SAME("SETEX", KEY_AT(1), NULL),
    SAME("SETNX", KEY_AT(1), NULL),
    SAME("SETRANGE", KEY_AT(1), NULL),
    REACH("SHUTDOWN"),
    READ("SINTER", KEYS(1, -1, 1), NULL),
    READ("SINTERCARD", KEYS_COUNTED_AT(1), NULL),
    SAME("SINTERSTORE", KEYS(1, -1, 1), NULL),
    READ("SISMEMBER", KEY_AT(1), NULL),
    REACH("SLAVEOF"),
    REACH("SLOWLOG"),
    READ("SMEMBERS", KEY_AT(1), NULL),
    READ("SMISMEMBER", KEY_AT(1), NULL),
    SAME("SMOVE", KEYS(1, 2, 1), NULL),
    SAME("SORT", KEY_AND_BEHIND("STORE"), when_sorted_elsewhere),
    READ("SORT_RO", KEY_AT(1), NULL),
    ONCE("SPOP", KEY_AT(1), NULL),
    ONCE("SPUBLISH", NO_KEYS, NULL),
    READ("SRANDMEMBER", KEY_AT(1), NULL),
    SAME("SREM", KEY_AT(1), NULL),
    READ("SSCAN", KEY_AT(1), NULL),
    CONNECTION("SSUBSCRIBE"),
    READ("STRLEN", KEY_AT(1), NULL),
    CONNECTION("SUBSCRIBE"),
    READ("SUBSTR", KEY_AT(1), NULL),
    READ("SUNION", KEYS(1, -1, 1), NULL),
    SAME("SUNIONSTORE", KEYS(1, -1, 1), NULL),
    CONNECTION("SUNSUBSCRIBE"),
    REACH("SWAPDB"),
    CONNECTION("SYNC"),
    READ("TIME", NO_KEYS, NULL),
    READ("TOUCH", KEYS(1, -1, 1), NULL),
    READ("TTL", KEY_AT(1), NULL),
    READ("TYPE", KEY_AT(1), NULL),
    SAME("UNLINK", KEYS(1, -1, 1), NULL),
    CONNECTION("UNSUBSCRIBE"),
    CONNECTION("UNWATCH"),
    CONNECTION("WAIT"),
    CONNECTION("WAITAOF"),
    CONNECTION("WATCH"),
    SAME("XACK", KEY_AT(1), NULL),
    ONCE("XADD", KEY_AT(1), NULL),
    ONCE("XAUTOCLAIM", KEY_AT(1), NULL),
    ONCE("XCLAIM", KEY_AT(1), NULL),
    SAME("XDEL", KEY_AT(1), NULL),
    SAME("XGROUP", KEY_AT(2), when_xgroup),
    READ("XINFO", KEY_AT(2), NULL),
    READ("XLEN", KEY_AT(1), NULL),
    READ("XPENDING", KEY_AT(1), NULL),
    READ("XRANGE", KEY_AT(1), NULL),
    READ("XREAD", KEYS_BEHIND("STREAMS"), NULL),
    ONCE("XREADGROUP", KEYS_BEHIND("STREAMS"), NULL),
    READ("XREVRANGE", KEY_AT(1), NULL),
    SAME("XSETID", KEY_AT(1), NULL),
    SAME("XTRIM", KEY_AT(1), NULL),
    SAME("ZADD", KEY_AT(1), when_zadd),
    READ("ZCARD", KEY_AT(1), NULL),
    READ("ZCOUNT", KEY_AT(1), NULL),
    READ("ZDIFF", KEYS_COUNTED_AT(1), NULL),
    SAME("ZDIFFSTORE", KEY_AND_COUNTED, when_stored_elsewhere),
    ONCE("ZINCRBY", KEY_AT(1), NULL),
    READ("ZINTER", KEYS_COUNTED_AT(1), NULL),
    READ("ZINTERCARD", KEYS_COUNTED_AT(1), NULL),
    SAME("ZINTERSTORE", KEY_AND_COUNTED, when_stored_elsewhere),
    READ("ZLEXCOUNT", KEY_AT(1), NULL),
    ONCE("ZMPOP", KEYS_COUNTED_AT(1), NULL),
    READ("ZMSCORE", KEY_AT(1), NULL),
    ONCE("ZPOPMAX", KEY_AT(1), NULL),
    ONCE("ZPOPMIN", KEY_AT(1), NULL),
    READ("ZRANDMEMBER", KEY_AT(1), NULL),
    READ("ZRANGE", KEY_AT(1), NULL),
    READ("ZRANGEBYLEX", KEY_AT(1), NULL),
    READ("ZRANGEBYSCORE", KEY_AT(1), NULL),
    SAME("ZRANGESTORE", KEYS(1, 2, 1), when_stored_elsewhere),
    READ("ZRANK", KEY_AT(1), NULL),
    SAME("ZREM", KEY_AT(1), NULL),
    SAME("ZREMRANGEBYLEX", KEY_AT(1), NULL),
    SAME("ZREMRANGEBYRANK", KEY_AT(1), when_zremrangebyrank),
    SAME("ZREMRANGEBYSCORE", KEY_AT(1), NULL),
    READ("ZREVRANGE", KEY_AT(1), NULL),
    READ("ZREVRANGEBYLEX", KEY_AT(1), NULL),
    READ("ZREVRANGEBYSCORE", KEY_AT(1), NULL),
    READ("ZREVRANK", KEY_AT(1), NULL),
    READ("ZSCAN", KEY_AT(1), NULL),
    READ("ZSCORE", KEY_AT(1), NULL),
    READ("ZUNION", KEYS_COUNTED_AT(1), NULL),
    SAME("ZUNIONSTORE", KEY_AND_COUNTED, when_stored_elsewhere),
};
/* clang-format on */

static const size_t facts_count = sizeof facts_table / sizeof *facts_table;

/* A word among the arguments, between two positions, that turns an allowed command into a
 * refused one. */
static const struct refused_word {
    const char *name;
    const char *word;
    size_t from;
    size_t to; /* 0: as far as the options go */
    enum command_use use;
} refused_words[] = {
    {"COPY", "DB", 3, 0, COMMAND_REFUSED_REACH},
    {"FUNCTION", "FLUSH", 1, 1, COMMAND_REFUSED_REACH},
    {"FUNCTION", "KILL", 1, 1, COMMAND_REFUSED_REACH},
    {"FUNCTION", "FLUSH", 3, 3, COMMAND_REFUSED_REACH}, /* FUNCTION RESTORE payload FLUSH */
    {"SCRIPT", "FLUSH", 1, 1, COMMAND_REFUSED_REACH},
    {"SCRIPT", "KILL", 1, 1, COMMAND_REFUSED_REACH},
    {"SCRIPT", "DEBUG", 1, 1, COMMAND_REFUSED_CONNECTION},
    {"XREAD", "BLOCK", 1, 0, COMMAND_REFUSED_CONNECTION},
    {"XREADGROUP", "BLOCK", 4, 0, COMMAND_REFUSED_CONNECTION},
};

/* ---- the questions ---------------------------------------------------------------------- */

const struct command_facts *command_facts_find(const char *name, size_t length)
{
    size_t low = 0, high = facts_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct command_facts *facts = &facts_table[middle];
        int order = strncasecmp(name, facts->name, length);
        if (order == 0 && facts->name[length] == '\0') return facts;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool command_is_idempotent(const struct command *command)
{
    const struct command_facts *facts = command->facts;

    if (facts == NULL || !facts->idempotent) return false;
    return facts->idempotent_when == NULL || facts->idempotent_when(command);
}

/* Whether a refused word stands where it counts. A name behind STREAMS is a key, not an option.
 */
static bool has_refused_word(const struct command *command, const struct refused_word *refused)
{
    size_t position = 0;
    size_t streams = 0;

    if (strcmp(command->facts->name, refused->name) != 0) return false;
    position = find_word(command, refused->from, refused->word);
    if (position == 0) return false;
    if (refused->to > 0) return position <= refused->to;
    streams = find_word(command, refused->from, "STREAMS");
    return streams == 0 || position < streams;
}

static bool is_own_key(const struct template *key)
{
    const char *text = NULL;
    size_t length = 0;

    if (template_is_pairs(key)) return false;
    template_prefix(key, &text, &length);
    return length >= strlen(OWN_PREFIX) && memcmp(text, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

/* Whether any key is one of redferry's own. Of an unknown command every argument may be a key.
 */
static bool has_own_key(const struct command *command)
{
    enum { MOST = 256 };
    size_t positions[MOST];
    size_t count = command_keys(command, positions, MOST);

    for (size_t i = 0; i < count && i < MOST; i++)
        if (is_own_key(command->arguments[positions[i]])) return true;
    for (size_t i = 1; command->facts == NULL && i < command->argument_count; i++)
        if (is_own_key(command->arguments[i])) return true;
    return false;
}

const char *command_refusal(const struct command *command)
{
    static const char *const reasons[] = {
        [COMMAND_ALLOWED] = NULL,
        [COMMAND_REFUSED_CONNECTION] =
            "it changes the connection that rows are carried on, or blocks it",
        [COMMAND_REFUSED_REACH] =
            "it reaches past this migration, to other databases or the server itself",
    };
    const struct command_facts *facts = command->facts;
    enum command_use use = facts != NULL ? facts->use : COMMAND_ALLOWED;

    for (size_t i = 0; facts != NULL && i < sizeof refused_words / sizeof *refused_words; i++)
        if (has_refused_word(command, &refused_words[i])) use = refused_words[i].use;
    if (use != COMMAND_ALLOWED) return reasons[use];
    return has_own_key(command) ? "keys that begin with 'redferry:' are redferry's own" : NULL;
}

/* Positions that are found so far; those behind the last place are only counted. */
struct found {
    size_t *positions;
    size_t most;
    size_t count;
};

static void add_key(struct found *found, size_t position)
{
    if (found->count < found->most) found->positions[found->count] = position;
    found->count++;
}

/* The keys that stand at fixed places. ${*} becomes a name and a value, and so takes two places
 * of a list of pairs. */
static void add_fixed_keys(const struct command *command, struct found *found)
{
    const struct command_facts *facts = command->facts;
    size_t position = (size_t)facts->first_key;
    size_t step = (size_t)facts->key_step;
    size_t last = (size_t)facts->last_key;

    if (facts->first_key == 0) return;
    if (facts->last_key < 0) {
        size_t behind = (size_t)-facts->last_key;
        if (behind >= command->argument_count) return;
        last = command->argument_count - behind;
    }
    while (position <= last && position < command->argument_count) {
        bool pair = step == 2 && template_is_pairs(command->arguments[position]);
        add_key(found, position);
        position += pair ? 1 : step;
    }
}

/* The keys whose number is an argument of its own. */
static void add_counted_keys(const struct command *command, struct found *found)
{
    size_t first = (size_t)command->facts->count_at + 1;
    int64_t count = 0;

    if (first == 1 || !integer_at(command, first - 1, &count)) return;
    for (size_t i = 0; (int64_t)i < count && first + i < command->argument_count; i++)
        add_key(found, first + i);
}

/* The keys behind an option: one, or with STREAMS the first half of all that follows. */
static void add_option_keys(const struct command *command, struct found *found)
{
    const char *word = command->facts->key_word;
    size_t position = word != NULL ? find_word(command, 1, word) : 0;
    size_t count = 1;

    if (position == 0 || position + 1 >= command->argument_count) return;
    if (strcmp(word, "STREAMS") == 0) count = (command->argument_count - position - 1) / 2;
    for (size_t i = 1; i <= count; i++) add_key(found, position + i);
}

size_t command_keys(const struct command *command, size_t *positions, size_t most)
{
    struct found found = {.positions = positions, .most = most};

    if (command->facts == NULL) return 0;
    add_fixed_keys(command, &found);
    add_counted_keys(command, &found);
    add_option_keys(command, &found);
    return found.count;
}

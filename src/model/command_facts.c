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
 * A command with too few or too many arguments is no reason to refuse it, which the server does
 * in the words of its own version; lint asks beforehand. Syntax beyond that nobody checks here.
 */
#include "command_facts.h"

#include <string.h>
#include <strings.h>

#include "command.h"
#include "error.h"
#include "number.h"
#include "template.h"

enum { FIRST_OPTION = 2 };

/* ---- looking at arguments --------------------------------------------------------------- */

/* The text of a literal argument; false where it is not there or holds a placeholder. */
static bool literal(const struct command *command, size_t position, const char **text,
                    size_t *length)
{
    return position < command->argument_count &&
           template_is_literal(command->arguments[position], text, length);
}

bool command_is_word(const struct command *command, size_t position, const char *word)
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
        if (command_is_word(command, position, word)) return position;
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
            if (command_is_word(command, position, options[i])) is_option = true;
        if (is_option) position++;
    }
    return !command_is_word(command, position, "INCR");
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
    return command_is_word(command, 1, "LOAD")      ? when_replace(command)
           : command_is_word(command, 1, "RESTORE") ? when_replace(command)
                                                    : !command_is_word(command, 1, "DELETE");
}

/* A second CREATE of a group is an error. */
static bool when_xgroup(const struct command *command)
{
    return !command_is_word(command, 1, "CREATE");
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
#define CONNECTION(name) {name, COMMAND_REFUSED_CONNECTION, false, false, 0, NO_KEYS, NULL}
#define REACH(name)      {name, COMMAND_REFUSED_REACH, false, true, 0, NO_KEYS, NULL}

/* Sorted by name, case ignored; one line a command. */
static const struct command_facts facts_table[] = {
    REACH("ACL"),
    ONCE("APPEND", 3, KEY_AT(1), NULL),
    CONNECTION("ASKING"),
    CONNECTION("AUTH"),
    REACH("BGREWRITEAOF"),
    REACH("BGSAVE"),
    READ("BITCOUNT", -2, KEY_AT(1), NULL),
    SAME("BITFIELD", -2, KEY_AT(1), when_bitfield),
    READ("BITFIELD_RO", -2, KEY_AT(1), NULL),
    SAME("BITOP", -4, KEYS(2, -1, 1), when_stored_elsewhere),
    READ("BITPOS", -3, KEY_AT(1), NULL),
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
    READ("COMMAND", -1, NO_KEYS, NULL),
    REACH("COMMANDLOG"),
    REACH("CONFIG"),
    SAME("COPY", -3, KEYS(1, 2, 1), NULL),
    READ("DBSIZE", 1, NO_KEYS, NULL),
    REACH("DEBUG"),
    ONCE("DECR", 2, KEY_AT(1), NULL),
    ONCE("DECRBY", 3, KEY_AT(1), NULL),
    SAME("DEL", -2, KEYS(1, -1, 1), NULL),
    READ("DIGEST", 2, KEY_AT(1), NULL),
    CONNECTION("DISCARD"),
    READ("DUMP", 2, KEY_AT(1), NULL),
    READ("ECHO", 2, NO_KEYS, NULL),
    ONCE("EVAL", -3, KEYS_COUNTED_AT(2), NULL),
    READ("EVAL_RO", -3, KEYS_COUNTED_AT(2), NULL),
    ONCE("EVALSHA", -3, KEYS_COUNTED_AT(2), NULL),
    READ("EVALSHA_RO", -3, KEYS_COUNTED_AT(2), NULL),
    CONNECTION("EXEC"),
    READ("EXISTS", -2, KEYS(1, -1, 1), NULL),
    SAME("EXPIRE", -3, KEY_AT(1), NULL),
    SAME("EXPIREAT", -3, KEY_AT(1), NULL),
    READ("EXPIRETIME", 2, KEY_AT(1), NULL),
    REACH("FAILOVER"),
    ONCE("FCALL", -3, KEYS_COUNTED_AT(2), NULL),
    READ("FCALL_RO", -3, KEYS_COUNTED_AT(2), NULL),
    REACH("FLUSHALL"),
    REACH("FLUSHDB"),
    SAME("FUNCTION", -2, NO_KEYS, when_function),
    SAME("GEOADD", -5, KEY_AT(1), NULL),
    READ("GEODIST", -4, KEY_AT(1), NULL),
    READ("GEOHASH", -2, KEY_AT(1), NULL),
    READ("GEOPOS", -2, KEY_AT(1), NULL),
    SAME("GEORADIUS", -6, KEY_AND_BEHIND("STORE"), when_found_elsewhere),
    READ("GEORADIUS_RO", -6, KEY_AT(1), NULL),
    SAME("GEORADIUSBYMEMBER", -5, KEY_AND_BEHIND("STORE"), when_found_elsewhere),
    READ("GEORADIUSBYMEMBER_RO", -5, KEY_AT(1), NULL),
    READ("GEOSEARCH", -7, KEY_AT(1), NULL),
    SAME("GEOSEARCHSTORE", -8, KEYS(1, 2, 1), when_stored_elsewhere),
    READ("GET", 2, KEY_AT(1), NULL),
    READ("GETBIT", 3, KEY_AT(1), NULL),
    SAME("GETDEL", 2, KEY_AT(1), NULL),
    SAME("GETEX", -2, KEY_AT(1), NULL),
    READ("GETRANGE", 4, KEY_AT(1), NULL),
    SAME("GETSET", 3, KEY_AT(1), NULL),
    SAME("HDEL", -3, KEY_AT(1), NULL),
    CONNECTION("HELLO"),
    READ("HEXISTS", 3, KEY_AT(1), NULL),
    SAME("HEXPIRE", -6, KEY_AT(1), NULL),
    SAME("HEXPIREAT", -6, KEY_AT(1), NULL),
    READ("HEXPIRETIME", -5, KEY_AT(1), NULL),
    READ("HGET", 3, KEY_AT(1), NULL),
    READ("HGETALL", 2, KEY_AT(1), NULL),
    SAME("HGETDEL", -5, KEY_AT(1), NULL),
    SAME("HGETEX", -5, KEY_AT(1), NULL),
    ONCE("HINCRBY", 4, KEY_AT(1), NULL),
    ONCE("HINCRBYFLOAT", 4, KEY_AT(1), NULL),
    READ("HKEYS", 2, KEY_AT(1), NULL),
    READ("HLEN", 2, KEY_AT(1), NULL),
    READ("HMGET", -3, KEY_AT(1), NULL),
    SAME("HMSET", -4, KEY_AT(1), NULL),
    SAME("HPERSIST", -5, KEY_AT(1), NULL),
    SAME("HPEXPIRE", -6, KEY_AT(1), NULL),
    SAME("HPEXPIREAT", -6, KEY_AT(1), NULL),
    READ("HPEXPIRETIME", -5, KEY_AT(1), NULL),
    READ("HPTTL", -5, KEY_AT(1), NULL),
    READ("HRANDFIELD", -2, KEY_AT(1), NULL),
    READ("HSCAN", -3, KEY_AT(1), NULL),
    SAME("HSET", -4, KEY_AT(1), NULL),
    SAME("HSETEX", -6, KEY_AT(1), NULL),
    SAME("HSETNX", 4, KEY_AT(1), NULL),
    READ("HSTRLEN", 3, KEY_AT(1), NULL),
    READ("HTTL", -5, KEY_AT(1), NULL),
    READ("HVALS", 2, KEY_AT(1), NULL),
    ONCE("INCR", 2, KEY_AT(1), NULL),
    ONCE("INCRBY", 3, KEY_AT(1), NULL),
    ONCE("INCRBYFLOAT", 3, KEY_AT(1), NULL),
    READ("INFO", -1, NO_KEYS, NULL),
    ONCE("JSON.ARRAPPEND", 0, KEY_AT(1), NULL),
    SAME("JSON.DEL", 0, KEY_AT(1), when_whole),
    SAME("JSON.FORGET", 0, KEY_AT(1), when_whole),
    READ("JSON.GET", 0, KEY_AT(1), NULL),
    SAME("JSON.MERGE", 0, KEY_AT(1), NULL),
    READ("JSON.MGET", 0, KEYS(1, -2, 1), NULL),
    SAME("JSON.MSET", 0, KEYS(1, -1, 3), NULL),
    ONCE("JSON.NUMINCRBY", 0, KEY_AT(1), NULL),
    SAME("JSON.SET", 0, KEY_AT(1), NULL),
    READ("JSON.TYPE", 0, KEY_AT(1), NULL),
    READ("KEYS", 2, NO_KEYS, NULL),
    READ("LASTSAVE", 1, NO_KEYS, NULL),
    REACH("LATENCY"),
    READ("LCS", -3, KEYS(1, 2, 1), NULL),
    READ("LINDEX", 3, KEY_AT(1), NULL),
    ONCE("LINSERT", 5, KEY_AT(1), NULL),
    READ("LLEN", 2, KEY_AT(1), NULL),
    ONCE("LMOVE", 5, KEYS(1, 2, 1), NULL),
    ONCE("LMPOP", -4, KEYS_COUNTED_AT(1), NULL),
    READ("LOLWUT", -1, NO_KEYS, NULL),
    ONCE("LPOP", -2, KEY_AT(1), NULL),
    READ("LPOS", -3, KEY_AT(1), NULL),
    ONCE("LPUSH", -3, KEY_AT(1), NULL),
    ONCE("LPUSHX", -3, KEY_AT(1), NULL),
    READ("LRANGE", 4, KEY_AT(1), NULL),
    SAME("LREM", 4, KEY_AT(1), when_lrem),
    SAME("LSET", 4, KEY_AT(1), NULL),
    SAME("LTRIM", 4, KEY_AT(1), when_ltrim),
    READ("MEMORY", -2, KEY_AT(2), NULL),
    READ("MGET", -2, KEYS(1, -1, 1), NULL),
    REACH("MIGRATE"),
    REACH("MODULE"),
    CONNECTION("MONITOR"),
    REACH("MOVE"),
    SAME("MSET", -3, KEYS(1, -1, 2), NULL),
    SAME("MSETNX", -3, KEYS(1, -1, 2), NULL),
    CONNECTION("MULTI"),
    READ("OBJECT", -2, KEY_AT(2), NULL),
    SAME("PERSIST", 2, KEY_AT(1), NULL),
    SAME("PEXPIRE", -3, KEY_AT(1), NULL),
    SAME("PEXPIREAT", -3, KEY_AT(1), NULL),
    READ("PEXPIRETIME", 2, KEY_AT(1), NULL),
    SAME("PFADD", -2, KEY_AT(1), NULL),
    READ("PFCOUNT", -2, KEYS(1, -1, 1), NULL),
    REACH("PFDEBUG"),
    SAME("PFMERGE", -2, KEYS(1, -1, 1), NULL),
    REACH("PFSELFTEST"),
    READ("PING", -1, NO_KEYS, NULL),
    SAME("PSETEX", 4, KEY_AT(1), NULL),
    CONNECTION("PSUBSCRIBE"),
    CONNECTION("PSYNC"),
    READ("PTTL", 2, KEY_AT(1), NULL),
    ONCE("PUBLISH", 3, NO_KEYS, NULL),
    READ("PUBSUB", -2, NO_KEYS, NULL),
    CONNECTION("PUNSUBSCRIBE"),
    CONNECTION("QUIT"),
    READ("RANDOMKEY", 1, NO_KEYS, NULL),
    CONNECTION("READONLY"),
    CONNECTION("READWRITE"),
    ONCE("RENAME", 3, KEYS(1, 2, 1), NULL),
    ONCE("RENAMENX", 3, KEYS(1, 2, 1), NULL),
    CONNECTION("REPLCONF"),
    REACH("REPLICAOF"),
    CONNECTION("RESET"),
    SAME("RESTORE", -4, KEY_AT(1), when_replace),
    REACH("RESTORE-ASKING"),
    READ("ROLE", 1, NO_KEYS, NULL),
    ONCE("RPOP", -2, KEY_AT(1), NULL),
    ONCE("RPOPLPUSH", 3, KEYS(1, 2, 1), NULL),
    ONCE("RPUSH", -3, KEY_AT(1), NULL),
    ONCE("RPUSHX", -3, KEY_AT(1), NULL),
    SAME("SADD", -3, KEY_AT(1), NULL),
    REACH("SAVE"),
    READ("SCAN", -2, NO_KEYS, NULL),
    READ("SCARD", 2, KEY_AT(1), NULL),
    SAME("SCRIPT", -2, NO_KEYS, NULL),
    READ("SDIFF", -2, KEYS(1, -1, 1), NULL),
    SAME("SDIFFSTORE", -3, KEYS(1, -1, 1), when_stored_elsewhere),
    CONNECTION("SELECT"),
    REACH("SENTINEL"),
    SAME("SET", -3, KEY_AT(1), NULL),
    SAME("SETBIT", 4, KEY_AT(1), NULL),
    SAME("SETEX", 4, KEY_AT(1), NULL),
    SAME("SETNX", 3, KEY_AT(1), NULL),
    SAME("SETRANGE", 4, KEY_AT(1), NULL),
    REACH("SHUTDOWN"),
    READ("SINTER", -2, KEYS(1, -1, 1), NULL),
    READ("SINTERCARD", -3, KEYS_COUNTED_AT(1), NULL),
    SAME("SINTERSTORE", -3, KEYS(1, -1, 1), NULL),
    READ("SISMEMBER", 3, KEY_AT(1), NULL),
    REACH("SLAVEOF"),
    REACH("SLOWLOG"),
    READ("SMEMBERS", 2, KEY_AT(1), NULL),
    READ("SMISMEMBER", -3, KEY_AT(1), NULL),
    SAME("SMOVE", 4, KEYS(1, 2, 1), NULL),
    SAME("SORT", -2, KEY_AND_BEHIND("STORE"), when_sorted_elsewhere),
    READ("SORT_RO", -2, KEY_AT(1), NULL),
    ONCE("SPOP", -2, KEY_AT(1), NULL),
    ONCE("SPUBLISH", 3, NO_KEYS, NULL),
    READ("SRANDMEMBER", -2, KEY_AT(1), NULL),
    SAME("SREM", -3, KEY_AT(1), NULL),
    READ("SSCAN", -3, KEY_AT(1), NULL),
    CONNECTION("SSUBSCRIBE"),
    READ("STRLEN", 2, KEY_AT(1), NULL),
    CONNECTION("SUBSCRIBE"),
    READ("SUBSTR", 4, KEY_AT(1), NULL),
    READ("SUNION", -2, KEYS(1, -1, 1), NULL),
    SAME("SUNIONSTORE", -3, KEYS(1, -1, 1), NULL),
    CONNECTION("SUNSUBSCRIBE"),
    REACH("SWAPDB"),
    CONNECTION("SYNC"),
    READ("TIME", 1, NO_KEYS, NULL),
    READ("TOUCH", -2, KEYS(1, -1, 1), NULL),
    READ("TTL", 2, KEY_AT(1), NULL),
    READ("TYPE", 2, KEY_AT(1), NULL),
    SAME("UNLINK", -2, KEYS(1, -1, 1), NULL),
    CONNECTION("UNSUBSCRIBE"),
    CONNECTION("UNWATCH"),
    CONNECTION("WAIT"),
    CONNECTION("WAITAOF"),
    CONNECTION("WATCH"),
    SAME("XACK", -4, KEY_AT(1), NULL),
    ONCE("XADD", -5, KEY_AT(1), NULL),
    ONCE("XAUTOCLAIM", -6, KEY_AT(1), NULL),
    ONCE("XCLAIM", -6, KEY_AT(1), NULL),
    SAME("XDEL", -3, KEY_AT(1), NULL),
    SAME("XGROUP", -2, KEY_AT(2), when_xgroup),
    READ("XINFO", -2, KEY_AT(2), NULL),
    READ("XLEN", 2, KEY_AT(1), NULL),
    READ("XPENDING", -3, KEY_AT(1), NULL),
    READ("XRANGE", -4, KEY_AT(1), NULL),
    READ("XREAD", -4, KEYS_BEHIND("STREAMS"), NULL),
    ONCE("XREADGROUP", -7, KEYS_BEHIND("STREAMS"), NULL),
    READ("XREVRANGE", -4, KEY_AT(1), NULL),
    SAME("XSETID", -3, KEY_AT(1), NULL),
    SAME("XTRIM", -4, KEY_AT(1), NULL),
    SAME("ZADD", -4, KEY_AT(1), when_zadd),
    READ("ZCARD", 2, KEY_AT(1), NULL),
    READ("ZCOUNT", 4, KEY_AT(1), NULL),
    READ("ZDIFF", -3, KEYS_COUNTED_AT(1), NULL),
    SAME("ZDIFFSTORE", -4, KEY_AND_COUNTED, when_stored_elsewhere),
    ONCE("ZINCRBY", 4, KEY_AT(1), NULL),
    READ("ZINTER", -3, KEYS_COUNTED_AT(1), NULL),
    READ("ZINTERCARD", -3, KEYS_COUNTED_AT(1), NULL),
    SAME("ZINTERSTORE", -4, KEY_AND_COUNTED, when_stored_elsewhere),
    READ("ZLEXCOUNT", 4, KEY_AT(1), NULL),
    ONCE("ZMPOP", -4, KEYS_COUNTED_AT(1), NULL),
    READ("ZMSCORE", -3, KEY_AT(1), NULL),
    ONCE("ZPOPMAX", -2, KEY_AT(1), NULL),
    ONCE("ZPOPMIN", -2, KEY_AT(1), NULL),
    READ("ZRANDMEMBER", -2, KEY_AT(1), NULL),
    READ("ZRANGE", -4, KEY_AT(1), NULL),
    READ("ZRANGEBYLEX", -4, KEY_AT(1), NULL),
    READ("ZRANGEBYSCORE", -4, KEY_AT(1), NULL),
    SAME("ZRANGESTORE", -5, KEYS(1, 2, 1), when_stored_elsewhere),
    READ("ZRANK", -3, KEY_AT(1), NULL),
    SAME("ZREM", -3, KEY_AT(1), NULL),
    SAME("ZREMRANGEBYLEX", 4, KEY_AT(1), NULL),
    SAME("ZREMRANGEBYRANK", 4, KEY_AT(1), when_zremrangebyrank),
    SAME("ZREMRANGEBYSCORE", 4, KEY_AT(1), NULL),
    READ("ZREVRANGE", -4, KEY_AT(1), NULL),
    READ("ZREVRANGEBYLEX", -4, KEY_AT(1), NULL),
    READ("ZREVRANGEBYSCORE", -4, KEY_AT(1), NULL),
    READ("ZREVRANK", -3, KEY_AT(1), NULL),
    READ("ZSCAN", -3, KEY_AT(1), NULL),
    READ("ZSCORE", 3, KEY_AT(1), NULL),
    READ("ZUNION", -3, KEYS_COUNTED_AT(1), NULL),
    SAME("ZUNIONSTORE", -4, KEY_AND_COUNTED, when_stored_elsewhere),
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

const char *command_facts_nearest(const char *name)
{
    /* There are such commands in newer servers; a name like theirs is no slip. */
    static const char *const newer[] = {
        "CLUSTERSCAN", "DELEX",       "DELIFEQ", "MSETEX", "XACKDEL",  "XCFGSET", "XDELEX",
        "VADD",        "VCARD",       "VDIM",    "VEMB",   "VGETATTR", "VINFO",   "VISMEMBER",
        "VLINKS",      "VRANDMEMBER", "VRANGE",  "VREM",   "VSETATTR", "VSIM"};
    const char *names[sizeof facts_table / sizeof *facts_table];

    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
        if (strcasecmp(name, newer[i]) == 0) return NULL;
    if (strchr(name, '.') != NULL) return NULL;
    for (size_t i = 0; i < facts_count; i++) names[i] = facts_table[i].name;
    return error_nearest(name, names, facts_count);
}

/* Where the pairs begin of a command that takes nothing else; 0: of any other. */
static size_t first_pair(const struct command_facts *facts)
{
    static const struct {
        const char *name;
        size_t position;
    } paired[] = {{"HMSET", 2}, {"HSET", 2}, {"MSET", 1}, {"MSETNX", 1}};

    for (size_t i = 0; i < sizeof paired / sizeof *paired; i++)
        if (strcmp(facts->name, paired[i].name) == 0) return paired[i].position;
    return 0;
}

bool command_arity_fits(const struct command *command)
{
    const struct command_facts *facts = command->facts;
    size_t least = command->argument_count, pairs = 0, first = 0;

    if (facts == NULL || facts->arity == 0) return true;
    for (size_t i = 0; i < command->argument_count; i++)
        pairs += template_is_pairs(command->arguments[i]);
    least += pairs; /* each gives one pair at least, and any number of them */
    first = first_pair(facts);
    if (facts->arity < 0 && pairs == 0 && least < (size_t)-facts->arity) return false;
    if (facts->arity > 0 && least > (size_t)facts->arity) return false;
    if (facts->arity > 0 && pairs == 0 && least < (size_t)facts->arity) return false;
    return first == 0 || least < first || (least - first) % 2 == 0;
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
    return command_is_own_key(text, length);
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

bool command_publishes(const struct command *command)
{
    static const char *const names[] = {"PUBLISH", "SPUBLISH"};
    const char *name = command->facts != NULL ? command->facts->name : "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
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

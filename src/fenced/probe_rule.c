/*
 * The rules of what is to be read of commands that ran unseen, a table.
 *
 * A line says of a command's name and form what can make it fail within a transaction, and so
 * what has to be seen where it did not. A command may have several lines, one for each form
 * that is read in another way. What has no line (EVAL above all, which may do anything) or is
 * written in another form is not told.
 *
 * Nothing is read here, and no answer is judged: that is probe.c's.
 */
#include "probe_rule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

enum { LONGEST_TTL = 9, LONGEST_TIME = 14 }; /* in digits */

/* ---- arguments -------------------------------------------------------------------------- */

bool probe_is_integer(const char *bytes, size_t length, int64_t *number)
{
    const size_t sign = length > 0 && bytes[0] == '-' ? 1 : 0;
    if (number_parse(bytes, length, INT64_MIN, INT64_MAX, number) != 0) return false;
    return bytes[sign] != '0' || length == 1;
}

static size_t digits_from(const char *bytes, size_t length, size_t *at)
{
    const size_t begun = *at;
    while (*at < length && isdigit((unsigned char)bytes[*at])) ++*at;
    return *at - begun;
}

bool probe_is_number(const char *bytes, size_t length)
{
    size_t at = length > 0 && bytes[0] == '-' ? 1 : 0;
    size_t digits = digits_from(bytes, length, &at);
    if (digits == 0) return false;
    if (at < length && bytes[at] == '.') {
        at++;
        if (digits_from(bytes, length, &at) == 0) return false;
    }
    if (at < length && (bytes[at] == 'e' || bytes[at] == 'E')) {
        at++;
        if (at < length && (bytes[at] == '-' || bytes[at] == '+')) at++;
        const size_t exponent = digits_from(bytes, length, &at);
        if (exponent == 0 || exponent > 2) return false;
    }
    return at == length && length <= 60;
}

/* Whether no version of Redis takes it for a number. */
static bool is_no_number(const struct resp_argument *argument)
{
    const char *bytes = argument->bytes;
    const size_t sign = argument->length > 0 && (bytes[0] == '-' || bytes[0] == '+') ? 1 : 0;
    if (argument->length == sign) return true;
    return strchr("0123456789.iInN", bytes[sign]) == NULL || bytes[sign] == '\0';
}

static bool is_score(const struct resp_argument *argument)
{
    return probe_is_number(argument->bytes, argument->length) ||
           resp_is_word(argument, "inf") || resp_is_word(argument, "+inf") ||
           resp_is_word(argument, "-inf");
}

/* An integer above 0 of so many digits at most. */
static bool is_count(const struct resp_argument *argument, size_t digits)
{
    int64_t number = 0;
    return argument->length <= digits &&
           probe_is_integer(argument->bytes, argument->length, &number) && number > 0;
}

static bool is_ttl(const struct resp_argument *argument)
{
    return is_count(argument, LONGEST_TTL);
}

/* ---- shapes: PROBE_RAN: the arguments are no reason to fail; PROBE_FAILED: they are one
 * ------------- */

static enum probe_verdict any_shape(const struct probe_words *words)
{
    (void)words;
    return PROBE_RAN;
}

static enum probe_verdict two_words(const struct probe_words *words)
{
    return words->count == 2 ? PROBE_RAN : PROBE_UNKNOWN;
}

static enum probe_verdict three_words(const struct probe_words *words)
{
    return words->count == 3 ? PROBE_RAN : PROBE_UNKNOWN;
}

/* NAME key a b a b …; an odd one is refused within the transaction. */
static enum probe_verdict pairs_behind_key(const struct probe_words *words)
{
    return words->count >= 4 && words->count % 2 == 0 ? PROBE_RAN : PROBE_FAILED;
}

static enum probe_verdict pairs(const struct probe_words *words)
{
    return words->count >= 3 && words->count % 2 == 1 ? PROBE_RAN : PROBE_FAILED;
}

static enum probe_verdict integer_at(const struct probe_words *words, size_t at)
{
    int64_t number = 0;
    if (words->count != at + 1) return PROBE_UNKNOWN;
    if (!probe_is_integer(words->at[at].bytes, words->at[at].length, &number))
        return PROBE_FAILED;
    return number > -PROBE_FAR_FROM_ZERO && number < PROBE_FAR_FROM_ZERO ? PROBE_RAN
                                                                         : PROBE_UNKNOWN;
}

static enum probe_verdict integer_behind_key(const struct probe_words *words)
{
    return integer_at(words, 2);
}

static enum probe_verdict integer_behind_field(const struct probe_words *words)
{
    return integer_at(words, 3);
}

static enum probe_verdict number_at(const struct probe_words *words, size_t at, size_t count)
{
    const struct resp_argument *number = &words->at[at];
    if (words->count != count) return PROBE_UNKNOWN;
    if (is_no_number(number)) return PROBE_FAILED;
    return probe_is_number(number->bytes, number->length) ? PROBE_RAN : PROBE_UNKNOWN;
}

static enum probe_verdict number_behind_key(const struct probe_words *words)
{
    return number_at(words, 2, 3);
}

static enum probe_verdict number_behind_field(const struct probe_words *words)
{
    return number_at(words, 3, 4);
}

/* ZINCRBY key increment member */
static enum probe_verdict score_behind_key(const struct probe_words *words)
{
    return number_at(words, 2, 4);
}

static enum probe_verdict ttl_behind_key(const struct probe_words *words)
{
    return words->count == 3 && is_ttl(&words->at[2]) ? PROBE_RAN : PROBE_UNKNOWN;
}

/* SETEX key seconds value */
static enum probe_verdict ttl_and_value(const struct probe_words *words)
{
    return words->count == 4 && is_ttl(&words->at[2]) ? PROBE_RAN : PROBE_UNKNOWN;
}

/* SET key value [EX seconds | PX milliseconds | NX | XX | KEEPTTL] */
static enum probe_verdict set_shape(const struct probe_words *words)
{
    struct resp_command command = words->command;
    struct resp_argument argument = {0};
    if (words->count == 3) return PROBE_RAN;
    while (resp_argument(&command, &argument)) continue;
    if (words->count == 4)
        return resp_is_word(&argument, "NX") || resp_is_word(&argument, "XX") ||
                       resp_is_word(&argument, "KEEPTTL")
                   ? PROBE_RAN
                   : PROBE_UNKNOWN;
    return words->count == 5 &&
                   (resp_is_word(&words->at[3], "EX") || resp_is_word(&words->at[3], "PX")) &&
                   is_ttl(&argument)
               ? PROBE_RAN
               : PROBE_UNKNOWN;
}

/* ZADD key [NX | XX] [GT | LT] [CH] score member …; only_there: with XX. */
static enum probe_verdict zadd_form(const struct probe_words *words, bool only_there)
{
    struct resp_command command = words->command;
    struct resp_argument argument = {0};
    bool is_nx = false, is_xx = false, is_ranked = false;
    enum probe_verdict verdict = PROBE_RAN;
    size_t at = 2;
    for (size_t i = 0; i < 3; i++) (void)resp_argument(&command, &argument);
    for (; at + 1 < words->count; at++) {
        const bool is_rank = resp_is_word(&argument, "GT") || resp_is_word(&argument, "LT");
        if (is_rank && is_ranked) return PROBE_UNKNOWN;
        if (resp_is_word(&argument, "NX"))
            is_nx = true;
        else if (resp_is_word(&argument, "XX"))
            is_xx = true;
        else if (!is_rank && !resp_is_word(&argument, "CH"))
            break;
        is_ranked = is_ranked || is_rank;
        (void)resp_argument(&command, &argument);
    }
    if ((is_nx && (is_xx || is_ranked)) || (words->count - at) % 2 != 0 || is_xx != only_there)
        return PROBE_UNKNOWN;
    for (; at < words->count; at += 2) {
        if (is_no_number(&argument)) return PROBE_FAILED;
        if (!is_score(&argument)) verdict = PROBE_UNKNOWN;
        (void)resp_argument(&command, &argument);
        (void)resp_argument(&command, &argument);
    }
    return verdict;
}

static enum probe_verdict scores_and_members(const struct probe_words *words)
{
    return zadd_form(words, false);
}

static enum probe_verdict scores_of_members(const struct probe_words *words)
{
    return zadd_form(words, true);
}

/* LREM key count element; from 7.0 on the least of all integers is out of its range. */
static enum probe_verdict integer_and_value(const struct probe_words *words)
{
    int64_t number = 0;
    if (words->count != 4) return PROBE_UNKNOWN;
    if (!probe_is_integer(words->at[2].bytes, words->at[2].length, &number))
        return PROBE_FAILED;
    return number > INT64_MIN ? PROBE_RAN : PROBE_UNKNOWN;
}

/* LTRIM key start stop */
static enum probe_verdict two_integers(const struct probe_words *words)
{
    int64_t number = 0;
    if (words->count != 4) return PROBE_UNKNOWN;
    return probe_is_integer(words->at[3].bytes, words->at[3].length, &number)
               ? integer_and_value(words)
               : PROBE_FAILED;
}

/* LINSERT key BEFORE|AFTER pivot element */
static enum probe_verdict place_and_values(const struct probe_words *words)
{
    const struct resp_argument *place = &words->at[2];
    return words->count == 5 && (resp_is_word(place, "BEFORE") || resp_is_word(place, "AFTER"))
               ? PROBE_RAN
               : PROBE_UNKNOWN;
}

/* EXPIREAT key seconds, PEXPIREAT key milliseconds */
static enum probe_verdict time_behind_key(const struct probe_words *words)
{
    return words->count == 3 && is_count(&words->at[2], LONGEST_TIME) ? PROBE_RAN
                                                                      : PROBE_UNKNOWN;
}

/* RENAME key other: they are two. */
static enum probe_verdict two_keys(const struct probe_words *words)
{
    const struct resp_argument *one = &words->at[1], *other = &words->at[2];
    const bool is_same =
        one->length == other->length && memcmp(one->bytes, other->bytes, one->length) == 0;
    return words->count == 3 && !is_same ? PROBE_RAN : PROBE_UNKNOWN;
}

/* XADD key [MAXLEN [~|=] count] id field value …: the id into *id, and command is left behind
 * it. Returns how many arguments stand in front of it; 0: another form. */
static size_t find_id(struct resp_command *command, struct resp_argument *id)
{
    int64_t number = 0;
    size_t at = 2;
    for (size_t i = 0; i < 3; i++) (void)resp_argument(command, id);
    if (!resp_is_word(id, "MAXLEN")) return at;
    at = 4;
    if (!resp_argument(command, id)) return 0;
    if (resp_is_word(id, "~") || resp_is_word(id, "=")) {
        at = 5;
        if (!resp_argument(command, id)) return 0;
    }
    if (!probe_is_integer(id->bytes, id->length, &number) || number < 0) return 0;
    return resp_argument(command, id) ? at : 0;
}

static enum probe_verdict pairs_behind_id(const struct probe_words *words, size_t at)
{
    return words->count > at + 2 && (words->count - at) % 2 == 1 ? PROBE_RAN : PROBE_FAILED;
}

static enum probe_verdict id_of_the_server(const struct probe_words *words)
{
    struct resp_command command = words->command;
    struct resp_argument id = {0};
    const size_t at = find_id(&command, &id);
    return at > 0 && resp_is_word(&id, "*") ? pairs_behind_id(words, at) : PROBE_UNKNOWN;
}

static enum probe_verdict id_of_its_own(const struct probe_words *words)
{
    struct probe_entry entry;
    struct resp_command command = words->command;
    struct resp_argument id = {0};
    const size_t at = find_id(&command, &id);
    return at > 0 && probe_entry_of(words, &entry) ? pairs_behind_id(words, at) : PROBE_UNKNOWN;
}

bool probe_entry_of(const struct probe_words *words, struct probe_entry *entry)
{
    struct resp_argument id = {0};
    size_t at = 0;
    entry->fields = words->command;
    if (find_id(&entry->fields, &id) == 0 || id.length >= PROBE_ID - 2) return false;
    const size_t first = digits_from(id.bytes, id.length, &at);
    const bool is_whole = at == id.length;
    if (!is_whole && id.bytes[at++] != '-') return false;
    const size_t second = is_whole ? 1 : digits_from(id.bytes, id.length, &at);
    if (first == 0 || first > LONGEST_TIME || second == 0 || second > LONGEST_TIME ||
        at != id.length)
        return false;
    (void)snprintf(entry->id, PROBE_ID, "%.*s%s", (int)id.length, id.bytes,
                   is_whole ? "-0" : "");
    return true;
}

/* ---- the table -------------------------------------------------------------------------- */

/* clang-format off */
#define LINE(name, shape, look, type, replaces)                                                \
    {name, shape, PROBE_LOOK_##look, type, PROBE_##replaces},
static const struct probe_rule rules[] = {
    LINE("APPEND",          three_words,          LENGTH,         NULL,     KEEPS)
    LINE("COPY",            two_keys,             NOT,            NULL,     REPLACES_ALL)
    LINE("DECR",            two_words,            INTEGER,        NULL,     KEEPS)
    LINE("DECRBY",          integer_behind_key,   INTEGER,        NULL,     KEEPS)
    LINE("DEL",             any_shape,            NOT,            NULL,     REPLACES_ALL)
    LINE("EXPIRE",          ttl_behind_key,       NOT,            NULL,     KEEPS)
    LINE("EXPIREAT",        time_behind_key,      NOT,            NULL,     KEEPS)
    LINE("GETDEL",          two_words,            TYPE_OR_NONE,   "string", REPLACES_KEY)
    LINE("GETSET",          three_words,          TYPE,           "string", KEEPS)
    LINE("HDEL",            any_shape,            TYPE_OR_NONE,   "hash",   KEEPS)
    LINE("HINCRBY",         integer_behind_field, FIELD_INTEGER,  NULL,     KEEPS)
    LINE("HINCRBYFLOAT",    number_behind_field,  FIELD_NUMBER,   NULL,     KEEPS)
    LINE("HMSET",           pairs_behind_key,     TYPE,           "hash",   KEEPS)
    LINE("HSET",            pairs_behind_key,     TYPE,           "hash",   KEEPS)
    LINE("HSETNX",          any_shape,            TYPE,           "hash",   KEEPS)
    LINE("INCR",            two_words,            INTEGER,        NULL,     KEEPS)
    LINE("INCRBY",          integer_behind_key,   INTEGER,        NULL,     KEEPS)
    LINE("INCRBYFLOAT",     number_behind_key,    NUMBER,         NULL,     KEEPS)
    LINE("LINSERT",         place_and_values,     TYPE_OR_NONE,   "list",   KEEPS)
    LINE("LPOP",            two_words,            TYPE_OR_NONE,   "list",   KEEPS)
    LINE("LPUSH",           any_shape,            TYPE,           "list",   KEEPS)
    LINE("LPUSHX",          any_shape,            TYPE_OR_NONE,   "list",   KEEPS)
    LINE("LREM",            integer_and_value,    TYPE_OR_NONE,   "list",   KEEPS)
    LINE("LTRIM",           two_integers,         TYPE_OR_NONE,   "list",   KEEPS)
    LINE("MSET",            pairs,                NOT,            NULL,     REPLACES_SECOND)
    LINE("MSETNX",          pairs,                NOT,            NULL,     REPLACES_SECOND)
    LINE("PERSIST",         two_words,            NOT,            NULL,     KEEPS)
    LINE("PEXPIRE",         ttl_behind_key,       NOT,            NULL,     KEEPS)
    LINE("PEXPIREAT",       time_behind_key,      NOT,            NULL,     KEEPS)
    LINE("PSETEX",          ttl_and_value,        NOT,            NULL,     REPLACES_KEY)
    LINE("PUBLISH",         three_words,          NOT,            NULL,     KEEPS)
    LINE("RENAME",          two_keys,             MOVED,          NULL,     REPLACES_ALL)
    LINE("RENAMENX",        two_keys,             MOVED_OR_BOTH,  NULL,     REPLACES_ALL)
    LINE("RPOP",            two_words,            TYPE_OR_NONE,   "list",   KEEPS)
    LINE("RPUSH",           any_shape,            TYPE,           "list",   KEEPS)
    LINE("RPUSHX",          any_shape,            TYPE_OR_NONE,   "list",   KEEPS)
    LINE("SADD",            any_shape,            TYPE,           "set",    KEEPS)
    LINE("SET",             set_shape,            NOT,            NULL,     REPLACES_KEY)
    LINE("SETEX",           ttl_and_value,        NOT,            NULL,     REPLACES_KEY)
    LINE("SETNX",           three_words,          NOT,            NULL,     REPLACES_KEY)
    LINE("SPOP",            two_words,            TYPE_OR_NONE,   "set",    KEEPS)
    LINE("SPUBLISH",        three_words,          NOT,            NULL,     KEEPS)
    LINE("SREM",            any_shape,            TYPE_OR_NONE,   "set",    KEEPS)
    LINE("UNLINK",          any_shape,            NOT,            NULL,     REPLACES_ALL)
    LINE("XADD",            id_of_the_server,     TYPE,           "stream", KEEPS)
    LINE("XADD",            id_of_its_own,        ENTRY,          NULL,     KEEPS)
    LINE("ZADD",            scores_and_members,   TYPE,           "zset",   KEEPS)
    LINE("ZADD",            scores_of_members,    TYPE_OR_NONE,   "zset",   KEEPS)
    LINE("ZINCRBY",         score_behind_key,     TYPE,           "zset",   KEEPS)
    LINE("ZPOPMAX",         two_words,            TYPE_OR_NONE,   "zset",   KEEPS)
    LINE("ZPOPMIN",         two_words,            TYPE_OR_NONE,   "zset",   KEEPS)
    LINE("ZREM",            any_shape,            TYPE_OR_NONE,   "zset",   KEEPS)
    LINE("ZREMRANGEBYRANK", two_integers,         TYPE_OR_NONE,   "zset",   KEEPS)
};
/* clang-format on */

const struct probe_rule *probe_rule_find(const struct probe_words *words,
                                         enum probe_verdict *verdict)
{
    const struct probe_rule *found = NULL;
    *verdict = PROBE_UNKNOWN;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!resp_is_word(&words->at[0], rules[i].name)) continue;
        found = &rules[i];
        *verdict = found->shape(words);
        if (*verdict != PROBE_UNKNOWN) return found;
    }
    return found;
}

/* ---- beside others ---------------------------------------------------------------------- */

/* Whoever takes from a key needs its type, and nothing but a key that is there; the table has
 * no other rules that do. */
static unsigned takes_from(const char *type)
{
    static const struct {
        const char *type;
        unsigned effect;
    } effects[] = {{"list", PROBE_TAKES_LIST},
                   {"set", PROBE_TAKES_SET},
                   {"hash", PROBE_TAKES_HASH},
                   {"zset", PROBE_TAKES_ZSET}};
    for (size_t i = 0; type != NULL && i < sizeof effects / sizeof *effects; i++)
        if (strcmp(effects[i].type, type) == 0) return effects[i].effect;
    return 0;
}

static bool is_string(const struct probe_rule *rule)
{
    return rule->type != NULL && strcmp(rule->type, "string") == 0;
}

unsigned probe_rule_effects(const struct probe_rule *rule)
{
    switch (rule->look) {
    case PROBE_LOOK_TYPE_OR_NONE:
        return takes_from(rule->type);
    case PROBE_LOOK_INTEGER:
    case PROBE_LOOK_FIELD_INTEGER:
        return PROBE_COUNTS;
    case PROBE_LOOK_NUMBER:
    case PROBE_LOOK_FIELD_NUMBER:
        return PROBE_ADDS;
    case PROBE_LOOK_LENGTH:
        return PROBE_WRITES;
    case PROBE_LOOK_TYPE:
        return is_string(rule) ? PROBE_WRITES : 0;
    default:
        return 0;
    }
}

unsigned probe_rule_hidden_by(const struct probe_rule *rule)
{
    const unsigned others = PROBE_TAKES_LIST | PROBE_TAKES_SET | PROBE_TAKES_ZSET;
    const unsigned all = others | PROBE_TAKES_HASH;
    switch (rule->look) {
    case PROBE_LOOK_NOT:
        return 0;
    case PROBE_LOOK_INTEGER:
        return all | PROBE_ADDS | PROBE_WRITES;
    case PROBE_LOOK_NUMBER:
        return all | PROBE_COUNTS | PROBE_WRITES;
    case PROBE_LOOK_FIELD_INTEGER:
        return others | PROBE_ADDS;
    case PROBE_LOOK_FIELD_NUMBER:
        return others | PROBE_COUNTS;
    default:
        return all & ~takes_from(rule->type);
    }
}

struct probe_words probe_words_of(const struct resp_command *command)
{
    struct probe_words words = {.count = command->count, .command = *command};
    struct resp_command walk = *command;
    for (size_t i = 0; i < PROBE_LEADING; i++) {
        if (!resp_argument(&walk, &words.at[i])) words.at[i] = (struct resp_argument){"", 0};
    }
    return words;
}

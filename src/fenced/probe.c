/*
 * What reading shows of commands that ran unseen.
 *
 * Most commands can fail within a transaction for one reason only: their key holds another
 * type. (Arity and permissions are checked when a command is queued; a batch that did not pass
 * is not executed.) So the type that a key has afterwards tells, and for the counters the
 * value. Each line of the table says what a command's arguments must look like for that to be
 * true, and what must then be seen. Whatever is not in the table, is written in another way, or
 * stands beside a command of the same batch that replaces its key, is not told: it is better to
 * ask a person than to write a row twice.
 *
 * Nothing is written here, and nothing waits for one answer before it sends the next.
 */
#include "probe.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "command_facts.h"
#include "connection.h"
#include "error.h"
#include "number.h"
#include "pipeline.h"
#include "reply.h"
#include "resp.h"

enum { LEADING = 4, LONGEST_TTL = 9 };

/* Counters further from zero than this might have overflowed, and strings longer than this
 * might have grown too long. */
static const int64_t far_from_zero = INT64_C(1) << 62;
static const int64_t long_string = INT64_C(256) * 1024 * 1024;

enum verdict { RAN, FAILED, UNKNOWN, DUE /* an answer decides */ };

/* The arguments of a command: the first few, and the walk over all of them. */
struct words {
    size_t count;
    struct resp_argument at[LEADING];
    struct resp_command command;
};

/* What to read of a command's key. */
enum look {
    LOOK_NOT,          /* it cannot fail */
    LOOK_TYPE,         /* the key has the type */
    LOOK_TYPE_OR_NONE, /* or is gone: these remove */
    LOOK_LENGTH,       /* a string that is there, and not near its limit */
    LOOK_INTEGER,      /* a string that is an integer */
    LOOK_NUMBER,
    LOOK_FIELD_INTEGER, /* the same of a hash's field */
    LOOK_FIELD_NUMBER
};

/* ---- arguments -------------------------------------------------------------------------- */

/* An integer as Redis takes it: the shortest form, 64 bits. */
static bool is_integer(const char *bytes, size_t length, int64_t *number)
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

/* A number that all of Redis' versions take in the same way: -12.5e3, of moderate size. */
static bool is_plain_number(const char *bytes, size_t length)
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

static bool is_ttl(const struct resp_argument *argument)
{
    int64_t number = 0;
    return argument->length <= LONGEST_TTL &&
           is_integer(argument->bytes, argument->length, &number) && number > 0;
}

/* ---- shapes: RAN: the arguments are no reason to fail; FAILED: they are one ------------- */

static enum verdict any_shape(const struct words *words)
{
    (void)words;
    return RAN;
}

static enum verdict two_words(const struct words *words)
{
    return words->count == 2 ? RAN : UNKNOWN;
}

static enum verdict three_words(const struct words *words)
{
    return words->count == 3 ? RAN : UNKNOWN;
}

/* NAME key a b a b …; an odd one is refused within the transaction. */
static enum verdict pairs_behind_key(const struct words *words)
{
    return words->count >= 4 && words->count % 2 == 0 ? RAN : FAILED;
}

static enum verdict pairs(const struct words *words)
{
    return words->count >= 3 && words->count % 2 == 1 ? RAN : FAILED;
}

static enum verdict integer_at(const struct words *words, size_t at)
{
    int64_t number = 0;
    if (words->count != at + 1) return UNKNOWN;
    if (!is_integer(words->at[at].bytes, words->at[at].length, &number)) return FAILED;
    return number > -far_from_zero && number < far_from_zero ? RAN : UNKNOWN;
}

static enum verdict integer_behind_key(const struct words *words)
{
    return integer_at(words, 2);
}

static enum verdict integer_behind_field(const struct words *words)
{
    return integer_at(words, 3);
}

static enum verdict number_at(const struct words *words, size_t at, size_t count)
{
    return words->count == count && is_plain_number(words->at[at].bytes, words->at[at].length)
               ? RAN
               : UNKNOWN;
}

static enum verdict number_behind_key(const struct words *words)
{
    return number_at(words, 2, 3);
}

static enum verdict number_behind_field(const struct words *words)
{
    return number_at(words, 3, 4);
}

/* ZADD key score member, ZINCRBY key increment member. */
static enum verdict score_behind_key(const struct words *words)
{
    return number_at(words, 2, 4);
}

static enum verdict ttl_behind_key(const struct words *words)
{
    return words->count == 3 && is_ttl(&words->at[2]) ? RAN : UNKNOWN;
}

/* SETEX key seconds value */
static enum verdict ttl_and_value(const struct words *words)
{
    return words->count == 4 && is_ttl(&words->at[2]) ? RAN : UNKNOWN;
}

/* SET key value [EX seconds | PX milliseconds | NX | XX | KEEPTTL] */
static enum verdict set_shape(const struct words *words)
{
    struct resp_command command = words->command;
    struct resp_argument argument = {0};
    if (words->count == 3) return RAN;
    while (resp_argument(&command, &argument)) continue;
    if (words->count == 4)
        return resp_is_word(&argument, "NX") || resp_is_word(&argument, "XX") ||
                       resp_is_word(&argument, "KEEPTTL")
                   ? RAN
                   : UNKNOWN;
    return words->count == 5 &&
                   (resp_is_word(&words->at[3], "EX") || resp_is_word(&words->at[3], "PX")) &&
                   is_ttl(&argument)
               ? RAN
               : UNKNOWN;
}

/* XADD key [MAXLEN [~|=] count] * field value … */
static enum verdict xadd_shape(const struct words *words)
{
    struct resp_command command = words->command;
    struct resp_argument argument = {0};
    int64_t number = 0;
    size_t at = 2;
    for (size_t i = 0; i < 3; i++) (void)resp_argument(&command, &argument);
    if (resp_is_word(&argument, "MAXLEN")) {
        at = 4;
        if (!resp_argument(&command, &argument)) return UNKNOWN;
        if (resp_is_word(&argument, "~") || resp_is_word(&argument, "=")) {
            at = 5;
            if (!resp_argument(&command, &argument)) return UNKNOWN;
        }
        if (!is_integer(argument.bytes, argument.length, &number) || number < 0) return UNKNOWN;
        if (!resp_argument(&command, &argument)) return UNKNOWN;
    }
    if (!resp_is_word(&argument, "*")) return UNKNOWN;
    return words->count > at + 2 && (words->count - at) % 2 == 1 ? RAN : FAILED;
}

/* ---- the table -------------------------------------------------------------------------- */

struct rule {
    const char *name;
    enum verdict (*shape)(const struct words *words);
    enum look look;
    const char *type;
    unsigned replaces; /* what the key held does not matter to it: 1: this key, 2: all
                          arguments, 3: every second one */
};

enum { KEEPS, REPLACES_KEY, REPLACES_ALL, REPLACES_SECOND };

/* clang-format off */
static const struct rule rules[] = {
    {"APPEND",       three_words,          LOOK_LENGTH,        NULL,     KEEPS},
    {"DECR",         two_words,            LOOK_INTEGER,       NULL,     KEEPS},
    {"DECRBY",       integer_behind_key,   LOOK_INTEGER,       NULL,     KEEPS},
    {"DEL",          any_shape,            LOOK_NOT,           NULL,     REPLACES_ALL},
    {"EXPIRE",       ttl_behind_key,       LOOK_NOT,           NULL,     KEEPS},
    {"HDEL",         any_shape,            LOOK_TYPE_OR_NONE,  "hash",   KEEPS},
    {"HINCRBY",      integer_behind_field, LOOK_FIELD_INTEGER, NULL,     KEEPS},
    {"HINCRBYFLOAT", number_behind_field,  LOOK_FIELD_NUMBER,  NULL,     KEEPS},
    {"HMSET",        pairs_behind_key,     LOOK_TYPE,          "hash",   KEEPS},
    {"HSET",         pairs_behind_key,     LOOK_TYPE,          "hash",   KEEPS},
    {"HSETNX",       any_shape,            LOOK_TYPE,          "hash",   KEEPS},
    {"INCR",         two_words,            LOOK_INTEGER,       NULL,     KEEPS},
    {"INCRBY",       integer_behind_key,   LOOK_INTEGER,       NULL,     KEEPS},
    {"INCRBYFLOAT",  number_behind_key,    LOOK_NUMBER,        NULL,     KEEPS},
    {"LPOP",         two_words,            LOOK_TYPE_OR_NONE,  "list",   KEEPS},
    {"LPUSH",        any_shape,            LOOK_TYPE,          "list",   KEEPS},
    {"MSET",         pairs,                LOOK_NOT,           NULL,     REPLACES_SECOND},
    {"PERSIST",      two_words,            LOOK_NOT,           NULL,     KEEPS},
    {"PEXPIRE",      ttl_behind_key,       LOOK_NOT,           NULL,     KEEPS},
    {"PSETEX",       ttl_and_value,        LOOK_NOT,           NULL,     REPLACES_KEY},
    {"PUBLISH",      three_words,          LOOK_NOT,           NULL,     KEEPS},
    {"RPOP",         two_words,            LOOK_TYPE_OR_NONE,  "list",   KEEPS},
    {"RPUSH",        any_shape,            LOOK_TYPE,          "list",   KEEPS},
    {"SADD",         any_shape,            LOOK_TYPE,          "set",    KEEPS},
    {"SET",          set_shape,            LOOK_NOT,           NULL,     REPLACES_KEY},
    {"SETEX",        ttl_and_value,        LOOK_NOT,           NULL,     REPLACES_KEY},
    {"SETNX",        three_words,          LOOK_NOT,           NULL,     REPLACES_KEY},
    {"SPOP",         two_words,            LOOK_TYPE_OR_NONE,  "set",    KEEPS},
    {"SPUBLISH",     three_words,          LOOK_NOT,           NULL,     KEEPS},
    {"SREM",         any_shape,            LOOK_TYPE_OR_NONE,  "set",    KEEPS},
    {"UNLINK",       any_shape,            LOOK_NOT,           NULL,     REPLACES_ALL},
    {"XADD",         xadd_shape,           LOOK_TYPE,          "stream", KEEPS},
    {"ZADD",         score_behind_key,     LOOK_TYPE,          "zset",   KEEPS},
    {"ZINCRBY",      score_behind_key,     LOOK_TYPE,          "zset",   KEEPS},
    {"ZREM",         any_shape,            LOOK_TYPE_OR_NONE,  "zset",   KEEPS},
};
/* clang-format on */

static const struct rule *rule_of(const struct resp_argument *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (resp_is_word(name, rules[i].name)) return &rules[i];
    }
    return NULL;
}

/* ---- cases ------------------------------------------------------------------------------ */

/* One command, and what is known of it. */
struct probed {
    enum verdict verdict;
    const struct rule *rule;
    struct resp_argument key;
};

struct probe {
    struct probed *cases;
    size_t count;
    size_t next;                    /* the case that the next answer is for */
    struct resp_argument *replaced; /* keys that some command replaces, sorted */
    size_t replaced_count;
    size_t replaced_capacity;
    struct buffer reads;
    size_t read_count;
    struct error trouble; /* an answer that says nothing of any key */
};

static int compare_keys(const void *one, const void *other)
{
    const struct resp_argument *a = one;
    const struct resp_argument *b = other;
    const size_t length = a->length < b->length ? a->length : b->length;
    const int order = length == 0 ? 0 : memcmp(a->bytes, b->bytes, length);
    if (order != 0) return order;
    return a->length < b->length ? -1 : a->length > b->length;
}

static bool is_replaced(const struct probe *probe, const struct resp_argument *key)
{
    return probe->replaced_count > 0 && bsearch(key, probe->replaced, probe->replaced_count,
                                                sizeof *key, compare_keys) != NULL;
}

static int note_replaced(struct probe *probe, const struct resp_argument *key,
                         struct error *err)
{
    if (probe->replaced_count == probe->replaced_capacity) {
        const size_t capacity =
            probe->replaced_capacity == 0 ? 64 : 2 * probe->replaced_capacity;
        void *grown = realloc(probe->replaced, capacity * sizeof *key);
        if (grown == NULL) return error_memory(err);
        probe->replaced = grown;
        probe->replaced_capacity = capacity;
    }
    probe->replaced[probe->replaced_count++] = *key;
    return 0;
}

/* Note the keys whose type says nothing about what this command found there. */
static int note_keys(struct probe *probe, const struct rule *rule, const struct words *words,
                     struct error *err)
{
    struct resp_command command = words->command;
    struct resp_argument argument;
    const size_t step = rule->replaces == REPLACES_SECOND ? 2 : 1;
    for (size_t at = 0; rule->replaces != KEEPS && resp_argument(&command, &argument); at++) {
        if (at == 0 || (at - 1) % step != 0) continue;
        if (rule->replaces == REPLACES_KEY && at > 1) continue;
        if (note_replaced(probe, &argument, err) != 0) return -1;
    }
    return 0;
}

static struct words words_of(const struct resp_command *command)
{
    struct words words = {.count = command->count, .command = *command};
    struct resp_command walk = *command;
    for (size_t i = 0; i < LEADING; i++) {
        if (!resp_argument(&walk, &words.at[i])) words.at[i] = (struct resp_argument){"", 0};
    }
    return words;
}

/* A command that only reads has nothing to lose. */
static bool only_reads(const struct resp_argument *name)
{
    const struct command_facts *facts = command_facts_find(name->bytes, name->length);
    return facts != NULL && facts->use == COMMAND_ALLOWED && !facts->writes;
}

/* What its arguments alone tell of the command. */
static int judge_words(struct probe *probe, struct probed *probed, const struct words *words,
                       struct error *err)
{
    probed->rule = rule_of(&words->at[0]);
    probed->key = words->at[1];
    if (probed->rule == NULL) {
        probed->verdict = only_reads(&words->at[0]) ? RAN : UNKNOWN;
        return 0;
    }
    probed->verdict = probed->rule->shape(words);
    if (probed->verdict == RAN && probed->rule->look != LOOK_NOT) probed->verdict = DUE;
    return note_keys(probe, probed->rule, words, err);
}

/* ---- reading ---------------------------------------------------------------------------- */

/* Append what is to be read of a command's key. */
static void append_read(struct probe *probe, const struct probed *probed,
                        const struct words *words)
{
    const char *names[] = {
        [LOOK_TYPE] = "TYPE",         [LOOK_TYPE_OR_NONE] = "TYPE",
        [LOOK_LENGTH] = "STRLEN",     [LOOK_INTEGER] = "GET",
        [LOOK_NUMBER] = "GET",        [LOOK_FIELD_INTEGER] = "HGET",
        [LOOK_FIELD_NUMBER] = "HGET",
    };
    const char *name = names[probed->rule->look];
    const char *const arguments[] = {name, probed->key.bytes, words->at[2].bytes};
    const size_t lengths[] = {strlen(name), probed->key.length, words->at[2].length};
    command_append(&probe->reads, strcmp(name, "HGET") == 0 ? 3 : 2, arguments, lengths);
    probe->read_count++;
}

static enum verdict judge_type(const struct rule *rule, const struct reply *reply)
{
    if (reply->type != REPLY_STATUS) return UNKNOWN;
    if (strcmp(reply->text, "none") == 0)
        return rule->look == LOOK_TYPE_OR_NONE ? RAN : UNKNOWN;
    return strcmp(reply->text, rule->type) == 0 ? RAN : FAILED;
}

static enum verdict judge_value(const struct rule *rule, const struct reply *reply)
{
    int64_t number = 0;
    if (reply->type != REPLY_TEXT) return UNKNOWN;
    if (rule->look == LOOK_NUMBER || rule->look == LOOK_FIELD_NUMBER)
        return is_plain_number(reply->text, reply->length) ? RAN : UNKNOWN;
    if (!is_integer(reply->text, reply->length, &number)) return FAILED;
    return number > -far_from_zero && number < far_from_zero ? RAN : UNKNOWN;
}

/* What the answer tells of the command. */
static enum verdict judge_answer(const struct rule *rule, const struct reply *reply)
{
    if (reply->type == REPLY_ERROR)
        return reply_is_error(reply, "WRONGTYPE") ? FAILED : UNKNOWN;
    if (rule->look == LOOK_TYPE || rule->look == LOOK_TYPE_OR_NONE)
        return judge_type(rule, reply);
    if (rule->look != LOOK_LENGTH) return judge_value(rule, reply);
    return reply->type == REPLY_INTEGER && reply->integer > 0 && reply->integer < long_string
               ? RAN
               : UNKNOWN;
}

static int take(void *context, const struct reply *reply, struct error *err)
{
    struct probe *probe = context;
    (void)err;
    while (probe->cases[probe->next].verdict != DUE) probe->next++;
    struct probed *probed = &probe->cases[probe->next++];
    probed->verdict = judge_answer(probed->rule, reply);
    if (reply->type == REPLY_ERROR && reply_trouble(reply) == REPLY_PASSING)
        (void)reply_error(reply, &probe->trouble);
    return 0;
}

static int read_keys(struct probe *probe, struct connection *connection, struct error *err)
{
    struct pipeline *pipeline = NULL;
    if (probe->read_count == 0) return 0;
    if (buffer_failed(&probe->reads)) return error_memory(err);
    if (pipeline_new(&pipeline, connection, take, probe, err) != 0) return -1;
    int result = pipeline_send(pipeline, probe->reads.bytes, probe->reads.length,
                               probe->read_count, err);
    if (result == 0) result = pipeline_drain(pipeline, err);
    pipeline_free(pipeline);
    if (result != 0 || probe->trouble.code == ERROR_NONE) return result;
    /* A server that cannot serve now: as if it were not there, to be tried again. */
    *err = probe->trouble;
    err->code = ERROR_REDIS_UNREACHABLE;
    err->passing = true;
    return connection_break(connection, err);
}

/* ---- commands --------------------------------------------------------------------------- */

static size_t count_commands(struct resp resp)
{
    struct resp_command command;
    size_t count = 0;
    while (resp_next(&resp, &command)) count++;
    return count;
}

/* Judge all by their arguments, and prepare what is to be read. */
static int prepare(struct probe *probe, const struct resp *commands, struct error *err)
{
    struct resp resp = *commands;
    struct resp_command command;
    for (size_t i = 0; resp_next(&resp, &command); i++) {
        const struct words words = words_of(&command);
        if (judge_words(probe, &probe->cases[i], &words, err) != 0) return -1;
    }
    if (probe->replaced_count > 0)
        qsort(probe->replaced, probe->replaced_count, sizeof *probe->replaced, compare_keys);
    resp = *commands;
    for (size_t i = 0; resp_next(&resp, &command); i++) {
        struct probed *probed = &probe->cases[i];
        const struct words words = words_of(&command);
        if (probed->verdict == DUE && is_replaced(probe, &probed->key))
            probed->verdict = UNKNOWN;
        if (probed->verdict == DUE) append_read(probe, probed, &words);
    }
    return 0;
}

static int report(const struct probe *probe, struct probe_finding *finding, struct error *err)
{
    *finding = (struct probe_finding){.unknown = PROBE_NONE};
    for (size_t i = 0; i < probe->count; i++) {
        if (probe->cases[i].verdict == FAILED) buffer_append(&finding->failed, &i, sizeof i);
        if (probe->cases[i].verdict == UNKNOWN && finding->unknown == PROBE_NONE)
            finding->unknown = i;
    }
    if (!buffer_failed(&finding->failed)) return 0;
    probe_release(finding);
    return error_memory(err);
}

int probe_commands(struct connection *connection, const char *bytes, size_t length,
                   struct probe_finding *finding, struct error *err)
{
    const struct resp commands = {bytes, length};
    struct probe probe = {.count = count_commands(commands)};
    int result = -1;
    *finding = (struct probe_finding){.unknown = PROBE_NONE};
    probe.cases = calloc(probe.count + 1, sizeof *probe.cases);
    if (probe.cases == NULL)
        (void)error_memory(err);
    else if (prepare(&probe, &commands, err) == 0 && read_keys(&probe, connection, err) == 0)
        result = report(&probe, finding, err);
    free(probe.cases);
    free(probe.replaced);
    buffer_release(&probe.reads);
    return result;
}

void probe_release(struct probe_finding *finding)
{
    buffer_release(&finding->failed);
    finding->unknown = PROBE_NONE;
}

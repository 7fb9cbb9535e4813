/*
 * What commands leave behind, by a table of commands: which form it has, and how their
 * arguments are to be understood.
 *
 * In it are the commands whose effect can be seen afterwards. What adds to what was there
 * (INCR, RPUSH, XADD…) cannot be told from its result, and for what is not in the table nothing
 * is guessed: such commands are named with the reason. What a command does not name is not
 * expected either: other members of the set, other fields of the hash, that there is no TTL.
 *
 * Nothing is sent or read here.
 */
#include "expectation.h"

#include <string.h>
#include <strings.h>

#include "command.h"
#include "command_facts.h"
#include "number.h"
#include "resp.h"

/* By how much a TTL until a given time may seem too long. */
enum { CLOCKS_APART_MS = 60 * 1000 };

static const char not_understood[] = "Redis would not take its arguments as they are";
static const char unknown_options[] = "what its options do is not known";

/* One expectation in the making. */
struct making {
    struct expectation *out;
    const struct expectation_rule *rule;
    const struct arguments *arguments;
    int64_t now_ms;
    const char **reason;
};

/* What is known of a command. */
struct expectation_rule {
    const char *name;
    enum expectation_form form;
    int (*make)(const struct making *m); /* NULL: one expectation for each key */
    uint32_t first;                      /* where what it names begins */
    uint32_t stride;                     /* how many arguments each part takes */
    int64_t unit_ms;                     /* of the time in its arguments; 0: there is none */
    bool is_deadline;
};

/* ---- arguments -------------------------------------------------------------------------- */

static int refuse(const struct making *m, const char *why)
{
    *m->reason = why;
    return -1;
}

/* The time that an argument gives, in milliseconds. */
static int read_time(const struct resp_argument *argument, int64_t unit_ms, int64_t *ms)
{
    if (number_parse(argument->bytes, argument->length, INT64_MIN / unit_ms,
                     INT64_MAX / unit_ms, ms) != 0)
        return -1;
    *ms *= unit_ms;
    return 0;
}

/* ---- making: a function for each way of writing a command; each returns 1 or -1 --------- */

/* NAME key part part …, or NAME key a b a b … from an argument on. */
static int make_parts_from(const struct making *m, uint32_t first)
{
    const size_t count = m->arguments->count;
    if (count <= first || (count - first) % m->rule->stride != 0)
        return refuse(m, not_understood);
    m->out->first = first;
    m->out->parts = (uint32_t)((count - first) / m->rule->stride);
    return 1;
}

static int make_parts(const struct making *m)
{
    return make_parts_from(m, m->rule->first);
}

/* NAME key value, NAME key, NAME key field value */
static int make_one(const struct making *m)
{
    if (m->arguments->count == m->rule->first + m->rule->stride) return 1;
    return refuse(m, not_understood);
}

/* The TTL that a command asks for: for so long, or until then. */
static void ask_for_ttl(const struct making *m, int64_t ms, bool is_deadline)
{
    if (is_deadline) {
        m->out->may_be_gone = ms <= m->now_ms;
        ms = (ms > m->now_ms ? ms - m->now_ms : 0) + CLOCKS_APART_MS;
    }
    m->out->most_ttl_ms = ms;
}

/* The second argument behind the name is the rule's time. */
static int take_ttl(const struct making *m)
{
    int64_t ms = 0;
    if (read_time(&m->arguments->items[2], m->rule->unit_ms, &ms) != 0)
        return refuse(m, not_understood);
    ask_for_ttl(m, ms, m->rule->is_deadline);
    return 1;
}

/* SETEX key seconds value */
static int make_setex(const struct making *m)
{
    return make_one(m) < 0 ? -1 : take_ttl(m);
}

/* EXPIRE key seconds: with NX, XX, GT, LT it depends on the TTL that was there. A time that is
 * over removes the key. */
static int make_expire(const struct making *m)
{
    if (m->arguments->count > 3)
        return refuse(m, "with its options it depends on the TTL that was there");
    if (m->arguments->count < 3) return refuse(m, not_understood);
    if (take_ttl(m) < 0) return -1;
    if (m->out->most_ttl_ms <= 0) m->out->form = EXPECTATION_NO_KEY;
    return 1;
}

/* One option of SET; *at moves over what it takes. Returns 0, or -1: an unknown one. */
static int take_set_option(const struct making *m, size_t *at)
{
    static const struct {
        const char *name;
        int64_t unit_ms;
        bool is_deadline;
    } times[] = {
        {"EX", 1000, false}, {"PX", 1, false}, {"EXAT", 1000, true}, {"PXAT", 1, true}};
    const struct arguments *arguments = m->arguments;
    const struct resp_argument *option = &arguments->items[(*at)++];
    int64_t ms = 0;
    if (resp_is_word(option, "KEEPTTL") || resp_is_word(option, "GET")) return 0;
    if (resp_is_word(option, "NX")) return m->out->if_absent = true, 0;
    if (resp_is_word(option, "XX")) return m->out->if_present = true, 0;
    for (size_t i = 0; i < sizeof times / sizeof *times && *at < arguments->count; i++) {
        if (!resp_is_word(option, times[i].name)) continue;
        if (read_time(&arguments->items[(*at)++], times[i].unit_ms, &ms) != 0) return -1;
        ask_for_ttl(m, ms, times[i].is_deadline);
        return 0;
    }
    return -1;
}

/* SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] */
static int make_set(const struct making *m)
{
    size_t at = m->rule->first + 1;
    if (m->arguments->count < at) return refuse(m, not_understood);
    while (at < m->arguments->count)
        if (take_set_option(m, &at) != 0) return refuse(m, unknown_options);
    /* Whatever is there was there before, or is this. */
    if (m->out->if_absent) {
        m->out->form = EXPECTATION_KEY;
        m->out->most_ttl_ms = 0;
    }
    return 1;
}

/* ZADD key [NX | XX] [GT | LT] [CH] score member … */
static int make_zadd(const struct making *m)
{
    uint32_t first = m->rule->first;
    for (; first < m->arguments->count; first++) {
        const struct resp_argument *option = &m->arguments->items[first];
        if (resp_is_word(option, "INCR"))
            return refuse(m, "with INCR it adds to the score that was there");
        if (resp_is_word(option, "NX"))
            m->out->if_absent = true;
        else if (resp_is_word(option, "XX"))
            m->out->if_present = true;
        else if (resp_is_word(option, "GT"))
            m->out->if_greater = true;
        else if (resp_is_word(option, "LT"))
            m->out->if_less = true;
        else if (!resp_is_word(option, "CH"))
            break;
    }
    return make_parts_from(m, first);
}

/* JSON.SET key path value [NX | XX] */
static int make_json(const struct making *m)
{
    const size_t plain = m->rule->first + m->rule->stride;
    if (m->arguments->count == plain) return 1;
    if (m->arguments->count != plain + 1) return refuse(m, unknown_options);
    m->out->if_absent = resp_is_word(&m->arguments->items[plain], "NX");
    m->out->if_present = resp_is_word(&m->arguments->items[plain], "XX");
    return m->out->if_absent || m->out->if_present ? 1 : refuse(m, unknown_options);
}

/* ---- the table of commands -------------------------------------------------------------- */

/* clang-format off */
static const struct expectation_rule rules[] = {
    {"DEL",       EXPECTATION_NO_KEY,     NULL,        1, 1, 0,    false},
    {"EXPIRE",    EXPECTATION_TTL,        make_expire, 2, 1, 1000, false},
    {"EXPIREAT",  EXPECTATION_TTL,        make_expire, 2, 1, 1000, true},
    {"GETDEL",    EXPECTATION_NO_KEY,     make_one,    1, 1, 0,    false},
    {"HDEL",      EXPECTATION_NO_FIELDS,  make_parts,  2, 1, 0,    false},
    {"HMSET",     EXPECTATION_FIELDS,     make_parts,  2, 2, 0,    false},
    {"HSET",      EXPECTATION_FIELDS,     make_parts,  2, 2, 0,    false},
    {"HSETNX",    EXPECTATION_ANY_FIELD,  make_one,    2, 2, 0,    false},
    {"JSON.SET",  EXPECTATION_JSON,       make_json,   2, 2, 0,    false},
    {"MSET",      EXPECTATION_VALUE,      NULL,        1, 2, 0,    false},
    {"PERSIST",   EXPECTATION_NO_TTL,     make_one,    1, 1, 0,    false},
    {"PEXPIRE",   EXPECTATION_TTL,        make_expire, 2, 1, 1,    false},
    {"PEXPIREAT", EXPECTATION_TTL,        make_expire, 2, 1, 1,    true},
    {"PSETEX",    EXPECTATION_VALUE,      make_setex,  3, 1, 1,    false},
    {"SADD",      EXPECTATION_MEMBERS,    make_parts,  2, 1, 0,    false},
    {"SET",       EXPECTATION_VALUE,      make_set,    2, 1, 0,    false},
    {"SETEX",     EXPECTATION_VALUE,      make_setex,  3, 1, 1000, false},
    {"SETNX",     EXPECTATION_KEY,        make_one,    2, 1, 0,    false},
    {"SREM",      EXPECTATION_NO_MEMBERS, make_parts,  2, 1, 0,    false},
    {"UNLINK",    EXPECTATION_NO_KEY,     NULL,        1, 1, 0,    false},
    {"ZADD",      EXPECTATION_SCORES,     make_zadd,   2, 2, 0,    false},
    {"ZREM",      EXPECTATION_NO_SCORES,  make_parts,  2, 1, 0,    false},
};
/* clang-format on */

const struct expectation_rule *expectation_rule(const char *name, size_t length)
{
    const struct resp_argument word = {name, length};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (resp_is_word(&word, rules[i].name)) return &rules[i];
    return NULL;
}

/* PUBLISH and SPUBLISH. */
static bool is_message(const struct command_facts *facts)
{
    return strcmp(facts->name, "PUBLISH") == 0 || strcmp(facts->name, "SPUBLISH") == 0;
}

const char *expectation_reason(const struct command *command)
{
    const struct command_facts *facts = command->facts;
    if (facts == NULL) return "redferry does not know what this command leaves in Redis";
    if (command->is_publish || is_message(facts)) return "a message leaves nothing in Redis";
    if (!facts->writes) return "it leaves nothing in Redis";
    if (!facts->idempotent || !command_is_idempotent(command))
        return "what it leaves depends on what was there before";
    return "what it leaves is not read back";
}

bool expectation_may_overwrite(const struct command *command)
{
    const struct command_facts *facts = command->facts;
    if (command->is_publish) return false;
    return facts == NULL || (facts->writes && !is_message(facts));
}

/* Each of the keys (DEL), or each of the pairs (MSET). */
static int make_each(const struct making *m, size_t index)
{
    const struct expectation_rule *rule = m->rule;
    const size_t count = m->arguments->count;
    const size_t key = rule->first + index * rule->stride;
    if (count <= rule->first || (count - rule->first) % rule->stride != 0)
        return refuse(m, not_understood);
    if (key >= count) return 0;
    m->out->key = (uint32_t)key;
    m->out->first = (uint32_t)(key + rule->stride - 1);
    return 1;
}

int expectation_make(struct expectation *out, const struct expectation_rule *rule,
                     const struct arguments *arguments, size_t index, int64_t now_ms,
                     const char **reason)
{
    const struct making making = {out, rule, arguments, now_ms, reason};
    *out = (struct expectation){
        .form = rule->form, .key = 1, .first = rule->first, .parts = 1, .replies = 1};
    if (arguments->count < 2) return refuse(&making, not_understood);
    if (rule->make == NULL) return make_each(&making, index);
    if (index > 0) return 0;
    if (rule->make(&making) < 0) return -1;
    if (out->form == EXPECTATION_VALUE && out->most_ttl_ms > 0) out->replies = 2;
    return 1;
}

enum expectation_reach expectation_reach(const char *name, const struct arguments *arguments,
                                         const struct resp_argument **part)
{
    static const struct {
        const char *name;
        enum expectation_reach reach;
        size_t position; /* of the part, counted from the name's 0; 0: the last argument */
    } narrow[] = {
        {"EXPIRE", EXPECTATION_LIFE, 0},     {"EXPIREAT", EXPECTATION_LIFE, 0},
        {"HEXPIRE", EXPECTATION_LIFE, 0},    {"HEXPIREAT", EXPECTATION_LIFE, 0},
        {"HINCRBY", EXPECTATION_PART, 2},    {"HINCRBYFLOAT", EXPECTATION_PART, 2},
        {"HPERSIST", EXPECTATION_LIFE, 0},   {"HPEXPIRE", EXPECTATION_LIFE, 0},
        {"HPEXPIREAT", EXPECTATION_LIFE, 0}, {"PEXPIRE", EXPECTATION_LIFE, 0},
        {"PEXPIREAT", EXPECTATION_LIFE, 0},  {"ZADD", EXPECTATION_PART, 0},
        {"ZINCRBY", EXPECTATION_PART, 3},
    };
    *part = NULL;
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        const size_t position =
            narrow[i].position > 0 ? narrow[i].position : arguments->count - 1;
        if (strcmp(name, narrow[i].name) != 0 || position < 2 || position >= arguments->count)
            continue;
        if (narrow[i].reach == EXPECTATION_PART) *part = &arguments->items[position];
        return narrow[i].reach;
    }
    return EXPECTATION_WHOLE;
}

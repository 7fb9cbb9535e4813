/*
 * What the user of Redis may send.
 *
 * From Redis 7 on ACL DRYRUN says whether a command would be let pass, with its keys and
 * channels, without doing it. It is asked about each command of redferry's own, on the keys
 * that it would use, and about the commands of the pending migrations as their first rows would
 * have them. A denial is told by the command as it stands in the file, not by the row's values,
 * and with the rule that mends it. Older servers cannot be asked, and trying would be to write.
 */
#include "doctor_acl.h"

#include <inttypes.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "checkpoint.h"
#include "command.h"
#include "command_facts.h"
#include "config.h"
#include "connection.h"
#include "doctor.h"
#include "doctor_redis.h"
#include "error.h"
#include "ledger.h"
#include "migration.h"
#include "reply.h"
#include "resp.h"
#include "session.h"
#include "template.h"

enum { MOST_ARGUMENTS = 256, PREFIX = 3 /* ACL DRYRUN user */, FRAME_ARGUMENTS = 4 };

/* What is said of a command. */
enum answer {
    MAY_SEND,
    NOT_THE_COMMAND,
    NOT_THE_KEY,
    NOT_THE_CHANNEL,
    NO_SUCH_COMMAND,
    CANNOT_ASK /* err says why */
};

/* What redferry itself sends. CHECKPOINT stands for the key of a checkpoint, TRACE for that of
 * what stays for good. */
static const char CHECKPOINT[] = "checkpoint", TRACE[] = "trace";

static const struct frame {
    const char *words[FRAME_ARGUMENTS];
    const char *rule;               /* what allows it */
    bool waits_replicas, waits_aof; /* only with that option */
} frames[] = {
    {.words = {"INFO", "server"}, .rule = "+info"},
    {.words = {"ROLE"}, .rule = "+role"},
    {.words = {"MULTI"}, .rule = "+multi"},
    {.words = {"EXEC"}, .rule = "+exec"},
    {.words = {"DISCARD"}, .rule = "+discard"},
    {.words = {"WATCH", CHECKPOINT}, .rule = "+watch"},
    {.words = {"UNWATCH"}, .rule = "+unwatch"},
    {.words = {"HGETALL", CHECKPOINT}, .rule = "+hgetall"},
    {.words = {"HGETALL", TRACE}, .rule = "+hgetall"},
    {.words = {"HGET", CHECKPOINT, "fence"}, .rule = "+hget"},
    {.words = {"HSET", CHECKPOINT, "fence", "1"}, .rule = "+hset"},
    {.words = {"HSET", TRACE, "database", "1"}, .rule = "+hset"},
    {.words = {"HSETNX", TRACE, "first_run", "1"}, .rule = "+hsetnx"},
    {.words = {"HDEL", CHECKPOINT, "failed"}, .rule = "+hdel"},
    {.words = {"DEL", CHECKPOINT}, .rule = "+del"},
    {.words = {"WAIT", "1", "1"}, .rule = "+wait", .waits_replicas = true},
    {.words = {"WAITAOF", "1", "0", "1"}, .rule = "+waitaof", .waits_aof = true},
};

/* A question in the making. */
struct question {
    struct doctor *doctor;
    const char *user;
    const char *words[PREFIX + MOST_ARGUMENTS];
    size_t lengths[PREFIX + MOST_ARGUMENTS];
    size_t count;
};

static void begin(struct question *question)
{
    question->words[0] = "ACL";
    question->words[1] = "DRYRUN";
    question->words[2] = question->user;
    for (question->count = 0; question->count < PREFIX; question->count++)
        question->lengths[question->count] = strlen(question->words[question->count]);
}

static void add(struct question *question, const char *bytes, size_t length)
{
    if (question->count >= PREFIX + MOST_ARGUMENTS) return;
    question->words[question->count] = bytes;
    question->lengths[question->count++] = length;
}

static bool ends_with(const struct reply *reply, const char *end)
{
    const size_t length = strlen(end);
    return reply->length >= length &&
           memcmp(reply->text + reply->length - length, end, length) == 0;
}

/* Returns 0 with *answer, or -1 with err. */
static int put(struct question *question, enum answer *answer, struct error *err)
{
    const struct reply *reply = NULL;
    if (connection_call(question->doctor->session->redis, question->count, question->words,
                        question->lengths, &reply, err) != 0)
        return -1;
    if (reply_is_status(reply, "OK")) {
        *answer = MAY_SEND;
    } else if (reply->type == REPLY_ERROR) {
        /* "Command 'x' not found" is the dry command's; all else is about the question. */
        *answer = strstr(reply->text, "not found") != NULL ? NO_SUCH_COMMAND : CANNOT_ASK;
        (void)reply_error(reply, err);
    } else {
        *answer = ends_with(reply, " key")       ? NOT_THE_KEY
                  : ends_with(reply, " channel") ? NOT_THE_CHANNEL
                                                 : NOT_THE_COMMAND;
    }
    return 0;
}

/* ---- redferry's own ------------------------------------------------------------------- */

/* What is missing of what redferry itself needs. */
struct missing {
    struct buffer commands, rules;
    bool keys;
};

static void note(struct missing *missing, const struct frame *frame, enum answer answer)
{
    if (answer == NOT_THE_KEY) {
        missing->keys = true;
        return;
    }
    const char *known = buffer_text(&missing->rules);
    if (known != NULL && strstr(known, frame->rule) != NULL) return;
    buffer_append_format(&missing->commands, "%s%s", missing->commands.length > 0 ? ", " : "",
                         frame->words[0]);
    buffer_append_format(&missing->rules, " %s", frame->rule);
}

static bool is_needed(const struct frame *frame, const struct config *config)
{
    if (frame->waits_aof) return config->wait_aof;
    return !frame->waits_replicas || (config->wait_replicas > 0 && !config->wait_aof);
}

/* Returns 1; 0 where the server cannot be asked, err saying why; -1 with err. */
static int ask_frames(struct question *question, struct missing *missing, struct error *err)
{
    struct doctor *doctor = question->doctor;
    const char *id = doctor->session->state.id;
    const char *trace = arena_format(doctor->arena, CHECKPOINT_TRACE_KEY,
                                     id != NULL ? id : "00000000-0000-0000-0000-000000000000");
    const char *checkpoint = trace != NULL ? arena_format(doctor->arena, "%s:1", trace) : NULL;
    if (checkpoint == NULL) return error_memory(err);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        enum answer answer = MAY_SEND;
        if (!is_needed(&frames[i], doctor->session->config)) continue;
        begin(question);
        for (size_t j = 0; j < FRAME_ARGUMENTS && frames[i].words[j] != NULL; j++) {
            const char *word = frames[i].words[j];
            if (word == CHECKPOINT) word = checkpoint;
            if (word == TRACE) word = trace;
            add(question, word, strlen(word));
        }
        if (put(question, &answer, err) != 0) return -1;
        if (answer == CANNOT_ASK) return 0;
        /* A Redis without WAITAOF: no rule gives it one, and `redis durability` has said so. */
        if (answer == NO_SUCH_COMMAND && frames[i].waits_aof) continue;
        if (answer != MAY_SEND) note(missing, &frames[i], answer);
    }
    return 1;
}

static int find_missing(struct question *question, struct missing *missing, struct error *err)
{
    struct doctor *doctor = question->doctor;
    const char *commands = buffer_text(&missing->commands);
    const char *rules = buffer_text(&missing->rules);
    if (commands == NULL || rules == NULL) return error_memory(err);
    if (commands[0] == '\0' && !missing->keys) return 0;
    doctor_find(doctor, DOCTOR_PROBLEM,
                "user '%s' may not %s%s%s%s, which redferry itself needs", question->user,
                commands[0] != '\0' ? "send " : "", commands,
                commands[0] != '\0' && missing->keys ? " nor " : "",
                missing->keys ? "use the keys redferry:*" : "");
    doctor_advise(doctor, "ACL SETUSER %s%s%s", question->user, rules,
                  missing->keys ? " ~redferry:*" : "");
    return 0;
}

/* ---- the migrations' ------------------------------------------------------------------ */

/* The rule that lets the command's argument at index pass: '~' or '&' and what its template
 * begins with. */
static const char *pattern_for(struct doctor *doctor, const struct command *command,
                               size_t index, char sign)
{
    const char *prefix = "";
    size_t length = 0;
    if (index < command->argument_count)
        template_prefix(command->arguments[index], &prefix, &length);
    const bool is_literal = index < command->argument_count &&
                            template_is_literal(command->arguments[index], &prefix, &length);
    const char *rule = arena_format(doctor->arena, "%c%.*s%s", sign, (int)length, prefix,
                                    is_literal ? "" : "*");
    return rule != NULL ? rule : "";
}

static void find_denied(struct question *question, const struct doctor_sample *sample,
                        enum answer answer)
{
    static const char *const reasons[] = {
        [NOT_THE_COMMAND] = "",
        [NOT_THE_KEY] = ", its key is none of the user's",
        [NOT_THE_CHANNEL] = ", its channel is none of the user's",
    };
    struct doctor *doctor = question->doctor;
    const struct command *command = sample->command;
    const char *name = "", *user = question->user;
    size_t length = 0, key = 1;
    if (answer == NO_SUCH_COMMAND) {
        doctor_find(doctor, DOCTOR_PROBLEM, "%s:%d:%d: Redis has no such command: '%s'",
                    sample->migration->file, command->line, command->column, command->text);
        doctor_advise(doctor, "load the module that has it, or use a server that does");
        return;
    }
    doctor_find(doctor, DOCTOR_PROBLEM, "%s:%d:%d: user '%s' may not send '%s'%s",
                sample->migration->file, command->line, command->column, user, command->text,
                reasons[answer]);
    if (command_keys(command, &key, 1) == 0) key = 1;
    (void)template_is_literal(command->arguments[0], &name, &length);
    if (answer == NOT_THE_COMMAND)
        doctor_advise(doctor, "ACL SETUSER %s +%.*s", user, (int)length, name);
    else if (answer == NOT_THE_KEY)
        doctor_advise(doctor, "ACL SETUSER %s %s", user,
                      pattern_for(doctor, command, key, '~'));
    else
        doctor_advise(doctor, "ACL SETUSER %s %s", user, pattern_for(doctor, command, 1, '&'));
}

/* Commands that were told of; each is once, whichever of its rows is denied. */
struct told {
    const struct command **items;
    size_t count, capacity;
};

static bool was_told(const struct told *told, const struct command *command)
{
    for (size_t i = 0; i < told->count; i++)
        if (told->items[i] == command) return true;
    return false;
}

static int ask_sample(struct question *question, const struct doctor_sample *sample,
                      struct told *told, struct error *err)
{
    struct resp resp = {sample->bytes, sample->length};
    struct resp_command whole;
    struct resp_argument argument;
    enum answer answer = MAY_SEND;
    if (!resp_next(&resp, &whole) || whole.count > MOST_ARGUMENTS) return 0;
    begin(question);
    while (resp_argument(&whole, &argument)) add(question, argument.bytes, argument.length);
    if (put(question, &answer, err) != 0) return -1;
    if (answer == MAY_SEND || answer == CANNOT_ASK) return 0;
    find_denied(question, sample, answer);
    const struct command **items =
        doctor_grow(question->doctor, told->items, told->count, &told->capacity, sizeof *items);
    if (items == NULL) return error_memory(err);
    told->items = items;
    told->items[told->count++] = sample->command;
    return 0;
}

static int ask_samples(struct question *question, struct error *err)
{
    const struct doctor *doctor = question->doctor;
    struct told told = {0};
    for (size_t i = 0; i < doctor->sample_count; i++) {
        if (was_told(&told, doctor->samples[i].command)) continue;
        if (ask_sample(question, &doctor->samples[i], &told, err) != 0) return -1;
    }
    return 0;
}

/* ---- together ------------------------------------------------------------------------- */

/* Who we are to the server, in the doctor's arena. */
static int find_user(struct question *question, struct error *err)
{
    static const char *const words[] = {"ACL", "WHOAMI"};
    struct doctor *doctor = question->doctor;
    const char *given = doctor->session->config->redis.user;
    const struct reply *reply = NULL;
    const int answered = doctor_redis_ask(doctor, 2, words, &reply, err);
    if (answered < 0) return -1;
    question->user = answered == 1 && reply->type == REPLY_TEXT
                         ? arena_copy(doctor->arena, reply->text, reply->length)
                     : given != NULL ? given
                                     : "default";
    return question->user != NULL ? 0 : error_memory(err);
}

static int ask_all(struct question *question, struct missing *missing, struct error *err)
{
    struct doctor *doctor = question->doctor;
    const size_t problems = doctor->counts[DOCTOR_PROBLEM];
    const int asked = ask_frames(question, missing, err);
    if (asked < 0) return -1;
    if (asked == 0) {
        doctor_find(doctor, DOCTOR_WARNING,
                    "what user '%s' may send cannot be known beforehand: %s", question->user,
                    err->message);
        doctor_advise(doctor, "ACL SETUSER %s +acl|dryrun +acl|whoami lets the doctor ask",
                      question->user);
        return 0;
    }
    if (find_missing(question, missing, err) != 0 || ask_samples(question, err) != 0) return -1;
    if (doctor->counts[DOCTOR_PROBLEM] == problems)
        doctor_find(doctor, DOCTOR_OK, "user '%s' may send what redferry itself needs%s",
                    question->user,
                    doctor->sample_count > 0
                        ? ", and the pending migrations' commands for their first rows"
                        : "");
    return 0;
}

int doctor_acl(struct doctor *doctor, struct error *err)
{
    struct question question = {.doctor = doctor};
    struct missing missing = {0};
    if (doctor->redis.major > 0 && doctor->redis.major < 7) {
        doctor_find(doctor, DOCTOR_OK,
                    "what the user may send cannot be known beforehand: ACL DRYRUN came with "
                    "Redis 7");
        return 0;
    }
    int result = find_user(&question, err);
    if (result == 0) result = ask_all(&question, &missing, err);
    buffer_release(&missing.commands);
    buffer_release(&missing.rules);
    return result;
}

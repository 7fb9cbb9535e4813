/*
 * What differs, until a later command speaks for it.
 *
 * Commands come in the order in which they were sent when the migration ran. So what differs is
 * at first only in dispute (dispute.h), place by place; a command that comes later and writes
 * to the same place settles that, and a finding whose places are all settled counts as
 * overwritten instead. Some more differences are kept in words than are asked for, so that
 * there are others to show where some prove to be overwritten.
 *
 * What answers mean is reading.h's to say; nothing is sent here but, at the end and for few
 * keys, the question for their type.
 */
#include "finding.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "comparison.h"
#include "connection.h"
#include "dispute.h"
#include "error.h"
#include "expectation.h"
#include "reading.h"
#include "reply.h"
#include "resp.h"

enum { MORE_SHOWN = 256 };

#define NONE UINT32_MAX

/* A difference that some later command may still speak for. */
struct finding {
    struct comparison_line *line;
    bool is_missing;
    uint32_t open;  /* its places in dispute, and those that are not watched for want of room */
    uint32_t spare; /* the next one that is not in use */
};

/* A difference in words. */
struct shown {
    struct comparison_finding words;
    uint32_t finding;
    char *text; /* where the words are */
    char *key;  /* whose type is to be asked for; NULL: that is not so */
    size_t key_length;
};

/* What the replies so far say of the expectation that is being judged. */
struct judging {
    size_t wrong;
    size_t missing;
    size_t opened;       /* disputes */
    uint32_t finding;    /* once something is wrong */
    struct shown *shown; /* that, in words; NULL: not shown */
};

struct findings {
    struct judging judging;
    struct disputes *disputes;
    struct finding *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t spare; /* a chain */
    bool have_overflowed;
    struct shown *shown; /* in the order of their commands */
    size_t shown_count;
    size_t limit;
    struct comparison_finding *given; /* what findings_shown() gave out */
};

static const struct resp_argument *key_of(const struct answer *answer)
{
    return &answer->arguments->items[answer->expectation->key];
}

/* ---- in words --------------------------------------------------------------------------- */

/* What words are made of, in the order in which they stand in one text. */
enum { KEY, PART, SQL, REDIS, WORDS };

static void words_release(struct buffer texts[WORDS])
{
    for (size_t i = 0; i < WORDS; i++) buffer_release(&texts[i]);
}

/* Put texts, which are released, behind each other into one of shown's own. Returns 0 or -1: no
 * memory; then shown is as it was. */
static int set_words(struct shown *shown, struct buffer texts[WORDS])
{
    const char **const fields[] = {&shown->words.key, &shown->words.part, &shown->words.sql,
                                   &shown->words.redis};
    struct buffer all = {0};
    for (size_t i = 0; i < WORDS; i++) {
        const char *text = buffer_text(&texts[i]);
        if (text != NULL) buffer_append(&all, text, strlen(text) + 1);
        if (text == NULL) all.failed = true;
    }
    words_release(texts);
    if (buffer_failed(&all)) {
        buffer_release(&all);
        return -1;
    }
    free(shown->text);
    shown->text = all.bytes;
    const char *text = all.bytes;
    for (size_t i = 0; i < WORDS; i++) {
        *fields[i] = text;
        text += strlen(text) + 1;
    }
    return 0;
}

static void forget_words(struct shown *shown)
{
    free(shown->text);
    free(shown->key);
}

/* Keep the part that differs in words. Returns NULL when memory runs out. */
static struct shown *show(struct findings *self, const struct answer *answer, size_t part)
{
    struct buffer texts[WORDS] = {{0}};
    const struct resp_argument *key = key_of(answer);
    const struct reading_words words = {&texts[PART], &texts[SQL], &texts[REDIS]};
    struct shown *shown = &self->shown[self->shown_count];
    *shown = (struct shown){.words.line = answer->line, .finding = self->judging.finding};
    reading_append_quoted(&texts[KEY], key->bytes, key->length);
    reading_describe(answer->expectation, answer->arguments, answer->at, answer->reply, part,
                     &words);
    if (set_words(shown, texts) != 0) return NULL;
    if (answer->reply->type == REPLY_ERROR) {
        shown->key = malloc(key->length + 1);
        shown->key_length = key->length;
        if (shown->key != NULL) memcpy(shown->key, key->bytes, key->length);
    }
    self->shown_count++;
    return shown;
}

static void unshow(struct findings *self, uint32_t finding)
{
    for (size_t i = self->shown_count; i-- > 0;) {
        struct shown *shown = &self->shown[i];
        if (shown->finding != finding) continue;
        forget_words(shown);
        self->shown_count--;
        memmove(shown, shown + 1, (self->shown_count - i) * sizeof *shown);
        return;
    }
}

/* ---- findings --------------------------------------------------------------------------- */

/* A finding of line; NONE when memory runs out. */
static uint32_t finding_new(struct findings *self, struct comparison_line *line)
{
    uint32_t at = self->spare;
    if (at == NONE && self->count == self->capacity) {
        const uint32_t capacity = self->capacity == 0 ? 64 : 2 * self->capacity;
        struct finding *items = realloc(self->items, capacity * sizeof *items);
        if (items == NULL) return NONE;
        self->items = items;
        self->capacity = capacity;
    }
    if (at == NONE)
        at = self->count++;
    else
        self->spare = self->items[at].spare;
    self->items[at] = (struct finding){.line = line};
    return at;
}

static void finding_end(struct findings *self, uint32_t at)
{
    self->items[at].spare = self->spare;
    self->spare = at;
}

/* A place of a finding was written to by a later command; the last one makes it overwritten. */
static void on_settled(void *context, uint32_t at)
{
    struct findings *self = context;
    struct finding *finding = &self->items[at];
    if (--finding->open > 0) return;
    if (finding->is_missing)
        finding->line->missing--;
    else
        finding->line->different--;
    finding->line->overwritten++;
    unshow(self, at);
    finding_end(self, at);
}

/* ---- what later commands do to findings ------------------------------------------------- */

static struct dispute_place place_of(const struct resp_argument *key, enum dispute_kind kind,
                                     const struct resp_argument *name)
{
    return (struct dispute_place){.key = key->bytes,
                                  .key_length = key->length,
                                  .kind = kind,
                                  .name = name != NULL ? name->bytes : "",
                                  .name_length = name != NULL ? name->length : 0};
}

static void settle_place(struct findings *self, const struct resp_argument *key,
                         enum dispute_kind kind, const struct resp_argument *name)
{
    const struct dispute_place place = place_of(key, kind, name);
    disputes_settle(self->disputes, &place, on_settled, self);
}

static void settle_key(struct findings *self, const struct resp_argument *key)
{
    disputes_settle_key(self->disputes, key->bytes, key->length, on_settled, self);
}

static void settle_earlier(struct findings *self, const struct answer *answer)
{
    const struct expectation *expectation = answer->expectation;
    const struct resp_argument *key = key_of(answer);
    const enum reading_effect effect = reading_effect(expectation);
    if (effect == READING_REPLACES) settle_key(self, key);
    if (effect == READING_TIMES) settle_place(self, key, DISPUTE_TTL, NULL);
    if (effect == READING_SETS || effect == READING_CREATES)
        settle_place(self, key, DISPUTE_ABSENT, NULL);
    if (effect != READING_SETS && effect != READING_REMOVES) return;
    for (size_t part = 0; part < expectation->parts; part++)
        settle_place(self, key, DISPUTE_NAMED,
                     reading_name(expectation, answer->arguments, 0, part));
}

/* Settle what is at a command's keys; where it is not known which of its arguments those are,
 * any may be one. */
static void settle_keys(struct findings *self, const struct command_facts *facts,
                        const struct arguments *arguments)
{
    const size_t count = arguments->count;
    size_t first = 1, last = count - 1, step = 1;
    if (facts != NULL && facts->first_key > 0 && facts->key_word == NULL &&
        facts->count_at == 0) {
        first = (size_t)facts->first_key;
        step = (size_t)facts->key_step;
        last = facts->last_key > 0 ? (size_t)facts->last_key : count - (size_t)-facts->last_key;
    }
    for (size_t i = first; i <= last && i < count; i += step)
        settle_key(self, &arguments->items[i]);
}

void findings_pass(struct findings *self, const struct comparison_line *line,
                   const struct arguments *arguments)
{
    const struct command_facts *facts = line->command->facts;
    const struct resp_argument *part = NULL;
    enum expectation_reach reach = EXPECTATION_WHOLE;
    if (disputes_count(self->disputes) == 0 || arguments->count < 2) return;
    if (facts != NULL) reach = expectation_reach(facts->name, arguments, &part);
    switch (reach) {
    case EXPECTATION_WHOLE:
        settle_keys(self, facts, arguments);
        break;
    case EXPECTATION_PART:
        settle_place(self, &arguments->items[1], DISPUTE_NAMED, part);
        settle_place(self, &arguments->items[1], DISPUTE_ABSENT, NULL);
        break;
    case EXPECTATION_LIFE:
        settle_place(self, &arguments->items[1], DISPUTE_TTL, NULL);
        break;
    }
}

/* ---- judging ---------------------------------------------------------------------------- */

static enum dispute_kind kind_of(const struct answer *answer)
{
    const struct expectation *expectation = answer->expectation;
    if (answer->at > 0 || reading_effect(expectation) == READING_TIMES) return DISPUTE_TTL;
    if (expectation->form == EXPECTATION_NO_KEY) return DISPUTE_ABSENT;
    return expectation->form == EXPECTATION_VALUE || expectation->form == EXPECTATION_KEY ||
                   expectation->form == EXPECTATION_JSON
               ? DISPUTE_VALUE
               : DISPUTE_NAMED;
}

/* A part differs: it is in dispute from now on. Returns 0 or -1: no memory. */
static int dispute_part(struct findings *self, const struct answer *answer, size_t part)
{
    const enum dispute_kind kind = kind_of(answer);
    const struct resp_argument *name = NULL;
    if (kind == DISPUTE_NAMED)
        name = reading_name(answer->expectation, answer->arguments, answer->at, part);
    const struct dispute_place place = place_of(key_of(answer), kind, name);
    const int opened = disputes_open(self->disputes, &place, self->judging.finding);
    if (opened < 0) return -1;
    if (opened == 0) self->have_overflowed = true;
    self->judging.opened += (size_t)opened;
    self->items[self->judging.finding].open++;
    return 0;
}

/* A part differs. Returns 0 or -1: no memory. */
static int note_part(struct findings *self, const struct answer *answer, size_t part)
{
    struct judging *judging = &self->judging;
    if (judging->wrong++ == 0) {
        judging->finding = finding_new(self, answer->line);
        if (judging->finding == NONE) return -1;
        if (self->limit > 0 && self->shown_count < self->limit + MORE_SHOWN) {
            judging->shown = show(self, answer, part);
            if (judging->shown == NULL) return -1;
        }
    }
    return dispute_part(self, answer, part);
}

/* Mostly all is equal; only where it is not, names are compared with each other. */
static int judge(struct findings *self, const struct answer *answer)
{
    const struct expectation *expectation = answer->expectation;
    const size_t parts = reading_parts(expectation, answer->at);
    bool *repeats = NULL;
    int result = 0;
    for (size_t part = 0; result == 0 && part < parts; part++) {
        const enum reading_verdict verdict =
            reading_judge(expectation, answer->arguments, answer->at, answer->reply, part);
        if (verdict == READING_EQUAL) continue;
        if (repeats == NULL && parts > 1) {
            repeats = reading_repeats(expectation, answer->arguments);
            if (repeats == NULL) return -1;
        }
        if (repeats != NULL && repeats[part]) continue;
        if (verdict == READING_MISSING) self->judging.missing++;
        result = note_part(self, answer, part);
    }
    free(repeats);
    return result;
}

/* All replies are in, and something is wrong: count it. */
static void count_finding(struct findings *self, const struct answer *answer)
{
    const struct expectation *expectation = answer->expectation;
    const struct judging *judging = &self->judging;
    size_t parts = 0;
    for (size_t at = 0; at < expectation->replies; at++)
        parts += reading_parts(expectation, at);
    const bool is_missing = judging->missing == parts;
    self->items[judging->finding].is_missing = is_missing;
    if (is_missing)
        answer->line->missing++;
    else
        answer->line->different++;
    if (judging->shown != NULL) {
        struct comparison_finding *words = &judging->shown->words;
        words->is_missing = is_missing;
        words->more = judging->wrong - 1;
        words->may_have_expired = is_missing && (expectation->most_ttl_ms > 0 ||
                                                 expectation->form == EXPECTATION_TTL);
    }
    if (judging->opened > 0) return;
    /* Nothing can settle it any more. */
    if (judging->shown != NULL) judging->shown->finding = NONE;
    finding_end(self, judging->finding);
}

int findings_take(struct findings *self, const struct answer *answer, struct error *err)
{
    if (answer->at == 0) {
        self->judging = (struct judging){0};
        if (disputes_count(self->disputes) > 0) settle_earlier(self, answer);
    }
    if (judge(self, answer) != 0) return error_memory(err);
    if (answer->at + 1 < answer->expectation->replies) return 0;
    if (self->judging.wrong == 0)
        answer->line->equal++;
    else
        count_finding(self, answer);
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

int findings_new(struct findings **out, size_t limit, struct error *err)
{
    struct findings *self = calloc(1, sizeof *self);
    *out = NULL;
    if (self == NULL) return error_memory(err);
    self->spare = NONE;
    self->limit = limit;
    self->disputes = disputes_new();
    self->shown = calloc(limit + MORE_SHOWN, sizeof *self->shown);
    self->given = calloc(limit + 1, sizeof *self->given);
    if (self->disputes == NULL || self->shown == NULL || self->given == NULL) {
        findings_free(self);
        return error_memory(err);
    }
    *out = self;
    return 0;
}

void findings_free(struct findings *self)
{
    if (self == NULL) return;
    for (size_t i = 0; i < self->shown_count; i++) forget_words(&self->shown[i]);
    disputes_free(self->disputes);
    free(self->items);
    free(self->shown);
    free(self->given);
    free(self);
}

bool findings_are_open(const struct findings *self)
{
    return disputes_count(self->disputes) > 0;
}

bool findings_have_overflowed(const struct findings *self)
{
    return self->have_overflowed;
}

/* Say of which type is what is there; where there is no answer, it stays "another type". */
static void name_type(struct connection *connection, struct shown *shown)
{
    const char *const arguments[] = {"TYPE", shown->key};
    const size_t lengths[] = {strlen("TYPE"), shown->key_length};
    const struct reply *reply = NULL;
    struct error ignored = {0};
    struct buffer texts[WORDS] = {{0}};
    if (connection_call(connection, 2, arguments, lengths, &reply, &ignored) != 0 ||
        reply->type != REPLY_STATUS || reply_is_status(reply, "none"))
        return;
    buffer_append_text(&texts[KEY], shown->words.key);
    buffer_append_text(&texts[PART], shown->words.part);
    buffer_append_text(&texts[SQL], shown->words.sql);
    buffer_append_format(&texts[REDIS], "a %s", reply->text);
    (void)set_words(shown, texts);
}

const struct comparison_finding *findings_shown(struct findings *self,
                                                struct connection *connection, size_t *count)
{
    *count = self->shown_count < self->limit ? self->shown_count : self->limit;
    for (size_t i = 0; i < *count; i++) {
        struct shown *shown = &self->shown[i];
        if (shown->key != NULL && connection != NULL) name_type(connection, shown);
        free(shown->key);
        shown->key = NULL;
        self->given[i] = shown->words;
    }
    return self->given;
}

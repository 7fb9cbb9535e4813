/*
 * Bytes in, replies out.
 *
 * A crossing of a million rows reads millions of replies, nearly all of them +QUEUED and :1, so
 * hiredis' habit of one allocation a reply is replaced: its parser calls the functions below,
 * and they append to two arrays that are reused for the next reply, one of structs, one of
 * text. Both move while they grow; so a text is an offset while the reply is parsed, and
 * becomes a pointer when it is handed out. hiredis' own connection, and anything else that
 * knows of a socket, is deliberately not used.
 *
 * The few lines that nearly all replies consist of are recognised here, where they lie whole in
 * a slice, and the outermost array is taken apart: it is its elements, one after the other,
 * each like a reply. Everything else is hiredis', line by line, so that what stands behind it
 * is looked at again. A reply always ends with a line. Where one does not (hiredis takes any
 * two bytes for the CRLF behind a text), hiredis would be left with the rest, and what comes
 * next would overtake it: that is an error.
 */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/read.h>

#include "buffer.h"
#include "error.h"

/* What one reply may leave allocated for the next one; a huge reply's memory is given back. */
enum { KEPT_BYTES = 1024 * 1024 };

struct reply_reader {
    redisReader *parser;
    struct reply *items;
    size_t count;
    size_t capacity;
    struct buffer texts;
    const char *at; /* the slice that was fed, borrowed, and what of it was not taken yet */
    const char *end;
    size_t due;      /* lines known, or replies of the parser's, until the reply is whole */
    bool is_parsing; /* the parser has the beginning of a reply */
    bool has_parsed; /* some of the items are the parser's */
    bool handed_out; /* the items are the previous reply's */
    bool is_torn;    /* a reply ended within a line */
    bool failed;     /* memory ran out */
};

/* ---- hiredis' callbacks ---------------------------------------------------------------------
 * They never return NULL, which not every version survives: running out of memory is remembered
 * and reported by reply_reader_next(). What they return is only compared with NULL. */

static struct reply *add(struct reply_reader *reader, enum reply_type type)
{
    if (reader->count == reader->capacity) {
        size_t capacity = reader->capacity == 0 ? 64 : reader->capacity * 2;
        struct reply *items = realloc(reader->items, capacity * sizeof *items);
        if (items == NULL) {
            reader->failed = true;
            return NULL;
        }
        reader->items = items;
        reader->capacity = capacity;
    }
    struct reply *item = &reader->items[reader->count++];
    *item = (struct reply){.type = type, .span = 1};
    return item;
}

static void *add_text(struct reply_reader *reader, enum reply_type type, const char *text,
                      size_t length)
{
    struct reply *item = add(reader, type);
    if (item == NULL) return reader;
    item->integer = (int64_t)reader->texts.length;
    item->length = length;
    buffer_append(&reader->texts, text, length);
    buffer_append_char(&reader->texts, '\0');
    return reader;
}

static void *add_integer(struct reply_reader *reader, int64_t integer)
{
    struct reply *item = add(reader, REPLY_INTEGER);
    if (item != NULL) item->integer = integer;
    return reader;
}

static void *create_string(const redisReadTask *task, char *text, size_t length)
{
    enum reply_type type = REPLY_TEXT;
    if (task->type == REDIS_REPLY_STATUS) type = REPLY_STATUS;
    if (task->type == REDIS_REPLY_ERROR) type = REPLY_ERROR;
    return add_text(task->privdata, type, text, length);
}

static void *create_integer(const redisReadTask *task, long long integer)
{
    return add_integer(task->privdata, integer);
}

static void *create_nil(const redisReadTask *task)
{
    (void)add(task->privdata, REPLY_NIL);
    return task->privdata;
}

static void *add_array(struct reply_reader *reader, size_t count)
{
    struct reply *item = add(reader, REPLY_ARRAY);
    if (item != NULL) item->count = count;
    return reader;
}

/* hiredis 1.0 widened the array's length, and brought the types of RESP3, which we never ask
 * for. */
#ifdef REDIS_REPLY_DOUBLE

static void *create_array(const redisReadTask *task, size_t count)
{
    return add_array(task->privdata, count);
}

static void *create_double(const redisReadTask *task, double number, char *text, size_t length)
{
    (void)number;
    return add_text(task->privdata, REPLY_TEXT, text, length);
}

static void *create_bool(const redisReadTask *task, int flag)
{
    return add_integer(task->privdata, flag);
}

#else

static void *create_array(const redisReadTask *task, int count)
{
    return add_array(task->privdata, (size_t)count);
}

#endif

static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
#ifdef REDIS_REPLY_DOUBLE
    .createDouble = create_double,
    .createBool = create_bool,
#endif
};

/* ---- what is recognised without the parser ---------------------------------------------- */

/* The statuses that a transaction answers with. */
static const struct reply *known_status(const char *line, size_t length, size_t *taken)
{
    static const struct reply queued = {
        .type = REPLY_STATUS, .text = "QUEUED", .length = sizeof "QUEUED" - 1, .span = 1};
    static const struct reply fine = {
        .type = REPLY_STATUS, .text = "OK", .length = sizeof "OK" - 1, .span = 1};
    *taken = sizeof "+QUEUED\r\n" - 1;
    if (length >= *taken && memcmp(line, "+QUEUED\r\n", *taken) == 0) return &queued;
    *taken = sizeof "+OK\r\n" - 1;
    if (length >= *taken && memcmp(line, "+OK\r\n", *taken) == 0) return &fine;
    return NULL;
}

/* A number behind the line's first byte: of few digits, and as Redis writes it. Returns the
 * length of the line, or 0 where it is anything else, or not whole. */
static size_t known_number(const char *line, size_t length, int64_t *number)
{
    enum { FEW = 18 };
    size_t at = 1;
    *number = 0;
    while (at < length && at <= FEW && line[at] >= '0' && line[at] <= '9')
        *number = *number * 10 + (line[at++] - '0');
    if (at == 1 || (at > 2 && line[1] == '0')) return 0;
    if (length - at < 2 || line[at] != '\r' || line[at + 1] != '\n') return 0;
    return at + 2;
}

/* Take a line off the slice, where it is one of those. */
static bool take_known(struct reply_reader *reader)
{
    const char *line = reader->at;
    const size_t length = (size_t)(reader->end - line);
    size_t taken = 0;
    int64_t number = 0;
    const struct reply *status = known_status(line, length, &taken);
    if (status != NULL) {
        struct reply *item = add(reader, REPLY_STATUS);
        if (item != NULL) *item = *status;
    } else if (length > 0 && *line == ':' &&
               (taken = known_number(line, length, &number)) > 0) {
        (void)add_integer(reader, number);
    } else if (length > 0 && *line == '*' && reader->count == 0 &&
               (taken = known_number(line, length, &number)) > 0) {
        (void)add_array(reader, (size_t)number);
        reader->due += (size_t)number;
    } else {
        return false;
    }
    reader->at += taken;
    reader->due--;
    return true;
}

/* ---- the reader ------------------------------------------------------------------------- */

int reply_reader_new(struct reply_reader **out, struct error *err)
{
    struct reply_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return error_memory(err);

    reader->parser = redisReaderCreateWithFunctions(&functions);
    if (reader->parser == NULL) {
        free(reader);
        return error_memory(err);
    }
    reader->parser->privdata = reader;
    reader->parser->maxbuf = KEPT_BYTES;
    reader->due = 1;
    *out = reader;
    return 0;
}

void reply_reader_free(struct reply_reader *reader)
{
    if (reader == NULL) return;
    redisReaderFree(reader->parser);
    free(reader->items);
    buffer_release(&reader->texts);
    free(reader);
}

static bool is_lost(const struct reply_reader *reader)
{
    return reader->parser->err != 0 || reader->is_torn;
}

static int complain(const struct reply_reader *reader, struct error *err)
{
    if (reader->parser->err == REDIS_ERR_OOM) return error_memory(err);
    return error_set(err, ERROR_REDIS_UNREACHABLE, "this is not Redis' protocol: %s",
                     reader->is_torn ? "a reply ends within a line" : reader->parser->errstr);
}

int reply_reader_feed(struct reply_reader *reader, const char *bytes, size_t length,
                      struct error *err)
{
    if (is_lost(reader)) return complain(reader, err);
    reader->at = bytes;
    reader->end = bytes + length;
    return 0;
}

static void forget(struct reply_reader *reader)
{
    reader->handed_out = false;
    reader->has_parsed = false;
    reader->due = 1;
    reader->count = 0;
    if (reader->capacity * sizeof *reader->items > KEPT_BYTES) {
        free(reader->items);
        reader->items = NULL;
        reader->capacity = 0;
    }
    if (reader->texts.capacity > KEPT_BYTES) buffer_release(&reader->texts);
    buffer_clear(&reader->texts);
}

/* Backwards, so that an array finds its elements' spans ready. */
static void fix_up(struct reply_reader *reader)
{
    for (size_t i = reader->count; i-- > 0;) {
        struct reply *item = &reader->items[i];
        if (item->type == REPLY_ARRAY) {
            for (size_t element = 0; element < item->count; element++)
                item->span += item[item->span].span;
        } else if (item->type != REPLY_INTEGER && item->type != REPLY_NIL &&
                   item->text == NULL) {
            item->text = reader->texts.bytes + item->integer;
            item->integer = 0;
        }
    }
}

/* Let the parser have the next line of the slice, or what there is of it. */
static int parse_line(struct reply_reader *reader, struct error *err)
{
    const size_t left = (size_t)(reader->end - reader->at);
    const char *line_end = memchr(reader->at, '\n', left);
    const size_t length = line_end == NULL ? left : (size_t)(line_end - reader->at) + 1;
    void *whole = NULL;
    if (redisReaderFeed(reader->parser, reader->at, length) != REDIS_OK ||
        redisReaderGetReply(reader->parser, &whole) != REDIS_OK)
        return complain(reader, err);
    reader->at += length;
    reader->has_parsed = true;
    reader->is_parsing = whole == NULL;
    if (reader->is_parsing) return 0;
    reader->due--;
    reader->is_torn = reader->parser->pos != reader->parser->len;
    return reader->is_torn ? complain(reader, err) : 0;
}

int reply_reader_next(struct reply_reader *reader, const struct reply **reply,
                      struct error *err)
{
    size_t taken = 0;
    if (reader->handed_out) forget(reader);
    if (is_lost(reader)) return complain(reader, err);
    if (reader->count == 0 && !reader->is_parsing &&
        (*reply = known_status(reader->at, (size_t)(reader->end - reader->at), &taken)) !=
            NULL) {
        reader->at += taken;
        return 1;
    }
    while (reader->due > 0) {
        if (!reader->is_parsing && take_known(reader)) continue;
        if (reader->at == reader->end) break;
        if (parse_line(reader, err) != 0) return -1;
    }
    if (reader->failed || buffer_failed(&reader->texts)) return error_memory(err);
    if (reader->due > 0) return 0;

    if (reader->has_parsed)
        fix_up(reader);
    else
        reader->items->span = reader->count;
    reader->handed_out = true;
    *reply = reader->items;
    return 1;
}

/* ---- replies ---------------------------------------------------------------------------- */

const struct reply *reply_element(const struct reply *array, size_t index)
{
    if (array->type != REPLY_ARRAY || index >= array->count) return NULL;
    const struct reply *element = array + 1;
    while (index-- > 0) element += element->span;
    return element;
}

/* ---- error replies ---------------------------------------------------------------------- */

static const char abort_reason[] = "EXECABORT Transaction discarded because of: ";

/* What the error is about: EXECABORT's reason, where it gives one that is an error itself. */
static const char *reason_of(const struct reply *reply)
{
    size_t length = sizeof abort_reason - 1;
    return strncmp(reply->text, abort_reason, length) == 0 ? reply->text + length : reply->text;
}

bool reply_is_error(const struct reply *reply, const char *code)
{
    if (reply->type != REPLY_ERROR) return false;
    const char *reason = reason_of(reply);
    size_t length = strlen(code);
    return strncmp(reason, code, length) == 0 &&
           (reason[length] == ' ' || reason[length] == '\0');
}

enum reply_trouble reply_trouble(const struct reply *reply)
{
    static const struct {
        const char *code;
        enum reply_trouble trouble;
    } troubles[] = {
        {"LOADING", REPLY_PASSING},  {"BUSY", REPLY_PASSING},
        {"TRYAGAIN", REPLY_PASSING}, {"MASTERDOWN", REPLY_PASSING},
        {"READONLY", REPLY_PASSING}, {"CLUSTERDOWN", REPLY_PASSING},
        {"OOM", REPLY_SHORT},        {"MISCONF", REPLY_SHORT},
        {"NOREPLICAS", REPLY_SHORT},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        if (reply_is_error(reply, troubles[i].code)) return troubles[i].trouble;
    }
    return REPLY_FINAL;
}

int reply_error(const struct reply *reply, struct error *err)
{
    const char *quoted = strstr(reply->text, ", with args beginning with:");
    size_t length = quoted == NULL ? reply->length : (size_t)(quoted - reply->text);
    bool unknown = reply_is_error(reply, "NOAUTH") || reply_is_error(reply, "WRONGPASS");
    if (length > ERROR_MESSAGE_SIZE) length = ERROR_MESSAGE_SIZE;
    return error_set(err, unknown ? ERROR_REDIS_UNREACHABLE : ERROR_FAILED, "%.*s", (int)length,
                     reply->text);
}

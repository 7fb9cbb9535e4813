/*
 * Keys as errors show them.
 *
 * A million rows are logged so that perhaps one of them can be named, so logging only copies
 * bytes, and at most SHOWN of them; quoting waits until somebody asks. Values are shown as SQL
 * would write them, so that they can be pasted into a query. No other column is ever kept: an
 * error names a row by its key and shows nothing else of it.
 */
#include "row_key.h"

#include <stdbool.h>

#include "buffer.h"
#include "error.h"
#include "row.h"
#include "sink.h"
#include "value.h"

/* A logged value is its kind, its length, and its bytes. */
enum { SHOWN = 120, CUT = 0x80 };

/* What is shown of a value. */
struct shown {
    enum value_kind kind;
    bool is_cut;
    size_t length;
    const char *bytes;
};

static bool is_bare(enum value_kind kind)
{
    return kind == VALUE_INTEGER || kind == VALUE_NUMERIC || kind == VALUE_FLOAT ||
           kind == VALUE_BOOLEAN;
}

/* Shorten value, but not within a character. */
static struct shown shorten(const struct value *value)
{
    struct shown shown = {.kind = value->kind, .length = value->length, .bytes = value->bytes};
    if (shown.kind == VALUE_NULL) shown.length = 0;
    if (shown.length <= SHOWN) return shown;
    shown.is_cut = true;
    shown.length = SHOWN;
    while (shown.kind != VALUE_BYTES && shown.length > SHOWN - 4 &&
           ((unsigned char)shown.bytes[shown.length] & 0xC0) == 0x80)
        shown.length--;
    return shown;
}

static void append_quoted(struct buffer *text, const struct shown *shown)
{
    for (size_t i = 0; i < shown->length; i++) {
        if (shown->bytes[i] == '\'') buffer_append_char(text, '\'');
        /* A message is a C text, and this must not be its end. */
        buffer_append_char(text, shown->bytes[i] == '\0' ? ' ' : shown->bytes[i]);
    }
}

static void append_shown(struct buffer *text, const struct shown *shown)
{
    if (shown->kind == VALUE_NULL) {
        buffer_append_text(text, "NULL");
    } else if (is_bare(shown->kind)) {
        buffer_append(text, shown->bytes, shown->length);
        if (shown->is_cut) buffer_append_text(text, "…");
    } else {
        buffer_append_text(text, shown->kind == VALUE_BYTES ? "'\\x" : "'");
        if (shown->kind == VALUE_BYTES)
            buffer_append_hexadecimal(text, shown->bytes, shown->length);
        else
            append_quoted(text, shown);
        buffer_append_text(text, shown->is_cut ? "…'" : "'");
    }
}

/* What stands in front of the index-th of count values, and behind the last. */
static void append_before(struct buffer *text, size_t index, size_t count)
{
    if (index > 0)
        buffer_append_text(text, ", ");
    else if (count > 1)
        buffer_append_char(text, '(');
}

static void append_end(struct buffer *text, size_t count)
{
    if (count > 1) buffer_append_char(text, ')');
}

void row_key_append(struct buffer *text, const struct sink_step *step, const struct row *row)
{
    for (size_t i = 0; i < step->key_count; i++) {
        struct shown shown = shorten(&row->values[step->key_columns[i]]);
        append_before(text, i, step->key_count);
        append_shown(text, &shown);
    }
    append_end(text, step->key_count);
}

int row_key_blame(struct error *err, const struct sink_step *step, const struct row *row,
                  int64_t number)
{
    struct buffer name = {0};
    if (step->key_count > 0)
        row_key_append(&name, step, row);
    else if (number > 0)
        buffer_append_integer(&name, number);
    const char *text = name.length > 0 ? buffer_text(&name) : NULL;
    if (text != NULL) (void)error_prefix(err, "row %s: ", text);
    buffer_release(&name);
    return -1;
}

void row_key_log(struct buffer *log, const struct sink_step *step, const struct row *row)
{
    char *out = buffer_reserve(log, step->key_count * (2 + SHOWN));
    if (out == NULL) return;
    for (size_t i = 0; i < step->key_count; i++) {
        struct shown shown = shorten(&row->values[step->key_columns[i]]);
        *out++ = (char)((unsigned)shown.kind | (shown.is_cut ? CUT : 0u));
        *out++ = (char)shown.length;
        out = bytes_put(out, shown.bytes, shown.length);
    }
    log->length = (size_t)(out - log->bytes);
}

/* The logged value at *at, which moves on to the next. */
static struct shown recall(const struct buffer *log, size_t *at)
{
    const char *entry = log->bytes + *at;
    unsigned char kind = (unsigned char)entry[0];
    struct shown shown = {.kind = (enum value_kind)(kind & ~(unsigned)CUT),
                          .is_cut = (kind & CUT) != 0,
                          .length = (unsigned char)entry[1],
                          .bytes = entry + 2};
    *at += 2 + shown.length;
    return shown;
}

void row_key_append_logged(struct buffer *text, const struct sink_step *step,
                           const struct buffer *log, size_t index)
{
    size_t at = 0;
    for (size_t skipped = 0; skipped < index * step->key_count; skipped++)
        (void)recall(log, &at);
    for (size_t i = 0; i < step->key_count; i++) {
        struct shown shown = recall(log, &at);
        append_before(text, i, step->key_count);
        append_shown(text, &shown);
    }
    append_end(text, step->key_count);
}

/*
 * What a rehearsal came to: what was not as expected, or why it could not be carried to its
 * end.
 *
 * It is written by the process that carried it out and read by the one that asked for it, so it
 * has a form for that: texts behind their lengths, in a fixed order. Both are the same program;
 * there is no version in it.
 */
#include "verdict.h"

#include <string.h>

#include "buffer.h"
#include "number.h"

void verdict_release(struct verdict *verdict)
{
    arena_release(&verdict->arena);
    *verdict = (struct verdict){0};
}

bool verdict_is_good(const struct verdict *verdict)
{
    return verdict->error.code == ERROR_NONE && verdict->count == 0;
}

void verdict_add(struct verdict *verdict, const struct verdict_difference *difference)
{
    struct arena *arena = &verdict->arena;
    if (verdict->count == VERDICT_MOST) {
        verdict->omitted++;
        return;
    }
    verdict->items[verdict->count++] = (struct verdict_difference){
        .line = difference->line,
        .column = difference->column,
        .moment = arena_text(arena, difference->moment),
        .what = arena_text(arena, difference->what),
        .expected = arena_text(arena, difference->expected),
        .got = arena_text(arena, difference->got),
    };
    if (arena->failed) (void)error_memory(&verdict->error);
}

/* ---- from one process to the other ------------------------------------------------------ */

static void write_text(struct buffer *out, const char *text)
{
    const size_t length = text != NULL ? strlen(text) : 0;
    buffer_append_format(out, "%zu:", length);
    buffer_append(out, text != NULL ? text : "", length);
}

static void write_number(struct buffer *out, int64_t number)
{
    buffer_append_integer(out, number);
    buffer_append_char(out, ':');
}

void verdict_write(const struct verdict *verdict, struct buffer *out)
{
    write_number(out, verdict->error.code);
    write_text(out, verdict->error.message);
    write_text(out, verdict->failed_moment);
    write_number(out, (int64_t)(verdict->seconds * 1e6));
    write_number(out, (int64_t)verdict->kills);
    write_number(out, (int64_t)verdict->omitted);
    write_number(out, (int64_t)verdict->count);
    for (size_t i = 0; i < verdict->count; i++) {
        const struct verdict_difference *item = &verdict->items[i];
        write_number(out, item->line);
        write_number(out, item->column);
        write_text(out, item->moment);
        write_text(out, item->what);
        write_text(out, item->expected);
        write_text(out, item->got);
    }
}

/* What is still to be read; bytes is NULL once something was not as it is written. */
struct rest {
    const char *bytes;
    size_t length;
    struct arena *arena;
};

static int64_t read_number(struct rest *rest)
{
    int64_t number = 0;
    const char *end = rest->bytes != NULL ? memchr(rest->bytes, ':', rest->length) : NULL;
    if (end == NULL || number_parse(rest->bytes, (size_t)(end - rest->bytes), INT64_MIN,
                                    INT64_MAX, &number) != 0) {
        rest->bytes = NULL;
        return 0;
    }
    rest->length -= (size_t)(end + 1 - rest->bytes);
    rest->bytes = end + 1;
    return number;
}

static const char *read_text(struct rest *rest)
{
    const int64_t length = read_number(rest);
    if (rest->bytes == NULL || length < 0 || (uint64_t)length > rest->length) {
        rest->bytes = NULL;
        return NULL;
    }
    const char *text = arena_copy(rest->arena, rest->bytes, (size_t)length);
    rest->bytes += length;
    rest->length -= (size_t)length;
    return text;
}

static void read_difference(struct rest *rest, struct verdict_difference *item)
{
    item->line = (int)read_number(rest);
    item->column = (int)read_number(rest);
    item->moment = read_text(rest);
    item->what = read_text(rest);
    item->expected = read_text(rest);
    item->got = read_text(rest);
}

int verdict_read(struct verdict *verdict, const char *bytes, size_t length, struct error *err)
{
    *verdict = (struct verdict){0};
    struct rest rest = {.bytes = bytes, .length = length, .arena = &verdict->arena};
    const int code = (int)read_number(&rest);
    const char *message = read_text(&rest);
    if (code != ERROR_NONE && message != NULL)
        (void)error_set(&verdict->error, code, "%s", message);
    const char *moment = read_text(&rest);
    if (moment != NULL && moment[0] != '\0') verdict->failed_moment = moment;
    verdict->seconds = (double)read_number(&rest) / 1e6;
    verdict->kills = (size_t)read_number(&rest);
    verdict->omitted = (size_t)read_number(&rest);
    const int64_t count = read_number(&rest);
    for (int64_t i = 0; i < count && i < VERDICT_MOST && rest.bytes != NULL; i++)
        read_difference(&rest, &verdict->items[verdict->count++]);
    if (verdict->arena.failed) return error_memory(err);
    if (rest.bytes == NULL || rest.length != 0)
        return error_set(err, ERROR_FAILED, "what a rehearsal came to cannot be read");
    return 0;
}

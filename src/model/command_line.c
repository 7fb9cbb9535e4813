/*
 * Command lines: taken apart into arguments, and arguments written down again.
 *
 * The rules are redis-cli's, so that what an operator tried at its prompt can be pasted into a
 * migration. They are a little odd (a quote may open within an argument, but text may not
 * follow where it closes; only some blanks end an argument) and kept as they are, oddities
 * included.
 *
 * Placeholders are the one addition. Splitting sees them as opaque; what they stand for is
 * filled in long after the line was split, and so never becomes a quote or a second argument.
 */
#include "command_line.h"

#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "json.h"
#include "template.h"

/* How much of a line an error shows. */
enum { SHOWN = 40 };

/* Where splitting stands; what it has is in draft, which is the argument begun. */
struct splitter {
    const char *at;
    const char *end;
    struct template_draft draft;
    struct buffer arguments; /* of struct template * */
    struct arena *arena;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Within an argument, vertical tabs and form feeds do not end it. */
static bool ends_argument(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static int shown(const struct splitter *s, const char *from)
{
    return s->end - from < SHOWN ? (int)(s->end - from) : SHOWN;
}

/* ---- one argument ------------------------------------------------------------------------ */

/* Take a placeholder, a $${ or else one byte. */
static int take(struct splitter *s, struct error *err)
{
    long taken = template_draft_take(&s->draft, s->at, (size_t)(s->end - s->at), err);
    if (taken < 0) return -1;
    if (taken == 0) {
        template_draft_char(&s->draft, *s->at);
        taken = 1;
    }
    s->at += taken;
    return 0;
}

/* Take what stands behind a backslash between double quotes; there is at least one byte. */
static void take_escape(struct splitter *s)
{
    static const char plain[] = "nrtba";
    static const char meant[] = "\n\r\t\b\a";

    if (s->at[0] == 'x' && s->end - s->at > 2) {
        int high = hex_digit(s->at[1]);
        int low = hex_digit(s->at[2]);
        if (high >= 0 && low >= 0) {
            template_draft_char(&s->draft, (char)(high * 16 + low));
            s->at += 3;
            return;
        }
    }
    const char *letter = memchr(plain, s->at[0], strlen(plain));
    template_draft_char(&s->draft, letter != NULL ? meant[letter - plain] : s->at[0]);
    s->at++;
}

/* Take a backslash and what follows it, where that is an escape between these quotes. */
static bool took_escape(struct splitter *s, char quote)
{
    if (s->at[0] != '\\' || s->end - s->at < 2) return false;
    if (quote == '\'' && s->at[1] != '\'') return false;
    s->at++;
    take_escape(s);
    return true;
}

/* Take what stands between quotes, and the closing one, which ends the argument. */
static int take_quoted(struct splitter *s, struct error *err)
{
    const char *open = s->at;
    char quote = *s->at++;
    while (s->at < s->end && *s->at != quote)
        if (!took_escape(s, quote) && take(s, err) != 0) return -1;
    if (s->at == s->end)
        return error_set(err, ERROR_INVALID, "a %s quote is not closed: %.*s",
                         quote == '"' ? "double" : "single", shown(s, open), open);
    s->at++;
    if (s->at < s->end && !is_blank(*s->at))
        return error_set(err, ERROR_INVALID,
                         "text right behind a closing quote: %.*s (a blank must follow the "
                         "quote, or the quote must be escaped)",
                         shown(s, s->at - 1), s->at - 1);
    return 0;
}

static int take_argument(struct splitter *s, struct error *err)
{
    while (s->at < s->end && !ends_argument(*s->at)) {
        if (*s->at == '"' || *s->at == '\'') return take_quoted(s, err);
        if (take(s, err) != 0) return -1;
    }
    return 0;
}

/* ---- the line ---------------------------------------------------------------------------- */

static int split(struct splitter *s, struct error *err)
{
    for (;;) {
        struct template *argument = NULL;
        while (s->at < s->end && is_blank(*s->at)) s->at++;
        if (s->at == s->end) return buffer_failed(&s->arguments) ? error_memory(err) : 0;
        if (take_argument(s, err) != 0) return -1;
        if (template_draft_finish(&s->draft, &argument, s->arena, err) != 0) return -1;
        buffer_append(&s->arguments, &argument, sizeof(argument));
    }
}

int command_line_split(struct command_line *out, const char *line, size_t length,
                       struct arena *arena, struct error *err)
{
    struct splitter s = {.at = line, .end = line + length, .arena = arena};
    int result = -1;
    if (memchr(line, '\0', length) != NULL) {
        error_set(err, ERROR_INVALID,
                  "a NUL byte in the command; between double quotes it is written \\x00");
        goto done;
    }
    if (split(&s, err) != 0) goto done;
    out->count = s.arguments.length / sizeof(*out->arguments);
    out->arguments = arena_array(arena, out->count, sizeof(*out->arguments));
    if (out->count > 0 && out->arguments == NULL) {
        error_memory(err);
        goto done;
    }
    if (out->count > 0) memcpy(out->arguments, s.arguments.bytes, s.arguments.length);
    result = 0;
done:
    template_draft_release(&s.draft);
    buffer_release(&s.arguments);
    return result;
}

/* ---- writing down ------------------------------------------------------------------------ */

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static void append_escaped(struct buffer *buf, char c, bool utf8)
{
    static const char digits[] = "0123456789abcdef";
    static const char plain[] = "\n\r\t\b\a\"\\";
    static const char letters[] = "nrtba\"\\";
    const char *letter = memchr(plain, c, strlen(plain));
    unsigned char byte = (unsigned char)c;

    if (letter != NULL) {
        char escape[] = {'\\', letters[letter - plain]};
        buffer_append(buf, escape, sizeof(escape));
    } else if (is_control(c) || (byte >= 0x80 && !utf8)) {
        char escape[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        buffer_append(buf, escape, sizeof(escape));
    } else {
        buffer_append_char(buf, c);
    }
}

void command_line_append(struct buffer *buf, const char *bytes, size_t length)
{
    bool utf8 = json_is_utf8(bytes, length) != 0;
    bool plain = utf8;
    bool bare = length > 0;
    bool single = length == 0 || bytes[length - 1] != '\\';
    for (size_t i = 0; i < length; i++) {
        plain = plain && !is_control(bytes[i]);
        bare = bare && memchr(" \"'\\", bytes[i], 4) == NULL;
        single = single && bytes[i] != '\'';
    }
    if (plain && bare) {
        buffer_append(buf, bytes, length);
    } else if (plain && single && length > 0 && memchr(bytes, '"', length) != NULL) {
        buffer_append_char(buf, '\'');
        buffer_append(buf, bytes, length);
        buffer_append_char(buf, '\'');
    } else {
        buffer_append_char(buf, '"');
        for (size_t i = 0; i < length; i++) append_escaped(buf, bytes[i], utf8);
        buffer_append_char(buf, '"');
    }
}

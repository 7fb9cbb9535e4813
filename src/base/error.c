/*
 * Fill and prefix a struct error.
 *
 * A message may carry a server's words, a file's name or a row's key, so it is tidied here,
 * once, for everybody: one line, valid UTF-8, and never cut through a character. What a user
 * then sees, in a terminal or inside a JSON document, cannot be broken by what went wrong. A
 * complaint often quotes what it complains of, and that may be a URL where none belongs: the
 * user and the password in it are hidden here as well, whoever forgot to.
 * Nothing is printed or logged here, and nothing is allocated: running out of memory must be
 * sayable.
 */
#include "error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

/* Room for what is formatted before it is tidied, which makes it shorter, if anything. */
enum { DRAFT_SIZE = 2 * ERROR_MESSAGE_SIZE };

static const char ellipsis[] = "…";

/* A message while it is put together. */
struct draft {
    char text[ERROR_MESSAGE_SIZE];
    size_t length;
    bool folded; /* the last byte is a blank that stands for control characters */
    bool full;   /* something did not fit */
};

/* The length of the valid UTF-8 character that text begins with, 1 to 4; 0 where it is none. */
static size_t character_length(const char *text)
{
    for (size_t length = 1; length <= 4 && text[length - 1] != '\0'; length++) {
        if (json_is_utf8(text, length)) return length;
    }
    return 0;
}

static void draft_put(struct draft *draft, const char *bytes, size_t length)
{
    if (draft->full || draft->length + length >= sizeof draft->text) {
        draft->full = true;
        return;
    }
    memcpy(draft->text + draft->length, bytes, length);
    draft->length += length;
    draft->folded = false;
}

/* A server's line breaks and tabs become one blank; blanks within a line stay as they are. */
static void draft_fold(struct draft *draft)
{
    if (draft->length > 0 && draft->text[draft->length - 1] != ' ') draft_put(draft, " ", 1);
    draft->folded = true;
}

static void draft_add(struct draft *draft, const char *text)
{
    while (*text != '\0' && !draft->full) {
        size_t length = character_length(text);
        if ((unsigned char)*text < ' ' || *text == '\x7f') {
            draft_fold(draft);
        } else if (*text == ' ' && draft->folded) {
            /* already there */
        } else if (length == 0) {
            draft_put(draft, "?", 1);
        } else {
            draft_put(draft, text, length);
        }
        text += length == 0 ? 1 : length;
    }
}

/* Where the user information of a URL that is not redacted yet begins; NULL: in none of them.
 * *end becomes its '@': the word's last one, since a password need not be escaped. An '@' in
 * the path of a URL without a port or a password belongs to the path. */
static char *find_secret(char *text, char **end)
{
    for (char *at = strstr(text, "://"); at != NULL; at = strstr(at, "://")) {
        at += strlen("://");
        const size_t word = strcspn(at, " \t\r\n'\"`");
        const char *sign = memchr(at, '@', word);
        *end = memrchr(at, '@', word);
        if (sign == NULL || (sign - at >= 3 && memcmp(sign - 3, "***", 3) == 0)) continue;
        const size_t host = strcspn(at, "/?");
        if (at + host > sign || memchr(at, ':', host) != NULL) return at;
    }
    return NULL;
}

static void draft_add_hiding(struct draft *draft, char *text)
{
    char *end = NULL;
    for (char *secret; (secret = find_secret(text, &end)) != NULL; text = end) {
        *secret = '\0';
        draft_add(draft, text);
        draft_add(draft, "***");
        *end = '@'; /* where the secret is empty, they are the same byte */
    }
    draft_add(draft, text);
}

/* Drop the last character. */
static void draft_shorten(struct draft *draft)
{
    do {
        draft->length--;
    } while (draft->length > 0 && ((unsigned char)draft->text[draft->length] & 0xC0) == 0x80);
}

static void draft_finish(struct draft *draft, struct error *err)
{
    while (draft->length > 0 && draft->text[draft->length - 1] == ' ') draft_shorten(draft);
    memcpy(err->message, draft->text, draft->length);
    if (draft->full) {
        while (draft->length + sizeof ellipsis > sizeof err->message) draft_shorten(draft);
        memcpy(err->message + draft->length, ellipsis, sizeof ellipsis - 1);
        draft->length += sizeof ellipsis - 1;
    }
    err->message[draft->length] = '\0';
}

static void draft_format(struct draft *draft, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* The arguments may point into the very message that is being replaced: hence the copy. */
static void draft_format(struct draft *draft, const char *format, va_list arguments)
{
    char text[DRAFT_SIZE] = "";
    int length = vsnprintf(text, sizeof text, format, arguments);
    draft_add_hiding(draft, text);
    if (length >= (int)sizeof text) draft->full = true;
}

int error_set(struct error *err, int code, const char *format, ...)
{
    struct draft draft = {.length = 0};
    va_list arguments;
    va_start(arguments, format);
    draft_format(&draft, format, arguments);
    va_end(arguments);

    draft_finish(&draft, err);
    err->code = code;
    err->passing = false;
    return -1;
}

int error_at(struct error *err, const char *file, int line, int column, const char *format, ...)
{
    char place[64];
    (void)snprintf(place, sizeof place, ":%d:%d: ", line, column);

    struct draft draft = {.length = 0};
    draft_add(&draft, file);
    draft_add(&draft, place);
    va_list arguments;
    va_start(arguments, format);
    draft_format(&draft, format, arguments);
    va_end(arguments);

    draft_finish(&draft, err);
    err->code = ERROR_INVALID;
    err->passing = false;
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    struct draft draft = {.length = 0};
    va_list arguments;
    va_start(arguments, format);
    draft_format(&draft, format, arguments);
    va_end(arguments);

    draft_add(&draft, err->message);
    draft_finish(&draft, err);
    return -1;
}

int error_name_version(struct error *err, int64_t version)
{
    static const char word[] = " VERSION`";
    const char *at = NULL;
    while ((at = strstr(err->message, word)) != NULL) {
        const struct error before = *err;
        const int length = (int)(at - err->message);
        (void)error_set(err, before.code, "%.*s %" PRId64 "`%s", length, before.message,
                        version, before.message + length + sizeof word - 1);
        err->passing = before.passing;
    }
    return -1;
}

int error_memory(struct error *err)
{
    return error_set(err, ERROR_FAILED, "out of memory");
}

bool error_ends_waiting(const struct error *err)
{
    return err->code == ERROR_LOCKED || err->code == ERROR_INCOMPLETE ||
           err->code > ERROR_STOPPED;
}

void error_clear(struct error *err)
{
    err->code = ERROR_NONE;
    err->passing = false;
    err->message[0] = '\0';
}

/* ---- did you mean ------------------------------------------------------------------------ */

enum { WORD_SIZE = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions, replacements and swaps of neighbours between a and b, both shorter
 * than WORD_SIZE. Case is not a difference. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_SIZE + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    size_t width = strlen(b);
    size_t height = strlen(a);

    for (size_t x = 0; x <= width; x++) last[x] = before[x] = x;
    for (size_t y = 1; y <= height; y++) {
        row[0] = y;
        for (size_t x = 1; x <= width; x++) {
            size_t replaced = last[x - 1] + (lower(a[y - 1]) != lower(b[x - 1]) ? 1 : 0);
            row[x] = least(replaced, least(last[x], row[x - 1]) + 1);
            if (x > 1 && y > 1 && lower(a[y - 1]) == lower(b[x - 2]) &&
                lower(a[y - 2]) == lower(b[x - 1])) {
                row[x] = least(row[x], before[x - 2] + 1);
            }
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[width];
}

const char *error_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    size_t most = (length + 2) / 3;
    if (length == 0 || length >= WORD_SIZE) return NULL;

    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other >= WORD_SIZE) continue;
        size_t changes = distance(word, candidates[i]);
        /* A word that would be replaced altogether is not a slip. */
        if (changes <= most && changes < least(length, other)) {
            nearest = candidates[i];
            if (changes == 0) break;
            most = changes - 1;
        }
    }
    return nearest;
}

/*
 * Text on its way to a person.
 *
 * A migration's name or a server's error may hold bytes that a terminal obeys: they could hide
 * a line, change the title, or show one version for another. So nothing reaches a terminal
 * but through here. Widths are counted without the C library's locale, because the program sets
 * none: numbers and classes of characters must not depend on where it runs. The tables of wide
 * and of combining characters are coarse; a table's column that is off by one is no harm.
 */
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char CUT[] = "..";

enum {
    CUT_COLUMNS = 2,
    GLYPH_BYTES = 12,
    WORD_LONGEST = 64 /* longer words are not guessed at */
};

/* One character as it is shown. */
struct glyph {
    char bytes[GLYPH_BYTES];
    size_t columns;
};

struct range {
    uint32_t first, last;
};

/* What turns the direction of writing, and the invisible: shown as an escape. */
static const struct range deceptive[] = {
    {0x80, 0x9f},     {0x200b, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
};

static const struct range combining[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},     {0x610, 0x61a},   {0x64b, 0x65f},
    {0x900, 0x902},   {0x93c, 0x93c},   {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

#define IS_IN(ranges, code) is_in(ranges, sizeof(ranges) / sizeof(ranges)[0], code)

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    }
    return false;
}

/* Take the UTF-8 sequence at `at`, which is not the end. Returns its length; 0: it is none. */
static size_t decode(const unsigned char *at, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xe0) == 0xc0 ? 2
                    : (at[0] & 0xf0) == 0xe0 ? 3
                    : (at[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
    if (length == 0) return 0;

    uint32_t value = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        value = value << 6 | (at[i] & 0x3fu);
    }
    if (value < least[length] || value > 0x10ffff) return 0;
    if (value >= 0xd800 && value <= 0xdfff) return 0;
    *code = value;
    return length;
}

/* Show a code as \x1b or \u202e. */
static void escape(struct glyph *glyph, char letter, int digits, uint32_t code)
{
    int length = snprintf(glyph->bytes, sizeof glyph->bytes, "\\%c%0*x", letter, digits, code);
    glyph->columns = length > 0 ? (size_t)length : 0;
}

/* The next character of *text, which moves on; false at the end. */
static bool next_glyph(const char **text, struct glyph *glyph)
{
    const unsigned char *at = (const unsigned char *)*text;
    uint32_t code = 0;
    if (*at == '\0') return false;

    size_t length = decode(at, &code);
    *text += length > 0 ? length : 1;
    if (length == 0) {
        escape(glyph, 'x', 2, *at);
    } else if (code == '\n' || code == '\t') {
        memcpy(glyph->bytes, code == '\n' ? "\\n" : "\\t", 3);
        glyph->columns = 2;
    } else if (code < 0x20 || code == 0x7f) {
        escape(glyph, 'x', 2, code);
    } else if (IS_IN(deceptive, code)) {
        escape(glyph, 'u', 4, code);
    } else {
        memcpy(glyph->bytes, at, length);
        glyph->bytes[length] = '\0';
        glyph->columns = IS_IN(combining, code) ? 0 : IS_IN(wide, code) ? 2 : 1;
    }
    return true;
}

size_t text_width(const char *text)
{
    struct glyph glyph;
    size_t columns = 0;
    while (next_glyph(&text, &glyph)) columns += glyph.columns;
    return columns;
}

void text_put(FILE *stream, const char *text)
{
    struct glyph glyph;
    while (next_glyph(&text, &glyph)) fputs(glyph.bytes, stream);
}

size_t text_put_cut(FILE *stream, const char *text, size_t columns)
{
    struct glyph glyph;
    size_t filled = 0;
    bool fits = text_width(text) <= columns;
    size_t room = fits ? columns : columns > CUT_COLUMNS ? columns - CUT_COLUMNS : 0;

    while (next_glyph(&text, &glyph) && filled + glyph.columns <= room) {
        fputs(glyph.bytes, stream);
        filled += glyph.columns;
    }
    if (!fits && columns >= CUT_COLUMNS) {
        fputs(CUT, stream);
        filled += CUT_COLUMNS;
    }
    return filled;
}

/* Write the first length bytes of text, escaped. Returns the columns filled. */
static size_t put_part(FILE *stream, const char *text, size_t length)
{
    struct glyph glyph;
    const char *end = text + length;
    size_t filled = 0;
    while (text < end && next_glyph(&text, &glyph)) {
        fputs(glyph.bytes, stream);
        filled += glyph.columns;
    }
    return filled;
}

/* The width of text's first length bytes. */
static size_t part_width(const char *text, size_t length)
{
    struct glyph glyph;
    const char *end = text + length;
    size_t columns = 0;
    while (text < end && next_glyph(&text, &glyph)) columns += glyph.columns;
    return columns;
}

void text_put_wrapped(FILE *stream, const char *text, size_t indent, size_t columns)
{
    size_t filled = indent;
    bool begun = false;
    while (*text != '\0') {
        size_t length = strcspn(text, " \n");
        bool breaks = begun && filled + 1 + part_width(text, length) > columns;
        if (breaks) fprintf(stream, "\n%*s", (int)indent, "");
        if (breaks) filled = indent;
        if (begun && !breaks && length > 0) filled += (size_t)fprintf(stream, " ");
        filled += put_part(stream, text, length);
        begun = true;
        text += length;
        if (*text == '\n') {
            fputs("\n", stream);
            if (text[1] != '\n' && text[1] != '\0') fprintf(stream, "%*s", (int)indent, "");
            filled = indent;
            begun = false;
        }
        if (*text != '\0') text++;
    }
    fputs("\n", stream);
}

void text_put_folded(FILE *stream, const char *text, size_t indent, size_t columns)
{
    struct glyph glyph;
    size_t filled = indent;
    while (next_glyph(&text, &glyph)) {
        if (filled + glyph.columns > columns && filled > indent) {
            fprintf(stream, "\n%*s", (int)indent, "");
            filled = indent;
        }
        fputs(glyph.bytes, stream);
        filled += glyph.columns;
    }
    fputs("\n", stream);
}

char *text_valid(const char *text)
{
    static const char REPLACEMENT[] = "\xef\xbf\xbd";
    char *copy = malloc(3 * strlen(text) + 1);
    char *end = copy;
    if (copy == NULL) return NULL;

    while (*text != '\0') {
        uint32_t code = 0;
        size_t length = decode((const unsigned char *)text, &code);
        memcpy(end, length > 0 ? text : REPLACEMENT, length > 0 ? length : 3);
        end += length > 0 ? length : 3;
        text += length > 0 ? length : 1;
    }
    *end = '\0';
    return copy;
}

char *text_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    return text;
}

void text_hide_secrets(char *text)
{
    for (char *at = strstr(text, "://"); at != NULL; at = strstr(at, "://")) {
        at += strlen("://");
        const size_t host = strcspn(at, "/?"), word = strcspn(at, " \t\r\n'\"`");
        const char *sign = memchr(at, '@', word);
        const char *end = memrchr(at, '@', word); /* a password need not be escaped */
        if (sign == NULL || (sign - at >= 3 && memcmp(sign - 3, "***", 3) == 0)) continue;
        /* Without a port or a password before it, an '@' in the path belongs to the path. */
        if (at + host < sign && memchr(at, ':', host) == NULL) continue;
        const size_t stars = end - at < 3 ? (size_t)(end - at) : 3;
        memset(at, '*', stars);
        memmove(at + stars, end, strlen(end) + 1);
    }
}

int text_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    int64_t value = 0;
    if (*text == '\0') return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return -1;
        if (__builtin_mul_overflow(value, 10, &value)) return -1;
        if (__builtin_add_overflow(value, *text - '0', &value)) return -1;
    }
    if (value < least || value > most) return -1;
    *number = value;
    return 0;
}

const char *text_count(char buf[static TEXT_COUNT], int64_t number, const char *noun)
{
    (void)snprintf(buf, TEXT_COUNT, "%" PRId64 " %s%s", number, noun, number == 1 ? "" : "s");
    return buf;
}

/* The seconds of 2020-02-11T13:19:00.123Z since the epoch. Returns -1 where it is none. */
static int seconds_of(const char *time, double *seconds)
{
    struct tm parts = {0};
    const char *rest = time != NULL ? strptime(time, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    if (rest == NULL) return -1;
    *seconds = (double)timegm(&parts);
    if (*rest == '.') *seconds += strtod(rest, NULL);
    return 0;
}

const char *text_time(char buf[static TEXT_TIME], const char *time)
{
    double seconds = 0;
    if (seconds_of(time, &seconds) != 0) return time;
    (void)snprintf(buf, TEXT_TIME, "%.19sZ", time);
    return buf;
}

const char *text_now(char buf[static TEXT_TIME])
{
    struct timespec time = {0};
    struct tm parts = {0};
    (void)clock_gettime(CLOCK_REALTIME, &time);
    (void)gmtime_r(&time.tv_sec, &parts);
    const size_t length = strftime(buf, TEXT_TIME, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(buf + length, TEXT_TIME - length, ".%03ldZ", time.tv_nsec / 1000000);
    return buf;
}

const char *text_between(char buf[static TEXT_TIME], const char *from, const char *to)
{
    double begun = 0, ended = 0;
    if (seconds_of(from, &begun) != 0 || seconds_of(to, &ended) != 0) return NULL;
    return text_duration(buf, ended > begun ? ended - begun : 0);
}

const char *text_duration(char buf[static TEXT_TIME], double seconds)
{
    int64_t whole = seconds > 0 && seconds < 1e12 ? (int64_t)seconds : 0;
    if (whole < 10) {
        (void)snprintf(buf, TEXT_TIME, "%.2f s", seconds);
    } else if (whole < 60) {
        (void)snprintf(buf, TEXT_TIME, "%.1f s", seconds);
    } else if (whole < 3600) {
        (void)snprintf(buf, TEXT_TIME, "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
    } else {
        (void)snprintf(buf, TEXT_TIME, "%" PRId64 " h %" PRId64 " min", whole / 3600,
                       whole / 60 % 60);
    }
    return buf;
}

/* How many letters must be added, dropped, changed or swapped to make b of a. */
static size_t distance(const char *a, const char *b)
{
    size_t lines[3][WORD_LONGEST + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t *before = lines[0], *above = lines[1], *line = lines[2];
    for (size_t j = 0; j <= b_length; j++) above[j] = j;

    for (size_t i = 1; i <= a_length; i++) {
        line[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (line[j - 1] + 1 < best) best = line[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            line[j] = best;
        }
        size_t *oldest = before;
        before = above;
        above = line;
        line = oldest;
    }
    return above[b_length];
}

void text_nearest_offer(struct text_nearest *nearest, const char *name)
{
    if (name == NULL) return;
    size_t length = strlen(nearest->word), longest = strlen(name);
    if (length == 0 || length > WORD_LONGEST || longest > WORD_LONGEST) return;

    /* The beginning of a name is as good as one wrong letter. */
    bool begins = length > 1 && strncmp(name, nearest->word, length) == 0;
    size_t found = begins ? 1 : distance(nearest->word, name);
    size_t bearable = 1 + (length > longest ? length : longest) / 4;
    if (found > bearable || found >= longest) return;
    if (nearest->name != NULL && found >= nearest->distance) return;
    nearest->name = name;
    nearest->distance = found;
}

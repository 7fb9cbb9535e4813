/*
 * JSON text: quoting and escaping of strings, and the check for UTF-8 that it rests on.
 *
 * This runs for every text value of every row, so plain text is looked at eight bytes at a time
 * and copied in one piece. Reading JSON is not here (jansson does that where it is needed), nor
 * layout.
 */
#include "json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "buffer.h"

static const uint64_t ones = UINT64_C(0x0101010101010101);
static const uint64_t high_bits = UINT64_C(0x8080808080808080);

/* High bits set where a byte of word is zero; exact enough to say whether there is one. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - ones) & ~word & high_bits;
}

/* Whether one of eight bytes is a control character, a quote, a backslash or not ASCII. */
static inline bool needs_care(uint64_t word)
{
    uint64_t control = (word - ones * ' ') & ~word & high_bits;
    uint64_t quote = zero_bytes(word ^ (ones * '"'));
    uint64_t backslash = zero_bytes(word ^ (ones * '\\'));
    return ((word & high_bits) | control | quote | backslash) != 0;
}

static inline uint64_t load(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline bool is_between(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

/* The length of the UTF-8 sequence of two to four bytes at bytes; 0 where it is not a valid
 * one. */
static size_t sequence_length(const char *bytes, size_t length)
{
    /* Unicode's table of well-formed byte sequences: the second byte's range says it all. */
    static const struct {
        unsigned char first_low, first_high, second_low, second_high, length;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!is_between(at[0], forms[i].first_low, forms[i].first_high)) continue;
        if (length < forms[i].length) return 0;
        if (!is_between(at[1], forms[i].second_low, forms[i].second_high)) return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if (!is_between(at[k], 0x80, 0xBF)) return 0;
        }
        return forms[i].length;
    }
    return 0;
}

int json_is_utf8(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        while (length - at >= sizeof(uint64_t) && (load(bytes + at) & high_bits) == 0) {
            at += sizeof(uint64_t);
        }
        if (at == length) break;
        if ((unsigned char)bytes[at] < 0x80) {
            at++;
            continue;
        }
        size_t wide = sequence_length(bytes + at, length - at);
        if (wide == 0) return 0;
        at += wide;
    }
    return 1;
}

static bool is_escaped(char c)
{
    return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

/* How many bytes from the first on go into a JSON string as they are; false in *valid where
 * what follows them is not UTF-8. */
static size_t plain_length(const char *bytes, size_t length, bool *valid)
{
    size_t at = 0;
    while (at < length) {
        while (length - at >= sizeof(uint64_t) && !needs_care(load(bytes + at))) {
            at += sizeof(uint64_t);
        }
        if (at == length || is_escaped(bytes[at])) break;
        if ((unsigned char)bytes[at] < 0x80) {
            at++;
            continue;
        }
        size_t wide = sequence_length(bytes + at, length - at);
        if (wide == 0) {
            *valid = false;
            break;
        }
        at += wide;
    }
    return at;
}

static void append_escaped(struct buffer *buf, char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    unsigned char byte = (unsigned char)c;
    if (letters[byte] != '\0') {
        const char escape[] = {'\\', letters[byte]};
        buffer_append(buf, escape, sizeof escape);
    } else {
        const char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
        buffer_append(buf, escape, sizeof escape);
    }
}

int json_append_string(struct buffer *buf, const char *bytes, size_t length)
{
    size_t start = buf->length;
    bool valid = true;
    size_t at = 0;
    if (length == 0) bytes = "";

    buffer_append_char(buf, '"');
    for (;;) {
        size_t plain = plain_length(bytes + at, length - at, &valid);
        if (!valid) {
            buf->length = start;
            return -1;
        }
        buffer_append(buf, bytes + at, plain);
        at += plain;
        if (at == length) break;
        append_escaped(buf, bytes[at]);
        at++;
    }
    buffer_append_char(buf, '"');
    return 0;
}

/* json: what is written reads back as it was, only what must be is escaped, and UTF-8 is UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc_fail.h"
#include "buffer.h"
#include "json.h"

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {NULL, 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"/", 1, "\"/\""},
        {"\"", 1, "\"\\\"\""},
        {"\\", 1, "\"\\\\\""},
        {"\n\r\t\b\f", 5, "\"\\n\\r\\t\\b\\f\""},
        {"\0", 1, "\"\\u0000\""},
        {"\x01\x0b\x1f", 3, "\"\\u0001\\u000b\\u001f\""},
        {"\x7f", 1, "\"\x7f\""},
        {"größe", 7, "\"größe\""},
        {"€", 3, "\"€\""},
        {"🐘 and more text", 18, "\"🐘 and more text\""},
        {"a \"quoted\" word\n", 16, "\"a \\\"quoted\\\" word\\n\""},
    };
    struct buffer buf = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&buf);
        assert_int_equal(json_append_string(&buf, cases[i].text, cases[i].length), 0);
        assert_string_equal(buffer_text(&buf), cases[i].json);
    }
    buffer_release(&buf);
}

static void test_appends_behind(void **state)
{
    (void)state;
    struct buffer buf = {0};
    buffer_append_text(&buf, "{\"a\":");
    assert_int_equal(json_append_string(&buf, "b", 1), 0);
    buffer_append_char(&buf, '}');
    assert_string_equal(buffer_text(&buf), "{\"a\":\"b\"}");
    buffer_release(&buf);
}

/* Every byte at every place of texts around the eight that are looked at in one go, judged by
 * jansson. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    struct buffer buf = {0};
    for (size_t length = 1; length <= 26; length += 5) {
        for (size_t place = 0; place < length; place++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[32];
                memset(text, 'x', sizeof text);
                text[place] = (char)byte;
                buffer_clear(&buf);
                int result = json_append_string(&buf, text, length);
                assert_int_equal(result, byte < 0x80 ? 0 : -1);
                assert_int_equal(json_is_utf8(text, length), byte < 0x80);
                if (result != 0) {
                    assert_int_equal(buf.length, 0);
                    continue;
                }
                bool escaped = byte < ' ' || byte == '"' || byte == '\\';
                if (!escaped) assert_int_equal(buf.length, length + 2);

                json_t *read =
                    json_loadb(buf.bytes, buf.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
                assert_non_null(read);
                assert_int_equal(json_string_length(read), length);
                assert_memory_equal(json_string_value(read), text, length);
                json_decref(read);
            }
        }
    }
    buffer_release(&buf);
}

/* Encode without a thought about what is allowed. */
static size_t encode(uint32_t point, char bytes[4])
{
    if (point < 0x80) {
        bytes[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        bytes[0] = (char)(0xC0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        bytes[0] = (char)(0xE0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    bytes[0] = (char)(0xF0 | point >> 18);
    bytes[1] = (char)(0x80 | (point >> 12 & 0x3F));
    bytes[2] = (char)(0x80 | (point >> 6 & 0x3F));
    bytes[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x11FFFF; point++) {
        char bytes[4];
        size_t length = encode(point, bytes);
        int valid = (point < 0xD800 || point > 0xDFFF) && point <= 0x10FFFF;
        /* cmocka's assertions are too slow for a million. */
        if (json_is_utf8(bytes, length) != valid) fail_msg("U+%04X", point);
        if (length > 1 && json_is_utf8(bytes, length - 1)) fail_msg("U+%04X cut", point);
    }
}

/* Whether the bytes are one code point in its shortest form: decoded, judged, and encoded
 * again. */
static int is_one_character(const unsigned char *bytes, size_t length)
{
    static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    static const unsigned char masks[] = {0, 0, 0xE0, 0xF0, 0xF8};
    char again[4];
    if ((bytes[0] & masks[length]) != marks[length]) return 0;
    uint32_t point = bytes[0] & (unsigned char)~masks[length];
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) return 0;
        point = point << 6 | (bytes[i] & 0x3Fu);
    }
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return 0;
    return encode(point, again) == length && memcmp(again, bytes, length) == 0;
}

/* All pairs of bytes that are not ASCII, alone and with what may follow them. */
static void test_every_sequence(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x22, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            unsigned char bytes[4] = {(unsigned char)first, (unsigned char)second};
            if (json_is_utf8((const char *)bytes, 2) != is_one_character(bytes, 2))
                fail_msg("%02X %02X", first, second);
            if (second < 0x80) continue;
            for (size_t a = 0; a < sizeof tails; a++) {
                for (size_t b = 0; b < sizeof tails; b++) {
                    bytes[2] = tails[a];
                    bytes[3] = tails[b];
                    int three = is_one_character(bytes, 3) ||
                                (is_one_character(bytes, 2) && tails[a] < 0x80);
                    int four = is_one_character(bytes, 4) || (three && tails[b] < 0x80) ||
                               (is_one_character(bytes, 2) && is_one_character(bytes + 2, 2));
                    if (json_is_utf8((const char *)bytes, 3) != three)
                        fail_msg("%02X %02X %02X", first, second, tails[a]);
                    if (json_is_utf8((const char *)bytes, 4) != four)
                        fail_msg("%02X %02X %02X %02X", first, second, tails[a], tails[b]);
                }
            }
        }
    }
}

/* Nothing behind the length is looked at: a sequence that only goes on there is cut. */
static void test_invalid_leaves_buffer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"\x80", 1},
        {"\xC0\x80", 2},
        {"\xC1\xBF", 2},
        {"\xE0\x9F\xBF", 3},
        {"\xED\xA0\x80", 3},
        {"\xF0\x8F\xBF\xBF", 4},
        {"\xF4\x90\x80\x80", 4},
        {"\xF5\x80\x80\x80", 4},
        {"\xFF", 1},
        {"good until €", 13},
        {"\n\"escaped\" until \xFE", 18},
    };
    struct buffer buf = {0};
    buffer_append_text(&buf, "before");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(json_append_string(&buf, cases[i].text, cases[i].length), -1);
        assert_string_equal(buffer_text(&buf), "before");
        assert_int_equal(json_is_utf8(cases[i].text, cases[i].length), 0);
    }
    buffer_release(&buf);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char text[1000];
    memset(text, '"', sizeof text);
    size_t nth = 0;
    do {
        struct buffer buf = {0};
        alloc_fail_at(++nth, true);
        assert_int_equal(json_append_string(&buf, text, sizeof text), 0);
        assert_int_equal(buffer_failed(&buf), alloc_fail_happened());
        if (!buffer_failed(&buf)) assert_int_equal(buf.length, 2 * sizeof text + 2);
        buffer_release(&buf);
    } while (alloc_fail_happened());
    alloc_fail_never();
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_appends_behind),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_every_sequence),
        cmocka_unit_test(test_invalid_leaves_buffer),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Two states of a Redis, compared key by key, and each key part by part: what was there before
 * and is another now.
 *
 * TTLs run while things are compared, so they may be some seconds apart, or be those of before
 * less the time that has passed. What is read of a key, and how, is not known here
 * (redis_state.c).
 */
#include "drift.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "contrast.h"
#include "error.h"
#include "likeness.h"
#include "number.h"
#include "redis_state.h"
#include "verdict.h"

enum { TOLERANCE_MS = 5000 };

static const struct likeness_rule AS_IT_STANDS = {0};

struct comparing {
    const struct drift_manner *manner;
    struct verdict *verdict;
    struct error *err;
    int64_t elapsed_ms; /* from one state to the other */
    bool failed;
};

/* A text of a difference, or words where there is no value. */
struct side {
    const struct test_value *value;
    const char *words;
};

static const char *show(struct buffer *text, const struct side *side)
{
    if (side->value != NULL)
        likeness_append(text, side->value);
    else
        buffer_append_text(text, side->words);
    return buffer_text(text);
}

/* Note a difference of key, or of the part of it that part names (NULL: all of it). */
static void note(struct comparing *comparing, const struct redis_state_key *key,
                 const char *part, const struct test_value *name, const struct side *expected,
                 const struct side *got)
{
    struct buffer what = {0}, one = {0}, other = {0};
    buffer_append_text(&what, "key ");
    likeness_append_text(&what, key->name, key->length);
    if (part != NULL) buffer_append_format(&what, ", %s", part);
    if (name != NULL) {
        buffer_append_char(&what, ' ');
        likeness_append(&what, name);
    }
    const struct verdict_difference difference = {
        .moment = comparing->manner->moment,
        .what = buffer_text(&what),
        .expected = show(&one, expected),
        .got = show(&other, got),
    };
    if (difference.what == NULL || difference.expected == NULL || difference.got == NULL) {
        comparing->failed = true;
        (void)error_memory(comparing->err);
    } else if (expected->value != NULL && got->value != NULL) {
        const struct contrast contrast = {expected->value, got->value, &AS_IT_STANDS};
        comparing->failed |=
            contrast_note(&contrast, &difference, comparing->verdict, comparing->err) != 0;
    } else {
        verdict_add(comparing->verdict, &difference);
    }
    buffer_release(&what);
    buffer_release(&one);
    buffer_release(&other);
}

/* Whether an id of a stream was made of the time, in the rehearsal itself. */
static bool is_of_now(const struct test_value *id, int64_t since_ms)
{
    int64_t time = 0;
    const char *dash = id->kind == TEST_TEXT ? memchr(id->text, '-', id->length) : NULL;
    return since_ms > 0 && dash != NULL &&
           number_parse(id->text, (size_t)(dash - id->text), 0, INT64_MAX, &time) == 0 &&
           time >= since_ms;
}

/* Whether two trees say the same. */
static bool is_same(const struct test_value *one, const struct test_value *other,
                    int64_t since_ms)
{
    if (likeness_compare(one, other) == 0) return true;
    if (one->kind == TEST_TEXT) return is_of_now(one, since_ms) && is_of_now(other, since_ms);
    if (since_ms == 0 || one->kind != other->kind || one->count != other->count) return false;
    for (size_t i = 0; i < one->count; i++)
        if (!is_same(&one->items[i], &other->items[i], since_ms)) return false;
    return true;
}

/* Two lists in one order: of names and what they are, or of names alone. */
struct named {
    const struct test_value *expected, *got;
    const char *part; /* what each is called */
    bool has_values;
    int64_t since_ms; /* as in the manner; 0: ids are texts like others */
};

/* Note what is only in one of them, or is another in both. */
static void compare_named(struct comparing *comparing, const struct redis_state_key *key,
                          const struct named *named)
{
    const size_t width = named->has_values ? 2 : 1;
    const struct side none = {.words = "nothing"}, there = {.words = "there"};
    const struct test_value *one = named->expected->items, *other = named->got->items;
    const struct test_value *end = one + named->expected->count;
    const struct test_value *other_end = other + named->got->count;
    while (one < end || other < other_end) {
        const int order = one == end           ? 1
                          : other == other_end ? -1
                                               : likeness_compare(one, other);
        const struct side left =
            width == 2 && order <= 0 ? (struct side){.value = one + 1} : there;
        const struct side right =
            width == 2 && order >= 0 ? (struct side){.value = other + 1} : there;
        if (order < 0)
            note(comparing, key, named->part, one, &left, &none);
        else if (order > 0)
            note(comparing, key, named->part, other, &none, &right);
        else if (width == 2 && !is_same(one + 1, other + 1, named->since_ms))
            note(comparing, key, named->part, one, &left, &right);
        if (order <= 0) one += width;
        if (order >= 0) other += width;
    }
}

/* Whether two entries of a stream, [id, [field, value, …]], say the same. */
static bool is_same_entry(const struct test_value *one, const struct test_value *other,
                          int64_t since_ms)
{
    if (likeness_compare(one, other) == 0) return true;
    return one->kind == TEST_LIST && other->kind == TEST_LIST && one->count == 2 &&
           other->count == 2 && is_of_now(&one->items[0], since_ms) &&
           is_of_now(&other->items[0], since_ms) &&
           likeness_compare(&one->items[1], &other->items[1]) == 0;
}

/* Parts that have places. */
static void compare_placed(struct comparing *comparing, const struct redis_state_key *expected,
                           const struct redis_state_key *got,
                           const struct redis_state_type *type)
{
    const int64_t since_ms = type->parts == REDIS_ENTRIES ? comparing->manner->since_ms : 0;
    const struct test_value *one = &expected->value, *other = &got->value;
    for (size_t i = 0; i < one->count || i < other->count; i++) {
        const struct side left = {.value = i < one->count ? &one->items[i] : NULL,
                                  .words = "nothing"};
        const struct side right = {.value = i < other->count ? &other->items[i] : NULL,
                                   .words = "nothing"};
        char part[48];
        if (left.value != NULL && right.value != NULL &&
            is_same_entry(left.value, right.value, since_ms))
            continue;
        (void)snprintf(part, sizeof part, "%s %zu", type->part, i);
        note(comparing, expected, part, NULL, &left, &right);
    }
}

static bool is_near(const struct comparing *comparing, int64_t expected, int64_t got)
{
    const int64_t later = expected - comparing->elapsed_ms;
    if (expected < 0 || got < 0) return expected == got;
    return (got - expected <= TOLERANCE_MS && expected - got <= TOLERANCE_MS) ||
           (got - later <= TOLERANCE_MS && later - got <= TOLERANCE_MS);
}

static const char *ttl_words(char words[48], int64_t ttl_ms)
{
    if (ttl_ms < 0)
        (void)snprintf(words, 48, "none");
    else
        (void)snprintf(words, 48, "%" PRId64 ".%03d s", ttl_ms / 1000, (int)(ttl_ms % 1000));
    return words;
}

/* Compare the TTLs of key, or of its field that name is. */
static void compare_ttls(struct comparing *comparing, const struct redis_state_key *key,
                         const struct test_value *name, int64_t expected_ms, int64_t got_ms)
{
    char one[48], other[48];
    if (is_near(comparing, expected_ms, got_ms)) return;
    const struct side left = {.words = ttl_words(one, expected_ms)};
    const struct side right = {.words = ttl_words(other, got_ms)};
    note(comparing, key, name != NULL ? "TTL of field" : "TTL", name, &left, &right);
}

/* Of the fields that both hashes have. */
static void compare_field_ttls(struct comparing *comparing,
                               const struct redis_state_key *expected,
                               const struct redis_state_key *got)
{
    size_t i = 0, j = 0;
    if (expected->field_ttls_ms == NULL && got->field_ttls_ms == NULL) return;
    while (2 * i < expected->value.count && 2 * j < got->value.count) {
        const struct test_value *name = &expected->value.items[2 * i];
        const int order = likeness_compare(name, &got->value.items[2 * j]);
        if (order == 0)
            compare_ttls(comparing, expected, name,
                         expected->field_ttls_ms != NULL ? expected->field_ttls_ms[i] : -1,
                         got->field_ttls_ms != NULL ? got->field_ttls_ms[j] : -1);
        i += order <= 0;
        j += order >= 0;
    }
}

static void compare_values(struct comparing *comparing, const struct redis_state_key *expected,
                           const struct redis_state_key *got)
{
    const struct redis_state_type *type = redis_state_type_of(expected->type);
    const bool is_pairs = type->parts == REDIS_PAIRS;
    if (likeness_compare(&expected->value, &got->value) == 0) return;
    if (is_pairs || type->parts == REDIS_MEMBERS) {
        const struct named parts = {.expected = &expected->value,
                                    .got = &got->value,
                                    .part = type->part,
                                    .has_values = is_pairs};
        compare_named(comparing, expected, &parts);
    } else if (type->parts == REDIS_ELEMENTS || type->parts == REDIS_ENTRIES) {
        compare_placed(comparing, expected, got, type);
    } else {
        const struct side left = {.value = &expected->value}, right = {.value = &got->value};
        note(comparing, expected, NULL, NULL, &left, &right);
    }
}

static void compare_keys(struct comparing *comparing, const struct redis_state_key *expected,
                         const struct redis_state_key *got)
{
    if (strcmp(expected->type, got->type) != 0) {
        const struct side left = {.words = expected->type}, right = {.words = got->type};
        note(comparing, expected, "type", NULL, &left, &right);
        return;
    }
    const struct named groups = {.expected = &expected->groups,
                                 .got = &got->groups,
                                 .part = "group",
                                 .has_values = true,
                                 .since_ms = comparing->manner->since_ms};
    compare_ttls(comparing, expected, NULL, expected->ttl_ms, got->ttl_ms);
    compare_values(comparing, expected, got);
    compare_field_ttls(comparing, expected, got);
    compare_named(comparing, expected, &groups);
}

static int compare_names(const struct redis_state_key *one, const struct redis_state_key *other)
{
    const struct test_value name = {
        .kind = TEST_TEXT, .text = one->name, .length = one->length};
    const struct test_value other_name = {
        .kind = TEST_TEXT, .text = other->name, .length = other->length};
    return likeness_compare(&name, &other_name);
}

int drift_note(const struct redis_state *expected, const struct redis_state *got,
               const struct drift_manner *manner, struct verdict *verdict, struct error *err)
{
    struct comparing comparing = {.manner = manner, .verdict = verdict, .err = err};
    const struct side none = {.words = "no such key"};
    size_t i = 0, j = 0;
    comparing.elapsed_ms = got->taken_ms - expected->taken_ms;
    while (i < expected->count || j < got->count) {
        const struct redis_state_key *one = &expected->keys[i], *other = &got->keys[j];
        const int order = i == expected->count ? 1
                          : j == got->count    ? -1
                                               : compare_names(one, other);
        const struct side left = {.value = order <= 0 ? &one->value : NULL};
        const struct side right = {.value = order >= 0 ? &other->value : NULL};
        if (order < 0)
            note(&comparing, one, NULL, NULL, &left, &none);
        else if (order > 0)
            note(&comparing, other, NULL, NULL, &none, &right);
        else
            compare_keys(&comparing, one, other);
        if (order <= 0) i++;
        if (order >= 0) j++;
    }
    return comparing.failed ? -1 : 0;
}

/*
 * Whether what was answered is what was expected.
 *
 * A test file knows texts, lists, mappings and null; Redis' replies have more kinds than that
 * and, in RESP2, no mappings. So a reply is made into the file's kind of tree, and where the
 * file expects a mapping, names and values in turn are one. From then on there is one
 * comparison and one way to show things. Everything is compared as text: "3" is what HLEN
 * answers, and what a YAML file says.
 *
 * It does not ask Redis, and does not know which file the expectation is from.
 */
#include "likeness.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "buffer.h"
#include "command_line.h"
#include "error.h"
#include "number.h"
#include "reply.h"
#include "test_expectation.h"

enum { SHOWN = 1000, TOLERANCE_S = 5, TOLERANCE_MS = 5000 };

/* Redis keeps a place in 52 bits: about a metre, in degrees. */
#define NEARNESS 0.00001

/* ---- the rules -------------------------------------------------------------------------- */

/* clang-format off */
static const struct likeness_rule rules[] = {
    {"GEOPOS", .nearness = NEARNESS},
    {"GEORADIUS", .any_order = true, .nearness = NEARNESS},
    {"GEORADIUSBYMEMBER", .any_order = true, .nearness = NEARNESS},
    {"GEORADIUSBYMEMBER_RO", .any_order = true, .nearness = NEARNESS},
    {"GEORADIUS_RO", .any_order = true, .nearness = NEARNESS},
    {"GEOSEARCH", .any_order = true, .nearness = NEARNESS},
    {"HGETALL", .is_pairs = true},
    {"HKEYS", .any_order = true, .is_list = true},
    {"HMGET", .is_list = true},
    {"HPTTL", .is_list = true, .tolerance = TOLERANCE_MS},
    {"HRANDFIELD", .any_order = true, .is_list = true, .pairs_with = "WITHVALUES"},
    {"HSCAN", .is_pairs = true, .behind_cursor = true, .list_with = "NOVALUES"},
    {"HTTL", .is_list = true, .tolerance = TOLERANCE_S},
    {"HVALS", .any_order = true, .is_list = true},
    {"KEYS", .any_order = true, .is_list = true},
    {"LRANGE", .is_list = true},
    {"MGET", .is_list = true},
    {"PTTL", .tolerance = TOLERANCE_MS},
    {"SCAN", .any_order = true, .is_list = true, .behind_cursor = true},
    {"SDIFF", .any_order = true, .is_list = true},
    {"SINTER", .any_order = true, .is_list = true},
    {"SMEMBERS", .any_order = true, .is_list = true},
    {"SMISMEMBER", .is_list = true},
    {"SRANDMEMBER", .any_order = true, .is_list = true},
    {"SSCAN", .any_order = true, .is_list = true, .behind_cursor = true},
    {"SUNION", .any_order = true, .is_list = true},
    {"TTL", .tolerance = TOLERANCE_S},
    {"XINFO", .star = LIKENESS_STAR_ID_NUMBER},
    {"XPENDING", .star = LIKENESS_STAR_ID_NUMBER},
    {"XRANGE", .star = LIKENESS_STAR_ID},
    {"XREAD", .star = LIKENESS_STAR_ID_BY_STREAM},
    {"XREVRANGE", .star = LIKENESS_STAR_ID},
    {"ZMSCORE", .is_list = true},
    {"ZRANDMEMBER", .any_order = true, .is_list = true, .pairs_with = "WITHSCORES"},
    {"ZSCAN", .is_pairs = true, .behind_cursor = true},
    {.command = NULL},
};
/* clang-format on */

/* A key or a pattern may be called like an option; options stand behind both. */
static bool has_word(const struct test_command *command, const char *word)
{
    for (size_t i = 2; word != NULL && i < command->count; i++)
        if (strcasecmp(command->arguments[i], word) == 0) return true;
    return false;
}

struct likeness_rule likeness_rule_of(const struct test_command *command)
{
    const struct likeness_rule *known = rules;
    while (known->command != NULL && strcasecmp(known->command, command->arguments[0]) != 0)
        known++;
    struct likeness_rule rule = *known;
    if (has_word(command, rule.pairs_with)) {
        rule.is_pairs = true;
        rule.is_list = false;
    } else if (has_word(command, rule.list_with)) {
        rule.is_pairs = false;
        rule.is_list = rule.any_order = true;
    }
    return rule;
}

/* ---- a reply as a tree ------------------------------------------------------------------ */

static int make_text(const char *bytes, size_t length, struct arena *arena,
                     struct test_value *out, struct error *err)
{
    *out = (struct test_value){.kind = TEST_TEXT, .length = length};
    out->text = arena_copy(arena, bytes, length);
    return out->text != NULL ? 0 : error_memory(err);
}

static int make_number(int64_t number, struct arena *arena, struct test_value *out,
                       struct error *err)
{
    struct buffer digits = {0};
    buffer_append_integer(&digits, number);
    const int result = buffer_failed(&digits)
                           ? error_memory(err)
                           : make_text(digits.bytes, digits.length, arena, out, err);
    buffer_release(&digits);
    return result;
}

/* Whether every element of an array is an array of a name and a value, as XRANGE answers. */
static bool lists_pairs(const struct reply *array)
{
    const struct reply *element = array + 1;
    for (size_t i = 0; i < array->count; i++, element += element->span)
        if (element->type != REPLY_ARRAY || element->count != 2) return false;
    return array->count > 0;
}

static bool is_star(const struct test_value *value)
{
    return value->kind == TEST_TEXT && value->length == 1 && value->text[0] == '*';
}

/* What a mapping is expected to hold under a name, or under '*', or NULL. */
static const struct test_value *find(const struct test_value *mapping,
                                     const struct test_value *name)
{
    const struct test_value *any = NULL;
    for (size_t i = 0; i + 1 < mapping->count; i += 2) {
        if (likeness_compare(&mapping->items[i], name) == 0) return &mapping->items[i + 1];
        if (is_star(&mapping->items[i])) any = &mapping->items[i + 1];
    }
    return any;
}

/* Names and values from first on, which stand side by side, or (nested) in arrays of two. */
static int make_mapping(const struct reply *first, bool nested, const struct test_value *shape,
                        struct arena *arena, struct test_value *out, struct error *err)
{
    const struct reply *name = first;
    for (size_t i = 0; i < out->count; i += 2) {
        if (nested) name++;
        if (likeness_of_reply(name, NULL, arena, &out->items[i], err) != 0) return -1;
        const struct test_value *inner = find(shape, &out->items[i]);
        name += name->span;
        if (likeness_of_reply(name, inner, arena, &out->items[i + 1], err) != 0) return -1;
        name += name->span;
    }
    return 0;
}

static int make_list(const struct reply *array, const struct test_value *shape,
                     struct arena *arena, struct test_value *out, struct error *err)
{
    const struct reply *element = array + 1;
    const bool fits = shape != NULL && shape->kind == TEST_LIST;
    for (size_t i = 0; i < array->count; i++, element += element->span) {
        const struct test_value *inner = fits && i < shape->count ? &shape->items[i] : NULL;
        if (likeness_of_reply(element, inner, arena, &out->items[i], err) != 0) return -1;
    }
    return 0;
}

static int make_array(const struct reply *array, const struct test_value *shape,
                      struct arena *arena, struct test_value *out, struct error *err)
{
    const bool wanted = shape != NULL && shape->kind == TEST_MAPPING;
    const bool nested = wanted && lists_pairs(array);
    const bool is_mapping = nested || (wanted && array->count % 2 == 0);
    *out = (struct test_value){
        .kind = is_mapping ? TEST_MAPPING : TEST_LIST,
        .count = nested ? 2 * array->count : array->count,
    };
    out->items = arena_array(arena, out->count + 1, sizeof *out->items);
    if (out->items == NULL) return error_memory(err);
    return is_mapping ? make_mapping(array + 1, nested, shape, arena, out, err)
                      : make_list(array, shape, arena, out, err);
}

int likeness_of_reply(const struct reply *reply, const struct test_value *shape,
                      struct arena *arena, struct test_value *out, struct error *err)
{
    switch (reply->type) {
    case REPLY_NIL:
        *out = (struct test_value){.kind = TEST_NIL};
        return 0;
    case REPLY_INTEGER:
        return make_number(reply->integer, arena, out, err);
    case REPLY_ARRAY:
        return make_array(reply, shape, arena, out, err);
    default:
        return make_text(reply->text, reply->length, arena, out, err);
    }
}

/* ---- comparing -------------------------------------------------------------------------- */

static int compare_texts(const struct test_value *one, const struct test_value *other)
{
    const size_t common = one->length < other->length ? one->length : other->length;
    const int order = common > 0 ? memcmp(one->text, other->text, common) : 0;
    if (order != 0) return order;
    return (one->length > other->length) - (one->length < other->length);
}

int likeness_compare(const struct test_value *one, const struct test_value *other)
{
    if (one->kind != other->kind) return one->kind < other->kind ? -1 : 1;
    if (one->kind == TEST_NIL) return 0;
    if (one->kind == TEST_TEXT) return compare_texts(one, other);
    for (size_t i = 0; i < one->count && i < other->count; i++) {
        const int order = likeness_compare(&one->items[i], &other->items[i]);
        if (order != 0) return order;
    }
    return (one->count > other->count) - (one->count < other->count);
}

static int by_value(const void *one, const void *other)
{
    return likeness_compare(one, other);
}

void likeness_sort(struct test_value *value, bool deep)
{
    if (value->kind != TEST_LIST && value->kind != TEST_MAPPING) return;
    for (size_t i = 0; deep && i < value->count; i++) likeness_sort(&value->items[i], true);
    /* A pair is two elements side by side: sorted as one, by its name first. */
    const size_t width = value->kind == TEST_MAPPING ? 2 : 1;
    if (value->count > width)
        qsort(value->items, value->count / width, width * sizeof *value->items, by_value);
}

/* A copy of the tree's branches; its texts are shared. */
static int copy(const struct test_value *value, struct arena *arena, struct test_value *out,
                struct error *err)
{
    *out = *value;
    if (value->kind != TEST_LIST && value->kind != TEST_MAPPING) return 0;
    out->items = arena_array(arena, value->count + 1, sizeof *out->items);
    if (out->items == NULL) return error_memory(err);
    for (size_t i = 0; i < value->count; i++)
        if (copy(&value->items[i], arena, &out->items[i], err) != 0) return -1;
    return 0;
}

static bool read_number(const struct test_value *value, int64_t *number)
{
    return value->kind == TEST_TEXT &&
           number_parse(value->text, value->length, INT64_MIN, INT64_MAX, number) == 0;
}

/* Whether two times are as good as the same. Below zero they are words: no TTL, no key. */
static bool is_near(const struct test_value *expected, const struct test_value *got,
                    int64_t tolerance)
{
    int64_t one = 0, other = 0;
    if (tolerance == 0 || !read_number(expected, &one) || !read_number(got, &other))
        return false;
    return one >= 0 && other >= 0 && one - other <= tolerance && other - one <= tolerance;
}

static bool read_real(const struct test_value *value, double *number)
{
    char *end = NULL;
    *number = strtod(value->text, &end);
    return value->length > 0 && end == value->text + value->length;
}

/* Whether two texts are coordinates of about the same place; whole numbers are counts. */
static bool is_close(const struct test_value *expected, const struct test_value *got,
                     double nearness)
{
    double one = 0, other = 0;
    if (nearness == 0 || memchr(got->text, '.', got->length) == NULL) return false;
    if (!read_real(expected, &one) || !read_real(got, &other)) return false;
    return one - other <= nearness && other - one <= nearness;
}

/* Whether a text is digits, or (as an id of a stream is) digits, '-', digits. */
static bool is_digits(const struct test_value *value, bool dash)
{
    static const char digits[] = "0123456789";
    const size_t time = strspn(value->text, digits);
    if (time == 0 || !dash) return time > 0 && time == value->length;
    const size_t number = value->text[time] == '-' ? strspn(value->text + time + 1, digits) : 0;
    return number > 0 && time + 1 + number == value->length;
}

bool likeness_is_star(const struct test_value *expected, const struct likeness_rule *rule)
{
    return rule->star != LIKENESS_STAR_ITSELF && is_star(expected);
}

static bool is_under_star(const struct test_value *expected, const struct test_value *got,
                          const struct likeness_rule *rule)
{
    if (!likeness_is_star(expected, rule)) return false;
    if (rule->star == LIKENESS_STAR_ID_NUMBER)
        return is_digits(got, true) || is_digits(got, false);
    return got->is_id && is_digits(got, true);
}

static bool is_like_text(const struct test_value *expected, const struct test_value *got,
                         const struct likeness_rule *rule)
{
    return compare_texts(expected, got) == 0 || is_near(expected, got, rule->tolerance) ||
           is_close(expected, got, rule->nearness) || is_under_star(expected, got, rule);
}

/* Names and values, in order of their names. Where '*' is an id, it is the one that nobody
 * names, wherever that stands. */
static bool are_like_pairs(const struct test_value *expected, const struct test_value *got,
                           const struct likeness_rule *rule)
{
    const struct test_value *one = expected->items, *end = one + expected->count;
    const struct test_value *other = got->items, *other_end = other + got->count;
    const struct test_value *star = NULL, *unnamed = NULL;
    while (one < end || other < other_end) {
        if (one < end && other < other_end && likeness_compare(one, other) == 0) {
            if (!likeness_holds(one + 1, other + 1, rule)) return false;
            one += 2;
            other += 2;
        } else if (one < end && star == NULL && likeness_is_star(one, rule)) {
            star = one;
            one += 2;
        } else if (other < other_end && unnamed == NULL) {
            unnamed = other;
            other += 2;
        } else {
            return false;
        }
    }
    if (star == NULL || unnamed == NULL) return star == unnamed;
    return is_like_text(star, unnamed, rule) && likeness_holds(star + 1, unnamed + 1, rule);
}

bool likeness_holds(const struct test_value *expected, const struct test_value *got,
                    const struct likeness_rule *rule)
{
    if (expected->kind != got->kind) return false;
    if (expected->kind == TEST_NIL) return true;
    if (expected->kind == TEST_TEXT) return is_like_text(expected, got, rule);
    if (expected->count != got->count) return false;
    if (expected->kind == TEST_MAPPING) return are_like_pairs(expected, got, rule);
    for (size_t i = 0; i < got->count; i++)
        if (!likeness_holds(&expected->items[i], &got->items[i], rule)) return false;
    return true;
}

/* Put the mappings of a tree in order. */
static void settle_mappings(struct test_value *value)
{
    if (value->kind != TEST_LIST && value->kind != TEST_MAPPING) return;
    for (size_t i = 0; i < value->count; i++) settle_mappings(&value->items[i]);
    if (value->kind == TEST_MAPPING) likeness_sort(value, false);
}

/* Mark the ids of entries: each is the first of two, or names the other. by_stream: there is a
 * list of entries under each stream's name. */
static void mark_ids(struct test_value *value, bool by_stream)
{
    const bool is_mapping = value->kind == TEST_MAPPING;
    if (!is_mapping && value->kind != TEST_LIST) return;
    for (size_t i = 0; i < value->count; i += is_mapping ? 2 : 1) {
        struct test_value *pair = is_mapping ? &value->items[i] : value->items[i].items;
        if (!is_mapping && value->items[i].count != 2) continue;
        if (by_stream)
            mark_ids(&pair[1], false);
        else
            pair[0].is_id = true;
    }
}

/* Mark the ids, put all mappings in order, and the list that the rule is about where that has
 * no order. What is in its elements has one: a place's longitude is no latitude. */
static void settle(struct test_value *value, const struct likeness_rule *rule)
{
    struct test_value *list = value;
    if (rule->star == LIKENESS_STAR_ID || rule->star == LIKENESS_STAR_ID_BY_STREAM)
        mark_ids(value, rule->star == LIKENESS_STAR_ID_BY_STREAM);
    settle_mappings(value);
    if (rule->behind_cursor && value->kind == TEST_LIST && value->count == 2)
        list = &value->items[1];
    if (list->kind != TEST_LIST) return;
    if (rule->is_pairs && list->count % 2 == 0) list->kind = TEST_MAPPING;
    if (list->kind == TEST_MAPPING || rule->any_order) likeness_sort(list, false);
}

int likeness_settle(const struct test_value *value, const struct likeness_rule *rule,
                    struct arena *arena, struct test_value *out, struct error *err)
{
    if (copy(value, arena, out, err) != 0) return -1;
    settle(out, rule);
    return 0;
}

/* ---- showing ---------------------------------------------------------------------------- */

void likeness_append_text(struct buffer *text, const char *bytes, size_t length)
{
    static const char nil[] = "nil";
    const size_t shown = length < SHOWN ? length : SHOWN;
    const bool is_word = length == sizeof nil - 1 && memcmp(bytes, nil, length) == 0;
    if (is_word)
        buffer_append_text(text, "\"nil\"");
    else
        command_line_append(text, bytes, shown);
    if (shown < length) buffer_append_format(text, "… (%zu bytes)", length);
}

static void append_items(struct buffer *text, const struct test_value *value)
{
    const bool is_mapping = value->kind == TEST_MAPPING;
    const size_t most = text->length + 2 * SHOWN;
    buffer_append_char(text, is_mapping ? '{' : '[');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0) buffer_append_text(text, is_mapping && i % 2 == 1 ? ": " : ", ");
        if (text->length > most) {
            buffer_append_format(text, "… (%zu)", is_mapping ? value->count / 2 : value->count);
            break;
        }
        likeness_append(text, &value->items[i]);
    }
    buffer_append_char(text, is_mapping ? '}' : ']');
}

void likeness_append(struct buffer *text, const struct test_value *value)
{
    if (value->kind == TEST_NIL)
        buffer_append_text(text, "nil");
    else if (value->kind == TEST_TEXT)
        likeness_append_text(text, value->text, value->length);
    else
        append_items(text, value);
}

/*
 * What two values differ in, as a person sees it at a glance: of a hash of thirty fields the
 * one that is another, of a long text the place where it becomes another, of a long list the
 * stretch that is not the same.
 *
 * What is short is shown whole, side by side: there, the eye is quicker than any words. What is
 * alike and what is not is decided elsewhere (likeness.c).
 */
#include "contrast.h"

#include <stdbool.h>
#include <string.h>

#include "buffer.h"
#include "error.h"
#include "likeness.h"
#include "test_expectation.h"
#include "verdict.h"

enum {
    SHORT = 60,       /* bytes that are seen at a glance */
    WINDOW = 46,      /* of a text that is longer: with its marks, a line of 80 columns */
    LONG = 400,       /* and those that are too many to be read */
    BEFORE = 20,      /* bytes of a text that are shown before it becomes another */
    MOST_PARTS = 10,  /* of a mapping that are told of one by one */
    MOST_ELEMENTS = 5 /* of a list */
};

/* What is being told of, part by part. */
struct telling {
    const struct likeness_rule *rule;
    const struct test_value *unordered;          /* the list got that has no order, or NULL */
    const struct verdict_difference *difference; /* without what, expected and got */
    struct verdict *verdict;
    struct error *err;
};

/* Two values that are not alike. */
struct sides {
    const struct test_value *expected, *got;
};

static int tell(const struct telling *telling, const char *what, const struct sides *sides);

/* Note what two buffers, which are released here, say of what. */
static int note(const struct telling *telling, const char *what, struct buffer *expected,
                struct buffer *got)
{
    struct verdict_difference difference = *telling->difference;
    difference.what = what;
    difference.expected = buffer_text(expected);
    difference.got = buffer_text(got);
    const bool failed = what == NULL || difference.expected == NULL || difference.got == NULL;
    if (!failed) verdict_add(telling->verdict, &difference);
    buffer_release(expected);
    buffer_release(got);
    return failed ? error_memory(telling->err) : 0;
}

static void append_side(struct buffer *text, const struct test_value *side)
{
    if (side != NULL)
        likeness_append(text, side);
    else
        buffer_append_text(text, "nothing");
}

static int tell_whole(const struct telling *telling, const char *what,
                      const struct sides *sides)
{
    struct buffer expected = {0}, got = {0};
    append_side(&expected, sides->expected);
    append_side(&got, sides->got);
    return note(telling, what, &expected, &got);
}

static bool is_short(const struct test_value *value)
{
    struct buffer text = {0};
    append_side(&text, value);
    const bool short_enough = text.length <= SHORT;
    buffer_release(&text);
    return short_enough;
}

/* ---- texts ------------------------------------------------------------------------------ */

static bool goes_on(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* The first byte of the character that the byte at at belongs to. Where it belongs to none, as
 * within what is no text at all, at itself. */
static size_t begin_of_character(const struct test_value *value, size_t at)
{
    enum { MOST = 3 }; /* bytes that a character goes on for */
    size_t begin = at;
    while (begin > 0 && at - begin < MOST && goes_on(value->text[begin])) begin--;
    return goes_on(value->text[begin]) ? at : begin;
}

/* The first byte of the first character in which two texts differ. */
static size_t find_difference(const struct test_value *one, const struct test_value *other)
{
    size_t at = 0;
    while (at < one->length && at < other->length && one->text[at] == other->text[at]) at++;
    const size_t begin = begin_of_character(one, at);
    const size_t other_begin = begin_of_character(other, at);
    return begin < other_begin ? begin : other_begin;
}

/* Append the part of a text that is seen at a glance, from begin on. */
static void append_window(struct buffer *text, const struct test_value *value, size_t begin)
{
    const size_t left = value->length - begin;
    const size_t most = begin > 0 || left > SHORT ? WINDOW : SHORT;
    const size_t end = begin_of_character(value, begin + (left < most ? left : most));
    if (begin > 0) buffer_append_text(text, "…");
    likeness_append_text(text, value->text + begin, end - begin);
    if (end < value->length) buffer_append_format(text, "… (%zu bytes)", value->length);
}

/* Characters beyond ASCII may look alike, so there the place is told of short texts, too. */
static int tell_texts(const struct telling *telling, const char *what,
                      const struct sides *sides)
{
    struct buffer place = {0}, expected = {0}, got = {0};
    const struct test_value *one = sides->expected, *other = sides->got;
    const bool is_seen = is_short(one) && is_short(other);
    const size_t at = find_difference(one, other);
    const bool is_plain =
        ((unsigned char)one->text[at] | (unsigned char)other->text[at]) < 0x80;
    if (is_seen && is_plain) return tell_whole(telling, what, sides);
    const size_t begin = is_seen || at < BEFORE ? 0 : begin_of_character(one, at - BEFORE);
    append_window(&expected, one, begin);
    append_window(&got, other, begin);
    buffer_append_format(&place, "%s, from byte %zu", what, at);
    const int result = note(telling, buffer_text(&place), &expected, &got);
    buffer_release(&place);
    return result;
}

/* ---- mappings --------------------------------------------------------------------------- */

/* Tell of the part of what that name (or, where that is NULL, number) names, at the place where
 * it is expected, if it is. */
static int tell_part(const struct telling *telling, const char *what,
                     const struct test_value *name, size_t number, const struct sides *sides)
{
    struct verdict_difference difference = *telling->difference;
    struct telling part = *telling;
    struct buffer text = {0};
    const struct test_value *place = name != NULL ? name : sides->expected;
    if (sides->expected != NULL && place->line > 0) {
        difference.line = place->line;
        difference.column = place->column;
    }
    part.difference = &difference;
    buffer_append_format(&text, "%s, ", what);
    if (name != NULL) {
        buffer_append_text(&text, "at ");
        likeness_append(&text, name);
    } else {
        buffer_append_format(&text, "element %zu", number);
    }
    const char *words = buffer_text(&text);
    const int result = words != NULL ? tell(&part, words, sides) : error_memory(telling->err);
    buffer_release(&text);
    return result;
}

/* Tell of one more part of a mapping, unless there are too many. */
static int tell_named(const struct telling *telling, const char *what,
                      const struct test_value *name, const struct sides *values, size_t *told)
{
    if ((*told)++ < MOST_PARTS) return tell_part(telling, what, name, 0, values);
    telling->verdict->omitted++;
    return 0;
}

/* Names and values, both in order of their names: so a '*' that stands for an id comes before
 * the first id that is not expected, which is the one it stands for. */
static int tell_mappings(const struct telling *telling, const char *what,
                         const struct sides *sides)
{
    const struct test_value *one = sides->expected->items, *other = sides->got->items;
    const struct test_value *end = one + sides->expected->count;
    const struct test_value *other_end = other + sides->got->count;
    const struct test_value *star = NULL, *unnamed = NULL;
    size_t told = 0;
    while (one < end || other < other_end) {
        const int order = one == end           ? 1
                          : other == other_end ? -1
                                               : likeness_compare(one, other);
        const struct test_value *name = order <= 0 ? one : other;
        const struct sides values = {.expected = order <= 0 ? one + 1 : NULL,
                                     .got = order >= 0 ? other + 1 : NULL};
        if (order <= 0) one += 2;
        if (order >= 0) other += 2;
        if (order < 0 && star == NULL && likeness_is_star(name, telling->rule))
            star = name;
        else if (order > 0 && star != NULL && unnamed == NULL &&
                 likeness_holds(star, name, telling->rule))
            unnamed = name;
        else if ((order != 0 || !likeness_holds(values.expected, values.got, telling->rule)) &&
                 tell_named(telling, what, name, &values, &told) != 0)
            return -1;
    }
    if (star == NULL) return 0;
    const struct sides values = {star + 1, unnamed != NULL ? unnamed + 1 : NULL};
    if (unnamed != NULL && likeness_holds(values.expected, values.got, telling->rule)) return 0;
    return tell_named(telling, what, star, &values, &told);
}

/* ---- lists ------------------------------------------------------------------------------ */

/* Elements of one side, as far as they can be read; then how many more there are. */
struct stretch {
    struct buffer text;
    size_t more;
};

static void add_element(struct stretch *stretch, const struct test_value *element)
{
    if (stretch->text.length > LONG) {
        stretch->more++;
        return;
    }
    buffer_append_text(&stretch->text, stretch->text.length > 0 ? ", " : "[");
    likeness_append(&stretch->text, element);
}

/* Elements that are the same on both sides, and are not shown. */
static void add_same(struct stretch *stretch, size_t count)
{
    if (stretch->more > 0) buffer_append_format(&stretch->text, ", … %zu more", stretch->more);
    stretch->more = 0;
    if (count == 0) return;
    buffer_append_text(&stretch->text, stretch->text.length > 0 ? ", " : "[");
    buffer_append_format(&stretch->text, "… %zu the same", count);
}

static int note_stretches(const struct telling *telling, const char *what,
                          struct stretch *expected, struct stretch *got)
{
    buffer_append_text(&expected->text, expected->text.length > 0 ? "]" : "[]");
    buffer_append_text(&got->text, got->text.length > 0 ? "]" : "[]");
    return note(telling, what, &expected->text, &got->text);
}

/* Lists in an order of their own: what only one of them has. */
static int tell_members(const struct telling *telling, const char *what,
                        const struct sides *sides)
{
    struct stretch expected = {0}, got = {0};
    size_t i = 0, j = 0, same = 0;
    while (i < sides->expected->count || j < sides->got->count) {
        const struct test_value *one = &sides->expected->items[i],
                                *other = &sides->got->items[j];
        const int order = i == sides->expected->count ? 1
                          : j == sides->got->count    ? -1
                                                      : likeness_compare(one, other);
        if (order < 0) add_element(&expected, one);
        if (order > 0) add_element(&got, other);
        same += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    add_same(&expected, same);
    add_same(&got, same);
    return note_stretches(telling, what, &expected, &got);
}

/* Lists in order: the stretch from the first element that is not alike to the last one. */
static int tell_stretch(const struct telling *telling, const char *what,
                        const struct sides *sides)
{
    const struct test_value *one = sides->expected, *other = sides->got;
    const size_t least = one->count < other->count ? one->count : other->count;
    struct stretch expected = {0}, got = {0};
    size_t head = 0, tail = 0;
    while (head < least &&
           likeness_holds(&one->items[head], &other->items[head], telling->rule))
        head++;
    while (tail < least - head &&
           likeness_holds(&one->items[one->count - 1 - tail],
                          &other->items[other->count - 1 - tail], telling->rule))
        tail++;
    add_same(&expected, head);
    add_same(&got, head);
    for (size_t i = head; i < one->count - tail; i++) add_element(&expected, &one->items[i]);
    for (size_t i = head; i < other->count - tail; i++) add_element(&got, &other->items[i]);
    add_same(&expected, tail);
    add_same(&got, tail);
    return note_stretches(telling, what, &expected, &got);
}

static int tell_lists(const struct telling *telling, const char *what,
                      const struct sides *sides)
{
    const struct test_value *one = sides->expected, *other = sides->got;
    size_t differing = 0;
    if (other == telling->unordered) return tell_members(telling, what, sides);
    if (one->count != other->count) return tell_stretch(telling, what, sides);
    for (size_t i = 0; i < one->count; i++)
        differing += !likeness_holds(&one->items[i], &other->items[i], telling->rule);
    if (differing > MOST_ELEMENTS) return tell_stretch(telling, what, sides);
    for (size_t i = 0; i < one->count; i++) {
        const struct sides elements = {&one->items[i], &other->items[i]};
        if (likeness_holds(elements.expected, elements.got, telling->rule)) continue;
        if (tell_part(telling, what, NULL, i, &elements) != 0) return -1;
    }
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

static int tell(const struct telling *telling, const char *what, const struct sides *sides)
{
    const struct test_value *one = sides->expected, *other = sides->got;
    if (one == NULL || other == NULL || one->kind != other->kind)
        return tell_whole(telling, what, sides);
    if (one->kind == TEST_TEXT) return tell_texts(telling, what, sides);
    if (one->kind == TEST_NIL || one->count == 0 || other->count == 0 ||
        (is_short(one) && is_short(other)))
        return tell_whole(telling, what, sides);
    return one->kind == TEST_MAPPING ? tell_mappings(telling, what, sides)
                                     : tell_lists(telling, what, sides);
}

int contrast_note(const struct contrast *contrast, const struct verdict_difference *difference,
                  struct verdict *verdict, struct error *err)
{
    const struct likeness_rule *rule = contrast->rule;
    const struct test_value *got = contrast->got;
    const bool is_behind = rule->behind_cursor && got->kind == TEST_LIST && got->count == 2;
    const struct telling telling = {
        .rule = rule,
        .unordered = !rule->any_order ? NULL
                     : is_behind      ? &got->items[1]
                                      : got,
        .difference = difference,
        .verdict = verdict,
        .err = err,
    };
    const struct sides sides = {contrast->expected, got};
    return tell(&telling, difference->what, &sides);
}

/*
 * One SQL cell: its text, and its JSON. Both databases' drivers bring their values into the
 * form that value.h describes, so that nobody above them asks where a value came from.
 *
 * The one text that is made here is that of a float. PostgreSQL prints its own; SQLite's
 * printing differs from it, and so do C libraries, so the shortest digits are worked out
 * exactly, with whole numbers of as many bits as it takes (Burger and Dybvig's method). No
 * locale is asked.
 *
 * It does not look into JSON documents: they pass as they stand, as long as they are UTF-8.
 */
#include "value.h"

#include <string.h>

#include "buffer.h"
#include "json.h"

struct value value_text(const char *text)
{
    if (text == NULL) return (struct value){.kind = VALUE_NULL};
    return (struct value){.kind = VALUE_TEXT, .bytes = text, .length = strlen(text)};
}

struct value value_integer(int64_t number, char text[24])
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char *end = text + 23;
    char *first = end;
    *end = '\0';
    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) *--first = '-';
    return (struct value){
        .kind = VALUE_INTEGER, .bytes = first, .length = (size_t)(end - first)};
}

/* ---- JSON -------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(const char *text, size_t length, size_t at)
{
    while (at < length && is_digit(text[at])) at++;
    return at;
}

/* Whether the text is a number by JSON's grammar; NaN and infinities are not. */
static bool is_json_number(const char *text, size_t length)
{
    size_t at = length > 0 && text[0] == '-' ? 1 : 0;
    size_t digits = skip_digits(text, length, at) - at;
    if (digits == 0 || (digits > 1 && text[at] == '0')) return false;
    at += digits;
    if (at < length && text[at] == '.') {
        size_t fraction = skip_digits(text, length, at + 1);
        if (fraction == at + 1) return false;
        at = fraction;
    }
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && (text[at] == '+' || text[at] == '-')) at++;
        size_t exponent = skip_digits(text, length, at);
        if (exponent == at) return false;
        at = exponent;
    }
    return at == length;
}

bool value_is(const struct value *value, const char *text)
{
    return value->kind != VALUE_NULL && value->length == strlen(text) &&
           memcmp(value->bytes, text, value->length) == 0;
}

int value_append_json(struct buffer *buf, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        buffer_append(buf, "null", 4);
        return 0;
    case VALUE_INTEGER:
    case VALUE_NUMERIC:
    case VALUE_FLOAT:
        if (!is_json_number(value->bytes, value->length)) break;
        buffer_append(buf, value->bytes, value->length);
        return 0;
    case VALUE_BOOLEAN:
        buffer_append(buf, value->bytes, value->length);
        return 0;
    case VALUE_JSON:
        if (!json_is_utf8(value->bytes, value->length)) return -1;
        buffer_append(buf, value->bytes, value->length);
        return 0;
    case VALUE_TEXT:
    case VALUE_BYTES:
        break;
    }
    return json_append_string(buf, value->length > 0 ? value->bytes : "", value->length);
}

/* ---- whole numbers of any size that a double can ask for --------------------------------- */

/* The largest one is 2^53 × 10^324, and ten times that: below 2^1152. */
enum { BIG_LIMBS = 36 };

/* Σ limbs[i] × 2^(32 i); the topmost of the used limbs is not 0. */
struct big {
    uint32_t limbs[BIG_LIMBS];
    int used;
};

static void big_set(struct big *big, uint64_t number)
{
    big->used = 0;
    for (; number > 0; number >>= 32) big->limbs[big->used++] = (uint32_t)number;
}

static void big_multiply(struct big *big, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < big->used; i++) {
        carry += (uint64_t)big->limbs[i] * factor;
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) big->limbs[big->used++] = (uint32_t)carry;
}

static void big_multiply_power_of_ten(struct big *big, int power)
{
    for (; power >= 9; power -= 9) big_multiply(big, 1000000000);
    for (; power > 0; power--) big_multiply(big, 10);
}

static void big_shift(struct big *big, int bits)
{
    int limbs = bits / 32;
    big_multiply(big, (uint32_t)1 << (bits % 32));
    if (limbs == 0 || big->used == 0) return;
    memmove(big->limbs + limbs, big->limbs, (size_t)big->used * sizeof(big->limbs[0]));
    memset(big->limbs, 0, (size_t)limbs * sizeof(big->limbs[0]));
    big->used += limbs;
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->used != b->used) return a->used < b->used ? -1 : 1;
    for (int i = a->used - 1; i >= 0; i--)
        if (a->limbs[i] != b->limbs[i]) return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

static int big_compare_sum(const struct big *a, const struct big *b, const struct big *c)
{
    struct big sum;
    uint64_t carry = 0;
    sum.used = a->used > b->used ? a->used : b->used;
    for (int i = 0; i < sum.used; i++) {
        carry += i < a->used ? a->limbs[i] : 0;
        carry += i < b->used ? b->limbs[i] : 0;
        sum.limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) sum.limbs[sum.used++] = (uint32_t)carry;
    return big_compare(&sum, c);
}

/* a -= b, which is not the larger one. */
static void big_subtract(struct big *a, const struct big *b)
{
    int64_t carry = 0;
    for (int i = 0; i < a->used; i++) {
        carry += a->limbs[i];
        carry -= i < b->used ? b->limbs[i] : 0;
        a->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    while (a->used > 0 && a->limbs[a->used - 1] == 0) a->used--;
}

/* ---- the shortest digits of a double ----------------------------------------------------- */

enum { MANTISSA_BITS = 52, MOST_DIGITS = 17 };

/* What is left of the number, and half the distances to its neighbours, all of them over scale.
 */
struct shortest {
    struct big rest, scale, above, below;
};

/* Set s so that rest/scale is mantissa × 2^exponent. Below a power of two the neighbour is only
 * half as far away; everything is doubled once more there, to stay whole. */
static void shortest_set(struct shortest *s, uint64_t mantissa, int exponent, bool uneven)
{
    int extra = uneven ? 2 : 1;
    int up = exponent > 0 ? exponent : 0;
    big_set(&s->rest, mantissa);
    big_shift(&s->rest, up + extra);
    big_set(&s->scale, 1);
    big_shift(&s->scale, extra + (exponent < 0 ? -exponent : 0));
    big_set(&s->above, 1);
    big_shift(&s->above, up + extra - 1);
    big_set(&s->below, 1);
    big_shift(&s->below, up);
}

static void shortest_multiply_power_of_ten(struct shortest *s, int power)
{
    big_multiply_power_of_ten(&s->rest, power);
    big_multiply_power_of_ten(&s->above, power);
    big_multiply_power_of_ten(&s->below, power);
}

/* Write the digits of rest/scale, which is below 1, as few as tell it from its neighbours. A
 * text half-way to a neighbour is not used (nor does PostgreSQL): readers round it differently.
 */
static int shortest_digits(struct shortest *s, char digits[MOST_DIGITS])
{
    for (int count = 0;; count++) {
        shortest_multiply_power_of_ten(s, 1);
        int digit = 0;
        for (; big_compare(&s->rest, &s->scale) >= 0; digit++)
            big_subtract(&s->rest, &s->scale);
        bool down = big_compare(&s->rest, &s->below) < 0;
        bool up = big_compare_sum(&s->rest, &s->above, &s->scale) > 0;
        if (down && up) {
            int half = big_compare_sum(&s->rest, &s->rest, &s->scale);
            up = half > 0 || (half == 0 && digit % 2 == 1);
        }
        digits[count] = (char)('0' + digit + (up ? 1 : 0));
        if (up || down) return count + 1;
    }
}

/* Work out digits and *point so that mantissa × 2^exponent is 0.DIGITS × 10^point. Returns how
 * many digits there are. */
static int shortest_decimal(uint64_t mantissa, int exponent, char digits[MOST_DIGITS],
                            int *point)
{
    struct shortest s;
    bool normal = mantissa >> MANTISSA_BITS != 0;
    bool uneven = mantissa == (uint64_t)1 << MANTISSA_BITS && exponent > -1074;
    int bits = MANTISSA_BITS;
    while (!normal && mantissa >> bits == 0) bits--;

    /* The estimate is right or one too low. */
    double estimate = (exponent + bits) * 0.30102999566398120 - 1e-10;
    int power = (int)estimate;
    if (estimate > power) power++;
    shortest_set(&s, mantissa, exponent, uneven);
    if (power >= 0)
        big_multiply_power_of_ten(&s.scale, power);
    else
        shortest_multiply_power_of_ten(&s, -power);
    if (big_compare_sum(&s.rest, &s.above, &s.scale) > 0) {
        big_multiply(&s.scale, 10);
        power++;
    }
    *point = power;
    return shortest_digits(&s, digits);
}

/* Most numbers have few digits. Where number is n / 10^k, a single division that rounds as
 * reading the text would, and n has at most 15 digits, no other text as short reads back the
 * same. Returns how many digits there are, or 0 where that does not settle it. */
static int few_digits(double number, char digits[MOST_DIGITS], int *point)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    static const double limit = 1e15;
    for (int k = 0; k < (int)(sizeof(powers) / sizeof(powers[0])); k++) {
        double scaled = number * powers[k] + 0.5;
        if (!(scaled < limit)) return 0;
        uint64_t whole = (uint64_t)scaled;
        if ((double)whole / powers[k] != number) continue;
        char text[24];
        struct value value = value_integer((int64_t)whole, text);
        memcpy(digits, value.bytes, value.length);
        *point = (int)value.length - k;
        return (int)value.length;
    }
    return 0;
}

/* ---- PostgreSQL's layout ----------------------------------------------------------------- */

static char *put(char *out, const char *bytes, int count)
{
    memcpy(out, bytes, (size_t)count);
    return out + count;
}

static char *put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return out + count;
}

static char *put_scientific(char *out, const char *digits, int count, int exponent)
{
    *out++ = digits[0];
    if (count > 1) *out++ = '.';
    out = put(out, digits + 1, count - 1);
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    if (exponent < 0) exponent = -exponent;
    if (exponent >= 100) *out++ = (char)('0' + exponent / 100);
    *out++ = (char)('0' + exponent / 10 % 10);
    *out++ = (char)('0' + exponent % 10);
    return out;
}

static char *put_positional(char *out, const char *digits, int count, int point)
{
    if (point <= 0) {
        out = put_zeros(put(out, "0.", 2), -point);
        return put(out, digits, count);
    }
    if (point >= count) return put_zeros(put(out, digits, count), point - count);
    out = put(out, digits, point);
    *out++ = '.';
    return put(out, digits + point, count - point);
}

size_t value_float_text(double number, char text[VALUE_FLOAT_SIZE])
{
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof(bits));
    uint64_t mantissa = bits & (((uint64_t)1 << MANTISSA_BITS) - 1);
    int biased = (int)(bits >> MANTISSA_BITS & 0x7ff);
    char *out = text;

    if (bits >> 63 != 0 && !(biased == 0x7ff && mantissa != 0)) *out++ = '-';
    if (biased == 0x7ff) {
        out = mantissa != 0 ? put(out, "NaN", 3) : put(out, "Infinity", 8);
    } else if (biased == 0 && mantissa == 0) {
        *out++ = '0';
    } else {
        char digits[MOST_DIGITS];
        int point = 0;
        int count = few_digits(number < 0 ? -number : number, digits, &point);
        if (biased > 0) mantissa |= (uint64_t)1 << MANTISSA_BITS;
        if (count == 0)
            count =
                shortest_decimal(mantissa, (biased > 0 ? biased : 1) - 1075, digits, &point);
        out = point < -3 || point > 15 ? put_scientific(out, digits, count, point - 1)
                                       : put_positional(out, digits, count, point);
    }
    *out = '\0';
    return (size_t)(out - text);
}

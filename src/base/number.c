/*
 * Numbers from text, strictly.
 *
 * strtol and its family take leading blanks, a '+', and stop quietly at what they do not know;
 * a version or a --to that was half understood is worse than a refusal. So: digits to the end,
 * or no. Nothing here depends on the locale, and nothing here words a complaint: the caller
 * knows the name.
 */
#include "number.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t worth;
};

/* From the longest to the shortest, the order in which a duration is written. */
static const struct unit durations[] = {
    {"d", INT64_C(24) * 60 * 60 * 1000},
    {"h", 60 * 60 * 1000},
    {"m", 60 * 1000},
    {"s", 1000},
    {"ms", 1},
};

static const struct unit sizes[] = {
    {"", 1},
    {"KiB", 1024},
    {"MiB", 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
};

enum {
    DURATIONS = sizeof durations / sizeof durations[0],
    SIZES = sizeof sizes / sizeof sizes[0]
};

int number_parse(const char *text, size_t length, int64_t least, int64_t most, int64_t *number)
{
    bool negative = length > 0 && text[0] == '-' && least < 0;
    size_t at = negative ? 1 : 0;
    int64_t value = 0;
    if (at == length) return -1;

    for (; at < length; at++) {
        if (text[at] < '0' || text[at] > '9') return -1;
        int64_t digit = negative ? '0' - text[at] : text[at] - '0';
        if (__builtin_mul_overflow(value, 10, &value)) return -1;
        if (__builtin_add_overflow(value, digit, &value)) return -1;
    }
    if (value < least || value > most) return -1;
    *number = value;
    return 0;
}

/* Digits and one of units behind them. */
static int parse_with_unit(const char *text, const struct unit *units, size_t count,
                           int64_t *number)
{
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text + digits, units[i].name) != 0) continue;
        int64_t value = 0;
        if (number_parse(text, digits, 0, INT64_MAX / units[i].worth, &value) != 0) return -1;
        *number = value * units[i].worth;
        return 0;
    }
    return -1;
}

int number_parse_duration(const char *text, int64_t *ms)
{
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return 0;
    }
    return parse_with_unit(text, durations, DURATIONS, ms);
}

int number_parse_size(const char *text, int64_t *bytes)
{
    return parse_with_unit(text, sizes, SIZES, bytes);
}

int number_parse_flag(const char *text, int *flag)
{
    static const struct {
        const char *word;
        int flag;
    } words[] = {
        {"true", 1},  {"yes", 1}, {"on", 1},  {"1", 1},
        {"false", 0}, {"no", 0},  {"off", 0}, {"0", 0},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i].word) != 0) continue;
        *flag = words[i].flag;
        return 0;
    }
    return -1;
}

const char *number_duration_text(int64_t ms, char text[32])
{
    (void)snprintf(text, 32, "0");
    for (size_t i = 0; i < DURATIONS && ms > 0; i++) {
        if (ms % durations[i].worth != 0) continue;
        (void)snprintf(text, 32, "%lld%s", (long long)(ms / durations[i].worth),
                       durations[i].name);
        break;
    }
    return text;
}

// servers: postgres
/* value_float_text() against the real thing: every text is the one that PostgreSQL prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "buffer.h"
#include "value.h"

enum { A_QUERY = 1000 };

static PGconn *connection;

static int connect_to_postgres(void **state)
{
    (void)state;
    const char *url = getenv("REDFERRY_TEST_POSTGRES");
    connection = PQconnectdb(url != NULL ? url : "");
    if (PQstatus(connection) != CONNECTION_OK) return -1;
    PQclear(PQexec(connection, "SET extra_float_digits = 1"));
    return 0;
}

static int disconnect(void **state)
{
    (void)state;
    PQfinish(connection);
    return 0;
}

/* Send the numbers with all their digits, and compare the texts that come back. */
static void compare(const uint64_t *numbers, size_t count)
{
    static const char sql[] =
        "SELECT x FROM unnest($1::float8[]) WITH ORDINALITY AS t(x, n) ORDER BY n";
    struct buffer array = {0};
    for (size_t i = 0; i < count; i++) {
        double number;
        memcpy(&number, &numbers[i], sizeof number);
        buffer_append_format(&array, "%c%.17g", i == 0 ? '{' : ',', number);
    }
    buffer_append_char(&array, '}');
    const char *parameter = buffer_text(&array);
    PGresult *result = PQexecParams(connection, sql, 1, NULL, &parameter, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), count);
    for (size_t i = 0; i < count; i++) {
        char text[VALUE_FLOAT_SIZE];
        double number;
        memcpy(&number, &numbers[i], sizeof number);
        value_float_text(number, text);
        assert_string_equal(text, PQgetvalue(result, (int)i, 0));
    }
    PQclear(result);
    buffer_release(&array);
}

static uint64_t seed = 20200211;

static uint64_t random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static bool is_finite(uint64_t bits)
{
    return (bits >> 52 & 0x7ff) != 0x7ff;
}

static void test_any_bits(void **state)
{
    (void)state;
    uint64_t numbers[A_QUERY];
    for (int round = 0; round < 30; round++) {
        for (size_t i = 0; i < A_QUERY; i++) {
            do numbers[i] = random_bits();
            while (!is_finite(numbers[i]));
        }
        compare(numbers, A_QUERY);
    }
}

/* Few digits, as people write them, and their neighbours on both sides. */
static void test_short_decimals(void **state)
{
    (void)state;
    uint64_t numbers[A_QUERY];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < A_QUERY; i++) {
            char text[64];
            uint64_t digits = random_bits() % 1000000;
            int exponent = (int)(random_bits() % 60) - 30;
            (void)snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
            numbers[i] = bits_of(strtod(text, NULL)) + random_bits() % 3;
            if (numbers[i] > 0) numbers[i]--;
        }
        compare(numbers, A_QUERY);
    }
}

/* Powers of two, where the neighbours are not equally far, and powers of ten. */
static void test_powers(void **state)
{
    (void)state;
    uint64_t numbers[A_QUERY];
    for (uint64_t exponent = 0; exponent < 2046; exponent++) {
        uint64_t *three = &numbers[exponent % 300 * 3];
        three[0] = exponent << 52;
        three[1] = (exponent << 52) + 1;
        three[2] = ((exponent + 1) << 52) - 1;
        if (exponent % 300 == 299) compare(numbers, 900);
    }
    compare(numbers, 900);
    for (int bit = 0; bit < 52; bit++) numbers[bit] = (uint64_t)1 << bit; /* subnormal */
    compare(numbers, 52);

    size_t count = 0;
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[16];
        (void)snprintf(text, sizeof text, "1e%d", exponent);
        numbers[count++] = bits_of(strtod(text, NULL));
    }
    compare(numbers, count);
}

/* Whole numbers and halves, around 2^53 and around where the layout changes. */
static void test_whole_numbers(void **state)
{
    (void)state;
    static const double centres[] = {0,    1e14, 1e15, 4503599627370496.0,   9007199254740992.0,
                                     1e16, 1e17, 1e18, 9223372036854775808.0};
    uint64_t numbers[A_QUERY];
    for (size_t k = 0; k < sizeof centres / sizeof centres[0]; k++) {
        for (size_t i = 0; i < A_QUERY; i++)
            numbers[i] = bits_of(centres[k] + ((double)i - 500) / 2);
        compare(numbers, A_QUERY);
    }
    for (size_t i = 0; i < A_QUERY; i++)
        numbers[i] = bits_of((double)(int64_t)(random_bits() >> (i % 64)));
    compare(numbers, A_QUERY);
}

static void test_no_numbers(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0,
        UINT64_C(0x8000000000000000),
        UINT64_C(0x7ff0000000000000),
        UINT64_C(0xfff0000000000000),
        UINT64_C(0x7ff8000000000000),
    };
    compare(numbers, sizeof numbers / sizeof numbers[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_bits),      cmocka_unit_test(test_short_decimals),
        cmocka_unit_test(test_powers),        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_whole_numbers),
    };
    return cmocka_run_group_tests(tests, connect_to_postgres, disconnect);
}

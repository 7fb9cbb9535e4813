/* digest: the published examples of SHA-256, and an OpenSSL that refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "digest.h"
#include "error.h"

/* FIPS 180-2, appendix B, and the empty text. */
static const struct {
    const char *text;
    const char *digest;
    uint64_t number;
} examples[] = {
    {"", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     0xe3b0c44298fc1c14},
    {"abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     0xba7816bf8f01cfea},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
     0x248d6a61d20638b8},
};

enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        char text[DIGEST_TEXT_SIZE];
        struct error err = {0};
        memset(text, 'x', sizeof text);
        assert_int_equal(digest_text(examples[i].text, strlen(examples[i].text), text, &err),
                         0);
        assert_string_equal(text, examples[i].digest);
    }
}

static void test_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        int64_t number = 0;
        struct error err = {0};
        assert_int_equal(
            digest_number(examples[i].text, strlen(examples[i].text), &number, &err), 0);
        assert_true((uint64_t)number == examples[i].number);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    char text[DIGEST_TEXT_SIZE];
    struct error err = {0};
    assert_int_equal(digest_text(NULL, 0, text, &err), 0);
    assert_string_equal(text, examples[0].digest);
}

/* A NUL within counts. */
static void test_bytes(void **state)
{
    (void)state;
    char with[DIGEST_TEXT_SIZE];
    char without[DIGEST_TEXT_SIZE];
    struct error err = {0};
    assert_int_equal(digest_text("a\0b", 3, with, &err), 0);
    assert_int_equal(digest_text("a", 1, without, &err), 0);
    assert_string_not_equal(with, without);
}

/* A host's policy for cryptography has no say in fingerprints, nor is OpenSSL set up for them.
 */
static void test_policy(void **state)
{
    (void)state;
    char text[DIGEST_TEXT_SIZE];
    struct error err = {0};
    assert_int_equal(EVP_set_default_properties(NULL, "provider=none"), 1);
    assert_null(EVP_MD_fetch(NULL, "SHA256", NULL));
    assert_int_equal(digest_text("abc", 3, text, &err), 0);
    assert_string_equal(text, examples[1].digest);
    assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
}

/* The check value that catalogues of CRCs give, also in pieces, and what golang-migrate's own
 * tests expect of its salt. */
static void test_crc32(void **state)
{
    (void)state;
    assert_int_equal(digest_crc32(0, "", 0), 0);
    assert_int_equal(digest_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(digest_crc32(digest_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    assert_int_equal((uint32_t)(digest_crc32(0, "database_name", 13) * 1486364155u),
                     1764327054);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_number),
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_policy),  cmocka_unit_test(test_crc32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

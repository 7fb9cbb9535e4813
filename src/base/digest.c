/*
 * SHA-256, by OpenSSL: the fingerprint of a migration's file, and keys for advisory locks.
 *
 * Whole texts only; what has to be hashed piece by piece does not occur.
 */
#include "digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "error.h"

enum { SHA256_SIZE = 32 };

static int sha256(const void *bytes, size_t length, unsigned char hash[SHA256_SIZE],
                  struct error *err)
{
    size_t size = SHA256_SIZE;
    if (EVP_Q_digest(NULL, "SHA256", NULL, bytes, length, hash, &size) == 1) return 0;

    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    return error_set(err, ERROR_FAILED, "cannot compute SHA-256: %s", reason);
}

int digest_text(const void *bytes, size_t length, char text[DIGEST_TEXT_SIZE],
                struct error *err)
{
    static const char prefix[] = "sha256:";
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_SIZE];
    if (sha256(bytes, length, hash, err) != 0) return -1;

    char *at = text + sizeof prefix - 1;
    memcpy(text, prefix, sizeof prefix);
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        *at++ = digits[hash[i] >> 4];
        *at++ = digits[hash[i] & 15];
    }
    *at = '\0';
    return 0;
}

int digest_number(const void *bytes, size_t length, int64_t *number, struct error *err)
{
    unsigned char hash[SHA256_SIZE];
    uint64_t value = 0;
    if (sha256(bytes, length, hash, err) != 0) return -1;

    for (size_t i = 0; i < sizeof value; i++) value = value << 8 | hash[i];
    memcpy(number, &value, sizeof value);
    return 0;
}

/*
 * SHA-256, by OpenSSL: the fingerprint of a migration's file, and keys for advisory locks.
 *
 * By its plain functions, which only compute. The newer way (EVP) would first set all of
 * OpenSSL up, its configuration and its tables of algorithms: a fifth of the time that an `up`
 * without anything to do takes. These are fingerprints, no security hangs on whose
 * implementation makes them; where it does, in TLS, OpenSSL is used as it wants to be.
 *
 * Whole texts only; what has to be hashed piece by piece does not occur. But for CRC-32, which
 * is no fingerprint, and is here bit by bit: a table would be for more than the name of a
 * database.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"

#include <openssl/sha.h>
#include <string.h>

#include "error.h"

enum { SHA256_SIZE = SHA256_DIGEST_LENGTH };

static int sha256(const void *bytes, size_t length, unsigned char hash[SHA256_SIZE],
                  struct error *err)
{
    SHA256_CTX context;
    if (SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes, length) == 1 &&
        SHA256_Final(hash, &context) == 1)
        return 0;
    return error_set(err, ERROR_FAILED, "OpenSSL cannot compute SHA-256");
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

uint32_t digest_crc32(uint32_t crc, const void *bytes, size_t length)
{
    static const uint32_t polynomial = 0xedb88320; /* reflected */
    const unsigned char *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
    }
    return ~crc;
}

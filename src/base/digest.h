#ifndef REDFERRY_DIGEST_H
#define REDFERRY_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct error;

enum { DIGEST_TEXT_SIZE = sizeof("sha256:") + 64 };

/* Write "sha256:<64 hex digits>" of length bytes, terminated, into text. Returns 0, or -1 with
 * err. */
int digest_text(const void *bytes, size_t length, char text[DIGEST_TEXT_SIZE],
                struct error *err);

/* Write the first eight bytes of SHA-256, as one signed number, into *number: a well-mixed key
 * for locks. Returns 0, or -1 with err. */
int digest_number(const void *bytes, size_t length, int64_t *number, struct error *err);

/* Go on with the CRC-32 of what came before (0: nothing) over length more bytes; the one that
 * zlib has, and that other programs make keys for their locks of. */
uint32_t digest_crc32(uint32_t crc, const void *bytes, size_t length);

#endif

#ifndef REDFERRY_URL_REDACTED_H
#define REDFERRY_URL_REDACTED_H

struct url_reading;

/* Put the pieces of a URL that was split together again, without its secrets: the URL gets its
 * redacted form, and whether it has a password. Returns 0, or -1 with r's error (no memory). */
int url_redacted_write(const struct url_reading *r);

#endif

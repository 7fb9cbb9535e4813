#ifndef REDFERRY_URL_REDIS_H
#define REDFERRY_URL_REDIS_H

struct url_reading;
struct url_redis_scheme;

/* The kind of Redis URL that text begins as, or NULL. */
const struct url_redis_scheme *url_redis_find(const char *text);

/* Take a URL of this kind apart. Returns 0, or -1 with r's error. */
int url_redis_parse(struct url_reading *r, const struct url_redis_scheme *scheme);

#endif

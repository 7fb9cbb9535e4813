#ifndef REDFERRY_URL_H
#define REDFERRY_URL_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct error;

enum url_kind {
    URL_POSTGRESQL, /* postgres:// postgresql:// ; libpq reads text itself */
    URL_SQLITE,     /* sqlite:PATH sqlite:///abs, or a path ending in .db .sqlite .sqlite3 */
    URL_REDIS,      /* redis://[user[:password]@]host[:port][/db] */
    URL_REDIS_TLS,  /* rediss://… the same, and ?cacert=FILE&cert=FILE&key=FILE */
    URL_REDIS_UNIX  /* unix://[user[:password]@]/path[?db=N] */
};

/* The parts of one URL; percent-escapes are decoded. All texts belong to the arena; NULL:
 * absent. */
struct url {
    enum url_kind kind;
    const char *text; /* as given: holds the password; never to be shown */
    const char
        *redacted;      /* for people: a password, and the value of ?password=, shown as *** */
    const char *label;  /* host:port/db, a path, or a socket's path: no user, no password */
    const char *name;   /* what the user knows it by, for complaints of the floors above */
    const char *advice; /* "; give redferry a URL of its own with --redis or REDFERRY_REDIS",
                           to be put behind such a complaint; "" where there is none */
    const char *user;   /* Redis only, as are the next four */
    const char *password;
    const char *host;
    int port;              /* default 6379 */
    int database;          /* default 0 */
    const char *path;      /* SQLite's file or Redis' socket */
    const char *ca_file;   /* rediss://…?cacert=FILE; NULL: the system's */
    const char *cert_file; /* rediss://…?cert=FILE&key=FILE */
    const char *key_file;
    bool has_password; /* any kind: text holds a password */
};

/*
 * Take a database's URL apart. name is what the user knows it by ("--database", "DATABASE_URL")
 * and starts every complaint. What only libpq can judge (which parameters there are) is left to
 * db_open(). Returns 0, or -1 with err (ERROR_INVALID), never showing a password.
 */
int url_parse_database(struct url *url, const char *text, const char *name, struct arena *arena,
                       struct error *err);

/* The same for a Redis URL. redis-sentinel:// is refused as not supported yet. */
int url_parse_redis(struct url *url, const char *text, const char *name, struct arena *arena,
                    struct error *err);

#endif

/* url: the parts are right, the refusals say what to do, and no text that may be shown holds a
 * password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "arena.h"
#include "error.h"
#include "url.h"

/* The environment of whoever runs the test must not matter. */
static int set_up(void **state)
{
    (void)state;
    unsetenv("PGHOST");
    unsetenv("PGPORT");
    unsetenv("PGDATABASE");
    return 0;
}

static void assert_text(const char *text, const char *expected)
{
    if (expected == NULL) {
        assert_null(text);
    } else {
        assert_non_null(text);
        assert_string_equal(text, expected);
    }
}

static void test_postgresql(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *label;
        const char *redacted; /* NULL: the text itself, which holds no password */
    } cases[] = {
        {"postgres://", "localhost:5432", NULL},
        {"postgresql://localhost", "localhost:5432", NULL},
        {"postgres:///flags", "localhost:5432/flags", NULL},
        {"postgres://ada@db.example:5433/flags", "db.example:5433/flags", NULL},
        {"postgres://ada:s3cret@db.example:5433/flags", "db.example:5433/flags",
         "postgres://ada:***@db.example:5433/flags"},
        {"postgresql://ada:s3cret@/flags", "localhost:5432/flags",
         "postgresql://ada:***@/flags"},
        {"postgres://:s3cret@h/d", "h:5432/d", "postgres://:***@h/d"},
        {"postgres://ada:@h/d", "h:5432/d", NULL},
        {"postgres://ada:s3%40cr%2Fet@h/d", "h:5432/d", "postgres://ada:***@h/d"},
        {"postgres://ada:a:b:c!$&'()*+,;=@h/d", "h:5432/d", "postgres://ada:***@h/d"},
        {"postgres://ada:s3#cret@h/d", "h:5432/d", "postgres://ada:***@h/d"},
        {"postgres://h:/d", "h:5432/d", NULL},
        {"postgres://h1:5433,h2,h3:5434/d?target_session_attrs=any",
         "h1:5433,h2:5432,h3:5434/d", NULL},
        {"postgres://ada:s3cret@h1,h2/d", "h1:5432,h2:5432/d", "postgres://ada:***@h1,h2/d"},
        {"postgres://[::1]/d", "[::1]:5432/d", NULL},
        {"postgres://ada@[2001:db8::1]:5433/d", "[2001:db8::1]:5433/d", NULL},
        {"postgres://[::1]:1,[::2]:2/d", "[::1]:1,[::2]:2/d", NULL},
        {"postgres://%2Frun%2Fpostgresql/d", "/run/postgresql:5432/d", NULL},
        {"postgres:///d?host=/run/x", "/run/x:5432/d", NULL},
        {"postgres:///d?host=%2Frun%2Fx&port=5433", "/run/x:5433/d", NULL},
        {"postgres://:5433/d?host=/run/x", "/run/x:5433/d", NULL},
        {"postgres://h/d?port=5433&port=5434", "h:5434/d", NULL},
        {"postgres://h/d?port=", "h:5432/d", NULL},
        {"postgres://h?dbname=d%20e", "h:5432/d e", NULL},
        {"postgres:///d?hostaddr=10.0.0.1", "10.0.0.1:5432/d", NULL},
        {"postgres:///d?host=/run/x&password=s3cret", "/run/x:5432/d",
         "postgres:///d?host=/run/x&password=***"},
        {"postgres:///d?password=s3cret&host=/run/x&sslpassword=0ther&sslmode=require",
         "/run/x:5432/d",
         "postgres:///d?password=***&host=/run/x&sslpassword=***&sslmode=require"},
        {"postgres:///d?p%61ssword=s3cret", "localhost:5432/d", "postgres:///d?p%61ssword=***"},
        {"postgres:///d?oauth_client_secret=s3cret", "localhost:5432/d",
         "postgres:///d?oauth_client_secret=***"},
        {"postgres:///d?password=", "localhost:5432/d", NULL},
        {"postgres://h/d?user=ada%40tenant&sslmode=require", "h:5432/d", NULL},
        {"postgres://h/d?", "h:5432/d", "postgres://h/d"},
        {"postgres://h/d?application_name=100%25", "h:5432/d", NULL},
        {"postgres://h/größe", "h:5432/größe", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct url url;
        assert_int_equal(url_parse_database(&url, cases[i].text, "--database", &arena, &err),
                         0);
        assert_int_equal(url.kind, URL_POSTGRESQL);
        assert_string_equal(url.text, cases[i].text);
        assert_string_equal(url.label, cases[i].label);
        assert_text(url.redacted,
                    cases[i].redacted == NULL ? cases[i].text : cases[i].redacted);
        assert_int_equal(url.has_password, strstr(url.redacted, "***") != NULL);
        assert_string_equal(url.name, "--database");
        assert_null(url.user);
        assert_null(url.password);
        arena_release(&arena);
    }
}

/* libpq fills gaps from the environment, and so does the label. */
static void test_environment(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *label;
    } cases[] = {
        {"postgres://", "db.example:5439/flags"},
        {"postgres://h", "h:5439/flags"},
        {"postgres://:1/d", "db.example:1/d"},
        {"postgres:///d?host=/run/x&port=2", "/run/x:2/d"},
    };
    setenv("PGHOST", "db.example", 1);
    setenv("PGPORT", "5439", 1);
    setenv("PGDATABASE", "flags", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct url url;
        assert_int_equal(url_parse_database(&url, cases[i].text, "--database", &arena, &err),
                         0);
        assert_string_equal(url.label, cases[i].label);
        arena_release(&arena);
    }
    set_up(state);
}

static void test_sqlite(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *path;
    } cases[] = {
        {"sqlite:flags", "flags"},
        {"sqlite:dir/my%20flags.db", "dir/my flags.db"},
        {"sqlite:/var/lib/flags", "/var/lib/flags"},
        {"sqlite:///var/lib/flags.db", "/var/lib/flags.db"},
        {"sqlite:what%3F.db", "what?.db"},
        {"sqlite:./a:b@c.db", "./a:b@c.db"},
        {"flags.db", "flags.db"},
        {"dir/flags.sqlite", "dir/flags.sqlite"},
        {"/abs/flags.sqlite3", "/abs/flags.sqlite3"},
        {"100%.db", "100%.db"},
        {"./a:b?c=d.db", "./a:b?c=d.db"},
        {"größe.db", "größe.db"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct url url;
        assert_int_equal(url_parse_database(&url, cases[i].text, "DATABASE_URL", &arena, &err),
                         0);
        assert_int_equal(url.kind, URL_SQLITE);
        assert_string_equal(url.path, cases[i].path);
        assert_string_equal(url.label, cases[i].path);
        assert_string_equal(url.text, cases[i].text);
        assert_string_equal(url.redacted, cases[i].text);
        assert_false(url.has_password);
        arena_release(&arena);
    }
}

static void test_redis(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum url_kind kind;
        const char *user, *password, *host;
        int port, database;
        const char *label, *redacted;
    } cases[] = {
        {"redis://h", URL_REDIS, NULL, NULL, "h", 6379, 0, "h:6379/0", "redis://h"},
        {"redis://h/", URL_REDIS, NULL, NULL, "h", 6379, 0, "h:6379/0", "redis://h/"},
        {"redis://h?", URL_REDIS, NULL, NULL, "h", 6379, 0, "h:6379/0", "redis://h"},
        {"redis://h:", URL_REDIS, NULL, NULL, "h", 6379, 0, "h:6379/0", "redis://h:"},
        {"redis://h:6380/3", URL_REDIS, NULL, NULL, "h", 6380, 3, "h:6380/3",
         "redis://h:6380/3"},
        {"redis://h:1/2147483647", URL_REDIS, NULL, NULL, "h", 1, INT32_MAX, "h:1/2147483647",
         "redis://h:1/2147483647"},
        {"redis://:s3cret@h", URL_REDIS, NULL, "s3cret", "h", 6379, 0, "h:6379/0",
         "redis://:***@h"},
        {"redis://ada:s3cret@h:65535/1", URL_REDIS, "ada", "s3cret", "h", 65535, 1, "h:65535/1",
         "redis://ada:***@h:65535/1"},
        {"redis://ada@h", URL_REDIS, "ada", NULL, "h", 6379, 0, "h:6379/0", "redis://***@h"},
        {"redis://ada:@h", URL_REDIS, "ada", NULL, "h", 6379, 0, "h:6379/0", "redis://ada:@h"},
        {"redis://:@h", URL_REDIS, NULL, NULL, "h", 6379, 0, "h:6379/0", "redis://:@h"},
        {"redis://@h", URL_REDIS, NULL, NULL, "h", 6379, 0, "h:6379/0", "redis://***@h"},
        {"redis://:p%40s%2Fs%3a%25%20w@h", URL_REDIS, NULL, "p@s/s:% w", "h", 6379, 0,
         "h:6379/0", "redis://:***@h"},
        {"redis://a%3Ab:c:d#e@h", URL_REDIS, "a:b", "c:d#e", "h", 6379, 0, "h:6379/0",
         "redis://a%3Ab:***@h"},
        {"redis://:x+y@h", URL_REDIS, NULL, "x+y", "h", 6379, 0, "h:6379/0", "redis://:***@h"},
        {"redis://[::1]", URL_REDIS, NULL, NULL, "::1", 6379, 0, "[::1]:6379/0",
         "redis://[::1]"},
        {"redis://:s3cret@[2001:db8::1]:6380/2", URL_REDIS, NULL, "s3cret", "2001:db8::1", 6380,
         2, "[2001:db8::1]:6380/2", "redis://:***@[2001:db8::1]:6380/2"},
        {"rediss://h", URL_REDIS_TLS, NULL, NULL, "h", 6379, 0, "h:6379/0", "rediss://h"},
        {"rediss://ada:s3cret@h:6390/4?cacert=/etc/ca.pem", URL_REDIS_TLS, "ada", "s3cret", "h",
         6390, 4, "h:6390/4", "rediss://ada:***@h:6390/4?cacert=/etc/ca.pem"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct url url;
        assert_int_equal(url_parse_redis(&url, cases[i].text, "REDIS_URL", &arena, &err), 0);
        assert_int_equal(url.kind, cases[i].kind);
        assert_text(url.user, cases[i].user);
        assert_text(url.password, cases[i].password);
        assert_text(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.database, cases[i].database);
        assert_text(url.label, cases[i].label);
        assert_text(url.redacted, cases[i].redacted);
        assert_int_equal(url.has_password, cases[i].password != NULL);
        assert_null(url.path);
        arena_release(&arena);
    }
}

static void test_redis_socket(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *user, *password, *path;
        int database;
        const char *label, *redacted;
    } cases[] = {
        {"unix:///run/redis.sock", NULL, NULL, "/run/redis.sock", 0, "/run/redis.sock",
         "unix:///run/redis.sock"},
        {"unix:///run/redis.sock?db=0", NULL, NULL, "/run/redis.sock", 0, "/run/redis.sock",
         "unix:///run/redis.sock?db=0"},
        {"unix:///run/my%20redis.sock?db=5", NULL, NULL, "/run/my redis.sock", 5,
         "/run/my redis.sock?db=5", "unix:///run/my%20redis.sock?db=5"},
        {"unix://:s3cret@/run/redis.sock", NULL, "s3cret", "/run/redis.sock", 0,
         "/run/redis.sock", "unix://:***@/run/redis.sock"},
        {"unix://ada:s3cret@/run/a@b:c.sock", "ada", "s3cret", "/run/a@b:c.sock", 0,
         "/run/a@b:c.sock", "unix://ada:***@/run/a@b:c.sock"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct url url;
        assert_int_equal(url_parse_redis(&url, cases[i].text, "REDIS_URL", &arena, &err), 0);
        assert_int_equal(url.kind, URL_REDIS_UNIX);
        assert_text(url.user, cases[i].user);
        assert_text(url.password, cases[i].password);
        assert_text(url.path, cases[i].path);
        assert_int_equal(url.database, cases[i].database);
        assert_text(url.label, cases[i].label);
        assert_text(url.redacted, cases[i].redacted);
        assert_null(url.host);
        arena_release(&arena);
    }
}

static void test_redis_certificates(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err = {0};
    struct url url;
    assert_int_equal(url_parse_redis(&url, "rediss://h?cert=/c%20d.pem&key=/k.pem&cacert=ca@x",
                                     "REDIS_URL", &arena, &err),
                     0);
    assert_string_equal(url.ca_file, "ca@x");
    assert_string_equal(url.cert_file, "/c d.pem");
    assert_string_equal(url.key_file, "/k.pem");
    arena_release(&arena);
}

#define SCHEMES                                                                                \
    "it may be postgres://…, postgresql://…, sqlite:PATH or a path that ends in .db, "     \
    ".sqlite or .sqlite3"
#define OWN_DATABASE  "; give redferry a URL of its own with --database or REDFERRY_DATABASE"
#define OWN_REDIS     "; give redferry a URL of its own with --redis or REDFERRY_REDIS"
#define REDIS_SCHEMES "it may be redis://HOST, rediss://HOST or unix:///PATH"
#define PORT          "the port is not a number from 1 to 65535"
#define TORN                                                                                   \
    "cannot tell where the password ends; within a user or a password write @ as %40, / as "   \
    "%2F, ? as %3F, # as %23 and % as %25"
#define BRACKETS "an IPv6 address stands in brackets: [::1]"
#define ESCAPE   "a '%' needs two hexadecimal digits behind it; write % as %25"
#define CONTROL  "holds a control character or a line break"

struct refusal {
    const char *text;
    const char *message; /* behind the name */
};

/* An '@' in a parameter is allowed, and its value not shown: it might be a password's end. */
static void test_stray_in_query(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err = {0};
    struct url url;
    assert_int_equal(url_parse_database(&url, "postgres://h/d?user=ada@tenant&sslmode=require",
                                        "DATABASE_URL", &arena, &err),
                     0);
    assert_string_equal(url.redacted, "postgres://h/d?user=***&sslmode=require");
    assert_false(url.has_password);
    arena_release(&arena);
}

static void assert_refused(const struct refusal *refusal, const char *name,
                           int (*parse)(struct url *url, const char *text, const char *name,
                                        struct arena *arena, struct error *err))
{
    struct arena arena = {0};
    struct error err = {0};
    struct url url;
    if (parse(&url, refusal->text, name, &arena, &err) != -1) fail_msg("%s", refusal->text);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_memory_equal(err.message, name, strlen(name));
    assert_memory_equal(err.message + strlen(name), ": ", 2);
    assert_string_equal(err.message + strlen(name) + 2, refusal->message);
    arena_release(&arena);
}

static void test_database_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"", "is empty; " SCHEMES OWN_DATABASE},
        {"ecto://ada:s3cret@h/d", "'ecto://' is not supported; " SCHEMES OWN_DATABASE},
        {"mysql://ada:s3cret@h/my.db", "'mysql://' is not supported; " SCHEMES OWN_DATABASE},
        {"redis://h", "'redis://' is not supported; " SCHEMES OWN_DATABASE},
        {"POSTGRES://h", "'POSTGRES://' is not supported; " SCHEMES OWN_DATABASE},
        {"postgres:h", "is not a URL that redferry knows; " SCHEMES OWN_DATABASE},
        {"sqlite3:flags.sqlite3", "is not a URL that redferry knows; " SCHEMES OWN_DATABASE},
        {"flags", "is not a URL that redferry knows; " SCHEMES OWN_DATABASE},
        {".db", "is not a URL that redferry knows; " SCHEMES OWN_DATABASE},
        {"host=h password=s3cret dbname=my.db",
         "is not a URL that redferry knows; " SCHEMES OWN_DATABASE},
        {"postgres://h:0/d", PORT},
        {"postgres://h:70000/d", PORT},
        {"postgres://h:abc/d", PORT},
        {"postgres://h:-1/d", PORT},
        {"postgres://h1:1,h2:x/d", PORT},
        {"postgres://ada:s3cret", PORT},
        {"postgres://h/d?port=0", PORT},
        {"postgres://h/d?port=5432,abc", PORT},
        {"postgres://::1/d", BRACKETS},
        {"postgres://[::1/d", BRACKETS},
        {"postgres://[]/d", BRACKETS},
        {"postgres://[::1]5432/d", "only a port may follow the brackets of a host"},
        {"postgres://ada:100%@h/d", ESCAPE},
        {"postgres://ada:%4@h/d", ESCAPE},
        {"postgres://ada:%zz@h/d", ESCAPE},
        {"postgres://h/d%", ESCAPE},
        {"postgres://ada:%00@h/d", "%00 cannot be part of a URL"},
        {"postgres://h/d\n", CONTROL},
        {"postgres://ada:s3\x7f"
         "cret@h/d",
         CONTROL},
        {"postgres://ada:s3@cret@h/d", TORN},
        {"postgres://ada:s3/cret@h/d", TORN},
        {"postgres://ada:12/cret@h/d", TORN},
        {"postgres://ada:s3?cret@h/d", TORN},
        {"postgres://ada:12?cret@h/d", TORN},
        {"postgres://ada:12?x=cret@h/d", TORN},
        {"postgres://h?user=ada@tenant", TORN},
        {"postgres://h/d?flag", "a parameter behind the '?' is not of the form name=value"},
        {"postgres://h/d?=x", "a parameter behind the '?' is not of the form name=value"},
        {"postgres://h/d?a=b&&c=d", "a parameter behind the '?' is not of the form name=value"},
        {"postgres://h/d?options=-cx=y", "a parameter's value holds a '='; write it as %3D"},
        {"sqlite:", "names no file"},
        {"sqlite://flags.db", "write sqlite:PATH or sqlite:///PATH"},
        {"sqlite::memory:", "a database in memory cannot remember what was done; name a file"},
        {"sqlite:flags.db?pool=5", "a SQLite URL takes no parameters; write a ? in a file's "
                                   "name as %3F" OWN_DATABASE},
        {"sqlite:100%.db", ESCAPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(&cases[i], "DATABASE_URL", url_parse_database);
}

static void test_redis_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"", "is empty; " REDIS_SCHEMES OWN_REDIS},
        {"h:6379", "is not a URL that redferry knows; " REDIS_SCHEMES OWN_REDIS},
        {"http://h", "'http://' is not supported; " REDIS_SCHEMES OWN_REDIS},
        {"mysql://ada:s3cret@h/d", "'mysql://' is not supported; " REDIS_SCHEMES OWN_REDIS},
        {"redis-sentinel://:s3cret@h/mymaster",
         "redis-sentinel:// is not supported yet; " REDIS_SCHEMES},
        {"redis://", "names no host"},
        {"redis:///0", "names no host"},
        {"redis://:6379", "names no host"},
        {"redis://:s3cret@", "names no host"},
        {"redis://h:0", PORT},
        {"redis://h:70000", PORT},
        {"redis://h:65536/0", PORT},
        {"redis://h:abc", PORT},
        {"redis://h:6379x/1", PORT},
        {"redis://ada:s3cret", PORT},
        {"redis://::1", BRACKETS},
        {"redis://[::1", BRACKETS},
        {"redis://[]:6379", BRACKETS},
        {"redis://[::1]x", "only a port may follow the brackets of a host"},
        {"redis://h/x", "the database is not a number, 0 or more"},
        {"redis://h/-1", "the database is not a number, 0 or more"},
        {"redis://h/0/", "the database is not a number, 0 or more"},
        {"redis://h/2147483648", "the database is not a number, 0 or more"},
        {"redis://h?pool=5", "unknown parameter 'pool'" OWN_REDIS},
        {"redis://h/0?db=1", "unknown parameter 'db'" OWN_REDIS},
        {"redis://h?cacert=x", "unknown parameter 'cacert'" OWN_REDIS},
        {"rediss://h?ssl_cert_reqs=none", "unknown parameter 'ssl_cert_reqs'" OWN_REDIS},
        {"rediss://h?cacert=", "the parameter 'cacert' has no value"},
        {"rediss://h?cert=x", "a certificate needs its key: give both cert= and key="},
        {"rediss://h?key=x", "a certificate needs its key: give both cert= and key="},
        {"redis://:100%@h", ESCAPE},
        {"redis://:%00@h", "%00 cannot be part of a URL"},
        {"redis://h\r\n", CONTROL},
        {"redis://:s3@cret@h", TORN},
        {"redis://:s3/cret@h", TORN},
        {"redis://:12/cret@h", TORN},
        {"redis://ada:12/cret@h", TORN},
        {"redis://:s3?cret@h", TORN},
        {"redis://ada:12?cret@h", TORN},
        {"unix://", "names no socket; write unix:///PATH"},
        {"unix:///", "names no socket; write unix:///PATH"},
        {"unix://run/redis.sock", "names no socket; write unix:///PATH"},
        {"unix:///run/redis.sock?db=x", "the database is not a number, 0 or more"},
        {"unix:///run/redis.sock?db=", "the database is not a number, 0 or more"},
        {"unix:///run/redis.sock?password=s3cret", "unknown parameter 'password'" OWN_REDIS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(&cases[i], "REDIS_URL", url_parse_redis);
}

/* Whoever shares DATABASE_URL with a framework is told of the variable that is redferry's own.
 */
static void test_advice(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *advice;
    } cases[] = {
        {"--database", OWN_DATABASE},
        {"DATABASE_URL", OWN_DATABASE},
        {"DATABASE_URL_FILE", OWN_DATABASE},
        {"REDFERRY_DATABASE", OWN_DATABASE},
        {"--ledger", "; give redferry a URL of its own with --ledger or REDFERRY_LEDGER"},
        {"REDFERRY_LEDGER",
         "; give redferry a URL of its own with --ledger or REDFERRY_LEDGER"},
        {"--redis", OWN_REDIS},
        {"REDIS_URL", OWN_REDIS},
        {"REPORTS_DATABASE_URL", ""},
        {"redferry.yaml", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct url url;
        assert_int_equal(url_parse_database(&url, "a.db", cases[i].name, &arena, &err), 0);
        assert_string_equal(url.name, cases[i].name);
        assert_string_equal(url.advice, cases[i].advice);
        arena_release(&arena);
    }
}

/* Every way to get a password wrong, through both parsers: nothing that may be shown shows any
 * of it. */
static void test_no_password_is_shown(void **state)
{
    (void)state;
    static const char *const schemes[] = {
        "postgres://", "postgresql://", "redis://",  "rediss://", "unix://",
        "mysql://",    "ecto://",       "sqlite://", "postgres:", "",
    };
    static const char *const shapes[] = {
        "u:%@h/d",
        ":%@h:1/2",
        "u:%@h:0/d",
        "u:%@h:abc/d",
        "u:%@h:70000",
        "u:%",
        ":%",
        "u:%@",
        "u:%@/d",
        "u:%@/run/x.sock",
        "u:%@h/d?x=1",
        "u:%@h/d?pool=5",
        "u:%@[::1/d",
        "u:%@[::1]:1/d",
        "u:%@h1:1,h2:2/d",
        "u:%@::1/d",
        "h/d?password=%",
        "/d?host=/run/x&password=%&y=z",
        "h/d?sslpassword=%",
        "u:%@h/d.db",
        "u:%@h\n/d",
        "u:%%zz@h/d",
        "u:%@h/d?a=b=c",
    };
    static const char *const passwords[] = {
        "QwErTy",    "QwE@rTy",  "QwE/rTy",  "QwE?rTy",       "QwE#rTy", "QwE%rTy", "QwE:rTy",
        "QwE&rTy",   "QwE=rTy",  "@QwErTy",  "/QwErTy",       "?QwErTy", "QwErTy@", "QwE/r?T@y",
        "QwE%40rTy", "1/QwErTy", "1?QwErTy", "1/2?x=QwErTy@", "[QwErTy", "QwE rTy", "QwE,rTy",
    };
    for (size_t s = 0; s < sizeof schemes / sizeof schemes[0]; s++) {
        for (size_t h = 0; h < sizeof shapes / sizeof shapes[0]; h++) {
            for (size_t p = 0; p < sizeof passwords / sizeof passwords[0]; p++) {
                struct arena arena = {0};
                const char *place = strchr(shapes[h], '%');
                /* With no host behind it, these make a host, a database, a parameter of it. */
                if (place[1] == '\0' && strpbrk(passwords[p], "@/?") != NULL) continue;
                const char *text =
                    arena_format(&arena, "%s%.*s%s%s", schemes[s], (int)(place - shapes[h]),
                                 shapes[h], passwords[p], place + 1);
                for (int redis = 0; redis < 2; redis++) {
                    struct error err = {0};
                    struct url url = {0};
                    int result = redis ? url_parse_redis(&url, text, "X", &arena, &err)
                                       : url_parse_database(&url, text, "X", &arena, &err);
                    const char *shown =
                        result == 0 ? arena_format(&arena, "%s %s", url.redacted, url.label)
                                    : err.message;
                    if (strstr(shown, "QwE") != NULL || strstr(shown, "rTy") != NULL)
                        fail_msg("%s gives %s", text, shown);
                }
                arena_release(&arena);
            }
        }
    }
}

/* Parse text with the nth allocation failing, in an arena whose first chunk has room bytes
 * left. Returns whether an allocation failed. */
static bool parse_with_failure(const char *text, bool redis, size_t room, size_t nth,
                               bool forever)
{
    enum { CHUNK = 4032 }; /* as in arena.c; with another size some failures are met twice */
    struct arena arena = {0};
    struct error err = {0};
    struct url url;
    for (size_t filled = 0; filled + room < CHUNK; filled += 16) arena_alloc(&arena, 16);

    alloc_fail_at(nth, forever);
    int result = redis ? url_parse_redis(&url, text, "X", &arena, &err)
                       : url_parse_database(&url, text, "X", &arena, &err);
    bool happened = alloc_fail_happened();
    alloc_fail_never();

    assert_int_equal(result, happened ? -1 : 0);
    if (happened) {
        assert_int_equal(err.code, ERROR_FAILED);
        assert_string_equal(err.message, "out of memory");
    }
    arena_release(&arena);
    return happened;
}

/* Memory that runs out anywhere is an error, never an absent part. */
static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "postgres://ada:s3cret@h1:1,h2:2/d?host=x&port=2&dbname=d&password=y",
        "sqlite:///a%20b.db",
        "a.db",
        "redis://ada:s3cret@h:1/2",
        "rediss://h?cacert=a&cert=b&key=c",
        "unix://:s3cret@/run/x.sock?db=2",
    };
    size_t happened = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t room = 0; room < 1024; room += 16) {
            for (int forever = 0; forever < 2; forever++) {
                size_t nth = 1;
                while (parse_with_failure(texts[i], i > 2, room, nth, forever == 1)) nth++;
                happened += nth - 1;
            }
        }
    }
    assert_true(happened > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_postgresql),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_sqlite),
        cmocka_unit_test(test_redis),
        cmocka_unit_test(test_redis_socket),
        cmocka_unit_test(test_redis_certificates),
        cmocka_unit_test(test_stray_in_query),
        cmocka_unit_test(test_database_refused),
        cmocka_unit_test(test_redis_refused),
        cmocka_unit_test(test_advice),
        cmocka_unit_test(test_no_password_is_shown),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

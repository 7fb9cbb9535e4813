// servers: redis
/* transport: TCP, Unix sockets and TLS against real servers: bytes go both ways, deadlines and
 * stops end the wait, a peer that went away is an error and never a signal, and TLS believes
 * nobody without a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "arena.h"
#include "certificates.h"
#include "clock.h"
#include "error.h"
#include "redis_server.h"
#include "redis_url.h"
#include "stop.h"
#include "transport.h"
#include "url.h"

/* A handshake under valgrind on a busy machine takes seconds. */
enum { PATIENCE_MS = 60000 };

static struct arena arena;
static char scratch[64];

#define parse(...) redis_url(&arena, __VA_ARGS__)

static void await(struct transport *transport, bool writing)
{
    struct error err = {0};
    struct stop_poll wire = {.descriptor = transport_descriptor(transport),
                             .events = transport_events(transport, writing)};
    assert_int_equal(stop_wait(NULL, &wire, 1, 10000, false, &err), 1);
}

/* Write all of text, in two spans. */
static void say(struct transport *transport, const char *text)
{
    struct error err = {0};
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t half = (length - at + 1) / 2;
        struct iovec spans[] = {{(char *)(uintptr_t)(text + at), half},
                                {(char *)(uintptr_t)(text + at + half), length - at - half}};
        ssize_t written = transport_write(transport, spans, 2, &err);
        assert_true(written >= 0);
        at += (size_t)written;
        if (written == 0) await(transport, true);
    }
}

static void hear(struct transport *transport, const char *text)
{
    struct error err = {0};
    char heard[256];
    size_t length = strlen(text);
    assert_true(length < sizeof heard);
    for (size_t at = 0; at < length;) {
        ssize_t got = transport_read(transport, heard + at, length - at, &err);
        if (got < 0) fail_msg("%s", err.message);
        at += (size_t)got;
        if (got == 0) await(transport, false);
    }
    assert_memory_equal(heard, text, length);
}

static void assert_speaks(const struct url *url)
{
    struct error err = {0};
    struct transport *transport = NULL;
    if (transport_open(&transport, url, NULL, PATIENCE_MS, &err) != 0)
        fail_msg("%s", err.message);
    char byte = 0;
    assert_int_equal(transport_read(transport, &byte, 1, &err), 0);
    say(transport, "PING\r\n");
    hear(transport, "+PONG\r\n");
    say(transport, "*2\r\n$4\r\nECHO\r\n$7\r\nr\u00f6w\r\n!\r\n");
    hear(transport, "$7\r\nr\u00f6w\r\n!\r\n");
    transport_close(transport);
}

/* Returns whether trying again may help. */
static bool assert_refused(const struct url *url, const char *why)
{
    struct error err = {0};
    struct transport *transport = NULL;
    assert_int_equal(transport_open(&transport, url, NULL, PATIENCE_MS, &err), -1);
    assert_null(transport);
    assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
    if (strstr(err.message, why) == NULL) fail_msg("'%s' lacks '%s'", err.message, why);
    assert_non_null(strstr(err.message, "cannot connect to '"));
    return err.passing;
}

/* ---- sockets ---- */

static void test_unix(void **state)
{
    (void)state;
    assert_speaks(parse("unix://%s", getenv("REDFERRY_TEST_REDIS_SOCKET")));
    assert_true(assert_refused(parse("unix://%s/absent", scratch), "No such file"));

    char path[200];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_false(
        assert_refused(parse("unix://%s", path),
                       "the path of a socket has at most 107 bytes, this one has 199"));
}

static void test_tcp(void **state)
{
    (void)state;
    struct redis_server server;
    redis_server_start(&server, "tcp", (const char *[]){"--port", "PORT", NULL});
    assert_speaks(parse("redis://127.0.0.1:%d", server.port));
    assert_speaks(parse("redis://localhost:%d", server.port));
    redis_server_stop(&server);
    assert_true(
        assert_refused(parse("redis://:secret@127.0.0.1:%d", server.port), "***@127.0.0.1"));
    assert_true(assert_refused(parse("redis://127.0.0.1:%d", server.port),
                               "127.0.0.1: Connection refused"));
}

/* A listener with a full backlog: nobody will ever accept. */
static void test_deadline_and_stop(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stop stop;
    struct error err = {0};
    struct transport *transport = NULL;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/full", scratch);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);

    int64_t begun = clock_monotonic_ms();
    assert_int_equal(
        transport_open(&transport, parse("unix://%s/full", scratch), NULL, 100, &err), -1);
    assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
    assert_true(err.passing);
    assert_in_range(clock_monotonic_ms() - begun, 100, 5000);

    assert_int_equal(stop_init(&stop, &err), 0);
    stop_request(&stop, SIGTERM);
    begun = clock_monotonic_ms();
    assert_int_equal(
        transport_open(&transport, parse("unix://%s/full", scratch), &stop, 60000, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGTERM);
    assert_in_range(clock_monotonic_ms() - begun, 0, 3000);
    stop_release(&stop);
    (void)close(client);
    (void)close(listener);
}

/* Write until it fails; an unignored SIGPIPE would end the test. */
static void assert_notices_the_end(const struct url *url, struct redis_server *server)
{
    struct error err = {0};
    struct transport *transport = NULL;
    assert_int_equal(transport_open(&transport, url, NULL, PATIENCE_MS, &err), 0);
    say(transport, "PING\r\n");
    hear(transport, "+PONG\r\n");
    redis_server_stop(server);

    struct iovec ping = {(char *)(uintptr_t) "PING\r\n", 6};
    ssize_t written = 0;
    for (int i = 0; i < 100 && written >= 0; i++)
        written = transport_write(transport, &ping, 1, &err);
    assert_int_equal(written, -1);
    assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
    assert_true(err.passing);

    char bytes[8];
    ssize_t got = 0;
    while ((got = transport_read(transport, bytes, sizeof bytes, &err)) == 0)
        await(transport, false);
    assert_int_equal(got, -1);
    assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
    transport_close(transport);
}

static void test_peer_goes_away(void **state)
{
    (void)state;
    struct redis_server server;
    redis_server_start(&server, "gone", (const char *[]){"--port", "0", NULL});
    assert_notices_the_end(parse("%s", server.url), &server);
}

/* ---- TLS ---- */

static void start_tls(struct redis_server *server, const char *name, const char *certificate,
                      const char *clients)
{
    char crt[128], key[128], ca[128];
    (void)snprintf(crt, sizeof crt, "%s/%s.crt", scratch, certificate);
    (void)snprintf(key, sizeof key, "%s/%s.key", scratch, certificate);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", scratch);
    redis_server_start(server, name,
                       (const char *[]){"--port", "0", "--tls-port", "PORT", "--tls-cert-file",
                                        crt, "--tls-key-file", key, "--tls-ca-cert-file", ca,
                                        "--tls-auth-clients", clients, NULL});
}

static void test_tls(void **state)
{
    (void)state;
    struct redis_server server;
    start_tls(&server, "tls", "server", "no");
    int port = server.port;
    assert_speaks(parse("rediss://localhost:%d?cacert=%s/ca.crt", port, scratch));
    assert_speaks(parse("rediss://127.0.0.1:%d?cacert=%s/ca.crt", port, scratch));
    assert_false(assert_refused(parse("rediss://localhost:%d", port),
                                "the server's certificate is not accepted: "));
    assert_false(
        assert_refused(parse("rediss://localhost:%d?cacert=%s/other.crt", port, scratch),
                       "a private authority is named with ?cacert=FILE"));
    assert_false(assert_refused(parse("rediss://localhost:%d?cacert=%s/none", port, scratch),
                                "cannot be read as certificates"));
    assert_notices_the_end(parse("rediss://localhost:%d?cacert=%s/ca.crt", port, scratch),
                           &server);
}

static void test_tls_of_another_host(void **state)
{
    (void)state;
    struct redis_server server;
    start_tls(&server, "strange", "stranger", "no");
    assert_false(
        assert_refused(parse("rediss://localhost:%d?cacert=%s/ca.crt", server.port, scratch),
                       "hostname mismatch"));
    assert_false(
        assert_refused(parse("rediss://127.0.0.1:%d?cacert=%s/ca.crt", server.port, scratch),
                       "IP address mismatch"));
    redis_server_stop(&server);
}

static void test_tls_with_client_certificate(void **state)
{
    (void)state;
    struct redis_server server;
    start_tls(&server, "clients", "server", "yes");
    int port = server.port;
    assert_speaks(parse("rediss://localhost:%d?cacert=%s/ca.crt&cert=%s/client.crt"
                        "&key=%s/client.key",
                        port, scratch, scratch, scratch));
    assert_false(assert_refused(parse("rediss://localhost:%d?cacert=%s/ca.crt"
                                      "&cert=%s/client.crt&key=%s/server.key",
                                      port, scratch, scratch, scratch),
                                "is not the key of this certificate"));

    /* TLS 1.3 learns of it only with the first answer. */
    struct error err = {0};
    struct transport *transport = NULL;
    char byte = 0;
    ssize_t got = 0;
    if (transport_open(&transport,
                       parse("rediss://localhost:%d?cacert=%s/ca.crt", port, scratch), NULL,
                       PATIENCE_MS, &err) == 0) {
        while ((got = transport_read(transport, &byte, 1, &err)) == 0) await(transport, false);
        assert_int_equal(got, -1);
    }
    assert_non_null(strstr(err.message, "certificate required"));
    transport_close(transport);
    redis_server_stop(&server);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(scratch, sizeof scratch, "%s", getenv("REDFERRY_TEST_DIR"));
    return certificates_make(scratch);
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_deadline_and_stop),
        cmocka_unit_test(test_peer_goes_away),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_of_another_host),
        cmocka_unit_test(test_tls_with_client_certificate),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

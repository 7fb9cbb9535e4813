/*
 * The proxy in front of PostgreSQL: one thread, a few pairs of sockets, whole messages.
 *
 * The messages of a request go to the server together, when its last one is there: then what
 * the server has done is known at every moment, and a fault means the same each time. It knows
 * the protocol's frame, which requests are answered with ReadyForQuery, and the backend's
 * number; no TLS (there is none on a Unix socket), no replication, no COPY from a client.
 */
#include "postgres_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "buffer.h"

enum { MOST_PAIRS = 16, CHUNK = 65536, SILENCE_MS = 20, CANCEL_REQUEST = 80877102 };

enum unit { MESSAGES, REQUESTS, REMARKS, UNITS };

static const enum unit unit_of[POSTGRES_FAULTS] = {
    [POSTGRES_CUT_MESSAGE] = MESSAGES, [POSTGRES_CUT_ANSWER] = REQUESTS,
    [POSTGRES_CUT_ALL] = REQUESTS,     [POSTGRES_CUT_OTHERS] = REQUESTS,
    [POSTGRES_CUT_REMARK] = REMARKS,   [POSTGRES_KILL_BEFORE] = REQUESTS,
    [POSTGRES_KILL_AFTER] = REQUESTS,  [POSTGRES_LATE] = REQUESTS,
};

struct pair {
    int client; /* -1: gone, and the server is heard out */
    int server; /* -1: the place is free */
    struct buffer asked;
    size_t whole; /* of asked: messages of a request that is not complete yet */
    struct buffer said;
    bool started; /* the start-up packet, which has no type, is behind it */
    int owed;     /* answers that the server has not ended yet */
    int backend;
    char remark; /* the type of the last one */
};

struct postgres_proxy {
    char target[108];
    int listener;
    int wake; /* an eventfd: arm, settle or stop */
    pthread_t thread;
    PGconn *killer;
    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t done;
    bool stopping, to_arm, to_settle;
    struct postgres_plan plan;
    int64_t count[UNITS];
    bool has_struck;
    int64_t since; /* requests since it struck */
    struct buffer held;
    struct pair *late; /* whose request is held, or was delivered late */
    struct pair pairs[MOST_PAIRS];
    char chunk[CHUNK];
};

static void give_up(const char *what)
{
    perror(what);
    abort();
}

static void address_of(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%.*s",
                   (int)sizeof address->sun_path - 1, path);
}

static void send_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return; /* the other side is gone: so be it */
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void close_pair(struct postgres_proxy *proxy, struct pair *pair)
{
    if (pair->client >= 0) (void)close(pair->client);
    if (pair->server >= 0) (void)close(pair->server);
    if (proxy->late == pair) proxy->late = NULL;
    buffer_release(&pair->asked);
    buffer_release(&pair->said);
    *pair = (struct pair){.client = -1, .server = -1};
}

static void close_others(struct postgres_proxy *proxy, const struct pair *pair)
{
    for (size_t i = 0; i < MOST_PAIRS; i++)
        if (&proxy->pairs[i] != pair) close_pair(proxy, &proxy->pairs[i]);
}

static uint32_t number_at(const char *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return ntohl(number);
}

/* The length of the message at the front of so many bytes; 0: it is not all there yet. */
static size_t whole_message(const char *bytes, size_t length, bool typed)
{
    const size_t head = typed ? 5 : 4;
    if (length < head) return 0;
    const size_t message = number_at(bytes + head - 4) + (typed ? 1 : 0);
    return message <= length ? message : 0;
}

/* Count one more, and tell whether the fault is due with it. */
static bool is_due(struct postgres_proxy *proxy, enum unit unit)
{
    proxy->count[unit]++;
    if (proxy->has_struck || proxy->plan.fault == POSTGRES_NO_FAULT ||
        unit_of[proxy->plan.fault] != unit || proxy->count[unit] != proxy->plan.at)
        return false;
    proxy->has_struck = true;
    return true;
}

/* ---- what the server says --------------------------------------------------------------- */

static void note_remark(struct pair *pair, const char *message)
{
    if (message[0] == 'Z') pair->owed--;
    if (message[0] == 'K') pair->backend = (int)number_at(message + 5);
}

/* Whether a message of this type is a remark of its own. */
static bool counts_as_remark(const struct postgres_proxy *proxy, struct pair *pair, char type)
{
    const bool is_same = type == pair->remark;
    pair->remark = type;
    return proxy->plan.every_remark || (!is_same && memchr("12ntSZ", type, 6) == NULL);
}

/* Read what the server said, and pass it to the client where there is one and it may hear.
 * Returns false where the pair is closed now. */
static bool hear(struct postgres_proxy *proxy, struct pair *pair, bool pass)
{
    const ssize_t got = recv(pair->server, proxy->chunk, CHUNK, 0);
    size_t length = 0;
    if (got <= 0) {
        close_pair(proxy, pair);
        return false;
    }
    buffer_append(&pair->said, proxy->chunk, (size_t)got);
    while ((length = whole_message(pair->said.bytes, pair->said.length, true)) > 0) {
        note_remark(pair, pair->said.bytes);
        if (pass && pair->client >= 0) send_all(pair->client, pair->said.bytes, length);
        const bool counts = counts_as_remark(proxy, pair, pair->said.bytes[0]);
        if (pass && counts && is_due(proxy, REMARKS)) {
            close_pair(proxy, pair);
            return false;
        }
        buffer_consume(&pair->said, length);
    }
    return true;
}

/* Hear the server out, without a word to the client. Returns false where it went away. */
static bool hear_answer(struct postgres_proxy *proxy, struct pair *pair)
{
    while (pair->owed > 0)
        if (!hear(proxy, pair, false)) return false;
    return true;
}

/* Terminate the pair's backend, pass on what it says to that, and be done with both. */
static void kill_backend(struct postgres_proxy *proxy, struct pair *pair)
{
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT pg_catalog.pg_terminate_backend(%d)",
                   pair->backend);
    PGresult *result = pair->backend != 0 ? PQexec(proxy->killer, sql) : NULL;
    if (pair->backend != 0 && PQresultStatus(result) != PGRES_TUPLES_OK)
        give_up(PQerrorMessage(proxy->killer));
    PQclear(result);
    if (pair->backend == 0) close_pair(proxy, pair);
    while (pair->server >= 0) (void)hear(proxy, pair, true);
}

/* ---- what a client asks ----------------------------------------------------------------- */

static void pass_request(struct pair *pair, size_t length)
{
    send_all(pair->server, pair->asked.bytes, length);
    buffer_consume(&pair->asked, length);
    pair->whole = 0;
}

static void keep_for_later(struct postgres_proxy *proxy, struct pair *pair, size_t length)
{
    close_others(proxy, pair);
    (void)close(pair->client);
    pair->client = -1;
    buffer_append(&proxy->held, pair->asked.bytes, length);
    proxy->late = pair;
}

static void deliver_late(struct postgres_proxy *proxy)
{
    if (proxy->held.length == 0) return;
    if (proxy->late != NULL)
        send_all(proxy->late->server, proxy->held.bytes, proxy->held.length);
    buffer_clear(&proxy->held);
}

/* The fault is due at this request, the first length bytes of what was asked. */
static void strike(struct postgres_proxy *proxy, struct pair *pair, size_t length)
{
    const enum postgres_fault fault = proxy->plan.fault;
    if (fault == POSTGRES_LATE) {
        keep_for_later(proxy, pair, length);
        return;
    }
    if (fault == POSTGRES_CUT_OTHERS) close_others(proxy, pair);
    if (fault == POSTGRES_KILL_BEFORE) {
        kill_backend(proxy, pair);
        return;
    }
    pass_request(pair, length);
    if (fault == POSTGRES_CUT_OTHERS || !hear_answer(proxy, pair)) return;
    if (fault == POSTGRES_CUT_ALL) close_others(proxy, pair);
    if (fault == POSTGRES_KILL_AFTER)
        kill_backend(proxy, pair);
    else
        close_pair(proxy, pair);
}

/* One whole message lies behind what is whole already. Returns false where the pair asks no
 * more. */
static bool take_message(struct postgres_proxy *proxy, struct pair *pair, size_t length)
{
    const char *message = pair->asked.bytes + pair->whole;
    const char type = pair->started ? message[0] : '\0';
    const bool cancels = type == '\0' && number_at(message + 4) == CANCEL_REQUEST;
    const bool ends = (type == '\0' && !cancels) || type == 'Q' || type == 'S';
    if (is_due(proxy, MESSAGES)) {
        send_all(pair->server, pair->asked.bytes, pair->whole);
        close_pair(proxy, pair);
        return false;
    }
    pair->started = true;
    pair->whole += length;
    if (memchr("PBDEC", type, 5) != NULL) return true;
    if (ends) {
        pair->owed++;
        if (proxy->has_struck && proxy->since++ == proxy->plan.late_after) deliver_late(proxy);
    }
    if (ends && is_due(proxy, REQUESTS))
        strike(proxy, pair, pair->whole);
    else
        pass_request(pair, pair->whole);
    return pair->client >= 0;
}

static void ask(struct postgres_proxy *proxy, struct pair *pair)
{
    const ssize_t got = recv(pair->client, proxy->chunk, CHUNK, 0);
    size_t length = 0;
    if (got <= 0) {
        close_pair(proxy, pair);
        return;
    }
    buffer_append(&pair->asked, proxy->chunk, (size_t)got);
    do {
        length = whole_message(pair->asked.bytes + pair->whole,
                               pair->asked.length - pair->whole, pair->started);
    } while (length > 0 && take_message(proxy, pair, length) && pair->asked.length > 0);
}

static void accept_one(struct postgres_proxy *proxy)
{
    struct sockaddr_un address;
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_of(&address, proxy->target);
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(client);
        (void)close(server);
        return;
    }
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        if (proxy->pairs[i].server >= 0) continue;
        proxy->pairs[i] = (struct pair){.client = client, .server = server};
        return;
    }
    give_up("postgres_proxy: too many connections");
}

/* ---- the thread ------------------------------------------------------------------------- */

/* Do what the tests' own thread waits for. */
static void obey(struct postgres_proxy *proxy)
{
    uint64_t ignored = 0;
    if (read(proxy->wake, &ignored, sizeof ignored) < 0) return;
    if (proxy->to_settle) {
        deliver_late(proxy);
        if (proxy->late != NULL) (void)hear_answer(proxy, proxy->late);
    }
    if (!proxy->to_settle && !proxy->to_arm) return;
    close_others(proxy, NULL);
    if (proxy->to_arm) {
        memset(proxy->count, 0, sizeof proxy->count);
        proxy->has_struck = false;
        proxy->since = 0;
    }
    proxy->to_arm = proxy->to_settle = false;
    (void)pthread_cond_signal(&proxy->done);
}

/* What was delivered late is answered to nobody. */
static void serve_server(struct postgres_proxy *proxy, struct pair *pair)
{
    if (hear(proxy, pair, pair != proxy->late) && pair == proxy->late && pair->owed == 0)
        close_pair(proxy, pair);
}

static void serve_once(struct postgres_proxy *proxy, const struct pollfd *polls)
{
    if (polls[0].revents != 0) obey(proxy);
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        struct pair *pair = &proxy->pairs[i];
        const struct pollfd *client = &polls[2 + 2 * i];
        const struct pollfd *server = client + 1;
        /* A place may have been freed since poll(), but none is filled again before the end. */
        if (server->revents != 0 && server->fd == pair->server) serve_server(proxy, pair);
        if (client->revents != 0 && client->fd == pair->client) ask(proxy, pair);
    }
    if (polls[1].revents != 0) accept_one(proxy);
}

static void *serve(void *context)
{
    struct postgres_proxy *proxy = context;
    struct pollfd polls[2 + 2 * MOST_PAIRS];
    for (;;) {
        (void)pthread_mutex_lock(&proxy->mutex);
        if (proxy->stopping) break;
        const int patience = proxy->held.length > 0 ? SILENCE_MS : -1;
        polls[0] = (struct pollfd){.fd = proxy->wake, .events = POLLIN};
        polls[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
        for (size_t i = 0; i < MOST_PAIRS; i++) {
            polls[2 + 2 * i] = (struct pollfd){proxy->pairs[i].client, POLLIN, 0};
            polls[3 + 2 * i] = (struct pollfd){proxy->pairs[i].server, POLLIN, 0};
        }
        (void)pthread_mutex_unlock(&proxy->mutex);
        const int ready = poll(polls, 2 + 2 * MOST_PAIRS, patience);
        if (ready < 0) continue;
        (void)pthread_mutex_lock(&proxy->mutex);
        if (ready == 0) deliver_late(proxy);
        serve_once(proxy, polls);
        (void)pthread_mutex_unlock(&proxy->mutex);
    }
    close_others(proxy, NULL);
    (void)pthread_mutex_unlock(&proxy->mutex);
    return NULL;
}

static void wake(struct postgres_proxy *proxy)
{
    const uint64_t one = 1;
    if (write(proxy->wake, &one, sizeof one) < 0) give_up("postgres_proxy: eventfd");
}

/* ---- for the tests ---------------------------------------------------------------------- */

struct postgres_proxy *postgres_proxy_start(const char *path, const char *target,
                                            const char *url)
{
    struct sockaddr_un address;
    struct postgres_proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL) give_up("postgres_proxy");
    for (size_t i = 0; i < MOST_PAIRS; i++)
        proxy->pairs[i] = (struct pair){.client = -1, .server = -1};
    (void)snprintf(proxy->target, sizeof proxy->target, "%s", target);
    proxy->killer = PQconnectdb(url);
    if (PQstatus(proxy->killer) != CONNECTION_OK) give_up(PQerrorMessage(proxy->killer));
    (void)pthread_mutex_init(&proxy->mutex, NULL);
    (void)pthread_cond_init(&proxy->done, NULL);
    proxy->wake = eventfd(0, EFD_CLOEXEC);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_of(&address, path);
    (void)unlink(path);
    if (bind(proxy->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy->listener, 16) != 0 ||
        pthread_create(&proxy->thread, NULL, serve, proxy) != 0)
        give_up(path);
    return proxy;
}

void postgres_proxy_arm(struct postgres_proxy *proxy, const struct postgres_plan *plan)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->plan = *plan;
    proxy->to_arm = true;
    wake(proxy);
    while (proxy->to_arm) (void)pthread_cond_wait(&proxy->done, &proxy->mutex);
    (void)pthread_mutex_unlock(&proxy->mutex);
}

void postgres_proxy_settle(struct postgres_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->to_settle = true;
    wake(proxy);
    while (proxy->to_settle) (void)pthread_cond_wait(&proxy->done, &proxy->mutex);
    (void)pthread_mutex_unlock(&proxy->mutex);
}

bool postgres_proxy_has_struck(struct postgres_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    const bool has_struck = proxy->has_struck;
    (void)pthread_mutex_unlock(&proxy->mutex);
    return has_struck;
}

void postgres_proxy_stop(struct postgres_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->stopping = true;
    (void)pthread_mutex_unlock(&proxy->mutex);
    wake(proxy);
    (void)pthread_join(proxy->thread, NULL);
    PQfinish(proxy->killer);
    buffer_release(&proxy->held);
    (void)close(proxy->wake);
    (void)close(proxy->listener);
    (void)pthread_mutex_destroy(&proxy->mutex);
    (void)pthread_cond_destroy(&proxy->done);
    free(proxy);
}

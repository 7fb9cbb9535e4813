/*
 * The fault proxy: one thread, a few pairs of sockets, blocking writes of little data.
 *
 * Where late bytes are delivered "after n bytes of the next connection", the server must see
 * them in just that order, although it reads its connections as it likes; so the proxy waits
 * until the server has read the one before it sends the other.
 */
#include "fault_proxy.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_PAIRS = 16, CHUNK = 65536, MOST_HELD = 1 << 20 };

struct pair {
    int client; /* -1: cut off; what it sent is held */
    int server; /* -1: the place is free */
};

struct fault_proxy {
    char target[108];
    int listener;
    int wake; /* an eventfd: arm or stop */
    bool stopping;
    pthread_t thread;
    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t armed;
    bool to_arm;
    struct fault_plan plan;
    int64_t count[3];
    bool has_cut;
    int64_t since_cut; /* bytes of requests on later connections */
    size_t held_length;
    struct pair late; /* the pair whose rest is held */
    struct pair pairs[MOST_PAIRS];
    char held[MOST_HELD];
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

/* Wait until the other side has read what was sent to it. */
static void wait_until_read(int descriptor)
{
    int unread = 1;
    for (int tries = 0; tries < 20000 && unread > 0; tries++) {
        if (ioctl(descriptor, SIOCOUTQ, &unread) != 0) return;
        if (unread > 0) (void)usleep(20);
    }
}

static void close_pair(struct pair *pair)
{
    if (pair->client >= 0) (void)close(pair->client);
    if (pair->server >= 0) (void)close(pair->server);
    *pair = (struct pair){-1, -1};
}

/* ---- cutting ---------------------------------------------------------------------------- */

/* How many of length bytes may still pass before the cut. */
static size_t may_pass(const struct fault_proxy *proxy, enum fault_direction direction,
                       size_t length)
{
    const int64_t left = proxy->plan.cut_at - proxy->count[direction];
    if (proxy->has_cut || proxy->plan.direction != direction || left > (int64_t)length)
        return length;
    return (size_t)left;
}

static bool is_due(const struct fault_proxy *proxy, enum fault_direction direction)
{
    return !proxy->has_cut && proxy->plan.direction == direction &&
           proxy->count[direction] >= proxy->plan.cut_at;
}

/* Cut pair; rest is what the client had sent besides. */
static void cut(struct fault_proxy *proxy, struct pair *pair, const char *rest, size_t length)
{
    proxy->has_cut = !proxy->plan.always;
    if (proxy->plan.always) proxy->count[FAULT_REQUESTS] = 0;
    if (!proxy->plan.late) {
        close_pair(pair);
        return;
    }
    memcpy(proxy->held, rest, length);
    proxy->held_length = length;
    ssize_t got = 0;
    while ((got = recv(pair->client, proxy->held + proxy->held_length,
                       MOST_HELD - proxy->held_length, MSG_DONTWAIT)) > 0)
        proxy->held_length += (size_t)got;
    (void)close(pair->client);
    proxy->late = (struct pair){-1, pair->server};
    *pair = (struct pair){-1, -1};
}

static void deliver_late(struct fault_proxy *proxy, int after)
{
    if (proxy->held_length == 0 || proxy->late.server < 0) return;
    wait_until_read(after);
    send_all(proxy->late.server, proxy->held, proxy->held_length);
    wait_until_read(proxy->late.server);
    proxy->held_length = 0;
}

/* ---- passing on ------------------------------------------------------------------------- */

/* Pass requests of a connection after the cut, with the late bytes in between. */
static void pass_after_cut(struct fault_proxy *proxy, struct pair *pair, const char *bytes,
                           size_t length)
{
    const int64_t left = proxy->plan.late_after - proxy->since_cut;
    size_t before = length;
    if (proxy->held_length > 0 && left <= (int64_t)length) before = left < 0 ? 0 : (size_t)left;
    send_all(pair->server, bytes, before);
    if (proxy->held_length > 0 && left <= (int64_t)length) deliver_late(proxy, pair->server);
    send_all(pair->server, bytes + before, length - before);
    proxy->since_cut += (int64_t)length;
}

static void pass_requests(struct fault_proxy *proxy, struct pair *pair, size_t length)
{
    const size_t part = may_pass(proxy, FAULT_REQUESTS, length);
    if (proxy->has_cut)
        pass_after_cut(proxy, pair, proxy->chunk, length);
    else
        send_all(pair->server, proxy->chunk, part);
    proxy->count[FAULT_REQUESTS] += (int64_t)part;
    if (is_due(proxy, FAULT_REQUESTS)) cut(proxy, pair, proxy->chunk + part, length - part);
}

static void pass_replies(struct fault_proxy *proxy, struct pair *pair, size_t length)
{
    const size_t part = may_pass(proxy, FAULT_REPLIES, length);
    send_all(pair->client, proxy->chunk, part);
    proxy->count[FAULT_REPLIES] += (int64_t)part;
    if (is_due(proxy, FAULT_REPLIES)) cut(proxy, pair, NULL, 0);
}

static void pass(struct fault_proxy *proxy, struct pair *pair, enum fault_direction direction)
{
    const int from = direction == FAULT_REQUESTS ? pair->client : pair->server;
    ssize_t got = recv(from, proxy->chunk, CHUNK, 0);
    if (got <= 0)
        close_pair(pair);
    else if (direction == FAULT_REQUESTS)
        pass_requests(proxy, pair, (size_t)got);
    else
        pass_replies(proxy, pair, (size_t)got);
}

static void accept_one(struct fault_proxy *proxy)
{
    struct sockaddr_un address;
    int client = accept(proxy->listener, NULL, NULL);
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
        proxy->pairs[i] = (struct pair){client, server};
        return;
    }
    give_up("fault_proxy: too many connections");
}

/* ---- the thread ------------------------------------------------------------------------- */

static void forget_pairs(struct fault_proxy *proxy)
{
    for (size_t i = 0; i < MOST_PAIRS; i++) close_pair(&proxy->pairs[i]);
    close_pair(&proxy->late);
    proxy->held_length = 0;
}

static void arm_now(struct fault_proxy *proxy)
{
    uint64_t ignored = 0;
    if (read(proxy->wake, &ignored, sizeof ignored) < 0) return;
    if (!proxy->to_arm) return;
    forget_pairs(proxy);
    memset(proxy->count, 0, sizeof proxy->count);
    proxy->has_cut = false;
    proxy->since_cut = 0;
    proxy->to_arm = false;
    (void)pthread_cond_signal(&proxy->armed);
}

static void serve_once(struct fault_proxy *proxy, const struct pollfd *polls)
{
    if (polls[0].revents != 0) arm_now(proxy);
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        struct pair *pair = &proxy->pairs[i];
        const struct pollfd *client = &polls[2 + 2 * i];
        const struct pollfd *server = client + 1;
        /* A place may have been freed, and even filled again, since poll(). */
        if (client->revents != 0 && client->fd == pair->client)
            pass(proxy, pair, FAULT_REQUESTS);
        if (server->revents != 0 && server->fd == pair->server)
            pass(proxy, pair, FAULT_REPLIES);
    }
    if (polls[1].revents != 0) accept_one(proxy);
}

static void *serve(void *context)
{
    struct fault_proxy *proxy = context;
    struct pollfd polls[2 + 2 * MOST_PAIRS];
    for (;;) {
        (void)pthread_mutex_lock(&proxy->mutex);
        if (proxy->stopping) break;
        polls[0] = (struct pollfd){.fd = proxy->wake, .events = POLLIN};
        polls[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
        for (size_t i = 0; i < MOST_PAIRS; i++) {
            polls[2 + 2 * i] = (struct pollfd){proxy->pairs[i].client, POLLIN, 0};
            polls[3 + 2 * i] = (struct pollfd){proxy->pairs[i].server, POLLIN, 0};
        }
        (void)pthread_mutex_unlock(&proxy->mutex);
        if (poll(polls, 2 + 2 * MOST_PAIRS, -1) < 0) continue;
        (void)pthread_mutex_lock(&proxy->mutex);
        serve_once(proxy, polls);
        (void)pthread_mutex_unlock(&proxy->mutex);
    }
    forget_pairs(proxy);
    (void)pthread_mutex_unlock(&proxy->mutex);
    return NULL;
}

static void wake(struct fault_proxy *proxy)
{
    const uint64_t one = 1;
    if (write(proxy->wake, &one, sizeof one) < 0) give_up("fault_proxy: eventfd");
}

/* ---- for the tests ---------------------------------------------------------------------- */

struct fault_proxy *fault_proxy_start(const char *path, const char *target)
{
    struct sockaddr_un address;
    struct fault_proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL) give_up("fault_proxy");
    for (size_t i = 0; i < MOST_PAIRS; i++) proxy->pairs[i] = (struct pair){-1, -1};
    proxy->late = (struct pair){-1, -1};
    (void)snprintf(proxy->target, sizeof proxy->target, "%s", target);
    (void)pthread_mutex_init(&proxy->mutex, NULL);
    (void)pthread_cond_init(&proxy->armed, NULL);
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

void fault_proxy_arm(struct fault_proxy *proxy, const struct fault_plan *plan)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->plan = *plan;
    proxy->to_arm = true;
    wake(proxy);
    while (proxy->to_arm) (void)pthread_cond_wait(&proxy->armed, &proxy->mutex);
    (void)pthread_mutex_unlock(&proxy->mutex);
}

int64_t fault_proxy_count(struct fault_proxy *proxy, enum fault_direction direction)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    const int64_t count = proxy->count[direction];
    (void)pthread_mutex_unlock(&proxy->mutex);
    return count;
}

bool fault_proxy_has_cut(struct fault_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    const bool has_cut = proxy->has_cut;
    (void)pthread_mutex_unlock(&proxy->mutex);
    return has_cut;
}

void fault_proxy_stop(struct fault_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->stopping = true;
    (void)pthread_mutex_unlock(&proxy->mutex);
    wake(proxy);
    (void)pthread_join(proxy->thread, NULL);
    (void)close(proxy->wake);
    (void)close(proxy->listener);
    (void)pthread_mutex_destroy(&proxy->mutex);
    (void)pthread_cond_destroy(&proxy->armed);
    free(proxy);
}

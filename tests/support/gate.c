/*
 * A gate on a Unix socket, for scenarios: between the program and its server it lets through so
 * many of the program's messages, then holds everything of the connections that it has, until
 * it is told by SIGUSR1 to open. Meanwhile the program can be stopped, and another one pass:
 * for connections made later it stands open. So a program is stopped at a moment that is
 * chosen, and not met by luck.
 *
 *   gate redis|postgres LISTEN TARGET N [before|after [NAME]]
 *
 * Holds before the N-th message (of that name), or after it: then the server has it, and its
 * answer is held. Writes a line for each message ("3 HGETALL"), and "held" once it holds. N =
 * 0: never.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_PAIRS = 32, MOST_HELD = 1 << 20 };

struct pair {
    int client; /* -1: free */
    int server;
    bool begun;    /* PostgreSQL: the first message, which has no type, has passed */
    bool is_held;  /* nothing passes in either direction */
    bool is_deaf;  /* requests wait, answers pass */
    size_t length; /* of what came from the client and was not passed on yet */
    char *bytes;
};

struct gate {
    bool is_postgres;
    bool after;
    bool has_held;
    long at;
    long count;
    long named;       /* of that name */
    const char *name; /* NULL: any */
    const char *target;
    int listener;
    int signals;
    struct pair pairs[MOST_PAIRS];
};

static void give_up(const char *what)
{
    perror(what);
    exit(2);
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

static void close_pair(struct pair *pair)
{
    (void)close(pair->client);
    (void)close(pair->server);
    free(pair->bytes);
    *pair = (struct pair){.client = -1, .server = -1};
}

/* ---- messages --------------------------------------------------------------------------- */

/* The number behind a '*' or '$' at *at, which moves behind its line. -1: not all there. */
static long take_number(const char *bytes, size_t length, size_t *at)
{
    const char *line = bytes + *at;
    const char *end = memchr(line, '\n', length - *at);
    if (end == NULL) return -1;
    *at += (size_t)(end - line) + 1;
    return strtol(line + 1, NULL, 10);
}

/* The length of the command at bytes, and its name; 0: not all there. */
static size_t redis_message(const char *bytes, size_t length, char name[static 32])
{
    size_t at = 0;
    long arguments = take_number(bytes, length, &at);
    if (arguments < 0) return 0;
    for (long i = 0; i < arguments; i++) {
        long size = at < length ? take_number(bytes, length, &at) : -1;
        if (size < 0 || length - at < (size_t)size + 2) return 0;
        if (i == 0) (void)snprintf(name, 32, "%.*s", (int)size, bytes + at);
        at += (size_t)size + 2;
    }
    return at;
}

static size_t postgres_message(struct pair *pair, char name[static 32])
{
    const size_t type = pair->begun ? 1 : 0;
    const unsigned char *size = (const unsigned char *)pair->bytes + type;
    if (pair->length < type + 4) return 0;
    size_t whole = type + ((size_t)size[0] << 24 | (size_t)size[1] << 16 |
                           (size_t)size[2] << 8 | (size_t)size[3]);
    if (pair->length < whole) return 0;
    (void)snprintf(name, 32, "%c", type == 1 ? pair->bytes[0] : '-');
    pair->begun = true;
    return whole;
}

/* ---- holding ---------------------------------------------------------------------------- */

static void hold(struct gate *gate)
{
    gate->has_held = true;
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        struct pair *pair = &gate->pairs[i];
        if (pair->client < 0) continue;
        pair->is_deaf = true;
        pair->is_held = gate->after;
    }
    (void)printf("held\n");
}

/* Count a message. Returns whether it is the one. */
static bool count(struct gate *gate, const char *name)
{
    (void)printf("%ld %s\n", ++gate->count, name);
    if (gate->name != NULL && strcmp(gate->name, name) != 0) return false;
    return ++gate->named == gate->at;
}

/* Pass on what the pair's client sent, message by message, up to where it is held. */
static void pass_requests(struct gate *gate, struct pair *pair)
{
    char name[32] = "";
    while (!pair->is_deaf) {
        size_t length = gate->is_postgres ? postgres_message(pair, name)
                                          : redis_message(pair->bytes, pair->length, name);
        if (length == 0) return;
        const bool is_it = !gate->has_held && count(gate, name);
        if (is_it) hold(gate);
        if (is_it && !gate->after) {
            /* Its first message of all: when it is looked at again, it is so again. */
            if (name[0] == '-') pair->begun = false;
            return;
        }
        send_all(pair->server, pair->bytes, length);
        pair->length -= length;
        memmove(pair->bytes, pair->bytes + length, pair->length);
    }
}

static void open_up(struct gate *gate)
{
    struct signalfd_siginfo info;
    if (read(gate->signals, &info, sizeof info) < 0) give_up("gate: signalfd");
    gate->has_held = true;
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        struct pair *pair = &gate->pairs[i];
        pair->is_deaf = pair->is_held = false;
        if (pair->client >= 0) pass_requests(gate, pair);
    }
    (void)printf("open\n");
}

/* ---- descriptors ------------------------------------------------------------------------ */

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        give_up(path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static void accept_one(struct gate *gate)
{
    const struct sockaddr_un address = address_of(gate->target);
    int client = accept(gate->listener, NULL, NULL);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || server < 0) give_up("gate: accept");
    if (connect(server, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(client);
        (void)close(server);
        return;
    }
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        if (gate->pairs[i].client >= 0) continue;
        gate->pairs[i] = (struct pair){.client = client, .server = server};
        gate->pairs[i].bytes = malloc(MOST_HELD);
        if (gate->pairs[i].bytes == NULL) give_up("gate");
        return;
    }
    errno = EMFILE;
    give_up("gate: too many connections");
}

static void take_requests(struct gate *gate, struct pair *pair)
{
    ssize_t got = recv(pair->client, pair->bytes + pair->length, MOST_HELD - pair->length, 0);
    if (got <= 0) {
        close_pair(pair);
        return;
    }
    pair->length += (size_t)got;
    pass_requests(gate, pair);
}

static void take_answers(struct pair *pair)
{
    char chunk[65536];
    ssize_t got = recv(pair->server, chunk, sizeof chunk, 0);
    if (got <= 0)
        close_pair(pair);
    else
        send_all(pair->client, chunk, (size_t)got);
}

static void serve_once(struct gate *gate)
{
    struct pollfd polls[2 + 2 * MOST_PAIRS];
    polls[0] = (struct pollfd){.fd = gate->signals, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = gate->listener, .events = POLLIN};
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        const struct pair *pair = &gate->pairs[i];
        polls[2 + 2 * i] =
            (struct pollfd){.fd = pair->is_deaf ? -1 : pair->client, .events = POLLIN};
        polls[3 + 2 * i] =
            (struct pollfd){.fd = pair->is_held ? -1 : pair->server, .events = POLLIN};
    }
    if (poll(polls, 2 + 2 * MOST_PAIRS, -1) < 0) return;
    for (size_t i = 0; i < MOST_PAIRS; i++) {
        struct pair *pair = &gate->pairs[i];
        if (polls[2 + 2 * i].revents != 0 && !pair->is_deaf) take_requests(gate, pair);
        if (polls[3 + 2 * i].revents != 0 && !pair->is_held && pair->server >= 0)
            take_answers(pair);
    }
    if (polls[0].revents != 0) open_up(gate);
    if (polls[1].revents != 0) accept_one(gate);
}

int main(int argc, char **arguments)
{
    struct gate gate = {0};
    sigset_t opening;
    if (argc < 5) {
        (void)fprintf(stderr,
                      "usage: gate redis|postgres LISTEN TARGET N [before|after [NAME]]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    gate.is_postgres = strcmp(arguments[1], "postgres") == 0;
    gate.target = arguments[3];
    gate.at = strtol(arguments[4], NULL, 10);
    gate.after = argc > 5 && strcmp(arguments[5], "after") == 0;
    gate.name = argc > 6 ? arguments[6] : NULL;
    for (size_t i = 0; i < MOST_PAIRS; i++) gate.pairs[i].client = gate.pairs[i].server = -1;

    (void)sigemptyset(&opening);
    (void)sigaddset(&opening, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &opening, NULL);
    gate.signals = signalfd(-1, &opening, SFD_CLOEXEC);

    const struct sockaddr_un address = address_of(arguments[2]);
    (void)unlink(arguments[2]);
    gate.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (gate.signals < 0 || gate.listener < 0 ||
        bind(gate.listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(gate.listener, 64) != 0)
        give_up(arguments[2]);
    (void)printf("ready\n");
    for (;;) serve_once(&gate);
}

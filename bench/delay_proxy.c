/*
 * A slow line: a proxy between a client and Redis, over Unix sockets, that makes a round trip
 * as long as it is told, without making the line any narrower.
 *
 * Each direction is a ring of bytes with the times at which they may leave: half a round trip
 * after they came. Both directions flow at once. A ring that is full is not read into, so
 * memory is bounded; it is large enough that only the delay is felt. With a round trip of 0
 * everything leaves at once: that is what a delayed line is compared with, since the proxy
 * itself takes a share of the machine.
 *
 * It loses nothing, cuts nothing and looks at nothing; for trouble there is
 * tests/support/fault_proxy. It waits for no core either, as far as it is allowed to: it goes
 * before other programs, and on the last core, so that whoever else has to keep one free of it
 * knows which. It counts how often the client was given an answer to something
 * that it had sent since the last one: round trips, where it waits for each.
 *
 *     delay_proxy LISTEN TARGET MICROSECONDS
 *
 * prints `ready`, and for every connection that ends `N round trips`; goes when its parent
 * goes.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES = 8 << 20, /* of one direction: 8 MiB in 1 ms would be 8 GB/s */
    RING_STAMPS = 4096,
    READ_BYTES = 256 << 10,
    MOST_LINES = 8,
    BACKLOG = 16,
};

/* Bytes up to `end`, counted from the connection's first, may leave at `due`. */
struct stamp {
    uint64_t end;
    int64_t due;
};

struct direction {
    int from;
    int to;
    bool ended;   /* `from` has no more */
    bool passed;  /* and `to` was told */
    bool blocked; /* `to` takes nothing at the moment */
    uint64_t came;
    uint64_t left;
    size_t first_stamp;
    size_t stamps;
    struct stamp stamp[RING_STAMPS];
    char bytes[RING_BYTES];
};

struct line {
    struct direction there;
    struct direction back;
    uint64_t answered; /* what had come from the client when it was last given something */
    size_t round_trips;
};

struct proxy {
    int listener;
    const char *target;
    int64_t delay;                  /* nanoseconds, of one direction */
    struct line *lines[MOST_LINES]; /* NULL: free */
};

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "delay_proxy: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int64_t now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- one direction ----------------------------------------------------------------------- */

static bool has_room(const struct direction *way)
{
    return !way->ended && way->came - way->left <= RING_BYTES - READ_BYTES &&
           way->stamps < RING_STAMPS;
}

static bool is_waiting_for_end(const struct direction *way)
{
    return way->ended && !way->passed && way->came == way->left;
}

/* The free part of the ring, as one or two pieces. */
static int free_pieces(struct direction *way, struct iovec piece[2])
{
    const size_t start = (size_t)(way->came % RING_BYTES);
    const size_t straight = RING_BYTES - start;
    piece[0].iov_base = way->bytes + start;
    piece[0].iov_len = straight < READ_BYTES ? straight : READ_BYTES;
    piece[1].iov_base = way->bytes;
    piece[1].iov_len = READ_BYTES - piece[0].iov_len;
    return piece[1].iov_len > 0 ? 2 : 1;
}

/* False: the connection is broken. */
static bool take(struct direction *way, int64_t delay)
{
    struct iovec piece[2];
    const int pieces = free_pieces(way, piece);
    const ssize_t got = readv(way->from, piece, pieces);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        way->ended = true;
        return true;
    }
    way->came += (uint64_t)got;
    way->stamp[(way->first_stamp + way->stamps++) % RING_STAMPS] =
        (struct stamp){.end = way->came, .due = now() + delay};
    return true;
}

/* Up to where the bytes may leave by now. */
static uint64_t due_end(struct direction *way)
{
    const int64_t time = now();
    uint64_t end = way->left;
    for (size_t i = 0; i < way->stamps; i++) {
        const struct stamp *stamp = &way->stamp[(way->first_stamp + i) % RING_STAMPS];
        if (stamp->due > time) break;
        end = stamp->end;
    }
    return end;
}

static void drop_stamps(struct direction *way)
{
    while (way->stamps > 0 && way->stamp[way->first_stamp].end <= way->left) {
        way->first_stamp = (way->first_stamp + 1) % RING_STAMPS;
        way->stamps--;
    }
}

/* False: the connection is broken. */
static bool give(struct direction *way)
{
    const uint64_t end = due_end(way);
    while (way->left < end && !way->blocked) {
        const size_t start = (size_t)(way->left % RING_BYTES);
        const size_t straight = RING_BYTES - start;
        const size_t length = (size_t)(end - way->left);
        const ssize_t took = send(way->to, way->bytes + start,
                                  length < straight ? length : straight, MSG_NOSIGNAL);
        if (took < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (took > 0) way->left += (uint64_t)took;
        way->blocked = took < 0 && errno == EAGAIN;
    }
    drop_stamps(way);
    if (is_waiting_for_end(way)) {
        (void)shutdown(way->to, SHUT_WR);
        way->passed = true;
    }
    return true;
}

/* ---- lines ------------------------------------------------------------------------------- */

static int open_socket(struct sockaddr_un *address, const char *path)
{
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (descriptor < 0) give_up("socket");
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        give_up(path);
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    return descriptor;
}

static void close_line(struct line **line)
{
    (void)close((*line)->there.from);
    (void)close((*line)->there.to);
    (void)printf("%zu round trips\n", (*line)->round_trips);
    (void)fflush(stdout);
    free(*line);
    *line = NULL;
}

/* MOST_LINES: there is none. */
static size_t free_slot(const struct proxy *proxy)
{
    size_t slot = 0;
    while (slot < MOST_LINES && proxy->lines[slot] != NULL) slot++;
    return slot;
}

static void accept_line(struct proxy *proxy)
{
    struct sockaddr_un address;
    const size_t slot = free_slot(proxy);
    const int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    const int server = open_socket(&address, proxy->target);
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL) give_up("memory");
    line->there.from = line->back.to = client;
    line->there.to = line->back.from = server;
    proxy->lines[slot] = line;
    if (connect(server, (const struct sockaddr *)&address, sizeof address) != 0)
        close_line(&proxy->lines[slot]);
}

/* ---- the loop ---------------------------------------------------------------------------- */

static short events_of(const struct direction *in, const struct direction *out)
{
    return (short)((has_room(in) ? POLLIN : 0) | (out->blocked ? POLLOUT : 0));
}

/* Nanoseconds until the first byte that waits only for its time; -1: none does. */
static int64_t patience(const struct proxy *proxy)
{
    int64_t first = -1;
    for (size_t i = 0; i < MOST_LINES; i++) {
        const struct line *line = proxy->lines[i];
        const struct direction *ways[] = {line != NULL ? &line->there : NULL,
                                          line != NULL ? &line->back : NULL};
        for (size_t k = 0; k < 2; k++) {
            if (ways[k] == NULL || ways[k]->stamps == 0 || ways[k]->blocked) continue;
            const int64_t due = ways[k]->stamp[ways[k]->first_stamp].due;
            if (first < 0 || due < first) first = due;
        }
    }
    if (first < 0) return -1;
    const int64_t left = first - now();
    return left > 0 ? left : 0;
}

static void count_round_trip(struct line *line, uint64_t given_before)
{
    if (line->back.left == given_before || line->there.came == line->answered) return;
    line->answered = line->there.came;
    line->round_trips++;
}

static bool serve(struct line *line, const struct pollfd polled[2], int64_t delay)
{
    const uint64_t given = line->back.left;
    const short taken = POLLIN | POLLHUP | POLLERR;
    if ((polled[0].revents & POLLOUT) != 0) line->back.blocked = false;
    if ((polled[1].revents & POLLOUT) != 0) line->there.blocked = false;
    if (has_room(&line->there) && (polled[0].revents & taken) != 0 &&
        !take(&line->there, delay))
        return false;
    if (has_room(&line->back) && (polled[1].revents & taken) != 0 && !take(&line->back, delay))
        return false;
    if (!give(&line->there) || !give(&line->back)) return false;
    count_round_trip(line, given);
    return !(line->there.passed && line->back.passed);
}

static void turn(struct proxy *proxy)
{
    struct pollfd polled[2 * MOST_LINES + 1];
    for (size_t i = 0; i < MOST_LINES; i++) {
        const struct line *line = proxy->lines[i];
        polled[2 * i] = (struct pollfd){.fd = -1};
        polled[2 * i + 1] = (struct pollfd){.fd = -1};
        if (line == NULL) continue;
        polled[2 * i].events = events_of(&line->there, &line->back);
        polled[2 * i + 1].events = events_of(&line->back, &line->there);
        /* A side that has ended would wake us for ever. */
        if (polled[2 * i].events != 0) polled[2 * i].fd = line->there.from;
        if (polled[2 * i + 1].events != 0) polled[2 * i + 1].fd = line->there.to;
    }
    /* Where there is no room, a connection waits in the backlog. */
    polled[2 * MOST_LINES].fd = free_slot(proxy) < MOST_LINES ? proxy->listener : -1;
    polled[2 * MOST_LINES].events = POLLIN;
    polled[2 * MOST_LINES].revents = 0;
    const int64_t wait = patience(proxy);
    const struct timespec time = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    if (ppoll(polled, 2 * MOST_LINES + 1, wait < 0 ? NULL : &time, NULL) < 0) {
        if (errno == EINTR) return;
        give_up("poll");
    }
    for (size_t i = 0; i < MOST_LINES; i++)
        if (proxy->lines[i] != NULL && !serve(proxy->lines[i], &polled[2 * i], proxy->delay))
            close_line(&proxy->lines[i]);
    if ((polled[2 * MOST_LINES].revents & POLLIN) != 0) accept_line(proxy);
}

/* A line has no need of a core; who must wait for one makes the round trip longer. */
static void go_first(void)
{
    const struct sched_param first = {.sched_priority = 1};
    cpu_set_t cores;
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* or every wait would be 50 µs longer */
    (void)sched_setscheduler(0, SCHED_FIFO, &first);
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return;
    size_t last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET(last, &cores)) last--;
    CPU_ZERO(&cores);
    CPU_SET(last, &cores);
    (void)sched_setaffinity(0, sizeof cores, &cores);
}

int main(int argc, char **argv)
{
    static struct proxy proxy;
    struct sockaddr_un address;
    char *end = NULL;
    const long round_trip = argc == 4 ? strtol(argv[3], &end, 10) : -1;
    if (argc != 4 || *argv[3] == '\0' || *end != '\0' || round_trip < 0 ||
        round_trip > 10000000) {
        (void)fprintf(stderr, "usage: delay_proxy LISTEN TARGET MICROSECONDS\n");
        return EXIT_FAILURE;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    go_first();
    proxy.target = argv[2];
    proxy.delay = round_trip * 1000 / 2;
    proxy.listener = open_socket(&address, argv[1]);
    if (bind(proxy.listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy.listener, BACKLOG) != 0)
        give_up(argv[1]);
    (void)printf("ready\n");
    (void)fflush(stdout);
    for (;;) turn(&proxy);
}

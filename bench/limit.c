/*
 * The ingest limit: how fast one Redis takes these commands from anybody.
 *
 * The commands lie encoded in a file, which is read into memory before the clock starts; then
 * they are streamed full duplex over a Unix socket, and of the replies only the number is
 * looked at. No program that has to find its commands first can be faster, so this is what
 * redferry's rate is held against. With BATCH, every so many commands stand between MULTI and
 * EXEC: what transactions cost Redis itself, whoever sends them.
 *
 * Every command's reply must be a single line (SET, HSET, PUBLISH); an error reply ends it. It
 * has no checkpoint, no fence and no memory of what it did, and never could resume.
 *
 *     limit SOCKET FILE [BATCH]    prints seconds, its own CPU seconds, and commands
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SEND_BYTES = 256 << 10, RECEIVE_BYTES = 64 << 10 };

static const char multi[] = "*1\r\n$5\r\nMULTI\r\n";
static const char exec[] = "*1\r\n$4\r\nEXEC\r\n";

struct stream {
    char *bytes;
    size_t length;
    size_t commands; /* those of the file */
    size_t lines;    /* of all replies that are to come */
};

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "limit: %s: %s\n", what,
                  errno != 0 ? strerror(errno) : "not understood");
    exit(EXIT_FAILURE);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) give_up("memory");
    return memory;
}

/* ---- the commands, before the clock starts ---------------------------------------------- */

static void read_file(struct stream *file, const char *path)
{
    struct stat about = {0};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &about) != 0) give_up(path);
    file->bytes = allocate((size_t)about.st_size + 1);
    while (file->length < (size_t)about.st_size) {
        const ssize_t got =
            read(descriptor, file->bytes + file->length, (size_t)about.st_size - file->length);
        if (got <= 0) give_up(path);
        file->length += (size_t)got;
    }
    file->bytes[file->length] = '\0';
    (void)close(descriptor);
}

/* The number in a header such as `*3` or `$10`; the place behind its line is in *at. */
static size_t read_header(const struct stream *file, size_t *at, char mark)
{
    char *end = NULL;
    if (*at >= file->length || file->bytes[*at] != mark) give_up("the file");
    const size_t number = strtoul(file->bytes + *at + 1, &end, 10);
    if (end[0] != '\r' || end[1] != '\n') give_up("the file");
    *at = (size_t)(end + 2 - file->bytes);
    return number;
}

/* Where the command that begins at `at` ends. */
static size_t skip_command(const struct stream *file, size_t at)
{
    for (size_t left = read_header(file, &at, '*'); left > 0; left--) {
        const size_t length = read_header(file, &at, '$');
        if (length > file->length - at) give_up("the file");
        at += length + 2;
    }
    if (at > file->length) give_up("the file");
    return at;
}

static size_t count_commands(const struct stream *file)
{
    size_t count = 0;
    for (size_t at = 0; at < file->length; count++) at = skip_command(file, at);
    return count;
}

static void append(struct stream *stream, const char *bytes, size_t length)
{
    memcpy(stream->bytes + stream->length, bytes, length);
    stream->length += length;
}

/* The same commands in transactions: each is answered by QUEUED first, and EXEC by one line
 * more than it has elements. */
static void wrap_in_transactions(struct stream *stream, size_t batch)
{
    const struct stream file = *stream;
    const size_t transactions = (file.commands + batch - 1) / batch;
    *stream = (struct stream){.commands = file.commands};
    stream->bytes = allocate(file.length + transactions * (sizeof multi + sizeof exec));
    for (size_t at = 0; at < file.length;) {
        const size_t begun = at;
        size_t count = 0;
        for (; count < batch && at < file.length; count++) at = skip_command(&file, at);
        append(stream, multi, sizeof multi - 1);
        append(stream, file.bytes + begun, at - begun);
        append(stream, exec, sizeof exec - 1);
        stream->lines += 1 + count + 1 + count;
    }
    free(file.bytes);
}

/* ---- streaming --------------------------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0 || strlen(path) >= sizeof address.sun_path) give_up(path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof address) != 0)
        give_up(path);
    return descriptor;
}

/* How many lines ended; none may begin as an error does. */
static size_t receive(int descriptor, bool *at_start)
{
    static char bytes[RECEIVE_BYTES];
    size_t lines = 0;
    const ssize_t got = recv(descriptor, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) give_up("Redis");
    for (ssize_t i = 0; i < got; i++) {
        if (*at_start && bytes[i] == '-') {
            errno = 0;
            (void)fprintf(stderr, "limit: %.*s\n", (int)(got - i > 80 ? 80 : got - i),
                          bytes + i);
            give_up("a reply");
        }
        *at_start = bytes[i] == '\n';
        lines += *at_start;
    }
    return lines;
}

static void run(const struct stream *stream, int descriptor)
{
    size_t sent = 0, lines = 0;
    bool at_start = true;
    while (lines < stream->lines) {
        const bool more = sent < stream->length;
        struct pollfd wait = {descriptor, (short)(more ? POLLIN | POLLOUT : POLLIN), 0};
        if (poll(&wait, 1, -1) < 0 && errno != EINTR) give_up("poll");
        if ((wait.revents & POLLOUT) != 0) {
            const size_t left = stream->length - sent;
            const ssize_t took = send(descriptor, stream->bytes + sent,
                                      left < SEND_BYTES ? left : SEND_BYTES, MSG_NOSIGNAL);
            if (took < 0 && errno != EAGAIN && errno != EINTR) give_up("send");
            sent += took > 0 ? (size_t)took : 0;
        }
        if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            lines += receive(descriptor, &at_start);
    }
}

int main(int argc, char **argv)
{
    struct stream stream = {0};
    const size_t batch = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (argc < 3 || argc > 4 || (argc == 4 && batch == 0)) {
        (void)fprintf(stderr, "usage: limit SOCKET FILE [BATCH]\n");
        return EXIT_FAILURE;
    }
    read_file(&stream, argv[2]);
    stream.commands = stream.lines = count_commands(&stream);
    if (batch > 0) wrap_in_transactions(&stream, batch);
    const int descriptor = connect_to(argv[1]);
    const double begun = seconds_of(CLOCK_MONOTONIC);
    const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    run(&stream, descriptor);
    (void)printf("%.6f %.6f %zu\n", seconds_of(CLOCK_MONOTONIC) - begun,
                 seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, stream.commands);
    (void)close(descriptor);
    free(stream.bytes);
    return EXIT_SUCCESS;
}

#ifndef REDFERRY_REDIS_SERVER_H
#define REDFERRY_REDIS_SERVER_H

/*
 * Further private redis-servers for a test in C, beside the one that with_servers.sh starts:
 * with a password, with TLS, a replica, one to kill. Each lives in a directory of its own below
 * $REDFERRY_TEST_DIR and goes when the test goes, however that ends.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REDIS_SERVER_MOST_OPTIONS = 24 };

struct redis_server {
    pid_t pid;
    int port; /* on 127.0.0.1, plain or TLS as the options say */
    char directory[128];
    char socket[192];
    char url[256]; /* unix://… */
};

static inline void redis_server_fail(const char *what)
{
    perror(what);
    abort();
}

/* A port of 127.0.0.1 that is free now; a cluster's second one, 10000 above, exists too. */
static inline int redis_server_free_port(void)
{
    static int tries;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (;;) {
        int port = 12000 + (getpid() * 7 + tries++) % 18000;
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address.sin_port = htons((uint16_t)port);
        bool is_free = bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
        (void)close(descriptor);
        if (is_free) return port;
        if (tries > 18000) redis_server_fail("a free port");
    }
}

/* Whether the server answers anything at all to a PING on its socket. */
static inline bool redis_server_answers(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[16];
    bool answers = false;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.*s",
                   (int)sizeof address.sun_path - 1, server->socket);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(descriptor, "PING\r\n", 6, MSG_NOSIGNAL) == 6)
        answers = recv(descriptor, answer, sizeof answer, 0) > 0;
    (void)close(descriptor);
    return answers;
}

/* Start it (again) in server->directory. options end with NULL; "PORT" among them becomes the
 * port. */
static inline void redis_server_start_again(struct redis_server *server,
                                            const char *const *options)
{
    char port[16];
    char *arguments[REDIS_SERVER_MOST_OPTIONS + 16] = {
        (char *)"redis-server", (char *)"--unixsocket", server->socket,     (char *)"--dir",
        server->directory,      (char *)"--bind",       (char *)"127.0.0.1"};
    size_t count = 7;
    (void)snprintf(port, sizeof port, "%d", server->port);
    for (size_t i = 0; options[i] != NULL && i < REDIS_SERVER_MOST_OPTIONS; i++)
        arguments[count++] = strcmp(options[i], "PORT") == 0 ? port : (char *)options[i];

    pid_t parent = getpid();
    server->pid = fork();
    if (server->pid < 0) redis_server_fail("fork");
    if (server->pid == 0) {
        char log[192];
        (void)snprintf(log, sizeof log, "%s/log", server->directory);
        int descriptor = open(log, O_CREAT | O_WRONLY | O_APPEND, 0600);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        (void)dup2(descriptor, STDOUT_FILENO);
        (void)dup2(descriptor, STDERR_FILENO);
        (void)execvp(arguments[0], arguments);
        _exit(127);
    }
    for (int tries = 0; tries < 3000 && !redis_server_answers(server); tries++) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            redis_server_fail("redis-server ended");
        (void)poll(NULL, 0, 5);
    }
}

/* Start one called name. Without persistence, and without a port unless options say so. */
static inline void redis_server_start(struct redis_server *server, const char *name,
                                      const char *const *options)
{
    const char *scratch = getenv("REDFERRY_TEST_DIR");
    *server = (struct redis_server){.port = redis_server_free_port()};
    (void)snprintf(server->directory, sizeof server->directory, "%s/%s",
                   scratch == NULL ? "." : scratch, name);
    (void)snprintf(server->socket, sizeof server->socket, "%s/s", server->directory);
    (void)snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    if (mkdir(server->directory, 0700) != 0) redis_server_fail(server->directory);
    redis_server_start_again(server, options);
}

/* Kill it and wait until it is gone; harmless twice. */
static inline void redis_server_stop(struct redis_server *server)
{
    if (server->pid <= 0) return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

#endif

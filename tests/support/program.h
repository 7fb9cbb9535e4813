#ifndef REDFERRY_PROGRAM_H
#define REDFERRY_PROGRAM_H

/*
 * The program, run by a test in C as a user runs it: CMake gives the program's path to such a
 * test as its first argument.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAM_PATIENCE_MS = 60000, PROGRAM_HANGS = -1 };

struct program {
    const char *path;
    char output[160]; /* of stdout and stderr: a file of that name */
    pid_t pid;
};

static inline void program_give_up(const char *what)
{
    perror(what);
    abort();
}

/* path is borrowed. The output goes into the test's scratch directory. */
static inline void program_init(struct program *program, const char *path)
{
    const char *scratch = getenv("REDFERRY_TEST_DIR");
    if (path == NULL || scratch == NULL) program_give_up("run this test through ctest");
    *program = (struct program){.path = path};
    (void)snprintf(program->output, sizeof program->output, "%.120s/output", scratch);
}

/* Start it with arguments, which begin with its name and end with NULL, and with variables of
 * the environment ("NAME=value", ended by NULL; may be NULL) besides the test's own. */
static inline void program_start(struct program *program, const char *const *arguments,
                                 const char *const *variables)
{
    const pid_t parent = getpid();
    program->pid = fork();
    if (program->pid < 0) program_give_up("fork");
    if (program->pid > 0) return;
    const int output = open(program->output, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (output < 0 || getppid() != parent) _exit(127);
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    for (; variables != NULL && *variables != NULL; variables++)
        (void)putenv((char *)(uintptr_t)*variables);
    (void)execv(program->path, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

/* Wait until it ends. Returns its exit code, 128+n where signal n ended it, or PROGRAM_HANGS:
 * then it is killed. */
static inline int program_wait(struct program *program)
{
    int status = 0;
    struct pollfd ended = {.events = POLLIN};
    ended.fd = (int)syscall(SYS_pidfd_open, program->pid, 0);
    if (ended.fd < 0) program_give_up("pidfd_open");
    const int ready = poll(&ended, 1, PROGRAM_PATIENCE_MS);
    (void)close(ended.fd);
    if (ready == 0) (void)kill(program->pid, SIGKILL);
    if (waitpid(program->pid, &status, 0) != program->pid) program_give_up("waitpid");
    program->pid = 0;
    if (ready == 0) return PROGRAM_HANGS;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether it said text, in one line. */
static inline bool program_said(const struct program *program, const char *text)
{
    char line[2048];
    bool said = false;
    FILE *output = fopen(program->output, "r");
    while (output != NULL && !said && fgets(line, sizeof line, output) != NULL)
        said = strstr(line, text) != NULL;
    if (output != NULL) (void)fclose(output);
    return said;
}

/* Print what it said last. */
static inline void program_show(const struct program *program)
{
    char line[512];
    FILE *output = fopen(program->output, "r");
    while (output != NULL && fgets(line, sizeof line, output) != NULL)
        (void)fprintf(stderr, "    | %s", line);
    if (output != NULL) (void)fclose(output);
}

#endif

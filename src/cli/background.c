/*
 * --background.
 *
 * Whether there is anything to do, and whether it can begin, is known only once the lock is
 * taken; so the command does not detach first and fail unseen. It runs in a child that stays
 * where it can be seen, on the terminal or in the deploy's output, until a run has begun; then
 * it changes over to its log, tells its parent by a pipe which run it is, and the parent's work
 * is done. A lock and its connections cannot be handed from one process to another: that is
 * why the child is made before there are any.
 *
 * The child is a session of its own from the start: what is typed at the terminal reaches the
 * parent alone, which passes it on. The working directory stays, for paths are relative to it.
 */
#include "background.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "document.h"
#include "report.h"
#include "signals.h"
#include "text.h"

/* What the child tells of its run. */
struct beginning {
    int64_t run_id;
    int64_t version;
    char name[256];
};

_Static_assert(sizeof(struct beginning) <= 512, "a pipe takes it whole");

/* ---- the child -------------------------------------------------------------------------- */

struct child {
    struct cmd_call *call;
    int parent; /* the pipe to it, which it sees closed when we end */
    bool has_left;
};

/* Change over to the log. Where the parent is gone by now, the run goes on all the same. */
static void leave(struct child *child, const redferry_event *event)
{
    struct beginning beginning = {.run_id = event->run_id, .version = event->version};
    struct cmd_call *call = child->call;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const int log = fileno(call->log), nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    child->has_left = true;
    (void)snprintf(beginning.name, sizeof beginning.name, "%s",
                   event->name != NULL ? event->name : "");

    report_to_background(call->report, call->log);
    call->json = false; /* the one document is the parent's */
    (void)fflush(call->out);
    if (nothing >= 0) (void)dup2(nothing, STDIN_FILENO);
    if (nothing >= 0) (void)close(nothing);
    (void)dup2(log, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);

    signals_hush();
    (void)sigaction(SIGHUP, &ignore, NULL);
    (void)prctl(PR_SET_PDEATHSIG, 0);
    ssize_t told = write(child->parent, &beginning, sizeof beginning);
    (void)told;
}

static void on_event(const redferry_event *event, void *payload)
{
    struct child *child = payload;
    if (event->kind == REDFERRY_EVENT_MIGRATION_BEGUN && !child->has_left) leave(child, event);
    report_event(event, child->call->report);
}

/* Let go of what our caller left open: somebody may wait for its end. Our own descriptors would
 * not survive an exec, and so are told apart from those that did. */
static void close_inherited(void)
{
    DIR *list = opendir("/proc/self/fd");
    if (list == NULL) return;
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        int64_t fd = 0;
        if (text_number(entry->d_name, STDERR_FILENO + 1, INT32_MAX, &fd) != 0) continue;
        const int flags = fcntl((int)fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) (void)close((int)fd);
    }
    (void)closedir(list);
}

/* Whoever kills the parent outright means the command. */
static int run_child(struct child *child, pid_t parent, int (*run)(struct cmd_call *call))
{
    close_inherited();
    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) redferry_stop(child->call->ferry, SIGTERM);
    redferry_on_event(child->call->ferry, on_event, child);
    const int code = run(child->call);
    redferry_on_event(child->call->ferry, report_event, child->call->report);
    return code;
}

/* ---- the parent ------------------------------------------------------------------------- */

struct parent {
    pid_t child;
    int pipe;    /* from it; ends when it ends */
    int signals; /* a descriptor: what reached us instead of it */
    bool has_begun, was_stopped;
    struct beginning beginning;
};

/* Pass on the signals that have come. */
static void pass_on(struct parent *parent)
{
    struct signalfd_siginfo info;
    while (read(parent->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        (void)kill(parent->child, (int)info.ssi_signo);
        parent->was_stopped = true;
    }
}

/* Wait until a run has begun, or the child has ended; where a stop was passed on, until it has
 * ended in any case. */
static void await_beginning(struct parent *parent)
{
    for (;;) {
        struct pollfd polls[] = {{.fd = parent->pipe, .events = POLLIN},
                                 {.fd = parent->signals, .events = POLLIN}};
        if (poll(polls, 2, -1) < 0 && errno != EINTR) return;
        if (polls[1].revents != 0) pass_on(parent);
        if (polls[0].revents == 0) continue;
        struct beginning beginning;
        const ssize_t got = read(parent->pipe, &beginning, sizeof beginning);
        if (got != (ssize_t)sizeof beginning) return;
        parent->beginning = beginning;
        parent->has_begun = true;
        if (!parent->was_stopped) return;
    }
}

static void tell_beginning(struct cmd_call *call, const struct parent *parent)
{
    const struct beginning *beginning = &parent->beginning;
    if (call->json) {
        const struct document_background background = {
            .run_id = beginning->run_id,
            .version = beginning->version,
            .name = beginning->name,
            .pid = parent->child,
            .log_path = call->log_path,
        };
        call->document = document_background(&background);
    } else if (!call->quiet) {
        cmd_say(call,
                "run %" PRId64 " of %" PRId64 " %s goes on in the background: pid %ld, log %s",
                beginning->run_id, beginning->version, beginning->name, (long)parent->child,
                call->log_path);
        cmd_say(call, "`redferry watch %" PRId64 "` follows it", beginning->run_id);
    }
}

/* The child's exit code, once it has ended. */
static int await_end(struct cmd_call *call, const struct parent *parent)
{
    int status = 0;
    while (waitpid(parent->child, &status, 0) < 0) {
        if (errno != EINTR) return REDFERRY_FAILED;
    }
    const int code =
        WIFEXITED(status) ? WEXITSTATUS(status) : REDFERRY_STOPPED + WTERMSIG(status);
    call->is_told = WIFEXITED(status) && !parent->has_begun;
    if (parent->has_begun && code == REDFERRY_OK)
        tell_beginning(call, parent);
    else if (parent->has_begun)
        (void)cmd_refuse(call, "run %" PRId64 " was stopped; its log is '%s'",
                         parent->beginning.run_id, call->log_path);
    else if (!call->is_told)
        (void)cmd_refuse(call, "the process for the background was killed by signal %d",
                         WTERMSIG(status));
    return code;
}

static int run_parent(struct cmd_call *call, struct parent *parent)
{
    await_beginning(parent);
    if (!parent->has_begun || parent->was_stopped) return await_end(call, parent);
    tell_beginning(call, parent);
    return REDFERRY_OK;
}

/* ---- both ------------------------------------------------------------------------------- */

static void close_all(const int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (descriptors[i] >= 0) (void)close(descriptors[i]);
    }
}

int background_run(struct cmd_call *call, int (*run)(struct cmd_call *call))
{
    const pid_t own = getpid();
    sigset_t passed_on, before;
    int ends[3] = {-1, -1, -1}; /* read, write, signals */
    signals_fill(&passed_on);
    (void)sigprocmask(SIG_BLOCK, &passed_on, &before);
    (void)fflush(NULL); /* or both would write what is in a buffer */
    pid_t pid = -1;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        ends[2] = signalfd(-1, &passed_on, SFD_CLOEXEC | SFD_NONBLOCK);
        if (ends[2] >= 0) pid = fork();
    }

    int code = REDFERRY_FAILED;
    if (pid == 0) {
        struct child child = {.call = call, .parent = ends[1]};
        close_all((const int[]){ends[0], ends[2]}, 2);
        ends[0] = ends[2] = -1;
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        code = run_child(&child, own, run);
    } else if (pid > 0) {
        struct parent parent = {.child = pid, .pipe = ends[0], .signals = ends[2]};
        close_all(&ends[1], 1);
        ends[1] = -1;
        code = run_parent(call, &parent);
    } else {
        (void)cmd_refuse(call, "cannot go into the background: %s", strerror(errno));
    }
    if (pid == 0) ends[1] = -1; /* it says that we have ended, so it stays open until then */
    close_all(ends, 3);
    /* In the parent they stay blocked: all that is left to it is to say what it knows, and the
     * run, which sees a stop by a descriptor that both have, must not wake up by it. */
    if (pid < 0) (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

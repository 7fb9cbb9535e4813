/*
 * The keeper: a process between the one that asked and those that do the work.
 *
 * Whoever asked may be killed, stopped by Ctrl-C, or crash, and can then take nothing away any
 * more. So it holds one end of a socket and the keeper the other: its end is the sign to end
 * all that runs and to remove what there is. The keeper is a session of its own, so that what
 * is typed at the terminal does not reach it, and it is deaf to polite signals. Processes that
 * lose their parent become its children (PR_SET_CHILD_SUBREAPER): when it has none left, none
 * is left. Each process dies with its parent, too; so if it is the keeper that is killed, the
 * others go as well, and who asked removes the rest.
 *
 * Only when both are killed at once does something stay: the directory, and scratch databases.
 */
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "number.h"
#include "stop.h"

/* What the keeper tells. */
struct note {
    enum { NOTE_DONE, NOTE_REFUSED, NOTE_LEFT } kind;
    size_t index;
    int status;
    struct error error;
};

/* ---- taking away ------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

static int remove_directory(const char *path, struct error *err)
{
    enum { DESCRIPTORS = 16 };
    (void)nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (access(path, F_OK) != 0) return 0;
    return error_set(err, ERROR_FAILED, "'%s' cannot be removed: %s", path, strerror(errno));
}

/* Whether a process is a child of ours: its stat says "PID (NAME) STATE PARENT …". */
static bool is_child(pid_t pid, pid_t own)
{
    char path[64], text[512];
    int64_t parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const ssize_t length = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (length <= 0) return false;
    text[length] = '\0';
    const char *behind = strrchr(text, ')');
    if (behind == NULL || strlen(behind) < 5) return false;
    const char *number = behind + 4;
    return number_parse(number, strcspn(number, " "), 1, INT32_MAX, &parent) == 0 &&
           parent == own;
}

static void kill_children(void)
{
    const pid_t own = getpid();
    DIR *list = opendir("/proc");
    if (list == NULL) return;
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        int64_t pid = 0;
        const size_t length = strlen(entry->d_name);
        if (number_parse(entry->d_name, length, 1, INT32_MAX, &pid) != 0) continue;
        if (is_child((pid_t)pid, own)) (void)kill((pid_t)pid, SIGKILL);
    }
    (void)closedir(list);
}

/* Until there is none: a child that ends may leave us its own. */
static void end_children(void)
{
    for (;;) {
        const pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0) continue;
        if (pid < 0 && errno != EINTR) return;
        kill_children();
        (void)poll(NULL, 0, 1);
    }
}

static int take_away(const struct keeper_work *work, struct error *err)
{
    struct error later = {0};
    int result = work->sweep != NULL ? work->sweep(work->context, err) : 0;
    if (remove_directory(work->directory, result == 0 ? err : &later) != 0) result = -1;
    return result;
}

/* ---- the keeper's process --------------------------------------------------------------- */

/* A piece that is under way. */
struct piece {
    pid_t pid; /* 0: none */
    size_t index;
};

struct process {
    const struct keeper_work *work;
    int socket;
    int deaths; /* a signalfd: a child has ended */
    struct piece *pieces;
    size_t running, begun;
};

static void set_signals(void (*handler)(int))
{
    static const int deaf[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    const struct sigaction action = {.sa_handler = handler};
    for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++)
        (void)sigaction(deaf[i], &action, NULL);
}

static void use_stderr(const char *path)
{
    const int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log >= 0) (void)dup2(log, STDERR_FILENO);
    if (log >= 0) (void)close(log);
}

/* In the child that does a piece. */
static void perform(const struct process *process, size_t index, pid_t keeper)
{
    char path[512];
    sigset_t none;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(1);
    (void)close(process->socket);
    (void)close(process->deaths);
    set_signals(SIG_DFL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)snprintf(path, sizeof path, "%s/%zu.log", process->work->directory, index);
    use_stderr(path);
    process->work->perform(process->work->context, index);
    _exit(0);
}

static void tell(const struct process *process, const struct note *note)
{
    (void)send(process->socket, note, sizeof *note, MSG_NOSIGNAL);
}

static void begin_pieces(struct process *process)
{
    const struct keeper_work *work = process->work;
    const pid_t own = getpid();
    while (process->running < work->at_once && process->begun < work->count) {
        const size_t index = process->begun++;
        const pid_t pid = fork();
        if (pid == 0) perform(process, index, own);
        if (pid < 0) {
            struct note note = {.kind = NOTE_REFUSED};
            (void)error_set(&note.error, ERROR_FAILED, "cannot start a process: %s",
                            strerror(errno));
            tell(process, &note);
            return;
        }
        for (size_t i = 0; i < work->at_once; i++) {
            if (process->pieces[i].pid != 0) continue;
            process->pieces[i] = (struct piece){pid, index};
            break;
        }
        process->running++;
    }
}

/* Tell of the pieces that are done. Others' orphans are only buried. */
static void bury(struct process *process)
{
    struct signalfd_siginfo ignored;
    int status = 0;
    ssize_t got = read(process->deaths, &ignored, sizeof ignored);
    (void)got;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0;
         pid = waitpid(-1, &status, WNOHANG)) {
        for (size_t i = 0; i < process->work->at_once; i++) {
            struct piece *piece = &process->pieces[i];
            if (piece->pid != pid) continue;
            const struct note note = {
                .kind = NOTE_DONE, .index = piece->index, .status = status};
            *piece = (struct piece){0};
            process->running--;
            tell(process, &note);
        }
    }
}

/* Until who asked has heard enough, or is gone. */
static void keep(struct process *process)
{
    for (;;) {
        struct pollfd polls[] = {{.fd = process->socket, .events = POLLIN},
                                 {.fd = process->deaths, .events = POLLIN}};
        begin_pieces(process);
        if (poll(polls, 2, -1) < 0 && errno != EINTR) return;
        if (polls[1].revents != 0) bury(process);
        if (polls[0].revents != 0) return;
    }
}

/* Let go of all that is not ours: somebody may wait for its end. */
static void close_all_but(int socket)
{
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (nothing >= 0) (void)dup2(nothing, fd);
    (void)close_range(STDERR_FILENO + 1, (unsigned int)socket - 1, 0);
    (void)close_range((unsigned int)socket + 1, ~0U, 0);
}

static void be_keeper(const struct keeper_work *work, int socket)
{
    struct process process = {.work = work, .socket = socket};
    struct note note = {.kind = NOTE_REFUSED};
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t deaths;
    close_all_but(socket);
    (void)setsid();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    set_signals(SIG_IGN);
    (void)sigaction(SIGCHLD, &usual, NULL);
    (void)sigemptyset(&deaths);
    (void)sigaddset(&deaths, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &deaths, NULL);
    process.deaths = signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK);
    process.pieces = calloc(work->at_once, sizeof *process.pieces);

    if (process.deaths < 0 || process.pieces == NULL)
        (void)error_set(&note.error, ERROR_FAILED, "cannot start a process: %s",
                        strerror(errno));
    else
        keep(&process);
    if (note.error.code != ERROR_NONE) tell(&process, &note);
    end_children();
    note = (struct note){.kind = NOTE_LEFT};
    if (take_away(work, &note.error) != 0) tell(&process, &note);
    _exit(0);
}

/* ---- who asked -------------------------------------------------------------------------- */

/* Have none of both be one of the standard streams, whose place may be free. Returns 0; or -1
 * with errno, both being closed. */
static int lift(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] > STDERR_FILENO) continue;
        const int higher = fcntl(ends[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        const int why = errno;
        (void)close(ends[i]);
        ends[i] = higher;
        if (higher >= 0) continue;
        (void)close(ends[1 - i]);
        errno = why;
        return -1;
    }
    return 0;
}

int keeper_open(struct keeper *keeper, const struct keeper_work *work, struct error *err)
{
    int ends[2];
    sigset_t all, before;
    *keeper = (struct keeper){.work = work, .socket = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || lift(ends) != 0)
        return error_set(err, ERROR_FAILED, "cannot make a socket: %s", strerror(errno));
    /* A signal that comes in between would be handled by the child as if it were us. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    keeper->pid = fork();
    if (keeper->pid == 0) be_keeper(work, ends[1]);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[1]);
    keeper->socket = ends[0];
    if (keeper->pid > 0) return 0;
    (void)close(keeper->socket);
    keeper->socket = -1;
    return error_set(err, ERROR_FAILED, "cannot start a process: %s", strerror(errno));
}

/* The next note. Returns 1, 0 where the keeper is gone, or -1 with err. */
static int hear(struct keeper *keeper, const struct stop *stop, struct note *note,
                struct error *err)
{
    struct stop_poll wait = {.descriptor = keeper->socket, .events = POLLIN};
    for (;;) {
        if (stop_wait(stop, &wait, 1, -1, true, err) < 0) return -1;
        const ssize_t got = recv(keeper->socket, note, sizeof *note, MSG_DONTWAIT);
        if (got == (ssize_t)sizeof *note) return 1;
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        return 0;
    }
}

int keeper_next(struct keeper *keeper, const struct stop *stop, size_t *index, int *status,
                struct error *err)
{
    struct note note;
    const int heard = hear(keeper, stop, &note, err);
    if (heard < 0) return -1;
    if (heard == 0)
        return error_set(err, ERROR_FAILED,
                         "the process that looks after the tests was killed");
    if (note.kind != NOTE_DONE) {
        *err = note.error;
        return -1;
    }
    *index = note.index;
    *status = note.status;
    return 0;
}

const char *keeper_status_text(int status, char text[KEEPER_STATUS_SIZE])
{
    if (WIFSIGNALED(status))
        (void)snprintf(text, KEEPER_STATUS_SIZE, "was killed by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)snprintf(text, KEEPER_STATUS_SIZE, "ended with exit code %d",
                       WEXITSTATUS(status));
    return text;
}

int keeper_close(struct keeper *keeper, struct error *err)
{
    struct note note;
    struct error ignored = {0};
    int status = 0, result = 0;
    if (keeper->socket < 0) return 0;
    (void)shutdown(keeper->socket, SHUT_WR);
    while (hear(keeper, NULL, &note, &ignored) == 1) {
        if (note.kind != NOTE_LEFT) continue;
        *err = note.error;
        result = -1;
    }
    pid_t waited = -1;
    do waited = waitpid(keeper->pid, &status, 0);
    while (waited < 0 && errno == EINTR);
    (void)close(keeper->socket);
    keeper->socket = -1;
    /* Where nobody was left to be waited for (the caller ignores SIGCHLD), the directory tells.
     */
    const bool was_killed =
        waited == keeper->pid ? !WIFEXITED(status) : access(keeper->work->directory, F_OK) == 0;
    return was_killed ? take_away(keeper->work, err) : result;
}

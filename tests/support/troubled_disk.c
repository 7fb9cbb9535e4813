/*
 * A disk in trouble, for the program under test: loaded before libc (LD_PRELOAD), it stands in
 * for the calls by which SQLite changes and locks its files, and lets one of them fail, or all
 * from that one on. It can also ring a bell instead and wait, so that the test itself takes the
 * lock that the program is about to ask for.
 *
 * The variables of the environment say what happens:
 *
 *   TROUBLED_FILES   only to files whose path begins so
 *   TROUBLED_CALLS   "change": write, truncate, sync, unlink, create; "lock": locks to write;
 *                    "mount": opening to write, as on a file system that is mounted read-only
 *   TROUBLED_AT      from the n-th of these calls on
 *   TROUBLED_ERRNO   what they fail with; 0: they ring and wait, and do not fail
 *   TROUBLED_TIMES   how many of them
 *   TROUBLED_BELL    a descriptor on which a byte is written when it begins
 *
 * Waiting half a minute for a lock would make a long test: each time that a lock is refused,
 * the monotonic clock jumps ahead by two seconds. It calls the kernel itself, since libc's own
 * functions are those that it replaces; on machines of 64 bits only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { JUMP_S = 2 };

static int64_t calls;
static int64_t seconds_ahead;

static long variable(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

static bool is_ours(const char *path)
{
    const char *prefix = getenv("TROUBLED_FILES");
    return prefix != NULL && strncmp(path, prefix, strlen(prefix)) == 0;
}

static bool is_open_on_ours(int descriptor)
{
    char name[40], path[512];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    const long length = syscall(SYS_readlinkat, AT_FDCWD, name, path, sizeof path - 1);
    if (length <= 0) return false;
    path[length] = '\0';
    return is_ours(path);
}

static void ring(bool wait)
{
    const int bell = (int)variable("TROUBLED_BELL");
    char byte = '!';
    if (syscall(SYS_write, bell, &byte, 1) != 1) abort();
    if (wait && syscall(SYS_read, bell, &byte, 1) != 1) abort();
}

/* Whether this call, one of those that count, is to fail; errno is set. */
static bool fails(const char *kind)
{
    const char *wanted = getenv("TROUBLED_CALLS");
    const long at = variable("TROUBLED_AT");
    const int reason = (int)variable("TROUBLED_ERRNO");
    if (wanted == NULL || strcmp(wanted, kind) != 0) return false;
    calls++;
    if (calls == at) ring(reason == 0);
    if (reason == 0 || calls < at || calls - at >= variable("TROUBLED_TIMES")) return false;
    errno = reason;
    return true;
}

/* ---- changing a file -------------------------------------------------------------------- */

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset)
{
    if (is_open_on_ours(descriptor) && fails("change")) {
        /* A full disk takes what it has room for. */
        if (errno == ENOSPC && length > 1 &&
            syscall(SYS_pwrite64, descriptor, bytes, length / 2, offset) < 0)
            return -1;
        errno = (int)variable("TROUBLED_ERRNO");
        return -1;
    }
    return syscall(SYS_pwrite64, descriptor, bytes, length, offset);
}

int ftruncate64(int descriptor, off64_t length)
{
    if (is_open_on_ours(descriptor) && fails("change")) return -1;
    return (int)syscall(SYS_ftruncate, descriptor, length);
}

int fsync(int descriptor)
{
    if (is_open_on_ours(descriptor) && fails("change")) return -1;
    return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    if (is_open_on_ours(descriptor) && fails("change")) return -1;
    return (int)syscall(SYS_fdatasync, descriptor);
}

int unlink(const char *path)
{
    if (is_ours(path) && fails("change")) return -1;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    if ((flags & O_CREAT) != 0 && is_ours(path) && fails("change")) return -1;
    if ((flags & (O_CREAT | O_ACCMODE)) != O_RDONLY && is_ours(path) && fails("mount"))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* ---- how it is mounted ------------------------------------------------------------------ */

/* The program's own calls; SQLite's are open64(). */
int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    if ((flags & (O_CREAT | O_ACCMODE)) != O_RDONLY && is_ours(path) && fails("mount"))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int access(const char *path, int mode)
{
    if ((mode & W_OK) != 0 && is_ours(path) && fails("mount")) return -1;
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int statvfs(const char *path, struct statvfs *disk)
{
    struct statfs facts;
    if (syscall(SYS_statfs, path, &facts) != 0) return -1;
    *disk = (struct statvfs){
        .f_bsize = (unsigned long)facts.f_bsize,
        .f_frsize = (unsigned long)facts.f_frsize,
        .f_bavail = facts.f_bavail,
        .f_flag = (unsigned long)facts.f_flags,
    };
    if (is_ours(path) && fails("mount")) disk->f_flag |= ST_RDONLY;
    return 0;
}

/* ---- locking it ------------------------------------------------------------------------- */

/* A lock to write, asked of SQLite's kind (not the program's own lock file). */
static bool is_write_lock(int descriptor, int command, const struct flock *lock)
{
    return command == F_SETLK && lock->l_type == F_WRLCK && is_open_on_ours(descriptor);
}

int fcntl64(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (is_write_lock(descriptor, command, argument) && fails("lock")) return -1;
    const int result = (int)syscall(SYS_fcntl, descriptor, command, argument);
    if (result != 0 && command == F_SETLK) seconds_ahead += JUMP_S;
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_MONOTONIC) now->tv_sec += seconds_ahead;
    return result;
}

/*
 * A SQLite file as it lies on the disk, before and beside SQLite: what it is, why it may not be
 * written and what helps, and the lock.
 *
 * Who may run is an open-file-description lock on a file beside the database, which the kernel
 * takes back when the process dies, however it dies. SQLite's own locks are not touched.
 */
#include "db_sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "db_sqlite_rows.h"
#include "error.h"

/* ---- the file ---------------------------------------------------------------------------- */

bool db_sqlite_file_is_read_only(const struct sqlite *lite)
{
    struct statvfs disk;
    return statvfs(lite->path, &disk) == 0 && (disk.f_flag & ST_RDONLY) != 0;
}

/* The doctor advises the same. */
const char *db_sqlite_file_advice(const struct sqlite *lite)
{
    return db_sqlite_file_is_read_only(lite)
               ? "; its file system is mounted read-only: mount it for writing"
               : "; run redferry as the user that owns the database, or let its group write "
                 "the "
                 "file and its directory";
}

/* Read through SQLite's own descriptor: to close another one of the same file would drop the
 * locks that SQLite holds for any connection of this process ("How To Corrupt An SQLite
 * Database File", 2.2). */
bool db_sqlite_file_has_wal(const struct sqlite *lite)
{
    enum { READ_VERSION = 19, WAL = 2 };
    sqlite3_file *file = NULL;
    char version = 0;
    return sqlite3_file_control(lite->connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) ==
               SQLITE_OK &&
           file != NULL && file->pMethods != NULL &&
           file->pMethods->xRead(file, &version, 1, READ_VERSION) == SQLITE_OK &&
           version == WAL;
}

int db_sqlite_file_check(const char *path, struct error *err)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return error_set(err, ERROR_SQL_UNREACHABLE, "cannot open '%s': %s", path,
                         strerror(errno));
    if (S_ISDIR(facts.st_mode))
        return error_set(err, ERROR_SQL_UNREACHABLE, "'%s' is a directory, not a database",
                         path);
    if (!S_ISREG(facts.st_mode))
        return error_set(err, ERROR_SQL_UNREACHABLE, "'%s' is not a file", path);
    return 0;
}

/* ---- the lock --------------------------------------------------------------------------- */

/* Each ledger of one file has a byte of its own in the one lock file. */
static int lock_offset(const char *name, int64_t *offset, struct error *err)
{
    if (db_lock_number(name, offset, err) != 0) return -1;
    *offset &= INT64_MAX >> 1;
    return 0;
}

/* Whoever may write to the database may use its lock: as SQLite does for its own side files,
 * the new one is given the database's mode and owner, as far as we may. */
static void share_lock(const struct sqlite *lite, int lock)
{
    struct stat database;
    if (stat(lite->path, &database) != 0) return;
    (void)fchmod(lock, (database.st_mode & 0666) | 0600);
    if (geteuid() == 0 && fchown(lock, database.st_uid, database.st_gid) != 0) return;
}

/* Open the lock file. Returns its descriptor; -1 with err, or without creating, where there is
 * none, -1 and err untouched. */
static int open_lock(struct sqlite *lite, bool create, struct error *err)
{
    char path[4096 + 32];
    int flags = (create ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;
    (void)snprintf(path, sizeof path, "%s-redferry.lock", lite->path);
    int lock = open(path, flags);
    if (lock < 0 && create && errno == ENOENT) {
        lock = open(path, flags | O_CREAT, 0666);
        if (lock >= 0) share_lock(lite, lock);
    }
    bool denied = errno == EACCES || errno == EPERM || errno == EROFS;
    if (lock < 0 && (create || errno != ENOENT))
        error_set(err, create && denied ? ERROR_OPERATOR : ERROR_FAILED,
                  "cannot open the lock file '%s': %s%s", path, strerror(errno),
                  create && denied ? db_sqlite_file_advice(lite) : "");
    return lock;
}

int db_sqlite_file_lock_try(struct db *db, const char *name, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    if (lite->lock >= 0) return error_set(err, ERROR_FAILED, "the lock is held already");
    if (lock_offset(name, &lite->lock_offset, err) != 0) return -1;
    int lock = open_lock(lite, true, err);
    if (lock < 0) return -1;

    struct flock range = {.l_type = F_WRLCK, .l_start = lite->lock_offset, .l_len = 1};
    if (fcntl(lock, F_OFD_SETLK, &range) == 0) {
        lite->lock = lock;
        return 1;
    }
    int reason = errno;
    close(lock);
    if (reason == EAGAIN || reason == EACCES) return 0;
    return error_set(err, ERROR_FAILED, "cannot lock '%s-redferry.lock': %s", lite->path,
                     strerror(reason));
}

/* One more byte of the same file. */
int db_sqlite_file_lock_sign(struct db *db, const char *name, struct error *err)
{
    const struct sqlite *lite = (const struct sqlite *)db;
    int64_t offset;
    if (lock_offset(name, &offset, err) != 0) return -1;
    struct flock range = {.l_type = F_WRLCK, .l_start = offset, .l_len = 1};
    if (fcntl(lite->lock, F_OFD_SETLK, &range) == 0 || errno == EAGAIN || errno == EACCES)
        return 0;
    return error_set(err, ERROR_FAILED, "cannot lock '%s-redferry.lock': %s", lite->path,
                     strerror(errno));
}

/* The lock lives as long as its descriptor; what can happen to it is that its file goes away
 * and another runner locks a new one. */
int db_sqlite_file_lock_check(struct db *db, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    struct stat own, there;
    int lock = lite->lock < 0 ? -1 : open_lock(lite, false, &(struct error){0});
    bool same = lock >= 0 && fstat(lock, &there) == 0 && fstat(lite->lock, &own) == 0 &&
                own.st_dev == there.st_dev && own.st_ino == there.st_ino;
    if (lock >= 0) close(lock);
    if (same) return 0;
    return error_set(
        err, ERROR_OPERATOR,
        "the lock of this ledger was lost: '%s-redferry.lock' is not the file that "
        "was locked",
        lite->path);
}

/* The file stays: who removes it could remove the one that another has just locked. */
void db_sqlite_file_lock_release(struct db *db)
{
    struct sqlite *lite = (struct sqlite *)db;
    if (lite->lock >= 0) close(lite->lock);
    lite->lock = -1;
}

int db_sqlite_file_lock_held(struct db *db, const char *name, struct error *err)
{
    struct sqlite *lite = (struct sqlite *)db;
    int64_t offset;
    if (lock_offset(name, &offset, err) != 0) return -1;
    error_clear(err);
    int lock = open_lock(lite, false, err);
    if (lock < 0) return err->code == ERROR_NONE ? 0 : -1;

    struct flock range = {.l_type = F_WRLCK, .l_start = offset, .l_len = 1};
    int status = fcntl(lock, F_OFD_GETLK, &range);
    if (status != 0)
        error_set(err, ERROR_FAILED, "cannot look at '%s-redferry.lock': %s", lite->path,
                  strerror(errno));
    close(lock);
    return status != 0 ? -1 : range.l_type != F_UNLCK;
}

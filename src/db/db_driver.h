#ifndef REDFERRY_DB_DRIVER_H
#define REDFERRY_DB_DRIVER_H

#include "db.h"

/*
 * What an engine has to offer: the functions of db.h, one by one, with the same meaning. Only
 * db.c and the drivers include this. A driver's db and rows begin with the structs below.
 */
struct db_ops {
    enum db_dialect dialect;
    int (*open)(struct db **out, const struct url *url, const struct stop *stop,
                struct error *err); /* db_open_ahead() */
    int (*connect)(struct db *db, struct error *err);
    int (*open_beside)(const struct db *db, const struct stop *stop, struct db **out,
                       struct error *err); /* once more to the same server; NULL: no server */
    void (*close)(struct db *db);
    void (*use_stop)(struct db *db, const struct stop *stop);
    const char *(*server)(const struct db *db);
    const char *(*file)(const struct db *db); /* its real path; NULL: no file of ours */
    int64_t (*backend)(const struct db *db);
    int (*begin)(struct db *db, enum db_access access, struct error *err);
    int (*commit)(struct db *db, struct error *err);
    void (*rollback)(struct db *db);
    int (*execute)(struct db *db, const char *sql, const struct value *parameters, size_t count,
                   int64_t *changed, struct error *err);
    int (*execute_alone)(struct db *db, const char *sql, struct error *err);
    int (*query)(struct db *db, const char *sql, const struct value *parameters, size_t count,
                 struct db_rows **out, struct error *err);
    int (*ask)(struct db *db, const struct db_questions *questions, struct error *err);
    int (*describe)(struct db *db, const char *query, struct arena *arena,
                    struct columns *columns, struct error *err);
    int (*stream)(struct db *db, const char *query, const struct value *parameters,
                  size_t count, const struct columns *columns, struct db_rows **out,
                  struct error *err);
    int (*append_parameter)(struct db *db, struct buffer *query, size_t index,
                            const struct value *value, const struct column *column,
                            struct error *err);
    enum db_next (*next)(struct db_rows *rows, bool wait, struct row *row, struct error *err);
    int (*descriptor)(const struct db_rows *rows);
    struct value (*raw)(const struct db_rows *rows, size_t column);
    void (*close_rows)(struct db_rows *rows);
    int (*reading_blocks_writers)(struct db *db, struct error *err);
    int (*forecast)(struct db *db, const char *query, const struct value *parameters,
                    size_t count, struct db_forecast *out, struct error *err);
    int (*lock_try)(struct db *db, const char *name, struct error *err);
    int (*lock_sign)(struct db *db, const char *name, struct error *err);
    int (*lock_check)(struct db *db, struct error *err);
    int (*lock_glance)(struct db *db, struct error *err);
    void (*lock_release)(struct db *db);
    int (*lock_held)(struct db *db, const char *name, struct error *err);
};

struct db {
    const struct db_ops *ops;
    const struct db_watch *watch; /* borrowed, or NULL */
};

struct db_rows {
    struct db *db;
};

/* What the lock called name is to an engine: a number, the same in every process. Returns 0, or
 * -1 with err (no memory). */
int db_lock_number(const char *name, int64_t *number, struct error *err);

extern const struct db_ops db_postgres_ops;
extern const struct db_ops db_sqlite_ops;

#endif

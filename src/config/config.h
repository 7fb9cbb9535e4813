#ifndef REDFERRY_CONFIG_H
#define REDFERRY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "url.h"

struct error;

/*
 * Settings: defaults < redferry.yaml < environment < flags. Which there are stands in one table
 * (config_settings.h).
 */
enum config_on_lock { ON_LOCK_WAIT, ON_LOCK_FAIL, ON_LOCK_SKIP };

/* What came out. Texts live in the config's arena. */
struct config {
    struct url database, redis, ledger; /* ledger: the database's where not given */
    bool has_database, has_redis, ledger_is_database;
    const char *migrations;
    const char *ledger_table;  /* NAME or schema.NAME */
    const char *operator_name; /* NULL: not given; config_operator() knows all the same */
    const char *context;       /* or NULL */
    const char *host;          /* this host's name */
    enum config_on_lock on_lock;
    int64_t lock_timeout_ms, wait_ms;
    int64_t max_time_ms; /* -1: none */
    int64_t batch;       /* 0: the step's own */
    int64_t pause_ms;    /* -1: the step's own */
    int64_t resume_within_ms, retry_for_ms;
    int64_t max_redis_latency_ms; /* 0: any */
    int64_t wait_replicas;        /* 0: for none */
    bool wait_aof;
    bool strict, allow_repeats, during_schema_migration, tests;
    const char *const *environment; /* borrowed; NULL-terminated; for `from` */
    struct config_value *values;    /* what was said where; see config_value.h */
    struct arena arena;
};

/* Prepare caller's storage. */
void config_init(struct config *config);

/* Free what config holds. */
void config_release(struct config *config);

/* Set by name what a flag says; value is copied ("true" for a switch). Returns 0, or -1 with
 * err (ERROR_INVALID): an unknown setting (with the nearest one), a value that does not fit. */
int config_set(struct config *config, const char *name, const char *value, struct error *err);

/* Let the variables of environment (NULL-terminated "NAME=value"; borrowed until
 * config_release()) count; empty ones do not. NAME_FILE names a file that holds a URL. They are
 * judged by config_resolve(), where nothing wins over them. */
int config_read_environment(struct config *config, const char *const *environment,
                            struct error *err);

/* Read redferry.yaml of the migrations directory where it exists, or the file that `config`
 * names, which must exist, and the environment; then put everything together into the fields
 * above. *warnings (may be NULL) becomes a text with a line each, in the arena, or NULL: a
 * world-readable file of secrets, a password given as a flag. Returns 0, or -1 with err. */
int config_resolve(struct config *config, const char **warnings, struct error *err);

/* Demand that the URL setting called name ("database", "redis", "ledger") was given and can be
 * one: 0, or -1 with err (ERROR_INVALID) that says how to give it. A URL of the environment
 * that cannot be one is complained of here, by who needs it, and not before. After
 * config_resolve(). */
int config_require(const struct config *config, const char *name, struct error *err);

/* The value of a variable of the environment that was read, or NULL; name_FILE is tried as
 * well. In err's case (an unreadable file) *failed becomes true. */
const char *config_variable(struct config *config, const char *name, bool *failed,
                            struct error *err);

/* The text of a setting after config_resolve(), as it may be shown: a URL without its password.
 * NULL: not set. */
const char *config_text(struct config *config, const char *name);

/* Who runs this: what was given as operator, else user@host, found out now. After
 * config_resolve(). Borrowed; NULL when memory runs out. */
const char *config_operator(struct config *config);

#endif

#ifndef REDFERRY_REDFERRY_H
#define REDFERRY_REDFERRY_H

/*
 * redferry carries rows from PostgreSQL or SQLite to Redis exactly once, and remembers that it
 * did.
 *
 *     redferry *ferry = redferry_new();
 *     redferry_set(ferry, "database", "postgresql:///app");
 *     redferry_set(ferry, "redis", "redis://localhost");
 *     if (redferry_up(ferry, NULL, NULL) != REDFERRY_OK)
 *         fprintf(stderr, "%s\n", redferry_error(ferry));
 *     redferry_free(ferry);
 *
 * A handle is used by one thread at a time; redferry_stop() alone may be called from any thread
 * and from a signal handler. The library never prints, never exits, installs no signal handler
 * and keeps no global state. It reads no environment variable but those that
 * redferry_set_environment() hands it (libpq reads its own PG* variables and files).
 *
 * Every text and array that a call gives out belongs to the handle and is good until the next
 * call on it. Texts are UTF-8. Times are ISO 8601 in UTC. What SQL says NULL to is NULL here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define REDFERRY_API __attribute__((visibility("default")))
#else
#define REDFERRY_API
#endif

/* What a call returns, and what the program exits with. */
typedef enum redferry_code {
    REDFERRY_OK = 0,         /* done, or nothing to do */
    REDFERRY_FAILED = 1,     /* a migration failed */
    REDFERRY_INVALID = 2,    /* usage, configuration, or an invalid migration file */
    REDFERRY_INCOMPLETE = 3, /* not everything is applied yet */
    REDFERRY_OPERATOR = 4,   /* an operator is needed; trying again does not help */
    REDFERRY_LOCKED = 5,     /* a lock was not obtained in time */
    REDFERRY_SQL_UNREACHABLE = 6,
    REDFERRY_REDIS_UNREACHABLE = 7,
    REDFERRY_DIFFERENT = 8, /* a comparison found differences, or a test failed */
    REDFERRY_STOPPED = 128  /* + the signal that redferry_stop() was given; resumable */
} redferry_code;

typedef struct redferry redferry;

/* The release, "0.1.0". */
REDFERRY_API const char *redferry_version(void);

/* A new handle, or NULL when memory or descriptors run out. Yours to redferry_free(). */
REDFERRY_API redferry *redferry_new(void);

/* Disconnect and free the handle with all that it gave out. NULL is harmless. */
REDFERRY_API void redferry_free(redferry *ferry);

/* Why the last call did not return REDFERRY_OK: one line, without passwords; "" where it did.
 */
REDFERRY_API const char *redferry_error(const redferry *ferry);

/* ---- settings ------------------------------------------------------------------------- */

/* A line of the table of settings, from which options, variables and redferry.yaml's keys come.
 */
typedef struct redferry_setting {
    const char *name;     /* "lock-timeout": also the long option; in redferry.yaml with '_' */
    char letter;          /* short option, or 0 */
    const char *argument; /* "DURATION"; NULL: a switch */
    const char *environment; /* "REDFERRY_LOCK_TIMEOUT", or NULL */
    const char *fallback;    /* a second variable, "DATABASE_URL", or NULL */
    const char *standard;    /* the default as text, or NULL */
    const char *help;        /* one line */
} redferry_setting;

/* All settings, as long as the handle lives; *count becomes their number. */
REDFERRY_API const redferry_setting *redferry_settings(const redferry *ferry, size_t *count);

/* Set what a flag would say ("true" for a switch). Wins over environment and redferry.yaml.
 * Before the first command on the handle. Returns REDFERRY_OK or REDFERRY_INVALID. */
REDFERRY_API int redferry_set(redferry *ferry, const char *name, const char *value);

/* Let the variables of environment ("NAME=value", ended by NULL; borrowed as long as the handle
 * lives) count. */
REDFERRY_API int redferry_set_environment(redferry *ferry, const char *const *environment);

/* What a setting amounts to once flags, environment, redferry.yaml and defaults are put
 * together; NULL: not set. Passwords are shown as ***. Puts them together where no command did
 * yet; NULL too where that fails. */
REDFERRY_API const char *redferry_get(redferry *ferry, const char *name);

/* ---- events --------------------------------------------------------------------------- */

typedef enum redferry_event_kind {
    REDFERRY_EVENT_WARNING, /* text */
    REDFERRY_EVENT_NOTE, /* text: what is worth knowing: where a migration that stopped goes on
                          */
    REDFERRY_EVENT_WAITING, /* text: for whom; comes once, then about every second with seconds
                               waited */
    REDFERRY_EVENT_MIGRATION_BEGUN,
    REDFERRY_EVENT_STEP_BEGUN,
    REDFERRY_EVENT_PROGRESS, /* several times a second while rows flow */
    REDFERRY_EVENT_STEP_DONE,
    REDFERRY_EVENT_MIGRATION_DONE,
    REDFERRY_EVENT_MIGRATION_FAILED, /* text: the error */
    REDFERRY_EVENT_PAUSED, /* text: by whom; comes once, then about every second with seconds
                              since */
    REDFERRY_EVENT_RESUMED /* text: by whom; seconds: how long it was paused */
} redferry_event_kind;

typedef struct redferry_tally {
    int64_t rows_read;
    int64_t rows_changed; /* by `sql` steps */
    int64_t commands_sent;
    int64_t messages_published;
} redferry_tally;

/* Something that happened. Good during the callback only. */
typedef struct redferry_event {
    redferry_event_kind kind;
    const char *text; /* or NULL */
    int64_t version;  /* of the migration; 0: none */
    const char *name;
    bool down; /* it is being undone */
    int64_t run_id;
    int step, steps; /* step of steps, from 1; 0: none */
    const char *step_name;
    int64_t rows_total;     /* estimate for the step; -1: not known */
    redferry_tally tally;   /* of the run so far */
    int64_t step_rows;      /* rows of this step so far */
    double seconds;         /* since the migration began, or waited */
    double rows_per_second; /* PROGRESS: at present; STEP_DONE and behind it: of the step */
    double idle_seconds;    /* since the step's last row came */
    bool slowed;            /* it makes itself slower: Redis takes longer to answer than
                               "max-redis-latency" */
    double redis_ms;        /* how long the last answer took; 0: that is not looked at */
} redferry_event;

/* Told of what happens, in the thread that made the call. It must not call into the handle but
 * for redferry_stop(). */
typedef void (*redferry_event_fn)(const redferry_event *event, void *payload);

/* Have callback told; NULL: nobody. */
REDFERRY_API void redferry_on_event(redferry *ferry, redferry_event_fn callback, void *payload);

/* Ask the running command to stop at the next batch boundary, within five seconds. Safe in
 * signal handlers and other threads. The command then returns REDFERRY_STOPPED + signal. */
REDFERRY_API void redferry_stop(redferry *ferry, int signal);

/* ---- commands that work --------------------------------------------------------------- */

/* One migration that was applied or undone. */
typedef struct redferry_done {
    int64_t version;
    const char *name;
    bool undone;
    int64_t run_id;
    redferry_tally tally; /* of this run */
    double seconds;
} redferry_done;

/* What a command did, also where it failed. */
typedef struct redferry_outcome {
    const redferry_done *done;
    size_t done_count;
    int64_t failed_version; /* 0: none failed */
    const char *failed_name;
    int failed_step; /* 0: not in a step */
    const char *failed_step_name;
    const char *failed_error;       /* the message, without the migration's name in front */
    size_t pending;                 /* left to do */
    const redferry_done *announced; /* applied before, and finished off now: what counts of
                                       tally is messages_published */
    size_t announced_count;
} redferry_outcome;

/* A VERSION argument is the number, number_name, or the file. */

typedef struct redferry_up_options {
    const char *to; /* VERSION: those above it stay; NULL: all */
} redferry_up_options;

/* Apply what is pending, in version order. options and outcome may be NULL. */
REDFERRY_API int redferry_up(redferry *ferry, const redferry_up_options *options,
                             const redferry_outcome **outcome);

typedef struct redferry_run_options {
    const char *const *versions;
    size_t version_count;
    bool again; /* once more from the start, also where it is applied */
    bool all;   /* every applied one; needs again, and no versions */
} redferry_run_options;

/* Apply or go on with exactly these. options may not be NULL. */
REDFERRY_API int redferry_run(redferry *ferry, const redferry_run_options *options,
                              const redferry_outcome **outcome);

typedef struct redferry_down_options {
    int64_t count;    /* the last count applied; 0: 1, where neither to nor only is given */
    const char *to;   /* VERSION: undo those above it; or NULL */
    const char *only; /* VERSION: undo exactly this one; or NULL */
} redferry_down_options;

/* Undo, newest application first. options NULL: the last one applied. */
REDFERRY_API int redferry_down(redferry *ferry, const redferry_down_options *options,
                               const redferry_outcome **outcome);

/* Undo the last one applied, and apply it again. */
REDFERRY_API int redferry_redo(redferry *ferry, const redferry_outcome **outcome);

/* Record versions as applied without running them; up_to: every one up to versions[0]. */
REDFERRY_API int redferry_mark(redferry *ferry, const char *const *versions, size_t count,
                               bool up_to, const redferry_outcome **outcome);

/* Forget that versions were applied, without undoing them. */
REDFERRY_API int redferry_unmark(redferry *ferry, const char *const *versions, size_t count,
                                 const redferry_outcome **outcome);

/* Accept a modified file's new checksum; clear the checkpoint of a run that stopped, so that
 * the next one begins at step 1. */
REDFERRY_API int redferry_repair(redferry *ferry, const char *version,
                                 const redferry_outcome **outcome);

/* ---- commands that look --------------------------------------------------------------- */

typedef struct redferry_migration {
    int64_t version;
    const char *name;
    const char *state; /* "pending", "applied", … (SPEC: the states that status shows) */
    const char *file;  /* or NULL: no file */
    const char *description;
    bool manual;
    bool pending;       /* `up` would take it up */
    bool below_applied; /* pending, and a higher one is applied */
    bool unannounced;   /* applied, but not finished off */
    const char *applied_at;
    const char *applied_by;
    int64_t run_id;           /* of the latest run; 0: none */
    redferry_tally tally;     /* of the entry, or of the latest run where it is not applied */
    const char *error;        /* of the latest run, where it did not succeed */
    const char *advice;       /* the next command to type, or NULL */
    const char *redis;        /* where what is applied was written to, without credentials */
    const char *checksum;     /* of the file as it was applied; NULL: it is not applied */
    const char *announced_at; /* when it was finished off, or NULL */
} redferry_migration;

/* One attempt, as the ledger keeps it. */
typedef struct redferry_run_record {
    int64_t id;
    int64_t version;
    const char *name;
    const char *direction; /* "up", "down" */
    const char *status;
    const char *request; /* "pause", "resume", "cancel": asked of it and not obeyed yet; NULL */
    const char *requested_by; /* who asked last, obeyed or not; NULL: nobody */
    const char *requested_at;
    int64_t step; /* 0: none */
    const char *step_name;
    const char *cursor;
    int64_t rows_total; /* estimate for the step; -1: not known */
    redferry_tally tally;
    const char *redis;
    const char *error;
    const char *operator_name;
    const char *context;
    const char *host;
    int64_t pid;
    const char *tool_version;
    const char *checksum;
    const char *started_at;
    const char *updated_at;
    const char *finished_at;
} redferry_run_record;

typedef struct redferry_status_report {
    const redferry_migration *migrations; /* in version order */
    size_t count;
    size_t pending;
    size_t applied;
    const char *redis; /* "known": what is applied was written to this Redis; "unknown": not all
                          of it was; "other_database": another database with this ledger wrote
                          there since; "ahead": the last run that wrote there is none that the
                          ledger knows, which was restored; NULL: not asked, or no answer */
    const redferry_run_record *runs; /* newest first; of one version only, else NULL */
    size_t run_count;
    int64_t definition_run; /* whose file as it ran definition is; 0: none is kept */
    const char *definition; /* of one version only, else NULL: the file as it was applied, or as
                               it ran last where it is not applied */
} redferry_status_report;

/* Every migration and its state, or version's alone (NULL: all). Writes nothing; asks Redis
 * where one is set and something is applied, and does without where it does not answer. Warns
 * of what `up` would warn of; with "strict" that is REDFERRY_OPERATOR, and *report is there all
 * the same. */
REDFERRY_API int redferry_status(redferry *ferry, const char *version,
                                 const redferry_status_report **report);

typedef struct redferry_history_report {
    const redferry_run_record *runs; /* newest first */
    size_t count;
} redferry_history_report;

/* The runs, or version's alone (NULL: all). Files that are gone, or wrong, do no harm. */
REDFERRY_API int redferry_history(redferry *ferry, const char *version,
                                  const redferry_history_report **report);

/* ---- commands about a run that is not one's own ----------------------------------------- */

/* What became of redferry_pause() and its like. */
typedef struct redferry_petition {
    const char *request;            /* "pause", "resume", "cancel" */
    const redferry_run_record *run; /* as it was seen last; NULL: there is none */
    const char *result; /* "obeyed"; "moot": it was so already; "recorded": it had crashed, and
                           is cancelled now; "waiting": not obeyed yet, and stands; "overtaken":
                           somebody asked otherwise since; "ended"; "crashed"; NULL: nothing was
                           asked */
    const char *replaced;    /* the request that was replaced, or NULL */
    const char *replaced_by; /* whose it was */
    const char *replaced_at;
    const char *next; /* of a run that is cancelled: the command that goes on with it, and the
                         one that undoes it, where there is one; else NULL */
} redferry_petition;

/*
 * Ask a run to pause, to go on, or to end as cancelled, from wherever the ledger can be
 * reached; run is its id, NULL: the one that is running. It obeys at its next batch boundary;
 * that is waited for a few seconds. No migration files are read, and Redis is not needed.
 * REDFERRY_OK: it obeyed, or it was so already, or a run that had crashed was recorded as
 * cancelled; REDFERRY_INCOMPLETE: not obeyed yet; REDFERRY_LOCKED: an `sql` step keeps the
 * run's row, nothing was asked; REDFERRY_OPERATOR: nothing is running, it has ended or crashed,
 * somebody asked otherwise; REDFERRY_INVALID: no such run. *petition (may be NULL) is there in
 * all these cases.
 */
REDFERRY_API int redferry_pause(redferry *ferry, const char *run,
                                const redferry_petition **petition);
REDFERRY_API int redferry_resume(redferry *ferry, const char *run,
                                 const redferry_petition **petition);
REDFERRY_API int redferry_cancel(redferry *ferry, const char *run,
                                 const redferry_petition **petition);

typedef struct redferry_watch_report {
    const redferry_run_record *run; /* as it was seen last; NULL: nothing ever ran */
    bool followed; /* it was running when the watching began, and its events were told */
    bool crashed;  /* it says that it runs, and nobody holds the lock */
} redferry_watch_report;

/*
 * Follow a run (NULL: the one that is running, else the latest is shown) until it ends, through
 * the ledger: its events are told as if it were one's own, but not those of its warnings.
 * Writes nothing. REDFERRY_OK: it succeeded, or nothing ever ran; REDFERRY_FAILED;
 * REDFERRY_INCOMPLETE: interrupted or crashed; REDFERRY_OPERATOR: cancelled; REDFERRY_STOPPED +
 * signal: the watching was stopped, not the run. *report is there in all these cases.
 */
REDFERRY_API int redferry_watch(redferry *ferry, const char *run,
                                const redferry_watch_report **report);

/* A rule that lint goes by (docs/lint.md). */
typedef struct redferry_rule {
    const char *code;        /* "RF201" */
    const char *name;        /* "repeats-without-key" */
    const char *severity;    /* "error", "warning", "note" */
    const char *summary;     /* one sentence */
    const char *explanation; /* a paragraph */
    const char *wrong;       /* a file that the rule finds fault with; a line "# NAME.yaml" */
    const char *right;       /* stands in front of each, where names matter */
} redferry_rule;

/* The rule with this code (NULL: all of them, by their codes) into *rules, which belong to
 * ferry until its next call. REDFERRY_INVALID: there is none. */
REDFERRY_API int redferry_lint_rules(redferry *ferry, const char *code,
                                     const redferry_rule **rules, size_t *count);

/* Something to be said about a file. */
typedef struct redferry_finding {
    const char *code;     /* of its rule */
    const char *severity; /* "error", "warning", "note" */
    const char *file;
    int line, column; /* 0: the whole file */
    const char *text; /* without the place */
} redferry_finding;

/* What is promised of a step (SPEC: the table of guarantees). */
typedef struct redferry_promise {
    int64_t version;
    const char *name;
    bool down;
    int step;
    const char *step_name;
    const char *guarantee; /* "exactly once", "at least once", "refused" */
} redferry_promise;

typedef struct redferry_lint_report {
    const redferry_finding *findings;
    size_t count;
    const redferry_promise *promises;
    size_t promise_count;
    size_t files;                   /* how many were checked */
    size_t errors, warnings, notes; /* among the findings */
    const redferry_rule *rules;     /* that it went by, by their codes */
    size_t rule_count;
} redferry_lint_report;

/* Check files (count 0: the whole directory) without connecting. REDFERRY_INVALID where there
 * is an error among the findings; with the setting strict also where there is a warning.
 * *report is there in both cases. */
REDFERRY_API int redferry_lint(redferry *ferry, const char *const *files, size_t count,
                               const redferry_lint_report **report);

/* The same, and hold them against the database: what its ledger does not call applied, or else
 * the files that were given. Queries and statements are prepared, and nothing is run or
 * written. */
REDFERRY_API int redferry_lint_with_database(redferry *ferry, const char *const *files,
                                             size_t count, const redferry_lint_report **report);

/* One line of what the doctor says. */
typedef struct redferry_examination {
    const char *verdict; /* "ok", "warning", "problem" */
    const char *name;    /* what was looked at: "redis persistence" */
    const char *text;
    const char *advice; /* what mends it, or NULL */
} redferry_examination;

typedef struct redferry_doctor_report {
    const redferry_examination *items; /* in the order of the examinations */
    size_t count;
    size_t ok, warnings, problems; /* how many are */
} redferry_doctor_report;

/* Look at both servers, the role's and the user's privileges, persistence, eviction, memory,
 * clocks, the lock, the ledger and the checkpoints. Writes nothing; a server that cannot be
 * reached is a problem, and the rest is looked at all the same. REDFERRY_OPERATOR where there
 * is a problem, with "strict" also a warning, and *report is there all the same. */
REDFERRY_API int redferry_doctor(redferry *ferry, const redferry_doctor_report **report);

/* A command of a step, and what Redis holds of it; or a step or migration that was passed over.
 * What is counted is a command of a row, or a key of it where it has several. */
typedef struct redferry_comparison {
    int64_t version;
    const char *name;
    int step; /* from 1; 0: the migration as a whole */
    const char *step_name;
    const char *command; /* as its file says it; NULL: the step, or migration, as a whole */
    int64_t equal;       /* to send it again would change nothing */
    int64_t different;
    int64_t missing;     /* nothing of what it names is there */
    int64_t overwritten; /* it differs, and a later command has written to the same place */
    int64_t untold;      /* not compared, for the reason */
    const char *reason;  /* why it, or some of it, was not compared; NULL: all of it was */
} redferry_comparison;

/* One difference. Values are shortened, and quoted as redis-cli does. */
typedef struct redferry_difference {
    int64_t version;
    int step;
    const char *step_name;
    const char *command;
    bool missing;
    const char *key;
    const char *part; /* "field enabled", "member 2fa", "TTL"; NULL: the whole value */
    const char *sql;  /* what SQL says */
    const char *redis;
    const char *hint; /* or NULL */
} redferry_difference;

typedef struct redferry_verify_report {
    const redferry_comparison *comparisons; /* in the order in which they were applied */
    size_t count;
    const redferry_difference *differences; /* the first ones */
    size_t difference_count;
    size_t migrations; /* how many were compared */
    int64_t rows;      /* that were read */
    int64_t equal, different, missing, overwritten;
    bool complete; /* everything that was to be compared was */
    double seconds;
} redferry_verify_report;

typedef struct redferry_verify_options {
    const char *const *versions; /* VERSION…, which must be applied */
    size_t version_count;        /* 0: every applied migration */
    size_t limit;                /* how many differences to tell */
} redferry_verify_options;

/* Read the sources of applied migrations again, and compare with what Redis holds now. Writes
 * nothing. options NULL: every applied one, ten differences. REDFERRY_DIFFERENT where something
 * differs or is missing; *report is there as soon as comparing began. */
REDFERRY_API int redferry_verify(redferry *ferry, const redferry_verify_options *options,
                                 const redferry_verify_report **report);

/* One thing that is not as a test says. Values are shortened, and quoted where a command line
 * would need it. */
typedef struct redferry_test_difference {
    int line, column;   /* of the test's file; 0: of none of its lines */
    const char *moment; /* "after up", "after a second up", "after down" … */
    const char *what;   /* a command, a query, a key of Redis, "published"; then, behind a
                           comma, the part of it that differs */
    const char *expected;
    const char *got;
} redferry_test_difference;

/* What came of one test. */
typedef struct redferry_test_result {
    int64_t version;
    const char *name;
    const char *file;         /* the migration's */
    const char *test;         /* the test's; NULL: the migration has none */
    const char *verdict;      /* "ok", "failed", "untested" */
    const char *error;        /* why it could not be carried to its end, or NULL */
    const char *error_moment; /* in what: "given", "up", "a second up", "down" …; or NULL */
    const redferry_test_difference *differences; /* the first ones */
    size_t difference_count;
    size_t omitted; /* how many more there are */
    size_t kills;   /* how often its runs were killed */
    double seconds;
} redferry_test_result;

typedef struct redferry_test_report {
    const redferry_test_result *results; /* in version order */
    size_t count;
    size_t ok, failed, untested;
    uint64_t seed; /* of the moments of kills */
    double seconds;
} redferry_test_report;

typedef void (*redferry_test_fn)(const redferry_test_result *result, void *payload);

typedef struct redferry_test_options {
    const char *const *files; /* migrations, tests, or VERSIONs */
    size_t file_count;        /* 0: the whole directory */
    const char *database;     /* the URL of a PostgreSQL on which scratch databases are made;
                                 NULL: SQLite. The setting "database" does not count */
    bool require_tests;       /* a migration without a test fails */
    size_t jobs;              /* at a time; 0: as many as there are processors */
    size_t kills;  /* kill the run that applies it at so many random moments, have it gone on
                      with, and demand the same end; then the same of the one that undoes it */
    uint64_t seed; /* of these moments; 0: a new one */
    const char *timeout; /* a duration, as in "90s": what a test may take, and each going over
                            behind a kill; "0": any time; NULL: a minute */
    redferry_test_fn callback; /* told of each result in order, as soon as may be; or NULL */
    void *payload;
} redferry_test_options;

/*
 * Run migrations' tests on scratch servers: a Redis that is started for it, and SQLite files or
 * databases that are made on options->database and dropped. The program of the server is the
 * first redis-server or valkey-server in the handle's PATH, or what its REDFERRY_REDIS_SERVER
 * names; TMPDIR counts, too. options NULL: all of the directory's, on SQLite.
 *
 * This forks: call it where no other thread may hold a lock at that moment. Whatever becomes of
 * the calling process, the servers, their directory and the databases are taken away.
 *
 * REDFERRY_DIFFERENT where a test fails (with require_tests: or is missing), and *report tells
 * of all; REDFERRY_INVALID: a file is wrong, there is no server to start, the role may not make
 * databases; REDFERRY_SQL_UNREACHABLE; REDFERRY_STOPPED + signal.
 */
REDFERRY_API int redferry_test(redferry *ferry, const redferry_test_options *options,
                               const redferry_test_report **report);

/* ---- the plan ------------------------------------------------------------------------- */

/* A row, and the commands that would be sent for it, as redis-cli takes them. They hold its
 * values. */
typedef struct redferry_plan_row {
    const char *key; /* as an error would name the row; NULL: the step has no `key` */
    const char *const *commands;
    size_t command_count;
} redferry_plan_row;

/* One command of a step, held against what is in Redis now. Counted are the keys (the fields,
 * the members) that it names, over all rows that are left. */
typedef struct redferry_plan_comparison {
    const char *command; /* as the file has it */
    const char *reason;  /* why it, or some of it, is not compared; NULL: all of it is */
    int64_t fresh;       /* not there yet */
    int64_t equal;       /* to send it would change nothing */
    int64_t different;   /* there, and would become another */
    int64_t overwritten; /* different, but a later row writes to the same place */
    int64_t untold;      /* not compared, for the reason */
} redferry_plan_comparison;

/* One step. Texts that say nothing are NULL. */
typedef struct redferry_plan_step {
    int step; /* its number, from 1 */
    const char *name;
    const char *read; /* the query */
    const char *from; /* the variable that names its database */
    const char *sql;
    const char *const *key; /* columns */
    size_t key_count;
    const char *guarantee;  /* "exactly once", "at least once", "refused"; "none": it would be
                               refused without "allow-repeats" */
    const char *progress;   /* "done", "half", "to do" */
    const char *cursor;     /* of one that is half done: behind which key it goes on */
    int64_t rows;           /* about how many are left to read; -1: not known */
    bool is_counted;        /* exactly so many */
    double seconds;         /* that this may take; negative: not known */
    const char *index;      /* whether one serves the `key`: "yes", "no" */
    bool keeps_writers_out; /* nobody can write to the SQLite file while the step reads */
    const char *const *touches; /* keys in Redis, with their placeholders */
    size_t touch_count;
    const char *const *channels;
    size_t channel_count;
    const char *const *opaque; /* commands of which it is not known what they touch */
    size_t opaque_count;
    const redferry_plan_row *rows_shown; /* the first ones, at most three */
    size_t rows_shown_count;
    const char *after; /* "step 1", "step 2 of 5_x": an `sql` step that comes first, and may
                          change all this */
    bool is_known;     /* false: the query does not work before that, and nothing is known */
    const redferry_plan_comparison *comparisons;
    size_t comparison_count;
    const char *error; /* what the command would say of it */
} redferry_plan_step;

/* One migration that would be attempted. */
typedef struct redferry_plan_migration {
    int64_t version;
    const char *name;
    const char *file;
    const char *description;
    const char *state; /* as redferry_status() has it */
    bool down;
    const char *begins; /* "start", "resume", "restart", "announce", "refused" */
    int64_t step;       /* in which it begins; behind the last one: none is left */
    const char *cursor;
    int64_t rows_done; /* by the runs that it goes on from */
    const char *const *notes;
    size_t note_count;
    const redferry_plan_step *steps;
    size_t step_count;
    const char *const *announcements; /* the top-level `publish`, as it would be sent; "${rows}"
                                         stands for what is known at the end */
    size_t announcement_count;
    int64_t rows;           /* about how many are left to read; -1: not known */
    double seconds;         /* that this may take; negative: not known */
    double rows_per_second; /* what seconds are reckoned with; 0: nothing */
    const char *rate_of;    /* whose rate that is */
    const char *error;      /* what stops the command at it, as it would say it */
    const char *unreached;  /* why the command would not even come to it; NULL: it would */
} redferry_plan_migration;

typedef struct redferry_plan_report {
    const redferry_plan_migration *migrations; /* in the order in which it would be done */
    size_t count;
    const char *unwritable; /* why the command would end with REDFERRY_OPERATOR if it were sent
                               from here: the ledger cannot be written (a standby, a role that
                               may only read); or NULL */
    const char *blocked;    /* what stands behind them in the way, and what to type */
} redferry_plan_report;

typedef struct redferry_plan_options {
    /* What would be called, with these options; up where all three are NULL. */
    const redferry_up_options *up;
    const redferry_run_options *run;
    const redferry_down_options *down;
    bool redo;
    bool compare; /* read the whole sources, and hold them against what is in Redis */
} redferry_plan_options;

/* What a command would do, and nothing done: writes nothing anywhere, takes no lock, and needs
 * Redis only to compare: else it is asked where a stopped migration would go on, and whether it
 * knows the ledger, if it is given and answers. options NULL: of
 * redferry_up(). Returns what the command would, as far as that shows beforehand; *report is
 * there whenever there was something to be said. */
REDFERRY_API int redferry_plan(redferry *ferry, const redferry_plan_options *options,
                               const redferry_plan_report **report);

/* ---- commands that prepare ------------------------------------------------------------ */

/* How things stand once there is a ledger. */
typedef struct redferry_prepared {
    size_t pending;   /* what `up` would do */
    const char *next; /* the command to type next: "redferry up" */
} redferry_prepared;

/* Make the directory and the ledger, where they are not there yet. */
REDFERRY_API int redferry_init(redferry *ferry, const redferry_prepared **prepared);

/* *sql becomes the statements that make the ledger; needs to know the database's kind, not to
 * reach it. */
REDFERRY_API int redferry_init_sql(redferry *ferry, const char **sql);

typedef struct redferry_create_options {
    bool no_test;           /* write no test; nor does one who sets tests to false */
    const char *from_table; /* copy this table of the database, [schema.]table as in SQL; NULL:
                               an example */
    const char *key_prefix; /* what its Redis keys begin with; NULL: the table's name, ':' */
} redferry_create_options;

/* What was written. */
typedef struct redferry_created {
    const char *file;
    const char *test; /* NULL: none */
} redferry_created;

/* Write <UTC stamp>_<name>.yaml and its test, both to be edited: an example, or a copy of a
 * table, whose columns are looked at and no row of it (a warning is an event). options may be
 * NULL. Nothing is overwritten, and both are written or none. */
REDFERRY_API int redferry_create(redferry *ferry, const char *name,
                                 const redferry_create_options *options,
                                 const redferry_created **created);

#ifdef __cplusplus
}
#endif

#endif

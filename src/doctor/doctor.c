/*
 * The doctor: a table of examinations, done in order.
 *
 * Before a deploy an operator wants to know what would stand in the way of it, all of it and
 * not only the first thing; so whatever fails here is a finding, and the next examination
 * follows as far as it has something to look at. Each is a function that reads facts, or judges
 * those that an earlier one has read. Nothing is written anywhere, no lock is taken, and what
 * may not be asked is said in its line.
 */
#include "doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "config.h"
#include "connection.h"
#include "doctor_acl.h"
#include "doctor_checkpoints.h"
#include "doctor_ledger.h"
#include "doctor_redis.h"
#include "doctor_sql.h"
#include "doctor_steps.h"
#include "error.h"
#include "session.h"

enum { CLOCK_TOLERANCE_MS = 5000, FIRST_CAPACITY = 32 };

const char *doctor_verdict_text(enum doctor_verdict verdict)
{
    static const char *const texts[] = {
        [DOCTOR_OK] = "ok", [DOCTOR_WARNING] = "warning", [DOCTOR_PROBLEM] = "problem"};
    return texts[verdict];
}

/* ---- findings ------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static const char *
print(struct doctor *doctor, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        doctor->arena->failed = true;
        return NULL;
    }
    const char *copy = arena_text(doctor->arena, text);
    free(text);
    return copy;
}

void *doctor_grow(struct doctor *doctor, void *array, size_t count, size_t *capacity,
                  size_t size)
{
    if (count < *capacity) return array;
    const size_t more = *capacity > 0 ? 2 * *capacity : FIRST_CAPACITY;
    void *grown = arena_array(doctor->arena, more, size);
    if (grown == NULL) return NULL;
    if (count > 0) memcpy(grown, array, count * size);
    *capacity = more;
    return grown;
}

void doctor_find(struct doctor *doctor, enum doctor_verdict verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = print(doctor, format, arguments);
    va_end(arguments);
    struct doctor_finding *findings = doctor_grow(doctor, doctor->findings, doctor->count,
                                                  &doctor->capacity, sizeof *findings);
    if (findings == NULL || text == NULL) return;
    doctor->findings = findings;
    findings[doctor->count++] = (struct doctor_finding){
        .verdict = verdict, .examination = doctor->examination, .text = text};
    doctor->counts[verdict]++;
}

void doctor_advise(struct doctor *doctor, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = print(doctor, format, arguments);
    va_end(arguments);
    if (doctor->count > 0) doctor->findings[doctor->count - 1].advice = text;
}

const char *doctor_size_text(double bytes, char text[DOCTOR_SIZE_TEXT])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(text, DOCTOR_SIZE_TEXT, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s",
                   bytes, units[unit]);
    return text;
}

void doctor_judge_clock(struct doctor *doctor, const char *whose, int64_t ahead_ms)
{
    const double seconds = (double)llabs((long long)ahead_ms) / 1000.0;
    if (llabs((long long)ahead_ms) < CLOCK_TOLERANCE_MS) {
        doctor_find(doctor, DOCTOR_OK, "%s clock and this host's are less than %d s apart",
                    whose, CLOCK_TOLERANCE_MS / 1000);
        return;
    }
    doctor_find(doctor, DOCTOR_WARNING,
                "%s clock is %.1f s %s this host's: times in the ledger and in logs, and what "
                "expires at a time of day, will not fit together",
                whose, seconds, ahead_ms > 0 ? "ahead of" : "behind");
    doctor_advise(doctor, "keep both hosts' clocks with NTP (timedatectl shows whether)");
}

/* ---- what needs no server ------------------------------------------------------------- */

/* Find what text (length bytes) says, and behind a semicolon what to do. */
static void find_and_advise(struct doctor *doctor, enum doctor_verdict verdict,
                            const char *text, size_t length)
{
    const char *advice = memmem(text, length, "; ", 2);
    const size_t found = advice != NULL ? (size_t)(advice - text) : length;
    doctor_find(doctor, verdict, "%.*s", (int)found, text);
    if (advice != NULL) doctor_advise(doctor, "%.*s", (int)(length - found - 2), advice + 2);
}

/* A line each. */
static int look_at_secrets(struct doctor *doctor, struct error *err)
{
    const char *line = doctor->warnings;
    (void)err;
    if (line == NULL || *line == '\0')
        doctor_find(doctor, DOCTOR_OK,
                    "no password is in an argument, or in a file that everybody may read");
    while (line != NULL && *line != '\0') {
        const size_t length = strcspn(line, "\n");
        find_and_advise(doctor, DOCTOR_WARNING, line, length);
        line += length;
        if (*line == '\n') line++;
    }
    return 0;
}

static int look_at_files(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    if (session_load(session, err) == 0) {
        doctor->has_files = true;
        doctor_find(doctor, DOCTOR_OK, "%zu in '%s', each of them in order",
                    session->migrations.count, session->config->migrations);
        return 0;
    }
    if (err->code != ERROR_INVALID) return -1;
    if (access(session->config->migrations, F_OK) != 0) { /* lint would say no more */
        find_and_advise(doctor, DOCTOR_PROBLEM, err->message, strlen(err->message));
        return 0;
    }
    doctor_find(doctor, DOCTOR_PROBLEM, "%s", err->message);
    doctor_advise(doctor, "`redferry lint` says of each file what is wrong");
    return 0;
}

/* ---- the table ------------------------------------------------------------------------ */

enum { DATABASE = 1, LEDGER = 2, SOURCE = 4, FILES = 8, REDIS = 16 };

static const struct examination {
    const char *name;
    unsigned needs; /* where that cannot be looked at, neither can this */
    int (*look)(struct doctor *doctor, struct error *err);
} examinations[] = {
    {"secrets", 0, look_at_secrets},
    {"migration files", 0, look_at_files},
    {"database", 0, doctor_sql_connect},
    {"database writes", DATABASE, doctor_sql_writes},
    {"database connections", DATABASE, doctor_sql_connections},
    {"database encryption", DATABASE, doctor_sql_encryption},
    {"database clock", DATABASE, doctor_sql_clock},
    {"schema migrations", DATABASE | SOURCE, doctor_sql_schema},
    {"ledger", DATABASE, doctor_ledger_tables},
    {"lock", LEDGER, doctor_ledger_lock},
    {"steps", LEDGER | SOURCE | FILES, doctor_steps},
    {"redis", 0, doctor_redis_connect},
    {"redis persistence", REDIS, doctor_redis_persistence},
    {"redis durability", REDIS, doctor_redis_durability},
    {"redis eviction", REDIS, doctor_redis_eviction},
    {"redis memory", REDIS, doctor_redis_memory},
    {"redis encryption", REDIS, doctor_redis_encryption},
    {"redis clock", REDIS, doctor_redis_clock},
    {"redis privileges", REDIS, doctor_acl},
    {"migrations", LEDGER | FILES, doctor_ledger_migrations},
    {"redis and ledger", LEDGER | REDIS, doctor_checkpoints_trace},
    {"checkpoints", LEDGER | FILES | REDIS, doctor_checkpoints},
};

static unsigned at_hand(const struct doctor *doctor)
{
    return (doctor->has_database ? DATABASE : 0u) | (doctor->has_ledger ? LEDGER : 0u) |
           (doctor->has_source ? SOURCE : 0u) | (doctor->has_files ? FILES : 0u) |
           (doctor->session->redis != NULL ? REDIS : 0u);
}

/* An examination could not be done. Whether that is a finding, and of what to expect no more.
 */
static int take_failure(struct doctor *doctor, const struct error *err)
{
    if (err->code > ERROR_STOPPED || doctor->arena->failed) return -1;
    doctor_find(doctor, DOCTOR_PROBLEM, "%s", err->message);
    if (err->code == ERROR_SQL_UNREACHABLE) doctor->has_database = doctor->has_ledger = false;
    if (err->code == ERROR_REDIS_UNREACHABLE) {
        connection_close(doctor->session->redis);
        doctor->session->redis = NULL;
    }
    return 0;
}

int doctor_examine(struct doctor *doctor, struct error *err)
{
    for (size_t i = 0; i < sizeof examinations / sizeof *examinations; i++) {
        const struct examination *examination = &examinations[i];
        if ((examination->needs & ~at_hand(doctor)) != 0) continue;
        doctor->examination = examination->name;
        error_clear(err);
        if (examination->look(doctor, err) != 0 && take_failure(doctor, err) != 0) return -1;
    }
    error_clear(err);
    return doctor->arena->failed ? error_memory(err) : 0;
}

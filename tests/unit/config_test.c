/* Settings: which source wins, what is refused, and that no password is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc_fail.h"
#include "config.h"
#include "config_settings.h"
#include "error.h"

/* A directory of its own for each test, gone into. */
static char scratch[] = "/tmp/config_test.XXXXXX";

static int enter(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/config_test.XXXXXX");
    return mkdtemp(scratch) != NULL && chdir(scratch) == 0 &&
                   mkdir("data_migrations", 0700) == 0
               ? 0
               : -1;
}

static int leave(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf -- '%s'", scratch);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* What flags (name, value, …, NULL), environment and files amount to. */
static int resolve(struct config *config, const char *const *flags,
                   const char *const *environment, const char **warnings, struct error *err)
{
    config_init(config);
    *err = (struct error){0};
    for (; flags[0] != NULL; flags += 2)
        if (config_set(config, flags[0], flags[1], err) != 0) return -1;
    assert_int_equal(config_read_environment(config, environment, err), 0);
    return config_resolve(config, warnings, err);
}

static const char *const nothing[] = {NULL, NULL};

static void test_defaults(void **state)
{
    struct config config;
    struct error err;
    const char *warnings = "";
    (void)state;

    assert_int_equal(resolve(&config, nothing, nothing, &warnings, &err), 0);
    assert_null(warnings);
    assert_false(config.has_database);
    assert_false(config.has_redis);
    assert_string_equal(config.migrations, "data_migrations");
    assert_string_equal(config.ledger_table, "data_migrations");
    assert_int_equal(config.on_lock, ON_LOCK_WAIT);
    assert_int_equal(config.lock_timeout_ms, 300000);
    assert_int_equal(config.wait_ms, 0);
    assert_int_equal(config.max_time_ms, -1);
    assert_int_equal(config.batch, 0);
    assert_int_equal(config.pause_ms, -1);
    assert_int_equal(config.resume_within_ms, 86400000);
    assert_int_equal(config.retry_for_ms, 30000);
    assert_int_equal(config.wait_replicas, 0);
    assert_false(config.wait_aof);
    assert_false(config.strict);
    assert_false(config.allow_repeats);
    assert_false(config.during_schema_migration);
    assert_null(config.context);
    assert_null(config.operator_name);
    assert_non_null(config_operator(&config));
    assert_non_null(strchr(config.operator_name, '@'));
    assert_non_null(strstr(config.operator_name, config.host));
    assert_string_equal(config_text(&config, "operator"), config.operator_name);
    assert_string_equal(config_text(&config, "log-format"), "text");
    assert_null(config_text(&config, "database"));
    assert_null(config_text(&config, "frobnicate"));
    config_release(&config);
}

/* Flags win over the environment, that over the file, that over the default. */
static void test_precedence(void **state)
{
    static const char *const flags[] = {"lock-timeout", "1s", "lock-timeout", "2s", "strict",
                                        "true",         NULL};
    static const char *const environment[] = {"REDFERRY_LOCK_TIMEOUT=wrong",
                                              "REDFERRY_WAIT=3s",
                                              "REDFERRY_ON_LOCK=",
                                              "REDFERRY_JSON=1",
                                              "NO_COLOR=0",
                                              "REDFERRY_CONTEXT=JIRA-1",
                                              "REDFERRY_WAITING=9s",
                                              "REDFERRY_WAIT_AOF=true",
                                              NULL};
    struct config config;
    struct error err;
    (void)state;

    write_file("data_migrations/redferry.yaml",
               "lock_timeout: 4s\nwait: 5s\non_lock: skip\nretry_for: 6s\nbatch: 50\n"
               "ledger_table: other.names\nwait_replicas: 2\n"
               "during_schema_migration: true\n",
               0644);
    assert_int_equal(resolve(&config, flags, environment, NULL, &err), 0);
    assert_int_equal(config.lock_timeout_ms, 2000);
    assert_true(config.strict);
    assert_int_equal(config.wait_ms, 3000);
    assert_int_equal(config.on_lock, ON_LOCK_SKIP);
    assert_int_equal(config.retry_for_ms, 6000);
    assert_int_equal(config.batch, 50);
    assert_int_equal(config.wait_replicas, 2);
    assert_true(config.wait_aof);
    assert_true(config.during_schema_migration);
    assert_string_equal(config.ledger_table, "other.names");
    assert_string_equal(config.context, "JIRA-1");
    assert_string_equal(config_text(&config, "json"), "1");
    assert_string_equal(config_text(&config, "no-color"), "true");
    config_release(&config);
}

static void test_urls(void **state)
{
    static const char *const flags[] = {"redis", "redis://:secret@r/1", NULL};
    static const char *const environment[] = {"DATABASE_URL=postgres://u:secret@h/app",
                                              "REDIS_URL=ecto://x", NULL};
    static const char *const both[] = {"REDFERRY_DATABASE=sqlite:a.db",
                                       "DATABASE_URL=mysql2://x", "REDFERRY_LEDGER=sqlite:a.db",
                                       NULL};
    struct config config;
    struct error err;
    const char *warnings = NULL;
    (void)state;

    assert_int_equal(resolve(&config, flags, environment, &warnings, &err), 0);
    assert_true(config.has_database && config.has_redis && config.ledger_is_database);
    assert_string_equal(config.database.text, "postgres://u:secret@h/app");
    assert_string_equal(config.ledger.text, config.database.text);
    assert_null(strstr(config_text(&config, "database"), "secret"));
    assert_null(strstr(config_text(&config, "redis"), "secret"));
    assert_non_null(strstr(config_text(&config, "redis"), "***"));
    assert_string_equal(warnings,
                        "a password in --redis can be seen by everybody on this host; "
                        "REDFERRY_REDIS or REDFERRY_REDIS_FILE keep it");
    config_release(&config);

    assert_int_equal(resolve(&config, nothing, both, &warnings, &err), 0);
    assert_int_equal(config.database.kind, URL_SQLITE);
    assert_true(config.ledger_is_database);
    assert_null(warnings);
    config_release(&config);
}

static void test_secret_files(void **state)
{
    static const char *const environment[] = {"REDFERRY_DATABASE_FILE=database",
                                              "REDIS_URL=",
                                              "REDIS_URL_FILE=redis",
                                              "OTHER_FILE=other",
                                              "SAME=x",
                                              "SAME_FILE=other",
                                              "GONE_FILE=gone",
                                              NULL};
    struct config config;
    struct error err;
    const char *warnings = NULL;
    bool failed = false;
    (void)state;

    write_file("database", "postgres://u:secret@h/app\n", 0604);
    write_file("redis", "redis://r\r\n", 0644);
    write_file("other", "sqlite:x.db\n", 0600);
    assert_int_equal(resolve(&config, nothing, environment, &warnings, &err), 0);
    assert_string_equal(config.database.text, "postgres://u:secret@h/app");
    assert_string_equal(config.redis.text, "redis://r");
    assert_string_equal(warnings,
                        "database holds a password, and everybody may read it; chmod o-r mends "
                        "that");
    assert_string_equal(config_variable(&config, "OTHER", &failed, &err), "sqlite:x.db");
    assert_false(failed);
    assert_null(config_variable(&config, "NONE", &failed, &err));
    assert_false(failed);
    assert_null(config_variable(&config, "SAME", &failed, &err));
    assert_true(failed);
    assert_string_equal(err.message, "SAME and SAME_FILE are both set; unset one of them");
    assert_null(config_variable(&config, "GONE", &failed, &err));
    assert_true(failed);
    assert_string_equal(err.message,
                        "GONE_FILE: gone: cannot be read: No such file or directory");
    config_release(&config);
}

static void test_file_of_secrets(void **state)
{
    struct config config;
    struct error err;
    const char *warnings = NULL;
    static const char *const flags[] = {"config", "mine.yaml", NULL};
    (void)state;

    write_file("mine.yaml", "redis: redis://u:secret@r\nmigrations: elsewhere\n", 0644);
    assert_int_equal(resolve(&config, flags, nothing, &warnings, &err), 0);
    assert_string_equal(config.migrations, "elsewhere");
    assert_string_equal(
        warnings,
        "mine.yaml holds a password, and everybody may read it; chmod o-r mends that");
    config_release(&config);
    assert_int_equal(chmod("mine.yaml", 0640), 0);
    assert_int_equal(resolve(&config, flags, nothing, &warnings, &err), 0);
    assert_null(warnings);
    config_release(&config);
}

/* One thing that is wrong, and what is said. */
struct wrong {
    const char *flags[3];
    const char *environment[3];
    const char *file;
    const char *message;
};

static void test_refused(void **state)
{
    static const struct wrong cases[] = {
        {{"lock-timout", "5m"},
         {0},
         NULL,
         "there is no setting 'lock-timout'; did you mean 'lock-timeout'?"},
        {{"frobnicate", "5m"}, {0}, NULL, "there is no setting 'frobnicate'"},
        {{"lock-timeout", "5"},
         {0},
         NULL,
         "--lock-timeout: '5' is not a duration: a number and a unit, as in 50ms, 2s, 5m, 24h"},
        {{"batch", "0"}, {0}, NULL, "--batch: '0' is not a number from 1 to 1000000000"},
        {{"on-lock", "wai"}, {0}, NULL, "--on-lock: 'wai' is none of wait|fail|skip"},
        {{"wait-replicas", "0"},
         {0},
         NULL,
         "--wait-replicas: '0' is not a number from 1 to 1000000000"},
        {{"on-lock", ""}, {0}, NULL, "--on-lock: '' is none of wait|fail|skip"},
        {{"strict", "maybe"}, {0}, NULL, "--strict: 'maybe' is not true or false"},
        {{"migrations", ""}, {0}, NULL, "--migrations: '' is not a text with something in it"},
        {{"config", "gone.yaml"},
         {0},
         NULL,
         "gone.yaml: cannot be read: No such file or directory"},
        {{0},
         {"REDFERRY_STRICT=perhaps"},
         NULL,
         "REDFERRY_STRICT: 'perhaps' is not true or false"},
        {{0},
         {"DATABASE_URL=sqlite:a", "DATABASE_URL_FILE=b"},
         NULL,
         "DATABASE_URL and DATABASE_URL_FILE are both set; unset one of them"},
        {{0},
         {"DATABASE_URL_FILE=b"},
         NULL,
         "DATABASE_URL_FILE: b: cannot be read: No such file or directory"},
        {{0},
         {0},
         "lock_timout: 5m\n",
         "data_migrations/redferry.yaml:1:1: unknown key 'lock_timout'; did you mean "
         "'lock_timeout'?"},
        {{0},
         {0},
         "lock-timeout: 5m\n",
         "data_migrations/redferry.yaml:1:1: unknown key 'lock-timeout'; did you mean "
         "'lock_timeout'?"},
        {{0},
         {0},
         "wait: 5s\nlock_timeout: long\n",
         "data_migrations/redferry.yaml:2:15: 'long' is not a duration: a number and a unit, "
         "as "
         "in 50ms, 2s, 5m, 24h"},
        {{0}, {0}, "wait: [1s]\n", "data_migrations/redferry.yaml:1:7: 'wait' is a text"},
        {{0}, {0}, "database:\n", "data_migrations/redferry.yaml:1:10: 'database' is empty"},
        {{0},
         {0},
         "config: x\n",
         "data_migrations/redferry.yaml:1:1: 'config' names a file like this one; give "
         "--config"},
        {{0},
         {0},
         "migrations: x\n",
         "data_migrations/redferry.yaml:1:13: 'migrations' cannot be set here: this file was "
         "found in that directory"},
        {{0},
         {0},
         "- a\n",
         "data_migrations/redferry.yaml:1:1: settings are a mapping of keys and values"},
        /* judged although a flag wins: the file is wrong on every host */
        {{"wait", "5s"},
         {0},
         "wait: long\n",
         "data_migrations/redferry.yaml:1:7: 'long' is not a duration: a number and a unit, as "
         "in 50ms, 2s, 5m, 24h"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        struct error err;
        unlink("data_migrations/redferry.yaml");
        if (cases[i].file != NULL)
            write_file("data_migrations/redferry.yaml", cases[i].file, 0600);
        assert_int_equal(resolve(&config, cases[i].flags, cases[i].environment, NULL, &err),
                         -1);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.code, ERROR_INVALID);
        config_release(&config);
    }
}

/* Another program's URL is in nobody's way until somebody needs it; then it is refused by the
 * name of our own variable, and without its password. */
static void test_foreign_urls(void **state)
{
    static const char *const cases[][3] = {
        {"DATABASE_URL=mysql2://u:secret@h/app", "REDFERRY_DATABASE", "database"},
        {"DATABASE_URL=ecto://u:secret@h/app", "REDFERRY_DATABASE", "database"},
        {"REDIS_URL=mongodb://u:secret@h/app", "REDFERRY_REDIS", "redis"},
        {"REDIS_URL=redis://u:secret@h/0?pool=5", "REDFERRY_REDIS", "redis"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const environment[] = {cases[i][0], NULL};
        struct config config;
        struct error err;
        assert_int_equal(resolve(&config, nothing, environment, NULL, &err), 0);
        assert_null(config_text(&config, cases[i][2]));
        assert_int_equal(config_require(&config, cases[i][2], &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.message, cases[i][1]) == NULL || strstr(err.message, "secret") != NULL)
            fail_msg("%s", err.message);
        config_release(&config);
    }
}

static void test_what_is_required(void **state)
{
    static const char *const environment[] = {"DATABASE_URL=sqlite:a.db", NULL};
    struct config config;
    struct error err;
    (void)state;

    assert_int_equal(resolve(&config, nothing, environment, NULL, &err), 0);
    assert_int_equal(config_require(&config, "database", &err), 0);
    assert_int_equal(config_require(&config, "redis", &err), -1);
    assert_string_equal(err.message,
                        "no Redis: give --redis URL, or set REDFERRY_REDIS or REDIS_URL");
    assert_int_equal(config_require(&config, "ledger", &err), -1);
    assert_string_equal(err.message, "no ledger: give --ledger URL, or set REDFERRY_LEDGER");
    config_release(&config);
}

static void test_table(void **state)
{
    size_t count = 0;
    const struct config_setting *settings = config_settings(&count);
    (void)state;

    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(settings[i].help == NULL, strcmp(settings[i].name, "tests") == 0);
        assert_int_equal(settings[i].kind == CONFIG_SWITCH, settings[i].argument == NULL);
        assert_int_equal(settings[i].kind == CONFIG_CHOICE, settings[i].choices != NULL);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(settings[i].name, settings[j].name);
            assert_true(settings[i].letter == 0 || settings[i].letter != settings[j].letter);
        }
    }
}

static void test_memory_runs_out(void **state)
{
    static const char *const flags[] = {"wait", "5s", NULL};
    static const char *const environment[] = {"DATABASE_URL=sqlite:a.db",
                                              "REDIS_URL_FILE=redis", NULL};
    bool happened = true;
    (void)state;

    write_file("redis", "redis://u:secret@r", 0644);
    write_file("data_migrations/redferry.yaml", "batch: 5\n", 0600);
    for (size_t nth = 1; happened; nth++) {
        struct config config;
        struct error err;
        const char *warnings = NULL;
        int result = 0;
        alloc_fail_at(nth, false);
        result = resolve(&config, flags, environment, &warnings, &err);
        happened = alloc_fail_happened();
        alloc_fail_never();
        assert_int_equal(result, happened ? -1 : 0);
        if (happened) assert_non_null(strstr(err.message, "out of memory"));
        config_release(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, enter, leave),
        cmocka_unit_test_setup_teardown(test_precedence, enter, leave),
        cmocka_unit_test_setup_teardown(test_urls, enter, leave),
        cmocka_unit_test_setup_teardown(test_secret_files, enter, leave),
        cmocka_unit_test_setup_teardown(test_file_of_secrets, enter, leave),
        cmocka_unit_test_setup_teardown(test_refused, enter, leave),
        cmocka_unit_test_setup_teardown(test_foreign_urls, enter, leave),
        cmocka_unit_test(test_what_is_required),
        cmocka_unit_test(test_table),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test: rehearse migrations on scratch servers, and tell what was not as their tests expect.
 *
 * Results are printed as they come, in the order of the versions, for people or as TAP; what
 * was expected and what was got stand one below the other, behind the line of the test's file.
 * That the database of the settings is not touched is seen to here: only what stands on the
 * command line itself is handed on.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "report.h"
#include "screen.h"
#include "signals.h"
#include "text.h"

enum { MOST_JOBS = 1000, MOST_KILLS = 1000000 };

/* How results are told. */
struct telling {
    struct cmd_call *call;
    bool tap;
    bool require_tests;
    size_t told;
};

static bool is(const redferry_test_result *result, const char *verdict)
{
    return strcmp(result->verdict, verdict) == 0;
}

/* ---- for people ------------------------------------------------------------------------- */

static void put_name(FILE *out, const redferry_test_result *result)
{
    fprintf(out, "%" PRId64 "_", result->version);
    text_put(out, result->name);
}

/* "FILE:10:7: " or, of no line, "FILE: " */
static void put_place(FILE *out, const redferry_test_result *result,
                      const redferry_test_difference *difference)
{
    text_put(out, result->test);
    if (difference->line > 0) fprintf(out, ":%d:%d", difference->line, difference->column);
    fputs(": ", out);
}

/* A text in a terminal's lines: further ones begin at column indent. */
static void put_lines(const struct cmd_call *call, const char *text, size_t indent)
{
    enum { NARROW = 20 };
    if (call->columns >= indent + NARROW) {
        text_put_folded(call->out, text, indent, call->columns);
    } else {
        text_put(call->out, text);
        fputs("\n", call->out);
    }
}

static void put_side(const struct cmd_call *call, const char *label, enum screen_colour colour,
                     const char *text)
{
    enum { INDENT = 14 };
    fprintf(call->out, "    %s%-8s%s  ", screen_colour(colour, call->coloured), label,
            screen_colour(SCREEN_PLAIN, call->coloured));
    put_lines(call, text, INDENT);
}

static void put_difference(const struct cmd_call *call, const redferry_test_result *result,
                           const redferry_test_difference *difference)
{
    fputs("  ", call->out);
    put_place(call->out, result, difference);
    text_put(call->out, difference->moment);
    fputs(": ", call->out);
    text_put(call->out, difference->what);
    fputs("\n", call->out);
    put_side(call, "expected", SCREEN_GREEN, difference->expected);
    put_side(call, "got", SCREEN_RED, difference->got);
}

static void put_error(FILE *out, const redferry_test_result *result)
{
    fputs("  ", out);
    if (result->error_moment != NULL) {
        text_put(out, result->error_moment);
        fputs(": ", out);
    }
    text_put(out, result->error);
    fputs("\n", out);
}

static void put_verdict(struct cmd_call *call, const char *word, enum screen_colour colour)
{
    fprintf(call->out, "%s%s%s ", screen_colour(colour, call->coloured), word,
            screen_colour(SCREEN_PLAIN, call->coloured));
}

static void print_result(const struct telling *telling, const redferry_test_result *result)
{
    struct cmd_call *call = telling->call;
    FILE *out = call->out;
    char took[TEXT_TIME], kills[TEXT_COUNT];
    const bool failed = is(result, "failed");
    const bool lacks = is(result, "untested");
    if (call->quiet && !failed && !(lacks && telling->require_tests)) return;
    if (lacks) {
        put_verdict(call, telling->require_tests ? "FAIL" : "--  ",
                    telling->require_tests ? SCREEN_RED : SCREEN_YELLOW);
        put_name(out, result);
        fputs(": has no test\n", out);
        return;
    }
    put_verdict(call, failed ? "FAIL" : "ok  ", failed ? SCREEN_RED : SCREEN_GREEN);
    put_name(out, result);
    fprintf(out, " (%s", text_duration(took, result->seconds));
    if (result->kills > 0)
        fprintf(out, ", killed %s", text_count(kills, (int64_t)result->kills, "time"));
    fputs(")\n", out);
    for (size_t i = 0; i < result->difference_count; i++)
        put_difference(call, result, &result->differences[i]);
    if (result->omitted > 0) fprintf(out, "  and %zu more\n", result->omitted);
    if (result->error != NULL) put_error(out, result);
    (void)fflush(out);
}

static void print_sums(const struct telling *telling, const redferry_test_report *report,
                       bool kills)
{
    struct cmd_call *call = telling->call;
    char tests[TEXT_COUNT], took[TEXT_TIME], lacking[TEXT_COUNT];
    const size_t missing = telling->require_tests ? report->untested : 0;
    const size_t failed = report->failed + missing, count = report->ok + failed;
    if (call->quiet) return;
    if (report->count == 0) {
        fputs("nothing to test: there are no migrations\n", call->out);
        return;
    }
    fprintf(call->out, "%s: %zu ok, %zu failed", text_count(tests, (int64_t)count, "test"),
            report->ok, failed);
    if (report->untested > 0)
        fprintf(call->out, "; %s without a test",
                text_count(lacking, (int64_t)report->untested, "migration"));
    fprintf(call->out, " (%s)\n", text_duration(took, report->seconds));
    if (kills)
        fprintf(call->out, "--seed %" PRIu64 " repeats the moments of the kills\n",
                report->seed);
}

/* ---- TAP -------------------------------------------------------------------------------- */

/* A line of the YAML behind a result: JSON's quotes are YAML's, too. */
static void put_pair(FILE *out, const char *before, const char *text)
{
    json_t *value = document_text(text);
    fputs(before, out);
    if (value == NULL || json_dumpf(value, out, JSON_ENCODE_ANY) != 0) fputs("\"\"", out);
    fputs("\n", out);
    document_free(value);
}

/* A '#' would begin a directive: '# TODO' makes a failed test a good one. */
static void put_tap_name(FILE *out, const redferry_test_result *result)
{
    enum { MOST = 1024 }; /* more than a file's name has */
    char escaped[MOST + 2];
    size_t length = 0;
    for (const char *c = result->name; *c != '\0' && length < MOST; c++) {
        if (*c == '#' || *c == '\\') escaped[length++] = '\\';
        escaped[length++] = *c;
    }
    escaped[length] = '\0';
    fprintf(out, "%" PRId64 "_", result->version);
    text_put(out, escaped);
}

static void put_tap_difference(FILE *out, const redferry_test_difference *difference)
{
    put_pair(out, "    - moment: ", difference->moment);
    if (difference->line > 0)
        fprintf(out, "      line: %d\n      column: %d\n", difference->line,
                difference->column);
    put_pair(out, "      what: ", difference->what);
    put_pair(out, "      expected: ", difference->expected);
    put_pair(out, "      got: ", difference->got);
}

static void put_tap(const struct telling *telling, const redferry_test_result *result)
{
    FILE *out = telling->call->out;
    const bool lacks = is(result, "untested");
    const bool good = is(result, "ok") || (lacks && !telling->require_tests);
    fprintf(out, "%s %zu - ", good ? "ok" : "not ok", telling->told);
    put_tap_name(out, result);
    if (lacks && good) fputs(" # SKIP it has no test", out);
    fputs("\n", out);
    if (!good) {
        fputs("  ---\n", out);
        put_pair(out, "  file: ", lacks ? result->file : result->test);
        if (lacks) put_pair(out, "  error: ", "it has no test");
        if (result->error_moment != NULL) put_pair(out, "  moment: ", result->error_moment);
        if (result->error != NULL) put_pair(out, "  error: ", result->error);
        if (result->difference_count > 0) fputs("  differences:\n", out);
        for (size_t i = 0; i < result->difference_count; i++)
            put_tap_difference(out, &result->differences[i]);
        fputs("  ...\n", out);
    }
    (void)fflush(out);
}

/* ---- the command ------------------------------------------------------------------------ */

static void tell(const redferry_test_result *result, void *payload)
{
    struct telling *telling = payload;
    telling->told++;
    if (telling->tap)
        put_tap(telling, result);
    else
        print_result(telling, result);
}

/* An option that is a number from least on. Returns 0, or -1 with the refusal. */
static int read_number(struct cmd_call *call, const char *name, int64_t least, int64_t most,
                       int64_t *number)
{
    const char *text = cmd_option(call, name);
    if (text == NULL || text_number(text, least, most, number) == 0) return 0;
    (void)cmd_refuse(call, "--%s: '%s' is not a number from %" PRId64 " to %" PRId64, name,
                     text, least, most);
    return -1;
}

/* How a TAP document ends: with its plan, or with why there is none. */
static void end_tap(const struct telling *telling, const redferry_test_report *report,
                    bool kills)
{
    FILE *out = telling->call->out;
    if (report != NULL && kills)
        fprintf(out, "# --seed %" PRIu64 " repeats the moments of the kills\n", report->seed);
    if (report != NULL) {
        fprintf(out, "1..%zu%s\n", telling->told,
                telling->told == 0 ? " # SKIP there are no migrations" : "");
    } else {
        fputs("Bail out! ", out);
        text_put(out, redferry_error(telling->call->ferry));
        fputs("\n", out);
    }
}

/* Options of all commands that have no meaning here. Returns 0, or -1 with the refusal. */
static int refuse_settings(struct cmd_call *call)
{
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"ledger", "keeps each ledger in its scratch database"},
        {"max-time", "has '--timeout'"},
        {"redis", "starts a Redis of its own"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (cmd_option(call, refused[i].name) == NULL) continue;
        (void)cmd_refuse(call, "'test' %s, and takes no '--%s'", refused[i].why,
                         refused[i].name);
        return -1;
    }
    return 0;
}

static int run(struct cmd_call *call)
{
    struct telling telling = {
        .call = call,
        .tap = cmd_switch(call, "tap"),
        .require_tests = cmd_switch(call, "require-tests"),
    };
    int64_t jobs = 0, kills = 0, seed = 0;
    const redferry_test_report *report = NULL;
    if (refuse_settings(call) != 0) return REDFERRY_INVALID;
    if (telling.tap && call->json)
        return cmd_refuse(call, "--tap and --json exclude each other");
    if (read_number(call, "jobs", 1, MOST_JOBS, &jobs) != 0 ||
        read_number(call, "kills", 1, MOST_KILLS, &kills) != 0 ||
        read_number(call, "seed", 1, INT64_MAX, &seed) != 0)
        return REDFERRY_INVALID;
    if (seed > 0 && kills == 0) return cmd_refuse(call, "--seed goes with --kills");
    const redferry_test_options options = {
        .files = call->arguments,
        .file_count = call->count,
        .database = cmd_option(call, "database"),
        .require_tests = telling.require_tests,
        .jobs = (size_t)jobs,
        .kills = (size_t)kills,
        .seed = (uint64_t)seed,
        .timeout = cmd_option(call, "timeout"),
        .callback = call->json ? NULL : tell,
        .payload = &telling,
    };
    signals_install(call->ferry, NULL); /* there is no batch that matters */
    if (telling.tap) fputs("TAP version 13\n", call->out);
    const int code = redferry_test(call->ferry, &options, &report);
    if (telling.tap)
        end_tap(&telling, report, kills > 0);
    else if (call->json && report != NULL)
        call->document = document_test(report, kills > 0, code, redferry_error(call->ferry));
    else if (report != NULL)
        print_sums(&telling, report, kills > 0);
    return code;
}

static const struct option_line options[] = {
    {"jobs", 0, "NUMBER", "how many at a time [default: as many as there are processors]"},
    {"kills", 0, "NUMBER", "kill each run so often, at random, and demand the same end"},
    {"require-tests", 0, NULL, "a migration without a test fails"},
    {"seed", 0, "NUMBER", "with --kills: repeat the moments of an earlier call"},
    {"tap", 0, NULL, "print the results in the Test Anything Protocol"},
    {"timeout", 0, "DURATION", "what a test may take; 0: any time [default: 1m]"},
    {0},
};

const struct cmd cmd_test = {
    .name = "test",
    .arguments = "[FILE...]",
    .summary = "run migrations' tests on scratch servers",
    .details =
        "Applies each migration, compares with what its test expects, applies it a second "
        "time from the start, which must change nothing in Redis, nor what the queries of "
        "its `sql` expect of the database, undoes it and applies it again; "
        "on a Redis of its own, and on a SQLite file, or on a scratch database of the "
        "PostgreSQL that --database names on the command line. The settings' own servers "
        "are left alone; REDFERRY_REDIS_SERVER names another program than the "
        "redis-server or valkey-server that is in PATH. A FILE is a migration, a test, or a "
        "VERSION; without one all tests are run. Exits with 8 where a test fails.",
    .options = options,
    .most = CMD_ANY,
    .run = run,
};

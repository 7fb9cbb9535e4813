#ifndef REDFERRY_DOCUMENT_H
#define REDFERRY_DOCUMENT_H

#include <stdbool.h>
#include <stdio.h>

#include <redferry/redferry.h>

struct json_t;

/*
 * The documents of --json, described in docs/json.md. Each is yours to give to document_print()
 * or document_free(); NULL when memory runs out. Versions and ids are strings; absent facts are
 * null.
 */

/* The names of an outcome's lists, which are also its words for people. */
struct document_lists {
    const char *done;   /* "applied", "marked", …; NULL: nothing is done but undone */
    const char *undone; /* "undone"; NULL: everything is listed under done */
    bool brief;         /* version and name only; no migration runs, so none fails */
};

/* Only what went wrong. */
struct json_t *document_error(const char *error, int code);

/* What a command did. outcome may be NULL; error "" or NULL: none. */
struct json_t *document_outcome(const struct document_lists *lists,
                                const redferry_outcome *outcome, int code, const char *error);

/* The migrations and their states; where code is not REDFERRY_OK also the error. */
struct json_t *document_status(const redferry_status_report *report, int code,
                               const char *error);

/* The runs. */
struct json_t *document_history(const redferry_history_report *report);

/* What would be done; where code is not REDFERRY_OK also the error. */
struct json_t *document_plan(const redferry_plan_report *report, int code, const char *error);

/* What became of a petition; of a watch. error "" or NULL: none. */
struct json_t *document_petition(const redferry_petition *petition, int code,
                                 const char *error);
struct json_t *document_watch(const redferry_watch_report *report, int code, const char *error);

/* Findings and guarantees; and the rules by which things are found. */
struct json_t *document_lint(const redferry_lint_report *report, int code);
struct json_t *document_rules(const redferry_rule *rules, size_t count);

/* What the doctor found. */
struct json_t *document_doctor(const redferry_doctor_report *report, int code);

/* What was compared; where code is not REDFERRY_OK also the error. */
struct json_t *document_verify(const redferry_verify_report *report, int code,
                               const char *error);

/* What came of tests; kills: the seed counts; where code is not REDFERRY_OK also the error. */
struct json_t *document_test(const redferry_test_report *report, bool kills, int code,
                             const char *error);

/* A few texts: name, value (NULL: null), name, value, …, NULL. */
struct json_t *document_texts(int code, const char *name, ...) __attribute__((sentinel));

/* A command that went on in the background, and the run that it had begun there. */
struct document_background {
    int64_t run_id, version;
    const char *name;
    int64_t pid;
    const char *log_path;
};
struct json_t *document_background(const struct document_background *background);

/* A line of --log-format json. */
struct json_t *document_event(const redferry_event *event, const char *context);

/* Such a line for the error at the end; place: the failure of a migration, or {0} but for
 * rows_total -1. */
struct json_t *document_failure(const redferry_event *place, const char *error,
                                const char *context);

/* The pieces of documents: text (NULL: null; what is no UTF-8 is replaced), an id (a string; 0:
 * null), seconds (to the millisecond), a number from 1 (0: null). */
struct json_t *document_text(const char *value);
struct json_t *document_id(int64_t value);
struct json_t *document_decimal(double value);
struct json_t *document_ordinal(int64_t value);

/* Print a document as lines that people can read, or as one line (compact), and free it; where
 * there is none for want of memory, say so in its place. Returns 0, or -1 where a document is
 * missing or could not be written. */
int document_print(struct json_t *document, FILE *stream, bool compact);

/* Free a document. NULL is harmless. */
void document_free(struct json_t *document);

#endif

/*
 * init: make the directory and the ledger, or only print the ledger's tables for a role that
 * may not make them itself.
 */
#include <stdlib.h>

#include "cmd.h"
#include "text.h"

static int print_sql(struct cmd_call *call)
{
    const char *sql = NULL;
    int code = redferry_init_sql(call->ferry, &sql);
    if (code != REDFERRY_OK || sql == NULL) return code;
    if (call->json) {
        call->document = document_texts(code, "sql", sql, NULL);
    } else {
        fputs(sql, call->out);
    }
    return code;
}

/* "redferry up (2 pending, which redferry plan shows)" */
static void put_next(struct cmd_call *call, const redferry_prepared *prepared)
{
    fprintf(call->out, "next:       %s", prepared->next);
    if (prepared->pending > 0)
        fprintf(call->out, " (%zu pending, which redferry plan shows)", prepared->pending);
    fputs("\n", call->out);
}

/* "made NAME in 'PLACE'" */
static void put_made(struct cmd_call *call, const char *what, const char *place)
{
    fprintf(call->out, "%s ", what);
    text_put(call->out, place != NULL ? place : "?");
    fputs("\n", call->out);
}

static int run(struct cmd_call *call)
{
    if (cmd_switch(call, "print-sql")) return print_sql(call);

    const redferry_prepared *prepared = NULL;
    int code = redferry_init(call->ferry, &prepared);
    if (code != REDFERRY_OK || prepared == NULL) return code;
    const char *migrations = redferry_get(call->ferry, "migrations");
    if (call->json) {
        char *directory = migrations != NULL ? text_format("%s", migrations) : NULL;
        const char *ledger = redferry_get(call->ferry, "ledger");
        if (ledger == NULL) ledger = redferry_get(call->ferry, "database");
        call->document = document_texts(code, "migrations", directory, "ledger", ledger, "next",
                                        prepared->next, NULL);
        free(directory);
        return code;
    }
    if (call->quiet) return code;
    put_made(call, "migrations:", migrations);
    const char *ledger = redferry_get(call->ferry, "ledger");
    put_made(call,
             "ledger:    ", ledger != NULL ? ledger : redferry_get(call->ferry, "database"));
    put_next(call, prepared);
    return code;
}

static const struct option_line options[] = {
    {"print-sql", 0, NULL, "only print the statements that make the ledger"},
    {0},
};

const struct cmd cmd_init = {
    .name = "init",
    .arguments = "",
    .summary = "make the migrations directory and the ledger's tables",
    .details = "What exists already stays as it is. A role that may not create tables can use "
               "those that another role made from what --print-sql prints.",
    .options = options,
    .run = run,
};

/*
 * new: write a migration and its test, stamped with the time: an example, or the copy of a
 * table.
 */
#include "cmd.h"
#include "text.h"

static void put_path(struct cmd_call *call, const char *path)
{
    if (path == NULL) return;
    text_put(call->out, path);
    fputs("\n", call->out);
}

static int run(struct cmd_call *call)
{
    const redferry_create_options options = {.no_test = cmd_switch(call, "no-test"),
                                             .from_table = cmd_option(call, "from-table"),
                                             .key_prefix = cmd_option(call, "key-prefix")};
    const redferry_created *created = NULL;
    if (options.key_prefix != NULL && options.from_table == NULL)
        return cmd_refuse(call, "--key-prefix needs --from-table");
    int code = redferry_create(call->ferry, call->arguments[0], &options, &created);
    if (code != REDFERRY_OK || created == NULL) return code;
    if (call->json) {
        call->document =
            document_texts(code, "file", created->file, "test", created->test, NULL);
        return code;
    }
    put_path(call, created->file);
    put_path(call, created->test);
    return code;
}

static const struct option_line options[] = {
    {"from-table", 0, "TABLE", "copy this table of the database: its columns, by its key"},
    {"key-prefix", 0, "PREFIX", "what its Redis keys begin with, instead of 'TABLE:'"},
    {"no-test", 0, NULL, "write no test beside the migration"},
    {0},
};

const struct cmd cmd_new = {
    .name = "new",
    .arguments = "NAME",
    .summary = "write a migration and its test, stamped with the UTC time",
    .details =
        "The paths of both files are printed. They hold an example to be edited, or, with "
        "--from-table, what copies that table to Redis and undoes it, and a test with two "
        "rows that are made up. An existing file is never overwritten.",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};

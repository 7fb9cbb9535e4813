/*
 * new: write a migration from a template, stamped with the time.
 */
#include "cmd.h"
#include "text.h"

static int run(struct cmd_call *call)
{
    const char *path = NULL;
    int code = redferry_create(call->ferry, call->arguments[0], &path);
    if (code != REDFERRY_OK || path == NULL) return code;
    if (call->json) {
        call->document = document_texts(code, "file", path, NULL);
    } else {
        text_put(call->out, path);
        fputs("\n", call->out);
    }
    return code;
}

const struct cmd cmd_new = {
    .name = "new",
    .arguments = "NAME",
    .summary = "write a migration from a template, stamped with the UTC time",
    .details = "The file's path is printed. An existing file is never overwritten.",
    .least = 1,
    .most = 1,
    .run = run,
};

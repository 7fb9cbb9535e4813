/*
 * What a call asks for: the public options of up, run and down, checked and turned into the
 * wish that is carried out, or planned. That they are written once is what makes a plan the
 * plan of the command that it is asked about.
 */
#include "request.h"

#include "agenda.h"
#include "arena.h"
#include "error.h"
#include "handle.h"
#include "selection.h"

/* A VERSION that may be absent: 0 then. */
static int resolve_optional(struct redferry *ferry, const struct session *session,
                            const char *what, const char *text, int64_t *version)
{
    *version = 0;
    if (text == NULL) return 0;
    return selection_resolve(session, what, text, version, &ferry->error);
}

int request_versions(struct redferry *ferry, const struct session *session, const char *what,
                     const char *const *texts, size_t count, int64_t **versions)
{
    *versions = arena_array(&ferry->results, count + 1, sizeof **versions);
    if (*versions == NULL) return error_memory(&ferry->error);
    for (size_t i = 0; i < count; i++)
        if (selection_resolve(session, what, texts[i], &(*versions)[i], &ferry->error) != 0)
            return -1;
    return 0;
}

int request_up(struct redferry *ferry, const struct session *session,
               const redferry_up_options *options, struct wish *wish)
{
    *wish = (struct wish){.kind = WISH_UP};
    if (options == NULL) return 0;
    return resolve_optional(ferry, session, "--to", options->to, &wish->to);
}

int request_run(struct redferry *ferry, const struct session *session,
                const redferry_run_options *options, struct wish *wish)
{
    int64_t *versions = NULL;
    if (options->all && (!options->again || options->version_count > 0))
        return error_set(&ferry->error, ERROR_INVALID,
                         "--all goes with --again and without versions: it carries every "
                         "applied migration once more");
    if (!options->all && options->version_count == 0)
        return error_set(&ferry->error, ERROR_INVALID, "run needs a VERSION, or --all --again");
    if (request_versions(ferry, session, "VERSION", options->versions, options->version_count,
                         &versions) != 0)
        return -1;
    *wish = (struct wish){
        .kind = WISH_RUN,
        .versions = versions,
        .version_count = options->version_count,
        .again = options->again,
        .all = options->all,
    };
    return 0;
}

int request_down(struct redferry *ferry, const struct session *session,
                 const redferry_down_options *options, struct wish *wish)
{
    const redferry_down_options last = {.count = 1};
    if (options == NULL) options = &last;
    *wish = (struct wish){.kind = WISH_DOWN, .count = options->count};
    if ((options->count != 0) + (options->to != NULL) + (options->only != NULL) > 1)
        return error_set(&ferry->error, ERROR_INVALID, "N, --to and --only exclude each other");
    if (options->count < 0)
        return error_set(&ferry->error, ERROR_INVALID, "N is how many to undo: 1 or more");
    if (resolve_optional(ferry, session, "--to", options->to, &wish->to) != 0 ||
        resolve_optional(ferry, session, "--only", options->only, &wish->only) != 0)
        return -1;
    if (wish->count == 0 && wish->to == 0) wish->count = 1;
    return 0;
}

/* example: an application that carries its pending data migrations across when it starts. */
#include <redferry/redferry.h>

#include <inttypes.h>
#include <stdio.h>

static void tell(const redferry_event *event, void *payload)
{
    if (event->kind == REDFERRY_EVENT_MIGRATION_DONE)
        fprintf((FILE *)payload, "%s: %" PRId64 " rows\n", event->name, event->tally.rows_read);
}

int main(int argc, char **argv)
{
    redferry *ferry = redferry_new();
    if (argc != 4 || ferry == NULL) {
        fprintf(stderr, "usage: example DATABASE REDIS MIGRATIONS\n");
        redferry_free(ferry);
        return REDFERRY_INVALID;
    }
    redferry_on_event(ferry, tell, stdout);
    redferry_set(ferry, "database", argv[1]);
    redferry_set(ferry, "redis", argv[2]);
    redferry_set(ferry, "migrations", argv[3]);
    int code = redferry_up(ferry, NULL, NULL);
    if (code != REDFERRY_OK) fprintf(stderr, "example: %s\n", redferry_error(ferry));
    redferry_free(ferry);
    return code;
}

#ifndef REDFERRY_AUDIENCE_H
#define REDFERRY_AUDIENCE_H

struct connection;
struct error;
struct heard;
struct migration;
struct stop;
struct url;

/*
 * Whoever listens to all channels of a Redis while a migration is rehearsed, on a connection of
 * its own.
 */
struct audience {
    struct connection *connection;
};

/* Subscribe to every channel but those of shards. url and stop are borrowed until
 * audience_close(). Returns 0 or -1 with err. */
int audience_open(struct audience *audience, const struct url *url, const struct stop *stop,
                  struct error *err);

/* Listen to shard channels as well where this migration may send to some. What was published
 * so far and not taken is lost. Returns 0 or -1 with err. */
int audience_attend(struct audience *audience, const struct migration *migration,
                    struct error *err);

/* Harmless on {0}. */
void audience_close(struct audience *audience);

/* Everything that was published since the last time and before this call, into *heard, which is
 * emptied first and yours to heard_release(). Returns 0 or -1 with err. */
int audience_take(struct audience *audience, struct heard *heard, struct error *err);

#endif

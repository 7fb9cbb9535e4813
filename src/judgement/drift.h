#ifndef REDFERRY_DRIFT_H
#define REDFERRY_DRIFT_H

#include <stdint.h>

struct error;
struct redis_state;
struct verdict;

/* How two states of a Redis are compared. */
struct drift_manner {
    int64_t since_ms;   /* wall clock: ids of streams whose time is not before this are as good
                           as the same; 0: none are */
    const char *moment; /* of the differences */
};

/* Note in verdict what differs, key by key. TTLs, of keys and of fields, may be some seconds
 * apart. Returns 0, or -1 with err (no memory). */
int drift_note(const struct redis_state *expected, const struct redis_state *got,
               const struct drift_manner *manner, struct verdict *verdict, struct error *err);

#endif

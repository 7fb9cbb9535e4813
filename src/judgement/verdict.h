#ifndef REDFERRY_VERDICT_H
#define REDFERRY_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "error.h"

struct buffer;

enum { VERDICT_MOST = 50 };

/* One thing that is not as it should be. */
struct verdict_difference {
    int line, column;   /* of the test's file; 0: of none of its lines */
    const char *moment; /* when: "after up", "after a second up", "after down" … */
    const char *what;   /* a command, a query, a key of Redis, a channel */
    const char *expected;
    const char *got;
};

/* What a rehearsal came to. Texts live in its arena; {0} is one in which nothing was found. */
struct verdict {
    struct verdict_difference items[VERDICT_MOST];
    size_t count;       /* how many items there are */
    size_t omitted;     /* differences for which there was no room */
    struct error error; /* why it could not be carried to its end; code ERROR_NONE: it was */
    const char *failed_moment; /* in what, where that is known */
    double seconds;
    size_t kills; /* how often the run was killed */
    struct arena arena;
};

/* Free what it holds. Harmless on {0}. */
void verdict_release(struct verdict *verdict);

/* Whether all was as it should be. */
bool verdict_is_good(const struct verdict *verdict);

/* Note a difference; its texts are copied. Without memory the verdict says so. */
void verdict_add(struct verdict *verdict, const struct verdict_difference *difference);

/* Append it in a form that verdict_read() reads, of the same program. */
void verdict_write(const struct verdict *verdict, struct buffer *out);

/* Read one. Returns 0 with *verdict yours to verdict_release(), or -1 with err. */
int verdict_read(struct verdict *verdict, const char *bytes, size_t length, struct error *err);

#endif

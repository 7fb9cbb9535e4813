#ifndef REDFERRY_DISPUTE_H
#define REDFERRY_DISPUTE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Differences that a later command may still speak for: places in Redis (a key, a field of it,
 * a member…) where a command's expectation was not met, each with the number of the finding
 * that it belongs to. Bounded: at most DISPUTES_MOST.
 */
struct disputes;

enum { DISPUTES_MOST = 65536 };

enum dispute_kind {
    DISPUTE_VALUE,  /* what the key holds as a whole */
    DISPUTE_ABSENT, /* that there is no such key */
    DISPUTE_TTL,
    DISPUTE_NAMED /* a field, a member */
};

/* Borrowed during a call. */
struct dispute_place {
    const char *key;
    size_t key_length;
    enum dispute_kind kind;
    const char *name;
    size_t name_length;
};

/* Told of each dispute that is over. */
typedef void (*dispute_over)(void *context, uint32_t finding);

/* Returns NULL when memory runs out. Yours to disputes_free(). */
struct disputes *disputes_new(void);

/* NULL is harmless. */
void disputes_free(struct disputes *disputes);

/* Open one. Returns 1; 0: there are too many; -1: no memory. */
int disputes_open(struct disputes *disputes, const struct dispute_place *place,
                  uint32_t finding);

/* End what there is about this very place. */
void disputes_settle(struct disputes *disputes, const struct dispute_place *place,
                     dispute_over over, void *context);

/* End all about any place of a key. */
void disputes_settle_key(struct disputes *disputes, const char *key, size_t length,
                         dispute_over over, void *context);

size_t disputes_count(const struct disputes *disputes);

#endif

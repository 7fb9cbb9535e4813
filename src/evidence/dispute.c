/*
 * Places in dispute, found by their fingerprints.
 *
 * A million rows may pass while some differences are open, so a place is 128 bits: a
 * fingerprint of its key, and one of the key with the name behind it. Two tables of chains lead
 * to it: by both for the question about one place, by the key's alone for all that a key has.
 * The fingerprints are seeded anew each time, so that nobody can prepare data whose places are
 * mistaken for each other; by chance that happens to one pair in 2^64.
 */
#include "dispute.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"

enum { FIRST_CAPACITY = 256 };

#define NONE UINT32_MAX

/* In two chains: of places (one way), and of keys (both ways, since it is left in the middle).
 */
struct dispute {
    uint64_t key;
    uint64_t place;
    uint32_t finding;
    uint32_t next_place;
    uint32_t next_key;
    uint32_t previous_key;
};

struct disputes {
    struct dispute *items;
    uint32_t *by_place; /* capacity heads of chains, as of the next */
    uint32_t *by_key;
    uint32_t capacity; /* a power of two */
    uint32_t count;
    uint32_t spare; /* a chain (next_key) of items that are not in use */
    uint32_t used;  /* items beyond were never in use */
    uint64_t seed;
};

/* ---- fingerprints ----------------------------------------------------------------------- */

static uint64_t stir(uint64_t state, uint64_t word)
{
    state = (state ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return state ^ (state >> 29);
}

static uint64_t fingerprint(uint64_t state, const char *bytes, size_t length)
{
    const size_t all = length;
    uint64_t word = 0;
    for (; length >= sizeof word; length -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        state = stir(state, word);
    }
    word = 0;
    if (length > 0) memcpy(&word, bytes, length);
    state = stir(stir(state, word), all);
    return stir(state, state >> 32);
}

static uint64_t place_of(const struct dispute_place *place, uint64_t key)
{
    return fingerprint(stir(key, 1 + (uint64_t)place->kind), place->name, place->name_length);
}

/* ---- the tables ------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct disputes *disputes, uint32_t *heads, uint64_t print)
{
    return &heads[(print >> 16) & (disputes->capacity - 1)];
}

static void link_in(struct disputes *disputes, uint32_t at)
{
    struct dispute *item = &disputes->items[at];
    uint32_t *by_place = slot_of(disputes, disputes->by_place, item->place);
    uint32_t *by_key = slot_of(disputes, disputes->by_key, item->key);
    item->next_place = *by_place;
    *by_place = at;
    item->previous_key = NONE;
    item->next_key = *by_key;
    if (*by_key != NONE) disputes->items[*by_key].previous_key = at;
    *by_key = at;
}

static void take_out(struct disputes *disputes, uint32_t at)
{
    struct dispute *item = &disputes->items[at];
    uint32_t *link = slot_of(disputes, disputes->by_place, item->place);
    while (*link != at) link = &disputes->items[*link].next_place;
    *link = item->next_place;
    if (item->next_key != NONE)
        disputes->items[item->next_key].previous_key = item->previous_key;
    if (item->previous_key != NONE)
        disputes->items[item->previous_key].next_key = item->next_key;
    else
        *slot_of(disputes, disputes->by_key, item->key) = item->next_key;
    item->next_key = disputes->spare;
    disputes->spare = at;
    disputes->count--;
}

/* Twice the room. Only called where every item is in use. */
static int grow(struct disputes *disputes)
{
    const uint32_t capacity = disputes->capacity == 0 ? FIRST_CAPACITY : 2 * disputes->capacity;
    struct dispute *items = realloc(disputes->items, capacity * sizeof *items);
    if (items != NULL) disputes->items = items;
    uint32_t *by_place = realloc(disputes->by_place, capacity * sizeof *by_place);
    if (by_place != NULL) disputes->by_place = by_place;
    uint32_t *by_key = realloc(disputes->by_key, capacity * sizeof *by_key);
    if (by_key != NULL) disputes->by_key = by_key;
    if (items == NULL || by_place == NULL || by_key == NULL) return -1;
    disputes->capacity = capacity;
    memset(by_place, 0xff, capacity * sizeof *by_place);
    memset(by_key, 0xff, capacity * sizeof *by_key);
    for (uint32_t at = 0; at < disputes->used; at++) link_in(disputes, at);
    return 0;
}

/* ---- disputes --------------------------------------------------------------------------- */

struct disputes *disputes_new(void)
{
    struct disputes *disputes = calloc(1, sizeof *disputes);
    if (disputes == NULL) return NULL;
    disputes->spare = NONE;
    if (getrandom(&disputes->seed, sizeof disputes->seed, GRND_NONBLOCK) !=
        (ssize_t)sizeof disputes->seed)
        disputes->seed = (uint64_t)clock_monotonic();
    return disputes;
}

void disputes_free(struct disputes *disputes)
{
    if (disputes == NULL) return;
    free(disputes->items);
    free(disputes->by_place);
    free(disputes->by_key);
    free(disputes);
}

int disputes_open(struct disputes *disputes, const struct dispute_place *place,
                  uint32_t finding)
{
    uint32_t at = disputes->spare;
    if (disputes->count == DISPUTES_MOST) return 0;
    if (at != NONE) {
        disputes->spare = disputes->items[at].next_key;
    } else {
        if (disputes->used == disputes->capacity && grow(disputes) != 0) return -1;
        at = disputes->used++;
    }
    const uint64_t key = fingerprint(disputes->seed, place->key, place->key_length);
    disputes->items[at] =
        (struct dispute){.key = key, .place = place_of(place, key), .finding = finding};
    link_in(disputes, at);
    disputes->count++;
    return 1;
}

void disputes_settle(struct disputes *disputes, const struct dispute_place *place,
                     dispute_over over, void *context)
{
    if (disputes->count == 0) return;
    const uint64_t key = fingerprint(disputes->seed, place->key, place->key_length);
    const uint64_t print = place_of(place, key);
    uint32_t at = *slot_of(disputes, disputes->by_place, print);
    while (at != NONE) {
        const struct dispute item = disputes->items[at];
        if (item.key == key && item.place == print) {
            take_out(disputes, at);
            over(context, item.finding);
        }
        at = item.next_place;
    }
}

void disputes_settle_key(struct disputes *disputes, const char *key, size_t length,
                         dispute_over over, void *context)
{
    if (disputes->count == 0) return;
    const uint64_t print = fingerprint(disputes->seed, key, length);
    uint32_t at = *slot_of(disputes, disputes->by_key, print);
    while (at != NONE) {
        const struct dispute item = disputes->items[at];
        if (item.key == print) {
            take_out(disputes, at);
            over(context, item.finding);
        }
        at = item.next_key;
    }
}

size_t disputes_count(const struct disputes *disputes)
{
    return disputes->count;
}

#ifndef REDFERRY_DOCTOR_REDIS_H
#define REDFERRY_DOCTOR_REDIS_H

#include <stddef.h>

struct arena;
struct doctor;
struct error;
struct reply;

/* The doctor's examinations of Redis. Each returns 0, its findings added, or -1 with err: it
 * could not be done. */

/* Connect; see that it may be written to; read what it says of itself. */
int doctor_redis_connect(struct doctor *doctor, struct error *err);

/* Whether what is carried outlives a restart: judge what was read. So do the next four. */
int doctor_redis_persistence(struct doctor *doctor, struct error *err);

/* Whether it can do what --wait-replicas and --wait-aof ask for. */
int doctor_redis_durability(struct doctor *doctor, struct error *err);

/* Whether it may evict a checkpoint. */
int doctor_redis_eviction(struct doctor *doctor, struct error *err);

/* Whether the rows to come have room. */
int doctor_redis_memory(struct doctor *doctor, struct error *err);

/* Whether others on the way can read what it is sent. */
int doctor_redis_encryption(struct doctor *doctor, struct error *err);

/* Whether its clock and ours agree. */
int doctor_redis_clock(struct doctor *doctor, struct error *err);

/* Send one command. Returns 1 with *reply (borrowed until the next one); 0 where the server
 * refuses it, *reply being its refusal and err saying why; -1 with err: no answer. */
int doctor_redis_ask(struct doctor *doctor, size_t count, const char *const *words,
                     const struct reply **reply, struct error *err);

/* The value of a line "name:value" of an answer to INFO, in arena; NULL: there is none. */
const char *doctor_redis_info(struct arena *arena, const char *info, const char *name);

#endif

/*
 * The doctor's look at the Redis server: what it is, whether it keeps what it is given, and
 * whether it has room.
 *
 * What the server says of itself is read at once, mostly by INFO, which redferry needs anyway;
 * the judgements behind it ask nobody. CONFIG is often forbidden, and in hosted servers absent:
 * it is asked only for what INFO does not say, and a refusal is part of the answer. What a user
 * may send is doctor_acl.c's.
 */
#include "doctor_redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "connection.h"
#include "doctor.h"
#include "error.h"
#include "number.h"
#include "reply.h"
#include "session.h"

/* ---- asking --------------------------------------------------------------------------- */

int doctor_redis_ask(struct doctor *doctor, size_t count, const char *const *words,
                     const struct reply **reply, struct error *err)
{
    size_t lengths[8];
    for (size_t i = 0; i < count && i < sizeof lengths / sizeof *lengths; i++)
        lengths[i] = strlen(words[i]);
    if (connection_call(doctor->session->redis, count, words, lengths, reply, err) != 0)
        return -1;
    if ((*reply)->type != REPLY_ERROR) return 1;
    (void)reply_error(*reply, err);
    return 0;
}

const char *doctor_redis_info(struct arena *arena, const char *info, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, name, length) != 0 || line[length] != ':') continue;
        line += length + 1;
        return arena_copy(arena, line, strcspn(line, "\r\n"));
    }
    return NULL;
}

/* A section of INFO, in the doctor's arena; *info NULL where it is refused. Returns 0, or -1
 * with err. */
static int read_info(struct doctor *doctor, const char *section, const char **info,
                     struct error *err)
{
    const char *const words[] = {"INFO", section};
    const struct reply *reply = NULL;
    *info = NULL;
    if (doctor_redis_ask(doctor, 2, words, &reply, err) < 0) return -1;
    if (reply->type == REPLY_TEXT)
        *info = arena_copy(doctor->arena, reply->text, reply->length);
    return 0;
}

static int64_t info_number(struct doctor *doctor, const char *info, const char *name)
{
    const char *text = doctor_redis_info(doctor->arena, info, name);
    int64_t number = 0;
    if (text != NULL) (void)number_parse(text, strlen(text), 0, INT64_MAX, &number);
    return number;
}

static bool info_says(struct doctor *doctor, const char *info, const char *name,
                      const char *value)
{
    const char *text = doctor_redis_info(doctor->arena, info, name);
    return text != NULL && strcmp(text, value) == 0;
}

static int read_snapshots(struct doctor *doctor, struct error *err)
{
    static const char *const words[] = {"CONFIG", "GET", "save"};
    const struct reply *reply = NULL;
    const int answered = doctor_redis_ask(doctor, 3, words, &reply, err);
    if (answered < 0) return -1;
    if (answered == 0) doctor->redis.no_config = arena_text(doctor->arena, err->message);
    const struct reply *value = answered == 1 ? reply_element(reply, 1) : NULL;
    if (value != NULL && value->type == REPLY_TEXT)
        doctor->redis.save = arena_copy(doctor->arena, value->text, value->length);
    return 0;
}

static int read_facts(struct doctor *doctor, const char **name, struct error *err)
{
    struct doctor_redis *redis = &doctor->redis;
    const char *server = NULL, *persistence = NULL, *memory = NULL, *replication = NULL;
    if (read_info(doctor, "server", &server, err) != 0 ||
        read_info(doctor, "persistence", &persistence, err) != 0 ||
        read_info(doctor, "memory", &memory, err) != 0 ||
        read_info(doctor, "replication", &replication, err) != 0)
        return -1;
    const char *version = doctor_redis_info(doctor->arena, server, "redis_version");
    const char *valkey = doctor_redis_info(doctor->arena, server, "valkey_version");
    if (version != NULL) (void)sscanf(version, "%d.%d", &redis->major, &redis->minor);
    *name = arena_format(doctor->arena, "%s %s", valkey != NULL ? "Valkey" : "Redis",
                         valkey != NULL    ? valkey
                         : version != NULL ? version
                                           : "of an unknown version");
    redis->has_aof = info_says(doctor, persistence, "aof_enabled", "1");
    redis->aof_failed = info_says(doctor, persistence, "aof_last_write_status", "err");
    redis->snapshot_failed = info_says(doctor, persistence, "rdb_last_bgsave_status", "err");
    redis->replicas = info_number(doctor, replication, "connected_slaves");
    redis->used = info_number(doctor, memory, "used_memory");
    redis->limit = info_number(doctor, memory, "maxmemory");
    redis->machine = info_number(doctor, memory, "total_system_memory");
    redis->policy = doctor_redis_info(doctor->arena, memory, "maxmemory_policy");
    return read_snapshots(doctor, err);
}

/* One that may not be written to is looked at all the same. */
int doctor_redis_connect(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    const struct config *config = session->config;
    const char *name = NULL;
    struct error refused = {0};
    if (config_require(config, "redis", err) != 0) return -1;
    if (config->wait_ms > 0 && session_open_redis(session, err) != 0 &&
        err->code > ERROR_STOPPED)
        return -1;
    error_clear(err);
    if (session_try_redis(session, err) != 0) return -1;
    const bool fits = connection_check_server(session->redis, &refused) == 0;
    if (connection_check(session->redis, err) != 0 || read_facts(doctor, &name, err) != 0)
        return -1;
    if (fits) {
        doctor_find(doctor, DOCTOR_OK, "%s, '%s', a primary%s%s", name, config->redis.label,
                    config->redis.user != NULL ? ", as user " : "",
                    config->redis.user != NULL ? config->redis.user : "");
        return 0;
    }
    doctor_find(doctor, DOCTOR_PROBLEM, "%s", refused.message);
    return 0;
}

/* ---- judgements ----------------------------------------------------------------------- */

int doctor_redis_persistence(struct doctor *doctor, struct error *err)
{
    const struct doctor_redis *redis = &doctor->redis;
    const bool snapshots = redis->save != NULL && redis->save[0] != '\0';
    const bool aof_failed = redis->has_aof && redis->aof_failed;
    /* One that was made by hand is no matter to who writes. */
    const bool snapshot_failed = redis->snapshot_failed && (snapshots || redis->save == NULL);
    (void)err;
    if (aof_failed || snapshot_failed) {
        doctor_find(doctor, DOCTOR_PROBLEM,
                    "the last %s failed, and Redis may refuse to be written to (MISCONF)",
                    aof_failed ? "writing to the append-only file" : "snapshot");
        doctor_advise(doctor, "look into Redis' log and at its disk; BGSAVE tries again");
    } else if (redis->has_aof) {
        doctor_find(doctor, DOCTOR_OK, "there is an append-only file%s",
                    snapshots ? ", and snapshots" : "");
    } else if (snapshots) {
        doctor_find(doctor, DOCTOR_OK,
                    "snapshots (save %s) and no append-only file: a crash of Redis loses what "
                    "came after the last one, and the checkpoint with it",
                    redis->save);
        doctor_advise(doctor, "where that is too much: CONFIG SET appendonly yes");
    } else if (redis->save == NULL) {
        doctor_find(doctor, DOCTOR_WARNING,
                    "no append-only file; whether there are snapshots cannot be known: %s",
                    redis->no_config != NULL ? redis->no_config : "CONFIG says nothing");
        doctor_advise(doctor, "`+config|get` in the user's ACL lets the doctor look");
    } else {
        doctor_find(doctor, DOCTOR_WARNING,
                    "is off: a restart of Redis loses all that was carried");
        doctor_advise(doctor, "CONFIG SET appendonly yes, and CONFIG REWRITE to keep it so");
    }
    return 0;
}

static bool has_replicas(struct doctor *doctor)
{
    const int64_t asked = doctor->session->config->wait_replicas;
    const int64_t connected = doctor->redis.replicas;
    if (asked <= connected) return true;
    doctor_find(doctor, DOCTOR_PROBLEM,
                "--wait-replicas asks for %" PRId64 ", and %" PRId64 " %s connected", asked,
                connected, connected == 1 ? "is" : "are");
    doctor_advise(doctor, "see to the replicas, or ask for fewer");
    return false;
}

static bool can_wait_for_aof(struct doctor *doctor)
{
    const struct doctor_redis *redis = &doctor->redis;
    if (redis->major < 7 || (redis->major == 7 && redis->minor < 2)) {
        doctor_find(doctor, DOCTOR_PROBLEM, "--wait-aof needs a Redis that has WAITAOF, 7.2");
        doctor_advise(doctor, "a newer Redis, or no --wait-aof");
        return false;
    }
    if (redis->has_aof) return true;
    doctor_find(doctor, DOCTOR_PROBLEM, "--wait-aof, and there is no append-only file");
    doctor_advise(doctor, "CONFIG SET appendonly yes, and CONFIG REWRITE to keep it so");
    return false;
}

/* Only where something is asked of it (--wait-replicas, --wait-aof). */
int doctor_redis_durability(struct doctor *doctor, struct error *err)
{
    const struct config *config = doctor->session->config;
    (void)err;
    if (config->wait_replicas == 0 && !config->wait_aof) return 0;
    const bool is_copied = has_replicas(doctor);
    const bool is_kept = !config->wait_aof || can_wait_for_aof(doctor);
    if (is_copied && is_kept)
        doctor_find(doctor, DOCTOR_OK, "can do what %s asks for",
                    config->wait_aof ? "--wait-aof" : "--wait-replicas");
    return 0;
}

int doctor_redis_eviction(struct doctor *doctor, struct error *err)
{
    const struct doctor_redis *redis = &doctor->redis;
    const char *policy = redis->policy != NULL ? redis->policy : "";
    (void)err;
    if (strncmp(policy, "allkeys-", 8) != 0) {
        doctor_find(doctor, DOCTOR_OK, "maxmemory-policy is %s: no checkpoint is evicted",
                    redis->policy != NULL ? redis->policy : "not told");
    } else if (redis->limit == 0) {
        doctor_find(doctor, DOCTOR_OK,
                    "maxmemory-policy is %s, but without a maxmemory nothing is evicted",
                    policy);
    } else {
        doctor_find(doctor, DOCTOR_WARNING,
                    "maxmemory-policy is %s: a full Redis may evict a checkpoint, and what was "
                    "carried",
                    policy);
        doctor_advise(doctor,
                      "CONFIG SET maxmemory-policy noeviction, or one of volatile-* (what "
                      "redferry keeps there has no TTL), and CONFIG REWRITE to keep it so");
    }
    return 0;
}

/* "about 1200 rows, 1.5 MiB, are to come" */
static const char *describe_load(struct doctor *doctor)
{
    const struct doctor_load *load = &doctor->load;
    char bytes[DOCTOR_SIZE_TEXT];
    if (load->bytes <= 0 && load->is_partial) return "how much is to come cannot be known yet";
    if (load->bytes <= 0) return "nothing that takes memory is to come";
    const char *text =
        arena_format(doctor->arena, "about %.0f rows, %s, are to come%s", load->rows,
                     doctor_size_text(load->bytes, bytes),
                     load->is_partial ? ", besides what cannot be known yet" : "");
    return text != NULL ? text : "";
}

int doctor_redis_memory(struct doctor *doctor, struct error *err)
{
    const struct doctor_redis *redis = &doctor->redis;
    const int64_t room = redis->limit > 0 ? redis->limit : redis->machine;
    const double needed = (double)redis->used + doctor->load.bytes;
    const char *what = redis->limit > 0 ? "maxmemory" : "its machine's memory";
    char used[DOCTOR_SIZE_TEXT], size[DOCTOR_SIZE_TEXT];
    const char *load = describe_load(doctor);
    (void)err;
    (void)doctor_size_text((double)redis->used, used);
    (void)doctor_size_text((double)room, size);
    if (redis->used == 0 || room == 0) {
        doctor_find(doctor, DOCTOR_OK, "Redis does not say how much it has: %s", load);
    } else if (needed <= (double)room) {
        doctor_find(doctor, DOCTOR_OK, "%s of %s (%s) are used, %s", used, size, what, load);
    } else {
        /* Only a limit is a promise that more is refused. */
        const bool refuses = redis->limit > 0 && (redis->policy == NULL ||
                                                  strncmp(redis->policy, "allkeys-", 8) != 0);
        doctor_find(doctor, refuses ? DOCTOR_PROBLEM : DOCTOR_WARNING,
                    "%s of %s (%s) are used, and %s", used, size, what, load);
        doctor_advise(doctor, redis->limit > 0 ? "CONFIG SET maxmemory to more, or make room"
                                               : "give it more memory, or make room");
    }
    return 0;
}

static bool is_this_host(const char *host)
{
    return host == NULL || strcasecmp(host, "localhost") == 0 ||
           strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

int doctor_redis_encryption(struct doctor *doctor, struct error *err)
{
    const struct url *url = &doctor->session->config->redis;
    (void)err;
    if (url->kind == URL_REDIS_TLS) {
        doctor_find(doctor, DOCTOR_OK, "the connection is encrypted");
    } else if (url->kind == URL_REDIS_UNIX || is_this_host(url->host)) {
        doctor_find(doctor, DOCTOR_OK, "the server is on this host");
    } else {
        doctor_find(doctor, DOCTOR_WARNING,
                    "the connection to '%s' is not encrypted: rows%s can be read on their way",
                    url->host, url->password != NULL ? " and the password" : "");
        doctor_advise(doctor, "rediss:// in Redis' URL, and tls-port in its configuration");
    }
    return 0;
}

int doctor_redis_clock(struct doctor *doctor, struct error *err)
{
    static const char *const words[] = {"TIME"};
    const struct reply *reply = NULL;
    const int answered = doctor_redis_ask(doctor, 1, words, &reply, err);
    if (answered < 0) return -1;
    const int64_t now_ms = clock_wall_ms();
    const struct reply *seconds = answered == 1 ? reply_element(reply, 0) : NULL;
    int64_t there = 0;
    if (seconds == NULL || seconds->type != REPLY_TEXT ||
        number_parse(seconds->text, seconds->length, 0, INT64_MAX / 1000, &there) != 0)
        doctor_find(doctor, DOCTOR_OK, "cannot be known: %s",
                    answered == 0 ? err->message : "TIME says nothing");
    else
        doctor_judge_clock(doctor, "Redis'", there * 1000 + 500 - now_ms);
    return 0;
}

-- The version is applied: its entry, with the totals of all runs since one last succeeded.
-- What was begun anew since (lost in Redis, repaired, run again) counts once: rows, commands and
-- messages are those of the runs that share the last one's checkpoint.
-- ?1 integer: the run that applied it, which has succeeded
INSERT INTO data_migrations
    (version, name, checksum, run_id, rows_read, rows_changed, commands_sent, messages_published,
     redis, applied_by, applied_at, announced_at)
SELECT own.version, own.name, own.checksum, own.id,
       sum(r.rows_read) FILTER (WHERE r.origin IS own.origin),
       sum(r.rows_changed),
       sum(r.commands_sent) FILTER (WHERE r.origin IS own.origin),
       sum(r.messages_published) FILTER (WHERE r.origin IS own.origin),
       own.redis, own.operator, own.finished_at, NULL
FROM data_migration_runs AS own
JOIN data_migration_runs AS r
  ON r.version = own.version AND r.direction = 'up' AND r.id <= own.id
 AND r.id > (SELECT coalesce(max(past.id), 0) FROM data_migration_runs AS past
             WHERE past.version = own.version AND past.id < own.id AND past.status = 'succeeded')
WHERE own.id = ?1
GROUP BY own.id
ON CONFLICT (version) DO UPDATE
SET name = excluded.name, checksum = excluded.checksum, run_id = excluded.run_id,
    rows_read = excluded.rows_read, rows_changed = excluded.rows_changed,
    commands_sent = excluded.commands_sent, messages_published = excluded.messages_published,
    redis = excluded.redis, applied_by = excluded.applied_by, applied_at = excluded.applied_at,
    announced_at = NULL;

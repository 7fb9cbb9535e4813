-- Runs, newest first; the file as it ran only with a single run.
-- ?1 integer: a version, or 0 for all
-- ?2 integer: a run's id, or 0 for all
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, CASE WHEN id = ?2 THEN definition END,
       started_at, updated_at, finished_at,
       CAST((julianday('now') - julianday(finished_at)) * 86400000 AS INTEGER),
       CAST((julianday(coalesce(finished_at, 'now')) - julianday(started_at)) * 86400000 AS INTEGER),
       NULL
FROM data_migration_runs
WHERE (?1 = 0 OR version = ?1) AND (?2 = 0 OR id = ?2)
ORDER BY id DESC;

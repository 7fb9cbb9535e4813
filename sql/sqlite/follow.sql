-- One run as it stands now, without the file as it ran.
-- ?1 integer: its id, or 0: the one that says it runs, else the latest
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, NULL, started_at, updated_at, finished_at,
       CAST((julianday('now') - julianday(finished_at)) * 86400000 AS INTEGER),
       CAST((julianday(coalesce(finished_at, 'now')) - julianday(started_at)) * 86400000 AS INTEGER),
       NULL
FROM data_migration_runs
WHERE ?1 = 0 OR id = ?1
ORDER BY status IN ('running', 'paused') DESC, id DESC
LIMIT 1;

-- Each version's latest run, without the file as it ran.
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, NULL, started_at, updated_at, finished_at,
       CAST((julianday('now') - julianday(finished_at)) * 86400000 AS INTEGER),
       CAST((julianday(coalesce(finished_at, 'now')) - julianday(started_at)) * 86400000 AS INTEGER)
FROM data_migration_runs
WHERE id IN (SELECT max(id) FROM data_migration_runs GROUP BY version)
ORDER BY version;

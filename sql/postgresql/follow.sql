-- One run as it stands now, without the file as it ran.
-- $1 bigint: its id, or 0: the one that says it runs, else the latest
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, NULL, started_at, updated_at, finished_at,
       floor(extract(epoch FROM clock_timestamp() - finished_at) * 1000)::bigint,
       floor(extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at) * 1000)::bigint,
       NULL
FROM data_migration_runs
WHERE $1::bigint = 0 OR id = $1::bigint
ORDER BY status IN ('running', 'paused') DESC, id DESC
LIMIT 1;

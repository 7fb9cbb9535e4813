-- Runs, newest first; the file as it ran only with a single run.
-- $1 bigint: a version, or 0 for all
-- $2 bigint: a run's id, or 0 for all
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, CASE WHEN id = $2::bigint THEN definition END,
       started_at, updated_at, finished_at,
       floor(extract(epoch FROM clock_timestamp() - finished_at) * 1000)::bigint,
       floor(extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at) * 1000)::bigint,
       NULL
FROM data_migration_runs
WHERE ($1::bigint = 0 OR version = $1::bigint) AND ($2::bigint = 0 OR id = $2::bigint)
ORDER BY id DESC;

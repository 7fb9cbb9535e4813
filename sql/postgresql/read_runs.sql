-- Each version's latest run, without the file as it ran.
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, NULL, started_at, updated_at, finished_at,
       floor(extract(epoch FROM clock_timestamp() - finished_at) * 1000)::bigint,
       floor(extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at) * 1000)::bigint
FROM data_migration_runs
WHERE id IN (SELECT max(id) FROM data_migration_runs GROUP BY version)
ORDER BY version;

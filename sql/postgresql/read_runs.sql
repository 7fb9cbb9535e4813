-- Each version's latest run, without the file as it ran. Where that did not succeed, also when the attempts
-- since one did last got on: when the newest of them that delivered anything last spoke; where none did, the
-- newest that had begun a step, or was on its way back to one.
SELECT id, version, name, direction, status, request, requested_by, requested_at,
       step, step_name, cursor, rows_total, rows_read, rows_changed, commands_sent,
       messages_published, redis, origin, error, operator, context, host, pid,
       tool_version, checksum, NULL, started_at, updated_at, finished_at,
       floor(extract(epoch FROM clock_timestamp() - finished_at) * 1000)::bigint,
       floor(extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at) * 1000)::bigint,
       CASE WHEN status <> 'succeeded' THEN
           (SELECT coalesce(max(CASE WHEN earlier.rows_changed + earlier.commands_sent
                                          + earlier.messages_published > 0 THEN earlier.updated_at END),
                            max(CASE WHEN earlier.step IS NOT NULL
                                          OR earlier.origin <> earlier.id THEN earlier.updated_at END))
            FROM data_migration_runs AS earlier
            WHERE earlier.version = latest.version AND earlier.direction = latest.direction
              AND earlier.origin > 0
              AND earlier.id > (SELECT coalesce(max(past.id), 0) FROM data_migration_runs AS past
                                WHERE past.version = latest.version AND past.status = 'succeeded'))
       END
FROM data_migration_runs AS latest
WHERE id IN (SELECT max(id) FROM data_migration_runs GROUP BY version)
ORDER BY version;

-- A run begins. What it goes on with is known, and recorded, once it has taken the fence.
-- ?1 integer: version    ?2 text: name        ?3 text: up or down   ?4 text: redis, or NULL
-- ?5 text: operator      ?6 text: context, or NULL
-- ?7 text: host          ?8 integer: pid      ?9 text: tool_version
-- ?10 text: checksum     ?11 text: definition
INSERT INTO data_migration_runs
    (version, name, direction, status, redis, operator, context, host, pid,
     tool_version, checksum, definition, started_at, updated_at)
VALUES (?1, ?2, ?3, 'running', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
RETURNING id;

-- A run begins.
-- ?1 integer: version    ?2 text: name        ?3 text: up or down   ?4 text: redis, or NULL
-- ?5 integer: origin, or NULL                 ?6 text: operator     ?7 text: context, or NULL
-- ?8 text: host         ?9 integer: pid       ?10 text: tool_version
-- ?11 text: checksum    ?12 text: definition
INSERT INTO data_migration_runs
    (version, name, direction, status, redis, origin, operator, context, host, pid,
     tool_version, checksum, definition, started_at, updated_at)
VALUES (?1, ?2, ?3, 'running', ?4, ?5, ?6, ?7,
        ?8, ?9, ?10, ?11, ?12,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
RETURNING id;

-- A run begins.
-- $1 bigint: version    $2 text: name        $3 text: up or down   $4 text: redis, or NULL
-- $5 bigint: origin, or NULL                 $6 text: operator     $7 text: context, or NULL
-- $8 text: host         $9 bigint: pid       $10 text: tool_version
-- $11 text: checksum    $12 text: definition
INSERT INTO data_migration_runs
    (version, name, direction, status, redis, origin, operator, context, host, pid,
     tool_version, checksum, definition, started_at, updated_at)
VALUES ($1::bigint, $2::text, $3::text, 'running', $4::text, $5::bigint, $6::text, $7::text,
        $8::text, $9::bigint, $10::text, $11::text, $12::text, clock_timestamp(), clock_timestamp())
RETURNING id;

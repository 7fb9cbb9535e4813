-- A run begins. What it goes on with is known, and recorded, once it has taken the fence.
-- $1 bigint: version    $2 text: name        $3 text: up or down   $4 text: redis, or NULL
-- $5 text: operator     $6 text: context, or NULL
-- $7 text: host         $8 bigint: pid       $9 text: tool_version
-- $10 text: checksum    $11 text: definition
INSERT INTO data_migration_runs
    (version, name, direction, status, redis, operator, context, host, pid,
     tool_version, checksum, definition, started_at, updated_at)
VALUES ($1::bigint, $2::text, $3::text, 'running', $4::text, $5::text, $6::text, $7::text,
        $8::bigint, $9::text, $10::text, $11::text, clock_timestamp(), clock_timestamp())
RETURNING id;

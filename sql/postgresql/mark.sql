-- The version counts as applied, without a run: also one that was, and of which a run has stopped half-way
-- since, up or down. What that run and those before it came to is theirs, not the mark's.
-- $1 bigint: version   $2 text: name   $3 text: checksum   $4 text: operator
INSERT INTO data_migrations AS entry (version, name, checksum, applied_by, applied_at, announced_at)
VALUES ($1::bigint, $2::text, $3::text, $4::text, clock_timestamp(), clock_timestamp())
ON CONFLICT (version) DO UPDATE
SET name = excluded.name, checksum = excluded.checksum, run_id = NULL, redis = NULL,
    rows_read = 0, rows_changed = 0, commands_sent = 0, messages_published = 0,
    applied_by = excluded.applied_by, applied_at = excluded.applied_at, announced_at = excluded.announced_at
WHERE EXISTS (SELECT 1 FROM data_migration_runs AS latest
              WHERE latest.id = (SELECT max(id) FROM data_migration_runs WHERE version = $1::bigint)
                AND latest.status <> 'succeeded' AND latest.started_at >= entry.applied_at);

-- The version counts as applied, without a run.
-- $1 bigint: version   $2 text: name   $3 text: checksum   $4 text: operator
INSERT INTO data_migrations (version, name, checksum, applied_by, applied_at, announced_at)
VALUES ($1::bigint, $2::text, $3::text, $4::text, clock_timestamp(), clock_timestamp())
ON CONFLICT (version) DO NOTHING;

-- An applied version is finished off.
-- $1 bigint: the version
UPDATE data_migrations SET announced_at = clock_timestamp()
WHERE version = $1::bigint AND announced_at IS NULL;

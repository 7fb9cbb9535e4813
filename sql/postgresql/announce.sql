-- What a run applied is finished off, unless it was undone meanwhile and applied by another.
-- $1 bigint: the run
UPDATE data_migrations SET announced_at = clock_timestamp()
WHERE run_id = $1::bigint AND announced_at IS NULL
RETURNING version;

-- What a run applied is finished off, unless it was undone meanwhile and applied by another.
-- ?1 integer: the run
UPDATE data_migrations SET announced_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE run_id = ?1 AND announced_at IS NULL
RETURNING version;

-- An applied version is finished off.
-- ?1 integer: the version
UPDATE data_migrations SET announced_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE version = ?1 AND announced_at IS NULL;

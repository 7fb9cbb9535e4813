-- The version counts as applied, without a run.
-- ?1 integer: version   ?2 text: name   ?3 text: checksum   ?4 text: operator
INSERT INTO data_migrations (version, name, checksum, applied_by, applied_at, announced_at)
VALUES (?1, ?2, ?3, ?4, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
ON CONFLICT (version) DO NOTHING;

-- A run succeeded. No row: it was ended by another.
-- ?1 integer: the run   ?2 integer: step   ?3 text: step_name   ?4 integer: rows_total, or NULL
-- ?5 … ?8 integer: rows_read, rows_changed, commands_sent, messages_published
UPDATE data_migration_runs
SET status = 'succeeded', step = ?2, step_name = ?3, rows_total = ?4,
    rows_read = ?5, rows_changed = ?6, commands_sent = ?7,
    messages_published = ?8, cursor = NULL,
    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status = 'running';

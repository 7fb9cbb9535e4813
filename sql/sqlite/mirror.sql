-- Where a run stands, and what was asked of it. No row: it was ended by another.
-- What an sql step has recorded stays recorded: its runner may have lost the connection before it
-- was told.
-- ?1 integer: the run   ?2 integer: step   ?3 text: step_name   ?4 integer: rows_total, or NULL
-- ?5 … ?8 integer: rows_read, rows_changed, commands_sent, messages_published
-- ?9 text: cursor, or NULL
UPDATE data_migration_runs
SET step = ?2, step_name = ?3, rows_total = ?4,
    rows_read = ?5, rows_changed = max(rows_changed, ?6),
    commands_sent = ?7, messages_published = ?8,
    cursor = CASE WHEN step = ?2 AND cursor = '[]' THEN cursor ELSE ?9 END,
    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status IN ('running', 'paused')
RETURNING request;

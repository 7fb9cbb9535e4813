-- Where a run stands, and what was asked of it. No row: it was ended by another.
-- What an sql step has recorded stays recorded: its runner may have lost the connection before it
-- was told.
-- $1 bigint: the run   $2 bigint: step   $3 text: step_name   $4 bigint: rows_total, or NULL
-- $5 … $8 bigint: rows_read, rows_changed, commands_sent, messages_published
-- $9 text: cursor, or NULL
UPDATE data_migration_runs
SET step = $2::bigint, step_name = $3::text, rows_total = $4::bigint,
    rows_read = $5::bigint, rows_changed = greatest(rows_changed, $6::bigint),
    commands_sent = $7::bigint, messages_published = $8::bigint,
    cursor = CASE WHEN step = $2::bigint AND cursor = '[]' THEN cursor ELSE $9::text END,
    updated_at = clock_timestamp()
WHERE id = $1::bigint AND status IN ('running', 'paused')
RETURNING request;

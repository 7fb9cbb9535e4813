-- What a run that was killed did beyond what it could tell; the checkpoint knows. Negative: what it
-- told of, and what is done again.
-- No row: whoever adds it was ended by another.
-- $1 bigint: the run   $2 … $4 bigint: rows, commands and messages that are missing
-- $5 bigint: the run that adds them
UPDATE data_migration_runs
SET rows_read = rows_read + $2::bigint, commands_sent = commands_sent + $3::bigint,
    messages_published = messages_published + $4::bigint
WHERE id = $1::bigint
  AND EXISTS (SELECT 1 FROM data_migration_runs AS own
              WHERE own.id = $5::bigint AND own.status = 'running');

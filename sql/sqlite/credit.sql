-- What a run that was killed did beyond what it could tell; the checkpoint knows. Negative: what it
-- told of, and what is done again.
-- No row: whoever adds it was ended by another.
-- ?1 integer: the run   ?2 … ?4 integer: rows, commands and messages that are missing
-- ?5 integer: the run that adds them
UPDATE data_migration_runs
SET rows_read = rows_read + ?2, commands_sent = commands_sent + ?3,
    messages_published = messages_published + ?4
WHERE id = ?1
  AND EXISTS (SELECT 1 FROM data_migration_runs AS own
              WHERE own.id = ?5 AND own.status = 'running');

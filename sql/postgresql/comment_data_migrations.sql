-- What \d+ data_migrations shows beside each column.
DO $$ BEGIN
COMMENT ON TABLE data_migrations IS 'redferry: one row is one applied data migration';
COMMENT ON COLUMN data_migrations.version IS 'leading integer of the file name';
COMMENT ON COLUMN data_migrations.name IS 'the file name behind the version, without extension';
COMMENT ON COLUMN data_migrations.checksum IS 'sha256:<hex> of the file as it was applied, CRLF and BOM normalised';
COMMENT ON COLUMN data_migrations.run_id IS 'the run that applied it (data_migration_runs.id); NULL: marked by hand';
COMMENT ON COLUMN data_migrations.rows_read IS 'rows read, over all its runs';
COMMENT ON COLUMN data_migrations.rows_changed IS 'rows changed by its sql steps, over all its runs';
COMMENT ON COLUMN data_migrations.commands_sent IS 'Redis commands sent, over all its runs';
COMMENT ON COLUMN data_migrations.messages_published IS 'messages published, over all its runs';
COMMENT ON COLUMN data_migrations.redis IS 'where it was written to: host, port, database; no credentials';
COMMENT ON COLUMN data_migrations.applied_by IS 'operator who applied or marked it';
COMMENT ON COLUMN data_migrations.applied_at IS 'when it was applied or marked';
COMMENT ON COLUMN data_migrations.announced_at IS 'when it was finished off: message sent, checkpoint removed; NULL: not yet';
END $$;

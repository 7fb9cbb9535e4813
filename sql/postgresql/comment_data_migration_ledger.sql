-- What \d+ data_migration_ledger shows beside each column.
DO $$ BEGIN
COMMENT ON TABLE data_migration_ledger IS 'redferry: the one row that names this ledger';
COMMENT ON COLUMN data_migration_ledger.id IS 'names this ledger in Redis: redferry:{<id>}';
COMMENT ON COLUMN data_migration_ledger.layout IS 'version of the layout of the three tables';
COMMENT ON COLUMN data_migration_ledger.created_at IS 'when the ledger was made';
END $$;

-- Keeps data_migration_ledger at one row, however many fill it at once.
CREATE UNIQUE INDEX ON data_migration_ledger ((true));

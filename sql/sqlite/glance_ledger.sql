-- The ledger's layout. SQLite has no schemas.
SELECT layout, NULL FROM data_migration_ledger;

-- The ledger's row.
SELECT id, layout FROM data_migration_ledger ORDER BY created_at LIMIT 1;

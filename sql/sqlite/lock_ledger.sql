-- The ledger's row; BEGIN IMMEDIATE has locked the file: who writes, writes alone.
SELECT id, layout FROM data_migration_ledger ORDER BY created_at LIMIT 1;

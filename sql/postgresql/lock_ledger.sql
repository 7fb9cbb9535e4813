-- The ledger's row, locked until the end of the transaction: who writes, writes alone.
SELECT id, layout FROM data_migration_ledger ORDER BY created_at LIMIT 1 FOR UPDATE;

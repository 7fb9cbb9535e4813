-- Gives the ledger its name, where it has none yet.
INSERT INTO data_migration_ledger (id, layout, created_at)
VALUES (gen_random_uuid(), 1, clock_timestamp())
ON CONFLICT DO NOTHING;

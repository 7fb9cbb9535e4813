-- Whether the history knows of an applied migration.
SELECT 1 FROM data_migration_runs WHERE direction = 'up' AND status = 'succeeded' LIMIT 1;

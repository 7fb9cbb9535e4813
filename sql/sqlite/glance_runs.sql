-- How each version's latest run stands: SQLite takes status from the row that has the highest id.
SELECT status, max(id) FROM data_migration_runs GROUP BY version;

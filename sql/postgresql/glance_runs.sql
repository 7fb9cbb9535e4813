-- How each version's latest run stands.
SELECT DISTINCT ON (version) status FROM data_migration_runs ORDER BY version, id DESC;

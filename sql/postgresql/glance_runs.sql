-- How the runs ended, in no order: that is cheaper to ask than how each version's latest one did.
-- Where there are as many as the limit, there may be more, and it takes read_runs.sql to know.
SELECT version, id, status FROM data_migration_runs LIMIT 1000;

-- How many rows a version has, if it is applied by this run and not finished off.
-- ?1 integer: version   ?2 integer: the run
SELECT rows_read FROM data_migrations
WHERE version = ?1 AND run_id = ?2 AND announced_at IS NULL;

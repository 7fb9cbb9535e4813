-- How many rows a version has, if it is applied by this run and not finished off.
-- $1 bigint: version   $2 bigint: the run
SELECT rows_read FROM data_migrations
WHERE version = $1::bigint AND run_id = $2::bigint AND announced_at IS NULL;

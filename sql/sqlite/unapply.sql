-- The version is not applied any more.
-- ?1 integer: the version
DELETE FROM data_migrations WHERE version = ?1;

-- What an entry means in every layout.
SELECT version, name, checksum FROM data_migrations ORDER BY version;

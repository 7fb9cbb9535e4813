-- Gives the ledger its name, a random UUID, where it has none yet.
INSERT INTO data_migration_ledger (id, layout, created_at)
SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2))
             || '-4' || substr(hex(randomblob(2)), 2)
             || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)
             || '-' || hex(randomblob(6))),
       1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE NOT EXISTS (SELECT 1 FROM data_migration_ledger);

-- What the server says of itself, of the role, and of how many connections are left. What it keeps
-- for superusers, and of 16 on for whom an administrator chose, is not counted as room.
SELECT current_setting('server_version_num')::bigint,
       quote_ident(current_user),
       pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on',
       (current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer
        - coalesce(current_setting('reserved_connections', true), '0')::integer)::bigint,
       (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database),
       (SELECT rolconnlimit::bigint FROM pg_roles WHERE rolname = current_user),
       (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user),
       coalesce(host(inet_server_addr()) NOT LIKE '127.%' AND host(inet_server_addr()) <> '::1'
                AND inet_server_addr() IS DISTINCT FROM inet_client_addr(), false),
       EXISTS (SELECT 1 FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl)
       OR EXISTS (SELECT 1 FROM pg_stat_gssapi WHERE pid = pg_backend_pid() AND encrypted),
       pg_backend_pid()::bigint,
       (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

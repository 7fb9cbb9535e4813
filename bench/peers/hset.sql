-- users → HSET with every column, in the Redis protocol. A row's last byte is psql's end of line.
SELECT E'*16\r\n$4\r\nHSET\r\n$' || octet_length('user:' || id) || E'\r\nuser:' || id
    || E'\r\n$2\r\nid\r\n$' || octet_length(id::text) || E'\r\n' || id
    || E'\r\n$4\r\nname\r\n$' || octet_length(name) || E'\r\n' || name
    || E'\r\n$5\r\nemail\r\n$' || octet_length(email) || E'\r\n' || email
    || E'\r\n$7\r\ncountry\r\n$' || octet_length(country) || E'\r\n' || country
    || E'\r\n$4\r\nplan\r\n$' || octet_length(plan) || E'\r\n' || plan
    || E'\r\n$6\r\nlogins\r\n$' || octet_length(logins::text) || E'\r\n' || logins
    || E'\r\n$10\r\ncreated_at\r\n$20\r\n'
    || to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || E'\r'
FROM users

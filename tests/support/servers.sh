# shellcheck shell=bash
# servers.sh: private PostgreSQL and Redis servers for one test, to be sourced.
#
# Every server lives in the test's own scratch directory, listens on a Unix socket there, and
# belongs to the sourcing shell: it goes when the shell goes, even when that is killed outright
# (the kernel's parent-death signal sees to it). Nothing here touches a server it did not start.
#
#   make_scratch               a new directory in $SCRATCH, removed when the shell ends
#   start_redis [OPTION…]      sets REDIS_SOCKET, REDIS_URL, REDIS_PID, REDIS_DIR
#   start_redis_tcp [OPTION…]  the same, also on 127.0.0.1: sets REDIS_PORT, REDIS_TCP_URL as well
#   start_postgres [OPTION…]   sets POSTGRES_URL, POSTGRES_DIR (of its socket), PGDATA_DIR,
#                              POSTGRES_PID
#   start_pgbouncer [SETTING…] in transaction mode before the last PostgreSQL; a SETTING is a line
#                              of pgbouncer.ini. Sets PGBOUNCER_DIR (of its socket, port 6432),
#                              PGBOUNCER_PID
#   stop_server PID            ends one of them and waits until it is gone
#   stop_servers               ends all of them
#   clean_environment          forgets the variables by which a user's own servers could be meant
#
# Each start makes a further server: keep the first one's variables under other names. With
# `start_redis_in DIR` and `start_postgres_in DIR` a stopped one comes back on its old socket.
# The functions belong in the script's main shell; a server started in a subshell goes with it.

servers_owner=$BASHPID
servers_count=0
servers_scratches=()
declare -A servers_signal=()

servers_fail()
{
    printf 'servers.sh: %s\n' "$*" >&2
    exit 1
}

# What the tests themselves are told (the program, the cache) stays known, but only to this shell.
clean_environment()
{
    local name
    for name in $(compgen -e); do
        case $name in
        REDFERRY_PROGRAM | REDFERRY_TEST_CACHE | REDFERRY_TEST_DELAY_PROXY | REDFERRY_TEST_GATE | REDFERRY_TEST_LONG | REDFERRY_TEST_PARSER)
            export -n "$name"
            ;;
        REDFERRY_* | PG* | DATABASE_URL* | REDIS_URL* | REDISCLI_* | NO_COLOR) unset "$name" ;;
        esac
    done
}

# ---- the scratch directory, and the end --------------------------------------------------------

# The name stays short: the path of a socket has at most 107 bytes, and ours lie below it.
make_scratch()
{
    local parent=${TMPDIR:-/tmp}
    if ((${#parent} > 60)) || ! servers_as_postgres test -x "$parent"; then
        parent=/tmp
    fi
    trap servers_finish EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    SCRATCH=$(mktemp -d "$parent/rf.XXXXXX") || servers_fail "no scratch directory in '$parent'"
    servers_scratches+=("$SCRATCH")
    chmod 711 "$SCRATCH"
}

servers_finish()
{
    local code=$?
    if [[ $BASHPID == "$servers_owner" ]]; then
        trap '' HUP INT TERM
        stop_servers
        rm -rf -- "${servers_scratches[@]}"
        servers_scratches=()
    fi
    return "$code"
}

# True while the process runs; a zombie that nobody has reaped yet does not.
process_runs()
{
    local stat
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    [[ ${stat##*) } != Z* ]]
}

stop_server()
{
    local pid=$1 tries=0
    [[ -n ${servers_signal[$pid]:-} ]] || servers_fail "'$pid' is not a server of this shell"
    kill -"${servers_signal[$pid]}" "$pid" 2>/dev/null || true
    kill -CONT "$pid" 2>/dev/null || true
    while process_runs "$pid" && ((tries++ < 500)); do
        sleep 0.02
    done
    kill -KILL "$pid" 2>/dev/null || true
    unset "servers_signal[$pid]"
}

stop_servers()
{
    local pid
    for pid in "${!servers_signal[@]}"; do
        stop_server "$pid"
    done
}

# servers_spawn LOG SIGNAL COMMAND…: the signal is what ends it, also when this shell dies.
# A shell starts background commands deaf to SIGINT and SIGQUIT: env undoes that.
servers_spawn()
{
    local log=$1 signal=$2
    shift 2
    setpriv --pdeathsig "$signal" "${servers_identity[@]}" \
        env --default-signal=INT,QUIT "$@" >>"$log" 2>&1 </dev/null &
    servers_signal[$!]=$signal
    disown $! # or bash would announce each of them when it is killed
}

# servers_await PID LOG COMMAND…: until the command succeeds, for as long as the server runs.
servers_await()
{
    local pid=$1 log=$2 tries=0
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! process_runs "$pid" || ((++tries > 1500)); then
            cat "$log" >&2
            return 1
        fi
        sleep 0.02
    done
}

servers_directory()
{
    [[ -n ${SCRATCH:-} ]] || servers_fail "make_scratch comes first"
    directory=$SCRATCH/$1$((++servers_count))
    mkdir "$directory"
}

# ---- Redis -------------------------------------------------------------------------------------

start_redis()
{
    local directory
    servers_directory r
    start_redis_in "$directory" "$@"
}

start_redis_in()
{
    servers_redis "$1" 0 "${@:2}" || servers_fail "redis-server does not start"
}

# A port can be taken between the choice and the bind, so a few are tried.
start_redis_tcp()
{
    local directory tries
    servers_directory r
    for tries in 1 2 3 4 5 6 7 8; do
        REDIS_PORT=$((20000 + RANDOM % 12000))
        if servers_redis "$directory" "$REDIS_PORT" --bind 127.0.0.1 "$@"; then
            REDIS_TCP_URL=redis://127.0.0.1:$REDIS_PORT
            return
        fi
    done
    servers_fail "redis-server does not start on TCP"
}

servers_redis()
{
    local directory=$1 port=$2 servers_identity=()
    shift 2
    REDIS_DIR=$directory
    REDIS_SOCKET=$directory/redis.sock
    REDIS_URL=unix://$REDIS_SOCKET
    servers_spawn "$directory/redis.log" KILL redis-server --port "$port" \
        --unixsocket "$REDIS_SOCKET" --unixsocketperm 700 --dir "$directory" \
        --daemonize no --save '' --appendonly no "$@"
    REDIS_PID=$!
    servers_await "$REDIS_PID" "$directory/redis.log" servers_redis_answers "$REDIS_SOCKET" && return
    stop_server "$REDIS_PID"
    return 1
}

# A server that wants a password has answered as well.
servers_redis_answers()
{
    [[ $(redis-cli -s "$1" PING 2>&1) =~ ^(PONG|NOAUTH|\(error\)\ NOAUTH) ]]
}

# ---- PostgreSQL --------------------------------------------------------------------------------

# PostgreSQL refuses to run as root. Sets servers_identity to setpriv's options for its user.
servers_postgres_user()
{
    servers_identity=()
    if ((EUID == 0)); then
        local user=nobody
        id -u postgres >/dev/null 2>&1 && user=postgres
        servers_identity=(--reuid "$user" --regid "$(id -g "$user")" --init-groups)
    fi
}

servers_as_postgres()
{
    local servers_identity
    servers_postgres_user
    setpriv --pdeathsig KILL "${servers_identity[@]}" "$@"
}

# The newest of Debian's versions, else the one in PATH.
servers_postgres_bin()
{
    local bin
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
    [[ -x $bin ]] || bin=$(command -v postgres) || servers_fail "no PostgreSQL server is installed"
    dirname "$bin"
}

start_postgres()
{
    local directory
    servers_directory p
    start_postgres_in "$directory" "$@"
}

start_postgres_in()
{
    local bin servers_identity
    bin=$(servers_postgres_bin) || exit 1
    [[ :$PATH: == *:$bin:* ]] || PATH=$bin:$PATH # Debian's own psql is a wrapper, and slow
    servers_postgres_user
    POSTGRES_DIR=$1
    PGDATA_DIR=$1/data
    POSTGRES_URL="postgresql:///test?host=$POSTGRES_DIR&user=postgres"
    shift
    if [[ ! -d $PGDATA_DIR ]]; then
        ((EUID != 0)) || chown "${servers_identity[1]}" "$POSTGRES_DIR"
        servers_postgres_data "$bin" "$PGDATA_DIR"
    fi
    servers_spawn "$POSTGRES_DIR/postgres.log" QUIT "$bin/postgres" -D "$PGDATA_DIR" \
        -k "$POSTGRES_DIR" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
        -c full_page_writes=off -c autovacuum=off -c shared_buffers=32MB "$@"
    POSTGRES_PID=$!
    servers_await "$POSTGRES_PID" "$POSTGRES_DIR/postgres.log" \
        "$bin/pg_isready" -q -h "$POSTGRES_DIR" -U postgres -d postgres ||
        servers_fail "PostgreSQL does not start"
}

# initdb takes most of a second: where the build names a cache, its result is kept there and
# copied. The rename makes it whole or absent, the lock makes one of many parallel tests fill it.
servers_postgres_data()
{
    local bin=$1 data=$2 cache=${REDFERRY_TEST_CACHE:-} template
    if [[ -z $cache ]] || ! mkdir -p "$cache" 2>/dev/null; then
        servers_initdb "$bin" "$data"
        return
    fi
    template=$cache/$("$bin/postgres" --version | tr -c 'a-zA-Z0-9.\n' _)$EUID
    if [[ ! -d $template ]]; then
        (
            flock 9
            [[ ! -d $template ]] || exit 0
            servers_initdb "$bin" "$data.new"
            rm -rf -- "$template.new"
            cp -a "$data.new" "$template.new"
            mv -T "$template.new" "$template"
            rm -rf -- "$data.new"
        ) 9>"$cache/lock" || servers_fail "cannot fill '$cache'"
    fi
    cp -a "$template" "$data" || servers_fail "cannot copy '$template'"
}

servers_initdb()
{
    local output
    output=$(
        cd / && servers_as_postgres "$1/initdb" -A trust --no-sync --wal-segsize=1 -E UTF8 \
            --locale=C.UTF-8 -U postgres -D "$2" 2>&1 &&
            servers_as_postgres "$1/postgres" --single -j -F -D "$2" postgres 2>&1 \
                <<<'CREATE DATABASE test;'
    ) || servers_fail "initdb: $output"
}

# ---- PgBouncer ---------------------------------------------------------------------------------

# It refuses to run as root as well. Whoever comes in is postgres; what it logs is its own affair.
start_pgbouncer()
{
    local directory servers_identity
    servers_directory b
    servers_postgres_user
    ((EUID != 0)) || chown "${servers_identity[1]}" "$directory"
    PGBOUNCER_DIR=$directory
    {
        printf '[databases]\n* = host=%s user=postgres\n[pgbouncer]\n' "$POSTGRES_DIR"
        printf '%s\n' "unix_socket_dir = $directory" 'listen_addr =' 'listen_port = 6432' \
            'auth_type = any' 'pool_mode = transaction' 'server_reset_query =' "$@"
    } >"$directory/pgbouncer.ini"
    servers_spawn "$directory/pgbouncer.log" QUIT "$(servers_pgbouncer)" "$directory/pgbouncer.ini"
    PGBOUNCER_PID=$!
    servers_await "$PGBOUNCER_PID" "$directory/pgbouncer.log" \
        psql -Xqw -h "$directory" -p 6432 -U postgres -d postgres -c '' || servers_fail "PgBouncer does not start"
}

# Debian keeps it in sbin, which only root has in PATH.
servers_pgbouncer()
{
    PATH=$PATH:/usr/sbin command -v pgbouncer || servers_fail "PgBouncer is not installed"
}

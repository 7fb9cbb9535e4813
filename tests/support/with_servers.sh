#!/usr/bin/env bash
# with_servers.sh [postgres] [redis] -- COMMAND…
#
# Runs a command with private servers of its own, or none, and returns its exit code; the servers
# and the scratch directory are gone afterwards. The command finds them in these variables:
#
#   REDFERRY_TEST_DIR           scratch directory
#   REDFERRY_TEST_POSTGRES      URL of an empty database
#   REDFERRY_TEST_POSTGRES_PID  the server's process
#   REDFERRY_TEST_PGDATA        its data directory
#   REDFERRY_TEST_REDIS         URL of an empty Redis
#   REDFERRY_TEST_REDIS_SOCKET  its Unix socket
#   REDFERRY_TEST_REDIS_PID     the server's process
#
# $REDFERRY_TEST_WRAPPER, where it is set, stands in front of the command (valgrind, say).

set -uo pipefail
# shellcheck source=tests/support/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

usage()
{
    echo 'usage: with_servers.sh [postgres] [redis] -- COMMAND…' >&2
    exit 2
}

wanted=()
while (($# > 0)) && [[ $1 != -- ]]; do
    case $1 in
    postgres | redis) wanted+=("$1") ;;
    *) usage ;;
    esac
    shift
done
(($# >= 2)) || usage
shift
read -ra wrapper <<<"${REDFERRY_TEST_WRAPPER:-}"

clean_environment
make_scratch
export REDFERRY_TEST_DIR=$SCRATCH
for server in ${wanted[@]+"${wanted[@]}"}; do
    "start_$server"
    if [[ $server == postgres ]]; then
        export REDFERRY_TEST_POSTGRES=$POSTGRES_URL
        export REDFERRY_TEST_POSTGRES_PID=$POSTGRES_PID
        export REDFERRY_TEST_PGDATA=$PGDATA_DIR
    else
        export REDFERRY_TEST_REDIS=$REDIS_URL
        export REDFERRY_TEST_REDIS_SOCKET=$REDIS_SOCKET
        export REDFERRY_TEST_REDIS_PID=$REDIS_PID
    fi
done

# In the background, so that a signal to this script is heard at once; the command goes with it.
setpriv --pdeathsig KILL env --default-signal=INT,QUIT ${wrapper[@]+"${wrapper[@]}"} "$@" <&0 &
command_pid=$!
trap 'kill -TERM "$command_pid" 2>/dev/null; wait "$command_pid"; servers_finish' EXIT
wait "$command_pid"
code=$?
trap servers_finish EXIT
exit "$code"

# shellcheck shell=bash
# gate.sh: more words for scenarios: `up` in the background, and held at a moment of choice, by the
# gate between it and a server. To be sourced after scenario.sh.
#
#   begin_up [OPTION…]          `redferry [OPTION…] up` in the background: its pid in $up
#   begin_up_behind KIND NUMBER [before|after [NAME]] [-- OPTION…]
#                               the same behind a gate on redis or postgres, see gate.c; does not wait
#   hold_up …                   the same, and waits until it is held
#   open_gate                   and what was held passes
#   expect_up CODE              waits for its end; then as after expect_exit

: "${REDFERRY_TEST_GATE:?the gate of tests/support}"

begin_up()
{
    ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" "$@" up >up.out 2>up.err &
    up=$!
}

gate_is_ready() { [[ $(<gate.out) == ready* ]]; }
gate_holds() { [[ $(<gate.out) == *held* ]]; }
gate_holds_or_up_is_gone() { gate_holds || ! process_runs "$up"; }

begin_up_behind()
{
    local kind=$1 name=redis.sock target=$REDIS_SOCKET options=()
    shift
    while (($# > 0)) && [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    (($# == 0)) || shift
    [[ $kind == redis ]] || name=.s.PGSQL.5432 target=$scenario_postgres/.s.PGSQL.5432
    mkdir -p gate.d
    : >gate.out >up.err
    setpriv --pdeathsig KILL "$REDFERRY_TEST_GATE" \
        "$kind" "$PWD/gate.d/$name" "$target" "${options[@]}" >gate.out 2>&1 &
    gate=$!
    disown "$gate"
    wait_for 'the gate' gate_is_ready
    if [[ $kind == redis ]]; then
        local -x REDFERRY_REDIS=${REDFERRY_REDIS/"$REDIS_SOCKET"/"$PWD/gate.d/redis.sock"}
    else
        local -x REDFERRY_DATABASE=${DB/"$scenario_postgres"/"$PWD/gate.d"}
    fi
    begin_up "$@"
}

hold_up()
{
    begin_up_behind "$@"
    wait_for 'the gate to hold' gate_holds_or_up_is_gone
    gate_holds || fail "it ended before the gate held: $(<up.err)"
}

open_gate() { kill -USR1 "$gate"; }

expect_up()
{
    local code=0
    wait "$up" || code=$?
    [[ -z ${gate:-} ]] || kill -KILL "$gate" 2>/dev/null || true
    gate=
    scenario_last='up, in the background'
    cp up.out "$OUT"
    cp up.err "$ERR"
    ((code == $1)) || fail "expected exit code $1, got $code"
}

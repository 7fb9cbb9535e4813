#!/usr/bin/env bash
# Goal: every recipe of docs/recipes does what its page says, as it stands there: it carries out what is
# pending and lets the application start; with nothing to do it starts it as well; with any exit code
# of redferry it does not, and ends with that code; stopped, it has saved where it was; on two hosts at
# once each row is carried once. systemd's units are sound, and the packages of the Dockerfile the right ones.
# not under valgrind: it is the recipes that are looked at
# not with sanitizers: it is the recipes that are looked at
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

RECIPES=$DOCS/recipes
BIN=$SCRATCH/bin
mkdir "$BIN"
ln -s "$REDFERRY_PROGRAM" "$BIN/redferry"
ln -s "$RECIPES/shell/pre-start" "$BIN/pre-start"

# ---- a world ------------------------------------------------------------------------------------

# The places of a host are in this world's directory, and nobody waits for a server that is not there.
placed()
{
    sed -e "s|/etc/redferry|$PWD/etc|g" -e "s|/run/secrets/redferry|$PWD/etc|g" -e "s|/srv/app|$PWD|g" \
        -e "s|/usr/local/bin|$BIN|g" -e 's/--wait\(,\{0,1\}\) [0-9]*m/--wait\1 1ms/' "$@"
}

# Only what a recipe sets itself, and what a test asks for.
BARE=(PATH="$BIN:/usr/bin:/bin" HOME="$SCRATCH" LC_ALL=C.UTF-8 REDFERRY_WAIT=1ms)
bare()
{
    env -i "${BARE[@]}" ${REDFERRY_MAX_TIME:+"REDFERRY_MAX_TIME=$REDFERRY_MAX_TIME"} \
        ${REDFERRY_ON_LOCK:+"REDFERRY_ON_LOCK=$REDFERRY_ON_LOCK"} "$@"
}

settings()
{
    mkdir -p etc bin
    printf '%s\n' "$DB" >etc/database
    printf '%s\n' "$REDIS_URL" >etc/redis
    chmod 600 etc/*
}

begin()
{
    settings
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR canary:${id}
    batch: 1
down:
  - read: SELECT id FROM t
    key: id
    write: DEL canary:${id}
YAML
}

expect_each_once()
{
    expect_equal "$(redis MGET canary:1 canary:2 canary:3 | xargs)" '1 1 1' 'the canaries'
}

expect_not_started()
{
    [[ ! -e started ]] || fail 'the application was started'
}

# ---- what becomes of it -------------------------------------------------------------------------

# outcomes RUN: RUN starts what the recipe is about, which ends with redferry's own exit code.
outcomes()
{
    local run=$1
    begin
    succeeds "$run"
    nothing_to_do "$run"
    fails_by_itself "$run"
    fails_by_others "$run"
}

succeeds()
{
    expect_exit 0 "$1"
    expect_each_once
}

nothing_to_do()
{
    local runs
    runs=$(sql 'SELECT count(*) FROM data_migration_runs')
    rm -f started
    expect_exit 0 "$1"
    expect_each_once
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" "$runs" 'the runs'
}

# 1, 4, 2: a person looks, and mends it.
fails_by_itself()
{
    write_migration 2_member.yaml <<<'up: [{write: SADD members one}]'
    redis SET members 'in the way' >/dev/null
    rm -f started
    expect_exit 1 "$1"
    expect_not_started
    sql "UPDATE data_migration_runs SET status = 'cancelled' WHERE version = 2"
    expect_exit 4 "$1"
    redis DEL members >/dev/null
    expect_exit 0 redferry run 2
    echo 'up: [' >data_migrations/3_wrong.yaml
    expect_exit 2 "$1"
    expect_not_started
    rm data_migrations/3_wrong.yaml
    expect_exit 0 "$1"
}

# 3, 5, 6, 7: that passes.
fails_by_others()
{
    sed 's/canary/other/' data_migrations/1_count.yaml >data_migrations/4_other.yaml
    rm -f started
    REDFERRY_MAX_TIME=1ms expect_exit 3 "$1"
    expect_equal "$(redis EXISTS other:1 other:3)" 1 'the rows until --max-time'
    sql 'CREATE TABLE knex_migrations_lock (is_locked integer); INSERT INTO knex_migrations_lock VALUES (1)'
    REDFERRY_ON_LOCK=fail expect_exit 5 "$1"
    sql 'DROP TABLE knex_migrations_lock'
    echo "unix://$PWD/no.sock" >etc/redis
    expect_exit 7 "$1"
    echo "sqlite:$PWD/no/file.db" >etc/database
    expect_exit 6 "$1"
    expect_not_started
    settings
    expect_exit 0 "$1"
    expect_equal "$(redis MGET other:1 other:2 other:3 | xargs)" '1 1 1' 'the rows that were left'
}

# A host has files of its own; the servers are the same.
two_hosts()
{
    local first second other=$PWD.other
    begin
    cp -a . "$other"
    "$1" >first 2>&1 &
    first=$!
    (cd "$other" && "$1") >second 2>&1 &
    second=$!
    wait "$first" || fail "the first host: $(<first)"
    wait "$second" || fail "the second host: $(<second)"
    expect_each_once
}

# stopped_half_way COMMAND…: as a supervisor does it, with the process that it started.
stopped_half_way()
{
    local pid code=0
    begin
    sed -i 's/batch: 1/batch: 1\n    pause: 60s/' data_migrations/1_count.yaml
    env -i "${BARE[@]}" "$@" >"$OUT" 2>"$ERR" &
    pid=$!
    wait_until 'the first row arrives' eval '[[ $(redis EXISTS canary:1) == 1 ]]'
    kill -TERM "$pid"
    wait "$pid" || code=$?
    scenario_last="$*, stopped"
    expect_equal "$code" 143 'the exit code'
    expect_not_started
    expect_equal "$(sql 'SELECT status FROM data_migration_runs')" interrupted 'the run'
    sed -i '/pause/d' data_migrations/1_count.yaml
    expect_exit 0 bare "$@"
    expect_each_once
}

# ---- a shell hook -------------------------------------------------------------------------------

hook()
{
    printf '#!/bin/sh\necho "$*" >started\n' >bin/server
    chmod +x bin/server
    listed recipes/shell/README.md 'shell hook' | placed >hook.sh
    bare TELL='tee -a told' sh hook.sh
}

shell_hook()
{
    outcomes hook
    expect_equal "$(<started)" '--port 8080' 'what the application was given'
    expect_equal "$(grep -c 'ended with exit code [124], and .*/bin/server was not started' told)" 3 \
        'how often somebody was told'
    grep -q '^2 .*cancelled' told || fail "nobody was told of what is cancelled: $(<told)"
    expect_exit 2 bare pre-start
    echo 'up: [' >data_migrations/9_wrong.yaml
    expect_exit 2 bare TELL=false sh hook.sh
    expect_stderr_contains 'nobody could be told'
}

shell_hook_stopped()
{
    settings
    printf '#!/bin/sh\necho "$*" >started\n' >bin/server
    chmod +x bin/server
    export_files
    stopped_half_way "${FILES[@]}" pre-start bin/server
}

# The settings as the recipes give them.
export_files()
{
    FILES=(env "REDFERRY_DATABASE_FILE=$PWD/etc/database" "REDFERRY_REDIS_FILE=$PWD/etc/redis"
        "REDFERRY_MIGRATIONS=$PWD/data_migrations")
}

# ---- systemd ------------------------------------------------------------------------------------

# unit FILE KEY: the values of a key, one a line
unit() { placed "$RECIPES/systemd/$1" | sed -n "s/^$2=//p"; }

# start_unit FILE KEY: what systemd would start for this key, in the environment that the file says.
start_unit()
{
    local environment=() command
    mapfile -t environment < <(unit "$1" Environment)
    command=$(unit "$1" "$2")
    [[ -n $command ]] || fail "$1 has no $2"
    # shellcheck disable=SC2086 # systemd splits it in the same way
    bare "${environment[@]}" $command
}

systemctl()
{
    local code=0
    case "$*" in
    'restart redferry.service')
        start_unit redferry.service ExecStart || code=$?
        echo "$code" >redferry.code
        ;;
    'restart app.service') start_unit app.service.d/redferry.conf ExecStartPre && touch started ;;
    *) fail "systemctl $*" ;;
    esac
}

deploy()
{
    local block
    block=$(listed recipes/systemd/README.md 'deploy with systemd')
    eval "$block"
}

# What the unit says must not be tried again is what needs a person.
two_units()
{
    outcomes service
    forget_all
    begin
    expect_exit 0 deploy
    expect_equal "$(<redferry.code) $(ls started)" '0 started' 'the deploy'
    write_migration 9_wrong.yaml <<<'up: [{write: SADD canary:1 one}]'
    rm started
    expect_exit 3 deploy
    expect_equal "$(<redferry.code)" 1 'the exit code of redferry.service'
    expect_not_started
    expect_equal "$(unit redferry.service RestartPreventExitStatus)" '1 2 4' 'what is not tried again'
    expect_equal "$(unit redferry.service Restart)" on-failure 'what is'
}

forget_all()
{
    redis FLUSHALL >/dev/null
    rm -f data_migrations/* started
    sql 'DROP TABLE t; DROP TABLE data_migrations; DROP TABLE data_migration_runs; DROP TABLE data_migration_ledger'
}

service() { start_unit redferry.service ExecStart; }
alone() { start_unit app.service.d/redferry-alone.conf ExecStartPre; }

tells()
{
    local command
    settings
    printf '#!/bin/sh\n{ echo "$*"; cat; } >mail\n' >"$BIN/mail"
    chmod +x "$BIN/mail"
    write_migration 1_wrong.yaml <<<'up: [{write: SADD members one}]'
    redis SET members 'in the way' >/dev/null
    sql 'CREATE TABLE t (id integer)'
    expect_exit 1 service
    command=$(unit redferry-tell.service ExecStart | sed -n "s/^\/bin\/sh -c '\(.*\)'$/\1/p")
    mapfile -t environment < <(unit redferry-tell.service Environment)
    expect_exit 0 bare "${environment[@]}" /bin/sh -c "$command"
    grep -q 'needs an operator root' mail || fail "the mail: $(<mail)"
    grep -q '^ *1 .*failed' mail || fail "the mail says: $(<mail)"
}

units_are_sound()
{
    local units=$SCRATCH/units part
    mkdir -p "$units/app.service.d"
    for part in redferry.service redferry-tell.service; do placed "$RECIPES/systemd/$part" >"$units/$part"; done
    printf '[Unit]\nDescription=The application\n[Service]\nExecStart=/bin/true\n' >"$units/app.service"
    for part in redferry redferry-alone; do
        placed "$RECIPES/systemd/app.service.d/$part.conf" >"$units/app.service.d/redferry.conf"
        SYSTEMD_UNIT_PATH=$units: expect_exit 0 systemd-analyze verify --man=no \
            "$units/redferry.service" "$units/redferry-tell.service" "$units/app.service"
        expect_equal "$(grep -F "$units" "$ERR" || true)" '' 'what systemd says of them'
    done
    sed -i 's/^Restart=on-failure/Restart=always/' "$units/redferry.service"
    SYSTEMD_UNIT_PATH=$units: systemd-analyze verify --man=no "$units/redferry.service" >"$OUT" 2>&1 &&
        fail 'systemd finds all sound'
    return 0
}

# ---- Elixir -------------------------------------------------------------------------------------

# A project with the files that the page names, built once: an application that says that it runs, and ends.
build_release()
{
    local file
    RELEASE=$SCRATCH/project/_build/prod/rel/app
    mkdir -p "$SCRATCH/project/lib"
    cd "$SCRATCH/project"
    while read -r file; do
        mkdir -p "$(dirname "$file")"
        case $file in
        rel/env.sh.eex) cp "$RECIPES/elixir/$file" "$file" ;;
        *) cp "$DOCS/../data_migrations/$(basename "$file")" "$file" ;;
        esac
    done < <(listed recipes/elixir/README.md 'files of the release')
    cat >mix.exs <<'ELIXIR'
defmodule App.MixProject do
  use Mix.Project

  def project, do: [app: :app, version: "1.2.3"]
  def application, do: [mod: {App, []}]
end
ELIXIR
    cat >lib/app.ex <<'ELIXIR'
defmodule App do
  use Application

  def start(_type, _arguments) do
    if System.get_env("RELEASE_COMMAND") == "start" do
      File.write!("started", System.get_env("RELEASE_VSN"))
      System.halt(0) # to stop in good order takes a second
    end

    Supervisor.start_link([], strategy: :one_for_one)
  end
end

defmodule App.Release do
  def migrate, do: File.write!("schema", "migrated")
end
ELIXIR
    env -i PATH="$PATH" HOME="$SCRATCH" LC_ALL=C.UTF-8 MIX_ENV=prod mix release >"$OUT" 2>&1 ||
        fail 'the release is not built'
    [[ -e $RELEASE/data_migrations/20200211131900_migrate_flags_to_redis.yaml ]] ||
        fail 'the migrations are not in the release'
    rm -r "$RELEASE/data_migrations"
}

# A release that loads its modules when they are needed starts in a third of the time.
elixir_environment()
{
    ln -sfn "$PWD/data_migrations" "$RELEASE/data_migrations"
    ELIXIR=(env "DATABASE_URL=ecto://${DB#postgresql://}" "REDIS_URL=$REDIS_URL" RELEASE_DISTRIBUTION=none
        RELEASE_MODE=interactive)
    [[ $(<etc/redis) == "$REDIS_URL" ]] || ELIXIR+=("REDIS_URL=$(<etc/redis)")
    [[ $(<etc/database) == "$DB" ]] || ELIXIR+=("REDFERRY_DATABASE=$(<etc/database)")
}

start_release()
{
    elixir_environment
    bare "${ELIXIR[@]}" "$RELEASE/bin/app" start
}

elixir()
{
    outcomes start_release
    expect_equal "$(<started)" 1.2.3 'the release that was started'
    expect_equal "$(sql 'SELECT DISTINCT context FROM data_migration_runs WHERE context IS NOT NULL')" 'app 1.2.3' 'the context'
}

elixir_commands()
{
    begin
    elixir_environment
    ln -sfn "$RELEASE/bin/app" bin/app
    expect_exit 0 bare "${ELIXIR[@]}" "$RELEASE/bin/app" eval 'App.Release.migrate()'
    expect_equal "$(<schema) $(redis DBSIZE)" 'migrated 0' 'what `eval` does'
    rm schema
    expect_exit 0 bare "${ELIXIR[@]}" sh -ec "$(listed recipes/elixir/README.md 'start of the release' |
        sed "s|bin/app|$RELEASE/bin/app|")"
    expect_equal "$(<schema)" migrated 'the schema'
    expect_each_once
}

elixir_stopped()
{
    settings
    elixir_environment
    stopped_half_way "${ELIXIR[@]}" "$RELEASE/bin/app" start
}

# ---- Rails --------------------------------------------------------------------------------------

rails_project()
{
    cp "$RECIPES/rails/bin/data-migrate" bin/
    cat >bin/rails <<'RUBY'
#!/usr/bin/env ruby
require "active_record"
place = ENV.fetch("DATABASE_URL").match(%r{///(?<database>\w+)\?host=(?<host>[^&]+)&})
ActiveRecord::Base.establish_connection(
  adapter: "postgresql", host: place[:host], database: place[:database], username: "postgres")
ActiveRecord::Migration.verbose = false
ActiveRecord::MigrationContext.new("db/migrate", ActiveRecord::SchemaMigration).migrate
RUBY
    chmod +x bin/rails
    mkdir -p db/migrate
    cat >db/migrate/20200101000000_add_four.rb <<'RUBY'
class AddFour < ActiveRecord::Migration[6.1]
  def change = create_table(:four) { |t| t.string :name }
end
RUBY
    RAILS=(env "DATABASE_URL=$DB${1-&pool=5}" "REDIS_URL=$REDIS_URL" BETWEEN_ATTEMPTS=0)
    [[ $(<etc/redis) == "$REDIS_URL" ]] || RAILS+=("REDIS_URL=$(<etc/redis)")
    [[ $(<etc/database) == "$DB" ]] || RAILS+=("REDFERRY_DATABASE=$(<etc/database)")
}

release_phase()
{
    local line
    rails_project
    line=$(sed -n 's/^release: //p' "$RECIPES/rails/Procfile")
    expect_equal "release: $line" "$(listed recipes/rails/README.md 'release phase')" 'the line on the page'
    bare "${RAILS[@]}" sh -c "$line"
}

data_migrate()
{
    rails_project
    bare "${RAILS[@]}" bin/data-migrate
}

rails()
{
    begin
    expect_exit 0 release_phase
    expect_each_once
    expect_equal "$(sql 'SELECT count(*) FROM four')" 0 'the table of the schema'
    forget_all
    begin
    outcomes_begun data_migrate
    tries_again
}

outcomes_begun()
{
    succeeds "$1"
    nothing_to_do "$1"
    fails_by_itself "$1"
    # What passes by itself: --max-time three times over is enough.
    local REDFERRY_MAX_TIME=
    sed 's/canary/other/' data_migrations/1_count.yaml >data_migrations/4_other.yaml
    REDFERRY_MAX_TIME=1ms expect_exit 0 "$1"
    expect_equal "$(redis MGET other:1 other:2 other:3 | xargs)" '1 1 1' 'the rows, in three attempts'
}

# Once for what a person has to see to, three times for what can pass.
tries_again()
{
    write_migration 5_last.yaml <<<'up: [{write: SET last 1}]'
    echo "unix://$PWD/no.sock" >etc/redis
    expect_exit 7 data_migrate
    expect_equal "$(grep -c '^redferry: waited for' "$ERR")" 3 'the attempts'
    echo 'up: [' >data_migrations/6_wrong.yaml
    expect_exit 2 data_migrate
    expect_equal "$(grep -c '^redferry: ' "$ERR")" 1 'the attempts'
    rm data_migrations/6_wrong.yaml
    echo "sqlite:$PWD/no/file.db" >etc/database
    expect_exit 6 data_migrate
    settings
    expect_exit 0 data_migrate --quiet
}

rails_sqlite()
{
    begin
    rails_project ''
    RAILS+=("DATABASE_URL=sqlite3:test.db")
    expect_exit 0 bare "${RAILS[@]}" bin/data-migrate
    expect_each_once
}

rails_stopped()
{
    settings
    rails_project
    stopped_half_way "${RAILS[@]}" bin/data-migrate
}

# ---- Kubernetes ---------------------------------------------------------------------------------

# container FILE NAME: its command with its environment, as words of a shell; of a field, the pod's name.
container()
{
    placed "$RECIPES/kubernetes/$1" | python3 -c '
import shlex, sys, yaml
spec = yaml.safe_load(sys.stdin)["spec"]["template"]["spec"]
for container in spec.get("initContainers", []) + spec["containers"]:
    if container["name"] == sys.argv[1]:
        names = {volume["name"] for volume in spec["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= names, "a volume is missing"
        words = ["env", "-C", container["workingDir"]]
        words += ["%s=%s" % (e["name"], e.get("value", "pod")) for e in container["env"]]
        print(shlex.join(words + container["command"]))
        break
else:
    sys.exit("no container " + sys.argv[1])' "$2"
}

# Its words are read once in each world.
job()
{
    [[ -e job.words ]] || container job.yaml redferry >job.words
    eval "bare $(<job.words)"
}

init_container()
{
    local words
    words=$(container deployment.yaml data-migrations)
    eval "bare $words"
}

kubectl()
{
    case "$*" in
    'create secret generic redferry --from-file=database --from-file=redis') cd etc && ls database redis >/dev/null && cd .. ;;
    'apply -f job.yaml -f deployment.yaml') job ;;
    *) [[ $* == *" job/$(sed -n 's/^  name: //p' "$RECIPES/kubernetes/job.yaml")" ]] || fail "kubectl $*" ;;
    esac
}

# The init container lets nothing start before the Job is done, and needs no Redis.
kubernetes()
{
    local block
    begin
    expect_exit 3 init_container
    block=$(listed recipes/kubernetes/README.md 'deploy to Kubernetes')
    expect_exit 0 eval "$block"
    expect_each_once
    rm etc/redis
    expect_exit 0 init_container
    settings
    expect_equal "$(sql 'SELECT operator, context FROM data_migration_runs')" 'pod|app 2025-03-01' 'the run'
    echo "sqlite:$PWD/no/file.db" >etc/database
    expect_exit 6 init_container
    settings
    forget_all
    outcomes job
    expect_equal "$(placed "$RECIPES/kubernetes/job.yaml" | python3 -c '
import sys, yaml
spec = yaml.safe_load(sys.stdin)["spec"]
rule = next(r for r in spec["podFailurePolicy"]["rules"] if r["action"] == "FailJob")["onExitCodes"]
pod = spec["template"]["spec"]
assert rule["containerName"] in [c["name"] for c in pod["containers"]]
print(rule["operator"], rule["values"], pod["restartPolicy"])')" 'In [1, 2, 4] Never' 'what ends the Job'
}

# ---- Docker -------------------------------------------------------------------------------------

# instruction NAME STAGE: the lines of a stage that begin so, continued ones as one, without the name.
instruction()
{
    sed -e ':more' -e '/\\$/{N; s/\\\n *//; b more}' "$RECIPES/docker/Dockerfile" |
        awk -v name="$1" -v stage="$2" '
            $1 == "FROM" { ++stages }
            stages == stage && $1 == name { $1 = ""; sub(/^ /, ""); print }'
}

packages_of_stage()
{
    instruction RUN "$1" | sed -n 's/.*--no-install-recommends \([^&]*\).*/\1/p' | xargs -n 1 | sort
}

# The libraries that the program itself names, by the packages that they are in.
libraries()
{
    local names
    mapfile -t names < <(LC_ALL=C objdump -p "$REDFERRY_PROGRAM" | awk '$1 == "NEEDED" { print $2 }')
    { dpkg -S "${names[@]/#/*/}" || true; } |
        awk '{ name = $NF; sub(/.*\//, "", name); sub(/:.*/, ""); if (!seen[name]++) print }' |
        grep -vE '^(libc6|lib[atu]bsan|libasan.*|libubsan.*|libgcc-s1)$' | sort -u
}

dockerfile_would_build()
{
    local file build
    build=$(sed -n '/^groups_of/,/^PACKAGES/s/^build  *//p' "$DOCS/../scripts/packages" | xargs -n 1 | sort)
    expect_equal "$(packages_of_stage 1)" "$build" 'what the first stage installs'
    expect_equal "$(packages_of_stage 2 | grep -v '^ca-certificates$')" "$(libraries)" 'what the second stage installs'
    while read -r file _; do
        [[ -e $DOCS/../$file ]] || fail "the Dockerfile copies '$file'"
    done < <(instruction COPY 2 | grep -v '^--from')
    while read -r line; do
        grep -qF "${line%% --prefix*}" "$DOCS/../README.md" || fail "'$line' is not how README.md builds it"
    done < <(instruction RUN 1 | grep 'cmake --' | sed 's/ *&& */\n/g')
}

# As one line of words, read once.
declare -A json_read=()
read_json()
{
    [[ -n ${json_read[$1]:-} ]] || json_read[$1]=$(instruction "$1" 2 | json_words)
}
json_words() { python3 -c 'import json, shlex, sys; print(shlex.join(json.load(sys.stdin)))'; }

docker()
{
    local words=() variables=() argument
    case $1 in
    build) [[ -e $DOCS/../$3 ]] || fail "docker $*" ;;
    run)
        while (($# > 0)); do
            [[ $1 != -e ]] || variables+=("$2")
            shift
        done
        read -ra words < <(instruction ENV 2 | placed)
        read_json ENTRYPOINT
        read_json CMD
        argument="${json_read[ENTRYPOINT]} ${command:-${json_read[CMD]}}"
        # shellcheck disable=SC2086
        bare "${words[@]}" "${variables[@]}" $argument
        ;;
    *) fail "docker $*" ;;
    esac
}

containers()
{
    local block
    block=$(listed recipes/docker/README.md containers | placed)
    eval "$block"
}

docker_recipe()
{
    dockerfile_would_build
    local command='touch started'
    outcomes containers
    command=
    expect_exit 0 containers
    expect_stdout_contains ' applied' # its CMD is `redferry status`
}

# ---- cron ---------------------------------------------------------------------------------------

# cron WORD: runs the line with this word as cron does.
cron()
{
    local settings=() line
    mapfile -t settings < <(placed "$RECIPES/cron/redferry" | grep -E '^[A-Z_]+=')
    line=$(placed "$RECIPES/cron/redferry" | grep "^[0-9*].*$1")
    [[ $line =~ ^([0-9*]+\ ){5}app\  ]] || fail "no line of cron's: $line"
    [[ $line != *%* ]] || fail "cron makes lines of: $line"
    env -i HOME="$SCRATCH" LOGNAME=app SHELL=/bin/sh PATH=/usr/bin:/bin "${settings[@]}" \
        /bin/sh -c "${line#*app }"
}

crontab()
{
    local etc=$PWD/etc
    begin
    mkdir -p cron.d
    (cd "$RECIPES/cron" && eval "$(listed recipes/cron/README.md crontab | sed "s|/etc/cron.d|$etc/../cron.d|")")
    cmp -s cron.d/redferry "$RECIPES/cron/redferry" || fail 'the file is not there'
    expect_exit 0 cron 'status --check'
    expect_stdout_contains ': exit code 3'
    expect_exit 0 redferry up
    expect_silence 'status --check'
    expect_silence verify || true
    write_migration 2_set.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET v:${id} x
YAML
    expect_exit 0 redferry up
    expect_silence verify
    redis SET v:2 y >/dev/null
    expect_exit 0 cron verify
    expect_stdout_contains ': exit code 8'
    expect_stdout_contains 'different "v:2"'
    echo "sqlite:$PWD/no/file.db" >etc/database
    expect_exit 0 cron 'status --check'
    expect_stdout_contains ': exit code 6'
}

expect_silence()
{
    expect_exit 0 cron "$1"
    expect_equal "$(cat "$OUT" "$ERR")" '' "what '$1' says"
}

for_both_databases shell_hook
with_database sqlite shell_hook_stopped
with_database postgresql two_hosts hook
units_are_sound
with_database postgresql two_units
with_database sqlite outcomes alone
with_database sqlite tells
with_database sqlite two_hosts service
build_release
with_database postgresql elixir
with_database postgresql elixir_commands
with_database postgresql elixir_stopped
with_database postgresql two_hosts start_release
with_database postgresql rails
with_database sqlite rails_sqlite
with_database postgresql rails_stopped
with_database postgresql two_hosts data_migrate
with_database postgresql kubernetes
with_database postgresql two_hosts job
with_database sqlite docker_recipe
with_database sqlite two_hosts containers
for_both_databases crontab

#!/usr/bin/env bash
# What does the door cost? Compares it, in one run and by turns, with nginx as a bare reverse proxy and with no proxy at all.
#
#   bench/run.sh                       about three minutes; bench/README.md says how to read the result
#   BENCH_SECONDS=10 bench/run.sh      each measurement takes 10 seconds instead of 2
#   BENCH_ROUNDS=9 bench/run.sh        nine turns instead of 3
#   BENCH_PAIRS=cross bench/run.sh     what crossing the eras costs, instead of what the door costs
#   CLAVIGER=… FIXTURE=… bench/run.sh  these binaries, instead of building them
#
# It promises no speed: the goals stand beside what was reached, and the exit code is 0 unless something broke.
# Everything listens on 127.0.0.1 and is stopped at the end. wrk and nginx come from Debian (tools/setup-bench.sh).
set -euo pipefail
export LC_ALL=C

seconds="${BENCH_SECONDS:-2}"
rounds="${BENCH_ROUNDS:-3}"
STARTS=11
CONNECTIONS=(1 16 64)

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
target="${CARGO_TARGET_DIR:-$root/target}"
claviger="${CLAVIGER:-$target/release/claviger}"
fixture="${FIXTURE:-$target/release/fast-fixture}"
# shellcheck source=bench/issuer.bash
source "$here/issuer.bash"
# shellcheck source=bench/pairs.bash
source "$here/pairs.bash"

say() { printf 'bench: %s\n' "$*" >&2; }
fail() { printf 'bench: %s\n' "$*" >&2; exit 1; }

mkdir -p "$target"
scratch="$(mktemp -d "$target/bench.XXXXXX")"
declare -A started=()
# Ends what this script started, and nothing else: politely first, after five seconds by force.
stop() {
  local pid="$1" tenths
  kill "$pid" 2>/dev/null || true
  for ((tenths = 0; tenths < 50; tenths++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  unset "started[$pid]"
}
stop_all() {
  local pid
  for pid in "${!started[@]}"; do stop "$pid"; done
}
trap 'stop_all; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

need_tools() {
  local tool
  [[ "$(uname -s)" == Linux ]] || fail 'this needs Linux: it reads /proc and pins processes to cores'
  "$root/tools/setup-bench.sh" >&2
  for tool in wrk curl openssl taskset; do
    command -v "$tool" >/dev/null || fail "please install $tool"
  done
}

build() {
  if [[ -z "${FIXTURE:-}" ]]; then
    cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p claviger-testkit --bin fast-fixture
  fi
  if [[ -z "${CLAVIGER:-}" ]]; then
    cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p claviger
  fi
}

# The proxy that is being measured has one core to itself, everything else shares the others.
share_cores() {
  local cores
  mapfile -t cores < <(allowed_cores)
  proxy_core="${cores[-1]}"
  other_cores="$proxy_core"
  if (( ${#cores[@]} == 1 )); then
    say 'one core only: load, fixture and proxy share it, and waiting times say little'
  else
    other_cores="$(printf '%s\n' "${cores[@]:0:${#cores[@]}-1}" | paste -sd,)"
  fi
}

# The cores that this script may use, one a line, out of a list such as 0-3,6.
allowed_cores() {
  local range
  for range in $(taskset -cp "$$" | sed -e 's/.*: *//' -e 's/,/ /g'); do
    seq "${range%-*}" "${range#*-}"
  done
}

# A port below those that the system gives out by itself, on which nobody answers.
free_port() {
  local port
  while true; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# launch CORES NAME COMMAND...: runs a program until the end of this script; `pid` becomes its id.
# Each has a session of its own, and so a fair share of its core: Linux divides a busy core among sessions first
# (sched(7), autogroup), and would favour the proxy that asks for more.
launch() {
  local on="$1" name="$2"
  shift 2
  : >"$scratch/$name.log"
  setsid taskset -c "$on" "$@" >"$scratch/$name.log" 2>&1 &
  pid=$!
  started[$pid]="$name"
}

# start_fixture [ERA]
start_fixture() {
  local tenths era="${1:-both}"
  launch "$other_cores" "fixture-$era" "$fixture" --era "$era"
  fixture_pid="$pid"
  for ((tenths = 0; tenths < 100; tenths++)); do
    direct_url="$(head -n 1 "$scratch/fixture-$era.log")"
    if [[ "$direct_url" == http://* ]]; then return; fi
    sleep 0.1
  done
  cat "$scratch/fixture-$era.log" >&2
  fail 'the fixture did not say where it listens'
}

# One worker, since it has one core. The same nginx serves what the door asks the issuer for, once.
start_nginx() {
  local nginx_port issuer_port upstream nginx tenths
  nginx_port="$(free_port)"
  issuer_port="$(free_port)"
  nginx_url="http://127.0.0.1:$nginx_port/mcp"
  issuer="http://127.0.0.1:$issuer_port"
  upstream="${direct_url#http://}"
  sed -e "s|@SCRATCH@|$scratch|g" -e "s|@UPSTREAM@|${upstream%%/*}|" -e "s|@PORT@|$nginx_port|" \
    -e "s|@ISSUER_PORT@|$issuer_port|" -e "s|@ISSUER@|$issuer|g" -e "s|@JWKS@|$jwks|" "$here/nginx.conf" >"$scratch/nginx.conf"
  nginx="$(PATH="$PATH:/usr/sbin" command -v nginx)"
  launch "$proxy_core" nginx "$nginx" -e stderr -p "$scratch" -c "$scratch/nginx.conf"
  for ((tenths = 0; tenths < 100; tenths++)); do
    if curl -sf -o /dev/null "$issuer/jwks"; then
      nginx_pid="$(<"/proc/$pid/task/$pid/children")"
      nginx_pid="${nginx_pid// /}"
      return
    fi
    sleep 0.1
  done
  cat "$scratch/nginx.log" >&2
  fail 'nginx did not start'
}

configure_door() {
  mkdir "$scratch/config"
  door_port="$(free_port)"
  admin_port="$(free_port)"
  door_url="http://127.0.0.1:$door_port/mcp/fast"
  # Rates that are counted on every call, and that no call here exceeds.
  cat >"$scratch/config/claviger.toml" <<TOML
[listen]
address = "127.0.0.1:$door_port"

[admin]
address = "127.0.0.1:$admin_port"

[[accept]]
issuer = "$issuer"

[servers.fast]
url = "$direct_url"
scopes = { "*" = "fast:call" }

[limits]
per_address = "4000000/s"
per_subject = "4000000/s"

[audit]
file = "audit/mcp_calls.jsonl"
TOML
}

# Starts the door and waits, without a pause, for its first 200; `pid` is its id, `took` the microseconds, `used` those of CPU.
start_door() {
  local began="$EPOCHREALTIME" connection status deadline=$((SECONDS + 20))
  launch "$proxy_core" door "$claviger" serve -c "$scratch/config/claviger.toml" --state "$scratch/state"
  while (( SECONDS < deadline )) && kill -0 "$pid" 2>/dev/null; do
    { exec {connection}<>"/dev/tcp/127.0.0.1/$door_port"; } 2>/dev/null || continue
    printf 'GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n' "$door_port" >&"$connection"
    status=''
    IFS= read -r -t 5 status <&"$connection" || true
    exec {connection}>&-
    if [[ "$status" == 'HTTP/1.1 200'* ]]; then
      took=$((${EPOCHREALTIME/./} - ${began/./}))
      used="$(cat "/proc/$pid/task/"*/schedstat | awk '{ sum += $1 } END { printf "%d", sum / 1000 }')"
      return
    fi
  done
  cat "$scratch/door.log" >&2
  fail 'the door did not come up'
}

# The middle of several starts, in milliseconds; the last door stays. It waits on the core of the others, like any prober.
time_starts() {
  local number times=() uses=()
  for ((number = 1; number <= STARTS; number++)); do
    start_door
    times+=("$took")
    uses+=("$used")
    if (( number < STARTS )); then
      stop "$pid"
    fi
  done
  door_pid="$pid"
  start_ms="$(middle_ms "${times[@]}")"
  start_cpu_ms="$(middle_ms "${uses[@]}")"
}

# The middle one of some microseconds, in milliseconds.
middle_ms() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p" | awk '{ printf "%.1f", $1 / 1000 }'; }

# call URL TOKEN: one call as wrk will send it; prints the status, the body goes to a file.
call() {
  local credential=()
  if [[ -n "$2" ]]; then credential=(-H @-); fi
  curl -s -o "$scratch/answer" -w '%{http_code}' "${credential[@]}" \
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28' \
    -H 'Mcp-Method: tools/call' -H 'Mcp-Name: echo' --data-binary "$small" "$1" <<<"Authorization: Bearer $2"
}

# The door is worth measuring only while it does its work.
check_work() {
  local expected status
  [[ "$(call "$direct_url" '')" == 200 ]] || fail 'the fixture does not answer'
  expected="$(<"$scratch/answer")"
  [[ "$(call "$nginx_url" "$token")" == 200 && "$(<"$scratch/answer")" == "$expected" ]] || fail 'nginx does not pass the answer on'
  status="$(call "$door_url" "$token")"
  [[ "$status" == 200 && "$(<"$scratch/answer")" == "$expected" ]] || fail "the door answers $status: $(<"$scratch/answer")"
  status="$(call "$door_url" '')"
  [[ "$status" == 401 ]] || fail "the door answers $status without a token, not 401"
  status="$(call "$door_url" "$(mint "$scratch" "$issuer" "$door_url" 'other:scope')")"
  [[ "$status" == 403 ]] || fail "the door answers $status without the scope, not 403"
  status="$(call "$door_url" "${token%??????????}AAAAAAAAAA")"
  [[ "$status" == 401 ]] || fail "the door answers $status to a forged signature, not 401"
}

# bodies: a short call, and one of 1 KiB, both with what revision 2026-07-28 asks for.
make_bodies() {
  local text
  body_with() {
    printf '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%s"},"_meta":{%s}}}' "$1" \
      '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}'
  }
  small="$(body_with hello)"
  printf -v text '%*s' "$((1024 - ${#small} + 5))" ''
  large="$(body_with "${text// /x}")"
}

ticks_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
# What this script itself has used, and every child that has ended: wrk above all.
own_ticks() { awk '{ print $14 + $15 + $16 + $17 }' "/proc/$$/stat"; }
# user nice system idle iowait irq softirq steal, of all cores; what is neither idle nor waiting for a disk is busy.
busy_ticks() { awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat; }
all_ticks() { awk '$1 == "cpu" { print $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat; }
strangers_ticks() {
  echo $(($(busy_ticks) - $(own_ticks) - $(ticks_of "$fixture_pid") - $(ticks_of "$nginx_pid") - $(ticks_of "$door_pid")))
}
memory_of() { awk -v "name=$2:" '$1 == name { print $2 }' "/proc/$1/status"; }

# load URL BODY CONNECTIONS SECONDS: one measurement; prints call.lua's line of results without its first word.
load() {
  BENCH_TOKEN="$token" BENCH_BODY="$2" \
    taskset -c "$other_cores" wrk -t1 "-c$3" "-d${4}s" --timeout 10s -s "$here/call.lua" "$1" | sed -n 's/^result\t//p'
}

# measure ROUND BODY CONNECTIONS TARGET: one line for report.awk.
measure() {
  local url="$4_url" pid="$4_pid" before='' ticks='-' requests duration p50 p99 refused broken
  if [[ -n "${!pid:-}" ]]; then before="$(ticks_of "${!pid}")"; fi
  IFS=$'\t' read -r requests duration p50 p99 refused broken < <(load "${!url}" "$2" "$3" "$seconds") \
    || fail "$4: wrk gave no result"
  if [[ -n "$before" ]]; then ticks=$(($(ticks_of "${!pid}") - before)); fi
  if (( refused + broken > 0 )); then fail "$4: $refused of $requests answers were errors, $broken connections broke"; fi
  if [[ "$4" == door ]]; then door_requests=$((door_requests + requests)); fi
  printf '%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n' "${#2}" "$3" "$4" "$1" "$requests" "$duration" "$p50" "$p99" "$ticks" >>"$scratch/results"
}

# Turns: in each round every body and number of connections, and each time another target first.
measure_all() {
  local round body connections number order=(direct nginx door) turn=0 all strangers
  door_requests=0
  all="$(all_ticks)"
  strangers="$(strangers_ticks)"
  for number in "${order[@]}"; do
    local url="${number}_url"
    load "${!url}" "$small" 16 1 >/dev/null
  done
  for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for body in "$small" "$large"; do
      for connections in "${CONNECTIONS[@]}"; do
        for ((number = 0; number < 3; number++)); do
          measure "$round" "$body" "$connections" "${order[(turn + number) % 3]}"
        done
        turn=$((turn + 1))
      done
    done
  done
  disturbance=$((100 * ($(strangers_ticks) - strangers) / ($(all_ticks) - all)))
}

# Every call must be in the record and in the metrics: else it was not measured with everything on.
check_record() {
  local counted recorded
  counted="$(curl -sf "http://127.0.0.1:$admin_port/metrics" | awk '/^claviger_calls_total\{.*outcome="ok"/ { sum += $NF } END { printf "%d", sum }')"
  # The writer has its own thread; what it still holds is written when the door stops.
  stop "$door_pid"
  recorded="$(cat "$scratch"/state/audit/mcp_calls*.jsonl | wc -l)"
  (( counted >= door_requests )) || fail "the metrics count $counted calls, but $door_requests were answered"
  (( recorded >= door_requests )) || fail "the audit trail has $recorded lines, but $door_requests calls were answered"
}

main() {
  need_tools
  build
  share_cores
  jwks="$(make_issuer "$scratch")"
  make_bodies
  start_fixture
  start_nginx
  case "${BENCH_PAIRS:-}" in
    '') ;;
    cross) run_pairs; return ;;
    *) fail "BENCH_PAIRS is cross or nothing, not $BENCH_PAIRS" ;;
  esac
  configure_door
  token="$(mint "$scratch" "$issuer" "$door_url" 'fast:call')"
  time_starts
  check_work
  sleep 1
  local idle_kib peak_kib nginx_peak_kib
  idle_kib="$(memory_of "$door_pid" VmRSS)"
  printf 'one core for the proxy (%s), the others for load and fixture (%s); load average before: %s\n' \
    "$proxy_core" "$other_cores" "$(cut -d' ' -f1-3 /proc/loadavg)"
  printf 'nginx %s, 1 worker; token of %d bytes; %d rounds of %d s each, medians\n' \
    "$(PATH="$PATH:/usr/sbin" nginx -v 2>&1 | sed 's|.*/||')" "${#token}" "$rounds" "$seconds"
  measure_all
  peak_kib="$(memory_of "$door_pid" VmHWM)"
  nginx_peak_kib="$(memory_of "$nginx_pid" VmHWM)"
  check_record
  awk -f "$here/report.awk" -v "ticks_per_second=$(getconf CLK_TCK)" -v "disturbance=$disturbance" -v "start_ms=$start_ms" -v "start_cpu_ms=$start_cpu_ms" \
    -v "idle_kib=$idle_kib" -v "peak_kib=$peak_kib" \
    -v "nginx_peak_kib=$nginx_peak_kib" -v "binary_bytes=$(stat -Lc %s "$claviger")" "$scratch/results"
}

main "$@"

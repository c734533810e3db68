# What does crossing the eras cost? The pairs of BENCH_PAIRS=cross: callers of either era before servers of either; sourced by bench/run.sh.
#
# A caller that crosses is compared with itself before a server of its own era, and with the server's own caller.

# shellcheck disable=SC2153,SC2154 # what is not set here, run.sh sets
PAIRS=(modern_modern legacy_legacy legacy_modern modern_legacy)
# By the era of the server.
declare -A tokens=() sessions=()

# Two fixtures that know one era each, one door before both, and a token for either.
open_pairs() {
  local era
  mkdir "$scratch/config"
  door_port="$(free_port)"
  admin_port="$(free_port)"
  cat >"$scratch/config/claviger.toml" <<TOML
[listen]
address = "127.0.0.1:$door_port"

[admin]
address = "127.0.0.1:$admin_port"

[[accept]]
issuer = "$issuer"

[limits]
per_address = "4000000/s"
per_subject = "4000000/s"

[audit]
file = "audit/mcp_calls.jsonl"
TOML
  for era in modern legacy; do
    tokens[$era]="$(mint "$scratch" "$issuer" "http://127.0.0.1:$door_port/mcp/$era" 'fast:call')"
    start_fixture "$era"
    printf '\n[servers.%s]\nurl = "%s"\nscopes = { "*" = "fast:call" }\n' "$era" "$direct_url" >>"$scratch/config/claviger.toml"
  done
  start_door
  door_pid="$pid"
}

# The body of a call of the older era: nothing beside it but the session.
legacy_body='{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}'

# ask_legacy SERVER SESSION BODY: prints the status; head and body go to files.
ask_legacy() {
  local session=()
  if [[ -n "$2" ]]; then session=(-H "Mcp-Session-Id: $2" -H 'MCP-Protocol-Version: 2025-11-25'); fi
  curl -s -o "$scratch/answer" -D "$scratch/head" -w '%{http_code}' -H @- "${session[@]}" -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' --data-binary "$3" "http://127.0.0.1:$door_port/mcp/$1" <<<"Authorization: Bearer ${tokens[$1]}"
}

# open_session SERVER: prints the id of a session of the older era.
open_session() {
  local status session initialize='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
  status="$(ask_legacy "$1" '' "$initialize")"
  [[ "$status" == 200 ]] || fail "no session before the $1 server: $status $(<"$scratch/answer")"
  session="$(sed -n 's/^mcp-session-id: *\([^[:space:]]*\).*/\1/Ip' "$scratch/head")"
  status="$(ask_legacy "$1" "$session" '{"jsonrpc":"2.0","method":"notifications/initialized"}')"
  [[ "$status" == 202 ]] || fail "the session before the $1 server is not taken: $status"
  echo "$session"
}

# Each pair must give the fixture's answer, else there is nothing to measure.
check_pairs() {
  local server status
  for server in modern legacy; do
    status="$(call "http://127.0.0.1:$door_port/mcp/$server" "${tokens[$server]}")"
    check_answer "$status" "a modern caller of the $server server"
    sessions[$server]="$(open_session "$server")"
    status="$(ask_legacy "$server" "${sessions[$server]}" "$legacy_body")"
    check_answer "$status" "a legacy caller of the $server server"
  done
}

check_answer() {
  [[ "$1" == 200 && "$(<"$scratch/answer")" == *'quick brown fox'* ]] || fail "$2 gets $1: $(<"$scratch/answer")"
}

# load_pair PAIR CONNECTIONS SECONDS: one measurement, as `load` gives it. PAIR is the caller's era and the server's.
load_pair() {
  local caller="${1%_*}" server="${1#*_}" session='' body="$small"
  if [[ "$caller" == legacy ]]; then
    session="${sessions[$server]}"
    body="$legacy_body"
  fi
  token="${tokens[$server]}" BENCH_SESSION="$session" load "http://127.0.0.1:$door_port/mcp/$server" "$body" "$2" "$3"
}

measure_pair() {
  local before ticks requests duration p50 p99 refused broken
  before="$(ticks_of "$door_pid")"
  IFS=$'\t' read -r requests duration p50 p99 refused broken < <(load_pair "$3" "$2" "$seconds") || fail "$3: wrk gave no result"
  ticks=$(($(ticks_of "$door_pid") - before))
  if (( refused + broken > 0 )); then fail "$3: $refused of $requests answers were errors, $broken connections broke"; fi
  door_requests=$((door_requests + requests))
  printf '%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n' "$2" "$3" "$1" "$requests" "$duration" "$p50" "$p99" "$ticks" >>"$scratch/pairs"
}

# Turns as in the other comparison: every number of connections in each round, and each time another pair first.
measure_pairs() {
  local round connections number turn=0 pair
  door_requests=0
  for pair in "${PAIRS[@]}"; do load_pair "$pair" 16 1 >/dev/null; done
  for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for connections in "${CONNECTIONS[@]}"; do
      for ((number = 0; number < ${#PAIRS[@]}; number++)); do
        measure_pair "$round" "$connections" "${PAIRS[(turn + number) % ${#PAIRS[@]}]}"
      done
      turn=$((turn + 1))
    done
  done
}

run_pairs() {
  open_pairs
  check_pairs
  printf 'one core for the door (%s), the others for load and fixtures (%s); load average before: %s\n' \
    "$proxy_core" "$other_cores" "$(cut -d' ' -f1-3 /proc/loadavg)"
  printf '%d rounds of %d s each, medians; short calls through the door, everything on\n' "$rounds" "$seconds"
  measure_pairs
  check_record
  awk -f "$here/pairs.awk" -v "ticks_per_second=$(getconf CLK_TCK)" "$scratch/pairs"
}

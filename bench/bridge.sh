#!/usr/bin/env bash
# What does the bridge cost? Compares `claviger bridge`, in one run and by turns, with npm's mcp-remote before the same server.
#
#   bench/bridge.sh                     about a minute; bench/README.md says how to read the result
#   BENCH_SECONDS=10 bench/bridge.sh    each load takes 10 seconds instead of 2
#   BENCH_ROUNDS=9 bench/bridge.sh      nine turns instead of 3
#   CLAVIGER=… FIXTURE=… bench/bridge.sh  these binaries, instead of building them
#
# It promises no speed: the goals stand beside what was reached, and the exit code is 0 unless something broke. The server is the door with its own
# authorization server before the fast fixture; both bridges log in once, and are then measured with a stored token. Everything listens on 127.0.0.1.
set -euo pipefail
export LC_ALL=C

seconds="${BENCH_SECONDS:-2}"
rounds="${BENCH_ROUNDS:-3}"
STARTS=11

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
target="${CARGO_TARGET_DIR:-$root/target}"
claviger="${CLAVIGER:-$target/release/claviger}"
fixture="${FIXTURE:-$target/release/fast-fixture}"
modules="$root/.test-peers/npm/node_modules"
mcp_remote="$modules/mcp-remote/dist/proxy.js"
PATH="$modules/.bin:$PATH"
# Of the account in conformance/accounts.toml.
PASSWORD=aqss-i52k-e3wi-u2fn

say() { printf 'bench: %s\n' "$*" >&2; }
fail() { printf 'bench: %s\n' "$*" >&2; exit 1; }

mkdir -p "$target"
scratch="$(mktemp -d "$target/bench.XXXXXX")"
started=()
# Ends what this script started, and nothing else. The keeper of the bridges ends when its folder is gone.
stop_all() {
  local pid
  for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
  for pid in ${started[@]+"${started[@]}"}; do wait "$pid" 2>/dev/null || true; done
}
trap 'stop_all; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[[ "$(uname -s)" == Linux ]] || fail 'this needs Linux: it reads /proc and pins processes to cores'
[[ -f "$mcp_remote" ]] || fail 'mcp-remote is not there: tools/setup-tests.sh installs it'
if [[ -z "${FIXTURE:-}" ]]; then cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p claviger-testkit --bin fast-fixture; fi
if [[ -z "${CLAVIGER:-}" ]]; then cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p claviger; fi

# The bridge that is being measured has one core to itself, everything else shares the others.
mapfile -t cores < <(for range in $(taskset -cp "$$" | sed -e 's/.*: *//' -e 's/,/ /g'); do seq "${range%-*}" "${range#*-}"; done)
bridge_core="${cores[-1]}"
others="$bridge_core"
if (( ${#cores[@]} > 1 )); then others="$(printf '%s\n' "${cores[@]:0:${#cores[@]}-1}" | paste -sd,)"; fi

# start NAME PATTERN COMMAND...: runs a program until the end of this script; `url` becomes what PATTERN finds.
start() {
  local name="$1" pattern="$2" tenths
  shift 2
  : >"$scratch/$name.log"
  taskset -c "$others" "$@" >"$scratch/$name.log" 2>&1 &
  started+=("$!")
  for ((tenths = 0; tenths < 200; tenths++)); do
    url="$(grep -aoE -m1 "$pattern" "$scratch/$name.log" | grep -aoE -m1 'http://[^[:space:]]+' || true)"
    if [[ -n "$url" ]]; then return; fi
    sleep 0.1
  done
  cat "$scratch/$name.log" >&2
  fail "$name did not say where it listens"
}

start fixture '^http://.*' "$fixture"
cp "$root/conformance/accounts.toml" "$scratch/accounts.toml"
cat >"$scratch/claviger.toml" <<TOML
[listen]
address = "127.0.0.1:0"

[issuer]
accounts = "accounts.toml"

[servers.fast]
url = "$url"
scopes = { "*" = "fast:call" }

[limits]
per_address = "4000000/s"
per_subject = "4000000/s"
TOML
start door 'door +http://127\.0\.0\.1:[0-9]+/mcp/fast' "$claviger" serve -c "$scratch/claviger.toml" --state "$scratch/door"

# Never the keychain of whoever measures.
mkdir -p "$scratch/state/accounts" "$scratch/mcp-auth"
echo file >"$scratch/state/accounts/storage"

# Somebody signs in, once for each bridge, where it says.
sign_in() {
  local turn
  for turn in 1 2; do
    until (( $(grep -c . "$scratch/log-in") >= turn )); do sleep 0.1; done
    sed -n "${turn}p" "$scratch/log-in" >"$scratch/log-in.$turn"
    node "$root/conformance/sign_in.mjs" "$scratch/log-in.$turn" harness "$PASSWORD" >>"$scratch/sign-in.log" 2>&1
  done
}
: >"$scratch/log-in"
sign_in &
started+=("$!")
say "the log-ins, $STARTS starts of each, then $rounds rounds of $seconds s"
if ! taskset -c "$others" node "$here/bridge.mjs" "$bridge_core" "$seconds" "$STARTS" "$rounds" "$scratch/log-in" "$url" "$claviger" \
  "$scratch/state" "$mcp_remote" "$scratch/mcp-auth" >"$scratch/figures"; then
  cat "$scratch/sign-in.log" "$scratch/door.log" >&2
  fail 'a bridge does not work'
fi

printf 'one core for the bridge (%s), the others for host, door and fixture (%s); load average: %s\n' \
  "$bridge_core" "$others" "$(cut -d' ' -f1-3 /proc/loadavg)"
printf 'mcp-remote %s on Node.js %s; %d starts, %d rounds of %d s with 16 calls under way\n\n' \
  "$(node -p "require('$modules/mcp-remote/package.json').version")" "$(node -p process.versions.node)" "$STARTS" "$rounds" "$seconds"
awk -F '\t' -v "second=$(getconf CLK_TCK)" '
  function verdict(met) { return met ? "met" : "MISSED" }
  { start[$1] = $2; used[$1] = $3; peak[$1] = $4 / 1024; rate[$1] = $5 * second / $6 }
  END {
    printf "%-34s %12s %12s\n", "", "claviger", "mcp-remote"
    printf "%-34s %12.1f %12.1f\n", "start to first answer, ms", start["claviger"], start["mcp-remote"]
    printf "%-34s %12.1f %12.1f\n", "CPU until then, ms", used["claviger"], used["mcp-remote"]
    printf "%-34s %12.1f %12.1f\n", "highest memory, MiB", peak["claviger"], peak["mcp-remote"]
    printf "%-34s %12d %12d\n\n", "calls per CPU second", rate["claviger"], rate["mcp-remote"]
    ratio = rate["claviger"] / rate["mcp-remote"]
    printf "goal: start to first answer <= 50 ms   %8.1f  %s\n", start["claviger"], verdict(start["claviger"] <= 50)
    printf "goal: highest memory <= 15 MiB         %8.1f  %s\n", peak["claviger"], verdict(peak["claviger"] <= 15)
    printf "goal: >= 10 x the calls of mcp-remote  %8.1f  %s\n", ratio, verdict(ratio >= 10)
  }' "$scratch/figures"

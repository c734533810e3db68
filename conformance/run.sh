#!/usr/bin/env bash
# Does the door keep what the server behind it can do? Runs the official MCP conformance harness.
#
#   conformance/run.sh direct         the fixture alone, of both eras and of either; every scored scenario must pass
#   conformance/run.sh door           the fixture behind the door, with the development bypass
#   conformance/run.sh token          the same with tokens, which a small proxy adds for the harness
#   conformance/run.sh stdio          the fixture as a child process of the door
#   conformance/run.sh legacy-behind  a fixture that knows the legacy era only behind the door, asked in the modern one, over HTTP and as a child
#   conformance/run.sh modern-behind  a fixture that knows the modern era only behind the door, asked in the legacy one, over HTTP and as a child
#   conformance/run.sh issuer         the built-in authorization server; every check must pass, and none may warn
#   conformance/run.sh client         our client and log-in, as `claviger conformance-client`; every check must pass, and none may warn
#   conformance/run.sh bridge         the same through `claviger bridge`, with a small host on its pipe
#
# Several may be named, `cross` means both that cross the eras, and none means all nine. All that put the door before the fixture must pass the same
# checks as the fixture alone, except for what conformance/expected/<mode>.yml names with a reason. Results and the programs' logs are left
# in target/conformance/.
# The harness and, where the installed one is too old, Node.js are installed into .test-peers/ from npm.
# Everything listens on 127.0.0.1, at ports that the system chooses.
set -euo pipefail

HARNESS_VERSION=0.2.0-alpha.12
NODE_MAJOR=22
NODE_VERSION=22.23.3
# How long a program may take until it says where it listens, in tenths of a second.
PATIENCE=300
# Of the account in accounts.toml.
HARNESS_PASSWORD=aqss-i52k-e3wi-u2fn

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
peers="$root/.test-peers/conformance"
target="${CARGO_TARGET_DIR:-$root/target}"
results="$target/conformance"
claviger="${CLAVIGER:-$target/debug/claviger}"

started=()
scratch="$(mktemp -d)"
# Ends what this script started, and nothing else: politely first, after five seconds by force.
stop_all() {
  local pid tenths
  for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
  for pid in ${started[@]+"${started[@]}"}; do
    for ((tenths = 0; tenths < 50; tenths++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  started=()
}
trap 'stop_all; rm -rf "$scratch"' EXIT

say() { printf 'conformance: %s\n' "$*"; }
fail() { printf 'conformance: %s\n' "$*" >&2; exit 1; }

install_harness() {
  node="$(command -v node || true)"
  local packages=("@modelcontextprotocol/conformance@$HARNESS_VERSION") platform
  if [[ -z "$node" ]] || (( $("$node" -p 'process.versions.node.split(".")[0]') < NODE_MAJOR )); then
    platform="$(node_platform)"
    packages+=("node-$platform@$NODE_VERSION")
    node="$peers/node_modules/node-$platform/bin/node"
  fi
  harness="$peers/node_modules/@modelcontextprotocol/conformance/dist/index.js"
  local stamp="$peers/installed" wanted="${packages[*]}"
  if [[ ! -f "$stamp" || "$(<"$stamp")" != "$wanted" ]]; then
    say "installing $wanted from npm into .test-peers/conformance"
    mkdir -p "$peers"
    printf '{"private":true}\n' >"$peers/package.json"
    npm install --prefix "$peers" --no-audit --no-fund --ignore-scripts --omit=dev --loglevel=error "${packages[@]}"
    printf '%s\n' "$wanted" >"$stamp"
  fi
}

node_platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo linux-x64 ;;
    Linux-aarch64) echo linux-arm64 ;;
    Darwin-x86_64) echo darwin-x64 ;;
    Darwin-arm64) echo darwin-arm64 ;;
    *) fail "no Node.js $NODE_MAJOR for this machine on npm: install it yourself" ;;
  esac
}

# start NAME PATTERN COMMAND...: runs a program until the end of this script; `url` becomes what PATTERN finds.
start() {
  local name="$1" pattern="$2" log="$scratch/$1.log" pid
  shift 2
  : >"$log"
  "$@" >"$log" 2>&1 &
  pid=$!
  started+=("$pid")
  for ((i = 0; i < PATIENCE; i++)); do
    url="$(grep -aoE -m1 "$pattern" "$log" | grep -aoE -m1 'http://[^[:space:]]+' || true)"
    if [[ -n "$url" ]]; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  cat "$log" >&2
  fail "$name did not say where it listens"
}

# start_fixture [ERA]
start_fixture() { start fixture '^http://.*' "$target/debug/fixture-server" --listen 127.0.0.1:0 --era "${1:-both}"; }

# start_door ARGUMENT...: a door with a state folder of its own.
start_door() {
  [[ -x "$claviger" ]] || fail "$claviger is not there: cargo build -p claviger"
  start door 'door +http://127\.0\.0\.1:[0-9]+/mcp/[A-Za-z0-9._-]+' \
    "$claviger" serve --listen 127.0.0.1:0 --state "$scratch/state" "$@"
}

# run_harness MODE URL [RUN...]: these runs, else all four, and their summary.
run_harness() {
  local mode="$1" against="$2" out="$results/$1" run flag
  shift 2
  if (( $# == 0 )); then set -- 2025-11-25 2026-07-28 2025-06-18 2025-03-26; fi
  rm -rf "$out"
  mkdir -p "$out"
  for run in "$@"; do
    flag=--spec-version
    case "$run" in 2025-11-25 | 2026-07-28) flag=--requirements ;; esac
    # The exit code says only that something failed; the summary says what.
    "$node" "$harness" server --url "$against" "$flag" "$run" -o "$out/$run" >"$out/$run.log" 2>&1 || true
  done
  "$node" "$here/summary.mjs" write "$peers" "$out" "$results/$mode.json"
}

run_direct() {
  local era
  start_fixture
  say "direct: $url"
  run_harness direct "$url"
  for era in legacy modern; do
    start_fixture "$era"
    say "direct, $era only: $url"
    run_harness "direct-$era" "$url" "$(revision_of "$era")"
  done
}

run_door() {
  start_fixture
  CLAVIGER_DEV_BYPASS=1 start_door --url "$url"
  say "door: $url"
  run_harness door "$url"
}

run_token() {
  start_fixture
  start_door --url "$url"
  (umask 077 && "$claviger" token mint --aud "$url" --ttl 900 --sub harness --state "$scratch/state" >"$scratch/token")
  start token-proxy '^http://.*' "$target/debug/token-proxy" --to "$url" --token-file "$scratch/token"
  say "token: $url"
  run_harness token "$url"
}

run_stdio() {
  CLAVIGER_DEV_BYPASS=1 start_door -- "$target/debug/fixture-server" --stdio
  say "stdio: $url"
  run_harness stdio "$url"
}

run_legacy-behind() { cross_eras legacy modern; }

run_modern-behind() { cross_eras modern legacy; }

# cross_eras BEHIND BEFORE: a fixture that knows one era only behind the door, asked in the other one.
cross_eras() {
  local run
  run="$(revision_of "$2")"
  start_fixture "$1"
  CLAVIGER_DEV_BYPASS=1 start_door --url "$url"
  say "$1-behind: $url"
  run_harness "$1-behind" "$url" "$run"
  stop_all
  rm -rf "$scratch/state"
  mv "$scratch/door.log" "$scratch/door-http.log"
  CLAVIGER_DEV_BYPASS=1 start_door -- "$target/debug/fixture-server" --stdio --era "$1"
  say "$1-behind-stdio: $url"
  run_harness "$1-behind-stdio" "$url" "$run"
}

# The revision of an era whose scenarios are asked.
revision_of() {
  case "$1" in legacy) echo 2025-11-25 ;; modern) echo 2026-07-28 ;; esac
}

run_issuer() {
  local out="$results/issuer" method port
  rm -rf "$out"
  HARNESS_SECRET="$("$node" -p 'crypto.randomUUID()')"
  export HARNESS_SECRET
  start_issuer issuer --listen 127.0.0.1:0
  say "issuer: $url"
  ask_issuer public "$url" --client-id public
  ask_issuer registered "$url" --client-id "$(register "${url%/mcp/*}")"
  for method in basic post; do
    port="$(free_port)"
    start "one-method-$method" '^http://.*' "$node" "$here/one_method.mjs" "client_secret_$method" "http://127.0.0.1:$port"
    start_issuer "issuer-$method" --listen "127.0.0.1:$port" --public-url "$url"
    ask_issuer "$method" "$url" --client-id secret --client-secret "$HARNESS_SECRET"
  done
  "$node" "$here/summary.mjs" write "$peers" "$out" "$results/issuer.json"
}

# start_issuer NAME ARGUMENT...: a door with people and clients of its own; `url` becomes its one server.
start_issuer() {
  local name="$1"
  shift
  start "$name" 'door +http://127\.0\.0\.1:[0-9]+/mcp/files' \
    "$claviger" serve --config "$here/issuer.toml" --state "$scratch/state-$name" "$@"
}

# ask_issuer NAME URL ARGUMENT...: both scenarios, for each revision; somebody signs in meanwhile.
ask_issuer() {
  local name="$1" resource="$2" revision log harness_pid
  shift 2
  for revision in 2025-03-26 2025-06-18 2025-11-25 2026-07-28; do
    mkdir -p "$results/issuer/$revision-$name"
    log="$results/issuer/$revision-$name.log"
    : >"$log"
    # The second scenario needs what the first one found, so both run in one go.
    "$node" "$harness" authorization --url "${resource%/mcp/*}" --resource "$resource" --port "$(free_port)" --spec-version "$revision" \
      -o "$results/issuer/$revision-$name" "$@" >"$log" 2>&1 &
    harness_pid=$!
    started+=("$harness_pid")
    if ! "$node" "$here/sign_in.mjs" "$log" harness "$HARNESS_PASSWORD" >>"$scratch/sign-in.log" 2>&1; then
      cat "$log" "$scratch/sign-in.log" >&2
      fail "nobody could sign in ($revision, $name)"
    fi
    # The exit code says only that something failed; the summary says what.
    wait "$harness_pid" || true
  done
}

# What a person's browser does where nobody has to be asked: it follows.
export BROWSER="curl -sSL -o /dev/null"

run_client() { ask_client client "$claviger conformance-client"; }

run_bridge() { ask_client bridge "$node $here/bridge_driver.mjs $claviger"; }

# ask_client MODE COMMAND: every scenario for clients, and their summary.
ask_client() {
  local mode="$1" command="$2" out="$results/$1" run flag
  command -v curl >/dev/null || fail "curl is not there"
  rm -rf "$out"
  for run in 2025-11-25 2026-07-28 extensions backcompat; do
    mkdir -p "$out/$run"
    case "$run" in 20*) flag=--requirements ;; *) flag=--suite ;; esac
    # The exit code says only that something failed; the summary says what.
    "$node" "$harness" client --command "$command" "$flag" "$run" -o "$out/$run" >"$out/$run.log" 2>&1 || true
  done
  "$node" "$here/summary.mjs" write "$peers" "$out" "$results/$mode.json" client
}

# compare_eras MODE: both runs of it with what the fixture of both eras passes in that revision.
compare_eras() {
  local bad=0 mode run
  run="$(revision_of "$([[ "$1" == legacy-behind ]] && echo modern || echo legacy)")"
  for mode in "$1" "$1-stdio"; do
    say "$mode, beside the fixture alone:"
    "$node" "$here/summary.mjs" compare "$peers" "$results/direct.json" "$results/$mode.json" "$here/expected/$1.yml" "$run" || bad=1
  done
  return "$bad"
}

# register ORIGIN: the name of a client that registers itself, as most do.
register() {
  "$node" -e '
    const body = JSON.stringify({ client_name: "Harness", redirect_uris: ["http://127.0.0.1/callback"], token_endpoint_auth_method: "none" });
    fetch(process.argv[1] + "/register", { method: "POST", body, headers: { "content-type": "application/json" } })
      .then((response) => response.json())
      .then((client) => console.log(client.client_id));
  ' "$1"
}

# A port that the system has just chosen, for programs that want to be told one.
free_port() {
  "$node" -e 'const one = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(one.address().port); one.close(); })'
}

main() {
  local modes=() mode run bad=0 all=(direct door token stdio legacy-behind modern-behind issuer client bridge)
  if (( $# == 0 )); then set -- "${all[@]}"; fi
  for mode in "$@"; do
    case "$mode" in
      cross) modes+=(legacy-behind modern-behind) ;;
      direct | door | token | stdio | legacy-behind | modern-behind | issuer | client | bridge) modes+=("$mode") ;;
      *) fail "unknown mode: $mode (cross, or one of: ${all[*]})" ;;
    esac
  done
  install_harness
  cargo build --quiet --manifest-path "$root/Cargo.toml" -p claviger-testkit --bins
  if [[ "${modes[*]}" != direct && -z "${CLAVIGER:-}" ]]; then
    cargo build --quiet --manifest-path "$root/Cargo.toml" -p claviger
  fi
  # Whatever has the fixture behind the door is compared with the fixture alone, as it is now.
  if [[ "${modes[0]}" != direct && "${modes[*]}" =~ (door|token|stdio|behind) && ! "$results/direct.json" -nt "$target/debug/fixture-server" ]]; then
    modes=(direct "${modes[@]}")
  fi
  for mode in "${modes[@]}"; do
    rm -rf "$scratch/state"
    rm -rf "$results/$mode-logs"
    "run_$mode"
    stop_all
    # What the programs said: why the door refused a call is in its log, and not in its answer.
    mkdir -p "$results/$mode-logs"
    find "$scratch" -maxdepth 1 -name '*.log' -exec mv -t "$results/$mode-logs/" {} +
    case "$mode" in
      direct) for run in direct direct-legacy direct-modern; do "$node" "$here/summary.mjs" check "$results/$run.json" || bad=1; done ;;
      legacy-behind | modern-behind) compare_eras "$mode" || bad=1 ;;
      issuer) "$node" "$here/summary.mjs" spotless "$results/issuer.json" || bad=1 ;;
      # A modern client sends no `initialize`, and declares what it has: the checks of the rest are skipped.
      client | bridge) "$node" "$here/summary.mjs" spotless "$results/$mode.json" skipped || bad=1 ;;
      *) "$node" "$here/summary.mjs" compare "$peers" "$results/direct.json" "$results/$mode.json" "$here/expected/$mode.yml" || bad=1 ;;
    esac
  done
  (( bad == 0 )) || fail "not as it should be; details in $results"
  say "all as it should be"
}

main "$@"

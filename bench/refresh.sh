#!/usr/bin/env bash
# How many refreshes of a token a second does the built-in authorization server answer, with its store in a file, and how long does its metadata take?
#
#   bench/refresh.sh                           about half a minute; goals: 3,000 a second on two cores, metadata in 2 ms for 95 of 100
#   CLAVIGER=… REFRESH_LOAD=… bench/refresh.sh these binaries, instead of building them
#
# Everything listens on 127.0.0.1 and is stopped at the end. The load runs on the same cores.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"
claviger="${CLAVIGER:-$target/release/claviger}"
load="${REFRESH_LOAD:-$target/release/refresh-load}"
if [[ -z "${CLAVIGER:-}" ]]; then cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p claviger; fi
if [[ -z "${REFRESH_LOAD:-}" ]]; then cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p claviger-testkit --bin refresh-load; fi

mkdir -p "$target"
scratch="$(mktemp -d "$target/bench.XXXXXX")"
door=
trap '[[ -z "$door" ]] || { kill "$door" && wait "$door"; } 2>/dev/null || true; rm -rf "$scratch"' EXIT

# The load stands for many callers behind one address, so what is counted for one address has to be out of its way.
printf '[limits]\nissuer_per_address = "9999999/min"\n[issuer]\naccess_token = "15min"\n[servers.files]\nbuiltin = "filesystem"\nscopes = { "*" = "files:read" }\n' >"$scratch/claviger.toml"
PASSWORD="$("$claviger" accounts add load --file "$scratch/state/accounts.toml" 2>/dev/null)"
export PASSWORD
"$claviger" serve -c "$scratch/claviger.toml" --listen 127.0.0.1:0 --state "$scratch/state" 2>"$scratch/log" &
door=$!
for ((tenths = 0; tenths < 100; tenths++)); do
  address="$(sed -n 's|^door *http://\([0-9.:]*\)/mcp/.*|\1|p' "$scratch/log")"
  [[ -z "$address" ]] || break
  sleep 0.1
done
[[ -n "$address" ]] || { cat "$scratch/log" >&2; exit 1; }

for families in 1 16 64 256; do
  printf '%4d at once: ' "$families"
  "$load" --to "$address" --account load --families "$families"
done
if command -v wrk >/dev/null; then
  printf '  metadata: '
  wrk -t1 -c16 -d5s -s "$root/bench/latency.lua" "http://$address/.well-known/oauth-authorization-server" | sed -n 's/^result //p'
fi

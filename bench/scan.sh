#!/usr/bin/env bash
# What does a scan take? `claviger scan` beside kingfisher, detect-secrets and ripsecrets, by turns in one run: CPU, memory, ratio.
#
#   bench/scan.sh                      some minutes, most of them detect-secrets'; bench/README.md says how to read the result
#   SCAN_TREE=FOLDER bench/scan.sh     this folder, instead of the one that bench/tree.py makes
#   SCAN_FILE=FILE bench/scan.sh       this file, instead of one from there
#   BENCH_ROUNDS=9 bench/scan.sh       nine turns instead of 3
#   CLAVIGER=… bench/scan.sh           this binary, instead of building one
#
# It promises no speed: the goals stand beside what was reached, and the exit code is 0 unless something broke. Nothing is sent anywhere: those
# that could ask a vendor whether a key works are told not to.
set -euo pipefail
export LC_ALL=C

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
target="${CARGO_TARGET_DIR:-$root/target}"
claviger="${CLAVIGER:-$target/release/claviger}"
FILES=10000

[[ "$(uname -s)" == Linux ]] || { echo 'bench: this needs Linux: memory is counted in its units' >&2; exit 1; }
"$root/tools/setup-scanners.sh" >&2
if [[ -z "${CLAVIGER:-}" ]]; then cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" -p claviger; fi

mkdir -p "$target"
scratch="$(mktemp -d "$target/bench.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
tree="${SCAN_TREE:-}"
if [[ -z "$tree" ]]; then
  tree="$scratch/tree"
  "$here/tree.py" "$tree" "$FILES"
fi
file="${SCAN_FILE:-}"
if [[ -z "$file" ]]; then
  # The first by name, so that each run has the same.
  file="$(find "$tree" -name '.mcp.json' -size -8k | sort | sed -n 1p)"
fi
[[ -f "$file" ]] || { echo 'bench: the folder has no .mcp.json: name a file by SCAN_FILE' >&2; exit 1; }

# The home is empty, so that nobody's settings count, and what a scanner keeps between two runs is kept here.
mkdir "$scratch/home"
HOME="$scratch/home" XDG_CACHE_HOME="$scratch/home/cache" "$here/scan.py" "$claviger" "$target/scanners" "$tree" "$file" "${BENCH_ROUNDS:-3}"

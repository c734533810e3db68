#!/usr/bin/env bash
# Does any input harm us? Runs every fuzz target for a minute, one after the other, and fails if one of them found something.
#
#   fuzz/run.sh                   every target
#   fuzz/run.sh envelope jwt      these
#   FUZZ_SECONDS=5 fuzz/run.sh    for so many seconds each
#
# Starts from fuzz/seeds/<target>/ and keeps what widens the coverage in fuzz/corpus/<target>/. What it finds is left in
# fuzz/artifacts/<target>/ together with the command that shows it again.
set -euo pipefail

seconds="${FUZZ_SECONDS:-60}"
# The longest time for one input, in seconds: a reader that is slow on purpose is a find too.
PATIENCE=10

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"

# A target that needs a file makes it here.
TMPDIR="$(mktemp -d)"
export TMPDIR RUST_BACKTRACE=1
trap 'rm -rf "$TMPDIR"' EXIT

say() { printf 'fuzz: %s\n' "$*"; }
fail() { printf 'fuzz: %s\n' "$*" >&2; exit 1; }

install_cargo_fuzz() {
  if ! cargo fuzz --version >/dev/null 2>&1; then
    say "installing cargo-fuzz from crates.io, once: it takes some minutes"
    cargo install cargo-fuzz --locked --quiet
  fi
  command -v c++ >/dev/null || fail "libFuzzer needs a C++ compiler: install g++"
}

# Runs one target and says what came of it. The whole output is kept. The program is the one that was built at the start, so
# that all targets judge the same sources.
run() {
  local target="$1" found="$here/artifacts/$1" log="$here/artifacts/$1.log"
  local folders=("$here/corpus/$target" "$here/seeds/$target")
  local options=("-max_total_time=$seconds" "-timeout=$PATIENCE" "-artifact_prefix=$found/" -print_final_stats=1)
  case "$target" in
    configuration) folders+=("$root/examples") ;;
    envelope) folders+=("$root/crates/mcp/tests/accepted" "$root/crates/mcp/tests/attacks") ;;
  esac
  if [[ -f "$here/dictionaries/$target" ]]; then options+=("-dict=$here/dictionaries/$target"); fi
  mkdir -p "${folders[0]}" "$found"
  if "$programs/$target" "${options[@]}" "${folders[@]}" >"$log" 2>&1; then
    say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, nothing found"
    return 0
  fi
  say "$target: found something; all of it is in ${log#"$root"/}"
  sed -n -e '/ panicked at /,/^stack backtrace:/{/^stack backtrace:/d;p}' -e '/^SUMMARY: /p' -e '/^Base64: /p' "$log"
  sed -n "s|.*Test unit written to $root/|show it again: cargo fuzz run --sanitizer none $target |p" "$log"
  # Nothing of it: the run itself went wrong.
  grep -q '^SUMMARY: ' "$log" || tail -n 20 "$log"
  return 1
}

[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || fail "FUZZ_SECONDS must be a number of seconds, not \`$seconds\`"
install_cargo_fuzz
programs="${CARGO_TARGET_DIR:-$here/target}/$(rustc -vV | sed -n 's/^host: //p')/release"
targets=("$@")
if ((${#targets[@]} == 0)); then mapfile -t targets < <(cd "$root" && cargo fuzz list); fi
say "building; then ${#targets[@]} targets for $seconds s each"
# Our crates forbid unsafe code, so there is no memory error for a sanitizer to find, and without one any toolchain will do.
(cd "$root" && cargo fuzz build --sanitizer none)
failed=()
for target in "${targets[@]}"; do
  run "$target" || failed+=("$target")
done
((${#failed[@]} == 0)) || fail "look into: ${failed[*]}"

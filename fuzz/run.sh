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
export TMPDIR
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

# Our crates forbid unsafe code, so there is no memory error for a sanitizer to find, and without one any toolchain will do.
fuzz() { (cd "$root" && cargo fuzz "$1" --sanitizer none "${@:2}"); }

# Runs one target and says what came of it. The whole output is kept.
run() {
  local target="$1" log="$here/artifacts/$1.log" inputs
  local folders=("$here/corpus/$target" "$here/seeds/$target") options=("-max_total_time=$seconds" "-timeout=$PATIENCE" -print_final_stats=1)
  case "$target" in
    configuration) folders+=("$root/examples") ;;
    envelope) folders+=("$root/crates/mcp/tests/accepted" "$root/crates/mcp/tests/attacks") ;;
  esac
  if [[ -f "$here/dictionaries/$target" ]]; then options+=("-dict=$here/dictionaries/$target"); fi
  mkdir -p "${folders[0]}" "$here/artifacts"
  if fuzz run "$target" "${folders[@]}" -- "${options[@]}" >"$log" 2>&1; then
    inputs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    say "$target: $inputs inputs in $seconds s, nothing found"
    return 0
  fi
  say "$target: found something; all of it is in ${log#"$root"/}"
  sed -n -e '/ panicked at /,/^stack backtrace:/{/^stack backtrace:/d;p}' -e '/^SUMMARY: /p' \
    -e '/^Reproduce with:/,/^Minimize test case/{/^Minimize test case/d;p}' "$log"
  # Nothing of it: the run itself went wrong.
  grep -q '^SUMMARY: ' "$log" || tail -n 20 "$log"
  return 1
}

[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || fail "FUZZ_SECONDS must be a number of seconds, not \`$seconds\`"
install_cargo_fuzz
targets=("$@")
if ((${#targets[@]} == 0)); then mapfile -t targets < <(cd "$root" && cargo fuzz list); fi
say "building; then ${#targets[@]} targets for $seconds s each"
fuzz build
failed=()
for target in "${targets[@]}"; do
  run "$target" || failed+=("$target")
done
((${#failed[@]} == 0)) || fail "look into: ${failed[*]}"

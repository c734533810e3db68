#!/usr/bin/env bash
# Installs what `make bench-scan` compares with, and says what: other people's scanners.
#
# From Debian:    python3 with venv, and time, which tells how much memory a program took, where they are missing.
# From PyPI:      what bench/scanners.txt names, into target/scanners/venv.
# From crates.io: what bench/scanners-crates.txt names, built into target/scanners/cargo. That takes minutes, once.
#
# All lists name exact versions. A second run changes nothing and takes no time.
set -euo pipefail

speaker=set-up
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="${CARGO_TARGET_DIR:-$root/target}/scanners"
python_list="$root/bench/scanners.txt"
crates_list="$root/bench/scanners-crates.txt"
# shellcheck source=tools/debian.sh
source "$root/tools/debian.sh"

want python3 command -v python3
want python3-venv python3 -c 'import ensurepip, venv'
want time test -x /usr/bin/time
install_missing

mkdir -p "$folder"
if ! cmp -s "$python_list" "$folder/venv/installed"; then
  say "installing from PyPI into $folder/venv: $(grep -v '^#' "$python_list" | tr '\n' ' ')"
  rm -rf "$folder/venv"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$python_list"
  cp "$python_list" "$folder/venv/installed"
fi
if ! cmp -s "$crates_list" "$folder/cargo/installed"; then
  # With optimisation, for it is to be measured.
  while read -r name version; do
    say "building from crates.io into $folder/cargo: $name $version; this takes minutes"
    cargo install --quiet --locked --root "$folder/cargo" --target-dir "$folder/build" --version "$version" "$name"
  done < <(grep -v '^#' "$crates_list")
  rm -rf "$folder/build"
  cp "$crates_list" "$folder/cargo/installed"
fi
say "the scanners are there"

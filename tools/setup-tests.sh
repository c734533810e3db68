#!/usr/bin/env bash
# Installs what the tests need, and says what: the programs of other people that stand before and behind the door.
#
# From Debian:  python3 with venv, nodejs, npm, git and gdb, where they are missing (as root; else it says what to install).
# From npm:     what interop/package-lock.json names, into .test-peers/npm. Node.js 22 is among it.
# From PyPI:    what interop/requirements.txt names, into .test-peers/venv.
#
# Both lists name exact versions. A second run changes nothing and takes no time.
set -euo pipefail

speaker=set-up
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
peers="$root/.test-peers"
lists="$root/interop"
# shellcheck source=tools/debian.sh
source "$root/tools/debian.sh"

# fresh STAMP FILE...: true when STAMP was written for FILEs just as they are.
fresh() { [[ -f "$1" && "$(<"$1")" == "$(fingerprint "${@:2}")" ]]; }
stamp() { fingerprint "${@:2}" >"$1"; }
fingerprint() { cat "$@" | cksum; }

install_from_debian() {
  want git command -v git
  want gdb command -v gcore
  want nodejs command -v node
  want npm command -v npm
  want python3 command -v python3
  want python3-venv python3 -c 'import ensurepip, venv'
  install_missing
}

install_from_npm() {
  local folder="$peers/npm" from=("$lists/package.json" "$lists/package-lock.json" "$lists/.npmrc")
  if ! fresh "$folder/installed" "${from[@]}"; then
    say "installing from npm into .test-peers/npm: $(names_in_package_json)"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "${from[@]}" "$folder/"
    (cd "$folder" && npm ci --loglevel=error)
    link_node "$folder/node_modules"
    stamp "$folder/installed" "${from[@]}"
  fi
  # The scripts in interop/ find their packages as Node.js looks for them: in a node_modules beside them.
  ln -sfn ../.test-peers/npm/node_modules "$lists/node_modules"
  check_node
}

# Two packages bring a `node`, one for each kind of processor. Older npm installs the right one and links neither.
link_node() {
  local node
  for node in "$1"/node-linux-*/bin/node; do
    if [[ -x "$node" ]]; then ln -sfn "../${node#"$1"/}" "$1/.bin/node"; fi
  done
}

names_in_package_json() {
  sed -n 's/^ *"\(@*[a-z/-]*[a-z0-9-]*\)": "\([0-9][0-9.]*\)".*/\1@\2/p' "$lists/package.json" | tr '\n' ' '
}

check_node() {
  local version
  version="$(PATH="$lists/node_modules/.bin:$PATH" node --version)"
  if ! printf 'v22.19.0\n%s\n' "$version" | sort -C -V; then
    fail "Node.js is $version, and npm has no newer one for this machine: install Node.js 22.19 or newer"
  fi
}

install_from_pypi() {
  local folder="$peers/venv" from=("$lists/requirements.txt")
  if ! fresh "$folder/installed" "${from[@]}"; then
    say "installing from PyPI into .test-peers/venv: $(grep -E '^mcp(-server-git)?==' "$lists/requirements.txt" | tr '\n' ' ')"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$lists/requirements.txt"
    stamp "$folder/installed" "${from[@]}"
  fi
}

install_from_debian
install_from_npm
install_from_pypi
say "what the tests need is there"

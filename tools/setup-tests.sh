#!/usr/bin/env bash
# Installs what the tests need, and says what: the programs of other people that stand before and behind the door.
#
# From Debian:  python3 with venv, nodejs, npm, git, gdb, the headers of OpenSSL, chromium, a keychain (gnome-keyring on dbus) with libsecret-tools to look into it,
#               keyutils for that of the kernel, strace, and redis-server, where they are missing (as root; else it says what to install).
#               glewlwyd, an OpenID provider, is only unpacked, into .test-peers/glewlwyd.
# From npm:     what interop/package-lock.json names, into .test-peers/npm. Node.js 22 is among it.
# From PyPI:    what interop/requirements.txt names, into .test-peers/venv; what interop/clouds.txt names, into .test-peers/clouds.
# From crates.io: what interop/crates.txt names, built into .test-peers/cargo. That takes minutes, once.
#
# All lists name exact versions. A second run changes nothing and takes no time.
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
  want chromium command -v chromium
  want dbus command -v dbus-run-session
  want git command -v git
  want gdb command -v gcore
  want gnome-keyring command -v gnome-keyring-daemon
  want keyutils command -v keyctl
  want libsecret-tools command -v secret-tool
  want nodejs command -v node
  want npm command -v npm
  want python3 command -v python3
  want python3-venv python3 -c 'import ensurepip, venv'
  want redis-server command -v redis-server
  want strace command -v strace
  want pkg-config command -v pkg-config
  want libssl-dev pkg-config --exists openssl
  install_missing
}

# Unpacked, not installed: the package starts a service on every address, whose administrator has a well-known password. What it needs and this machine lacks is unpacked with it.
unpack_from_debian() {
  local folder="$peers/glewlwyd" pages="$peers/glewlwyd/usr/share/glewlwyd" packages archive
  if [[ -f "$folder/installed" ]]; then return; fi
  have command -v apt-get || fail "glewlwyd is missing: this is not Debian, so unpack its packages into .test-peers/glewlwyd by hand, as tools/setup-tests.sh does"
  if (( $(id -u) == 0 )); then apt-get -qq update; fi
  packages="$(glewlwyds_packages)" || fail "glewlwyd is missing, and Debian does not offer it here: \`apt-get install glewlwyd\` says why"
  say "unpacking from Debian into .test-peers/glewlwyd: ${packages//$'\n'/ }"
  rm -rf "$folder"
  mkdir -p "$folder/archives"
  (cd "$folder/archives" && xargs apt-get -qq -o APT::Sandbox::User="$(id -un)" download <<<"$packages")
  for archive in "$folder"/archives/*.deb; do dpkg-deb --extract "$archive" "$folder"; done
  rm -r "$folder/archives"
  # It serves nothing to which a link leads out of the folder of its pages; one link leads to a folder in place of the file in it.
  rm "$pages/webapp/config.json"
  cp "$folder"/etc/glewlwyd/config-*.json/config.json "$pages/webapp/"
  cp -rL "$pages/webapp" "$pages/pages"
  LD_LIBRARY_PATH="$(echo "$folder"/usr/lib/*-linux-gnu*)" "$folder/usr/bin/glewlwyd" --version >"$folder/installed"
}

# The program, its pages with what they bring in, and whatever else apt would install. Its database is a file, so the clients of the great ones are not needed.
glewlwyds_packages() {
  {
    printf '%s\n' glewlwyd glewlwyd-common fonts-fork-awesome libjs-bootstrap4 libjs-jquery libjs-popper.js
    apt-get -qq --simulate --no-install-recommends install glewlwyd dbconfig-no-thanks | sed -n 's/^Inst \([^ ]*\) .*/\1/p'
  } | sort -u
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

# install_from_pypi FOLDER LIST NAMES: the list into a venv; NAMES, a pattern, are those of its packages that somebody asked for.
install_from_pypi() {
  local folder="$peers/$1" list="$lists/$2"
  if ! fresh "$folder/installed" "$list"; then
    say "installing from PyPI into .test-peers/$1: $(grep -E "^($3)==" "$list" | tr '\n' ' ')"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"
    stamp "$folder/installed" "$list"
  fi
}

# Without optimisation: what is built here answers a few questions, and builds in half the time.
install_from_crates() {
  local folder="$peers/cargo" from=("$lists/crates.txt") name version
  if ! fresh "$folder/installed" "${from[@]}"; then
    while read -r name version; do
      say "building from crates.io into .test-peers/cargo: $name $version; this takes minutes"
      CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --root "$folder" --version "$version" "$name"
    done < <(grep -v '^#' "${from[@]}")
    stamp "$folder/installed" "${from[@]}"
  fi
}

install_from_debian
unpack_from_debian
install_from_npm
install_from_pypi venv requirements.txt 'mcp|mcp-server-git|fastmcp'
install_from_pypi clouds clouds.txt 'moto|azure-keyvault-secrets|google-cloud-secret-manager'
install_from_crates
say "what the tests need is there"

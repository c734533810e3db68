#!/bin/sh
# fix-proof.sh BINARIES CORPUS: fix-proof.py with the sealed file, with the system's keychain in a session of its own, and with a pretended Vault.
set -eu
here=$(dirname "$0")
"$here/fix-proof.py" "$1/claviger" "$2" file
address=$(mktemp)
session=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$address" "$session"' EXIT
# shellcheck disable=SC2016 # The inner shell expands these.
XDG_RUNTIME_DIR="$session" XDG_DATA_HOME="$session" dbus-run-session -- sh -c \
  'printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"' sh "$here/fix-proof.py" "$1/claviger" "$2" keychain
"$1/vault-server" >"$address" &
server=$!
while [ ! -s "$address" ]; do sleep 0.1; done
# Its one line is NAME=VALUE NAME=VALUE.
read -r one other <"$address"
env "$one" "$other" "$here/fix-proof.py" "$1/claviger" "$2" vault

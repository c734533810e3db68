#!/bin/sh
# fix-proof.sh BINARIES CORPUS: fix-proof.py with the sealed file, and with a pretended Vault of its own.
set -eu
here=$(dirname "$0")
"$here/fix-proof.py" "$1/claviger" "$2" file
address=$(mktemp)
trap 'kill "$server" 2>/dev/null; rm -f "$address"' EXIT
"$1/vault-server" >"$address" &
server=$!
while [ ! -s "$address" ]; do sleep 0.1; done
# Its one line is NAME=VALUE NAME=VALUE.
read -r one other <"$address"
env "$one" "$other" "$here/fix-proof.py" "$1/claviger" "$2" vault

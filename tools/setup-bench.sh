#!/usr/bin/env bash
# Installs what `make bench` needs beside Rust, and says what: nginx, wrk, curl and openssl from Debian.
set -euo pipefail

speaker=set-up
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=tools/debian.sh
source "$root/tools/debian.sh"

want nginx test -x /usr/sbin/nginx
want wrk command -v wrk
want curl command -v curl
want openssl command -v openssl
install_missing

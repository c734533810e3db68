#!/usr/bin/env bash
# Installs what `make bench` needs beside Rust, and says what: nginx and wrk from Debian.
set -euo pipefail

speaker=set-up
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=tools/debian.sh
source "$root/tools/debian.sh"

want nginx test -x /usr/sbin/nginx
want wrk command -v wrk
install_missing

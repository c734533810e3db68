#!/usr/bin/env bash
# Installs what `make lint` needs beside Rust, and says what: shellcheck from Debian, cargo-deny from crates.io.
set -euo pipefail

speaker=set-up
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=tools/debian.sh
source "$root/tools/debian.sh"

want shellcheck command -v shellcheck
install_missing
if ! have cargo deny --version; then
  say "installing cargo-deny from crates.io, once: it takes some minutes"
  cargo install cargo-deny --locked --quiet
fi

#!/usr/bin/env bash
# How much does a store write, the file or the server whose URL is given? Goal: 3,000 refreshes of a token a second, each a read and a swap that is on disk before it is answered.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target
cargo run --quiet --release -p claviger-store --example swap_cost -- "${1:-target}"

#!/usr/bin/env bash
# What does a kept credential add to a call? Goal: at most 3 us.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --release -p claviger-broker --example release_cost

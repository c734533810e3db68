# What a person runs, and what decides whether a change may land: .ci/run calls these same recipes.
#
#   make test     on a machine with nothing but Rust, everything
#
# One target folder and one profile serve all of them, so that each step finds what the one before it built.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto

# The programs of other people, first of all the Node.js among them, are found before those of the machine.
PEERS := $(CURDIR)/.test-peers/npm/node_modules/.bin
SCRIPTS := .ci/run $(shell find bench conformance fuzz tools -name target -prune -o -name '*.sh' -print -o -name '*.bash' -print)

.PHONY: help
help: ## Say what there is to make
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-20s %s\n", $$1, $$2 }'

.PHONY: check
check: ## Does it compile, and is it formatted? The fastest answer
	cargo fmt --all --check
	cargo check --workspace --all-targets --locked

.PHONY: lint
lint: ## Format, clippy, dependencies and their licences, shell scripts
	tools/setup-lint.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny --log-level error --locked check licenses bans sources
	shellcheck --external-sources $(SCRIPTS)

.PHONY: test
test: test-rust conformance ## Everything: unit, transcripts, HTTP, real peers, conformance; installs what it needs

# With --no-fail-fast one run tells about all that is broken.
.PHONY: test-rust
test-rust: peers
	cargo test --workspace --locked --no-fail-fast

.PHONY: interop
interop: peers ## Real clients, servers and an identity provider of other people, before and behind the door
	WRITE_INTEROP_TABLE=1 cargo test --package claviger --locked --test interop

.PHONY: conformance
conformance: peers ## The official MCP conformance harness: the fixture alone, through the door, and the authorization server
	PATH="$(PEERS):$$PATH" conformance/run.sh

.PHONY: peers
peers: ## Install what the tests need, from Debian, npm and PyPI
	tools/setup-tests.sh

.PHONY: scanner-score
scanner-score: ## How much of a labelled corpus the scanner finds: CORPUS=FOLDER
	cargo build --package claviger --locked
	tools/scanner-score.py target/debug/claviger "$(CORPUS)"

.PHONY: scanner-fix
scanner-fix: ## Whether --fix keeps every secret of a labelled corpus, and --undo brings it back: CORPUS=FOLDER
	cargo build --package claviger --package claviger-testkit --locked --bin claviger --bin vault-server
	tools/fix-proof.sh target/debug "$(CORPUS)"

.PHONY: rules-update
rules-update: ## Take the patterns of vendors' keys from a betterleaks.toml, and say what changed: FILE=TOML
	tools/rules-update.py "$(FILE)"

.PHONY: docs
docs: ## The documentation of the code, private parts included
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

.PHONY: fuzz
fuzz: ## Every fuzz target for a minute each
	fuzz/run.sh

.PHONY: bench
bench: peers ## What the door costs beside nginx, and the bridge beside mcp-remote
	tools/setup-bench.sh
	bench/run.sh
	bench/bridge.sh

.PHONY: bench-scan
bench-scan: ## CPU and memory of a scan beside kingfisher, detect-secrets and ripsecrets
	bench/scan.sh

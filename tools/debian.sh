# Shared by the set-up scripts: says what it does, and gets a missing program from Debian.
# To be sourced, not run. The sourcing script names itself in `speaker` first.
# shellcheck shell=bash
: "${speaker:?is named by the script that sources this}"

say() { printf '%s: %s\n' "$speaker" "$*"; }

fail() {
  printf '%s: %s\n' "$speaker" "$*" >&2
  exit 1
}

# have TEST...: true when the words, run as a command, succeed in silence.
have() { "$@" >/dev/null 2>&1; }

# want PACKAGE TEST...: remembers PACKAGE as missing when TEST fails.
missing=()
want() {
  local package="$1"
  shift
  have "$@" || missing+=("$package")
}

# install_missing: gets the remembered packages, or says what a person has to type.
install_missing() {
  (( ${#missing[@]} )) || return 0
  if ! have command -v apt-get; then
    fail "missing: ${missing[*]}; this is not Debian, so install their like by hand and start again"
  fi
  if (( $(id -u) != 0 )); then
    fail "missing: ${missing[*]}; as root: apt-get install ${missing[*]}; then start again"
  fi
  say "installing from Debian: ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
  missing=()
}

# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts: where things are and how they speak. Messages go to stderr, stdout is for results.
# shellcheck shell=bash
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PROGRAM=${0##*/}

# The build tree, absolute; $STREAM_BUILD (relative to the checkout, or absolute) overrides build/.
BUILD=${STREAM_BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
export ROOT BUILD

say() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# usage_error MESSAGE: exit 2, the code for a mistake on the command line.
usage_error() {
  say "$*; see '$0 --help'"
  exit 2
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "cannot find '$program': install it with '$ROOT/scripts/deps'"
  done
}

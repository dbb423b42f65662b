#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# README.md, HACKING.md and the design notes name what is there.
load ../helpers/common

# paths_in FILE…: every path of the checkout that is named, without the placeholders NAME and sname, and without globs.
paths_in() {
  grep -ohE '(^|[^A-Za-z0-9_./-])(lib|tools|tests|man|scripts|docs|cmake|bench|examples)/[A-Za-z0-9_./-]*' "$@" |
    sed -E 's/^[^a-z]//; s/[.,:;]+$//' | grep -vE 'NAME|sname' | sort -u
}

@test "every path that README, HACKING and the design notes name exists" {
  local path count=0
  cd "$ROOT"
  for path in $(paths_in README.md HACKING.md docs/design/*.md); do
    [[ -e $path ]] || fail "there is no '$path'"
    count=$((count + 1))
  done
  ((count > 40)) || fail "only $count paths were found: is the pattern right?"
}

@test "HACKING names every library and every folder of tests" {
  local dir
  for dir in "$ROOT"/lib/*/ "$ROOT"/tests/{unit,property,conformance,cli,pipeline,fuzz,helpers}/; do
    dir=${dir#"$ROOT"/}
    grep -qF "$dir" "$ROOT/HACKING.md" || fail "HACKING.md does not name '$dir'"
  done
}

@test "README and streamutils(7) list every program" {
  local dir
  for dir in "$ROOT"/tools/*/; do
    dir=$(basename "$dir")
    grep -q "^| \`$dir\` |" "$ROOT/README.md" || fail "README.md does not list '$dir'"
    grep -qF "*$dir*(1)" "$ROOT/man/streamutils.7.scd" || fail "streamutils(7) does not list '$dir'"
  done
}

@test "every page that a page refers to is there, or is of the system" {
  local page
  for page in $(grep -ohE '\*s[a-z-]+\*\([157]\)' "$ROOT"/man/*.scd | tr -d '*' | sort -u); do
    [[ $page == systemd.* || $page == sed* ]] && continue
    page=${page%)}
    [[ -f $ROOT/man/${page/(/.}.scd ]] || fail "there is no page '$page)'"
  done
}

@test "the license is Apache 2.0" { grep -q 'Version 2.0, January 2004' "$ROOT/LICENSE"; }

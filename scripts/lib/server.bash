# SPDX-License-Identifier: Apache-2.0
# Sourced after common.bash: servers that outlive the script that starts them, found again by a file with their process
# id and start time (ids are used again; the pair is not).
# shellcheck shell=bash

# process_stat PID: prints the fields of /proc/PID/stat from the state on, nothing when there is no such process.
process_stat() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  printf '%s' "${stat##*) }"
}

# gone PID: true when it ended. A killed process may stay a zombie for seconds, with 'kill -0' still succeeding.
gone() {
  local stat
  stat=$(process_stat "$1")
  [[ -z $stat || $stat == [ZX]* ]]
}

# wait_gone PID SECONDS: false when it is still there after that time.
wait_gone() {
  local deadline=$((SECONDS + $2 + 1))
  until gone "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.02
  done
}

# running_pid FILE: prints the id of the live process that FILE remembers; false when there is none.
running_pid() {
  local pid start fields
  [[ -s $1 ]] && read -r pid start <"$1" || return 1
  read -ra fields <<<"$(process_stat "$pid")"
  [[ ${fields[0]:-Z} != [ZX] && ${fields[19]:-} == "$start" ]] || return 1
  printf '%s\n' "$pid"
}

# spawn PIDFILE LOG COMMAND…: starts COMMAND detached, in the folder of PIDFILE, with none of the caller's
# descriptors: a server that keeps one open makes its test runner, or whoever reads our stdout, wait for ever.
spawn() {
  local pidfile=$1 log=$2 fields pid
  shift 2
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      # 255 is bash's own and closed on exec.
      if ((fd > 2 && fd != 255)); then
        exec {fd}>&-
      fi
    done
    cd "${pidfile%/*}" || exit 1
    exec setsid "$@" </dev/null >>"$log" 2>&1
  ) &
  pid=$!
  disown "$pid"
  read -ra fields <<<"$(process_stat "$pid")"
  printf '%s %s\n' "$pid" "${fields[19]:-0}" >"$pidfile"
}

# end_process PIDFILE SIGNAL SECONDS: signals the process and waits until it is gone, with KILL after that time.
end_process() {
  local pid
  if pid=$(running_pid "$1"); then
    kill "-$2" "$pid" 2>/dev/null || true
    if ! wait_gone "$pid" "$3"; then
      say "process $pid did not end within $3 s of signal $2; killing it"
      kill -KILL "$pid" 2>/dev/null || true
      wait_gone "$pid" 30 || die "process $pid does not die"
    fi
  fi
  rm -f "$1"
}

# shellcheck shell=bash disable=SC2034  # other files use the variables
# Messages, folders, locks, and the identity of processes: what every other file here needs.

readonly CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/wedof-sheet-sync
readonly BIN_CACHE=$CACHE_DIR/bin
readonly IMAGE_CACHE=$CACHE_DIR/images
readonly STATE_BASE=${XDG_STATE_HOME:-$HOME/.local/state}/wedof-sheet-sync/clusters

# Progress goes to stderr, so that stdout carries only what a caller reads (`env`, `load-image`).
say() { printf '[%3ds] %s\n' "$SECONDS" "$*" >&2; }

die() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# with_lock FILE COMMAND…: runs a command while no other process holds the lock; says so when it has to wait.
# Children inherit the lock: a build goes on holding it if this script is killed, a daemon has to close it.
with_lock() {
  local file=$1 fd
  shift
  mkdir -p "${file%/*}"
  exec {fd}>"$file"
  if ! flock --nonblock "$fd"; then
    say "waiting for another run, which holds $file"
    flock "$fd"
  fi
  "$@"
  exec {fd}>&-
}

# run_long MESSAGE LOG COMMAND…: runs a command with its output in a file and prints the message every half minute, so
# that nobody takes a long build for a hang.
run_long() {
  local message=$1 log=$2 pid
  shift 2
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # shellcheck disable=SC2064  # the id of now is meant
  trap "kill $pid 2>/dev/null; exit 130" INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    timeout 30 tail --pid="$pid" -f /dev/null || say "$message"
  done
  trap - INT TERM
  wait "$pid"
}

# A process id is reused by the kernel, a process id with its start time and the boot it belongs to is not.
process_identity() {
  local pid=$1 stat
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  stat=${stat##*) } # the command's name may hold spaces and parentheses: what follows it is plain fields
  local fields
  read -ra fields <<<"$stat"
  [[ ${fields[0]} != Z ]] || return 1
  printf '%s %s %s\n' "$pid" "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)"
}

# recorded_pid FILE: the process id in the file, if the process that was recorded there still runs.
recorded_pid() {
  local recorded pid
  recorded=$(cat "$1" 2>/dev/null) || return 1
  pid=${recorded%% *}
  [[ $pid =~ ^[0-9]+$ && $recorded == "$(process_identity "$pid")" ]] || return 1
  printf '%s\n' "$pid"
}

# Is something listening there? (bash's own TCP: neither curl nor nc need be installed.)
port_open() { timeout 1 bash -c ": <>/dev/tcp/$1/$2" 2>/dev/null; }

# http_ok ADDRESS PORT PATH: whether plain HTTP answers 200.
http_ok() {
  # shellcheck disable=SC2016  # the inner bash expands them
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$2" "$0" >&3 &&
    read -r _ code _ <&3 && [[ $code == 200 ]]' "$1" "$2" "$3" 2>/dev/null
}

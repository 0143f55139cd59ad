# shellcheck shell=bash
# Starts and stops the node of a cluster: one process with its own namespaces and its own cgroup, below which everything
# else runs (node-init.sh). Ending that one process ends the cluster; the kernel removes mounts, links and addresses.

start_node() {
  mkdir -p "$STATE"/{etc,run,log}
  chmod 700 "$STATE"
  STARTING="the node's first process"
  trap abandon_start EXIT
  say "starting the node: its own namespaces and network"
  make_cgroups
  launch_node
  await "namespaces" 20 test -e "$STATE/run/namespaces"
  local directory
  while read -r directory; do # now that there is a child of it: see enter_system_cgroup
    echo "$NODE_PID" >"$directory/system/cgroup.procs"
  done <"$STATE/cgroups"
  with_lock "$STATE_BASE/.slots.lock" join_network "$NODE_PID"

  STARTING="the configuration"
  make_certificates
  write_node_config
  # shellcheck disable=SC2153  # use_slot sets them
  cat >"$STATE/etc/node.env" <<EOF
NODE_NAME=$NODE_NAME
NODE_IP=$NODE_IP
SERVICE_CIDR=$SERVICE_CIDR
KUBERNETES=/mnt/bin/kubernetes-$KUBERNETES_VERSION
ETCD=/mnt/bin/etcd-$ETCD_VERSION/etcd
COREDNS=/mnt/bin/coredns-$COREDNS_VERSION/coredns
EOF
  write_kubeconfig "$STATE/admin.kubeconfig" admin
  : >"$STATE/run/network"
  await "the API server" 60 api_ready
  : >"$STATE/run/api"
  STARTING="the pause image"
  import_image <"$(pause_archive)"
  await "cluster DNS settings" 20 cluster_kubectl apply -f "$STATE/etc/dns.yaml"
  await "the node" 60 node_ready
  await "the default service account" 60 cluster_kubectl get serviceaccount default -n default
  await "CoreDNS" 60 http_ok "$NODE_IP" 8181 /ready
  await "Services (kube-proxy)" 60 port_open "$DNS_IP" 53
  # Only a cluster that is whole has its kubeconfig here.
  mv "$STATE/admin.kubeconfig" "$STATE/kubeconfig"
  trap - EXIT
}

# The process notes its own id before it can have children, so that no moment exists at which a killed `up` would leave
# behind what `down` cannot find.
launch_node() {
  rm -f "$STATE/node.pid"
  # shellcheck disable=SC2016  # the inner bash expands them
  setsid bash -c '
    set -euo pipefail
    source "$1/common.sh"
    process_identity "$$" >"$2/node.pid.new"
    mv "$2/node.pid.new" "$2/node.pid"
    while read -r directory; do echo 0 >"$directory/cgroup.procs"; done <"$2/cgroups"
    for fd in /proc/self/fd/*; do # locks, above all
      fd=${fd##*/}
      ((fd <= 2)) || eval "exec $fd>&-"
    done
    exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child --mount-proc \
      bash "$1/node-init.sh" "$2" "$3"
  ' node "$LIB" "$STATE" "$BIN_CACHE" >"$STATE/log/node-init.log" 2>&1 </dev/null &
  NODE_PID=$!
  disown
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    [[ ! -e $STATE/node.pid ]] || break
    sleep 0.05
  done
  NODE_PID=$(recorded_pid "$STATE/node.pid")
}

# await WHAT SECONDS COMMAND…: repeats the command until it succeeds; gives up at once when a program has ended.
await() {
  local limit=$((SECONDS + $2))
  STARTING=$1
  shift 2
  until "$@" >/dev/null 2>"$STATE/run/last-error"; do
    [[ -z $(ended_programs) && -d /proc/$NODE_PID ]] && ((SECONDS < limit)) || exit 1
    sleep 0.2
  done
  say "$STARTING: ready"
}

ended_programs() { ls "$STATE/run/ended" 2>/dev/null || true; }

# Whatever ends a start before its time, an error or Ctrl-C, leaves nothing running, and the logs.
abandon_start() {
  local program
  set +e
  for program in $(ended_programs); do
    printf -- '--- %s ended with status %s; the last lines of %s:\n' \
      "$program" "$(<"$STATE/run/ended/$program")" "$STATE/log/$program.log"
    tail -n 8 "$STATE/log/$program.log"
  done >&2
  tail -q -n 3 "$STATE/log/node-init.log" "$STATE/run/last-error" >&2
  stop_processes
  die "$STARTING did not become ready. The logs stay in $STATE/log until the next \`up\` or \`down\`."
}

api_ready() { cluster_kubectl get --raw /readyz; }

node_ready() {
  local ready='{.status.conditions[?(@.type=="Ready")].status}'
  [[ $(cluster_kubectl get node "$NODE_NAME" -o "jsonpath=$ready") == True ]]
}

# kubectl of the cache, for this cluster, also while it starts.
cluster_kubectl() {
  local config=$STATE/kubeconfig
  [[ -e $config ]] || config=$STATE/admin.kubeconfig
  "$(program kubectl)" --kubeconfig "$config" --request-timeout=10s "$@"
}

node_pid() { recorded_pid "$STATE/node.pid"; }

# Loads an OCI archive from stdin. containerd's socket is in the node's mount namespace.
import_image() {
  local pid socket tries
  pid=$(node_pid) || die "cluster $NAME does not run"
  socket=/proc/$pid/root/run/containerd/containerd.sock
  for ((tries = 0; tries < 100; tries++)); do
    [[ ! -S $socket ]] || break
    sleep 0.1
  done
  ctr --address "$socket" --namespace k8s.io images import - >/dev/null
}

# stop_program NAME, start_program NAME: etcd or the API server, until it has ended, or answers.
stop_program() {
  [[ ! -e $STATE/run/ended/$1 ]] || die "$1 of cluster $NAME is stopped already"
  : >"$STATE/run/orders/stop-$1"
  wait_until 10 test -e "$STATE/run/ended/$1" || die "$1 of cluster $NAME does not end"
}

start_program() {
  [[ -e $STATE/run/ended/$1 ]] || die "$1 of cluster $NAME runs already"
  : >"$STATE/run/orders/start-$1"
  wait_until 60 api_ready || die "the API server of cluster $NAME does not become ready; logs: $STATE/log"
}

wait_until() {
  local limit=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < limit)) || return 1
    sleep 0.2
  done
}

# --- cgroups ---------------------------------------------------------------------------------------------------------

# Creates the node's cgroup in every hierarchy and writes the folders down. With cgroup v1 it lies below the one that
# this process is in; with v2 a cgroup that holds processes cannot hand controllers on, so it lies below the root.
make_cgroups() {
  local id controllers path mount_point directory
  if [[ $(stat -f -c %T /sys/fs/cgroup) == cgroup2fs ]]; then
    directory=/sys/fs/cgroup/wss-cluster-$NAME
    for controllers in $(</sys/fs/cgroup/cgroup.controllers); do
      echo "+$controllers" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
    done
    [[ $(</sys/fs/cgroup/cgroup.subtree_control) == *memory*pids* ]] ||
      die "this machine's cgroups do not hand on the controllers memory and pids"
    mkdir -p "$directory"
    echo 800 >"$directory/cpu.weight" 2>/dev/null || true
    echo "$directory" >"$STATE/cgroups"
    return
  fi
  : >"$STATE/cgroups"
  while IFS=: read -r id controllers path; do
    [[ $id != 0 ]] || continue
    mount_point=$(cgroup_mount_point "$controllers") || continue
    directory=$mount_point${path%/}
    [[ -d $directory ]] || directory=$mount_point # a container that sees the cgroup's outer name
    directory+=/wss-cluster-$NAME
    echo "$directory" >>"$STATE/cgroups"
    mkdir -p "$directory"
    if [[ -e $directory/cpuset.mems ]]; then
      cat "${directory%/*}/cpuset.cpus" >"$directory/cpuset.cpus"
      cat "${directory%/*}/cpuset.mems" >"$directory/cpuset.mems"
    fi
    # A whole cluster shall not have to share like the one compiler process that runs beside it.
    [[ ! -e $directory/cpu.shares ]] || echo 8192 >"$directory/cpu.shares"
  done </proc/self/cgroup
  [[ -s $STATE/cgroups ]] || die "no cgroups are mounted at /sys/fs/cgroup: pods cannot be run here"
}

cgroup_mount_point() {
  local point=/sys/fs/cgroup/${1#name=}
  [[ -e $point/cgroup.procs ]] || return 1
  printf '%s\n' "$point"
}

# --- stopping ----------------------------------------------------------------------------------------------------------

# Ends what this cluster started: its first process, known by id, start time and boot, and whatever else is still in the
# cluster's own cgroups. No process is ever looked for by name.
stop_processes() {
  local pid tries
  if pid=$(node_pid); then
    kill -KILL "$pid" 2>/dev/null || true
  fi
  for ((tries = 0; tries < 200; tries++)); do
    mapfile -t pids < <(cgroup_processes)
    ((${#pids[@]})) || break
    # The kernel ends the namespace's processes once its first one is gone; help only those that stay.
    ((tries % 20 != 10)) || kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.05
  done
  ((tries < 200)) || die "these processes of cluster $NAME do not end: ${pids[*]}"
  remove_cgroups
}

cgroup_processes() {
  local directory
  while read -r directory; do
    [[ ! -d $directory ]] || find "$directory" -name cgroup.procs -exec cat {} + 2>/dev/null
  done < <(cat "$STATE/cgroups" 2>/dev/null) | sort -nu
}

remove_cgroups() {
  local directory
  while read -r directory; do
    [[ ! -d $directory ]] || find "$directory" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    [[ ! -d $directory ]] || say "could not remove the cgroup $directory"
  done < <(cat "$STATE/cgroups" 2>/dev/null)
}

stop_node() {
  stop_processes
  if [[ -e $STATE/slot ]]; then
    use_slot "$(<"$STATE/slot")"
    leave_network
  fi
  rm -rf --one-file-system "$STATE"
}

#!/usr/bin/env bash
# The first process of a node: process 1 of its own pid, mount, network, cgroup, ipc and host name namespaces (lib/node.sh
# starts it). What it mounts, every process below it and every address vanish when it ends, however it ends.
#
# Inside, the cluster's state folder is /mnt, and /run, /var/lib and /var/log belong to the node alone. The host side
# and this one speak through files in /mnt/run: `namespaces`, `network` and `api` say how far the start has come, and
# `ended/NAME` holds the exit status of a program that should still run; `orders/` holds what the host wants.
set -euo pipefail

state=$1 bin_cache=$2

mount_cgroups() {
  mount -t sysfs sysfs /sys # the one of this network namespace
  local id controllers path folder
  if [[ $(</proc/self/cgroup) == 0::* ]]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    enter_system_cgroup /sys/fs/cgroup
    return
  fi
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  while IFS=: read -r id controllers path; do
    [[ $id != 0 && $path == / ]] || continue # 0 is the unified hierarchy, which has no controllers here
    folder=/sys/fs/cgroup/${controllers#name=}
    mkdir "$folder"
    mount -t cgroup -o "${controllers/#name=/none,name=}" cgroup "$folder"
    if [[ $controllers == *,* ]]; then # cpu,cpuacct is found under either name, too
      local alias
      for alias in ${controllers//,/ }; do ln -s "$controllers" "/sys/fs/cgroup/$alias"; done
    fi
    enter_system_cgroup "$folder"
  done </proc/self/cgroup
}

# The node's own programs leave the cgroup's root: with cgroup v2, pods could not be limited beside them.
enter_system_cgroup() {
  mkdir "$1/system"
  if [[ -e $1/cpuset.mems ]]; then
    cat "$1/cpuset.cpus" >"$1/system/cpuset.cpus"
    cat "$1/cpuset.mems" >"$1/system/cpuset.mems"
  fi
  [[ ! -e $1/cpu.shares ]] || echo 4096 >"$1/system/cpu.shares" # the API server goes before pods
  [[ ! -e $1/cpu.weight ]] || echo 400 >"$1/system/cpu.weight"
  echo 0 >"$1/system/cgroup.procs"
}

mount_folders() {
  mount --bind "$state" /mnt
  mkdir -p /mnt/{bin,lib/kubelet,var-log,log,run/ended,run/orders}
  mount --bind "$bin_cache" /mnt/bin
  mount --bind /mnt/lib /var/lib
  mount --bind /mnt/var-log /var/log
  mount -t tmpfs -o mode=755 tmpfs /run
}

# The kubelet sets these for the whole machine, unless they have the value it wants: it shall find that they do.
shield_kernel_settings() {
  local setting value
  mkdir /run/settings
  while read -r setting value; do
    [[ -e /proc/sys/$setting ]] || continue
    echo "$value" >"/run/settings/${setting//\//.}"
    mount --bind "/run/settings/${setting//\//.}" "/proc/sys/$setting"
  done <<'LIST'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
LIST
}

declare -A programs=() # process id → name

start() {
  local name=$1
  shift
  "$@" >>"/mnt/log/$name.log" 2>&1 </dev/null &
  programs[$!]=$name
}

# Writes down which programs have ended. Process 1 also inherits orphans; bash reaps those by itself.
note_ended() {
  local pid status
  for pid in "${!programs[@]}"; do
    ! kill -0 "$pid" 2>/dev/null || continue
    status=0
    wait "$pid" || status=$?
    echo "$status" >"/mnt/run/ended/${programs[$pid]}"
    unset "programs[$pid]"
  done
}

# A test's data need not survive a power failure.
start_etcd() {
  start etcd "$ETCD" --name=node --data-dir=/mnt/etcd --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 \
    --initial-cluster=node=http://127.0.0.1:2380
}

# OwnerReferencesPermissionEnforcement is what OpenShift runs: it finds a missing right to set `finalizers`.
start_kube_apiserver() {
  start kube-apiserver "$KUBERNETES/kube-apiserver" \
    --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$NODE_IP" \
    --tls-cert-file=/mnt/etc/apiserver.crt --tls-private-key-file=/mnt/etc/apiserver.key \
    --client-ca-file=/mnt/etc/ca.crt --authorization-mode=Node,RBAC --allow-privileged=true \
    --enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=/mnt/etc/service-account.pub \
    --service-account-signing-key-file=/mnt/etc/service-account.key --service-cluster-ip-range="$SERVICE_CIDR" \
    --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority=/mnt/etc/ca.crt \
    --kubelet-client-certificate=/mnt/etc/apiserver-to-kubelet.crt \
    --kubelet-client-key=/mnt/etc/apiserver-to-kubelet.key \
    --audit-policy-file=/mnt/etc/audit-policy.yaml --audit-log-path=/mnt/log/audit.log --audit-log-maxsize=2000
}

# Orders of the host: `stop-NAME` ends etcd or the API server as a crash would, `start-NAME` starts it again.
obey() {
  local pid name
  for name in etcd kube-apiserver; do
    if [[ -e /mnt/run/orders/stop-$name ]]; then
      rm "/mnt/run/orders/stop-$name"
      for pid in "${!programs[@]}"; do
        [[ ${programs[$pid]} != "$name" ]] || kill -KILL "$pid"
      done
    fi
    if [[ -e /mnt/run/orders/start-$name ]]; then
      rm "/mnt/run/orders/start-$name" "/mnt/run/ended/$name"
      "start_${name//-/_}"
    fi
  done
}

wait_for_host() {
  until [[ -e /mnt/run/$1 ]]; do
    note_ended
    obey
    sleep 0.1
  done
}

mount --make-rshared /
mount_cgroups
mount_folders
shield_kernel_settings
: >/mnt/run/namespaces

wait_for_host network
# shellcheck source=/dev/null
source /mnt/etc/node.env
echo "$NODE_NAME" >/proc/sys/kernel/hostname
echo 1 >/proc/sys/net/ipv4/ip_forward

start_etcd
start_kube_apiserver
start containerd containerd --config=/mnt/etc/containerd.toml

wait_for_host api
start kube-controller-manager "$KUBERNETES/kube-controller-manager" \
  --kubeconfig=/mnt/etc/controller-manager.kubeconfig --use-service-account-credentials=true --leader-elect=false \
  --service-account-private-key-file=/mnt/etc/service-account.key --root-ca-file=/mnt/etc/ca.crt \
  --cluster-signing-cert-file=/mnt/etc/ca.crt --cluster-signing-key-file=/mnt/etc/ca.key
start kube-scheduler "$KUBERNETES/kube-scheduler" --kubeconfig=/mnt/etc/scheduler.kubeconfig --leader-elect=false
start kubelet "$KUBERNETES/kubelet" --config=/mnt/etc/kubelet.yaml --kubeconfig=/mnt/etc/kubelet.kubeconfig \
  --root-dir=/var/lib/kubelet --hostname-override="$NODE_NAME" --node-ip="$NODE_IP"
start kube-proxy "$KUBERNETES/kube-proxy" --config=/mnt/etc/kube-proxy.yaml --hostname-override="$NODE_NAME"
start coredns "$COREDNS" -conf /mnt/etc/Corefile

wait_for_host never

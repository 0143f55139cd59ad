# shellcheck shell=bash
# What comes from the distribution: the container runtime, network tools and the image builder.

# One line each: a Debian package, and a file or command of it that shows whether it is there.
node_packages() {
  cat <<'LIST'
containerd containerd
runc runc
containernetworking-plugins /usr/lib/cni/ptp
iptables iptables
nftables nft
iproute2 ip
util-linux unshare
procps sysctl
openssl openssl
buildah buildah
gcc gcc
libc6-dev /usr/include/stdlib.h
LIST
}

image_packages() {
  cat <<'LIST'
buildah buildah
dpkg dpkg-deb
LIST
}

# ensure_packages NAME…: installs the packages that a list function names and that are missing.
ensure_packages() {
  local missing=() package probe
  while read -r package probe; do
    if [[ $probe == /* ]]; then
      [[ -e $probe ]] || missing+=("$package")
    else
      have "$probe" || missing+=("$package")
    fi
  done < <("$1")
  ((${#missing[@]})) || return 0

  have apt-get || die "missing: ${missing[*]} (names of Debian packages). Install them, or start a cluster elsewhere and
  set WSS_CLUSTER=existing and KUBECONFIG."
  [[ $EUID == 0 ]] || die "missing Debian packages, and only root can install them: apt-get install ${missing[*]}"
  say "installing Debian packages: ${missing[*]} (about a minute)"
  local log=$CACHE_DIR/apt.log
  mkdir -p "$CACHE_DIR"
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    die "apt-get could not install ${missing[*]}; all of its output is in $log"
  fi
}

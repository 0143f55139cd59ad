# shellcheck shell=bash
# The same cluster where a Docker engine and kind are there.

kind_available() { have kind && have docker && docker info >/dev/null 2>&1; }

kind_running() { kind get clusters 2>/dev/null | grep --quiet --line-regexp "$NAME"; }

start_kind() {
  mkdir -p "$STATE/log"
  chmod 700 "$STATE"
  write_audit_policy "$STATE/audit-policy.yaml"
  # The patch names no version, so that kind translates it to the one that its Kubernetes speaks.
  cat >"$STATE/kind.yaml" <<EOF
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - {hostPath: "$STATE/audit-policy.yaml", containerPath: /etc/kubernetes/audit-policy.yaml, readOnly: true}
  - {hostPath: "$STATE/log", containerPath: /var/log/kubernetes}
  kubeadmConfigPatches:
  - |
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
        enable-admission-plugins: NodeRestriction,OwnerReferencesPermissionEnforcement
        audit-policy-file: /etc/kubernetes/audit-policy.yaml
        audit-log-path: /var/log/kubernetes/audit.log
      extraVolumes:
      - name: audit-policy
        hostPath: /etc/kubernetes/audit-policy.yaml
        mountPath: /etc/kubernetes/audit-policy.yaml
        readOnly: true
        pathType: File
      - name: audit-log
        hostPath: /var/log/kubernetes
        mountPath: /var/log/kubernetes
        readOnly: false
        pathType: DirectoryOrCreate
EOF
  say "kind creates the cluster (about a minute, longer where it has to fetch its image)"
  kind create cluster --name "$NAME" --config "$STATE/kind.yaml" --kubeconfig "$STATE/kubeconfig.new" --wait 180s >&2
  in_kind_node chmod 644 /var/log/kubernetes/audit.log
  mv "$STATE/kubeconfig.new" "$STATE/kubeconfig"
}

in_kind_node() { docker exec "$NAME-control-plane" "$@" >/dev/null; }

stop_kind() {
  # The log belongs to the container's root: whoever runs this need not be able to remove it.
  in_kind_node find /var/log/kubernetes -mindepth 1 -delete || true
  kind delete cluster --name "$NAME" >&2
  rm -rf --one-file-system "$STATE"
}

# load_into_kind BINARY REFERENCE WORK. The stage `build` is replaced by the binary that is there already, unless that
# was linked against a newer C library than the base image has (Debian 12: 2.36).
load_into_kind() {
  local binary=$1 reference=$2 work=$3 newest context=()
  newest=$(grep -aoE 'GLIBC_2\.[0-9]+' "$binary" | sort -uV | tail -n 1) || true
  if ((${newest#GLIBC_2.} + 0 <= 36)); then
    mkdir "$work/build"
    install -m 0755 "$binary" "$work/build/wedof-sheet-sync"
    context=(--build-context "build=$work/build")
  else
    say "$binary needs a newer C library ($newest) than the image has: the program is compiled again, in the image"
  fi
  docker buildx build --quiet --load "${context[@]}" --tag "$reference" "$REPOSITORY"
  kind load docker-image "$reference" --name "$NAME"
}

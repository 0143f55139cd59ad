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

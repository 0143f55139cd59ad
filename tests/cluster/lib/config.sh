# shellcheck shell=bash
# Certificates and configuration files of the node. Inside the node the state folder is /mnt (see node-init.sh).

# issue NAME SUBJECT [EXTENSIONS]: a key and a certificate signed by the cluster's own authority.
issue() {
  local file=$STATE/etc/$1 subject=$2 extensions=${3:-extendedKeyUsage=clientAuth}
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$subject" \
    -keyout "$file.key" -out "$file.csr" 2>/dev/null
  openssl x509 -req -in "$file.csr" -CA "$STATE/etc/ca.crt" -CAkey "$STATE/etc/ca.key" -CAcreateserial \
    -days 3650 -extfile <(printf '%s\n' "$extensions") -out "$file.crt" 2>/dev/null
  rm "$file.csr"
}

make_certificates() {
  local serving='extendedKeyUsage=serverAuth' names
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$NAME" \
    -addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature' \
    -keyout "$STATE/etc/ca.key" -out "$STATE/etc/ca.crt" 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out "$STATE/etc/service-account.key"
  openssl ec -in "$STATE/etc/service-account.key" -pubout -out "$STATE/etc/service-account.pub" 2>/dev/null

  names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  names+=,DNS:localhost,IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE_IP
  issue apiserver "/CN=kube-apiserver" "$serving"$'\n'"subjectAltName=$names"
  issue kubelet-serving "/O=system:nodes/CN=system:node:$NODE_NAME" \
    "$serving"$'\n'"subjectAltName=DNS:$NODE_NAME,IP:$NODE_IP"
  issue apiserver-to-kubelet "/O=system:masters/CN=kube-apiserver-kubelet-client"
  issue admin "/O=system:masters/CN=admin"
  issue controller-manager "/CN=system:kube-controller-manager"
  issue scheduler "/CN=system:kube-scheduler"
  issue kubelet "/O=system:nodes/CN=system:node:$NODE_NAME"
  issue proxy "/CN=system:kube-proxy"
  issue coredns "/CN=system:coredns"
}

# write_kubeconfig FILE CERTIFICATE
write_kubeconfig() {
  cat >"$1" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: $NAME
  cluster:
    server: https://$NODE_IP:6443
    certificate-authority-data: $(base64 -w0 "$STATE/etc/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w0 "$STATE/etc/$2.crt")
    client-key-data: $(base64 -w0 "$STATE/etc/$2.key")
contexts:
- name: $NAME
  context: {cluster: $NAME, user: $2}
current-context: $NAME
EOF
}

# Metadata of every request: tests prove with it what a program never asked for.
write_audit_policy() {
  cat >"$1" <<'EOF'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
EOF
}

write_node_config() {
  local etc=$STATE/etc user
  for user in controller-manager scheduler kubelet proxy coredns; do
    write_kubeconfig "$etc/$user.kubeconfig" "$user"
  done
  write_audit_policy "$etc/audit-policy.yaml"

  # `restrict_oom_score_adj`: without it no pod starts where root lacks CAP_SYS_RESOURCE.
  cat >"$etc/containerd.toml" <<EOF
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$(snapshotter)"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/mnt/etc/cni"
EOF

  # `ptp` routes between pods. On a bridge, the answer of a Service's pod to a pod beside it would pass by the node's
  # address translation wherever bridged packets do not go through the packet filter.
  mkdir "$etc/cni"
  cat >"$etc/cni/10-pods.conflist" <<EOF
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_CIDR"}]], "routes": [{"dst": "0.0.0.0/0"}]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
EOF

  # Pods inherit no search domain or name server of this machine: a name is the cluster's, or it is unknown at once.
  printf 'nameserver %s\n' "$DNS_IP" >"$etc/resolv.conf"
  cat >"$etc/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication:
  x509: {clientCAFile: /mnt/etc/ca.crt}
  webhook: {enabled: true}
  anonymous: {enabled: false}
authorization: {mode: Webhook}
tlsCertFile: /mnt/etc/kubelet-serving.crt
tlsPrivateKeyFile: /mnt/etc/kubelet-serving.key
healthzBindAddress: 0.0.0.0
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
volumePluginDir: /var/lib/kubelet/plugins
clusterDomain: cluster.local
clusterDNS: [$DNS_IP]
resolvConf: /mnt/etc/resolv.conf
cgroupDriver: cgroupfs
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
failCgroupV1: false
failSwapOn: false
# A full disk of this machine is no reason to evict pods or to remove images that no registry has.
evictionHard: {}
imageGCHighThresholdPercent: 100
EOF
  cat >"$etc/kube-proxy.yaml" <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $POD_CIDR
clientConnection: {kubeconfig: /mnt/etc/proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0}
EOF
  # No cache: a test that creates a Service and asks for it at once must not meet the "no such name" of a moment before.
  cat >"$etc/Corefile" <<EOF
.:53 {
  bind $NODE_IP
  errors
  ready $NODE_IP:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig /mnt/etc/coredns.kubeconfig
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
  }
}
EOF
  write_dns_manifest "$etc/dns.yaml"
}

# CoreDNS is a process of the node, not a pod: its Service names the node's address itself.
write_dns_manifest() {
  cat >"$1" <<EOF
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- apiGroups: [""]
  resources: [services, pods, namespaces]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:coredns}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  clusterIP: $DNS_IP
  ports:
  - {name: dns, port: 53, protocol: UDP}
  - {name: dns-tcp, port: 53, protocol: TCP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
endpoints: [{addresses: [$NODE_IP]}]
ports:
- {name: dns, port: 53, protocol: UDP}
- {name: dns-tcp, port: 53, protocol: TCP}
EOF
}

# Overlay does not work on top of some file systems (an overlay itself, for one): copies are slower and always work.
# The probe's mount ends with the mount namespace that it is made in.
snapshotter() {
  local probe=$STATE/overlay-probe
  mkdir -p "$probe"/{lower,upper,work,merged}
  if unshare --mount mount -t overlay overlay \
    -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
    printf 'overlayfs'
  else
    printf 'native'
  fi
  rm -rf "$probe"
}

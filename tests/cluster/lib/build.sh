# shellcheck shell=bash
# Builds the programs of a cluster from Go modules, once per version, into a cache outside the checkout.

# Path of one program of the cache; the folder is named after what was built and its version.
program() {
  case $1 in
  kube-* | kubelet | kubectl) printf '%s\n' "$BIN_CACHE/kubernetes-$KUBERNETES_VERSION/$1" ;;
  etcd) printf '%s\n' "$BIN_CACHE/etcd-$ETCD_VERSION/etcd" ;;
  coredns) printf '%s\n' "$BIN_CACHE/coredns-$COREDNS_VERSION/coredns" ;;
  helm) printf '%s\n' "$BIN_CACHE/helm-$HELM_VERSION/helm" ;;
  kwok) printf '%s\n' "$BIN_CACHE/kwok-$KWOK_VERSION/kwok" ;;
  helm-docs) printf '%s\n' "$BIN_CACHE/helm-docs-$HELM_DOCS_VERSION/helm-docs" ;;
  helm-unittest) printf '%s\n' "$BIN_CACHE/helm-unittest-$HELM_UNITTEST_VERSION/helm-unittest" ;;
  prometheus | promtool) printf '%s\n' "$BIN_CACHE/prometheus-$PROMETHEUS_VERSION/$1" ;;
  *) die "no program named $1" ;;
  esac
}

# build NAME…: the names are those below. What is in the cache is not built again.
build() {
  local name
  for name; do
    case $name in
    kubernetes) build_once kubernetes "$KUBERNETES_VERSION" "about 8 minutes on 2 cores" build_kubernetes ;;
    etcd) build_once etcd "$ETCD_VERSION" "about a minute" build_etcd ;;
    coredns) build_once coredns "$COREDNS_VERSION" "about 3 minutes" go_install "github.com/coredns/coredns@v$COREDNS_VERSION" ;;
    helm) build_once helm "$HELM_VERSION" "about 2 minutes" go_install "helm.sh/helm/v4/cmd/helm@v$HELM_VERSION" ;;
    kwok) build_once kwok "$KWOK_VERSION" "about 80 seconds" go_install "sigs.k8s.io/kwok/cmd/kwok@v$KWOK_VERSION" ;;
    helm-docs) build_once helm-docs "$HELM_DOCS_VERSION" "about a minute" go_install "github.com/norwoodj/helm-docs/cmd/helm-docs@v$HELM_DOCS_VERSION" ;;
    helm-unittest) build_once helm-unittest "$HELM_UNITTEST_VERSION" "about 2 minutes" build_helm_unittest ;;
    prometheus) build_once prometheus "$PROMETHEUS_VERSION" "about 3 minutes" build_prometheus ;;
    *) die "cannot build $name: it is one of kubernetes, etcd, coredns, helm, kwok, prometheus, helm-docs, helm-unittest" ;;
    esac
  done
}

build_once() {
  local name=$1 version=$2
  [[ -d $BIN_CACHE/$name-$version ]] || with_lock "$BIN_CACHE/.$name.lock" build_locked "$@"
}

# The folder appears under its final name only when the whole build succeeded.
build_locked() {
  local name=$1 version=$2 usual=$3
  shift 3
  local target=$BIN_CACHE/$name-$version unfinished=$BIN_CACHE/.unfinished-$name log=$BIN_CACHE/$name-$version.log
  [[ ! -d $target ]] || return 0 # another run built it while this one waited
  have go || die "building $name $version needs Go 1.26 or newer: install it, or set WSS_CLUSTER=existing and KUBECONFIG"

  module_version_agrees "$name" "$version"

  say "building $name $version ($usual, only this once)"
  rm -rf "$unfinished"
  mkdir "$unfinished"
  if ! run_long "still building $name ($usual)" "$log" for_this_machine "$unfinished" "$@"; then
    tail -n 15 "$log" >&2
    die "could not build $name $version; all output is in $log"
  fi
  mv "$unfinished" "$target"
  say "$name $version is built"
}

# What is built from a module of our own has the version that its go.mod names.
module_version_agrees() {
  [[ ! -e $MODULES/$1/go.mod ]] || grep --quiet "^require .* v${2//./\\.}\$" "$MODULES/$1/go.mod" ||
    die "versions.sh says $1 $2, modules/$1/go.mod says something else"
}

# The caller's Go settings are for other builds: these programs must run on this machine whatever they say.
for_this_machine() {
  local OUTPUT=$1
  shift
  unset GOOS GOARCH GOAMD64 GOEXPERIMENT
  export GOFLAGS='' GOWORK=off CGO_ENABLED=0 GOBIN=$OUTPUT
  "$@"
}

build_kubernetes() {
  local flags='-s -w' package minor=${KUBERNETES_VERSION#*.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v$KUBERNETES_VERSION -X $package.gitTreeState=clean"
    flags+=" -X $package.gitMajor=${KUBERNETES_VERSION%%.*} -X $package.gitMinor=${minor%%.*}"
  done
  go build -C "$MODULES/kubernetes" -trimpath -ldflags "$flags" -o "$OUTPUT/" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubectl}
}

build_etcd() { go build -C "$MODULES/etcd" -trimpath -ldflags '-s -w' -o "$OUTPUT/etcd" go.etcd.io/etcd/server/v3; }

go_install() { go install -trimpath -ldflags '-s -w' "$@"; }

build_helm_unittest() {
  go build -C "$MODULES/helm-unittest" -trimpath -ldflags '-s -w' -o "$OUTPUT/helm-unittest" \
    github.com/helm-unittest/helm-unittest/cmd/helm-unittest
}

# Without the discovery of other vendors' clouds, which is most of what there would be to build.
build_prometheus() {
  go_install -tags remove_all_sd github.com/prometheus/prometheus/cmd/{prometheus,promtool}@v"$PROMETHEUS_VERSION"
}

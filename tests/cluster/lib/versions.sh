# shellcheck shell=bash disable=SC2034  # other files use the variables
# The versions of everything that is built from source. The modules under modules/ name the first two again; the build
# compares them, so that a forgotten change is an error and not an old program.

readonly KUBERNETES_VERSION=1.37.2
readonly ETCD_VERSION=3.7.3
readonly COREDNS_VERSION=1.15.0
readonly HELM_VERSION=4.3.1
readonly KWOK_VERSION=0.8.0
# of the Go module: Prometheus 3.16.0
readonly PROMETHEUS_VERSION=0.316.0
# these two look at the chart, without a cluster
readonly HELM_DOCS_VERSION=1.14.2
readonly HELM_UNITTEST_VERSION=1.1.2
